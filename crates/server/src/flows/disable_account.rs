//! An operator takes a receiving account out of use.

use super::refusal::{FlowError, Refusal};
use crate::app::App;
use xanpay_domain::environment::Environment;
use xanpay_domain::id::AccountId;

/// Lets an account take no new charge, also one that cannot be read; money that is on its way to it still counts.
///
/// # Errors
/// A refusal when the environment has no such enabled account.
pub async fn disable_account(app: &App, id: AccountId, environment: Environment) -> Result<(), FlowError> {
    let now = app.clock.real_now();
    let disable =
        app.store.write(move |tx| async move { Ok::<_, FlowError>(tx.disable_account(id, environment, now).await?) });
    match disable.await? {
        true => Ok(()),
        false => Err(Refusal::field("account", "account_unknown", "is no enabled account of this environment").into()),
    }
}
