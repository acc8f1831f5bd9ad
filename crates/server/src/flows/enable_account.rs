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
    let enable =
        app.store.write(move |tx| async move { Ok::<_, FlowError>(tx.enable_account(id, environment).await?) });
    match enable.await? {
        true => Ok(()),
        false => Err(Refusal::field("account", "account_unknown", "is no disabled account of this environment").into()),
    }
}
