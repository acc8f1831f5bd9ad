//! InstaPay, Philippines, by QR Ph: person to person from the account itself, merchants from the issued code. Source: QR
//! Ph as published codes show.

use crate::account::{AccountFault, AccountInput, Draft, Parsed, ReceivingAccount};
use crate::emv::profile::{Payee, Profile};
use crate::emv::template::Issued;
use crate::emv::writer::{Writer, initiation};
use crate::encode::{EncodeError, Keys};
use crate::lint::{Findings, is_sandbox_payload};
use crate::payload::PaymentRequest;
use crate::rail::{AccountKind, Alphabet, Form, Payloads, QrKind, Rail, ReferenceField, Reliability};
use crate::text;
use xanpay_domain::environment::Environment;
use xanpay_domain::matching::Policy;
use xanpay_domain::method::Method;
use xanpay_domain::nonce::NonceLength;

const ACCOUNT: &AccountKind = &AccountKind {
    name: "account",
    format: "account number of 6 to 19 digits; the bank is its BIC of 11 characters",
    example: "001234567890",
    example_bank: Some("BNORPHMMXXX"),
    example_template: None,
    nonce_reliability: Reliability::Uncertain,
    default_policy: Policy::UniqueAmount,
};

const WALLET: &AccountKind = &AccountKind {
    name: "wallet",
    format: "wallet's mobile number as 09XXXXXXXXX; the bank is the wallet's BIC",
    example: "09171234567",
    example_bank: Some("BNORPHMMXXX"),
    example_template: None,
    nonce_reliability: Reliability::Uncertain,
    default_policy: Policy::UniqueAmount,
};

const MERCHANT: &AccountKind = &AccountKind {
    name: "merchant",
    format: "merchant's account or id, with the issued static QR Ph code",
    example: "123456789012345",
    example_bank: None,
    example_template: Some(
        "00020101021128560011ph.ppmi.p2m0111BOPIPHMMXXX031512345678901234505030105204581453036085802PH5912SAMPLE STORE6011Quezon City630438AF",
    ),
    nonce_reliability: Reliability::Uncertain,
    default_policy: Policy::UniqueAmount,
};

/// The ids of the two templates: persons at 27, merchants at 28.
const GUID_PERSON: &str = "com.p2pqrpay";
const GUID_MERCHANT: &str = "ph.ppmi.p2m";

/// ISO 9362 keeps a location code that ends in 0 for tests; the account is made of zeros.
const SANDBOX_BIC: &str = "XTSTPHM0XXX";
const SANDBOX_ACCOUNT: &str = "000000000000";

/// A static merchant code of that bank.
const SANDBOX_TEMPLATE: &str = "00020101021128560011ph.ppmi.p2m0111XTSTPHM0XXX031500000000000000005030105204000053036085802PH5911XANPAY TEST6006Manila6304118C";

pub(crate) static RAIL: Rail = Rail {
    method: Method::Instapay,
    account_kinds: &[ACCOUNT, WALLET, MERCHANT],
    nonce_length: NonceLength::DEFAULT,
    reference: ReferenceField {
        name: "Message / Purpose",
        max_len: 25,
        upper_case: false,
        alphabet: Alphabet::Alphanumeric,
    },
    max_amount: Some(5_000_000),
    qr: QrKind::Emv,
    notes: &[
        "InstaPay carries at most 50,000 pesos in a transfer, and no remark that can be relied on.",
        "A merchant's code (P2M) is issued by the acquirer: paste it. A person's code is made from the account.",
        "A merchant's id is no account: nobody can send to it by hand, so that it is paid by scanning alone.",
    ],
    parse_account,
    check_new: Some(refuse_other_bank),
    payloads: Some(Payloads { of_charge: payload, keys: KEYS, encode, form: Form::Emv(&[&PERSON, &MERCHANT_CODE]) }),
};

const KEYS: &[(&str, &str)] = &[
    ("bic", "BIC of the payee's bank or wallet, 8 or 11 characters"),
    ("account", "account number, or mobile number of a wallet"),
    ("amount", "PHP, at most two decimals"),
    ("reference", "tag 62-05, at most 25 characters"),
    ("memo", "tag 62-08, at most 25 characters"),
    ("name", "payee name, tag 59, at most 25 characters"),
    ("city", "tag 60, at most 15 characters"),
    ("template", "a static code that was issued, instead of bic and account; only amount and reference go with it"),
];

struct Person<'a> {
    bic: &'a str,
    account: &'a str,
    amount: Option<&'a str>,
    reference: Option<&'a str>,
    memo: Option<&'a str>,
    name: &'a str,
    city: &'a str,
}

impl Person<'_> {
    fn write(&self) -> Result<String, EncodeError> {
        let mut payee = Writer::new();
        payee
            .put("account", "00", GUID_PERSON)?
            .put("bic", "01", self.bic)?
            .put("account", "02", "99964403")?
            .put("account", "03", self.account)?
            .put("account", "04", self.account)?;
        let mut bill = Writer::new();
        if self.reference.is_some() || self.memo.is_some() {
            bill.put("reference", "00", GUID_PERSON)?
                .put_some("reference", "05", self.reference)?
                .put_some("memo", "08", self.memo)?;
        }
        let mut code = Writer::new();
        code.put("payload", "00", "01")?
            .put("amount", "01", initiation(self.amount.is_some()))?
            .nest("account", "27", &payee)?
            .put("payload", "52", "6016")?
            .put("payload", "53", "608")?
            .put_some("amount", "54", self.amount)?
            .put("payload", "58", "PH")?
            .put("name", "59", self.name)?
            .put("city", "60", self.city)?
            .nest("reference", "62", &bill)?;
        code.finish()
    }
}

fn issued(template: &str) -> Result<Issued<'_>, AccountFault> {
    Issued::read(template, Method::Instapay)
}

/// Whether a text has the form of a BIC by ISO 9362: bank 4, country 2, location 2, branch 3.
fn is_bic(text: &str) -> bool {
    let bytes = text.as_bytes();
    matches!(bytes.len(), 8 | 11)
        && bytes.iter().enumerate().all(|(place, byte)| match place {
            4 | 5 => byte.is_ascii_uppercase(),
            _ => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
        })
}

/// A test BIC has 0 as the second character of its location.
fn is_test_bic(bic: &str) -> bool {
    bic.as_bytes().get(7) == Some(&b'0')
}

fn bic(field: &'static str, text: &str) -> Result<String, AccountFault> {
    let bic = text.trim().to_ascii_uppercase();
    if !is_bic(&bic) {
        return Err(AccountFault::new(
            field,
            "bic_form",
            "must be a BIC of 8 or 11 characters, for example BNORPHMMXXX",
        ));
    }
    Ok(if bic.len() == 8 { format!("{bic}XXX") } else { bic })
}

/// Checks a merchant by its issued code, or an account or wallet whose BIC is in `bank`.
fn parse_account(input: &AccountInput<'_>) -> Parsed {
    let mut draft = Draft::of(input);
    let account = draft.require_account()?.to_owned();
    let fault = |field, code, message: &str| AccountFault::new(field, code, message);
    if let Some(template) = draft.template {
        let code = issued(template)?;
        if is_sandbox_payload(template) {
            return Err(fault("template", "payee_impossible", "names a bank that does not exist"));
        }
        draft.warn_unless_issued(&code);
        if account.chars().count() > 64 {
            return Err(fault("account", "field_too_long", "must be at most 64 characters"));
        }
        return draft.finish(Method::Instapay, MERCHANT, account);
    }
    if input.template_as_issued {
        return Err(fault("template", "missing_field", "there is no issued code to show"));
    }
    let Some(bank) = draft.bank else {
        return Err(fault("bank", "missing_field", "say which bank or wallet by its BIC, for example BNORPHMMXXX"));
    };
    let bic = bic("bank", bank)?;
    if is_test_bic(&bic) {
        return Err(fault("bank", "bic_impossible", "a BIC with 0 at its eighth place is for tests"));
    }
    if bic.get(4..6) != Some("PH") {
        draft.warn("bank", "bic_foreign", "the BIC is not of a Philippine bank");
    }
    let compact = text::ungroup(&account);
    let digits = compact.strip_prefix("+63").map_or_else(|| compact.clone(), |rest| format!("0{rest}"));
    if !text::is_digits(&digits) || !(6..=19).contains(&digits.len()) {
        return Err(fault(
            "account",
            "account_form",
            "must be an account number of 6 to 19 digits, or a mobile number",
        ));
    }
    if text::is_zeros(&digits) {
        return Err(fault("account", "account_impossible", "an account of zeros is given to nobody"));
    }
    let kind = if digits.len() == 11 && digits.starts_with("09") { WALLET } else { ACCOUNT };
    if draft.name.is_none() {
        draft.warn("name", "missing", "apps show the payee's name; NA is written without one");
    }
    draft.warn_of_name();
    let (mut parsed, warnings) = draft.finish(Method::Instapay, kind, digits)?;
    parsed.bank = Some(bic);
    Ok((parsed, warnings))
}

/// Refuses a BIC that is of another bank than the issued code's. The last three characters name a branch.
fn refuse_other_bank(account: &ReceivingAccount) -> Result<(), AccountFault> {
    let (Some(template), Some(bank)) = (account.template.as_deref(), account.bank.as_deref()) else { return Ok(()) };
    let Some(issued) = Issued::reread(template)?.find_within(&[GUID_MERCHANT, GUID_PERSON], "01") else {
        return Ok(());
    };
    let bank_of = |bic: &str| {
        Some(bic.to_ascii_uppercase()).filter(|bic| is_bic(bic)).and_then(|bic| Some(bic.get(..8)?.to_owned()))
    };
    match (bank_of(bank), bank_of(issued)) {
        (Some(given), Some(named)) if given != named => {
            let message =
                format!("is another bank than the issued code's, which is {issued}; leave it out with a code");
            Err(AccountFault::new("bank", "bank_differs", message))
        }
        _ => Ok(()),
    }
}

/// The code of a charge: a merchant's issued code with the amount, else a person's code.
fn payload(
    account: &ReceivingAccount,
    request: &PaymentRequest<'_>,
    environment: Environment,
) -> Result<Option<String>, EncodeError> {
    let reference = text::exact("reference", request.reference, 25, Alphabet::PrintableAscii)?;
    let amount = request.amount.to_decimal();
    let template = account.template.as_deref().map(|issued| match environment {
        Environment::Live => issued,
        Environment::Sandbox => SANDBOX_TEMPLATE,
    });
    if let Some(template) = template {
        let code = Issued::reread(template)?;
        if environment == Environment::Live && account.template_as_issued {
            return Ok(Some(code.as_issued()));
        }
        return code.with_amount_and_room(&amount, reference).map(Some);
    }
    let name = super::payee_name(account, environment);
    let live = environment == Environment::Live;
    Person {
        bic: match (live, account.bank.as_deref()) {
            (true, Some(bank)) => bank,
            (true, None) => return Err(EncodeError::new("bank", "is required")),
            (false, _) => SANDBOX_BIC,
        },
        account: if live { &account.account } else { SANDBOX_ACCOUNT },
        amount: Some(&amount),
        reference: Some(reference),
        memo: Some(reference),
        name: &name,
        city: "Manila",
    }
    .write()
    .map(Some)
}

/// Writes a code from named fields.
fn encode(keys: &Keys<'_>) -> Result<String, EncodeError> {
    let amount = keys.amount(Method::Instapay)?;
    let printable = |key: &str, max| -> Result<Option<&str>, EncodeError> {
        keys.text(key)?.map(|text| text::exact(key, text, max, Alphabet::PrintableAscii)).transpose()
    };
    let reference = printable("reference", 25)?;
    if let Some(template) = keys.text("template")? {
        for key in ["bic", "account", "memo", "name", "city"] {
            if keys.text(key)?.is_some() {
                return Err(EncodeError::new(key, "cannot be given together with template, which has it already"));
            }
        }
        let amount = amount.ok_or_else(|| EncodeError::new("amount", "is required with template"))?;
        return issued(template)?.with_amount(&amount, reference);
    }
    let bic = bic("bic", keys.required("bic")?)?;
    let account = text::ungroup(keys.required("account")?);
    Person {
        bic: &bic,
        account: text::exact("account", account.trim_start_matches('+'), 24, Alphabet::Alphanumeric)?,
        amount: amount.as_deref(),
        reference,
        memo: printable("memo", 25)?,
        name: &text::name("name", keys.required("name")?)?,
        city: &text::city("city", keys.required("city")?)?,
    }
    .write()
}

/// What a person's code adds to the rules of every EMVCo code.
static PERSON: Profile = Profile {
    method: Method::Instapay,
    guids: &[GUID_PERSON],
    currencies: &["608"],
    tags: &[
        ("01", "bank (BIC)"),
        ("02", "payment network"),
        ("03", "account id"),
        ("04", "account"),
        ("05", "mobile number"),
    ],
    lint: |payee, findings| lint(payee, "04", "the account", findings),
    is_sandbox,
    meaning: |_, _| None,
};

/// What a merchant's code adds to the rules of every EMVCo code.
static MERCHANT_CODE: Profile = Profile {
    method: Method::Instapay,
    guids: &[GUID_MERCHANT],
    currencies: &["608"],
    tags: &[("01", "bank (BIC)"), ("03", "merchant id"), ("04", "merchant's account"), ("05", "kind of merchant")],
    lint: |payee, findings| lint(payee, "03", "the merchant", findings),
    is_sandbox,
    meaning: |_, _| None,
};

/// The rules that both share; they differ in the tag that names the payee.
fn lint(payee: &Payee<'_>, tag: &str, name: &str, findings: &mut Findings) {
    if payee.require("01", "the bank", findings).is_some_and(|bic| !is_bic(bic)) {
        findings.warn(payee.path("01"), "form", "has not the form of a BIC");
    }
    payee.require(tag, name, findings);
    if payee.of_additional("05").is_some_and(|reference| reference != "***") {
        findings.warn("62.05", "reference_may_be_dropped", "InstaPay promises no remark to the payee");
    }
}

fn is_sandbox(payee: &Payee<'_>) -> bool {
    payee.get("01").is_some_and(is_test_bic)
}
