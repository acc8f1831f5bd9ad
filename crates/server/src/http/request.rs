//! Around every request: an id, one log line, one measurement, and security headers.

use super::error::ApiError;
use super::router::Web;
use super::server::MAX_HEAD;
use crate::entropy;
use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::convert::Infallible;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;
use xanpay_domain::id::write_hex;

/// The header that carries the request's id.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// For a year browsers come by https only, whatever a link says.
const STAY_WITH_TLS: HeaderValue = HeaderValue::from_static("max-age=31536000");
/// Problem documents are small; anything larger is not one of ours.
const MAX_PROBLEM: usize = 256 * 1024;

/// What went wrong, for the log.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    pub(super) code: &'static str,
    pub(super) source: Option<String>,
    /// The caller's API key, where it is one that is known.
    pub(super) key: Option<Box<str>>,
}

/// What is known of a request before it is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// The client's address. Nothing when the request did not come through a network.
    pub(super) client: Option<SocketAddr>,
    pub(super) id: RequestId,
}

impl Arrival {
    /// A request that has come just now.
    #[must_use]
    pub fn new(client: Option<SocketAddr>) -> Self {
        let mut id = RequestId([0; 16]);
        write_hex(&entropy::bytes::<8>(), &mut id.0);
        Self { client, id }
    }

    /// The arrival of the request that has these extensions.
    fn of(extensions: &mut Extensions) -> Self {
        *extensions.get_or_insert_with(|| Self::new(None))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Arrival {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&mut parts.extensions))
    }
}

/// The id of a request, 16 hex characters: in its answer, in the log, on pages that say that something failed.
#[derive(Clone, Copy)]
pub(super) struct RequestId([u8; 16]);

impl RequestId {
    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The layer.
pub(super) async fn around(State(web): State<Arc<Web>>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let Arrival { id, client } = Arrival::of(request.extensions_mut());
    let id = id.as_str();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = match check_host(&request)
        .and_then(|()| check_framing(request.headers()))
        .and_then(|()| check_size(&request))
    {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    if method == Method::OPTIONS {
        response = options(response);
    }
    let trouble = response.extensions_mut().remove::<Trouble>();
    let route = route.as_ref().map_or("none", |route| name_of(route.as_str()));
    let status = response.status().as_u16();
    web.metrics.observe(route, status, started.elapsed());
    if let Some(trouble) = trouble {
        match trouble.source {
            Some(source) => {
                tracing::error!(request_id = id, %method, route, status, code = trouble.code, source, "request failed")
            }
            // Whoever tries keys out shows in the log, and cannot fill it.
            None if ["unauthorized", "permission_denied"].contains(&trouble.code) => {
                let client = client.map_or(Ipv4Addr::UNSPECIFIED.into(), |client| client.ip());
                if let Some(left_out) = web.refused.speak(client, Instant::now()) {
                    let Trouble { code, key, .. } = trouble;
                    tracing::info!(request_id = id, %method, route, status, code, %client, key, left_out, "caller refused");
                }
            }
            None => tracing::debug!(request_id = id, %method, route, status, code = trouble.code, "request refused"),
        }
        response = with_request_id(response, id).await;
    } else {
        tracing::debug!(request_id = id, %method, route, status, "request served");
    }
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, value);
    }
    if web.settings.public_url.starts_with("https://") {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, STAY_WITH_TLS);
    }
    headers.entry(header::X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// A route with and without a slash at its end is one.
fn name_of(path: &str) -> &str {
    path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(path)
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

/// Refuses a body that is coded for its way in another form than in chunks, which would be read as if it were not (RFC 9112,
/// section 6.1).
fn check_framing(headers: &HeaderMap) -> Result<(), ApiError> {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    if codings.all(|coding| coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked")) {
        return Ok(());
    }
    let detail = "a body may be sent in chunks, and in no other transfer coding";
    Err(ApiError::new(StatusCode::BAD_REQUEST, "transfer_coding_unsupported", detail))
}

/// Refuses a head over the limit. The parser's own limit is one of its buffer, which a head that comes in one piece can
/// pass.
fn check_size(request: &Request) -> Result<(), ApiError> {
    let path = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    let lines = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
    if path + lines.sum::<usize>() <= MAX_HEAD {
        return Ok(());
    }
    let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    Err(ApiError::new(status, "header_too_large", "path and headers must be at most 64 KiB"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_counted_under_one_name_with_and_without_a_slash_at_its_end() {
        for (path, name) in [("/", "/"), ("/sessions", "/sessions"), ("/sessions/{id}/", "/sessions/{id}")] {
            assert_eq!(name_of(path), name);
        }
    }
}
