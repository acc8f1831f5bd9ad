//! A session as the API shows it.

use super::amount::Amount;
use super::json::{Raw, to_text};
use super::time::iso;
use serde::{Serialize, Serializer};
use xanpay_domain::method::Method;
use xanpay_domain::session::{Prefill, Session};
use xanpay_domain::time::Timestamp;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionView<'a> {
    id: String,
    amount: Amount,
    currency: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    orders: Option<Raw<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notify_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notify_payload: Option<&'a str>,
    status: &'static str,
    #[serde(serialize_with = "method_names")]
    methods: &'a [Method],
    #[serde(skip_serializing_if = "Option::is_none")]
    redirect_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<PrefillView<'a>>,
    created_at: String,
    updated_at: String,
}

#[derive(Serialize)]
struct PrefillView<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<PhoneView<'a>>,
}

/// The documents print `phone` before `code`.
#[derive(Serialize)]
struct PhoneView<'a> {
    phone: &'a str,
    code: &'a str,
}

/// The session object at an instant.
#[must_use]
pub fn session_json(session: &Session, now: Timestamp) -> String {
    to_text(&SessionView {
        id: session.id.to_text(),
        amount: Amount(session.amount),
        currency: session.amount.currency().code(),
        orders: session.orders.as_deref().map(Raw),
        notify_url: session.notify_url.as_deref(),
        notify_payload: session.notify_payload.as_deref(),
        status: session.state_at(now).as_str(),
        methods: &session.methods,
        redirect_url: session.redirect_url.as_deref(),
        customer: session.prefill.as_ref().map(prefill),
        created_at: iso(session.created_at),
        updated_at: iso(session.updated_at(now)),
    })
}

fn method_names<S: Serializer>(methods: &[Method], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(methods.iter().map(|method| method.as_str()))
}

fn prefill(prefill: &Prefill) -> PrefillView<'_> {
    PrefillView {
        email: prefill.email.as_ref().map(|email| email.as_str()),
        phone: prefill.phone.as_ref().map(|phone| PhoneView { phone: phone.number(), code: phone.code() }),
    }
}
