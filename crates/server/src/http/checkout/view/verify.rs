//! The page that asks for the code by which the customer proves a phone.

use super::{FormTarget, Frame, Live, Summary};
use crate::http::checkout::text::{VerifyPageTexts, fill};
use askama::Template;

/// The code that was sent to the customer's phone is asked for.
///
/// Posts: `code` with the hidden fields of `form`; `again` with its hidden fields only.
// Not Debug: a secret must not reach a log by way of `{:?}`.
#[derive(Clone, Template)]
#[template(path = "checkout/verify.html")]
pub struct VerifyPage {
    /// Around the content.
    pub frame: Frame,
    /// What is paid for.
    pub summary: Summary,
    /// The phone for reading, as `+65 91234567`.
    pub phone: String,
    /// Whether a code can be entered.
    pub standing: Standing,
    /// What is wrong with the code that was entered.
    pub fault: Option<CodeFault>,
    /// How long it takes until another code can be sent.
    pub wait_seconds: u64,
    /// What the sandbox kept instead of sending it.
    pub inbox: Option<Inbox>,
    /// Where the code goes.
    pub form: FormTarget,
    /// Has another code sent.
    pub again: FormTarget,
    /// The chooser with everything filled in.
    pub change_url: String,
    /// Cancels the session.
    pub cancel: FormTarget,
    /// How the page learns that the session is over.
    pub live: Live,
}

/// Whether a code can be entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is on its way or there.
    Awaited,
    /// None was sent, or it has been used.
    Absent,
    /// It is too old.
    Expired,
    /// It was entered wrongly too often.
    Spent,
}

/// What is wrong with a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeFault {
    /// Nothing was entered.
    Missing,
    /// Not six digits.
    Malformed,
    /// Not the one that was sent.
    Wrong {
        /// How often another may be tried.
        left: i64,
    },
}

/// What the sandbox kept instead of sending it.
// Not Debug: a secret must not reach a log by way of `{:?}`.
#[derive(Clone, PartialEq, Eq)]
pub enum Inbox {
    /// The message.
    Message(String),
    /// Newer ones hide it: the merchant's inbox has it.
    Elsewhere,
}

impl VerifyPage {
    /// Where the code was sent.
    #[must_use]
    pub fn sent_text(&self) -> String {
        fill(self.texts().sent, &[("phone", &self.phone)])
    }

    /// What is wrong with the code, in words.
    #[must_use]
    pub fn fault_text(&self) -> Option<String> {
        let texts = self.texts();
        Some(match self.fault? {
            CodeFault::Missing => texts.code.missing.to_owned(),
            CodeFault::Malformed => texts.code.malformed.to_owned(),
            CodeFault::Wrong { left } => fill(texts.wrong, &[("left", &left.to_string())]),
        })
    }

    /// Why no code can be entered.
    #[must_use]
    pub fn standing_text(&self) -> Option<&'static str> {
        match self.standing {
            Standing::Awaited => None,
            Standing::Absent => Some(self.texts().absent),
            Standing::Expired => Some(self.texts().expired),
            Standing::Spent => Some(self.texts().spent),
        }
    }

    /// When another code can be sent: the words around the time, and the time.
    #[must_use]
    pub fn wait(&self) -> Option<(&'static str, String, &'static str)> {
        let texts = self.texts();
        let (before, after) = texts.again_in.split_once("{left}").unwrap_or((texts.again_in, ""));
        let (words, count) = match self.wait_seconds {
            0 => return None,
            seconds @ 1..=90 => (texts.seconds, seconds),
            seconds => (texts.minutes, seconds.div_ceil(60)),
        };
        Some((before, fill(words, &[("n", &count.to_string())]), after))
    }

    fn texts(&self) -> &VerifyPageTexts {
        &self.frame.strings.verify_page
    }
}
