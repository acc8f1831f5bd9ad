//! CSV exports, one profile per bank: no column, date order or sign is ever guessed.
//!
//! A file is a preamble of free rows, a header that a profile knows, and rows. A row is an entry or a refused line;
//! only rows without any text are neither.

mod preamble;
mod profile;
mod row;

pub use profile::{ProfileInfo, profiles};

use crate::Options;
use crate::error::ReadError;
use crate::lines::LineCounter;
use crate::model::{File, Format, Refused, Statement};
use ::csv::{Reader, ReaderBuilder, StringRecord};
use preamble::Preamble;
use profile::{PROFILES, Profile};
use row::{RowFault, RowReader};

/// The most rows before the header. DBS writes up to eight.
const MAX_PREAMBLE_ROWS: usize = 64;
/// The most columns of a row.
const MAX_COLUMNS: usize = 256;
/// The most rows of a file.
const MAX_ROWS: usize = 1_000_000;

/// Reads a decoded file.
pub(crate) fn read(text: &str, options: &Options<'_>) -> Result<File, ReadError> {
    let candidates = candidates(options.profile)?;
    let mut rows = Rows::new(text);
    let mut preamble = Preamble::default();
    let profile = find_header(&mut rows, &candidates, &mut preamble, options)?;
    let columns = rows.columns();
    let currency = preamble.currency.or(options.currency);
    if currency.is_none() && preamble.is_foreign_currency {
        let message = "the account is not in the profile's currency and the file does not name its own";
        return Err(ReadError::new(ReadError::CSV_MAPPING, message));
    }
    let currency = currency.unwrap_or(profile.currency);
    let reader = RowReader { profile, currency };
    let mut statement = Statement { account: preamble.account, currency: Some(currency), entries: Vec::new() };
    let mut refused = Vec::new();
    let mut amounts_are_full = true;
    while let Some((line, raw)) = rows.next()? {
        if profile.is_header(rows.record.iter()) {
            let message = format!("the file holds a second table (line {line})");
            return Err(ReadError::new(ReadError::CSV_MAPPING, message));
        }
        if row::has_runaway_quote(raw) {
            refuse_runaway(line, raw, &mut refused);
            continue;
        }
        if let Some(reason) = reader.cut(raw, &rows.record, columns, amounts_are_full) {
            refused.push(Refused { line, reason: reason.to_owned() });
            continue;
        }
        amounts_are_full &= reader.amounts(&rows.record).iter().all(|amount| reader.has_all_decimals(amount));
        match reader.read(line, &rows.record) {
            Ok(entry) => statement.entries.push(entry),
            Err(RowFault::Row(reason)) => refused.push(Refused { line, reason }),
            Err(RowFault::DateOrder) => {
                let message = format!("the date in line {line} does not say which number is the month");
                return Err(ReadError::new(ReadError::CSV_MAPPING, message));
            }
        }
    }
    let (profile, statements) = (Some(profile.info.name), vec![statement]);
    Ok(File { format: Format::Csv, profile, statements, refused })
}

/// The profiles that may read the file.
fn candidates(name: Option<&str>) -> Result<Vec<&'static Profile>, ReadError> {
    let found: Vec<&Profile> =
        PROFILES.iter().filter(|profile| name.is_none_or(|name| name == profile.info.name)).collect();
    if found.is_empty() {
        let known: Vec<&str> = profiles().iter().map(|info| info.name).collect();
        let message = format!("the profile is not one of {}", known.join(", "));
        return Err(ReadError::new(ReadError::CSV_MAPPING, message));
    }
    Ok(found)
}

/// Reads up to the header and collects what the rows before it say.
fn find_header(
    rows: &mut Rows<'_>,
    candidates: &[&'static Profile],
    preamble: &mut Preamble,
    options: &Options<'_>,
) -> Result<&'static Profile, ReadError> {
    for _ in 0..MAX_PREAMBLE_ROWS {
        if rows.next()?.is_none() {
            break;
        }
        if let Some(profile) = candidates.iter().find(|profile| profile.is_header(rows.record.iter())) {
            return Ok(profile);
        }
        preamble.note(&rows.record);
    }
    Err(match (options.profile, options.format) {
        (Some(name), _) => {
            ReadError::new(ReadError::CSV_MAPPING, format!("the header of the profile {name} is not in the file"))
        }
        (None, crate::FormatChoice::Csv) => {
            ReadError::new(ReadError::CSV_MAPPING, "the file has the header of no known profile")
        }
        (None, crate::FormatChoice::Auto | crate::FormatChoice::Camt) => ReadError::new(
            ReadError::FORMAT_UNKNOWN,
            "the file is neither camt XML nor a CSV export of a known profile",
        ),
    })
}

/// A quotation mark that is not closed takes the rows behind it into its field: each of them is refused.
fn refuse_runaway(line: usize, raw: &str, refused: &mut Vec<Refused>) {
    let mut lines = LineCounter::new(raw);
    let mut offset = 0;
    for piece in raw.split_inclusive(['\n', '\r']) {
        if !piece.trim().is_empty() {
            let at = line + lines.at(offset) - 1;
            let reason = if at == line {
                "a quotation mark is not closed".to_owned()
            } else {
                format!("stands inside the quotation that line {line} does not close")
            };
            refused.push(Refused { line: at, reason });
        }
        offset += piece.len();
    }
}

/// The rows of a file that have any text.
struct Rows<'a> {
    text: &'a str,
    reader: Reader<&'a [u8]>,
    lines: LineCounter<'a>,
    record: StringRecord,
    count: usize,
}

impl<'a> Rows<'a> {
    fn new(text: &'a str) -> Self {
        let reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
        Self { text, reader, lines: LineCounter::new(text), record: StringRecord::new(), count: 0 }
    }

    /// Moves to the next row; its line and its text as it stands in the file. The fields are in `record`.
    fn next(&mut self) -> Result<Option<(usize, &'a str)>, ReadError> {
        loop {
            let start = self.offset();
            let more = self.reader.read_record(&mut self.record);
            if !more.map_err(|_| ReadError::new(ReadError::FORMAT_MALFORMED, "the file is no readable CSV"))? {
                return Ok(None);
            }
            self.count += 1;
            if self.count > MAX_ROWS || self.record.len() > MAX_COLUMNS {
                let message = format!("the file has more than {MAX_ROWS} rows or more than {MAX_COLUMNS} columns");
                return Err(ReadError::new(ReadError::PAYLOAD_TOO_LARGE, message));
            }
            if self.record.iter().all(|field| field.trim().is_empty()) {
                continue;
            }
            // The reader skips empty lines as part of the row that follows them.
            let raw = self.text.get(start..self.offset()).unwrap_or_default();
            let row = raw.trim_start_matches(['\r', '\n']);
            let line = self.lines.at(start + raw.len() - row.len());
            return Ok(Some((line, row)));
        }
    }

    /// The columns of the row just read, without empty ones at its end.
    fn columns(&self) -> usize {
        let filled = self.record.iter().enumerate().filter(|(_, field)| !field.trim().is_empty());
        filled.last().map_or(0, |(last, _)| last + 1)
    }

    fn offset(&self) -> usize {
        usize::try_from(self.reader.position().byte()).unwrap_or(usize::MAX)
    }
}
