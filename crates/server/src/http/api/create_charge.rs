//! `POST /charges`

use super::{create_hash, once};
use crate::app::App;
use crate::flows::{self, FlowError, NewCharge, Refusal};
use crate::http::auth::MerchantCaller;
use crate::http::error::ApiError;
use crate::http::limits::read_body;
use crate::http::router::Web;
use crate::wire::body::{Fields, MAX_NAME};
use crate::wire::charge::created_json;
use crate::wire::orders::read_orders;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use std::sync::Arc;
use xanpay_store::{Merchant, Permission};

/// The fields as they are documented.
const FIELDS: [&str; 9] = [
    "verificationCode",
    "email",
    "merchantAmount",
    "merchantCurrency",
    "method",
    "orders",
    "notifyUrl",
    "notifyPayload",
    "hash",
];

/// Creates a charge.
pub async fn handle(
    State(web): State<Arc<Web>>,
    caller: MerchantCaller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    caller.require(Permission::Charges)?;
    let body = read_body(&headers, body).await?;
    let run = |key| async {
        let new = read(&web.app, &body, &caller.merchant).await?;
        flows::create_charge(&web.app, &caller.merchant, new, key, created_json).await
    };
    once(&web, &headers, caller.owner(), "POST /charges", &body, run).await
}

async fn read(app: &App, body: &[u8], merchant: &Merchant) -> Result<NewCharge, FlowError> {
    let mut fields = Fields::parse(body)?;
    let currency = fields.currency("merchantCurrency");
    let merchant_amount = fields.amount("merchantAmount", currency);
    let method = fields.method("method");
    if fields.raw("email").is_none() {
        fields.missing("email");
    }
    let email = fields.email_at("email", "email");
    let verification_code = fields.text("verificationCode", MAX_NAME);
    let orders = read_orders(&mut fields, "orders", currency);
    let notify_url = fields.callback_url("notifyUrl", app.addresses.of(merchant.environment));
    let notify_payload = fields.payload("notifyPayload");
    // Whatever the text is: if it is not the hash, it is the wrong one.
    let hash = fields.string("hash");
    if merchant.secure_mode && fields.raw("hash").is_none() {
        fields.fault("hash", "missing_field", "is required in secure mode");
    }
    let has_code = fields.raw("verificationCode").is_some();
    let has_readable_orders = orders.is_some() || fields.raw("orders").is_none();
    if let (Some(hash), Some(amount), true) = (hash, merchant_amount, has_readable_orders) {
        fields.add(create_hash::faults(app, merchant, &hash, amount, orders.as_deref())?);
    }
    fields.add(flows::unmet_requirements(merchant, method, has_code));
    if let (true, Some(method), Some(amount)) = (fields.has_faults(), method, merchant_amount) {
        // The flow, which would say so, is not reached.
        fields.add(flows::unpayable(app, merchant, method, amount).await?);
    }
    fields.finish_in(&FIELDS)?;
    let missing = |field| move || Refusal::field(field, "missing_field", "is required");
    let merchant_amount = merchant_amount.ok_or_else(missing("merchantAmount"))?;
    let method = method.ok_or_else(missing("method"))?;
    Ok(NewCharge { merchant_amount, method, email, verification_code, orders, notify_url, notify_payload })
}
