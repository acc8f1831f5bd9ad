//! What banks make of a reference: the memos of the corpus, each with a real nonce in the place of its example, through
//! a bank file and into the books.
//!
//! The corpus is read in place (`XANPAY_CORPUS`); without it the test says that it has checked nothing.

use crate::support::{Caller, Gateway};
use serde_json::{Value, json};
use std::path::PathBuf;
use xanpay_domain::charge::{Charge, ChargeStatus};
use xanpay_domain::currency::Currency;
use xanpay_domain::environment::Environment;
use xanpay_domain::id::ChargeId;
use xanpay_domain::money::Money;
use xanpay_server::flows::{ImportOptions, import_statement};
use xanpay_statements::Date;
use xanpay_statements::sample::{Booking, camt054};
use xanpay_testkit::on_both_databases;

/// What stands in the rendered file where the memo's fields go.
const PLACE: &str = "MEMO";

fn corpus() -> Option<Vec<Value>> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let folder = std::env::var_os("XANPAY_CORPUS").map_or_else(|| PathBuf::from(default), PathBuf::from);
    let text = std::fs::read_to_string(folder.join("statements/mangled-references.json")).ok()?;
    Some(serde_json::from_str(&text).unwrap())
}

/// The memo's fields; some cases name them.
fn fields(case: &Value) -> Vec<String> {
    let text = |field: &Value| field.as_str().unwrap().to_owned();
    let of = |field: &Value| match field.as_object() {
        Some(named) => named.values().map(text).collect(),
        None => vec![text(field)],
    };
    case["fields"].as_array().unwrap().iter().flat_map(of).collect()
}

/// The letter or digit that a character stands for, in upper case.
fn plain(c: char) -> Option<char> {
    let narrow = match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap(),
        _ => c,
    };
    narrow.is_ascii_alphanumeric().then(|| narrow.to_ascii_uppercase())
}

/// The fields with `nonce` in the place of `example`, letter by letter: mangled in the same way.
fn substitute(fields: &[String], example: &str, nonce: &str) -> Option<Vec<String>> {
    let places: Vec<(usize, usize, char)> = fields
        .iter()
        .enumerate()
        .flat_map(|(field, text)| text.char_indices().filter_map(move |(at, c)| Some((field, at, plain(c)?))))
        .collect();
    let wanted: Vec<char> = example.chars().filter_map(plain).collect();
    let start =
        places.windows(wanted.len()).rposition(|window| window.iter().map(|place| place.2).eq(wanted.clone()))?;
    let found = &places[start..start + wanted.len()];
    let letters: Vec<char> = nonce.chars().collect();
    let mut changed = fields.to_vec();
    for (number, (field, at, _)) in found.iter().enumerate().rev() {
        let is_last = number + 1 == found.len();
        let end = if is_last { letters.len() } else { (number + 1).min(letters.len()) };
        let piece: String = letters[number.min(letters.len())..end.max(number.min(letters.len()))].iter().collect();
        let old = changed[*field][*at..].chars().next().unwrap();
        let piece = match old {
            '\u{ff01}'..='\u{ff5e}' => piece.chars().map(|c| char::from_u32(u32::from(c) + 0xfee0).unwrap()).collect(),
            _ if old.is_ascii_uppercase() => piece.to_uppercase(),
            _ => piece,
        };
        changed[*field].replace_range(*at..*at + old.len_utf8(), &piece);
    }
    Some(changed)
}

/// The memo of a case about a charge's nonce.
fn memo(case: &Value, nonce: &str) -> Vec<String> {
    let (fields, example) = (fields(case), case["nonce"].as_str().unwrap());
    if let Some(memo) = substitute(&fields, example, nonce) {
        return memo;
    }
    match case["expect"].as_str().unwrap() {
        // The example was cut: so is the nonce.
        "partial" => {
            let cut = (4..example.len()).rev().find_map(|length| substitute(&fields, &example[..length], &nonce[..6]));
            cut.unwrap_or_else(|| panic!("{case}: no beginning of the nonce is in it"))
        }
        // One letter was mistaken for another.
        "fuzzy" => fields.iter().map(|text| text.replace("zttl", &mistyped(nonce))).collect(),
        "none" => fields,
        other => panic!("{case}: {other}, but the nonce is not in it"),
    }
}

fn mistyped(nonce: &str) -> String {
    let last = if nonce.ends_with('a') { "e" } else { "a" };
    format!("{}{last}", &nonce[..nonce.len() - 1])
}

fn file(number: usize, fields: &[String], cents: i64) -> String {
    let booking = Booking {
        amount: Money::from_minor(cents, Currency::SGD).unwrap(),
        reference: PLACE.into(),
        payer: "PAYER".into(),
        bank_reference: format!("B{number}"),
        date: Date::constant(2022, 6, 24),
    };
    let escaped = |text: &String| text.replace('&', "&amp;").replace('<', "&lt;");
    let memo: String = fields.iter().map(|text| format!("<Ustrd>{}</Ustrd>", escaped(text))).collect();
    camt054("1", &format!("M{number}"), crate::support::gateway::START, &[booking])
        .replace(&format!("<Ustrd>{PLACE}</Ustrd>"), &memo)
}

async fn pay(gateway: &Gateway, merchant: &Caller, number: usize, case: &Value) -> (Charge, Vec<String>) {
    let charge = gateway.charge(merchant, &json!({"notifyPayload": number.to_string()})).await;
    let memo = memo(case, charge["destination"]["nonce"].as_str().unwrap());
    let cents = if case["expect"] == "match-short" { 3400 } else { 3500 };
    let options = ImportOptions { account: Some("+6585867834".into()), ..ImportOptions::new(Environment::Sandbox) };
    let file = file(number, &memo, cents);
    let report = import_statement(&gateway.app, "file", file.as_bytes(), &options).await.unwrap();
    assert_eq!((report.new, report.refused.len()), (1, 0), "{case}");
    let id = ChargeId::parse(charge["id"].as_str().unwrap()).unwrap();
    (gateway.app.store.reader().find_charge(id).await.unwrap().unwrap(), memo)
}

#[tokio::test]
async fn a_mangled_reference_pays_its_charge_or_waits_for_a_person_as_the_corpus_says() {
    let Some(cases) = corpus() else {
        eprintln!("the corpus is absent: nothing of it was checked");
        return;
    };
    assert!(cases.len() >= 26, "only {} cases", cases.len());
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        for (number, case) in cases.iter().enumerate() {
            let (charge, memo) = pay(&gateway, &merchant, number, case).await;
            let expected = match case["expect"].as_str().unwrap() {
                "match" => (ChargeStatus::Completed, 3500),
                "match-short" => (ChargeStatus::Pending, 3400),
                "none" | "partial" | "fuzzy" => (ChargeStatus::Pending, 0),
                other => panic!("an expectation that nobody knows: {other}"),
            };
            assert_eq!((charge.state.status(), charge.received.minor()), expected, "{memo:?} of {case}");
        }
    })
    .await;
}

#[test]
fn a_nonce_takes_the_places_of_the_examples_letters() {
    for (fields, expected) in [
        (&["UPI/x/z", "tt1"][..], &["UPI/x/b", "agihotek"][..]),
        (&["Ref: 'ZTT-1'."], &["Ref: 'BAG-ihotek'."]),
        (&["ORDER ZTT10"], &["ORDER BAGihotek0"]),
        (&["zt\u{ad}t1"], &["ba\u{ad}gihotek"]),
    ] {
        let fields: Vec<String> = fields.iter().map(|&text| text.to_owned()).collect();
        assert_eq!(substitute(&fields, "ztt1", "bagihotek").unwrap(), expected);
    }
    assert_eq!(substitute(&["ABCDEFGHIJK-L".to_owned()], "abcdefghijk", "bagihotek").unwrap(), ["BAGIHOTEK-L"]);
    assert_eq!(substitute(&["nothing".to_owned()], "ztt1", "bagihotek"), None);
}
