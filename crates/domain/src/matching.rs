//! Matching: which charge an incoming transfer pays, if any.
//!
//! Evidence is read from the transfer's texts, but never decides alone: account, currency, amount, time and uniqueness
//! do. Whatever is not clear is held for a person, with its reason. Nothing is matched by amount alone where the account's
//! policy does not say so.

use crate::charge::{Charge, ChargeCommand, ChargeEvent, ChargeRefusal, ChargeState, ChargeStatus, LATE_GRACE};
use crate::currency::Currency;
use crate::money::Money;
use crate::nonce::{Nonce, NonceLength};
use crate::time::{Span, Timestamp};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

/// Banks date evening payments on the next business day; a day further ahead is no day of a payment.
const FUTURE_DAYS: Span = Span::days(7);
/// An instant that was written in local time and is taken for UTC is at most this far ahead.
const FUTURE_HOURS: Span = Span::hours(14);
/// Bank clocks and ours may differ by this much.
const CLOCK_SKEW: Span = Span::minutes(5);
/// Whoever calls a charge off seldom pays it; when they do, they had paid before the page knew.
const CANCELLED_GRACE: Span = Span::days(1);
/// 2000-01-01: no rail served here existed before.
const EARLIEST_BOOKING: Timestamp = Timestamp::from_millis(946_684_800_000);

/// What happened to an incoming transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It paid its charge exactly.
    Matched,
    /// It paid a part; the charge stays pending.
    Part,
    /// It paid its charge and more; the surplus is kept for a refund.
    Over,
    /// It names a charge that was no longer payable when the gateway learnt of it. Credited when it is full and was booked
    /// within the grace period, else held.
    Late,
    /// More than one reading is possible; held.
    Ambiguous,
    /// It names no charge of its account, or cannot pay one at all; held.
    Unmatched,
}

/// Why a transfer got its outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Account, currency and amount agree, and the nonce does or the account's policy needs none.
    Exact,
    /// The amount is less than what was missing.
    ShortAmount,
    /// The amount is more than what was missing.
    Surplus,
    /// The charge was already paid.
    AlreadyPaid,
    /// The charge had expired; the amount is full and was booked within the grace period.
    PaidAfterExpiry,
    /// The charge had expired when the gateway learnt of the money, which is full and can have been booked in time.
    ToldAfterExpiry,
    /// The charge had expired and the amount is short, or was booked after the grace period.
    Expired,
    /// The charge was cancelled.
    Cancelled,
    /// The texts name no charge of this account.
    NoReference,
    /// More than one charge is named, or can be meant where no text names one.
    SeveralReferences,
    /// The nonce stands inside a longer text and the amount differs, or a digit behind it makes it another code.
    WeakReference,
    /// The transfer is in another currency than its account.
    OtherCurrency,
    /// The bank marks it as a reversal or return.
    Reversal,
    /// It is several payments that the bank books as one without saying what each of them brought.
    BatchNotSplit,
    /// Its booking date is impossible.
    ImplausibleDate,
    /// It was booked before the charge that it names existed.
    OlderThanCharge,
    /// It may be a second report of money that is known.
    PossibleDuplicate,
}

/// How the transfers of one account are told apart. Chosen per account, because banks and rails differ in whether a
/// payer's words arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Policy {
    /// By the nonce, the amount being checked.
    Nonce,
    /// By the amount, which no two pending charges of such accounts share; a nonce that arrives counts all the same.
    UniqueAmount,
    /// By the account itself, which waits for one charge at a time.
    VirtualAccount,
}

/// The text names no policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be nonce, unique-amount or virtual-account")]
pub struct UnknownPolicy;

/// How a charge was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evidence {
    /// By the amount or the account alone, on an account whose policy says so.
    Policy,
    /// With a digit right behind it: the start of a longer code, which is somebody else's.
    LongerCode,
    /// Only after joining the texts and dropping everything but letters and digits.
    Squeezed,
    /// As a word of its own.
    Word,
}

/// A nonce that the texts contain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// The nonce.
    pub nonce: Nonce,
    /// How it was found.
    pub evidence: Evidence,
}

/// The facts of a transfer that matter for matching.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Incoming {
    /// What came in.
    pub amount: Money,
    /// The currency of the receiving account.
    pub account_currency: Currency,
    /// Whether the bank marks it as a reversal or return.
    pub reversal: bool,
    /// Whether it is several payments, of which nobody can say what each of them brought.
    pub undivided: bool,
    /// The earliest instant at which it can have been booked.
    pub booked_from: Timestamp,
    /// The latest instant at which it can have been booked: a bare date covers all time zones.
    pub booked_until: Timestamp,
}

/// What to do with a transfer.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Credit it: store this charge.
    Credit {
        /// The charge after the credit.
        charge: Box<Charge>,
        /// What changed.
        event: ChargeEvent,
        /// The outcome to record.
        outcome: Outcome,
        /// The reason to record.
        reason: Reason,
    },
    /// Hold it for a person.
    Hold {
        /// The outcome to record.
        outcome: Outcome,
        /// The reason to record.
        reason: Reason,
    },
}

impl Policy {
    /// All policies.
    pub const ALL: [Self; 3] = [Self::Nonce, Self::UniqueAmount, Self::VirtualAccount];

    /// The name in commands and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nonce => "nonce",
            Self::UniqueAmount => "unique-amount",
            Self::VirtualAccount => "virtual-account",
        }
    }

    /// What a pending charge of this amount claims on its account for itself; nothing under [`Policy::Nonce`].
    #[must_use]
    pub fn claim(self, amount: Money) -> Option<i64> {
        match self {
            Self::Nonce => None,
            Self::UniqueAmount => Some(amount.minor()),
            Self::VirtualAccount => Some(0),
        }
    }
}

impl core::str::FromStr for Policy {
    type Err = UnknownPolicy;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|policy| policy.as_str() == text).ok_or(UnknownPolicy)
    }
}

impl Outcome {
    /// All outcomes.
    pub const ALL: [Self; 6] = [Self::Matched, Self::Part, Self::Over, Self::Late, Self::Ambiguous, Self::Unmatched];

    /// The name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Matched => "matched",
            Self::Part => "part",
            Self::Over => "over",
            Self::Late => "late",
            Self::Ambiguous => "ambiguous",
            Self::Unmatched => "unmatched",
        }
    }
}

impl Reason {
    /// All reasons.
    pub const ALL: [Self; 17] = [
        Self::Exact,
        Self::ShortAmount,
        Self::Surplus,
        Self::AlreadyPaid,
        Self::PaidAfterExpiry,
        Self::ToldAfterExpiry,
        Self::Expired,
        Self::Cancelled,
        Self::NoReference,
        Self::SeveralReferences,
        Self::WeakReference,
        Self::OtherCurrency,
        Self::Reversal,
        Self::BatchNotSplit,
        Self::ImplausibleDate,
        Self::OlderThanCharge,
        Self::PossibleDuplicate,
    ];

    /// The name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::ShortAmount => "short_amount",
            Self::Surplus => "surplus",
            Self::AlreadyPaid => "already_paid",
            Self::PaidAfterExpiry => "paid_after_expiry",
            Self::ToldAfterExpiry => "told_after_expiry",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::NoReference => "no_reference",
            Self::SeveralReferences => "several_references",
            Self::WeakReference => "weak_reference",
            Self::OtherCurrency => "other_currency",
            Self::Reversal => "reversal",
            Self::BatchNotSplit => "batch_not_split",
            Self::ImplausibleDate => "implausible_date",
            Self::OlderThanCharge => "older_than_charge",
            Self::PossibleDuplicate => "possible_duplicate",
        }
    }
}

/// Finds every nonce that the texts of one transfer can be read to contain.
///
/// Banks change case, wrap lines inside words, put prefixes before and names behind, insert hyphens and soft hyphens and
/// write full-width letters. As every nonce satisfies its parity equations, chance words are no mentions.
#[must_use]
pub fn mentions<T: AsRef<str>>(texts: &[T]) -> Vec<Mention> {
    let mut found: Vec<Mention> = Vec::new();
    let mut add = |nonce: Nonce, evidence: Evidence| match found.iter_mut().find(|mention| mention.nonce == nonce) {
        Some(mention) => mention.evidence = mention.evidence.max(evidence),
        None => found.push(Mention { nonce, evidence }),
    };
    let mut squeezed = String::new();
    // Places in `squeezed` behind which a word goes on with a digit.
    let mut before_digit = Vec::new();
    for text in texts {
        for word in words(&plain(text.as_ref())) {
            if let Some(nonce) = Nonce::parse(word) {
                add(nonce, Evidence::Word);
            }
            squeezed.push_str(word);
            before_digit.extend((1..=word.len()).map(|at| word.as_bytes().get(at).is_some_and(u8::is_ascii_digit)));
        }
    }
    for letters in NonceLength::SHORTEST.letters()..=NonceLength::LONGEST.letters() {
        let ends = before_digit.iter().skip(letters - 1);
        for (window, runs_into_digit) in squeezed.as_bytes().windows(letters).zip(ends) {
            if let Some(nonce) = core::str::from_utf8(window).ok().and_then(Nonce::parse) {
                add(nonce, if *runs_into_digit { Evidence::LongerCode } else { Evidence::Squeezed });
            }
        }
    }
    found
}

/// Finds the nonces in a name that stands where a payer's reference should: the one that is the whole name, or else all that
/// the name contains.
#[must_use]
pub fn mentions_in_name(name: &str) -> Vec<Mention> {
    let mut found = mentions(&[name]);
    let whole: String =
        plain(name).chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    if found.iter().any(|mention| mention.nonce.as_str() == whole) {
        found.retain(|mention| mention.nonce.as_str() == whole);
    }
    found
}

fn plain(text: &str) -> String {
    text.chars().filter_map(plain_char).collect()
}

fn words(plain: &str) -> impl Iterator<Item = &str> {
    plain.split(|c: char| !c.is_ascii_alphanumeric())
}

/// Full-width forms become ASCII; invisible characters vanish; everything else stays.
fn plain_char(c: char) -> Option<char> {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0),
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' => None,
        _ => Some(c),
    }
}

/// The nonces that words of the texts can be meant for, where a slip of the finger may have made other words of them.
#[must_use]
pub fn mistyped<T: AsRef<str>>(texts: &[T]) -> Vec<Nonce> {
    let mut meant = Vec::new();
    for text in texts {
        meant.extend(words(&plain(text.as_ref())).flat_map(Nonce::near));
    }
    meant.sort_unstable();
    meant.dedup();
    meant
}

/// The charges of a bank account that money without a nonce can mean where the amount or the account alone tells charges
/// apart. `pending` ask this amount now or, where none does, wait for money on an account to themselves; `unpaid` asked it
/// and have expired or been cancelled.
///
/// An amount is free again when its charge closes, so that the money of one may come while another waits for the same
/// amount. For a while both are meant, unless they are of one customer, who had begun anew when the money came.
///
/// `may_propose` says of a charge whether its account lets the amount or the account alone propose it. A charge that waits
/// for its nonce competes with such a one, and is not paid without it.
#[must_use]
pub fn claimants<'a>(
    incoming: &Incoming,
    pending: &'a [Charge],
    unpaid: &'a [Charge],
    may_propose: impl Fn(&Charge) -> bool,
) -> Vec<&'a Charge> {
    let existed = |charge: &Charge| charge.created_at <= incoming.booked_until.plus(CLOCK_SKEW);
    let asked = |charge: &Charge| existed(charge) && charge.outstanding() == incoming.amount;
    let in_grace = |charge: &Charge| match charge.state {
        ChargeState::Cancelled { cancelled_at } => cancelled_at.plus(CANCELLED_GRACE) >= incoming.booked_from,
        ChargeState::Pending | ChargeState::Completed { .. } | ChargeState::Expired { .. } => {
            charge.expires_at.plus(LATE_GRACE) >= incoming.booked_from
        }
    };
    let waiting = || pending.iter().filter(|charge| existed(charge));
    let anew = |charge: &Charge| waiting().any(|waiting| waiting.customer_id == charge.customer_id);
    let rivals = unpaid.iter().filter(|charge| asked(charge) && in_grace(charge) && !anew(charge));
    let mut meant: Vec<_> = waiting().chain(rivals).collect();
    if meant.is_empty() {
        // Money that is older than every charge is held, with that as the reason.
        meant = pending.iter().collect();
    }
    if meant.iter().any(|charge| may_propose(charge)) { meant } else { Vec::new() }
}

/// Decides what a transfer pays. `candidates` are the charges that it names, or that its amount or account proposes, each
/// once.
#[must_use]
pub fn decide(incoming: &Incoming, candidates: &[(Evidence, Charge)], now: Timestamp) -> Verdict {
    let hold = |outcome, reason| Verdict::Hold { outcome, reason };
    if incoming.reversal {
        return hold(Outcome::Unmatched, Reason::Reversal);
    }
    if incoming.amount.currency() != incoming.account_currency {
        return hold(Outcome::Unmatched, Reason::OtherCurrency);
    }
    if incoming.undivided {
        // Whoever is named would be paid with the others' money.
        return hold(Outcome::Ambiguous, Reason::BatchNotSplit);
    }
    let is_instant = incoming.booked_from == incoming.booked_until;
    let future = now.plus(if is_instant { FUTURE_HOURS } else { FUTURE_DAYS });
    if incoming.booked_from > future || incoming.booked_until < EARLIEST_BOOKING {
        return hold(Outcome::Unmatched, Reason::ImplausibleDate);
    }
    let (evidence, charge) = match candidates {
        [] => return hold(Outcome::Unmatched, Reason::NoReference),
        [one] => one,
        [_, _, ..] => return hold(Outcome::Ambiguous, Reason::SeveralReferences),
    };
    if incoming.booked_until.plus(CLOCK_SKEW) < charge.created_at {
        return hold(Outcome::Ambiguous, Reason::OlderThanCharge);
    }
    let needs_the_exact_amount = match evidence {
        Evidence::LongerCode => return hold(Outcome::Ambiguous, Reason::WeakReference),
        Evidence::Policy | Evidence::Squeezed => true,
        Evidence::Word => false,
    };
    if needs_the_exact_amount && incoming.amount != charge.outstanding() {
        return hold(Outcome::Ambiguous, Reason::WeakReference);
    }
    credit(incoming, charge, now)
}

fn credit(incoming: &Incoming, charge: &Charge, now: Timestamp) -> Verdict {
    let refused = |outcome, reason| Verdict::Hold { outcome, reason };
    let command = ChargeCommand::Credit { money: incoming.amount, booked_from: incoming.booked_from };
    match charge.decide(command, now) {
        Ok((after, event)) => {
            let already_paid = charge.status_at(now) == ChargeStatus::Completed;
            let (outcome, reason) = match event {
                ChargeEvent::Matched => (Outcome::Matched, Reason::Exact),
                ChargeEvent::PartPaid => (Outcome::Part, Reason::ShortAmount),
                ChargeEvent::Overpaid { .. } if already_paid => (Outcome::Over, Reason::AlreadyPaid),
                ChargeEvent::Overpaid { .. } => (Outcome::Over, Reason::Surplus),
                ChargeEvent::PaidLate if incoming.booked_from < charge.expires_at => {
                    (Outcome::Late, Reason::ToldAfterExpiry)
                }
                ChargeEvent::PaidLate => (Outcome::Late, Reason::PaidAfterExpiry),
                // A credit neither cancels nor expires; were it ever to, holding loses nothing.
                ChargeEvent::Cancelled | ChargeEvent::Expired => {
                    return refused(Outcome::Ambiguous, Reason::WeakReference);
                }
            };
            Verdict::Credit { charge: Box::new(after), event, outcome, reason }
        }
        Err(ChargeRefusal::Money(_)) => refused(Outcome::Unmatched, Reason::OtherCurrency),
        Err(ChargeRefusal::NotPending(ChargeStatus::Cancelled)) => refused(Outcome::Late, Reason::Cancelled),
        Err(ChargeRefusal::NotPending(ChargeStatus::Completed | ChargeStatus::Expired | ChargeStatus::Pending)) => {
            refused(Outcome::Late, Reason::Expired)
        }
        Err(ChargeRefusal::TooLate | ChargeRefusal::NotDue) => refused(Outcome::Late, Reason::Expired),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charge::tests::{NOW, pending_charge, sgd};
    use crate::id::{ChargeId, CustomerId};
    use crate::nonce::Strength;
    use alloc::format;
    use alloc::string::ToString;

    fn nonce() -> Nonce {
        (0..)
            .find_map(|n: u128| Nonce::draw((n + 77).to_be_bytes(), NonceLength::DEFAULT, 3500, Strength::PerAmount))
            .unwrap()
    }

    fn incoming(minor: i64) -> Incoming {
        Incoming {
            amount: sgd(minor),
            account_currency: Currency::SGD,
            reversal: false,
            undivided: false,
            booked_from: NOW,
            booked_until: NOW,
        }
    }

    fn evidence_in(texts: &[&str]) -> Option<Evidence> {
        let found = mentions(texts);
        assert!(found.iter().all(|mention| mention.nonce == nonce()), "{found:?}");
        found.first().map(|mention| mention.evidence)
    }

    /// The envelopes are those that banks were seen to put around a payer's words.
    #[test]
    fn a_nonce_is_found_in_what_banks_make_of_it() {
        let n = nonce().to_string();
        let upper = n.to_uppercase();
        let (head, tail) = n.split_at(4);
        let wide: String = n.chars().map(|c| char::from_u32(u32::from(c) + 0xfee0).unwrap()).collect();
        let words = [
            format!("OTHR {n}"),
            format!("Advice FAST Payment / Receipt · {upper} · 0001OCBCSGSGBRT7000001 · OTHER"),
            format!("DEPOSIT-OSKO PAYMENT 2223338 ANAY VENUGOPAL {n}"),
            format!("MBVCB.123.{n}.CT tu 0123"),
            format!("UPI-RAVI KUMAR-RAVI@YBL-SBIN0001234-451234567890-{upper}"),
            format!("홍길동{n}"),
            format!("iDEAL 10­06­2010 {head}\u{ad}{tail}"),
            wide,
        ];
        for text in &words {
            assert_eq!(evidence_in(&[text]), Some(Evidence::Word), "{text}");
        }
        let squeezed = [
            format!("{head} {tail}"),
            format!("Ref: '{head}-{tail}'."),
            format!("PAY{n}THANKS"),
            format!("20260307{n}"),
        ];
        for text in &squeezed {
            assert_eq!(evidence_in(&[text]), Some(Evidence::Squeezed), "{text}");
        }
        assert_eq!(
            evidence_in(&["UPI/CR/168797098045/Mrs", &format!("Lale/9631574663-2@yb/{head}"), tail]),
            Some(Evidence::Squeezed)
        );
    }

    #[test]
    fn a_nonce_that_a_digit_continues_is_another_code() {
        let n = nonce().to_string();
        for text in [format!("ORDER {n}0"), format!("BUZ{n}2"), format!("{} {}7x", &n[..4], &n[4..])] {
            assert_eq!(evidence_in(&[&text]), Some(Evidence::LongerCode), "{text}");
        }
        assert_eq!(evidence_in(&[&format!("{n}0 {n}")]), Some(Evidence::Word));
        assert_eq!(evidence_in(&[&format!("{n} 0")]), Some(Evidence::Word));
        assert_eq!(evidence_in(&[&n[..4], &n[4..], "7"]), Some(Evidence::Squeezed));
        let longer = [(Evidence::LongerCode, pending_charge())];
        check(&incoming(3500), &longer, (Outcome::Ambiguous, Reason::WeakReference, false));
    }

    #[test]
    fn a_name_is_read_as_a_whole_first() {
        let n = nonce().to_string();
        for (name, evidence) in [
            (n.clone(), Evidence::Word),
            (format!(" {} ", n.to_uppercase()), Evidence::Word),
            (format!("홍길동{n}"), Evidence::Word),
            (format!("HONG{n}"), Evidence::Squeezed),
        ] {
            let found = mentions_in_name(&name);
            assert!(found.contains(&Mention { nonce: nonce(), evidence }), "{name}: {found:?}");
        }
        // A nonce that contains another one by chance.
        let longest =
            (0..).filter_map(|n: u128| Nonce::draw(n.to_be_bytes(), NonceLength::LONGEST, 3500, Strength::Plain));
        let double = longest.map(|nonce| nonce.to_string()).find(|text| mentions(&[text]).len() > 1).unwrap();
        let whole = Mention { nonce: Nonce::parse(&double).unwrap(), evidence: Evidence::Word };
        assert_eq!(mentions_in_name(&double), [whole]);
        assert!(mentions_in_name(&format!("HONG {double}")).len() > 1);
        assert_eq!(mentions_in_name("홍길동"), []);
    }

    #[test]
    fn ordinary_memos_mention_nothing() {
        for text in [
            "ICT Incoming PayNow Ref 222 From: FAKE PERSON OTHR Transfer - Mobile",
            "KR OTOMATIS MID : 885001 TOKO QR : 150000 DDR : 1050",
            "invoice payment thank you very much salary banana potato",
            "",
        ] {
            assert_eq!(evidence_in(&[text]), None, "{text}");
        }
    }

    fn check(incoming: &Incoming, candidates: &[(Evidence, Charge)], expected: (Outcome, Reason, bool)) {
        let verdict = decide(incoming, candidates, NOW);
        let got = match verdict {
            Verdict::Credit { outcome, reason, .. } => (outcome, reason, true),
            Verdict::Hold { outcome, reason } => (outcome, reason, false),
        };
        assert_eq!(got, expected);
    }

    #[test]
    fn exact_short_and_over_payments_are_credited() {
        let named = [(Evidence::Word, pending_charge())];
        check(&incoming(3500), &named, (Outcome::Matched, Reason::Exact, true));
        check(&incoming(3499), &named, (Outcome::Part, Reason::ShortAmount, true));
        check(&incoming(3501), &named, (Outcome::Over, Reason::Surplus, true));
    }

    #[test]
    fn a_weak_reference_needs_the_exact_amount() {
        let named = [(Evidence::Squeezed, pending_charge())];
        check(&incoming(3500), &named, (Outcome::Matched, Reason::Exact, true));
        check(&incoming(3499), &named, (Outcome::Ambiguous, Reason::WeakReference, false));
    }

    #[test]
    fn unclear_money_is_held() {
        let named = [(Evidence::Word, pending_charge())];
        let twice = [(Evidence::Word, pending_charge()), (Evidence::Word, pending_charge())];
        check(&incoming(3500), &[], (Outcome::Unmatched, Reason::NoReference, false));
        check(&incoming(3500), &twice, (Outcome::Ambiguous, Reason::SeveralReferences, false));
        let reversal = Incoming { reversal: true, ..incoming(3500) };
        check(&reversal, &named, (Outcome::Unmatched, Reason::Reversal, false));
        let batch = Incoming { undivided: true, ..incoming(3500) };
        check(&batch, &named, (Outcome::Ambiguous, Reason::BatchNotSplit, false));
        check(&batch, &[], (Outcome::Ambiguous, Reason::BatchNotSplit, false));
        let foreign = Incoming { amount: Money::from_minor(3500, Currency::HKD).unwrap(), ..incoming(1) };
        check(&foreign, &named, (Outcome::Unmatched, Reason::OtherCurrency, false));
    }

    #[test]
    fn booking_dates_must_make_sense() {
        let named = [(Evidence::Word, pending_charge())];
        let at = |from, until| Incoming { booked_from: from, booked_until: until, ..incoming(3500) };
        for (from, length) in [(NOW.plus(FUTURE_HOURS), Span::millis(0)), (NOW.plus(FUTURE_DAYS), Span::days(1))] {
            check(&at(from, from.plus(length)), &named, (Outcome::Matched, Reason::Exact, true));
            let beyond = from.plus(Span::millis(1));
            check(&at(beyond, beyond.plus(length)), &named, (Outcome::Unmatched, Reason::ImplausibleDate, false));
        }
        let epoch = Timestamp::from_millis(0);
        check(&at(epoch, epoch), &named, (Outcome::Unmatched, Reason::ImplausibleDate, false));
        let before = NOW.minus(CLOCK_SKEW);
        check(&at(before, before), &named, (Outcome::Matched, Reason::Exact, true));
        let older = before.minus(Span::millis(1));
        check(&at(older, older), &named, (Outcome::Ambiguous, Reason::OlderThanCharge, false));
    }

    #[test]
    fn money_for_a_closed_charge_is_never_lost_and_never_guessed() {
        let off = pending_charge().decide(ChargeCommand::Cancel, NOW).unwrap().0;
        check(&incoming(3500), &[(Evidence::Word, off)], (Outcome::Late, Reason::Cancelled, false));
        let paid =
            pending_charge().decide(ChargeCommand::Credit { money: sgd(3500), booked_from: NOW }, NOW).unwrap().0;
        check(&incoming(100), &[(Evidence::Word, paid)], (Outcome::Over, Reason::AlreadyPaid, true));
        let expired = Charge { expires_at: NOW, ..pending_charge() };
        check(&incoming(3500), &[(Evidence::Word, expired.clone())], (Outcome::Late, Reason::PaidAfterExpiry, true));
        check(&incoming(3499), &[(Evidence::Word, expired)], (Outcome::Late, Reason::Expired, false));
        // What was booked in time completes its charge however late a statement tells of it.
        let told = |from: Timestamp, until: Timestamp, now: Timestamp| {
            let incoming = Incoming { booked_from: from, booked_until: until, ..incoming(3500) };
            match decide(&incoming, &[(Evidence::Word, pending_charge())], now) {
                Verdict::Credit { reason, .. } | Verdict::Hold { reason, .. } => reason,
            }
        };
        let (due, month) = (pending_charge().expires_at, NOW.plus(Span::days(31)));
        assert_eq!(told(NOW, NOW, due), Reason::ToldAfterExpiry);
        assert_eq!(told(NOW, NOW, month), Reason::ToldAfterExpiry);
        assert_eq!(told(due, due, month), Reason::PaidAfterExpiry);
        assert_eq!(told(due.minus(Span::millis(1)), due.plus(Span::days(2)), month), Reason::ToldAfterExpiry);
        let end = due.plus(LATE_GRACE);
        assert_eq!(
            (told(end, end, month), told(end.plus(Span::millis(1)), month, month)),
            (Reason::PaidAfterExpiry, Reason::Expired)
        );
    }

    #[test]
    fn an_amount_means_whoever_asked_it_when_the_money_was_booked() {
        let minutes = |n| Span::minutes(n);
        // One charge of an hour, and one of another customer that was made two hours later.
        let first = pending_charge();
        let second = Charge {
            id: ChargeId::new(NOW, [9; 8]),
            customer_id: CustomerId::new(NOW, [9; 8]),
            created_at: NOW.plus(minutes(120)),
            expires_at: NOW.plus(minutes(180)),
            ..pending_charge()
        };
        let retry = Charge { customer_id: first.customer_id, ..second.clone() };
        let money = |from: i64, until: i64| Incoming {
            booked_from: NOW.plus(minutes(from)),
            booked_until: NOW.plus(minutes(until)),
            ..incoming(3500)
        };
        let meant = |incoming: Incoming, pending: &[&Charge], expired: &[Charge]| {
            let pending: Vec<Charge> = pending.iter().map(|charge| (*charge).clone()).collect();
            claimants(&incoming, &pending, expired, |_| true).iter().map(|charge| charge.id).collect::<Vec<_>>()
        };
        let expired = [first.clone()];
        assert_eq!(meant(money(30, 30), &[&first], &[]), [first.id]);
        assert_eq!(meant(money(150, 150), &[&second], &expired), [second.id, first.id], "the first one may be late");
        assert_eq!(meant(money(30, 30), &[&second], &expired), [first.id], "the second one did not exist");
        assert_eq!(meant(money(-700, 800), &[&second], &expired), [second.id, first.id], "a day fits both");
        assert_eq!(meant(money(-700, 800), &[&retry], &expired), [retry.id], "a customer who has begun anew");
        assert_eq!(meant(money(30, 30), &[&retry], &expired), [first.id], "who had not begun anew when the money came");
        assert_eq!(meant(money(90, 90), &[], &expired), [first.id], "late, and nobody else waits");
        assert_eq!(meant(money(150, 150), &[&first, &second], &[]), [first.id, second.id], "both wait");
        let by_nonce = [first.clone(), second.clone()];
        for (proposed, count) in [(None, 0), (Some(first.id), 2)] {
            let may_propose = |charge: &Charge| Some(charge.id) == proposed;
            assert_eq!(claimants(&money(150, 150), &by_nonce, &[], may_propose).len(), count, "{proposed:?}");
        }
        let (grace, beyond) = (60 + 7 * 24 * 60, 61 + 7 * 24 * 60);
        assert_eq!(meant(money(grace, grace), &[&second], &expired), [second.id, first.id], "to the end of its grace");
        assert_eq!(meant(money(beyond, beyond), &[&second], &expired), [second.id]);
        assert_eq!(meant(money(grace, grace), &[], &expired), [first.id]);
        assert!(meant(money(beyond, beyond), &[], &expired).is_empty());
        let off = [Charge { state: ChargeState::Cancelled { cancelled_at: NOW.plus(minutes(9)) }, ..first.clone() }];
        let day = 24 * 60 + 9;
        assert_eq!(meant(money(day, day), &[&second], &off), [second.id, first.id], "paid before it was called off");
        assert_eq!(meant(money(day + 1, day + 1), &[&second], &off), [second.id]);
        let dearer = Incoming { amount: sgd(3501), ..money(30, 30) };
        assert!(meant(dearer, &[], &expired).is_empty());
        assert_eq!(meant(money(30, 30), &[&second], &[]), [second.id], "held as older than its charge");
    }
}
