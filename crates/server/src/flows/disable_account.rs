//! An operator takes a receiving account out of use.

use super::refusal::{FlowError, Refusal};
use crate::app::App;
use xanpay_domain::environment::Environment;
use xanpay_domain::id::AccountId;
use xanpay_store::{Account, StoreError};

/// Lets an account take no new charge; money that is on its way to it still counts.
///
/// # Errors
/// A refusal when the environment has no such account in use.
pub async fn disable_account(app: &App, id: AccountId, environment: Environment) -> Result<(), FlowError> {
    let unknown = || Refusal::field("account", "account_unknown", "is no account in use in this environment");
    let accounts = app.store.reader().list_accounts(environment).await?;
    // One that cannot be read can still be taken out of use.
    let is_meant = |account: &Result<Account, StoreError>| match account {
        Ok(account) => account.id == id,
        Err(error) => error.damaged_row() == Some(id),
    };
    if !accounts.iter().any(is_meant) {
        return Err(unknown().into());
    }
    let now = app.clock.real_now();
    let disable = app.store.write(move |tx| async move { Ok::<_, FlowError>(tx.disable_account(id, now).await?) });
    if disable.await? { Ok(()) } else { Err(unknown().into()) }
}
