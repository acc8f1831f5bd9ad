//! Payloads of charges: what validation accepts can be written, read and drawn, and the sandbox pays nobody.
#![allow(clippy::unwrap_used, clippy::panic, clippy::too_many_lines, reason = "a test that cannot go on must fail")]

mod support;

use proptest::prelude::*;
use std::collections::BTreeMap;
use support::{Typed, examples, issued_code, read_qr, typed};
use xanpay_domain::environment::Environment;
use xanpay_domain::method::Method;
use xanpay_domain::money::Money;
use xanpay_rails::{
    AccountInput, EncodeError, Field, LintReport, PaymentRequest, QrKind, ReceivingAccount, Recognised, encode,
    encode_keys, is_sandbox_payload, lint, parse_account, payload, qr_modules, qr_svg, rail,
};

fn money(method: Method, units: i64) -> Money {
    let currency = method.currency();
    let step = 10_i64.pow(currency.exponent() - method.payable_exponent());
    Money::from_minor(units * step, currency).unwrap()
}

fn written(account: &ReceivingAccount, amount: Money, reference: &str, environment: Environment) -> Option<String> {
    payload(account, &PaymentRequest { amount, reference }, environment).unwrap()
}

/// Where a rail's code has its amount, and where its nonce, if it has a place.
fn places(account: &ReceivingAccount) -> (&'static str, Option<&'static str>) {
    match (account.method, account.kind.name) {
        (Method::Paynow, _) => ("54", Some("62.01")),
        (Method::Fps | Method::DuitNow | Method::Instapay, _) => ("54", Some("62.05")),
        (Method::ViettelPay, _) => ("54", Some("62.08")),
        (Method::PromptPay, "biller") => ("54", Some("30.02")),
        (Method::PromptPay | Method::GojekId, _) => ("54", None),
        (Method::InBankTransfer, _) => ("am", Some("tr")),
        (Method::Toss, _) => ("amount", None),
        (Method::HkBankTransfer | Method::IdBankTransfer | Method::AuBankTransfer | Method::NzBankTransfer, _) => {
            unreachable!("no code")
        }
    }
}

/// Asserts that a payload is valid, of its rail, and holds the charge's amount and nonce.
fn assert_carries(account: &ReceivingAccount, payload: &str, amount: Money, reference: &str) -> LintReport {
    let report = lint(payload);
    assert!(report.valid, "{payload}: {:?}", report.errors);
    assert_eq!(report.rail, Some(Recognised::Rail(account.method)), "{payload}");
    let (amount_at, nonce_at) = places(account);
    let shown = Money::parse(report.value(amount_at).unwrap(), account.method.currency()).unwrap();
    assert_eq!(shown, amount, "{payload}");
    if let Some(nonce_at) = nonce_at {
        assert!(report.value(nonce_at).unwrap().eq_ignore_ascii_case(reference), "{payload}");
    }
    report
}

/// The payee of a payload in the words in which an operator would type it.
fn payee(method: Method, report: &LintReport) -> Vec<Typed> {
    let value = |path: &str| report.value(path).map(str::to_owned);
    let typed = |account: Option<String>, bank: Option<String>| {
        account.map(|account| Typed { method, account, name: None, bank, template: None })
    };
    let candidates = match method {
        Method::Paynow => vec![typed(value("26.02"), None)],
        Method::Fps => ["26.02", "26.03", "26.04"].map(|path| typed(value(path), None)).to_vec(),
        Method::ViettelPay => {
            let inner = value("38.01").unwrap();
            vec![typed(Some(inner[14..].to_owned()), Some(inner[4..10].to_owned()))]
        }
        Method::Instapay => vec![typed(value("27.04"), value("27.01")), typed(value("28.03"), value("28.01"))],
        Method::PromptPay => vec![
            typed(value("29.01"), None),
            typed(value("29.02"), None),
            typed(value("29.03").map(|id| format!("wallet:{id}")), None),
            typed(value("30.01"), None),
        ],
        Method::InBankTransfer => vec![typed(value("pa"), None)],
        Method::Toss => vec![typed(value("accountNo"), value("bank"))],
        Method::DuitNow
        | Method::GojekId
        | Method::HkBankTransfer
        | Method::IdBankTransfer
        | Method::AuBankTransfer
        | Method::NzBankTransfer => Vec::new(),
    };
    candidates.into_iter().flatten().collect()
}

#[test]
fn every_rail_with_a_code_carries_amount_and_nonce() {
    for (method, kind, account) in examples() {
        let amount = money(method, 3_500);
        let live = written(&account, amount, "ztt1ab", Environment::Live);
        let has_code = match rail(method).qr {
            QrKind::None => false,
            QrKind::Emv => true,
            QrKind::Template => kind == "merchant",
            QrKind::Link => kind != "account" || method == Method::Toss,
        };
        assert_eq!(live.is_some(), has_code, "{method} {kind}");
        let Some(live) = live else { continue };
        assert_carries(&account, &live, amount, "ztt1ab");
        assert!(!is_sandbox_payload(&live), "{live}");
    }
}

#[test]
fn a_name_that_no_code_can_carry_is_refused_with_its_account() {
    for (method, kind, account) in examples() {
        for length in [25, 99, 100, 255] {
            let name = "x".repeat(length);
            let input = AccountInput {
                account: &account.account,
                name: Some(&name),
                bank: account.bank.as_deref(),
                template: account.template.as_deref(),
                template_as_issued: false,
            };
            match parse_account(method, &input) {
                Ok((named, _)) => drop(written(&named, money(method, 3_500), "ztt1ab", Environment::Live)),
                Err(fault) => assert_eq!((fault.field, length > 99), ("name", true), "{method} {kind}"),
            }
        }
    }
}

#[test]
fn no_sandbox_code_names_an_account_that_could_be_set_up() {
    for (method, kind, account) in examples() {
        let amount = money(method, 3_500);
        let Some(code) = written(&account, amount, "ztt1ab", Environment::Sandbox) else {
            let has_none = rail(method).qr == QrKind::None || (method == Method::InBankTransfer && kind == "account");
            assert!(has_none, "{method} {kind} has no code in the sandbox");
            continue;
        };
        // Template rails without an issued code still show one in the sandbox.
        let report = assert_carries(&account, &code, amount, "ztt1ab");
        assert!(is_sandbox_payload(&code), "{code}");
        assert!(code.contains("TEST"), "{code}");
        assert!(!code.contains(&account.account), "{code}");
        for typed in payee(method, &report) {
            assert!(parse_account(method, &typed.input()).is_err(), "{typed:?} could be set up");
        }
        let as_template = AccountInput { account: "123456", template: Some(&code), ..AccountInput::default() };
        assert!(parse_account(method, &as_template).is_err(), "{code} could be set up");
    }
}

#[test]
fn a_static_sandbox_code_cannot_be_set_up_as_an_issued_one() {
    for method in [Method::DuitNow, Method::GojekId, Method::Instapay] {
        for (_, _, account) in examples().into_iter().filter(|(of, _, _)| *of == method) {
            let code = written(&account, money(method, 100), "ztt1ab", Environment::Sandbox).unwrap();
            let template = make_static(&code);
            assert!(lint(&template).valid, "{template}");
            let input = AccountInput { account: "123456", template: Some(&template), ..AccountInput::default() };
            assert_eq!(parse_account(method, &input).unwrap_err().code, "payee_impossible");
        }
    }
}

/// The same code without its amount and with tag 01 at 11.
fn make_static(code: &str) -> String {
    let mut text = String::new();
    for field in lint(code).fields {
        let value = if field.tag == "01" { "11".to_owned() } else { field.value };
        if field.tag != "54" && field.tag != "63" {
            text += &format!("{}{:02}{value}", field.tag, value.chars().count());
        }
    }
    text += "6304";
    let right = lint(&format!("{text}0000")).errors.into_iter().find(|error| error.code == "crc_wrong").unwrap();
    let at = right.message.find("is right").unwrap();
    text + &right.message[at - 5..at - 1]
}

#[test]
fn an_issued_code_is_shown_unchanged_when_the_account_says_so() {
    for method in [Method::DuitNow, Method::GojekId, Method::Instapay] {
        let template = issued_code(method);
        let input = AccountInput {
            account: "shop",
            template: Some(template),
            template_as_issued: true,
            ..AccountInput::default()
        };
        let (account, _) = parse_account(method, &input).unwrap();
        assert_eq!(written(&account, money(method, 100), "ztt1ab", Environment::Live).as_deref(), Some(template));
    }
}

#[test]
fn an_issued_code_with_its_own_reference_keeps_it() {
    let template = make_static(
        "00020101021226420014A00000061500010106501664021012345678955204000053034585802MY5909QRCSDNBHD6005BANGI62080504ABCD6304AAAA",
    );
    let input = AccountInput { account: "shop", template: Some(&template), ..AccountInput::default() };
    let (account, _) = parse_account(Method::DuitNow, &input).unwrap();
    let code = written(&account, money(Method::DuitNow, 1_000), "ztt1ab", Environment::Live).unwrap();
    assert_eq!(lint(&code).value("62.05"), Some("ABCD"));
    assert_eq!(lint(&code).value("54"), Some("10.00"));
}

#[test]
fn an_issued_code_in_unusual_order_keeps_it_and_nothing_stands_twice() {
    // Tag 01 after the payee, tag 82 before 62, tag 64 before 60: allowed, and seen in codes in use.
    let template = make_static(
        "00020126420014A000000615000101065016640210123456789501021152040000530345864140002EN0104KEDA5802MY5909QRCSDNBHD6005BANGI82040A1B62080704T0016304AAAA",
    );
    let input = AccountInput { account: "shop", template: Some(&template), ..AccountInput::default() };
    let (account, _) = parse_account(Method::DuitNow, &input).unwrap();
    let code = written(&account, money(Method::DuitNow, 1_000), "ztt1ab", Environment::Live).unwrap();
    let report = assert_carries(&account, &code, money(Method::DuitNow, 1_000), "ztt1ab");
    let tags: Vec<&str> = report.fields.iter().map(|field| field.tag.as_str()).collect();
    assert_eq!(tags, ["00", "26", "01", "52", "53", "54", "64", "58", "59", "60", "82", "62", "63"]);
    assert_eq!((report.value("01"), report.value("62.07")), (Some("12"), Some("T001")));
}

#[test]
fn amounts_that_the_rail_cannot_carry_are_refused() {
    let (_, _, account) = examples().into_iter().find(|(method, _, _)| *method == Method::GojekId).unwrap();
    let refused = |amount| {
        payload(&account, &PaymentRequest { amount, reference: "ztt1ab" }, Environment::Live).unwrap_err().field
    };
    let rupiah = Method::GojekId.currency();
    assert_eq!(refused(Money::zero(rupiah)), "amount");
    assert_eq!(refused(Money::from_minor(3_500_050, rupiah).unwrap()), "amount");
    assert_eq!(refused(Money::from_minor(3_500, Method::Paynow.currency()).unwrap()), "amount");
}

#[test]
fn references_that_the_rail_cannot_carry_are_refused() {
    for (method, _, account) in examples() {
        if rail(method).qr == QrKind::None {
            continue;
        }
        for reference in ["", "ünïcode", "line\nbreak", &"A".repeat(36)] {
            let request = PaymentRequest { amount: money(method, 100), reference };
            if let Err(EncodeError { field, .. }) = payload(&account, &request, Environment::Live) {
                assert_eq!(field, "reference", "{method} {reference:?}");
            } else {
                // A DuitNow ID has no code that could fail; accents fold away in Vietnam.
                assert!(method == Method::ViettelPay && reference == "ünïcode", "{method} {reference:?}");
            }
        }
    }
}

#[test]
fn every_picture_reads_back_as_its_payload() {
    for (method, _, account) in examples() {
        for environment in [Environment::Live, Environment::Sandbox] {
            let Some(code) = written(&account, money(method, 123_456), "ztt1ab", environment) else { continue };
            let matrix = qr_modules(&code).unwrap();
            assert_eq!(read_qr(matrix.size(), |x, y| matrix.dark(x, y)), code);
            let dark = svg_modules(&qr_svg(&code).unwrap());
            assert_eq!(read_qr(matrix.size(), |x, y| dark.contains(&(x + 4, y + 4))), code);
        }
    }
}

#[test]
fn the_longest_code_and_a_longer_link_read_back_from_their_pictures() {
    // Up to 128 modules a side the mask is chosen here, beyond by the library.
    for length in [512, 1_400] {
        let text: String = ('!'..='~').cycle().take(length).collect();
        let matrix = qr_modules(&text).unwrap();
        assert_eq!(matrix.size() > 128, length > 512);
        assert_eq!(read_qr(matrix.size(), |x, y| matrix.dark(x, y)), text);
    }
}

/// The unit squares that an SVG's path fills.
fn svg_modules(svg: &str) -> std::collections::BTreeSet<(u32, u32)> {
    let path = svg.split(" d=\"").nth(1).unwrap().split('"').next().unwrap();
    let mut modules = std::collections::BTreeSet::new();
    for run in path.split('M').skip(1) {
        let (start, rest) = run.split_once('h').unwrap();
        let (x, y) = start.split_once(' ').unwrap();
        let (x, y): (u32, u32) = (x.parse().unwrap(), y.parse().unwrap());
        let length: u32 = rest.split('v').next().unwrap().parse().unwrap();
        modules.extend((x..x + length).map(|x| (x, y)));
    }
    modules
}

#[test]
fn the_picture_is_scannable_on_any_page_and_needs_no_style_or_script() {
    let svg = qr_svg("00020101").unwrap();
    for part in ["role=\"img\"", "aria-label=\"QR code\"", "fill=\"#fff\"", "fill=\"#000\"", "crispEdges"] {
        assert!(svg.contains(part), "{part}");
    }
    assert!(!svg.contains("style") && !svg.contains("script") && svg.matches("<path").count() == 1);
    assert!(qr_svg("").is_err() && qr_svg(&"A".repeat(3_000)).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_account_amount_and_nonce_validation_accepts_can_be_paid(
        typed in typed(), units in 1..=99_999_999_i64, reference in "[A-Za-z0-9]{4,10}"
    ) {
        let Ok((account, _)) = parse_account(typed.method, &typed.input()) else { return Ok(()) };
        let amount = money(typed.method, units);
        for environment in [Environment::Live, Environment::Sandbox] {
            let Some(code) = written(&account, amount, &reference, environment) else { continue };
            let report = assert_carries(&account, &code, amount, &reference);
            prop_assert_eq!(is_sandbox_payload(&code), environment == Environment::Sandbox);
            if environment == Environment::Live && account.template.is_none() {
                for payee in payee(account.method, &report) {
                    let (read, _) = parse_account(account.method, &payee.input()).unwrap();
                    prop_assert_eq!(&read.account, &account.account);
                }
            }
        }
    }

    #[test]
    fn an_account_in_its_own_spelling_is_accepted_unchanged(typed in typed()) {
        let Ok((account, _)) = parse_account(typed.method, &typed.input()) else { return Ok(()) };
        let again = Typed { account: account.account.clone(), bank: account.bank.clone(), ..typed };
        prop_assert_eq!(parse_account(again.method, &again.input()).unwrap().0, account);
    }

    #[test]
    fn no_account_panics(
        account in "\\PC{0,40}|[0-9+@ -]{0,24}", bank in proptest::option::of("\\PC{0,20}|[0-9]{0,12}"),
        name in proptest::option::of(".{0,40}"), template in proptest::option::of("[0-9]{0,60}|.{0,60}"), issued: bool
    ) {
        let input = AccountInput {
            account: &account, name: name.as_deref(), bank: bank.as_deref(), template: template.as_deref(),
            template_as_issued: issued,
        };
        for method in Method::ALL {
            let Ok((account, _)) = parse_account(method, &input) else { continue };
            let _ = payload(&account, &PaymentRequest { amount: money(method, 1), reference: "ABCD" }, Environment::Live);
        }
    }

    #[test]
    fn no_text_panics_the_reader(text in ".{0,200}|[0-9]{0,200}|(upi|supertoss)://(pay|send)\\?.{0,60}") {
        let report = lint(&text);
        prop_assert_eq!(report.valid, report.errors.is_empty());
    }

    #[test]
    fn a_changed_character_of_a_code_is_refused(at in 0..120_usize, with in "[0-9A-Za-z]", which in 0..100_usize) {
        let all = examples();
        let (method, _, account) = &all[which % all.len()];
        let Some(code) = written(account, money(*method, 3_500), "ztt1ab", Environment::Live) else { return Ok(()) };
        if code.contains("://") || at >= code.len() { return Ok(()) }
        let mut changed = code.clone();
        changed.replace_range(at..=at, &with);
        if changed.eq_ignore_ascii_case(&code) && at + 4 >= code.len() || changed == code { return Ok(()) }
        prop_assert!(!lint(&changed).valid, "{}", changed);
    }

    #[test]
    fn whatever_encode_writes_is_valid(
        method in proptest::sample::select(Method::ALL.to_vec()), values in proptest::collection::vec("\\PC{0,30}|[0-9]{1,15}|[A-Za-z0-9 ]{1,30}", 13),
        flags in proptest::collection::vec(any::<bool>(), 13), present in proptest::collection::vec(any::<bool>(), 13),
        account in typed(), amount in "[0-9]{1,9}(\\.[0-9]{1,2})?"
    ) {
        let mut fields = BTreeMap::new();
        for (at, (key, _)) in encode_keys(method).iter().enumerate() {
            let text = match *key {
                "account" => account.account.clone(),
                "amount" => amount.clone(),
                "name" | "city" => values[at].clone(),
                "bin" => "970436".to_owned(),
                "bic" => "BNORPHMM".to_owned(),
                "currency" => "HKD".to_owned(),
                "template" => issued_code(method).to_owned(),
                "card" | "editable" | "dynamic" => {
                    fields.insert((*key).to_owned(), Field::Bool(flags[at]));
                    continue;
                }
                _ if present[at] => values[at].clone(),
                _ => continue,
            };
            if present[at] || matches!(*key, "account" | "bin" | "bic" | "name") {
                fields.insert((*key).to_owned(), Field::Text(text));
            }
        }
        match encode(method, &fields) {
            Ok(code) => {
                let report = lint(&code);
                prop_assert!(report.valid, "{code}: {:?}", report.errors);
                prop_assert_eq!(report.rail, Some(Recognised::Rail(method)));
            }
            Err(error) => prop_assert!(
                error.field == "method" || error.field == "payload" || encode_keys(method).iter().any(|(key, _)| *key == error.field),
                "{}", error
            ),
        }
    }
}
