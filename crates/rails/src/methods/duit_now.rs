//! DuitNow, Malaysia. A DuitNow QR holds ids that an acquirer gave, so the operator pastes the issued static code; a
//! DuitNow ID alone is typed by the payer. Source: PayNet's DuitNow QR examples.

use crate::account::{AccountFault, AccountInput, Draft, Parsed, ReceivingAccount};
use crate::emv::profile::{Payee, Profile};
use crate::emv::template::Issued;
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
    format: "merchant's account or id, with the issued static DuitNow QR",
    example: "1234567895",
    example_bank: None,
    example_template: Some(
        "00020101021126420014A00000061500010106501664021012345678955204000053034585802MY5909QRCSDNBHD6005BANGI63041D55",
    ),
    nonce_reliability: Reliability::Uncertain,
    default_policy: Policy::UniqueAmount,
};

const MOBILE: &AccountKind = &AccountKind {
    name: "mobile",
    format: "DuitNow ID: mobile number as +60XXXXXXXXX",
    example: "+60123456789",
    example_bank: None,
    example_template: None,
    nonce_reliability: Reliability::Typed,
    default_policy: Policy::Nonce,
};

const NRIC: &AccountKind = &AccountKind {
    name: "nric",
    format: "DuitNow ID: identity card number of 12 digits",
    example: "770305021234",
    example_bank: None,
    example_template: None,
    nonce_reliability: Reliability::Typed,
    default_policy: Policy::Nonce,
};

const BUSINESS: &AccountKind = &AccountKind {
    name: "business",
    format: "DuitNow ID: business registration number of 12 digits",
    example: "201901000005",
    example_bank: None,
    example_template: None,
    nonce_reliability: Reliability::Typed,
    default_policy: Policy::Nonce,
};

/// The id of DuitNow QR at 26-00.
const GUID: &str = "A0000006150001";

/// A static code of an acquirer 000000, which does not exist.
const SANDBOX_TEMPLATE: &str =
    "00020101021126420014A00000061500010106000000021000000000005204000053034585802MY5911XANPAY TEST6002MY63046940";

pub(crate) static RAIL: Rail = Rail {
    method: Method::DuitNow,
    account_kinds: &[MERCHANT, MOBILE, BUSINESS, NRIC],
    nonce_length: NonceLength::DEFAULT,
    reference: ReferenceField {
        name: "Recipient Reference",
        max_len: 25,
        upper_case: false,
        alphabet: Alphabet::AlphanumericSpace,
    },
    max_amount: Some(3_000_000),
    qr: QrKind::Template,
    notes: &[
        "Ids in a DuitNow QR are issued by the acquirer: paste the static code that it gave you.",
        "A merchant's id is no DuitNow ID: nobody can type it, so that such an account is paid by scanning alone.",
        "Some acquirers refuse an altered code, above all one with an integrity value in tag 82: show it as issued then.",
        "Limits are the banks'; 30,000 ringgit is one provider's.",
    ],
    parse_account,
    check_new: None,
    payloads: Some(Payloads { of_charge: payload, keys: KEYS, encode, form: Form::Emv(&[&PROFILE]) }),
};

const KEYS: &[(&str, &str)] = &[
    ("template", "the static code that the acquirer issued"),
    ("amount", "MYR, at most two decimals"),
    ("reference", "tag 62-05, at most 25 characters"),
];

fn issued(template: &str) -> Result<Issued<'_>, AccountFault> {
    Issued::read(template, Method::DuitNow)
}

/// Whether twelve digits are an identity card number: a day of birth and a place that exists.
fn is_nric(digits: &str) -> bool {
    let (Some(birth), Some(place)) = (digits.get(..6), digits.get(6..8)) else { return false };
    // The century is not written; 20YY or 19YY differ only in whether a year 00 leaps, and 2000 did.
    let day_exists = text::is_date(&format!("20{birth}"));
    day_exists
        && !matches!(
            place,
            "00" | "17" | "18" | "19" | "20" | "69" | "70" | "73" | "80" | "81" | "94" | "95" | "96" | "97"
        )
}

/// Whether twelve digits are a registration number of 2019 or later: year, kind of entity 01 to 06, serial.
fn is_registration(digits: &str) -> bool {
    let (Some(year), Some(entity)) = (digits.get(..4), digits.get(4..6)) else { return false };
    ("1900"..="2099").contains(&year) && ("01"..="06").contains(&entity)
}

/// Reads a DuitNow ID.
fn duitnow_id(account: &str) -> Result<(&'static AccountKind, String), AccountFault> {
    let fault = |code, message: &str| AccountFault::new("account", code, message);
    let compact = text::ungroup(account);
    let local = compact.strip_prefix("+60").or_else(|| compact.strip_prefix('0').filter(|_| compact.len() <= 11));
    if let Some(number) = local {
        if !text::is_digits(number) || !(9..=10).contains(&number.len()) || !number.starts_with('1') {
            return Err(fault("mobile_form", "a Malaysian mobile number is +60, a 1 and 8 or 9 more digits"));
        }
        return Ok((MOBILE, format!("+60{number}")));
    }
    if compact.len() == 12 && text::is_digits(&compact) {
        if is_nric(&compact) {
            return Ok((NRIC, compact));
        }
        if is_registration(&compact) {
            return Ok((BUSINESS, compact));
        }
        return Err(fault("id_form", "is neither an identity card number nor a business registration number"));
    }
    Err(fault(
        "id_form",
        "must be a DuitNow ID (mobile +60123456789, identity card or business registration of 12 digits), \
         or come with the static QR that the acquirer issued",
    ))
}

/// Checks a DuitNow account: with an issued code the account is the merchant's own id, without it a DuitNow ID.
fn parse_account(input: &AccountInput<'_>) -> Parsed {
    let mut draft = Draft::of(input);
    let account = draft.require_account()?.to_owned();
    let Some(template) = draft.template else {
        if input.template_as_issued {
            return Err(AccountFault::new("template", "missing_field", "there is no issued code to show"));
        }
        let (kind, spelled) = duitnow_id(&account)?;
        // An identity card is written 601123-45-6789.
        if kind == NRIC && spelled.starts_with("6011") && account.as_bytes().get(6) != Some(&b'-') {
            draft.warn(
                "account",
                "mobile_likely",
                "is taken for an identity card; a mobile number is written with +60",
            );
        }
        draft.warn(
            "template",
            "no_qr",
            "without the acquirer's static code there is no QR: payers type the DuitNow ID",
        );
        return draft.finish(Method::DuitNow, kind, spelled);
    };
    if account.chars().count() > 64 {
        return Err(AccountFault::new("account", "field_too_long", "must be at most 64 characters"));
    }
    let code = issued(template)?;
    if is_sandbox_payload(template) {
        return Err(AccountFault::new(
            "template",
            "payee_impossible",
            "names an acquirer of zeros, which does not exist",
        ));
    }
    draft.warn_unless_issued(&code);
    if code.find("82").is_some() && !input.template_as_issued {
        draft.warn(
            "template",
            "signed",
            "has an integrity value (tag 82); apps may refuse it once the amount is added",
        );
    }
    draft.finish(Method::DuitNow, MERCHANT, account)
}

/// The issued code with the charge's amount, and the nonce where the issuer left room for it; none without a code.
fn payload(
    account: &ReceivingAccount,
    request: &PaymentRequest<'_>,
    environment: Environment,
) -> Result<Option<String>, EncodeError> {
    text::exact("reference", request.reference, 25, Alphabet::PrintableAscii)?;
    let template = match (environment, account.template.as_deref()) {
        (Environment::Sandbox, _) => SANDBOX_TEMPLATE,
        (Environment::Live, Some(template)) => template,
        (Environment::Live, None) => return Ok(None),
    };
    let code = Issued::reread(template)?;
    if environment == Environment::Live && account.template_as_issued {
        return Ok(Some(code.as_issued()));
    }
    code.with_amount_and_room(&request.amount.to_decimal(), request.reference).map(Some)
}

/// Writes the code of one payment from an issued code.
fn encode(keys: &Keys<'_>) -> Result<String, EncodeError> {
    let amount = keys.amount(Method::DuitNow)?.ok_or_else(|| EncodeError::new("amount", "is required"))?;
    issued(keys.required("template")?)?.with_amount(&amount, keys.text("reference")?)
}

/// What a code of this rail adds to the rules of every EMVCo code.
static PROFILE: Profile = Profile {
    method: Method::DuitNow,
    guids: &[GUID],
    currencies: &["458"],
    tags: &[
        ("01", "acquirer"),
        ("02", "merchant or QR id"),
        ("03", "data of the acquirer"),
        ("04", "data of the acquirer"),
    ],
    lint,
    is_sandbox,
    meaning: |_, _| None,
};

fn lint(payee: &Payee<'_>, findings: &mut Findings) {
    payee.require("01", "the acquirer", findings);
    payee.digits("01", 6..=6, findings);
    for (tag, most) in [("02", 28), ("03", 20), ("04", 15)] {
        payee.at_most(tag, most, findings);
    }
    if let Some(integrity) = payee.of_code("82") {
        let is_digest = (32..=64).contains(&integrity.len()) && integrity.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_digest {
            findings.warn("82", "form", "is usually an integrity value of 32 to 64 hexadecimal digits");
        }
    }
    if payee.of_additional("05").is_some() {
        findings.warn(
            "62.05",
            "reference_may_be_dropped",
            "the reference goes to the acquirer, not surely to the statement",
        );
    }
}

/// Whether a code is the acquirer's that does not exist.
fn is_sandbox(payee: &Payee<'_>) -> bool {
    payee.get("01").is_some_and(text::is_zeros)
}
