//! A rate of exchange as a number: read, written, combined and compared exactly.

use core::cmp::Ordering;
use core::fmt;

/// Digits after the point of a rate that was computed from two others.
const CROSS_SCALE: u32 = 10;
/// A mantissa has at most 8 digits before and 10 after the point.
const MANTISSA_LIMIT: u128 = 10_u128.pow(18);

/// A positive decimal rate: one unit of the base currency is worth this many of the quote currency.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    pub(super) mantissa: u64,
    pub(super) scale: u32,
}

/// Why a text is no rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a positive plain decimal with at most 8 digits before and 10 after the point")]
pub struct NotARate;

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

    /// One unit of any currency in itself.
    pub(super) const ONE: Self = Self { mantissa: 1, scale: 0 };

    /// What one unit of the first currency is worth in the second, from what one unit of a third is worth in each:
    /// the exact fraction `to / from`, rounded once, half to even, to 10 decimals.
    pub(super) fn cross(from: Self, to: Self) -> Option<Self> {
        let numerator = u128::from(to.mantissa) * 10_u128.pow(from.scale) * 10_u128.pow(CROSS_SCALE);
        let denominator = u128::from(from.mantissa) * 10_u128.pow(to.scale);
        let (whole, rest) = (numerator / denominator, numerator % denominator);
        let rounds_up = match (rest * 2).cmp(&denominator) {
            Ordering::Less => false,
            Ordering::Equal => whole % 2 == 1,
            Ordering::Greater => true,
        };
        let mantissa = whole + u128::from(rounds_up);
        let fits = (1..MANTISSA_LIMIT).contains(&mantissa);
        let mantissa = u64::try_from(mantissa).ok().filter(|_| fits)?;
        Some(Self { mantissa, scale: CROSS_SCALE })
    }

    /// Whether this is the rate of the opposite direction. Far from one, where the known rate is above 2 or below 1/2, it
    /// is enough that their product is about one. Nearer to one both directions are plausible: there the product must be
    /// one to the percent, and the rate more than a twentieth away from the known one.
    #[must_use]
    pub fn looks_inverted(self, known: Self) -> bool {
        let product = u128::from(self.mantissa) * u128::from(known.mantissa);
        let one = 10_u128.pow(self.scale + known.scale);
        let known_one = 10_u128.pow(known.scale);
        let known_is_far = u128::from(known.mantissa) > 2 * known_one || 2 * u128::from(known.mantissa) < known_one;
        let is_about_one = 5 * product >= 4 * one && 4 * product <= 5 * one;
        let is_one = product.abs_diff(one) * 100 <= one;
        is_about_one && known_is_far || is_one && self.is_away_from(known, 20)
    }

    /// Whether this is more than a tenth above or below what is known: a digit is wrong, or much has happened.
    #[must_use]
    pub fn jumps_from(self, known: Self) -> bool {
        self.is_away_from(known, 10)
    }

    /// Whether this is above or below what is known by more than the `part`-th part of it.
    fn is_away_from(self, known: Self, part: u128) -> bool {
        let own = u128::from(self.mantissa) * 10_u128.pow(known.scale);
        let other = u128::from(known.mantissa) * 10_u128.pow(self.scale);
        own.abs_diff(other) * part > other
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::string::ToString;

    #[test]
    fn a_rate_jumps_when_it_is_more_than_a_tenth_away() {
        let rate = |text| Rate::parse(text).unwrap();
        for (new, known, jumps) in [
            ("0.1749", "0.174933", false),
            ("0.0174933", "0.174933", true),
            ("1.1", "1", false),
            ("1.1000000001", "1.00", true),
            ("0.9", "1.0", false),
            ("0.8999", "1", true),
            ("99999999.9999999999", "0.0000000001", true),
        ] {
            assert_eq!(rate(new).jumps_from(rate(known)), jumps, "{new} {known}");
        }
    }

    #[test]
    fn a_rate_is_inverted_when_it_is_near_the_reciprocal_and_not_near_what_is_known() {
        let rate = |text| Rate::parse(text).unwrap();
        for (new, known, inverted) in [
            // A reciprocal to the percent, wherever the known rate is not near one.
            ("0.7002", "1.4282", true),
            ("1.4282", "0.7002", true),
            ("0.694", "1.4282", true),
            ("0.690", "1.4282", false),
            ("0.926", "1.08", true),
            ("1.0638", "0.94", true),
            ("0.5", "2", true),
            // Near one a rate may well be on the other side of it tomorrow.
            ("0.99", "1.01", false),
            ("0.9993", "1.0004", false),
            ("1.02", "0.9804", false),
            ("1", "1", false),
            // Far from one the neighbourhood of the reciprocal is enough.
            ("5.0", "0.174933", true),
            ("4.0", "0.174933", false),
            ("99999999.9999999999", "0.00000001", true),
            ("0.0000000001", "99999999.9999999999", false),
            ("0.174", "0.174933", false),
        ] {
            assert_eq!(rate(new).looks_inverted(rate(known)), inverted, "{new} {known}");
        }
    }

    #[test]
    fn halves_round_to_even() {
        let cross = |from: &str, to: &str| Rate::cross(Rate::parse(from).unwrap(), Rate::parse(to).unwrap());
        assert_eq!(cross("2", "0.0000000001").map(|rate| rate.mantissa), None);
        assert_eq!(cross("2", "0.0000000003").unwrap().mantissa, 2);
        assert_eq!(cross("2", "0.0000000005").unwrap().mantissa, 2);
        assert_eq!(cross("3", "0.0000000005").unwrap().mantissa, 2);
        assert_eq!(cross("0.0000000001", "99999999"), None);
    }

    #[test]
    fn only_positive_plain_decimals_are_rates() {
        for bad in ["", "0", "0.0", "-1", "1e3", "NaN", "inf", "1.", ".5", "1,5", "123456789", "0.00000000001"] {
            assert_eq!(Rate::parse(bad), Err(NotARate), "{bad}");
        }
        assert_eq!(Rate::parse("7").unwrap().to_string(), "7.0");
    }

    proptest! {
        #[test]
        fn a_cross_rate_is_within_half_a_unit_of_its_last_digit(a in 1_u64..10_u64.pow(18), b in 1_u64..10_u64.pow(18)) {
            let leg = |mantissa| Rate { mantissa, scale: 10 };
            if let Some(rate) = Rate::cross(leg(a), leg(b)) {
                let exact = u128::from(b) * 10_u128.pow(10);
                let back = u128::from(rate.mantissa) * u128::from(a);
                prop_assert!(exact.abs_diff(back) * 2 <= u128::from(a));
                prop_assert_eq!(Rate::parse(&rate.to_string()), Ok(rate));
            }
        }
    }
}
