//! `GET /checkout/sessions/{id}/status`: what an open page polls.

use super::load::{Checkout, Visitor, problem};
use crate::http::object_id::ObjectId;
use crate::http::router::Web;
use crate::wire::amount::Amount;
use crate::wire::json::to_text;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::sync::Arc;

/// The status of the session and of its charge.
pub async fn handle(State(web): State<Arc<Web>>, visitor: Visitor, ObjectId(id): ObjectId) -> Response {
    match Checkout::load(&web, &visitor, &id, None).await {
        Ok(checkout) => ([(header::CONTENT_TYPE, "application/json")], status_json(&checkout)).into_response(),
        Err(no_page) => problem(no_page),
    }
}

/// The JSON that polling and events share.
pub(super) fn status_json(checkout: &Checkout) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Status {
        status: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        charge_status: Option<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        received_amount: Option<Amount>,
        version: String,
    }
    let charge = checkout.charge.as_ref();
    to_text(&Status {
        status: checkout.session.state_at(checkout.now).as_str(),
        charge_status: charge.map(|charge| charge.status_at(checkout.now).as_str()),
        received_amount: charge.filter(|charge| !charge.received.is_zero()).map(|charge| Amount(charge.received)),
        version: checkout.version(),
    })
}
