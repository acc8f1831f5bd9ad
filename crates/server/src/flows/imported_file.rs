//! What the import of a bank's file did, so that every line of it is accounted for.

use super::credit::Credited;
use std::collections::HashMap;
use xanpay_domain::currency::Currency;
use xanpay_domain::matching::Outcome;
use xanpay_domain::money::Money;
use xanpay_statements::{Direction, Entry, File, Payment, Status};

/// A line that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedLine {
    /// Line in the file, from 1.
    pub line: usize,
    /// Why.
    pub reason: String,
}

/// A credit that brought no money, and so is not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedEntry {
    /// Line in the file, from 1.
    pub line: usize,
    /// What it says that it is about.
    pub amount: Money,
    /// Why it is no money.
    pub reason: &'static str,
}

/// The sums of a file's entries in one currency, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sums {
    /// The currency.
    pub currency: Currency,
    /// What came in.
    pub credits: i64,
    /// What went out.
    pub debits: i64,
}

/// What the import of one file did.
///
/// Its credits are the skipped entries and those whose payments are new or known: a batch is one entry and several
/// payments, of the same sum.
#[derive(Debug, Clone, Default)]
pub struct ImportedFile {
    /// The file's name.
    pub file: String,
    /// Its format.
    pub format: &'static str,
    /// Statements in it.
    pub statements: usize,
    /// Entries in it: credits and debits.
    pub entries: usize,
    /// Entries that brought money in.
    pub credits: usize,
    /// Entries that took money out. They are counted only.
    pub debits: usize,
    /// Sums per currency, in the order of first appearance.
    pub sums: Vec<Sums>,
    /// Lines that could not be read. They are no entries.
    pub refused: Vec<RefusedLine>,
    /// Credits that are no money.
    pub skipped: Vec<SkippedEntry>,
    /// Payments that the other credits are made of. After an import each is new or known.
    pub payments: usize,
    /// Payments that were not known before.
    pub new: usize,
    /// Payments that were known.
    pub duplicates: usize,
    /// Outcomes of the new ones, and of known ones that this file has told enough about.
    pub outcomes: HashMap<Outcome, usize>,
}

impl ImportedFile {
    /// What a file holds, before any of it is recorded.
    pub(super) fn count(name: &str, file: &File) -> Self {
        let entries = || file.statements.iter().flat_map(|statement| &statement.entries);
        let credits = || entries().filter(|entry| entry.direction == Direction::Credit);
        let skipped = credits().filter_map(|entry| {
            let reason = no_money(entry)?;
            Some(SkippedEntry { line: entry.line, amount: entry.amount, reason })
        });
        let refused = file.refused.iter().map(|line| RefusedLine { line: line.line, reason: line.reason.clone() });
        Self {
            file: name.to_owned(),
            format: file.format.as_str(),
            statements: file.statements.len(),
            entries: entries().count(),
            credits: credits().count(),
            debits: entries().count() - credits().count(),
            sums: sums(entries()),
            refused: refused.collect(),
            skipped: skipped.collect(),
            payments: entries().map(|entry| payments(entry).len()).sum(),
            new: 0,
            duplicates: 0,
            outcomes: HashMap::new(),
        }
    }

    /// Counts a payment.
    pub(super) fn add(&mut self, credited: &Credited) {
        if credited.duplicate {
            self.duplicates += 1;
        } else {
            self.new += 1;
        }
        if credited.judged {
            *self.outcomes.entry(credited.transfer.outcome).or_insert(0) += 1;
        }
    }

    /// The only currency of the file; nothing when it has none or several.
    #[must_use]
    pub fn currency(&self) -> Option<Currency> {
        match self.sums.as_slice() {
            [only] => Some(only.currency),
            _ => None,
        }
    }

    /// How many new payments had an outcome.
    #[must_use]
    pub fn outcome(&self, outcome: Outcome) -> usize {
        self.outcomes.get(&outcome).copied().unwrap_or(0)
    }
}

impl Sums {
    /// A sum as decimal text.
    #[must_use]
    pub fn text(&self, direction: Direction) -> String {
        let minor = match direction {
            Direction::Credit => self.credits,
            Direction::Debit => self.debits,
        };
        Money::from_minor(minor, self.currency).map(Money::to_decimal).unwrap_or_default()
    }
}

fn sums<'a>(entries: impl Iterator<Item = &'a Entry>) -> Vec<Sums> {
    let mut sums: Vec<Sums> = Vec::new();
    for entry in entries {
        let currency = entry.amount.currency();
        let index = sums.iter().position(|sum| sum.currency == currency).unwrap_or_else(|| {
            sums.push(Sums { currency, credits: 0, debits: 0 });
            sums.len() - 1
        });
        let side = match entry.direction {
            Direction::Credit => &mut sums[index].credits,
            Direction::Debit => &mut sums[index].debits,
        };
        *side = side.saturating_add(entry.amount.minor());
    }
    sums
}

/// Why an entry is no money, if it is none.
fn no_money(entry: &Entry) -> Option<&'static str> {
    match entry.status {
        Status::Pending => Some("it is pending"),
        Status::Info => Some("it is not known to be booked"),
        Status::Booked if entry.amount.is_zero() => Some("its amount is zero"),
        Status::Booked => None,
    }
}

/// The payments of an entry. Money that may still come or that went out is none.
pub(super) fn payments(entry: &Entry) -> Vec<Payment> {
    if entry.direction == Direction::Debit || no_money(entry).is_some() {
        return Vec::new();
    }
    entry.payments().into_iter().filter(|payment| !payment.amount.is_zero()).collect()
}
