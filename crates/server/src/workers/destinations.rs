//! What a call to a receiver is signed with, remembered for a moment: opening seals and reading keys costs more than
//! the call.

use crate::app::App;
use crate::flows::{self, FlowError, PASSWORD_PURPOSE, SECRET_PURPOSE, SIGNING_KEY_PURPOSE};
use crate::outbound::signature::{RsaSigner, WebhookSecret};
use axum::http::HeaderValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use xanpay_domain::environment::Environment;
use xanpay_domain::id::{MerchantId, WebhookId};
use xanpay_store::ClaimedDelivery;

/// How long credentials are remembered: a rotated secret is used within a second.
const MEMORY: Duration = Duration::from_millis(500);
/// Destinations remembered.
const MAX_REMEMBERED: usize = 10_000;

/// Whom a call goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
    known: Mutex<HashMap<Receiver, (Instant, Arc<Credentials>)>>,
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
        {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, credentials)) = known.get(&receiver).filter(|(since, _)| since.elapsed() < MEMORY) {
                return Ok(Some(Arc::clone(credentials)));
            }
        }
        let found = match receiver {
            Receiver::Webhook(id) => of_webhook(app, id).await?,
            Receiver::Callback(merchant, environment) => of_callback(app, merchant, environment).await?,
        };
        let Some(credentials) = found.map(Arc::new) else { return Ok(None) };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_REMEMBERED {
            known.clear();
        }
        known.insert(receiver, (Instant::now(), Arc::clone(&credentials)));
        Ok(Some(credentials))
    }
}

fn internal(error: &dyn std::fmt::Display) -> FlowError {
    FlowError::Internal(error.to_string())
}

async fn of_webhook(app: &App, id: WebhookId) -> Result<Option<Credentials>, FlowError> {
    let found = app.store.reader().find_webhook(id).await?;
    let Some(webhook) = found.filter(|webhook| webhook.disabled_at.is_none()) else { return Ok(None) };
    let secret = app.unseal(SECRET_PURPOSE, &webhook.secret).map_err(|error| internal(&error))?;
    let authorization = match webhook.basic {
        Some((username, sealed)) => {
            let password = app.unseal(PASSWORD_PURPOSE, &sealed).map_err(|error| internal(&error))?;
            let pair = [username.as_bytes(), b":", &password].concat();
            let mut value =
                HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(pair))).map_err(|error| internal(&error))?;
            value.set_sensitive(true);
            Some(value)
        }
        None => None,
    };
    let secret = WebhookSecret::from_bytes(&secret).map_err(|error| internal(&error))?;
    Ok(Some(Credentials { secret, authorization, signer: None }))
}

async fn of_callback(
    app: &App,
    merchant: MerchantId,
    environment: Environment,
) -> Result<Option<Credentials>, FlowError> {
    let Some(merchant) = app.directory.find_merchant(&app.store, merchant, environment).await? else { return Ok(None) };
    let hash_key = app.unseal(flows::HASH_KEY_PURPOSE, &merchant.hash_key).map_err(|error| internal(&error))?;
    let pkcs8 = app.unseal(SIGNING_KEY_PURPOSE, &merchant.signing_key).map_err(|error| internal(&error))?;
    let signer = RsaSigner::from_pkcs8(&pkcs8).map_err(|error| internal(&error))?;
    let secret = flows::callback_secret(&hash_key)?;
    Ok(Some(Credentials { secret, authorization: None, signer: Some(signer) }))
}
