//! Idempotency keys: the first answer to a request, kept for repeats of it.

use crate::engine::Tx;
use crate::error::StoreError;
use xanpay_domain::secret::Secret;
use xanpay_domain::time::Timestamp;

/// What is known of an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownRequest {
    /// SHA-256 of route and body of the first request.
    pub request_hash: Vec<u8>,
    /// Its answer, which may hold a cancel token; nothing while it is still being worked on.
    pub answer: Option<Secret<String>>,
    /// When the first request came.
    pub created_at: Timestamp,
}

statements! {
    RESERVE("idempotency_keys") = "INSERT INTO idempotency_keys (owner, idempotency_key, request_hash, created_at) \
        VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
    FIND("idempotency_keys") = "SELECT owner, request_hash, answer, created_at FROM idempotency_keys WHERE owner = $1 AND idempotency_key = $2";
    ANSWER("idempotency_keys") = "UPDATE idempotency_keys SET answer = $1 WHERE owner = $2 AND idempotency_key = $3";
    FORGET("idempotency_keys") = "WITH old AS MATERIALIZED (SELECT owner, idempotency_key FROM idempotency_keys \
        WHERE created_at <= $1 LIMIT 1000 /* skip locked */) DELETE FROM idempotency_keys \
        WHERE (owner, idempotency_key) IN (SELECT owner, idempotency_key FROM old) AND created_at <= $1";
    FORGET_ONE("idempotency_keys") = "DELETE FROM idempotency_keys WHERE owner = $1 AND idempotency_key = $2 AND created_at <= $3";
}

impl Tx {
    /// What is known of a key of `owner` (a merchant in an environment, or an operator), however old it is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_request(&self, owner: &str, key: &str) -> Result<Option<KnownRequest>, StoreError> {
        let Some(mut row) = self.query_opt(FIND, &[owner.into(), key.into()]).await? else { return Ok(None) };
        row.text("owner")?;
        let (request_hash, answer) = (row.blob("request_hash")?, row.text_opt("answer")?.map(Secret::new));
        Ok(Some(KnownRequest { request_hash, answer, created_at: row.time("created_at")? }))
    }

    /// Takes a key for a request that begins; false when the key is known. Keys up to `forgotten_by` count as new.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn reserve_request(
        &self,
        owner: &str,
        key: &str,
        request_hash: &[u8],
        now: Timestamp,
        forgotten_by: Timestamp,
    ) -> Result<bool, StoreError> {
        self.execute(FORGET_ONE, &[owner.into(), key.into(), forgotten_by.into()]).await?;
        Ok(self.execute(RESERVE, &[owner.into(), key.into(), request_hash.into(), now.into()]).await? == 1)
    }

    /// Stores the answer of a reserved key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn answer_request(&self, owner: &str, key: &str, answer: &str) -> Result<(), StoreError> {
        self.execute_one(ANSWER, &[answer.into(), owner.into(), key.into()]).await
    }

    /// Forgets keys made at or before an instant, 1,000 of them at most, and returns how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_requests(&self, made_by: Timestamp) -> Result<u64, StoreError> {
        self.execute(FORGET, &[made_by.into()]).await
    }
}
