//! `POST /charges/hash`: the secure mode's hash over what must not be changed on the way.

use crate::app::App;
use crate::flows::{Fault, FlowError, hash_key};
use crate::http::auth::MerchantCaller;
use crate::http::error::ApiError;
use crate::http::limits::read_body;
use crate::http::router::Web;
use crate::wire::hash::{hash_amount, hash_request};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use subtle::ConstantTimeEq;
use xanpay_domain::money::Money;
use xanpay_store::Merchant;

/// Computes the hash of a request: bare base64, no quotes.
pub async fn handle(
    State(web): State<Arc<Web>>,
    caller: MerchantCaller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let body = read_body(&headers, body).await?;
    let hash = hash_request(&body, &hash_key(&web.app, &caller.merchant)?)?;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind)], hash).into_response())
}

/// The faults of the hash of a charge request.
pub(super) fn faults(
    app: &App,
    merchant: &Merchant,
    given: &str,
    amount: Money,
    orders: Option<&str>,
) -> Result<Vec<Fault>, FlowError> {
    let expected = match hash_amount(&hash_key(app, merchant)?, amount, orders) {
        Ok(expected) => expected,
        Err(refusal) => return Ok(refusal.faults),
    };
    if bool::from(expected.as_bytes().ct_eq(given.as_bytes())) {
        return Ok(Vec::new());
    }
    let message = "is not the hash of this amount, currency and orders".to_owned();
    Ok(vec![Fault { field: "hash".into(), code: "hash_mismatch", message }])
}
