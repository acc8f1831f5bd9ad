//! Bank transfer, Indonesia: BI-FAST or a virtual account. No QR; the fields are copied.

use crate::account::{AccountFault, AccountInput, Draft, Parsed};
use crate::rail::{AccountKind, Alphabet, QrKind, Rail, ReferenceField, Reliability};
use crate::text;
use xanpay_domain::matching::Policy;
use xanpay_domain::method::Method;
use xanpay_domain::nonce::NonceLength;

const ACCOUNT: &AccountKind = &AccountKind {
    name: "account",
    format: "bank (code of 3 digits, or name) and account number of 10 to 16 digits",
    example: "1234567890",
    example_bank: Some("014"),
    example_template: None,
    nonce_reliability: Reliability::Uncertain,
    default_policy: Policy::UniqueAmount,
};

pub(crate) static RAIL: Rail = Rail {
    method: Method::IdBankTransfer,
    account_kinds: &[ACCOUNT],
    nonce_length: NonceLength::DEFAULT,
    reference: ReferenceField { name: "Berita", max_len: 18, upper_case: false, alphabet: Alphabet::Alphanumeric },
    // 250 million rupiah in ISO 4217 minor units.
    max_amount: Some(25_000_000_000),
    qr: QrKind::None,
    notes: &[
        "Berita is optional and banks cut it, so amounts are made unique by default.",
        "BI-FAST carries at most 250 million rupiah.",
        "With a virtual account per charge, choose the policy virtual account.",
    ],
    parse_account,
    check_new: None,
    payloads: None,
};

/// Checks an Indonesian account; `bank` says which bank.
fn parse_account(input: &AccountInput<'_>) -> Parsed {
    let mut draft = Draft::of(input);
    draft.refuse_template()?;
    let account = text::ungroup(draft.require_account()?);
    if !text::is_digits(&account) || !(10..=16).contains(&account.len()) {
        return Err(AccountFault::new("account", "account_form", "must be 10 to 16 digits"));
    }
    if text::is_zeros(&account) {
        return Err(AccountFault::new("account", "account_impossible", "an account of zeros is given to nobody"));
    }
    let Some(bank) = draft.bank else {
        return Err(AccountFault::new("bank", "missing_field", "say which bank, for example 014 or BCA"));
    };
    if text::is_digits(bank) && (bank.len() != 3 || text::is_zeros(bank)) {
        return Err(AccountFault::new("bank", "bank_code", "a bank code has 3 digits, not all zero"));
    }
    let subscriber = account.strip_prefix("62").or(account.strip_prefix('0')).unwrap_or_default();
    if subscriber.starts_with('8') && (9..=12).contains(&subscriber.len()) {
        draft.warn("account", "mobile_likely", "looks like a mobile number; banks transfer to account numbers");
    }
    if draft.name.is_none() {
        draft.warn("name", "missing", "payers compare the holder's name before they confirm");
    }
    draft.finish(Method::IdBankTransfer, ACCOUNT, account)
}
