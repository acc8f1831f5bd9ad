//! A small HTTP client that knows one server.

use crate::cli::failure::Failure;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;

/// How long one call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// The largest answer that is read.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// Calls the gateway as a shop, or without credentials as a customer.
// Not Debug: a secret must not reach a log by way of `{:?}`.
#[derive(Clone)]
pub(super) struct Client {
    server: SocketAddr,
    authorization: String,
}

/// What comes back.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: String,
}

/// A body with its content type.
#[derive(Debug, Clone)]
pub(super) enum Content {
    None,
    Json(String),
    Form(String),
}

impl Client {
    pub(super) fn new(server: SocketAddr, key: &str, secret: &str) -> Self {
        Self { server, authorization: format!("Basic {}", STANDARD.encode(format!("{key}:{secret}"))) }
    }

    /// A call of the shop's back end that must succeed with JSON.
    pub(super) async fn api(&self, method: Method, path: &str, content: Content) -> Result<Value, Failure> {
        let name = format!("{method} {path}");
        let answer = self.call(method, path, content, Some(&self.authorization)).await?;
        if answer.status != StatusCode::OK {
            return Err(Failure::new("demo_failed", format!("{name} answered {}: {}", answer.status, answer.body)));
        }
        serde_json::from_str(&answer.body)
            .map_err(|error| Failure::new("demo_failed", format!("{name} answered no JSON: {error}")))
    }

    /// A call of the customer's browser, which has no credentials.
    pub(super) async fn browse(&self, method: Method, path: &str, content: Content) -> Result<Answer, Failure> {
        self.call(method, path, content, None).await
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        content: Content,
        authorization: Option<&str>,
    ) -> Result<Answer, Failure> {
        let failed = |why: &dyn std::fmt::Display| Failure::new("demo_failed", format!("{path}: {why}"));
        let (content_type, body) = match content {
            Content::None => (None, String::new()),
            Content::Json(text) => (Some("application/json"), text),
            Content::Form(text) => (Some("application/x-www-form-urlencoded"), text),
        };
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, self.server.to_string());
        for (name, value) in [(header::CONTENT_TYPE, content_type), (header::AUTHORIZATION, authorization)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let request = request.body(Full::new(Bytes::from(body))).map_err(|error| failed(&error))?;
        let exchange = exchange(self.server, request);
        let answered = tokio::time::timeout(CALL_TIMEOUT, exchange).await.map_err(|_| failed(&"no answer in time"))?;
        answered.map_err(|error| failed(&error))
    }
}

type Error = Box<dyn std::error::Error + Send + Sync>;

async fn exchange(server: SocketAddr, request: Request<Full<Bytes>>) -> Result<Answer, Error> {
    let stream = TcpStream::connect(server).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // Ends when the sender is dropped.
    tokio::spawn(connection);
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await?.to_bytes();
    Ok(Answer { status, body: String::from_utf8(body.into())? })
}
