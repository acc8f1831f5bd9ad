//! An operator changes a merchant's switches.

use super::create_merchant::{check_methods, check_phone_verification};
use super::refusal::{FlowError, Refusal};
use crate::app::App;
use std::sync::Arc;
use xanpay_domain::environment::Environment;
use xanpay_domain::id::MerchantId;
use xanpay_domain::method::Method;
use xanpay_store::{Merchant, Permission};

/// What is to change; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct MerchantChanges {
    /// Methods it accepts, in their order.
    pub methods: Option<Vec<Method>>,
    /// Whether its charges need a verified phone.
    pub phone_verification: Option<bool>,
    /// Whether its charges need the hash of secure mode.
    pub secure_mode: Option<bool>,
    /// Markup on exchanged amounts, in hundredths of a percent.
    pub markup_bp: Option<u32>,
    /// Parts of the API that it may use.
    pub permissions: Option<Vec<Permission>>,
}

impl MerchantChanges {
    fn check(&self, environment: Environment) -> Result<(), Refusal> {
        let mut faults = check_methods(self.methods.as_deref().unwrap_or_default());
        faults.extend(check_phone_verification(self.phone_verification.unwrap_or(false), environment));
        if faults.is_empty() { Ok(()) } else { Err(Refusal::invalid(faults)) }
    }

    fn apply(&self, merchant: &mut Merchant) {
        if let Some(methods) = &self.methods {
            merchant.methods.clone_from(methods);
        }
        if let Some(permissions) = &self.permissions {
            merchant.permissions.clone_from(permissions);
        }
        merchant.phone_verification = self.phone_verification.unwrap_or(merchant.phone_verification);
        merchant.secure_mode = self.secure_mode.unwrap_or(merchant.secure_mode);
        merchant.markup_bp = self.markup_bp.unwrap_or(merchant.markup_bp);
    }
}

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
    changes.check(environment)?;
    let changes = Arc::new(changes);
    app.store
        .write(move |tx| {
            let changes = Arc::clone(&changes);
            async move {
                let unknown = || Refusal::field("merchant", "merchant_unknown", "is no merchant of this environment");
                let mut merchant = tx.find_merchant(id, environment).await?.ok_or_else(unknown)?;
                changes.apply(&mut merchant);
                tx.save_merchant_switches(&merchant).await?;
                Ok(merchant)
            }
        })
        .await
}
