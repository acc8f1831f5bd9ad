//! `xanpay qr encode`: named fields in, payload text out.

use crate::account::{AccountFault, Warning};
use crate::methods;
use crate::rail::rail;
use crate::text;
use std::collections::BTreeMap;
use xanpay_domain::currency::Currency;
use xanpay_domain::method::Method;
use xanpay_domain::money::Money;

/// A field's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// Text; for amounts, that of a decimal number.
    Text(String),
    /// A number as it was written. Only amounts may be one: an account would lose its leading zeros.
    Number(String),
    /// Yes or no.
    Bool(bool),
}

/// Why no payload can be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct EncodeError {
    /// The field at fault, as [`encode_keys`] names it.
    pub field: String,
    /// What is wrong and what is expected.
    pub message: String,
}

impl EncodeError {
    pub(crate) fn new(field: &str, message: impl Into<String>) -> Self {
        Self { field: field.to_owned(), message: message.into() }
    }
}

impl From<AccountFault> for EncodeError {
    fn from(fault: AccountFault) -> Self {
        Self { field: fault.field.to_owned(), message: fault.message }
    }
}

/// Writes a payload from named fields.
///
/// # Errors
/// [`EncodeError`] names the first field that is unknown, missing, of the wrong kind or forbidden by the rail.
pub fn encode(method: Method, fields: &BTreeMap<String, Field>) -> Result<String, EncodeError> {
    let Some(payloads) = &rail(method).payloads else {
        return Err(EncodeError::new("method", format!("{method} has no QR; its fields are copied by the payer")));
    };
    for key in fields.keys() {
        if !payloads.keys.iter().any(|(name, _)| name == key) {
            let names: Vec<&str> = payloads.keys.iter().map(|(name, _)| *name).collect();
            return Err(EncodeError::new(key, format!("is not a key of {method}; the keys are {}", names.join(", "))));
        }
    }
    (payloads.encode)(&Keys { fields })
}

/// What a payload of [`encode`] carries otherwise than it was typed, or could have been meant otherwise.
#[must_use]
pub fn encode_warnings(method: Method, fields: &BTreeMap<String, Field>) -> Vec<Warning> {
    let typed = |key| match fields.get(key) {
        Some(Field::Text(text)) => Some(text.as_str()),
        Some(Field::Number(_) | Field::Bool(_)) | None => None,
    };
    // A link carries a name as it is.
    let name = typed("name").filter(|_| method != Method::InBankTransfer);
    // With a bank it is an account there, of any form.
    let account = typed("account").filter(|_| method == Method::PromptPay && typed("bank").is_none());
    let warnings = [
        name.and_then(text::name_warning),
        typed("city").and_then(text::city_warning),
        account.and_then(methods::prompt_pay::payee_warning),
    ];
    warnings.into_iter().flatten().collect()
}

/// The keys that [`encode`] takes for a method, each with a line of help; none where the rail has no QR.
#[must_use]
pub fn encode_keys(method: Method) -> &'static [(&'static str, &'static str)] {
    rail(method).payloads.as_ref().map_or(&[], |payloads| payloads.keys)
}

/// The most characters of an amount in an EMVCo code; links keep to the same.
const MAX_AMOUNT: usize = 13;

/// Refuses an amount that has more characters than a code holds.
pub(crate) fn fits(amount: &str) -> Result<(), EncodeError> {
    if amount.len() > MAX_AMOUNT {
        return Err(EncodeError::new(
            "amount",
            format!("must be at most {MAX_AMOUNT} characters long, {amount} is not"),
        ));
    }
    Ok(())
}

/// Typed access to the fields of one call.
pub(crate) struct Keys<'a> {
    fields: &'a BTreeMap<String, Field>,
}

impl<'a> Keys<'a> {
    /// A text that may be absent. Present and empty is a fault: it would write nothing and look like something.
    pub(crate) fn text(&self, key: &str) -> Result<Option<&'a str>, EncodeError> {
        match self.fields.get(key) {
            None => Ok(None),
            Some(Field::Text(text)) if text.is_empty() => Err(EncodeError::new(key, "must not be empty")),
            Some(Field::Text(text)) => Ok(Some(text)),
            Some(Field::Number(_) | Field::Bool(_)) => Err(EncodeError::new(key, "must be text")),
        }
    }

    /// A decimal number, written as one or as text, that may be absent.
    pub(crate) fn number(&self, key: &str) -> Result<Option<&'a str>, EncodeError> {
        match self.fields.get(key) {
            Some(Field::Number(number)) => Ok(Some(number)),
            Some(Field::Bool(_)) => Err(EncodeError::new(key, "must be a number, or one as text")),
            Some(Field::Text(_)) | None => self.text(key),
        }
    }

    /// A text that must be present.
    pub(crate) fn required(&self, key: &str) -> Result<&'a str, EncodeError> {
        self.text(key)?.ok_or_else(|| EncodeError::new(key, "is required"))
    }

    /// A yes or no that may be absent.
    pub(crate) fn flag(&self, key: &str) -> Result<Option<bool>, EncodeError> {
        match self.fields.get(key) {
            None => Ok(None),
            Some(Field::Bool(value)) => Ok(Some(*value)),
            Some(Field::Text(_) | Field::Number(_)) => Err(EncodeError::new(key, "must be true or false")),
        }
    }

    /// The amount of a rail, payable on it, with the number of decimals that its payload has.
    pub(crate) fn amount(&self, method: Method) -> Result<Option<String>, EncodeError> {
        let Some(money) = self.money(method.currency())? else { return Ok(None) };
        if !money.is_payable_in(method.payable_exponent()) {
            return Err(EncodeError::new("amount", format!("must be whole {} on this rail", method.currency())));
        }
        let amount = money.to_decimal_with(method.payable_exponent());
        fits(&amount)?;
        Ok(Some(amount))
    }

    /// The amount in a currency.
    pub(crate) fn money(&self, currency: Currency) -> Result<Option<Money>, EncodeError> {
        let Some(text) = self.number("amount")? else { return Ok(None) };
        let money = Money::parse(text, currency).map_err(|error| EncodeError::new("amount", error.to_string()))?;
        Ok(Some(money))
    }

    /// The amount with the decimals that were typed, at most as many as the currency has: `35`, `35.5`, `35.00`.
    pub(crate) fn amount_as_written(&self, currency: Currency) -> Result<Option<String>, EncodeError> {
        let Some(money) = self.money(currency)? else { return Ok(None) };
        let typed = self.number("amount")?.unwrap_or_default();
        let decimals =
            typed.split_once('.').map_or(0, |(_, fraction)| u32::try_from(fraction.len()).unwrap_or(u32::MAX));
        let amount = money.to_decimal_with(decimals.min(currency.exponent()));
        fits(&amount)?;
        Ok(Some(amount))
    }
}
