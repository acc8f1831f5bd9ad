//! Key pairs are made and ended.

use super::refusal::{FlowError, Refusal};
use crate::app::App;
use crate::entropy;
use sha2::{Digest, Sha256};
use xanpay_domain::environment::Environment;
use xanpay_domain::id::MerchantId;
use xanpay_domain::time::Timestamp;
use xanpay_store::ApiKey;

/// A new key pair. The secret is not stored and cannot be shown again.
// Not Debug: a secret must not reach a log by way of `{:?}`.
#[derive(Clone)]
pub struct CreatedKey {
    /// The public half.
    pub api_key: String,
    /// The secret half: 256 random bits in hex.
    pub api_secret: String,
}

/// The hash under which a secret is stored. One round is enough: the secret is random, not a password.
#[must_use]
pub fn secret_hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// Draws a key pair.
pub(super) fn new_key(
    merchant_id: Option<MerchantId>,
    environment: Environment,
    now: Timestamp,
) -> (ApiKey, CreatedKey) {
    let prefix = match (merchant_id, environment) {
        (Some(_), Environment::Sandbox) => "sandbox_",
        (Some(_), Environment::Live) => "",
        (None, Environment::Sandbox) => "sandbox_operator_",
        (None, Environment::Live) => "operator_",
    };
    let api_key = format!("{prefix}{}", entropy::hex(32));
    let api_secret = entropy::hex(64);
    let row = ApiKey {
        api_key: api_key.clone(),
        merchant_id,
        environment,
        secret_hash: secret_hash(&api_secret).to_vec(),
        created_at: now,
        revoked_at: None,
    };
    (row, CreatedKey { api_key, api_secret })
}

/// Makes a further key pair of a merchant, or one of the operator's when no merchant is named.
///
/// # Errors
/// A refusal when there is no such merchant in the environment.
pub async fn create_key(
    app: &App,
    merchant: Option<MerchantId>,
    environment: Environment,
) -> Result<CreatedKey, FlowError> {
    if let Some(id) = merchant
        && app.store.reader().find_merchant(id, environment).await?.is_none()
    {
        return Err(Refusal::unknown_merchant().into());
    }
    let (row, key) = new_key(merchant, environment, app.clock.real_now());
    app.store.write_with(row, |tx, row| async move { Ok::<_, FlowError>(tx.insert_api_key(&row).await?) }).await?;
    Ok(key)
}

/// Ends a key pair, a merchant's or the operator's. Running gateways stop taking it within a second.
///
/// # Errors
/// A refusal when there is no such key, or it is revoked already.
pub async fn revoke_key(app: &App, api_key: String) -> Result<(), FlowError> {
    let now = app.clock.real_now();
    let revoke = app.store.write_with(api_key, move |tx, api_key| async move {
        Ok::<_, FlowError>(tx.revoke_api_key(&api_key, now).await?)
    });
    if revoke.await? { Ok(()) } else { Err(Refusal::field("key", "key_unknown", "is no active key").into()) }
}
