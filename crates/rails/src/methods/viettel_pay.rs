//! Viettel Money, Vietnam, by VietQR over NAPAS 247. Source: NAPAS VietQR specification as its published examples show.

use crate::account::{AccountFault, AccountInput, Draft, Parsed, ReceivingAccount};
use crate::emv::profile::{Payee, Profile};
use crate::emv::reader::{find, objects};
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

const ACCOUNT: &AccountKind = &AccountKind {
    name: "account",
    format: "account number of at most 19 letters and digits; the bank is its BIN of 6 digits (default 971005)",
    example: "0381234567",
    example_bank: Some("971005"),
    example_template: None,
    nonce_reliability: Reliability::Carried,
    default_policy: Policy::Nonce,
};

/// The BIN under which public lists of VietQR banks name Viettel Money.
const VIETTEL_BIN: &str = "971005";

/// No bank has the BIN 000000.
const SANDBOX_BIN: &str = "000000";
const SANDBOX_ACCOUNT: &str = "0000000000";

pub(crate) static RAIL: Rail = Rail {
    method: Method::ViettelPay,
    account_kinds: &[ACCOUNT],
    nonce_length: NonceLength::DEFAULT,
    reference: ReferenceField {
        name: "Transfer content (Nội dung)",
        max_len: 25,
        upper_case: false,
        alphabet: Alphabet::AlphanumericSpace,
    },
    max_amount: Some(499_999_999),
    qr: QrKind::Emv,
    notes: &[
        "Banks put words before and after the transfer content, and carry about 19 characters of it.",
        "A transfer stays below 500 million dong.",
        "The form of a Viettel Money account number is not published; compare it with the app's own QR.",
    ],
    parse_account,
    check_new: None,
    payloads: Some(Payloads { of_charge: payload, keys: KEYS, encode, form: Form::Emv(&[&PROFILE]) }),
};

const KEYS: &[(&str, &str)] = &[
    ("bin", "six digits of the payee's bank; Viettel Money is 971005"),
    ("account", "account or card number, at most 19 letters and digits"),
    ("card", "true when the number is a card's (QRIBFTTC)"),
    ("amount", "whole dong"),
    ("reference", "transfer content, tag 62-08, at most 25 letters, digits and spaces; accents are dropped"),
    ("billNumber", "tag 62-01, at most 25 characters"),
    ("name", "payee name, tag 59, at most 25 characters; left out unless given"),
    ("city", "tag 60, at most 15 characters; left out unless given"),
    ("mcc", "merchant category, four digits, tag 52; left out unless given"),
];

struct Code<'a> {
    bin: &'a str,
    account: &'a str,
    card: bool,
    amount: Option<&'a str>,
    purpose: Option<&'a str>,
    bill_number: Option<&'a str>,
    name: Option<&'a str>,
    city: Option<&'a str>,
    category: Option<&'a str>,
}

impl Code<'_> {
    fn write(&self) -> Result<String, EncodeError> {
        let mut beneficiary = Writer::new();
        beneficiary.put("bin", "00", self.bin)?.put("account", "01", self.account)?;
        let mut payee = Writer::new();
        payee.put("account", "00", "A000000727")?.nest("account", "01", &beneficiary)?.put(
            "card",
            "02",
            if self.card { "QRIBFTTC" } else { "QRIBFTTA" },
        )?;
        let mut bill = Writer::new();
        bill.put_some("billNumber", "01", self.bill_number)?.put_some("reference", "08", self.purpose)?;
        let mut code = Writer::new();
        code.put("payload", "00", "01")?
            .put("amount", "01", initiation(self.amount.is_some()))?
            .nest("account", "38", &payee)?
            .put_some("mcc", "52", self.category)?
            .put("payload", "53", "704")?
            .put_some("amount", "54", self.amount)?
            .put("payload", "58", "VN")?
            .put_some("name", "59", self.name)?
            .put_some("city", "60", self.city)?
            .nest("reference", "62", &bill)?;
        code.finish()
    }
}

fn check_number(account: &str) -> Result<&str, EncodeError> {
    text::exact("account", account, 19, Alphabet::Alphanumeric)
}

/// Transfer content as NAPAS carries it: unaccented letters, digits and spaces.
fn content(text: &str) -> Result<String, EncodeError> {
    let folded = text::fold_ascii(text).map_err(|character| {
        EncodeError::new("reference", format!("the character {character:?} cannot be written in ASCII"))
    })?;
    text::exact("reference", &folded, 25, Alphabet::AlphanumericSpace)?;
    Ok(folded)
}

/// Checks a VietQR account. `bank` is the BIN; without it the account is Viettel Money's.
fn parse_account(input: &AccountInput<'_>) -> Parsed {
    let mut draft = Draft::of(input);
    draft.refuse_template()?;
    let compact = text::ungroup(draft.require_account()?);
    check_number(&compact)
        .map_err(|_| AccountFault::new("account", "account_form", "must be 1 to 19 letters and digits"))?;
    if text::is_zeros(&compact) {
        return Err(AccountFault::new("account", "account_impossible", "an account of zeros is given to nobody"));
    }
    let bin = *draft.bank.get_or_insert(VIETTEL_BIN);
    text::digits("bank", bin, 6)
        .map_err(|_| AccountFault::new("bank", "bin_form", "must be the bank's BIN of 6 digits"))?;
    if text::is_zeros(bin) {
        return Err(AccountFault::new("bank", "bin_impossible", "no bank has the BIN 000000"));
    }
    if !bin.starts_with("97") {
        draft.warn("bank", "bin_unlikely", "the BINs of Vietnamese banks and wallets start with 97; this one does not");
    }
    if compact.len() < 6 {
        draft.warn("account", "account_short", "account numbers of fewer than 6 characters are rare");
    }
    draft.finish(Method::ViettelPay, ACCOUNT, compact)
}

/// The code of a charge, with the nonce as transfer content.
fn payload(
    account: &ReceivingAccount,
    request: &PaymentRequest<'_>,
    environment: Environment,
) -> Result<Option<String>, EncodeError> {
    let live = environment == Environment::Live;
    Code {
        bin: if live { account.bank.as_deref().unwrap_or(VIETTEL_BIN) } else { SANDBOX_BIN },
        account: if live { &account.account } else { SANDBOX_ACCOUNT },
        card: false,
        amount: Some(&request.amount.to_decimal()),
        purpose: Some(&content(request.reference)?),
        bill_number: None,
        name: if live { None } else { Some(super::SANDBOX_NAME) },
        city: None,
        category: None,
    }
    .write()
    .map(Some)
}

/// Writes a code from named fields.
fn encode(keys: &Keys<'_>) -> Result<String, EncodeError> {
    let amount = keys.amount(Method::ViettelPay)?;
    let purpose = keys.text("reference")?.map(content).transpose()?;
    let name = keys.text("name")?.map(|name| text::name("name", name)).transpose()?;
    let printable = |key: &str, max| -> Result<Option<&str>, EncodeError> {
        keys.text(key)?.map(|text| text::exact(key, text, max, Alphabet::PrintableAscii)).transpose()
    };
    Code {
        bin: text::digits("bin", keys.required("bin")?, 6)?,
        account: check_number(keys.required("account")?)?,
        card: keys.flag("card")?.unwrap_or(false),
        amount: amount.as_deref(),
        purpose: purpose.as_deref(),
        bill_number: printable("billNumber", 25)?,
        name: name.as_deref(),
        city: keys.text("city")?.map(|city| text::city("city", city)).transpose()?.as_deref(),
        category: keys.text("mcc")?.map(|mcc| text::digits("mcc", mcc, 4)).transpose()?,
    }
    .write()
}

/// What a code of this rail adds to the rules of every EMVCo code.
static PROFILE: Profile = Profile {
    method: Method::ViettelPay,
    guids: &["A000000727"],
    currencies: &["704"],
    tags: &[("01", "bank and account"), ("02", "kind of transfer")],
    lint,
    is_sandbox,
    meaning,
};

/// BIN and number inside 38-01.
fn beneficiary<'a>(payee: &Payee<'a>) -> (Option<&'a str>, Option<&'a str>, bool) {
    let (inner, broken) = objects(payee.get("01").unwrap_or_default());
    let alone = broken.is_none() && inner.iter().all(|part| matches!(part.tag, "00" | "01"));
    (find(&inner, "00"), find(&inner, "01"), alone)
}

fn lint(payee: &Payee<'_>, findings: &mut Findings) {
    let path = payee.path("01");
    if payee.require("01", "the bank and account", findings).is_some() {
        let (bin, number, alone) = beneficiary(payee);
        if !alone {
            findings.error(&path, "layout", "must hold the bank (00) and the account (01) and nothing else");
        }
        if !bin.is_some_and(|bin| bin.len() == 6 && text::is_digits(bin)) {
            findings.error(format!("{path}.00"), "form", "the bank must be a BIN of 6 digits");
        }
        let fits =
            |number: &str| (1..=19).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !number.is_some_and(fits) {
            findings.error(format!("{path}.01"), "form", "the account must be 1 to 19 letters and digits");
        }
    }
    match payee.require("02", "the kind of transfer", findings) {
        None | Some("QRIBFTTA" | "QRIBFTTC" | "QRPUSH") => {}
        Some(_) => findings.warn(payee.path("02"), "unknown_service", "is none of QRIBFTTA, QRIBFTTC, QRPUSH"),
    }
    let plain = |text: &str| text.chars().all(|character| Alphabet::AlphanumericSpace.contains(character));
    if payee.of_additional("08").is_some_and(|purpose| !plain(purpose)) {
        findings.warn("62.08", "alphabet", "banks drop all but unaccented letters, digits and spaces");
    }
    if payee.of_additional("08").is_some_and(|purpose| purpose.len() > 19) {
        findings.warn("62.08", "may_be_cut", "some banks carry only 19 characters of the content");
    }
}

fn is_sandbox(payee: &Payee<'_>) -> bool {
    beneficiary(payee).0 == Some(SANDBOX_BIN)
}

fn meaning(tag: &str, value: &str) -> Option<String> {
    match (tag, value) {
        ("01", parts) => {
            let (inner, _) = objects(parts);
            Some(format!("bank {}, account {}", find(&inner, "00")?, find(&inner, "01")?))
        }
        ("02", "QRIBFTTA") => Some("transfer to an account".to_owned()),
        ("02", "QRIBFTTC") => Some("transfer to a card".to_owned()),
        ("02", "QRPUSH") => Some("payment to a merchant".to_owned()),
        _ => None,
    }
}
