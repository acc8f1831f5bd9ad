//! `xanpay rate`.

use super::Context;
use super::failure::Failure;
use super::output::{note, table};
use super::values;
use crate::app::App;
use crate::config::{Config, span_text};
use crate::http::wire::time::iso;
use clap::{Args, Subcommand};
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;
use xanpay_domain::currency::Currency;
use xanpay_domain::exchange::{OPERATOR, PairRate, Rate as Value, RateEntry, find_rate, inverted_against};
use xanpay_statements::read_rates;
use xanpay_store::StoreError;

/// Who says so when the operator does.
pub(crate) const SOURCE: &str = OPERATOR;

#[derive(Debug, Subcommand)]
pub(super) enum Rate {
    /// Set what one unit of a currency is worth in another
    Set(Set),
    /// Read rates from a file: the ECB's euro reference rates (XML or CSV, one day or the history), or base,quote,rate
    Import(Import),
    /// Every rate
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
    context.with_app(|app| async move {
        let entry = RateEntry { rate, source: SOURCE.to_owned(), as_of: app.clock.real_now() };
        save(&app, vec![PairRate { base, quote, entry }], force).await
    })?;
    let text = format!("1 {base} = {rate} {quote}, good for {}", life(&context.config, SOURCE));
    context.output.result(&json!({ "rates": 1 }), &text)
}

fn run_import(import: &Import, context: &Context) -> Result<(), Failure> {
    let bytes = values::read_file(&import.file)?;
    let force = import.force;
    let (file, count, now) = context.with_app(|app| async move {
        let file = read_rates(&bytes, app.clock.real_now())
            .map_err(|error| Failure::field("", error.code, error.message.into_owned()))?;
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

/// Stores all rates or none; of the same source, a newer one that is known stays. Returns how many were stored. A rate
/// of the opposite direction is the commonest mistake, and the dearest.
async fn save(app: &App, mut rates: Vec<PairRate>, force: bool) -> Result<usize, Failure> {
    let known = app.store.reader().await?.list_rates().await?;
    let key = |rate: &PairRate| (rate.base, rate.quote, rate.entry.source.clone());
    rates.retain(|rate| !known.iter().any(|old| key(old) == key(rate) && old.entry.as_of > rate.entry.as_of));
    for PairRate { base, quote, entry } in rates.iter().filter(|_| !force) {
        if let Some(other) = inverted_against(&known, *base, *quote, entry.rate) {
            let message = format!(
                "1 {base} = {} {quote} looks upside down: so far 1 {base} was {} {quote} ({}); --force sets it all the same",
                entry.rate, other.rate, other.source
            );
            return Err(Failure::field("rate", "rate_inverted", message));
        }
    }
    let (ages, now) = (app.terms.rate_ages, app.clock.real_now());
    for PairRate { base, quote, entry } in &rates {
        if let Some(other) =
            find_rate(&known, *base, *quote, ages, now).ok().filter(|old| entry.rate.jumps_from(old.rate))
        {
            note(&format!(
                "warning: 1 {base} = {} {quote} is far from the {} of before ({}); check it",
                entry.rate, other.rate, other.source
            ));
        }
    }
    let count = rates.len();
    let rates = Arc::new(rates);
    let saved = app.store.write(move |tx| {
        let rates = Arc::clone(&rates);
        async move {
            for rate in rates.iter() {
                tx.save_rate(rate).await?;
            }
            Ok::<_, StoreError>(())
        }
    });
    saved.await?;
    Ok(count)
}

/// How long rates of a source may be used.
fn life(config: &Config, source: &str) -> String {
    config.terms.rate_ages.of(source).map(span_text).unwrap_or_default()
}

fn run_list(context: &Context) -> Result<(), Failure> {
    let (rates, now) = context.with_app(|app| async move {
        let rates = app.store.reader().await?.list_rates().await?;
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
                if stale(rate) { "too old to be used" } else { "in use" }.to_owned(),
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
