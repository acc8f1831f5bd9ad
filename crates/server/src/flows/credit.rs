//! Crediting one transfer inside a transaction: found again, linked to what another feed has told of, or judged and
//! stored. The rule of linking is in `docs/decisions/0005-one-payment-many-reports.md`.

use super::book::{Book, is_in};
use super::events::{EventSeed, push_status_event};
use super::reading::{Reading, find_named_charges, holders};
use super::refusal::FlowError;
use std::sync::Arc;
use xanpay_domain::charge::{Charge, ChargeEvent, ChargeStatus, LATE_GRACE};
use xanpay_domain::id::{ChargeId, MerchantId, TransferId};
use xanpay_domain::linking::{Feed, Likeness, Told, fit, likeness, retold, same_feed_likeness};
use xanpay_domain::matching::{Evidence, Incoming, Outcome, Policy, Reason, Verdict, claimants, decide, mistyped};
use xanpay_domain::time::Timestamp;
use xanpay_domain::transfer::{Booked, ReportedTransfer, Transfer};
use xanpay_store::{Account, StoreError, Tx};

/// The most charges of one account and amount that are looked at.
const MAX_EQUAL: i64 = 50;

/// A transfer to judge, with everything that is decided before the transaction begins.
#[derive(Debug, Clone)]
pub(super) struct Report {
    pub(super) book: Arc<Book>,
    pub(super) reported: ReportedTransfer,
    /// Whether it is several payments, of which nobody can say what each of them brought.
    pub(super) undivided: bool,
    pub(super) source: &'static str,
    pub(super) feed: Feed,
    /// Its number among equal rows of its source; nothing where reports come one by one.
    pub(super) number: Option<u32>,
    /// What the rows with its reference that stand beside it in a statement are: each of them is another booking.
    pub(super) beside: Vec<TransferId>,
    /// The only merchant whose charges it may pay.
    pub(super) payee: Option<MerchantId>,
    pub(super) id: TransferId,
    pub(super) seed: EventSeed,
    /// The time in the account's environment.
    pub(super) now: Timestamp,
    pub(super) real_now: Timestamp,
}

impl Report {
    /// The facts that matter for matching on an account.
    fn incoming(&self, account: &Account) -> Incoming {
        Incoming {
            amount: self.reported.amount,
            account_currency: account.method.currency(),
            reversal: self.reported.reversal,
            undivided: self.undivided,
            booked_from: self.reported.booked.earliest(),
            booked_until: self.reported.booked.latest(),
        }
    }

    fn may_pay(&self, charge: &Charge) -> bool {
        self.payee.is_none_or(|payee| payee == charge.merchant_id)
    }
}

/// What became of a transfer.
#[derive(Debug, Clone)]
pub(super) struct Credited {
    pub(super) transfer: Transfer,
    /// Whether it was already known.
    pub(super) duplicate: bool,
    /// Whether its outcome was decided just now.
    pub(super) judged: bool,
    /// The charge that it changed.
    pub(super) changed: Option<Charge>,
}

/// A charge that a transfer can mean, locked.
struct Candidate<'a> {
    account: &'a Account,
    evidence: Evidence,
    charge: Charge,
    version: i64,
}

fn told(known: &Transfer) -> Told<'_> {
    Told { reported: &known.reported, subject: &known.subject, charge: known.charge_id }
}

/// What the report's feed has told of under the report's identity.
enum Recognised {
    /// The same transfer.
    Again(Box<Transfer>),
    /// Nothing, or other transfers. This one is kept under an identity of its own.
    New {
        identity: String,
        /// Whether it may be a known one after all.
        is_doubtful: bool,
    },
}

/// What a report is about.
enum About {
    /// What its feed has told of before.
    Again(Box<Transfer>),
    /// What another feed has told of.
    Linked { identity: String, known: Box<Transfer> },
    /// A transfer of its own, alike to another one as far as is seen.
    New { identity: String, seen: Likeness, is_doubtful: bool },
}

/// Stores a transfer with its outcome and credits its charge, or finds it again.
pub(super) async fn credit(tx: &Tx, report: &Report) -> Result<Credited, FlowError> {
    tx.lock_transfers().await?;
    let reading = find_named_charges(tx, report, vec![&report.reported]).await?;
    match identify(tx, &reading, &[]).await? {
        About::Again(known) => tell_again(tx, report, *known).await,
        About::Linked { identity, known } => link(tx, report, &identity, *known).await,
        About::New { identity, seen, is_doubtful } => insert_judged(tx, &reading, identity, seen, is_doubtful).await,
    }
}

/// Records a report that names no charge, if it is about a known transfer that names none either; leaves it alone otherwise.
/// Nothing is judged. `named` are the nonces in rows beside it: charges that have one of them wait for that money, not for
/// this.
pub(super) async fn credit_known(tx: &Tx, report: &Report, named: &[String]) -> Result<Option<Credited>, FlowError> {
    tx.lock_transfers().await?;
    let reading = find_named_charges(tx, report, vec![&report.reported]).await?;
    let is_plain =
        |known: &Transfer| reading.subject.is_empty() && known.subject.is_empty() && !is_held_for_its_time(known);
    Ok(match identify(tx, &reading, named).await? {
        About::Again(known) if is_plain(&known) => Some(tell_again(tx, report, *known).await?),
        About::Linked { identity, known } if is_plain(&known) => Some(link(tx, report, &identity, *known).await?),
        About::Again(_) | About::Linked { .. } | About::New { .. } => None,
    })
}

/// Finds out what a report is about. No charge with one of the nonces `named` is taken to wait for its money.
async fn identify(tx: &Tx, reading: &Reading<'_>, named: &[String]) -> Result<About, FlowError> {
    let (identity, is_doubtful) = match recognise(tx, reading).await? {
        Recognised::Again(known) => return Ok(About::Again(known)),
        Recognised::New { identity, is_doubtful } => (identity, is_doubtful),
    };
    let nearest = find_counterpart(tx, reading).await?;
    let seen = nearest.as_ref().map_or(Likeness::Different, |(likeness, _)| *likeness);
    let is_one = match seen {
        Likeness::Different | Likeness::Unclear => false,
        Likeness::Amount => !is_doubtful && !is_awaited(tx, reading.report, named).await?,
        Likeness::Payer | Likeness::Text | Likeness::Nonce | Likeness::Reference => true,
    };
    Ok(match nearest {
        Some((_, known)) if is_one => About::Linked { identity, known: Box::new(known) },
        _ => About::New { identity, seen, is_doubtful },
    })
}

async fn tell_again(tx: &Tx, report: &Report, known: Transfer) -> Result<Credited, FlowError> {
    if adds_words(&known.reported, &report.reported) {
        // As it is kept, and not as this feed has dated it.
        let kept = tx.find_transfer(known.id).await?;
        return rejudge(tx, report, kept.unwrap_or(known)).await;
    }
    Ok(Credited { transfer: known, duplicate: true, judged: false, changed: None })
}

async fn link(tx: &Tx, report: &Report, identity: &str, known: Transfer) -> Result<Credited, FlowError> {
    tx.insert_transfer_report(&known, report.feed, identity, report.reported.booked).await?;
    rejudge(tx, report, known).await
}

/// Looks for the report among what its feed has told of. Rows are known by their facts and their number. A reference may be
/// one that the bank counts anew every day or gives to several bookings: those are numbered, and of those that the other
/// rows of the statement are not about, the one that fits best is meant.
async fn recognise(tx: &Tx, reading: &Reading<'_>) -> Result<Recognised, FlowError> {
    let report = reading.report;
    if report.reported.bank_reference.is_none() {
        // Whoever reports one by one and without the bank's id reports a new transfer.
        let Some(number) = report.number else {
            return Ok(Recognised::New { identity: format!("own:{}", report.id), is_doubtful: false });
        };
        let identity = numbered(report, number);
        let known = tx.find_transfer_by_report(report.book.id, report.feed, &identity).await?;
        let known = known.map(|known| Recognised::Again(Box::new(known)));
        return Ok(known.unwrap_or(Recognised::New { identity, is_doubtful: false }));
    }
    let (book, first) = (report.book.id, numbered(report, 1));
    let known = tx.list_numbered_transfers(book, report.feed, &first, &report.reported, &reading.subject).await?;
    let identity = numbered(report, known.last().map_or(1, |(last, _)| last + 1));
    let others = known.into_iter().map(|(_, known)| known).filter(|known| !report.beside.contains(&known.id));
    Ok(match most_alike(others, reading, same_feed_likeness) {
        Some((Likeness::Reference, known)) => Recognised::Again(Box::new(known)),
        Some((likeness, _)) => Recognised::New { identity, is_doubtful: likeness == Likeness::Unclear },
        None => Recognised::New { identity, is_doubtful: false },
    })
}

/// The transfer that is most like the report: of several that are as likely the one that fits best, and of those the first.
fn most_alike(
    known: impl IntoIterator<Item = Transfer>,
    reading: &Reading<'_>,
    likeness: impl Fn(&Told<'_>, &Told<'_>) -> Likeness,
) -> Option<(Likeness, Transfer)> {
    let mut best = None;
    for known in known {
        let rank = (likeness(&told(&known), &reading.told()), fit(&told(&known), &reading.told()));
        if best.as_ref().is_none_or(|(so_far, _)| rank > *so_far) {
            best = Some((rank, known));
        }
    }
    best.map(|((likeness, _), known)| (likeness, known))
}

/// What makes the report the same one when it comes again, as the `number`-th of equal ones.
fn numbered(report: &Report, number: u32) -> String {
    // Merchants play banks of their own: a reference that one of them invents is not another's.
    let bank = report.payee.map(|payee| format!("{payee}/")).unwrap_or_default();
    format!("{bank}{}", report.reported.identity(number))
}

/// The transfer of another feed that this report is most likely about.
async fn find_counterpart(tx: &Tx, reading: &Reading<'_>) -> Result<Option<(Likeness, Transfer)>, FlowError> {
    let Reading { report, subject, .. } = reading;
    // What a merchant invents for itself is nobody else's money.
    if report.payee.is_some() {
        return Ok(None);
    }
    let amounts = report.book.amounts();
    let known = tx.list_unreported_transfers(report.book.id, report.feed, &report.reported, subject, amounts).await?;
    Ok(most_alike(known, reading, |known, new| likeness(known, new, amounts)))
}

/// Whether a charge waits for the report's amount, or may still be meant by it, other than those of these nonces.
async fn is_awaited(tx: &Tx, report: &Report, named: &[String]) -> Result<bool, StoreError> {
    let charges = claiming(tx, report).await?;
    let is_named = |charge: &Charge| named.contains(&charge.destination.nonce.to_ascii_lowercase());
    let awaits = |charge: &Charge| charge.outstanding() == report.reported.amount && !is_named(charge);
    Ok(charges.iter().any(|(_, charge)| awaits(charge)))
}

/// A report of a transfer that is known. Where the words that name a charge were left out before, this one may bring them,
/// or the time at which the charge could be paid: that which either report names, or which the money alone can mean.
async fn rejudge(tx: &Tx, report: &Report, known: Transfer) -> Result<Credited, FlowError> {
    let untouched = |transfer| Credited { transfer, duplicate: true, judged: false, changed: None };
    if !is_open(&known) {
        return Ok(untouched(known));
    }
    let mut report = report.clone();
    report.reported.booked = decisive(&known, report.reported.booked);
    let reading = find_named_charges(tx, &report, vec![&report.reported, &known.reported]).await?;
    if reading.named.is_empty() && !is_held_for_its_time(&known) {
        return Ok(untouched(known));
    }
    let (judged, changed) = judge(tx, &reading, false).await?;
    if (&judged.subject, judged.reason, judged.charge_id) == (&known.subject, known.reason, known.charge_id) {
        return Ok(untouched(known));
    }
    let reported = merged(known.reported.clone(), report.reported.clone());
    let transfer = Transfer {
        account_id: judged.account_id,
        reported,
        subject: judged.subject,
        outcome: judged.outcome,
        reason: judged.reason,
        charge_id: judged.charge_id,
        ..known
    };
    tx.save_transfer(&transfer).await?;
    Ok(Credited { transfer, duplicate: true, judged: true, changed })
}

/// Whether a report has words that an earlier one of the same payment has not.
fn adds_words(known: &ReportedTransfer, new: &ReportedTransfer) -> bool {
    let is_new = |text: &String| !known.texts.contains(text);
    new.texts.iter().any(is_new) || (new.payer_name.is_some() && new.payer_name != known.payer_name)
}

/// What two reports say of one payment. Nothing that the first one said is lost.
fn merged(known: ReportedTransfer, new: ReportedTransfer) -> ReportedTransfer {
    let mut texts = new.texts;
    let more: Vec<String> = known.texts.into_iter().filter(|text| !texts.contains(text)).collect();
    texts.extend(more);
    ReportedTransfer {
        texts,
        bank_reference: known.bank_reference.or(new.bank_reference),
        end_to_end_id: known.end_to_end_id.or(new.end_to_end_id),
        payer_name: known.payer_name.or(new.payer_name),
        payer_account: known.payer_account.or(new.payer_account),
        ..new
    }
}

/// When money of which several reports tell was booked: as early as one of them says, unless that cannot be.
fn decisive(known: &Transfer, new: Booked) -> Booked {
    let cannot_be = matches!(known.reason, Reason::OlderThanCharge | Reason::ImplausibleDate);
    if cannot_be || new.earliest() < known.reported.booked.earliest() { new } else { known.reported.booked }
}

/// Whether a transfer is held because whoever told of it has it at a time at which its charge cannot have been paid.
fn is_held_for_its_time(known: &Transfer) -> bool {
    matches!(known.reason, Reason::OlderThanCharge | Reason::ImplausibleDate | Reason::Expired)
}

/// Whether a transfer is held for its time, or for want of words that name a charge.
fn is_open(known: &Transfer) -> bool {
    known.charge_id.is_none()
        && match known.reason {
            Reason::NoReference | Reason::SeveralReferences | Reason::WeakReference => known.subject.is_empty(),
            Reason::OlderThanCharge | Reason::ImplausibleDate | Reason::Expired => true,
            Reason::Exact
            | Reason::ShortAmount
            | Reason::Surplus
            | Reason::AlreadyPaid
            | Reason::PaidAfterExpiry
            | Reason::ToldAfterExpiry
            | Reason::Cancelled
            | Reason::OtherCurrency
            | Reason::Reversal
            | Reason::BatchNotSplit
            | Reason::PossibleDuplicate => false,
        }
}

/// A transfer that is new to the book.
async fn insert_judged(
    tx: &Tx,
    reading: &Reading<'_>,
    identity: String,
    seen: Likeness,
    is_doubtful: bool,
) -> Result<Credited, FlowError> {
    let (judged, changed) = judge(tx, reading, is_doubtful || seen != Likeness::Different).await?;
    let transfer = Transfer { identity, ..judged };
    tx.insert_transfer(&transfer).await?;
    // Transactions that share a commit do not wait for each other: one may have added the other feed's report meanwhile.
    if find_counterpart(tx, reading).await?.is_some_and(|(now, _)| now > seen) {
        return Err(StoreError::Conflict.into());
    }
    Ok(Credited { transfer, duplicate: false, judged: true, changed })
}

/// Decides what the transfer pays, and credits the charge, unless it is doubtful that it is new. The transfer is not
/// stored yet and has no identity.
async fn judge(tx: &Tx, reading: &Reading<'_>, is_doubtful: bool) -> Result<(Transfer, Option<Charge>), FlowError> {
    let report = reading.report;
    let candidates = candidates(tx, reading).await?;
    let account = match candidates.as_slice() {
        [only] => only.account,
        [] | [_, _, ..] => report.book.usual(report.reported.amount.currency()),
    };
    let charges: Vec<_> = candidates.iter().map(|found| (found.evidence, found.charge.clone())).collect();
    let mut verdict = decide(&report.incoming(account), &charges, report.now);
    let credits = matches!(verdict, Verdict::Credit { .. });
    if is_doubtful || (credits && is_retold(tx, reading).await?) {
        verdict = Verdict::Hold { outcome: Outcome::Ambiguous, reason: Reason::PossibleDuplicate };
    }
    let transfer = |outcome, reason, charge_id: Option<ChargeId>| Transfer {
        id: report.id,
        account_id: account.id,
        book_id: report.book.id,
        reported: report.reported.clone(),
        source: report.source.to_owned(),
        feed: report.feed,
        identity: String::new(),
        subject: reading.subject.clone(),
        received_at: report.now,
        outcome,
        reason,
        charge_id,
    };
    match verdict {
        Verdict::Hold { outcome, reason } => Ok((transfer(outcome, reason, None), None)),
        Verdict::Credit { charge, event, outcome, reason } => {
            // A verdict of credit is about the only candidate.
            let before = candidates.first().ok_or(StoreError::Conflict)?;
            tx.save_charge(&charge, before.version).await?;
            if completes(event, &before.charge) {
                push_status_event(tx, &charge, before.version + 1, report.seed, report.now, report.real_now).await?;
            }
            Ok((transfer(outcome, reason, Some(charge.id)), Some(*charge)))
        }
    }
}

/// Whether the report's feed seems to have told of this payment with fewer or more words: a later export of a bank may add
/// a reference or a text. Whoever reports one by one means a new transfer.
async fn is_retold(tx: &Tx, reading: &Reading<'_>) -> Result<bool, StoreError> {
    let Reading { report, subject, .. } = reading;
    if report.feed == Feed::Reported {
        return Ok(false);
    }
    let known = tx.list_transfers_first_told(report.book.id, report.feed, &report.reported, subject).await?;
    Ok(known.iter().any(|known| retold(&told(known), &reading.told())))
}

/// Whether the credit has changed the charge's status: more money on a paid charge has not.
fn completes(event: ChargeEvent, before: &Charge) -> bool {
    match event {
        ChargeEvent::Matched | ChargeEvent::PaidLate => true,
        ChargeEvent::Overpaid { .. } => before.state.status() != ChargeStatus::Completed,
        ChargeEvent::PartPaid | ChargeEvent::Cancelled | ChargeEvent::Expired => false,
    }
}

/// The charges of the book that the transfer can mean, locked: those that its texts name, or those that its amount or its
/// account alone proposes. Two are as unclear as more.
async fn candidates<'a>(tx: &Tx, reading: &Reading<'a>) -> Result<Vec<Candidate<'a>>, FlowError> {
    let report = reading.report;
    let mut found: Vec<(&Account, Evidence, ChargeId)> =
        reading.named.iter().map(|named| (named.account, named.evidence, named.id)).collect();
    if found.is_empty() && !reading.names_another {
        let meant = by_policy(tx, reading).await?;
        found.extend(meant.into_iter().map(|(account, id)| (account, Evidence::Policy, id)));
    }
    let mut locked = Vec::new();
    for (account, evidence, id) in found {
        if locked.len() < 2
            && let Some(found) = tx.lock_charge(id).await?
            && report.may_pay(&found.charge)
        {
            locked.push(Candidate { account, evidence, charge: found.charge, version: found.version });
        }
    }
    Ok(locked)
}

/// The charges that money without a nonce can mean, and whoever has nearly typed the nonce of a charge.
async fn by_policy<'a>(tx: &Tx, reading: &Reading<'a>) -> Result<Vec<(&'a Account, ChargeId)>, StoreError> {
    let report = reading.report;
    let mut meant: Vec<_> =
        claiming(tx, report).await?.into_iter().map(|(account, charge)| (account, charge.id)).collect();
    if meant.is_empty() {
        return Ok(meant);
    }
    let words = [reading.references(), reading.payer_names()].concat();
    for nonce in mistyped(&words) {
        for (account, id) in holders(tx, report, &nonce).await? {
            if meant.iter().all(|(_, charge)| *charge != id) {
                meant.push((account, id));
            }
        }
    }
    Ok(meant)
}

/// The charges that the amount or the account alone proposes, where the policy of an account says so. What waits for its
/// nonce on another name of the bank account and asks as much may be meant as well.
async fn claiming<'a>(tx: &Tx, report: &'a Report) -> Result<Vec<(&'a Account, Charge)>, StoreError> {
    let amount = report.reported.amount;
    let accounts = || report.book.accounts.iter().filter(|account| is_in(account, amount.currency()));
    let Some(claiming) = accounts().find(|account| account.policy != Policy::Nonce) else { return Ok(Vec::new()) };
    let incoming = report.incoming(claiming);
    let since = incoming.booked_from.minus(LATE_GRACE);
    let (mut pending, mut unpaid) = (Vec::new(), Vec::new());
    for account in accounts() {
        pending.extend(tx.list_charges_asking(account.id, amount.minor(), MAX_EQUAL).await?);
        unpaid.extend(tx.list_unpaid_asking(account.id, amount.minor(), since, MAX_EQUAL).await?);
    }
    if pending.is_empty() && unpaid.is_empty() {
        // Another amount on an account that waits for one charge is about that charge.
        for account in accounts().filter(|account| account.policy == Policy::VirtualAccount) {
            if let Some(id) = tx.find_charge_id_by_claim(account.id, 0).await? {
                pending.extend(tx.find_charge(id).await?);
            }
        }
    }
    pending.retain(|charge| report.may_pay(charge));
    unpaid.retain(|charge| report.may_pay(charge));
    let holder = |charge: &Charge| accounts().find(|account| account.id == charge.destination.account_id);
    let may_propose = |charge: &Charge| holder(charge).is_some_and(|account| account.policy != Policy::Nonce);
    let charges = claimants(&incoming, &pending, &unpaid, may_propose);
    Ok(charges.into_iter().filter_map(|charge| Some((holder(charge)?, charge.clone()))).collect())
}
