//! A receiver of notices that answers at once.

use crate::Failure;
use crate::connection::{content_length, head_end};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A receiver.
#[derive(Debug, Clone)]
pub(crate) struct Sink {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    seen: Arc<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    notices: AtomicU64,
    first: OnceLock<Instant>,
}

impl Sink {
    /// Starts one on the current runtime; it ends with it.
    pub(crate) async fn start() -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let seen = Arc::new(Seen::default());
        let counted = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(receive(stream, Arc::clone(&counted)));
            }
        });
        Ok(Self { address, seen })
    }

    /// Notices so far.
    pub(crate) fn notices(&self) -> u64 {
        self.seen.notices.load(Ordering::Relaxed)
    }

    /// When the first one arrived.
    pub(crate) fn first(&self) -> Option<Instant> {
        self.seen.first.get().copied()
    }
}

async fn receive(mut stream: TcpStream, seen: Arc<Seen>) {
    let _ = stream.set_nodelay(true);
    let mut buffer = Vec::with_capacity(8192);
    loop {
        while let Some(length) = message_length(&buffer) {
            buffer.drain(..length);
            seen.first.get_or_init(Instant::now);
            seen.notices.fetch_add(1, Ordering::Relaxed);
            if stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.is_err() {
                return;
            }
        }
        match stream.read_buf(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

/// The length of the first message, when it is there whole.
fn message_length(bytes: &[u8]) -> Option<usize> {
    let end = head_end(bytes)?;
    let length = end + bytes.get(..end).and_then(content_length).unwrap_or(0);
    (bytes.len() >= length).then_some(length)
}
