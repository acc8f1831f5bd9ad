//! `POST /sandbox/transfers`: a merchant plays the customer's bank.

use super::{create_transfer, once};
use crate::flows;
use crate::http::auth::SandboxCaller;
use crate::http::error::ApiError;
use crate::http::limits::read_body;
use crate::http::router::Web;
use crate::wire::transfer::recorded_json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use std::sync::Arc;
use xanpay_domain::environment::Environment;

/// Records a transfer that no bank has made. Only sandbox keys reach it: in live the path does not exist.
pub async fn handle(
    State(web): State<Arc<Web>>,
    SandboxCaller(caller): SandboxCaller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let body = read_body(&headers, body).await?;
    let run = |key| async {
        let now = web.app.clock.now(Environment::Sandbox);
        let mut new = create_transfer::read(&body, Environment::Sandbox, "sandbox", now)?;
        new.merchant = Some(Arc::clone(&caller.merchant));
        Ok(flows::record_transfer(&web.app, new, key, recorded_json).await?.1)
    };
    once(&web, &headers, caller.owner(), "POST /sandbox/transfers", &body, run).await
}
