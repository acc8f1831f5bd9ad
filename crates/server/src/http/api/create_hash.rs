//! `POST /charges/hash`: the secure mode's hash over what must not be changed on the way.

use super::super::auth::MerchantCaller;
use super::super::error::ApiError;
use super::super::limits::read_body;
use super::super::router::Web;
use super::super::wire::body::Body as Fields;
use super::super::wire::orders::read_orders;
use crate::app::App;
use crate::flows::{FlowError, HASH_KEY_PURPOSE, NewCharge, Refusal};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::sync::Arc;
use subtle::ConstantTimeEq;
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
    let mut fields = Fields::parse(&body)?;
    let currency = fields.currency("merchantCurrency");
    let amount = fields.amount("merchantAmount", currency);
    let orders = read_orders(&mut fields, "orders", currency);
    fields.finish()?;
    let amount = amount.ok_or_else(|| Refusal::field("merchantAmount", "missing_field", "is required"))?;
    let hash = compute(&web.app, &caller.0, amount, orders.as_deref())?;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind)], STANDARD.encode(hash)).into_response())
}

/// Checks the hash of a charge request: required in secure mode, right whenever it is given.
pub(super) fn check(app: &App, merchant: &Merchant, new: &NewCharge, given: Option<&str>) -> Result<(), ApiError> {
    let Some(given) = given else {
        if merchant.secure_mode {
            return Err(Refusal::field("hash", "missing_field", "is required in secure mode").into());
        }
        return Ok(());
    };
    let expected = STANDARD.encode(compute(app, merchant, new.merchant_amount, new.orders.as_deref())?);
    if bool::from(expected.as_bytes().ct_eq(given.as_bytes())) {
        return Ok(());
    }
    Err(Refusal::field("hash", "hash_mismatch", "is not the hash of this amount, currency and orders").into())
}

fn compute(
    app: &App,
    merchant: &Merchant,
    amount: xanpay_domain::money::Money,
    orders: Option<&str>,
) -> Result<[u8; 32], FlowError> {
    let key =
        app.unseal(HASH_KEY_PURPOSE, &merchant.hash_key).map_err(|error| FlowError::Internal(error.to_string()))?;
    let orders = orders.map(super::super::wire::json::canonical).transpose();
    let orders =
        orders.map_err(|_| Refusal::field("orders", "invalid_field", "cannot be brought into canonical form"))?;
    Ok(secure_hash(&key, amount, orders.as_deref()))
}
