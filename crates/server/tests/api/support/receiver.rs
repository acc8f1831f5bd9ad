//! A merchant's server on loopback.

use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// No call takes this long unless it does not come at all.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a call brought.
#[derive(Debug, Clone)]
pub struct Received {
    /// The path that was called.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The raw body.
    pub body: Bytes,
}

impl Received {
    /// A header's value; empty when it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The status that the notice tells.
    pub fn status(&self) -> String {
        self.json()["payload"]["status"].as_str().unwrap().to_owned()
    }
}

/// The server.
pub struct Receiver {
    url: String,
    answer: Arc<AtomicU16>,
    calls: mpsc::UnboundedReceiver<Received>,
    server: JoinHandle<()>,
}

/// Calls of this path are never answered.
pub const SILENT_PATH: &str = "/silent";

/// Answers with this status never come.
const NEVER: u16 = 0;

impl Receiver {
    /// Listens, and answers 200.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answer = Arc::new(AtomicU16::new(200));
        let (heard, calls) = mpsc::unbounded_channel();
        let status = Arc::clone(&answer);
        let server = tokio::spawn(async move {
            // The connections end with the server.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (heard, status) = (heard.clone(), Arc::clone(&status));
                let service = hyper::service::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                    let (heard, status) = (heard.clone(), Arc::clone(&status));
                    async move {
                        let (parts, body) = request.into_parts();
                        let body = body.collect().await?.to_bytes();
                        let path = parts.uri.path().to_owned();
                        let is_silent = path == SILENT_PATH;
                        let _ = heard.send(Received { path, headers: parts.headers, body });
                        let status = status.load(Ordering::SeqCst);
                        if status == NEVER || is_silent {
                            std::future::pending::<()>().await;
                        }
                        let mut answer = hyper::Response::new(Full::new(Bytes::from_static(b"noted")));
                        *answer.status_mut() = StatusCode::from_u16(status).unwrap();
                        Ok::<_, hyper::Error>(answer)
                    }
                });
                connections.spawn(async move {
                    let server = hyper::server::conn::http1::Builder::new();
                    let _ = server.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { url, answer, calls, server }
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Answers with this status from now on.
    pub fn answer(&self, status: u16) {
        self.answer.store(status, Ordering::SeqCst);
    }

    /// Answers nothing from now on.
    pub fn stall(&self) {
        self.answer(NEVER);
    }

    /// The next call.
    pub async fn next(&mut self) -> Received {
        let next = tokio::time::timeout(PATIENCE, self.calls.recv()).await;
        next.expect("no call came").expect("the receiver has ended")
    }

    /// Whether a call came that nobody has taken yet.
    pub fn has_call(&self) -> bool {
        !self.calls.is_empty()
    }

    /// How many calls came that nobody has taken yet.
    pub fn untaken(&self) -> usize {
        self.calls.len()
    }

    /// Ends it, open connections included.
    pub fn stop(self) {
        self.server.abort();
    }
}

/// Waits until something is so that nobody announces.
pub async fn eventually(what: &str, is_so: impl AsyncFn() -> bool) {
    let mut look = tokio::time::interval(Duration::from_millis(10));
    let wait = async {
        while !is_so().await {
            look.tick().await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, wait).await.is_ok(), "{what} did not happen");
}
