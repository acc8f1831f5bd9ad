//! Bank transfer, Australia: BSB and account number, or PayID. There is no QR standard; the fields are copied.

use crate::account::{AccountFault, AccountInput, Draft, Parsed};
use crate::rail::{AccountKind, Alphabet, QrKind, Rail, ReferenceField, Reliability};
use crate::text;
use xanpay_domain::matching::Policy;
use xanpay_domain::method::Method;
use xanpay_domain::nonce::NonceLength;

const ACCOUNT: &AccountKind = &kind("account", "BSB of 6 digits and account number of 4 to 9", "062-000 12345678");
const PAYID_PHONE: &AccountKind = &kind("payid-phone", "PayID: phone number as +61-4XXXXXXXX", "+61-412345678");
const PAYID_EMAIL: &AccountKind = &kind("payid-email", "PayID: e-mail address in lower case", "pay@shop.com.au");
const PAYID_ABN: &AccountKind = &kind("payid-abn", "PayID: ABN of 11 digits", "51824753556");
const PAYID_ACN: &AccountKind = &kind("payid-acn", "PayID: ACN of 9 digits", "004085616");

const fn kind(name: &'static str, format: &'static str, example: &'static str) -> AccountKind {
    AccountKind {
        name,
        format,
        example,
        example_bank: None,
        example_template: None,
        nonce_reliability: Reliability::Typed,
        default_policy: Policy::Nonce,
    }
}

pub(crate) static RAIL: Rail = Rail {
    method: Method::AuBankTransfer,
    account_kinds: &[ACCOUNT, PAYID_PHONE, PAYID_EMAIL, PAYID_ABN, PAYID_ACN],
    nonce_length: NonceLength::DEFAULT,
    reference: ReferenceField {
        name: "Reference / Description",
        max_len: 18,
        upper_case: false,
        alphabet: Alphabet::AustralianDirectEntry,
    },
    max_amount: None,
    qr: QrKind::None,
    notes: &[
        "Direct Entry carries 18 characters of reference; Osko carries 280 of description.",
        "Statements have no reference column: the reference stands inside the description.",
    ],
    parse_account,
    check_new: None,
    payloads: None,
};

fn fault(code: &'static str, message: &str) -> AccountFault {
    AccountFault::new("account", code, message)
}

/// Whether the digits of an ABN agree: one is taken from the first digit, the weight sum is a multiple of 89. Check
/// digits run from 11 to 99.
fn abn_checks(digits: &str) -> bool {
    const WEIGHTS: [i64; 11] = [10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19];
    let sum: i64 =
        digits.bytes().zip(WEIGHTS).map(|(digit, weight)| i64::from(digit.saturating_sub(b'0')) * weight).sum();
    digits.len() == 11 && digits >= "11" && (sum - 10) % 89 == 0
}

/// Whether the last digit of an ACN is the one that the first eight call for.
fn acn_checks(digits: &str) -> bool {
    const WEIGHTS: [u32; 9] = [8, 7, 6, 5, 4, 3, 2, 1, 1];
    let sum: u32 =
        digits.bytes().zip(WEIGHTS).map(|(digit, weight)| u32::from(digit.saturating_sub(b'0')) * weight).sum();
    digits.len() == 9 && sum.is_multiple_of(10)
}

/// Reads a phone PayID in any usual spelling of an Australian number, or a foreign one written `+CC-number`.
fn phone(account: &str) -> Result<String, AccountFault> {
    let compact = text::ungroup(account);
    let wrong = || fault("payid_phone_form", "must be a phone number such as +61-412345678");
    let number = compact.strip_prefix('+').ok_or_else(wrong)?;
    if let Some(subscriber) = number.strip_prefix("61") {
        let subscriber = subscriber.strip_prefix('0').unwrap_or(subscriber);
        if subscriber.len() != 9 || !text::is_digits(subscriber) {
            return Err(fault("payid_phone_length", "an Australian number has 9 digits after +61"));
        }
        if !subscriber.starts_with(['2', '3', '4', '7', '8']) {
            return Err(fault("payid_phone_impossible", "Australian numbers start with 2, 3, 4, 7 or 8 after +61"));
        }
        return Ok(format!("+61-{subscriber}"));
    }
    let (country, subscriber) = account.strip_prefix('+').and_then(|rest| rest.split_once('-')).ok_or_else(wrong)?;
    let subscriber = text::ungroup(subscriber);
    let fits = (1..=3).contains(&country.len()) && (5..=12).contains(&subscriber.len());
    if !fits || !text::is_digits(country) || !text::is_digits(&subscriber) {
        return Err(wrong());
    }
    Ok(format!("+{country}-{subscriber}"))
}

/// What follows +61 in a number that is written as phone numbers are: a mobile's ten digits, another's after an area
/// code that is set apart, or the country's code without its plus sign. No bank has BSBs of 00 or 04.
fn written_as_phone<'a>(account: &str, digits: &'a str) -> Option<&'a str> {
    let area_set_apart =
        account.trim_start_matches('(').split([' ', '-', '.', ')']).next().is_some_and(|area| area.len() == 2);
    let (subscriber, is_phone) = if let Some(national) = digits.strip_prefix("0061").or(digits.strip_prefix("61")) {
        (national.strip_prefix('0').unwrap_or(national), !digits.starts_with("61") || digits.len() == 11)
    } else {
        let subscriber = digits.strip_prefix('0')?;
        (subscriber, subscriber.starts_with('4') || area_set_apart)
    };
    (is_phone && subscriber.len() == 9 && subscriber.starts_with(['2', '3', '4', '7', '8'])).then_some(subscriber)
}

fn bsb_and_number(bsb: &str, number: &str) -> Result<(&'static AccountKind, String), AccountFault> {
    let (Some(state), Some(branch)) = (bsb.get(..3), bsb.get(3..)) else {
        return Err(fault("account_form", "must be a BSB of 6 digits and an account number"));
    };
    if !(4..=9).contains(&number.len()) {
        return Err(fault("account_length", "an account number has 4 to 9 digits after the BSB of 6"));
    }
    if text::is_zeros(bsb) || text::is_zeros(number) {
        return Err(fault("account_impossible", "a BSB or an account of zeros is given to nobody"));
    }
    Ok((ACCOUNT, format!("{state}-{branch} {number}")))
}

/// Tells BSB and account from ABN and ACN: a BSB is set apart by a hyphen, a space or the field `bank`.
fn number(account: &str, bank: Option<&str>) -> Result<(&'static AccountKind, String), AccountFault> {
    let digits = text::ungroup(account);
    if !text::is_digits(&digits) {
        return Err(fault("account_form", "must be BSB and account number such as 062-000 12345678, or a PayID"));
    }
    let bsb_in_bank = bank.map(text::ungroup).filter(|bank| text::is_digits(bank));
    if let Some(bsb) = bsb_in_bank {
        if bsb.len() != 6 {
            return Err(AccountFault::new("bank", "bsb_form", "a BSB has 6 digits"));
        }
        return match digits.strip_prefix(bsb.as_str()) {
            Some(rest) if digits.len() > 9 => bsb_and_number(&bsb, rest),
            Some(_) | None => bsb_and_number(&bsb, &digits),
        };
    }
    let first_group = account.split([' ', '-']).next().unwrap_or_default();
    let bsb_set_apart =
        account.as_bytes().get(3) == Some(&b'-') || (first_group.len() == 6 && first_group.len() < account.len());
    if !bsb_set_apart {
        if abn_checks(&digits) {
            return Ok((PAYID_ABN, digits));
        }
        if acn_checks(&digits) && !text::is_zeros(&digits) {
            return Ok((PAYID_ACN, digits));
        }
        if let Some(subscriber) = written_as_phone(account, &digits) {
            let message = format!(
                "is a phone number: as a PayID it is written +61-{subscriber}; a BSB is set apart, as in 062-000 1234"
            );
            return Err(fault("payid_phone_country", &message));
        }
        if matches!(digits.len(), 9 | 11) {
            return Err(fault(
                "payid_check_digit",
                "is no ABN or ACN (its check digits do not agree); write a BSB apart, as in 062-000 12345",
            ));
        }
    }
    match digits.split_at_checked(6) {
        Some((bsb, number)) => bsb_and_number(bsb, number),
        None => Err(fault("account_length", "must be a BSB of 6 digits and an account number of 4 to 9")),
    }
}

/// Checks an Australian account: BSB and account number, or a PayID.
fn parse_account(input: &AccountInput<'_>) -> Parsed {
    let mut draft = Draft::of(input);
    draft.refuse_template()?;
    let account = draft.require_account()?;
    let (kind, spelled) = if account.contains('@') {
        if !text::is_email(account) || account.len() > 256 {
            return Err(fault("payid_email_form", "is not an e-mail address"));
        }
        if text::is_reserved_domain(account) {
            return Err(fault("payid_email_impossible", "the address is in a domain that cannot exist"));
        }
        (PAYID_EMAIL, account.to_ascii_lowercase())
    } else if account.starts_with('+') {
        (PAYID_PHONE, phone(account)?)
    } else {
        number(account, draft.bank)?
    };
    if kind == ACCOUNT && spelled.starts_with("04") && spelled.len() == "041-234 5678".len() {
        draft.warn("account", "mobile_likely", "looks like a mobile number, which is written +61-4XXXXXXXX");
    }
    if draft.name.is_none() {
        draft.warn("name", "missing", "banks show the payer whether the holder's name agrees; give it");
    }
    draft.finish(Method::AuBankTransfer, kind, spelled)
}
