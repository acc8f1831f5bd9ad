//! `GET /checkout/sessions/{id}/events`: server-sent events, so that an open page changes by itself.

use super::load::{Checkout, Visitor, problem};
use super::status::status_json;
use crate::http::error::ApiError;
use crate::http::object_id::ObjectId;
use crate::http::router::Web;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::channel::{Channel, Sender};
use std::sync::Arc;
use std::time::Duration;

/// Tells nginx, and the proxies that understand it likewise, to pass every event on as it comes.
const PROXY_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// How often a stream looks by itself: another node may have changed the charge, and the clock changes it everywhere.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// How long a stream lives; the page connects again.
const MAX_LIFE: Duration = Duration::from_secs(15 * 60);
/// When it is worth asking for a stream again; the page polls meanwhile.
const RETRY_AFTER_S: u32 = 60;

/// Streams the status: at once, and whenever it changes, until it cannot change any more.
pub async fn handle(State(web): State<Arc<Web>>, visitor: Visitor, ObjectId(id): ObjectId) -> Response {
    let checkout = match Checkout::load(&web, &visitor, &id, None).await {
        Ok(checkout) => checkout,
        Err(no_page) => return problem(no_page),
    };
    let Some(place) = web.streams.take(checkout.session.id, visitor.address()) else {
        let detail = "too many live streams are open; ask for the status";
        let refusal = ApiError::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail);
        return refusal.retry_after(RETRY_AFTER_S).into_response();
    };
    let (sender, body) = Channel::<Bytes>::new(4);
    tokio::spawn(async move {
        // It ends when the page goes away, when its time is over or when the gateway stops: nothing to report.
        let _ = tokio::time::timeout(MAX_LIFE, stream(&web, &visitor, checkout, sender)).await;
        drop(place);
    });
    let headers =
        [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store"), (PROXY_BUFFERING, "no")];
    (headers, Body::new(body)).into_response()
}

async fn stream(web: &Web, visitor: &Visitor, first: Checkout, mut page: Sender<Bytes>) {
    let id = first.session.id;
    let mut changes = web.app.session_changes.listen(id);
    let mut stopping = web.stopping.clone();
    let mut shown = String::new();
    let mut checkout = first;
    loop {
        let version = checkout.version();
        let line = if version == shown {
            // A comment keeps proxies from closing a silent connection, and finds out whether the page is still there.
            ": still here\n\n".to_owned()
        } else {
            format!("event: status\ndata: {}\n\n", status_json(&checkout))
        };
        shown = version;
        if page.send_data(Bytes::from(line)).await.is_err() || checkout.is_final() {
            return;
        }
        let changed = async {
            // Lagging behind means that something changed: look.
            while changes.recv().await.is_ok_and(|changed| changed != id) {}
        };
        tokio::select! {
            () = changed => {}
            () = tokio::time::sleep(LOOK_AGAIN) => {}
            _ = stopping.wait_for(|stopping| *stopping) => return,
        }
        checkout = match Checkout::load(web, visitor, &id.to_text(), None).await {
            Ok(checkout) => checkout,
            Err(_) => return,
        };
    }
}
