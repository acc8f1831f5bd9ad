//! Exchange: from the merchant's amount to the amount that the customer pays.
//!
//! Rates come from several sources. In order of trust: the operator's own rate of the very pair; then a rate through the
//! euro, of which each leg is the operator's own or else the reference rate of the European Central Bank (ECB). A rate
//! that is older than its source allows is as good as none.

mod rate;

pub use rate::{NotARate, Rate};

use crate::currency::Currency;
use crate::method::Method;
use crate::money::{Money, MoneyError};
use crate::time::{Span, Timestamp};
use alloc::format;
use alloc::string::{String, ToString};

/// The name of the source of rates that the operator sets.
pub const OPERATOR: &str = "operator";
/// The name of the source of euro reference rates of the European Central Bank.
pub const ECB: &str = "ecb";
/// How old a rate set by the operator may be, unless the operator says otherwise.
pub const OPERATOR_RATE_LIFE: Span = Span::days(7);
/// How old a reference rate may be: published in the afternoon of working days, so that at Easter Thursday's rates last
/// until Tuesday's are fetched.
pub const ECB_RATE_LIFE: Span = Span::days(6);

/// How old a rate may be, by its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateAges {
    /// A rate set by the operator.
    pub operator: Span,
    /// A reference rate of the European Central Bank.
    pub ecb: Span,
}

impl Default for RateAges {
    fn default() -> Self {
        Self { operator: OPERATOR_RATE_LIFE, ecb: ECB_RATE_LIFE }
    }
}

impl RateAges {
    /// How old a rate of a source may be; nothing for a source that is not known here, whose rates are never used.
    #[must_use]
    pub fn of(&self, source: &str) -> Option<Span> {
        match source {
            OPERATOR => Some(self.operator),
            ECB => Some(self.ecb),
            _ => None,
        }
    }
}

/// The rate of a charge, fixed when the charge was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedRate {
    /// The rate.
    pub rate: Rate,
    /// Who said so: `operator`, `ecb`, or `ecb+operator` where one leg of a rate through the euro is each one's.
    pub source: String,
    /// When they said so; of two legs, the older one.
    pub as_of: Timestamp,
}

/// How far ahead of now a rate may be dated: its day may have begun elsewhere already.
pub const MOST_AHEAD: Span = Span::days(1);

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
    /// The rate that is known is too old to be used, or dated ahead.
    #[error("the exchange rate from {from} to {to} is too old, or dated ahead")]
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

/// What is known of a pair from one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairRate {
    /// One unit of this currency ...
    pub base: Currency,
    /// ... is worth so many of this one.
    pub quote: Currency,
    /// The rate, its source and its time.
    pub entry: RateEntry,
}

impl PairRate {
    /// Whether the rate is not to be used: too old, or dated ahead of now.
    #[must_use]
    pub fn is_stale(&self, ages: RateAges, now: Timestamp) -> bool {
        self.is_ahead(now) || ages.of(&self.entry.source).is_none_or(|life| now.since(self.entry.as_of) > life)
    }

    /// Whether the rate is dated further ahead than time zones explain: the clock that dated it was wrong, and nobody knows
    /// how old it is.
    #[must_use]
    pub fn is_ahead(&self, now: Timestamp) -> bool {
        self.entry.as_of > now.plus(MOST_AHEAD)
    }
}

/// The best fresh rate from one currency to another: the operator's of the pair, else through the euro.
///
/// # Errors
/// [`QuoteRefusal::Stale`] when a rate would be known, were it not too old; [`QuoteRefusal::NoRate`] when none is;
/// [`QuoteRefusal::OutOfRange`] when the rate through the euro is too small or too large to be written.
pub fn find_rate(
    rates: &[PairRate],
    from: Currency,
    to: Currency,
    ages: RateAges,
    now: Timestamp,
) -> Result<LockedRate, QuoteRefusal> {
    let own = pair(rates, OPERATOR, from, to);
    if let Some(own) = own.filter(|own| !own.is_stale(ages, now)) {
        return Ok(lock(own));
    }
    let legs = (euro_leg(rates, from, ages, now), euro_leg(rates, to, ages, now));
    let (Leg::Fresh(from_leg), Leg::Fresh(to_leg)) = &legs else {
        let is_missing = matches!(legs.0, Leg::Missing) || matches!(legs.1, Leg::Missing);
        let is_stale = own.is_some() || !is_missing;
        return Err(if is_stale { QuoteRefusal::Stale { from, to } } else { QuoteRefusal::NoRate { from, to } });
    };
    match (from_leg, to_leg) {
        // A rate from the euro is used as it was published.
        (None, Some(leg)) => Ok(leg.clone()),
        (Some(_) | None, _) => through_euro(from_leg.as_ref(), to_leg.as_ref(), now).ok_or(QuoteRefusal::OutOfRange),
    }
}

/// What is known of the worth of one euro in a currency. The euro itself is fresh and needs no rate.
enum Leg {
    Fresh(Option<LockedRate>),
    Stale,
    Missing,
}

fn euro_leg(rates: &[PairRate], currency: Currency, ages: RateAges, now: Timestamp) -> Leg {
    if currency == Currency::EUR {
        return Leg::Fresh(None);
    }
    let known = || [OPERATOR, ECB].into_iter().filter_map(|source| pair(rates, source, Currency::EUR, currency));
    match known().find(|rate| !rate.is_stale(ages, now)) {
        Some(rate) => Leg::Fresh(Some(lock(rate))),
        None if known().next().is_some() => Leg::Stale,
        None => Leg::Missing,
    }
}

fn through_euro(from: Option<&LockedRate>, to: Option<&LockedRate>, now: Timestamp) -> Option<LockedRate> {
    let rate = Rate::cross(from.map_or(Rate::ONE, |leg| leg.rate), to.map_or(Rate::ONE, |leg| leg.rate))?;
    let sources = (from.map(|leg| leg.source.as_str()), to.map(|leg| leg.source.as_str()));
    let source = match sources {
        (Some(one), Some(other)) if one != other => format!("{}+{}", one.min(other), one.max(other)),
        (Some(one), _) | (None, Some(one)) => one.to_string(),
        (None, None) => return None,
    };
    let as_of = [from, to].into_iter().flatten().map(|leg| leg.as_of).min().unwrap_or(now);
    Some(LockedRate { rate, source, as_of })
}

fn pair<'a>(rates: &'a [PairRate], source: &str, base: Currency, quote: Currency) -> Option<&'a PairRate> {
    rates.iter().find(|rate| rate.base == base && rate.quote == quote && rate.entry.source == source)
}

fn lock(known: &PairRate) -> LockedRate {
    LockedRate { rate: known.entry.rate, source: known.entry.source.clone(), as_of: known.entry.as_of }
}

/// A known rate that says that `rate` from `base` to `quote` is upside down, if there is one: of the pair itself, of
/// the opposite pair, or through the euro. Rates too old to be used still tell the direction.
#[must_use]
pub fn inverted_against(rates: &[PairRate], base: Currency, quote: Currency, rate: Rate) -> Option<LockedRate> {
    let same = rates.iter().filter(|known| (known.base, known.quote) == (base, quote)).map(lock);
    let opposite = rates.iter().filter(|known| (known.base, known.quote) == (quote, base)).filter_map(|known| {
        let turned = Rate::cross(known.entry.rate, Rate::ONE)?;
        Some(LockedRate { rate: turned, ..lock(known) })
    });
    let leg = |currency| pair(rates, ECB, Currency::EUR, currency).map(lock);
    let through = match (leg(base), leg(quote)) {
        (Some(from), Some(to)) => through_euro(Some(&from), Some(&to), from.as_of),
        (Some(_) | None, _) => None,
    };
    same.chain(opposite).chain(through).find(|known| rate.looks_inverted(known.rate))
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
    rates: &[PairRate],
    markup_bp: u32,
    ages: RateAges,
    now: Timestamp,
) -> Result<(Money, Option<LockedRate>), QuoteRefusal> {
    let (from, to) = (amount.currency(), method.currency());
    let rate = if from == to { None } else { Some(find_rate(rates, from, to, ages, now)?) };
    Ok((quote_at(amount, method, rate.as_ref(), markup_bp)?, rate))
}

/// Converts at a rate that is fixed already: what a charge asked before its amount was made unique. Without a rate the
/// currencies must be the same.
///
/// # Errors
/// [`QuoteRefusal::OutOfRange`] when the result does not fit; [`QuoteRefusal::NoRate`] when a rate is needed and
/// missing.
pub fn quote_at(
    amount: Money,
    method: Method,
    rate: Option<&LockedRate>,
    markup_bp: u32,
) -> Result<Money, QuoteRefusal> {
    let (from, to) = (amount.currency(), method.currency());
    let money = match rate {
        _ if from == to => amount,
        None => return Err(QuoteRefusal::NoRate { from, to }),
        Some(locked) => {
            let minor = convert(amount, to, locked.rate, markup_bp).ok_or(QuoteRefusal::OutOfRange)?;
            Money::from_minor(minor, to).map_err(|_: MoneyError| QuoteRefusal::OutOfRange)?
        }
    };
    money.round_up_to(method.payable_exponent()).map_err(|_| QuoteRefusal::OutOfRange)
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
    use proptest::prelude::*;
    use std::vec::Vec;

    fn known(source: &str, base: &str, quote: &str, rate: &str, as_of: Timestamp) -> PairRate {
        let (base, quote) = (base.parse().unwrap(), quote.parse().unwrap());
        PairRate { base, quote, entry: RateEntry { rate: Rate::parse(rate).unwrap(), source: source.into(), as_of } }
    }

    fn own(base: &str, quote: &str, rate: &str) -> Vec<PairRate> {
        std::vec![known(OPERATOR, base, quote, rate, NOW)]
    }

    /// Reference rates of 30 October 2026.
    fn ecb() -> Vec<PairRate> {
        [("SGD", "1.4282"), ("HKD", "8.7652"), ("IDR", "20275.17"), ("KRW", "1491.76"), ("USD", "1.1172")]
            .map(|(quote, rate)| known(ECB, "EUR", quote, rate, NOW))
            .to_vec()
    }

    fn money(text: &str, code: &str) -> Money {
        Money::parse(text, code.parse().unwrap()).unwrap()
    }

    fn rate(rates: &[PairRate], from: &str, to: &str) -> Result<LockedRate, QuoteRefusal> {
        find_rate(rates, from.parse().unwrap(), to.parse().unwrap(), RateAges::default(), NOW)
    }

    #[test]
    fn the_documented_example_gives_26_24() {
        let (amount, locked) =
            quote(money("150", "HKD"), Method::Paynow, &own("HKD", "SGD", "0.174933"), 0, RateAges::default(), NOW)
                .unwrap();
        assert_eq!(amount, sgd(2624));
        assert_eq!(locked.unwrap().rate.to_string(), "0.174933");
    }

    #[test]
    fn a_rate_through_the_euro_is_the_exact_fraction_rounded_once_to_ten_decimals() {
        // 1.4282 / 8.7652 = 0.162939807420252..., and back 6.13723568127713...
        assert_eq!(rate(&ecb(), "HKD", "SGD").unwrap().rate.to_string(), "0.1629398074");
        assert_eq!(rate(&ecb(), "SGD", "HKD").unwrap().rate.to_string(), "6.1372356813");
        // 20275.17 / 1.4282 = 14196.3100406105587...
        assert_eq!(rate(&ecb(), "SGD", "IDR").unwrap().rate.to_string(), "14196.3100406106");
        assert_eq!(rate(&ecb(), "EUR", "SGD").unwrap().rate.to_string(), "1.4282");
        // 1 / 1.4282 = 0.700182047332306...
        assert_eq!(rate(&ecb(), "SGD", "EUR").unwrap().rate.to_string(), "0.7001820473");
    }

    #[test]
    fn the_amount_follows_from_the_stored_text_of_the_rate_alone() {
        let amount = money("150", "HKD");
        let (asked, locked) = quote(amount, Method::Paynow, &ecb(), 125, RateAges::default(), NOW).unwrap();
        let locked = locked.unwrap();
        let stored = LockedRate { rate: Rate::parse(&locked.rate.to_string()).unwrap(), ..locked.clone() };
        assert_eq!(quote_at(amount, Method::Paynow, Some(&stored), 125).unwrap(), asked);
        // 150 * 0.1629398074 * 1.0125 = 24.74648...
        assert_eq!(asked, sgd(2475));
        assert_eq!((locked.source.as_str(), locked.as_of), (ECB, NOW));
    }

    #[test]
    fn the_operators_own_rate_of_the_pair_comes_first() {
        let mut rates = ecb();
        rates.extend(own("HKD", "SGD", "0.174933"));
        assert_eq!(rate(&rates, "HKD", "SGD").unwrap().rate.to_string(), "0.174933");
        rates.last_mut().unwrap().entry.as_of = NOW.minus(OPERATOR_RATE_LIFE).minus(Span::millis(1));
        let fallback = rate(&rates, "HKD", "SGD").unwrap();
        assert_eq!((fallback.rate.to_string().as_str(), fallback.source.as_str()), ("0.1629398074", ECB));
    }

    #[test]
    fn the_operator_can_set_the_euro_rate_of_a_currency_without_reference_rate() {
        let mut rates = ecb();
        assert!(matches!(rate(&rates, "SGD", "VND"), Err(QuoteRefusal::NoRate { .. })));
        let older = NOW.minus(Span::days(1));
        rates.push(known(OPERATOR, "EUR", "VND", "29000", older));
        let found = rate(&rates, "SGD", "VND").unwrap();
        assert_eq!(found.rate.to_string(), "20305.2793726369");
        assert_eq!((found.source.as_str(), found.as_of), ("ecb+operator", older));
    }

    #[test]
    fn a_reference_rate_lasts_over_a_weekend_and_no_longer() {
        let mut rates = ecb();
        rates[0].entry.as_of = NOW.minus(ECB_RATE_LIFE);
        assert!(rate(&rates, "HKD", "SGD").is_ok());
        rates[0].entry.as_of = NOW.minus(ECB_RATE_LIFE).minus(Span::millis(1));
        assert!(matches!(rate(&rates, "HKD", "SGD"), Err(QuoteRefusal::Stale { .. })));
        assert!(rate(&rates, "HKD", "KRW").is_ok());
    }

    #[test]
    fn a_source_that_is_not_known_here_is_never_used() {
        let rates = [known("somebody", "HKD", "SGD", "0.17", NOW)];
        assert!(matches!(rate(&rates, "HKD", "SGD"), Err(QuoteRefusal::NoRate { .. })));
    }

    #[test]
    fn amounts_are_rounded_up_to_what_the_rail_can_pay() {
        let (dong, _) =
            quote(money("1.01", "SGD"), Method::ViettelPay, &own("SGD", "VND", "19500.1"), 0, RateAges::default(), NOW)
                .unwrap();
        assert_eq!(dong.minor(), 19_696);
        let (rupiah, _) =
            quote(money("1", "SGD"), Method::GojekId, &own("SGD", "IDR", "12345.678"), 0, RateAges::default(), NOW)
                .unwrap();
        assert_eq!(rupiah.to_decimal(), "12346.00");
    }

    #[test]
    fn the_markup_is_added_before_rounding() {
        let (amount, _) =
            quote(money("100", "HKD"), Method::Paynow, &own("HKD", "SGD", "0.17"), 150, RateAges::default(), NOW)
                .unwrap();
        assert_eq!(amount, sgd(1726));
    }

    #[test]
    fn a_rate_dated_further_ahead_than_time_zones_explain_is_not_used() {
        let dated =
            |as_of| rate(&[known(OPERATOR, "HKD", "SGD", "0.17", as_of)], "HKD", "SGD").map(|found| found.as_of);
        assert_eq!(dated(NOW.plus(MOST_AHEAD)), Ok(NOW.plus(MOST_AHEAD)));
        let (from, to) = (Currency::HKD, Currency::SGD);
        assert_eq!(dated(NOW.plus(MOST_AHEAD).plus(Span::millis(1))), Err(QuoteRefusal::Stale { from, to }));
    }

    #[test]
    fn a_stale_or_missing_rate_refuses_and_the_same_currency_needs_none() {
        let hkd = money("150", "HKD");
        let rates = own("HKD", "SGD", "0.17");
        let old = NOW.plus(OPERATOR_RATE_LIFE);
        assert!(quote(hkd, Method::Paynow, &rates, 0, RateAges::default(), old).is_ok());
        let too_old = old.plus(Span::millis(1));
        assert!(matches!(
            quote(hkd, Method::Paynow, &rates, 0, RateAges::default(), too_old),
            Err(QuoteRefusal::Stale { .. })
        ));
        assert!(matches!(
            quote(hkd, Method::Paynow, &[], 0, RateAges::default(), NOW),
            Err(QuoteRefusal::NoRate { .. })
        ));
        assert_eq!(quote(sgd(3500), Method::Paynow, &[], 900, RateAges::default(), NOW).unwrap(), (sgd(3500), None));
    }

    #[test]
    fn a_rate_upside_down_is_noticed_against_what_is_known() {
        let inverted = |rates: &[PairRate], base: &str, quote: &str, text: &str| {
            inverted_against(rates, base.parse().unwrap(), quote.parse().unwrap(), Rate::parse(text).unwrap()).is_some()
        };
        for (rates, what) in [
            (ecb(), "through the euro"),
            (own("HKD", "SGD", "0.174933"), "of the pair"),
            (own("SGD", "HKD", "5.72"), "of the opposite pair"),
        ] {
            assert!(inverted(&rates, "HKD", "SGD", "5.716"), "{what}");
            assert!(!inverted(&rates, "HKD", "SGD", "0.2"), "{what}");
            assert!(!inverted(&rates, "HKD", "SGD", "0.16"), "{what}");
        }
        assert!(inverted(&ecb(), "EUR", "IDR", "0.00005"));
        assert!(inverted(&ecb(), "SGD", "USD", "1.28") && inverted(&ecb(), "EUR", "SGD", "0.7002"));
        assert!(!inverted(&ecb(), "EUR", "USD", "0.91"), "near one, both directions are plausible");
        assert!(!inverted(&[], "HKD", "SGD", "5.716"));
    }

    proptest! {
        #[test]
        fn no_conversion_gives_the_merchant_less_than_the_rate_says(
            minor in 1_i64..1_000_000_000, mantissa in 1_u64..10_u64.pow(10), scale in 0_u32..=10, markup in 0_u32..=10_000,
        ) {
            let rate = Rate { mantissa, scale };
            if let Some(asked) = convert(Money::from_minor(minor, Currency::HKD).unwrap(), Currency::SGD, rate, markup) {
                let exact = u128::try_from(minor).unwrap() * u128::from(mantissa) * u128::from(10_000 + markup);
                let unit = 10_u128.pow(scale) * 10_000;
                prop_assert!(u128::try_from(asked).unwrap() * unit >= exact);
                prop_assert!((u128::try_from(asked).unwrap() - 1) * unit < exact);
            }
        }
    }
}
