//! The rules of every EMVCo code, then those of the rail that owns the payee template.

use crate::emv::crc::crc16;
use crate::emv::profile::{Payee, Profile, owner};
use crate::emv::reader::{Object, find, objects};
use crate::emv::words;
use crate::emv::writer::MAX_PAYLOAD;
use crate::lint::{Findings, LintField, LintReport, Recognised, SANDBOX};
use crate::text;
use xanpay_domain::currency::Currency;

/// The longest text that is looked at; a code has at most 512 characters, so what is longer is no code.
const MAX_READ: usize = 8192;

/// Reads an EMVCo code.
pub(crate) fn lint(payload: &str) -> LintReport {
    let mut findings = Findings::default();
    if payload.is_empty() {
        findings.error("", "empty", "there is nothing to read");
        return findings.report(None, Vec::new());
    }
    if payload.len() > MAX_READ {
        findings.error("", "too_long", format!("a code has at most {MAX_PAYLOAD} characters"));
        return findings.report(None, Vec::new());
    }
    if payload.chars().count() > MAX_PAYLOAD {
        findings.error("", "too_long", format!("a code has at most {MAX_PAYLOAD} characters"));
    }
    if payload.contains(char::REPLACEMENT_CHARACTER) {
        findings.error("", "encoding", "holds bytes that are no text in UTF-8");
    }
    let (code, broken) = objects(payload);
    if let Some(broken) = broken {
        match find(&code, "63") {
            Some(_) => findings.error("63", "trailing_bytes", "something follows the checksum"),
            None if code.is_empty() => {
                findings.error("", "not_a_code", "is neither an EMVCo code nor a upi:// or supertoss:// link");
            }
            None => findings.error(broken.tag, broken.code, broken.message),
        }
    }
    if code.is_empty() {
        return findings.report(None, Vec::new());
    }
    order(&code, &mut findings);
    checksum(payload, &code, &mut findings);
    general(&code, &mut findings);
    let payees = templates(&code, &mut findings);
    additional(&code, &mut findings);
    language(&code, &mut findings);
    let mut rail = Recognised::Emvco;
    for (profile, payee) in &payees {
        rail_rules(profile, payee, &mut findings);
        rail = match rail {
            Recognised::Emvco => Recognised::Rail(profile.method),
            Recognised::Rail(first) => Recognised::Rail(first),
        };
    }
    let fields = code.iter().map(|object| field(object, &payees)).collect();
    findings.report(Some(rail), fields)
}

/// 00 first, 63 last, nothing twice; ascending order is usual but not required.
fn order(code: &[Object<'_>], findings: &mut Findings) {
    if code.first().is_none_or(|first| first.tag != "00") {
        findings.error("00", "not_first", "the payload format (tag 00) must come first");
    }
    let mut ascending = true;
    for (at, object) in code.iter().enumerate() {
        let earlier = code.get(..at).unwrap_or_default();
        if earlier.iter().any(|earlier| earlier.tag == object.tag) {
            findings.error(object.tag, "duplicate", "stands twice");
        }
        if object.value.is_empty() {
            findings.error(object.tag, "empty", "has no value; a length is 01 to 99");
        }
        let previous = earlier.last().map_or("", |previous| previous.tag);
        ascending &= object.tag == "63" || previous < object.tag;
    }
    if !ascending {
        findings.warn("", "order", "the tags are not in ascending order; every reader must accept that, some do not");
    }
}

fn checksum(payload: &str, code: &[Object<'_>], findings: &mut Findings) {
    let Some(position) = code.iter().position(|object| object.tag == "63") else {
        findings.error("63", "missing", "the checksum is missing");
        return;
    };
    if position + 1 < code.len() {
        findings.error("63", "not_last", "the checksum must come last");
    }
    let Some(given) = code.get(position).map(|object| object.value) else { return };
    if given.len() != 4 || !given.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        findings.error("63", "crc_form", "the checksum must be four hexadecimal digits");
        return;
    }
    // Objects are consecutive slices of the payload, so the lengths before this one give its place.
    let before: usize = code.iter().take(position).map(|object| 4 + object.value.len()).sum();
    let covered = payload.as_bytes().get(..before + 4).unwrap_or_default();
    let right = format!("{:04X}", crc16(covered));
    if !given.eq_ignore_ascii_case(&right) {
        findings.error("63", "crc_wrong", format!("the checksum is {given}; {right} is right for this text"));
    } else if given != right {
        findings.warn("63", "crc_lower_case", "the checksum should be in upper case; some readers compare it as text");
    }
}

/// The tags that mean the same on every rail.
fn general(code: &[Object<'_>], findings: &mut Findings) {
    let get = |tag: &str| find(code, tag);
    if let Some(version) = get("00") {
        match version {
            "01" => {}
            "02" => findings.warn("00", "version", "02 is written by DuitNow codes; EMVCo knows 01"),
            _ => findings.error("00", "version", "the payload format must be 01"),
        }
    }
    match (get("01"), get("54")) {
        (Some("11"), Some(_)) => {
            findings.warn("01", "static_with_amount", "11 means paid again and again, but there is an amount")
        }
        (Some("12"), None) => {
            findings.warn("01", "dynamic_without_amount", "12 means one payment, but there is no amount")
        }
        (Some("11" | "12") | None, _) => {}
        (Some(_), _) => findings.error("01", "initiation", "must be 11 (paid again and again) or 12 (one payment)"),
    }
    for (tag, name) in [("53", "the currency"), ("58", "the country")] {
        if get(tag).is_none() {
            findings.error(tag, "missing", format!("{name} is missing"));
        }
    }
    for (tag, name) in [("52", "the merchant category"), ("59", "the payee's name"), ("60", "the city")] {
        if get(tag).is_none() {
            findings.warn(tag, "missing", format!("{name} is missing: EMVCo asks for it, some rails leave it out"));
        }
    }
    if !code.iter().any(|object| ("02"..="51").contains(&object.tag)) {
        findings.error("", "no_payee", "no tag from 02 to 51 names a payee");
    }
    for (tag, length) in [("52", 4), ("53", 3)] {
        if get(tag).is_some_and(|value| !text::is_digits(value) || value.len() != length) {
            findings.error(tag, "form", format!("must be {length} digits"));
        }
    }
    if get("58").is_some_and(|country| country.len() != 2 || !country.bytes().all(|byte| byte.is_ascii_uppercase())) {
        findings.error("58", "form", "must be two capital letters");
    }
    for (tag, most) in [("59", 25), ("60", 15), ("61", 10)] {
        let Some(value) = get(tag) else { continue };
        let length = value.chars().count();
        if length > most {
            findings.error(tag, "too_long", format!("must be at most {most} characters, is {length}"));
        }
        printable(tag, value, findings);
    }
    for reserved in code.iter().filter(|object| ("65"..="79").contains(&object.tag)) {
        findings.warn(reserved.tag, "reserved", "is reserved by EMVCo");
    }
    amount(get("54"), get("53"), findings);
    fee(code, findings);
}

fn printable(path: &str, value: &str, findings: &mut Findings) {
    if let Some(character) = value.chars().find(|character| !matches!(character, ' '..='~')) {
        findings.error(
            path,
            "alphabet",
            format!("the character {character:?} is not printable ASCII; other scripts go to tag 64"),
        );
    }
}

fn currency(numeric: &str) -> Option<Currency> {
    if !text::is_digits(numeric) {
        return None;
    }
    let wanted: u16 = numeric.parse().ok()?;
    Currency::all().find(|currency| currency.numeric() == wanted)
}

/// The digits before and after the point of a decimal number; after it there may be none.
fn decimal(text: &str) -> Option<(&str, &str)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    (text::is_digits(whole) && fraction.bytes().all(|byte| byte.is_ascii_digit())).then_some((whole, fraction))
}

fn amount(amount: Option<&str>, numeric: Option<&str>, findings: &mut Findings) {
    let known = numeric.and_then(currency);
    if let (Some(numeric), None) = (numeric, known)
        && text::is_digits(numeric)
    {
        findings.warn("53", "unknown_currency", format!("{numeric} is no currency of ISO 4217"));
    }
    let Some(amount) = amount.filter(|amount| !amount.is_empty()) else { return };
    let Some((whole, fraction)) = decimal(amount) else {
        findings.error("54", "form", "must be digits with at most one point");
        return;
    };
    if amount.len() > 13 {
        findings.error("54", "too_long", "must be at most 13 characters");
    }
    if whole.bytes().chain(fraction.bytes()).all(|byte| byte == b'0') {
        findings.error("54", "zero", "must not be zero; without an amount the tag is left out");
    }
    if amount.ends_with('.') {
        findings.warn("54", "form", "ends with its point");
    }
    if let Some(currency) = known {
        let exponent = currency.exponent() as usize;
        if fraction.len() > exponent {
            findings.warn(
                "54",
                "decimals",
                format!("{currency} has {exponent} decimals, the amount has {}", fraction.len()),
            );
        }
        if currency == Currency::IDR && !fraction.is_empty() {
            findings.warn("54", "decimals", "rupiah are paid whole");
        }
    }
}

/// 55 says who sets the fee; 56 or 57 must follow it.
fn fee(code: &[Object<'_>], findings: &mut Findings) {
    let get = |tag: &str| find(code, tag);
    match get("55") {
        None => {
            for tag in ["56", "57"] {
                if get(tag).is_some() {
                    findings.error(tag, "fee_without_kind", "needs tag 55");
                }
            }
        }
        Some("01") => {}
        Some("02") if get("56").is_none() => findings.error("56", "missing", "tag 55 says that there is a fixed fee"),
        Some("03") if get("57").is_none() => findings.error("57", "missing", "tag 55 says that there is a percentage"),
        Some("02" | "03") => {}
        Some(_) => findings.error("55", "form", "must be 01, 02 or 03"),
    }
    for tag in ["56", "57"] {
        if get(tag).is_some_and(|value| decimal(value).is_none()) {
            findings.error(tag, "form", "must be digits with at most one point");
        }
    }
}

/// Reads the payee templates 26 to 51; those of a known rail are given back.
fn templates<'a>(code: &'a [Object<'a>], findings: &mut Findings) -> Vec<(&'static Profile, Payee<'a>)> {
    let mut known = Vec::new();
    for object in code.iter().filter(|object| ("26"..="51").contains(&object.tag)) {
        let inner = template(object, findings);
        let Some(guid) = find(&inner, "00") else {
            findings.error(format!("{}.00", object.tag), "missing", "the id of the payment system is missing");
            continue;
        };
        if guid.len() > 32 {
            findings.error(format!("{}.00", object.tag), "too_long", "must be at most 32 characters");
        }
        if let Some(profile) = owner(guid) {
            known.push((profile, Payee { root: object.tag, inner, code }));
        }
    }
    known
}

/// Reads the objects of a template and says where they break, stand twice or are empty.
fn template<'a>(object: &Object<'a>, findings: &mut Findings) -> Vec<Object<'a>> {
    let (inner, broken) = objects(object.value);
    if let Some(broken) = broken {
        let path = if broken.tag.is_empty() { object.tag.to_owned() } else { format!("{}.{}", object.tag, broken.tag) };
        findings.error(path, "template_broken", format!("inside the template: {}", broken.message));
    }
    for (at, part) in inner.iter().enumerate() {
        let path = format!("{}.{}", object.tag, part.tag);
        if inner.iter().take(at).any(|earlier| earlier.tag == part.tag) {
            findings.error(path, "duplicate", "stands twice");
        } else if part.value.is_empty() {
            findings.error(path, "empty", "has no value; a length is 01 to 99");
        }
    }
    inner
}

fn additional(code: &[Object<'_>], findings: &mut Findings) {
    let Some(object) = code.iter().find(|object| object.tag == "62") else { return };
    for part in template(object, findings) {
        let path = format!("62.{}", part.tag);
        let most = match part.tag {
            "01" | "02" | "03" | "04" | "05" | "06" | "07" | "08" => 25,
            "09" => 3,
            "10" => 20,
            "11" => 3,
            _ => 99,
        };
        let length = part.value.chars().count();
        if length > most {
            findings.error(&path, "too_long", format!("must be at most {most} characters, is {length}"));
        }
        printable(&path, part.value, findings);
    }
}

fn language(code: &[Object<'_>], findings: &mut Findings) {
    let Some(object) = code.iter().find(|object| object.tag == "64") else { return };
    let inner = template(object, findings);
    for (tag, name) in [("00", "the language"), ("01", "the payee's name")] {
        if find(&inner, tag).is_none() {
            findings.error(format!("64.{tag}"), "missing", format!("{name} is missing"));
        }
    }
    for (tag, most) in [("00", 2), ("01", 25), ("02", 15)] {
        if find(&inner, tag).is_some_and(|value| value.chars().count() > most) {
            findings.error(format!("64.{tag}"), "too_long", format!("must be at most {most} characters"));
        }
    }
}

fn rail_rules(profile: &Profile, payee: &Payee<'_>, findings: &mut Findings) {
    for part in &payee.inner {
        printable(&payee.path(part.tag), part.value, findings);
    }
    if let Some(numeric) = payee.of_code("53").filter(|numeric| !profile.currencies.contains(numeric)) {
        findings.error(
            "53",
            "currency_of_rail",
            format!("{numeric} is not paid on this rail; {} is", profile.currencies.join(" or ")),
        );
    }
    let country = profile.method.country();
    if payee.of_code("58").is_some_and(|given| given != country) {
        findings.error("58", "country_of_rail", format!("must be {country} on this rail"));
    }
    (profile.lint)(payee, findings);
    if (profile.is_sandbox)(payee) {
        findings.warn(payee.root, SANDBOX, "the payee is the sandbox's and cannot exist: nobody can pay this code");
    }
}

fn field(object: &Object<'_>, payees: &[(&'static Profile, Payee<'_>)]) -> LintField {
    let profile = payees.iter().find(|(_, payee)| payee.root == object.tag).map(|(profile, _)| *profile);
    let is_template = matches!(object.tag, "62" | "64") || ("26"..="51").contains(&object.tag);
    let children = if is_template { objects(object.value).0 } else { Vec::new() };
    let child = |part: &Object<'_>| LintField {
        tag: part.tag.to_owned(),
        name: match (object.tag, profile) {
            ("62", _) => words::additional(part.tag),
            ("64", _) => words::language(part.tag),
            (_, Some(_)) if part.tag == "00" => "payment system",
            (_, Some(profile)) => profile.tag_name(part.tag),
            (_, None) if part.tag == "00" => "payment system",
            (_, None) => "data of the payment system",
        },
        value: part.value.to_owned(),
        meaning: profile.and_then(|profile| (profile.meaning)(part.tag, part.value)),
        children: Vec::new(),
    };
    LintField {
        tag: object.tag.to_owned(),
        name: words::root(object.tag),
        value: object.value.to_owned(),
        meaning: meaning(object, profile),
        children: children.iter().map(child).collect(),
    }
}

fn meaning(object: &Object<'_>, profile: Option<&Profile>) -> Option<String> {
    match (object.tag, object.value) {
        ("01", "11") => Some("paid again and again".to_owned()),
        ("01", "12") => Some("one payment".to_owned()),
        ("53", numeric) => currency(numeric).map(|currency| currency.code().to_owned()),
        ("55", "01") => Some("the payer enters a tip".to_owned()),
        ("55", "02") => Some("fixed fee".to_owned()),
        ("55", "03") => Some("percentage fee".to_owned()),
        _ => profile.map(|profile| profile.method.display_name().to_owned()),
    }
}
