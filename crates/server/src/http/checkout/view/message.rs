//! The pages that show no payment.

use super::Frame;
use crate::http::checkout::text::{Message, Strings};
use askama::Template;

/// A page with nothing but a message.
#[derive(Debug, Clone, Template)]
#[template(path = "checkout/message.html")]
pub struct MessagePage {
    /// Around the content. The merchant is named only where the session is known.
    pub frame: Frame,
    /// What is said.
    pub kind: MessageKind,
    /// The request's id, for asking back.
    pub request_id: Option<String>,
    /// The checkout page to go back to, on our own host.
    pub page_url: Option<String>,
}

/// What a message page says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// No such session, or one of the other environment: both look the same. Status 404.
    NotFound,
    /// Our fault. Status 500 or 503.
    Failed,
    /// Rate limit. Status 429.
    TooManyRequests,
    /// As many one-time passwords as may be were sent for the session, or asked for from the address. Status 429.
    NoMoreCodes,
}

impl MessageKind {
    /// Headline and text.
    #[must_use]
    pub fn message(self, strings: &Strings) -> Message {
        match self {
            Self::NotFound => strings.message_page.not_found,
            Self::Failed => strings.message_page.failed,
            Self::TooManyRequests => strings.message_page.too_many_requests,
            Self::NoMoreCodes => strings.message_page.no_more_codes,
        }
    }
}
