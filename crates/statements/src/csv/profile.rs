//! The banks' CSV layouts.

use xanpay_domain::currency::Currency;

/// One bank's CSV layout, for listings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProfileInfo {
    /// The name that selects it.
    pub name: &'static str,
    /// The header of its table, by which it is recognised.
    pub header: &'static str,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    /// The booking day.
    Date,
    /// The value date.
    ValueDate,
    /// Money out.
    Debit,
    /// Money in.
    Credit,
    /// The row's currency.
    Currency,
    /// How far the booking has come.
    Status,
    /// The bank's code of the booking.
    Code,
    /// Something that a reference may stand in.
    Text,
    /// Nothing that is needed.
    Unused,
}

/// A layout: the meaning of each column of the header, and what the file may leave out.
pub(super) struct Profile {
    pub(super) info: &'static ProfileInfo,
    pub(super) columns: &'static [Column],
    /// How many leading columns a header must have; the rest may be missing at its end.
    pub(super) required: usize,
    /// Rows may be longer than the header, as the bank does not quote commas in the last texts.
    pub(super) open_ended: bool,
    /// The status that is money, in lower case. Without a status column every row is booked.
    pub(super) booked_status: &'static str,
    /// The codes of bookings that undo others.
    pub(super) undoing: &'static [&'static str],
    /// The currency of a file that names none.
    pub(super) currency: Currency,
}

/// All CSV layouts that are read.
#[must_use]
pub fn profiles() -> &'static [ProfileInfo] {
    &INFOS
}

static INFOS: [ProfileInfo; 3] = [
    ProfileInfo {
        name: "dbs-classic",
        header: "Transaction Date,Reference,Debit Amount,Credit Amount,Transaction Ref1,Transaction Ref2,Transaction Ref3",
    },
    ProfileInfo {
        name: "dbs-2026-ref",
        header: "Transaction Date,Transaction Code,Description,Transaction Ref1,Transaction Ref2,Transaction Ref3,Status,\
                 Debit Amount,Credit Amount",
    },
    ProfileInfo {
        name: "dbs-2026",
        header: "Transaction Date,Value Date,Statement Code,Description,Supplementary Code,\
                 Supplementary Code Description,Client Reference,Additional Reference,Status,Currency,Debit Amount,\
                 Credit Amount",
    },
];

/// DBS publishes `ADVE` (error correction of an advice) and `CAN` (cancellation of a transfer). `REV` and `RTN` are not in its
/// list, but whatever they stood for would be no customer's payment, and no payer can write in this column.
const DBS_UNDOING: &[&str] = &["ADVE", "CAN", "REV", "RTN"];

pub(super) static PROFILES: [Profile; 3] = [
    Profile {
        info: &INFOS[0],
        columns: &[Column::Date, Column::Code, Column::Debit, Column::Credit, Column::Text, Column::Text, Column::Text],
        required: 4,
        open_ended: true,
        booked_status: "",
        undoing: DBS_UNDOING,
        currency: Currency::SGD,
    },
    Profile {
        info: &INFOS[1],
        columns: &[
            Column::Date,
            Column::Code,
            // The references in one, sometimes cut.
            Column::Unused,
            Column::Text,
            Column::Text,
            Column::Text,
            Column::Status,
            Column::Debit,
            Column::Credit,
        ],
        required: 9,
        open_ended: false,
        booked_status: "settled",
        undoing: DBS_UNDOING,
        currency: Currency::SGD,
    },
    Profile {
        info: &INFOS[2],
        columns: &[
            Column::Date,
            Column::ValueDate,
            Column::Code,
            Column::Text,
            Column::Text,
            Column::Unused,
            Column::Text,
            Column::Text,
            Column::Status,
            Column::Currency,
            Column::Debit,
            Column::Credit,
        ],
        required: 12,
        open_ended: false,
        booked_status: "settled",
        undoing: DBS_UNDOING,
        currency: Currency::SGD,
    },
];

impl Profile {
    /// Whether a row is this layout's header. Letter case, spaces and empty columns at the end do not matter, nor does
    /// the word `Transaction` before `Ref1`.
    pub(super) fn is_header<'a>(&self, row: impl Iterator<Item = &'a str>) -> bool {
        let mut row = row.peekable();
        let wanted: Vec<&str> = self.info.header.split(',').collect();
        if row.peek().map(|first| heading(first)) != wanted.first().map(|first| heading(first)) {
            return false;
        }
        let mut found: Vec<String> = row.map(heading).collect();
        while found.last().is_some_and(String::is_empty) {
            found.pop();
        }
        let wanted: Vec<String> = wanted.into_iter().map(heading).collect();
        found.len() >= self.required && wanted.starts_with(&found)
    }
}

/// A heading as it is compared.
fn heading(raw: &str) -> String {
    let words: Vec<String> = raw.split_whitespace().map(str::to_ascii_lowercase).collect();
    words.join(" ").replace("transaction ref", "ref")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_names_each_of_its_columns() {
        for profile in &PROFILES {
            assert_eq!(profile.info.header.split(',').count(), profile.columns.len(), "{}", profile.info.name);
            assert!(profile.required <= profile.columns.len());
            for needed in [Column::Date, Column::Debit, Column::Credit] {
                let at = profile.columns.iter().position(|column| *column == needed);
                assert!(at.is_some_and(|at| at < profile.required), "{} {needed:?}", profile.info.name);
            }
        }
    }

    #[test]
    fn each_header_is_recognised_by_one_profile() {
        for info in profiles() {
            let named: Vec<&str> = PROFILES
                .iter()
                .filter(|profile| profile.is_header(info.header.split(',')))
                .map(|profile| profile.info.name)
                .collect();
            assert_eq!(named, [info.name]);
        }
    }
}
