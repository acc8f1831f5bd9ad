//! What the demonstration prints for whoever wants to play.

use super::client::{Client, Content};
use super::setup::Sandbox;
use super::story::choose_paynow;
use crate::cli::failure::Failure;
use http::Method;
use serde_json::{Value, json};
use std::net::SocketAddr;

/// The body of the seeds' `POST /sessions`.
const SEED_SESSION: &str = r#"{
  "amount": "35",
  "currency": "SGD",
  "redirectUrl": "https://google.com",
  "notifyUrl": "https://google.com/api/notify",
  "notifyPayload": "eyJvcmRlcklkIjogIjI1MSJ9",
  "orders": [{ "id": "58109ds9a01", "name": "iPhone case", "quantity": 1, "amount": 35 }],
  "customer": { "email": "customer@gmail.com", "phone": { "code": "+65", "phone": "12345678901" } }
}"#;

/// The body of the seeds' `POST /charges`.
const SEED_CHARGE: &str = r#"{
  "verificationCode": "1Xbn3jvam8j4Xj10fakfdn1jdnald",
  "email": "john007@gmail.com",
  "merchantAmount": 150,
  "merchantCurrency": "HKD",
  "method": "paynow",
  "orders": [{ "id": "1", "name": "Laptop", "quantity": 1, "amount": 150 }],
  "notifyUrl": "http://example.com",
  "notifyPayload": "{\"orderId\": \"123\"}"
}"#;

/// The body of the seeds' `POST /charges/hash`.
const SEED_HASH: &str = r#"{
  "merchantAmount": 150,
  "merchantCurrency": "HKD",
  "orders": [{ "id": "1", "name": "Laptop", "quantity": 1, "amount": 150 }]
}"#;

/// Two sessions and a charge of the shop's own, so that every printed line has something to show.
pub(super) struct Started {
    session_id: String,
    /// The customer of this one has chosen how to pay, so that it has a charge.
    charged_session_id: String,
    charge_id: String,
    /// What the customer of the charge would send.
    account: String,
    amount: String,
    nonce: String,
}

/// Makes two sessions and a charge by the seeds' requests, with the shop as the one to notify.
pub(super) async fn start(client: &Client, sandbox: &Sandbox) -> Result<Started, Failure> {
    let session = client.api(Method::POST, "/sessions/", for_shop(SEED_SESSION, sandbox)?).await?;
    let charged_session = client.api(Method::POST, "/sessions/", for_shop(SEED_SESSION, sandbox)?).await?;
    let charge = client.api(Method::POST, "/charges", for_shop(SEED_CHARGE, sandbox)?).await?;
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            other.to_string()
        }
    };
    let charged_session_id = text(&charged_session["id"]);
    choose_paynow(client, &charged_session_id).await?;
    Ok(Started {
        session_id: text(&session["id"]),
        charged_session_id,
        charge_id: text(&charge["id"]),
        account: text(&charge["destination"]["account"]),
        amount: text(&charge["customerAmount"]),
        nonce: text(&charge["destination"]["nonce"]),
    })
}

fn for_shop(body: &str, sandbox: &Sandbox) -> Result<Content, Failure> {
    let mut body: Value =
        serde_json::from_str(body).map_err(|error| Failure::new("internal_error", error.to_string()))?;
    body["notifyUrl"] = sandbox.notify_url().into();
    Ok(Content::Json(body.to_string()))
}

/// The link that a customer would get.
fn checkout_link(sandbox: &Sandbox, started: &Started) -> String {
    format!("{}/?sessionId={}&isSandbox=true", sandbox.url, started.session_id)
}

/// Everything as one JSON value.
pub(super) fn value(sandbox: &Sandbox, started: &Started) -> Value {
    json!({
        "url": sandbox.url,
        "merchantId": sandbox.merchant_id.to_text(),
        "apiKey": sandbox.merchant.api_key,
        "apiSecret": sandbox.merchant.api_secret,
        "webhookSecret": sandbox.callback_secret,
        "endpointSecret": sandbox.webhook_secret,
        "operatorKey": sandbox.operator.api_key,
        "operatorSecret": sandbox.operator.api_secret,
        "notifyUrl": sandbox.notify_url(),
        "sessionId": started.session_id,
        "chargedSessionId": started.charged_session_id,
        "chargeId": started.charge_id,
        "checkoutLink": checkout_link(sandbox, started),
    })
}

/// Everything in words, with lines to paste.
pub(super) fn text(sandbox: &Sandbox, started: &Started, address: SocketAddr) -> String {
    let Sandbox { url, merchant, operator_file, data_option, .. } = sandbox;
    let credentials = format!("{}:{}", merchant.api_key, merchant.api_secret);
    let Started { session_id, charged_session_id, charge_id, account, amount, nonce } = started;
    // Inside single quotes of a shell nothing is special but the quote itself, which no body here has.
    let pay = json!({
        "method": "paynow", "account": account, "amount": amount, "currency": "SGD", "reference": nonce,
    });
    format!(
        "listening on http://{address}\n\
        \n\
        Demo Shop, sandbox: no money moves, and no bank can pay these QR codes.\n\
        \x20 API key      {key}\n\
        \x20 API secret   {secret}\n\
        \x20 shop         {shop}, verifies every notice; what it hears is printed below\n\
        \x20 operator     the key pair is in {operator}\n\
        \n\
        Pay as a customer: open this link, choose a method, press \"simulate this payment\".\n\
        \x20 {link}\n\
        \n\
        Sessions\n\
        \n\
        curl -X POST {url}/sessions/ -u {credentials} -d '{SEED_SESSION}'\n\
        \n\
        curl -u {credentials} {url}/sessions/{session_id}\n\
        \n\
        A session has a charge when its customer has chosen how to pay, as the customer of this other one has:\n\
        curl -u {credentials} {url}/sessions/{charged_session_id}/charge\n\
        \n\
        Charges\n\
        \n\
        curl -H \"Content-Type: application/json\" -u {credentials} -X POST -d '{SEED_CHARGE}' {url}/charges\n\
        \n\
        curl -H \"Content-Type: application/json\" -u {credentials} {url}/charges/{charge_id}\n\
        \n\
        curl -H \"Content-Type: application/json\" -u {credentials} -X PATCH {url}/charges/{charge_id}/cancel\n\
        \n\
        curl -H \"Content-Type: application/json\" -u {credentials} -X POST -d '{SEED_HASH}' {url}/charges/hash\n\
        \n\
        What to try next\n\
        \n\
        Pay that charge instead of cancelling it:\n\
        curl -u {credentials} -X POST {url}/sandbox/transfers -d '{pay}'\n\
        \n\
        Let an hour pass, so that what is unpaid expires:\n\
        curl -u {credentials} -X POST {url}/sandbox/clock -d '{{\"advanceMs\": 3600000}}'\n\
        \n\
        See every transfer as the operator:\n\
        curl -u \"$(cat {operator})\" {url}/transfers\n\
        \n\
        Give the shop's gateway a bank file of your own:\n\
        xanpay statement import FILE --account {account} {data_option}\n\
        \n\
        Ctrl-C ends the demo. What the shop hears:",
        key = merchant.api_key,
        secret = merchant.api_secret,
        shop = sandbox.shop_url,
        operator = operator_file.display(),
        link = checkout_link(sandbox, started),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_bodies_are_json_that_a_shell_keeps() {
        for body in [SEED_SESSION, SEED_CHARGE, SEED_HASH] {
            assert!(serde_json::from_str::<Value>(body).unwrap().is_object());
            assert!(!body.contains('\''));
        }
    }
}
