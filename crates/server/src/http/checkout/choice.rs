//! What the customer chose and typed, carried from the chooser to the page that asks for the code.
//!
//! It travels sealed in the page's address, so that reading the page again, coming back from the message's app and
//! working without scripts or cookies all find it, and no log of addresses holds contact data. The seal keeps it from
//! being read and from being used at another session; what it says is checked like anything else that was typed.

use crate::app::App;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use xanpay_domain::contact::{Email, Phone};
use xanpay_domain::id::SessionId;
use xanpay_domain::method::Method;

/// The longest sealed choice that is looked at: an e-mail address has at most 254 characters.
const MAX_SEALED: usize = 600;

/// A choice that only wants the proof of its phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) method: Method,
    pub(super) email: Email,
    pub(super) phone: Phone,
}

impl Choice {
    /// Seals the choice for a session's page. Nothing comes of it only when the cryptographic library fails.
    pub(super) fn seal(&self, app: &App, session: SessionId) -> Option<String> {
        let parts = [self.method.as_str(), self.phone.code(), self.phone.number(), self.email.as_str()];
        let sealed = app.seal(&purpose(session), parts.join(" ").as_bytes()).ok()?;
        Some(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Opens a choice that was sealed for this session.
    pub(super) fn open(app: &App, session: SessionId, sealed: &str) -> Option<Self> {
        if sealed.len() > MAX_SEALED {
            return None;
        }
        let opened = app.unseal(&purpose(session), &URL_SAFE_NO_PAD.decode(sealed).ok()?).ok()?;
        let text = String::from_utf8(opened).ok()?;
        let mut parts = text.splitn(4, ' ');
        let method = parts.next()?.parse().ok()?;
        let phone = Phone::parse(parts.next()?, parts.next()?).ok()?;
        Some(Self { method, email: Email::parse(parts.next()?).ok()?, phone })
    }
}

fn purpose(session: SessionId) -> String {
    format!("checkout choice {session}")
}
