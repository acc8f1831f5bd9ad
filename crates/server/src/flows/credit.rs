//! Crediting one transfer inside a transaction: found again, or judged and stored.

use super::events::{EventSeed, push_status_event};
use super::placement::spell;
use super::refusal::FlowError;
use xanpay_domain::charge::{Charge, ChargeEvent};
use xanpay_domain::id::{MerchantId, TransferId};
use xanpay_domain::matching::{Evidence, Incoming, Outcome, Verdict, decide, mentions};
use xanpay_domain::method::Method;
use xanpay_domain::time::Timestamp;
use xanpay_domain::transfer::{ReportedTransfer, Transfer};
use xanpay_store::{Account, Tx};

/// A transfer to judge, with everything that is decided before the transaction begins.
#[derive(Debug, Clone)]
pub(super) struct Report {
    pub(super) account: Account,
    pub(super) reported: ReportedTransfer,
    pub(super) source: &'static str,
    /// The only merchant whose charges it may pay.
    pub(super) payee: Option<MerchantId>,
    pub(super) id: TransferId,
    pub(super) seed: EventSeed,
    /// The time in the account's environment.
    pub(super) now: Timestamp,
    pub(super) real_now: Timestamp,
}

/// What became of a transfer.
#[derive(Debug, Clone)]
pub(super) struct Credited {
    pub(super) transfer: Transfer,
    /// Whether it was already known.
    pub(super) duplicate: bool,
    /// The charge that it changed.
    pub(super) changed: Option<Charge>,
}

/// Stores a transfer with its outcome and credits its charge, or finds it again by its identity.
pub(super) async fn credit(tx: &Tx, report: &Report, identity: String) -> Result<Credited, FlowError> {
    if let Some(transfer) = tx.find_transfer_by_identity(report.account.id, &identity).await? {
        return Ok(Credited { transfer, duplicate: true, changed: None });
    }
    let candidates = candidates(tx, report).await?;
    let incoming = Incoming {
        amount: report.reported.amount,
        account_currency: report.account.method.currency(),
        reversal: report.reported.reversal,
        booked_from: report.reported.booked.earliest(),
        booked_until: report.reported.booked.latest(),
    };
    let charges: Vec<_> = candidates.iter().map(|(evidence, charge, _)| (*evidence, charge.clone())).collect();
    let transfer = |outcome, reason, charge_id| Transfer {
        id: report.id,
        account_id: report.account.id,
        reported: report.reported.clone(),
        source: report.source.to_owned(),
        identity: identity.clone(),
        received_at: report.now,
        outcome,
        reason,
        charge_id,
    };
    match decide(&incoming, &charges, report.now) {
        Verdict::Hold { outcome, reason } => {
            let transfer = transfer(outcome, reason, None);
            tx.insert_transfer(&transfer).await?;
            Ok(Credited { transfer, duplicate: false, changed: None })
        }
        Verdict::Credit { charge, event, outcome, reason } => {
            let version =
                candidates.iter().find(|(_, candidate, _)| candidate.id == charge.id).map_or(0, |found| found.2);
            tx.save_charge(&charge, version).await?;
            let transfer = transfer(outcome, reason, Some(charge.id));
            tx.insert_transfer(&transfer).await?;
            if completes(event, outcome, &charges) {
                push_status_event(tx, &charge, version + 1, report.seed, report.now, report.real_now).await?;
            }
            Ok(Credited { transfer, duplicate: false, changed: Some(*charge) })
        }
    }
}

/// Whether the credit has changed the charge's status: more money on a paid charge has not.
fn completes(event: ChargeEvent, outcome: Outcome, before: &[(Evidence, Charge)]) -> bool {
    use xanpay_domain::charge::ChargeStatus;
    let was_paid = before.iter().any(|(_, charge)| charge.state.status() == ChargeStatus::Completed);
    match event {
        ChargeEvent::Matched | ChargeEvent::PaidLate => true,
        ChargeEvent::Overpaid { .. } => outcome == Outcome::Over && !was_paid,
        ChargeEvent::PartPaid | ChargeEvent::Cancelled | ChargeEvent::Expired => false,
    }
}

/// The charges of the account that the transfer can mean, locked. Where the account's policy allows it, the amount or
/// the account alone proposes one when no nonce does.
async fn candidates(tx: &Tx, report: &Report) -> Result<Vec<(Evidence, Charge, i64)>, FlowError> {
    let (account, method): (_, Method) = (&report.account, report.account.method);
    let mut found = Vec::new();
    for mention in mentions(&report.reported.texts) {
        if let Some(id) = tx.find_charge_id_by_nonce(account.id, &spell(method, &mention.nonce)).await? {
            found.push((mention.evidence, id));
        }
    }
    if found.is_empty()
        && let Some(claim) = account.policy.claim(report.reported.amount)
        && report.reported.amount.currency() == method.currency()
        && let Some(id) = tx.find_charge_id_by_claim(account.id, claim).await?
    {
        found.push((Evidence::Policy, id));
    }
    let mut locked = Vec::new();
    for (evidence, id) in found {
        if let Some(charge) = tx.lock_charge(id).await?
            && report.payee.is_none_or(|payee| payee == charge.charge.merchant_id)
        {
            locked.push((evidence, charge.charge, charge.version));
        }
    }
    Ok(locked)
}
