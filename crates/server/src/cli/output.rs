//! What a command prints: text for people, or one JSON value.

use super::failure::Failure;
use serde_json::{Value, json};
use std::io::{self, Write};
use xanpay_rails::Warning;

/// Where results go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    /// Whether one JSON value is wanted.
    pub(crate) json: bool,
}

impl Output {
    /// Prints the result in the wanted form, where there is one. Whoever closed the pipe has read enough.
    pub(crate) fn result(self, value: &Value, text: &str) -> Result<(), Failure> {
        match (self.json, text.trim_end()) {
            (true, _) => line(&value.to_string()),
            (false, "") => Ok(()),
            (false, text) => line(text),
        }
    }

    /// Prints a secret that is shown once. Whoever closed the pipe has not got it; `remedy` says what is left to do.
    pub(crate) fn secret(self, value: &Value, text: &str, remedy: &str) -> Result<(), Failure> {
        let printed = write_line(if self.json { value.to_string() } else { text.trim_end().to_owned() }.as_str());
        printed.map_err(|error| {
            Failure::new("secret_not_shown", format!("the secret could not be shown: {error}; {remedy}"))
        })
    }
}

/// Prints a line on standard output at once.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    match write_line(text) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new("output_failed", format!("cannot write the result: {error}")))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

fn write_line(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    // At once: a reader who has seen all but the line's end has seen it all.
    out.write_all(format!("{text}\n").as_bytes()).and_then(|()| out.flush())
}

/// Prints a line on standard error. There is nobody to tell when that fails.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Tells what is probably wrong with what was typed: a line each on standard error, and a list in the result.
pub(crate) fn warn(result: &mut Value, warnings: &[Warning]) {
    for warning in warnings {
        note(&format!("warning: {}: {}", warning.field, warning.message));
    }
    if let (Value::Object(members), false) = (result, warnings.is_empty()) {
        let list = warnings
            .iter()
            .map(|warning| json!({ "field": warning.field, "code": warning.code, "message": warning.message }));
        members.insert("warnings".to_owned(), list.collect());
    }
}

/// Pairs as two columns.
pub(crate) fn pairs(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    rows.iter().map(|(name, value)| format!("{name:<width$}  {value}\n")).collect()
}

/// Rows under a heading, in columns.
pub(crate) fn table(heading: &[&str], rows: &[Vec<String>]) -> String {
    let heading: Vec<String> = heading.iter().map(|text| (*text).to_owned()).collect();
    let all = || std::iter::once(&heading).chain(rows);
    let width = |column: usize| all().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..heading.len()).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in all() {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}
