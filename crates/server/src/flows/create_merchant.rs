//! An operator takes a merchant on.

use super::create_key::{CreatedKey, new_key};
use super::refusal::{Fault, FlowError, Refusal};
use crate::app::App;
use crate::entropy;
use crate::outbound::certificate;
use crate::outbound::signature::WebhookSecret;
use crate::wire::body::MAX_NAME;
use xanpay_domain::currency::Currency;
use xanpay_domain::environment::Environment;
use xanpay_domain::id::MerchantId;
use xanpay_domain::method::Method;
use xanpay_domain::time::{Span, Timestamp};
use xanpay_store::{Merchant, Permission};

/// How long a merchant's signing certificate is valid.
const CERTIFICATE_LIFE: Span = Span::days(3650);
/// What a sealed secret is for; part of its seal.
pub(crate) const HASH_KEY_PURPOSE: &str = "merchant_settings.hash_key";
pub(crate) const SIGNING_KEY_PURPOSE: &str = "merchant_settings.signing_key";

/// A merchant to add.
#[derive(Debug, Clone)]
pub struct NewMerchant {
    /// The name that customers see.
    pub name: String,
    /// The currency that it counts in.
    pub currency: Currency,
    /// Methods it accepts, in their order.
    pub methods: Vec<Method>,
    /// The environment of its first key.
    pub environment: Environment,
    /// Whether its charges need a verified phone.
    pub phone_verification: bool,
}

/// A new merchant with its first key.
// Not Debug: a secret must not reach a log by way of `{:?}`.
#[derive(Clone)]
pub struct CreatedMerchant {
    /// By which commands name it.
    pub id: MerchantId,
    /// Its key pair; the secret is shown once.
    pub key: CreatedKey,
    /// The secret that signs callbacks to `notifyUrl`.
    pub webhook_secret: String,
}

/// Adds a merchant to an environment.
///
/// # Errors
/// A refusal when the name is empty or too long, a method is named twice, or live should verify phones.
pub async fn create_merchant(app: &App, new: NewMerchant) -> Result<CreatedMerchant, FlowError> {
    check(&new)?;
    let now = app.clock.real_now();
    let id = MerchantId::new(now, entropy::bytes());
    let (signing_key, certificate) = make_certificate(&new.name, now).await?;
    let hash_key = entropy::bytes::<32>();
    let merchant = Merchant {
        id,
        name: new.name,
        currency: new.currency,
        environment: new.environment,
        methods: new.methods,
        permissions: Permission::ALL.to_vec(),
        phone_verification: new.phone_verification,
        secure_mode: false,
        markup_bp: 0,
        hash_key: app.seal(HASH_KEY_PURPOSE, &hash_key)?,
        signing_key: app.seal(SIGNING_KEY_PURPOSE, &signing_key)?,
        certificate,
    };
    let (row, key) = new_key(Some(id), merchant.environment, now);
    app.store
        .write_with((merchant, row), move |tx, job| async move {
            let (merchant, row) = &*job;
            tx.insert_merchant(merchant, now).await?;
            tx.insert_api_key(row).await?;
            Ok::<_, FlowError>(())
        })
        .await?;
    Ok(CreatedMerchant { id, key, webhook_secret: callback_secret(&hash_key)?.reveal() })
}

fn check(new: &NewMerchant) -> Result<(), Refusal> {
    let mut faults = Vec::new();
    let wrong_name = if new.name.trim().is_empty() || new.name.chars().count() > MAX_NAME {
        Some(format!("must be 1 to {MAX_NAME} characters"))
    } else if new.name.chars().any(char::is_control) {
        Some("must be one line without control characters".to_owned())
    } else {
        None
    };
    let fault = |message| Fault { field: "name".into(), code: "invalid_field", message };
    faults.extend(wrong_name.map(fault));
    faults.extend(check_methods(&new.methods));
    faults.extend(check_phone_verification(new.phone_verification, new.environment));
    if faults.is_empty() { Ok(()) } else { Err(Refusal::invalid(faults)) }
}

/// Each method once.
pub(super) fn check_methods(methods: &[Method]) -> Vec<Fault> {
    let twice = methods.iter().enumerate().filter(|(index, method)| methods[..*index].contains(method));
    let fault =
        |method| Fault { field: "methods".into(), code: "invalid_field", message: format!("names {method} twice") };
    twice.map(|(_, method)| fault(method)).collect()
}

/// Without a way to send codes, a merchant that asks for them could not be paid at all.
pub(super) fn check_phone_verification(required: bool, environment: Environment) -> Option<Fault> {
    match (required, environment) {
        (true, Environment::Live) => Some(Fault {
            field: "phone-verification".into(),
            code: "sms_unavailable",
            message: "cannot be required in live: no SMS provider can be configured".into(),
        }),
        (true, Environment::Sandbox) | (false, Environment::Live | Environment::Sandbox) => None,
    }
}

/// Making an RSA key takes a while; other requests go on meanwhile.
async fn make_certificate(name: &str, now: Timestamp) -> Result<(Vec<u8>, String), FlowError> {
    let name = name.to_owned();
    let (from, until) = (now.as_millis() / 1000, now.plus(CERTIFICATE_LIFE).as_millis() / 1000);
    let serial = entropy::bytes();
    let made = tokio::task::spawn_blocking(move || certificate::generate(&name, from, until, serial));
    let made = made.await.map_err(|error| FlowError::Internal(error.to_string()))?;
    let made = made.map_err(|error| FlowError::Internal(error.to_string()))?;
    Ok((made.pkcs8_der, made.pem))
}

/// The key of a merchant's secure mode.
///
/// # Errors
/// [`FlowError::Internal`] when it was sealed with another master key.
pub fn hash_key(app: &App, merchant: &Merchant) -> Result<Vec<u8>, FlowError> {
    Ok(app.unseal(HASH_KEY_PURPOSE, &merchant.hash_key)?)
}

/// The Standard Webhooks secret of a merchant's callbacks. Derived from its hash key, so that one secret is kept.
///
/// # Errors
/// [`FlowError::Internal`] when the key is none that this program made.
pub(crate) fn callback_secret(hash_key: &[u8]) -> Result<WebhookSecret, FlowError> {
    use hmac::{Hmac, KeyInit, Mac};
    let mac = <Hmac<sha2::Sha256> as KeyInit>::new_from_slice(hash_key);
    let mut mac = mac.map_err(|error| FlowError::Internal(error.to_string()))?;
    mac.update(b"xanpay callback secret");
    Ok(WebhookSecret::from_bytes(&mac.finalize().into_bytes())?)
}
