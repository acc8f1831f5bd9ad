//! A rail as one table: its facts, which the docs page, the demonstration, nonce allocation and limits read, and the functions
//! that check its accounts, write its payloads and read them.

use crate::account::{AccountFault, AccountInput, Parsed, ReceivingAccount};
use crate::emv::profile::Profile;
use crate::encode::{EncodeError, Keys};
use crate::lint::LintReport;
use crate::methods;
use crate::payload::PaymentRequest;
use xanpay_domain::environment::Environment;
use xanpay_domain::matching::Policy;
use xanpay_domain::method::Method;
use xanpay_domain::money::Money;
use xanpay_domain::nonce::NonceLength;
use xanpay_domain::terms::MethodTerms;

/// One rail. Country, currency, payable unit and time to live are on [`Method`].
#[derive(Debug)]
pub struct Rail {
    /// The payment method this is about.
    pub method: Method,
    /// The forms a receiving account may take; the recommended one first.
    pub account_kinds: &'static [&'static AccountKind],
    /// The length of a nonce drawn for this rail, chosen so that no bank on the way cuts it.
    pub nonce_length: NonceLength,
    /// The field in which the payer's bank carries the nonce.
    pub reference: ReferenceField,
    /// The most that one transfer may carry, in minor units of the rail's currency. A default: banks set their own.
    pub max_amount: Option<i64>,
    /// What the payer scans.
    pub qr: QrKind,
    /// What an operator should know before relying on the rail.
    pub notes: &'static [&'static str],
    /// Checks an account and spells it as the rail does.
    pub(crate) parse_account: fn(&AccountInput<'_>) -> Parsed,
    /// Refuses what is no longer taken from an operator and yet may stand in the database.
    pub(crate) check_new: Option<Check>,
    /// Its codes or links; nothing where the payer copies the fields.
    pub(crate) payloads: Option<Payloads>,
}

type Check = fn(&ReceivingAccount) -> Result<(), AccountFault>;

/// How a rail's codes or links are written and read.
#[derive(Debug)]
pub(crate) struct Payloads {
    /// Writes that of a charge; nothing for an account that has none.
    pub(crate) of_charge:
        fn(&ReceivingAccount, &PaymentRequest<'_>, Environment) -> Result<Option<String>, EncodeError>,
    /// The fields that `encode` takes, each with a line of help.
    pub(crate) keys: &'static [(&'static str, &'static str)],
    /// Writes one from named fields.
    pub(crate) encode: fn(&Keys<'_>) -> Result<String, EncodeError>,
    /// How they are read.
    pub(crate) form: Form,
}

/// What the payloads of a rail are.
#[derive(Debug)]
pub(crate) enum Form {
    /// EMVCo codes, with the rules of each of the rail's payment systems.
    Emv(&'static [&'static Profile]),
    /// Links of a scheme.
    Link {
        /// What stands before `://`.
        scheme: &'static str,
        /// Reads a link and says what is wrong with it.
        lint: fn(&str) -> LintReport,
    },
}

impl Rail {
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
    /// One word, unique within the rail.
    pub name: &'static str,
    /// The form in words, with its lengths.
    pub format: &'static str,
    /// An account of this form that belongs to nobody in particular.
    pub example: &'static str,
    /// The bank of the example, where accounts of this form need one.
    pub example_bank: Option<&'static str>,
    /// The issued static code of the example, where accounts of this form need one.
    pub example_template: Option<&'static str>,
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

/// The rail of a method. Whatever depends on the method alone stands in its table, so that this is the only list of them.
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
