//! A few lines of HTTP over one connection.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;

/// API key and secret.
#[derive(Debug, Clone)]
pub struct Key {
    /// `Authorization` as it is sent.
    pub authorization: String,
}

impl Key {
    /// From the two halves.
    pub fn new(key: &str, secret: &str) -> Self {
        Self { authorization: format!("Basic {}", STANDARD.encode(format!("{key}:{secret}"))) }
    }
}

/// A connection to the gateway.
pub struct Client {
    stream: BufStream<TcpStream>,
    key: Key,
}

impl Client {
    /// Connects.
    pub async fn connect(address: &str, key: &Key) -> Option<Self> {
        let stream = TcpStream::connect(address).await.ok()?;
        Some(Self { stream: BufStream::new(stream), key: key.clone() })
    }

    /// Sends a request; nothing when the connection broke before the whole answer was there.
    pub async fn send(
        &mut self,
        method: &str,
        path: &str,
        idempotency_key: Option<&str>,
        body: &str,
    ) -> Option<(u16, Value)> {
        let key = idempotency_key.map(|key| format!("Idempotency-Key: {key}\r\n")).unwrap_or_default();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\n{key}Content-Length: {}\r\n\r\n{body}",
            self.key.authorization,
            body.len()
        );
        self.stream.write_all(head.as_bytes()).await.ok()?;
        self.stream.flush().await.ok()?;
        let mut line = String::new();
        self.stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
        let status = line.split(' ').nth(1)?.parse().ok()?;
        let mut length = 0;
        loop {
            line.clear();
            self.stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().ok()?;
            }
        }
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes).await.ok()?;
        Some((status, serde_json::from_slice(&bytes).ok()?))
    }
}
