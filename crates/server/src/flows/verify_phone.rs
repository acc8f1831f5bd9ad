//! A customer proves a phone number by a one-time password of six digits. How often and how long is decided in
//! [`xanpay_domain::verification`].
//!
//! The answer never tells whether a number is known. In sandbox the message goes to the merchant's inbox.

use super::create_charge::Draft;
use super::idempotent::{self, Idempotency};
use super::refusal::{FlowError, Kind, Refusal};
use crate::app::App;
use crate::entropy;
use sha2::{Digest, Sha256};
use xanpay_domain::contact::Phone;
use xanpay_domain::environment::Environment;
use xanpay_domain::id::{MerchantId, VerificationId};
use xanpay_domain::secret::Secret;
use xanpay_domain::time::Timestamp;
use xanpay_domain::verification::{COUNTED, MAX_OF_MERCHANT, OTP_DIGITS, PhoneCode, SendRefusal, Verification};
use xanpay_store::{Merchant, SandboxMessage, StoreError, Tx};

/// How many of the sandbox's newest messages are looked through for one.
const INBOX_LOOK: i64 = 50;
/// Length and alphabet of the verification code that a charge is created with.
const CODE_LENGTH: usize = 29;
const CODE_ALPHABET: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Whose phones are proved, and where.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owner {
    pub(super) merchant_id: MerchantId,
    pub(super) environment: Environment,
}

impl Owner {
    fn of(merchant: &Merchant) -> Self {
        Self { merchant_id: merchant.id, environment: merchant.environment }
    }

    /// A phone's passwords of the last hour, the newest first.
    async fn recent(self, tx: &Tx, phone: &str, now: Timestamp) -> Result<Vec<Verification>, StoreError> {
        tx.list_verifications(self.merchant_id, self.environment, phone, now.minus(COUNTED)).await
    }

    /// How many passwords all customers were sent in the last hour, as far as it matters.
    async fn count(self, tx: &Tx, now: Timestamp) -> Result<i64, StoreError> {
        tx.count_verifications(self.merchant_id, self.environment, now.minus(COUNTED), MAX_OF_MERCHANT).await
    }
}

/// Whether there is a way to send a password to a phone: without one, no phone can be proved.
#[must_use]
pub fn can_send_codes(merchant: &Merchant) -> bool {
    match merchant.environment {
        // The inbox takes everything.
        Environment::Sandbox => true,
        Environment::Live => false,
    }
}

fn too_many(refusal: SendRefusal, code: PhoneCode, now: Timestamp) -> Refusal {
    let after_s = match refusal {
        SendRefusal::Phone => code.wait_s(now),
        // Room comes back bit by bit.
        SendRefusal::Merchant => 60,
    };
    Refusal::new(Kind::TooMany(after_s), "too_many_codes", refusal.to_string())
}

/// Looks how it stands with a phone's passwords.
///
/// # Errors
/// [`FlowError`] when storage fails.
pub async fn phone_code(app: &App, merchant: &Merchant, phone: &Phone) -> Result<PhoneCode, FlowError> {
    let now = app.clock.now(merchant.environment);
    let tx = app.store.reader();
    Ok(PhoneCode::judge(&Owner::of(merchant).recent(&tx, &key_of(phone), now).await?, now))
}

/// The message that the sandbox kept instead of sending it to a phone at an instant, while it is among the newest.
///
/// # Errors
/// [`FlowError`] when storage fails.
pub async fn sandbox_message(
    app: &App,
    merchant: &Merchant,
    phone: &Phone,
    sent_at: Timestamp,
) -> Result<Option<Secret<String>>, FlowError> {
    let (tx, recipient) = (app.store.reader(), phone.joined());
    let newest = tx.list_sandbox_messages(merchant.id, INBOX_LOOK).await?;
    let found = newest.into_iter().find(|message| message.recipient == recipient && message.created_at == sent_at);
    Ok(found.map(|message| message.body))
}

/// A verification code that may be used by a charge.
pub(super) struct UsableCode {
    pub(super) id: VerificationId,
    pub(super) phone: Phone,
    used: bool,
}

impl UsableCode {
    pub(super) fn is_unused(&self) -> bool {
        !self.used
    }
}

/// The refusal of a code that proves nothing.
pub(super) fn invalid_code() -> Refusal {
    Refusal::field("verificationCode", "verification_code_invalid", "is not valid, expired or already used")
}

/// What a phone's passwords are counted by. It names one number in one way only, as [`Phone::parse`] does.
fn key_of(phone: &Phone) -> String {
    format!("{} {}", phone.code(), phone.number())
}

fn hash(parts: &[&str]) -> Vec<u8> {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize().to_vec()
}

/// Sends a one-time password. `keyed` is the idempotency key that it is asked for with, and what is answered.
///
/// # Errors
/// A refusal when the number takes no messages, when too many were asked for, or when no way to send is set up.
pub async fn send_otp(
    app: &App,
    merchant: &Merchant,
    phone: Phone,
    keyed: Option<(Idempotency, &'static str)>,
) -> Result<(), FlowError> {
    if !phone.takes_messages() {
        let message = "is no ordinary number of a country: no code is sent to it";
        return Err(Refusal::field("phone", "phone_not_allowed", message).into());
    }
    if !can_send_codes(merchant) {
        let detail = "no SMS provider is configured; the sandbox keeps its messages in an inbox";
        return Err(Refusal::new(Kind::Unavailable, "sms_unavailable", detail).into());
    }
    let (now, real_now) = (app.clock.now(merchant.environment), app.clock.real_now());
    let otp = entropy::text(OTP_DIGITS, b"0123456789");
    let id = VerificationId::new(now, entropy::bytes());
    let verification = Verification {
        id,
        merchant_id: merchant.id,
        environment: merchant.environment,
        phone: key_of(&phone),
        otp_hash: Secret::new(hash(&[&id.to_text(), &otp])),
        attempts: 0,
        created_at: now,
        verified: None,
        charge_id: None,
    };
    let body = format!("{otp} is your code for {}. It is valid for 5 minutes.", merchant.name);
    let message = SandboxMessage { recipient: phone.joined(), body: Secret::new(body), created_at: now };
    app.store
        .write_with((verification, message, keyed), move |tx, job| async move {
            let (new, message, keyed) = &*job;
            if let Some((idempotency, answer)) = keyed {
                idempotency.reserve(&tx, real_now).await?;
                idempotency.answer(&tx, answer).await?;
            }
            let owner = Owner { merchant_id: new.merchant_id, environment: new.environment };
            tx.lock_sending(owner.merchant_id, owner.environment).await?;
            let sent = owner.recent(&tx, &new.phone, now).await?;
            let of_merchant = owner.count(&tx, now).await?;
            let code = PhoneCode::judge(&sent, now);
            code.check_send(of_merchant, now).map_err(|refusal| too_many(refusal, code, now))?;
            tx.insert_verification(new).await?;
            tx.insert_sandbox_message(new.id, new.merchant_id, message).await?;
            // Transactions that share a commit do not wait for each other: one may have sent another meanwhile.
            if owner.recent(&tx, &new.phone, now).await?.len() > sent.len() + 1 {
                return Err(StoreError::Conflict.into());
            }
            Ok::<_, FlowError>(())
        })
        .await
}

/// Exchanges a one-time password for a verification code, and returns the rendered answer.
///
/// # Errors
/// A refusal when the password is wrong, too old or guessed too often.
pub async fn confirm_phone(
    app: &App,
    merchant: &Merchant,
    phone: &Phone,
    otp: &str,
    idempotency: Option<Idempotency>,
    render: fn(&str) -> String,
) -> Result<String, FlowError> {
    let (now, real_now) = (app.clock.now(merchant.environment), app.clock.real_now());
    let code = new_code();
    let answer = render(&code);
    // The database knows the code by its hash only.
    let keyed = match idempotency {
        Some(idempotency) => Some((idempotency, idempotent::seal(app.master_key(), &answer)?)),
        None => None,
    };
    let confirmed = app
        .store
        .write_with((Owner::of(merchant), phone.clone(), otp.to_owned(), code, keyed), move |tx, job| async move {
            let (owner, phone, otp, code, keyed) = &*job;
            if let Some((idempotency, _)) = keyed {
                idempotency.refuse_known(&tx, real_now).await?;
            }
            let proven = check_otp(&tx, *owner, phone, otp, now).await?;
            match (&proven, keyed) {
                // The key is taken before the password, so that an equal request which finds the password used up
                // finds the key as well.
                (Some(proven), Some((idempotency, sealed))) => {
                    idempotency.reserve(&tx, real_now).await?;
                    tx.save_verified(proven, &hash(&[code]), now).await?;
                    idempotency.answer(&tx, sealed).await?;
                }
                (Some(proven), None) => tx.save_verified(proven, &hash(&[code]), now).await?,
                // A wrong guess is counted and leaves the key free, as every refusal does.
                (None, Some((idempotency, _))) => idempotency.refuse_known(&tx, real_now).await?,
                (None, None) => {}
            }
            Ok::<_, FlowError>(proven.is_some())
        })
        .await?;
    if confirmed {
        Ok(answer)
    } else {
        Err(Refusal::field("code", "verification_code_invalid", "is wrong or too old").into())
    }
}

/// Tries a one-time password. The right one proves the phone and is over; `code` is what the proof is found by. A wrong
/// one is counted, which lasts only if the transaction is committed.
pub(super) async fn guess(
    tx: &Tx,
    owner: Owner,
    phone: &Phone,
    otp: &str,
    code: &str,
    now: Timestamp,
) -> Result<Option<VerificationId>, FlowError> {
    let proven = check_otp(tx, owner, phone, otp, now).await?;
    if let Some(proven) = &proven {
        tx.save_verified(proven, &hash(&[code]), now).await?;
    }
    Ok(proven.map(|proven| proven.id))
}

/// The verification that a one-time password is right for. A wrong one is counted.
async fn check_otp(
    tx: &Tx,
    owner: Owner,
    phone: &Phone,
    otp: &str,
    now: Timestamp,
) -> Result<Option<Verification>, FlowError> {
    // Only the newest password counts: sending another one ends it.
    let recent = owner.recent(tx, &key_of(phone), now).await?;
    let is_awaited = PhoneCode::judge(&recent, now).is_awaited();
    let Some(last) = recent.into_iter().next().filter(|_| is_awaited) else { return Ok(None) };
    if Secret::new(hash(&[&last.id.to_text(), otp])) != last.otp_hash {
        tx.count_verification_attempt(&last).await?;
        return Ok(None);
    }
    Ok(Some(last))
}

/// A fresh verification code.
pub(super) fn new_code() -> String {
    entropy::text(CODE_LENGTH, CODE_ALPHABET)
}

/// Reads the code of a charge request: good for one charge of its merchant within the hour.
pub(super) async fn usable_code(tx: &Tx, draft: &Draft, code: &str) -> Result<UsableCode, FlowError> {
    let found = tx.find_verification_by_code(&hash(&[code])).await?.filter(|found| {
        found.merchant_id == draft.merchant_id && found.environment == draft.environment && found.proves_at(draft.now)
    });
    let found = found.ok_or_else(invalid_code)?;
    let phone = found.phone.split_once(' ').and_then(|(code, number)| Phone::as_given(code, number).ok());
    Ok(UsableCode { id: found.id, phone: phone.ok_or_else(invalid_code)?, used: found.charge_id.is_some() })
}
