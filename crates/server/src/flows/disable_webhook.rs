//! A merchant's webhook endpoint is ended.

use super::refusal::{FlowError, Refusal};
use crate::app::App;
use xanpay_domain::environment::Environment;
use xanpay_domain::id::WebhookId;

/// Sends an endpoint no new events.
///
/// # Errors
/// A refusal when the environment has no such living endpoint.
pub async fn disable_webhook(app: &App, id: WebhookId, environment: Environment) -> Result<(), FlowError> {
    let unknown = || Refusal::field("webhook", "webhook_unknown", "is no living endpoint of this environment");
    let found = app.store.reader().find_webhook(id).await?;
    if found.is_none_or(|webhook| webhook.environment != environment) {
        return Err(unknown().into());
    }
    let now = app.clock.real_now();
    let disable = app.store.write(move |tx| async move { Ok::<_, FlowError>(tx.disable_webhook(id, now).await?) });
    if disable.await? { Ok(()) } else { Err(unknown().into()) }
}
