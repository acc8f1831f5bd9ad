//! Dates and times as `xs:date` and `xs:dateTime` spell them, and the ways in which banks misspell them.

use jiff::Span;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;
use xanpay_domain::time::Timestamp;

/// The first and last year of a booking. Years outside are placeholders such as 9999-12-31.
const YEARS: std::ops::RangeInclusive<i16> = 1970..=2199;
/// The largest offset from UTC that `xs:dateTime` allows, in minutes.
const MAX_OFFSET_MINUTES: i32 = 14 * 60;

/// A calendar day of a booking.
pub(crate) fn day(year: i16, month: i8, day: i8) -> Option<Date> {
    if YEARS.contains(&year) { Date::new(year, month, day).ok() } else { None }
}

/// The instant at which a day begins in UTC.
#[must_use]
pub fn midnight(day: Date) -> Timestamp {
    let days = day.duration_since(Date::constant(1970, 1, 1)).as_hours() / 24;
    Timestamp::from_millis(0).plus(xanpay_domain::time::Span::days(days))
}

/// Reads a date or a date and time; the instant is known when the text has a time and an offset. Midnight to the
/// millisecond is what systems fill in that know the day alone, and is read as that day. `None` when the text is no date or
/// names a day that no calendar has.
///
/// Read besides what the schema allows: a space for the `T`, no seconds, a comma or colon before the fraction of a
/// second, an offset without its colon or its minutes.
pub(crate) fn date_time(raw: &str) -> Option<(Date, Option<Timestamp>)> {
    let text = raw.trim();
    let date = iso_date(text.get(..10)?)?;
    let rest = text.get(10..)?;
    let Some(rest) = rest.strip_prefix(['T', 't', ' ']) else {
        offset(rest)?;
        return Some((date, None));
    };
    let (time, zone) = match rest.find(['Z', 'z', '+', '-']) {
        Some(at) => (rest.get(..at)?, rest.get(at..)?),
        None => (rest, ""),
    };
    let (time, next_day) = clock_time(time.trim_end())?;
    let date = if next_day { date.checked_add(Span::new().days(1)).ok()? } else { date };
    let instant = match offset(zone)? {
        Some(offset) if time != Time::midnight() => Some(instant(DateTime::from_parts(date, time), offset)?),
        Some(_) | None => None,
    };
    Some((date, instant))
}

/// `YYYY-MM-DD`, exactly.
pub(crate) fn iso_date(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let (year, month, date) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    day(number(year, 4)?, i8::try_from(number(month, 2)?).ok()?, i8::try_from(number(date, 2)?).ok()?)
}

/// A number of exactly `width` ASCII digits.
fn number(text: &str, width: usize) -> Option<i16> {
    (text.len() == width && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

/// `hh:mm[:ss[.fraction]]`, and whether it is the midnight that ends the day.
fn clock_time(text: &str) -> Option<(Time, bool)> {
    let (hour, minute) = (number(text.get(..2)?, 2)?, number(text.get(3..5)?, 2)?);
    if text.get(2..3) != Some(":") {
        return None;
    }
    let (second, millis) = match text.get(5..)? {
        "" => (0, 0),
        rest => (number(rest.get(1..3).filter(|_| rest.starts_with(':'))?, 2)?, fraction(rest.get(3..)?)?),
    };
    if (hour, minute, second, millis) == (24, 0, 0, 0) {
        return Some((Time::midnight(), true));
    }
    // A leap second is the last second of its minute here.
    let second = second.min(if second == 60 { 59 } else { second });
    let narrow = |value: i16| i8::try_from(value).ok();
    let time = Time::new(narrow(hour)?, narrow(minute)?, narrow(second)?, millis * 1_000_000).ok()?;
    Some((time, false))
}

/// The milliseconds of `.fraction`, any number of digits.
fn fraction(text: &str) -> Option<i32> {
    if text.is_empty() {
        return Some(0);
    }
    let digits = text.strip_prefix(['.', ',', ':'])?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let padded = digits.bytes().chain(std::iter::repeat(b'0')).take(3);
    Some(padded.fold(0, |value, digit| value * 10 + i32::from(digit - b'0')))
}

/// Nothing, `Z`, `±hh:mm`, `±hhmm` or `±hh`. The outer `None` is text that is none of them.
#[expect(clippy::option_option, reason = "no offset is a different answer from a wrong one")]
fn offset(text: &str) -> Option<Option<Offset>> {
    let sign = match text.as_bytes().first() {
        None => return Some(None),
        Some(b'Z' | b'z') => return (text.len() == 1).then_some(Some(Offset::UTC)),
        Some(b'+') => 1,
        Some(b'-') => -1,
        Some(_) => return None,
    };
    let digits = text.get(1..)?;
    let minutes = match digits.len() {
        2 => "00",
        4 => digits.get(2..)?,
        5 if digits.get(2..3) == Some(":") => digits.get(3..)?,
        _ => return None,
    };
    let (hours, minutes) = (i32::from(number(digits.get(..2)?, 2)?), i32::from(number(minutes, 2)?));
    let total = hours * 60 + minutes;
    if minutes > 59 || total > MAX_OFFSET_MINUTES {
        return None;
    }
    Offset::from_seconds(sign * total * 60).ok().map(Some)
}

fn instant(local: DateTime, offset: Offset) -> Option<Timestamp> {
    let instant = offset.to_timestamp(local).ok()?;
    Some(Timestamp::from_millis(instant.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    fn millis(text: &str) -> i64 {
        date_time(text).unwrap().1.unwrap().as_millis()
    }

    #[test]
    fn a_time_with_an_offset_is_an_instant() {
        for text in [
            "2007-10-18T10:15:00+01:00",
            "2007-10-18T09:15:00Z",
            "2007-10-18T09:15:00.000000000Z",
            "2007-10-18 10:15:00+0100",
            "2007-10-18T10:15+01",
        ] {
            assert_eq!(millis(text), 1_192_698_900_000, "{text}");
        }
        assert_eq!(millis("2007-10-18T09:15:00:250Z"), 1_192_698_900_250);
        assert_eq!(millis("2016-12-31T23:59:60Z"), 1_483_228_799_000);
    }

    #[test]
    fn a_time_without_an_offset_is_only_a_day() {
        assert_eq!(date_time("2025-07-23T00:00:00.000000000"), Some((date(2025, 7, 23), None)));
        assert_eq!(date_time("2025-07-23+08:00"), Some((date(2025, 7, 23), None)));
        assert_eq!(date_time("2025-07-23T24:00:00"), Some((date(2025, 7, 24), None)));
    }

    #[test]
    fn midnight_is_the_day_that_a_bank_had_no_time_for() {
        for text in ["2026-03-07T00:00:00+08:00", "2026-03-07T00:00:00.000Z", "2026-03-06T24:00:00-09:15"] {
            assert_eq!(date_time(text), Some((date(2026, 3, 7), None)), "{text}");
        }
        assert!(date_time("2026-03-07T00:00:00.001+08:00").unwrap().1.is_some());
    }

    #[test]
    fn impossible_days_times_and_offsets_are_refused() {
        for text in [
            "2026-02-30",
            "0000-00-00",
            "0000-01-01",
            "9999-12-31",
            "2026-13-01",
            "2026-1-01",
            "26-01-01",
            "",
            "2026-01-01T",
            "2026-01-01T25:00:00Z",
            "2026-01-01T10:60:00Z",
            "2026-01-01T10:00:00+26:00",
            "2026-01-01T10:00:00+14:01",
            "2026-01-01+26:00",
            "2026-01-01x",
            "01/02/2026",
            "2026-01-01T10:00:00.",
            "٢٠٢٦-01-01",
        ] {
            assert_eq!(date_time(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,40}", tail in "[0-9TZ:.+ é-]{0,30}") {
            let _ = date_time(&text);
            let _ = date_time(&format!("2026-01-01{tail}"));
        }
    }
}
