//! A merchant creates a charge on a customer's behalf.

use super::cancel_charge::cancel_token;
use super::events::{EventSeed, push_status_event};
use super::idempotent::{self, Idempotency};
use super::placement::{NonceSeeds, Placed, accounts_full, draw_seeds, place};
use super::quote::{NoOffer, Offer, offer};
use super::refusal::{Fault, FlowError, Refusal};
use super::verify_phone::{self, UsableCode};
use crate::app::App;
use crate::entropy;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use xanpay_domain::charge::{Charge, ChargeCommand, ChargeState, ChargeStatus, Destination};
use xanpay_domain::contact::{Email, Phone};
use xanpay_domain::environment::Environment;
use xanpay_domain::id::{ChargeId, CustomerId, MerchantId, SessionId};
use xanpay_domain::method::Method;
use xanpay_domain::money::Money;
use xanpay_domain::secret::Secret;
use xanpay_domain::time::Timestamp;
use xanpay_store::{Fingerprint, Merchant, StoreError, Tx};

/// What a merchant asks for, read and checked for form.
// Not Debug: a secret must not reach a log by way of `{:?}`.
#[derive(Clone)]
pub struct NewCharge {
    /// What the merchant wants to receive.
    pub merchant_amount: Money,
    /// How the customer pays.
    pub method: Method,
    /// The customer's e-mail address.
    pub email: Option<Email>,
    /// The proof of the customer's phone, where the merchant's settings ask for one.
    pub verification_code: Option<String>,
    /// Order lines as JSON text.
    pub orders: Option<String>,
    /// Where to call when the charge completes.
    pub notify_url: Option<String>,
    /// The merchant's own text.
    pub notify_payload: Option<String>,
}

/// A charge, new or found again.
#[derive(Debug, Clone)]
pub struct CreatedCharge {
    /// The charge.
    pub charge: Charge,
    /// Whether an equal request made it before.
    pub is_duplicate: bool,
    /// Lets its bearer cancel the charge.
    pub cancel_token: Secret<String>,
}

/// Everything of a charge that is decided before its transaction begins.
// Not Debug: a secret must not reach a log by way of `{:?}`.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) merchant_id: MerchantId,
    pub(super) environment: Environment,
    pub(super) session_id: Option<SessionId>,
    pub(super) new: NewCharge,
    pub(super) offer: Offer,
    pub(super) now: Timestamp,
    pub(super) real_now: Timestamp,
    pub(super) charge_id: ChargeId,
    customer_id: CustomerId,
    pub(super) nonces: NonceSeeds,
}

impl Draft {
    pub(super) fn new(
        app: &App,
        merchant: &Merchant,
        session_id: Option<SessionId>,
        new: NewCharge,
        offer: Offer,
    ) -> Self {
        let now = app.clock.now(merchant.environment);
        if let Some(account) = offer.accounts.first() {
            account.expect_charge();
        }
        Self {
            merchant_id: merchant.id,
            environment: merchant.environment,
            session_id,
            new,
            offer,
            now,
            real_now: app.clock.real_now(),
            charge_id: ChargeId::new(now, entropy::bytes()),
            customer_id: CustomerId::new(now, entropy::bytes()),
            nonces: draw_seeds(),
        }
    }

    /// The customer: found again by verified phone, else by e-mail address.
    pub(super) async fn customer(&self, tx: &Tx, verified: Option<&Phone>) -> Result<CustomerId, StoreError> {
        let identity = match (verified, &self.new.email) {
            (Some(phone), _) => format!("phone:{}", phone.joined()),
            (None, Some(email)) => format!("email:{}", email.as_str().to_lowercase()),
            (None, None) => format!("charge:{}", self.charge_id),
        };
        tx.find_or_insert_customer(self.merchant_id, self.environment, &identity, self.customer_id, self.now).await
    }

    /// The pending charge of a customer that asks this amount at this destination.
    pub(super) fn charge(
        &self,
        customer_id: CustomerId,
        phone: Option<&Phone>,
        customer_amount: Money,
        destination: Destination,
    ) -> Charge {
        Charge {
            id: self.charge_id,
            merchant_id: self.merchant_id,
            environment: self.environment,
            session_id: self.session_id,
            customer_id,
            email: self.new.email.clone(),
            phone: phone.cloned(),
            merchant_amount: self.new.merchant_amount,
            customer_amount,
            rate: self.offer.rate.clone(),
            method: self.offer.method,
            destination,
            orders: self.new.orders.clone(),
            notify_url: self.new.notify_url.clone(),
            notify_payload: self.new.notify_payload.clone(),
            created_at: self.now,
            updated_at: self.now,
            expires_at: self.now.plus(self.offer.terms.time_to_live),
            received: Money::zero(customer_amount.currency()),
            state: ChargeState::Pending,
        }
    }

    /// What makes two requests equal. Orders, hash and the verification code itself do not count.
    fn fingerprint(&self, customer_id: CustomerId) -> Fingerprint {
        let mut hash = Sha256::new();
        let amount = self.new.merchant_amount;
        let part = |text: Option<&str>| text.map_or_else(|| "-".to_owned(), |text| format!("{}:{text}", text.len()));
        for text in [
            self.merchant_id.to_text(),
            self.environment.as_str().to_owned(),
            customer_id.to_text(),
            part(self.new.email.as_ref().map(Email::as_str)),
            amount.minor().to_string(),
            amount.currency().code().to_owned(),
            self.new.method.as_str().to_owned(),
            part(self.new.notify_url.as_deref()),
            part(self.new.notify_payload.as_deref()),
        ] {
            hash.update(text.as_bytes());
            hash.update([0x1f]);
        }
        let digest: [u8; 32] = hash.finalize().into();
        let mut fingerprint = [0; 16];
        fingerprint.copy_from_slice(&digest[..16]);
        fingerprint
    }
}

/// Creates a charge, or finds the pending one that an equal request made, and returns its rendered answer.
///
/// # Errors
/// A refusal when the method cannot be used, no fresh rate is known, or the phone is not proved.
pub async fn create_charge(
    app: &App,
    merchant: &Merchant,
    new: NewCharge,
    idempotency: Option<Idempotency>,
    render: fn(&CreatedCharge) -> String,
) -> Result<String, FlowError> {
    let unmet = unmet_requirements(merchant, Some(new.method), new.verification_code.is_some());
    if !unmet.is_empty() {
        return Err(Refusal::invalid(unmet).into());
    }
    let offer = match offer(app, merchant, new.method, new.merchant_amount).await? {
        Ok(offer) => offer,
        Err(refused) => return Err(no_offer(refused, new.method).into()),
    };
    let draft = Draft::new(app, merchant, None, new, offer);
    let master_key = Arc::clone(app.master_key());
    let job = (draft, idempotency, merchant.phone_verification, EventSeed::draw(), master_key);
    let answer = app
        .store
        .write_with(job, move |tx, job| async move {
            let (draft, idempotency, verify, seed, master_key) = &*job;
            if let Some(idempotency) = idempotency {
                idempotency.reserve(&tx, draft.real_now).await?;
            }
            let (charge, is_duplicate) = create(&tx, draft, *verify, *seed).await?;
            let cancel_token = cancel_token(master_key, charge.id);
            let answer = render(&CreatedCharge { charge, is_duplicate, cancel_token });
            if let Some(idempotency) = idempotency {
                // The answer has the cancel token, which the database does not know otherwise.
                idempotency.answer(&tx, &idempotent::seal(master_key, &answer)?).await?;
            }
            Ok::<_, FlowError>(answer)
        })
        .await?;
    Ok(answer)
}

/// What a merchant's settings ask of a charge and the request does not have. Reading a request asks for it too, so that it
/// stands beside what else is wrong with it; then the method may be unreadable.
pub fn unmet_requirements(merchant: &Merchant, method: Option<Method>, has_code: bool) -> Vec<Fault> {
    let mut faults = Vec::new();
    if let Some(method) = method.filter(|method| !merchant.methods.contains(method)) {
        let message = format!("{method} is not enabled");
        faults.push(Fault { field: "method".into(), code: "method_not_enabled", message });
    }
    if merchant.phone_verification && !has_code {
        let message = "is required, as this merchant's customers prove their phones".into();
        faults.push(Fault { field: "verificationCode".into(), code: "missing_field", message });
    }
    faults
}

/// The faults of a method that cannot be paid in an amount now. Reading a request that is wrong in other ways asks for
/// them, as the flow is not reached; that no rate is known for the moment is no fault of the request.
///
/// # Errors
/// [`FlowError`] when storage fails.
pub async fn unpayable(app: &App, merchant: &Merchant, method: Method, amount: Money) -> Result<Vec<Fault>, FlowError> {
    if !merchant.methods.contains(&method) {
        return Ok(Vec::new());
    }
    let refused = offer(app, merchant, method, amount).await?.err();
    Ok(refused.map_or_else(Vec::new, |refused| no_offer(refused, method).faults))
}

fn no_offer(refused: NoOffer, method: Method) -> Refusal {
    refused.into_refusal(method, "method", "merchantAmount")
}

/// The charge, and whether an equal request made it before.
async fn create(tx: &Tx, draft: &Draft, verify: bool, seed: EventSeed) -> Result<(Charge, bool), FlowError> {
    let code = match (&draft.new.verification_code, verify) {
        (Some(code), true) => Some(verify_phone::usable_code(tx, draft, code).await?),
        (Some(_) | None, _) => None,
    };
    let phone = code.as_ref().map(|code| code.phone.clone());
    let customer_id = draft.customer(tx, phone.as_ref()).await?;
    let fingerprint = draft.fingerprint(customer_id);
    let asking = |amount, destination| draft.charge(customer_id, phone.as_ref(), amount, destination);
    let is_spent = code.as_ref().is_some_and(|code| !code.is_unused());
    // The common case first: nothing stands in the way of a new charge.
    let placed = match is_spent {
        true => Placed::Taken,
        false => place(tx, &draft.offer, draft.now, &draft.nonces, Some(&fingerprint), asking).await?,
    };
    if let Placed::Stored(charge) = placed {
        mark_used(tx, code.as_ref(), &charge).await?;
        return Ok((*charge, false));
    }
    let equal = tx.find_charge_by_fingerprint(&fingerprint).await?;
    if let Some(equal) = equal.as_ref().filter(|equal| equal.status_at(draft.now) == ChargeStatus::Pending) {
        return Ok((equal.clone(), true));
    }
    if is_spent {
        return Err(verify_phone::invalid_code().into());
    }
    let Some(equal) = equal else {
        return Err(match placed {
            Placed::Full => accounts_full(draft.offer.method).into(),
            Placed::Stored(_) | Placed::Taken => StoreError::Conflict.into(),
        });
    };
    // Its time is over and nobody has written that down yet: do so, then take its place.
    expire(tx, &equal, draft, seed).await?;
    match place(tx, &draft.offer, draft.now, &draft.nonces, Some(&fingerprint), asking).await? {
        Placed::Stored(charge) => {
            mark_used(tx, code.as_ref(), &charge).await?;
            Ok((*charge, false))
        }
        Placed::Taken => Err(StoreError::Conflict.into()),
        Placed::Full => Err(accounts_full(draft.offer.method).into()),
    }
}

async fn mark_used(tx: &Tx, code: Option<&UsableCode>, charge: &Charge) -> Result<(), FlowError> {
    match code {
        Some(code) => Ok(tx.save_verification_used(code.id, charge.id).await?),
        None => Ok(()),
    }
}

async fn expire(tx: &Tx, equal: &Charge, draft: &Draft, seed: EventSeed) -> Result<(), FlowError> {
    let Some(locked) = tx.lock_charge(equal.id).await? else { return Err(StoreError::Conflict.into()) };
    let Ok((expired, _)) = locked.charge.decide(ChargeCommand::Expire, draft.now) else { return Ok(()) };
    tx.save_charge(&expired, locked.version).await?;
    push_status_event(tx, &expired, locked.version + 1, seed, draft.now, draft.real_now).await
}
