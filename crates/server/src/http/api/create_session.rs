//! `POST /sessions`

use super::once;
use crate::app::App;
use crate::flows::{self, FlowError, NewSession, Refusal};
use crate::http::auth::MerchantCaller;
use crate::http::error::ApiError;
use crate::http::limits::read_body;
use crate::http::router::Web;
use crate::wire::body::Fields;
use crate::wire::orders::read_orders;
use crate::wire::session::session_json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use std::sync::Arc;
use xanpay_domain::contact::Phone;
use xanpay_domain::session::Prefill;
use xanpay_store::Merchant;

/// The fields as they are documented.
const FIELDS: [&str; 8] =
    ["amount", "currency", "orders", "methods", "notifyUrl", "notifyPayload", "redirectUrl", "customer"];

/// Creates a session.
pub async fn handle(
    State(web): State<Arc<Web>>,
    caller: MerchantCaller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let body = read_body(&headers, body).await?;
    let run = |key| async {
        let new = read(&web.app, &body, &caller.merchant).await?;
        flows::create_session(&web.app, &caller.merchant, new, key, |session| session_json(session, session.created_at))
            .await
    };
    once(&web, &headers, caller.owner(), "POST /sessions", &body, run).await
}

async fn read(app: &App, body: &[u8], merchant: &Merchant) -> Result<NewSession, FlowError> {
    let mut fields = Fields::parse(body)?;
    let currency = fields.currency("currency");
    let amount = fields.amount("amount", currency);
    let orders = read_orders(&mut fields, "orders", currency);
    let methods = fields.methods("methods");
    let notify_url = fields.callback_url("notifyUrl", app.addresses.of(merchant.environment));
    let notify_payload = fields.payload("notifyPayload");
    let redirect_url = fields.redirect_url("redirectUrl");
    let prefill = fields.object("customer", |customer, path| Prefill {
        email: customer.email_at("email", &format!("{path}.email")),
        phone: customer.phone("phone", &format!("{path}.phone"), Phone::as_given),
    });
    if fields.has_faults() {
        // The flow, which would say so, is not reached.
        fields.add(flows::unusable_methods(app, merchant, methods.as_deref().unwrap_or_default(), amount).await?);
    }
    fields.finish_in(&FIELDS)?;
    let amount = amount.ok_or_else(|| Refusal::field("amount", "missing_field", "is required"))?;
    Ok(NewSession { amount, orders, methods, notify_url, notify_payload, redirect_url, prefill })
}
