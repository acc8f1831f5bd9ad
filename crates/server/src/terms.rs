//! The terms of every method as the operator's settings have them.

use std::collections::BTreeMap;
use xanpay_domain::exchange::RateAges;
use xanpay_domain::method::Method;
use xanpay_domain::terms::MethodTerms;
use xanpay_rails::rail;

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
        self.changed.get(&method).copied().unwrap_or_else(|| rail(method).usual_terms())
    }

    /// Sets the terms of a method.
    pub fn set(&mut self, method: Method, terms: MethodTerms) {
        self.changed.insert(method, terms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xanpay_domain::money::Money;
    use xanpay_domain::time::Span;

    #[test]
    fn terms_are_the_usual_ones_of_each_method_until_they_are_set() {
        let mut terms = Terms::default();
        let other = MethodTerms { time_to_live: Span::minutes(5), ..rail(Method::Fps).usual_terms() };
        terms.set(Method::Fps, other);
        assert_eq!(terms.of(Method::Fps), other);
        for method in Method::ALL.into_iter().filter(|method| *method != Method::Fps) {
            assert_eq!(terms.of(method).time_to_live, method.default_time_to_live(), "{method}");
            assert_eq!(terms.of(method).max_amount.map(Money::minor), rail(method).max_amount, "{method}");
        }
    }
}
