//! Instants as text.

use jiff::fmt::temporal::DateTimePrinter;
use jiff::tz::TimeZone;
use xanpay_domain::time::Timestamp;

const MILLISECONDS: DateTimePrinter = DateTimePrinter::new().precision(Some(3));

/// ISO 8601 in UTC with milliseconds: `2022-06-20T09:42:10.906Z`.
#[must_use]
pub fn iso(instant: Timestamp) -> String {
    let stamp = jiff::Timestamp::from_millisecond(instant.as_millis()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    MILLISECONDS.timestamp_to_string(&stamp)
}

/// Reads an ISO 8601 date or date and time. Without a zone it is UTC; a bare date is its first instant.
#[must_use]
pub fn parse_iso(text: &str) -> Option<(Timestamp, Precision)> {
    if let Ok(stamp) = text.parse::<jiff::Timestamp>() {
        return Some((Timestamp::from_millis(stamp.as_millisecond()), Precision::Instant));
    }
    let precision = if text.contains([':', 'T', 't', ' ']) { Precision::Instant } else { Precision::Day };
    let local: jiff::civil::DateTime = text.parse().ok()?;
    let stamp = local.to_zoned(TimeZone::UTC).ok()?.timestamp();
    Some((Timestamp::from_millis(stamp.as_millisecond()), precision))
}

/// How much a text says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// A day.
    Day,
    /// An instant.
    Instant,
}

/// Epoch seconds with three decimals, as notices carry their time: `1618226757.504`.
#[must_use]
pub fn epoch_seconds(instant: Timestamp) -> String {
    let millis = instant.as_millis();
    format!("{}.{:03}", millis.div_euclid(1000), millis.rem_euclid(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_with_exactly_three_decimals() {
        for (millis, text) in [
            (1_655_718_130_906, "2022-06-20T09:42:10.906Z"),
            (1_655_718_130_000, "2022-06-20T09:42:10.000Z"),
            (0, "1970-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(iso(Timestamp::from_millis(millis)), text);
        }
        assert_eq!(epoch_seconds(Timestamp::from_millis(1_618_226_757_504)), "1618226757.504");
    }

    #[test]
    fn a_date_without_zone_is_utc() {
        let read = |text| parse_iso(text).map(|(instant, precision)| (instant.as_millis(), precision));
        assert_eq!(read("2022-06-20"), Some((1_655_683_200_000, Precision::Day)));
        assert_eq!(read("2022-06-20T09:42:10.906"), Some((1_655_718_130_906, Precision::Instant)));
        assert_eq!(read("2022-06-20T17:42:10.906+08:00"), Some((1_655_718_130_906, Precision::Instant)));
        for bad in ["", "2026-02-30", "20/06/2022", "yesterday", "2022-06-20T25:00:00Z"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
