//! Bank transaction codes: what kind of booking an entry is.

use crate::model::Direction;

/// Sub-families of ISO 20022 that undo another booking, or bring one back: returned, cancelled and reversed credit
/// transfers, direct debits, cheques, card payments and drafts, and reimbursements. All families use them alike.
const UNDOING: [&str; 13] =
    ["RRTN", "RPCR", "ARET", "AREV", "UPDD", "RCDD", "PRDD", "UPCQ", "XPCQ", "CQRV", "UPCT", "UDFT", "RIMB"];
/// Families of payments that take money out of the account: credit transfers issued by its owner, at once or not, and
/// direct debits that others have drawn on it. Money that comes in under one of them comes back.
const OUTGOING: [&str; 3] = ["ICDT", "IRCT", "RDDT"];

/// A `BkTxCd`.
#[derive(Default)]
pub(super) struct BankCode {
    family: String,
    sub_family: String,
    own: String,
}

impl BankCode {
    /// The end of an element without children at a path below `BkTxCd`.
    pub(super) fn leaf(&mut self, path: &[&str], value: &str) {
        let place = match path {
            ["Domn", "Fmly", "Cd"] => &mut self.family,
            ["Domn", "Fmly", "SubFmlyCd"] => &mut self.sub_family,
            ["Prtry", "Cd"] => &mut self.own,
            _ => return,
        };
        value.trim().clone_into(place);
    }

    /// Whether the booking undoes another one or brings an outgoing payment back.
    pub(super) fn is_return(&self, direction: Direction) -> bool {
        // The type of a SWIFT message's entry, behind the letter of its kind: `RTI` is a returned item.
        let kind = self.own.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        UNDOING.contains(&self.sub_family.as_str())
            || matches!(kind, "NRTI" | "FRTI" | "SRTI")
            || (direction == Direction::Credit && OUTGOING.contains(&self.family.as_str()))
    }
}
