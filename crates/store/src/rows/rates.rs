//! Exchange rates.

use crate::engine::Tx;
use crate::error::StoreError;
use crate::value::Row;
use xanpay_domain::exchange::{Rate, RateEntry};
use xanpay_domain::time::Timestamp;

pub use xanpay_domain::exchange::PairRate;

statements! {
    SAVE_RATE("rates") = "INSERT INTO rates (base, quote, source, rate, as_of) VALUES ($1, $2, $3, $4, $5) \
        ON CONFLICT (base, quote, source) DO UPDATE SET rate = excluded.rate, as_of = excluded.as_of \
        WHERE rates.as_of <= excluded.as_of OR rates.as_of > $6";
    LIST_RATES("rates") = "SELECT base, quote, source, rate, as_of FROM rates ORDER BY base, quote, source";
}

fn read_rate(mut row: Row) -> Result<PairRate, StoreError> {
    Ok(PairRate {
        base: row.parse("base", str::parse)?,
        quote: row.parse("quote", str::parse)?,
        entry: RateEntry {
            source: row.text("source")?,
            rate: row.parse("rate", Rate::parse)?,
            as_of: row.time("as_of")?,
        },
    })
}

impl Tx {
    /// Sets the rate of a pair from one source, unless a newer one is known that is dated up to `believed_until`; tells
    /// whether it was set.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn save_rate(&self, rate: &PairRate, believed_until: Timestamp) -> Result<bool, StoreError> {
        let row = [
            rate.base.code().into(),
            rate.quote.code().into(),
            (&rate.entry.source).into(),
            rate.entry.rate.to_string().into(),
            rate.entry.as_of.into(),
            believed_until.into(),
        ];
        Ok(self.execute(SAVE_RATE, &row).await? == 1)
    }

    /// Every rate: there are at most a few hundred pairs.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_rates(&self) -> Result<Vec<PairRate>, StoreError> {
        self.query(LIST_RATES, &[]).await?.into_iter().map(read_rate).collect()
    }
}
