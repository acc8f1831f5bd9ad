//! The API: one file per operation.

pub mod advance_sandbox_clock;
pub mod cancel_charge;
pub mod confirm_phone_code;
pub mod create_charge;
pub mod create_hash;
pub mod create_sandbox_transfer;
pub mod create_session;
pub mod create_transfer;
pub mod get_certificate;
pub mod get_charge;
pub mod get_session;
pub mod get_session_charge;
pub mod list_sandbox_messages;
pub mod list_transfers;
pub mod send_phone_code;

use super::error::ApiError;
use super::limits;
use super::router::Web;
use crate::flows::{self, FlowError, Idempotency, Kind};
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use std::future::Future;

/// A JSON text as an answer.
fn json(text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Runs a creating request under its idempotency key, if it has one: an equal request before it has left its answer.
/// The body is read by `run`, after that answer was looked for: it was judged once, and what has changed since does not
/// count.
async fn once<F, Fut>(
    web: &Web,
    headers: &HeaderMap,
    owner: String,
    route: &str,
    body: &[u8],
    run: F,
) -> Result<Response, ApiError>
where
    F: FnOnce(Option<Idempotency>) -> Fut,
    Fut: Future<Output = Result<String, FlowError>>,
{
    let Some(key) = limits::idempotency(headers, owner, route, body)? else { return Ok(json(run(None).await?)) };
    if let Some(answer) = flows::replay(&web.app, &key).await? {
        return Ok(replayed(answer));
    }
    match run(Some(key.clone())).await {
        Ok(answer) => Ok(json(answer)),
        // Somebody else took the key in the meantime: what they answered is the answer.
        Err(FlowError::Refused(refusal)) if refusal.kind == Kind::InFlight => {
            match flows::replay(&web.app, &key).await? {
                Some(answer) => Ok(replayed(answer)),
                None => Err(refusal.into()),
            }
        }
        Err(error) => Err(error.into()),
    }
}

fn replayed(answer: String) -> Response {
    let mut response = json(answer);
    response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
    response
}
