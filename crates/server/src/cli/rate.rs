//! `xanpay rate`.

use super::Context;
use super::failure::Failure;
use super::output::table;
use super::values;
use crate::http::wire::time::iso;
use clap::{Args, Subcommand};
use serde_json::json;
use xanpay_domain::currency::Currency;
use xanpay_domain::exchange::{OPERATOR_RATE_LIFE, Rate as Value, RateEntry};
use xanpay_store::PairRate;

/// Who says so when the operator does.
pub(crate) const SOURCE: &str = "operator";

#[derive(Debug, Subcommand)]
pub(super) enum Rate {
    /// Set what one unit of a currency is worth in another
    Set(Set),
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
}

pub(super) fn run(command: Rate, context: &Context) -> Result<(), Failure> {
    match command {
        Rate::Set(set) => run_set(&set, context),
        Rate::List => run_list(context),
    }
}

fn run_set(set: &Set, context: &Context) -> Result<(), Failure> {
    let (base, quote) = (set.base, set.quote);
    if base == quote {
        return Err(Failure::field("quote", "rate_invalid", "must be another currency than the first"));
    }
    let rate = Value::parse(&set.rate).map_err(|error| Failure::field("rate", "rate_invalid", error.to_string()))?;
    context.with_app(|app| async move {
        let entry = RateEntry { rate, source: SOURCE.to_owned(), as_of: app.clock.real_now() };
        let row = PairRate { base, quote, entry };
        let save = app.store.write(move |tx| {
            let row = row.clone();
            async move { tx.save_rate(&row).await }
        });
        Ok(save.await?)
    })?;
    let days = OPERATOR_RATE_LIFE.as_millis() / (24 * 60 * 60 * 1000);
    let text = format!("1 {base} = {rate} {quote}, good for {days} days");
    context.output.result(&json!({ "rates": 1 }), &text)
}

fn run_list(context: &Context) -> Result<(), Failure> {
    let (rates, now) = context.with_app(|app| async move {
        let rates = app.store.reader().await?.list_rates().await?;
        Ok((rates, app.clock.real_now()))
    })?;
    let stale = |rate: &PairRate| now.since(rate.entry.as_of) > OPERATOR_RATE_LIFE;
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
