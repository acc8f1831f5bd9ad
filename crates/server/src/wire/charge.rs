//! A charge as the API shows it: the classic view of `/charges`, and the richer one of a session's charge.

use super::amount::Amount;
use super::json::{Raw, to_text};
use super::time::iso;
use crate::flows::CreatedCharge;
use serde::Serialize;
use xanpay_domain::charge::{Charge, ChargeState};
use xanpay_domain::time::Timestamp;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ClassicView<'a> {
    id: String,
    customer: String,
    merchant_amount: Amount,
    merchant_currency: &'static str,
    method: &'static str,
    customer_amount: Amount,
    customer_currency: &'static str,
    status: &'static str,
    destination: ClassicDestination<'a>,
    created_at: i64,
    updated_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_duplicate: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancel_token: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ClassicDestination<'a> {
    account: &'a str,
    nonce: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    qr_code: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionChargeView<'a> {
    id: String,
    customer: CustomerView<'a>,
    refunds: [(); 0],
    #[serde(skip_serializing_if = "Option::is_none")]
    orders: Option<Raw<'a>>,
    destination: FullDestination<'a>,
    merchant_amount: Amount,
    merchant_currency: &'static str,
    method: &'static str,
    customer_amount: Amount,
    customer_currency: &'static str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    notify_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notify_payload: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<String>,
    created_at: String,
    updated_at: String,
    // Ours, behind the documented fields.
    expires_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    received_amount: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paid_late: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<RateView<'a>>,
}

#[derive(Serialize)]
struct CustomerView<'a> {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FullDestination<'a> {
    account: &'a str,
    nonce: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    qr_code: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    account_name: &'a str,
    bank: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RateView<'a> {
    value: String,
    source: &'a str,
    as_of: String,
}

/// The classic view: exactly the documented fields.
#[must_use]
pub fn classic_json(charge: &Charge, now: Timestamp) -> String {
    to_text(&classic(charge, now))
}

/// The classic view of a charge that was just asked for, with its token and whether it was there before.
#[must_use]
pub fn created_json(created: &CreatedCharge) -> String {
    let charge = &created.charge;
    to_text(&ClassicView {
        is_duplicate: Some(created.is_duplicate),
        cancel_token: Some(created.cancel_token.reveal()),
        // Fresh or found pending a moment ago: its stored state is its state.
        ..classic(charge, charge.updated_at)
    })
}

fn classic(charge: &Charge, now: Timestamp) -> ClassicView<'_> {
    let to = &charge.destination;
    ClassicView {
        id: charge.id.to_text(),
        customer: charge.customer_id.to_text(),
        merchant_amount: Amount(charge.merchant_amount),
        merchant_currency: charge.merchant_amount.currency().code(),
        method: charge.method.as_str(),
        customer_amount: Amount(charge.customer_amount),
        customer_currency: charge.customer_amount.currency().code(),
        status: charge.status_at(now).as_str(),
        destination: ClassicDestination { account: &to.account, nonce: &to.nonce, qr_code: &to.qr_code },
        created_at: charge.created_at.as_millis(),
        updated_at: charge.updated_at(now).as_millis(),
        is_duplicate: None,
        cancel_token: None,
    }
}

/// The view of a session's charge.
#[must_use]
pub fn session_charge_json(charge: &Charge, now: Timestamp) -> String {
    let to = &charge.destination;
    let paid_late = matches!(charge.state, ChargeState::Completed { paid_late: true, .. });
    to_text(&SessionChargeView {
        id: charge.id.to_text(),
        customer: CustomerView {
            id: charge.customer_id.to_text(),
            email: charge.email.as_ref().map(|email| email.as_str()),
            phone: charge.phone.as_ref().map(|phone| phone.joined()),
        },
        refunds: [],
        orders: charge.orders.as_deref().map(Raw),
        destination: FullDestination {
            account: &to.account,
            nonce: &to.nonce,
            qr_code: &to.qr_code,
            account_name: &to.account_name,
            bank: &to.bank,
        },
        merchant_amount: Amount(charge.merchant_amount),
        merchant_currency: charge.merchant_amount.currency().code(),
        method: charge.method.as_str(),
        customer_amount: Amount(charge.customer_amount),
        customer_currency: charge.customer_amount.currency().code(),
        status: charge.status_at(now).as_str(),
        notify_url: charge.notify_url.as_deref(),
        notify_payload: charge.notify_payload.as_deref(),
        session_id: charge.session_id.map(|id| id.to_text()),
        created_at: iso(charge.created_at),
        updated_at: iso(charge.updated_at(now)),
        expires_at: iso(charge.expires_at),
        received_amount: (!charge.received.is_zero()).then_some(Amount(charge.received)),
        paid_late: paid_late.then_some(true),
        rate: charge.rate.as_ref().map(|locked| RateView {
            value: locked.rate.to_string(),
            source: &locked.source,
            as_of: iso(locked.as_of),
        }),
    })
}
