//! For those who run the gateway: health and figures.

use super::error::ApiError;
use super::request::Arrival;
use super::router::Web;
use crate::open::KEY_ID_SETTING;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::net::SocketAddr;
use std::sync::Arc;

/// The process is alive.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// The database can be read. Whether it has room to write shows only in writing.
pub(super) async fn readyz(State(web): State<Arc<Web>>) -> Result<&'static str, ApiError> {
    let read = async { web.app.store.reader().find_setting(KEY_ID_SETTING).await };
    match read.await {
        Ok(_) => Ok("ready\n"),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            let detail = "the database cannot be read";
            Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "storage_unavailable", detail).retry_after(1))
        }
    }
}

/// Figures for Prometheus; to everyone but the operator's addresses the path does not exist.
pub(super) async fn metrics(State(web): State<Arc<Web>>, arrival: Arrival) -> Result<Response, ApiError> {
    let allowed = |client: SocketAddr| {
        web.settings.metrics_allowed.iter().any(|network| network.contains(&client.ip().to_canonical()))
    };
    if !arrival.client.is_some_and(allowed) {
        return Err(ApiError::not_found());
    }
    let waiting = web.app.store.reader().count_waiting_deliveries(10_000).await?;
    web.metrics.set_waiting_deliveries(waiting);
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], web.metrics.render()).into_response())
}
