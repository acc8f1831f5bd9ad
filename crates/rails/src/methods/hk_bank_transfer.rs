//! Bank transfer, Hong Kong: FPS by account number or CHATS. No QR exists for it; the fields are copied.

use crate::account::{AccountFault, AccountInput, Draft, Parsed};
use crate::rail::{AccountKind, Alphabet, QrKind, Rail, ReferenceField, Reliability};
use crate::text;
use xanpay_domain::matching::Policy;
use xanpay_domain::method::Method;
use xanpay_domain::nonce::NonceLength;

const ACCOUNT: &AccountKind = &AccountKind {
    name: "account",
    format: "bank code (3 digits), branch code (3) and account number (6 to 9)",
    example: "004-123-456789",
    example_bank: None,
    example_template: None,
    nonce_reliability: Reliability::Typed,
    default_policy: Policy::Nonce,
};

pub(crate) static RAIL: Rail = Rail {
    method: Method::HkBankTransfer,
    account_kinds: &[ACCOUNT],
    nonce_length: NonceLength::DEFAULT,
    reference: ReferenceField {
        name: "Message to payee / Remarks",
        max_len: 18,
        upper_case: false,
        alphabet: Alphabet::Alphanumeric,
    },
    max_amount: None,
    qr: QrKind::None,
    notes: &["The remark carries up to 140 characters between banks, but apps show and take fewer."],
    parse_account,
    check_new: None,
    payloads: None,
};

/// Whether bank, branch and account number are set apart from each other: three digits, three, and the rest.
fn is_written_whole(account: &str) -> bool {
    let groups: Vec<usize> = account.split([' ', '-', '.']).map(str::len).filter(|length| *length > 0).collect();
    matches!(groups.as_slice(), [3, 3, number] if *number >= 6)
}

/// Checks a Hong Kong account, written whole or with the bank code in `bank`.
fn parse_account(input: &AccountInput<'_>) -> Parsed {
    let mut draft = Draft::of(input);
    draft.refuse_template()?;
    let account = draft.require_account()?;
    let digits = text::ungroup(account);
    let fault = |code, message: &str| AccountFault::new("account", code, message);
    if !text::is_digits(&digits) {
        return Err(fault("account_form", "must be digits: bank code, branch code and account number"));
    }
    let bank_code = draft.bank.filter(|bank| text::is_digits(bank));
    if bank_code.is_some_and(|code| code.len() != 3) {
        return Err(AccountFault::new("bank", "bank_code", "a bank code has 3 digits"));
    }
    let whole = match bank_code {
        Some(code) if is_written_whole(account) || digits.len() > 12 => {
            if !digits.starts_with(code) {
                return Err(fault("bank_code_differs", "begins with another bank code than the one in bank"));
            }
            digits
        }
        // Either the whole account of 6 digits, or one of 9 in a branch with the bank's own number.
        Some(code) if account == digits && digits.len() == 12 && digits.starts_with(code) => {
            return Err(fault("account_ambiguous", "begins like the bank code; write it apart, as in 004-123-456789"));
        }
        Some(code) => format!("{code}{digits}"),
        None => digits,
    };
    let (Some(bank), Some(branch), Some(number)) = (whole.get(..3), whole.get(3..6), whole.get(6..)) else {
        return Err(fault("account_length", "must be 12 to 15 digits with bank code and branch code"));
    };
    if !(6..=9).contains(&number.len()) {
        return Err(fault(
            "account_length",
            "must have 6 to 9 digits after the bank code (3) and the branch code (3); write 004-123-456789",
        ));
    }
    if text::is_zeros(bank) || text::is_zeros(number) {
        return Err(fault("account_impossible", "a bank code or an account of zeros is given to nobody"));
    }
    if branch == "852" && number.len() == 8 {
        draft.warn(
            "account",
            "mobile_likely",
            "looks like a phone number with the code 852; must be an account number",
        );
    }
    if draft.name.is_none() {
        draft.warn("name", "missing", "most banks ask the payer for the holder's name");
    }
    draft.finish(Method::HkBankTransfer, ACCOUNT, format!("{bank}-{branch}-{number}"))
}
