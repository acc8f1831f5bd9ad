//! What the passing of time makes due.

use super::every;
use crate::app::App;
use crate::flows::{self, FlowError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use xanpay_domain::environment::Environment;

/// Tells merchants of charges that have expired.
pub(super) async fn expire_charges(app: Arc<App>, shutdown: watch::Receiver<bool>) {
    every(Duration::from_secs(1), shutdown, || async {
        let mut more = false;
        for environment in Environment::ALL {
            more |= has_done("expiring charges", flows::expire_due_charges(&app, environment).await);
        }
        more
    })
    .await;
}

/// Follows the sandbox's time, which another node may have moved.
pub(super) async fn follow_sandbox_clock(app: Arc<App>, shutdown: watch::Receiver<bool>) {
    every(Duration::from_millis(500), shutdown, || async {
        if let Err(error) = flows::refresh_sandbox_clock(&app).await {
            tracing::warn!(%error, "the sandbox's time could not be read");
        }
        false
    })
    .await;
}

/// Frees nonces after their cool-down and forgets idempotency keys after their day.
pub(super) async fn forget(app: Arc<App>, shutdown: watch::Receiver<bool>) {
    every(Duration::from_secs(60), shutdown, || async {
        let mut more = false;
        for environment in Environment::ALL {
            more |= has_done("releasing nonces", flows::release_cooled_nonces(&app, environment).await);
        }
        more | has_done("forgetting idempotency keys", flows::forget_idempotency_keys(&app).await)
    })
    .await;
}

/// Whether a page of work had anything to do; trouble is logged and waits for the next round.
fn has_done(work: &str, rows: Result<u64, FlowError>) -> bool {
    match rows {
        Ok(0) => false,
        Ok(rows) => {
            tracing::info!(rows, "{work}");
            true
        }
        Err(error) => {
            tracing::warn!(%error, "{work} failed; the next round tries again");
            false
        }
    }
}
