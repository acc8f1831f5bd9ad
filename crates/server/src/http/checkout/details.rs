//! The payment details as the fields of a bank app: what an account is made of there, and in which order it is asked for.

use super::present::amount;
use super::text::bank_name;
use super::view::{Detail, DetailLabel};
use crate::directory::KnownAccount;
use xanpay_domain::charge::{Charge, Destination};
use xanpay_domain::method::Method;

/// The rows with copy buttons. Beside a QR code, amount and reference come first, as that is what the payer checks;
/// without one, everything stands in the order in which it is typed.
pub(super) fn details(charge: &Charge, account: Option<&KnownAccount>, has_reference: bool) -> Vec<Detail> {
    let to = &charge.destination;
    let asked = amount(charge.outstanding(), Some(charge.method));
    let mut checked = vec![row(DetailLabel::Amount, &asked.text(), &asked.plain)];
    if has_reference {
        checked.push(plain(DetailLabel::Reference, &to.nonce));
    }
    let kind = account.map_or("account", |account| account.rail.kind.name);
    let mut rows = payee(charge.method, kind, to);
    if to.qr_code.is_empty() {
        rows.extend(checked);
        return rows;
    }
    checked.extend(rows);
    checked
}

fn row(label: DetailLabel, value: &str, copied: &str) -> Detail {
    Detail { label, value: value.into(), copied: copied.into() }
}

fn plain(label: DetailLabel, value: &str) -> Detail {
    row(label, value, value)
}

/// Bank, account and holder.
fn payee(method: Method, kind: &str, to: &Destination) -> Vec<Detail> {
    let (code, number) = parts(method, kind, &to.account);
    let mut rows: Vec<Detail> = bank(method, kind, code, &to.bank).into_iter().collect();
    rows.push(match (method, kind) {
        // The app has a field for digits; the groups are for the eye.
        (Method::HkBankTransfer | Method::AuBankTransfer, "account") => {
            row(DetailLabel::AccountNumber, number, &digits(number))
        }
        _ => plain(account_label(method, kind), number),
    });
    if !to.account_name.is_empty() {
        rows.push(plain(DetailLabel::AccountName, &to.account_name));
    }
    rows
}

/// The code of the bank, where an account begins with one, and the rest: apps have a field or a list for either.
fn parts<'a>(method: Method, kind: &str, account: &'a str) -> (Option<&'a str>, &'a str) {
    let split = match (method, kind) {
        (Method::HkBankTransfer, _) => account.split_once('-'),
        (Method::AuBankTransfer, "account") => account.split_once(' '),
        _ => None,
    };
    split.map_or((None, account), |(code, number)| (Some(code), number))
}

/// The bank as the payer finds it: by its name where the code is known, else by what the operator gave.
fn bank(method: Method, kind: &str, code: Option<&str>, given: &str) -> Option<Detail> {
    match (method, kind) {
        (Method::AuBankTransfer, "account") => return code.map(|bsb| row(DetailLabel::Bsb, bsb, &digits(bsb))),
        (Method::InBankTransfer, "account") => {
            return (!given.is_empty()).then(|| plain(DetailLabel::Ifsc, given));
        }
        _ => {}
    }
    let is_code = given.bytes().all(|byte| byte.is_ascii_digit()) || method == Method::Instapay;
    let code = code.or(Some(given).filter(|_| is_code)).filter(|code| !code.is_empty());
    let name = if is_code { code.and_then(|code| bank_name(method, code)) } else { Some(given) };
    match (name, code) {
        (Some(name), Some(code)) => Some(row(DetailLabel::Bank, &format!("{name} ({code})"), name)),
        (Some(name), None) => Some(plain(DetailLabel::Bank, name)),
        (None, Some(code)) => Some(plain(DetailLabel::BankCode, code)),
        (None, None) => None,
    }
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// What a bank app calls an account of this kind.
fn account_label(method: Method, kind: &str) -> DetailLabel {
    match (method, kind) {
        (Method::PromptPay, "biller") => DetailLabel::BillerId,
        (Method::PromptPay, _) => DetailLabel::PromptPayId,
        (Method::DuitNow, "nric") => DetailLabel::Nric,
        (Method::DuitNow, "business") => DetailLabel::BusinessNumber,
        (_, "mobile" | "wallet" | "e-wallet") => DetailLabel::MobileNumber,
        (_, "email") => DetailLabel::Email,
        (_, "uen") => DetailLabel::Uen,
        (_, "fps-id") => DetailLabel::FpsId,
        (_, "vpa") => DetailLabel::UpiId,
        (_, "merchant") => DetailLabel::MerchantCode,
        (Method::AuBankTransfer, kind) if kind.starts_with("payid") => DetailLabel::PayId,
        _ => DetailLabel::AccountNumber,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xanpay_domain::id::AccountId;
    use xanpay_domain::time::Timestamp;

    /// Label, shown and copied text of the rows of an account.
    fn rows(method: Method, kind: &str, account: &str, bank: &str) -> Vec<(DetailLabel, String, String)> {
        let to = Destination {
            account_id: AccountId::new(Timestamp::from_millis(0), [0; 8]),
            account: account.into(),
            account_name: String::new(),
            bank: bank.into(),
            nonce: "ztt1".into(),
            qr_code: String::new(),
        };
        payee(method, kind, &to).into_iter().map(|row| (row.label, row.value, row.copied)).collect()
    }

    fn expect(label: DetailLabel, shown: &str, copied: &str) -> (DetailLabel, String, String) {
        (label, shown.into(), copied.into())
    }

    #[test]
    fn an_australian_account_is_a_bsb_and_a_number() {
        assert_eq!(
            rows(Method::AuBankTransfer, "account", "062-000 12345678", ""),
            [expect(DetailLabel::Bsb, "062-000", "062000"), expect(DetailLabel::AccountNumber, "12345678", "12345678"),]
        );
        assert_eq!(
            rows(Method::AuBankTransfer, "payid-email", "pay@shop.com.au", ""),
            [expect(DetailLabel::PayId, "pay@shop.com.au", "pay@shop.com.au")]
        );
    }

    #[test]
    fn a_hong_kong_account_is_a_bank_by_name_and_a_number_without_its_code() {
        for (given, name) in [("", "HSBC"), ("004", "HSBC"), ("HSBC Hong Kong", "HSBC Hong Kong")] {
            assert_eq!(
                rows(Method::HkBankTransfer, "account", "004-123-456789", given),
                [
                    expect(DetailLabel::Bank, &format!("{name} (004)"), name),
                    expect(DetailLabel::AccountNumber, "123-456789", "123456789"),
                ]
            );
        }
        assert_eq!(
            rows(Method::HkBankTransfer, "account", "999-123-456789", "")[0],
            expect(DetailLabel::BankCode, "999", "999")
        );
    }

    #[test]
    fn banks_are_named_where_the_code_is_known() {
        for (method, code, name) in [
            (Method::IdBankTransfer, "014", "BCA"),
            (Method::Instapay, "PAPHPHM1XXX", "Maya"),
            (Method::ViettelPay, "970436", "Vietcombank"),
        ] {
            assert_eq!(
                rows(method, "account", "1234567890", code)[0],
                expect(DetailLabel::Bank, &format!("{name} ({code})"), name)
            );
        }
        assert_eq!(rows(Method::IdBankTransfer, "account", "1", "BCA")[0], expect(DetailLabel::Bank, "BCA", "BCA"));
        assert_eq!(
            rows(Method::Instapay, "account", "1", "ZZZZPHMMXXX")[0],
            expect(DetailLabel::BankCode, "ZZZZPHMMXXX", "ZZZZPHMMXXX")
        );
        assert_eq!(
            rows(Method::Toss, "account", "1", "토스뱅크")[0],
            expect(DetailLabel::Bank, "토스뱅크", "토스뱅크")
        );
        assert_eq!(rows(Method::Paynow, "mobile", "+6585867834", "").len(), 1);
    }

    #[test]
    fn an_indian_account_comes_with_its_ifsc_and_a_upi_address_with_nothing() {
        assert_eq!(rows(Method::InBankTransfer, "account", "50100012345678", "HDFC0001234")[0].0, DetailLabel::Ifsc);
        let upi = rows(Method::InBankTransfer, "vpa", "kopi@examplebank", "");
        assert_eq!(upi, [expect(DetailLabel::UpiId, "kopi@examplebank", "kopi@examplebank")]);
    }
}
