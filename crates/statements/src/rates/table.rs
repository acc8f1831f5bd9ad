//! Rate tables as CSV.

use super::{Found, RateFormat, malformed};
use crate::error::ReadError;
use csv::{ReaderBuilder, StringRecord, Trim};
use jiff::civil::Date;
use jiff::fmt::strtime;

/// The most columns of a row; the ECB's history has 42.
const MAX_COLUMNS: usize = 256;

pub(super) fn read(text: &str, found: &mut Found) -> Result<RateFormat, ReadError> {
    let mut rows = ReaderBuilder::new().has_headers(false).flexible(true).trim(Trim::All).from_reader(text.as_bytes());
    let mut rows = rows.records().map(|record| {
        let record = record.map_err(|_| ReadError::new(ReadError::FORMAT_MALFORMED, "the file is no CSV table"))?;
        let line = record.position().map_or(0, csv::Position::line);
        let line = usize::try_from(line).unwrap_or(usize::MAX);
        if record.len() > MAX_COLUMNS {
            return Err(malformed("has a row with too many columns", line));
        }
        Ok((line, record))
    });
    let header = rows.next().transpose()?.map(|(_, header)| header).unwrap_or_default();
    let columns: Vec<String> = header.iter().map(str::to_ascii_lowercase).collect();
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    if columns == ["base", "quote", "rate"] {
        for row in rows {
            let (line, row) = row?;
            let [Some(base), Some(quote), Some(rate), None] = [0, 1, 2, 3].map(|column| row.get(column)) else {
                return Err(malformed("has a row that is not base, quote and rate", line));
            };
            found.add_pair(base, quote, rate, line)?;
        }
        return Ok(RateFormat::Pairs);
    }
    if columns.len() > 1 && columns.first() == Some(&"date") {
        for row in rows {
            let (line, row) = row?;
            read_day(&header, &row, line, found)?;
        }
        return Ok(RateFormat::EcbCsv);
    }
    let message = "the file is no ECB rate file and its first row is not base,quote,rate";
    Err(ReadError::new(ReadError::FORMAT_UNKNOWN, message))
}

/// One day: the date and a cell for each currency of the header. The ECB ends every line with a comma; programs that
/// save its files again drop some of them.
fn read_day(header: &StringRecord, row: &StringRecord, line: usize, found: &mut Found) -> Result<(), ReadError> {
    let Some(day) = row.get(0).and_then(date) else {
        return Err(malformed("has a row whose first column is no date", line));
    };
    let width = |record: &StringRecord| record.len() - usize::from(record.iter().next_back() == Some(""));
    if row.len() != header.len() && width(row) != width(header) {
        return Err(malformed("has a row with other columns than its header", line));
    }
    for (code, cell) in header.iter().zip(row).skip(1).filter(|(code, cell)| !(code.is_empty() && cell.is_empty())) {
        found.add_reference(day, code, cell, line)?;
    }
    Ok(())
}

/// `2026-10-30` in histories, `30 October 2026` in the file of one day.
fn date(text: &str) -> Option<Date> {
    crate::date::iso_date(text).or_else(|| strtime::parse("%d %B %Y", text).ok()?.to_date().ok())
}
