//! The vectors of other implementations and of published specifications. They are read where `XANPAY_CORPUS` (or
//! `../shared` beside the workspace) holds them; without them nothing of this file is checked.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::wildcard_enum_match_arm,
    clippy::too_many_lines,
    reason = "a test that cannot go on must fail; the table of sources is long; JSON is not our enum"
)]

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use xanpay_domain::method::Method;
use xanpay_rails::{AccountInput, Field, LintReport, encode, lint, parse_account};

fn vectors(uses: &[&str]) -> Vec<Value> {
    let corpus = std::env::var_os("XANPAY_CORPUS")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")), PathBuf::from);
    let Ok(text) = std::fs::read_to_string(corpus.join("rails/vectors.json")) else {
        println!("no corpus: nothing was checked");
        return Vec::new();
    };
    let all: Vec<Value> = serde_json::from_str(&text).unwrap();
    all.into_iter().filter(|vector| uses.contains(&text_of(vector, "use"))).collect()
}

fn text_of<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn method(vector: &Value) -> Option<Method> {
    text_of(vector, "rail").split('(').next().unwrap().parse().ok()
}

/// The first of several keys that a source may have used, as text; numbers as they were written.
fn input(vector: &Value, keys: &[&str]) -> Option<String> {
    keys.iter().find_map(|key| match &vector["inputs"][*key] {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

/// A value of the expected fields: what a source filled in by its own default is no input of it.
fn expected(vector: &Value, path: &[&str]) -> Option<String> {
    let mut value = &vector["fields"];
    for tag in path {
        value = &value[*tag];
    }
    value.as_str().map(str::to_owned)
}

struct Call {
    method: Method,
    fields: BTreeMap<String, Field>,
}

impl Call {
    fn text(&mut self, key: &str, value: Option<String>) -> &mut Self {
        if let Some(value) = value {
            self.fields.insert(key.to_owned(), Field::Text(value));
        }
        self
    }

    fn flag(&mut self, key: &str, value: Option<bool>) -> &mut Self {
        if let Some(value) = value {
            self.fields.insert(key.to_owned(), Field::Bool(value));
        }
        self
    }
}

/// What `encode` is asked for a vector.
fn call(vector: &Value) -> Call {
    let method = method(vector).unwrap();
    let mut call = Call { method, fields: BTreeMap::new() };
    let own = |keys: &[&str]| input(vector, keys);
    let amount = own(&["amount", "amt", "am"]);
    match method {
        Method::Paynow => {
            let editable = match (vector["inputs"]["editable"].as_bool(), own(&["edit", "amountEditable"])) {
                (Some(editable), _) => Some(editable),
                (None, Some(digit)) => Some(digit == "1"),
                (None, None) => None,
            };
            call.text("account", own(&["account", "number", "id", "uen", "phone"]))
                .text("amount", amount)
                .text("reference", own(&["nonce", "ref", "refNumber", "comments", "referenceNumber"]))
                .text("name", own(&["merchant_name", "company", "merchantName"]))
                .text("expiry", expected(vector, &["26", "04"]))
                .flag("editable", editable)
                .flag("dynamic", Some(expected(vector, &["01"]).unwrap() == "12"));
        }
        Method::Fps => {
            let account = own(&["fps_id", "fpsId", "mobile", "email", "account"]).map(|account| match account.len() {
                8 => format!("+852-{account}"),
                _ => account,
            });
            call.text("account", account)
                .text("clearingCode", own(&["bank_code", "bank"]))
                .text("amount", amount)
                .text("currency", own(&["currency"]).map(|currency| currency.replace("344", "HKD")))
                .text("reference", own(&["reference", "reference_id"]))
                .text("billNumber", own(&["billNumber"]))
                .text("name", own(&["name"]))
                .flag("dynamic", vector["inputs"]["dynamic"].as_bool());
        }
        Method::ViettelPay => {
            call.text("bin", own(&["bin", "acq", "bankBin"]))
                .text("account", own(&["account", "merchant_id", "card", "bankNumber"]))
                .flag("card", own(&["service"]).map(|service| service == "QRIBFTTC"))
                .text("amount", amount)
                .text("reference", own(&["purpose", "purpose_txn"]))
                .text("billNumber", own(&["bill", "bill_number"]))
                .text("name", own(&["name", "merchant_name"]))
                .text("city", own(&["city", "merchant_city"]))
                .text("mcc", expected(vector, &["52"]));
        }
        Method::PromptPay => prompt_pay(vector, amount, &mut call),
        Method::Instapay if text_of(&vector["inputs"], "type") == "P2P" => {
            call.text("bic", own(&["bic"]))
                .text("account", own(&["account"]))
                .text("amount", amount)
                .text("memo", own(&["memo"]))
                .text("name", expected(vector, &["59"]))
                .text("city", expected(vector, &["60"]));
        }
        Method::Instapay => {
            let template = static_code(text_of(vector, "payload"), true);
            call.text("template", Some(template)).text("amount", amount).text("reference", own(&["reference"]));
        }
        Method::DuitNow => {
            let template = static_code(text_of(vector, "payload"), false);
            call.text("template", Some(template)).text("amount", amount);
        }
        Method::GojekId => {
            let fee = &vector["inputs"]["fee"];
            let key = if text_of(fee, "type") == "fixed" { "feeFixed" } else { "feePercent" };
            call.text("template", own(&["static"]))
                .text("amount", amount)
                .text(key, fee.get("value").map(ToString::to_string));
        }
        Method::InBankTransfer => {
            call.text("account", own(&["payeeVPA", "pa"]))
                .text("name", own(&["payeeName", "pn"]))
                .text("amount", amount)
                .text("reference", own(&["transactionRef"]))
                .text("note", own(&["transactionNote"]));
        }
        Method::Toss => {
            call.text("bank", own(&["bank"])).text("account", own(&["account"])).text("amount", amount);
        }
        Method::HkBankTransfer | Method::IdBankTransfer | Method::AuBankTransfer | Method::NzBankTransfer => {
            unreachable!("no vectors of rails without a QR")
        }
    }
    call
}

fn prompt_pay(vector: &Value, amount: Option<String>, call: &mut Call) {
    let own = |keys: &[&str]| input(vector, keys);
    let wallet = own(&["trueMoney", "mobileNo"]).map(|mobile| format!("14000{mobile}"));
    let bank_account = &vector["inputs"]["bankAccount"];
    let bank = bank_account[0].as_str().map(str::to_owned);
    let number = bank_account[1].as_str().map(str::to_owned);
    call.text("account", own(&["target", "mobile", "promptpay"]).or(wallet).or(number))
        .text("bank", bank)
        .text("ota", own(&["ota"]))
        .text("biller", own(&["biller", "billerId"]))
        .text("reference", own(&["ref1"]))
        .text("reference2", own(&["ref2"]))
        .text("reference3", own(&["ref3"]))
        .text("amount", amount)
        .text("message", own(&["message"]))
        .text("name", own(&["name", "merchantName"]))
        .text("city", own(&["city", "merchantCity"]))
        .text("mcc", expected(vector, &["52"]));
}

/// The static code from which a dynamic one was made: no amount, and no reference label where asked.
fn static_code(payload: &str, without_reference: bool) -> String {
    let report = lint(payload);
    let object = |tag: &str, value: &str| format!("{tag}{:02}{value}", value.chars().count());
    let mut code = String::new();
    for field in &report.fields {
        match field.tag.as_str() {
            "01" => code += &object("01", "11"),
            "54" | "63" => {}
            "62" if without_reference => {
                let kept = field.children.iter().filter(|child| child.tag != "05");
                code += &object("62", &kept.map(|child| object(&child.tag, &child.value)).collect::<String>());
            }
            tag => code += &object(tag, &field.value),
        }
    }
    code += "6304";
    let mut crc: u16 = 0xFFFF;
    for byte in code.bytes() {
        crc ^= u16::from(byte) << 8;
        for _ in 0..8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
        }
    }
    code + &format!("{crc:04X}")
}

/// The expected fields as paths, without the checksum unless asked.
fn paths(fields: &Value, with_checksum: bool) -> BTreeMap<String, String> {
    let mut paths = BTreeMap::new();
    for (tag, value) in fields.as_object().unwrap() {
        match value {
            Value::String(text) if with_checksum || tag != "63" => {
                paths.insert(tag.clone(), text.clone());
            }
            Value::Object(inner) => {
                for (child, value) in inner {
                    paths.insert(format!("{tag}.{child}"), value.as_str().unwrap().to_owned());
                }
            }
            _ => {}
        }
    }
    paths
}

fn read_paths(report: &LintReport) -> BTreeMap<String, String> {
    let mut paths = BTreeMap::new();
    for field in report.fields.iter().filter(|field| field.tag != "63") {
        if field.children.is_empty() {
            paths.insert(field.tag.clone(), field.value.clone());
        }
        for child in &field.children {
            paths.insert(format!("{}.{}", field.tag, child.tag), child.value.clone());
        }
    }
    paths
}

#[test]
fn every_encode_and_template_vector_comes_out_as_its_source_wrote_it() {
    let (mut exact, mut by_fields) = (0, 0);
    for vector in vectors(&["encode", "template"]) {
        let payload = text_of(&vector, "payload");
        let call = call(&vector);
        if call.method == Method::DuitNow && expected(&vector, &["54"]).is_none() {
            // A static code is what template mode takes in, not what it writes.
            let input = AccountInput { account: "1234567895", template: Some(payload), ..AccountInput::default() };
            assert!(parse_account(Method::DuitNow, &input).is_ok(), "{payload}");
            continue;
        }
        let written = encode(call.method, &call.fields).unwrap_or_else(|error| panic!("{error} for {vector}"));
        let report = lint(&written);
        assert!(report.valid, "{written}: {:?}", report.errors);
        let lower_case_crc = vector["check"]["warnings"].to_string().contains("CRC in lower case");
        let whole_amount = text_of(&vector, "notes").contains("amount without decimals");
        let link = written.contains("://");
        if vector["check"]["ascending"] == Value::Bool(true) && !whole_amount {
            exact += 1;
            let wanted = if lower_case_crc {
                payload[..payload.len() - 4].to_owned() + &payload[payload.len() - 4..].to_uppercase()
            } else {
                payload.to_owned()
            };
            assert_eq!(written, wanted);
            continue;
        }
        by_fields += 1;
        let (mut wanted, mut read) = (paths(&vector["fields"], false), read_paths(&report));
        if link {
            // Sources differ in whether they say the currency.
            wanted.insert("cu".to_owned(), "INR".to_owned());
            if call.method == Method::Toss {
                wanted.remove("cu");
            }
        }
        if whole_amount {
            // One source writes 100 where every other of its rail writes 100.00.
            assert_eq!(format!("{}.00", wanted.remove("54").unwrap()), read.remove("54").unwrap());
        }
        assert_eq!(read, wanted, "{vector}");
    }
    println!("{exact} byte for byte, {by_fields} by fields");
}

#[test]
fn every_decode_vector_is_valid_and_gives_its_fields() {
    for vector in vectors(&["decode", "input"]) {
        let report = lint(text_of(&vector, "payload"));
        assert!(report.valid, "{vector}: {:?}", report.errors);
        for (path, value) in paths(&vector["fields"], true) {
            assert_eq!(report.value(&path), Some(value.as_str()), "{path} of {vector}");
        }
    }
}

#[test]
fn every_negative_vector_is_refused() {
    for vector in vectors(&["negative"]) {
        assert!(!lint(text_of(&vector, "payload")).valid, "{vector}");
    }
}

#[test]
fn every_valid_vector_is_recognised_as_its_rail() {
    for vector in vectors(&["encode", "template", "decode", "input"]) {
        let report = lint(text_of(&vector, "payload"));
        assert!(report.valid, "{vector}: {:?}", report.errors);
        let wanted = method(&vector).map_or("emvco", |method| method.as_str());
        assert_eq!(report.rail.unwrap().as_str(), wanted, "{vector}");
    }
}
