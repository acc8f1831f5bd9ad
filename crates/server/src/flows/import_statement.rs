//! A bank's statement file is read, and every credit in it recorded.

use super::credit::{Report, credit};
use super::events::EventSeed;
use super::record_transfer::is_named;
use super::refusal::{FlowError, Refusal};
use crate::app::App;
use crate::entropy;
use std::collections::HashMap;
use std::sync::Arc;
use xanpay_domain::currency::Currency;
use xanpay_domain::environment::Environment;
use xanpay_domain::id::TransferId;
use xanpay_domain::matching::Outcome;
use xanpay_domain::money::Money;
use xanpay_domain::time::{Span, Timestamp};
use xanpay_domain::transfer::{Booked, ReportedTransfer};
use xanpay_statements::{Direction, Entry, File, FormatChoice, Options, Payment, Statement, Status};
use xanpay_store::Account;

/// How a file is to be read.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// The world of the receiving accounts.
    pub environment: Environment,
    /// The receiving account, where the file does not name one that is known.
    pub account: Option<String>,
    /// The format, or to find out.
    pub format: FormatChoice,
    /// The bank's profile of a CSV file.
    pub profile: Option<String>,
    /// The currency of a CSV file that does not name it.
    pub currency: Option<Currency>,
    /// Whether to read and count only.
    pub dry_run: bool,
}

/// What an import of several files did.
#[derive(Debug, Clone, Default)]
pub struct ImportReport {
    /// One report per file.
    pub files: Vec<ImportedFile>,
}

/// A line that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedLine {
    /// Line in the file, from 1.
    pub line: usize,
    /// Why.
    pub reason: String,
}

/// What the import of one file did.
#[derive(Debug, Clone)]
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
    /// Entries that took money out.
    pub debits: usize,
    /// Sums per currency, in the order of first appearance: credits, then debits, in minor units.
    pub sums: Vec<(Currency, i64, i64)>,
    /// Lines that could not be read.
    pub refused: Vec<RefusedLine>,
    /// Payments that were not known before.
    pub new: usize,
    /// Payments that were known.
    pub duplicates: usize,
    /// Outcomes of the new ones.
    pub outcomes: HashMap<Outcome, usize>,
}

/// Reads one file and records the booked credits in it. Importing the same or overlapping data again changes nothing.
///
/// # Errors
/// A refusal when the file cannot be read or its account is not known.
pub async fn import_statement(
    app: &App,
    name: &str,
    bytes: &[u8],
    options: &ImportOptions,
) -> Result<ImportedFile, FlowError> {
    let reading = Options {
        format: options.format,
        profile: options.profile.as_deref(),
        currency: options.currency,
        ..Options::default()
    };
    let file = xanpay_statements::read(bytes, &reading)
        .map_err(|error| Refusal::field("file", error.code, error.message.into_owned()))?;
    let mut report = count(name, &file);
    if options.dry_run {
        return Ok(report);
    }
    let accounts = app.store.reader().await?.list_accounts(options.environment).await?;
    // All accounts first: a file that cannot be stored whole is not stored in part.
    let mut targets = Vec::new();
    for statement in &file.statements {
        targets.push(target_account(&accounts, statement, options)?);
    }
    let mut seen = HashMap::new();
    for (statement, account) in file.statements.iter().zip(targets) {
        for entry in &statement.entries {
            record_entry(app, entry, &account, options, &mut seen, &mut report).await?;
        }
    }
    Ok(report)
}

fn count(name: &str, file: &File) -> ImportedFile {
    let entries = || file.statements.iter().flat_map(|statement| &statement.entries);
    let mut sums: Vec<(Currency, i64, i64)> = Vec::new();
    for entry in entries() {
        let currency = entry.amount.currency();
        let index = sums.iter().position(|sum| sum.0 == currency).unwrap_or_else(|| {
            sums.push((currency, 0, 0));
            sums.len() - 1
        });
        match entry.direction {
            Direction::Credit => sums[index].1 = sums[index].1.saturating_add(entry.amount.minor()),
            Direction::Debit => sums[index].2 = sums[index].2.saturating_add(entry.amount.minor()),
        }
    }
    let credits = entries().filter(|entry| entry.direction == Direction::Credit).count();
    ImportedFile {
        file: name.to_owned(),
        format: file.format.as_str(),
        statements: file.statements.len(),
        entries: entries().count(),
        credits,
        debits: entries().count() - credits,
        sums,
        refused: file.refused.iter().map(|line| RefusedLine { line: line.line, reason: line.reason.clone() }).collect(),
        new: 0,
        duplicates: 0,
        outcomes: HashMap::new(),
    }
}

/// The receiving account of a statement: the one that the file names, if it is known, else the one that the caller names.
fn target_account(accounts: &[Account], statement: &Statement, options: &ImportOptions) -> Result<Account, Refusal> {
    let named = |text: &str| accounts.iter().find(|account| is_named(account, text)).cloned();
    let from_file = statement.account.as_deref().and_then(named);
    let from_caller = || options.account.as_deref().and_then(named);
    from_file.or_else(from_caller).ok_or_else(|| {
        let message = match (&options.account, &statement.account) {
            (Some(account), _) => format!("{account} is no receiving account of this environment"),
            (None, Some(account)) => format!("is needed: the file's own account {account} is no receiving account"),
            (None, None) => "is needed: the file does not name its account".to_owned(),
        };
        Refusal::field("account", "account_unknown", message)
    })
}

async fn record_entry(
    app: &App,
    entry: &Entry,
    account: &Account,
    options: &ImportOptions,
    seen: &mut HashMap<(String, String), u32>,
    report: &mut ImportedFile,
) -> Result<(), FlowError> {
    // Money that may still come or that went out is no payment.
    if entry.direction != Direction::Credit || entry.status != Status::Booked || entry.amount.is_zero() {
        return Ok(());
    }
    for payment in entry.payments() {
        if payment.direction != Direction::Credit || payment.amount.is_zero() {
            continue;
        }
        let reported = reported(payment, app.clock.now(options.environment));
        let occurrence = seen.entry((account.id.to_text(), reported.fingerprint())).or_insert(0);
        *occurrence += 1;
        let identity = reported.identity(*occurrence);
        let job = Report {
            account: account.clone(),
            reported,
            source: "statement",
            payee: None,
            id: TransferId::new(app.clock.real_now(), entropy::bytes()),
            seed: EventSeed::draw(),
            now: app.clock.now(options.environment),
            real_now: app.clock.real_now(),
        };
        let job = Arc::new((job, identity));
        let credited = app
            .store
            .write(move |tx| {
                let job = Arc::clone(&job);
                async move { credit(&tx, &job.0, job.1.clone()).await }
            })
            .await?;
        if credited.duplicate {
            report.duplicates += 1;
        } else {
            report.new += 1;
            *report.outcomes.entry(credited.transfer.outcome).or_insert(0) += 1;
        }
        if let Some(charge) = &credited.changed {
            app.announce(charge);
        }
    }
    Ok(())
}

/// A payment of the file as a report. A batch's reference is shared by its parts, so each part adds its number.
fn reported(payment: Payment, now: Timestamp) -> ReportedTransfer {
    let part = payment.part.filter(|part| part.of > 1).map(|part| format!("/{}", part.number)).unwrap_or_default();
    let day = payment.booked_on.or(payment.value_date).map(|date| {
        let days = i64::from(date.duration_since(xanpay_statements::Date::constant(1970, 1, 1)).as_hours() as i32 / 24);
        Booked::On(Timestamp::from_millis(Span::days(days).as_millis()))
    });
    ReportedTransfer {
        amount: payment.amount,
        booked: payment.booked_at.map(Booked::At).or(day).unwrap_or(Booked::At(now)),
        bank_reference: payment.bank_reference.map(|reference| format!("{reference}{part}")),
        texts: payment.texts,
        end_to_end_id: payment.end_to_end_id,
        payer_name: payment.payer_name,
        payer_account: payment.payer_account,
        reversal: payment.reversal,
    }
}

impl ImportedFile {
    /// The only currency of the file; nothing when it has none or several.
    #[must_use]
    pub fn currency(&self) -> Option<Currency> {
        match self.sums.as_slice() {
            [(currency, _, _)] => Some(*currency),
            _ => None,
        }
    }

    /// How many new payments had an outcome.
    #[must_use]
    pub fn outcome(&self, outcome: Outcome) -> usize {
        self.outcomes.get(&outcome).copied().unwrap_or(0)
    }

    /// A sum of minor units as decimal text; `0` for a file without entries.
    #[must_use]
    pub fn sum_text(&self, debits: bool) -> String {
        let texts = self.sums.iter().filter_map(|(currency, credit, debit)| {
            Money::from_minor(if debits { *debit } else { *credit }, *currency).ok().map(Money::to_decimal)
        });
        let texts: Vec<_> = texts.collect();
        if texts.is_empty() { "0".to_owned() } else { texts.join(" ") }
    }
}
