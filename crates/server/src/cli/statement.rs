//! `xanpay statement`.

use super::Context;
use super::failure::{Failure, STORAGE_FAILED};
use super::output::table;
use super::values;
use crate::flows::{FlowError, ImportOptions, ImportedFile, import_statement};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::PathBuf;
use xanpay_domain::currency::Currency;
use xanpay_domain::matching::Outcome;
use xanpay_statements::{Direction, FormatChoice, profiles};

#[derive(Debug, Subcommand)]
pub(super) enum Statement {
    /// Read bank files, store the transfers in them and credit the charges that they pay
    Import(Import),
}

#[derive(Debug, Args)]
pub(super) struct Import {
    /// The bank files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The receiving account, when a file does not name it or calls it by a name that is not known here
    #[arg(long)]
    account: Option<String>,
    /// The files' format
    #[arg(long, default_value = "auto")]
    format: Format,
    #[arg(long, help = profile_help())]
    profile: Option<String>,
    /// The currency, when a CSV file does not name it
    #[arg(long, value_parser = values::currency)]
    currency: Option<Currency>,
    /// Read and count, store nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Auto,
    Camt,
    Csv,
}

impl Format {
    fn choice(self) -> FormatChoice {
        match self {
            Self::Auto => FormatChoice::Auto,
            Self::Camt => FormatChoice::Camt,
            Self::Csv => FormatChoice::Csv,
        }
    }
}

/// The profiles by name.
fn profile_help() -> String {
    let names: Vec<_> = profiles().iter().map(|profile| profile.name).collect();
    format!("The bank's layout of CSV files: {} [default: the header decides]", names.join(", "))
}

pub(super) fn run(command: Statement, context: &Context) -> Result<(), Failure> {
    match command {
        Statement::Import(import) => run_import(import, context),
    }
}

fn run_import(import: Import, context: &Context) -> Result<(), Failure> {
    let options = ImportOptions {
        environment: context.environment,
        account: import.account,
        format: import.format.choice(),
        profile: import.profile,
        currency: import.currency,
        dry_run: import.dry_run,
    };
    let paths = import.files;
    let results = context.with_app(|app| async move {
        let mut results: Vec<(String, Result<ImportedFile, Failure>)> = Vec::new();
        for path in paths {
            let name = path.display().to_string();
            let result = match values::read_file_unnamed(&path) {
                Ok(bytes) => import_statement(&app, &name, &bytes, &options).await.map_err(import_failure),
                Err(failure) => Err(failure),
            };
            results.push((name, result));
        }
        Ok(results)
    })?;
    let files: Vec<_> = results
        .iter()
        .map(|(name, result)| match result {
            Ok(file) => view(file),
            Err(failure) => refused_view(name, failure),
        })
        .collect();
    let imported: Vec<_> = results.iter().filter_map(|(_, result)| result.as_ref().ok()).collect();
    context.output.result(&json!({ "files": files }), &text(&imported))?;
    let told = complaints(&results);
    if told.is_empty() { Ok(()) } else { Err(Failure::printed("file_refused", told.join("\nxanpay: "))) }
}

/// Why a file could not be imported. Each payment is stored on its own, so that trouble with storage leaves some behind.
fn import_failure(error: FlowError) -> Failure {
    let failure = Failure::from(error);
    if failure.code != STORAGE_FAILED {
        return failure;
    }
    let remedy = "payments stored before are safe, and counted once when the file is imported again";
    Failure { message: format!("{}; {remedy}", failure.message), ..failure }
}

/// A file that was not imported has the keys of one that was, and its error. Nothing of a refused file is stored; how
/// much is when storage gives up in the middle, nobody has counted.
fn refused_view(name: &str, failure: &Failure) -> Value {
    let mut value = view(&ImportedFile { file: name.to_owned(), ..ImportedFile::default() });
    let (Value::Object(members), Value::Object(mut error)) = (&mut value, failure.to_json()) else { return value };
    let is_unknown = |key: &str, value: &Value| {
        ["format", "creditSum", "debitSum"].contains(&key) || (failure.code == STORAGE_FAILED && value.is_number())
    };
    for (_, value) in members.iter_mut().filter(|(key, value)| is_unknown(key, value)) {
        *value = Value::Null;
    }
    members.append(&mut error);
    value
}

/// What could not be read of the files: whole files, and lines of those that have been imported.
fn complaints(results: &[(String, Result<ImportedFile, Failure>)]) -> Vec<String> {
    let mut told = Vec::new();
    for (name, result) in results {
        match result {
            Ok(file) => {
                let lines = file.refused.iter();
                told.extend(lines.map(|line| format!("{name}:{}: not read: {}", line.line, line.reason)));
            }
            Err(failure) => told.push(format!("{name}: {}", failure.message)),
        }
    }
    told
}

fn view(file: &ImportedFile) -> Value {
    let refused: Vec<_> = file.refused.iter().map(|line| json!({ "line": line.line, "reason": line.reason })).collect();
    let mut value = json!({
        "file": file.file,
        "format": file.format,
        "statements": file.statements,
        "entries": file.entries,
        "credits": file.credits,
        "debits": file.debits,
        "creditSum": sum(file, Direction::Credit),
        "debitSum": sum(file, Direction::Debit),
        "currency": file.currency().map(Currency::code),
        "refused": refused,
        "new": file.new,
        "duplicates": file.duplicates,
    });
    let skipped = file.skipped.iter().map(|entry| {
        let (amount, currency) = (entry.amount.to_decimal(), entry.amount.currency().code());
        json!({ "line": entry.line, "reason": entry.reason, "amount": amount, "currency": currency })
    });
    let sums = file.sums.iter().map(|sums| {
        let (credits, debits) = (sums.text(Direction::Credit), sums.text(Direction::Debit));
        json!({ "currency": sums.currency.code(), "creditSum": credits, "debitSum": debits })
    });
    if let Value::Object(members) = &mut value {
        members.extend(Outcome::ALL.map(|outcome| (outcome.as_str().to_owned(), file.outcome(outcome).into())));
        members.insert("sums".to_owned(), sums.collect());
        members.insert("payments".to_owned(), file.payments.into());
        members.insert("skipped".to_owned(), skipped.collect());
    }
    value
}

/// A sum of the file's entries as decimal text: `0` without entries, nothing where there are several currencies.
fn sum(file: &ImportedFile, direction: Direction) -> Option<String> {
    match file.sums.as_slice() {
        [] => Some("0".to_owned()),
        [only] => Some(only.text(direction)),
        [_, _, ..] => None,
    }
}

/// The sums with their currencies.
fn sum_words(file: &ImportedFile, direction: Direction) -> String {
    let sums: Vec<_> = file.sums.iter().map(|sums| format!("{} {}", sums.text(direction), sums.currency)).collect();
    if sums.is_empty() { "0".to_owned() } else { sums.join(" + ") }
}

fn text(files: &[&ImportedFile]) -> String {
    let rows: Vec<_> = files
        .iter()
        .map(|file| {
            let mut row = vec![
                file.file.clone(),
                file.format.to_owned(),
                file.entries.to_string(),
                sum_words(file, Direction::Credit),
                sum_words(file, Direction::Debit),
                file.skipped.len().to_string(),
                file.new.to_string(),
                file.duplicates.to_string(),
            ];
            row.extend(Outcome::ALL.map(|outcome| file.outcome(outcome).to_string()));
            row
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let heading = ["FILE", "FORMAT", "ENTRIES", "IN", "OUT", "SKIPPED", "NEW", "KNOWN"];
    let heading: Vec<String> = heading
        .map(str::to_owned)
        .into_iter()
        .chain(Outcome::ALL.map(|outcome| outcome.as_str().to_uppercase()))
        .collect();
    let mut text = table(&heading.iter().map(String::as_str).collect::<Vec<_>>(), &rows);
    for file in files {
        for entry in &file.skipped {
            let (amount, currency) = (entry.amount.to_decimal(), entry.amount.currency());
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{}:{}: skipped {amount} {currency}: {}", file.file, entry.line, entry.reason);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flows::Refusal;
    use xanpay_store::StoreError;

    #[test]
    fn a_file_that_is_not_imported_has_the_keys_of_one_that_is() {
        let imported =
            view(&ImportedFile { file: "bank.xml".to_owned(), format: "camt.053", ..ImportedFile::default() });
        let refused = import_failure(Refusal::field("", "format_unknown", "is no bank file").into());
        let full = import_failure(StoreError::Unavailable("the disk is full".into()).into());
        assert!(full.message.contains("the disk is full; payments stored before are safe"), "{}", full.message);
        for (failure, count) in [(refused, Value::from(0)), (full, Value::Null)] {
            let value = refused_view("bank.xml", &failure);
            let Value::Object(members) = &value else { panic!("{value}") };
            let (last, known) = (members.len() - 1, imported.as_object().unwrap());
            assert!(members.keys().take(last).eq(known.keys()), "{value}");
            assert_eq!(value["error"]["code"], failure.code);
            assert_eq!((&value["new"], &value["unmatched"], &value["entries"]), (&count, &count, &count), "{value}");
            assert_eq!(
                (&value["format"], &value["creditSum"], &value["refused"]),
                (&Value::Null, &Value::Null, &json!([]))
            );
        }
    }
}
