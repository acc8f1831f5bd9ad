//! `POST /charges/hash`: the secure mode's hash over what must not be changed on the way.

use super::super::auth::MerchantCaller;
use super::super::error::ApiError;
use super::super::limits::read_body;
use super::super::router::Web;
use crate::app::App;
use crate::flows::{NewCharge, Refusal, hash_key};
use crate::wire::body::Body as Fields;
use crate::wire::orders::read_orders;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::sync::Arc;
use subtle::ConstantTimeEq;
use xanpay_domain::money::Money;
use xanpay_domain::secure_hash::secure_hash;
use xanpay_store::{Merchant, Permission};

/// Computes the hash of a request: bare base64, no quotes.
pub async fn handle(
    State(web): State<Arc<Web>>,
    caller: MerchantCaller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    caller.require(Permission::Charges)?;
    let body = read_body(&headers, body).await?;
    let hash = hash_request(&body, &hash_key(&web.app, &caller.0)?)?;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind)], hash).into_response())
}

/// The hash of a request's body under a merchant's hash key.
///
/// # Errors
/// Everything that is wrong with the body.
pub fn hash_request(body: &[u8], key: &[u8]) -> Result<String, Refusal> {
    let mut fields = Fields::parse(body)?;
    let currency = fields.currency("merchantCurrency");
    let amount = fields.amount("merchantAmount", currency);
    let orders = read_orders(&mut fields, "orders", currency);
    fields.finish()?;
    let amount = amount.ok_or_else(|| Refusal::field("merchantAmount", "missing_field", "is required"))?;
    compute(key, amount, orders.as_deref())
}

/// Checks the hash of a charge request wherever one is given. That secure mode wants one is seen when the request is read.
pub(super) fn check(app: &App, merchant: &Merchant, new: &NewCharge, given: Option<&str>) -> Result<(), ApiError> {
    let Some(given) = given else { return Ok(()) };
    let expected = compute(&hash_key(app, merchant)?, new.merchant_amount, new.orders.as_deref())?;
    if bool::from(expected.as_bytes().ct_eq(given.as_bytes())) {
        return Ok(());
    }
    Err(Refusal::field("hash", "hash_mismatch", "is not the hash of this amount, currency and orders").into())
}

fn compute(key: &[u8], amount: Money, orders: Option<&str>) -> Result<String, Refusal> {
    let orders = orders.map(crate::wire::json::canonical).transpose();
    let orders =
        orders.map_err(|_| Refusal::field("orders", "invalid_field", "cannot be brought into canonical form"))?;
    Ok(STANDARD.encode(secure_hash(key, amount, orders.as_deref())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The figures stand in the documentation for whoever computes a hash without this program.
    #[test]
    fn the_documented_example_has_the_documented_hash() {
        let key: Vec<u8> = (0..32).collect();
        let documentation = include_str!("../../../../../docs/api.md");
        let orders = r#"[{"id": "1", "name": "Laptop", "quantity": 1, "amount": 150}]"#;
        for amount in ["150", "150.00", "\"150.0\""] {
            let body = format!(r#"{{"merchantAmount": {amount}, "merchantCurrency": "HKD", "orders": {orders}}}"#);
            let hash = hash_request(body.as_bytes(), &key).unwrap();
            assert!(documentation.contains(&format!("`{hash}`")), "{hash}");
        }
        assert!(documentation.contains(&xanpay_domain::id::to_hex(&key)));
    }
}
