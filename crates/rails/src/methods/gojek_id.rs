//! GoPay, Indonesia, through QRIS. The ids inside a code are the acquirer's to give, so the operator pastes the static
//! code that was issued. Source: QRIS as public implementations write it.

use crate::account::{AccountFault, AccountInput, Draft, Parsed, ReceivingAccount};
use crate::emv::profile::{Payee, Profile};
use crate::emv::template::{Fee, Issued};
use crate::encode::{EncodeError, Keys};
use crate::lint::{Findings, is_sandbox_payload};
use crate::payload::PaymentRequest;
use crate::rail::{AccountKind, Alphabet, Form, Payloads, QrKind, Rail, ReferenceField, Reliability};
use crate::text;
use xanpay_domain::environment::Environment;
use xanpay_domain::matching::Policy;
use xanpay_domain::method::Method;
use xanpay_domain::nonce::NonceLength;

const MERCHANT: &AccountKind = &AccountKind {
    name: "merchant",
    format: "merchant id (NMID, ID and 13 digits) or name, with the issued static QRIS code",
    example: "ID1020000000001",
    example_bank: None,
    example_template: Some(
        "00020101021126610014COM.GO-JEK.WWW01189360091400000000010210G0000000010303UMI51440014ID.CO.QRIS.WWW0215ID10200000000010303UMI5204581253033605802ID5925TOKO CONTOH, Digital & Kr6007JAKARTA61051011062070703A016304DB56",
    ),
    nonce_reliability: Reliability::None,
    default_policy: Policy::UniqueAmount,
};

/// The id that every QRIS code carries at 51-00.
const QRIS_GUID: &str = "ID.CO.QRIS.WWW";

/// A static code whose merchant numbers are zeros; its amount and checksum are replaced per charge.
const SANDBOX_TEMPLATE: &str = "00020101021126610014COM.GO-JEK.WWW01189360091400000000000210G0000000000303UMI51440014ID.CO.QRIS.WWW0215ID00000000000000303UMI5204000053033605802ID5911XANPAY TEST6007JAKARTA61051011063042A88";

pub(crate) static RAIL: Rail = Rail {
    method: Method::GojekId,
    account_kinds: &[MERCHANT],
    nonce_length: NonceLength::DEFAULT,
    reference: ReferenceField {
        name: "Catatan (note)",
        max_len: 25,
        upper_case: false,
        alphabet: Alphabet::Alphanumeric,
    },
    // 10 million rupiah in ISO 4217 minor units.
    max_amount: Some(1_000_000_000),
    qr: QrKind::Template,
    notes: &[
        "QRIS carries no reference to the statement, so amounts are made unique by default.",
        "A payment carries at most 10 million rupiah.",
        "Ids are issued by the acquirer: paste the static code that it gave you.",
    ],
    parse_account,
    check_new: None,
    payloads: Some(Payloads { of_charge: payload, keys: KEYS, encode, form: Form::Emv(&[&QRIS, &GOPAY]) }),
};

const KEYS: &[(&str, &str)] = &[
    ("template", "the static code that the acquirer issued"),
    ("amount", "whole rupiah"),
    ("reference", "tag 62-05, at most 25 characters; statements rarely show it"),
    ("feeFixed", "rupiah that the payer pays on top, tags 55 and 56"),
    ("feePercent", "percentage that the payer pays on top, tags 55 and 57"),
];

fn issued(template: &str) -> Result<Issued<'_>, AccountFault> {
    Issued::read(template, Method::GojekId)
}

/// Checks a QRIS merchant with its issued code.
fn parse_account(input: &AccountInput<'_>) -> Parsed {
    let mut draft = Draft::of(input);
    let account = draft.require_account()?.to_owned();
    if account.chars().count() > 64 {
        return Err(AccountFault::new("account", "field_too_long", "must be at most 64 characters"));
    }
    let Some(template) = draft.template else {
        return Err(AccountFault::new(
            "template",
            "missing_field",
            "QRIS codes are issued by the acquirer: paste the static code that it gave you",
        ));
    };
    let code = issued(template)?;
    if is_sandbox_payload(template) {
        return Err(AccountFault::new(
            "template",
            "payee_impossible",
            "names a merchant of zeros, which does not exist",
        ));
    }
    draft.warn_unless_issued(&code);
    draft.finish(Method::GojekId, MERCHANT, account)
}

/// The issued code with the charge's amount. The nonce stays out: statements do not show it, and an altered tag 62 may
/// be refused.
fn payload(
    account: &ReceivingAccount,
    request: &PaymentRequest<'_>,
    environment: Environment,
) -> Result<Option<String>, EncodeError> {
    text::exact("reference", request.reference, 25, Alphabet::PrintableAscii)?;
    let template = match environment {
        Environment::Live => account.template.as_deref().ok_or_else(|| EncodeError::new("template", "is required"))?,
        Environment::Sandbox => SANDBOX_TEMPLATE,
    };
    let code = Issued::reread(template)?;
    if environment == Environment::Live && account.template_as_issued {
        return Ok(Some(code.as_issued()));
    }
    code.with_amount(&request.amount.to_decimal_with(0), None).map(Some)
}

/// Writes the code of one payment from an issued code.
fn encode(keys: &Keys<'_>) -> Result<String, EncodeError> {
    let amount = keys.amount(Method::GojekId)?.ok_or_else(|| EncodeError::new("amount", "is required"))?;
    let number = |key: &str| -> Result<Option<&str>, EncodeError> {
        let Some(text) = keys.number(key)? else { return Ok(None) };
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        if text.len() > 5 && key == "feePercent"
            || text.len() > 13
            || !text::is_digits(whole)
            || !text::is_digits(fraction)
        {
            return Err(EncodeError::new(key, "must be a decimal number that fits its tag"));
        }
        Ok(Some(text))
    };
    let fee = match (number("feeFixed")?, number("feePercent")?) {
        (Some(_), Some(_)) => return Err(EncodeError::new("feePercent", "cannot be given together with feeFixed")),
        (Some(fee), None) => Some(Fee::Fixed(fee)),
        (None, Some(fee)) => Some(Fee::Percent(fee)),
        (None, None) => None,
    };
    issued(keys.required("template")?)?.with_amount_and_fee(&amount, fee, keys.text("reference")?)
}

/// What the national template of QRIS, which every acquirer's code has, adds to the rules of every EMVCo code.
static QRIS: Profile = Profile {
    method: Method::GojekId,
    guids: &[QRIS_GUID],
    currencies: &["360"],
    tags: &[("02", "national merchant id (NMID)"), ("03", "size of the merchant")],
    lint: |payee, findings| {
        let is_nmid = |id: &str| id.strip_prefix("ID").is_some_and(text::is_digits);
        if payee.require("02", "the national merchant id", findings).is_some_and(|id| !is_nmid(id)) {
            findings.warn(payee.path("02"), "form", "a national merchant id is ID and digits");
        }
        lint_size(payee, findings);
    },
    // No acquirer issues numbers of zeros.
    is_sandbox: |payee| payee.get("02").is_some_and(|id| text::is_zeros(id.trim_start_matches("ID"))),
    meaning,
};

/// What GoPay's own template adds to the rules of every EMVCo code.
static GOPAY: Profile = Profile {
    method: Method::GojekId,
    guids: &["COM.GO-JEK.WWW"],
    currencies: &["360"],
    tags: &[("01", "merchant number (MPAN)"), ("02", "merchant id"), ("03", "size of the merchant")],
    lint: |payee, findings| {
        let is_mpan = |number: &str| text::is_digits(number) && (16..=19).contains(&number.len());
        if payee.require("01", "the merchant number", findings).is_some_and(|number| !is_mpan(number)) {
            findings.warn(payee.path("01"), "form", "a merchant number has 16 to 19 digits");
        }
        lint_size(payee, findings);
    },
    is_sandbox: |_| false,
    meaning,
};

fn lint_size(payee: &Payee<'_>, findings: &mut Findings) {
    if !matches!(payee.get("03"), None | Some("UMI" | "UKE" | "UME" | "UBE" | "URE")) {
        findings.warn(payee.path("03"), "form", "is none of UMI, UKE, UME, UBE, URE");
    }
}

fn meaning(tag: &str, value: &str) -> Option<String> {
    let words = match (tag, value) {
        ("03", "UMI") => "micro",
        ("03", "UKE") => "small",
        ("03", "UME") => "medium",
        ("03", "UBE") => "large",
        ("03", "URE") => "regular",
        _ => return None,
    };
    Some(words.to_owned())
}
