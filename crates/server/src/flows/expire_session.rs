//! The clock ends a session: whoever sees it first writes it down.
//!
//! What was said of a session stays so, whatever the clock does afterwards: `expired` is answered only when it is stored.
//! One that nobody asks for is never written; it is judged by the clock when somebody does.

use super::refusal::{FlowError, Refusal};
use crate::app::App;
use xanpay_domain::id::SessionId;
use xanpay_domain::session::Session;
use xanpay_domain::time::Timestamp;

/// Makes of a session what is to be shown at `now`. Costs nothing but a look while its time has not run out.
///
/// # Errors
/// [`FlowError`] when storage fails: nobody is told what might not stay so.
pub async fn judge_session(app: &App, session: &mut Session, now: Timestamp) -> Result<(), FlowError> {
    if session.state_at(now) != session.state {
        // Boxed, so that nobody who asks for a session that lives carries it along.
        let stored = Box::pin(store_expiry(app, session.id, now)).await?;
        *session = stored.ok_or_else(Refusal::not_found)?;
    }
    Ok(())
}

async fn store_expiry(app: &App, id: SessionId, now: Timestamp) -> Result<Option<Session>, FlowError> {
    app.store
        .write(move |tx| async move {
            let Some((session, version)) = tx.lock_session(id).await? else { return Ok(None) };
            let (state, updated_at) = (session.state_at(now), session.updated_at(now));
            if state != session.state {
                tx.save_session(id, state, updated_at, version).await?;
            }
            Ok(Some(Session { state, updated_at, ..session }))
        })
        .await
}
