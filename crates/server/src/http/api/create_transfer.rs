//! `POST /transfers`: an operator, or the operator's bank connection, reports an incoming transfer.

use super::once;
use crate::flows::{self, NewTransfer, Refusal};
use crate::http::auth::OperatorCaller;
use crate::http::error::ApiError;
use crate::http::limits::read_body;
use crate::http::router::Web;
use crate::wire::body::{Fields, MAX_NAME, MAX_REFERENCE};
use crate::wire::time::{Precision, parse_iso};
use crate::wire::transfer::recorded_json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use std::sync::Arc;
use xanpay_domain::environment::Environment;
use xanpay_domain::method::Method;
use xanpay_domain::time::Timestamp;
use xanpay_domain::transfer::{Booked, ReportedTransfer};

/// The fields as they are documented.
const FIELDS: [&str; 9] =
    ["method", "account", "amount", "currency", "reference", "bankReference", "bookedAt", "payerName", "payerAccount"];

/// Records a transfer.
pub async fn handle(
    State(web): State<Arc<Web>>,
    caller: OperatorCaller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let body = read_body(&headers, body).await?;
    let run = |key| async {
        let new = read(&body, caller.environment, "api", web.app.clock.now(caller.environment))?;
        Ok(flows::record_transfer(&web.app, new, key, recorded_json).await?.1)
    };
    once(&web, &headers, caller.api_key.clone(), "POST /transfers", &body, run).await
}

/// Reads a transfer. `method` is optional: the account's name usually tells.
pub(super) fn read(
    body: &[u8],
    environment: Environment,
    source: &'static str,
    now: Timestamp,
) -> Result<NewTransfer, Refusal> {
    let mut fields = Fields::parse(body)?;
    let method: Option<Method> = fields.raw("method").is_some().then(|| fields.method("method")).flatten();
    if fields.raw("account").is_none() {
        fields.missing("account");
    }
    let account = fields.text("account", MAX_NAME);
    let currency = fields.currency("currency");
    let amount = fields.amount("amount", currency);
    let reference = fields.lines("reference", MAX_REFERENCE).unwrap_or_default();
    let bank_reference = fields.text("bankReference", MAX_NAME).and_then(|text| xanpay_statements::reference(&text));
    let booked = match fields.text("bookedAt", MAX_NAME) {
        None => Booked::Unsaid(now),
        Some(text) => match parse_iso(&text) {
            Some((instant, Precision::Instant)) => Booked::At(instant),
            Some((day, Precision::Day)) => Booked::On(day),
            None => {
                fields.fault("bookedAt", "invalid_field", "must be an ISO 8601 date or date and time");
                Booked::Unsaid(now)
            }
        },
    };
    let payer_name = fields.text("payerName", MAX_NAME);
    let payer_account = fields.text("payerAccount", MAX_NAME);
    fields.finish_in(&FIELDS)?;
    let missing = |field| move || Refusal::field(field, "missing_field", "is required");
    Ok(NewTransfer {
        environment,
        method,
        account: account.ok_or_else(missing("account"))?,
        reported: ReportedTransfer {
            amount: amount.ok_or_else(missing("amount"))?,
            booked,
            texts: vec![reference],
            bank_reference,
            end_to_end_id: None,
            payer_name,
            payer_account,
            reversal: false,
        },
        source,
        merchant: None,
    })
}
