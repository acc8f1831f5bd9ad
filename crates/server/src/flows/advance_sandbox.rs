//! The sandbox's time is moved ahead, so that a merchant can watch sessions and charges expire.

use super::refusal::{FlowError, Refusal};
use crate::app::App;
use xanpay_domain::time::Span;

/// The name under which the database keeps how far the sandbox is ahead.
const SETTING: &str = "sandbox_ahead_ms";
/// Ten years: further ahead, nothing new can be observed.
const MAX_AHEAD: Span = Span::days(3650);

/// Moves the sandbox's time ahead; returns how far it is ahead now. It cannot be moved back.
///
/// # Errors
/// A refusal when the span is negative or leads too far.
pub async fn advance_sandbox(app: &App, by: Span) -> Result<Span, FlowError> {
    let out_of_range = || Refusal::field("advanceMs", "invalid_field", "must lead at most ten years ahead in all");
    if by < Span::millis(0) {
        return Err(out_of_range().into());
    }
    let ahead = app
        .store
        .write(move |tx| async move {
            let ahead = tx.raise_setting(SETTING, by.as_millis(), MAX_AHEAD.as_millis()).await?;
            Ok::<_, FlowError>(Span::millis(ahead.ok_or_else(out_of_range)?))
        })
        .await?;
    app.clock.follow_sandbox(ahead);
    Ok(ahead)
}

/// Takes over the sandbox's time from the database, where another node may have moved it.
///
/// # Errors
/// [`FlowError`] when storage fails.
pub async fn refresh_sandbox_clock(app: &App) -> Result<(), FlowError> {
    let stored = app.store.reader().find_setting(SETTING).await?;
    let ahead = stored.and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
    app.clock.follow_sandbox(Span::millis(ahead));
    Ok(())
}
