//! Money: a whole number of minor units and its currency.
//!
//! There is no `Add`, no order across currencies and no float anywhere: every operation that could mix currencies or
//! overflow says so in its type.

use crate::currency::Currency;
use alloc::string::String;
use core::fmt;

/// The most digits an amount may have before its decimal point. Keeps every sum of a day's traffic inside an `i64`.
const MAX_INTEGER_DIGITS: usize = 12;

/// An amount of one currency, in that currency's ISO 4217 minor units. May be zero, never negative.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

/// Why a text is no amount of a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// A sign, exponent, separator, space, letter, second point or nothing at all.
    #[error("must be plain decimal digits with at most one point")]
    NotDecimal,
    /// More decimals than the currency has.
    #[error("has more than the {0} decimals of its currency")]
    TooManyDecimals(u32),
    /// More than 12 digits before the point.
    #[error("is larger than the largest amount accepted")]
    TooLarge,
    /// Zero where money must change hands.
    #[error("must be greater than zero")]
    Zero,
}

/// Arithmetic that has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The two amounts are of different currencies.
    #[error("the currencies differ")]
    CurrencyMismatch,
    /// The result does not fit.
    #[error("the result is out of range")]
    OutOfRange,
}

impl Money {
    /// An amount of `minor` units.
    ///
    /// # Errors
    /// [`MoneyError::OutOfRange`] when `minor` is negative.
    pub fn from_minor(minor: i64, currency: Currency) -> Result<Self, MoneyError> {
        if minor < 0 {
            return Err(MoneyError::OutOfRange);
        }
        Ok(Self { minor, currency })
    }

    /// Nothing of a currency.
    #[must_use]
    pub fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    /// Reads plain decimal text such as `35`, `35.00` or `26.24`; zero is an error.
    ///
    /// # Errors
    /// [`AmountError`], in the order in which its variants stand.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, AmountError> {
        let minor = parse_decimal(text, currency.exponent())?;
        if minor == 0 {
            return Err(AmountError::Zero);
        }
        Ok(Self { minor, currency })
    }

    /// Whole minor units.
    #[must_use]
    pub fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    #[must_use]
    pub fn currency(self) -> Currency {
        self.currency
    }

    /// Whether nothing is there.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.minor == 0
    }

    /// The sum of two amounts of one currency.
    ///
    /// # Errors
    /// [`MoneyError`] when the currencies differ or the sum overflows.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        let minor = self.minor.checked_add(other.minor).ok_or(MoneyError::OutOfRange)?;
        Ok(Self { minor, ..self })
    }

    /// The difference of two amounts of one currency.
    ///
    /// # Errors
    /// [`MoneyError`] when the currencies differ or `other` is the larger amount.
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        Self::from_minor(self.minor - other.minor, self.currency)
    }

    /// Orders two amounts of one currency.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`].
    pub fn compare(self, other: Self) -> Result<core::cmp::Ordering, MoneyError> {
        self.same_currency(other)?;
        Ok(self.minor.cmp(&other.minor))
    }

    /// Whether this amount can be paid in steps of `10^-exponent`: 35.50 IDR cannot, as rupiah are paid whole.
    #[must_use]
    pub fn is_payable_in(self, exponent: u32) -> bool {
        self.minor % unit_minor(self.currency, exponent) == 0
    }

    /// Rounds up to the next amount that can be paid in steps of `10^-exponent`.
    ///
    /// # Errors
    /// [`MoneyError::OutOfRange`] when that amount does not fit.
    pub fn round_up_to(self, exponent: u32) -> Result<Self, MoneyError> {
        let unit = unit_minor(self.currency, exponent);
        let minor = match self.minor % unit {
            0 => self.minor,
            rest => self.minor.checked_add(unit - rest).ok_or(MoneyError::OutOfRange)?,
        };
        Ok(Self { minor, ..self })
    }

    /// Decimal text with the currency's full number of decimals: `35.00`.
    #[must_use]
    pub fn to_decimal(self) -> String {
        self.to_decimal_with(self.currency.exponent())
    }

    /// Decimal text with `decimals` digits behind the point. Digits that the currency has beyond them must be zero;
    /// they are cut.
    #[must_use]
    pub fn to_decimal_with(self, decimals: u32) -> String {
        let exponent = self.currency.exponent() as usize;
        let digits = alloc::format!("{:0width$}", self.minor, width = exponent + 1);
        let (whole, fraction) = digits.split_at(digits.len() - exponent);
        let mut text = String::from(whole);
        if decimals > 0 {
            text.push('.');
            text.extend(fraction.chars().chain(core::iter::repeat('0')).take(decimals as usize));
        }
        text
    }

    /// The shortest decimal text: `35`, `26.24`, `26.2`. This is the amount as a JSON number.
    #[must_use]
    pub fn to_shortest(self) -> String {
        let mut text = self.to_decimal();
        if text.contains('.') {
            text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
        }
        text
    }

    fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency { Ok(()) } else { Err(MoneyError::CurrencyMismatch) }
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.to_decimal(), self.currency)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.to_decimal(), self.currency)
    }
}

/// Minor units in one step of `10^-exponent` of a currency; steps finer than the minor unit do not exist.
fn unit_minor(currency: Currency, exponent: u32) -> i64 {
    10_i64.pow(currency.exponent().saturating_sub(exponent))
}

/// Plain decimal digits to units of `10^-exponent`. Trailing zeros beyond the exponent are no extra precision.
fn parse_decimal(text: &str, exponent: u32) -> Result<i64, AmountError> {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return Err(AmountError::NotDecimal),
        None => (text, ""),
    };
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
        return Err(AmountError::NotDecimal);
    }
    let significant = fraction.trim_end_matches('0');
    if significant.len() > exponent as usize {
        return Err(AmountError::TooManyDecimals(exponent));
    }
    if whole.trim_start_matches('0').len() > MAX_INTEGER_DIGITS {
        return Err(AmountError::TooLarge);
    }
    let mut minor: i64 = 0;
    let padded = significant.bytes().chain(core::iter::repeat(b'0')).take(exponent as usize);
    for digit in whole.bytes().chain(padded) {
        minor = minor
            .checked_mul(10)
            .and_then(|value| value.checked_add(i64::from(digit - b'0')))
            .ok_or(AmountError::TooLarge)?;
    }
    Ok(minor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    #[test]
    fn equal_amounts_read_the_same_whatever_their_spelling() {
        for text in ["35", "35.0", "35.00", "035", "35.000"] {
            assert_eq!(Money::parse(text, Currency::SGD).unwrap().minor(), 3500, "{text}");
        }
    }

    #[test]
    fn text_that_is_no_plain_decimal_is_refused() {
        for text in [
            "", ".", ".5", "5.", "+35", "-1", "1e3", "1,000", " 35", "35 ", "NaN", "Infinity", "35\u{0}", "S$35",
            "1.2.3", "0x10", "٣٥",
        ] {
            assert_eq!(Money::parse(text, Currency::SGD), Err(AmountError::NotDecimal), "{text:?}");
        }
    }

    #[test]
    fn decimals_beyond_the_currency_are_refused() {
        let yen = "JPY".parse().unwrap();
        assert_eq!(Money::parse("35.5", yen), Err(AmountError::TooManyDecimals(0)));
        assert_eq!(Money::parse("0.001", Currency::SGD), Err(AmountError::TooManyDecimals(2)));
        assert_eq!(Money::parse("1.001", "KWD".parse().unwrap()).unwrap().minor(), 1001);
    }

    #[test]
    fn the_largest_amount_has_twelve_digits_and_one_more_is_refused() {
        assert_eq!(Money::parse("999999999999.99", Currency::SGD).unwrap().minor(), 99_999_999_999_999);
        assert_eq!(Money::parse("1000000000000", Currency::SGD), Err(AmountError::TooLarge));
        assert_eq!(Money::parse("0", Currency::SGD), Err(AmountError::Zero));
    }

    #[test]
    fn shortest_text_is_what_the_api_prints() {
        for (minor, text) in [(3500, "35"), (2624, "26.24"), (2620, "26.2"), (1, "0.01"), (100_000, "1000")] {
            assert_eq!(Money::from_minor(minor, Currency::SGD).unwrap().to_shortest(), text);
        }
        assert_eq!(Money::from_minor(100, "JPY".parse().unwrap()).unwrap().to_shortest(), "100");
    }

    #[test]
    fn rounding_up_reaches_the_payable_unit() {
        let rupiah = |minor| Money::from_minor(minor, Currency::IDR).unwrap();
        assert_eq!(rupiah(3_500_001).round_up_to(0).unwrap(), rupiah(3_500_100));
        assert_eq!(rupiah(3_500_000).round_up_to(0).unwrap(), rupiah(3_500_000));
        assert!(!rupiah(3_500_001).is_payable_in(0));
        assert_eq!(rupiah(3_500_100).to_decimal_with(0), "35001");
    }

    #[test]
    fn currencies_never_mix() {
        let (a, b) = (Money::zero(Currency::SGD), Money::zero(Currency::HKD));
        assert_eq!(a.checked_add(b), Err(MoneyError::CurrencyMismatch));
        assert_eq!(a.compare(b), Err(MoneyError::CurrencyMismatch));
    }

    proptest! {
        #[test]
        fn decimal_text_reads_back(minor in 1..=99_999_999_999_999_i64) {
            let money = Money::from_minor(minor, Currency::SGD).unwrap();
            prop_assert_eq!(Money::parse(&money.to_decimal(), Currency::SGD), Ok(money));
            prop_assert_eq!(Money::parse(&money.to_shortest(), Currency::SGD), Ok(money));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = Money::parse(&text.to_string(), Currency::SGD);
        }
    }
}
