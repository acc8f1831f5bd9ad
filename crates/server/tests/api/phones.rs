//! Customers who prove their phones.

use crate::support::{Answer, Call, Caller, Gateway};
use serde_json::{Value, json};
use xanpay_domain::environment::Environment;
use xanpay_domain::id::VerificationId;
use xanpay_domain::secret::Secret;
use xanpay_domain::time::Span;
use xanpay_domain::verification::{MAX_OF_MERCHANT, Verification};
use xanpay_store::StoreError;
use xanpay_testkit::{Database, count_where, on_both_databases, row_counts};

const SEND: &str = "/customers/phone/verification";

fn phone(number: &str) -> Value {
    json!({"code": "+65", "phone": number})
}

async fn with_verification(database: &Database) -> (Gateway, Caller) {
    let (gateway, merchant) = Gateway::with_merchant(database).await;
    gateway.switch(&merchant, |merchant| merchant.phone_verification = true).await;
    (gateway, merchant)
}

async fn send(gateway: &Gateway, merchant: &Caller, number: &str) -> Answer {
    gateway.send(Call::post(SEND).by(merchant).json(&json!({"phone": phone(number)}))).await
}

/// The newest password for a phone in the sandbox's inbox.
async fn password(gateway: &Gateway, merchant: &Caller, number: &str) -> String {
    let inbox = gateway.send(Call::get("/sandbox/messages").by(merchant)).await.expect(200).json();
    let to = format!("+65{number}");
    let newest = inbox["data"].as_array().unwrap().iter().find(|message| message["to"] == to.as_str());
    newest.expect("no message")["text"].as_str().unwrap()[..6].to_owned()
}

async fn confirm(gateway: &Gateway, merchant: &Caller, number: &str, otp: &str) -> Answer {
    let body = json!({"phone": phone(number), "code": otp});
    gateway.send(Call::new("PUT", SEND).by(merchant).json(&body)).await
}

async fn code_of(gateway: &Gateway, merchant: &Caller, number: &str) -> String {
    send(gateway, merchant, number).await.expect(200);
    let otp = password(gateway, merchant, number).await;
    let confirmed = confirm(gateway, merchant, number, &otp).await.expect(200).json();
    confirmed["verificationCode"].as_str().unwrap().to_owned()
}

fn charge(merchant: &Caller, code: &str, amount: i64) -> Call {
    let body = json!({
        "verificationCode": code, "merchantAmount": amount, "merchantCurrency": "SGD", "method": "paynow",
        "email": "a@example.com",
    });
    Call::post("/charges").by(merchant).json(&body)
}

#[tokio::test]
async fn a_proved_phone_makes_one_charge_and_its_repeats() {
    on_both_databases(async |database| {
        let (gateway, merchant) = with_verification(database).await;
        let code = code_of(&gateway, &merchant, "91234567").await;
        assert!(code.len() == 29 && code.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{code}");
        let first = gateway.send(charge(&merchant, &code, 35)).await.expect(200).json();
        let again = gateway.send(charge(&merchant, &code, 35)).await.expect(200).json();
        assert_eq!((&again["id"], &again["isDuplicate"]), (&first["id"], &json!(true)));
        let other = gateway.send(charge(&merchant, &code, 36)).await;
        assert_eq!(other.expect_problem(400, "verification_code_invalid").fields(), ["verificationCode"]);
        // The same person with another code is the same customer, and the same request is the same charge.
        gateway.advance(Span::seconds(61));
        let code = code_of(&gateway, &merchant, "91234567").await;
        let found = gateway.send(charge(&merchant, &code, 35)).await.expect(200).json();
        assert_eq!((&found["id"], &found["isDuplicate"]), (&first["id"], &json!(true)));
        let second = gateway.send(charge(&merchant, &code, 36)).await.expect(200).json();
        assert_eq!((&second["customer"], &second["isDuplicate"]), (&first["customer"], &json!(false)));
    })
    .await;
}

#[tokio::test]
async fn a_code_is_good_for_its_merchant_and_for_an_hour() {
    on_both_databases(async |database| {
        let (gateway, merchant) = with_verification(database).await;
        let other = gateway.merchant("Paper Moon", Environment::Sandbox).await;
        gateway.switch(&other, |merchant| merchant.phone_verification = true).await;
        let missing =
            json!({"merchantAmount": 1, "merchantCurrency": "SGD", "method": "paynow", "email": "a@b.example"});
        let answer = gateway.send(Call::post("/charges").by(&merchant).json(&missing)).await;
        assert_eq!(answer.expect_problem(400, "missing_field").fields(), ["verificationCode"]);
        let code = code_of(&gateway, &merchant, "91234567").await;
        let before = row_counts(database).await;
        gateway.send(charge(&other, &code, 35)).await.expect_problem(400, "verification_code_invalid");
        gateway.send(charge(&merchant, "x", 35)).await.expect_problem(400, "verification_code_invalid");
        gateway.advance(Span::millis(Span::hours(1).as_millis() + 1));
        gateway.send(charge(&merchant, &code, 35)).await.expect_problem(400, "verification_code_invalid");
        assert_eq!(before, row_counts(database).await);
    })
    .await;
}

#[tokio::test]
async fn a_password_ends_after_five_minutes_five_guesses_or_the_next_one() {
    on_both_databases(async |database| {
        let (gateway, merchant) = with_verification(database).await;
        let refused = async |otp: &str| {
            let answer = confirm(&gateway, &merchant, "91234567", otp).await;
            answer.expect_problem(400, "verification_code_invalid");
        };
        send(&gateway, &merchant, "91234567").await.expect(200);
        let first = password(&gateway, &merchant, "91234567").await;
        gateway.advance(Span::millis(Span::minutes(5).as_millis() + 1));
        refused(&first).await;

        send(&gateway, &merchant, "91234567").await.expect(200);
        let second = password(&gateway, &merchant, "91234567").await;
        gateway.advance(Span::seconds(61));
        send(&gateway, &merchant, "91234567").await.expect(200);
        let third = password(&gateway, &merchant, "91234567").await;
        if second != third {
            refused(&second).await;
        }
        let wrong = if third == "000000" { "111111" } else { "000000" };
        let spent = usize::from(second != third);
        for _ in spent..5 {
            refused(wrong).await;
        }
        refused(&third).await;
        // Another phone's password is none.
        send(&gateway, &merchant, "81234567").await.expect(200);
        let theirs = password(&gateway, &merchant, "81234567").await;
        refused(&theirs).await;
        confirm(&gateway, &merchant, "81234567", &theirs).await.expect(200);
        refused(&theirs).await;
    })
    .await;
}

#[tokio::test]
async fn passwords_are_sent_once_a_minute_and_five_times_an_hour() {
    on_both_databases(async |database| {
        let (gateway, merchant) = with_verification(database).await;
        for sent in 0..5 {
            send(&gateway, &merchant, "91234567").await.expect(200);
            let refused = send(&gateway, &merchant, "91234567").await.expect_problem(429, "too_many_codes");
            if sent < 4 {
                assert_eq!(refused.header("retry-after"), "60");
            }
            gateway.advance(Span::seconds(61));
        }
        let refused = send(&gateway, &merchant, "91234567").await.expect_problem(429, "too_many_codes");
        assert_eq!(refused.header("retry-after"), (3600 - 5 * 61).to_string(), "then the first is an hour old");
        send(&gateway, &merchant, "81234567").await.expect(200);
        gateway.advance(Span::hours(1));
        send(&gateway, &merchant, "91234567").await.expect(200);
        for bad in [json!({}), json!({"phone": 5}), json!({"phone": {"code": "+65", "phone": "٩٠٠٠٠٠٠٠"}})] {
            let answer = gateway.send(Call::post(SEND).by(&merchant).json(&bad)).await.expect(400);
            assert_eq!(answer.fields(), ["phone"]);
        }
    })
    .await;
}

#[tokio::test]
async fn nothing_is_sent_to_satellites_premium_numbers_and_codes_of_no_country() {
    on_both_databases(async |database| {
        let (gateway, merchant) = with_verification(database).await;
        for (code, number) in [
            ("+88", "2130000000"),
            ("+870", "773123456"),
            ("+979", "112345678"),
            ("+1", "9005550123"),
            ("+210", "1234567"),
        ] {
            let body = json!({"phone": {"code": code, "phone": number}});
            let call = Call::post(SEND).by(&merchant).header("idempotency-key", code).json(&body);
            let refused = gateway.send(call).await.expect_problem(400, "phone_not_allowed");
            assert_eq!(refused.fields(), ["phone"]);
        }
        let rows = row_counts(database).await;
        assert_eq!((rows["verifications"], rows["sandbox_messages"], rows["idempotency_keys"]), (0, 0, 0), "{rows:?}");
    })
    .await;
}

#[tokio::test]
async fn a_phone_has_one_share_of_passwords_and_guesses_however_its_digits_are_shared_out() {
    on_both_databases(async |database| {
        let (gateway, merchant) = with_verification(database).await;
        let spellings = [("+65", "92223333"), ("+6", "592223333"), ("+65", "092223333"), ("+6592", "223333")];
        let spelled = |(code, number): (&str, &str)| json!({"code": code, "phone": number});
        for (sent, spelling) in spellings.into_iter().chain([spellings[0]]).enumerate() {
            for refused in spellings.iter().filter(|_| sent > 0) {
                let body = json!({"phone": spelled(*refused)});
                gateway.send(Call::post(SEND).by(&merchant).json(&body)).await.expect_problem(429, "too_many_codes");
            }
            gateway.advance(Span::seconds(61));
            gateway.send(Call::post(SEND).by(&merchant).json(&json!({"phone": spelled(spelling)}))).await.expect(200);
        }
        gateway.advance(Span::seconds(61));
        let sixth = json!({"phone": spelled(spellings[1])});
        gateway.send(Call::post(SEND).by(&merchant).json(&sixth)).await.expect_problem(429, "too_many_codes");

        let right = password(&gateway, &merchant, "92223333").await;
        let wrong = if right == "000000" { "111111" } else { "000000" };
        let guess = async |spelling, otp: &str| {
            let body = json!({"phone": spelled(spelling), "code": otp});
            gateway.send(Call::new("PUT", SEND).by(&merchant).json(&body)).await
        };
        for spelling in spellings.into_iter().chain([spellings[0]]) {
            guess(spelling, wrong).await.expect_problem(400, "verification_code_invalid");
        }
        guess(spellings[0], &right).await.expect_problem(400, "verification_code_invalid");
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_a_password_costs_no_guess_and_its_digits_may_be_grouped() {
    on_both_databases(async |database| {
        let (gateway, merchant) = with_verification(database).await;
        send(&gateway, &merchant, "91234567").await.expect(200);
        for malformed in ["12", "", "1234567", "12345a", "٠٤٢١٣٧", "------"] {
            let refused = confirm(&gateway, &merchant, "91234567", malformed).await;
            assert_eq!(refused.expect_problem(400, "verification_code_invalid").fields(), ["code"], "{malformed}");
        }
        let otp = password(&gateway, &merchant, "91234567").await;
        confirm(&gateway, &merchant, "91234567", &format!("{} {}", &otp[..3], &otp[3..])).await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn a_repeat_under_a_key_sends_nothing_and_has_the_first_answer() {
    on_both_databases(async |database| {
        let (gateway, merchant) = with_verification(database).await;
        let keyed = |call: Call, key: &str| call.by(&merchant).header("idempotency-key", key);
        let asked = keyed(Call::post(SEND), "send").json(&json!({"phone": phone("91234567")}));
        let first = gateway.send(asked.clone()).await.expect(200);
        let before = row_counts(database).await;
        let again = gateway.send(asked.clone()).await.expect(200);
        assert_eq!((again.header("idempotent-replayed"), &again.body), ("true", &first.body));
        let other = keyed(Call::post(SEND), "send").json(&json!({"phone": phone("81234567")}));
        gateway.send(other).await.expect_problem(422, "idempotency_key_reused");
        assert_eq!(before, row_counts(database).await);

        let otp = password(&gateway, &merchant, "91234567").await;
        let wrong = if otp == "000000" { "111111" } else { "000000" };
        let complete = |key: &str, otp: &str| {
            let body = json!({"phone": phone("91234567"), "code": otp});
            keyed(Call::post("/customers/phone/verification/complete"), key).json(&body)
        };
        // Wrong guesses count under a key, too, and leave it free.
        for _ in 0..4 {
            gateway.send(complete("complete", wrong)).await.expect_problem(400, "verification_code_invalid");
        }
        let first = gateway.send(complete("complete", &otp)).await.expect(200);
        let again = gateway.send(complete("complete", &otp)).await.expect(200);
        assert_eq!((again.header("idempotent-replayed"), &again.body), ("true", &first.body));
        gateway.send(complete("complete", wrong)).await.expect_problem(422, "idempotency_key_reused");
        gateway.send(complete("another", &otp)).await.expect_problem(400, "verification_code_invalid");
        let code = first.json()["verificationCode"].as_str().unwrap().to_owned();
        let in_clear = format!("answer LIKE '%{code}%'");
        assert_eq!(count_where(database, "idempotency_keys", &in_clear).await, 0, "the code is stored in clear text");
        gateway.send(charge(&merchant, &code, 35)).await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn a_prefilled_phone_comes_back_as_it_was_given() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        for (code, number) in [("+65", "092223333"), ("+6", "592223333"), ("+1868", "0000")] {
            let given = json!({"phone": number, "code": code});
            let session = gateway.session(&merchant, &json!({"customer": {"phone": given}})).await;
            let read = Call::get(format!("/sessions/{}", session["id"].as_str().unwrap())).by(&merchant);
            let stored = gateway.send(read).await.expect(200).json();
            assert_eq!((&session["customer"]["phone"], &stored["customer"]["phone"]), (&given, &given));
        }
    })
    .await;
}

#[tokio::test]
async fn a_merchants_customers_are_sent_so_many_passwords_an_hour() {
    on_both_databases(async |database| {
        let (gateway, merchant) = with_verification(database).await;
        let other = gateway.merchant("Paper Moon", Environment::Sandbox).await;
        let (id, environment, now) = (merchant.id(), merchant.environment, gateway.app.clock.now(merchant.environment));
        let sent = move |n: i64| Verification {
            id: VerificationId::new(now, n.to_be_bytes()),
            merchant_id: id,
            environment,
            phone: format!("+65 {n}"),
            otp_hash: Secret::new(vec![0]),
            attempts: 0,
            created_at: now,
            verified: None,
            charge_id: None,
        };
        let fill = gateway.app.store.write(move |tx| async move {
            for n in 1..MAX_OF_MERCHANT {
                tx.insert_verification(&sent(n)).await?;
            }
            Ok::<_, StoreError>(())
        });
        fill.await.unwrap();
        send(&gateway, &merchant, "91234567").await.expect(200);
        send(&gateway, &merchant, "81234567").await.expect_problem(429, "too_many_codes");
        send(&gateway, &other, "81234567").await.expect(200);
        gateway.advance(Span::hours(1));
        send(&gateway, &merchant, "81234567").await.expect(200);
    })
    .await;
}
