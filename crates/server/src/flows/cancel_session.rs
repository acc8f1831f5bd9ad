//! The customer gives up: the session is cancelled, or its pending charge is.

use super::cancel_charge::{CancelAuthority, cancel_charge};
use super::refusal::FlowError;
use crate::app::App;
use xanpay_domain::session::{Session, SessionCommand, SessionRefusal};

/// Cancels a session that has no charge yet, or the charge that it has. Tells whether anything was cancelled: money
/// that came first wins.
///
/// # Errors
/// [`FlowError`] when storage fails.
pub async fn cancel_session(app: &App, session: &Session) -> Result<bool, FlowError> {
    let (now, id) = (app.clock.now(session.environment), session.id);
    let decided = app
        .store
        .write(move |tx| async move {
            let Some((session, version)) = tx.lock_session(id).await? else { return Ok(Err(SessionRefusal::Expired)) };
            match session.state.decide(SessionCommand::Cancel, now) {
                Ok(state) => {
                    tx.save_session(id, state, now, version).await?;
                    Ok::<_, FlowError>(Ok(()))
                }
                Err(refusal) => Ok(Err(refusal)),
            }
        })
        .await?;
    let cancelled = match decided {
        Ok(()) => true,
        Err(SessionRefusal::Charged(charge_id)) => cancel_charge(app, charge_id, CancelAuthority::Checkout).await?,
        Err(SessionRefusal::Cancelled | SessionRefusal::Expired) => false,
    };
    app.session_changes.tell(id);
    Ok(cancelled)
}
