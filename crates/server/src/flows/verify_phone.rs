//! A customer proves a phone number by a one-time password.
//!
//! Six digits, good for five minutes and five guesses; again after 60 seconds at the earliest, five an hour per phone.
//! The answer never tells whether a number is known. In sandbox the message goes to the merchant's inbox.

use super::create_charge::Draft;
use super::refusal::{FlowError, Kind, Refusal};
use crate::app::App;
use crate::entropy;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use xanpay_domain::contact::Phone;
use xanpay_domain::environment::Environment;
use xanpay_domain::id::{MerchantId, VerificationId};
use xanpay_domain::time::{Span, Timestamp};
use xanpay_store::{Merchant, SandboxMessage, StoreError, Tx, Verification};

const OTP_LIFE: Span = Span::minutes(5);
const CODE_LIFE: Span = Span::minutes(60);
const RESEND_AFTER: Span = Span::seconds(60);
const MAX_GUESSES: i64 = 5;
const MAX_PER_HOUR: usize = 5;
/// How many of the sandbox's newest messages are looked through for one.
const INBOX_LOOK: i64 = 50;
/// Length and alphabet of the verification code that a charge is created with.
const CODE_LENGTH: usize = 29;
const CODE_ALPHABET: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// How it stands with the one-time passwords of a phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhoneCode {
    /// What can be done with the newest one.
    pub standing: CodeStanding,
    /// When the newest one was sent, if one was within the hour.
    pub sent_at: Option<Timestamp>,
    /// The instant from which another may be sent.
    pub next_at: Timestamp,
}

/// What can be done with the newest one-time password of a phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeStanding {
    /// None was sent within the hour, or it has done its work.
    Absent,
    /// It is waited for.
    Awaited {
        /// Guesses that were wrong.
        wrong: i64,
        /// Guesses that are left.
        left: i64,
    },
    /// It was guessed too often.
    Spent,
    /// It is too old.
    Expired,
}

impl PhoneCode {
    /// Judges a phone's passwords of the last hour, the newest first.
    fn judge(recent: &[Verification], now: Timestamp) -> Self {
        let standing = match recent.first() {
            None => CodeStanding::Absent,
            Some(last) if last.verified.is_some() => CodeStanding::Absent,
            Some(last) if now.since(last.created_at) >= OTP_LIFE => CodeStanding::Expired,
            Some(last) if last.attempts >= MAX_GUESSES => CodeStanding::Spent,
            Some(last) => CodeStanding::Awaited { wrong: last.attempts, left: MAX_GUESSES - last.attempts },
        };
        let sent_at = recent.first().map(|last| last.created_at);
        let after_last = sent_at.map(|sent_at| sent_at.plus(RESEND_AFTER));
        let after_many = recent.get(MAX_PER_HOUR - 1).map(|fifth| fifth.created_at.plus(Span::hours(1)));
        Self { standing, sent_at, next_at: after_last.max(after_many).unwrap_or(now) }
    }

    /// Whether another password may be sent.
    #[must_use]
    pub fn may_send(&self, now: Timestamp) -> bool {
        self.next_at <= now
    }

    /// How many seconds it takes until another password may be sent.
    #[must_use]
    pub fn wait_s(&self, now: Timestamp) -> u32 {
        let wait_ms = u64::try_from(self.next_at.since(now).as_millis()).unwrap_or(0);
        u32::try_from(wait_ms.div_ceil(1000)).unwrap_or(u32::MAX)
    }

    /// Whether a password is waited for.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        matches!(self.standing, CodeStanding::Awaited { .. })
    }
}

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
        tx.list_verifications(self.merchant_id, self.environment, phone, now.minus(Span::hours(1))).await
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

/// Looks how it stands with a phone's passwords.
///
/// # Errors
/// [`FlowError`] when storage fails.
pub async fn phone_code(app: &App, merchant: &Merchant, phone: &Phone) -> Result<PhoneCode, FlowError> {
    let now = app.clock.now(merchant.environment);
    let tx = app.store.reader().await?;
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
) -> Result<Option<String>, FlowError> {
    let (tx, recipient) = (app.store.reader().await?, phone.joined());
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

/// Sends a one-time password.
///
/// # Errors
/// A refusal when too many were asked for, or when no way to send is set up.
pub async fn send_otp(app: &App, merchant: &Merchant, phone: Phone) -> Result<(), FlowError> {
    if !can_send_codes(merchant) {
        let detail = "no SMS provider is configured; the sandbox keeps its messages in an inbox";
        return Err(Refusal::new(Kind::Unavailable, "sms_unavailable", detail).into());
    }
    let now = app.clock.now(merchant.environment);
    let otp = entropy::text(6, b"0123456789");
    let id = VerificationId::new(now, entropy::bytes());
    let verification = Verification {
        id,
        merchant_id: merchant.id,
        environment: merchant.environment,
        phone: key_of(&phone),
        otp_hash: hash(&[&id.to_text(), &otp]),
        attempts: 0,
        created_at: now,
        verified: None,
        charge_id: None,
    };
    let body = format!("{otp} is your code for {}. It is valid for 5 minutes.", merchant.name);
    let message = SandboxMessage { recipient: phone.joined(), body, created_at: now };
    let job = std::sync::Arc::new((verification, message));
    app.store
        .write(move |tx| {
            let job = std::sync::Arc::clone(&job);
            async move {
                let (new, message) = &*job;
                let owner = Owner { merchant_id: new.merchant_id, environment: new.environment };
                let code = PhoneCode::judge(&owner.recent(&tx, &new.phone, now).await?, now);
                if !code.may_send(now) {
                    let detail = "too many codes were asked for this phone; try again later";
                    return Err(Refusal::new(Kind::TooMany(code.wait_s(now)), "too_many_codes", detail).into());
                }
                tx.insert_verification(new).await?;
                tx.insert_sandbox_message(new.id, new.merchant_id, message).await?;
                Ok::<_, FlowError>(())
            }
        })
        .await
}

/// Exchanges a one-time password for a verification code.
///
/// # Errors
/// A refusal when the password is wrong, too old or guessed too often.
pub async fn confirm_phone(app: &App, merchant: &Merchant, phone: &Phone, otp: &str) -> Result<String, FlowError> {
    let now = app.clock.now(merchant.environment);
    let code = new_code();
    let job = std::sync::Arc::new((Owner::of(merchant), phone.clone(), otp.to_owned(), code.clone()));
    let confirmed = app
        .store
        .write(move |tx| {
            let job = std::sync::Arc::clone(&job);
            async move {
                let (owner, phone, otp, code) = &*job;
                guess(&tx, *owner, phone, otp, code, now).await
            }
        })
        .await?;
    if confirmed.is_some() {
        Ok(code)
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
    // Only the newest password counts: sending another one ends it.
    let recent = owner.recent(tx, &key_of(phone), now).await?;
    let Some(last) = recent.first().filter(|_| PhoneCode::judge(&recent, now).is_awaited()) else { return Ok(None) };
    if !bool::from(hash(&[&last.id.to_text(), otp]).ct_eq(&last.otp_hash)) {
        tx.count_verification_attempt(last).await?;
        return Ok(None);
    }
    tx.save_verified(last.id, &hash(&[code]), now).await?;
    Ok(Some(last.id))
}

/// A fresh verification code.
pub(super) fn new_code() -> String {
    entropy::text(CODE_LENGTH, CODE_ALPHABET)
}

/// Reads the code of a charge request: good for one charge of its merchant within the hour.
pub(super) async fn usable_code(tx: &Tx, draft: &Draft, code: &str) -> Result<UsableCode, FlowError> {
    let found = tx.find_verification_by_code(&hash(&[code])).await?.filter(|found| {
        found.merchant_id == draft.merchant_id && found.environment == draft.environment && is_young(found, draft.now)
    });
    let found = found.ok_or_else(invalid_code)?;
    let phone = found.phone.split_once(' ').and_then(|(code, number)| Phone::parse(code, number).ok());
    Ok(UsableCode { id: found.id, phone: phone.ok_or_else(invalid_code)?, used: found.charge_id.is_some() })
}

fn is_young(verification: &Verification, now: Timestamp) -> bool {
    verification.verified.as_ref().is_some_and(|(_, at)| now.since(*at) <= CODE_LIFE)
}
