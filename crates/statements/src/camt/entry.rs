//! One `Ntry` while it is read, and what becomes of it.

use super::code::BankCode;
use crate::date;
use crate::model::{Detail, Direction, Entry, Format, Refused, Status};
use crate::text;
use jiff::civil::Date;
use xanpay_domain::currency::Currency;
use xanpay_domain::money::Money;
use xanpay_domain::time::Timestamp;

/// An element without children: its value, and the `Ccy` attribute if it is an amount.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) value: &'a str,
    pub(super) currency: Option<&'a str>,
}

/// What an open `Ntry` has said so far.
#[derive(Default)]
pub(super) struct EntryDraft {
    line: usize,
    /// The first thing that makes it unreadable.
    fault: Option<String>,
    amount: Option<Money>,
    direction: Option<Direction>,
    reversal: bool,
    code: BankCode,
    status: Option<Status>,
    booked_on: Option<Date>,
    booked_at: Option<Timestamp>,
    value_date: Option<Date>,
    bank_reference: Option<String>,
    info: Vec<String>,
    references: Vec<String>,
    charges: Charges,
    /// How many transactions the file says that the entry is made of.
    announced: usize,
    details: Vec<DetailDraft>,
}

/// What a `TxDtls` has said so far.
#[derive(Default)]
struct DetailDraft {
    /// `Amt`, `AmtDtls/TxAmt` and `AmtDtls/InstdAmt`: the first in the entry's currency is the transaction's.
    amounts: [Option<Money>; 3],
    charges: Charges,
    direction: Option<Direction>,
    reversal: bool,
    code: BankCode,
    bank_reference: Option<String>,
    end_to_end_id: Option<String>,
    texts: Vec<String>,
    references: Vec<String>,
    debtor: Option<String>,
    ultimate_debtor: Option<String>,
    account: Option<String>,
    proxy: Option<String>,
}

/// A `Chrgs`: what was taken off before the money was booked.
#[derive(Default)]
struct Charges {
    each: Vec<Money>,
    /// Their sum, taxes included; from version .03 on it may stand there alone.
    total: Option<Money>,
}

impl EntryDraft {
    pub(super) fn new(line: usize) -> Self {
        Self { line, ..Self::default() }
    }

    /// A start tag at a path below `Ntry`. Version .01 has `TxDtls` without `NtryDtls` around it.
    pub(super) fn open(&mut self, path: &[&str]) {
        match path {
            [.., "Ntry"] => self.fail("another entry stands inside this one"),
            ["NtryDtls", "TxDtls"] | ["TxDtls"] => self.details.push(DetailDraft::default()),
            ["NtryDtls", "TxDtls", "RtrInf"] | ["TxDtls", "RtrInf"] => {
                if let Some(detail) = self.details.last_mut() {
                    detail.reversal = true;
                }
            }
            _ => {}
        }
    }

    /// The end of an element without children at a path below `Ntry`.
    pub(super) fn leaf(&mut self, path: &[&str], place: Place<'_>) {
        match path {
            ["NtryDtls", "TxDtls", rest @ ..] | ["TxDtls", rest @ ..] => {
                if let Some(detail) = self.details.last_mut() {
                    detail.leaf(rest, place);
                }
            }
            ["Amt"] => match amount(place) {
                Ok(amount) => set_once(&mut self.amount, amount, "amount", &mut self.fault),
                Err(fault) => self.fail(fault),
            },
            ["CdtDbtInd"] => match direction(place.value) {
                Some(direction) => {
                    set_once(&mut self.direction, direction, "credit or debit indicator", &mut self.fault);
                }
                None => self.fail("the credit or debit indicator is neither CRDT nor DBIT"),
            },
            ["RvslInd"] => match place.value.trim() {
                "true" | "1" => self.reversal = true,
                "false" | "0" => {}
                _ => self.fail("the reversal indicator is neither true nor false"),
            },
            ["BkTxCd", code @ ..] => self.code.leaf(code, place.value),
            ["Chrgs", charge @ ..] => self.charges.leaf(charge, place),
            ["NtryDtls", "Btch", "NbOfTxs"] | ["Btch", "NbOfTxs"] => {
                self.announced = self.announced.saturating_add(place.value.trim().parse().unwrap_or(0));
            }
            ["Sts"] | ["Sts", "Cd" | "Prtry"] => self.status = status(place.value).or(self.status),
            ["BookgDt", "Dt" | "DtTm"] => self.set_booked(place.value),
            ["ValDt", "Dt" | "DtTm"] => match date::date_time(place.value) {
                Some((date, _)) => self.value_date = Some(date),
                None => self.fail("the value date is no date"),
            },
            ["AcctSvcrRef"] => {
                self.bank_reference = text::reference(place.value);
                push_new(&mut self.references, self.bank_reference.clone());
            }
            ["NtryRef"] => push_new(&mut self.references, text::reference(place.value)),
            ["AddtlNtryInf"] => self.info.extend(text::clean(place.value)),
            _ => {}
        }
    }

    fn set_booked(&mut self, value: &str) {
        match date::date_time(value) {
            Some((date, instant)) => {
                self.booked_on = Some(date);
                self.booked_at = instant.or(self.booked_at);
            }
            None => self.fail("the booking date is no date"),
        }
    }

    fn fail(&mut self, fault: impl Into<String>) {
        self.fault.get_or_insert(fault.into());
    }

    /// The entry of a message of this format, or the line with the reason why it is none.
    pub(super) fn finish(self, format: Format) -> Result<Entry, Refused> {
        let line = self.line;
        let refuse = |reason: &str| Refused { line, reason: reason.to_owned() };
        if let Some(fault) = &self.fault {
            return Err(refuse(fault));
        }
        let amount = self.amount.ok_or_else(|| refuse("the entry has no amount"))?;
        let direction = self.direction.ok_or_else(|| refuse("the entry has no credit or debit indicator"))?;
        let is_incomplete = self.is_incomplete(amount, direction);
        let mut entry = Entry {
            line,
            direction,
            reversal: self.reversal || self.code.is_return(direction),
            status: self.status.unwrap_or(unsaid_status(format)),
            amount,
            booked_on: self.booked_on,
            booked_at: self.booked_at,
            value_date: self.value_date,
            bank_reference: self.bank_reference,
            end_to_end_id: None,
            texts: Vec::new(),
            references: Vec::new(),
            payer_name: None,
            payer_account: None,
            details: Vec::new(),
            is_incomplete,
        };
        let mut details: Vec<Detail> =
            self.details.into_iter().map(|detail| detail.finish(amount.currency(), direction)).collect();
        if details.len() == 1
            && let Some(only) = details.pop()
        {
            entry.reversal |= only.reversal;
            entry.bank_reference = entry.bank_reference.or(only.bank_reference);
            entry.end_to_end_id = only.end_to_end_id;
            entry.payer_name = only.payer_name;
            entry.payer_account = only.payer_account;
            entry.texts = only.texts;
            entry.references = only.references;
        }
        entry.texts.extend(details.iter().flat_map(|detail| detail.texts.iter().cloned()));
        entry.texts.extend(self.info);
        let inside = details.iter().flat_map(|detail| detail.references.iter().cloned());
        inside.chain(self.references).for_each(|reference| push_new(&mut entry.references, Some(reference)));
        entry.details = details;
        Ok(entry)
    }

    /// Whether more money went into the entry than its transactions tell of: some are not there, or the only one goes
    /// the other way or brings another sum. That of an exchange is in another currency, and charges may have been taken.
    fn is_incomplete(&self, amount: Money, direction: Direction) -> bool {
        if self.announced > 1 && self.announced > self.details.len() {
            return true;
        }
        let [only] = self.details.as_slice() else { return false };
        let [booked, transaction, _instructed] = only.amounts;
        let own = [booked, transaction].into_iter().flatten().find(|own| own.currency() == amount.currency());
        only.direction.is_some_and(|own| own != direction)
            || own.is_some_and(|own| {
                own != amount && ![&only.charges, &self.charges].iter().any(|charges| charges.make_up(amount, own))
            })
    }
}

impl Charges {
    /// The end of an element without children at a path below `Chrgs`.
    fn leaf(&mut self, path: &[&str], place: Place<'_>) {
        match path {
            ["Amt"] | ["Rcrd", "Amt"] => self.each.extend(amount(place).ok()),
            ["TtlChrgsAndTaxAmt"] => self.total = amount(place).ok(),
            _ => {}
        }
    }

    /// Whether they are what is missing from `own` in the amount that was booked.
    fn make_up(&self, booked: Money, own: Money) -> bool {
        let sum = |charges: &[Money]| charges.iter().try_fold(booked, |sum, charge| sum.checked_add(*charge));
        sum(&self.each) == Ok(own) || sum(self.total.as_slice()) == Ok(own)
    }
}

impl DetailDraft {
    /// The end of an element without children at a path below `TxDtls`.
    fn leaf(&mut self, path: &[&str], place: Place<'_>) {
        match path {
            ["RltdPties", party @ ..] => self.party(party, place.value),
            ["Amt"] => self.amounts[0] = amount(place).ok(),
            ["AmtDtls", "TxAmt", "Amt"] => self.amounts[1] = amount(place).ok(),
            ["AmtDtls", "InstdAmt", "Amt"] => self.amounts[2] = amount(place).ok(),
            ["Chrgs", charge @ ..] => self.charges.leaf(charge, place),
            ["CdtDbtInd"] => self.direction = direction(place.value),
            ["BkTxCd", code @ ..] => self.code.leaf(code, place.value),
            ["Refs", "AcctSvcrRef"] => {
                self.bank_reference = text::reference(place.value);
                push_new(&mut self.references, self.bank_reference.clone());
            }
            ["Refs", "InstrId" | "TxId" | "PmtInfId"]
            | ["Refs", "Prtry", "Ref"]
            | ["RltdRmtInf", "RmtId"]
            | ["Purp", "Prtry"] => push_new(&mut self.references, text::reference(place.value)),
            ["Refs", "EndToEndId"] => self.end_to_end_id = text::reference(place.value),
            // `CdtrRef` and `RfrdDocNb` are the names of version .01.
            ["RmtInf", "Ustrd"]
            | ["RmtInf", "Strd", "CdtrRefInf", "Ref" | "CdtrRef"]
            | ["RmtInf", "Strd", "RfrdDocInf", "Nb" | "RfrdDocNb"]
            | ["RmtInf", "Strd", "RfrdDocInf", "LineDtls", "Desc"]
            | ["RmtInf", "Strd", "AddtlRmtInf"]
            | ["AddtlTxInf"] => self.texts.extend(text::clean(place.value)),
            _ => {}
        }
    }

    /// The parties: `Nm` directly below the party up to version .06, inside `Pty` or the agent's identification later.
    fn party(&mut self, path: &[&str], value: &str) {
        match path {
            ["Dbtr", "Nm"] | ["Dbtr", "Pty", "Nm"] | ["Dbtr", "Agt", "FinInstnId", "Nm"] => {
                self.debtor = text::clean(value);
            }
            ["UltmtDbtr", "Nm"] | ["UltmtDbtr", "Pty", "Nm"] => self.ultimate_debtor = text::clean(value),
            ["DbtrAcct", "Id", "IBAN"] => self.account = text::account(value, true),
            ["DbtrAcct", "Id", "Othr" | "PrtryAcct", "Id"] | ["DbtrAcct", "Id", "BBAN" | "UPIC"] => {
                self.account = text::account(value, false);
            }
            ["DbtrAcct", "Prxy", "Id"] => self.proxy = text::account(value, false),
            _ => {}
        }
    }

    /// `way` is the entry's direction.
    fn finish(self, currency: Currency, way: Direction) -> Detail {
        let amount = self.amounts.into_iter().flatten().find(|amount| amount.currency() == currency);
        Detail {
            amount,
            direction: self.direction,
            reversal: self.reversal || self.code.is_return(self.direction.unwrap_or(way)),
            bank_reference: self.bank_reference,
            end_to_end_id: self.end_to_end_id,
            texts: self.texts,
            references: self.references,
            payer_name: self.debtor.or(self.ultimate_debtor),
            payer_account: self.account.or(self.proxy),
        }
    }
}

/// Sets what an entry may say only once: two amounts are no amount.
fn set_once<T>(slot: &mut Option<T>, value: T, what: &str, fault: &mut Option<String>) {
    if slot.replace(value).is_some() {
        fault.get_or_insert_with(|| format!("the entry has more than one {what}"));
    }
}

/// Adds a text that is not there yet.
fn push_new(texts: &mut Vec<String>, text: Option<String>) {
    texts.extend(text.filter(|text| !texts.contains(text)));
}

fn amount(place: Place<'_>) -> Result<Money, String> {
    let code = place.currency.ok_or("the amount has no currency")?;
    let currency: Currency = code.parse().map_err(|_| "the amount's currency is not a current ISO 4217 code")?;
    text::decimal(place.value, currency)
}

fn direction(value: &str) -> Option<Direction> {
    match value.trim() {
        "CRDT" => Some(Direction::Credit),
        "DBIT" => Some(Direction::Debit),
        _ => None,
    }
}

/// A status code, which some banks put where their own words belong. `FUTR` is announced for a later day; codes that are
/// not known are not known to be booked.
fn status(value: &str) -> Option<Status> {
    match value.trim() {
        "" => None,
        "BOOK" => Some(Status::Booked),
        "PDNG" | "FUTR" => Some(Status::Pending),
        _ => Some(Status::Info),
    }
}

/// What an entry is that does not say it, against the schema. A statement holds nothing but booked entries: in version
/// .01 it had no other status. Reports and notifications tell of others, too.
fn unsaid_status(format: Format) -> Status {
    match format {
        Format::Camt053 => Status::Booked,
        Format::Camt052 | Format::Camt054 | Format::Csv => Status::Info,
    }
}
