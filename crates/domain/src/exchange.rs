//! Exchange: from the merchant's amount to the amount that the customer pays.

use crate::currency::Currency;
use crate::method::Method;
use crate::money::{Money, MoneyError};
use crate::time::{Span, Timestamp};
use alloc::string::String;
use core::fmt;

/// How old a rate set by the operator may be.
pub const OPERATOR_RATE_LIFE: Span = Span::days(7);

/// A positive decimal rate: one unit of the base currency is worth this many of the quote currency.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    mantissa: u64,
    scale: u32,
}

/// Why a text is no rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a positive plain decimal with at most 8 digits before and 10 after the point")]
pub struct NotARate;

/// The rate of a charge, fixed when the charge was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedRate {
    /// The rate.
    pub rate: Rate,
    /// Who said so: `operator`.
    pub source: String,
    /// When they said so.
    pub as_of: Timestamp,
}

/// Why an amount cannot be quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QuoteRefusal {
    /// No rate is known for the pair.
    #[error("no exchange rate from {from} to {to} is known")]
    NoRate {
        /// The merchant's currency.
        from: Currency,
        /// The customer's currency.
        to: Currency,
    },
    /// The rate that is known is too old to be used.
    #[error("the exchange rate from {from} to {to} is too old")]
    Stale {
        /// The merchant's currency.
        from: Currency,
        /// The customer's currency.
        to: Currency,
    },
    /// The result does not fit.
    #[error("the amount is out of range")]
    OutOfRange,
}

impl Rate {
    /// Reads a plain decimal such as `0.174933`.
    ///
    /// # Errors
    /// [`NotARate`].
    pub fn parse(text: &str) -> Result<Self, NotARate> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str, limit: usize| {
            (1..=limit).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !digits(whole, 8) || !digits(fraction, 10) {
            return Err(NotARate);
        }
        let mantissa =
            whole.bytes().chain(fraction.bytes()).fold(0_u64, |value, digit| value * 10 + u64::from(digit - b'0'));
        if mantissa == 0 {
            return Err(NotARate);
        }
        Ok(Self { mantissa, scale: fraction.len() as u32 })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = 10_u64.pow(self.scale);
        write!(f, "{}.{:0width$}", self.mantissa / unit, self.mantissa % unit, width = self.scale as usize)
    }
}

impl fmt::Debug for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A rate with its origin, as the operator's table has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateEntry {
    /// The rate.
    pub rate: Rate,
    /// Who said so.
    pub source: String,
    /// When.
    pub as_of: Timestamp,
}

/// Converts the merchant's amount into the currency of a method, rounded up to the smallest amount payable on that
/// rail. The same currency needs no rate and keeps its amount, if it can be paid at all.
///
/// `markup_bp` is the merchant's markup on exchanged amounts in hundredths of a percent.
///
/// # Errors
/// [`QuoteRefusal`] when no fresh rate is known or the result does not fit.
pub fn quote(
    amount: Money,
    method: Method,
    rate: Option<&RateEntry>,
    markup_bp: u32,
    now: Timestamp,
) -> Result<(Money, Option<LockedRate>), QuoteRefusal> {
    let (from, to) = (amount.currency(), method.currency());
    let round = |money: Money| money.round_up_to(method.payable_exponent()).map_err(|_| QuoteRefusal::OutOfRange);
    if from == to {
        return Ok((round(amount)?, None));
    }
    let entry = rate.ok_or(QuoteRefusal::NoRate { from, to })?;
    if now.since(entry.as_of) > OPERATOR_RATE_LIFE {
        return Err(QuoteRefusal::Stale { from, to });
    }
    let minor = convert(amount, to, entry.rate, markup_bp).ok_or(QuoteRefusal::OutOfRange)?;
    let money = Money::from_minor(minor, to).map_err(|_: MoneyError| QuoteRefusal::OutOfRange)?;
    let locked = LockedRate { rate: entry.rate, source: entry.source.clone(), as_of: entry.as_of };
    Ok((round(money)?, Some(locked)))
}

/// Minor units of `to`, rounded up: the merchant never receives less than asked.
fn convert(amount: Money, to: Currency, rate: Rate, markup_bp: u32) -> Option<i64> {
    let numerator = u128::try_from(amount.minor())
        .ok()?
        .checked_mul(u128::from(rate.mantissa))?
        .checked_mul(10_u128.pow(to.exponent()))?
        .checked_mul(10_000 + u128::from(markup_bp))?;
    let denominator = 10_u128.pow(rate.scale) * 10_u128.pow(amount.currency().exponent()) * 10_000;
    i64::try_from(numerator.div_ceil(denominator)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charge::tests::{NOW, sgd};
    use alloc::string::ToString;

    fn entry(rate: &str) -> RateEntry {
        RateEntry { rate: Rate::parse(rate).unwrap(), source: "operator".into(), as_of: NOW }
    }

    fn money(text: &str, code: &str) -> Money {
        Money::parse(text, code.parse().unwrap()).unwrap()
    }

    #[test]
    fn the_documented_example_gives_26_24() {
        let (amount, locked) = quote(money("150", "HKD"), Method::Paynow, Some(&entry("0.174933")), 0, NOW).unwrap();
        assert_eq!(amount, sgd(2624));
        assert_eq!(locked.unwrap().rate.to_string(), "0.174933");
    }

    #[test]
    fn amounts_are_rounded_up_to_what_the_rail_can_pay() {
        let (dong, _) = quote(money("1.01", "SGD"), Method::ViettelPay, Some(&entry("19500.1")), 0, NOW).unwrap();
        assert_eq!(dong.minor(), 19_696);
        let (rupiah, _) = quote(money("1", "SGD"), Method::GojekId, Some(&entry("12345.678")), 0, NOW).unwrap();
        assert_eq!(rupiah.to_decimal(), "12346.00");
    }

    #[test]
    fn the_markup_is_added_before_rounding() {
        let (amount, _) = quote(money("100", "HKD"), Method::Paynow, Some(&entry("0.17")), 150, NOW).unwrap();
        assert_eq!(amount, sgd(1726));
    }

    #[test]
    fn a_stale_or_missing_rate_refuses_and_the_same_currency_needs_none() {
        let hkd = money("150", "HKD");
        let old = NOW.plus(OPERATOR_RATE_LIFE);
        assert!(quote(hkd, Method::Paynow, Some(&entry("0.17")), 0, old).is_ok());
        let too_old = old.plus(Span::millis(1));
        assert!(matches!(
            quote(hkd, Method::Paynow, Some(&entry("0.17")), 0, too_old),
            Err(QuoteRefusal::Stale { .. })
        ));
        assert!(matches!(quote(hkd, Method::Paynow, None, 0, NOW), Err(QuoteRefusal::NoRate { .. })));
        assert_eq!(quote(sgd(3500), Method::Paynow, None, 900, NOW).unwrap(), (sgd(3500), None));
    }

    #[test]
    fn only_positive_plain_decimals_are_rates() {
        for bad in ["", "0", "0.0", "-1", "1e3", "NaN", "1.", ".5", "1,5", "123456789", "0.00000000001"] {
            assert_eq!(Rate::parse(bad), Err(NotARate), "{bad}");
        }
        assert_eq!(Rate::parse("7").unwrap().to_string(), "7.0");
    }
}
