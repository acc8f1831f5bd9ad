//! `GET /charges/{id}` and `POST /charges/{id}`, which the documents print for the same thing.

use super::json;
use crate::http::auth::MerchantCaller;
use crate::http::error::ApiError;
use crate::http::object_id::ObjectId;
use crate::http::router::Web;
use crate::wire::charge::classic_json;
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;
use xanpay_domain::id::ChargeId;

/// Shows a charge.
pub async fn handle(
    State(web): State<Arc<Web>>,
    caller: MerchantCaller,
    ObjectId(id): ObjectId,
) -> Result<Response, ApiError> {
    let id = ChargeId::parse(&id).map_err(|_| ApiError::not_found())?;
    let tx = web.app.store.reader();
    let charge = tx
        .find_charge_of(caller.merchant.id, caller.merchant.environment, id)
        .await?
        .ok_or_else(ApiError::not_found)?;
    Ok(json(classic_json(&charge, web.app.clock.now(charge.environment))))
}
