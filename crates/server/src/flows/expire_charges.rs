//! The clock closes charges: their merchants are told, and their nonces cool down.
//!
//! What a charge is does not depend on this having run: it is judged by the clock whenever it is read. What only happens
//! here is the notice, and that the charge lets go of what it claims on its account: until then no other one is given its
//! virtual account or its unique amount.

use super::events::{EventSeed, push_status_event};
use super::refusal::FlowError;
use crate::app::App;
use std::sync::Arc;
use tokio::task::JoinSet;
use xanpay_domain::charge::{ChargeCommand, NONCE_COOL_DOWN};
use xanpay_domain::environment::Environment;
use xanpay_domain::id::{AccountId, ChargeId};
use xanpay_domain::time::Timestamp;
use xanpay_store::StoreError;

/// Charges per page: small ones let requests in between.
const PAGE: i64 = 200;

/// Writes down the expiry of charges whose deadline has passed, a page of each account; returns how many. A charge or an
/// account that is damaged is logged and holds up no other.
///
/// # Errors
/// [`FlowError`] when storage cannot be reached.
pub async fn expire_due_charges(app: &Arc<App>, environment: Environment) -> Result<u64, FlowError> {
    let now = app.clock.now(environment);
    let mut expired = 0;
    for account in app.store.reader().list_due_accounts(environment, now).await? {
        match account {
            Ok(account) => expired += expire_page(app, account, environment, now).await?,
            Err(error) => tracing::error!(%error, "charges of a damaged account are not expired"),
        }
    }
    Ok(expired)
}

/// Expires a page of an account's charges. Those that cannot be expired stay the first ones that are due; the next page
/// is taken from behind them, so that any number of them holds up no other.
async fn expire_page(
    app: &Arc<App>,
    account: AccountId,
    environment: Environment,
    now: Timestamp,
) -> Result<u64, FlowError> {
    let (mut expired, mut stuck) = (0, 0);
    loop {
        let due = app.store.reader().list_due_charges(account, now, PAGE, stuck).await?;
        let (done, failed) = expire_all(app, due, environment).await?;
        expired += done;
        stuck += failed;
        if failed == 0 {
            return Ok(expired);
        }
    }
}

/// Expires charges side by side, so that they share commits; returns how many, and how many could not be.
async fn expire_all(app: &Arc<App>, due: Vec<ChargeId>, environment: Environment) -> Result<(u64, i64), FlowError> {
    let mut running = JoinSet::new();
    for id in due {
        let app = Arc::clone(app);
        running.spawn(async move { (id, expire_charge(&app, id, environment).await) });
    }
    let (mut expired, mut stuck, mut unavailable) = (0, 0, None);
    while let Some(ended) = running.join_next().await {
        match ended {
            // One that is not expired has been closed by somebody else meanwhile, and is not due any more either.
            Ok((_, Ok(is_expired))) => expired += u64::from(is_expired),
            Ok((_, Err(FlowError::Store(error @ StoreError::Unavailable(_))))) => unavailable = Some(error),
            Ok((id, Err(error))) => {
                tracing::error!(%error, charge = %id, "a charge could not be expired");
                stuck += 1;
            }
            Err(error) => {
                tracing::error!(%error, "a charge could not be expired");
                stuck += 1;
            }
        }
    }
    unavailable.map_or(Ok((expired, stuck)), |error| Err(error.into()))
}

async fn expire_charge(app: &App, id: ChargeId, environment: Environment) -> Result<bool, FlowError> {
    let (now, real_now, seed) = (app.clock.now(environment), app.clock.real_now(), EventSeed::draw());
    let expired = app
        .store
        .write(move |tx| async move {
            let Some(locked) = tx.lock_charge(id).await? else { return Ok(None) };
            let Ok((expired, _)) = locked.charge.decide(ChargeCommand::Expire, now) else { return Ok(None) };
            tx.save_charge(&expired, locked.version).await?;
            push_status_event(&tx, &expired, locked.version + 1, seed, now, real_now).await?;
            Ok::<_, FlowError>(Some(expired))
        })
        .await?;
    if let Some(charge) = &expired {
        app.announce(charge);
    }
    Ok(expired.is_some())
}

/// Frees the nonces of a page of charges that have been closed for the cool-down; returns how many.
///
/// # Errors
/// [`FlowError`] when storage fails.
pub async fn release_cooled_nonces(app: &App, environment: Environment) -> Result<u64, FlowError> {
    let closed_by = app.clock.now(environment).minus(NONCE_COOL_DOWN);
    app.store.write(move |tx| async move { Ok(tx.release_nonces(environment, closed_by, PAGE).await?) }).await
}

/// Forgets a page of idempotency keys that are older than their life; returns how many.
///
/// # Errors
/// [`FlowError`] when storage fails.
pub async fn forget_idempotency_keys(app: &App) -> Result<u64, FlowError> {
    let made_by = app.clock.real_now().minus(super::idempotent::KEY_LIFE);
    app.store.write(move |tx| async move { Ok(tx.forget_requests(made_by).await?) }).await
}
