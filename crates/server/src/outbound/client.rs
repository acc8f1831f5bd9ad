//! One webhook or callback POST, with every limit it needs.
//!
//! A client belongs to one [`AddressPolicy`], so connections kept open for sandbox calls are never used for live ones.
//! It follows no redirect, decompresses nothing, uses no proxy, and reads at most [`BODY_LIMIT`] bytes of an answer.
//! What it meets on the way is a [`SendError`] whose kind is stable and whose message names neither an address nor a
//! secret.

use super::address::AddressPolicy;
use super::connector::{CheckedConnector, LimitedConnector, Lookups, Resolve, SystemResolver};
use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, DATE, HOST, HeaderMap, HeaderValue, RETRY_AFTER, TRANSFER_ENCODING,
    USER_AGENT,
};
use http::{Method, Request, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper_rustls::{DefaultServerNameResolver, HttpsConnector};
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use jiff::fmt::rfc2822::DateTimeParser;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::timeout_at;
use url::{Position, Url};
use xanpay_domain::text::is_directional;

/// How much of an answer's body is read, in bytes; after more, the connection is closed.
pub const BODY_LIMIT: usize = 16 * 1024;

/// How much of an answer's body is kept, in bytes.
pub const EXCERPT_LIMIT: usize = 512;

/// The longest wait that a receiver may ask for.
pub const RETRY_AFTER_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// The longest head of an answer, in bytes.
const HEAD_LIMIT: usize = 64 * 1024;

/// The longest time a connection stays open unused: shorter than the usual five seconds of receivers, so that a call
/// seldom meets a connection that is just being closed.
const IDLE_LIMIT: Duration = Duration::from_secs(4);

/// How many unused connections stay open per scheme, host and port.
const IDLE_CONNECTIONS: usize = 256;

const AGENT: HeaderValue = HeaderValue::from_static(concat!("XanPay/", env!("CARGO_PKG_VERSION")));
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Limits of time and additional trust of a [`WebhookClient`].
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// For resolving, connecting and the TLS handshake together.
    pub connect_timeout: Duration,
    /// For the whole call, the answer's body included.
    pub total_timeout: Duration,
    /// Certificate authorities trusted in addition to the public ones, as X.509 DER.
    pub extra_roots: Vec<CertificateDer<'static>>,
}

impl Default for ClientSettings {
    /// Five seconds to connect, ten in all, public authorities only.
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            total_timeout: Duration::from_secs(10),
            extra_roots: Vec::new(),
        }
    }
}

/// What a receiver answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status; a redirect is an answer like any other.
    pub status: u16,
    /// The first [`EXCERPT_LIMIT`] bytes of the body as text, without control characters.
    pub excerpt: String,
    /// How long the receiver asks to wait, at most [`RETRY_AFTER_LIMIT`].
    pub retry_after: Option<Duration>,
    /// From the call to the end of the answer, in milliseconds.
    pub elapsed_ms: u64,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SendErrorKind {
    /// This gateway could not try: it has too much under way. It says nothing about the receiver.
    Unsent,
    /// The policy forbids the scheme or one of the host's addresses; nothing was connected to.
    Blocked,
    /// The URL cannot be written into an HTTP request.
    Url,
    /// The host has no address, or the resolver did not answer.
    Dns,
    /// No connection to any address.
    Connect,
    /// The TLS handshake or the certificate failed.
    Tls,
    /// A time limit passed before the head of the answer was there.
    Timeout,
    /// The connection ended before the head of the answer was there.
    Reset,
    /// The answer is not HTTP, or its head is too long.
    Answer,
}

impl SendErrorKind {
    /// The stable code that an attempt is recorded with.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unsent => "unsent",
            Self::Blocked => "blocked_address",
            Self::Url => "url_invalid",
            Self::Dns => "dns_failed",
            Self::Connect => "connect_failed",
            Self::Tls => "tls_failed",
            Self::Timeout => "timeout",
            Self::Reset => "connection_reset",
            Self::Answer => "answer_invalid",
        }
    }
}

/// A call without an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", kind.code())]
pub struct SendError {
    /// What went wrong, for decisions.
    pub kind: SendErrorKind,
    /// What went wrong, for people.
    pub message: String,
}

impl SendError {
    pub(super) fn new(kind: SendErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

/// Sends webhooks and callbacks under one [`AddressPolicy`]. Clones share their connections.
#[derive(Clone)]
pub struct WebhookClient {
    client: Client<LimitedConnector, Full<Bytes>>,
    policy: Arc<AddressPolicy>,
    lookups: Arc<Lookups>,
    total_timeout: Duration,
}

impl WebhookClient {
    /// A client that asks the system's resolver.
    ///
    /// # Errors
    /// An additional root is not an X.509 certificate, or TLS cannot be set up.
    pub fn new(policy: AddressPolicy, settings: &ClientSettings) -> Result<Self, rustls::Error> {
        Self::with_resolver(policy, settings, Arc::new(SystemResolver))
    }

    /// A client with its own way to resolve names.
    ///
    /// # Errors
    /// As [`WebhookClient::new`].
    pub fn with_resolver(
        policy: AddressPolicy,
        settings: &ClientSettings,
        resolver: Arc<dyn Resolve>,
    ) -> Result<Self, rustls::Error> {
        let policy = Arc::new(policy);
        let lookups = Lookups::new(resolver);
        let tcp = CheckedConnector::new(Arc::clone(&policy), Arc::clone(&lookups), settings.connect_timeout);
        let names = Arc::new(DefaultServerNameResolver::default());
        let tls = HttpsConnector::new(tcp, tls_config(&settings.extra_roots)?, false, names);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_LIMIT)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .http1_max_buf_size(HEAD_LIMIT)
            .build(LimitedConnector::new(tls, settings.connect_timeout));
        Ok(Self { client, policy, lookups, total_timeout: settings.total_timeout })
    }

    /// Posts `body` and waits for the answer.
    ///
    /// `Content-Type` is JSON unless given. Headers that frame the message or name the host are replaced. Once the
    /// status is there the receiver has answered: a body that stalls or breaks off is kept as far as it came.
    ///
    /// # Errors
    /// A [`SendError`] when no status arrived within the limits.
    pub async fn post(&self, url: &Url, headers: HeaderMap, body: Bytes) -> Result<Answer, SendError> {
        let started = Instant::now();
        let deadline = tokio::time::Instant::from_std(started) + self.total_timeout;
        let request = self.request(url, headers, body)?;
        let response = match timeout_at(deadline, self.client.request(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(explain(&error)),
            Err(_) => return Err(SendError::new(SendErrorKind::Timeout, "no answer in time")),
        };
        let (head, body) = response.into_parts();
        let mut start = Vec::new();
        if !body.is_end_stream() {
            // Running out of time here only ends the excerpt.
            let _ = timeout_at(deadline, read_start(body, &mut start)).await;
        }
        Ok(Answer {
            status: head.status.as_u16(),
            excerpt: excerpt(&start),
            retry_after: retry_after(&head.headers),
            elapsed_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        })
    }

    /// Waits until nothing of a call is left behind: the lookup of its host goes on after the call has given up.
    pub async fn settled(&self, url: &Url) {
        self.lookups.ended(url.host_str().unwrap_or_default()).await;
    }

    fn request(&self, url: &Url, mut headers: HeaderMap, body: Bytes) -> Result<Request<Full<Bytes>>, SendError> {
        if !self.policy.permits_scheme(url.scheme()) {
            return Err(SendError::new(SendErrorKind::Blocked, "the URL's scheme may not be called"));
        }
        let uri = Uri::try_from(&url[..Position::AfterQuery])
            .map_err(|error| SendError::new(SendErrorKind::Url, error.to_string()))?;
        for framing in [HOST, CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION] {
            headers.remove(framing);
        }
        headers.entry(CONTENT_TYPE).or_insert(JSON);
        headers.insert(USER_AGENT, AGENT);
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        Ok(request)
    }
}

fn tls_config(extra_roots: &[CertificateDer<'static>]) -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for root in extra_roots {
        roots.add(root.clone())?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// Reads the body to its end, so that the connection can be used again, but not beyond [`BODY_LIMIT`]. The first
/// [`EXCERPT_LIMIT`] bytes go to `start`.
async fn read_start(mut body: Incoming, start: &mut Vec<u8>) {
    let mut read = 0_usize;
    while read <= BODY_LIMIT {
        let Some(Ok(frame)) = body.frame().await else { return };
        if let Some(data) = frame.data_ref() {
            read = read.saturating_add(data.len());
            let room = EXCERPT_LIMIT.saturating_sub(start.len());
            start.extend(data.iter().take(room));
        }
    }
}

/// The start of a body as text that changes nothing where it is shown: control characters and those that turn the
/// direction of writing become spaces.
fn excerpt(start: &[u8]) -> String {
    // A character cut in two by the limit is left out rather than shown as damage.
    let whole = match std::str::from_utf8(start) {
        Err(error) if error.error_len().is_none() => start.get(..error.valid_up_to()).unwrap_or(start),
        Ok(_) | Err(_) => start,
    };
    let turns = |c: char| is_directional(c) || matches!(c, '\u{2028}' | '\u{2029}');
    let text = String::from_utf8_lossy(whole);
    text.chars().map(|c| if c.is_control() || turns(c) { ' ' } else { c }).collect()
}

/// `Retry-After` as seconds, or as a date measured against the answer's own `Date`, so that the receiver's clock need
/// not agree with ours. Anything else is as if absent.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a number holds is still a number, and beyond the limit.
        text.parse::<u64>().unwrap_or(u64::MAX)
    } else {
        static DATES: DateTimeParser = DateTimeParser::new();
        let until = DATES.parse_timestamp(text).ok()?;
        let from = DATES.parse_timestamp(headers.get(DATE)?.to_str().ok()?).ok()?;
        u64::try_from(until.as_second().saturating_sub(from.as_second())).ok()?
    };
    Some(Duration::from_secs(seconds).min(RETRY_AFTER_LIMIT))
}

/// Says in our terms why the HTTP client gave up.
fn explain(error: &ClientError) -> SendError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(current) = cause {
        if let Some(known) = current.downcast_ref::<SendError>() {
            return known.clone();
        }
        if let Some(http) = current.downcast_ref::<hyper::Error>()
            && http.is_parse()
        {
            return SendError::new(SendErrorKind::Answer, format!("the answer is not valid HTTP: {http}"));
        }
        if let Some(io) = current.downcast_ref::<io::Error>() {
            // An alert after the handshake, such as a demand for a client certificate.
            let tls = io.get_ref().is_some_and(|inner| inner.is::<rustls::Error>());
            let kind = if tls { SendErrorKind::Tls } else { SendErrorKind::Reset };
            return SendError::new(kind, io.to_string());
        }
        cause = current.source();
    }
    SendError::new(SendErrorKind::Reset, "the connection was closed before the answer")
}

#[cfg(test)]
mod tests;
