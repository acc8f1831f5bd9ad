//! Phone verifications and the sandbox's inbox.

use crate::engine::Tx;
use crate::error::StoreError;
use crate::value::Row;
use xanpay_domain::environment::Environment;
use xanpay_domain::id::{ChargeId, MerchantId, VerificationId};
use xanpay_domain::secret::Secret;
use xanpay_domain::time::Timestamp;
use xanpay_domain::verification::Verification;

/// A message that the sandbox kept instead of sending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxMessage {
    /// The phone it was for.
    pub recipient: String,
    /// Its text, with the password.
    pub body: Secret<String>,
    /// When it was written.
    pub created_at: Timestamp,
}

macro_rules! verification_columns {
    () => {
        "id, merchant_id, environment, phone, otp_hash, attempts, created_at, code_hash, verified_at, charge_id"
    };
}

statements! {
    LOCK_SENDING("merchant_settings") = "SELECT merchant_id FROM merchant_settings WHERE merchant_id = $1 AND environment = $2 \
        /* for update */";
    INSERT_VERIFICATION("verifications") = "INSERT INTO verifications (id, merchant_id, environment, phone, otp_hash, attempts, created_at) \
        VALUES ($1, $2, $3, $4, $5, 0, $6)";
    LIST_VERIFICATIONS("verifications") = concat!("SELECT ", verification_columns!(), " FROM verifications \
        WHERE merchant_id = $1 AND environment = $2 AND phone = $3 AND created_at > $4 ORDER BY created_at DESC, id DESC LIMIT 10");
    COUNT_VERIFICATIONS("verifications") = "SELECT COUNT(*) FROM (SELECT id FROM verifications \
        WHERE merchant_id = $1 AND environment = $2 AND created_at > $3 LIMIT $4) AS recent";
    FIND_BY_CODE("verifications") = concat!("SELECT ", verification_columns!(), " FROM verifications WHERE code_hash = $1");
    COUNT_ATTEMPT("verifications") = "UPDATE verifications SET attempts = attempts + 1 WHERE id = $1 AND attempts = $2";
    SAVE_VERIFIED("verifications") = "UPDATE verifications SET code_hash = $1, verified_at = $2 WHERE id = $3 AND attempts = $4 \
        AND code_hash IS NULL";
    SAVE_USED("verifications") = "UPDATE verifications SET charge_id = $1 WHERE id = $2 AND charge_id IS NULL";
    INSERT_MESSAGE("sandbox_messages") = "INSERT INTO sandbox_messages (id, merchant_id, recipient, body, created_at) \
        VALUES ($1, $2, $3, $4, $5)";
    LIST_MESSAGES("sandbox_messages") = "SELECT id, recipient, body, created_at FROM sandbox_messages WHERE merchant_id = $1 \
        ORDER BY created_at DESC, id DESC LIMIT $2";
}

fn read_verification(mut row: Row) -> Result<Verification, StoreError> {
    let (id, merchant_id, environment) = (row.id("id")?, row.id("merchant_id")?, row.environment()?);
    let (phone, otp_hash, attempts) = (row.text("phone")?, Secret::new(row.blob("otp_hash")?), row.int("attempts")?);
    let created_at = row.time("created_at")?;
    let verified = match (row.blob_opt("code_hash")?, row.int_opt("verified_at")?) {
        (Some(hash), Some(at)) => Some((hash, Timestamp::from_millis(at))),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => return Err(row.corrupt("verified_at")),
    };
    let charge_id = row.id_opt("charge_id")?;
    Ok(Verification { id, merchant_id, environment, phone, otp_hash, attempts, created_at, verified, charge_id })
}

impl Tx {
    /// Waits for other transactions that send passwords to a merchant's customers, on PostgreSQL, until this one ends.
    /// Those that share its commit hold the lock together.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lock_sending(&self, merchant: MerchantId, environment: Environment) -> Result<(), StoreError> {
        self.query_opt(LOCK_SENDING, &[merchant.into(), environment.as_str().into()]).await.map(drop)
    }

    /// Adds a verification whose password is on its way.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert_verification(&self, verification: &Verification) -> Result<(), StoreError> {
        let row = [
            verification.id.into(),
            verification.merchant_id.into(),
            verification.environment.as_str().into(),
            (&verification.phone).into(),
            verification.otp_hash.reveal().as_slice().into(),
            verification.created_at.into(),
        ];
        self.execute_one(INSERT_VERIFICATION, &row).await
    }

    /// The verifications of a phone begun after an instant, newest first, ten at most.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_verifications(
        &self,
        merchant: MerchantId,
        environment: Environment,
        phone: &str,
        begun_after: Timestamp,
    ) -> Result<Vec<Verification>, StoreError> {
        let params = [merchant.into(), environment.as_str().into(), phone.into(), begun_after.into()];
        self.query(LIST_VERIFICATIONS, &params).await?.into_iter().map(read_verification).collect()
    }

    /// How many verifications of a merchant's customers were begun after an instant, `most` at most.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_verifications(
        &self,
        merchant: MerchantId,
        environment: Environment,
        begun_after: Timestamp,
        most: i64,
    ) -> Result<i64, StoreError> {
        let params = [merchant.into(), environment.as_str().into(), begun_after.into(), most.into()];
        self.count(COUNT_VERIFICATIONS, &params).await
    }

    /// The verification that handed out a code.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_verification_by_code(&self, code_hash: &[u8]) -> Result<Option<Verification>, StoreError> {
        self.query_opt(FIND_BY_CODE, &[code_hash.into()]).await?.map(read_verification).transpose()
    }

    /// Counts a guess.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when another guess was counted at the same time.
    pub async fn count_verification_attempt(&self, verification: &Verification) -> Result<(), StoreError> {
        self.execute_one(COUNT_ATTEMPT, &[verification.id.into(), verification.attempts.into()]).await
    }

    /// Records that the phone is proved and the hash of the code that says so.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it was recorded before, or another guess was counted at the same time: the right one
    /// among many at once must not come after the last that is allowed.
    pub async fn save_verified(
        &self,
        verification: &Verification,
        code_hash: &[u8],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let row = [code_hash.into(), now.into(), verification.id.into(), verification.attempts.into()];
        self.execute_one(SAVE_VERIFIED, &row).await
    }

    /// Records the one charge that a code is good for.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when another charge has used it.
    pub async fn save_verification_used(&self, id: VerificationId, charge: ChargeId) -> Result<(), StoreError> {
        self.execute_one(SAVE_USED, &[charge.into(), id.into()]).await
    }

    /// Keeps a message that in live would be sent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert_sandbox_message(
        &self,
        id: VerificationId,
        merchant: MerchantId,
        message: &SandboxMessage,
    ) -> Result<(), StoreError> {
        let row = [
            id.into(),
            merchant.into(),
            (&message.recipient).into(),
            message.body.reveal().into(),
            message.created_at.into(),
        ];
        self.execute_one(INSERT_MESSAGE, &row).await
    }

    /// The newest messages of a merchant's sandbox.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_sandbox_messages(
        &self,
        merchant: MerchantId,
        limit: i64,
    ) -> Result<Vec<SandboxMessage>, StoreError> {
        let rows = self.query(LIST_MESSAGES, &[merchant.into(), limit.into()]).await?;
        let read = |mut row: Row| {
            row.text("id")?;
            Ok(SandboxMessage {
                recipient: row.text("recipient")?,
                body: Secret::new(row.text("body")?),
                created_at: row.time("created_at")?,
            })
        };
        rows.into_iter().map(read).collect()
    }
}
