//! A merchant's webhook endpoint is taken back into use.

use super::refusal::{FlowError, Refusal};
use crate::app::App;
use xanpay_domain::environment::Environment;
use xanpay_domain::id::WebhookId;

/// Sends an endpoint new events again; those that came meanwhile stay unsent.
///
/// # Errors
/// A refusal when the environment has no such disabled endpoint.
pub async fn enable_webhook(app: &App, id: WebhookId, environment: Environment) -> Result<(), FlowError> {
    let enable =
        app.store.write(move |tx| async move { Ok::<_, FlowError>(tx.enable_webhook(id, environment).await?) });
    if enable.await? {
        Ok(())
    } else {
        Err(Refusal::field("webhook", "webhook_unknown", "is no disabled endpoint of this environment").into())
    }
}
