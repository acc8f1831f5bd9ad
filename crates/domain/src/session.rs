//! A checkout session: what a merchant wants to be paid for, usable exactly once.
//!
//! ```text
//! created (7 days) --initiate--> initiated (1 hour) --charge--> charged
//!        \------------------------------\------cancel--------> cancelled
//!         \------------------------------\-----the clock-----> expired
//! ```
//! `charged`, `cancelled` and `expired` are final. A session is judged expired when it is read: nothing has to run for
//! it to expire. Whoever sees that first writes it down, so that it stays so when the clock goes back.

use crate::contact::{Email, Phone};
use crate::environment::Environment;
use crate::id::{ChargeId, MerchantId, SessionId};
use crate::method::Method;
use crate::money::Money;
use crate::time::{Span, Timestamp};
use alloc::string::String;
use alloc::vec::Vec;

/// How long a customer may take to begin.
pub const CREATED_LIFE: Span = Span::days(7);
/// How long a customer may take to choose a method after beginning.
pub const INITIATED_LIFE: Span = Span::hours(1);

/// A session.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// Its id, a bearer value in the checkout link.
    pub id: SessionId,
    /// Whose session it is.
    pub merchant_id: MerchantId,
    /// The environment it belongs to.
    pub environment: Environment,
    /// What the merchant wants to receive.
    pub amount: Money,
    /// The order lines as JSON text, exactly as they were sent.
    pub orders: Option<String>,
    /// Methods offered to the customer, in the order in which they are shown. Never empty.
    pub methods: Vec<Method>,
    /// Where the merchant wants to be called when the charge completes.
    pub notify_url: Option<String>,
    /// The merchant's own text, returned in notices byte for byte.
    pub notify_payload: Option<String>,
    /// Where the checkout's last button leads.
    pub redirect_url: Option<String>,
    /// Customer details that fill the checkout's fields.
    pub prefill: Option<Prefill>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its state last changed.
    pub updated_at: Timestamp,
    /// Its state as last stored; ask [`Session::state_at`] for the state now.
    pub state: SessionState,
}

/// Customer details that a merchant already knows. Not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefill {
    /// E-mail address.
    pub email: Option<Email>,
    /// Phone number.
    pub phone: Option<Phone>,
}

/// The state of a session, with what only that state has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionState {
    /// Nobody has acted on the checkout page yet.
    Created {
        /// The instant from which it counts as expired.
        expires_at: Timestamp,
    },
    /// The customer has begun.
    Initiated {
        /// The instant from which it counts as expired.
        expires_at: Timestamp,
    },
    /// Its one charge exists.
    Charged {
        /// That charge.
        charge_id: ChargeId,
    },
    /// The customer has cancelled.
    Cancelled,
    /// Its time ran out without a charge.
    Expired,
}

/// What can be asked of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionCommand {
    /// The customer acts on the page for the first time.
    Initiate,
    /// The customer has chosen a method: this charge is the session's one charge.
    Charge(ChargeId),
    /// The customer gives up.
    Cancel,
}

/// Why a session refuses a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SessionRefusal {
    /// It already has its charge.
    #[error("the session has already been used")]
    Charged(ChargeId),
    /// It was cancelled.
    #[error("the session was cancelled")]
    Cancelled,
    /// Its time ran out.
    #[error("the session has expired")]
    Expired,
}

impl SessionState {
    /// The state of a new session.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self::Created { expires_at: now.plus(CREATED_LIFE) }
    }

    /// The name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created { .. } => "created",
            Self::Initiated { .. } => "initiated",
            Self::Charged { .. } => "charged",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }

    /// The state at an instant: an open session past its deadline is expired.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Self {
        match self {
            Self::Created { expires_at } | Self::Initiated { expires_at } if expires_at <= now => Self::Expired,
            Self::Created { .. } | Self::Initiated { .. } | Self::Charged { .. } | Self::Cancelled | Self::Expired => {
                self
            }
        }
    }

    /// Decides a command.
    ///
    /// # Errors
    /// [`SessionRefusal`] when the session is in a final state at `now`.
    pub fn decide(self, command: SessionCommand, now: Timestamp) -> Result<Self, SessionRefusal> {
        match self.at(now) {
            Self::Charged { charge_id } => Err(SessionRefusal::Charged(charge_id)),
            Self::Cancelled => Err(SessionRefusal::Cancelled),
            Self::Expired => Err(SessionRefusal::Expired),
            open @ (Self::Created { .. } | Self::Initiated { .. }) => Ok(match (command, open) {
                (SessionCommand::Charge(charge_id), _) => Self::Charged { charge_id },
                (SessionCommand::Cancel, _) => Self::Cancelled,
                (SessionCommand::Initiate, Self::Created { .. }) => {
                    Self::Initiated { expires_at: now.plus(INITIATED_LIFE) }
                }
                // Acting twice does not buy time.
                (SessionCommand::Initiate, unchanged) => unchanged,
            }),
        }
    }
}

impl Session {
    /// The state at an instant.
    #[must_use]
    pub fn state_at(&self, now: Timestamp) -> SessionState {
        self.state.at(now)
    }

    /// When the state that holds at `now` began: an expiry that nobody wrote down began at the deadline.
    #[must_use]
    pub fn updated_at(&self, now: Timestamp) -> Timestamp {
        match self.state {
            SessionState::Created { expires_at } | SessionState::Initiated { expires_at } if expires_at <= now => {
                expires_at
            }
            SessionState::Created { .. }
            | SessionState::Initiated { .. }
            | SessionState::Charged { .. }
            | SessionState::Cancelled
            | SessionState::Expired => self.updated_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000_000_000);

    fn charge() -> ChargeId {
        ChargeId::new(NOW, [7; 8])
    }

    #[test]
    fn every_status_answers_every_command_as_tabled() {
        use SessionCommand::{Cancel, Charge, Initiate};
        use SessionRefusal as No;
        use SessionState as Is;
        let open = NOW.plus(Span::millis(1));
        let hour = NOW.plus(INITIATED_LIFE);
        let other = ChargeId::new(NOW, [9; 8]);
        let table = [
            (Is::Created { expires_at: open }, Initiate, Ok(Is::Initiated { expires_at: hour })),
            (Is::Created { expires_at: open }, Charge(charge()), Ok(Is::Charged { charge_id: charge() })),
            (Is::Created { expires_at: open }, Cancel, Ok(Is::Cancelled)),
            (Is::Created { expires_at: NOW }, Initiate, Err(No::Expired)),
            (Is::Created { expires_at: NOW }, Charge(charge()), Err(No::Expired)),
            (Is::Created { expires_at: NOW }, Cancel, Err(No::Expired)),
            (Is::Initiated { expires_at: open }, Initiate, Ok(Is::Initiated { expires_at: open })),
            (Is::Initiated { expires_at: open }, Charge(charge()), Ok(Is::Charged { charge_id: charge() })),
            (Is::Initiated { expires_at: open }, Cancel, Ok(Is::Cancelled)),
            (Is::Initiated { expires_at: NOW }, Initiate, Err(No::Expired)),
            (Is::Initiated { expires_at: NOW }, Charge(charge()), Err(No::Expired)),
            (Is::Initiated { expires_at: NOW }, Cancel, Err(No::Expired)),
            (Is::Charged { charge_id: other }, Initiate, Err(No::Charged(other))),
            (Is::Charged { charge_id: other }, Charge(charge()), Err(No::Charged(other))),
            (Is::Charged { charge_id: other }, Cancel, Err(No::Charged(other))),
            (Is::Cancelled, Initiate, Err(No::Cancelled)),
            (Is::Cancelled, Charge(charge()), Err(No::Cancelled)),
            (Is::Cancelled, Cancel, Err(No::Cancelled)),
            (Is::Expired, Initiate, Err(No::Expired)),
            (Is::Expired, Charge(charge()), Err(No::Expired)),
            (Is::Expired, Cancel, Err(No::Expired)),
        ];
        for (state, command, expected) in table {
            assert_eq!(state.decide(command, NOW), expected, "{state:?} {command:?}");
        }
    }

    #[test]
    fn a_session_lives_seven_days_and_then_one_hour() {
        let created = SessionState::new(NOW);
        let last = NOW.plus(CREATED_LIFE).minus(Span::millis(1));
        assert_eq!(created.at(last), created);
        assert_eq!(created.at(NOW.plus(CREATED_LIFE)), SessionState::Expired);
        let initiated = created.decide(SessionCommand::Initiate, last).unwrap();
        assert_eq!(initiated.at(last.plus(INITIATED_LIFE).minus(Span::millis(1))), initiated);
        assert_eq!(initiated.at(last.plus(INITIATED_LIFE)), SessionState::Expired);
    }
}
