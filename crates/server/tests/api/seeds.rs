//! The documents' own examples: the requests of `sessions.txt` and `charges.txt`, and their answers.

use crate::support::{Call, Caller, Gateway, keys, shape};
use serde_json::{Value, json};
use xanpay_domain::currency::Currency;
use xanpay_testkit::older::{columns, rows};
use xanpay_testkit::on_both_databases;

/// `sessions.txt`, "Request example": sent by `curl -d`, so with the content type of a form.
const SESSION_REQUEST: &str = r#"{
    "amount": "35",
	"currency": "SGD",
	"redirectUrl": "https://google.com",
  "notifyUrl": "https://google.com/api/notify",
	"notifyPayload": "eyJvcmRlcklkIjogIjI1MSJ9",
	"orders": [{
		"id": "58109ds9a01",
		"name": "iPhone case",
		"quantity": 1,
		"amount": 35
	}],
    "customer": {
        "email": "customer@gmail.com",
        "phone": {
            "code": "+65",
            "phone": "12345678901"
        }
    }
}"#;

/// `sessions.txt`, "Response example".
const SESSION_ANSWER: &str = r#"{"id": "62b586f2313ba00012c75e7d", "amount": 35, "currency": "SGD",
    "orders": [{"id": "58109ds9a01", "name": "iPhone case", "quantity": 1, "amount": 35}],
    "notifyUrl": "https://google.com/api/notify", "notifyPayload": "eyJvcmRlcklkIjogIjI1MSJ9", "status": "created",
    "methods": ["paynow", "duit-now", "fps"], "redirectUrl": "https://google.com",
    "customer": {"email": "customer@gmail.com", "phone": {"phone": "12345678901", "code": "+65"}},
    "createdAt": "2022-06-20T09:42:10.906Z", "updatedAt": "2022-06-20T09:42:10.906Z"}"#;

/// `sessions.txt`, the answer of "Get charge".
const SESSION_CHARGE_ANSWER: &str = r#"{"id": "62b58a41313ba00012c7740b",
    "customer": {"id": "61dd4a404b432c001196c1bc", "email": "customer@gmail.com", "phone": "+6512345678901"},
    "refunds": [], "orders": [{"id": "58109ds9a01", "name": "iPhone case", "quantity": 1, "amount": 35}],
    "destination": {"account": "+6585867834", "nonce": "ztt1", "qrCode": "0002", "accountName": "DN", "bank": ""},
    "merchantAmount": 35, "merchantCurrency": "SGD", "method": "paynow", "customerAmount": 35,
    "customerCurrency": "SGD", "status": "pending", "notifyUrl": "https://google.com/api/notify",
    "notifyPayload": "eyJvcmRlcklkIjogIjI1MSJ9", "sessionId": "62b586f2313ba00012c75e7d",
    "createdAt": "2022-06-24T09:56:17.522Z", "updatedAt": "2022-06-24T09:56:17.854Z"}"#;

/// `charges.txt`, "Request Example".
const CHARGE_REQUEST: &str = r#"{
    "verificationCode": "1Xbn3jvam8j4Xj10fakfdn1jdnald",
    "email": "john007@gmail.com",
    "merchantAmount": 150, 
    "merchantCurrency": "HKD", 
    "method": "paynow", 
    "orders": [
      {
        "id": "1",
        "name": "Laptop", 
        "quantity": 1, 
        "amount": 150
      }
    ],
    "notifyUrl": "http://example.com", 
    "notifyPayload": "{\"orderId\": \"123\"}"
  }"#;

/// `charges.txt`, "Response example" of creating.
const CHARGE_ANSWER: &str = r#"{"id": "6f7d1cc4d56bef00123b068f", "customer": "bc7d7cg2a56bec00127b069f",
    "merchantAmount": 150, "merchantCurrency": "HKD", "method": "paynow", "customerAmount": 26.24,
    "customerCurrency": "SGD", "status": "pending",
    "destination": {"account": "+6587767191", "nonce": "cantaloupe", "qrCode": "0002"},
    "createdAt": 1588654478993, "updatedAt": 1588654478993, "isDuplicate": true,
    "cancelToken": "b383402d494dd2effb704ede581af3c9"}"#;

/// An answer with every value that the gateway chooses itself replaced by the documents' value.
fn masked(answer: &Value, seed: &Value, free: &[&str]) -> Value {
    let mut answer = answer.clone();
    for path in free {
        let value = seed.pointer(path).unwrap_or_else(|| panic!("{path} is not in the documents"));
        *answer.pointer_mut(path).unwrap_or_else(|| panic!("{path} is missing")) = value.clone();
    }
    answer
}

fn is_object_id(value: &Value) -> bool {
    let text = value.as_str().unwrap();
    text.len() == 24 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_iso_millis(value: &Value) -> bool {
    let text = value.as_str().unwrap();
    text.len() == 24 && text.ends_with('Z') && text.as_bytes()[19] == b'.' && text.as_bytes()[10] == b'T'
}

#[tokio::test]
async fn the_documents_session_is_answered_as_printed() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let seed: Value = serde_json::from_str(SESSION_ANSWER).unwrap();
        let call = Call::post("/sessions/").by(&merchant).raw(SESSION_REQUEST);
        let call = call.header("content-type", "application/x-www-form-urlencoded");
        let answer = gateway.send(call).await.expect(200);
        assert_eq!(answer.header("content-type"), "application/json");
        let session = answer.json();
        assert_eq!(shape(&session), shape(&seed));
        assert_eq!(masked(&session, &seed, &["/id", "/createdAt", "/updatedAt"]), seed);
        assert!(is_object_id(&session["id"]) && is_iso_millis(&session["createdAt"]), "{session}");
        assert!(answer.text().contains(r#""amount":35,"currency""#), "{answer}");
        let id = session["id"].as_str().unwrap();
        for path in [format!("/sessions/{id}"), format!("/sessions/{id}/")] {
            let call = Call::get(path).by(&merchant).header("content-type", "application/json");
            assert_eq!(gateway.send(call).await.expect(200).text(), answer.text());
        }
        let none = gateway.send(Call::get(format!("/sessions/{id}/charge")).by(&merchant)).await;
        none.expect_problem(404, "charge_not_found");
    })
    .await;
}

#[tokio::test]
async fn the_documents_session_charge_is_answered_as_printed() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let seed: Value = serde_json::from_str(SESSION_CHARGE_ANSWER).unwrap();
        let session = gateway.send(Call::post("/sessions").by(&merchant).raw(SESSION_REQUEST)).await.expect(200).json();
        let id = session["id"].as_str().unwrap();
        let form =
            [("method", "paynow"), ("email", "customer@gmail.com"), ("phoneCode", "+65"), ("phone", "12345678901")];
        gateway.send(Call::post(format!("/checkout/sessions/{id}/start")).form(&form)).await.expect(303);
        let charge = gateway.send(Call::get(format!("/sessions/{id}/charge/")).by(&merchant)).await.expect(200).json();
        // Ours follow behind the documented members.
        let ours = &keys(&charge)[keys(&seed).len()..];
        assert_eq!(ours, ["expiresAt"]);
        let mut documented = charge.clone();
        documented.as_object_mut().unwrap().retain(|name, _| name != "expiresAt");
        assert_eq!(shape(&documented), shape(&seed));
        let free = ["/id", "/customer/id", "/destination/nonce", "/destination/qrCode", "/createdAt", "/updatedAt"];
        let masked = masked(&documented, &seed, &[&free[..], &["/sessionId"]].concat());
        assert_eq!(masked, seed);
        assert_eq!(charge["sessionId"], session["id"]);
        assert!(is_object_id(&charge["id"]) && is_object_id(&charge["customer"]["id"]), "{charge}");
        assert!(is_iso_millis(&charge["createdAt"]) && is_iso_millis(&charge["updatedAt"]), "{charge}");
        let (code, nonce) = (charge["destination"]["qrCode"].as_str(), charge["destination"]["nonce"].as_str());
        assert!(code.unwrap().contains("540535.00") && code.unwrap().contains(nonce.unwrap()), "{charge}");
        let after = gateway.send(Call::get(format!("/sessions/{id}")).by(&merchant)).await.expect(200).json();
        assert_eq!(after["status"], "charged");
        assert_eq!(keys(&after), keys(&session));
    })
    .await;
}

#[tokio::test]
async fn the_documents_charge_is_answered_as_printed_and_found_again() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        gateway.rate(Currency::HKD, Currency::SGD, "0.174933").await;
        let seed: Value = serde_json::from_str(CHARGE_ANSWER).unwrap();
        let create = || Call::post("/charges").by(&merchant).raw(CHARGE_REQUEST);
        let answer = gateway.send(create()).await.expect(200);
        let charge = answer.json();
        assert_eq!(shape(&charge), shape(&seed));
        let free = ["/id", "/customer", "/createdAt", "/updatedAt", "/cancelToken", "/isDuplicate"];
        let place = ["/destination/account", "/destination/nonce", "/destination/qrCode"];
        assert_eq!(masked(&charge, &seed, &[&free[..], &place[..]].concat()), seed);
        assert!(answer.text().contains(r#""customerAmount":26.24,"#), "{answer}");
        assert_eq!(charge["isDuplicate"], false);
        assert_eq!(charge["cancelToken"].as_str().unwrap().len(), 32);
        assert!(is_object_id(&charge["id"]) && is_object_id(&charge["customer"]), "{charge}");
        assert!(charge["destination"]["qrCode"].as_str().unwrap().contains("540526.24"), "{charge}");

        let again = gateway.send(create()).await.expect(200).json();
        let mut expected = charge.clone();
        expected["isDuplicate"] = json!(true);
        assert_eq!(again, expected);

        let mut shown = charge.clone();
        shown.as_object_mut().unwrap().retain(|name, _| name != "isDuplicate" && name != "cancelToken");
        let id = charge["id"].as_str().unwrap();
        for call in [
            Call::get(format!("/charges/{id}")).header("content-type", "application/json"),
            Call::post(format!("/charges/{id}")),
            Call::post(format!("/charges/{id}/")),
        ] {
            let answer = gateway.send(call.by(&merchant)).await.expect(200);
            assert_eq!((answer.json(), keys(&answer.json())), (shown.clone(), keys(&shown)));
        }
    })
    .await;
}

#[tokio::test]
async fn cancelling_answers_true_once_and_then_false() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let cancel = |id: &str| Call::patch(format!("/charges/{id}/cancel"));
        let charge = gateway.charge(&merchant, &json!({})).await;
        let id = charge["id"].as_str().unwrap();
        let call = || cancel(id).by(&merchant).header("content-type", "application/json");
        assert_eq!(gateway.send(call()).await.expect(200).text(), "true");
        assert_eq!(gateway.send(call()).await.expect(200).text(), "false");
        assert_eq!(gateway.get_charge(&merchant, id).await["status"], "cancelled");

        // Without credentials the token of the very charge is needed, in the body or in the query.
        for in_query in [true, false] {
            let charge = gateway.charge(&merchant, &json!({"notifyPayload": in_query.to_string()})).await;
            let (id, token) = (charge["id"].as_str().unwrap(), charge["cancelToken"].as_str().unwrap());
            let with = |token: &str| match in_query {
                true => Call::patch(format!("/charges/{id}/cancel?cancelToken={token}")),
                false => cancel(id).json(&json!({"cancelToken": token})),
            };
            gateway.send(cancel(id)).await.expect_problem(401, "unauthorized");
            let other = gateway.charge(&merchant, &json!({"notifyPayload": "another"})).await;
            let wrong = "b383402d494dd2effb704ede581af3c9";
            for token in [wrong, other["cancelToken"].as_str().unwrap()] {
                gateway.send(with(token)).await.expect_problem(404, "not_found");
            }
            for (first, second) in [(wrong, token), (token, wrong)] {
                let call = Call::patch(format!("/charges/{id}/cancel?cancelToken={first}"));
                let refused = gateway.send(call.json(&json!({"cancelToken": second}))).await;
                assert_eq!(refused.expect_problem(400, "invalid_field").fields(), ["cancelToken"]);
            }
            assert_eq!(gateway.send(with(token)).await.expect(200).text(), "true");
            assert_eq!(gateway.send(with(token)).await.expect(200).text(), "false");
        }
    })
    .await;
}

#[tokio::test]
async fn whoever_reads_the_database_finds_no_cancel_token() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let body =
            json!({"merchantAmount": 35, "merchantCurrency": "SGD", "method": "paynow", "email": "a@example.com"});
        let keyed = || Call::post("/charges").by(&merchant).json(&body).header("idempotency-key", "one");
        let first = gateway.send(keyed()).await.expect(200);
        let again = gateway.send(keyed()).await.expect(200);
        assert_eq!((again.text(), again.header("idempotent-replayed")), (first.text(), "true"));
        let equal = gateway.send(Call::post("/charges").by(&merchant).json(&body)).await.expect(200).json();
        let token = first.json()["cancelToken"].as_str().unwrap().to_owned();
        assert_eq!((&equal["isDuplicate"], &equal["cancelToken"]), (&json!(true), &json!(token)));
        let rows = rows(database, &columns(database).await).await;
        let stored = |text: &str| rows.values().flatten().any(|row| row.contains(text));
        assert!(stored(first.json()["id"].as_str().unwrap()) && !stored(&token));
    })
    .await;
}

#[tokio::test]
async fn the_hash_is_bare_base64_and_the_same_for_every_spelling_of_an_amount() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        gateway.rate(Currency::HKD, Currency::SGD, "0.174933").await;
        let orders = r#"[{"id": "1", "name": "Laptop", "quantity": 1, "amount": 150}]"#;
        let mut hashes = Vec::new();
        for amount in ["150", "150.0", "150.00", "\"150\"", "\"150.0\""] {
            let body = format!(r#"{{"merchantAmount": {amount}, "merchantCurrency": "HKD", "orders": {orders}}}"#);
            let answer = gateway.send(Call::post("/charges/hash").by(&merchant).raw(body)).await.expect(200);
            assert!(answer.header("content-type").starts_with("text/plain"), "{answer}");
            assert_eq!(answer.body.len(), 44, "{answer}");
            hashes.push(answer.text());
        }
        assert!(hashes.iter().all(|hash| *hash == hashes[0]), "{hashes:?}");
        let charge_by = |caller: &Caller, hash: &str, amount: &str| {
            let body = format!(
                r#"{{"email": "a@example.com", "method": "paynow", "merchantAmount": {amount}, "merchantCurrency": "HKD",
                "orders": {orders}, "hash": "{hash}"}}"#
            );
            Call::post("/charges").by(caller).raw(body)
        };
        let charge = |hash: &str, amount: &str| charge_by(&merchant, hash, amount);
        gateway.send(charge(&hashes[0], "\"150.00\"")).await.expect(200);
        let of_nothing = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        let url_safe = hashes[0].replace('+', "-").replace('/', "_").replace('=', "");
        let (versioned, with_newline) = (format!("v1,{}", hashes[0]), format!("{}\\n", hashes[0]));
        let wrong = ["", "AAAA", of_nothing, &url_safe, &hashes[0][..43], &versioned, &with_newline, &"A".repeat(300)];
        for wrong in wrong {
            let answer = gateway.send(charge(wrong, "150")).await.expect_problem(400, "hash_mismatch");
            assert_eq!(answer.fields(), ["hash"]);
        }
        gateway.send(charge(&hashes[0], "150.01")).await.expect_problem(400, "hash_mismatch");

        // Another merchant's hash is none, and in secure mode no hash is none either.
        let other = gateway.merchant("Paper Moon", merchant.environment).await;
        gateway.send(charge_by(&other, &hashes[0], "150")).await.expect_problem(400, "hash_mismatch");
        let secure = gateway.merchant("Safe House", merchant.environment).await;
        gateway.switch(&secure, |merchant| merchant.secure_mode = true).await;
        let body = json!({"email": "a@example.com", "method": "paynow", "merchantAmount": 1, "merchantCurrency": "SGD"});
        let answer = gateway.send(Call::post("/charges").by(&secure).json(&body)).await;
        assert_eq!(answer.expect_problem(400, "missing_field").fields(), ["hash"]);
    })
    .await;
}
