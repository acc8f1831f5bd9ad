//! `xanpay qr`.

mod picture;

use super::Context;
use super::failure::Failure;
use super::output::{pairs, warn};
use super::values;
use crate::wire::body::Members;
use clap::{Args, Subcommand};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::IsTerminal;
use std::path::PathBuf;
use xanpay_domain::method::Method;
use xanpay_rails::{
    EncodeError, Field, Finding, LintField, LintReport, encode, encode_keys, encode_warnings, lint, qr_svg,
};

/// More than any QR code holds, and than any fields for one.
const MAX_INPUT: usize = 64 * 1024;

#[derive(Debug, Subcommand)]
pub(super) enum Qr {
    /// Write a payload from fields: JSON on standard input
    #[command(after_long_help = keys_help())]
    Encode,
    /// Read any payload: name its parts, say what is wrong
    Lint(Lint),
    /// Draw a payload, in the terminal or as a file
    Show(Show),
}

#[derive(Debug, Args)]
pub(super) struct Lint {
    /// The payload; standard input when absent
    payload: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Show {
    /// The payload
    payload: String,
    /// Write an SVG picture
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Write a PNG picture
    #[arg(long, value_name = "FILE")]
    png: Option<PathBuf>,
}

pub(super) fn run(command: Qr, context: &Context) -> Result<(), Failure> {
    match command {
        Qr::Encode => run_encode(context),
        Qr::Lint(lint) => run_lint(lint.payload, context),
        Qr::Show(show) => run_show(&show, context),
    }
}

/// The keys of every method, for `--help`.
fn keys_help() -> String {
    let mut text = "One JSON object with \"method\" and the keys of that method:\n".to_owned();
    for method in Method::ALL {
        let keys = encode_keys(method);
        let width = keys.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        if !keys.is_empty() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "\n{method}");
        }
        for (name, help) in keys {
            let _ = writeln!(text, "  {name:<width$}  {help}");
        }
    }
    text.push_str(
        "\nExample: echo '{\"method\":\"paynow\",\"account\":\"+6591234567\",\"amount\":35}' | xanpay qr encode",
    );
    text
}

fn run_encode(context: &Context) -> Result<(), Failure> {
    let (method, fields) = read_fields(&values::read_input(MAX_INPUT)?)?;
    let payload = encode(method, &fields)?;
    let warnings = encode_warnings(method, &fields);
    let mut value = json!({ "payload": payload });
    warn(&mut value, &warnings);
    context.output.result(&value, &payload)
}

/// The payload on standard input, without the line's end. Bytes that are no text become marks that no code may have, so
/// that the report can say so.
fn read_payload() -> Result<String, Failure> {
    let bytes = values::read_input_bytes(MAX_INPUT)?;
    Ok(String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']).to_owned())
}

/// The method and its fields. Numbers keep the decimals that were typed; null means absent.
fn read_fields(text: &str) -> Result<(Method, BTreeMap<String, Field>), Failure> {
    let wrong = |error: serde_json::Error| Failure::new("invalid_json", format!("the input is not JSON: {error}"));
    let raw: &RawValue = serde_json::from_str(text).map_err(wrong)?;
    if !raw.get().starts_with('{') {
        return Err(Failure::new("invalid_body", "the input must be a JSON object"));
    }
    let Members(members) = serde_json::from_str(raw.get()).map_err(wrong)?;
    let mut fields = BTreeMap::new();
    // In the order of their names, so that of several faults always the same one is named.
    for (name, value) in BTreeMap::from_iter(members) {
        let raw = value.get();
        let field = match raw.as_bytes().first() {
            Some(b'"') => Field::Text(serde_json::from_str(raw).map_err(wrong)?),
            Some(b'-' | b'0'..=b'9') => Field::Number(raw.to_owned()),
            Some(b't') => Field::Bool(true),
            Some(b'f') => Field::Bool(false),
            Some(b'n') => continue,
            Some(_) | None => {
                return Err(Failure::field(&name, "invalid_field", "must be text, a number, true or false"));
            }
        };
        fields.insert(name, field);
    }
    match fields.remove("method") {
        Some(Field::Text(name)) => match values::method(&name) {
            Ok(method) => Ok((method, fields)),
            Err(message) => Err(Failure::field("method", "method_unknown", message)),
        },
        Some(Field::Number(_) | Field::Bool(_)) => Err(Failure::field("method", "invalid_field", "must be text")),
        None => Err(Failure::field("method", "missing_field", "is required")),
    }
}

impl From<EncodeError> for Failure {
    fn from(error: EncodeError) -> Self {
        Self::field(&error.field, "invalid_field", error.message)
    }
}

fn run_lint(payload: Option<String>, context: &Context) -> Result<(), Failure> {
    let payload = match payload {
        Some(payload) => payload,
        None => read_payload()?,
    };
    let report = lint(&payload);
    context.output.result(&report_json(&report), &report_text(&report))?;
    if report.valid { Ok(()) } else { Err(Failure::printed("payload_invalid", "a strict reader refuses this payload")) }
}

fn report_json(report: &LintReport) -> Value {
    json!({
        "valid": report.valid,
        "rail": report.rail.map(|rail| rail.as_str()),
        "errors": report.errors.iter().map(finding_json).collect::<Vec<_>>(),
        "warnings": report.warnings.iter().map(finding_json).collect::<Vec<_>>(),
        "fields": fields_json(&report.fields),
    })
}

fn finding_json(finding: &Finding) -> Value {
    json!({ "tag": finding.tag, "code": finding.code, "message": finding.message })
}

/// Values by tag, templates as objects. Of a tag that stands twice, which is an error of its own, the first is shown.
fn fields_json(fields: &[LintField]) -> Value {
    let mut members = Map::new();
    for field in fields {
        let value = || match field.children.is_empty() {
            true => Value::from(field.value.as_str()),
            false => fields_json(&field.children),
        };
        members.entry(field.tag.clone()).or_insert_with(value);
    }
    members.into()
}

fn report_text(report: &LintReport) -> String {
    let mut text = String::new();
    add_fields(&mut text, &report.fields, 0);
    if !report.fields.is_empty() {
        text.push('\n');
    }
    for (kind, findings) in [("error", &report.errors), ("warning", &report.warnings)] {
        for finding in findings {
            let place = if finding.tag.is_empty() { String::new() } else { format!(" at {}", finding.tag) };
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{kind}{place}: {} ({})", finding.message, finding.code);
        }
    }
    let rail = report.rail.map_or("no known kind of payment code", |rail| rail.as_str());
    let verdict = if report.valid { "valid" } else { "invalid" };
    let _ = writeln!(text, "{verdict}: {rail}");
    text
}

fn add_fields(text: &mut String, fields: &[LintField], depth: usize) {
    for field in fields {
        let indent = "  ".repeat(depth);
        let meaning = field.meaning.as_ref().map(|meaning| format!("  = {meaning}")).unwrap_or_default();
        let value = if field.children.is_empty() { field.value.escape_debug().to_string() } else { String::new() };
        let line = format!("{indent}{:<4} {:<30} {value}{meaning}", field.tag, field.name);
        text.push_str(line.trim_end());
        text.push('\n');
        add_fields(text, &field.children, depth + 1);
    }
}

fn run_show(show: &Show, context: &Context) -> Result<(), Failure> {
    let no_picture = |error: xanpay_rails::QrError| Failure::field("payload", "qr_invalid", error.to_string());
    let mut written = Vec::new();
    if let Some(path) = &show.svg {
        values::write_file(path, qr_svg(&show.payload).map_err(no_picture)?.as_bytes())?;
        written.push(("svg", path.display().to_string()));
    }
    let code = xanpay_rails::qr_modules(&show.payload).map_err(no_picture)?;
    if let Some(path) = &show.png {
        values::write_file(path, &picture::png(&code)?)?;
        written.push(("png", path.display().to_string()));
    }
    let mut value = json!({ "payload": show.payload, "modules": code.size() });
    if let Value::Object(members) = &mut value {
        members.extend(written.iter().map(|(kind, path)| ((*kind).to_owned(), path.as_str().into())));
    }
    let text = match written.is_empty() {
        true => picture::blocks(&code, std::io::stdout().is_terminal()),
        false => pairs(&written),
    };
    context.output.result(&value, &text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_decimals_and_null_is_absent() {
        let (method, fields) =
            read_fields(r#"{"method":"paynow","amount":35.10,"editable":false,"name":null}"#).unwrap();
        assert_eq!(method, Method::Paynow);
        assert_eq!(fields.get("amount"), Some(&Field::Number("35.10".into())));
        assert_eq!(fields.get("editable"), Some(&Field::Bool(false)));
        assert_eq!(fields.len(), 2);
    }

    #[test]
    fn input_that_is_no_flat_object_with_a_method_is_refused() {
        for (input, code) in [
            ("[]", "invalid_body"),
            ("35", "invalid_body"),
            ("{\"method\":", "invalid_json"),
            ("{}", "missing_field"),
            (r#"{"method":true}"#, "invalid_field"),
            (r#"{"method":5}"#, "invalid_field"),
            (r#"{"method":null}"#, "missing_field"),
            (r#"{"method":"paynow","name":"A","name":"B"}"#, "invalid_json"),
            (r#"{"method":"paynow","method":"fps"}"#, "invalid_json"),
            (r#"{"method":"paynow","name":["A"]}"#, "invalid_field"),
            (r#"{"method":"paypal"}"#, "method_unknown"),
            (r#"{"method":"paynow","name":{}}"#, "invalid_field"),
        ] {
            assert_eq!(read_fields(input).unwrap_err().code, code, "{input}");
        }
    }

    #[test]
    fn the_help_names_every_key_of_every_method() {
        let help = keys_help();
        for (name, text) in Method::ALL.into_iter().flat_map(encode_keys) {
            assert!(help.contains(name) && help.contains(text), "{name}");
        }
    }
}
