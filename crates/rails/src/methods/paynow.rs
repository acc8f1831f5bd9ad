//! PayNow, Singapore. Source: PayNow QR specification v1.3 and SGQR; the payload of the public API's own examples.

use crate::account::{AccountFault, AccountInput, Draft, Parsed, ReceivingAccount};
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

const MOBILE: &AccountKind = &AccountKind {
    name: "mobile",
    format: "mobile number with + and country code",
    example: "+6591234567",
    example_bank: None,
    example_template: None,
    nonce_reliability: Reliability::Uncertain,
    // The API's own examples ask the exact amount of a mobile number; the nonce is shown to type as well.
    default_policy: Policy::Nonce,
};

const UEN: &AccountKind = &AccountKind {
    name: "uen",
    format: "UEN of 9 or 10 characters, with an optional suffix of 3",
    example: "201403121W",
    example_bank: None,
    example_template: None,
    nonce_reliability: Reliability::Carried,
    default_policy: Policy::Nonce,
};

/// A Singapore number whose subscriber part starts with zero is given to nobody.
const SANDBOX_MOBILE: &str = "+6500000000";
/// No entity was registered in the year 0000 with the serial 00000.
const SANDBOX_UEN: &str = "000000000X";

pub(crate) static RAIL: Rail = Rail {
    method: Method::Paynow,
    account_kinds: &[UEN, MOBILE],
    nonce_length: NonceLength::DEFAULT,
    reference: ReferenceField {
        name: "UEN / Bill Reference Number",
        max_len: 25,
        upper_case: false,
        alphabet: Alphabet::PrintableAscii,
    },
    max_amount: Some(20_000_000),
    qr: QrKind::Emv,
    notes: &[
        "The specification gives a reference to UEN accounts only; for a mobile number some apps drop it.",
        "A transfer may carry up to S$200,000; payers' own limits are lower.",
    ],
    parse_account,
    check_new: None,
    payloads: Some(Payloads { of_charge: payload, keys: KEYS, encode, form: Form::Emv(&[&PROFILE]) }),
};

const KEYS: &[(&str, &str)] = &[
    ("account", "mobile number with country code (+65...) or UEN"),
    ("amount", "SGD, at most two decimals; without it the payer types the amount"),
    ("reference", "bill number, tag 62-01, at most 25 characters"),
    ("name", "payee name, tag 59, at most 25 characters; default NA"),
    ("city", "tag 60, at most 15 characters; default Singapore"),
    ("expiry", "last day on which the code may be paid, YYYYMMDD, tag 26-04"),
    ("editable", "true lets the payer change the amount, tag 26-03; default true only without an amount"),
    ("dynamic", "true writes 12 in tag 01; default false, as the API's examples"),
];

/// A payee as tag 26 names it.
struct Proxy {
    kind: &'static AccountKind,
    value: String,
}

struct Code<'a> {
    proxy: &'a Proxy,
    amount: Option<&'a str>,
    reference: Option<&'a str>,
    name: &'a str,
    city: &'a str,
    expiry: Option<&'a str>,
    editable: bool,
    dynamic: bool,
}

impl Code<'_> {
    fn write(&self) -> Result<String, EncodeError> {
        let mut payee = Writer::new();
        payee
            .put("account", "00", "SG.PAYNOW")?
            .put("account", "01", if self.proxy.kind == MOBILE { "0" } else { "2" })?
            .put("account", "02", &self.proxy.value)?
            .put("editable", "03", if self.editable { "1" } else { "0" })?
            .put_some("expiry", "04", self.expiry)?;
        let mut bill = Writer::new();
        bill.put_some("reference", "01", self.reference)?;
        let mut code = Writer::new();
        code.put("payload", "00", "01")?
            .put("dynamic", "01", initiation(self.dynamic))?
            .nest("account", "26", &payee)?
            .put("payload", "52", "0000")?
            .put("payload", "53", "702")?
            .put_some("amount", "54", self.amount)?
            .put("payload", "58", "SG")?
            .put("name", "59", self.name)?
            .put("city", "60", self.city)?
            .nest("reference", "62", &bill)?;
        code.finish()
    }
}

/// Reads the form of a payee; whether such a payee can exist is judged by [`parse_account`].
fn proxy(account: &str) -> Result<Proxy, AccountFault> {
    let compact = text::ungroup(account);
    if let Some(number) = compact.strip_prefix('+') {
        if !text::is_digits(number) || !(7..=15).contains(&number.len()) || number.starts_with('0') {
            return Err(fault("mobile_form", "must be + and 7 to 15 digits that start with the country code"));
        }
        if number.strip_prefix("65").is_some_and(|subscriber| subscriber.len() != 8) {
            return Err(fault("mobile_length", "a Singapore number has 8 digits after +65"));
        }
        return Ok(Proxy { kind: MOBILE, value: compact });
    }
    if text::is_digits(&compact) {
        return Err(fault("country_code_missing", "a mobile number must start with + and its country code"));
    }
    let value = compact.to_ascii_uppercase();
    if !value.bytes().all(|byte| byte.is_ascii_alphanumeric()) || !matches!(value.len(), 9 | 10 | 12 | 13) {
        return Err(no_uen());
    }
    Ok(Proxy { kind: UEN, value })
}

fn no_uen() -> AccountFault {
    fault(
        "uen_form",
        "must be a mobile number such as +6591234567 or a UEN such as 201403121W or T08GB0025A, \
         with an optional suffix of 3 characters",
    )
}

fn fault(code: &'static str, message: &str) -> AccountFault {
    AccountFault::new("account", code, message)
}

/// The UEN without its PayNow suffix: 9 characters for a business, 10 for a company or another entity.
fn uen_base(uen: &str) -> &str {
    let base = if uen.len() == 9 || uen.len() == 12 { uen.get(..9) } else { uen.get(..10) };
    base.unwrap_or(uen)
}

/// Whether a text is built as ACRA builds UENs. Codes in use name others, so this is asked of accounts only.
fn has_uen_form(uen: &str) -> bool {
    if !uen.bytes().all(|byte| byte.is_ascii_alphanumeric()) || !matches!(uen.len(), 9 | 10 | 12 | 13) {
        return false;
    }
    let base = uen_base(uen).as_bytes();
    match base {
        [b'T' | b'S' | b'R', year @ .., check] if base.len() == 10 => {
            check.is_ascii_uppercase()
                && year.iter().enumerate().all(|(place, byte)| match place {
                    2 | 3 => byte.is_ascii_uppercase() || (place == 3 && byte.is_ascii_digit()),
                    _ => byte.is_ascii_digit(),
                })
        }
        [digits @ .., check] => digits.iter().all(u8::is_ascii_digit) && check.is_ascii_uppercase(),
        [] => false,
    }
}

/// Whether the check letter is the one that ACRA's weights give.
fn uen_checks(base: &str) -> bool {
    const BUSINESS: (&[u32], &[u8]) = (&[10, 4, 9, 3, 8, 2, 7, 1], b"XMKECAWLJDB");
    const COMPANY: (&[u32], &[u8]) = (&[10, 8, 6, 4, 9, 7, 5, 3, 1], b"ZKCMDNERGWH");
    const OTHER: (&[u32], &[u8]) = (&[4, 3, 5, 3, 10, 2, 2, 5, 7], b"ABCDEFGHJKLMNPQRSTUVWX0123456789");
    let starts_with_letter = base.starts_with(|first: char| first.is_ascii_alphabetic());
    let sum = |weights: &[u32], value: &dyn Fn(u8) -> Option<u32>| -> Option<u32> {
        base.bytes().zip(weights).map(|(byte, weight)| value(byte).map(|value| value * weight)).sum()
    };
    let digit = |byte: u8| char::from(byte).to_digit(10);
    let expected = if starts_with_letter {
        let place = |byte: u8| OTHER.1.iter().position(|letter| *letter == byte).and_then(|at| u32::try_from(at).ok());
        // 5 is taken away before the remainder; 6 is the same modulo 11 and cannot go below zero.
        sum(OTHER.0, &place).and_then(|sum| OTHER.1.get(((sum + 6) % 11) as usize))
    } else {
        let (weights, letters) = if base.len() == 9 { BUSINESS } else { COMPANY };
        sum(weights, &digit).and_then(|sum| letters.get((sum % 11) as usize))
    };
    expected.copied() == base.bytes().last()
}

/// Checks a PayNow account: mobile number or UEN.
fn parse_account(input: &AccountInput<'_>) -> Parsed {
    let mut draft = Draft::of(input);
    draft.refuse_template()?;
    let proxy = proxy(draft.require_account()?)?;
    if proxy.kind == MOBILE {
        if let Some(subscriber) = proxy.value.strip_prefix("+65") {
            if subscriber.starts_with('0') {
                return Err(fault("mobile_impossible", "no Singapore number starts with 0 after +65"));
            }
            if !subscriber.starts_with(['8', '9']) {
                draft.warn("account", "mobile_unlikely", "Singapore mobile numbers start with 8 or 9 after +65");
            }
        } else {
            draft.warn("account", "mobile_foreign", "few banks let a foreign mobile number register for PayNow");
        }
        draft.warn(
            "account",
            "reference_may_be_dropped",
            "PayNow gives a reference to UEN accounts only; for a mobile number the payer's app may drop it",
        );
    } else {
        if !has_uen_form(&proxy.value) {
            return Err(no_uen());
        }
        let base = uen_base(&proxy.value);
        let digits: String = base.chars().filter(char::is_ascii_digit).collect();
        if text::is_zeros(&digits) {
            return Err(fault("uen_impossible", "a UEN of zeros is given to nobody"));
        }
        if !uen_checks(base) {
            draft.warn("account", "uen_checksum", "the last letter of the UEN is not the one its digits call for");
        }
        if base.len() < proxy.value.len() {
            draft.warn(
                "account",
                "uen_suffix",
                "the suffix after the UEN cannot be checked; compare it with your bank's",
            );
        }
    }
    draft.finish(Method::Paynow, proxy.kind, proxy.value)
}

/// The code of a charge, in the form of the API's own examples: static in name, amount fixed, name NA.
fn payload(
    account: &ReceivingAccount,
    request: &PaymentRequest<'_>,
    environment: Environment,
) -> Result<Option<String>, EncodeError> {
    let reference = text::exact("reference", request.reference, 25, Alphabet::PrintableAscii)?;
    let amount = request.amount.to_decimal();
    let proxy = match (environment, account.kind == MOBILE) {
        (Environment::Live, _) => Proxy { kind: account.kind, value: account.account.clone() },
        (Environment::Sandbox, true) => Proxy { kind: MOBILE, value: SANDBOX_MOBILE.to_owned() },
        (Environment::Sandbox, false) => Proxy { kind: UEN, value: SANDBOX_UEN.to_owned() },
    };
    let code = Code {
        proxy: &proxy,
        amount: Some(&amount),
        reference: Some(reference),
        name: match environment {
            Environment::Live => "NA",
            Environment::Sandbox => super::SANDBOX_NAME,
        },
        city: "Singapore",
        expiry: None,
        editable: false,
        dynamic: false,
    };
    code.write().map(Some)
}

/// Writes a code from named fields.
fn encode(keys: &Keys<'_>) -> Result<String, EncodeError> {
    let proxy = proxy(keys.required("account")?).map_err(EncodeError::from)?;
    let amount = keys.amount(Method::Paynow)?;
    let reference =
        keys.text("reference")?.map(|text| text::exact("reference", text, 25, Alphabet::PrintableAscii)).transpose()?;
    let name = text::name("name", keys.text("name")?.unwrap_or("NA"))?;
    let city = text::city("city", keys.text("city")?.unwrap_or("Singapore"))?;
    let expiry = keys.text("expiry")?;
    if expiry.is_some_and(|date| !text::is_date(date)) {
        return Err(EncodeError::new("expiry", "must be a day that exists, as YYYYMMDD"));
    }
    let code = Code {
        proxy: &proxy,
        amount: amount.as_deref(),
        reference,
        name: &name,
        city: &city,
        expiry,
        editable: keys.flag("editable")?.unwrap_or(amount.is_none()),
        dynamic: keys.flag("dynamic")?.unwrap_or(false),
    };
    code.write()
}

/// What a code of this rail adds to the rules of every EMVCo code.
static PROFILE: Profile = Profile {
    method: Method::Paynow,
    guids: &["SG.PAYNOW"],
    currencies: &["702"],
    tags: &[
        ("01", "kind of payee"),
        ("02", "payee"),
        ("03", "amount may be changed"),
        ("04", "expiry"),
        ("05", "wallet reference"),
    ],
    lint,
    is_sandbox,
    meaning,
};

fn lint(payee: &Payee<'_>, findings: &mut Findings) {
    let kind = payee.require("01", "the kind of payee", findings);
    let value = payee.require("02", "the payee", findings);
    match (kind, value) {
        (Some("0"), Some(value)) => {
            let number = value.strip_prefix('+');
            if !number.is_some_and(|number| text::is_digits(number) && number.len() <= 15) {
                findings.error(payee.path("02"), "form", "a mobile number must be + and at most 15 digits");
            }
            if payee.of_additional("01").is_some() {
                findings.warn(
                    "62.01",
                    "reference_may_be_dropped",
                    "for a mobile number PayNow defines no reference; some apps drop it",
                );
            }
        }
        (Some("2"), Some(value)) if !has_uen_form(value) => {
            findings.warn(payee.path("02"), "uen_form", "has not the form of a UEN");
        }
        (Some("2"), Some(value)) if !uen_checks(uen_base(value)) => {
            findings.warn(
                payee.path("02"),
                "uen_checksum",
                "the last letter is not the one that the UEN's digits call for",
            );
        }
        (Some("0" | "2") | None, _) => {}
        (Some(_), _) => findings.error(payee.path("01"), "form", "must be 0 (mobile number) or 2 (UEN)"),
    }
    match (payee.get("03"), payee.of_code("54").is_some()) {
        (None, _) => findings.warn(payee.path("03"), "missing", "it is not said whether the amount may be changed"),
        (Some("1"), true) => findings.warn(payee.path("03"), "amount_editable", "the payer may change the amount"),
        (Some("0"), false) => {
            findings.warn(payee.path("03"), "amount_locked", "there is no amount, and the payer may not type one");
        }
        (Some("0" | "1"), _) => {}
        (Some(_), _) => findings.error(payee.path("03"), "form", "must be 0 (amount fixed) or 1 (may be changed)"),
    }
    match payee.get("04") {
        // Some banks write the time with two digits of its year.
        Some(time) if time.len() == 12 && text::is_date(&format!("20{time}")) => {
            findings.warn(payee.path("04"), "form", "should be a day as YYYYMMDD");
        }
        Some(date) if !text::is_date(date) => {
            findings.error(payee.path("04"), "form", "must be a day that exists, as YYYYMMDD");
        }
        Some(_) | None => {}
    }
}

fn is_sandbox(payee: &Payee<'_>) -> bool {
    payee.get("02").is_some_and(|value| value == SANDBOX_MOBILE || value == SANDBOX_UEN)
}

fn meaning(tag: &str, value: &str) -> Option<String> {
    let words = match (tag, value) {
        ("01", "0") => "mobile number",
        ("01", "2") => "UEN",
        ("03", "0") => "no",
        ("03", "1") => "yes",
        _ => return None,
    };
    Some(words.to_owned())
}
