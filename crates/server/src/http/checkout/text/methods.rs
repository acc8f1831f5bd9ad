//! What is said about each method: a line for the chooser and the steps that the payer takes.

use super::fill;
use serde::Serialize;
use xanpay_domain::method::Method;

/// The kind of account that is an acquirer's id of a merchant: it stands in a code, and no app takes it typed.
const MERCHANT: &str = "merchant";

/// The words for one method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MethodText {
    pub name: &'static str,
    /// One line below the name in the chooser.
    pub hint: &'static str,
    /// Steps with the QR code or link; empty where the rail has none. The values are put in their places by `StepValues`.
    pub scan: &'static [&'static str],
    /// Steps with the details typed in.
    pub by_hand: &'static [&'static str],
    /// First steps with the details typed in that take the place of the usual one: kind of account and words.
    pub by_hand_first: &'static [(&'static str, &'static str)],
}

/// The words for all methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct MethodTexts {
    pub fps: MethodText,
    pub hk_bank_transfer: MethodText,
    pub paynow: MethodText,
    pub viettel_pay: MethodText,
    pub duit_now: MethodText,
    pub instapay: MethodText,
    pub prompt_pay: MethodText,
    pub in_bank_transfer: MethodText,
    pub gojek_id: MethodText,
    pub id_bank_transfer: MethodText,
    pub au_bank_transfer: MethodText,
    pub nz_bank_transfer: MethodText,
    pub toss: MethodText,
}

/// The values that a step may name. A step that names an absent value is left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StepValues<'a> {
    /// `{amount}`: the amount with its currency.
    pub amount: &'a str,
    /// `{account}`: the account as the payer types it.
    pub account: Option<&'a str>,
    /// `{reference}`: the nonce; absent where the rail has no place for it.
    pub reference: Option<&'a str>,
}

/// One step of the instructions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The parts in reading order.
    pub parts: Vec<StepPart>,
}

/// A piece of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepPart {
    /// Our words.
    Words(String),
    /// A value that the payer compares or types, set off from the words.
    Value(String),
}

impl MethodTexts {
    /// The words for one method.
    #[must_use]
    pub fn of(&self, method: Method) -> &MethodText {
        match method {
            Method::Fps => &self.fps,
            Method::HkBankTransfer => &self.hk_bank_transfer,
            Method::Paynow => &self.paynow,
            Method::ViettelPay => &self.viettel_pay,
            Method::DuitNow => &self.duit_now,
            Method::Instapay => &self.instapay,
            Method::PromptPay => &self.prompt_pay,
            Method::InBankTransfer => &self.in_bank_transfer,
            Method::GojekId => &self.gojek_id,
            Method::IdBankTransfer => &self.id_bank_transfer,
            Method::AuBankTransfer => &self.au_bank_transfer,
            Method::NzBankTransfer => &self.nz_bank_transfer,
            Method::Toss => &self.toss,
        }
    }
}

impl MethodText {
    /// The steps with the QR code, with the values in their places. `enter_amount` takes the place of the step that
    /// checks the amount where the code does not carry it.
    #[must_use]
    pub fn scan_steps(&self, values: StepValues<'_>, enter_amount: Option<&'static str>) -> Vec<Step> {
        let text = |text: &'static str| enter_amount.filter(|_| text.contains("{amount}")).unwrap_or(text);
        self.scan.iter().filter_map(|step| Step::new(text(step), values)).collect()
    }

    /// The steps by typing, with the values in their places; none where no app takes an account of this kind.
    #[must_use]
    pub fn by_hand_steps(&self, account_kind: &str, values: StepValues<'_>) -> Vec<Step> {
        let Some((usual, rest)) = self.by_hand.split_first().filter(|_| account_kind != MERCHANT) else {
            return Vec::new();
        };
        let first =
            self.by_hand_first.iter().find(|(kind, _)| *kind == account_kind).map_or(*usual, |(_, first)| *first);
        std::iter::once(&first).chain(rest).filter_map(|text| Step::new(text, values)).collect()
    }
}

impl Step {
    /// Cuts `text` at its `{amount}`, `{account}` and `{reference}`; `None` when a named value is absent.
    #[must_use]
    pub fn new(text: &str, values: StepValues<'_>) -> Option<Self> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}')?;
            let value = match name {
                "amount" => values.amount,
                "account" => values.account?,
                "reference" => values.reference?,
                _ => return None,
            };
            if !before.is_empty() {
                parts.push(StepPart::Words(before.to_owned()));
            }
            parts.push(StepPart::Value(value.to_owned()));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(StepPart::Words(rest.to_owned()));
        }
        Some(Self { parts })
    }
}

impl super::Strings {
    /// What a screen reader says instead of the QR picture.
    #[must_use]
    pub fn qr_alternative(&self, method: Method, amount: &str) -> String {
        fill(self.payment_page.qr_alt, &[("method", self.methods.of(method).name), ("amount", amount)])
    }
}

const OPEN_AND_SCAN: &str = "Open your bank app and scan the code. On this phone: save the code, then open it from \
                             your app’s photo picker.";
const CHECK_AMOUNT: &str = "Check that the amount is {amount}.";
const CHECK_REFERENCE: &str = "Check that the reference is {reference}. If it is missing, type it in.";
const CONFIRM: &str = "Confirm the payment, then come back to this page.";

/// The English words for all methods.
pub(super) const ENGLISH_METHODS: MethodTexts = MethodTexts {
    fps: MethodText {
        name: Method::Fps.display_name(),
        hint: "Scan with any Hong Kong bank app",
        scan: &[OPEN_AND_SCAN, CHECK_AMOUNT, CHECK_REFERENCE, CONFIRM],
        by_hand: &[
            "Open FPS in your bank app and enter {account} as the recipient.",
            "Enter the amount: {amount}.",
            "Type {reference} in the field for the message or remarks to the payee.",
            CONFIRM,
        ],
        by_hand_first: &[],
    },
    hk_bank_transfer: MethodText {
        name: Method::HkBankTransfer.display_name(),
        hint: "From any Hong Kong bank account",
        scan: &[],
        by_hand: &[
            "Open your bank app and choose a transfer to another local bank.",
            "Choose the bank, and enter the account number and the account name.",
            "Enter the amount: {amount}.",
            "Type {reference} in the field for remarks or the message to the payee.",
            CONFIRM,
        ],
        by_hand_first: &[],
    },
    paynow: MethodText {
        name: Method::Paynow.display_name(),
        hint: "Scan with any Singapore bank app",
        scan: &[OPEN_AND_SCAN, CHECK_AMOUNT, CHECK_REFERENCE, CONFIRM],
        by_hand: &[
            "Open PayNow in your bank app and enter {account} as the recipient.",
            "Enter the amount: {amount}.",
            "Type {reference} in the field for the reference or comments.",
            CONFIRM,
        ],
        by_hand_first: &[],
    },
    viettel_pay: MethodText {
        name: Method::ViettelPay.display_name(),
        hint: "VietQR, with any Vietnamese bank app",
        scan: &[OPEN_AND_SCAN, CHECK_AMOUNT, "Leave {reference} in the content (nội dung) as it is.", CONFIRM],
        by_hand: &[
            "Open your app, choose a 24/7 transfer and the bank, and enter the account {account}.",
            "Enter the amount: {amount}.",
            "Type {reference} in the content (nội dung).",
            CONFIRM,
        ],
        by_hand_first: &[],
    },
    duit_now: MethodText {
        name: Method::DuitNow.display_name(),
        hint: "Scan with any Malaysian bank app or wallet",
        scan: &[OPEN_AND_SCAN, CHECK_AMOUNT, "If your app asks for a recipient reference, type {reference}.", CONFIRM],
        by_hand: &[
            "Open DuitNow Transfer in your bank app and enter {account}.",
            "Enter the amount: {amount}.",
            "Type {reference} as the recipient reference.",
            CONFIRM,
        ],
        by_hand_first: &[],
    },
    instapay: MethodText {
        name: Method::Instapay.display_name(),
        hint: "QR Ph, with any Philippine bank app or wallet",
        scan: &[OPEN_AND_SCAN, CHECK_AMOUNT, "If your app has a field for notes, type {reference}.", CONFIRM],
        by_hand: &[
            "Open your app, choose an InstaPay transfer and the bank or wallet, and enter the account {account}.",
            "Enter the amount: {amount}.",
            "Type {reference} in the notes or remarks.",
            CONFIRM,
        ],
        by_hand_first: &[],
    },
    prompt_pay: MethodText {
        name: Method::PromptPay.display_name(),
        hint: "Scan with any Thai bank app",
        scan: &[OPEN_AND_SCAN, CHECK_AMOUNT, "If your app shows Ref 1, check that it is {reference}.", CONFIRM],
        by_hand: &[
            "Open PromptPay in your bank app and enter {account}.",
            "Enter the amount: {amount}.",
            "Type {reference} as Ref 1 or in the note.",
            CONFIRM,
        ],
        by_hand_first: &[("biller", "Open bill payments in your bank app and enter {account} as the biller.")],
    },
    in_bank_transfer: MethodText {
        name: Method::InBankTransfer.display_name(),
        hint: "Any UPI app, or IMPS and NEFT",
        scan: &[
            "Scan the code with any UPI app. On this phone, open the app with the button.",
            CHECK_AMOUNT,
            "Leave {reference} in the note as it is.",
            CONFIRM,
        ],
        by_hand: &[
            "Open your UPI or bank app and enter {account}.",
            "Enter the amount: {amount}.",
            "Type {reference} in the note or remarks.",
            CONFIRM,
        ],
        by_hand_first: &[],
    },
    gojek_id: MethodText {
        name: Method::GojekId.display_name(),
        hint: "QRIS, with GoPay or any Indonesian bank app",
        scan: &[OPEN_AND_SCAN, "Check that the amount is {amount}, down to the last rupiah.", CONFIRM],
        by_hand: &[],
        by_hand_first: &[],
    },
    id_bank_transfer: MethodText {
        name: Method::IdBankTransfer.display_name(),
        hint: "From any Indonesian bank account",
        scan: &[],
        by_hand: &[
            "Open your bank app, choose a transfer (BI-FAST if offered) and the bank, and enter {account}.",
            "Enter the amount, down to the last rupiah: {amount}.",
            "Type {reference} in the message (berita).",
            CONFIRM,
        ],
        by_hand_first: &[],
    },
    au_bank_transfer: MethodText {
        name: Method::AuBankTransfer.display_name(),
        hint: "From any Australian bank account",
        scan: &[],
        by_hand: &[
            "Open your bank app, choose Pay someone and enter {account}.",
            "Enter the amount: {amount}.",
            "Type {reference} in the description or reference.",
            CONFIRM,
        ],
        by_hand_first: &[],
    },
    nz_bank_transfer: MethodText {
        name: Method::NzBankTransfer.display_name(),
        hint: "From any New Zealand bank account",
        scan: &[],
        by_hand: &[
            "Open your bank app, choose Pay or transfer and enter the account {account}.",
            "Enter the amount: {amount}.",
            "Type {reference} in “Reference”, not in “Particulars” or “Code”.",
            CONFIRM,
        ],
        by_hand_first: &[],
    },
    toss: MethodText {
        name: Method::Toss.display_name(),
        hint: "With Toss or any Korean bank app",
        scan: &[
            "Scan the code with your phone’s camera. On this phone, open Toss with the button.",
            CHECK_AMOUNT,
            "Change the name shown to the recipient (받는 분에게 표시) to {reference}.",
            CONFIRM,
        ],
        by_hand: &[
            "Open your bank app, choose the bank and enter the account {account}.",
            "Enter the amount: {amount}.",
            "Change the name shown to the recipient (받는 분에게 표시) to {reference}.",
            CONFIRM,
        ],
        by_hand_first: &[],
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    const VALUES: StepValues<'_> =
        StepValues { amount: "SGD 35.00", account: Some("+6585867834"), reference: Some("ztt1") };

    #[test]
    fn every_method_tells_how_to_pay_and_every_step_is_shown_when_all_values_are_known() {
        for method in Method::ALL {
            let text = ENGLISH_METHODS.of(method);
            assert!(!text.scan.is_empty() || !text.by_hand.is_empty(), "{method}");
            assert_eq!(text.scan_steps(VALUES, None).len(), text.scan.len(), "{method}");
            assert_eq!(text.by_hand_steps("", VALUES).len(), text.by_hand.len(), "{method}");
        }
    }

    #[test]
    fn method_names_are_those_of_the_domain() {
        for method in Method::ALL {
            assert_eq!(ENGLISH_METHODS.of(method).name, method.display_name());
        }
    }

    #[test]
    fn a_step_about_an_absent_reference_is_left_out() {
        let steps = ENGLISH_METHODS.paynow.scan_steps(StepValues { reference: None, ..VALUES }, None);
        assert_eq!(steps.len(), ENGLISH_METHODS.paynow.scan.len() - 1);
        let shown = format!("{steps:?}");
        assert!(!shown.contains("reference"), "{shown}");
    }

    #[test]
    fn kinds_of_accounts_with_steps_of_their_own_are_kinds_of_the_rail() {
        for method in Method::ALL {
            for (kind, _) in ENGLISH_METHODS.of(method).by_hand_first {
                assert!(
                    xanpay_rails::rail(method).account_kinds.iter().any(|known| known.name == *kind),
                    "{method} {kind}"
                );
            }
        }
    }

    #[test]
    fn nobody_is_told_to_type_the_id_that_an_acquirer_gave_a_merchant() {
        for method in Method::ALL {
            let can_type = |kind: &str| !ENGLISH_METHODS.of(method).by_hand_steps(kind, VALUES).is_empty();
            for kind in xanpay_rails::rail(method).account_kinds {
                assert_eq!(can_type(kind.name), kind.name != MERCHANT, "{method} {}", kind.name);
            }
        }
    }

    #[test]
    fn a_biller_is_paid_as_a_bill_and_every_step_stays() {
        let steps = |kind| ENGLISH_METHODS.prompt_pay.by_hand_steps(kind, VALUES);
        assert_eq!(steps("biller").len(), steps("mobile").len());
        assert!(format!("{:?}", steps("biller")[0]).contains("bill payments"));
        assert_eq!(steps("biller")[1..], steps("mobile")[1..]);
    }

    #[test]
    fn a_code_without_the_amount_has_it_typed_and_not_checked() {
        for method in [Method::DuitNow, Method::Instapay, Method::GojekId] {
            let text = ENGLISH_METHODS.of(method);
            let steps = text.scan_steps(VALUES, Some("Enter the amount: {amount}."));
            assert_eq!(steps.len(), text.scan.len());
            let shown = format!("{steps:?}");
            assert!(shown.contains("Enter the amount") && !shown.contains("Check that the amount"), "{shown}");
        }
    }

    #[test]
    fn values_are_set_off_from_the_words() {
        let step = Step::new("Pay {amount} now.", VALUES).unwrap();
        assert_eq!(
            step.parts,
            [StepPart::Words("Pay ".into()), StepPart::Value("SGD 35.00".into()), StepPart::Words(" now.".into())]
        );
    }
}
