//! Proving a phone by a one-time password: how often one may be sent, how long and how often it may be tried, and for
//! how long the proof is good.

use crate::environment::Environment;
use crate::id::{ChargeId, MerchantId, VerificationId};
use crate::secret::Secret;
use crate::time::{Span, Timestamp};
use alloc::string::String;
use alloc::vec::Vec;

/// How long a password may be tried.
pub const OTP_LIFE: Span = Span::minutes(5);
/// How long the code that a right password is exchanged for is good for a charge.
pub const CODE_LIFE: Span = Span::minutes(60);
/// The least time between two passwords for one phone.
pub const RESEND_AFTER: Span = Span::seconds(60);
/// The time over which passwords are counted.
pub const COUNTED: Span = Span::hours(1);
/// How often a password may be guessed wrong.
pub const MAX_GUESSES: i64 = 5;
/// The most passwords for one phone of a merchant's customers in [`COUNTED`].
pub const MAX_OF_PHONE: usize = 5;
/// The most passwords for all customers of a merchant in [`COUNTED`]. Each costs the operator a message, and whoever has a
/// merchant's key can ask for them.
pub const MAX_OF_MERCHANT: i64 = 1000;

/// How many digits a password has.
pub const OTP_DIGITS: usize = 6;

/// Reads a password as somebody typed it, however its digits are grouped; nothing when it can be none. To try that would
/// cost a guess.
#[must_use]
pub fn read_otp(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    (digits.len() == OTP_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(digits)
}

/// One attempt of a customer to prove a phone number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// Its id.
    pub id: VerificationId,
    /// The merchant for whom the phone is proved.
    pub merchant_id: MerchantId,
    /// The environment it belongs to.
    pub environment: Environment,
    /// Country code and number, joined by a space.
    pub phone: String,
    /// Hash of the one-time password and the id; six digits are soon found by it.
    pub otp_hash: Secret<Vec<u8>>,
    /// Wrong guesses so far.
    pub attempts: i64,
    /// When the password was sent.
    pub created_at: Timestamp,
    /// SHA-256 of the verification code that was handed out, and when.
    pub verified: Option<(Vec<u8>, Timestamp)>,
    /// The charge that used the code.
    pub charge_id: Option<ChargeId>,
}

impl Verification {
    /// Whether the code that it gave is still good for a charge, if it gave one.
    #[must_use]
    pub fn proves_at(&self, now: Timestamp) -> bool {
        self.verified.as_ref().is_some_and(|(_, at)| now.since(*at) <= CODE_LIFE)
    }
}

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

/// Why no password is sent. The variants stand in the order in which they are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendRefusal {
    /// This phone was sent one a moment ago, or too many within the hour.
    #[error("too many codes were asked for this phone; try again later")]
    Phone,
    /// This merchant's customers were sent too many within the hour.
    #[error("too many codes were asked for by this merchant; try again later")]
    Merchant,
}

impl PhoneCode {
    /// Judges a phone's passwords of the last hour, the newest first.
    #[must_use]
    pub fn judge(recent: &[Verification], now: Timestamp) -> Self {
        let standing = match recent.first() {
            None => CodeStanding::Absent,
            Some(last) if last.verified.is_some() => CodeStanding::Absent,
            Some(last) if now.since(last.created_at) >= OTP_LIFE => CodeStanding::Expired,
            Some(last) if last.attempts >= MAX_GUESSES => CodeStanding::Spent,
            Some(last) => CodeStanding::Awaited { wrong: last.attempts, left: MAX_GUESSES - last.attempts },
        };
        let sent_at = recent.first().map(|last| last.created_at);
        let after_last = sent_at.map(|sent_at| sent_at.plus(RESEND_AFTER));
        let after_many = recent.get(MAX_OF_PHONE - 1).map(|fifth| fifth.created_at.plus(COUNTED));
        Self { standing, sent_at, next_at: after_last.max(after_many).unwrap_or(now) }
    }

    /// Whether another password may be sent, when the merchant's customers were sent `of_merchant` within the hour.
    ///
    /// # Errors
    /// [`SendRefusal`].
    pub fn check_send(&self, of_merchant: i64, now: Timestamp) -> Result<(), SendRefusal> {
        if self.next_at > now {
            return Err(SendRefusal::Phone);
        }
        if of_merchant >= MAX_OF_MERCHANT {
            return Err(SendRefusal::Merchant);
        }
        Ok(())
    }

    /// How many seconds it takes until another password may be sent to this phone.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charge::tests::NOW;

    fn sent(ago: Span, attempts: i64) -> Verification {
        Verification {
            id: VerificationId::new(NOW, [1; 8]),
            merchant_id: MerchantId::new(NOW, [2; 8]),
            environment: Environment::Sandbox,
            phone: "+65 91234567".into(),
            otp_hash: Secret::new(Vec::new()),
            attempts,
            created_at: NOW.minus(ago),
            verified: None,
            charge_id: None,
        }
    }

    #[test]
    fn a_password_is_awaited_for_five_minutes_and_five_guesses() {
        let last = Span::millis(OTP_LIFE.as_millis() - 1);
        for (newest, standing) in [
            (sent(last, 0), CodeStanding::Awaited { wrong: 0, left: 5 }),
            (sent(last, 4), CodeStanding::Awaited { wrong: 4, left: 1 }),
            (sent(last, 5), CodeStanding::Spent),
            (sent(OTP_LIFE, 0), CodeStanding::Expired),
            (Verification { verified: Some((Vec::new(), NOW)), ..sent(last, 0) }, CodeStanding::Absent),
        ] {
            assert_eq!(PhoneCode::judge(core::slice::from_ref(&newest), NOW).standing, standing, "{newest:?}");
        }
        assert_eq!(PhoneCode::judge(&[], NOW).standing, CodeStanding::Absent);
    }

    #[test]
    fn passwords_are_sent_a_minute_apart_and_so_many_an_hour() {
        let many = |count: i64| -> Vec<_> { (1..=count).map(|n| sent(Span::minutes(n * 10), 0)).collect() };
        let check =
            |recent: &[Verification], of_merchant, now| PhoneCode::judge(recent, now).check_send(of_merchant, now);
        let a_second_ago = [sent(Span::seconds(1), 0)];
        assert_eq!(check(&[], 0, NOW), Ok(()));
        assert_eq!(check(&a_second_ago, 0, NOW.plus(Span::seconds(58))), Err(SendRefusal::Phone));
        assert_eq!(check(&a_second_ago, 0, NOW.plus(Span::seconds(59))), Ok(()));
        assert_eq!((check(&many(4), 0, NOW), check(&many(5), 0, NOW)), (Ok(()), Err(SendRefusal::Phone)));
        assert_eq!(check(&many(5), 0, NOW.plus(Span::minutes(10))), Ok(()));
        assert_eq!(check(&[], MAX_OF_MERCHANT - 1, NOW), Ok(()));
        assert_eq!(check(&[], MAX_OF_MERCHANT, NOW), Err(SendRefusal::Merchant));
    }

    #[test]
    fn a_password_is_six_ascii_digits_however_they_are_grouped() {
        for text in ["042137", " 042 137 ", "042-137", "0 4 2 1 3 7"] {
            assert_eq!(read_otp(text).as_deref(), Some("042137"), "{text}");
        }
        for text in ["", " ", "04213", "0421378", "04213a", "٠٤٢١٣٧", "042.137", "-"] {
            assert_eq!(read_otp(text), None, "{text}");
        }
    }

    #[test]
    fn a_proof_is_good_for_an_hour() {
        let proved = Verification { verified: Some((Vec::new(), NOW)), ..sent(Span::seconds(9), 0) };
        assert!(proved.proves_at(NOW.plus(CODE_LIFE)));
        assert!(!proved.proves_at(NOW.plus(CODE_LIFE).plus(Span::millis(1))));
        assert!(!sent(Span::seconds(9), 0).proves_at(NOW));
    }
}
