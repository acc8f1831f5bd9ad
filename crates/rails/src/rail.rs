//! What is fixed about a rail, as data: the docs page, the checkout, nonce allocation and limits read it.

use crate::methods;
use xanpay_domain::matching::Policy;
use xanpay_domain::method::Method;
use xanpay_domain::money::Money;
use xanpay_domain::nonce::NonceLength;
use xanpay_domain::terms::MethodTerms;

/// The static facts of one rail. Country, currency, payable unit and time to live are on [`Method`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rail {
    /// The payment method this is about.
    pub method: Method,
    /// The forms a receiving account may take; the recommended one first.
    pub account_kinds: &'static [AccountKind],
    /// The length of a nonce drawn for this rail, chosen so that no bank on the way cuts it.
    pub nonce_length: NonceLength,
    /// The field in which the payer's bank carries the nonce.
    pub reference: ReferenceField,
    /// How surely the nonce reaches the payee's statement; an account kind may know better.
    pub nonce_reliability: Reliability,
    /// How transfers are told apart unless the account says otherwise; an account kind may know better.
    pub default_policy: Policy,
    /// The most that one transfer may carry, in minor units of the rail's currency. A default: banks set their own.
    pub max_amount: Option<i64>,
    /// What the payer scans.
    pub qr: QrKind,
    /// Whether the payload is a link that opens an app on the same phone.
    pub app_link: bool,
    /// What the payer does, in order, in English. The values themselves are shown beside the steps.
    pub payer_steps: &'static [&'static str],
    /// What an operator should know before relying on the rail.
    pub notes: &'static [&'static str],
    /// An issued static code of nobody in particular, on rails that need one: what a sandbox account may be set up with.
    pub example_template: Option<&'static str>,
}

impl Rail {
    /// The facts of one account kind of this rail by its name.
    #[must_use]
    pub fn account_kind(&self, name: &str) -> Option<&'static AccountKind> {
        self.account_kinds.iter().find(|kind| kind.name == name)
    }

    /// The terms that hold unless the operator sets others.
    #[must_use]
    pub fn usual_terms(&self) -> MethodTerms {
        let money = |minor| Money::from_minor(minor, self.method.currency()).ok();
        MethodTerms {
            time_to_live: self.method.default_time_to_live(),
            min_amount: None,
            max_amount: self.max_amount.and_then(money),
        }
    }
}

/// One form of a receiving account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountKind {
    /// The name by which [`crate::ReceivingAccount::kind`] refers to it.
    pub name: &'static str,
    /// The form in words, with its lengths.
    pub format: &'static str,
    /// An account of this form that belongs to nobody in particular.
    pub example: &'static str,
    /// How surely a nonce arrives with a transfer to an account of this form.
    pub nonce_reliability: Reliability,
    /// How transfers to an account of this form are told apart by default.
    pub default_policy: Policy,
}

/// The field of a transfer that carries the nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReferenceField {
    /// The field as the payer's app names it.
    pub name: &'static str,
    /// The most characters that survive from payer to payee.
    pub max_len: usize,
    /// Whether letters must be upper case.
    pub upper_case: bool,
    /// The characters that survive.
    pub alphabet: Alphabet,
}

/// A set of characters that a reference field carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alphabet {
    /// `A-Z`, `0-9`.
    UpperAlphanumeric,
    /// `A-Z`, `a-z`, `0-9`.
    Alphanumeric,
    /// Letters, digits and the space.
    AlphanumericSpace,
    /// Every printable ASCII character, as EMVCo fields take ("ans").
    PrintableAscii,
    /// Letters, digits, space and the marks that New Zealand banks take: `- ' & / # ? : _ .`
    NewZealand,
    /// Letters, digits, space and the marks of Australian Direct Entry.
    AustralianDirectEntry,
}

impl Alphabet {
    /// Whether a character survives.
    #[must_use]
    pub fn contains(self, character: char) -> bool {
        let listed = |marks: &str| character.is_ascii_alphanumeric() || marks.contains(character);
        match self {
            Self::UpperAlphanumeric => character.is_ascii_uppercase() || character.is_ascii_digit(),
            Self::Alphanumeric => character.is_ascii_alphanumeric(),
            Self::AlphanumericSpace => listed(" "),
            Self::PrintableAscii => matches!(character, ' '..='~'),
            Self::NewZealand => listed(" -'&/#?:_."),
            Self::AustralianDirectEntry => listed(" &',-./+$!%()*#=:?[]_^@"),
        }
    }

    /// The set in words.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::UpperAlphanumeric => "capital letters and digits",
            Self::Alphanumeric => "letters and digits",
            Self::AlphanumericSpace => "unaccented letters, digits and spaces",
            Self::PrintableAscii => "printable ASCII characters",
            Self::NewZealand => "letters, digits, spaces and - ' & / # ? : _ .",
            Self::AustralianDirectEntry => "letters, digits, spaces and & ' , - . / + $ ! % ( ) * # = : ? [ ] _ ^ @",
        }
    }
}

/// How surely the nonce reaches the payee's own statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reliability {
    /// The code carries it and the payer's app passes it on.
    Carried,
    /// The payer types it; banks carry what was typed.
    Typed,
    /// It is in the code or typed, and some banks drop or cut it.
    Uncertain,
    /// There is no place for it.
    None,
}

/// What the payer scans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QrKind {
    /// An EMVCo code that the gateway writes itself.
    Emv,
    /// The bank's or acquirer's own static EMVCo code, into which the gateway puts the amount.
    Template,
    /// A link, also drawn as a QR.
    Link,
    /// Nothing: the payer copies the fields.
    None,
}

/// The facts of a rail.
#[must_use]
pub fn rail(method: Method) -> &'static Rail {
    match method {
        Method::Fps => &methods::fps::RAIL,
        Method::HkBankTransfer => &methods::hk_bank_transfer::RAIL,
        Method::Paynow => &methods::paynow::RAIL,
        Method::ViettelPay => &methods::viettel_pay::RAIL,
        Method::DuitNow => &methods::duit_now::RAIL,
        Method::Instapay => &methods::instapay::RAIL,
        Method::PromptPay => &methods::prompt_pay::RAIL,
        Method::InBankTransfer => &methods::in_bank_transfer::RAIL,
        Method::GojekId => &methods::gojek_id::RAIL,
        Method::IdBankTransfer => &methods::id_bank_transfer::RAIL,
        Method::AuBankTransfer => &methods::au_bank_transfer::RAIL,
        Method::NzBankTransfer => &methods::nz_bank_transfer::RAIL,
        Method::Toss => &methods::toss::RAIL,
    }
}
