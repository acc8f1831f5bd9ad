//! What merchants are told: the body of webhooks and callbacks.

use super::amount::Amount;
use super::json::{Raw, to_text};
use super::time::epoch_seconds;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use xanpay_domain::charge::Charge;
use xanpay_domain::time::Timestamp;

#[derive(Serialize)]
struct Notice<'a> {
    timestamp: Raw<'a>,
    reason: &'static str,
    payload: Payload<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Payload<'a> {
    charge_id: String,
    merchant_id: String,
    customer_currency: &'static str,
    merchant_amount: Amount,
    merchant_currency: &'static str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    notify_payload: Option<&'a str>,
    payment_method: &'static str,
    orders: Vec<Line<'a>>,
    // Ours, behind the documented fields.
    customer_amount: Amount,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    received_amount: Option<Amount>,
}

/// An order line of a notice: the documented members, as the merchant sent them.
#[derive(Serialize, Deserialize)]
struct Line<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    id: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    name: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    quantity: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    amount: Option<&'a RawValue>,
    /// Where the line has none, the merchant's.
    currency: Option<String>,
}

/// The notice of a charge's status at an instant.
#[must_use]
pub fn status_notice(charge: &Charge, now: Timestamp) -> String {
    let currency = charge.merchant_amount.currency().code();
    let mut orders: Vec<Line<'_>> =
        charge.orders.as_deref().and_then(|orders| serde_json::from_str(orders).ok()).unwrap_or_default();
    for line in &mut orders {
        line.currency.get_or_insert_with(|| currency.to_owned());
    }
    to_text(&Notice {
        timestamp: Raw(&epoch_seconds(now)),
        reason: "charge_status_updated",
        payload: Payload {
            charge_id: charge.id.to_text(),
            merchant_id: charge.merchant_id.to_text(),
            customer_currency: charge.customer_amount.currency().code(),
            merchant_amount: Amount(charge.merchant_amount),
            merchant_currency: currency,
            status: charge.state.status().as_str(),
            notify_payload: charge.notify_payload.as_deref(),
            payment_method: charge.method.as_str(),
            orders,
            customer_amount: Amount(charge.customer_amount),
            session_id: charge.session_id.map(|id| id.to_text()),
            received_amount: (!charge.received.is_zero()).then_some(Amount(charge.received)),
        },
    })
}
