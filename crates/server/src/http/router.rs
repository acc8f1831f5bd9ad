//! Which path goes where. Every path also answers with a slash at its end, directly.

use super::error::ApiError;
use super::limits::{Quiet, Tally};
use super::metrics::Metrics;
use super::{Settings, api, checkout, docs, ops, request};
use crate::app::App;
use axum::Router;
use axum::handler::Handler;
use axum::http::StatusCode;
use axum::middleware;
use axum::routing::{MethodRouter, get, patch, post};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use xanpay_domain::id::SessionId;

/// What handlers share.
pub struct Web {
    /// The gateway.
    pub app: Arc<App>,
    /// What the HTTP side is told.
    pub settings: Settings,
    /// Figures.
    pub(super) metrics: Metrics,
    /// Log lines about callers who were refused.
    pub(super) refused: Quiet<IpAddr>,
    /// Failed guesses of session ids.
    pub(super) misses: Tally<IpAddr>,
    /// Codes that were sent to phones for a session.
    pub(super) codes_of_session: Tally<SessionId>,
    /// Codes that were sent to phones for an address of a visitor.
    pub(super) codes_of_address: Tally<IpAddr>,
    /// Live streams that are open.
    pub(super) streams: Arc<checkout::streams::Streams>,
    /// Turns true when the gateway stops: streams end.
    pub(super) stopping: watch::Receiver<bool>,
    /// Pictures of QR codes, drawn once.
    pub(super) pictures: checkout::pictures::Pictures,
}

impl Web {
    /// The web side of a gateway.
    #[must_use]
    pub fn new(app: Arc<App>, settings: Settings, stopping: watch::Receiver<bool>) -> Arc<Self> {
        // The other half of the connections is for everything else.
        let streams = checkout::streams::Streams::new(settings.max_connections / 2);
        Arc::new(Self {
            app,
            settings,
            metrics: Metrics::default(),
            refused: Quiet::default(),
            // Honest customers do not miss.
            misses: Tally::new(60, Duration::from_secs(60)),
            // A customer mistypes a number now and then; many customers share an address.
            codes_of_session: Tally::new(10, Duration::from_secs(3600)),
            codes_of_address: Tally::new(60, Duration::from_secs(3600)),
            streams,
            stopping,
            pictures: checkout::pictures::Pictures::default(),
        })
    }
}

/// A form of the checkout. Its address stays in the browser's bar when the page comes back with a fault, and whoever reads
/// it again is led to the page.
fn form<T: 'static>(handler: impl Handler<T, Arc<Web>>) -> MethodRouter<Arc<Web>> {
    post(handler).get(checkout::page::of_form)
}

/// Every route with its path as the documents print it.
fn routes() -> Vec<(&'static str, MethodRouter<Arc<Web>>)> {
    vec![
        ("/sessions", post(api::create_session::handle)),
        ("/sessions/{id}", get(api::get_session::handle)),
        ("/sessions/{id}/charge", get(api::get_session_charge::handle)),
        ("/charges", post(api::create_charge::handle)),
        ("/charges/hash", post(api::create_hash::handle)),
        ("/charges/{id}", get(api::get_charge::handle).post(api::get_charge::handle)),
        ("/charges/{id}/cancel", patch(api::cancel_charge::handle)),
        ("/customers/phone/verification", post(api::send_phone_code::handle).put(api::confirm_phone_code::handle)),
        ("/customers/phone/verification/complete", post(api::confirm_phone_code::handle)),
        ("/transfers", post(api::create_transfer::handle).get(api::list_transfers::handle)),
        ("/sandbox/transfers", post(api::create_sandbox_transfer::handle)),
        ("/sandbox/clock", post(api::advance_sandbox_clock::handle)),
        ("/sandbox/messages", get(api::list_sandbox_messages::handle)),
        ("/certificate", get(api::get_certificate::handle)),
        ("/checkout", get(checkout::page::handle)),
        ("/checkout/sessions/{id}/start", form(checkout::start::handle)),
        ("/checkout/sessions/{id}/verify", form(checkout::verify::handle)),
        ("/checkout/sessions/{id}/code", form(checkout::code::handle)),
        ("/checkout/sessions/{id}/initiate", post(checkout::initiate::handle)),
        ("/checkout/sessions/{id}/cancel", form(checkout::cancel::handle)),
        ("/checkout/sessions/{id}/simulate", form(checkout::simulate::handle)),
        ("/checkout/sessions/{id}/status", get(checkout::status::handle)),
        ("/checkout/sessions/{id}/events", get(checkout::events::handle)),
        ("/checkout/sessions/{id}/qr.svg", get(checkout::picture::handle)),
        ("/docs/rails", get(docs::rails)),
        ("/docs/errors", get(docs::errors)),
        ("/healthz", get(ops::healthz)),
        ("/readyz", get(ops::readyz)),
        ("/metrics", get(ops::metrics)),
    ]
}

/// The paths of the API and of the checkout, as the router knows them.
pub fn paths() -> impl Iterator<Item = &'static str> {
    routes().into_iter().map(|(path, _)| path)
}

/// The gateway as a service.
pub fn router(web: Arc<Web>) -> Router {
    let mut router =
        Router::new().route("/", get(checkout::page::handle)).route("/assets/{*path}", get(checkout::asset));
    for (path, methods) in routes() {
        router = router.route(path, methods.clone()).route(&format!("{path}/"), methods);
    }
    router
        .fallback(|| async { ApiError::not_found() })
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(Arc::clone(&web), request::around))
        .with_state(web)
}

async fn method_not_allowed() -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this path does not take this method")
}
