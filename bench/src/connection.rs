//! A keep-alive HTTP/1.1 client that does as little as possible: whole requests out, answers in by their length.

use crate::Failure;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The most bytes of one answer.
const MAX_ANSWER: usize = 1 << 20;

/// A connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer<'a> {
    /// Its status.
    pub(crate) status: u16,
    /// Its body.
    pub(crate) body: &'a [u8],
}

impl Connection {
    /// Connects.
    pub(crate) async fn open(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; 16 * 1024] })
    }

    /// Sends a request and waits for its answer.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<Answer<'_>, Failure> {
        self.stream.write_all(request).await?;
        let mut filled = 0;
        loop {
            if filled == self.buffer.len() {
                if filled >= MAX_ANSWER {
                    return Err("an answer is larger than this client reads".into());
                }
                self.buffer.resize(filled * 2, 0);
            }
            let read = self.stream.read(self.buffer.get_mut(filled..).unwrap_or_default()).await?;
            if read == 0 {
                return Err("the server closed the connection".into());
            }
            filled += read;
            let Some(end) = self.buffer.get(..filled).and_then(head_end) else { continue };
            let (status, length) = read_head(self.buffer.get(..end).unwrap_or_default())?;
            if filled >= end + length {
                let body = self.buffer.get(end..end + length).unwrap_or_default();
                return Ok(Answer { status, body });
            }
        }
    }
}

/// The length of a message's head with the empty line.
pub(crate) fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|position| position + 4)
}

/// The body's length from a message's head; nothing when it is not announced.
pub(crate) fn content_length(head: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length:";
    let line = head.split(|byte| *byte == b'\n').find(|line| {
        let name = line.get(..NAME.len());
        name.is_some_and(|name| name.eq_ignore_ascii_case(NAME))
    })?;
    std::str::from_utf8(line.get(NAME.len()..)?).ok()?.trim().parse().ok()
}

fn read_head(head: &[u8]) -> Result<(u16, usize), Failure> {
    let status = head.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    let status = status.ok_or("an answer begins with no status")?;
    match content_length(head) {
        Some(length) => Ok((status, length)),
        None if status == 204 => Ok((status, 0)),
        None => Err("an answer does not say how long it is".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heads_length_and_its_bodys_are_read_in_any_case() {
        let head = b"HTTP/1.1 201 Created\r\nContent-Length: 42\r\n\r\n";
        assert_eq!(head_end(head), Some(head.len()));
        assert_eq!(read_head(head).unwrap(), (201, 42));
        assert_eq!(head_end(&head[..head.len() - 1]), None);
        assert!(read_head(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
