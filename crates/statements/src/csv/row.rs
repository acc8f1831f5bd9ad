//! One row of a bank's table to an entry.

use super::profile::{Column, Profile};
use crate::date;
use crate::model::{Direction, Entry, Status};
use crate::text;
use ::csv::StringRecord;
use jiff::civil::Date;
use xanpay_domain::currency::Currency;
use xanpay_domain::money::Money;

/// Why a row is no entry.
pub(super) enum RowFault {
    /// The row alone is unreadable, for this reason.
    Row(String),
    /// Its date is written in numbers whose order nobody can tell: the table is not the profile's.
    DateOrder,
}

impl From<&str> for RowFault {
    fn from(reason: &str) -> Self {
        Self::Row(reason.to_owned())
    }
}

impl From<String> for RowFault {
    fn from(reason: String) -> Self {
        Self::Row(reason)
    }
}

/// Reads rows by a profile.
pub(super) struct RowReader {
    pub(super) profile: &'static Profile,
    /// The currency of rows that name none.
    pub(super) currency: Currency,
}

impl RowReader {
    /// The entry of a row.
    pub(super) fn read(&self, line: usize, row: &StringRecord) -> Result<Entry, RowFault> {
        self.check_width(row)?;
        let booked_on = booking_day(self.field(row, Column::Date))?;
        let value_date = match self.field(row, Column::ValueDate) {
            "" => None,
            text => Some(named_month_day(text).ok_or("the value date is no date")?),
        };
        let currency = match self.field(row, Column::Currency) {
            "" => self.currency,
            code => code.parse().map_err(|_| "the currency is not an ISO 4217 code")?,
        };
        let debit = amount(self.field(row, Column::Debit), currency)?;
        let credit = amount(self.field(row, Column::Credit), currency)?;
        let (direction, amount) = one_side(debit, credit)?;
        let texts = self.texts(row);
        let payer_name = texts.iter().find_map(|text| payer(text));
        Ok(Entry {
            line,
            direction,
            reversal: self.undoes(row),
            status: self.status(row),
            amount,
            booked_on: Some(booked_on),
            booked_at: None,
            value_date,
            bank_reference: None,
            end_to_end_id: None,
            texts,
            references: Vec::new(),
            payer_name,
            payer_account: None,
            details: Vec::new(),
            is_incomplete: false,
        })
    }

    /// The trimmed field of the column with this meaning; empty when the profile or the row has none.
    fn field<'a>(&self, row: &'a StringRecord, wanted: Column) -> &'a str {
        let at = self.profile.columns.iter().position(|column| *column == wanted);
        at.and_then(|at| row.get(at)).map(str::trim).unwrap_or_default()
    }

    /// A row with text behind its last column has an unquoted comma somewhere: its fields may not be what they seem.
    fn check_width(&self, row: &StringRecord) -> Result<(), RowFault> {
        let filled = |(_, field): &(usize, &str)| !field.trim().is_empty();
        let width = row.iter().enumerate().filter(filled).last().map_or(0, |(last, _)| last + 1);
        let columns = self.profile.columns.len();
        if width > columns && !self.profile.open_ended {
            return Err(format!("the row has {width} columns, the table {columns}").into());
        }
        Ok(())
    }

    /// Why the last row of a file that does not end its line may be the beginning of a longer one: a cut amount looks
    /// like a smaller one. `full` says whether the rows before it have all their decimals.
    pub(super) fn cut(&self, raw: &str, row: &StringRecord, columns: usize, full: bool) -> Option<&'static str> {
        if raw.ends_with(['\n', '\r']) {
            return None;
        }
        let is_short = row.len() < columns;
        let ends_in_amount =
            matches!(self.profile.columns.get(columns.wrapping_sub(1)), Some(Column::Credit | Column::Debit));
        let last = row.iter().next_back().map(str::trim).unwrap_or_default();
        let is_cut =
            is_short || raw.matches('"').count() % 2 == 1 || (ends_in_amount && full && !self.has_all_decimals(last));
        is_cut.then_some("the file seems to end inside the row; if the row is whole, end its line")
    }

    /// Whether an amount is written to the end: as many decimals as the currency has, or nothing.
    pub(super) fn has_all_decimals(&self, field: &str) -> bool {
        let decimals = field.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        field.is_empty() || u32::try_from(decimals).is_ok_and(|decimals| decimals >= self.currency.exponent())
    }

    /// The row's fields that hold amounts.
    pub(super) fn amounts<'a>(&self, row: &'a StringRecord) -> [&'a str; 2] {
        [self.field(row, Column::Debit), self.field(row, Column::Credit)]
    }

    fn texts(&self, row: &StringRecord) -> Vec<String> {
        let meaning = self.profile.columns.iter().copied().chain(std::iter::repeat(Column::Text));
        row.iter()
            .zip(meaning)
            .filter(|(_, column)| *column == Column::Text)
            .filter_map(|(field, _)| text::clean(field))
            .collect()
    }

    fn undoes(&self, row: &StringRecord) -> bool {
        let code = self.field(row, Column::Code);
        self.profile.undoing.iter().any(|undoing| code.eq_ignore_ascii_case(undoing))
    }

    fn status(&self, row: &StringRecord) -> Status {
        if self.profile.booked_status.is_empty() {
            return Status::Booked;
        }
        let status = self.field(row, Column::Status);
        if status.eq_ignore_ascii_case(self.profile.booked_status) {
            Status::Booked
        } else if status.eq_ignore_ascii_case("pending") {
            Status::Pending
        } else {
            Status::Info
        }
    }
}

/// The booking day. Numbers such as 03/04/2026 are never guessed at.
fn booking_day(text: &str) -> Result<Date, RowFault> {
    if let Some(date) = named_month_day(text) {
        return Ok(date);
    }
    let numbers: Vec<&str> = text.split(['/', '.', '-']).collect();
    let is_number = |part: &&str| (1..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_iso = numbers.first().is_some_and(|first| first.len() == 4);
    if numbers.len() == 3 && numbers.iter().all(is_number) && !is_iso {
        return Err(RowFault::DateOrder);
    }
    Err("the date is no date".into())
}

/// `07 Mar 2026`, `7 Mar 2026`, `07-Mar-2026`, `07-Mar-26` or `2026-03-07`.
fn named_month_day(text: &str) -> Option<Date> {
    if let Some(date) = date::iso_date(text) {
        return Some(date);
    }
    let mut parts = text.split(['-', ' ']).filter(|part| !part.is_empty());
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if parts.next().is_some() || !(1..=2).contains(&day.len()) || !all_digits(day) || !all_digits(year) {
        return None;
    }
    let year: i16 = match year.len() {
        4 => year.parse().ok()?,
        2 => 2000 + year.parse::<i16>().ok()?,
        _ => return None,
    };
    date::day(year, month_number(month)?, day.parse().ok()?)
}

/// The number of an English month, whole or cut to three letters; exports made in a browser say `Sept`.
fn month_number(name: &str) -> Option<i8> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let is_meant = |month: &&str| {
        let cut = month.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
        cut && (name.len() == 3 || name.len() == month.len() || name.eq_ignore_ascii_case("sept"))
    };
    let at = MONTHS.iter().position(is_meant)?;
    i8::try_from(at + 1).ok()
}

/// An amount with a decimal point and, perhaps, commas between groups of three digits. Empty or a dash is no amount.
fn amount(field: &str, currency: Currency) -> Result<Option<Money>, RowFault> {
    if matches!(field, "" | "-" | "\u{2013}" | "\u{2014}") {
        return Ok(None);
    }
    let whole = field.split_once('.').map_or(field, |(whole, _)| whole);
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or_default();
    let is_grouped = whole.contains(',');
    if is_grouped && (!(1..=3).contains(&first.len()) || groups.any(|group| group.len() != 3)) {
        return Err("the amount's commas do not separate thousands".into());
    }
    let plain = if is_grouped { field.replacen(',', "", whole.matches(',').count()) } else { field.to_owned() };
    if !plain.starts_with(|letter: char| letter.is_ascii_digit()) {
        return Err("the amount must be plain decimal digits with at most one point".into());
    }
    Ok(Some(text::decimal(&plain, currency)?))
}

/// The side of the row that has the money. A bank that fills both sides writes zero on the other.
fn one_side(debit: Option<Money>, credit: Option<Money>) -> Result<(Direction, Money), RowFault> {
    match (debit, credit) {
        (Some(debit), None) => Ok((Direction::Debit, debit)),
        (None, Some(credit)) => Ok((Direction::Credit, credit)),
        (Some(debit), Some(credit)) => match (debit.is_zero(), credit.is_zero()) {
            (true, false) => Ok((Direction::Credit, credit)),
            (false, true) => Ok((Direction::Debit, debit)),
            (true, true) => Err("the row has no amount but zero".into()),
            (false, false) => Err("the row has a debit and a credit amount".into()),
        },
        (None, None) => Err("the row has no amount".into()),
    }
}

/// The payer of an incoming transfer, in a field of its own: `From: CHUA WEN LI`.
fn payer(text: &str) -> Option<String> {
    let (label, name) = text.split_at_checked(5)?;
    if label.eq_ignore_ascii_case("from:") { text::clean(name) } else { None }
}

/// Whether a row goes over several lines because a quotation mark was not closed: the marks do not pair up, or a line
/// inside begins as a row does.
pub(super) fn has_runaway_quote(raw: &str) -> bool {
    let row = raw.trim_end_matches(['\r', '\n']);
    if !row.contains(['\r', '\n']) {
        return false;
    }
    let begins_a_row = |line: &str| {
        let first = line.split(',').next().unwrap_or_default();
        !matches!(booking_day(first.trim().trim_matches('"')), Err(RowFault::Row(_)))
    };
    row.matches('"').count() % 2 == 1 || row.split(['\r', '\n']).skip(1).any(begins_a_row)
}
