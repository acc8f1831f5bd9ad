//! What a report of money names: the charges whose nonces its words hold.

use super::credit::Report;
use super::refusal::FlowError;
use xanpay_domain::id::ChargeId;
use xanpay_domain::linking::{Told, subject};
use xanpay_domain::matching::{Evidence, mentions, mentions_in_name};
use xanpay_domain::nonce::Nonce;
use xanpay_domain::transfer::ReportedTransfer;
use xanpay_store::{Account, StoreError, Tx};

/// A charge whose nonce a transfer mentions.
pub(super) struct Named<'a> {
    pub(super) account: &'a Account,
    pub(super) evidence: Evidence,
    pub(super) id: ChargeId,
}

/// A report, and what is named by all that tells of its money.
pub(super) struct Reading<'a> {
    pub(super) report: &'a Report,
    /// What the report says, and what an earlier report of the same money has said.
    said: Vec<&'a ReportedTransfer>,
    pub(super) named: Vec<Named<'a>>,
    pub(super) subject: String,
    /// Whether a word is a nonce of no charge of the book: that of another account, or of another shop.
    pub(super) names_another: bool,
}

impl<'a> Reading<'a> {
    /// Adds charges that a word names; each is named once, by the best evidence.
    fn add(&mut self, evidence: Evidence, held: Vec<(&'a Account, ChargeId)>) {
        for (account, id) in held {
            match self.named.iter_mut().find(|named| named.id == id) {
                Some(named) => named.evidence = named.evidence.max(evidence),
                None => self.named.push(Named { account, evidence, id }),
            }
        }
    }

    /// Every text in which a nonce may stand.
    pub(super) fn references(&self) -> Vec<&'a str> {
        self.said.iter().flat_map(|said| said.references()).collect()
    }

    /// The payer's names, where they are a place of the reference.
    pub(super) fn payer_names(&self) -> Vec<&'a str> {
        let is_read = self.report.book.accounts.iter().any(|account| account.method.refers_by_payer_name());
        let mut names: Vec<_> =
            self.said.iter().filter(|_| is_read).filter_map(|said| said.payer_name.as_deref()).collect();
        names.dedup();
        names
    }

    pub(super) fn told(&self) -> Told<'_> {
        let charge = match self.named.as_slice() {
            [only] => Some(only.id),
            [] | [_, _, ..] => None,
        };
        Told { reported: &self.report.reported, subject: &self.subject, charge }
    }
}

/// Finds the charges of the report's book that the texts of what is `said` name, or the payer's name where a rail carries no
/// other words.
pub(super) async fn find_named_charges<'a>(
    tx: &Tx,
    report: &'a Report,
    said: Vec<&'a ReportedTransfer>,
) -> Result<Reading<'a>, FlowError> {
    let mut reading = Reading { report, said, named: Vec::new(), subject: String::new(), names_another: false };
    let mut nonces = Vec::new();
    for mention in mentions(&reading.references()) {
        let held = holders(tx, report, &mention.nonce).await?;
        reading.names_another |= held.is_empty() && mention.evidence == Evidence::Word;
        nonces.extend(held.iter().map(|_| mention.nonce.clone()));
        reading.add(mention.evidence, held);
    }
    for mention in reading.payer_names().into_iter().flat_map(mentions_in_name) {
        let mut held = holders(tx, report, &mention.nonce).await?;
        held.retain(|(account, _)| account.method.refers_by_payer_name());
        nonces.extend(held.iter().map(|_| mention.nonce.clone()));
        reading.add(mention.evidence, held);
    }
    reading.subject = subject(nonces);
    Ok(reading)
}

/// The charges of the book that hold a nonce.
pub(super) async fn holders<'a>(
    tx: &Tx,
    report: &'a Report,
    nonce: &Nonce,
) -> Result<Vec<(&'a Account, ChargeId)>, StoreError> {
    let held = tx.list_charges_by_nonce(nonce.as_str()).await?;
    let account = |id| report.book.accounts.iter().find(|account| account.id == id);
    Ok(held.into_iter().filter_map(|(holder, charge)| Some((account(holder)?, charge))).collect())
}
