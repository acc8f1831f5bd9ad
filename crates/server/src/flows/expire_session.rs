//! The clock ends a session: whoever sees it first writes it down.
//!
//! What was said of a session stays so, whatever the clock does afterwards: `expired` is answered only when it is stored.
//! One that nobody asks for is never written; it is judged by the clock when somebody does.

use super::refusal::FlowError;
use crate::app::App;
use xanpay_domain::session::Session;
use xanpay_domain::time::Timestamp;

/// A session as it is to be shown at `now`. Costs nothing but a look while its time has not run out.
///
/// # Errors
/// [`FlowError`] when storage fails: nobody is told what might not stay so.
pub async fn judge_session(app: &App, session: Session, now: Timestamp) -> Result<Session, FlowError> {
    if session.state.at(now) == session.state {
        return Ok(session);
    }
    let id = session.id;
    let stored = app
        .store
        .write(move |tx| async move {
            let Some((session, version)) = tx.lock_session(id).await? else { return Ok(None) };
            let (state, since) = (session.state_at(now), session.updated_at(now));
            if state != session.state {
                tx.save_session(id, state, since, version).await?;
            }
            Ok::<_, FlowError>(Some(Session { state, updated_at: since, ..session }))
        })
        .await?;
    Ok(stored.unwrap_or(session))
}
