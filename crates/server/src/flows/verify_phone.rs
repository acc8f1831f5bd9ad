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
use xanpay_domain::id::VerificationId;
use xanpay_domain::time::{Span, Timestamp};
use xanpay_store::{Merchant, SandboxMessage, Tx, Verification};

const OTP_LIFE: Span = Span::minutes(5);
const CODE_LIFE: Span = Span::minutes(60);
const RESEND_AFTER: Span = Span::seconds(60);
const MAX_GUESSES: i64 = 5;
const MAX_PER_HOUR: usize = 5;
/// Length and alphabet of the verification code that a charge is created with.
const CODE_LENGTH: usize = 29;
const CODE_ALPHABET: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

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
    if merchant.environment == Environment::Live {
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
                let hour_ago = now.minus(Span::hours(1));
                let recent = tx.list_verifications(new.merchant_id, new.environment, &new.phone, hour_ago).await?;
                let too_soon = recent.first().is_some_and(|last| now.since(last.created_at) < RESEND_AFTER);
                if too_soon || recent.len() >= MAX_PER_HOUR {
                    let detail = "too many codes were asked for this phone; try again later";
                    return Err(Refusal::new(Kind::TooMany, "too_many_codes", detail).into());
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
    let code = entropy::text(CODE_LENGTH, CODE_ALPHABET);
    let (merchant_id, environment, phone, otp) = (merchant.id, merchant.environment, key_of(phone), otp.to_owned());
    let handed_out = code.clone();
    let confirmed = app
        .store
        .write(move |tx| {
            let (phone, otp, code_hash) = (phone.clone(), otp.clone(), hash(&[&handed_out]));
            async move {
                // Only the newest password counts: sending another one ends it.
                let recent = tx.list_verifications(merchant_id, environment, &phone, now.minus(OTP_LIFE)).await?;
                let Some(last) = recent.first().filter(|last| last.verified.is_none() && last.attempts < MAX_GUESSES)
                else {
                    return Ok(false);
                };
                if !bool::from(hash(&[&last.id.to_text(), &otp]).ct_eq(&last.otp_hash)) {
                    tx.count_verification_attempt(last).await?;
                    return Ok(false);
                }
                tx.save_verified(last.id, &code_hash, now).await?;
                Ok::<_, FlowError>(true)
            }
        })
        .await?;
    if confirmed {
        Ok(code)
    } else {
        Err(Refusal::field("code", "verification_code_invalid", "is wrong or too old").into())
    }
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
