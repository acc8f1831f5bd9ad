//! `POST /checkout/sessions/{id}/simulate`: in sandbox, the customer's bank is a button.

use super::load::{Checkout, NoPage, Visitor, message, see_page};
use crate::flows::{self, NewTransfer};
use crate::http::object_id::ObjectId;
use crate::http::router::Web;
use crate::wire::transfer::recorded_json;
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;
use xanpay_domain::charge::ChargeStatus;
use xanpay_domain::environment::Environment;
use xanpay_domain::transfer::{Booked, ReportedTransfer};

/// Pays what is missing by a transfer that no bank has made, and goes back to the page.
pub async fn handle(State(web): State<Arc<Web>>, visitor: Visitor, ObjectId(id): ObjectId) -> Response {
    simulate(&web, &visitor, &id).await.unwrap_or_else(|no_page| message(no_page, &visitor))
}

async fn simulate(web: &Web, visitor: &Visitor, id: &str) -> Result<Response, NoPage> {
    let checkout = Checkout::load(web, visitor, id, None).await?;
    if checkout.session.environment != Environment::Sandbox {
        return Err(NoPage::NotFound);
    }
    let pending = checkout.charge.as_ref().filter(|charge| charge.status_at(checkout.now) == ChargeStatus::Pending);
    if let Some(charge) = pending {
        let new = NewTransfer {
            environment: Environment::Sandbox,
            method: Some(charge.method),
            account: charge.destination.account.clone(),
            reported: ReportedTransfer {
                amount: charge.outstanding(),
                booked: Booked::At(checkout.now),
                texts: vec![charge.destination.nonce.clone()],
                // Pressed twice, it is one payment.
                bank_reference: Some(format!("SIM-{}-{}", charge.id, charge.received.minor())),
                end_to_end_id: None,
                payer_name: Some("Sandbox Customer".to_owned()),
                payer_account: None,
                reversal: false,
            },
            source: "sandbox",
            merchant: Some(Arc::clone(&checkout.merchant)),
        };
        flows::record_transfer(&web.app, new, None, recorded_json).await?;
    }
    Ok(see_page(&checkout))
}
