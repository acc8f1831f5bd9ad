//! Linking: whether two reports tell of one payment. The rule and its reasons are in
//! `docs/decisions/0005-one-payment-many-reports.md`.

use crate::matching::Policy;
use crate::nonce::Nonce;
use crate::time::{Span, Timestamp};
use crate::transfer::{Booked, ReportedTransfer};
use alloc::string::String;
use alloc::vec::Vec;

/// Feeds may date one payment differently by this much: entry and value dates nine days apart have been seen.
const LINK_WINDOW: Span = Span::days(10);
/// The fewest letters and digits of a text that say anything when another text contains them.
const TELLING_LETTERS: usize = 4;
/// The fewest letters of a payer's name that a feed has cut.
const CUT_NAME_LETTERS: usize = 8;

/// A kind of source. Reports of one feed are told apart by their identity, those of different feeds by [`likeness`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Feed {
    /// One by one: by the API, the command line or a sandbox merchant.
    Reported,
    /// ISO 20022 intraday reports.
    Camt052,
    /// ISO 20022 statements.
    Camt053,
    /// ISO 20022 notifications.
    Camt054,
    /// The older CSV export of DBS and POSB.
    DbsClassic,
    /// The CSV export of DBS and POSB since 2026.
    Dbs2026,
}

/// How sure it is that two reports of different feeds tell of one payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    /// They do not.
    Different,
    /// They may, or there are two payments that are much alike.
    Unclear,
    /// The payer agrees, or only the amount has to.
    Payer,
    /// The text agrees.
    Text,
    /// The nonces agree.
    Nonce,
    /// The bank's reference or the payer's end-to-end id agrees.
    Reference,
}

impl Feed {
    /// All feeds.
    pub const ALL: [Self; 6] =
        [Self::Reported, Self::Camt052, Self::Camt053, Self::Camt054, Self::DbsClassic, Self::Dbs2026];

    /// The name in the database: that of the file format or CSV profile.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Camt052 => "camt.052",
            Self::Camt053 => "camt.053",
            Self::Camt054 => "camt.054",
            Self::DbsClassic => "dbs-classic",
            Self::Dbs2026 => "dbs-2026",
        }
    }

    /// The feed of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|feed| feed.as_str() == name)
    }
}

/// Nonces as one text, equal for equal sets. Only nonces that charges of the book have had count: in text that a bank has
/// glued together others occur by chance.
#[must_use]
pub fn subject(nonces: impl IntoIterator<Item = Nonce>) -> String {
    let mut nonces: Vec<Nonce> = nonces.into_iter().collect();
    nonces.sort_unstable();
    nonces.dedup();
    nonces.iter().map(Nonce::as_str).collect::<Vec<_>>().join(" ")
}

/// The stored booking instants ([`Booked::instant`]) between which a transfer can have been booked at once with this one,
/// as reports without a nonce and without an id in common must be.
#[must_use]
pub fn window(reported: &ReportedTransfer) -> (Timestamp, Timestamp) {
    let day = Booked::On(Timestamp::from_millis(0));
    let (before, after) = (day.instant().since(day.earliest()), day.latest().since(day.instant()));
    (reported.booked.earliest().minus(after), reported.booked.latest().plus(before))
}

/// Compares two reports of one book by different feeds, each with its [`subject`]. `policy` is the account's.
#[must_use]
pub fn likeness(known: (&ReportedTransfer, &str), new: (&ReportedTransfer, &str), policy: Policy) -> Likeness {
    let ((known, known_nonces), (new, new_nonces)) = (known, new);
    if known.amount != new.amount || known.reversal != new.reversal {
        return Likeness::Different;
    }
    let same = |a: &Option<String>, b: &Option<String>| a.is_some() && a == b;
    if same(&known.bank_reference, &new.bank_reference) {
        return Likeness::Reference;
    }
    let is_near = distance(known.booked, new.booked) <= LINK_WINDOW;
    if is_near && same(&known.end_to_end_id, &new.end_to_end_id) {
        return Likeness::Reference;
    }
    if known_nonces != new_nonces {
        Likeness::Different
    } else if known_nonces.is_empty() {
        by_facts(known, new, policy)
    } else if is_near {
        Likeness::Nonce
    } else {
        Likeness::Unclear
    }
}

/// Two reports without a nonce.
fn by_facts(known: &ReportedTransfer, new: &ReportedTransfer, policy: Policy) -> Likeness {
    if distance(known.booked, new.booked) > Span::millis(0) {
        return Likeness::Different;
    }
    let payer = payers(known.payer_name.as_deref(), new.payer_name.as_deref());
    let text = texts(&known.texts, &new.texts);
    let amount_tells = match policy {
        Policy::Nonce => false,
        Policy::UniqueAmount | Policy::VirtualAccount => true,
    };
    match (payer, text) {
        (Agreement::Against, _) => Likeness::Different,
        (_, Agreement::For) => Likeness::Text,
        (Agreement::For, Agreement::Silent) => Likeness::Payer,
        (Agreement::Silent, Agreement::Silent | Agreement::Against) if amount_tells => Likeness::Payer,
        (Agreement::For, Agreement::Against) if amount_tells => Likeness::Payer,
        (Agreement::For, Agreement::Against) | (Agreement::Silent, Agreement::Silent | Agreement::Against) => {
            Likeness::Unclear
        }
    }
}

/// The time between two bookings at the least: nothing when they can have been at once.
fn distance(a: Booked, b: Booked) -> Span {
    let gap = |earlier: Timestamp, later: Timestamp| later.since(earlier).max(Span::millis(0));
    match (a, b) {
        // Two calendar days of one bank are in one time zone, whichever it is.
        (Booked::On(a), Booked::On(b)) => gap(a, b).max(gap(b, a)),
        (_, _) => gap(a.latest(), b.earliest()).max(gap(b.latest(), a.earliest())),
    }
}

/// What a fact says about two reports being one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Agreement {
    For,
    Silent,
    Against,
}

/// Feeds cut long names.
fn payers(a: Option<&str>, b: Option<&str>) -> Agreement {
    let (a, b) = (squeezed(a.unwrap_or_default()), squeezed(b.unwrap_or_default()));
    let (short, long) = if a.chars().count() <= b.chars().count() { (a, b) } else { (b, a) };
    if short.is_empty() {
        Agreement::Silent
    } else if short == long || (short.chars().count() >= CUT_NAME_LETTERS && long.starts_with(&short)) {
        Agreement::For
    } else {
        Agreement::Against
    }
}

/// The first text of a report is the payer's own in most feeds; others put words of the bank around it.
fn texts(a: &[String], b: &[String]) -> Agreement {
    let whole = |texts: &[String]| texts.iter().map(|text| squeezed(text)).collect::<String>();
    let first = |texts: &[String]| texts.iter().map(|text| squeezed(text)).find(|text| !text.is_empty());
    let (Some(first_a), Some(first_b)) = (first(a), first(b)) else { return Agreement::Silent };
    let (whole_a, whole_b) = (whole(a), whole(b));
    let stands_in = |part: &str, text: &str| part.chars().count() >= TELLING_LETTERS && text.contains(part);
    if whole_a == whole_b || stands_in(&first_a, &whole_b) || stands_in(&first_b, &whole_a) {
        Agreement::For
    } else {
        Agreement::Against
    }
}

fn squeezed(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charge::tests::{NOW, sgd};
    use crate::matching::mentions;
    use crate::nonce::{NonceLength, Strength};
    use alloc::format;
    use alloc::string::ToString;
    use alloc::vec;

    const DAY: Timestamp = Timestamp::from_millis(Span::days(20_000).as_millis());

    fn report(text: &str, payer: &str) -> ReportedTransfer {
        ReportedTransfer {
            amount: sgd(1200),
            booked: Booked::On(DAY),
            texts: if text.is_empty() { vec![] } else { vec![text.into()] },
            bank_reference: None,
            end_to_end_id: None,
            payer_name: (!payer.is_empty()).then(|| payer.into()),
            payer_account: None,
            reversal: false,
        }
    }

    fn nonce(seed: u128) -> String {
        (seed << 20..)
            .find_map(|n| Nonce::draw((n * 77).to_be_bytes(), NonceLength::DEFAULT, 1200, Strength::PerAmount))
            .unwrap()
            .to_string()
    }

    fn later(report: &ReportedTransfer, days: i64) -> ReportedTransfer {
        ReportedTransfer { booked: Booked::On(DAY.plus(Span::days(days))), ..report.clone() }
    }

    fn both_ways(a: &ReportedTransfer, b: &ReportedTransfer, policy: Policy) -> Likeness {
        let nonces = |report: &ReportedTransfer| subject(mentions(&report.references()).into_iter().map(|m| m.nonce));
        let (of_a, of_b) = (nonces(a), nonces(b));
        let found = likeness((a, of_a.as_str()), (b, of_b.as_str()), policy);
        assert_eq!(found, likeness((b, of_b.as_str()), (a, of_a.as_str()), policy), "{a:?} {b:?}");
        found
    }

    #[test]
    fn every_feed_is_found_by_its_name() {
        for feed in Feed::ALL {
            assert_eq!(Feed::named(feed.as_str()), Some(feed));
        }
        assert_eq!(Feed::named("csv"), None);
    }

    #[test]
    fn the_nonce_links_whatever_else_differs_but_the_amount() {
        let (a, b) = (nonce(1), nonce(2));
        let notice = ReportedTransfer { bank_reference: Some("WEB-1".into()), ..report(&a, "") };
        let row = ReportedTransfer {
            texts: vec!["Incoming PayNow Ref 5425794".into(), "From: TAN".into(), format!("OTHR {}", a.to_uppercase())],
            bank_reference: Some("B2".into()),
            ..report("", "TAN")
        };
        assert_eq!(both_ways(&notice, &row, Policy::Nonce), Likeness::Nonce);
        assert_eq!(both_ways(&notice, &later(&row, 10), Policy::Nonce), Likeness::Nonce);
        assert_eq!(both_ways(&notice, &later(&row, 11), Policy::Nonce), Likeness::Unclear);
        assert_eq!(both_ways(&notice, &report(&b, ""), Policy::Nonce), Likeness::Different);
        assert_eq!(both_ways(&notice, &report("rent", ""), Policy::UniqueAmount), Likeness::Different);
        assert_eq!(both_ways(&notice, &report(&format!("{a} {b}"), ""), Policy::Nonce), Likeness::Different);
        let dearer = ReportedTransfer { amount: sgd(1201), ..row.clone() };
        assert_eq!(both_ways(&notice, &dearer, Policy::Nonce), Likeness::Different);
        let returned = ReportedTransfer { reversal: true, ..row };
        assert_eq!(both_ways(&notice, &returned, Policy::Nonce), Likeness::Different);
    }

    #[test]
    fn references_link_without_any_text() {
        let with = |reference: &str, id: &str| ReportedTransfer {
            bank_reference: Some(reference.into()),
            end_to_end_id: Some(id.into()),
            ..report(id, "")
        };
        assert_eq!(both_ways(&with("A", "1"), &later(&with("A", "2"), 99), Policy::Nonce), Likeness::Reference);
        assert_eq!(both_ways(&with("A", "1"), &later(&with("B", "1"), 10), Policy::Nonce), Likeness::Reference);
        assert_eq!(both_ways(&with("A", "1"), &later(&with("B", "1"), 11), Policy::Nonce), Likeness::Different);
    }

    #[test]
    fn without_a_nonce_the_day_and_the_payer_or_the_text_must_agree() {
        for (a, b, expected) in [
            (report("rent", "TAN AH KOW"), report("OTHR rent", "Tan Ah Kow"), Likeness::Text),
            (report("rent", ""), report("OTHR rent", "TAN"), Likeness::Text),
            (report("", "TAN AH KOW"), report("OTHR rent", "TAN AH KOW"), Likeness::Payer),
            (report("", "MOHAMED ABDUL RAHMAN BIN ALI"), report("x", "MOHAMED ABDUL RA"), Likeness::Payer),
            (report("rent", "TAN AH KOW"), report("food", "TAN AH KOW"), Likeness::Unclear),
            (report("rent", "TAN"), report("rent", "LIM"), Likeness::Different),
            (report("rent", "TAN"), later(&report("rent", "TAN"), 1), Likeness::Different),
            (report("", ""), report("rent", "TAN"), Likeness::Unclear),
            (report("abc", ""), report("abcd", ""), Likeness::Unclear),
        ] {
            assert_eq!(both_ways(&a, &b, Policy::Nonce), expected, "{a:?} {b:?}");
        }
    }

    #[test]
    fn where_amounts_are_unique_the_amount_and_the_day_are_enough() {
        for policy in [Policy::UniqueAmount, Policy::VirtualAccount] {
            assert_eq!(both_ways(&report("", ""), &report("PromptPay", ""), policy), Likeness::Payer);
            assert_eq!(both_ways(&report("", "A"), &report("", "B"), policy), Likeness::Different);
            assert_eq!(both_ways(&report("", ""), &later(&report("", ""), 1), policy), Likeness::Different);
        }
    }

    #[test]
    fn an_instant_fits_every_day_that_it_can_be_on() {
        let at =
            |hours: i64| ReportedTransfer { booked: Booked::At(DAY.plus(Span::hours(hours))), ..report("rent", "") };
        for (hours, expected) in
            [(-14, Likeness::Text), (36, Likeness::Text), (-15, Likeness::Different), (37, Likeness::Different)]
        {
            assert_eq!(both_ways(&report("rent", ""), &at(hours), Policy::Nonce), expected, "{hours}");
            let (from, until) = window(&at(hours));
            assert_eq!(from <= DAY && DAY <= until, expected == Likeness::Text, "{hours}");
            let (from, until) = window(&report("rent", ""));
            let instant = at(hours).booked.instant();
            assert!(from <= instant && instant <= until, "{hours}");
        }
        let undated = ReportedTransfer { booked: Booked::Unsaid(NOW), ..report("rent", "") };
        assert_eq!(both_ways(&report("rent", ""), &undated, Policy::Nonce), Likeness::Different);
    }
}
