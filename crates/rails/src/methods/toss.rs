//! Toss, Korea. The link is not documented by Toss; its form is the one that two independent public samples share.

use crate::account::{AccountFault, AccountInput, Draft, Parsed, ReceivingAccount};
use crate::encode::{EncodeError, Keys};
use crate::link;
use crate::lint::{Findings, LintReport, Recognised, SANDBOX};
use crate::payload::PaymentRequest;
use crate::rail::{AccountKind, Alphabet, Form, Payloads, QrKind, Rail, ReferenceField, Reliability};
use crate::text;
use xanpay_domain::environment::Environment;
use xanpay_domain::matching::Policy;
use xanpay_domain::method::Method;
use xanpay_domain::nonce::NonceLength;

const ACCOUNT: &AccountKind = &AccountKind {
    name: "account",
    format: "bank name and account number of 10 to 14 digits",
    example: "100012345678",
    example_bank: Some("토스뱅크"),
    example_template: None,
    nonce_reliability: Reliability::Uncertain,
    default_policy: Policy::UniqueAmount,
};

/// No bank has this name, and no account is made of zeros.
const SANDBOX_BANK: &str = "XANPAY TEST";
const SANDBOX_ACCOUNT: &str = "00000000000000";

pub(crate) static RAIL: Rail = Rail {
    method: Method::Toss,
    account_kinds: &[ACCOUNT],
    nonce_length: NonceLength::SHORTEST,
    reference: ReferenceField {
        name: "Name shown to recipient (받는 분에게 표시)",
        max_len: 7,
        upper_case: false,
        alphabet: Alphabet::Alphanumeric,
    },
    max_amount: None,
    qr: QrKind::Link,
    notes: &[
        "The link carries no memo; the depositor name is the payer's to edit, so amounts are made unique by default.",
        "Many banks cut the depositor name at 7 characters or few more.",
        "The parameters of the link are not documented by Toss and may change.",
    ],
    parse_account,
    check_new: None,
    payloads: Some(Payloads { of_charge: payload, keys: KEYS, encode, form: Form::Link { scheme: "supertoss", lint } }),
};

const KEYS: &[(&str, &str)] = &[
    ("bank", "the bank's name, as Toss shows it"),
    ("account", "account number, digits"),
    ("amount", "whole won; without it the payer types the amount"),
];

fn write(bank: &str, account: &str, amount: &str) -> String {
    link::write("supertoss://send", &[("amount", amount), ("bank", bank), ("accountNo", account), ("origin", "qr")])
}

fn check_bank(bank: &str) -> Result<&str, EncodeError> {
    let bank = bank.trim();
    if bank.is_empty() || bank.chars().count() > 40 || bank.chars().any(char::is_control) {
        return Err(EncodeError::new("bank", "must be a bank's name of at most 40 characters"));
    }
    Ok(bank)
}

/// Checks a Korean bank account.
fn parse_account(input: &AccountInput<'_>) -> Parsed {
    let draft = Draft::of(input);
    draft.refuse_template()?;
    let account = text::ungroup(draft.require_account()?);
    if !text::is_digits(&account) || !(10..=14).contains(&account.len()) {
        return Err(AccountFault::new("account", "account_form", "must be 10 to 14 digits"));
    }
    if text::is_zeros(&account) {
        return Err(AccountFault::new("account", "account_impossible", "an account of zeros is given to nobody"));
    }
    let bank = draft.bank.ok_or_else(|| {
        AccountFault::new("bank", "missing_field", "the link needs the bank's name, for example 토스뱅크")
    })?;
    check_bank(bank).map_err(|error| AccountFault::new("bank", "bank_form", error.message))?;
    if bank.eq_ignore_ascii_case(SANDBOX_BANK) {
        return Err(AccountFault::new("bank", "bank_impossible", "no bank has this name"));
    }
    draft.finish(Method::Toss, ACCOUNT, account)
}

/// The link of a charge. It has no place for the nonce: the payer sets the depositor name.
fn payload(
    account: &ReceivingAccount,
    request: &PaymentRequest<'_>,
    environment: Environment,
) -> Result<Option<String>, EncodeError> {
    text::exact("reference", request.reference, 25, Alphabet::PrintableAscii)?;
    let amount = request.amount.to_decimal();
    match environment {
        Environment::Live => {
            let bank = account.bank.as_deref().ok_or_else(|| EncodeError::new("bank", "is required"))?;
            Ok(Some(write(check_bank(bank)?, &account.account, &amount)))
        }
        Environment::Sandbox => Ok(Some(write(SANDBOX_BANK, SANDBOX_ACCOUNT, &amount))),
    }
}

/// Writes a link from named fields.
fn encode(keys: &Keys<'_>) -> Result<String, EncodeError> {
    let bank = check_bank(keys.required("bank")?)?;
    let account = text::ungroup(keys.required("account")?);
    if !text::is_digits(&account) || account.len() > 20 {
        return Err(EncodeError::new("account", "must be at most 20 digits"));
    }
    let amount = keys.amount(Method::Toss)?;
    Ok(write(bank, &account, amount.as_deref().unwrap_or("0")))
}

/// Parameters that were seen, in words.
const PARAMETERS: &[(&str, &str)] = &[
    ("amount", "amount"),
    ("bank", "bank"),
    ("bankCode", "bank code"),
    ("accountNo", "account"),
    ("origin", "where the link was opened"),
    ("msg", "message"),
];

/// Reads a Toss link.
fn lint(payload: &str) -> LintReport {
    let mut findings = Findings::default();
    let fields = link::read(payload, "supertoss://send", PARAMETERS, &mut findings);
    let value = |name: &str| fields.iter().find(|field| field.tag == name).map(|field| field.value.as_str());
    match value("amount") {
        None | Some("") => findings.warn("amount", "missing", "the amount is missing; 0 lets the payer type it"),
        Some(amount) if !text::is_digits(amount) || amount.len() > 12 => {
            findings.error("amount", "form", "must be whole won, at most 12 digits");
        }
        Some(_) => {}
    }
    match value("accountNo") {
        None => findings.error("accountNo", "missing", "the account is missing"),
        Some(account) if !text::is_digits(account) => findings.error("accountNo", "form", "must be digits"),
        Some(SANDBOX_ACCOUNT) => findings.warn("accountNo", SANDBOX, "the payee is the sandbox's and cannot exist"),
        Some(_) => {}
    }
    if value("bank").or(value("bankCode")).is_none_or(str::is_empty) {
        findings.error("bank", "missing", "the bank is missing");
    }
    if value("origin").is_none() {
        findings.warn("origin", "missing", "links that work have origin=qr");
    }
    findings.report(Some(Recognised::Rail(Method::Toss)), fields)
}
