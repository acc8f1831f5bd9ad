//! A few lines of HTTP over one connection.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;

/// Longer than the gateway waits for anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// `Authorization` for an API key and its secret.
pub fn authorization(key: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{key}:{secret}")))
}

/// A request.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ask<'a> {
    /// GET, POST or PATCH.
    pub method: &'a str,
    /// Path and query.
    pub path: &'a str,
    /// `Authorization`; empty for a customer, who has none.
    pub by: &'a str,
    /// `Idempotency-Key`; empty for none.
    pub key: &'a str,
    /// The body.
    pub body: &'a str,
}

/// An answer that was read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }
}

/// A connection to the gateway.
pub struct Client {
    stream: BufStream<TcpStream>,
}

impl Client {
    /// Connects.
    pub async fn connect(address: &str) -> Option<Self> {
        let stream = TcpStream::connect(address).await.ok()?;
        stream.set_nodelay(true).ok()?;
        Some(Self { stream: BufStream::new(stream) })
    }

    /// Sends a request; nothing when the connection broke before the whole answer was there.
    pub async fn send(&mut self, ask: Ask<'_>) -> Option<Answer> {
        self.begin(ask).await?;
        self.finish().await
    }

    /// Sends a request without waiting for its answer.
    pub async fn begin(&mut self, ask: Ask<'_>) -> Option<()> {
        let header = |name: &str, value: &str| {
            if value.is_empty() { String::new() } else { format!("{name}: {value}\r\n") }
        };
        let head = format!(
            "{} {} HTTP/1.1\r\nHost: localhost\r\n{}{}Content-Length: {}\r\n\r\n{}",
            ask.method,
            ask.path,
            header("Authorization", ask.by),
            header("Idempotency-Key", ask.key),
            ask.body.len(),
            ask.body,
        );
        self.stream.write_all(head.as_bytes()).await.ok()?;
        self.stream.flush().await.ok()
    }

    /// Reads the answer to what was sent.
    pub async fn finish(&mut self) -> Option<Answer> {
        tokio::time::timeout(PATIENCE, self.read()).await.ok().flatten()
    }

    async fn read(&mut self) -> Option<Answer> {
        let (first, headers) = read_head(&mut self.stream).await?;
        let status = first.split(' ').nth(1)?.parse().ok()?;
        let body = read_body(&mut self.stream, &headers).await?;
        Some(Answer { status, body })
    }
}

/// The first line of a request or an answer, and its headers with their names in lower case.
pub async fn read_head(stream: &mut BufStream<TcpStream>) -> Option<(String, Vec<(String, String)>)> {
    let mut first = String::new();
    stream.read_line(&mut first).await.ok().filter(|read| *read > 0)?;
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    Some((first, headers))
}

/// The body that the headers announce.
pub async fn read_body(stream: &mut BufStream<TcpStream>, headers: &[(String, String)]) -> Option<String> {
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.map_or(Some(0), |(_, value)| value.parse().ok())?;
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).await.ok()?;
    String::from_utf8(bytes).ok()
}
