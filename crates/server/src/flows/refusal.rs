//! Why a flow says no, in words for its caller.

use crate::outbound::signature::SignatureError;
use crate::outbound::vault::VaultError;
use xanpay_store::{StoreError, TxError};

/// What kind of no it is; the HTTP edge turns it into a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The request cannot be carried out as it is written.
    Invalid,
    /// The caller may not do this.
    Forbidden,
    /// There is no such thing, or it is not the caller's.
    NotFound,
    /// The thing is in a state that does not allow it.
    Conflict,
    /// The idempotency key belongs to another request.
    KeyReused,
    /// The first request with this idempotency key is still being worked on.
    InFlight,
    /// Too many requests; the next may come after so many seconds.
    TooMany(u32),
    /// Not now: something that is needed is missing for the moment.
    Unavailable,
}

/// One thing wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The field, as a path such as `orders[0].quantity`.
    pub field: String,
    /// A stable word for programs.
    pub code: &'static str,
    /// What is wrong, for people; the field's name stands before it.
    pub message: String,
}

impl Fault {
    /// Field and message in one; a fault of the whole input has no field.
    fn sentence(&self) -> String {
        if self.field.is_empty() { self.message.clone() } else { format!("{}: {}", self.field, self.message) }
    }
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Refusal {
    /// What kind it is.
    pub kind: Kind,
    /// A stable word for programs.
    pub code: &'static str,
    /// A sentence for people.
    pub detail: String,
    /// The fields that are wrong; empty unless the kind is [`Kind::Invalid`].
    pub faults: Vec<Fault>,
}

impl Refusal {
    /// A refusal without fields.
    #[must_use]
    pub fn new(kind: Kind, code: &'static str, detail: impl Into<String>) -> Self {
        Self { kind, code, detail: detail.into(), faults: Vec::new() }
    }

    /// A refusal of everything that is wrong with a request. One kind of fault gives its own code to the whole.
    #[must_use]
    pub fn invalid(faults: Vec<Fault>) -> Self {
        let first = faults.first().map_or("invalid_request", |fault| fault.code);
        let code = if faults.iter().all(|fault| fault.code == first) { first } else { "invalid_request" };
        let sentences: Vec<_> = faults.iter().map(Fault::sentence).collect();
        Self { kind: Kind::Invalid, code, detail: sentences.join("; "), faults }
    }

    /// A refusal of one field.
    #[must_use]
    pub fn field(field: &str, code: &'static str, message: impl Into<String>) -> Self {
        Self::invalid(vec![Fault { field: field.into(), code, message: message.into() }])
    }

    /// A merchant that the environment does not have.
    #[must_use]
    pub fn unknown_merchant() -> Self {
        Self::field("merchant", "merchant_unknown", "is no merchant of this environment")
    }

    /// The object is not there or not the caller's.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(Kind::NotFound, "not_found", "there is no such object")
    }
}

/// An error of a flow: a refusal, or trouble with storage.
#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    /// The flow said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something inside failed that neither caller nor storage can help.
    #[error("{0}")]
    Internal(String),
}

impl From<VaultError> for FlowError {
    fn from(error: VaultError) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<SignatureError> for FlowError {
    fn from(error: SignatureError) -> Self {
        Self::Internal(error.to_string())
    }
}

impl TxError for FlowError {
    fn store_error(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            Self::Refused(_) | Self::Internal(_) => None,
        }
    }
}
