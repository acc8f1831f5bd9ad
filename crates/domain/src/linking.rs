//! Linking: whether two reports tell of one payment. The rule and its reasons are in
//! `docs/decisions/0005-one-payment-many-reports.md`.

use crate::id::ChargeId;
use crate::matching::Policy;
use crate::nonce::Nonce;
use crate::payer::{Agreement, payers};
use crate::time::{Span, Timestamp};
use crate::transfer::{Booked, ReportedTransfer};
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Reverse;

/// Feeds may date one payment differently by this much where a nonce or a reference tells it: entry and value dates nine
/// days apart have been seen.
const LINK_WINDOW: Span = Span::days(10);
/// Feeds date one payment differently by this much as a rule: evening payments go to the next business day.
pub const REDATED_WITHIN: Span = Span::days(4);
/// The fewest letters and digits of a text that say anything when another text contains them.
const TELLING_LETTERS: usize = 4;
/// The fewest characters of an end-to-end id that is the payment's own.
const TELLING_ID: usize = 6;

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
    /// The CSV export of DBS and POSB of early 2026.
    Dbs2026Ref,
    /// The CSV export of DBS and POSB since then.
    Dbs2026,
}

/// What amounts say on a bank account, by the policies of its receiving accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amounts {
    /// Nothing: every charge waits for its nonce.
    Silent,
    /// They may pay charges of some accounts, while charges of others wait for their nonces.
    Propose,
    /// They tell payments apart.
    Tell,
}

/// A report with what its words and its amount have come to.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// The report.
    pub reported: &'a ReportedTransfer,
    /// Its nonces, as [`subject`] writes them.
    pub subject: &'a str,
    /// The charge that it has paid or, when it is new, the only one that it names.
    pub charge: Option<ChargeId>,
}

/// How sure it is that two reports tell of one payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    /// They do not.
    Different,
    /// They may, or there are two payments that are much alike.
    Unclear,
    /// The amount agrees where amounts tell payments apart, and nothing contradicts it: one payment, unless a charge waits
    /// for that amount.
    Amount,
    /// The payer agrees as well, or the nonce of one report is that of the charge which the amount of the other has paid.
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
    pub const ALL: [Self; 7] = [
        Self::Reported,
        Self::Camt052,
        Self::Camt053,
        Self::Camt054,
        Self::DbsClassic,
        Self::Dbs2026Ref,
        Self::Dbs2026,
    ];

    /// The name in the database: that of the file format or CSV profile.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Camt052 => "camt.052",
            Self::Camt053 => "camt.053",
            Self::Camt054 => "camt.054",
            Self::DbsClassic => "dbs-classic",
            Self::Dbs2026Ref => "dbs-2026-ref",
            Self::Dbs2026 => "dbs-2026",
        }
    }

    /// The feed of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|feed| feed.as_str() == name)
    }
}

impl Told<'_> {
    /// Whether it has no nonce and has paid nothing.
    fn is_held_without_nonce(&self) -> bool {
        self.subject.is_empty() && self.charge.is_none()
    }
}

impl Amounts {
    /// What amounts say where accounts have these policies.
    #[must_use]
    pub fn of(policies: impl IntoIterator<Item = Policy>) -> Self {
        let by_nonce: Vec<bool> = policies.into_iter().map(|policy| policy == Policy::Nonce).collect();
        match (by_nonce.contains(&true), by_nonce.contains(&false)) {
            (_, false) => Self::Silent,
            (true, true) => Self::Propose,
            (false, true) => Self::Tell,
        }
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

/// The stored booking instants ([`Booked::instant`]) between which a transfer of another feed can tell of the same payment
/// as this report, where neither the nonce nor an id says so.
#[must_use]
pub fn window(reported: &ReportedTransfer) -> (Timestamp, Timestamp) {
    let day = Booked::On(Timestamp::from_millis(0));
    let (before, after) = (day.instant().since(day.earliest()), day.latest().since(day.instant()));
    (
        reported.booked.earliest().minus(after).minus(REDATED_WITHIN),
        reported.booked.latest().plus(before).plus(REDATED_WITHIN),
    )
}

/// An end-to-end id that is the payment's own. Constants such as `NOTPROVIDED`, words and short numbers say nothing.
#[must_use]
pub fn telling_id(reported: &ReportedTransfer) -> Option<&str> {
    let id = reported.end_to_end_id.as_deref()?;
    let mut digits = id.chars().filter(char::is_ascii_digit);
    let tells = id.chars().count() >= TELLING_ID && digits.any(|digit| digit != '0');
    tells.then_some(id)
}

/// What the nonces of two reports say about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nonces {
    Neither,
    Same,
    One,
    Other,
}

impl Nonces {
    fn of(a: &Told<'_>, b: &Told<'_>) -> Self {
        match (a.subject.is_empty(), b.subject.is_empty()) {
            (true, true) => Self::Neither,
            (true, false) | (false, true) => Self::One,
            (false, false) if a.subject == b.subject => Self::Same,
            (false, false) => Self::Other,
        }
    }
}

/// Compares a transfer of a bank account with a new report of another feed.
#[must_use]
pub fn likeness(known: &Told<'_>, new: &Told<'_>, amounts: Amounts) -> Likeness {
    let (a, b) = (known.reported, new.reported);
    let nonces = Nonces::of(known, new);
    if a.amount != b.amount || a.reversal != b.reversal || nonces == Nonces::Other {
        return Likeness::Different;
    }
    let apart = distance(a.booked, b.booked);
    let payer = payers(a.payer_name.as_deref(), b.payer_name.as_deref());
    let same_id = apart <= LINK_WINDOW && telling_id(a).is_some() && telling_id(a) == telling_id(b);
    if same_id || (a.bank_reference.is_some() && a.bank_reference == b.bank_reference) {
        return by_reference(nonces, apart, payer);
    }
    match nonces {
        Nonces::Same if apart <= LINK_WINDOW => Likeness::Nonce,
        Nonces::Same => Likeness::Unclear,
        Nonces::Other => Likeness::Different,
        Nonces::One | Nonces::Neither if apart > REDATED_WITHIN => Likeness::Different,
        Nonces::One => by_one_nonce(known, new, amounts, (apart, payer)),
        Nonces::Neither => by_facts(a, b, amounts, (apart, payer)),
    }
}

/// Two reports with one reference. Some banks count references anew every day or in every file.
fn by_reference(nonces: Nonces, apart: Span, payer: Agreement) -> Likeness {
    let is_near = apart <= LINK_WINDOW;
    match (payer, nonces) {
        (_, Nonces::Same) => Likeness::Reference,
        (Agreement::Against, _) if apart > Span::millis(0) => Likeness::Different,
        (Agreement::For | Agreement::Silent, _) if is_near => Likeness::Reference,
        (Agreement::For | Agreement::Silent | Agreement::Against, _) => Likeness::Unclear,
    }
}

/// Two reports that were booked within a few days, one of them with a nonce.
fn by_one_nonce(known: &Told<'_>, new: &Told<'_>, amounts: Amounts, (apart, payer): (Span, Agreement)) -> Likeness {
    if let (Some(paid), Some(named)) = (known.charge, new.charge) {
        // The amount has paid the charge that the nonce names, or another one.
        return match (paid == named, payer) {
            (false, _) => Likeness::Different,
            (true, Agreement::Against) => Likeness::Unclear,
            (true, Agreement::For | Agreement::Silent) => Likeness::Payer,
        };
    }
    let at_once = apart == Span::millis(0);
    let is_held = known.is_held_without_nonce();
    match (payer, amounts) {
        (Agreement::Against, _) => Likeness::Different,
        // The nonce pays its charge for sure; the other report is held, and has no words of its own.
        (Agreement::For, _) | (_, Amounts::Tell) if at_once && is_held => {
            match texts(&known.reported.texts, &new.reported.texts) {
                Agreement::Against => Likeness::Different,
                Agreement::For | Agreement::Silent => Likeness::Payer,
            }
        }
        (_, _) if known.subject.is_empty() => Likeness::Different,
        (_, Amounts::Silent) => Likeness::Different,
        (_, Amounts::Propose) => Likeness::Unclear,
        (Agreement::For, Amounts::Tell) if at_once => Likeness::Payer,
        (_, Amounts::Tell) => Likeness::Amount,
    }
}

/// Two reports without a nonce that were booked within a few days.
fn by_facts(
    known: &ReportedTransfer,
    new: &ReportedTransfer,
    amounts: Amounts,
    (apart, payer): (Span, Agreement),
) -> Likeness {
    let at_once = apart == Span::millis(0);
    match (payer, amounts, texts(&known.texts, &new.texts)) {
        // Wallets have names of their own for their customers.
        (Agreement::Against, Amounts::Propose | Amounts::Tell, Agreement::For) if at_once => Likeness::Unclear,
        (Agreement::Against, _, _) => Likeness::Different,
        (Agreement::For, Amounts::Tell, _) => {
            if at_once {
                Likeness::Payer
            } else {
                Likeness::Amount
            }
        }
        (Agreement::Silent, Amounts::Tell, _) => {
            if at_once {
                Likeness::Amount
            } else {
                Likeness::Unclear
            }
        }
        (Agreement::For, Amounts::Propose, Agreement::For | Agreement::Silent) if at_once => Likeness::Payer,
        (_, Amounts::Propose, _) => Likeness::Unclear,
        (Agreement::For, Amounts::Silent, Agreement::For) if !at_once => Likeness::Unclear,
        (_, Amounts::Silent, _) if !at_once => Likeness::Different,
        (_, Amounts::Silent, Agreement::For) => Likeness::Text,
        (Agreement::For, Amounts::Silent, Agreement::Silent) => Likeness::Payer,
        (_, Amounts::Silent, Agreement::Silent | Agreement::Against) => Likeness::Unclear,
    }
}

/// Compares what a feed has told of under a reference, booked when it says so itself, with what it now tells of under the
/// same one: [`Likeness::Reference`] when it is the same again.
#[must_use]
pub fn same_feed_likeness(known: &Told<'_>, new: &Told<'_>) -> Likeness {
    let (a, b) = (known.reported, new.reported);
    if (a.amount, a.reversal) != (b.amount, b.reversal) {
        return Likeness::Different;
    }
    // An undated entry is the same on whatever day it is read.
    let apart = match b.booked {
        Booked::Unsaid(_) => Span::millis(0),
        Booked::At(_) | Booked::On(_) => distance(a.booked, b.booked),
    };
    let payer = payers(a.payer_name.as_deref(), b.payer_name.as_deref());
    let has_other_words = texts(&a.texts, &b.texts) == Agreement::Against;
    let is_held = known.is_held_without_nonce();
    let is_other_day = apart > Span::millis(0);
    match (Nonces::of(known, new), payer) {
        (Nonces::Other, _) => Likeness::Different,
        (Nonces::Same, _) if is_other_day => Likeness::Unclear,
        (Nonces::Same, _) => Likeness::Reference,
        (_, Agreement::Against) if is_other_day => Likeness::Different,
        // A feed dates its own payments in one way, but for those that it tells of before and after a weekend.
        (_, _) if apart > REDATED_WITHIN || (is_other_day && has_other_words) => Likeness::Different,
        // Where the known one is held, taking them for two payments pays the one that is named, whichever is true.
        (Nonces::One, Agreement::Against) if is_held => Likeness::Different,
        (_, Agreement::Against) => Likeness::Unclear,
        (_, _) if is_other_day => Likeness::Unclear,
        (Nonces::One, Agreement::Silent) if has_other_words && is_held => Likeness::Different,
        (Nonces::One, Agreement::Silent) if has_other_words => Likeness::Unclear,
        (Nonces::One | Nonces::Neither, Agreement::For | Agreement::Silent) => Likeness::Reference,
    }
}

/// How well a report fits a transfer among several that are as likely to be the same payment: whether both have a nonce or
/// neither has, whether the texts agree, and how near they were booked.
#[must_use]
pub fn fit(known: &Told<'_>, new: &Told<'_>) -> (bool, bool, Reverse<Span>) {
    let (a, b) = (known.reported, new.reported);
    let both = known.subject.is_empty() == new.subject.is_empty();
    (both, texts(&a.texts, &b.texts) == Agreement::For, Reverse(distance(a.booked, b.booked)))
}

/// Whether a feed tells of a payment with more words than before: of one day, amount and subject, where one report has all
/// that the other one says. Reports that are equal are not meant; they are told apart by their number.
#[must_use]
pub fn retold(known: &Told<'_>, new: &Told<'_>) -> bool {
    let (a, b) = (known.reported, new.reported);
    let facts = |one: &ReportedTransfer| {
        let payer = one.payer_name.as_deref().map(squeezed);
        [one.bank_reference.clone(), one.end_to_end_id.clone(), one.payer_account.clone(), payer]
    };
    let text = |one: &ReportedTransfer| one.texts.iter().map(|text| squeezed(text)).collect::<String>();
    let within = |less: &ReportedTransfer, more: &ReportedTransfer| {
        let has_all = facts(less).iter().zip(&facts(more)).all(|(less, more)| less.is_none() || less == more);
        has_all && text(more).contains(&text(less))
    };
    let may_be = match Nonces::of(known, new) {
        Nonces::Same => facts(a) != facts(b) || text(a) != text(b),
        // Payments without a nonce are much alike; but a feed gives references and payers' names or does not.
        Nonces::Neither => {
            a.bank_reference.is_some() != b.bank_reference.is_some() || a.payer_name.is_some() != b.payer_name.is_some()
        }
        Nonces::One | Nonces::Other => false,
    };
    may_be
        && (a.amount, a.reversal) == (b.amount, b.reversal)
        && distance(a.booked, b.booked) == Span::millis(0)
        && (within(a, b) || within(b, a))
}

/// The time between two bookings at the least: nothing when they can have been at once.
#[must_use]
pub fn distance(a: Booked, b: Booked) -> Span {
    let gap = |earlier: Timestamp, later: Timestamp| later.since(earlier).max(Span::millis(0));
    match (a, b) {
        // Two calendar days of one bank are in one time zone, whichever it is.
        (Booked::On(a), Booked::On(b)) => gap(a, b).max(gap(b, a)),
        (Booked::On(_), _) | (_, Booked::On(_)) => gap(a.latest(), b.earliest()).max(gap(b.latest(), a.earliest())),
        // One of them may be written in local time and be taken for UTC.
        (_, _) => {
            let (a, b) = (a.instant(), b.instant());
            gap(a.plus(Span::hours(14)), b).max(gap(b.plus(Span::hours(14)), a))
        }
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

/// A text as it is compared: its letters and digits, in small letters.
pub(crate) fn squeezed(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charge::tests::{NOW, sgd};
    use crate::currency::Currency;
    use crate::matching::mentions;
    use crate::money::Money;
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

    /// Compares a known report, and what it has paid, with a new one and what it names.
    fn compare(
        known: (&ReportedTransfer, Option<ChargeId>),
        new: (&ReportedTransfer, Option<ChargeId>),
        by: impl Fn(&Told<'_>, &Told<'_>) -> Likeness,
    ) -> Likeness {
        let nonces = |report: &ReportedTransfer| subject(mentions(&report.references()).into_iter().map(|m| m.nonce));
        let (of_known, of_new) = (nonces(known.0), nonces(new.0));
        let known = Told { reported: known.0, subject: &of_known, charge: known.1 };
        by(&known, &Told { reported: new.0, subject: &of_new, charge: new.1 })
    }

    fn one_way(known: &ReportedTransfer, new: &ReportedTransfer, amounts: Amounts) -> Likeness {
        compare((known, None), (new, None), |known, new| likeness(known, new, amounts))
    }

    fn both_ways(a: &ReportedTransfer, b: &ReportedTransfer, amounts: Amounts) -> Likeness {
        let found = one_way(a, b, amounts);
        assert_eq!(found, one_way(b, a, amounts), "{a:?} {b:?}");
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
        assert_eq!(both_ways(&notice, &row, Amounts::Silent), Likeness::Nonce);
        assert_eq!(both_ways(&notice, &later(&row, 10), Amounts::Silent), Likeness::Nonce);
        assert_eq!(both_ways(&notice, &later(&row, 11), Amounts::Silent), Likeness::Unclear);
        assert_eq!(both_ways(&notice, &report(&b, ""), Amounts::Silent), Likeness::Different);
        assert_eq!(both_ways(&notice, &report("rent", ""), Amounts::Silent), Likeness::Different);
        assert_eq!(both_ways(&notice, &report(&format!("{a} {b}"), ""), Amounts::Silent), Likeness::Different);
        let dearer = ReportedTransfer { amount: sgd(1201), ..row.clone() };
        assert_eq!(both_ways(&notice, &dearer, Amounts::Silent), Likeness::Different);
        let returned = ReportedTransfer { reversal: true, ..row };
        assert_eq!(both_ways(&notice, &returned, Amounts::Silent), Likeness::Different);
    }

    fn with(reference: &str, id: &str, payer: &str) -> ReportedTransfer {
        ReportedTransfer { bank_reference: Some(reference.into()), end_to_end_id: Some(id.into()), ..report("", payer) }
    }

    #[test]
    fn references_link_without_any_text() {
        let one = with("A", "INV-2041", "");
        for (other, expected) in [
            (with("A", "INV-2042", ""), Likeness::Reference),
            (later(&with("A", "INV-2042", "TAN AH KOW"), 10), Likeness::Reference),
            (later(&with("A", "INV-2042", ""), 11), Likeness::Unclear),
            (later(&with("B", "INV-2041", ""), 10), Likeness::Reference),
            (later(&with("B", "INV-2041", ""), 11), Likeness::Different),
        ] {
            assert_eq!(both_ways(&one, &other, Amounts::Silent), expected, "{other:?}");
        }
    }

    #[test]
    fn an_end_to_end_id_that_every_payment_can_have_says_nothing() {
        for id in ["NOTPROVIDED", "PAYMENT", "TRANSFER", "X", "NONREF", "12345", "0000000", "SALARY MARCH"] {
            let (one, other) = (with("A", id, ""), later(&with("B", id, ""), 1));
            assert_eq!(both_ways(&one, &other, Amounts::Silent), Likeness::Different, "{id}");
        }
    }

    #[test]
    fn a_reference_that_other_facts_contradict_is_a_banks_that_counts_anew() {
        let (a, b) = (nonce(1), nonce(2));
        let of = |text: &str, payer: &str, days| {
            later(&ReportedTransfer { texts: vec![text.into()], ..with("000001", "PAYMENT1", payer) }, days)
        };
        for (one, other, likely, same) in [
            (of(&a, "ANNA", 0), of(&a, "BERT", 0), Likeness::Reference, Likeness::Reference),
            (of(&a, "ANNA", 0), of(&b, "ANNA", 0), Likeness::Different, Likeness::Different),
            (of(&a, "ANNA", 0), of("", "ANNA", 0), Likeness::Reference, Likeness::Reference),
            (of("", "ANNA", 0), of("", "BERT", 1), Likeness::Different, Likeness::Different),
            (of("", "ANNA", 0), of("", "BERT", 0), Likeness::Unclear, Likeness::Unclear),
            // Feeds date one payment differently, but one feed does not.
            (of("", "ANNA", 0), of("", "ANNA", 1), Likeness::Reference, Likeness::Unclear),
            (of("", "ANNA", 0), of("", "ANNA", 5), Likeness::Reference, Likeness::Different),
            (of("", "ANNA", 0), of(&a, "ANNA", 30), Likeness::Unclear, Likeness::Different),
            (of(&a, "", 0), of(&a, "", 1), Likeness::Reference, Likeness::Unclear),
            (of("", "", 0), of("", "", 0), Likeness::Reference, Likeness::Reference),
            // Only words that stay may have got a nonce beside them.
            (of("rent", "", 0), of(&a, "", 0), Likeness::Reference, Likeness::Different),
            (of(&a, "", 0), of("rent", "", 0), Likeness::Reference, Likeness::Unclear),
            (of("rent", "", 0), of(&a, "", 1), Likeness::Reference, Likeness::Different),
            (of("rent", "ANNA", 0), of("food", "ANNA", 1), Likeness::Reference, Likeness::Different),
            // Somebody else's money, of which the one that is held pays nothing.
            (of("rent", "ANNA", 0), of(&a, "BERT", 0), Likeness::Unclear, Likeness::Different),
            (of(&a, "ANNA", 0), of("rent", "BERT", 0), Likeness::Unclear, Likeness::Unclear),
            (of("rent", "", 0), of(&format!("rent {a}"), "", 0), Likeness::Reference, Likeness::Reference),
            (of("rent", "ANNA", 0), of(&a, "ANNA", 0), Likeness::Reference, Likeness::Reference),
        ] {
            assert_eq!(both_ways(&one, &other, Amounts::Tell), likely, "{one:?} {other:?}");
            assert_eq!(compare((&one, None), (&other, None), same_feed_likeness), same, "{one:?} {other:?}");
        }
        let plain = (&of("rent", "", 0), Some(ChargeId::new(NOW, [1; 8])));
        assert_eq!(
            compare(plain, (&of(&a, "", 0), None), same_feed_likeness),
            Likeness::Unclear,
            "its amount has paid"
        );
        let in_dollars = Money::from_minor(1200, Currency::USD).unwrap();
        for amount in [sgd(1201), in_dollars] {
            let other = ReportedTransfer { amount, ..of("", "ANNA", 0) };
            assert_eq!(compare((&of("", "ANNA", 0), None), (&other, None), same_feed_likeness), Likeness::Different);
        }
        let undated = ReportedTransfer { booked: Booked::Unsaid(NOW), ..of("", "ANNA", 0) };
        assert_eq!(compare((&of("", "ANNA", 0), None), (&undated, None), same_feed_likeness), Likeness::Reference);
    }

    #[test]
    fn of_transfers_that_are_as_likely_the_one_with_the_same_words_fits_best() {
        let told = |report: &ReportedTransfer, subject: &'static str| (report.clone(), subject);
        let known = [
            told(&report("bagihotek", ""), "bagihotek"),
            told(&later(&report("Transfer", ""), 1), ""),
            told(&report("Rent", ""), ""),
            told(&report("Transfer", ""), ""),
        ];
        let new = report("Transfer", "LIM");
        let new = Told { reported: &new, subject: "", charge: None };
        let fits: Vec<_> =
            known.iter().map(|(reported, subject)| fit(&Told { reported, subject, charge: None }, &new)).collect();
        assert!(fits[0] < fits[2] && fits[2] < fits[1] && fits[1] < fits[3], "{fits:?}");
    }

    #[test]
    fn a_nonce_in_one_report_is_no_contradiction() {
        let charge = |n: u8| Some(ChargeId::new(NOW, [n; 8]));
        let named = |payer: &str| report(&nonce(1), payer);
        let plain = |payer: &str, days| later(&report("PromptPay", payer), days);
        let wordless = |payer: &str| report("", payer);
        let cases = [
            // The plain report comes second.
            (
                (named("ANNA"), charge(1)),
                (plain("ANNA", 0), None),
                [Likeness::Different, Likeness::Unclear, Likeness::Payer],
            ),
            (
                (named("ANNA"), charge(1)),
                (plain("", 0), None),
                [Likeness::Different, Likeness::Unclear, Likeness::Amount],
            ),
            (
                (named("ANNA"), charge(1)),
                (plain("ANNA", 4), None),
                [Likeness::Different, Likeness::Unclear, Likeness::Amount],
            ),
            ((named("ANNA"), charge(1)), (plain("ANNA", 5), None), [Likeness::Different; 3]),
            ((named("ANNA"), charge(1)), (plain("BERT", 0), None), [Likeness::Different; 3]),
            // It came first: its amount has paid the charge of the nonce, or another one, or nothing.
            ((plain("ANNA", 0), charge(1)), (named(""), charge(1)), [Likeness::Payer; 3]),
            ((plain("ANNA", 4), charge(1)), (named("ANNA"), charge(1)), [Likeness::Payer; 3]),
            ((plain("BERT", 0), charge(1)), (named("ANNA"), charge(1)), [Likeness::Unclear; 3]),
            ((plain("ANNA", 0), charge(2)), (named("ANNA"), charge(1)), [Likeness::Different; 3]),
            ((wordless("ANNA"), None), (named("ANNA"), charge(1)), [Likeness::Payer; 3]),
            (
                (wordless(""), None),
                (named("ANNA"), charge(1)),
                [Likeness::Different, Likeness::Different, Likeness::Payer],
            ),
            // Words of its own make it another payment.
            ((plain("ANNA", 0), None), (named("ANNA"), charge(1)), [Likeness::Different; 3]),
            ((plain("", 0), None), (named("ANNA"), charge(1)), [Likeness::Different; 3]),
            ((plain("ANNA", 1), None), (named("ANNA"), charge(1)), [Likeness::Different; 3]),
        ];
        for (known, new, expected) in cases {
            for (amounts, expected) in [Amounts::Silent, Amounts::Propose, Amounts::Tell].into_iter().zip(expected) {
                let found = compare((&known.0, known.1), (&new.0, new.1), |known, new| likeness(known, new, amounts));
                assert_eq!(found, expected, "{amounts:?} {known:?} {new:?}");
            }
        }
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
            (report("rent", "TAN"), later(&report("rent", "LIM"), 1), Likeness::Different),
            (report("rent", "TAN AH KOW"), later(&report("rent", "TAN AH KOW"), 4), Likeness::Unclear),
            (report("rent", "TAN AH KOW"), later(&report("rent", "TAN AH KOW"), 5), Likeness::Different),
            (report("rent", "TAN AH KOW"), later(&report("food", "TAN AH KOW"), 1), Likeness::Different),
            (report("", ""), report("rent", "TAN"), Likeness::Unclear),
            (report("abc", ""), report("abcd", ""), Likeness::Unclear),
        ] {
            assert_eq!(both_ways(&a, &b, Amounts::Silent), expected, "{a:?} {b:?}");
        }
    }

    #[test]
    fn where_amounts_tell_payments_apart_they_link_what_nothing_contradicts_and_doubt_what_another_day_has() {
        let of = |payer: &str, days| later(&report("", payer), days);
        for (other, tell, propose) in [
            (of("", 0), Likeness::Amount, Likeness::Unclear),
            (of("홍길동", 0), Likeness::Amount, Likeness::Unclear),
            (of("MR HONG GILDONG", 0), Likeness::Payer, Likeness::Payer),
            (of("GILDONG HONG", 4), Likeness::Amount, Likeness::Unclear),
            (of("홍길동", 4), Likeness::Unclear, Likeness::Unclear),
            (of("KIM CHULSOO", 0), Likeness::Different, Likeness::Different),
            (of("HONG GILDONG", 5), Likeness::Different, Likeness::Different),
        ] {
            let one = of("HONG GILDONG", 0);
            assert_eq!(both_ways(&one, &other, Amounts::Tell), tell, "{other:?}");
            assert_eq!(both_ways(&one, &other, Amounts::Propose), propose, "{other:?}");
        }
        // A wallet may call its customer otherwise, but the texts agree.
        let (bank, wallet) = (report("Transfer", "TAN AH KOW"), report("Transfer", "GRABPAY"));
        for (amounts, expected) in [
            (Amounts::Tell, Likeness::Unclear),
            (Amounts::Propose, Likeness::Unclear),
            (Amounts::Silent, Likeness::Different),
        ] {
            assert_eq!(both_ways(&bank, &wallet, amounts), expected, "{amounts:?}");
        }
        assert_eq!(both_ways(&bank, &later(&wallet, 1), Amounts::Tell), Likeness::Different);
        assert_eq!(Amounts::of([Policy::UniqueAmount, Policy::VirtualAccount]), Amounts::Tell);
        assert_eq!(Amounts::of([Policy::UniqueAmount, Policy::Nonce]), Amounts::Propose);
        assert_eq!(Amounts::of([Policy::Nonce]), Amounts::Silent);
    }

    #[test]
    fn instants_that_differ_by_a_time_zone_can_be_one() {
        let at =
            |hours: i64| ReportedTransfer { booked: Booked::At(DAY.plus(Span::hours(hours))), ..report("rent", "") };
        assert_eq!(both_ways(&at(0), &at(14), Amounts::Silent), Likeness::Text);
        assert_eq!(both_ways(&at(0), &at(15), Amounts::Silent), Likeness::Different);
    }

    #[test]
    fn what_a_feed_tells_with_more_words_than_before_is_seen() {
        let n = nonce(1);
        let plain = report(&n, "");
        let with_text = ReportedTransfer { texts: vec![n.clone(), "CREDIT".into()], ..report("", "ANNA") };
        let with_ref = |one: &ReportedTransfer, reference: &str| ReportedTransfer {
            bank_reference: Some(reference.into()),
            ..one.clone()
        };
        for (one, other, expected) in [
            (plain.clone(), with_ref(&plain, "B1"), true),
            (plain.clone(), with_text.clone(), true),
            (plain.clone(), with_ref(&with_text, "B1"), true),
            (plain.clone(), plain.clone(), false),
            (plain.clone(), later(&with_text, 1), false),
            (with_ref(&plain, "B1"), with_ref(&plain, "B2"), false),
            (with_ref(&plain, "B2"), with_text, false),
            (plain.clone(), ReportedTransfer { amount: sgd(1201), ..with_ref(&plain, "B1") }, false),
            (report("", ""), with_ref(&report("", ""), "B1"), true),
            (report("", ""), report("", "ANNA"), true),
            (report("", "BERT"), report("", "ANNA"), false),
            (report("", ""), plain, false),
        ] {
            for (one, other) in [(&one, &other), (&other, &one)] {
                let nonces =
                    |report: &ReportedTransfer| subject(mentions(&report.references()).into_iter().map(|m| m.nonce));
                let (a, b) = (nonces(one), nonces(other));
                let known = Told { reported: one, subject: &a, charge: None };
                let found = retold(&known, &Told { reported: other, subject: &b, charge: None });
                assert_eq!(found, expected, "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn an_instant_fits_every_day_that_it_can_be_on() {
        let at =
            |hours: i64| ReportedTransfer { booked: Booked::At(DAY.plus(Span::hours(hours))), ..report("rent", "") };
        for (hours, expected) in
            [(-14, Likeness::Text), (36, Likeness::Text), (-15, Likeness::Different), (37, Likeness::Different)]
        {
            assert_eq!(both_ways(&report("rent", ""), &at(hours), Amounts::Silent), expected, "{hours}");
            let (from, until) = window(&at(hours));
            assert!(from <= DAY && DAY <= until, "{hours}");
            let (from, until) = window(&report("rent", ""));
            let instant = at(hours).booked.instant();
            assert!(from <= instant && instant <= until, "{hours}");
        }
        let undated = ReportedTransfer { booked: Booked::Unsaid(NOW), ..report("rent", "") };
        assert_eq!(both_ways(&report("rent", ""), &undated, Amounts::Silent), Likeness::Different);
    }
}
