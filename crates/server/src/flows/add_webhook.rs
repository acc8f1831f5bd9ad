//! A merchant's webhook endpoint is added.

use super::refusal::{FlowError, Refusal};
use crate::app::App;
use crate::entropy;
use crate::outbound::address::parse_callback_url;
use crate::outbound::signature::WebhookSecret;
use crate::wire::body::MAX_NAME;
use xanpay_domain::environment::Environment;
use xanpay_domain::id::{MerchantId, WebhookId};
use xanpay_store::Webhook;

/// What a sealed secret is for; part of its seal.
pub(crate) const PASSWORD_PURPOSE: &str = "webhooks.password";
pub(crate) const SECRET_PURPOSE: &str = "webhooks.secret";

/// An endpoint to add.
// Not Debug: a secret must not reach a log by way of `{:?}`.
#[derive(Clone)]
pub struct NewWebhook {
    /// The environment that it hears of.
    pub environment: Environment,
    /// Whose endpoint it is.
    pub merchant: MerchantId,
    /// Where it listens.
    pub url: String,
    /// User name and password of HTTP Basic authentication.
    pub basic: Option<(String, String)>,
}

/// A new endpoint with its signing secret, which is shown once.
// Not Debug: a secret must not reach a log by way of `{:?}`.
#[derive(Clone)]
pub struct AddedWebhook {
    /// By which commands name it.
    pub id: WebhookId,
    /// The secret, `whsec_...`.
    pub secret: String,
}

/// Adds an endpoint.
///
/// # Errors
/// A refusal when the URL must not be called, the user name cannot be sent, or the merchant is unknown.
pub async fn add_webhook(app: &App, new: NewWebhook) -> Result<AddedWebhook, FlowError> {
    let url = parse_callback_url(&new.url, app.addresses.of(new.environment))
        .map_err(|fault| Refusal::field("url", fault.code(), fault.to_string()))?;
    if new.basic.as_ref().is_some_and(|(username, _)| username.contains(':')) {
        let message = "must not contain a colon: HTTP Basic ends the name there";
        return Err(Refusal::field("username", "invalid_field", message).into());
    }
    for (field, text) in new.basic.iter().flat_map(|(name, password)| [("username", name), ("password", password)]) {
        if text.chars().count() > MAX_NAME {
            let message = format!("must be at most {MAX_NAME} characters");
            return Err(Refusal::field(field, "field_too_long", message).into());
        }
        if text.chars().any(char::is_control) {
            let message = "must not contain control characters, which HTTP Basic forbids";
            return Err(Refusal::field(field, "invalid_field", message).into());
        }
    }
    if app.store.reader().find_merchant(new.merchant, new.environment).await?.is_none() {
        return Err(Refusal::unknown_merchant().into());
    }
    let secret = WebhookSecret::from_bytes(&entropy::bytes::<32>())?;
    let basic = match new.basic {
        Some((username, password)) => Some((username, app.seal(PASSWORD_PURPOSE, password.as_bytes())?)),
        None => None,
    };
    let webhook = Webhook {
        id: WebhookId::new(app.clock.real_now(), entropy::bytes()),
        merchant_id: new.merchant,
        environment: new.environment,
        url: url.into(),
        basic,
        secret: app.seal(SECRET_PURPOSE, secret.as_bytes())?,
        created_at: app.clock.real_now(),
        disabled_at: None,
    };
    let id = webhook.id;
    let add =
        app.store.write_with(webhook, |tx, new| async move { Ok::<_, FlowError>(tx.insert_webhook(&new).await?) });
    add.await?;
    Ok(AddedWebhook { id, secret: secret.reveal() })
}
