//! What the passing of time makes due.

use super::every;
use crate::app::App;
use crate::flows;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use xanpay_domain::environment::Environment;

/// Tells merchants of charges that have expired.
pub(super) async fn expire_charges(app: Arc<App>, shutdown: watch::Receiver<bool>) {
    every(Duration::from_secs(1), shutdown, || async {
        for environment in Environment::ALL {
            match flows::expire_due_charges(&app, environment).await {
                Ok(0) => {}
                Ok(expired) => tracing::info!(expired, %environment, "charges expired"),
                Err(error) => {
                    tracing::warn!(%error, %environment, "charges could not be expired; the next round tries again")
                }
            }
        }
    })
    .await;
}

/// Follows the sandbox's time, which another node may have moved.
pub(super) async fn follow_sandbox_clock(app: Arc<App>, shutdown: watch::Receiver<bool>) {
    every(Duration::from_millis(500), shutdown, || async {
        if let Err(error) = flows::refresh_sandbox_clock(&app).await {
            tracing::warn!(%error, "the sandbox's time could not be read");
        }
    })
    .await;
}

/// Frees nonces after their cool-down and forgets idempotency keys after their day.
pub(super) async fn forget(app: Arc<App>, shutdown: watch::Receiver<bool>) {
    every(Duration::from_secs(60), shutdown, || async {
        for environment in Environment::ALL {
            if let Err(error) = flows::release_cooled_nonces(&app, environment).await {
                tracing::warn!(%error, %environment, "nonces could not be released");
            }
        }
        loop {
            match flows::forget_idempotency_keys(&app).await {
                // They are forgotten by the page, so that requests get in between.
                Ok(forgotten) if forgotten > 0 => {}
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(%error, "idempotency keys could not be forgotten");
                    break;
                }
            }
        }
    })
    .await;
}
