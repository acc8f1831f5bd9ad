//! A charge: one customer's payment that is waited for, and what became of it.
//!
//! ```text
//! pending --money in full--> completed            expired --money in full, booked within 7 days--> completed (paid late)
//!    |-----cancel----------> cancelled            completed --more money--> completed (surplus kept)
//!    \-----the clock-------> expired
//! ```

use crate::contact::{Email, Phone};
use crate::environment::Environment;
use crate::exchange::LockedRate;
use crate::id::{AccountId, ChargeId, CustomerId, MerchantId, SessionId};
use crate::method::Method;
use crate::money::{Money, MoneyError};
use crate::time::{Span, Timestamp};
use alloc::string::String;

/// How long after its expiry money may be booked that still completes a charge.
pub const LATE_GRACE: Span = Span::days(7);
/// How long a nonce stays out of use after its charge has closed.
pub const NONCE_COOL_DOWN: Span = Span::days(60);

/// A charge.
#[derive(Debug, Clone, PartialEq)]
pub struct Charge {
    /// Its id.
    pub id: ChargeId,
    /// Whose charge it is.
    pub merchant_id: MerchantId,
    /// The environment it belongs to.
    pub environment: Environment,
    /// The session that it came from, if any.
    pub session_id: Option<SessionId>,
    /// Who pays.
    pub customer_id: CustomerId,
    /// The customer's e-mail address at the time, if one was given.
    pub email: Option<Email>,
    /// The customer's phone at the time, if one was given.
    pub phone: Option<Phone>,
    /// What the merchant asked for.
    pub merchant_amount: Money,
    /// What the customer is asked to pay, fixed at creation.
    pub customer_amount: Money,
    /// The rate between the two, when the currencies differ.
    pub rate: Option<LockedRate>,
    /// How the customer pays.
    pub method: Method,
    /// Where the customer pays to.
    pub destination: Destination,
    /// The order lines as JSON text, exactly as they were sent.
    pub orders: Option<String>,
    /// Where the merchant wants to be called when the charge completes.
    pub notify_url: Option<String>,
    /// The merchant's own text, returned in notices byte for byte.
    pub notify_payload: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// From when on a pending charge counts as expired.
    pub expires_at: Timestamp,
    /// Money received for it so far, in the customer's currency.
    pub received: Money,
    /// Its state as last stored; ask [`Charge::status_at`] for the status now.
    pub state: ChargeState,
}

/// Where the customer must send the money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The receiving account as a row.
    pub account_id: AccountId,
    /// The account as the payer sees it.
    pub account: String,
    /// Name of its holder.
    pub account_name: String,
    /// Name of its bank; empty when the rail needs none.
    pub bank: String,
    /// The word that the payment must carry.
    pub nonce: String,
    /// The QR's text; empty on rails that have none.
    pub qr_code: String,
}

/// The state of a charge, with what only that state has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChargeState {
    /// Money is waited for.
    Pending,
    /// It is paid.
    Completed {
        /// When the gateway learnt of it.
        completed_at: Timestamp,
        /// Whether the charge had already expired.
        paid_late: bool,
    },
    /// Its time ran out.
    Expired {
        /// Its deadline.
        expired_at: Timestamp,
    },
    /// It was called off before money came.
    Cancelled {
        /// When.
        cancelled_at: Timestamp,
    },
}

/// The status of a charge in the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChargeStatus {
    /// Money is waited for.
    Pending,
    /// Paid.
    Completed,
    /// Time ran out.
    Expired,
    /// Called off.
    Cancelled,
}

/// What can happen to a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChargeCommand {
    /// Merchant or customer calls it off.
    Cancel,
    /// The clock has passed its deadline.
    Expire,
    /// Money that names it has come in.
    Credit {
        /// The money.
        money: Money,
        /// The earliest instant at which it can have been booked.
        booked_from: Timestamp,
    },
}

/// What a command has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChargeEvent {
    /// Called off.
    Cancelled,
    /// Closed by the clock.
    Expired,
    /// Paid exactly.
    Matched,
    /// Part of the amount came; the rest is waited for.
    PartPaid,
    /// Paid, and this much more than asked.
    Overpaid {
        /// The surplus, kept for a refund.
        surplus: Money,
    },
    /// Paid in full after its expiry.
    PaidLate,
}

/// Why a charge refuses a command. The variants stand in the order in which they are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChargeRefusal {
    /// The money is of another currency, or sums that no amount can hold.
    #[error("the money cannot be added to the charge: {0}")]
    Money(#[from] MoneyError),
    /// It is no longer pending.
    #[error("the charge is no longer pending")]
    NotPending(ChargeStatus),
    /// Its deadline has not come.
    #[error("the charge is not due to expire")]
    NotDue,
    /// It expired and the money is not enough, or was booked after the grace period.
    #[error("the charge has expired")]
    TooLate,
}

impl ChargeStatus {
    /// All statuses.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Completed, Self::Expired, Self::Cancelled];

    /// The name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Completed => "completed",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }
}

impl ChargeState {
    /// The status as stored.
    #[must_use]
    pub fn status(self) -> ChargeStatus {
        match self {
            Self::Pending => ChargeStatus::Pending,
            Self::Completed { .. } => ChargeStatus::Completed,
            Self::Expired { .. } => ChargeStatus::Expired,
            Self::Cancelled { .. } => ChargeStatus::Cancelled,
        }
    }
}

impl Charge {
    /// The state at an instant: a pending charge past its deadline is expired.
    #[must_use]
    pub fn state_at(&self, now: Timestamp) -> ChargeState {
        match self.state {
            ChargeState::Pending if self.expires_at <= now => ChargeState::Expired { expired_at: self.expires_at },
            state @ (ChargeState::Pending
            | ChargeState::Completed { .. }
            | ChargeState::Expired { .. }
            | ChargeState::Cancelled { .. }) => state,
        }
    }

    /// The status at an instant.
    #[must_use]
    pub fn status_at(&self, now: Timestamp) -> ChargeStatus {
        self.state_at(now).status()
    }

    /// When the status that holds at `now` began: an expiry that nobody wrote down began at the deadline.
    #[must_use]
    pub fn updated_at(&self, now: Timestamp) -> Timestamp {
        if self.state == ChargeState::Pending && self.expires_at <= now { self.expires_at } else { self.updated_at }
    }

    /// What is still to be paid; nothing when it is paid in full.
    #[must_use]
    pub fn outstanding(&self) -> Money {
        self.customer_amount.checked_sub(self.received).unwrap_or(Money::zero(self.customer_amount.currency()))
    }

    /// Decides a command: the charge as it will be, and what has changed.
    ///
    /// # Errors
    /// [`ChargeRefusal`]; the charge stays as it is.
    pub fn decide(&self, command: ChargeCommand, now: Timestamp) -> Result<(Self, ChargeEvent), ChargeRefusal> {
        let (state, received, event) = match command {
            ChargeCommand::Cancel => (self.cancel(now)?, self.received, ChargeEvent::Cancelled),
            ChargeCommand::Expire => (self.expire(now)?, self.received, ChargeEvent::Expired),
            ChargeCommand::Credit { money, booked_from } => self.credit(money, booked_from, now)?,
        };
        Ok((Self { state, received, updated_at: now, ..self.clone() }, event))
    }

    fn cancel(&self, now: Timestamp) -> Result<ChargeState, ChargeRefusal> {
        match self.status_at(now) {
            ChargeStatus::Pending => Ok(ChargeState::Cancelled { cancelled_at: now }),
            status @ (ChargeStatus::Completed | ChargeStatus::Expired | ChargeStatus::Cancelled) => {
                Err(ChargeRefusal::NotPending(status))
            }
        }
    }

    fn expire(&self, now: Timestamp) -> Result<ChargeState, ChargeRefusal> {
        match self.state {
            ChargeState::Pending if self.expires_at <= now => Ok(ChargeState::Expired { expired_at: self.expires_at }),
            ChargeState::Pending => Err(ChargeRefusal::NotDue),
            ChargeState::Completed { .. } | ChargeState::Expired { .. } | ChargeState::Cancelled { .. } => {
                Err(ChargeRefusal::NotPending(self.state.status()))
            }
        }
    }

    /// Money is late by the instant of its booking and not by when the gateway learns of it: statements come at night, or
    /// once a month.
    fn credit(
        &self,
        money: Money,
        booked_from: Timestamp,
        now: Timestamp,
    ) -> Result<(ChargeState, Money, ChargeEvent), ChargeRefusal> {
        let received = self.received.checked_add(money)?;
        let surplus = received.checked_sub(self.customer_amount);
        match self.state_at(now) {
            ChargeState::Pending => {
                let completed = ChargeState::Completed { completed_at: now, paid_late: false };
                Ok(match surplus {
                    Err(_) => (ChargeState::Pending, received, ChargeEvent::PartPaid),
                    Ok(surplus) if surplus.is_zero() => (completed, received, ChargeEvent::Matched),
                    Ok(surplus) => (completed, received, ChargeEvent::Overpaid { surplus }),
                })
            }
            ChargeState::Expired { expired_at } => {
                if surplus.is_err() || booked_from > expired_at.plus(LATE_GRACE) {
                    return Err(ChargeRefusal::TooLate);
                }
                Ok((ChargeState::Completed { completed_at: now, paid_late: true }, received, ChargeEvent::PaidLate))
            }
            state @ ChargeState::Completed { .. } => Ok((state, received, ChargeEvent::Overpaid { surplus: money })),
            ChargeState::Cancelled { .. } => Err(ChargeRefusal::NotPending(ChargeStatus::Cancelled)),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::currency::Currency;

    pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_600_000_000_000);

    pub(crate) fn sgd(minor: i64) -> Money {
        Money::from_minor(minor, Currency::SGD).unwrap()
    }

    pub(crate) fn pending_charge() -> Charge {
        Charge {
            id: ChargeId::new(NOW, [1; 8]),
            merchant_id: MerchantId::new(NOW, [2; 8]),
            environment: Environment::Sandbox,
            session_id: None,
            customer_id: CustomerId::new(NOW, [3; 8]),
            email: None,
            phone: None,
            merchant_amount: sgd(3500),
            customer_amount: sgd(3500),
            rate: None,
            method: Method::Paynow,
            destination: Destination {
                account_id: AccountId::new(NOW, [4; 8]),
                account: "+6585867834".into(),
                account_name: "DN".into(),
                bank: String::new(),
                nonce: "bagihotek".into(),
                qr_code: String::new(),
            },
            orders: None,
            notify_url: None,
            notify_payload: None,
            created_at: NOW,
            updated_at: NOW,
            expires_at: NOW.plus(Span::minutes(60)),
            received: sgd(0),
            state: ChargeState::Pending,
        }
    }

    fn check(
        before: &Charge,
        command: ChargeCommand,
        now: Timestamp,
        expected: Result<(ChargeState, i64, ChargeEvent), ChargeRefusal>,
    ) {
        let decided = before.decide(command, now).map(|(after, event)| (after.state, after.received.minor(), event));
        assert_eq!(decided, expected, "{:?} {command:?}", before.state);
    }

    #[test]
    fn every_status_answers_every_command_as_tabled() {
        use ChargeCommand::{Cancel, Expire};
        use ChargeRefusal::{NotDue, NotPending, TooLate};
        use ChargeStatus as Status;
        let pending = pending_charge();
        let due = pending.expires_at;
        let grace_end = due.plus(LATE_GRACE);
        let past_grace = grace_end.plus(Span::millis(1));
        let with = |state| Charge { state, ..pending.clone() };
        let done = ChargeState::Completed { completed_at: NOW, paid_late: false };
        let gone = ChargeState::Expired { expired_at: due };
        let off = ChargeState::Cancelled { cancelled_at: NOW };
        let paid = with(done);
        let paid = Charge { received: sgd(3500), ..paid };
        let (expired, cancelled) = (with(gone), with(off));
        let credit = |minor, booked_from| ChargeCommand::Credit { money: sgd(minor), booked_from };
        let late = |at| ChargeState::Completed { completed_at: at, paid_late: true };
        let over = |minor| ChargeEvent::Overpaid { surplus: sgd(minor) };
        let table = [
            (&pending, Cancel, NOW, Ok((off, 0, ChargeEvent::Cancelled))),
            (&pending, Cancel, due, Err(NotPending(Status::Expired))),
            (&pending, Expire, NOW, Err(NotDue)),
            (&pending, Expire, due, Ok((gone, 0, ChargeEvent::Expired))),
            (&pending, credit(3500, NOW), NOW, Ok((done, 3500, ChargeEvent::Matched))),
            (&pending, credit(3499, NOW), NOW, Ok((ChargeState::Pending, 3499, ChargeEvent::PartPaid))),
            (&pending, credit(3501, NOW), NOW, Ok((done, 3501, over(1)))),
            (&pending, credit(3500, due), due, Ok((late(due), 3500, ChargeEvent::PaidLate))),
            (&pending, credit(3499, due), due, Err(TooLate)),
            (&paid, Cancel, NOW, Err(NotPending(Status::Completed))),
            (&paid, Expire, due, Err(NotPending(Status::Completed))),
            (&paid, credit(10, NOW), NOW, Ok((done, 3510, over(10)))),
            (&expired, Cancel, due, Err(NotPending(Status::Expired))),
            (&expired, Expire, due, Err(NotPending(Status::Expired))),
            (&expired, credit(3500, grace_end), grace_end, Ok((late(grace_end), 3500, ChargeEvent::PaidLate))),
            (&expired, credit(3500, past_grace), past_grace, Err(TooLate)),
            (&expired, credit(3500, grace_end), past_grace, Ok((late(past_grace), 3500, ChargeEvent::PaidLate))),
            (&expired, credit(3500, NOW), past_grace, Ok((late(past_grace), 3500, ChargeEvent::PaidLate))),
            (&expired, credit(3499, NOW), due, Err(TooLate)),
            (&cancelled, Cancel, NOW, Err(NotPending(Status::Cancelled))),
            (&cancelled, Expire, due, Err(NotPending(Status::Cancelled))),
            (&cancelled, credit(3500, NOW), NOW, Err(NotPending(Status::Cancelled))),
        ];
        for (before, command, now, expected) in table {
            check(before, command, now, expected);
        }
    }

    #[test]
    fn parts_add_up_to_a_completed_charge() {
        let (part, _) =
            pending_charge().decide(ChargeCommand::Credit { money: sgd(1500), booked_from: NOW }, NOW).unwrap();
        assert_eq!(part.outstanding(), sgd(2000));
        let (whole, event) = part.decide(ChargeCommand::Credit { money: sgd(2000), booked_from: NOW }, NOW).unwrap();
        assert_eq!(
            (whole.status_at(NOW), event, whole.outstanding()),
            (ChargeStatus::Completed, ChargeEvent::Matched, sgd(0))
        );
    }

    #[test]
    fn money_of_another_currency_is_refused_before_anything_else() {
        let foreign = Money::from_minor(3500, Currency::HKD).unwrap();
        let refusal =
            pending_charge().decide(ChargeCommand::Credit { money: foreign, booked_from: NOW }, NOW).unwrap_err();
        assert_eq!(refusal, ChargeRefusal::Money(MoneyError::CurrencyMismatch));
    }
}
