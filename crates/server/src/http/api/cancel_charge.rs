//! `PATCH /charges/{id}/cancel`

use super::super::auth::{MerchantCaller, has_credentials};
use super::super::error::ApiError;
use super::super::limits::read_body;
use super::super::object_id::ObjectId;
use super::super::router::Web;
use super::json;
use crate::flows::{self, CancelAuthority};
use crate::wire::body::{Body as Fields, MAX_NAME};
use axum::body::Body;
use axum::extract::{FromRequestParts, RawQuery, State};
use axum::http::Request;
use axum::response::Response;
use std::sync::Arc;
use xanpay_domain::id::ChargeId;
use xanpay_domain::secret::Secret;

/// Cancels a pending charge, with credentials or with its cancel token in the body or the query.
pub async fn handle(
    State(web): State<Arc<Web>>,
    ObjectId(id): ObjectId,
    RawQuery(query): RawQuery,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let (mut parts, body) = request.into_parts();
    let authority = if has_credentials(&parts.headers) {
        let caller = MerchantCaller::from_request_parts(&mut parts, &web).await?;
        CancelAuthority::Merchant(caller.0.id, caller.0.environment)
    } else {
        let body = read_body(&parts.headers, body).await?;
        let token = token_in_query(query.as_deref()).map_or_else(|| token_in_body(&body), |token| Ok(Some(token)))?;
        CancelAuthority::Token(Secret::new(token.ok_or_else(ApiError::unauthorized)?))
    };
    let id = ChargeId::parse(&id).map_err(|_| ApiError::not_found())?;
    let cancelled = flows::cancel_charge(&web.app, id, authority).await?;
    Ok(json(cancelled.to_string()))
}

fn token_in_query(query: Option<&str>) -> Option<String> {
    let pairs = url::form_urlencoded::parse(query?.as_bytes());
    pairs.into_iter().find(|(name, _)| name == "cancelToken").map(|(_, token)| token.into_owned())
}

fn token_in_body(body: &[u8]) -> Result<Option<String>, ApiError> {
    if body.is_empty() {
        return Ok(None);
    }
    let mut fields = Fields::parse(body)?;
    let token = fields.text("cancelToken", MAX_NAME);
    fields.finish()?;
    Ok(token)
}
