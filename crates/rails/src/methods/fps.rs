//! FPS, Hong Kong. Source: HKMA Common QR Code Specification for Retail Payments v1.0; the payee-presented profile of
//! FPS as public encoders write it.

use crate::account::{AccountFault, AccountInput, Draft, Parsed, ReceivingAccount};
use crate::emv::profile::{Payee, Profile};
use crate::emv::writer::{Writer, initiation};
use crate::encode::{EncodeError, Keys};
use crate::lint::Findings;
use crate::payload::PaymentRequest;
use crate::rail::{AccountKind, Alphabet, Form, Payloads, QrKind, Rail, ReferenceField, Reliability};
use crate::text;
use xanpay_domain::currency::Currency;
use xanpay_domain::environment::Environment;
use xanpay_domain::matching::Policy;
use xanpay_domain::method::Method;
use xanpay_domain::nonce::NonceLength;

const FPS_ID: &AccountKind = &AccountKind {
    name: "fps-id",
    format: "FPS identifier of 7 or 9 digits",
    example: "1234567",
    example_bank: None,
    example_template: None,
    nonce_reliability: Reliability::Uncertain,
    default_policy: Policy::Nonce,
};

const MOBILE: &AccountKind = &AccountKind {
    name: "mobile",
    format: "mobile number as +852-XXXXXXXX",
    example: "+852-91234567",
    example_bank: None,
    example_template: None,
    nonce_reliability: Reliability::Uncertain,
    default_policy: Policy::Nonce,
};

const EMAIL: &AccountKind = &AccountKind {
    name: "email",
    format: "e-mail address",
    example: "pay@shop.hk",
    example_bank: None,
    example_template: None,
    nonce_reliability: Reliability::Uncertain,
    default_policy: Policy::Nonce,
};

/// FPS identifiers of zeros are not issued, Hong Kong numbers do not start with 0, and `.invalid` is no domain.
const SANDBOX_FPS_ID: &str = "0000000";
const SANDBOX_MOBILE: &str = "+852-00000000";
const SANDBOX_EMAIL: &str = "test@sandbox.invalid";

/// What is left for an address of the 99 characters of tag 26.
const MAX_EMAIL: usize = 72;

pub(crate) static RAIL: Rail = Rail {
    method: Method::Fps,
    account_kinds: &[FPS_ID, MOBILE, EMAIL],
    nonce_length: NonceLength::DEFAULT,
    reference: ReferenceField {
        name: "Payment reference",
        max_len: 25,
        upper_case: false,
        alphabet: Alphabet::PrintableAscii,
    },
    max_amount: None,
    qr: QrKind::Emv,
    notes: &[
        "The reference travels only when the payee's account has the merchant feature; some apps ignore it.",
        "There is no limit of the scheme; each bank sets its own.",
    ],
    parse_account,
    check_new: None,
    payloads: Some(Payloads { of_charge: payload, keys: KEYS, encode, form: Form::Emv(&[&PROFILE]) }),
};

const KEYS: &[(&str, &str)] = &[
    ("account", "FPS identifier (7 or 9 digits), mobile number (+852-XXXXXXXX) or e-mail address"),
    ("clearingCode", "three digits of the payee's bank, tag 26-01"),
    ("amount", "at most two decimals, written as given"),
    ("currency", "HKD (default) or CNY"),
    ("reference", "tag 62-05, at most 25 characters"),
    ("billNumber", "tag 62-01, at most 25 characters"),
    ("name", "payee name, tag 59, at most 25 characters; default NA"),
    ("city", "tag 60, at most 15 characters; default HK"),
    ("mcc", "merchant category, four digits, tag 52; default 0000"),
    ("dynamic", "true writes 12 in tag 01; default true with an amount"),
];

struct Proxy {
    kind: &'static AccountKind,
    value: String,
}

struct Code<'a> {
    proxy: &'a Proxy,
    clearing_code: Option<&'a str>,
    amount: Option<&'a str>,
    currency: Currency,
    reference: Option<&'a str>,
    bill_number: Option<&'a str>,
    name: &'a str,
    city: &'a str,
    category: &'a str,
    dynamic: bool,
}

impl Code<'_> {
    fn write(&self) -> Result<String, EncodeError> {
        let mut payee = Writer::new();
        let tag = match self.proxy.kind {
            FPS_ID => "02",
            MOBILE => "03",
            _ => "04",
        };
        payee.put("account", "00", "hk.com.hkicl")?.put_some("clearingCode", "01", self.clearing_code)?.put(
            "account",
            tag,
            &self.proxy.value,
        )?;
        let mut bill = Writer::new();
        bill.put_some("billNumber", "01", self.bill_number)?.put_some("reference", "05", self.reference)?;
        let mut code = Writer::new();
        code.put("payload", "00", "01")?
            .put("dynamic", "01", initiation(self.dynamic))?
            .nest("account", "26", &payee)?
            .put("mcc", "52", self.category)?
            .put("currency", "53", &format!("{:03}", self.currency.numeric()))?
            .put_some("amount", "54", self.amount)?
            .put("payload", "58", "HK")?
            .put("name", "59", self.name)?
            .put("city", "60", self.city)?
            .nest("reference", "62", &bill)?;
        code.finish()
    }
}

/// Reads the form of a payee; whether such a payee can exist is judged by [`parse_account`].
fn proxy(account: &str) -> Result<Proxy, AccountFault> {
    let fault = |code, message: &str| AccountFault::new("account", code, message);
    if account.contains('@') {
        return match text::is_email(account) {
            true => Ok(Proxy { kind: EMAIL, value: account.to_owned() }),
            false => Err(fault("email_form", "is not an e-mail address")),
        };
    }
    let compact = text::ungroup(account);
    if let Some(number) = compact.strip_prefix('+') {
        if let Some(subscriber) = number.strip_prefix("852").filter(|rest| rest.len() == 8 && text::is_digits(rest)) {
            return Ok(Proxy { kind: MOBILE, value: format!("+852-{subscriber}") });
        }
        let foreign = account.strip_prefix('+').and_then(|rest| rest.split_once('-'));
        if let Some((country, subscriber)) = foreign
            && country != "852"
            && (1..=3).contains(&country.len())
            && (5..=12).contains(&subscriber.len())
            && text::is_digits(country)
            && text::is_digits(subscriber)
        {
            return Ok(Proxy { kind: MOBILE, value: account.to_owned() });
        }
        return Err(fault("mobile_form", "must be +852- and 8 digits"));
    }
    if !text::is_digits(&compact) {
        return Err(fault(
            "account_form",
            "must be an FPS identifier, a mobile number such as +852-91234567 or an e-mail address",
        ));
    }
    match compact.len() {
        7 | 9 => Ok(Proxy { kind: FPS_ID, value: compact }),
        8 => Err(fault("country_code_missing", "8 digits are a mobile number: write +852- before them")),
        _ => Err(fault("fps_id_length", "an FPS identifier has 7 or 9 digits")),
    }
}

/// Checks an FPS account: FPS identifier, mobile number or e-mail address. `bank` may hold the clearing code.
fn parse_account(input: &AccountInput<'_>) -> Parsed {
    let mut draft = Draft::of(input);
    draft.refuse_template()?;
    let proxy = proxy(draft.require_account()?)?;
    let fault = |code, message: &str| Err(AccountFault::new("account", code, message));
    if let Some(code) = draft.bank.filter(|bank| text::is_digits(bank) && bank.len() != 3) {
        return Err(AccountFault::new(
            "bank",
            "clearing_code",
            format!("a clearing code has 3 digits, {code} has not"),
        ));
    }
    if proxy.value.len() > MAX_EMAIL {
        return fault("email_length", "an e-mail address in an FPS code has at most 72 characters");
    }
    match proxy.kind {
        FPS_ID if text::is_zeros(&proxy.value) => {
            return fault("fps_id_impossible", "an FPS identifier of zeros is given to nobody");
        }
        MOBILE => match proxy.value.strip_prefix("+852-") {
            Some(subscriber) if subscriber.starts_with(['0', '1']) => {
                return fault("mobile_impossible", "no Hong Kong number starts with 0 or 1 after +852-");
            }
            Some(subscriber) if !subscriber.starts_with(['4', '5', '6', '7', '8', '9']) => {
                draft.warn("account", "mobile_unlikely", "Hong Kong mobile numbers start with 4 to 9 after +852-");
            }
            Some(_) => {}
            None => draft.warn("account", "mobile_foreign", "few banks let a foreign mobile number register for FPS"),
        },
        EMAIL if text::is_reserved_domain(&proxy.value) => {
            return fault("email_impossible", "the address is in a domain that cannot exist");
        }
        _ => {}
    }
    draft.warn_of_name();
    draft.finish(Method::Fps, proxy.kind, proxy.value)
}

/// The code of a charge: dynamic, with the nonce as reference label.
fn payload(
    account: &ReceivingAccount,
    request: &PaymentRequest<'_>,
    environment: Environment,
) -> Result<Option<String>, EncodeError> {
    let proxy = match (environment, account.kind) {
        (Environment::Live, kind) => Proxy { kind, value: account.account.clone() },
        (Environment::Sandbox, MOBILE) => Proxy { kind: MOBILE, value: SANDBOX_MOBILE.to_owned() },
        (Environment::Sandbox, EMAIL) => Proxy { kind: EMAIL, value: SANDBOX_EMAIL.to_owned() },
        (Environment::Sandbox, _) => Proxy { kind: FPS_ID, value: SANDBOX_FPS_ID.to_owned() },
    };
    let clearing_code = account.bank.as_deref().filter(|bank| proxy.kind != FPS_ID && text::is_digits(bank));
    let name = super::payee_name(account, environment);
    Code {
        proxy: &proxy,
        clearing_code: if environment == Environment::Live { clearing_code } else { None },
        amount: Some(&request.amount.to_decimal()),
        currency: Currency::HKD,
        reference: Some(text::exact("reference", request.reference, 25, Alphabet::PrintableAscii)?),
        bill_number: None,
        name: &name,
        city: "HK",
        category: "0000",
        dynamic: true,
    }
    .write()
    .map(Some)
}

/// Writes a code from named fields.
fn encode(keys: &Keys<'_>) -> Result<String, EncodeError> {
    let proxy = proxy(keys.required("account")?)?;
    let clearing_code = keys.text("clearingCode")?.map(|code| text::digits("clearingCode", code, 3)).transpose()?;
    let currency = match keys.text("currency")? {
        None | Some("HKD") => Currency::HKD,
        Some("CNY") => Currency::CNY,
        Some(_) => return Err(EncodeError::new("currency", "must be HKD or CNY")),
    };
    let amount = keys.amount_as_written(currency)?;
    let printable = |key: &str, max| -> Result<Option<&str>, EncodeError> {
        keys.text(key)?.map(|text| text::exact(key, text, max, Alphabet::PrintableAscii)).transpose()
    };
    Code {
        proxy: &proxy,
        clearing_code,
        amount: amount.as_deref(),
        currency,
        reference: printable("reference", 25)?,
        bill_number: printable("billNumber", 25)?,
        name: &text::name("name", keys.text("name")?.unwrap_or("NA"))?,
        city: &text::city("city", keys.text("city")?.unwrap_or("HK"))?,
        category: text::digits("mcc", keys.text("mcc")?.unwrap_or("0000"), 4)?,
        dynamic: keys.flag("dynamic")?.unwrap_or(amount.is_some()),
    }
    .write()
}

/// What a code of this rail adds to the rules of every EMVCo code.
static PROFILE: Profile = Profile {
    method: Method::Fps,
    guids: &["hk.com.hkicl"],
    currencies: &["344", "156"],
    tags: &[
        ("01", "clearing code"),
        ("02", "FPS identifier"),
        ("03", "mobile number"),
        ("04", "e-mail address"),
        ("05", "expiry"),
        ("06", "amount may be changed"),
    ],
    lint,
    is_sandbox,
    meaning,
};

fn lint(payee: &Payee<'_>, findings: &mut Findings) {
    payee.digits("01", 3..=3, findings);
    match ["02", "03", "04"].iter().filter(|tag| payee.get(tag).is_some()).count() {
        0 => {
            findings.error(payee.root, "missing", "no FPS identifier, mobile number or e-mail address names the payee")
        }
        1 => {}
        _ => findings.warn(payee.root, "several_payees", "names the payee in more than one way"),
    }
    if payee.get("02").is_some_and(|id| !text::is_digits(id) || !matches!(id.len(), 7 | 9)) {
        findings.warn(payee.path("02"), "fps_id_length", "an FPS identifier has 7 or 9 digits");
    }
    let mobile_form =
        |mobile: &str| mobile.strip_prefix('+').is_some_and(|rest| text::is_digits(&rest.replacen('-', "", 1)));
    if payee.get("03").is_some_and(|mobile| !mobile_form(mobile)) {
        findings.warn(payee.path("03"), "form", "should be a mobile number as +852-XXXXXXXX");
    }
    if payee.get("04").is_some_and(|address| !address.contains('@')) {
        findings.warn(payee.path("04"), "form", "is not an e-mail address");
    }
    if payee.get("05").is_some_and(|time| !text::is_digits(time) || !matches!(time.len(), 12 | 14)) {
        findings.warn(payee.path("05"), "form", "should be a time as YYMMDDhhmmss");
    }
    if payee.get("06") == Some("1") && payee.of_code("54").is_some() {
        findings.warn(payee.path("06"), "amount_editable", "the payer may change the amount");
    }
    if payee.of_additional("05").is_some() || payee.of_additional("01").is_some() {
        findings.warn(
            "62",
            "reference_may_be_dropped",
            "some banks' apps ignore the reference unless the payee is a merchant",
        );
    }
}

fn is_sandbox(payee: &Payee<'_>) -> bool {
    [("02", SANDBOX_FPS_ID), ("03", SANDBOX_MOBILE), ("04", SANDBOX_EMAIL)]
        .iter()
        .any(|(tag, value)| payee.get(tag) == Some(value))
}

fn meaning(tag: &str, value: &str) -> Option<String> {
    match (tag, value) {
        ("06", "0") => Some("no".to_owned()),
        ("06", "1") => Some("yes".to_owned()),
        _ => None,
    }
}
