//! An operator sets exchange rates, one by one or from a file.

use super::refusal::{FlowError, Refusal};
use crate::app::App;
use xanpay_domain::exchange::{LockedRate, MOST_AHEAD, PairRate, RateAges, find_rate, inverted_against};
use xanpay_domain::time::Timestamp;
use xanpay_store::Tx;

/// What became of the rates.
#[derive(Debug, Clone)]
pub struct SavedRates {
    /// How many were stored.
    pub count: usize,
    /// Those that are far from what was known, each with what that was: a digit may be wrong.
    pub jumps: Vec<(PairRate, LockedRate)>,
}

/// Stores all rates or none; of the same source, a newer one that is known stays, unless a wrong clock dated it.
///
/// # Errors
/// A refusal when a rate looks upside down against one that is known, unless it is forced: the commonest mistake, and the
/// dearest.
pub async fn save_rates(app: &App, rates: Vec<PairRate>, force: bool) -> Result<SavedRates, FlowError> {
    let (ages, now) = (app.terms.rate_ages, app.clock.real_now());
    app.store.write_with(rates, move |tx, rates| async move { save(&tx, &rates, force, ages, now).await }).await
}

async fn save(
    tx: &Tx,
    rates: &[PairRate],
    force: bool,
    ages: RateAges,
    now: Timestamp,
) -> Result<SavedRates, FlowError> {
    let known = tx.list_rates().await?;
    let key = |rate: &PairRate| (rate.base, rate.quote, rate.entry.source.clone());
    let is_older = |rate: &PairRate| {
        known.iter().any(|old| key(old) == key(rate) && old.entry.as_of > rate.entry.as_of && !old.is_ahead(now))
    };
    let new: Vec<&PairRate> = rates.iter().filter(|rate| !is_older(rate)).collect();
    let mut jumps = Vec::new();
    for rate in &new {
        let PairRate { base, quote, entry } = rate;
        if let Some(other) = inverted_against(&known, *base, *quote, entry.rate).filter(|_| !force) {
            let message = format!(
                "1 {base} = {} {quote} looks upside down: so far 1 {base} was {} {quote} ({}); --force sets it all the same",
                entry.rate, other.rate, other.source
            );
            return Err(Refusal::field("rate", "rate_inverted", message).into());
        }
        let before = find_rate(&known, *base, *quote, ages, now).ok();
        jumps.extend(before.filter(|old| entry.rate.jumps_from(old.rate)).map(|old| ((*rate).clone(), old)));
    }
    let mut count = 0;
    for rate in &new {
        // Another import may have brought a newer one meanwhile.
        count += usize::from(tx.save_rate(rate, now.plus(MOST_AHEAD)).await?);
    }
    Ok(SavedRates { count, jumps })
}
