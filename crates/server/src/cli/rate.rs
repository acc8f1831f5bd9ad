//! `xanpay rate`.

use super::Context;
use super::failure::Failure;
use super::output::{note, table};
use super::values;
use crate::app::App;
use crate::config::{Config, span_text};
use crate::flows::save_rates;
use crate::wire::time::iso;
use clap::{Args, Subcommand};
use serde_json::json;
use std::path::PathBuf;
use xanpay_domain::currency::Currency;
use xanpay_domain::exchange::{OPERATOR, PairRate, Rate as Value, RateEntry};
use xanpay_statements::read_rates;

#[derive(Debug, Subcommand)]
pub(super) enum Rate {
    /// Set what one unit of a currency is worth in another
    Set(Set),
    /// Read rates from a file: the ECB's euro reference rates (XML or CSV, one day or the history), or base,quote,rate
    Import(Import),
    /// Every rate, and whether it is fresh enough to be used
    List,
}

#[derive(Debug, Args)]
pub(super) struct Set {
    /// The merchant's currency, such as HKD
    #[arg(value_parser = values::currency)]
    base: Currency,
    /// The customer's currency, such as SGD
    #[arg(value_parser = values::currency)]
    quote: Currency,
    /// How much of the second one unit of the first is worth, such as 0.174933
    #[arg(allow_hyphen_values = true)]
    rate: String,
    /// Set it even if it looks upside down against a rate that is known
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Args)]
pub(super) struct Import {
    /// The file
    file: PathBuf,
    /// Import it even if a rate looks upside down against one that is known
    #[arg(long)]
    force: bool,
}

pub(super) fn run(command: Rate, context: &Context) -> Result<(), Failure> {
    match command {
        Rate::Set(set) => run_set(&set, context),
        Rate::Import(import) => run_import(&import, context),
        Rate::List => run_list(context),
    }
}

fn run_set(set: &Set, context: &Context) -> Result<(), Failure> {
    let (base, quote) = (set.base, set.quote);
    if base == quote {
        return Err(Failure::field("quote", "rate_invalid", "must be another currency than the first"));
    }
    let rate = Value::parse(&set.rate).map_err(|error| Failure::field("rate", "rate_invalid", error.to_string()))?;
    let force = set.force;
    let count = context.with_app(|app| async move {
        let entry = RateEntry { rate, source: OPERATOR.to_owned(), as_of: app.clock.real_now() };
        save(&app, vec![PairRate { base, quote, entry }], force).await
    })?;
    if count == 0 {
        return Err(Failure::field(
            "rate",
            "rate_invalid",
            "is older than the one that is known; is this machine's clock behind, or was it ahead? (xanpay rate list)",
        ));
    }
    let text = format!("1 {base} = {rate} {quote}, good for {}", life(&context.config, OPERATOR));
    context.output.result(&json!({ "rates": 1 }), &text)
}

fn run_import(import: &Import, context: &Context) -> Result<(), Failure> {
    let bytes = values::read_file(&import.file)?;
    let force = import.force;
    let (file, count, now) = context.with_app(|app| async move {
        let file = read_rates(&bytes, app.clock.real_now())
            .map_err(|error| values::about_file(&import.file, Failure::new(error.code, error.message)))?;
        let count = save(&app, file.rates.clone(), force).await?;
        Ok((file, count, app.clock.real_now()))
    })?;
    let format = file.format;
    let ages = context.config.terms.rate_ages;
    if file.rates.iter().all(|rate| rate.is_stale(ages, now)) {
        note("warning: every rate of this file is too old to be used; fetch a newer one");
    }
    let newest = file.rates.iter().map(|rate| rate.entry.as_of).max();
    let as_of = newest.map(iso).unwrap_or_default();
    let text =
        format!("{count} rates of {as_of} ({}), good for {}", format.as_str(), life(&context.config, format.source()));
    context.output.result(&json!({ "rates": count, "format": format.as_str(), "asOf": as_of }), &text)
}

/// Saves rates and warns of those that are far from what was known; returns how many were stored.
async fn save(app: &App, rates: Vec<PairRate>, force: bool) -> Result<usize, Failure> {
    let saved = save_rates(app, rates, force).await?;
    for (PairRate { base, quote, entry }, before) in &saved.jumps {
        note(&format!(
            "warning: 1 {base} = {} {quote} is far from the {} of before ({}); check it",
            entry.rate, before.rate, before.source
        ));
    }
    Ok(saved.count)
}

/// How long rates of a source may be used.
fn life(config: &Config, source: &str) -> String {
    config.terms.rate_ages.of(source).map(span_text).unwrap_or_default()
}

fn run_list(context: &Context) -> Result<(), Failure> {
    let (rates, now) = context.with_existing_app(|app| async move {
        let rates = app.store.reader().list_rates().await?;
        Ok((rates, app.clock.real_now()))
    })?;
    let ages = context.config.terms.rate_ages;
    let stale = |rate: &PairRate| rate.is_stale(ages, now);
    let rows: Vec<_> = rates
        .iter()
        .map(|rate| {
            vec![
                rate.base.to_string(),
                rate.quote.to_string(),
                rate.entry.rate.to_string(),
                rate.entry.source.clone(),
                iso(rate.entry.as_of),
                if rate.is_ahead(now) {
                    "dated ahead, not used"
                } else if stale(rate) {
                    "too old to be used"
                } else {
                    "in use"
                }
                .to_owned(),
            ]
        })
        .collect();
    let text = match rows.is_empty() {
        true => "there is no exchange rate; see xanpay rate set --help".to_owned(),
        false => table(&["1", "IS", "RATE", "SOURCE", "AS OF", "STATE"], &rows),
    };
    let view = |rate: &PairRate| {
        json!({
            "base": rate.base.code(),
            "quote": rate.quote.code(),
            "rate": rate.entry.rate.to_string(),
            "source": rate.entry.source,
            "asOf": iso(rate.entry.as_of),
            "stale": stale(rate),
        })
    };
    let list: Vec<_> = rates.iter().map(view).collect();
    context.output.result(&json!({ "rates": list }), &text)
}
