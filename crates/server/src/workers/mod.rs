//! Workers: due work, done in small pages through the same flows that requests use.
//!
//! A worker that is late changes no status: sessions and charges are judged by the clock when they are read, and leases
//! let another node finish what one has begun.

mod deliver;
mod destinations;
mod hosts;
mod housekeeping;

use crate::app::App;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Starts every worker. They end soon after `shutdown` turns true.
pub fn start(app: Arc<App>, shutdown: watch::Receiver<bool>) -> JoinSet<()> {
    let mut workers = JoinSet::new();
    workers.spawn(deliver::run(Arc::clone(&app), shutdown.clone()));
    workers.spawn(housekeeping::expire_charges(Arc::clone(&app), shutdown.clone()));
    workers.spawn(housekeeping::follow_sandbox_clock(Arc::clone(&app), shutdown.clone()));
    workers.spawn(housekeeping::forget(app, shutdown));
    workers
}

/// Does something again and again, with a pause whenever nothing was left to do, until the gateway stops. `work` does a
/// page and tells whether there may be another.
async fn every<F, Fut>(pause: Duration, mut shutdown: watch::Receiver<bool>, mut work: F)
where
    F: FnMut() -> Fut,
    Fut: Future<Output = bool>,
{
    while !*shutdown.borrow() {
        if work().await {
            continue;
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = shutdown.changed() => {}
        }
    }
}
