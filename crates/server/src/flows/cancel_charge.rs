//! A pending charge is called off.

use super::events::{EventSeed, push_status_event};
use super::refusal::{FlowError, Refusal};
use crate::app::App;
use crate::outbound::vault::MasterKey;
use xanpay_domain::charge::{Charge, ChargeCommand};
use xanpay_domain::environment::Environment;
use xanpay_domain::id::{ChargeId, MerchantId};
use xanpay_domain::secret::Secret;

/// In whose name a charge is called off.
#[derive(Debug, Clone)]
pub enum CancelAuthority {
    /// The merchant's, by its API key.
    Merchant(MerchantId, Environment),
    /// Whoever holds the charge's cancel token.
    Token(Secret<String>),
    /// The customer's, on the checkout page of the charge's session.
    Checkout,
}

/// The token with which the customer's side may call a charge off. It is not stored: it follows from the charge's id.
pub(super) fn cancel_token(master_key: &MasterKey, id: ChargeId) -> Secret<String> {
    master_key.token(&format!("charges.cancel_token {id}"))
}

impl CancelAuthority {
    fn covers(&self, app: &App, charge: &Charge) -> bool {
        match self {
            Self::Merchant(merchant, environment) => {
                charge.merchant_id == *merchant && charge.environment == *environment
            }
            Self::Token(token) => cancel_token(app.master_key(), charge.id) == *token,
            Self::Checkout => true,
        }
    }
}

/// Cancels a pending charge. False when it was no longer pending: money or the clock came first.
///
/// # Errors
/// A refusal when there is no such charge or the authority does not cover it.
pub async fn cancel_charge(app: &App, id: ChargeId, authority: CancelAuthority) -> Result<bool, FlowError> {
    let tx = app.store.reader();
    let found = tx.find_charge(id).await?.filter(|charge| authority.covers(app, charge));
    let Some(charge) = found else { return Err(Refusal::not_found().into()) };
    let (now, real_now, seed) = (app.clock.now(charge.environment), app.clock.real_now(), EventSeed::draw());
    let cancelled = app
        .store
        .write(move |tx| async move {
            let Some(locked) = tx.lock_charge(id).await? else { return Ok(false) };
            let Ok((cancelled, _)) = locked.charge.decide(ChargeCommand::Cancel, now) else { return Ok(false) };
            tx.save_charge(&cancelled, locked.version).await?;
            push_status_event(&tx, &cancelled, locked.version + 1, seed, now, real_now).await?;
            Ok::<_, FlowError>(true)
        })
        .await?;
    if cancelled {
        app.announce(&charge);
    }
    Ok(cancelled)
}
