//! What a bank file says, in the words of ISO 20022.

use jiff::civil::Date;
use std::fmt;
use xanpay_domain::currency::Currency;
use xanpay_domain::money::Money;
use xanpay_domain::time::Timestamp;

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// ISO 20022 intraday account report.
    Camt052,
    /// ISO 20022 account statement.
    Camt053,
    /// ISO 20022 debit and credit notification.
    Camt054,
    /// A bank's CSV export.
    Csv,
}

impl Format {
    /// The format's name: `camt.052`, `camt.053`, `camt.054`, `csv`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Camt052 => "camt.052",
            Self::Camt053 => "camt.053",
            Self::Camt054 => "camt.054",
            Self::Csv => "csv",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Everything that one file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its format. A camt file's container element decides.
    pub format: Format,
    /// The profile that read a CSV file.
    pub profile: Option<&'static str>,
    /// The statements, reports or notifications, in the file's order.
    pub statements: Vec<Statement>,
    /// The lines that could not be read, in the file's order.
    pub refused: Vec<Refused>,
}

/// A line of the file that is no entry. Its money, if any, is not in the entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The line in the file, counted from 1: of the `Ntry` start tag or of the CSV row.
    pub line: usize,
    /// Why, as a phrase for the operator.
    pub reason: String,
}

/// One account's entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The account as the bank writes it: IBAN, other identification, or the account number of a CSV preamble.
    pub account: Option<String>,
    /// The currency that the statement names for its account.
    pub currency: Option<Currency>,
    /// The entries, in the file's order.
    pub entries: Vec<Entry>,
}

/// Which way the money of a booking moves, seen from the account's owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Money in.
    Credit,
    /// Money out.
    Debit,
}

/// How far a booking has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// On the account. Only this is money.
    Booked,
    /// Announced or reserved; may still vanish.
    Pending,
    /// For information, or a status that is the bank's own word or absent outside a statement: not known to be booked.
    Info,
}

/// One booking on an account.
///
/// Texts have runs of white space and control characters replaced by one space. When a camt entry has a single
/// transaction, its references, texts and payer are the entry's own and [`Entry::details`] is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The line in the file, counted from 1: of the `Ntry` start tag or of the CSV row.
    pub line: usize,
    /// The direction of this booking. A reversal's direction is already its own: the reversal of a credit is a debit.
    pub direction: Direction,
    /// The booking undoes another one or brings an outgoing payment back (`RvslInd`, return information, or the bank's
    /// code of the booking). A credit of this kind is nobody's payment.
    pub reversal: bool,
    /// How far the booking has come.
    pub status: Status,
    /// The amount booked.
    pub amount: Money,
    /// The bank's own calendar day of the booking.
    pub booked_on: Option<Date>,
    /// The instant of the booking, when the bank gives a time with its offset from UTC.
    pub booked_at: Option<Timestamp>,
    /// The day from which the money bears interest.
    pub value_date: Option<Date>,
    /// The bank's own unique reference of the booking (`AcctSvcrRef`). Placeholders such as `NOTPROVIDED` are `None`.
    pub bank_reference: Option<String>,
    /// The payer's end-to-end identification. Placeholders are `None`.
    pub end_to_end_id: Option<String>,
    /// All remittance texts in the file's order, those of a batch's transactions included.
    pub texts: Vec<String>,
    /// The other fields in which a payer's reference may stand, ids of banks among them: each text once.
    pub references: Vec<String>,
    /// The debtor's name, or the ultimate debtor's.
    pub payer_name: Option<String>,
    /// The debtor's account: IBAN, other identification or proxy.
    pub payer_account: Option<String>,
    /// The transactions of a batch booking, in the file's order. Empty when there are fewer than two.
    pub details: Vec<Detail>,
    /// The file counts more transactions than it tells of, or its only one makes up another sum than the entry.
    pub is_incomplete: bool,
}

/// One transaction of a batch booking (`TxDtls`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    /// Its amount, when the file gives one in the entry's currency.
    pub amount: Option<Money>,
    /// Its own direction, when the file gives one.
    pub direction: Option<Direction>,
    /// It is a return, as [`Entry::reversal`].
    pub reversal: bool,
    /// The bank's reference of this transaction. Banks repeat one reference over all transactions of a batch.
    pub bank_reference: Option<String>,
    /// The payer's end-to-end identification.
    pub end_to_end_id: Option<String>,
    /// Its remittance texts.
    pub texts: Vec<String>,
    /// The other fields in which a payer's reference may stand.
    pub references: Vec<String>,
    /// The debtor's name, or the ultimate debtor's.
    pub payer_name: Option<String>,
    /// The debtor's account: IBAN, other identification or proxy.
    pub payer_account: Option<String>,
}
