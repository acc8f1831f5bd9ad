//! PromptPay, Thailand: transfer codes (tag 29) and bill payment codes (tag 30). Source: Bank of Thailand's Thai QR
//! payment standard as public encoders write it.

use crate::account::{AccountFault, AccountInput, Draft, Parsed, ReceivingAccount, Warning};
use crate::emv::profile::{Payee, Profile};
use crate::emv::writer::{Writer, initiation};
use crate::encode::{EncodeError, Keys};
use crate::lint::Findings;
use crate::payload::PaymentRequest;
use crate::rail::{AccountKind, Alphabet, Form, Payloads, QrKind, Rail, ReferenceField, Reliability};
use crate::text;
use xanpay_domain::environment::Environment;
use xanpay_domain::matching::Policy;
use xanpay_domain::method::Method;
use xanpay_domain::nonce::NonceLength;

const BILLER: &AccountKind = &AccountKind {
    name: "biller",
    format: "biller id of 15 digits",
    example: "099400016550100",
    example_bank: None,
    example_template: None,
    nonce_reliability: Reliability::Carried,
    default_policy: Policy::Nonce,
};

const MOBILE: &AccountKind = &no_reference("mobile", "mobile number of 10 digits", "0812345678");
const TAX_ID: &AccountKind = &no_reference("tax-id", "national or tax id of 13 digits", "1234567890121");
const E_WALLET: &AccountKind =
    &no_reference("e-wallet", "e-wallet id of 15 digits, written as wallet:...", "wallet:140000812345678");

const fn no_reference(name: &'static str, format: &'static str, example: &'static str) -> AccountKind {
    AccountKind {
        name,
        format,
        example,
        example_bank: None,
        example_template: None,
        nonce_reliability: Reliability::None,
        default_policy: Policy::UniqueAmount,
    }
}

/// Ids of the credit transfer and its payer-presented form, of the bill payment and that to a biller abroad.
const GUID_TRANSFER: &str = "A000000677010111";
const GUID_PAYER_PRESENTED: &str = "A000000677010114";
const GUID_BILL: &str = "A000000677010112";
const GUID_BILL_ABROAD: &str = "A000000677012006";

pub(crate) static RAIL: Rail = Rail {
    method: Method::PromptPay,
    account_kinds: &[BILLER, MOBILE, TAX_ID, E_WALLET],
    nonce_length: NonceLength::DEFAULT,
    reference: ReferenceField {
        name: "Reference 1 (Ref1)",
        max_len: 20,
        upper_case: true,
        alphabet: Alphabet::UpperAlphanumeric,
    },
    max_amount: None,
    qr: QrKind::Emv,
    notes: &[
        "A biller id carries the nonce as Ref1; a mobile number, tax id or e-wallet carries none, so amounts are made unique.",
        "Ref1 takes capital letters and digits only.",
    ],
    parse_account,
    check_new: None,
    payloads: Some(Payloads { of_charge: payload, keys: KEYS, encode, form: Form::Emv(&[&TRANSFER, &BILL]) }),
};

const KEYS: &[(&str, &str)] = &[
    ("account", "mobile number, tax id (13 digits) or e-wallet (15 digits, also as wallet:...)"),
    ("biller", "biller id (15 digits) for a bill payment code, instead of account; also account as biller:..."),
    ("reference", "Ref1, tag 30-02, at most 20 letters and digits, written in upper case"),
    ("reference2", "Ref2, tag 30-03, the same"),
    ("reference3", "Ref3, tag 62-07, at most 25 characters"),
    ("amount", "THB, at most two decimals"),
    ("name", "payee name, tag 59, at most 25 characters; left out unless given"),
    ("city", "tag 60, at most 15 characters; left out unless given"),
    ("mcc", "merchant category, four digits, tag 52; left out unless given"),
    ("bank", "three digits of the bank when account is a bank account (tag 29-04)"),
    ("ota", "one-time code of a payer-presented transfer, 10 digits (tag 29-05)"),
    ("message", "message of a TrueMoney wallet, tag 81"),
];

/// A payee of tag 29 or 30.
struct Recipient<'a> {
    /// `29` or `30`.
    root: &'static str,
    inner: Writer,
    terminal: Option<&'a str>,
}

struct Code<'a> {
    payee: Recipient<'a>,
    amount: Option<&'a str>,
    name: Option<&'a str>,
    city: Option<&'a str>,
    category: Option<&'a str>,
    message: Option<&'a str>,
}

impl Code<'_> {
    fn write(&self) -> Result<String, EncodeError> {
        let mut bill = Writer::new();
        bill.put_some("reference3", "07", self.payee.terminal)?;
        let mut code = Writer::new();
        code.put("payload", "00", "01")?
            .put("amount", "01", initiation(self.amount.is_some()))?
            .nest("account", self.payee.root, &self.payee.inner)?
            .put_some("mcc", "52", self.category)?
            .put("payload", "53", "764")?
            .put_some("amount", "54", self.amount)?
            .put("payload", "58", "TH")?
            .put_some("name", "59", self.name)?
            .put_some("city", "60", self.city)?
            .nest("reference3", "62", &bill)?
            .put_some("message", "81", self.message)?;
        code.finish()
    }
}

/// Kind and digits of a transfer's payee as tag 29 spells it; 15 digits are an e-wallet there.
fn transfer_id(account: &str) -> Result<(&'static AccountKind, String), AccountFault> {
    let fault = |code, message: &str| AccountFault::new("account", code, message);
    let compact = text::ungroup(account);
    let number = compact.strip_prefix('+').unwrap_or(&compact);
    if !text::is_digits(number) {
        return Err(fault(
            "account_form",
            "must be a mobile number, a tax id of 13 digits or an e-wallet of 15 digits",
        ));
    }
    let subscriber = match number.len() {
        10 => number.strip_prefix('0'),
        11 => number.strip_prefix("66"),
        13 => number.strip_prefix("0066"),
        _ => None,
    };
    match (subscriber, number.len(), compact.starts_with('+')) {
        (Some(subscriber), _, _) => Ok((MOBILE, format!("0066{subscriber}"))),
        (None, 13, false) => Ok((TAX_ID, number.to_owned())),
        (None, 15, false) => Ok((E_WALLET, number.to_owned())),
        (None, _, true) => Err(fault("mobile_form", "a Thai mobile number is +66 and 9 digits")),
        (None, _, false) => {
            Err(fault("account_length", "must have 10 digits (mobile), 13 (national or tax id) or 15 (e-wallet)"))
        }
    }
}

fn transfer(kind: &AccountKind, id: &str) -> Result<Writer, EncodeError> {
    let tag = match kind {
        MOBILE => "01",
        TAX_ID => "02",
        _ => "03",
    };
    let mut inner = Writer::new();
    inner.put("account", "00", GUID_TRANSFER)?.put("account", tag, id)?;
    Ok(inner)
}

fn bill(biller: &str, reference: Option<&str>, reference2: Option<&str>) -> Result<Writer, EncodeError> {
    let mut inner = Writer::new();
    inner
        .put("biller", "00", GUID_BILL)?
        .put("biller", "01", biller)?
        .put_some("reference", "02", reference)?
        .put_some("reference2", "03", reference2)?;
    Ok(inner)
}

/// Ref1 or Ref2: letters are written in upper case, anything else than letters and digits is refused.
fn bill_reference(field: &str, text: &str) -> Result<String, EncodeError> {
    let upper = text.to_ascii_uppercase();
    text::exact(field, &upper, 20, Alphabet::UpperAlphanumeric)?;
    Ok(upper)
}

const WRONG_CHECK_DIGIT: &str = "the last digit is not the one that the first twelve call for";

/// Whether the last of 13 digits is the one that the first twelve call for.
fn id_checks(digits: &str) -> bool {
    let (Some(body), Some(check)) = (digits.get(..12), digits.as_bytes().get(12)) else { return false };
    let sum: u32 =
        body.bytes().zip((2..=13).rev()).map(|(digit, weight)| u32::from(digit.saturating_sub(b'0')) * weight).sum();
    u32::from(check.saturating_sub(b'0')) == (11 - sum % 11) % 10
}

/// Checks a PromptPay account. Fifteen digits are a biller unless `wallet:` stands before them.
fn parse_account(input: &AccountInput<'_>) -> Parsed {
    let mut draft = Draft::of(input);
    draft.refuse_template()?;
    let account = draft.require_account()?;
    let fault = |code, message: &str| AccountFault::new("account", code, message);
    let (prefix, number) = match account.split_once(':') {
        Some((prefix, number)) => (Some(prefix), number),
        None => (None, account),
    };
    let compact = text::ungroup(number);
    let fifteen = compact.len() == 15 && text::is_digits(&compact);
    let (kind, spelled) = match prefix {
        Some("biller") | None if fifteen => (BILLER, compact),
        Some("wallet") if fifteen => (E_WALLET, format!("wallet:{compact}")),
        Some("biller" | "wallet") => return Err(fault("account_length", "a biller or e-wallet id has 15 digits")),
        Some(_) => return Err(fault("account_form", "begins with a word other than biller: or wallet:")),
        None => match transfer_id(&compact)? {
            (MOBILE, international) => (MOBILE, format!("0{}", international.trim_start_matches("0066"))),
            other => other,
        },
    };
    let digits = spelled.trim_start_matches("wallet:");
    if text::is_zeros(digits) {
        return Err(fault("account_impossible", "an account of zeros is given to nobody"));
    }
    match kind {
        MOBILE if !spelled.starts_with(['0']) || !matches!(spelled.as_bytes().get(1), Some(b'6' | b'8' | b'9')) => {
            draft.warn("account", "mobile_unlikely", "Thai mobile numbers start with 06, 08 or 09");
        }
        TAX_ID if !id_checks(&spelled) => {
            return Err(fault("check_digit", WRONG_CHECK_DIGIT));
        }
        TAX_ID if spelled.starts_with('9') => {
            draft.warn("account", "tax_id_unlikely", "national and tax ids start with 0 to 8");
        }
        _ => {}
    }
    if kind == BILLER && prefix.is_none() {
        let message =
            "15 digits are taken for a biller id; an e-wallet id, which has 15 as well, is written wallet:...";
        draft.warn("account", "kind_assumed", message);
    }
    if kind != BILLER {
        draft.warn("account", "no_reference", "transfers to this kind of account carry no reference; a biller id does");
    }
    draft.finish(Method::PromptPay, kind, spelled)
}

/// The code of a charge; for a biller the nonce is Ref1, in capital letters.
fn payload(
    account: &ReceivingAccount,
    request: &PaymentRequest<'_>,
    environment: Environment,
) -> Result<Option<String>, EncodeError> {
    let reference = bill_reference("reference", request.reference)?;
    let live = account.account.trim_start_matches("wallet:");
    let number = match environment {
        Environment::Live => live.to_owned(),
        Environment::Sandbox => "0".repeat(live.len()),
    };
    let payee = match account.kind {
        BILLER => Recipient { root: "30", inner: bill(&number, Some(&reference), None)?, terminal: None },
        kind => {
            let id = if kind == MOBILE { transfer_id(&number)?.1 } else { number };
            Recipient { root: "29", inner: transfer(kind, &id)?, terminal: None }
        }
    };
    Code {
        payee,
        amount: Some(&request.amount.to_decimal()),
        name: if environment == Environment::Live { None } else { Some(super::SANDBOX_NAME) },
        city: None,
        category: None,
        message: None,
    }
    .write()
    .map(Some)
}

/// The payee of named fields: a biller, by its own key or as `biller:...`, or an account.
enum Named<'a> {
    Biller(&'a str),
    Account(&'a str),
}

fn named<'a>(keys: &Keys<'a>) -> Result<Named<'a>, EncodeError> {
    if let Some(biller) = keys.text("biller")? {
        if keys.text("account")?.is_some() {
            return Err(EncodeError::new("account", "cannot be given together with biller"));
        }
        return Ok(Named::Biller(biller));
    }
    let account = keys.required("account")?;
    match account.split_once(':') {
        Some(("biller", biller)) => Ok(Named::Biller(biller)),
        Some(("wallet", wallet)) if text::ungroup(wallet).len() == 15 => Ok(Named::Account(wallet)),
        Some(("wallet", _)) => Err(EncodeError::new("account", "an e-wallet id has 15 digits")),
        Some(_) | None => Ok(Named::Account(account)),
    }
}

/// What to tell whoever gave an account that could be a biller, too, or that nobody can have.
pub(crate) fn payee_warning(account: &str) -> Option<Warning> {
    let (code, message) = match transfer_id(account) {
        Ok((E_WALLET, _)) => (
            "kind_assumed",
            "15 digits are taken for an e-wallet here; a biller id, which has 15 as well, is given as biller",
        ),
        Ok((TAX_ID, id)) if !id_checks(&id) => ("check_digit", WRONG_CHECK_DIGIT),
        Ok(_) | Err(_) => return None,
    };
    Some(Warning { field: "account", code, message: message.to_owned() })
}

/// Reads the payee from named fields.
fn payee<'a>(keys: &Keys<'a>) -> Result<Recipient<'a>, EncodeError> {
    let terminal = keys
        .text("reference3")?
        .map(|text| text::exact("reference3", text, 25, Alphabet::PrintableAscii))
        .transpose()?;
    let account = match named(keys)? {
        Named::Account(account) => account,
        Named::Biller(biller) => return Ok(Recipient { root: "30", inner: bill_payee(keys, biller)?, terminal }),
    };
    for key in ["reference", "reference2", "reference3"] {
        if keys.text(key)?.is_some() {
            return Err(EncodeError::new(key, "has no place in a transfer code; it goes with biller"));
        }
    }
    let inner = match (keys.text("bank")?, keys.text("ota")?) {
        (Some(_), Some(_)) => return Err(EncodeError::new("ota", "cannot be given together with bank")),
        (Some(bank), None) => {
            let number = text::ungroup(account);
            text::exact("account", &number, 40, Alphabet::Alphanumeric)?;
            let mut inner = Writer::new();
            inner.put("account", "00", GUID_TRANSFER)?.put(
                "account",
                "04",
                &format!("{}{number}", text::digits("bank", bank, 3)?),
            )?;
            inner
        }
        (None, Some(ota)) => {
            let (kind, id) = transfer_id(account)?;
            if kind != MOBILE {
                return Err(EncodeError::new("ota", "goes with a mobile number"));
            }
            let mut inner = Writer::new();
            inner.put("account", "00", GUID_PAYER_PRESENTED)?.put("account", "01", &id)?.put(
                "ota",
                "05",
                text::digits("ota", ota, 10)?,
            )?;
            inner
        }
        (None, None) => {
            let (kind, id) = transfer_id(account)?;
            transfer(kind, &id)?
        }
    };
    Ok(Recipient { root: "29", inner, terminal })
}

/// Tag 30 from named fields.
fn bill_payee(keys: &Keys<'_>, biller: &str) -> Result<Writer, EncodeError> {
    for key in ["bank", "ota", "message"] {
        if keys.text(key)?.is_some() {
            return Err(EncodeError::new(key, "cannot be given together with biller"));
        }
    }
    if !text::is_digits(biller) || !(13..=15).contains(&biller.len()) {
        return Err(EncodeError::new("biller", "must be 15 digits (13 in old codes)"));
    }
    let reference = keys.text("reference")?.map(|text| bill_reference("reference", text)).transpose()?;
    let reference2 = keys.text("reference2")?.map(|text| bill_reference("reference2", text)).transpose()?;
    bill(biller, reference.as_deref(), reference2.as_deref())
}

/// Writes a code from named fields.
fn encode(keys: &Keys<'_>) -> Result<String, EncodeError> {
    let amount = keys.amount(Method::PromptPay)?;
    let name = keys.text("name")?.map(|name| text::name("name", name)).transpose()?;
    let city = keys.text("city")?.map(|city| text::city("city", city)).transpose()?;
    let message = keys.text("message")?.map(|message| {
        // TrueMoney writes its message as UTF-16BE in hexadecimal digits.
        message.encode_utf16().map(|unit| format!("{unit:04X}")).collect::<String>()
    });
    Code {
        payee: payee(keys)?,
        amount: amount.as_deref(),
        name: name.as_deref(),
        city: city.as_deref(),
        category: keys.text("mcc")?.map(|mcc| text::digits("mcc", mcc, 4)).transpose()?,
        message: message.as_deref(),
    }
    .write()
}

/// What a transfer code adds to the rules of every EMVCo code.
static TRANSFER: Profile = Profile {
    method: Method::PromptPay,
    guids: &[GUID_TRANSFER, GUID_PAYER_PRESENTED],
    currencies: &["764"],
    tags: &[
        ("01", "mobile number"),
        ("02", "national or tax id"),
        ("03", "e-wallet"),
        ("04", "bank account"),
        ("05", "one-time code"),
    ],
    lint: lint_transfer,
    is_sandbox: |payee| {
        payee.get("01").and_then(|mobile| mobile.strip_prefix("0066")).is_some_and(text::is_zeros)
            || ["02", "03"].iter().any(|tag| payee.get(tag).is_some_and(text::is_zeros))
    },
    meaning: |_, _| None,
};

/// What a bill payment code adds to the rules of every EMVCo code.
static BILL: Profile = Profile {
    method: Method::PromptPay,
    guids: &[GUID_BILL, GUID_BILL_ABROAD],
    currencies: &["764"],
    tags: &[("01", "biller"), ("02", "reference 1"), ("03", "reference 2")],
    lint: lint_bill,
    is_sandbox: |payee| payee.get("01").is_some_and(text::is_zeros),
    meaning: |_, _| None,
};

fn lint_transfer(payee: &Payee<'_>, findings: &mut Findings) {
    if ["01", "02", "03", "04"].iter().all(|tag| payee.get(tag).is_none()) {
        findings.error(payee.root, "missing", "no mobile number, tax id, e-wallet or bank account names the payee");
    }
    payee.digits("01", 13..=13, findings);
    payee.digits("02", 13..=13, findings);
    if payee.get("02").is_some_and(|id| id.len() == 13 && text::is_digits(id) && !text::is_zeros(id) && !id_checks(id))
    {
        findings.warn(payee.path("02"), "check_digit", WRONG_CHECK_DIGIT);
    }
    payee.digits("03", 15..=15, findings);
    payee.at_most("04", 43, findings);
    if payee.get("01").is_some_and(|number| !number.starts_with("0066")) {
        findings.warn(payee.path("01"), "mobile_foreign", "a Thai mobile number is written 0066 and 9 digits");
    }
    if payee.of_additional("05").is_some() || payee.of_additional("01").is_some() {
        findings.warn("62", "reference_may_be_dropped", "a transfer to a person carries no reference");
    }
}

fn lint_bill(payee: &Payee<'_>, findings: &mut Findings) {
    payee.require("01", "the biller", findings);
    payee.digits("01", 13..=15, findings);
    if payee.get("02").is_none() {
        findings.warn(payee.path("02"), "missing", "most billers ask for reference 1");
    }
    let plain = |text: &str| text.chars().all(|character| Alphabet::UpperAlphanumeric.contains(character));
    for tag in ["02", "03"] {
        payee.at_most(tag, 20, findings);
        if payee.get(tag).is_some_and(|reference| !plain(reference)) {
            findings.warn(payee.path(tag), "alphabet", "references take capital letters and digits only");
        }
    }
}
