//! Opening connections: resolve, check every address, connect to a checked address.
//!
//! There is no way around the check: literals and names take the same path, and the address that was checked is the one
//! connected to, so a name that changes its answer gains nothing. A connection that stays open for reuse belongs to a
//! client with one policy.

use super::address::AddressPolicy;
use super::client::{SendError, SendErrorKind};
use http::Uri;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::rt::TokioIo;
use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tower_service::Service;

/// How many names one client looks up at the same time. The system's lookup occupies a thread until the system gives
/// up, which takes far longer than a call may. It is more than there are calls at once to hosts that may not answer.
pub(crate) const LOOKUPS_AT_ONCE: usize = 224;

/// How many of a name's addresses are tried before the call fails.
const ADDRESSES_TRIED: usize = 4;

/// The answer of a [`Resolve`] to come.
pub type Resolving = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Finds the addresses of a host name.
pub trait Resolve: Send + Sync + 'static {
    /// All addresses of `host`.
    fn resolve(&self, host: &str) -> Resolving;
}

/// The system's resolver.
#[derive(Debug, Clone, Copy)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, host: &str) -> Resolving {
        let host = host.to_owned();
        Box::pin(async move {
            let found = tokio::task::spawn_blocking(move || (host, 0).to_socket_addrs());
            Ok(found.await.map_err(io::Error::other)??.map(|address| address.ip()).collect())
        })
    }
}

/// What a lookup has found, or why it found nothing.
type Found = Result<Vec<IpAddr>, String>;

/// The lookups under way, one for each name: a name whose servers are dead occupies one thread, however many calls ask.
pub(super) struct Lookups {
    resolver: Arc<dyn Resolve>,
    under_way: Mutex<HashMap<String, watch::Receiver<Option<Found>>>>,
}

impl Lookups {
    pub(super) fn new(resolver: Arc<dyn Resolve>) -> Arc<Self> {
        Arc::new(Self { resolver, under_way: Mutex::default() })
    }

    async fn find(self: &Arc<Self>, host: &str) -> Result<Vec<IpAddr>, SendError> {
        let mut found = self.join(host)?;
        let found = found.wait_for(Option::is_some).await.ok().and_then(|found| found.clone());
        let found = found.unwrap_or_else(|| Err("the lookup was cut off".to_owned()));
        found.map_err(|error| SendError::new(SendErrorKind::Dns, format!("the host was not found: {error}")))
    }

    /// Joins the lookup of a name, or begins it. Once begun it goes on, whoever gives it up.
    fn join(self: &Arc<Self>, host: &str) -> Result<watch::Receiver<Option<Found>>, SendError> {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = under_way.get(host) {
            return Ok(found.clone());
        }
        if under_way.len() >= LOOKUPS_AT_ONCE {
            return Err(SendError::new(SendErrorKind::Unsent, "too many names are being looked up"));
        }
        let (tell, found) = watch::channel(None);
        under_way.insert(host.to_owned(), found.clone());
        let (this, host) = (Arc::clone(self), host.to_owned());
        tokio::spawn(async move {
            let found = this.resolver.resolve(&host).await.map_err(|error| error.to_string());
            this.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&host);
            // Whoever asked may have gone.
            let _ = tell.send(Some(found));
        });
        Ok(found)
    }

    /// Waits until the name is not being looked up.
    pub(super) async fn ended(&self, host: &str) {
        let found = self.under_way.lock().unwrap_or_else(PoisonError::into_inner).get(host).cloned();
        if let Some(mut found) = found {
            // A sender that is gone has ended as well.
            let _ = found.wait_for(Option::is_some).await;
        }
    }
}

/// Connects to addresses that a policy permits, and to no other.
#[derive(Clone)]
pub(super) struct CheckedConnector {
    policy: Arc<AddressPolicy>,
    lookups: Arc<Lookups>,
    limit: Duration,
}

impl CheckedConnector {
    pub(super) fn new(policy: Arc<AddressPolicy>, lookups: Arc<Lookups>, limit: Duration) -> Self {
        Self { policy, lookups, limit }
    }

    async fn connect(self, uri: Uri) -> Result<TokioIo<TcpStream>, SendError> {
        let addresses = self.addresses(&uri).await?;
        // One refused address refuses the call: which of them is used must not be luck.
        if !addresses.iter().all(|address| self.policy.permits(address.ip())) {
            return Err(SendError::new(SendErrorKind::Blocked, "the host's address may not be called"));
        }
        let tried = addresses.len().min(ADDRESSES_TRIED);
        let share = self.limit.checked_div(u32::try_from(tried).unwrap_or(u32::MAX)).unwrap_or(self.limit);
        let mut fault = SendError::new(SendErrorKind::Dns, "the host has no address");
        for address in addresses.into_iter().take(tried) {
            match timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // Without it small writes wait for the peer; a system without it still works.
                    let _ = stream.set_nodelay(true);
                    return Ok(TokioIo::new(stream));
                }
                Ok(Err(error)) => fault = SendError::new(SendErrorKind::Connect, error.to_string()),
                Err(_) => fault = SendError::new(SendErrorKind::Timeout, "no connection in time"),
            }
        }
        Err(fault)
    }

    async fn addresses(&self, uri: &Uri) -> Result<Vec<SocketAddr>, SendError> {
        let host = uri.host().unwrap_or_default();
        let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
        let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if let Ok(address) = literal.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let found = self.lookups.find(host).await?;
        Ok(found.into_iter().map(|address| SocketAddr::new(address, port)).collect())
    }
}

impl Service<Uri> for CheckedConnector {
    type Response = TokioIo<TcpStream>;
    type Error = SendError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, SendError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

/// [`CheckedConnector`] with TLS for `https`, all of it within one time limit.
///
/// The limit belongs here and not only to the call: the client finishes a connection in the background when another one
/// became free for the call that asked for it.
#[derive(Clone)]
pub(super) struct LimitedConnector {
    inner: HttpsConnector<CheckedConnector>,
    limit: Duration,
}

impl LimitedConnector {
    pub(super) fn new(inner: HttpsConnector<CheckedConnector>, limit: Duration) -> Self {
        Self { inner, limit }
    }
}

impl Service<Uri> for LimitedConnector {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = SendError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, SendError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = timeout(self.limit, self.inner.call(uri));
        Box::pin(async move {
            match connecting.await {
                Ok(Ok(stream)) => Ok(stream),
                // What the checked connector did not say itself, the handshake said.
                Ok(Err(error)) => Err(match error.downcast::<SendError>() {
                    Ok(error) => *error,
                    Err(error) => SendError::new(SendErrorKind::Tls, error.to_string()),
                }),
                Err(_) => Err(SendError::new(SendErrorKind::Timeout, "no connection in time")),
            }
        })
    }
}
