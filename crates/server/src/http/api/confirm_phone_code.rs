//! `PUT /customers/phone/verification` and `POST /customers/phone/verification/complete`

use super::once;
use crate::flows::{self, Refusal};
use crate::http::auth::MerchantCaller;
use crate::http::error::ApiError;
use crate::http::limits::read_body;
use crate::http::router::Web;
use crate::wire::body::{Fields, MAX_NAME};
use crate::wire::json::to_text;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use std::sync::Arc;
use xanpay_domain::contact::Phone;
use xanpay_domain::verification::read_otp;
use xanpay_store::Permission;

/// Exchanges a one-time password for a verification code.
pub async fn handle(
    State(web): State<Arc<Web>>,
    caller: MerchantCaller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    caller.require(Permission::Customers)?;
    let body = read_body(&headers, body).await?;
    let run = |key| async {
        let (phone, otp) = read(&body)?;
        flows::confirm_phone(&web.app, &caller.merchant, &phone, &otp, key, answer_json).await
    };
    // Both ways to ask are one request.
    once(&web, &headers, caller.owner(), "POST /customers/phone/verification/complete", &body, run).await
}

fn read(body: &[u8]) -> Result<(Phone, String), Refusal> {
    let mut fields = Fields::parse(body)?;
    for field in ["phone", "code"] {
        if fields.raw(field).is_none() {
            fields.missing(field);
        }
    }
    let phone = fields.phone("phone", "phone", Phone::parse);
    let otp = fields.text("code", MAX_NAME).and_then(|text| {
        let otp = read_otp(&text);
        if otp.is_none() {
            fields.fault("code", "verification_code_invalid", "must be 6 digits");
        }
        otp
    });
    fields.finish()?;
    let missing = |field| move || Refusal::field(field, "missing_field", "is required");
    Ok((phone.ok_or_else(missing("phone"))?, otp.ok_or_else(missing("code"))?))
}

fn answer_json(code: &str) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer<'a> {
        verification_code: &'a str,
    }
    to_text(&Answer { verification_code: code })
}
