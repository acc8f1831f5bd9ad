//! Accepting connections: a bound on their number, bounds on the time that a request's head and the reading of its answer may
//! take, an orderly end.

use super::client_address::client_address;
use super::paced::Paced;
use super::request::Arrival;
use super::router::{Web, router};
use crate::app::App;
use hyper_util::rt::{TokioIo, TokioTimer};
use ipnet::IpNet;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tower_service::Service;

/// How long a request's head may take to arrive.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a peer may read nothing of what it has asked for.
const READ_PATIENCE: Duration = Duration::from_secs(30);
/// How long requests that have begun may go on after the gateway was asked to stop.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);
/// The most bytes of a request's head, which are buffered per connection.
pub(super) const MAX_HEAD: usize = 64 * 1024;

/// What the HTTP side is told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where customers reach the checkout: scheme and host, no slash at the end. With https, browsers are told to stay with it.
    pub public_url: String,
    /// The most connections at once; further ones wait to be accepted.
    pub max_connections: usize,
    /// Who may read the figures.
    pub metrics_allowed: Vec<IpNet>,
    /// Proxies that are believed when they say for whom they speak.
    pub trusted_proxies: Vec<IpNet>,
}

/// Serves until `shutdown`, then lets the requests at hand finish.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve(
    app: Arc<App>,
    listener: TcpListener,
    settings: Settings,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let trusted: Arc<[IpNet]> = settings.trusted_proxies.as_slice().into();
    let slots = Arc::new(Semaphore::new(settings.max_connections));
    let (stop, stopping) = watch::channel(false);
    let router = router(Web::new(app, settings, stopping.clone()));
    tokio::pin!(shutdown);
    loop {
        let slot = tokio::select! {
            () = &mut shutdown => break,
            slot = Arc::clone(&slots).acquire_owned() => slot,
        };
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, most likely: connections that end give some back.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let stream = Paced::new(stream, READ_PATIENCE);
        let connection = serve_connection(stream, peer, Arc::clone(&trusted), router.clone(), stopping.clone());
        tokio::spawn(async move {
            connection.await;
            drop(slot);
        });
    }
    drop(listener);
    let _ = stop.send(true);
    // Every connection holds a clone of the receiver until it is done.
    drop(stopping);
    drop(router);
    let drained = tokio::time::timeout(DRAIN_TIMEOUT, stop.closed()).await;
    if drained.is_err() {
        tracing::warn!("some requests did not finish in time");
    }
    Ok(())
}

/// Resolves when the gateway stops, or when nobody is left who could say so.
async fn told_to_stop(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

async fn serve_connection(
    stream: Paced<TcpStream>,
    peer: SocketAddr,
    trusted: Arc<[IpNet]>,
    router: axum::Router,
    mut stopping: watch::Receiver<bool>,
) {
    let service = hyper::service::service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        let client = client_address(peer, request.headers(), &trusted);
        request.extensions_mut().insert(Arrival::new(Some(client)));
        // A router is always ready, so that asking it first would be ceremony.
        router.clone().call(request.map(axum::body::Body::new))
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD)
        // Answers are small: copied behind their heads they leave faster than as two pieces.
        .writev(false)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = told_to_stop(&mut stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::trace!(%error, "a connection ended early");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use tokio::io::AsyncWriteExt;

    /// A client that sends the same request again and again and reads nothing, until the connection ends. Fails when as much
    /// is taken from it as no buffer along the way can hold.
    async fn never_read(request: &[u8]) {
        const MOST: usize = 64 * 1024 * 1024;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, peer) = listener.accept().await.unwrap();
        let router = axum::Router::new().route("/", get(|| async { "answer".repeat(100_000) }));
        let (_stop, stopping) = watch::channel(false);
        let stream = Paced::new(stream, Duration::from_millis(10));
        let server = tokio::spawn(serve_connection(stream, peer, Arc::from([]), router, stopping));
        let requests = request.repeat(1000);
        let mut sent = 0;
        while client.write_all(&requests).await.is_ok() {
            sent += requests.len();
            assert!(sent < MOST, "answers that nobody reads pile up");
        }
        server.await.unwrap();
    }

    #[tokio::test]
    async fn a_connection_whose_answers_are_not_read_ends() {
        never_read(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    }

    #[tokio::test]
    async fn answers_without_a_body_do_not_pile_up_unread() {
        let request = b"OPTIONS / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\nx";
        never_read(request).await;
    }
}
