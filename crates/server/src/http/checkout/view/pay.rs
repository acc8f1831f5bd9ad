//! The page with the payment instructions.

use super::{Amount, FormTarget, Frame, Summary};
use crate::http::checkout::text::{DetailTexts, Step, StepPart, StepValues, Strings, fill};
use askama::Template;
use url::Url;
use xanpay_domain::method::Method;

/// How to pay, until when, and what has arrived so far.
///
/// Posts: `cancel` and `simulate`, each with its hidden fields only.
#[derive(Debug, Clone, Template)]
#[template(path = "checkout/pay.html")]
pub struct PayPage {
    /// Around the content.
    pub frame: Frame,
    /// What is paid for; its amount is the one in the customer's currency.
    pub summary: Summary,
    /// The chosen method.
    pub method: Method,
    /// The account as the payer types it, for the steps.
    pub account: Option<String>,
    /// What kind of account it is, by the rail's own word: how it is typed depends on it.
    pub account_kind: &'static str,
    /// The nonce; absent where the rail has no place for it.
    pub reference: Option<String>,
    /// Whether only the nonce tells the payment from others; else the amount or the account does.
    pub reference_decides: bool,
    /// The rows with copy buttons, in the order in which a bank app asks for them; amount and reference included.
    pub details: Vec<Detail>,
    /// The picture; absent where the rail has none. After part of the money arrived it must ask for the rest, or be
    /// absent.
    pub qr: Option<QrPicture>,
    /// Opens the payer's app with the payment filled in.
    pub app_link: Option<AppLink>,
    /// What the rail cannot be trusted with.
    pub notes: Vec<Note>,
    /// What has arrived, when it is not all.
    pub part_paid: Option<PartPaid>,
    /// When the charge expires.
    pub deadline: Deadline,
    /// How the page learns of a change.
    pub live: Live,
    /// Cancels the charge.
    pub cancel: FormTarget,
    /// Pretends a transfer; sandbox only.
    pub simulate: Option<FormTarget>,
}

/// One row of the payment details.
#[derive(Debug, Clone)]
pub struct Detail {
    /// What it is.
    pub label: DetailLabel,
    /// What is shown.
    pub value: String,
    /// What the copy button copies: often without the spaces that make `value` readable.
    pub copied: String,
}

/// What a row of the payment details is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is named after the words that it shows")]
pub enum DetailLabel {
    Amount,
    /// The nonce; its row is set off from the others.
    Reference,
    AccountName,
    Bank,
    BankCode,
    AccountNumber,
    MobileNumber,
    Email,
    Uen,
    FpsId,
    PromptPayId,
    BillerId,
    Ifsc,
    UpiId,
    Bsb,
    PayId,
    VirtualAccount,
    MerchantCode,
    Nric,
    BusinessNumber,
}

impl DetailLabel {
    /// The words for it.
    #[must_use]
    pub fn text(self, texts: &DetailTexts) -> &'static str {
        match self {
            Self::Amount => texts.amount,
            Self::Reference => texts.reference,
            Self::AccountName => texts.account_name,
            Self::Bank => texts.bank,
            Self::BankCode => texts.bank_code,
            Self::AccountNumber => texts.account_number,
            Self::MobileNumber => texts.mobile_number,
            Self::Email => texts.email,
            Self::Uen => texts.uen,
            Self::FpsId => texts.fps_id,
            Self::PromptPayId => texts.prompt_pay_id,
            Self::BillerId => texts.biller_id,
            Self::Ifsc => texts.ifsc,
            Self::UpiId => texts.upi_id,
            Self::Bsb => texts.bsb,
            Self::PayId => texts.pay_id,
            Self::VirtualAccount => texts.virtual_account,
            Self::MerchantCode => texts.merchant_code,
            Self::Nric => texts.nric,
            Self::BusinessNumber => texts.business_number,
        }
    }
}

/// A QR code drawn by our own generator.
#[derive(Debug, Clone)]
pub struct QrPicture {
    svg: String,
    /// Address of the same picture as a file.
    pub download_url: String,
    /// Name under which the file is saved, without its ending, as `paynow-ztt1`.
    pub file_name: String,
}

impl QrPicture {
    /// Takes an SVG element that **our own generator** made. It goes into the page as it is: text from a merchant, a
    /// customer or a bank must never come this way. It brings its own quiet zone and dark modules on white.
    #[must_use]
    pub fn from_own_generator(svg: String, download_url: String, file_name: String) -> Self {
        Self { svg, download_url, file_name }
    }

    /// The markup.
    #[must_use]
    pub fn markup(&self) -> &str {
        &self.svg
    }
}

/// A link that opens the payer's app.
#[derive(Debug, Clone)]
pub struct AppLink {
    url: String,
    /// The button's words, as `Open Toss`.
    pub label: String,
}

impl AppLink {
    /// Takes a `upi://` or `supertoss://` link; `None` for any other scheme.
    #[must_use]
    pub fn new(url: &str, label: String) -> Option<Self> {
        let parsed = Url::parse(url).ok()?;
        matches!(parsed.scheme(), "upi" | "supertoss").then(|| Self { url: url.to_owned(), label })
    }

    /// The address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// What the payer must know where the rail does not carry everything dependably.
#[derive(Debug, Clone)]
pub enum Note {
    /// The amount names the payment; it may have been raised by a small step for that.
    UniqueAmount {
        /// What is to be paid.
        asked: Amount,
    },
    /// A part has come to an account where the amount names the payment.
    ExactRest {
        /// What is still to be paid.
        asked: Amount,
    },
    /// Apps may drop the reference.
    TypeReference {
        /// The nonce.
        reference: String,
    },
    /// The code is the bank's static one.
    TypeAmount {
        /// What is to be paid.
        asked: Amount,
    },
    /// The account number was made for this charge.
    OwnAccount,
}

impl Note {
    /// Whether the payer must know it before scanning; the others stand behind the code, so that it is seen at once.
    #[must_use]
    pub fn comes_first(&self) -> bool {
        match self {
            Self::TypeAmount { .. } => true,
            Self::UniqueAmount { .. } | Self::ExactRest { .. } | Self::TypeReference { .. } | Self::OwnAccount => false,
        }
    }

    /// The headline.
    #[must_use]
    pub fn title(&self, strings: &Strings) -> &'static str {
        match self {
            Self::UniqueAmount { .. } | Self::ExactRest { .. } => strings.note.unique_amount_title,
            Self::TypeReference { .. } => strings.note.type_reference_title,
            Self::TypeAmount { .. } => strings.note.type_amount_title,
            Self::OwnAccount => strings.note.own_account_title,
        }
    }

    /// The sentences below it.
    #[must_use]
    pub fn text(&self, strings: &Strings) -> String {
        match self {
            Self::UniqueAmount { asked } => fill(strings.note.unique_amount, &[("asked", &asked.text())]),
            Self::ExactRest { asked } => fill(strings.note.exact_rest, &[("asked", &asked.text())]),
            Self::TypeReference { reference } => {
                fill(strings.note.type_reference, &[("reference", &format!("“{reference}”"))])
            }
            Self::TypeAmount { asked } => fill(strings.note.type_amount, &[("asked", &asked.text())]),
            Self::OwnAccount => strings.note.own_account.to_owned(),
        }
    }
}

/// Part of the money is here.
#[derive(Debug, Clone)]
pub struct PartPaid {
    /// What has arrived.
    pub received: Amount,
    /// What is still to pay.
    pub missing: Amount,
}

/// When the charge expires.
#[derive(Debug, Clone)]
pub struct Deadline {
    /// ISO 8601 instant for the `time` element, as `2026-11-21T14:32:00Z`.
    pub iso: String,
    /// For reading without scripts: `14:32 UTC`, with the date when it is another day.
    pub text: String,
    /// Seconds from the moment of rendering, so that a wrong clock on the customer's phone does no harm.
    pub remaining_seconds: u64,
}

/// How an open page learns of a change. The page reads itself again when the answered `version` differs from the one it
/// was rendered with, so the version must change with everything that the page shows, expiry by the clock included.
#[derive(Debug, Clone)]
pub struct Live {
    /// Answers JSON with `version`.
    pub status_url: String,
    /// Server-sent events named `status` with the same JSON. Without them the page asks now and then.
    pub events_url: Option<String>,
    /// Address of this page, for reading it again.
    pub page_url: String,
    /// The version that is rendered.
    pub version: String,
}

impl PayPage {
    /// Steps with the QR code or the app; empty without a code.
    #[must_use]
    pub fn scan_steps(&self) -> Vec<Step> {
        if self.qr.is_none() {
            return Vec::new();
        }
        let enter = self.notes.iter().any(|note| matches!(note, Note::TypeAmount { .. }));
        let enter = enter.then_some(self.frame.strings.payment_page.enter_amount);
        self.frame.strings.methods.of(self.method).scan_steps(self.step_values(&self.amount_text()), enter)
    }

    /// Steps with the details typed in; empty where no app takes the account.
    #[must_use]
    pub fn by_hand_steps(&self) -> Vec<Step> {
        let words = self.frame.strings.methods.of(self.method);
        words.by_hand_steps(self.account_kind, self.step_values(&self.amount_text()))
    }

    /// What is said about the rest, when a part has arrived.
    #[must_use]
    pub fn part_hint(&self) -> &'static str {
        let texts = &self.frame.strings.payment_page;
        let can_be_paid = self.qr.is_some() || !self.by_hand_steps().is_empty();
        if can_be_paid { texts.part_hint } else { texts.part_stuck }
    }

    /// What is said about the nonce.
    #[must_use]
    pub fn reference_hint(&self) -> &'static str {
        let texts = &self.frame.strings.detail;
        if self.reference_decides { texts.reference_hint } else { texts.reference_hint_helpful }
    }

    /// What a screen reader says instead of the picture.
    #[must_use]
    pub fn qr_alternative(&self) -> String {
        self.frame.strings.qr_alternative(self.method, &self.amount_text())
    }

    /// The amount to pay now, with its currency.
    fn amount_text(&self) -> String {
        self.part_paid.as_ref().map_or(&self.summary.amount, |part| &part.missing).text()
    }

    fn step_values<'a>(&'a self, amount: &'a str) -> StepValues<'a> {
        StepValues { amount, account: self.account.as_deref(), reference: self.reference.as_deref() }
    }
}
