//! The customer has chosen a method: the session gets its one charge.

use super::create_charge::{Draft, NewCharge};
use super::placement::{Placed, place};
use super::quote::offer;
use super::refusal::{FlowError, Kind, Refusal};
use crate::app::App;
use std::sync::Arc;
use xanpay_domain::charge::Charge;
use xanpay_domain::contact::{Email, Phone};
use xanpay_domain::method::Method;
use xanpay_domain::session::{Session, SessionCommand, SessionRefusal};
use xanpay_store::{Merchant, StoreError, Tx};

/// What the customer has entered on the checkout page.
#[derive(Debug, Clone)]
pub struct Start {
    /// The chosen method.
    pub method: Method,
    /// E-mail address.
    pub email: Option<Email>,
    /// Phone number, not verified.
    pub phone: Option<Phone>,
}

/// Makes the session's charge, or returns the one that it has: a second attempt gets the same charge.
///
/// # Errors
/// A refusal when the session is over or the method is not payable.
pub async fn start_checkout(
    app: &App,
    merchant: &Merchant,
    session: &Session,
    start: Start,
) -> Result<Charge, FlowError> {
    if !session.methods.contains(&start.method) {
        return Err(Refusal::field("method", "method_not_enabled", "is not offered by this session").into());
    }
    let offer = match offer(app, merchant, start.method, session.amount).await? {
        Ok(offer) => offer,
        Err(refused) => return Err(refused.into_refusal(start.method, "method").into()),
    };
    let new = NewCharge {
        merchant_amount: session.amount,
        method: start.method,
        email: start.email,
        verification_code: None,
        orders: session.orders.clone(),
        notify_url: session.notify_url.clone(),
        notify_payload: session.notify_payload.clone(),
    };
    let job = Arc::new((Draft::new(app, merchant, Some(session.id), new, offer), start.phone));
    let charge = app
        .store
        .write(move |tx| {
            let job = Arc::clone(&job);
            async move {
                let (draft, phone) = &*job;
                charge_session(&tx, draft, phone.as_ref()).await
            }
        })
        .await?;
    // Nobody listening is no trouble.
    let _ = app.session_changes.send(session.id);
    Ok(charge)
}

async fn charge_session(tx: &Tx, draft: &Draft, phone: Option<&Phone>) -> Result<Charge, FlowError> {
    let session_id = draft.session_id.ok_or_else(Refusal::not_found)?;
    let Some((session, version)) = tx.lock_session(session_id).await? else { return Err(Refusal::not_found().into()) };
    let state = match session.state.decide(SessionCommand::Charge(draft.charge_id), draft.now) {
        Ok(state) => state,
        Err(SessionRefusal::Charged(charge_id)) => {
            return tx.find_charge(charge_id).await?.ok_or_else(|| StoreError::Conflict.into());
        }
        Err(over @ (SessionRefusal::Cancelled | SessionRefusal::Expired)) => return Err(session_over(over).into()),
    };
    let customer_id = draft.customer(tx, None).await?;
    let mut charge = draft.charge(customer_id, phone.cloned());
    match place(tx, &mut charge, &draft.offer, None, &draft.nonces).await? {
        Placed::Stored => {}
        Placed::Taken => return Err(StoreError::Conflict.into()),
    }
    tx.save_session(session_id, state, draft.now, version).await?;
    Ok(charge)
}

/// The refusal of a session that is over.
pub(super) fn session_over(refusal: SessionRefusal) -> Refusal {
    let code = match refusal {
        SessionRefusal::Charged(_) => "session_charged",
        SessionRefusal::Cancelled => "session_cancelled",
        SessionRefusal::Expired => "session_expired",
    };
    Refusal::new(Kind::Conflict, code, refusal.to_string())
}
