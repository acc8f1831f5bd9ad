//! Idempotency keys: the same request twice has one effect and one answer.

use super::refusal::{FlowError, Kind, Refusal};
use crate::app::App;
use crate::entropy;
use crate::outbound::vault::MasterKey;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use xanpay_domain::time::{Span, Timestamp};
use xanpay_store::{KnownRequest, Tx};

/// How long a key is remembered.
pub const KEY_LIFE: Span = Span::hours(24);
/// What sealed answers are sealed for.
const SEALED: &str = "idempotent answer";

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
        if taken { Ok(()) } else { Err(in_flight().into()) }
    }

    /// Refuses like [`Self::reserve`] when the key is known, and does not take it: for requests that change something also
    /// when they are refused.
    pub(super) async fn refuse_known(&self, tx: &Tx, now: Timestamp) -> Result<(), FlowError> {
        match find(tx, self, now).await? {
            Some(_) => Err(in_flight().into()),
            None => Ok(()),
        }
    }

    /// Stores the answer inside the same transaction.
    pub(super) async fn answer(&self, tx: &Tx, answer: &str) -> Result<(), FlowError> {
        Ok(tx.answer_request(&self.owner, &self.key, answer).await?)
    }
}

fn in_flight() -> Refusal {
    let detail = "the first request with this idempotency key is still being worked on";
    Refusal::new(Kind::InFlight, "idempotency_in_flight", detail)
}

async fn find(tx: &Tx, idempotency: &Idempotency, now: Timestamp) -> Result<Option<KnownRequest>, FlowError> {
    let known = tx.find_request(&idempotency.owner, &idempotency.key).await?;
    Ok(known.filter(|known| known.created_at > now.minus(KEY_LIFE)))
}

/// An answer that must not be stored in clear text, in the form in which [`Idempotency::answer`] may store it. No JSON
/// object looks like it.
pub(super) fn seal(master_key: &MasterKey, answer: &str) -> Result<String, FlowError> {
    Ok(STANDARD.encode(master_key.seal(SEALED, answer.as_bytes(), entropy::bytes())?))
}

fn open(app: &App, answer: &str) -> Result<String, FlowError> {
    if answer.starts_with('{') {
        return Ok(answer.to_owned());
    }
    let sealed = STANDARD.decode(answer).map_err(|error| FlowError::Internal(error.to_string()))?;
    String::from_utf8(app.unseal(SEALED, &sealed)?).map_err(|error| FlowError::Internal(error.to_string()))
}

/// The stored answer of an earlier equal request; nothing when the key is new.
///
/// # Errors
/// A refusal when the key belongs to another request or its first request is still being worked on.
pub async fn replay(app: &App, idempotency: &Idempotency) -> Result<Option<String>, FlowError> {
    let Some(known) = find(&app.store.reader(), idempotency, app.clock.real_now()).await? else { return Ok(None) };
    if known.request_hash != idempotency.request_hash {
        let detail = "the idempotency key was used with another request";
        return Err(Refusal::new(Kind::KeyReused, "idempotency_key_reused", detail).into());
    }
    match known.answer {
        Some(answer) => open(app, answer.reveal()).map(Some),
        None => Err(in_flight().into()),
    }
}
