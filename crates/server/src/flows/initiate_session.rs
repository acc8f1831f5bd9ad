//! The customer acts on the checkout page for the first time.

use super::refusal::FlowError;
use crate::app::App;
use xanpay_domain::id::SessionId;
use xanpay_domain::session::{Session, SessionCommand};

/// Begins a session's hour, if it has not begun. A session that is over stays over.
///
/// # Errors
/// [`FlowError`] when storage fails.
pub async fn initiate_session(app: &App, session: &Session) -> Result<(), FlowError> {
    let now = app.clock.now(session.environment);
    let id: SessionId = session.id;
    app.store
        .write(move |tx| async move {
            let Some((session, version)) = tx.lock_session(id).await? else { return Ok(()) };
            match session.state.decide(SessionCommand::Initiate, now) {
                Ok(state) if state != session.state => tx.save_session(id, state, now, version).await?,
                Ok(_) | Err(_) => {}
            }
            Ok::<_, FlowError>(())
        })
        .await
}
