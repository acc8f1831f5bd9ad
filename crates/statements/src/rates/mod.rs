//! Exchange rate files: the euro reference rates of the European Central Bank as XML or CSV, of one day or with their
//! history, and a plain table of the operator's own.
//!
//! Source of the formats: `eurofxref-daily.xml`, `eurofxref-hist.xml`, `eurofxref.csv` and `eurofxref-hist.csv` as the
//! ECB publishes them. They state what one euro is worth. A rate that is no positive decimal refuses the whole file: a
//! feed that is broken in one place is not trusted in another.

mod table;
mod xml;

use crate::date::midnight;
use crate::error::ReadError;
use crate::{DEFAULT_MAX_BYTES, encoding};
use jiff::civil::Date;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use xanpay_domain::currency::Currency;
use xanpay_domain::exchange::{ECB, MOST_AHEAD, OPERATOR, PairRate, Rate, RateEntry};
use xanpay_domain::time::{Span, Timestamp};

/// A day's reference rates are published at about 16:00 Central European Time, which is 15:00 UTC in winter and 14:00
/// in summer; the later of the two is taken for every day.
const ECB_HOUR: Span = Span::hours(15);

/// Which kind of rate file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateFormat {
    /// The ECB's XML, of one day or many.
    EcbXml,
    /// The ECB's CSV, of one day or many.
    EcbCsv,
    /// A CSV table with the columns base, quote and rate.
    Pairs,
}

impl RateFormat {
    /// A name for people and programs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EcbXml => "ecb-xml",
            Self::EcbCsv => "ecb-csv",
            Self::Pairs => "pairs",
        }
    }

    /// The source of its rates.
    #[must_use]
    pub fn source(self) -> &'static str {
        match self {
            Self::EcbXml | Self::EcbCsv => ECB,
            Self::Pairs => OPERATOR,
        }
    }
}

/// What a rate file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateFile {
    /// Its kind.
    pub format: RateFormat,
    /// One rate per pair, the newest that the file has, in the order of the currency codes.
    pub rates: Vec<PairRate>,
}

/// Reads a rate file. `now` is the time of rates whose file names none, and no day of a file may lie after it by more
/// than one.
///
/// # Errors
/// [`ReadError`]; nothing of the file may then be used.
pub fn read_rates(bytes: &[u8], now: Timestamp) -> Result<RateFile, ReadError> {
    if bytes.len() > DEFAULT_MAX_BYTES {
        let message = format!("the file has {} bytes; at most {DEFAULT_MAX_BYTES} are read", bytes.len());
        return Err(ReadError::new(ReadError::PAYLOAD_TOO_LARGE, message));
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return Err(ReadError::new(ReadError::FORMAT_UNKNOWN, "the file is a ZIP archive; unpack it first"));
    }
    let mut found = Found { rates: BTreeMap::new(), now };
    let format = if encoding::looks_like_xml(bytes) {
        xml::read(&encoding::decode_xml(bytes)?, &mut found)?;
        RateFormat::EcbXml
    } else {
        table::read(&encoding::decode_text(bytes)?, &mut found)?
    };
    if found.rates.is_empty() {
        return Err(ReadError::new(ReadError::FORMAT_MALFORMED, "the file holds no rate"));
    }
    let source = format.source();
    let rates = found.rates.into_values().map(|(base, quote, rate, as_of)| {
        let entry = RateEntry { rate, source: source.to_owned(), as_of };
        PairRate { base, quote, entry }
    });
    Ok(RateFile { format, rates: rates.collect() })
}

/// The rates found so far, the newest of each pair.
struct Found {
    rates: BTreeMap<(&'static str, &'static str), (Currency, Currency, Rate, Timestamp)>,
    now: Timestamp,
}

impl Found {
    /// Adds what one euro was worth on a day. Currencies that are no more, such as the lira, are passed over; cells
    /// without a rate are empty or `N/A`.
    fn add_reference(&mut self, day: Date, code: &str, text: &str, line: usize) -> Result<(), ReadError> {
        let text = text.trim();
        if matches!(text, "" | "N/A") {
            return Ok(());
        }
        if code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(malformed("names a currency by something other than three capital letters", line));
        }
        let rate = parse_rate(text, line)?;
        let Ok(quote) = code.parse::<Currency>() else { return Ok(()) };
        if quote == Currency::EUR {
            return Err(malformed("gives a rate from the euro to itself", line));
        }
        let as_of = midnight(day).plus(ECB_HOUR);
        if as_of > self.now.plus(MOST_AHEAD) {
            return Err(malformed("has rates of a day that is yet to come", line));
        }
        let found = (Currency::EUR, quote, rate, as_of);
        match self.rates.entry((Currency::EUR.code(), quote.code())) {
            Entry::Vacant(free) => drop(free.insert(found)),
            Entry::Occupied(known) if known.get().3 == as_of => {
                return Err(malformed("gives two rates of a currency for one day", line));
            }
            Entry::Occupied(mut known) if known.get().3 < as_of => drop(known.insert(found)),
            Entry::Occupied(_) => {}
        }
        Ok(())
    }

    /// Adds a row of the operator's own table.
    fn add_pair(&mut self, base: &str, quote: &str, text: &str, line: usize) -> Result<(), ReadError> {
        let currency = |code: &str| {
            let code = code.trim().to_ascii_uppercase();
            code.parse::<Currency>().map_err(|_| malformed("names a currency that ISO 4217 does not have", line))
        };
        let (base, quote) = (currency(base)?, currency(quote)?);
        if base == quote {
            return Err(malformed("gives a rate from a currency to itself", line));
        }
        let rate = parse_rate(text.trim(), line)?;
        if self.rates.insert((base.code(), quote.code()), (base, quote, rate, self.now)).is_some() {
            return Err(malformed("gives the rate of a pair twice", line));
        }
        Ok(())
    }
}

fn parse_rate(text: &str, line: usize) -> Result<Rate, ReadError> {
    Rate::parse(text).map_err(|error| ReadError::new(ReadError::RATE_INVALID, format!("a rate {error} (line {line})")))
}

fn malformed(what: &str, line: usize) -> ReadError {
    ReadError::new(ReadError::FORMAT_MALFORMED, format!("the file {what} (line {line})"))
}
