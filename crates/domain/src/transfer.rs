//! Incoming transfers: money that a bank reports on one of the receiving accounts.

use crate::id::{AccountId, ChargeId, TransferId};
use crate::linking::{Feed, squeezed};
use crate::matching::{Outcome, Reason};
use crate::money::Money;
use crate::time::{Span, Timestamp};
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// A transfer as it was reported, before it is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportedTransfer {
    /// What came in.
    pub amount: Money,
    /// When it was booked, as precisely as the source says.
    pub booked: Booked,
    /// Every text that came with it, in the bank's order.
    pub texts: Vec<String>,
    /// The bank's own unique id of the entry.
    pub bank_reference: Option<String>,
    /// The payer's end-to-end id.
    pub end_to_end_id: Option<String>,
    /// The payer's name.
    pub payer_name: Option<String>,
    /// The payer's account.
    pub payer_account: Option<String>,
    /// Whether the bank marks it as a reversal or return.
    pub reversal: bool,
}

/// When a transfer was booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Booked {
    /// At an instant.
    At(Timestamp),
    /// On a calendar day, which begins at this instant in UTC. The bank's time zone is not known.
    On(Timestamp),
    /// The source does not say; the gateway heard of it at this instant.
    Unsaid(Timestamp),
}

impl Booked {
    /// The earliest instant that can be meant: a day begins first at UTC+14.
    #[must_use]
    pub fn earliest(self) -> Timestamp {
        match self {
            Self::At(instant) | Self::Unsaid(instant) => instant,
            Self::On(day) => day.minus(Span::hours(14)),
        }
    }

    /// The latest instant that can be meant: a day ends last at UTC-12.
    #[must_use]
    pub fn latest(self) -> Timestamp {
        match self {
            Self::At(instant) | Self::Unsaid(instant) => instant,
            Self::On(day) => day.plus(Span::hours(36)),
        }
    }

    /// The calendar day in days since 1970-01-01, UTC for an instant; nothing when the source does not say.
    #[must_use]
    pub fn day(self) -> Option<i64> {
        match self {
            Self::At(instant) | Self::On(instant) => Some(instant.as_millis().div_euclid(Span::days(1).as_millis())),
            Self::Unsaid(_) => None,
        }
    }

    /// The instant that is stored: the day's first one for a day.
    #[must_use]
    pub fn instant(self) -> Timestamp {
        let (Self::At(instant) | Self::On(instant) | Self::Unsaid(instant)) = self;
        instant
    }
}

/// A stored transfer with its outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// Its id.
    pub id: TransferId,
    /// The account that it came in on.
    pub account_id: AccountId,
    /// The bank account behind it: the oldest of the receiving accounts that share it.
    pub book_id: AccountId,
    /// What was reported.
    pub reported: ReportedTransfer,
    /// Where the report came from: `api`, `sandbox`, `command`, `statement`.
    pub source: String,
    /// The feed that told of it first.
    pub feed: Feed,
    /// What makes it the same transfer when that feed tells of it again; unique per book and feed.
    pub identity: String,
    /// The nonces of charges that it mentions, as [`crate::linking::subject`] writes them.
    pub subject: String,
    /// When the gateway learnt of it.
    pub received_at: Timestamp,
    /// What happened to it.
    pub outcome: Outcome,
    /// Why.
    pub reason: Reason,
    /// The charge that it was credited to; nothing while it is held.
    pub charge_id: Option<ChargeId>,
}

impl ReportedTransfer {
    /// What makes this transfer the same one when its feed tells of it again.
    ///
    /// The bank's own id, where there is one. Otherwise the facts of the entry and `occurrence`, counted from 1 among
    /// equal entries: the second of two equal rows of a day is the second equal row of that day in any other file, so
    /// that overlapping files change nothing and true twins stay two.
    #[must_use]
    pub fn identity(&self, occurrence: u32) -> String {
        match (&self.bank_reference, occurrence) {
            (Some(_), 1) => self.fingerprint(),
            (_, _) => format!("{}#{occurrence}", self.fingerprint()),
        }
    }

    /// What two equal entries share: their identity without an occurrence number.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        if let Some(reference) = &self.bank_reference {
            return format!("ref:{reference}:{}", self.amount.minor());
        }
        let text: String = self.texts.iter().map(|text| squeezed(text)).collect();
        let day = self.booked.day().map_or_else(|| "-".to_owned(), |day| day.to_string());
        let mut row = format!("row:{day}:{}:{}:{text}", self.amount.minor(), self.amount.currency());
        // Files that hold only what is new number their rows from 1 each: what tells two payers apart must be in.
        for id in [&self.end_to_end_id, &self.payer_account].into_iter().flatten() {
            row.push(':');
            row.push_str(id);
        }
        if let Some(name) = &self.payer_name {
            row.push_str(":by:");
            row.push_str(name);
        }
        if self.reversal {
            row.push_str(":reversal");
        }
        row
    }

    /// Every text in which a payer's reference may stand.
    #[must_use]
    pub fn references(&self) -> Vec<&str> {
        self.texts.iter().chain(&self.end_to_end_id).map(String::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charge::tests::{NOW, sgd};

    fn reported(text: &str, bank_reference: Option<&str>) -> ReportedTransfer {
        ReportedTransfer {
            amount: sgd(3500),
            booked: Booked::At(NOW),
            texts: alloc::vec![text.into()],
            bank_reference: bank_reference.map(Into::into),
            end_to_end_id: None,
            payer_name: None,
            payer_account: None,
            reversal: false,
        }
    }

    #[test]
    fn the_banks_own_id_makes_two_reports_one_transfer() {
        assert_eq!(reported("a", Some("X1")).identity(1), reported("b", Some("X1")).identity(1));
        assert_ne!(reported("a", Some("X1")).identity(1), reported("a", Some("X1")).identity(2));
        assert_ne!(reported("a", Some("X1")).identity(1), reported("a", Some("X2")).identity(1));
    }

    #[test]
    fn without_an_id_equal_rows_are_told_apart_by_their_occurrence() {
        assert_eq!(reported("Ref  A", None).identity(1), reported("ref a", None).identity(1));
        assert_ne!(reported("a", None).identity(1), reported("a", None).identity(2));
        assert_ne!(reported("a", None).identity(1), reported("b", None).identity(1));
    }

    #[test]
    fn equal_rows_of_two_payers_are_two_rows() {
        let by = |id: Option<&str>, account: Option<&str>| ReportedTransfer {
            end_to_end_id: id.map(Into::into),
            payer_account: account.map(Into::into),
            ..reported("a", None)
        };
        let named = |name: &str| ReportedTransfer { payer_name: Some(name.into()), ..reported("a", None) };
        let all = [
            by(None, None),
            by(Some("E1"), None),
            by(Some("E2"), None),
            by(None, Some("0071")),
            by(None, Some("0072")),
            named("ANNA"),
            named("BERT"),
            ReportedTransfer { reversal: true, ..reported("a", None) },
        ];
        for (place, row) in all.iter().enumerate() {
            assert_eq!(all.iter().position(|other| other.identity(1) == row.identity(1)), Some(place));
        }
    }

    #[test]
    fn a_bare_day_covers_every_time_zone() {
        let day = Booked::On(Timestamp::from_millis(Span::days(20_000).as_millis()));
        assert_eq!(day.latest().since(day.earliest()), Span::hours(50));
        assert_eq!(day.day(), Some(20_000));
    }

    #[test]
    fn an_entry_without_a_date_is_the_same_on_whatever_day_it_is_read() {
        let read_at = |instant| ReportedTransfer { booked: Booked::Unsaid(instant), ..reported("a", None) };
        assert_eq!(read_at(NOW).identity(1), read_at(NOW.plus(Span::days(3))).identity(1));
        assert_ne!(read_at(NOW).identity(1), reported("a", None).identity(1));
    }
}
