//! The pages of a payment that ended without completion.

use super::{Amount, Frame, Live, ReturnLink, Summary};
use crate::http::checkout::text::{Message, fill};
use askama::Template;

/// The payment has expired or was cancelled.
#[derive(Debug, Clone, Template)]
#[template(path = "checkout/closed.html")]
pub struct ClosedPage {
    /// Around the content.
    pub frame: Frame,
    /// How it ended.
    pub closing: Closing,
    /// What was to be paid.
    pub summary: Summary,
    /// Whether the customer was told how to pay, and so may have sent money that is still on its way.
    pub may_have_paid: bool,
    /// What arrived nevertheless: part of the amount, or money that came too late and is held.
    pub received: Option<Amount>,
    /// Given where late money may still complete the charge.
    pub live: Option<Live>,
    /// The way back to the merchant.
    pub return_link: Option<ReturnLink>,
}

/// How a payment ended without completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// The time ran out.
    Expired,
    /// The customer or the merchant cancelled it.
    Cancelled,
}

impl Closing {
    /// Names the page for styles and tests.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }
}

impl ClosedPage {
    /// Headline and text.
    #[must_use]
    pub fn message(&self) -> Message {
        match self.closing {
            Closing::Expired => self.frame.strings.closed_page.expired,
            Closing::Cancelled => self.frame.strings.closed_page.cancelled,
        }
    }

    /// What whoever has paid is told to do.
    #[must_use]
    pub fn already_paid_text(&self) -> Option<&'static str> {
        let texts = &self.frame.strings.closed_page;
        let text = match self.closing {
            Closing::Expired => texts.already_paid_expired,
            Closing::Cancelled => texts.already_paid_cancelled,
        };
        self.may_have_paid.then_some(text)
    }

    /// What is said about money that arrived nevertheless.
    #[must_use]
    pub fn received_text(&self) -> Option<String> {
        let amount = self.received.as_ref()?.text();
        Some(fill(self.frame.strings.closed_page.received, &[("amount", &amount)]))
    }
}
