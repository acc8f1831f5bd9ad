//! Reading and writing the values of settings about time and money.

use xanpay_domain::method::Method;
use xanpay_domain::money::Money;
use xanpay_domain::time::Span;

/// The word for no limit.
const NONE: &str = "none";
/// Units of time, the longest first.
const UNITS: [(&str, Span); 3] = [("d", Span::days(1)), ("h", Span::hours(1)), ("m", Span::minutes(1))];

/// Reads a time such as `45m`, `24h` or `7d` between two bounds.
pub(super) fn span(text: &str, least: Span, most: Span) -> Result<Span, String> {
    let read = || {
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let unit = UNITS.iter().find(|(name, _)| *name == unit)?.1;
        let plain = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
        let count: i64 = number.parse().ok().filter(|_| plain)?;
        let span = Span::millis(count.checked_mul(unit.as_millis())?);
        (least..=most).contains(&span).then_some(span)
    };
    read().ok_or_else(|| {
        format!("must be a time such as 45m, 24h or 7d, from {} to {}", span_text(least), span_text(most))
    })
}

/// A time in the largest unit that says it whole.
pub(crate) fn span_text(span: Span) -> String {
    let whole = |unit: &Span| span.as_millis() % unit.as_millis() == 0 && span >= *unit;
    let (name, unit) = UNITS.into_iter().find(|(_, unit)| whole(unit)).unwrap_or(UNITS[2]);
    format!("{}{name}", span.as_millis() / unit.as_millis())
}

/// Reads a limit on the amount of a method's transfers, or that there is none.
pub(super) fn limit(text: &str, method: Method) -> Result<Option<Money>, String> {
    if text == NONE {
        return Ok(None);
    }
    let currency = method.currency();
    let amount = Money::parse(text, currency).map_err(|error| format!("{error}; {NONE} sets no limit"))?;
    if amount.is_payable_in(method.payable_exponent()) {
        return Ok(Some(amount));
    }
    Err(format!("must be an amount that {method} can pay: whole {currency}"))
}

/// A limit as it is written in a file.
pub(super) fn limit_text(limit: Option<Money>, method: Method) -> String {
    limit.map_or_else(|| NONE.to_owned(), |amount| amount.to_decimal_with(method.payable_exponent()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_whole_minutes_hours_or_days_within_their_bounds() {
        let read = |text| span(text, Span::minutes(1), Span::days(30));
        for (text, expected) in
            [("1m", Span::minutes(1)), ("90m", Span::minutes(90)), ("24h", Span::days(1)), ("30d", Span::days(30))]
        {
            assert_eq!(read(text), Ok(expected), "{text}");
        }
        for bad in [
            "",
            "m",
            "0m",
            "-1m",
            "+1m",
            "1",
            "60",
            "1.5h",
            "1 h",
            "1H",
            "1h30m",
            "31d",
            "43201m",
            "9223372036854775807d",
            "1ü",
            "ü",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_time_reads_back_as_it_is_shown() {
        for (text, shown) in [("60m", "1h"), ("90m", "90m"), ("24h", "1d"), ("36h", "36h"), ("1m", "1m")] {
            let read = span(text, Span::minutes(1), Span::days(30)).unwrap();
            assert_eq!(span_text(read), shown);
            assert_eq!(span(shown, Span::minutes(1), Span::days(30)), Ok(read));
        }
    }

    #[test]
    fn a_limit_is_an_amount_that_the_method_can_pay() {
        assert_eq!(limit("200000.00", Method::Paynow).unwrap().map(Money::minor), Some(20_000_000));
        assert_eq!(limit("10000000", Method::GojekId).unwrap().map(Money::minor), Some(1_000_000_000));
        assert_eq!(limit("none", Method::Paynow), Ok(None));
        for (bad, method) in [
            ("0.001", Method::Paynow),
            ("0", Method::Paynow),
            ("-1", Method::Paynow),
            ("1e3", Method::Paynow),
            ("200,000", Method::Paynow),
            ("", Method::Paynow),
            ("None", Method::Paynow),
            ("100.50", Method::GojekId),
            ("0.5", Method::Toss),
        ] {
            assert!(limit(bad, method).is_err(), "{bad} {method}");
        }
    }
}
