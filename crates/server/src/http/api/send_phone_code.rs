//! `POST /customers/phone/verification`

use super::super::auth::MerchantCaller;
use super::super::error::ApiError;
use super::super::limits::read_body;
use super::super::router::Web;
use super::json;
use crate::flows::{self, Refusal};
use crate::wire::body::Body as Fields;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use std::sync::Arc;
use xanpay_domain::contact::Phone;
use xanpay_store::Permission;

/// Sends a one-time password to a phone.
pub async fn handle(
    State(web): State<Arc<Web>>,
    caller: MerchantCaller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    caller.require(Permission::Customers)?;
    let body = read_body(&headers, body).await?;
    let mut fields = Fields::parse(&body)?;
    if fields.raw("phone").is_none() {
        fields.missing("phone");
    }
    let phone = fields.phone("phone", "phone", Phone::parse);
    fields.finish()?;
    let phone = phone.ok_or_else(|| Refusal::field("phone", "missing_field", "is required"))?;
    flows::send_otp(&web.app, &caller.0, phone).await?;
    Ok(json("{}".into()))
}
