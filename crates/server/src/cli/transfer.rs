//! `xanpay transfer`.

use super::Context;
use super::failure::Failure;
use super::output::pairs;
use super::values;
use crate::flows::{NewTransfer, record_transfer};
use crate::wire::body::{MAX_NAME, MAX_REFERENCE, one_line};
use crate::wire::time::{Precision, parse_iso};
use crate::wire::transfer::recorded_json;
use clap::{Args, Subcommand};
use xanpay_domain::currency::Currency;
use xanpay_domain::method::Method;
use xanpay_domain::time::Timestamp;
use xanpay_domain::transfer::{Booked, ReportedTransfer};

#[derive(Debug, Subcommand)]
pub(super) enum Transfer {
    /// Record one incoming transfer and credit the charge that it pays
    Add(Add),
}

#[derive(Debug, Args)]
pub(super) struct Add {
    /// Payment method of the receiving account
    #[arg(long, value_parser = values::method_parser())]
    method: Method,
    /// The receiving account
    #[arg(long)]
    account: String,
    /// What came in, such as 26.24
    #[arg(long, allow_hyphen_values = true)]
    amount: String,
    /// Its currency
    #[arg(long, value_parser = values::currency)]
    currency: Currency,
    /// What the payer wrote
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    reference: String,
    /// The bank's own unique reference; the same one again is the same transfer
    #[arg(long, value_name = "REFERENCE", allow_hyphen_values = true)]
    bank_reference: Option<String>,
    /// When it was booked: a day or an instant, UTC without a zone [default: now]
    #[arg(long, value_name = "TIME")]
    booked_at: Option<String>,
    /// The payer's name
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    payer_name: Option<String>,
}

pub(super) fn run(command: Transfer, context: &Context) -> Result<(), Failure> {
    match command {
        Transfer::Add(add) => run_add(add, context),
    }
}

fn run_add(add: Add, context: &Context) -> Result<(), Failure> {
    let environment = context.environment;
    let amount = values::amount(&add.amount, add.currency)?;
    let reference = text("reference", one_line(&add.reference), MAX_REFERENCE)?;
    let bank_reference = add.bank_reference.map(|given| text("bank-reference", given, MAX_NAME)).transpose()?;
    let payer_name = add.payer_name.map(|given| text("payer-name", given, MAX_NAME)).transpose()?;
    let booked = add.booked_at.as_deref().map(booked).transpose()?;
    let recorded = context.with_existing_app(|app| async move {
        let new = NewTransfer {
            environment,
            method: Some(add.method),
            account: add.account,
            reported: ReportedTransfer {
                amount,
                booked: booked.unwrap_or(Booked::Unsaid(app.clock.now(environment))),
                texts: vec![reference],
                bank_reference: bank_reference.and_then(|given| xanpay_statements::reference(&given)),
                end_to_end_id: None,
                payer_name,
                payer_account: None,
                reversal: false,
            },
            source: "command",
            merchant: None,
        };
        Ok(record_transfer(&app, new, None, recorded_json).await?)
    })?;
    let (recorded, answer) = recorded;
    let value = serde_json::from_str(&answer).map_err(|error| Failure::new("internal_error", error.to_string()))?;
    let transfer = &recorded.transfer;
    let charge = transfer.charge_id.map_or_else(|| "none".to_owned(), |id| id.to_text());
    let mut text = pairs(&[
        ("transfer", transfer.id.to_text()),
        ("outcome", format!("{} ({})", transfer.outcome.as_str(), transfer.reason.as_str())),
        ("charge", charge),
    ]);
    if recorded.duplicate {
        text.push_str("\nIt was known already; nothing has changed.\n");
    }
    context.output.result(&value, &text)
}

/// A text within the API's limits.
fn text(field: &'static str, given: String, max: usize) -> Result<String, Failure> {
    if given.chars().count() > max {
        return Err(Failure::field(field, "field_too_long", format!("must be at most {max} characters")));
    }
    if given.chars().any(char::is_control) {
        return Err(Failure::field(field, "invalid_field", "must not contain control characters"));
    }
    Ok(given)
}

fn booked(text: &str) -> Result<Booked, Failure> {
    let read: Option<(Timestamp, Precision)> = parse_iso(text);
    match read {
        Some((instant, Precision::Instant)) => Ok(Booked::At(instant)),
        Some((day, Precision::Day)) => Ok(Booked::On(day)),
        None => {
            let message = "must be a date or time such as 2026-03-07 or 2026-03-07T09:42:10+08:00";
            Err(Failure::field("booked-at", "invalid_field", message))
        }
    }
}
