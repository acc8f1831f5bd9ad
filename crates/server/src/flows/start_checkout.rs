//! The customer has chosen a method: the session gets its one charge.

use super::create_charge::{Draft, NewCharge};
use super::placement::{Placed, accounts_full, place};
use super::quote::{Offer, offer};
use super::refusal::{FlowError, Kind, Refusal};
use super::verify_phone::{self, Owner};
use crate::app::App;
use xanpay_domain::charge::Charge;
use xanpay_domain::contact::{Email, Phone};
use xanpay_domain::method::Method;
use xanpay_domain::session::{Session, SessionCommand, SessionRefusal};
use xanpay_store::{Merchant, StoreError, Tx};

/// What the customer has entered on the checkout page.
// Not Debug: a secret must not reach a log by way of `{:?}`.
#[derive(Clone)]
pub struct Start {
    /// The chosen method.
    pub method: Method,
    /// E-mail address.
    pub email: Option<Email>,
    /// Phone number; not verified unless the merchant's switch asks for it.
    pub phone: Option<Phone>,
    /// The one-time password that was sent to the phone, where the merchant's switch asks for it.
    pub otp: Option<String>,
}

/// How the customer's try ended.
#[derive(Debug, Clone)]
pub enum Started {
    /// The session has its charge, now or since an earlier try.
    Charged(Box<Charge>),
    /// The password is wrong or too old: the phone is not proved, and the guess is counted.
    Unproved,
}

/// What proves the phone of a charge: all of it is drawn before the transaction begins.
struct Proof {
    phone: Phone,
    otp: String,
    code: String,
}

/// What a session would cost by a method.
///
/// # Errors
/// A refusal when the session does not offer the method or it cannot be paid at present.
pub async fn check_method(
    app: &App,
    merchant: &Merchant,
    session: &Session,
    method: Method,
) -> Result<Offer, FlowError> {
    // The merchant may have switched it off since the session was made.
    if !session.methods.contains(&method) || !merchant.methods.contains(&method) {
        return Err(Refusal::field("method", "method_not_enabled", "is not offered by this session").into());
    }
    offer(app, merchant, method, session.amount).await?.map_err(|no| no.into_refusal(method, "method", "method").into())
}

/// Makes the session's charge, or returns the one that it has: a second attempt gets the same charge. Where the
/// merchant's customers prove their phones, the password is tried in the same transaction.
///
/// # Errors
/// A refusal when the session is over, the method is not payable, or a proof that is asked for is missing.
pub async fn start_checkout(
    app: &App,
    merchant: &Merchant,
    session: &Session,
    start: Start,
) -> Result<Started, FlowError> {
    let proof = match merchant.phone_verification {
        true => Some(proof_of(&start)?),
        false => None,
    };
    let offer = check_method(app, merchant, session, start.method).await?;
    let new = NewCharge {
        merchant_amount: session.amount,
        method: start.method,
        email: start.email,
        verification_code: None,
        orders: session.orders.clone(),
        notify_url: session.notify_url.clone(),
        notify_payload: session.notify_payload.clone(),
    };
    let started = app
        .store
        .write_with(
            (Draft::new(app, merchant, Some(session.id), new, offer), start.phone, proof),
            |tx, job| async move {
                let (draft, phone, proof) = &*job;
                charge_session(&tx, draft, phone.as_ref(), proof.as_ref()).await
            },
        )
        .await?;
    app.session_changes.tell(session.id);
    Ok(started)
}

fn proof_of(start: &Start) -> Result<Proof, Refusal> {
    let missing =
        |field| Refusal::field(field, "missing_field", "is required, as this merchant's customers prove their phones");
    let phone = start.phone.clone().ok_or_else(|| missing("phone"))?;
    let otp = start.otp.clone().ok_or_else(|| missing("code"))?;
    Ok(Proof { phone, otp, code: verify_phone::new_code() })
}

async fn charge_session(
    tx: &Tx,
    draft: &Draft,
    phone: Option<&Phone>,
    proof: Option<&Proof>,
) -> Result<Started, FlowError> {
    let session_id = draft.session_id.ok_or_else(Refusal::not_found)?;
    let Some((session, version)) = tx.lock_session(session_id).await? else { return Err(Refusal::not_found().into()) };
    let state = match session.state.decide(SessionCommand::Charge(draft.charge_id), draft.now) {
        Ok(state) => state,
        Err(SessionRefusal::Charged(charge_id)) => {
            let charge = tx.find_charge(charge_id).await?.ok_or(StoreError::Conflict)?;
            return Ok(Started::Charged(Box::new(charge)));
        }
        Err(SessionRefusal::Cancelled) => return Err(session_cancelled().into()),
        Err(SessionRefusal::Expired) => return Err(session_expired().into()),
    };
    let proved = match proof {
        Some(proof) => {
            let owner = Owner { merchant_id: draft.merchant_id, environment: draft.environment };
            let right = verify_phone::guess(tx, owner, &proof.phone, &proof.otp, &proof.code, draft.now).await?;
            let Some(verification) = right else { return Ok(Started::Unproved) };
            Some((&proof.phone, verification))
        }
        None => None,
    };
    let customer_id = draft.customer(tx, proved.map(|(phone, _)| phone)).await?;
    let asking = |amount, destination| draft.charge(customer_id, phone, amount, destination);
    let charge = match place(tx, &draft.offer, draft.now, &draft.nonces, None, asking).await? {
        Placed::Stored(charge) => charge,
        Placed::Taken => return Err(StoreError::Conflict.into()),
        Placed::Full => return Err(accounts_full(draft.offer.method).into()),
    };
    if let Some((_, verification)) = proved {
        tx.save_verification_used(verification, charge.id).await?;
    }
    tx.save_session(session_id, state, draft.now, version).await?;
    Ok(Started::Charged(charge))
}

/// The refusal of a session that was cancelled.
#[must_use]
pub fn session_cancelled() -> Refusal {
    Refusal::new(Kind::Conflict, "session_cancelled", SessionRefusal::Cancelled.to_string())
}

/// The refusal of a session whose time is over.
#[must_use]
pub fn session_expired() -> Refusal {
    Refusal::new(Kind::Conflict, "session_expired", SessionRefusal::Expired.to_string())
}
