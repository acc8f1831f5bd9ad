//! What a booking pays for: itself, or the transactions of its batch.

use crate::model::{Detail, Entry};
use jiff::civil::Date;
use std::collections::HashMap;
use xanpay_domain::money::Money;
use xanpay_domain::time::Timestamp;

/// One payment, as a matcher wants it. The payments of an entry always sum to exactly the entry's amount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// Nobody's payment: a reversal or a return. See [`Entry::reversal`].
    pub reversal: bool,
    /// The amount of this payment.
    pub amount: Money,
    /// The booking day of the entry.
    pub booked_on: Option<Date>,
    /// The booking instant of the entry.
    pub booked_at: Option<Timestamp>,
    /// The value date of the entry.
    pub value_date: Option<Date>,
    /// The bank's reference: the transaction's own if no other transaction of the batch has it too, else the entry's.
    pub bank_reference: Option<String>,
    /// The bank's reference is that of a batch, and other payments of it have it too.
    pub shares_reference: bool,
    /// The payer's end-to-end identification.
    pub end_to_end_id: Option<String>,
    /// The remittance texts.
    pub texts: Vec<String>,
    /// The other fields in which a payer's reference may stand, ids of banks among them.
    pub references: Vec<String>,
    /// The payer's name.
    pub payer_name: Option<String>,
    /// The payer's account.
    pub payer_account: Option<String>,
    /// Several payments booked as one: nobody can say what each of them brought.
    pub undivided: bool,
}

impl Entry {
    /// The payments that this booking consists of.
    ///
    /// A batch gives one payment per transaction if every transaction has an amount in the entry's currency, none goes
    /// the other way, and the amounts sum to the entry. Otherwise (charges taken off, foreign amounts, amounts left
    /// out, transactions left out) nobody can say what each transaction brought: the entry is one undivided payment with
    /// all its texts.
    #[must_use]
    pub fn payments(&self) -> Vec<Payment> {
        match self.split() {
            Some(amounts) => {
                let mut uses: HashMap<&str, usize> = HashMap::new();
                let references = self.details.iter().filter_map(|detail| detail.bank_reference.as_deref());
                for reference in references.chain(self.bank_reference.as_deref()) {
                    *uses.entry(reference).or_default() += 1;
                }
                let is_own = |reference: &&String| uses.get(reference.as_str()) == Some(&1);
                let parts = self.details.iter().zip(amounts);
                parts
                    .map(|(detail, amount)| self.part(detail, amount, detail.bank_reference.as_ref().filter(is_own)))
                    .collect()
            }
            None => vec![self.whole()],
        }
    }

    /// The amounts of the batch's transactions, if they are all known and make up the entry.
    fn split(&self) -> Option<Vec<Money>> {
        if self.details.len() < 2 || self.is_incomplete {
            return None;
        }
        let mut sum = Money::zero(self.amount.currency());
        let mut amounts = Vec::with_capacity(self.details.len());
        for detail in &self.details {
            if detail.direction.is_some_and(|direction| direction != self.direction) {
                return None;
            }
            let amount = detail.amount?;
            sum = sum.checked_add(amount).ok()?;
            amounts.push(amount);
        }
        (sum == self.amount).then_some(amounts)
    }

    /// One transaction of the batch, with its own bank reference if no other has it.
    fn part(&self, detail: &Detail, amount: Money, own: Option<&String>) -> Payment {
        Payment {
            reversal: self.reversal || detail.reversal,
            amount,
            booked_on: self.booked_on,
            booked_at: self.booked_at,
            value_date: self.value_date,
            bank_reference: own.or(self.bank_reference.as_ref()).cloned(),
            shares_reference: own.is_none(),
            end_to_end_id: detail.end_to_end_id.clone(),
            texts: detail.texts.clone(),
            references: detail.references.clone(),
            payer_name: detail.payer_name.clone(),
            payer_account: detail.payer_account.clone(),
            undivided: false,
        }
    }

    fn whole(&self) -> Payment {
        Payment {
            reversal: self.reversal || self.details.iter().any(|detail| detail.reversal),
            amount: self.amount,
            booked_on: self.booked_on,
            booked_at: self.booked_at,
            value_date: self.value_date,
            bank_reference: self.bank_reference.clone(),
            shares_reference: false,
            end_to_end_id: self.end_to_end_id.clone(),
            texts: self.texts.clone(),
            references: self.references.clone(),
            payer_name: self.payer_name.clone(),
            payer_account: self.payer_account.clone(),
            undivided: self.is_incomplete || !self.details.is_empty(),
        }
    }
}
