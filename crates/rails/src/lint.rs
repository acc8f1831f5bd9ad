//! The reader for people: names every part of a payload, and says what a strict reader refuses and what banks stumble
//! over.

use crate::emv;
use crate::rail::{Form, rail};
use xanpay_domain::method::Method;

/// What a payload is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recognised {
    /// A payload of one of the rails.
    Rail(Method),
    /// An EMVCo code of no rail here.
    Emvco,
}

impl Recognised {
    /// The method's name, or `emvco`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rail(method) => method.as_str(),
            Self::Emvco => "emvco",
        }
    }
}

/// What was read and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LintReport {
    /// Whether a strict reader accepts the payload: there are no errors.
    pub valid: bool,
    /// What it is, when that can be told.
    pub rail: Option<Recognised>,
    /// Reasons for which a strict reader refuses it.
    pub errors: Vec<Finding>,
    /// What is allowed but unusual, or known to trouble some banks.
    pub warnings: Vec<Finding>,
    /// Every part that could be read, in the order in which it stands.
    pub fields: Vec<LintField>,
}

impl LintReport {
    /// The value at a path of tags such as `26.02` or `pa`.
    #[must_use]
    pub fn value(&self, path: &str) -> Option<&str> {
        let mut level = &self.fields;
        let mut value = None;
        for tag in path.split('.') {
            let field = level.iter().find(|field| field.tag == tag)?;
            value = Some(field.value.as_str());
            level = &field.children;
        }
        value
    }
}

/// One thing to say about a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The part it is about, as a path such as `26.03`; empty when it is about the whole.
    pub tag: String,
    /// A stable word for programs.
    pub code: &'static str,
    /// A sentence for people.
    pub message: String,
}

/// One part of a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LintField {
    /// Two digits of an EMVCo code, or the parameter's name in a link.
    pub tag: String,
    /// The part's name in words.
    pub name: &'static str,
    /// The value as it stands; percent-encoding of links is undone.
    pub value: String,
    /// What the value says, where it is a code: `SGD`, `mobile number`, `one payment`.
    pub meaning: Option<String>,
    /// The parts of a template.
    pub children: Vec<LintField>,
}

/// Collects what there is to say.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) errors: Vec<Finding>,
    pub(crate) warnings: Vec<Finding>,
}

impl Findings {
    pub(crate) fn error(&mut self, tag: impl Into<String>, code: &'static str, message: impl Into<String>) {
        let finding = Finding { tag: tag.into(), code, message: message.into() };
        // Two templates of one rail, as QRIS has them, say the same of the tags that they share.
        if !self.errors.contains(&finding) {
            self.errors.push(finding);
        }
    }

    pub(crate) fn warn(&mut self, tag: impl Into<String>, code: &'static str, message: impl Into<String>) {
        self.warnings.push(Finding { tag: tag.into(), code, message: message.into() });
    }

    pub(crate) fn report(self, rail: Option<Recognised>, fields: Vec<LintField>) -> LintReport {
        LintReport { valid: self.errors.is_empty(), rail, errors: self.errors, warnings: self.warnings, fields }
    }
}

/// Reads a payload of any rail: EMVCo codes, UPI links and Toss links. Never fails: what cannot be read is an error in
/// the report.
#[must_use]
pub fn lint(payload: &str) -> LintReport {
    let scheme = payload.split("://").next().filter(|scheme| scheme.len() < payload.len()).unwrap_or_default();
    let of_link = Method::ALL.into_iter().find_map(|method| match rail(method).payloads.as_ref()?.form {
        Form::Link { scheme: own, lint } if own.eq_ignore_ascii_case(scheme) => Some(lint),
        Form::Link { .. } | Form::Emv(_) => None,
    });
    of_link.unwrap_or(emv::lint::lint)(payload)
}

/// Whether a payload names the payee that the sandbox writes, which cannot exist.
#[must_use]
pub fn is_sandbox_payload(payload: &str) -> bool {
    lint(payload).warnings.iter().any(|warning| warning.code == SANDBOX)
}

/// The code of the warning that the payee is the sandbox's.
pub(crate) const SANDBOX: &str = "sandbox_payee";
