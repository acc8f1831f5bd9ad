//! `PATCH /charges/{id}/cancel`

use super::json;
use crate::flows::{self, CancelAuthority, Refusal};
use crate::http::auth::{MerchantCaller, has_credentials};
use crate::http::error::ApiError;
use crate::http::limits::read_body;
use crate::http::object_id::ObjectId;
use crate::http::router::Web;
use crate::wire::body::{Fields, MAX_NAME};
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
        CancelAuthority::Merchant(caller.merchant.id, caller.merchant.environment)
    } else {
        let body = read_body(&parts.headers, body).await?;
        CancelAuthority::Token(Secret::new(the_token(query.as_deref(), &body)?))
    };
    let id = ChargeId::parse(&id).map_err(|_| ApiError::not_found())?;
    let cancelled = flows::cancel_charge(&web.app, id, authority).await?;
    Ok(json(cancelled.to_string()))
}

/// The token, wherever it stands. Two that differ are a fault: which of them is meant is not for us to guess.
fn the_token(query: Option<&str>, body: &[u8]) -> Result<String, ApiError> {
    let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let in_query = pairs.filter(|(name, _)| name == "cancelToken").map(|(_, token)| token.into_owned());
    let mut tokens = in_query.chain(token_in_body(body)?);
    let token = tokens.next().ok_or_else(ApiError::unauthorized)?;
    if tokens.any(|other| other != token) {
        return Err(Refusal::field("cancelToken", "invalid_field", "is given twice, and not the same").into());
    }
    Ok(token)
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
