//! What `encode` refuses, and what it fills in.
#![allow(clippy::unwrap_used, clippy::panic, clippy::type_complexity, reason = "a test that cannot go on must fail")]

mod support;

use std::collections::BTreeMap;
use support::issued_code;
use xanpay_domain::method::Method;
use xanpay_rails::{Field, encode, encode_warnings, lint};

/// Fields from text; `#` before a number makes it one.
fn fields(pairs: &[(&str, &str)]) -> BTreeMap<String, Field> {
    let value = |text: &str| match (text, text.strip_prefix('#')) {
        ("true", _) => Field::Bool(true),
        ("false", _) => Field::Bool(false),
        (_, Some(number)) => Field::Number(number.to_owned()),
        (_, None) => Field::Text(text.to_owned()),
    };
    pairs.iter().map(|(key, text)| ((*key).to_owned(), value(text))).collect()
}

#[test]
fn each_refusal_names_its_field() {
    let gojek = issued_code(Method::GojekId);
    let long = "A".repeat(26);
    let cases: &[(Method, &[(&str, &str)], &str)] = &[
        (Method::Paynow, &[], "account"),
        (Method::Paynow, &[("account", "+6585867834"), ("acount", "x")], "acount"),
        (Method::Paynow, &[("account", "true")], "account"),
        (Method::Paynow, &[("account", "201403121W"), ("reference", "#12")], "reference"),
        (Method::Paynow, &[("account", "201403121W"), ("editable", "#1")], "editable"),
        (Method::Paynow, &[("account", "201403121W"), ("amount", "true")], "amount"),
        (Method::Paynow, &[("account", "201403121W"), ("amount", "#1e3")], "amount"),
        (Method::Paynow, &[("account", "201403121W"), ("amount", "#-1")], "amount"),
        (Method::Paynow, &[("account", "2014031W")], "account"),
        (Method::Paynow, &[("account", "201403121WAC2X")], "account"),
        (Method::Fps, &[("account", "#1234567")], "account"),
        (Method::Paynow, &[("account", "+6585867834"), ("amount", "0")], "amount"),
        (Method::Paynow, &[("account", "+6585867834"), ("amount", "-1")], "amount"),
        (Method::Paynow, &[("account", "+6585867834"), ("amount", "1.005")], "amount"),
        (Method::Paynow, &[("account", "+6585867834"), ("amount", "1e3")], "amount"),
        (Method::Paynow, &[("account", "+6585867834"), ("amount", "99999999999.99")], "amount"),
        (Method::Paynow, &[("account", "+6585867834"), ("reference", &long)], "reference"),
        (Method::Paynow, &[("account", "+6585867834"), ("reference", "")], "reference"),
        (Method::Paynow, &[("account", "+6585867834"), ("reference", "naïve")], "reference"),
        (Method::Paynow, &[("account", "+6585867834"), ("name", "商店")], "name"),
        (Method::Paynow, &[("account", "+6585867834"), ("city", "A city of too many")], "city"),
        (Method::Paynow, &[("account", "+6585867834"), ("expiry", "20250229")], "expiry"),
        (Method::Paynow, &[("account", "+6585867834"), ("editable", "yes")], "editable"),
        (Method::Fps, &[("account", "123456")], "account"),
        (Method::Fps, &[("account", "1234567"), ("currency", "USD")], "currency"),
        (Method::Fps, &[("account", "1234567"), ("clearingCode", "04")], "clearingCode"),
        (Method::Fps, &[("account", "1234567"), ("mcc", "12")], "mcc"),
        (Method::ViettelPay, &[("account", "123456")], "bin"),
        (Method::ViettelPay, &[("bin", "970436"), ("account", "123456"), ("amount", "1.5")], "amount"),
        (Method::ViettelPay, &[("bin", "970436"), ("account", "123456"), ("reference", "INV/1")], "reference"),
        (Method::PromptPay, &[("account", "0812345678"), ("reference", "A1")], "reference"),
        (Method::PromptPay, &[("biller", "099400016550100"), ("reference", "A-1")], "reference"),
        (Method::PromptPay, &[("biller", "099400016550100"), ("account", "0812345678")], "account"),
        (Method::Instapay, &[("bic", "BNORPHMMXXX"), ("account", "123456"), ("name", "A")], "city"),
        (Method::Instapay, &[("template", gojek), ("amount", "1")], "template"),
        (Method::GojekId, &[("template", gojek)], "amount"),
        (Method::GojekId, &[("template", gojek), ("amount", "1.50")], "amount"),
        (Method::DuitNow, &[("template", gojek), ("amount", "1")], "template"),
        (Method::InBankTransfer, &[("account", "shop"), ("name", "A")], "account"),
        (Method::InBankTransfer, &[("account", "shop@ybl")], "name"),
        (Method::Toss, &[("account", "123")], "bank"),
        (Method::Toss, &[("bank", "A"), ("account", "12x")], "account"),
        (Method::AuBankTransfer, &[("account", "062-000 12345678")], "method"),
    ];
    for (method, pairs, field) in cases {
        let error = encode(*method, &fields(pairs)).err().unwrap_or_else(|| panic!("{method} {pairs:?} was written"));
        assert_eq!(&error.field, field, "{method} {pairs:?}: {error}");
    }
}

#[test]
fn an_amount_may_be_a_number_or_its_text() {
    let written = |amount: &str| encode(Method::Paynow, &fields(&[("account", "201403121W"), ("amount", amount)]));
    for amount in ["35", "#35", "35.0", "#35.00", "35.000"] {
        assert_eq!(lint(&written(amount).unwrap()).value("54"), Some("35.00"), "{amount}");
    }
}

#[test]
fn the_payer_may_be_kept_from_typing_an_amount_when_the_caller_says_so() {
    let written =
        |more: &[(&str, &str)]| encode(Method::Paynow, &fields(&[&[("account", "201403121W")], more].concat()));
    assert_eq!(lint(&written(&[]).unwrap()).value("26.03"), Some("1"));
    assert_eq!(lint(&written(&[("amount", "1")]).unwrap()).value("26.03"), Some("0"));
    assert_eq!(lint(&written(&[("editable", "false")]).unwrap()).value("26.03"), Some("0"));
}

#[test]
fn an_entity_number_that_is_only_shaped_like_one_is_written_as_given() {
    // From the tests of a published PayNow encoder, with its checksum.
    let code = encode(
        Method::Paynow,
        &fields(&[
            ("account", "S99345678ABCD"),
            ("amount", "12.34"),
            ("reference", "INV1234"),
            ("name", "ACME Pte Ltd"),
            ("editable", "true"),
            ("expiry", "99991231"),
            ("dynamic", "true"),
        ]),
    );
    assert_eq!(
        code.unwrap(),
        "00020101021226520009SG.PAYNOW010120213S99345678ABCD03011040899991231520400005303702540512.345802SG5912ACME Pte Ltd6009Singapore62110107INV123463041E74"
    );
}

#[test]
fn cities_are_folded_to_ascii_with_a_warning_and_never_cut() {
    let instapay: &[_] = &[("bic", "BNORPHMMXXX"), ("account", "123456"), ("name", "A")];
    for (method, account) in [
        (Method::Paynow, &[("account", "201403121W")][..]),
        (Method::Fps, &[("account", "1234567")]),
        (Method::ViettelPay, &[("bin", "970436"), ("account", "123456")]),
        (Method::PromptPay, &[("account", "0812345678")]),
        (Method::Instapay, instapay),
    ] {
        for (city, written) in [("Parañaque", "Paranaque"), ("Hồ Chí Minh", "Ho Chi Minh"), ("Manila", "Manila")] {
            let fields = fields(&[account, &[("city", city)]].concat());
            assert_eq!(lint(&encode(method, &fields).unwrap()).value("60"), Some(written), "{method}");
            let warnings = encode_warnings(method, &fields);
            let told = warnings.iter().find(|warning| (warning.field, warning.code) == ("city", "city_changed"));
            assert_eq!(told.is_some(), city != written, "{method} {city}: {warnings:?}");
        }
        for city in ["", "東京", "Parañaque City 12", "A\u{7}B"] {
            let error = encode(method, &fields(&[account, &[("city", city)]].concat())).unwrap_err();
            assert_eq!(error.field, "city", "{method} {city:?}");
        }
    }
}

#[test]
fn a_wrong_check_digit_of_a_thai_id_is_written_as_given_and_told() {
    for (account, bank, told) in
        [("1234567890121", None, false), ("1234567890123", None, true), ("1234567890123", Some(("bank", "004")), false)]
    {
        let fields = fields(&[&[("account", account)][..], bank.as_slice()].concat());
        let report = lint(&encode(Method::PromptPay, &fields).unwrap());
        let warned = encode_warnings(Method::PromptPay, &fields).iter().any(|warning| warning.code == "check_digit");
        assert_eq!(warned, told, "{account} {bank:?}");
        assert_eq!(report.warnings.iter().any(|finding| finding.code == "check_digit"), told, "{account} {bank:?}");
        assert!(report.valid);
    }
}

#[test]
fn names_are_folded_to_ascii_and_cut_at_25_characters() {
    let written = |name: &str| {
        let code = encode(Method::Paynow, &fields(&[("account", "201403121W"), ("name", name)])).unwrap();
        lint(&code).value("59").unwrap().to_owned()
    };
    assert_eq!(written("Café Đà Nẵng"), "Cafe Da Nang");
    assert_eq!(written("Cafe\u{301}"), "Cafe");
    assert_eq!(written("Straße & Söhne"), "Strasse & Sohne");
    assert_eq!(written("Acme Coffee Bangkok Thailand Ltd"), "Acme Coffee Bangkok Thail");
    assert_eq!(written(&"é".repeat(40)), "e".repeat(25));
}

#[test]
fn the_transfer_content_of_vietnam_loses_its_accents() {
    let code = encode(
        Method::ViettelPay,
        &fields(&[("bin", "970436"), ("account", "123456"), ("reference", "Thanh toán đơn 1")]),
    );
    assert_eq!(lint(&code.unwrap()).value("62.08"), Some("Thanh toan don 1"));
}

#[test]
fn a_biller_reference_is_written_in_upper_case() {
    let code = encode(Method::PromptPay, &fields(&[("biller", "099400016550100"), ("reference", "ztt1")])).unwrap();
    assert_eq!(lint(&code).value("30.02"), Some("ZTT1"));
}

#[test]
fn values_of_a_link_are_percent_encoded() {
    let code = encode(
        Method::InBankTransfer,
        &fields(&[
            ("account", "shop@ybl"),
            ("name", "A&B=C+D दुकान"),
            ("amount", "35"),
            ("reference", "ztt1"),
            ("note", "a b"),
        ]),
    )
    .unwrap();
    assert_eq!(
        code,
        "upi://pay?pa=shop@ybl&pn=A%26B%3DC%2BD%20%E0%A4%A6%E0%A5%81%E0%A4%95%E0%A4%BE%E0%A4%A8&am=35.00&cu=INR&tr=ztt1&tn=a%20b"
    );
    assert_eq!(lint(&code).value("pn"), Some("A&B=C+D दुकान"));
}

#[test]
fn the_code_of_one_payment_differs_from_the_issued_one_in_amount_initiation_and_checksum_alone() {
    let issued = issued_code(Method::GojekId);
    let code = encode(Method::GojekId, &fields(&[("template", issued), ("amount", "35000")])).unwrap();
    let (before, after) = (lint(issued), lint(&code));
    let differing: Vec<&str> =
        after.fields.iter().filter(|field| !before.fields.contains(field)).map(|field| field.tag.as_str()).collect();
    assert_eq!(differing, ["01", "54", "63"]);
    assert!(code.ends_with("6304F44D"));
}
