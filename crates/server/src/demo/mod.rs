//! `xanpay demo`: a sandbox that is ready to play with, and a shop that hears of every payment.
//!
//! Everything goes through the doors that a merchant and an operator have: HTTP for the shop, flows for the operator.

mod client;
mod guide;
mod setup;
mod shop;
mod story;

use crate::app::App;
use crate::cli::failure::Failure;
use crate::cli::output::{Output, line, note};
use crate::cli::serve::{bind, run_server, stop_signal};
use crate::config::{Config, Storage, reachable};
use crate::{entropy, open};
use client::Client;
use std::fs::{self, DirBuilder};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How a demonstration is to go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// Play the story and end.
    pub(crate) once: bool,
    /// Nobody named a database: play in a directory that goes away afterwards.
    pub(crate) fresh: bool,
    /// How to print.
    pub(crate) output: Output,
}

/// Runs the demonstration until its end or a signal.
pub(crate) async fn run(mut config: Config, options: Options) -> Result<(), Failure> {
    let scratch = Scratch::make()?;
    if options.fresh {
        config.storage = Storage::Directory(scratch.0.join("data"));
    }
    // Held until the end.
    let lock = open::lock_for_serving(&config.storage)?;
    let app = open::open(&config, false, lock.as_ref()).await?;
    let result = play(&app, config, &scratch.0, options).await;
    open::close(app);
    result
}

async fn play(app: &Arc<App>, config: Config, scratch: &Path, options: Options) -> Result<(), Failure> {
    let stop = stop_signal()?;
    let (listener, address) = listen(&config, options.once).await?;
    let (mut shop, sandbox) = setup::prepare(app, &config, address, scratch).await?;
    if !options.fresh {
        note(
            "warning: the demo's accounts and exchange rates stay in this database; take another one for live payments",
        );
    }
    let server = Server::start(Arc::clone(app), listener, address, config);
    let client = Client::new(reachable(address), &sandbox.merchant.api_key, &sandbox.merchant.api_secret);
    let played = async {
        if options.once {
            return story::play(app, &client, &sandbox, &mut shop, scratch, options.output).await;
        }
        let started = guide::start(&client, &sandbox).await?;
        options.output.result(&guide::value(&sandbox, &started), &guide::text(&sandbox, &started, address))?;
        loop {
            let notice = shop.next().await?;
            if !options.output.json {
                line(&notice.in_words())?;
            }
        }
    };
    let result = tokio::select! {
        result = played => result,
        () = stop => Ok(()),
    };
    result.and(server.stop().await)
}

/// Where to listen: as asked; else the usual port, or any one when that is taken or the story ends by itself.
async fn listen(config: &Config, once: bool) -> Result<(TcpListener, SocketAddr), Failure> {
    let any_port = SocketAddr::new(config.listen.ip(), 0);
    match (config.listen_chosen, once) {
        (true, _) => bind(config.listen).await,
        (false, true) => bind(any_port).await,
        (false, false) => match bind(config.listen).await {
            Ok(bound) => Ok(bound),
            Err(_) => bind(any_port).await,
        },
    }
}

/// The gateway's own server in the background.
struct Server {
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<(), Failure>>,
}

impl Server {
    fn start(app: Arc<App>, listener: TcpListener, address: SocketAddr, config: Config) -> Self {
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(async move {
            // A sender that is gone asks to stop as well.
            let stopped = async { drop(stopped.await) };
            run_server(app, listener, address, &config, stopped).await
        });
        Self { stop, running }
    }

    async fn stop(self) -> Result<(), Failure> {
        // A server that has ended by itself no longer listens; its result says why.
        let _ = self.stop.send(());
        self.running.await.map_err(|error| Failure::new("serve_failed", error.to_string()))?
    }
}

/// A directory of the demonstration's own, removed afterwards.
struct Scratch(PathBuf);

impl Scratch {
    fn make() -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("xanpay-demo-{}", entropy::hex(12)));
        let made = DirBuilder::new().mode(0o700).create(&path);
        made.map_err(|error| Failure::new("storage_failed", format!("{}: {error}", path.display())))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        match fs::remove_dir_all(&self.0) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(path = %self.0.display(), %error, "the demo's directory stays"),
        }
    }
}
