//! Around every request: an id, one log line, one measurement, and security headers.

use super::error::ApiError;
use super::metrics::Metrics;
use crate::entropy;
use axum::body::{Body, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use std::time::Instant;

/// The header that carries the request's id.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Problem documents are small; anything larger is not one of ours.
const MAX_PROBLEM: usize = 256 * 1024;

/// What went wrong, for the log.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    pub(super) code: &'static str,
    pub(super) source: Option<String>,
}

/// The id of the request at hand, for pages that show it.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// The layer.
pub(super) async fn around(State(metrics): State<Arc<Metrics>>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = xanpay_domain::id::to_hex(&entropy::bytes::<8>());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = match check_host(&request) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    if method == Method::OPTIONS {
        response = options(response);
    }
    let trouble = response.extensions_mut().remove::<Trouble>();
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let status = response.status().as_u16();
    metrics.observe(route, status, started.elapsed());
    if let Some(trouble) = trouble {
        match trouble.source {
            Some(source) => {
                tracing::error!(request_id = id, %method, route, status, code = trouble.code, source, "request failed")
            }
            None => tracing::debug!(request_id = id, %method, route, status, code = trouble.code, "request refused"),
        }
        response = with_request_id(response, &id).await;
    } else {
        tracing::debug!(request_id = id, %method, route, status, "request served");
    }
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, value);
    }
    headers.entry(header::X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Refuses what RFC 9112 section 3.2 tells a server to refuse.
fn check_host(request: &Request) -> Result<(), ApiError> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (first, second) = (hosts.next(), hosts.next());
    let fault = match first {
        None if request.version() == Version::HTTP_11 => "a request of HTTP/1.1 has a Host header",
        Some(_) if second.is_some() => "a request has one Host header only",
        Some(host) if !host.as_bytes().iter().all(|byte| may_stand_in_host(*byte)) => {
            "the Host header is a host, and a port behind a colon"
        }
        None | Some(_) => return Ok(()),
    };
    Err(ApiError::new(StatusCode::BAD_REQUEST, "host_invalid", fault))
}

/// Whether a byte may stand in a host with a port (RFC 3986, section 3.2.2).
fn may_stand_in_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:[]".contains(&byte)
}

/// Answers OPTIONS with what a path takes. No origin is allowed to call from a browser: secrets do not belong there.
fn options(response: Response) -> Response {
    if response.status() != StatusCode::METHOD_NOT_ALLOWED {
        return response;
    }
    let mut answer = StatusCode::NO_CONTENT.into_response();
    if let Some(allow) = response.headers().get(header::ALLOW) {
        answer.headers_mut().insert(header::ALLOW, allow.clone());
    }
    answer
}

/// Adds `requestId` behind the members of a problem document.
async fn with_request_id(response: Response, id: &str) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, MAX_PROBLEM).await else { return Response::from_parts(parts, Body::empty()) };
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    if text.ends_with('}') {
        text.pop();
        text.push_str(&format!(",\"requestId\":\"{id}\"}}"));
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(text))
}
