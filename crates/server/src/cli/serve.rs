//! `xanpay serve`.

use super::Context;
use super::failure::Failure;
use super::output::line;
use crate::app::App;
use crate::config::Config;
use crate::{http, open, workers};
use clap::Args;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use xanpay_store::Durability;

/// How long workers may take to finish what they have begun. A delivery that is cut off is repeated later.
const WORKERS_GRACE: Duration = Duration::from_secs(15);

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Address and port; port 0 takes any free one [env: XANPAY_LISTEN] [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Upgrade a PostgreSQL schema before serving; the embedded database is upgraded without being asked
    #[arg(long)]
    migrate: bool,
    /// Where customers reach the checkout, without a path; https tells browsers to stay with it [env: XANPAY_PUBLIC_URL] [default: the listening address]
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Private networks that webhooks and callbacks may be sent to [env: XANPAY_ALLOW_PRIVATE_NETWORKS]
    #[arg(long, value_name = "NETWORK,...")]
    allow_private_networks: Vec<String>,
    /// Let live webhooks and callbacks be sent to http:// addresses [env: XANPAY_ALLOW_PLAIN_HTTP]
    #[arg(long)]
    allow_plain_http: bool,
    /// Networks that may read /metrics [env: XANPAY_METRICS_ALLOWED] [default: this machine]
    #[arg(long, value_name = "NETWORK,...")]
    metrics_allowed: Vec<String>,
    /// Connections served at once [env: XANPAY_MAX_CONNECTIONS] [default: 10000]
    #[arg(long, value_name = "NUMBER")]
    max_connections: Option<String>,
}

impl Serve {
    /// The settings among its options.
    pub(super) fn settings(&self) -> Vec<(&'static str, Vec<String>)> {
        let one = |text: &Option<String>| text.iter().cloned().collect();
        vec![
            ("listen", one(&self.listen)),
            ("public_url", one(&self.public_url)),
            ("allow_private_networks", self.allow_private_networks.clone()),
            ("allow_plain_http", if self.allow_plain_http { vec!["true".to_owned()] } else { Vec::new() }),
            ("metrics_allowed", self.metrics_allowed.clone()),
            ("max_connections", one(&self.max_connections)),
        ]
    }
}

pub(super) fn run(command: &Serve, context: &Context) -> Result<(), Failure> {
    multi_threaded()?.block_on(serve(command, &context.config))
}

/// A runtime with a thread for every core but one, which is left to the database's writer and to whatever shares the
/// machine: a reverse proxy, PostgreSQL. Threads that take turns on a core find its caches cold every time; with two
/// threads on a machine of two cores a read costs a third more. No request keeps a thread for longer than milliseconds.
pub(super) fn multi_threaded() -> Result<tokio::runtime::Runtime, Failure> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads((cores - 1).max(1))
        .enable_all()
        .build()
        .map_err(|error| Failure::new("runtime_failed", format!("cannot start: {error}")))
}

async fn serve(command: &Serve, config: &Config) -> Result<(), Failure> {
    // Held until the end of the process.
    let lock = open::lock_for_serving(&config.storage)?;
    let stop = stop_signal()?;
    let app = open::open(config, command.migrate, lock.as_ref()).await?;
    tell_durability(&app).await?;
    let (listener, address) = bind(config.listen).await?;
    line(&format!("listening on http://{address}"))?;
    tracing::info!(%address, storage = ?config.storage, "serving");
    if config.allow_sandbox_loopback && config.faces_others(address) {
        tracing::warn!(
            "sandbox notices may be sent to services of this machine; allow_sandbox_loopback = false forbids it"
        );
    }
    let served = run_server(Arc::clone(&app), listener, address, config, stop).await;
    open::close(app);
    served
}

/// Says when a commit that was acknowledged may be lost.
async fn tell_durability(app: &App) -> Result<(), Failure> {
    match app.store.durability().await? {
        Some(Durability::Memory) => tracing::warn!(
            "PostgreSQL runs with fsync=off: when its machine fails it loses what it has acknowledged, and perhaps all"
        ),
        Some(Durability::Disk) => {
            tracing::info!("PostgreSQL has no synchronous standby: a failover may lose the last commits")
        }
        Some(Durability::Standby) | None => {}
    }
    Ok(())
}

/// Begins to listen.
pub(crate) async fn bind(wanted: SocketAddr) -> Result<(TcpListener, SocketAddr), Failure> {
    let failed = |error| Failure::new("listen_failed", format!("cannot listen on {wanted}: {error}"));
    let listener = TcpListener::bind(wanted).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// Serves until `stop`, then lets requests and workers finish.
pub(crate) async fn run_server(
    app: Arc<App>,
    listener: TcpListener,
    address: SocketAddr,
    config: &Config,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Failure> {
    let settings = http::Settings {
        public_url: config.public_base(address),
        max_connections: config.max_connections,
        metrics_allowed: config.metrics_allowed.clone(),
        trusted_proxies: config.trusted_proxies.clone(),
    };
    let (stopping, stopped) = watch::channel(false);
    let mut jobs = workers::start(Arc::clone(&app), stopped);
    let served = http::serve(app, listener, settings, stop).await;
    // Workers that ended early are no longer listening.
    let _ = stopping.send(true);
    let all = async { while jobs.join_next().await.is_some() {} };
    if tokio::time::timeout(WORKERS_GRACE, all).await.is_err() {
        tracing::warn!("some background work did not end in time and is cut off");
        jobs.shutdown().await;
    }
    served.map_err(|error| Failure::new("serve_failed", format!("cannot serve: {error}")))
}

/// Resolves at the first SIGTERM or SIGINT. A second one ends the process at once.
pub(crate) fn stop_signal() -> Result<impl Future<Output = ()> + Send + 'static, Failure> {
    let listen = |kind| signal(kind).map_err(|error| Failure::new("runtime_failed", error.to_string()));
    let mut signals = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    Ok(async move {
        either(&mut signals).await;
        tracing::info!("stopping: requests on their way are finished; a second signal stops at once");
        tokio::spawn(async move {
            either(&mut signals).await;
            std::process::exit(1);
        });
    })
}

async fn either((terminate, interrupt): &mut (Signal, Signal)) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
