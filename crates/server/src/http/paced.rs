//! A connection that goes at its peer's pace: from a peer that does not read nothing more is read, and one that goes on not
//! reading is given up. Without it a peer could have answers pile up in memory, or keep a connection for ever.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// A stream whose reading waits for its writing.
pub(super) struct Paced<S> {
    stream: S,
    /// How long the peer may take nothing of what is written.
    patience: Duration,
    /// Runs while the peer takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
    /// Who wanted to read meanwhile.
    reader: Option<Waker>,
}

impl<S> Paced<S> {
    pub(super) fn new(stream: S, patience: Duration) -> Self {
        Self { stream, patience, stalled: None, reader: None }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.stalled.is_some() {
            self.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Poll::Ready(written) = Pin::new(&mut self.stream).poll_write(cx, bytes) {
            self.stalled = None;
            if let Some(reader) = self.reader.take() {
                reader.wake();
            }
            return Poll::Ready(written);
        }
        let patience = self.patience;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(patience)));
        stalled.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    #[tokio::test]
    async fn nothing_is_read_while_the_peer_does_not_read() {
        let (ours, mut peer) = duplex(8);
        let mut ours = Paced::new(ours, Duration::MAX);
        peer.write_all(b"question").await.unwrap();
        ours.write_all(b"answer 1").await.unwrap();
        let mut cx = Context::from_waker(Waker::noop());
        let mut bytes = [0; 8];
        assert!(Pin::new(&mut ours).poll_write(&mut cx, b"answer 2").is_pending());
        assert!(Pin::new(&mut ours).poll_read(&mut cx, &mut ReadBuf::new(&mut bytes)).is_pending());
        peer.read_exact(&mut bytes).await.unwrap();
        ours.write_all(b"answer 2").await.unwrap();
        ours.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"question");
    }

    #[tokio::test]
    async fn a_reader_that_waited_goes_on_when_the_peer_reads() {
        let (ours, mut peer) = duplex(8);
        let (mut from_peer, mut to_peer) = tokio::io::split(Paced::new(ours, Duration::MAX));
        peer.write_all(b"question").await.unwrap();
        to_peer.write_all(b"answer 1").await.unwrap();
        let mut cx = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut to_peer).poll_write(&mut cx, b"answer 2").is_pending());
        let (mut read, mut question) = ([0; 16], [0; 8]);
        tokio::join!(
            // Polled first: it waits.
            async { from_peer.read_exact(&mut question).await.unwrap() },
            async {
                peer.read_exact(&mut read[..8]).await.unwrap();
                to_peer.write_all(b"answer 2").await.unwrap();
                peer.read_exact(&mut read[8..]).await.unwrap();
            },
        );
        assert_eq!((&question, &read), (b"question", b"answer 1answer 2"));
    }

    #[tokio::test]
    async fn a_peer_that_goes_on_not_reading_is_given_up() {
        let (ours, _peer) = duplex(8);
        let mut ours = Paced::new(ours, Duration::ZERO);
        ours.write_all(b"answer 1").await.unwrap();
        assert_eq!(ours.write_all(b"answer 2").await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
