//! `POST /customers/phone/verification`

use super::once;
use crate::flows::{self, Idempotency, Refusal};
use crate::http::auth::MerchantCaller;
use crate::http::error::ApiError;
use crate::http::limits::read_body;
use crate::http::router::Web;
use crate::wire::body::Fields;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use std::sync::Arc;
use xanpay_domain::contact::Phone;
use xanpay_store::Permission;

/// What is answered, whoever has the phone.
const ANSWER: &str = "{}";

/// Sends a one-time password to a phone.
pub async fn handle(
    State(web): State<Arc<Web>>,
    caller: MerchantCaller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    caller.require(Permission::Customers)?;
    let body = read_body(&headers, body).await?;
    let run = |key: Option<Idempotency>| async {
        let phone = read(&body)?;
        flows::send_otp(&web.app, &caller.merchant, phone, key.map(|key| (key, ANSWER))).await?;
        Ok(ANSWER.to_owned())
    };
    once(&web, &headers, caller.owner(), "POST /customers/phone/verification", &body, run).await
}

fn read(body: &[u8]) -> Result<Phone, Refusal> {
    let mut fields = Fields::parse(body)?;
    if fields.raw("phone").is_none() {
        fields.missing("phone");
    }
    let phone = fields.phone("phone", "phone", Phone::parse);
    fields.finish()?;
    phone.ok_or_else(|| Refusal::field("phone", "missing_field", "is required"))
}
