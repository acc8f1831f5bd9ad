//! What a call to a receiver is signed with, remembered for less than a second: opening seals and reading keys costs more
//! than the call.

use crate::app::App;
use crate::directory::Memory;
use crate::flows::{self, FlowError, PASSWORD_PURPOSE, SECRET_PURPOSE, SIGNING_KEY_PURPOSE};
use crate::outbound::signature::{RsaSigner, WebhookSecret};
use axum::http::HeaderValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::sync::Arc;
use xanpay_domain::environment::Environment;
use xanpay_domain::id::{MerchantId, WebhookId};
use xanpay_store::ClaimedDelivery;

/// Whom a call goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Receiver {
    Webhook(WebhookId),
    Callback(MerchantId, Environment),
}

/// What a call carries besides its body.
pub(super) struct Credentials {
    /// The Standard Webhooks secret.
    pub(super) secret: WebhookSecret,
    /// HTTP Basic, for webhook endpoints that have it.
    pub(super) authorization: Option<HeaderValue>,
    /// The merchant's own key, for callbacks.
    pub(super) signer: Option<RsaSigner>,
}

/// Remembered credentials.
#[derive(Default)]
pub(super) struct Destinations {
    known: Memory<Receiver, Arc<Credentials>>,
}

impl Destinations {
    /// The credentials of a delivery's receiver; nothing when the receiver is out of use.
    pub(super) async fn find(
        &self,
        app: &App,
        delivery: &ClaimedDelivery,
    ) -> Result<Option<Arc<Credentials>>, FlowError> {
        let receiver = match delivery.recipient.webhook_id {
            Some(id) => Receiver::Webhook(id),
            None => Receiver::Callback(delivery.merchant_id, delivery.environment),
        };
        if let Some(credentials) = self.known.recall(&receiver) {
            return Ok(Some(credentials));
        }
        let found = match receiver {
            Receiver::Webhook(id) => of_webhook(app, id).await?,
            Receiver::Callback(merchant, environment) => of_callback(app, merchant, environment).await?,
        };
        let Some(credentials) = found.map(Arc::new) else {
            self.known.forget(&receiver);
            return Ok(None);
        };
        self.known.keep(receiver, Arc::clone(&credentials));
        Ok(Some(credentials))
    }
}

async fn of_webhook(app: &App, id: WebhookId) -> Result<Option<Credentials>, FlowError> {
    let found = app.store.reader().find_webhook(id).await?;
    let Some(webhook) = found.filter(|webhook| webhook.disabled_at.is_none()) else { return Ok(None) };
    let secret = app.unseal(SECRET_PURPOSE, &webhook.secret)?;
    let authorization = match webhook.basic {
        Some((username, sealed)) => {
            let password = app.unseal(PASSWORD_PURPOSE, &sealed)?;
            let pair = [username.as_bytes(), b":", &password].concat();
            let mut value = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(pair)))
                .map_err(|error| FlowError::Internal(error.to_string()))?;
            value.set_sensitive(true);
            Some(value)
        }
        None => None,
    };
    let secret = WebhookSecret::from_bytes(&secret)?;
    Ok(Some(Credentials { secret, authorization, signer: None }))
}

async fn of_callback(
    app: &App,
    merchant: MerchantId,
    environment: Environment,
) -> Result<Option<Credentials>, FlowError> {
    let Some(merchant) = app.directory.find_merchant(&app.store, merchant, environment).await? else { return Ok(None) };
    let hash_key = app.unseal(flows::HASH_KEY_PURPOSE, &merchant.hash_key)?;
    let pkcs8 = app.unseal(SIGNING_KEY_PURPOSE, &merchant.signing_key)?;
    let signer = RsaSigner::from_pkcs8(&pkcs8)?;
    let secret = flows::callback_secret(&hash_key)?;
    Ok(Some(Credentials { secret, authorization: None, signer: Some(signer) }))
}
