//! A merchant's webhook endpoint is taken out of use.

use super::refusal::{FlowError, Refusal};
use crate::app::App;
use xanpay_domain::environment::Environment;
use xanpay_domain::id::WebhookId;
use xanpay_domain::time::Timestamp;
use xanpay_store::Attempt;

/// Deliveries that are ended by one transaction: small ones let requests in between.
const PAGE: i64 = 200;

/// Sends an endpoint nothing more: new events pass it by, and what waits for it ends unsent. A notice that is stored at the
/// same moment ends when its turn comes.
///
/// # Errors
/// A refusal when the environment has no such enabled endpoint.
pub async fn disable_webhook(app: &App, id: WebhookId, environment: Environment) -> Result<(), FlowError> {
    let now = app.clock.real_now();
    let disable =
        app.store.write(move |tx| async move { Ok::<_, FlowError>(tx.disable_webhook(id, environment, now).await?) });
    if !disable.await? {
        return Err(Refusal::field("webhook", "webhook_unknown", "is no enabled endpoint of this environment").into());
    }
    let end_page = || {
        app.store
            .write(move |tx| async move { Ok::<_, FlowError>(tx.end_deliveries(id, &out_of_use(now), PAGE).await?) })
    };
    while end_page().await? > 0 {}
    Ok(())
}

/// What stands among a delivery's attempts where none is made, because its endpoint is out of use.
pub(crate) fn out_of_use(now: Timestamp) -> Attempt {
    let result = Err("disabled: the endpoint is out of use".to_owned());
    Attempt { attempted_at: now, result, excerpt: String::new(), elapsed_ms: 0 }
}
