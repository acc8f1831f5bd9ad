//! An operator takes a receiving account back into use.

use super::refusal::{FlowError, Refusal};
use crate::app::App;
use xanpay_domain::environment::Environment;
use xanpay_domain::id::AccountId;

/// Lets an account that was taken out of use take new charges again.
///
/// # Errors
/// A refusal when the environment has no such disabled account.
pub async fn enable_account(app: &App, id: AccountId, environment: Environment) -> Result<(), FlowError> {
    let unknown = || Refusal::field("account", "account_unknown", "is no disabled account of this environment");
    let accounts = app.store.reader().list_accounts(environment).await?;
    // One that cannot be read stays out of use.
    if !accounts.into_iter().flatten().any(|account| account.id == id) {
        return Err(unknown().into());
    }
    let enable = app.store.write(move |tx| async move { Ok::<_, FlowError>(tx.enable_account(id).await?) });
    if enable.await? { Ok(()) } else { Err(unknown().into()) }
}
