//! Idempotency keys: the same request twice has one effect and one answer.

use super::refusal::{FlowError, Kind, Refusal};
use crate::app::App;
use sha2::{Digest, Sha256};
use xanpay_domain::time::{Span, Timestamp};
use xanpay_store::Tx;

/// How long a key is remembered.
pub const KEY_LIFE: Span = Span::hours(24);

/// A request that carries an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// Who sent it: the same key of two senders is two keys.
    pub owner: String,
    /// The key.
    pub key: String,
    /// SHA-256 of route and body.
    pub request_hash: [u8; 32],
}

impl Idempotency {
    /// A key as it came with a request.
    #[must_use]
    pub fn new(owner: String, key: String, route: &str, body: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(route.as_bytes());
        hash.update([0]);
        hash.update(body);
        Self { owner, key, request_hash: hash.finalize().into() }
    }

    /// Takes the key inside the transaction of the request's effect. Refuses when the key is known: the caller then
    /// asks [`replay`], which finds what the winner left.
    pub(super) async fn reserve(&self, tx: &Tx, now: Timestamp) -> Result<(), FlowError> {
        let taken = tx.reserve_request(&self.owner, &self.key, &self.request_hash, now, now.minus(KEY_LIFE)).await?;
        if taken { Ok(()) } else { Err(Refusal::new(Kind::Conflict, "idempotency_in_flight", IN_FLIGHT).into()) }
    }

    /// Stores the answer inside the same transaction.
    pub(super) async fn answer(&self, tx: &Tx, answer: &str) -> Result<(), FlowError> {
        Ok(tx.answer_request(&self.owner, &self.key, answer).await?)
    }
}

const IN_FLIGHT: &str = "the first request with this idempotency key is still being worked on";

/// The stored answer of an earlier equal request; nothing when the key is new.
///
/// # Errors
/// A refusal when the key belongs to another request or its first request is still being worked on.
pub async fn replay(app: &App, idempotency: &Idempotency) -> Result<Option<String>, FlowError> {
    let tx = app.store.reader();
    let not_before = app.clock.real_now().minus(KEY_LIFE);
    let known = tx.find_request(&idempotency.owner, &idempotency.key).await?;
    let Some(known) = known.filter(|known| known.created_at > not_before) else { return Ok(None) };
    if known.request_hash != idempotency.request_hash {
        let detail = "the idempotency key was used with another request";
        return Err(Refusal::new(Kind::KeyReused, "idempotency_key_reused", detail).into());
    }
    match known.answer {
        Some(answer) => Ok(Some(answer.reveal().clone())),
        None => Err(Refusal::new(Kind::Conflict, "idempotency_in_flight", IN_FLIGHT).into()),
    }
}
