//! India: UPI by its deep link, or a bank account that the payer types. Source: NPCI UPI Linking Specification v1.6.

use crate::account::{AccountFault, AccountInput, Draft, Parsed, ReceivingAccount};
use crate::encode::{EncodeError, Keys};
use crate::link;
use crate::lint::{Findings, LintReport, Recognised, SANDBOX};
use crate::payload::PaymentRequest;
use crate::rail::{AccountKind, Alphabet, Form, Payloads, QrKind, Rail, ReferenceField, Reliability};
use crate::text;
use xanpay_domain::currency::Currency;
use xanpay_domain::environment::Environment;
use xanpay_domain::matching::Policy;
use xanpay_domain::method::Method;
use xanpay_domain::money::{AmountError, Money};
use xanpay_domain::nonce::NonceLength;

const VPA: &AccountKind = &AccountKind {
    name: "vpa",
    format: "UPI address name@handle",
    example: "shop@okhdfcbank",
    example_bank: None,
    example_template: None,
    nonce_reliability: Reliability::Uncertain,
    default_policy: Policy::Nonce,
};

const ACCOUNT: &AccountKind = &AccountKind {
    name: "account",
    format: "account number of 9 to 18 digits; the bank is its IFSC of 11 characters",
    example: "50100012345678",
    example_bank: Some("HDFC0001234"),
    example_template: None,
    nonce_reliability: Reliability::Typed,
    default_policy: Policy::Nonce,
};

/// No payment service provider has the handle `invalid`.
const SANDBOX_VPA: &str = "xanpay-test@invalid";

/// The most characters of a payee's name in a link.
const MAX_NAME: usize = 99;

pub(crate) static RAIL: Rail = Rail {
    method: Method::InBankTransfer,
    account_kinds: &[VPA, ACCOUNT],
    nonce_length: NonceLength::DEFAULT,
    reference: ReferenceField {
        name: "Note / Remarks",
        max_len: 35,
        upper_case: false,
        alphabet: Alphabet::AlphanumericSpace,
    },
    // One lakh, the cap of person-to-person UPI.
    max_amount: Some(10_000_000),
    qr: QrKind::Link,
    notes: &[
        "UPI carries one lakh between persons, up to five to verified merchants; IMPS carries five.",
        "Some apps refuse a link with amount or reference to a personal address.",
        "Banks cut the note inside their narration.",
    ],
    parse_account,
    check_new: None,
    payloads: Some(Payloads { of_charge: payload, keys: KEYS, encode, form: Form::Link { scheme: "upi", lint } }),
};

const KEYS: &[(&str, &str)] = &[
    ("account", "UPI address name@handle (pa)"),
    ("name", "payee name (pn)"),
    ("amount", "INR, at most two decimals (am)"),
    ("reference", "transaction reference (tr), at most 35 characters; letters and digits are safest"),
    ("note", "note (tn), at most 50 characters"),
];

fn write(vpa: &str, name: &str, amount: Option<&str>, reference: Option<&str>, note: Option<&str>) -> String {
    let mut parameters = vec![("pa", vpa), ("pn", name)];
    parameters.extend(amount.map(|amount| ("am", amount)));
    parameters.push(("cu", "INR"));
    parameters.extend(reference.map(|reference| ("tr", reference)));
    parameters.extend(note.map(|note| ("tn", note)));
    link::write("upi://pay", &parameters)
}

/// Whether a text has the form of a UPI address: `[A-Za-z0-9.-_]{2,256}@[A-Za-z][A-Za-z0-9.-]{1,63}`.
fn is_vpa(text: &str) -> bool {
    let Some((user, handle)) = text.split_once('@') else { return false };
    let user_fits = (2..=256).contains(&user.len())
        && user.chars().all(|character| character.is_ascii_alphanumeric() || "._-".contains(character));
    let handle_fits = (2..=64).contains(&handle.len())
        && handle.starts_with(|first: char| first.is_ascii_alphabetic())
        && handle.chars().all(|character| character.is_ascii_alphanumeric() || ".-".contains(character));
    user_fits && handle_fits
}

fn is_ifsc(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 11
        && bytes.iter().enumerate().all(|(place, byte)| match place {
            0..=3 => byte.is_ascii_uppercase(),
            4 => *byte == b'0',
            _ => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
        })
}

/// A display name or note: any script, no control characters.
fn free_text<'a>(field: &str, text: &'a str, max: usize) -> Result<&'a str, EncodeError> {
    let text = text.trim();
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(EncodeError::new(field, "must be text without control characters"));
    }
    if text.chars().count() > max {
        return Err(EncodeError::new(field, format!("must be at most {max} characters")));
    }
    Ok(text)
}

/// Checks a UPI address, or an account number with its IFSC in `bank`.
fn parse_account(input: &AccountInput<'_>) -> Parsed {
    let mut draft = Draft::of(input);
    draft.refuse_template()?;
    let account = draft.require_account()?;
    let fault = |field, code, message: &str| AccountFault::new(field, code, message);
    if account.contains('@') {
        if !is_vpa(account) {
            return Err(fault("account", "vpa_form", "must be a UPI address such as shop@okhdfcbank"));
        }
        if account.to_ascii_lowercase().ends_with("@invalid") {
            return Err(fault("account", "vpa_impossible", "no UPI provider has the handle invalid"));
        }
        // A name that no link can carry would fail every charge.
        if let Some(Err(error)) = draft.name.map(|name| free_text("name", name, MAX_NAME)) {
            return Err(fault("name", "field_too_long", &error.message));
        }
        if draft.name.is_none() {
            draft.warn("name", "missing", "UPI apps show the payee's name; NA is written without one");
        }
        return draft.finish(Method::InBankTransfer, VPA, account.to_owned());
    }
    let number = text::ungroup(account);
    if !text::is_digits(&number) || !(9..=18).contains(&number.len()) {
        return Err(fault("account", "account_form", "must be a UPI address, or an account number of 9 to 18 digits"));
    }
    if text::is_zeros(&number) {
        return Err(fault("account", "account_impossible", "an account of zeros is given to nobody"));
    }
    let Some(bank) = draft.bank else {
        return Err(fault("bank", "missing_field", "an account number needs its IFSC, for example HDFC0001234"));
    };
    let ifsc = bank.to_ascii_uppercase();
    if !is_ifsc(&ifsc) {
        return Err(fault("bank", "ifsc_form", "must be an IFSC: four letters, a zero, six letters or digits"));
    }
    if draft.name.is_none() {
        draft.warn("name", "missing", "banks ask the payer for the holder's name");
    }
    let (mut parsed, warnings) = draft.finish(Method::InBankTransfer, ACCOUNT, number)?;
    parsed.bank = Some(ifsc);
    Ok((parsed, warnings))
}

/// The link of a charge, with the nonce as reference and as note; none for a bank account, which the payer types.
fn payload(
    account: &ReceivingAccount,
    request: &PaymentRequest<'_>,
    environment: Environment,
) -> Result<Option<String>, EncodeError> {
    let reference = text::exact("reference", request.reference, 35, Alphabet::Alphanumeric)?;
    if account.kind != VPA {
        return Ok(None);
    }
    let name = account.name.as_deref().map_or(Ok("NA"), |name| free_text("name", name, MAX_NAME))?;
    let (vpa, name) = match environment {
        Environment::Live => (account.account.as_str(), name),
        Environment::Sandbox => (SANDBOX_VPA, super::SANDBOX_NAME),
    };
    Ok(Some(write(vpa, name, Some(&request.amount.to_decimal()), Some(reference), Some(reference))))
}

/// Writes a link from named fields.
fn encode(keys: &Keys<'_>) -> Result<String, EncodeError> {
    let vpa = keys.required("account")?;
    if !is_vpa(vpa) {
        return Err(EncodeError::new("account", "must be a UPI address such as shop@okhdfcbank"));
    }
    let name = free_text("name", keys.required("name")?, MAX_NAME)?;
    let amount = keys.amount(Method::InBankTransfer)?;
    let reference =
        keys.text("reference")?.map(|text| text::exact("reference", text, 35, Alphabet::PrintableAscii)).transpose()?;
    let note = keys.text("note")?.map(|note| free_text("note", note, 50)).transpose()?;
    Ok(write(vpa, name, amount.as_deref(), reference, note))
}

/// Parameters of the linking specification, in words.
const PARAMETERS: &[(&str, &str)] = &[
    ("pa", "payee address"),
    ("pn", "payee name"),
    ("mc", "merchant category"),
    ("tid", "transaction id"),
    ("tr", "reference"),
    ("tn", "note"),
    ("am", "amount"),
    ("mam", "least amount"),
    ("cu", "currency"),
    ("url", "page about the transaction"),
    ("refUrl", "page about the transaction"),
    ("mode", "how the link was started"),
    ("sign", "signature"),
    ("orgid", "organisation"),
    ("purpose", "purpose"),
];

/// Reads a UPI link.
fn lint(payload: &str) -> LintReport {
    let mut findings = Findings::default();
    let fields = link::read(payload, "upi://pay", PARAMETERS, &mut findings);
    // Apps read a parameter without a value as one that is absent.
    let value = |name: &str| {
        fields
            .iter()
            .find(|field| field.tag == name)
            .map(|field| field.value.as_str())
            .filter(|value| !value.is_empty())
    };
    match value("pa") {
        None => findings.error("pa", "missing", "the payee address is missing"),
        Some(address) if !is_vpa(address) => findings.error("pa", "form", "must be a UPI address name@handle"),
        Some(SANDBOX_VPA) => findings.warn("pa", SANDBOX, "the payee is the sandbox's and cannot exist"),
        Some(_) => {}
    }
    if value("pn").is_none() {
        findings.warn("pn", "missing", "the payee's name is missing; some apps ask for it");
    }
    if let Some(amount) = value("am") {
        match Money::parse(amount, Currency::INR) {
            Ok(_) => {}
            Err(AmountError::Zero) => {
                findings.error("am", "zero", "must not be zero; without an amount it is left out")
            }
            Err(error) => findings.error("am", "form", error.to_string()),
        }
    }
    match value("cu") {
        Some("INR") => {}
        None => findings.warn("cu", "missing", "the currency is missing; it should be INR"),
        Some(_) => findings.error("cu", "currency_of_rail", "must be INR"),
    }
    if value("mam").is_some_and(|least| Money::parse(least, Currency::INR).is_err()) {
        findings.warn("mam", "form", "is no amount");
    }
    for (name, most) in [("tr", 35), ("tn", 50)] {
        if value(name).is_some_and(|text| text.chars().count() > most) {
            findings.warn(name, "may_be_cut", format!("banks carry at most {most} characters"));
        }
    }
    findings.report(Some(Recognised::Rail(Method::InBankTransfer)), fields)
}
