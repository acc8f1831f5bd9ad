//! One file per payment method.

use crate::account::ReceivingAccount;
use crate::text;
use xanpay_domain::environment::Environment;

pub(crate) mod au_bank_transfer;
pub(crate) mod duit_now;
pub(crate) mod fps;
pub(crate) mod gojek_id;
pub(crate) mod hk_bank_transfer;
pub(crate) mod id_bank_transfer;
pub(crate) mod in_bank_transfer;
pub(crate) mod instapay;
pub(crate) mod nz_bank_transfer;
pub(crate) mod paynow;
pub(crate) mod prompt_pay;
pub(crate) mod toss;
pub(crate) mod viettel_pay;

/// The name that every sandbox code carries, so that a person who sees it in a bank's app knows.
pub(crate) const SANDBOX_NAME: &str = "XANPAY TEST";

/// Tag 59 of a charge: the holder's name as far as it can be written, `NA` where none can.
pub(crate) fn payee_name(account: &ReceivingAccount, environment: Environment) -> String {
    match environment {
        Environment::Live => account.name.as_deref().and_then(text::account_name).unwrap_or_else(|| "NA".to_owned()),
        Environment::Sandbox => SANDBOX_NAME.to_owned(),
    }
}
