//! Hostile requests of our own: whatever is sent, the answer is a refusal with a name, and nothing is stored.

use crate::support::{Call, Caller, Gateway};
use serde_json::{Value, json};
use xanpay_domain::method::Method;
use xanpay_testkit::{on_both_databases, row_counts};

const BODY: &str = r#"{"amount":"35","currency":"SGD","orders":[{"id":"1","name":"a\u00e9\"","quantity":1,"amount":35}],"notifyUrl":"https://shop.example/hook","notifyPayload":"p","customer":{"email":"a@example.com","phone":{"code":"+65","phone":"1234"}}}"#;

#[tokio::test]
async fn no_truncation_of_a_valid_body_stores_anything() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        gateway.send(Call::post("/sessions").by(&merchant).raw(BODY)).await.expect(200);
        let before = row_counts(database).await;
        for path in ["/sessions", "/charges", "/charges/hash", "/sandbox/transfers", "/customers/phone/verification"] {
            for length in 0..BODY.len() {
                let answer = gateway.send(Call::post(path).by(&merchant).raw(&BODY.as_bytes()[..length])).await;
                answer.expect_problem(400, "invalid_json");
            }
        }
        assert_eq!(before, row_counts(database).await);
    })
    .await;
}

#[tokio::test]
async fn amounts_are_plain_decimals_that_their_currency_can_carry() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let send = async |amount: &str, currency: &str| {
            let body = format!(r#"{{"amount":{amount},"currency":"{currency}"}}"#);
            gateway.send(Call::post("/sessions").by(&merchant).raw(body)).await
        };
        for (amount, currency, shown) in [
            ("35", "SGD", "35"),
            ("35.0", "SGD", "35"),
            ("\"35.00\"", "SGD", "35"),
            ("0.01", "SGD", "0.01"),
            ("26.240", "KWD", "26.24"),
            ("26.241", "KWD", "26.241"),
            ("\"26.24\"", "SGD", "26.24"),
            ("100000", "VND", "100000"),
        ] {
            let answer = send(amount, currency).await.expect(200);
            assert!(answer.text().contains(&format!("\"amount\":{shown},")), "{amount}: {answer}");
        }
        let before = row_counts(database).await;
        for (amount, currency) in [
            ("0", "SGD"),
            ("0.00", "SGD"),
            ("-1", "SGD"),
            ("\"-1\"", "SGD"),
            ("\"+35\"", "SGD"),
            ("1e3", "SGD"),
            ("\"1e3\"", "SGD"),
            ("1E400", "SGD"),
            ("0.001", "SGD"),
            ("35.000", "SGD"),
            ("\"35.000\"", "SGD"),
            ("100000.0", "VND"),
            ("\"1.0\"", "JPY"),
            ("35.005", "SGD"),
            ("0.5", "JPY"),
            ("100000.01", "VND"),
            ("26.2415", "KWD"),
            ("\"\"", "SGD"),
            ("\" 35\"", "SGD"),
            ("\"35 \"", "SGD"),
            ("\"3_5\"", "SGD"),
            ("\"0x23\"", "SGD"),
            ("\"1,000\"", "SGD"),
            ("\"1.000,00\"", "SGD"),
            ("\".\"", "SGD"),
            ("\"1.2.3\"", "SGD"),
            ("\"\u{663}\u{665}\"", "SGD"),
            ("\"\u{ff13}\u{ff15}\"", "SGD"),
            ("99999999999999999999", "SGD"),
            ("\"9223372036854775808\"", "VND"),
            ("92233720368547758.08", "SGD"),
            ("[35]", "SGD"),
            ("{}", "SGD"),
            ("true", "SGD"),
        ] {
            let answer = send(amount, currency).await.expect_problem(400, "amount_invalid");
            assert_eq!(answer.fields(), ["amount"], "{amount}");
        }
        // Null is absent.
        assert_eq!(send("null", "SGD").await.expect_problem(400, "missing_field").fields(), ["amount"]);
        assert_eq!(before, row_counts(database).await);
    })
    .await;
}

#[tokio::test]
async fn hostile_bodies_are_refused_by_name() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let before = row_counts(database).await;
        let deep = |open: &str, close: &str, depth| format!("{}{}", open.repeat(depth), close.repeat(depth));
        let with = |member: &str| format!(r#"{{"amount":35,"currency":"SGD",{member}}}"#).into_bytes();
        let orders = |line: &str| with(&format!(r#""orders":[{line}]"#));
        for (body, code, field) in [
            (b"\xef\xbb\xbf{\"amount\":35,\"currency\":\"SGD\"}".to_vec(), "invalid_json", ""),
            (b"{\"amount\":35,\"currency\":\"SGD\",\"x\":\"\xff\"}".to_vec(), "invalid_json", ""),
            (b"{\"amount\":35,\"currency\":\"SGD\"}{}".to_vec(), "invalid_json", ""),
            (b"{\"amount\":35,\"currency\":\"SGD\"}\0".to_vec(), "invalid_json", ""),
            (b"{'amount':35}".to_vec(), "invalid_json", ""),
            (with(r#""amount":1"#), "invalid_json", ""),
            (with(r#""am\u006funt":1"#), "invalid_json", ""),
            (with(r#""customer":{"email":"a@b.example","email":"c@d.example"}"#), "invalid_field", "customer"),
            (
                with(r#""customer":{"phone":{"code":"+65","code":"+66","phone":"1234"}}"#),
                "invalid_field",
                "customer.phone",
            ),
            (deep("[", "]", 30_000).into_bytes(), "invalid_body", ""),
            (deep("[", "", 60_000).into_bytes(), "invalid_json", ""),
            (deep("{\"a\":", "", 10_000).into_bytes(), "invalid_json", ""),
            (with(&format!("\"methods\":{}", deep("[", "]", 5000))), "invalid_field", "methods[0]"),
            (with(&format!("\"customer\":{{\"phone\":{}}}", deep("[", "]", 5000))), "invalid_field", "customer.phone"),
            (orders(&format!("{{\"x\":{}}}", deep("[", "]", 5000))), "invalid_field", "orders[0]"),
            (with(r#""notifyPayload":"a\u0000b""#), "invalid_field", "notifyPayload"),
            (with(r#""notifyPayload":"\ud800""#), "invalid_field", "notifyPayload"),
            (with(r#""notifyPayload":5"#), "invalid_field", "notifyPayload"),
            (with(r#""notifyPayload":{"a":"\u0000"}"#), "invalid_field", "notifyPayload"),
            (with(&format!(r#""notifyPayload":"{}""#, "a".repeat(8193))), "field_too_long", "notifyPayload"),
            (
                with(&format!(r#""redirectUrl":"https://a.example/{}""#, "a".repeat(2048))),
                "field_too_long",
                "redirectUrl",
            ),
            (with(r#""methods":"paynow""#), "invalid_field", "methods"),
            (with(r#""methods":["cash"]"#), "method_unknown", "methods[0]"),
            (with(r#""methods":["prompt-pay"]"#), "method_not_enabled", "methods[0]"),
            (with(r#""orders":{}"#), "invalid_field", "orders"),
            (with(&format!(r#""orders":[{}]"#, vec!["{}"; 101].join(","))), "too_many_items", "orders"),
            (orders("5"), "invalid_field", "orders[0]"),
            (orders(r#"{"name":"\ud800"}"#), "invalid_field", "orders[0]"),
            (orders(r#"{"x":"\u0000"}"#), "invalid_field", "orders[0]"),
            (orders(r#"{"name":5}"#), "invalid_field", "orders[0].name"),
            (orders(&format!(r#"{{"name":"{}"}}"#, "n".repeat(256))), "field_too_long", "orders[0].name"),
            (orders(r#"{"quantity":0}"#), "invalid_field", "orders[0].quantity"),
            (orders(r#"{"quantity":1e9}"#), "invalid_field", "orders[0].quantity"),
            (orders(r#"{"amount":-1}"#), "amount_invalid", "orders[0].amount"),
            (orders(r#"{"amount":1,"amount":2}"#), "invalid_field", "orders[0]"),
            (with(r#""customer":[]"#), "invalid_field", "customer"),
            (with(r#""customer":{"email":"no at"}"#), "invalid_field", "customer.email"),
            (with(r#""customer":{"phone":{"code":"65","phone":"1234"}}"#), "invalid_field", "customer.phone"),
        ] {
            let title = String::from_utf8_lossy(&body[..body.len().min(120)]).into_owned();
            let answer = gateway.send(Call::post("/sessions").by(&merchant).raw(body)).await;
            assert_eq!((answer.status, answer.code().as_str()), (400, code), "{title}: {answer}");
            assert_eq!(answer.fields(), if field.is_empty() { vec![] } else { vec![field] }, "{title}");
        }
        assert_eq!(before, row_counts(database).await);
    })
    .await;
}

#[tokio::test]
async fn an_address_that_hides_or_replaces_characters_is_refused_on_the_page_and_by_the_api() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let session = gateway.session(&merchant, &json!({})).await;
        let start = || Call::post(format!("/checkout/sessions/{}/start", session["id"].as_str().unwrap()));
        for address in ["%ff@b.co", "a%E2%80%AEb@b.co", "a@b%ff.co"] {
            let answer = gateway.send(start().raw(format!("method=paynow&email={address}"))).await.expect(400);
            assert!(answer.text().contains("aria-describedby=\"email-fault\""), "{address}: {answer}");
        }
        for address in ["a\u{202E}b@b.co", "a\u{FFFD}@b.co"] {
            let body = json!({"merchantAmount": 1, "merchantCurrency": "SGD", "method": "paynow", "email": address});
            let answer = gateway.send(Call::post("/charges").by(&merchant).json(&body)).await;
            assert_eq!(answer.expect_problem(400, "invalid_field").fields(), ["email"]);
            let body = json!({"amount": 1, "currency": "SGD", "customer": {"email": address}});
            let answer = gateway.send(Call::post("/sessions").by(&merchant).json(&body)).await;
            assert_eq!(answer.expect_problem(400, "invalid_field").fields(), ["customer.email"]);
        }
        let counts = row_counts(database).await;
        assert_eq!((counts["charges"], counts["sessions"]), (0, 1));
    })
    .await;
}

#[tokio::test]
async fn every_fault_of_a_request_is_named_at_once_in_the_order_of_the_documentation() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let body = json!({
            "amount": -1, "currency": "sgd", "methods": ["cash"], "notifyUrl": "ftp://x", "notifyPayload": 5,
            "redirectUrl": "javascript:1", "customer": {"email": "x", "phone": 5}, "orders": [{"quantity": 0}],
        });
        let answer = gateway.send(Call::post("/sessions").by(&merchant).json(&body)).await;
        let fields = answer.expect_problem(400, "invalid_request").fields();
        let expected = ["amount", "currency", "orders[0].quantity", "methods[0]", "notifyUrl", "notifyPayload"];
        assert_eq!(fields, [&expected[..], &["redirectUrl", "customer.email", "customer.phone"]].concat());
        let nothing = gateway.send(Call::post("/charges").by(&merchant).json(&json!({}))).await;
        let fields = nothing.expect_problem(400, "missing_field").fields();
        assert_eq!(fields, ["email", "merchantAmount", "merchantCurrency", "method"]);
    })
    .await;
}

#[tokio::test]
async fn a_body_may_have_sixty_four_kibibytes_and_not_one_byte_more() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let body = |length: usize| {
            let start = r#"{"amount":35,"currency":"SGD","unknown":""#;
            format!("{start}{}\"}}", "a".repeat(length - start.len() - 2))
        };
        gateway.send(Call::post("/sessions").by(&merchant).raw(body(64 * 1024))).await.expect(200);
        for path in ["/sessions", "/charges", "/charges/hash", "/sandbox/transfers", "/sandbox/clock"] {
            let answer = gateway.send(Call::post(path).by(&merchant).raw(body(64 * 1024 + 1))).await;
            answer.expect_problem(413, "body_too_large");
        }
        let session = gateway.session(&merchant, &json!({})).await;
        let start = format!("/checkout/sessions/{}/start", session["id"].as_str().unwrap());
        gateway.send(Call::post(start).raw(body(64 * 1024 + 1))).await.expect_problem(413, "body_too_large");
    })
    .await;
}

#[tokio::test]
async fn what_a_merchant_wrote_comes_back_as_it_was_written() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let orders = r#"[{"z":1e2,"name":"Café ☕ 茶 🇸🇬 \u202eabc <b>","amount":35.00,"a":{"y":null,"x":[1.10]}}]"#;
        let payload = r#"" {\"a\": 1}\t \\ \ud83d\ude00""#;
        let body = format!(r#"{{"amount":35,"currency":"SGD","orders": {orders},"notifyPayload":{payload}}}"#);
        let answer = gateway.send(Call::post("/sessions").by(&merchant).raw(body)).await.expect(200);
        assert!(answer.text().contains(&format!("\"orders\":{orders}")), "{answer}");
        assert_eq!(answer.json()["notifyPayload"], " {\"a\": 1}\t \\ 😀");
        let object = r#"{"amount":35,"currency":"SGD","notifyPayload": {"b": 1.50, "a": [ 1 ]}}"#;
        let answer = gateway.send(Call::post("/sessions").by(&merchant).raw(object)).await.expect(200);
        assert_eq!(answer.json()["notifyPayload"], r#"{"b":1.50,"a":[1]}"#);
    })
    .await;
}

#[tokio::test]
async fn paths_and_methods_that_do_not_exist_are_refused_in_the_same_manner() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        for path in ["/nothing", "//sessions", "/sessions//", "/SESSIONS", "/assets/../Cargo.toml", "/assets/%2e%2e/x"]
        {
            gateway.send(Call::get(path).by(&merchant)).await.expect_problem(404, "not_found");
        }
        for id in ["undefined", "%00", "..", "%ff", &"a".repeat(5000), "62b586f2313ba00012c75e7g"] {
            for path in [format!("/sessions/{id}"), format!("/charges/{id}"), format!("/sessions/{id}/charge")] {
                let answer = gateway.send(Call::get(path).by(&merchant)).await;
                answer.expect_problem(404, "not_found");
            }
        }
        for (method, path, allow) in [
            ("DELETE", "/sessions/62b586f2313ba00012c75e7d", "GET,HEAD"),
            ("GET", "/sessions", "POST"),
            ("PUT", "/charges", "POST"),
            ("POST", "/charges/62b586f2313ba00012c75e7d/cancel", "PATCH"),
        ] {
            let answer = gateway.send(Call::new(method, path).by(&merchant)).await;
            let answer = answer.expect_problem(405, "method_not_allowed");
            assert_eq!(answer.header("allow"), allow);
            let options = gateway.send(Call::new("OPTIONS", path).header("origin", "null")).await.expect(204);
            assert_eq!(options.header("allow"), allow);
            assert_eq!(options.header("access-control-allow-origin"), "");
        }
        for value in [" ", "a b", "\u{e9}"] {
            let call = Call::post("/sessions").by(&merchant).json(&json!({"amount": 35, "currency": "SGD"}));
            let answer = gateway.send(call.header("idempotency-key", value)).await;
            answer.expect_problem(400, "idempotency_key_invalid");
        }
        let twice = Call::get("/certificate").by(&merchant).by(&merchant);
        gateway.send(twice).await.expect_problem(400, "invalid_header");
    })
    .await;
}

/// The fields and codes of what a refused request has wrong.
async fn faults_of(gateway: &Gateway, caller: &Caller, path: &str, body: Value) -> Vec<String> {
    let answer = gateway.send(Call::post(path).by(caller).json(&body)).await;
    assert_eq!(answer.status, 400, "{answer}");
    let errors = answer.json()["errors"].as_array().cloned().unwrap_or_default();
    let pair = |error: &Value| format!("{} {}", error["field"].as_str().unwrap(), error["code"].as_str().unwrap());
    errors.iter().map(pair).collect()
}

#[tokio::test]
async fn what_limits_and_the_merchants_key_say_stands_beside_the_forms_faults() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let operator = gateway.operator(merchant.environment).await;
        let before = row_counts(database).await;
        let wrong = json!({"amount": 200_001, "currency": "SGD", "methods": ["paynow"], "redirectUrl": "x"});
        assert_eq!(
            faults_of(&gateway, &merchant, "/sessions", wrong).await,
            ["methods[0] amount_out_of_range", "redirectUrl url_invalid"]
        );
        let wrong = json!({"merchantAmount": 200_001, "merchantCurrency": "SGD", "method": "paynow", "hash": "AAAA"});
        assert_eq!(
            faults_of(&gateway, &merchant, "/charges", wrong).await,
            ["email missing_field", "merchantAmount amount_out_of_range", "hash hash_mismatch"]
        );
        let wrong = json!({"currency": "XX", "amount": "x", "reference": 1, "account": 2});
        assert_eq!(
            faults_of(&gateway, &operator, "/transfers", wrong).await,
            [
                "account invalid_field",
                "amount amount_invalid",
                "currency currency_unsupported",
                "reference invalid_field",
            ]
        );
        assert_eq!(before, row_counts(database).await);
    })
    .await;
}

#[tokio::test]
async fn what_the_merchants_settings_ask_for_stands_beside_every_other_fault() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        gateway
            .switch(&merchant, |row| {
                row.phone_verification = true;
                row.secure_mode = true;
            })
            .await;
        let with_toss = gateway.merchant("Paper Moon", merchant.environment).await;
        gateway.switch(&with_toss, |row| row.methods.push(Method::Toss)).await;
        let before = row_counts(database).await;
        let faults = async |path: &str, body: Value| faults_of(&gateway, &merchant, path, body).await;
        let nothing = faults("/charges", json!({})).await;
        assert_eq!(
            nothing,
            [
                "verificationCode missing_field",
                "email missing_field",
                "merchantAmount missing_field",
                "merchantCurrency missing_field",
                "method missing_field",
                "hash missing_field",
            ]
        );
        let wrong = json!({"merchantAmount": "1e3", "merchantCurrency": "SGD", "method": "toss", "email": 5,
            "verificationCode": false, "hash": null, "orders": [{"quantity": "+1", "currency": "XX", "amount": "-1"}]});
        assert_eq!(
            faults("/charges", wrong).await,
            [
                "verificationCode invalid_field",
                "email invalid_field",
                "merchantAmount amount_invalid",
                "method method_not_enabled",
                "orders[0].quantity invalid_field",
                "orders[0].currency currency_unsupported",
                "orders[0].amount amount_invalid",
                "hash missing_field",
            ]
        );
        let wrong = json!({"amount": 0, "currency": "SGD", "methods": ["paynow", "paynow", "toss", "cash", "fps"]});
        assert_eq!(
            faults("/sessions", wrong).await,
            ["amount amount_invalid", "methods[3] method_unknown", "methods[2] method_not_enabled"]
        );
        // The place is the one in the request, also for what only the rates can tell.
        let unpaid = json!({"amount": 200_001, "currency": "SGD", "methods": ["paynow", "paynow", "toss"]});
        assert_eq!(
            faults("/sessions", unpaid.clone()).await,
            ["methods[0] amount_out_of_range", "methods[2] method_not_enabled"]
        );
        assert_eq!(
            faults_of(&gateway, &with_toss, "/sessions", unpaid).await,
            ["methods[0] amount_out_of_range", "methods[2] method_unavailable"]
        );
        assert_eq!(before, row_counts(database).await);
    })
    .await;
}

#[tokio::test]
async fn every_method_and_both_halves_of_a_phone_are_told_of_at_once() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let bad = json!({
            "amount": 35, "currency": "SGD", "methods": ["zzz", "yyy", 5],
            "customer": {"phone": {"code": "1", "phone": "a"}},
        });
        let answer = gateway.send(Call::post("/sessions").by(&merchant).json(&bad)).await.expect(400);
        let fields = ["methods[0]", "methods[1]", "methods[2]", "customer.phone", "customer.phone"];
        assert_eq!(answer.fields(), fields);
        assert!(answer.text().contains("has a code that") && answer.text().contains("has a phone that"), "{answer}");
    })
    .await;
}

#[tokio::test]
async fn a_body_in_a_coding_that_is_not_read_and_a_head_that_is_too_large_are_refused() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let before = row_counts(database).await;
        let session = || Call::post("/sessions").by(&merchant).json(&json!({"amount": 35, "currency": "SGD"}));
        let coded = gateway.send(session().header("content-encoding", "gzip")).await;
        let coded = coded.expect_problem(415, "content_coding_unsupported");
        assert_eq!(coded.header("accept-encoding"), "identity");
        let coded = gateway.send(session().header("transfer-encoding", "gzip, chunked")).await;
        coded.expect_problem(400, "transfer_coding_unsupported");
        let large = gateway.send(session().raw("x".repeat(64 * 1024 + 1))).await.expect_problem(413, "body_too_large");
        assert_eq!(large.header("connection"), "close");
        let head = gateway.send(session().header("x-long", &"x".repeat(64 * 1024))).await;
        head.expect_problem(431, "header_too_large");
        assert_eq!(before, row_counts(database).await);
        gateway
            .send(session().header("content-encoding", "identity").header("transfer-encoding", "Chunked"))
            .await
            .expect(200);
        gateway.send(session().header("x-long", &"x".repeat(63 * 1024))).await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn a_refused_order_line_is_told_what_is_accepted() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        for (line, accepted) in [
            (r#"{"quantity":1000000000000000000000000000000}"#, "a whole number from 1 to 4294967295"),
            (r#"{"quantity":4294967296}"#, "a whole number from 1 to 4294967295"),
            (r#"{"id":true}"#, "a string or a number"),
            ("[]", "must be an object"),
            (&format!(r#"{{"x":{}1{}}}"#, "[".repeat(300), "]".repeat(300)), "nested too deep"),
            (r#"{"x":"\ud800"}"#, "cannot be read"),
        ] {
            let body = format!(r#"{{"amount":35,"currency":"SGD","orders":[{line}]}}"#);
            let answer = gateway.send(Call::post("/sessions").by(&merchant).raw(body)).await;
            assert!(answer.expect_problem(400, "invalid_field").text().contains(accepted), "{line}");
        }
        let most = json!({"orders": [{"id": 5, "quantity": u32::MAX}]});
        gateway.session(&merchant, &most).await;
    })
    .await;
}

#[tokio::test]
async fn a_member_that_an_order_line_names_twice_is_refused() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        for member in ["name", "id", "quantity", "sku"] {
            let body = format!(r#"{{"amount":35,"currency":"SGD","orders":[{{}},{{"{member}":"1","{member}":"2"}}]}}"#);
            let answer = gateway.send(Call::post("/sessions").by(&merchant).raw(body)).await;
            assert_eq!(answer.expect_problem(400, "invalid_field").fields(), ["orders[1]"], "{member}");
        }
    })
    .await;
}
