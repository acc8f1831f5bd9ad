//! Bank transfer, New Zealand. No QR; the fields are copied. Source of the check digits: Inland Revenue's bank account
//! number validation, algorithms A to G and X.

use crate::account::{AccountFault, AccountInput, Draft, Parsed, ReceivingAccount};
use crate::rail::{AccountKind, Alphabet, QrKind, Rail, ReferenceField, Reliability};
use crate::text;
use xanpay_domain::matching::Policy;
use xanpay_domain::method::Method;
use xanpay_domain::nonce::NonceLength;

const ACCOUNT: &AccountKind = &AccountKind {
    name: "account",
    format: "bank (2 digits), branch (4), account (7 or 8) and suffix (2 to 4)",
    example: "01-0902-0068389-00",
    example_bank: None,
    example_template: None,
    nonce_reliability: Reliability::Typed,
    default_policy: Policy::Nonce,
};

pub(crate) static RAIL: Rail = Rail {
    method: Method::NzBankTransfer,
    account_kinds: &[ACCOUNT],
    // ASB cuts what payers type into a field at 8 characters, although 12 may pass between banks.
    nonce_length: NonceLength::new(8).unwrap(),
    reference: ReferenceField { name: "Reference", max_len: 12, upper_case: false, alphabet: Alphabet::NewZealand },
    max_amount: None,
    qr: QrKind::None,
    notes: &[
        "Particulars, code and reference carry 12 characters each; the gateway looks in all three.",
        "A branch outside the published list is only a warning: lists lag behind banks.",
    ],
    parse_account,
    check_new: Some(refuse_phone),
    payloads: None,
};

/// How the digits of an account are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Check {
    /// Weights with branch for numbers below 00990000, without it above.
    AorB,
    /// Modulo 11 over the account.
    D,
    /// Modulo 11 over account and suffix, digits of products added.
    E,
    /// Modulo 10 over the account.
    F,
    /// Modulo 10 over account and suffix, digits of products added.
    G,
    /// Nothing is checked.
    X,
}

/// Bank, first branch, last branch, check.
#[rustfmt::skip]
const BRANCHES: &[(u32, u32, u32, Check)] = &[
    (1, 1, 999, Check::AorB), (1, 1100, 1199, Check::AorB), (1, 1800, 1899, Check::AorB),
    (2, 1, 999, Check::AorB), (2, 1200, 1299, Check::AorB),
    (3, 1, 999, Check::AorB), (3, 1300, 1399, Check::AorB), (3, 1500, 1599, Check::AorB),
    (3, 1700, 1799, Check::AorB), (3, 1900, 1999, Check::AorB), (3, 7350, 7399, Check::AorB),
    (4, 2014, 2024, Check::AorB),
    (6, 1, 999, Check::AorB), (6, 1400, 1499, Check::AorB),
    (8, 6500, 6599, Check::D),
    (9, 0, 0, Check::E),
    (10, 5165, 5169, Check::AorB),
    (11, 5000, 6499, Check::AorB), (11, 6600, 8999, Check::AorB),
    (12, 3000, 3299, Check::AorB), (12, 3400, 3499, Check::AorB), (12, 3600, 3699, Check::AorB),
    (13, 4900, 4999, Check::AorB),
    (14, 4700, 4799, Check::AorB),
    (15, 3900, 3999, Check::AorB),
    (16, 4400, 4499, Check::AorB),
    (17, 3300, 3399, Check::AorB),
    (18, 3500, 3599, Check::AorB),
    (19, 4600, 4649, Check::AorB),
    (20, 4100, 4199, Check::AorB),
    (21, 4800, 4899, Check::AorB),
    (22, 4000, 4049, Check::AorB),
    (23, 3700, 3799, Check::AorB),
    (24, 4300, 4349, Check::AorB),
    (25, 2500, 2599, Check::F),
    (26, 2600, 2699, Check::G),
    (27, 3800, 3849, Check::AorB),
    (28, 2100, 2149, Check::G),
    (29, 2150, 2299, Check::G),
    (30, 2900, 2949, Check::AorB),
    (31, 2800, 2849, Check::X),
    (33, 6700, 6799, Check::F),
    (35, 2400, 2499, Check::AorB),
    (38, 9000, 9499, Check::AorB),
    (88, 8800, 8805, Check::AorB),
];

/// Weights over bank (2), branch (4), account (8) and suffix (4).
const A: [u32; 18] = [0, 0, 6, 3, 7, 9, 0, 0, 10, 5, 8, 4, 2, 1, 0, 0, 0, 0];
const B: [u32; 18] = [0, 0, 0, 0, 0, 0, 0, 0, 10, 5, 8, 4, 2, 1, 0, 0, 0, 0];
const D: [u32; 18] = [0, 0, 0, 0, 0, 0, 0, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0, 0];
const E: [u32; 18] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 4, 3, 2, 0, 0, 0, 1];
const F: [u32; 18] = [0, 0, 0, 0, 0, 0, 0, 1, 7, 3, 1, 7, 3, 1, 0, 0, 0, 0];
const G: [u32; 18] = [0, 0, 0, 0, 0, 0, 0, 1, 3, 7, 1, 3, 7, 1, 0, 3, 7, 1];

/// An account's four parts as numbers.
#[derive(Debug, Clone, Copy)]
struct Parts {
    bank: u32,
    branch: u32,
    account: u32,
    suffix: u32,
}

impl Parts {
    /// Reads `BB-bbbb-AAAAAAA-SSS` with any grouping marks, or its digits without: 15 or 16 of them.
    fn read(text: &str) -> Option<Self> {
        let groups: Vec<&str> = text.split(['-', ' ']).filter(|group| !group.is_empty()).collect();
        if !groups.iter().all(|group| text::is_digits(group)) {
            return None;
        }
        let parts = match groups.as_slice() {
            [bank, branch, account, suffix] => [*bank, *branch, *account, *suffix],
            [whole] if matches!(whole.len(), 15 | 16) => {
                [whole.get(..2)?, whole.get(2..6)?, whole.get(6..13)?, whole.get(13..)?]
            }
            _ => return None,
        };
        let [bank, branch, account, suffix] = parts;
        let fits =
            bank.len() <= 2 && branch.len() <= 4 && matches!(account.len(), 1..=8) && matches!(suffix.len(), 1..=4);
        if !fits {
            return None;
        }
        Some(Self {
            bank: bank.parse().ok()?,
            branch: branch.parse().ok()?,
            account: account.parse().ok()?,
            suffix: suffix.parse().ok()?,
        })
    }

    fn check(self) -> Option<Check> {
        BRANCHES
            .iter()
            .find(|(bank, first, last, _)| *bank == self.bank && (*first..=*last).contains(&self.branch))
            .map(|(_, _, _, check)| *check)
    }

    /// Whether the check digits agree. An unknown branch is judged by the rule that nearly all banks share.
    fn checks(self) -> bool {
        let (weights, modulus, adds_digits) = match self.check().unwrap_or(Check::AorB) {
            Check::AorB if self.account < 990_000 => (A, 11, false),
            Check::AorB => (B, 11, false),
            Check::D => (D, 11, false),
            Check::E => (E, 11, true),
            Check::F => (F, 10, false),
            Check::G => (G, 10, true),
            Check::X => return true,
        };
        let digits = format!("{:02}{:04}{:08}{:04}", self.bank, self.branch, self.account, self.suffix);
        let sum: u32 = digits
            .bytes()
            .zip(weights)
            .map(|(digit, weight)| {
                let product = u32::from(digit.saturating_sub(b'0')) * weight;
                if adds_digits { digit_sum(digit_sum(product)) } else { product }
            })
            .sum();
        sum.is_multiple_of(modulus)
    }

    fn spelled(self) -> String {
        format!("{:02}-{:04}-{:07}-{:02}", self.bank, self.branch, self.account, self.suffix)
    }
}

fn digit_sum(number: u32) -> u32 {
    number / 10 + number % 10
}

/// Refuses a phone number with its country's code, which no bank has. Its groups look like those of an account.
fn refuse_phone(account: &ReceivingAccount) -> Result<(), AccountFault> {
    if account.account.starts_with("64-") {
        let message = "begins with 64, which is the country's code and no bank; must be an account number";
        return Err(AccountFault::new("account", "account_form", message));
    }
    Ok(())
}

/// Checks a New Zealand account number.
fn parse_account(input: &AccountInput<'_>) -> Parsed {
    let mut draft = Draft::of(input);
    draft.refuse_template()?;
    let fault = |code, message: &str| AccountFault::new("account", code, message);
    let parts = Parts::read(draft.require_account()?)
        .ok_or_else(|| fault("account_form", "must be bank, branch, account and suffix, as in 01-0902-0068389-00"))?;
    if parts.account == 0 {
        return Err(fault("account_impossible", "an account of zeros is given to nobody"));
    }
    match (parts.check(), parts.checks()) {
        (Some(_), true) => {}
        (Some(_), false) => {
            return Err(fault("check_digit", "the check digits do not agree: a digit is wrong or two are swapped"));
        }
        (None, agrees) => {
            draft.warn(
                "account",
                "branch_unknown",
                "the bank and branch are not in the published list; compare them with your bank's",
            );
            if !agrees {
                draft.warn(
                    "account",
                    "check_digit_unlikely",
                    "by the rule that nearly all banks share, the check digits do not agree",
                );
            }
        }
    }
    if draft.name.is_none() {
        draft.warn("name", "missing", "banks compare the holder's name; give it");
    }
    draft.finish(Method::NzBankTransfer, ACCOUNT, parts.spelled())
}
