//! An operator changes a merchant's switches.

use super::create_merchant::{check_methods, check_phone_verification};
use super::refusal::{FlowError, Refusal};
use crate::app::App;
use xanpay_domain::environment::Environment;
use xanpay_domain::id::MerchantId;
use xanpay_store::{Merchant, MerchantChanges};

/// Changes a merchant's switches in an environment; returns the merchant as it is then.
///
/// # Errors
/// A refusal when a method is named twice, when live should verify phones, or when the merchant is unknown.
pub async fn set_merchant(
    app: &App,
    id: MerchantId,
    environment: Environment,
    changes: MerchantChanges,
) -> Result<Merchant, FlowError> {
    let mut faults = check_methods(changes.methods.as_deref().unwrap_or_default());
    faults.extend(check_phone_verification(changes.phone_verification.unwrap_or(false), environment));
    if !faults.is_empty() {
        return Err(Refusal::invalid(faults).into());
    }
    app.store
        .write_with(changes, move |tx, changes| async move {
            tx.save_merchant_switches(id, environment, &changes).await?;
            Ok(tx.find_merchant(id, environment).await?.ok_or_else(Refusal::unknown_merchant)?)
        })
        .await
}
