//! `POST /sandbox/clock`: moves the sandbox's time ahead.

use super::json;
use crate::flows;
use crate::http::auth::SandboxCaller;
use crate::http::error::ApiError;
use crate::http::limits::read_body;
use crate::http::router::Web;
use crate::wire::body::{Fields, whole_number};
use crate::wire::json::to_text;
use crate::wire::time::iso;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use std::sync::Arc;
use xanpay_domain::environment::Environment;
use xanpay_domain::time::Span;

/// Advances the clock of the whole sandbox.
pub async fn handle(
    State(web): State<Arc<Web>>,
    _: SandboxCaller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let body = read_body(&headers, body).await?;
    let mut fields = Fields::parse(&body)?;
    let wanted = fields.raw("advanceMs").map(whole_number);
    match wanted {
        Some(Some(_)) => {}
        Some(None) => fields.fault("advanceMs", "invalid_field", "must be a whole number of milliseconds"),
        None => fields.missing("advanceMs"),
    }
    fields.finish()?;
    let millis = wanted.flatten().unwrap_or(0);
    let ahead = flows::advance_sandbox(&web.app, Span::millis(millis)).await?;
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        ahead_ms: i64,
        now: String,
    }
    let now = iso(web.app.clock.now(Environment::Sandbox));
    Ok(json(to_text(&Answer { ahead_ms: ahead.as_millis(), now })))
}
