//! The receipt of a completed payment.

use super::{Amount, Frame, ReturnLink, Summary};
use crate::http::checkout::text::fill;
use askama::Template;
use xanpay_domain::method::Method;

/// The payment is complete.
#[derive(Debug, Clone, Template)]
#[template(path = "checkout/receipt.html")]
pub struct ReceiptPage {
    /// Around the content.
    pub frame: Frame,
    /// What was paid for; its price is shown on the receipt when it differs.
    pub summary: Summary,
    /// What arrived, surplus included.
    pub paid: Amount,
    /// What came in beyond the amount asked.
    pub surplus: Option<Amount>,
    /// How it was paid.
    pub method: Method,
    /// The nonce; absent where the rail has no place for it.
    pub reference: Option<String>,
    /// The charge's id.
    pub charge_id: String,
    /// ISO 8601 instant of completion.
    pub completed_iso: String,
    /// The same for reading, with its zone.
    pub completed_text: String,
    /// The way back to the merchant.
    pub return_link: Option<ReturnLink>,
}

impl ReceiptPage {
    /// What is said about a surplus.
    #[must_use]
    pub fn surplus_text(&self) -> Option<String> {
        let surplus = self.surplus.as_ref()?.text();
        Some(fill(self.frame.strings.receipt_page.surplus, &[("surplus", &surplus)]))
    }
}
