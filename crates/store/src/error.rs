//! What can go wrong with storage.

/// A storage error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Somebody else changed the same row first; the transaction did nothing.
    #[error("the row was changed by another transaction")]
    Conflict,
    /// A lock could not be had in time or the database chose this transaction to end a deadlock; nothing was done.
    #[error("the database is busy")]
    Busy,
    /// The database cannot be reached, or its disk cannot be written or read; nothing was done.
    #[error("the database cannot be reached: {0}")]
    Unavailable(String),
    /// The connection was lost while committing: the change may or may not be stored.
    #[error("it is not known whether the change was stored: {0}")]
    Unknown(String),
    /// A stored value is none that this program writes.
    #[error("{table}.{column} of {id} holds an impossible value")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row's id, or what is known of it.
        id: String,
    },
    /// The schema is not the one that this program needs.
    #[error("{0}")]
    Schema(String),
    /// The database refused a statement.
    #[error("the database refused a statement: {0}")]
    Driver(String),
}

impl StoreError {
    /// Whether running the same transaction again can succeed.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Conflict | Self::Busy => true,
            Self::Unavailable(_) | Self::Unknown(_) | Self::Corrupt { .. } | Self::Schema(_) | Self::Driver(_) => false,
        }
    }
}

/// An error of a transaction body, which may wrap a storage error.
pub trait TxError: From<StoreError> + Send + 'static {
    /// The storage error inside, if that is what it is.
    fn store_error(&self) -> Option<&StoreError>;
}

impl TxError for StoreError {
    fn store_error(&self) -> Option<&StoreError> {
        Some(self)
    }
}
