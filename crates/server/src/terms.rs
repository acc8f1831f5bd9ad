//! What banks and operators decide about payment methods and rates: a default for each, which the settings can change.

use std::collections::BTreeMap;
use xanpay_domain::exchange::RateAges;
use xanpay_domain::method::Method;
use xanpay_domain::money::Money;
use xanpay_domain::time::Span;
use xanpay_rails::rail;

/// The terms of one method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MethodTerms {
    /// How long a new charge waits for its money.
    pub time_to_live: Span,
    /// The least that one transfer may carry, in the method's currency.
    pub min_amount: Option<Money>,
    /// The most that one transfer may carry, in the method's currency.
    pub max_amount: Option<Money>,
}

/// An amount is outside a method's limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutsideLimits {
    /// It is less than this.
    Below(Money),
    /// It is more than this.
    Above(Money),
}

impl MethodTerms {
    /// The terms that hold unless the operator sets others.
    #[must_use]
    pub fn usual(method: Method) -> Self {
        let money = |minor| Money::from_minor(minor, method.currency()).ok();
        Self {
            time_to_live: method.default_time_to_live(),
            min_amount: None,
            max_amount: rail(method).max_amount.and_then(money),
        }
    }

    /// Whether one transfer may carry an amount of the method's currency.
    ///
    /// # Errors
    /// The limit that it does not keep.
    pub fn check(&self, amount: Money) -> Result<(), OutsideLimits> {
        match (self.min_amount, self.max_amount) {
            (Some(least), _) if amount.minor() < least.minor() => Err(OutsideLimits::Below(least)),
            (_, Some(most)) if amount.minor() > most.minor() => Err(OutsideLimits::Above(most)),
            (Some(_) | None, Some(_) | None) => Ok(()),
        }
    }
}

/// The terms of every method, and how old exchange rates may be.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// How old exchange rates may be.
    pub rate_ages: RateAges,
    changed: BTreeMap<Method, MethodTerms>,
}

impl Terms {
    /// The usual terms of every method, under other ages of rates.
    #[must_use]
    pub fn new(rate_ages: RateAges) -> Self {
        Self { rate_ages, changed: BTreeMap::new() }
    }

    /// The terms of a method.
    #[must_use]
    pub fn of(&self, method: Method) -> MethodTerms {
        self.changed.get(&method).copied().unwrap_or_else(|| MethodTerms::usual(method))
    }

    /// Sets the terms of a method.
    pub fn set(&mut self, method: Method, terms: MethodTerms) {
        self.changed.insert(method, terms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_itself_is_within_it_and_one_unit_past_it_is_not() {
        let money = |minor| Money::from_minor(minor, Method::Paynow.currency()).unwrap();
        let limits = MethodTerms {
            min_amount: Some(money(50)),
            max_amount: Some(money(100)),
            ..MethodTerms::usual(Method::Paynow)
        };
        assert_eq!(limits.check(money(49)), Err(OutsideLimits::Below(money(50))));
        assert_eq!((limits.check(money(50)), limits.check(money(100))), (Ok(()), Ok(())));
        assert_eq!(limits.check(money(101)), Err(OutsideLimits::Above(money(100))));
    }

    #[test]
    fn terms_are_the_usual_ones_of_each_method_until_they_are_set() {
        let mut terms = Terms::default();
        let other = MethodTerms { time_to_live: Span::minutes(5), ..MethodTerms::usual(Method::Fps) };
        terms.set(Method::Fps, other);
        assert_eq!(terms.of(Method::Fps), other);
        for method in Method::ALL.into_iter().filter(|method| *method != Method::Fps) {
            assert_eq!(terms.of(method).time_to_live, method.default_time_to_live(), "{method}");
            assert_eq!(terms.of(method).max_amount.map(Money::minor), rail(method).max_amount, "{method}");
        }
    }
}
