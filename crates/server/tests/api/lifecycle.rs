//! What the passing of time does, with a clock that is moved by hand.

use crate::support::receiver::eventually;
use crate::support::{Call, Gateway};
use serde_json::{Value, json};
use xanpay_domain::charge::ChargeState;
use xanpay_domain::currency::Currency;
use xanpay_domain::environment::Environment;
use xanpay_domain::id::{AccountId, ChargeId};
use xanpay_domain::method::Method;
use xanpay_domain::time::Span;
use xanpay_server::flows;
use xanpay_store::StoreError;
use xanpay_testkit::{count_where, on_both_databases, row_counts, spoil};

async fn status(gateway: &Gateway, caller: &crate::support::Caller, session: &str) -> String {
    let shown = gateway.send(Call::get(format!("/sessions/{session}")).by(caller)).await.expect(200).json();
    shown["status"].as_str().unwrap().to_owned()
}

fn id(object: &Value) -> &str {
    object["id"].as_str().unwrap()
}

#[tokio::test]
async fn a_session_expires_after_seven_days_and_then_makes_no_charge() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let session = gateway.session(&merchant, &json!({})).await;
        gateway.advance(Span::millis(Span::days(7).as_millis() - 1));
        assert_eq!(status(&gateway, &merchant, id(&session)).await, "created");
        gateway.advance(Span::millis(2));
        let call = Call::get(format!("/sessions/{}", id(&session))).by(&merchant);
        let shown = gateway.send(call).await.expect(200).json();
        assert_eq!(shown["status"], "expired");
        assert_ne!(shown["updatedAt"], session["updatedAt"]);
        let before = row_counts(database).await;
        let form = [("method", "paynow"), ("email", "a@example.com")];
        let start = || Call::post(format!("/checkout/sessions/{}/start", id(&session))).form(&form);
        gateway.send(start()).await.expect(303);
        gateway.send(start().header("accept", "application/json")).await.expect_problem(409, "session_expired");
        gateway.send(Call::post(format!("/checkout/sessions/{}/initiate", id(&session)))).await.expect(204);
        gateway.send(Call::post(format!("/checkout/sessions/{}/cancel", id(&session)))).await.expect(303);
        assert_eq!(before, row_counts(database).await);
        let page = gateway.send(Call::get(format!("/?sessionId={}&isSandbox=true", id(&session)))).await.expect(200);
        assert!(page.text().contains("data-view=\"expired\""), "{page}");
        assert_eq!(status(&gateway, &merchant, id(&session)).await, "expired");
        let charge = gateway.send(Call::get(format!("/sessions/{}/charge", id(&session))).by(&merchant)).await;
        charge.expect_problem(404, "charge_not_found");
    })
    .await;
}

#[tokio::test]
async fn an_expiry_that_was_told_stays_when_the_clock_goes_back() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let other = Gateway::start(database).await;
        let shown = async |gateway: &Gateway, session: &str| {
            gateway.send(Call::get(format!("/sessions/{session}")).by(&merchant)).await.expect(200).json()
        };
        let form = [("method", "paynow"), ("email", "a@example.com")];
        let start = |session: &str| Call::post(format!("/checkout/sessions/{session}/start")).form(&form);
        let page = |session: &str| Call::get(format!("/?sessionId={session}&isSandbox=true"));
        let mut sessions = Vec::new();
        for _ in 0..4 {
            sessions.push(id(&gateway.session(&merchant, &json!({})).await).to_owned());
        }
        let [by_api, by_page, by_start, unseen] = &sessions[..] else { panic!("four were made") };
        gateway.advance(Span::days(8));
        let told = shown(&gateway, by_api).await;
        assert_eq!((&told["status"], &told), (&json!("expired"), &shown(&gateway, by_api).await));
        gateway.send(page(by_page)).await.expect(200);
        gateway.send(start(by_start)).await.expect(303);
        gateway.advance(Span::days(-2));
        other.advance(Span::days(6));
        for gateway in [&gateway, &other] {
            assert_eq!(shown(gateway, by_api).await, told);
            for session in [by_api, by_page, by_start] {
                assert_eq!(status(gateway, &merchant, session).await, "expired");
                gateway.send(start(session)).await.expect(303);
            }
            assert_eq!(row_counts(database).await["charges"], 0);
            // Nobody was told anything of this one.
            assert_eq!(status(gateway, &merchant, unseen).await, "created");
        }
    })
    .await;
}

#[tokio::test]
async fn a_session_that_lives_is_shown_without_a_write() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let session = gateway.session(&merchant, &json!({})).await;
        let versions = async || count_where(database, "sessions", "version = 1").await;
        gateway.advance(Span::days(6));
        assert_eq!(status(&gateway, &merchant, id(&session)).await, "created");
        assert_eq!(versions().await, 1);
        gateway.advance(Span::days(2));
        assert_eq!(status(&gateway, &merchant, id(&session)).await, "expired");
        assert_eq!(versions().await, 0);
        // The second look finds it written.
        let expired = count_where(database, "sessions", "version = 3").await;
        assert_eq!(status(&gateway, &merchant, id(&session)).await, "expired");
        assert_eq!((expired, count_where(database, "sessions", "version = 3").await), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn the_customers_first_act_leaves_a_session_one_hour() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let session = gateway.session(&merchant, &json!({})).await;
        gateway.advance(Span::days(6));
        let initiate = || Call::post(format!("/checkout/sessions/{}/initiate", id(&session)));
        gateway.send(initiate()).await.expect(204);
        assert_eq!(status(&gateway, &merchant, id(&session)).await, "initiated");
        // Acting again does not begin another hour.
        gateway.advance(Span::minutes(59));
        gateway.send(initiate()).await.expect(204);
        assert_eq!(status(&gateway, &merchant, id(&session)).await, "initiated");
        gateway.advance(Span::millis(60_001));
        assert_eq!(status(&gateway, &merchant, id(&session)).await, "expired");
    })
    .await;
}

#[tokio::test]
async fn a_cancelled_session_stays_cancelled() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let session = gateway.session(&merchant, &json!({})).await;
        let post = |act: &str| Call::post(format!("/checkout/sessions/{}/{act}", id(&session)));
        gateway.send(post("cancel")).await.expect(303);
        gateway.send(post("start").form(&[("method", "paynow"), ("email", "a@example.com")])).await.expect(303);
        gateway.send(post("initiate")).await.expect(204);
        gateway.advance(Span::days(8));
        assert_eq!(status(&gateway, &merchant, id(&session)).await, "cancelled");
        assert_eq!(row_counts(database).await["charges"], 0);
    })
    .await;
}

#[tokio::test]
async fn a_charge_expires_after_an_hour_and_its_merchant_is_told_once() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        gateway.webhook(&merchant, "https://shop.example/hook", None).await;
        let charge = gateway.charge(&merchant, &json!({"notifyUrl": "https://shop.example/charge"})).await;
        gateway.advance(Span::millis(Span::hours(1).as_millis() - 1));
        assert_eq!(flows::expire_due_charges(&gateway.app, Environment::Sandbox).await.unwrap(), 0);
        assert_eq!(gateway.get_charge(&merchant, id(&charge)).await["status"], "pending");
        gateway.advance(Span::millis(2));
        // The clock decides, whether or not anybody has written it down.
        assert_eq!(gateway.get_charge(&merchant, id(&charge)).await["status"], "expired");
        assert!(gateway.deliveries(&charge).await.is_empty());
        let cancel = Call::patch(format!("/charges/{}/cancel", id(&charge))).by(&merchant);
        assert_eq!(gateway.send(cancel).await.expect(200).text(), "false");
        assert_eq!(flows::expire_due_charges(&gateway.app, Environment::Sandbox).await.unwrap(), 1);
        assert_eq!(flows::expire_due_charges(&gateway.app, Environment::Sandbox).await.unwrap(), 0);
        assert_eq!(gateway.get_charge(&merchant, id(&charge)).await["status"], "expired");
        // The charge's own notifyUrl hears of completions only.
        let deliveries = gateway.deliveries(&charge).await;
        assert_eq!(
            deliveries.iter().map(|found| found.url.as_str()).collect::<Vec<_>>(),
            ["https://shop.example/hook"]
        );
    })
    .await;
}

#[tokio::test]
async fn charges_that_cannot_be_expired_hold_up_no_other_however_many_they_are() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        // More than are taken on at once.
        for n in 0..201 {
            let damaged = gateway.charge(&merchant, &json!({"notifyPayload": n.to_string()})).await;
            spoil(database, "charges", "email = 'nobody'", &format!("id = '{}'", id(&damaged))).await;
        }
        gateway.advance(Span::millis(1));
        gateway.rate(Currency::SGD, Currency::HKD, "5.7").await;
        for method in ["paynow", "fps"] {
            gateway.charge(&merchant, &json!({"method": method})).await;
        }
        gateway.advance(Span::hours(2));
        assert_eq!(flows::expire_due_charges(&gateway.app, Environment::Sandbox).await.unwrap(), 2);
        assert_eq!(flows::expire_due_charges(&gateway.app, Environment::Sandbox).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn an_account_that_cannot_be_read_keeps_no_charge_from_expiring_and_can_be_disabled() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        gateway.rate(Currency::SGD, Currency::HKD, "5.7").await;
        for method in ["paynow", "fps"] {
            gateway.charge(&merchant, &json!({"method": method})).await;
        }
        spoil(database, "receiving_accounts", "method = 'cash'", "method = 'paynow'").await;
        gateway.advance(Span::hours(2));
        assert_eq!(flows::expire_due_charges(&gateway.app, Environment::Sandbox).await.unwrap(), 2);
        let stored = gateway.app.store.reader().list_accounts(Environment::Sandbox).await.unwrap();
        let Some(Err(StoreError::Corrupt { id, .. })) = stored.into_iter().find(Result::is_err) else {
            panic!("damaged")
        };
        let damaged = AccountId::parse(&id).unwrap();
        flows::disable_account(&gateway.app, damaged, Environment::Sandbox).await.unwrap();
        assert_eq!(count_where(database, "receiving_accounts", "disabled_at IS NOT NULL").await, 1);
    })
    .await;
}

#[tokio::test]
async fn nonces_beyond_a_page_are_freed_without_a_pause() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        for n in 0..201 {
            gateway.charge(&merchant, &json!({"notifyPayload": n.to_string()})).await;
        }
        gateway.advance(Span::hours(2));
        let workers = gateway.workers();
        let count = async |condition| count_where(database, "charges", condition).await;
        eventually("all have expired", async || count("status = 'expired'").await == 201).await;
        workers.finish(&gateway).await;
        gateway.advance(Span::days(60));
        let workers = gateway.workers();
        eventually("all nonces are free", async || count("nonce_held = 1").await == 0).await;
        workers.finish(&gateway).await;
    })
    .await;
}

#[tokio::test]
async fn an_equal_request_after_expiry_makes_a_new_charge() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        gateway.webhook(&merchant, "https://shop.example/hook", None).await;
        let first = gateway.charge(&merchant, &json!({})).await;
        assert_eq!(gateway.charge(&merchant, &json!({})).await["isDuplicate"], true);
        gateway.advance(Span::minutes(61));
        let second = gateway.charge(&merchant, &json!({})).await;
        assert_eq!(second["isDuplicate"], false);
        assert_ne!(second["id"], first["id"]);
        assert_ne!(second["destination"]["nonce"], first["destination"]["nonce"]);
        assert_eq!(second["customer"], first["customer"]);
        assert_eq!(gateway.deliveries(&first).await.len(), 1, "the expiry that made room was told");
        assert_eq!(flows::expire_due_charges(&gateway.app, Environment::Sandbox).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn money_that_was_booked_in_time_completes_its_charge_however_late_it_is_told_of() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let operator = gateway.operator(Environment::Sandbox).await;
        let mut charges = Vec::new();
        for note in ["instant", "day", "late", "too late"] {
            charges.push(gateway.charge(&merchant, &json!({"notifyPayload": note})).await);
        }
        gateway.advance(Span::days(31));
        for (charge, (booked_at, reason, status)) in charges.iter().zip([
            (after(&charges[0], Span::minutes(5)), "told_after_expiry", "completed"),
            (after(&charges[1], Span::minutes(5))[..10].to_owned(), "told_after_expiry", "completed"),
            (after(&charges[2], Span::minutes(65)), "paid_after_expiry", "completed"),
            (after(&charges[3], Span::days(8)), "expired", "expired"),
        ]) {
            let body = json!({
                "account": charge["destination"]["account"], "amount": 35, "currency": "SGD",
                "reference": charge["destination"]["nonce"], "bookedAt": booked_at,
            });
            let told = gateway.send(Call::post("/transfers").by(&operator).json(&body)).await.expect(200).json();
            assert_eq!((&told["outcome"], &told["reason"]), (&json!("late"), &json!(reason)), "{booked_at}");
            let shown = gateway.get_charge(&merchant, id(charge)).await;
            assert_eq!(shown["status"], status, "{booked_at}");
            let stored = gateway.app.store.reader().find_charge(ChargeId::parse(id(charge)).unwrap()).await.unwrap();
            let is_late = matches!(stored.unwrap().state, ChargeState::Completed { paid_late: true, .. });
            assert_eq!(is_late, status == "completed", "the merchant was told that it expired");
        }
    })
    .await;
}

/// A time after a charge was made, as a bank writes it.
fn after(charge: &Value, span: Span) -> String {
    let made = charge["createdAt"].as_i64().unwrap();
    jiff::Timestamp::from_millisecond(made + span.as_millis()).unwrap().to_string()
}

#[tokio::test]
async fn late_money_completes_a_charge_within_seven_days_and_is_held_after() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let mut charges = Vec::new();
        for _ in 0..3 {
            let session = gateway.session(&merchant, &json!({})).await;
            charges.push(gateway.checkout(&merchant, id(&session)).await);
        }
        gateway.advance(Span::minutes(61));
        let paid = gateway.pay(&merchant, &charges[0], "35").await;
        assert_eq!((&paid["outcome"], &paid["reason"]), (&json!("late"), &json!("paid_after_expiry")));
        assert_eq!(paid["chargeId"], charges[0]["id"]);
        let call = Call::get(format!("/sessions/{}/charge", charges[0]["sessionId"].as_str().unwrap())).by(&merchant);
        let shown = gateway.send(call).await.expect(200).json();
        assert_eq!((&shown["status"], &shown["paidLate"]), (&json!("completed"), &json!(true)));
        assert_eq!(shown["receivedAmount"], 35);

        // Late and short is held.
        let short = gateway.pay(&merchant, &charges[1], "34.99").await;
        assert_eq!((&short["outcome"], &short["reason"]), (&json!("late"), &json!("expired")));
        assert!(short.get("chargeId").is_none(), "{short}");
        gateway.advance(Span::days(8));
        let too_late = gateway.pay(&merchant, &charges[2], "35").await;
        assert_eq!((&too_late["outcome"], &too_late["reason"]), (&json!("late"), &json!("expired")));
        for charge in &charges[1..] {
            assert_eq!(gateway.get_charge(&merchant, id(charge)).await["status"], "expired");
        }
    })
    .await;
}

#[tokio::test]
async fn the_sandbox_clock_moves_the_sandbox_alone() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let live = gateway.merchant("Real Goods", Environment::Live).await;
        let sessions = [gateway.session(&merchant, &json!({})).await, gateway.session(&live, &json!({})).await];
        let advance = |by: Value| Call::post("/sandbox/clock").json(&json!({"advanceMs": by}));
        gateway.send(advance(json!(604_800_001)).by(&live)).await.expect_problem(404, "not_found");
        for bad in [json!(-1), json!("x"), json!(1e300), json!(Value::Null), json!(400_000_000_000_i64)] {
            gateway.send(advance(bad).by(&merchant)).await.expect(400);
        }
        gateway.send(advance(json!(604_800_001)).by(&merchant)).await.expect(200);
        assert_eq!(status(&gateway, &merchant, id(&sessions[0])).await, "expired");
        assert_eq!(status(&gateway, &live, id(&sessions[1])).await, "created");
        // Another process follows.
        let other = Gateway::start(database).await;
        flows::refresh_sandbox_clock(&other.app).await.unwrap();
        assert_eq!(status(&other, &merchant, id(&sessions[0])).await, "expired");
    })
    .await;
}

#[tokio::test]
async fn a_charge_needs_a_rate_that_is_not_older_than_seven_days() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let create = || {
            let body =
                json!({"merchantAmount": 150, "merchantCurrency": "HKD", "method": "paynow", "email": "a@b.example"});
            Call::post("/charges").by(&merchant).json(&body)
        };
        gateway.send(create()).await.expect_problem(503, "rate_unavailable");
        let (hkd, sgd) = ("HKD".parse().unwrap(), "SGD".parse().unwrap());
        gateway.rate(hkd, sgd, "0.174933").await;
        let charge = gateway.send(create()).await.expect(200).json();
        gateway.advance(Span::days(8));
        gateway.send(create()).await.expect_problem(503, "rate_unavailable");
        gateway.charge(&merchant, &json!({})).await;
        gateway.rate(hkd, sgd, "0.18").await;
        assert_eq!(gateway.send(create()).await.expect(200).json()["customerAmount"], 27);
        assert_eq!(gateway.get_charge(&merchant, id(&charge)).await["customerAmount"], 26.24);
    })
    .await;
}

#[tokio::test]
async fn a_session_that_names_a_method_without_a_rate_is_told_so_with_all_its_faults() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let create = |methods: Value| {
            let body = json!({"amount": 150, "currency": "HKD", "methods": methods});
            Call::post("/sessions").by(&merchant).json(&body)
        };
        let refused = gateway.send(create(json!(["paynow"]))).await.expect_problem(400, "method_unavailable");
        assert_eq!(refused.fields(), ["methods[0]"]);
        let refused = gateway.send(create(json!(["toss", "paynow"]))).await.expect_problem(400, "invalid_request");
        assert_eq!(refused.fields(), ["methods[0]", "methods[1]"]);
        gateway.rate("HKD".parse().unwrap(), "SGD".parse().unwrap(), "0.174933").await;
        gateway.send(create(json!(["paynow"]))).await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn an_idempotency_key_is_forgotten_after_a_day() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let send = async |amount: i64| {
            let call = Call::post("/sessions").by(&merchant).header("idempotency-key", "key");
            gateway.send(call.json(&json!({"amount": amount, "currency": "SGD"}))).await
        };
        let first = send(35).await.expect(200);
        gateway.advance(Span::millis(Span::hours(24).as_millis() - 1));
        assert_eq!(send(35).await.expect(200).body, first.body);
        send(36).await.expect_problem(422, "idempotency_key_reused");
        // A day later the key is new, whether or not it has been cleared away.
        gateway.advance(Span::millis(2));
        let second = send(36).await.expect(200);
        assert_eq!(second.header("idempotent-replayed"), "");
        assert_eq!(flows::forget_idempotency_keys(&gateway.app).await.unwrap(), 0);
        gateway.advance(Span::hours(25));
        assert_eq!(flows::forget_idempotency_keys(&gateway.app).await.unwrap(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_repeated_request_has_its_first_answer_whatever_has_changed_since() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let operator = gateway.operator(merchant.environment).await;
        let transfer = json!({"account": "+6585867834", "amount": 35, "currency": "SGD", "reference": "x"});
        let charge =
            json!({"merchantAmount": 7, "merchantCurrency": "SGD", "method": "paynow", "email": "b@example.com"});
        let calls = [
            Call::post("/sessions")
                .by(&merchant)
                .json(&json!({"amount": 35, "currency": "SGD", "methods": ["paynow"]})),
            Call::post("/charges").by(&merchant).json(&charge),
            Call::post("/sandbox/transfers").by(&merchant).json(&transfer),
            Call::post("/transfers").by(&operator).json(&transfer),
        ];
        let keyed = calls.into_iter().enumerate().map(|(n, call)| call.header("idempotency-key", &format!("key-{n}")));
        let calls: Vec<_> = keyed.collect();
        let mut first = Vec::new();
        for call in &calls {
            first.push(gateway.send(call.clone()).await.expect(200));
        }
        gateway
            .switch(&merchant, |merchant| {
                (merchant.secure_mode, merchant.phone_verification) = (true, true);
                merchant.methods = vec![Method::Fps];
            })
            .await;
        // A gateway that remembers nothing of the merchant.
        let gateway = Gateway::start(database).await;
        let before = row_counts(database).await;
        for (call, first) in calls.into_iter().zip(first) {
            let again = gateway.send(call.clone()).await.expect(200);
            assert_eq!((again.header("idempotent-replayed"), &again.body), ("true", &first.body), "{first}");
            // A body that cannot be read is another one, too.
            gateway.send(call.raw("{")).await.expect_problem(422, "idempotency_key_reused");
        }
        assert_eq!(before, row_counts(database).await);
        let refused = gateway.send(Call::post("/charges").by(&merchant).json(&charge)).await.expect(400);
        assert_eq!(refused.fields(), ["verificationCode", "method", "hash"]);
    })
    .await;
}

#[tokio::test]
async fn a_refused_request_leaves_its_idempotency_key_free() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let send = async |method: &str| {
            let body =
                json!({"merchantAmount": 1, "merchantCurrency": "HKD", "method": method, "email": "a@b.example"});
            gateway.send(Call::post("/charges").by(&merchant).header("idempotency-key", "key").json(&body)).await
        };
        send("paynow").await.expect_problem(503, "rate_unavailable");
        gateway.rate("HKD".parse().unwrap(), "SGD".parse().unwrap(), "0.174933").await;
        assert_eq!(send("paynow").await.expect(200).json()["customerAmount"], 0.18);
    })
    .await;
}

#[tokio::test]
async fn the_gateway_is_ready_while_the_database_can_be_read() {
    on_both_databases(async |database| {
        let (gateway, _) = Gateway::with_merchant(database).await;
        assert_eq!(gateway.send(Call::get("/readyz")).await.expect(200).text(), "ready\n");
        database.execute("ALTER TABLE settings RENAME TO away").await.unwrap();
        gateway.send(Call::get("/readyz")).await.expect_problem(503, "storage_unavailable");
        assert_eq!(gateway.send(Call::get("/healthz")).await.expect(200).text(), "ok\n");
        database.execute("ALTER TABLE away RENAME TO settings").await.unwrap();
        gateway.send(Call::get("/readyz")).await.expect(200);
    })
    .await;
}
