//! What operators type: accepted in the rail's spelling, refused with the field and a reason, or warned about.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on must fail")]

mod support;

use support::issued_code;
use xanpay_domain::method::Method;
use xanpay_rails::{AccountFault, AccountInput, ReceivingAccount, Warning, parse_account, parse_new_account, rail};

fn parse(method: Method, account: &str, bank: &str) -> Result<(ReceivingAccount, Vec<Warning>), AccountFault> {
    let bank = Some(bank).filter(|bank| !bank.is_empty());
    parse_new_account(method, &AccountInput { account, name: Some("Acme"), bank, ..AccountInput::default() })
}

/// Method, account, bank, kind, spelling.
const ACCEPTED: &[(Method, &str, &str, &str, &str)] = &[
    (Method::Paynow, "+6585867834", "", "mobile", "+6585867834"),
    (Method::Paynow, " +65 8586-7834 ", "", "mobile", "+6585867834"),
    (Method::Paynow, "201403121w", "", "uen", "201403121W"),
    (Method::Paynow, "T08GB0025A", "", "uen", "T08GB0025A"),
    (Method::Paynow, "201403121WAC2", "", "uen", "201403121WAC2"),
    (Method::Fps, "1234567", "", "fps-id", "1234567"),
    (Method::Fps, "123 456 789", "", "fps-id", "123456789"),
    (Method::Fps, "+85291234567", "", "mobile", "+852-91234567"),
    (Method::Fps, "+852-9123 4567", "004", "mobile", "+852-91234567"),
    (Method::Fps, "Pay@Shop.hk", "", "email", "Pay@Shop.hk"),
    (Method::HkBankTransfer, "004-123-456789", "", "account", "004-123-456789"),
    (Method::HkBankTransfer, "123456789012", "024", "account", "024-123-456789012"),
    (Method::HkBankTransfer, "024123456789", "HSBC", "account", "024-123-456789"),
    (Method::HkBankTransfer, "004-123-456789", "004", "account", "004-123-456789"),
    (Method::HkBankTransfer, "004-004-123456789", "004", "account", "004-004-123456789"),
    (Method::HkBankTransfer, "004-123456-789", "004", "account", "004-004-123456789"),
    (Method::HkBankTransfer, "123 456 789 012", "024", "account", "024-123-456789012"),
    (Method::ViettelPay, "0381234567", "", "account", "0381234567"),
    (Method::ViettelPay, "99ZP24009M07248267", "970454", "account", "99ZP24009M07248267"),
    (Method::DuitNow, "012-345 6789", "", "mobile", "+60123456789"),
    (Method::DuitNow, "770305-02-1234", "", "nric", "770305021234"),
    (Method::DuitNow, "201901000005", "", "business", "201901000005"),
    (Method::Instapay, "001234567890", "bnorphmm", "account", "001234567890"),
    (Method::Instapay, "+63 917 123 4567", "GXCHPHM2XXX", "wallet", "09171234567"),
    (Method::PromptPay, "081-234-5678", "", "mobile", "0812345678"),
    (Method::PromptPay, "+66812345678", "", "mobile", "0812345678"),
    (Method::PromptPay, "1-2345-67890-12-1", "", "tax-id", "1234567890121"),
    (Method::PromptPay, "099400016550100", "", "biller", "099400016550100"),
    (Method::PromptPay, "wallet:140000812345678", "", "e-wallet", "wallet:140000812345678"),
    (Method::InBankTransfer, "shop@okhdfcbank", "", "vpa", "shop@okhdfcbank"),
    (Method::InBankTransfer, "5010 0012 345678", "hdfc0001234", "account", "50100012345678"),
    (Method::IdBankTransfer, "1234567890", "014", "account", "1234567890"),
    (Method::IdBankTransfer, "1234567890123456", "BCA", "account", "1234567890123456"),
    (Method::AuBankTransfer, "062-000 12345678", "", "account", "062-000 12345678"),
    (Method::AuBankTransfer, "06200012345678", "", "account", "062-000 12345678"),
    (Method::AuBankTransfer, "12345678", "062-000", "account", "062-000 12345678"),
    (Method::AuBankTransfer, "062000 1234", "", "account", "062-000 1234"),
    (Method::AuBankTransfer, "033 000 1234", "", "account", "033-000 1234"),
    (Method::AuBankTransfer, "0830001234", "", "account", "083-000 1234"),
    (Method::AuBankTransfer, "041-234 5678", "", "account", "041-234 5678"),
    (Method::AuBankTransfer, "614-000 12345", "", "account", "614-000 12345"),
    (Method::AuBankTransfer, "61400012345678", "", "account", "614-000 12345678"),
    (Method::AuBankTransfer, "+61 (0)412 345 678", "", "payid-phone", "+61-412345678"),
    (Method::AuBankTransfer, "+61-2-9876-5432", "", "payid-phone", "+61-298765432"),
    (Method::AuBankTransfer, "+61 412 345 678", "", "payid-phone", "+61-412345678"),
    (Method::AuBankTransfer, "Pay@Shop.com.au", "", "payid-email", "pay@shop.com.au"),
    (Method::AuBankTransfer, "51 824 753 556", "", "payid-abn", "51824753556"),
    (Method::AuBankTransfer, "004 085 616", "", "payid-acn", "004085616"),
    // The three samples of Inland Revenue's specification, and its algorithm G.
    (Method::NzBankTransfer, "01-902-0068389-00", "", "account", "01-0902-0068389-00"),
    (Method::NzBankTransfer, "08-6523-1954512-001", "", "account", "08-6523-1954512-01"),
    (Method::NzBankTransfer, "26-2600-0320871-032", "", "account", "26-2600-0320871-32"),
    (Method::NzBankTransfer, "010902006838900", "", "account", "01-0902-0068389-00"),
    (Method::Toss, "100-0123-45678", "토스뱅크", "account", "100012345678"),
];

/// Method, account, bank, field at fault, code.
const REFUSED: &[(Method, &str, &str, &str, &str)] = &[
    (Method::Paynow, "", "", "account", "missing_field"),
    (Method::Paynow, "85867834", "", "account", "country_code_missing"),
    (Method::Paynow, "+658586783", "", "account", "mobile_length"),
    (Method::Paynow, "+65858678345", "", "account", "mobile_length"),
    (Method::Paynow, "+6500000000", "", "account", "mobile_impossible"),
    (Method::Paynow, "000000000X", "", "account", "uen_impossible"),
    (Method::Paynow, "2014031W", "", "account", "uen_form"),
    (Method::Paynow, "S1234567D9", "", "account", "uen_form"),
    (Method::Paynow, "+65858678३४", "", "account", "mobile_form"),
    (Method::Paynow, "+658586\u{0}7834", "", "account", "control_character"),
    (Method::Fps, "123456", "", "account", "fps_id_length"),
    (Method::Fps, "91234567", "", "account", "country_code_missing"),
    (Method::Fps, "0000000", "", "account", "fps_id_impossible"),
    (Method::Fps, "+852-01234567", "", "account", "mobile_impossible"),
    (Method::Fps, "+852-9123456", "", "account", "mobile_form"),
    (Method::Fps, "pay@shop", "", "account", "email_form"),
    (Method::Fps, "test@sandbox.invalid", "", "account", "email_impossible"),
    (Method::Fps, "1234567", "4", "bank", "clearing_code"),
    (Method::HkBankTransfer, "12345", "", "account", "account_length"),
    (Method::HkBankTransfer, "004123456789", "04", "bank", "bank_code"),
    (Method::HkBankTransfer, "004-123-456780", "024", "account", "bank_code_differs"),
    (Method::HkBankTransfer, "004 123 456780", "024", "account", "bank_code_differs"),
    (Method::HkBankTransfer, "004-123-456780123", "024", "account", "bank_code_differs"),
    (Method::HkBankTransfer, "004123456789", "004", "account", "account_ambiguous"),
    (Method::ViettelPay, "12345678901234567890", "", "account", "account_form"),
    (Method::ViettelPay, "0381234567", "97100", "bank", "bin_form"),
    (Method::ViettelPay, "0381234567", "000000", "bank", "bin_impossible"),
    (Method::DuitNow, "991332021234", "", "account", "id_form"),
    (Method::DuitNow, "+6512345678", "", "account", "id_form"),
    (Method::Instapay, "001234567890", "", "bank", "missing_field"),
    (Method::Instapay, "001234567890", "XTSTPHM0XXX", "bank", "bic_impossible"),
    (Method::Instapay, "001234567890", "BDO", "bank", "bic_form"),
    (Method::PromptPay, "1234567890123", "", "account", "check_digit"),
    (Method::PromptPay, "12345", "", "account", "account_length"),
    (Method::PromptPay, "0000000000", "", "account", "account_impossible"),
    (Method::InBankTransfer, "shop@", "", "account", "vpa_form"),
    (Method::InBankTransfer, "xanpay-test@invalid", "", "account", "vpa_impossible"),
    (Method::InBankTransfer, "50100012345678", "", "bank", "missing_field"),
    (Method::InBankTransfer, "50100012345678", "HDFC1001234", "bank", "ifsc_form"),
    (Method::GojekId, "ID1020000000001", "", "template", "missing_field"),
    (Method::IdBankTransfer, "1234567890", "", "bank", "missing_field"),
    (Method::IdBankTransfer, "123456789", "014", "account", "account_form"),
    (Method::AuBankTransfer, "51824753557", "", "account", "payid_check_digit"),
    (Method::AuBankTransfer, "10910360279", "", "account", "payid_check_digit"),
    (Method::AuBankTransfer, "004085617", "", "account", "payid_check_digit"),
    (Method::AuBankTransfer, "+61 112 345 678", "", "account", "payid_phone_impossible"),
    (Method::AuBankTransfer, "0412345678", "", "account", "payid_phone_country"),
    (Method::AuBankTransfer, "0412 345 678", "", "account", "payid_phone_country"),
    (Method::AuBankTransfer, "0412-345-678", "Osko", "account", "payid_phone_country"),
    (Method::AuBankTransfer, "04 1234 5678", "", "account", "payid_phone_country"),
    (Method::AuBankTransfer, "(04) 1234 5678", "", "account", "payid_phone_country"),
    (Method::AuBankTransfer, "(02) 9876 5432", "", "account", "payid_phone_country"),
    (Method::AuBankTransfer, "08 9876 5432", "", "account", "payid_phone_country"),
    (Method::AuBankTransfer, "61412345678", "", "account", "payid_phone_country"),
    (Method::AuBankTransfer, "61 412 345 678", "", "account", "payid_phone_country"),
    (Method::AuBankTransfer, "0061412345678", "", "account", "payid_phone_country"),
    (Method::NzBankTransfer, "64 21 123 4567", "", "account", "account_form"),
    (Method::NzBankTransfer, "021 123 4567", "", "account", "account_form"),
    (Method::NzBankTransfer, "+64 21 123 4567", "", "account", "account_form"),
    (Method::NzBankTransfer, "01-0902-0068389-0A", "", "account", "account_form"),
    (Method::NzBankTransfer, "01-0902-0068398-00", "", "account", "check_digit"),
    (Method::NzBankTransfer, "01-0902-0068388-00", "", "account", "check_digit"),
    (Method::NzBankTransfer, "26-2600-0320872-032", "", "account", "check_digit"),
    (Method::Toss, "123456789", "토스뱅크", "account", "account_form"),
    (Method::Toss, "100012345678", "", "bank", "missing_field"),
];

#[test]
fn accounts_are_spelled_as_the_rail_spells_them() {
    for (method, account, bank, kind, spelled) in ACCEPTED {
        let (parsed, _) = parse(*method, account, bank).unwrap_or_else(|fault| panic!("{method} {account}: {fault}"));
        assert_eq!((parsed.kind.name, parsed.account.as_str()), (*kind, *spelled), "{method} {account}");
    }
}

#[test]
fn what_cannot_be_an_account_is_refused_by_field_and_code() {
    for (method, account, bank, field, code) in REFUSED {
        let fault = parse(*method, account, bank).err().unwrap_or_else(|| panic!("{method} {account} was accepted"));
        assert_eq!((fault.field, fault.code), (*field, *code), "{method} {account}: {fault}");
        assert!(!fault.message.is_empty());
    }
}

#[test]
fn names_have_at_most_255_characters_on_every_rail() {
    for method in Method::ALL {
        let name = "\u{9673}".repeat(256);
        let kind = rail(method).account_kinds[0];
        let input = AccountInput { account: kind.example, name: Some(&name), ..AccountInput::default() };
        let fault = parse_account(method, &input).unwrap_err();
        assert_eq!((fault.field, fault.code), ("name", "field_too_long"), "{method}");
    }
}

#[test]
fn what_is_only_probably_wrong_is_accepted_with_a_warning() {
    for (method, account, bank, code) in [
        (Method::Paynow, "201912345X", "", "uen_checksum"),
        (Method::Paynow, "201403121WAC2", "", "uen_suffix"),
        (Method::Paynow, "+6561234567", "", "mobile_unlikely"),
        (Method::Paynow, "+6591234567", "", "reference_may_be_dropped"),
        (Method::NzBankTransfer, "99-9999-0068389-00", "", "branch_unknown"),
        (Method::ViettelPay, "0381234567", "123456", "bin_unlikely"),
        (Method::PromptPay, "0212345678", "", "mobile_unlikely"),
        (Method::PromptPay, "9872822450699", "", "tax_id_unlikely"),
        (Method::PromptPay, "0812345678", "", "no_reference"),
        (Method::DuitNow, "+60123456789", "", "no_qr"),
        (Method::DuitNow, "601123456789", "", "mobile_likely"),
        (Method::AuBankTransfer, "041-234 5678", "", "mobile_likely"),
        (Method::IdBankTransfer, "0812-3456-7890", "014", "mobile_likely"),
        (Method::IdBankTransfer, "6281234567890", "014", "mobile_likely"),
        (Method::HkBankTransfer, "852 9123 4567", "004", "mobile_likely"),
        (Method::Instapay, "001234567890", "DBSSSGSGXXX", "bic_foreign"),
    ] {
        let (_, warnings) = parse(method, account, bank).unwrap();
        assert!(warnings.iter().any(|warning| warning.code == code), "{method} {account}: {warnings:?}");
    }
}

#[test]
fn an_account_that_only_resembles_a_phone_number_is_accepted_without_a_warning() {
    for (method, account, bank) in [
        (Method::AuBankTransfer, "062-000 1234", ""),
        (Method::AuBankTransfer, "041-234 56789", ""),
        (Method::IdBankTransfer, "0182345678", "014"),
        (Method::IdBankTransfer, "08123456789012", "014"),
        (Method::HkBankTransfer, "852-912345", "004"),
    ] {
        assert_eq!(parse(method, account, bank).unwrap().1, [], "{method} {account}");
    }
    let (card, warnings) = parse(Method::DuitNow, "601123-45-6789", "").unwrap();
    assert_eq!((card.kind.name, warnings.len()), ("nric", 1), "{warnings:?}");
}

#[test]
fn a_phone_number_that_is_no_account_is_answered_with_the_form_that_a_payid_has() {
    let fault = parse(Method::AuBankTransfer, "0412 345 678", "").unwrap_err();
    assert!(fault.message.contains("+61-412345678"), "{fault}");
}

#[test]
fn real_entity_numbers_of_each_form_pass_the_uen_check() {
    for uen in ["201403121W", "T08GB0025A", "T01FC6132D", "S16FC0121D"] {
        let (_, warnings) = parse(Method::Paynow, uen, "").unwrap();
        assert_eq!(warnings, [], "{uen}");
    }
}

#[test]
fn issued_codes_are_checked_before_they_are_kept() {
    let duit_now = issued_code(Method::DuitNow);
    let gojek = issued_code(Method::GojekId);
    let lost = &duit_now[..duit_now.len() - 1];
    let changed = duit_now.replace("BANGI", "BANGY");
    let dynamic = "00020101021226420014A000000615000101065016640210123456789552040000530345854041.005802MY5909QRCSDNBHD6005BANGI6304";
    for (method, template, code) in [
        (Method::DuitNow, gojek, "template_other_rail"),
        (Method::GojekId, duit_now, "template_other_rail"),
        (Method::DuitNow, lost, "template_broken"),
        (Method::DuitNow, changed.as_str(), "template_crc"),
        (Method::DuitNow, "hello", "template_broken"),
        (Method::DuitNow, dynamic, "template_broken"),
    ] {
        let input = AccountInput { account: "shop", template: Some(template), ..AccountInput::default() };
        assert_eq!(parse_account(method, &input).unwrap_err().code, code, "{template}");
    }
}

#[test]
fn an_account_that_its_issued_code_does_not_name_is_accepted_with_a_warning() {
    for (method, own, bank_account) in [
        (Method::DuitNow, "1234567895", "9999999999"),
        (Method::Instapay, "123456789012345", "9999999999"),
        (Method::GojekId, "ID1020000000001", "ID1020000000002"),
        (Method::GojekId, "toko contoh, digital & kr", "ID"),
    ] {
        for (account, expected) in [(own, 0), (bank_account, 1)] {
            let input = AccountInput { account, template: Some(issued_code(method)), ..AccountInput::default() };
            let (_, warnings) = parse_new_account(method, &input).unwrap();
            let told = warnings.iter().filter(|warning| warning.code == "not_in_template").count();
            assert_eq!(told, expected, "{method} {account}: {warnings:?}");
        }
    }
}

#[test]
fn a_bank_that_is_not_the_issued_codes_is_refused_for_new_accounts_and_read_of_old_ones() {
    let template = Some(issued_code(Method::Instapay));
    for (bank, differs) in
        [("BOPIPHMMXXX", false), ("bopiphmm", false), ("BOPIPHMM001", false), ("BPI", false), ("BNORPHMMXXX", true)]
    {
        let input = AccountInput { account: "123456789012345", bank: Some(bank), template, ..AccountInput::default() };
        let fault = parse_new_account(Method::Instapay, &input).err().map(|fault| (fault.field, fault.code));
        assert_eq!(fault, differs.then_some(("bank", "bank_differs")), "{bank}");
        assert!(parse_account(Method::Instapay, &input).is_ok(), "{bank}");
    }
}

#[test]
fn a_rail_without_issued_codes_refuses_one() {
    let template = Some(issued_code(Method::DuitNow));
    let input = AccountInput { account: "+6585867834", template, ..AccountInput::default() };
    assert_eq!(parse_account(Method::Paynow, &input).unwrap_err().field, "template");
}

#[test]
fn swapped_or_changed_digits_of_a_new_zealand_account_are_refused() {
    let right = "01-0902-0068389-00";
    let digits: Vec<char> = right.chars().collect();
    for at in 8..15 {
        for other in '0'..='9' {
            let mut typed = digits.clone();
            if typed[at] != other {
                typed[at] = other;
                let typed: String = typed.into_iter().collect();
                assert!(parse(Method::NzBankTransfer, &typed, "").is_err(), "{typed}");
            }
        }
    }
}
