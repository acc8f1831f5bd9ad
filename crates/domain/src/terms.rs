//! What banks and operators decide about a payment method, and the rule that it gives.

use crate::money::Money;
use crate::time::Span;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charge::tests::sgd;

    #[test]
    fn a_limit_itself_is_within_it_and_one_unit_past_it_is_not() {
        let time_to_live = Span::minutes(60);
        let limits = MethodTerms { time_to_live, min_amount: Some(sgd(50)), max_amount: Some(sgd(100)) };
        assert_eq!(limits.check(sgd(49)), Err(OutsideLimits::Below(sgd(50))));
        assert_eq!((limits.check(sgd(50)), limits.check(sgd(100))), (Ok(()), Ok(())));
        assert_eq!(limits.check(sgd(101)), Err(OutsideLimits::Above(sgd(100))));
        let open = MethodTerms { time_to_live, min_amount: None, max_amount: None };
        assert_eq!((open.check(sgd(1)), open.check(sgd(i64::MAX))), (Ok(()), Ok(())));
    }
}
