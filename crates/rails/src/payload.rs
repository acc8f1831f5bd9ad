//! The QR text or link of one charge.

use crate::account::ReceivingAccount;
use crate::encode::{EncodeError, fits};
use crate::rail::rail;
use xanpay_domain::environment::Environment;
use xanpay_domain::method::Method;
use xanpay_domain::money::Money;

/// What one charge asks of its payer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaymentRequest<'a> {
    /// The amount, in the rail's currency and payable unit.
    pub amount: Money,
    /// The nonce: 4 to 10 letters and digits survive on every rail.
    pub reference: &'a str,
}

/// The text that the payer scans or opens; `None` where the rail or the account has no code and the fields are copied.
///
/// In live it names the receiving account. In sandbox it has the rail's real format, a payee that cannot exist and TEST
/// in the name.
///
/// # Errors
/// [`EncodeError`] names `amount`, `reference` or the part of the account that the rail's format cannot carry.
pub fn payload(
    account: &ReceivingAccount,
    request: &PaymentRequest<'_>,
    environment: Environment,
) -> Result<Option<String>, EncodeError> {
    check_amount(account.method, request.amount)?;
    match &rail(account.method).payloads {
        Some(payloads) => (payloads.of_charge)(account, request, environment),
        None => Ok(None),
    }
}

/// Whether a payment request of a method can ask for an amount at all: payable, and not too long for its code.
#[must_use]
pub fn can_ask(method: Method, amount: Money) -> bool {
    check_amount(method, amount).is_ok()
}

fn check_amount(method: Method, amount: Money) -> Result<(), EncodeError> {
    if amount.currency() != method.currency() {
        return Err(EncodeError::new("amount", format!("must be in {}", method.currency())));
    }
    if amount.is_zero() {
        return Err(EncodeError::new("amount", "must be greater than zero"));
    }
    if !amount.is_payable_in(method.payable_exponent()) {
        return Err(EncodeError::new("amount", format!("must be whole {} on this rail", method.currency())));
    }
    fits(&amount.to_decimal_with(method.payable_exponent()))
}
