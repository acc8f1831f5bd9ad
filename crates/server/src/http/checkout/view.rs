//! What the pages show: plain structs of display-ready values, rendered by typed templates.
//!
//! One struct per page: [`ChoosePage`], [`VerifyPage`], [`PayPage`], [`ReceiptPage`], [`ClosedPage`], [`MessagePage`]. Fill it and call
//! [`askama::Template::render`]. Whatever a merchant wrote goes in as [`MerchantText`]; all else is escaped by the
//! templates, except a [`QrPicture`], which comes from our own generator.

mod choose;
mod closed;
mod message;
mod pay;
mod receipt;
mod verify;

pub use choose::{
    ChooseNotice, ChoosePage, CountryGroup, FieldFault, MethodChoice, MethodFault, PhoneField, TextField,
};
pub use closed::{ClosedPage, Closing};
pub use message::{MessageKind, MessagePage};
pub use pay::{AppLink, Deadline, Detail, DetailLabel, Live, Note, PartPaid, PayPage, QrPicture};
pub use receipt::ReceiptPage;
pub use verify::{CodeFault, Inbox, Standing, VerifyPage};

use super::assets;
use super::merchant_text::MerchantText;
use super::text::{Strings, fill};
use url::Url;

/// What every page carries around its content.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The language of the page.
    pub strings: &'static Strings,
    /// Who is paid; absent on pages that know no session.
    pub merchant: Option<MerchantText>,
    /// Shows the TEST mark.
    pub is_sandbox: bool,
}

impl Frame {
    /// Address of the style sheet.
    #[must_use]
    pub fn style_url(&self) -> &'static str {
        assets::url("checkout.css")
    }

    /// Address of the script for browsers that cannot read the others.
    #[must_use]
    pub fn early_script_url(&self) -> &'static str {
        assets::url("early.js")
    }

    /// Address of the script that starts the others.
    #[must_use]
    pub fn script_url(&self) -> &'static str {
        assets::url("checkout.js")
    }

    /// Addresses of the modules which that script imports, fetched ahead.
    #[must_use]
    pub fn module_urls(&self) -> Vec<&'static str> {
        assets::MODULES.iter().map(|name| assets::url(name)).collect()
    }

    /// Address of the mark shown in the browser's tab.
    #[must_use]
    pub fn icon_url(&self) -> &'static str {
        assets::url("mark.svg")
    }
}

/// An amount of money, ready to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amount {
    /// ISO 4217 code, as `SGD`.
    pub currency: String,
    /// The figure for reading, grouped: `1,234.50`.
    pub figure: String,
    /// The figure for a bank app's field, with a point and without grouping: `1234.50`.
    pub plain: String,
}

impl Amount {
    /// Currency and figure with a space that does not break: `SGD 1,234.50`.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\u{a0}{}", self.currency, self.figure)
    }

    /// Whether the figure needs a smaller size to stand on one line.
    #[must_use]
    pub fn is_long(&self) -> bool {
        self.figure.len() > 8
    }
}

/// What is paid for, shown beside every step.
#[derive(Debug, Clone)]
pub struct Summary {
    /// What the customer pays: the price, or once the method is chosen the amount in the customer's currency.
    pub amount: Amount,
    /// The merchant's price where it differs in currency or by the step of a unique amount.
    pub price: Option<Amount>,
    /// The locked rate in words, as `1 HKD = 0.174933 SGD`.
    pub rate: Option<String>,
    /// The order lines, possibly none.
    pub orders: Vec<OrderLine>,
}

/// One line of the order.
#[derive(Debug, Clone)]
pub struct OrderLine {
    /// The merchant's name for it.
    pub name: MerchantText,
    /// How many; not shown when it is `1`.
    pub quantity: String,
    /// The line's amount in the merchant's currency; absent when the merchant gave none.
    pub amount: Option<Amount>,
}

/// A form's address and the hidden fields that go with it.
#[derive(Debug, Clone)]
pub struct FormTarget {
    /// Where the form posts to, on our own host.
    pub url: String,
    /// Hidden fields, name and value, as `isSandbox`.
    pub hidden: Vec<(&'static str, String)>,
}

/// The way back to the merchant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnLink {
    url: String,
    host: String,
}

impl ReturnLink {
    /// Takes the merchant's `redirectUrl`; `None` unless it is an absolute http or https address with a host.
    ///
    /// The host is shown in its ASCII form (`xn--...`), so letters that look like others show their true nature.
    #[must_use]
    pub fn new(redirect_url: &str) -> Option<Self> {
        let url = Url::parse(redirect_url).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
        let host = url.host_str().filter(|host| !host.is_empty())?.to_owned();
        Some(Self { url: url.into(), host })
    }

    /// The address to go to.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The button's words, which name the host.
    #[must_use]
    pub fn label(&self, strings: &Strings) -> String {
        fill(strings.common.back_to, &[("host", &self.host)])
    }
}

#[cfg(test)]
mod tests;
