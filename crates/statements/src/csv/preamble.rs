//! What a bank writes above its table: the account and sometimes its currency.

use crate::text;
use ::csv::StringRecord;
use xanpay_domain::currency::Currency;

/// The shortest account number looked for.
const MIN_ACCOUNT_DIGITS: usize = 7;

/// What the rows above the header say.
#[derive(Default)]
pub(super) struct Preamble {
    /// The account number as written: `123-45678-9`.
    pub(super) account: Option<String>,
    /// The account's currency.
    pub(super) currency: Option<Currency>,
    /// The account is said to be in another currency than the bank's usual one, or in one that is not known.
    pub(super) is_foreign_currency: bool,
}

impl Preamble {
    /// Takes up one row: `Account Details For:,POSB Savings Account 123-45678-9`, `Account No.:,072-901234-5`,
    /// `Currency:,SGD - Singapore Dollar`.
    pub(super) fn note(&mut self, row: &StringRecord) {
        let text = row.iter().filter_map(text::clean).collect::<Vec<_>>().join(" ");
        let lower = text.to_lowercase();
        if lower.starts_with("currency") || lower.starts_with("account currency") {
            let codes = text.split(|letter: char| !letter.is_ascii_alphabetic());
            self.currency = self.currency.or(codes.filter_map(|word| word.parse().ok()).next());
            self.is_foreign_currency |= self.currency.is_none();
        } else if lower.starts_with("account") {
            let number = text.split(' ').rev().find(|word| is_account_number(word));
            self.account = self.account.take().or(number.map(str::to_owned));
            let bare = lower.replace(['-', ' '], "");
            self.is_foreign_currency |= bare.contains("foreigncurrency") || bare.contains("multicurrency");
        }
    }
}

/// Digits and hyphens, with enough digits for an account.
fn is_account_number(word: &str) -> bool {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    digits >= MIN_ACCOUNT_DIGITS && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}
