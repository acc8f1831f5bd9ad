//! `GET /sessions/{id}`

use super::json;
use crate::flows;
use crate::http::auth::MerchantCaller;
use crate::http::error::ApiError;
use crate::http::object_id::ObjectId;
use crate::http::router::Web;
use crate::wire::session::session_json;
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;
use xanpay_domain::id::SessionId;

/// Shows a session.
pub async fn handle(
    State(web): State<Arc<Web>>,
    caller: MerchantCaller,
    ObjectId(id): ObjectId,
) -> Result<Response, ApiError> {
    let id = SessionId::parse(&id).map_err(|_| ApiError::not_found())?;
    let tx = web.app.store.reader();
    let mut session = tx
        .find_session_of(caller.merchant.id, caller.merchant.environment, id)
        .await?
        .ok_or_else(ApiError::not_found)?;
    let now = web.app.clock.now(session.environment);
    flows::judge_session(&web.app, &mut session, now).await?;
    Ok(json(session_json(&session, now)))
}
