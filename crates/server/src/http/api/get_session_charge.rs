//! `GET /sessions/{id}/charge`

use super::json;
use crate::http::auth::MerchantCaller;
use crate::http::error::ApiError;
use crate::http::object_id::ObjectId;
use crate::http::router::Web;
use crate::wire::charge::session_charge_json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use std::sync::Arc;
use xanpay_domain::id::SessionId;

/// Shows the one charge of a session, if it has one.
pub async fn handle(
    State(web): State<Arc<Web>>,
    caller: MerchantCaller,
    ObjectId(id): ObjectId,
) -> Result<Response, ApiError> {
    let id = SessionId::parse(&id).map_err(|_| ApiError::not_found())?;
    let tx = web.app.store.reader();
    tx.find_session_of(caller.merchant.id, caller.merchant.environment, id).await?.ok_or_else(ApiError::not_found)?;
    let none = || ApiError::new(StatusCode::NOT_FOUND, "charge_not_found", "the session has no charge");
    let charge = tx.find_charge_of_session(id).await?.ok_or_else(none)?;
    Ok(json(session_charge_json(&charge, web.app.clock.now(charge.environment))))
}
