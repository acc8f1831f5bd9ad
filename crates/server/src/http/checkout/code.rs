//! `POST /checkout/sessions/{id}/code`: the customer asks for another code.

use super::choice::Choice;
use super::fields::Fields;
use super::load::{Checkout, NoPage, Visitor, message, over, see, see_page};
use super::start::unprovable;
use super::verify::stale;
use crate::flows::{self, FlowError, Kind};
use crate::http::object_id::ObjectId;
use crate::http::router::Web;
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;
use xanpay_domain::contact::Phone;

/// Sends another code and goes back to the page that asks for it.
pub async fn handle(State(web): State<Arc<Web>>, visitor: Visitor, ObjectId(id): ObjectId, fields: Fields) -> Response {
    again(&web, &visitor, &id, &fields).await.unwrap_or_else(|no_page| message(no_page, &visitor))
}

async fn again(web: &Web, visitor: &Visitor, id: &str, fields: &Fields) -> Result<Response, NoPage> {
    let checkout = Checkout::load(web, visitor, id, None).await?;
    if !checkout.is_open() {
        return Ok(over(&checkout, visitor));
    }
    let sealed = fields.get("choice");
    let Some(choice) = Choice::open(&web.app, checkout.session.id, &sealed) else {
        return stale(web, &checkout).await;
    };
    if !checkout.merchant.phone_verification {
        return Ok(see_page(&checkout));
    }
    if !flows::can_send_codes(&checkout.merchant) {
        return unprovable(web, &checkout).await;
    }
    send(web, visitor, &checkout, &choice.phone).await?;
    Ok(see(&checkout.code_url(&sealed)))
}

/// Sends a code. Asked for too early it is not sent, and the page says when it can be.
///
/// A stranger can have codes sent to anybody from here, so a session and an address have only so many.
pub(super) async fn send(web: &Web, visitor: &Visitor, checkout: &Checkout, phone: &Phone) -> Result<(), NoPage> {
    let (session, address) = (checkout.session.id, visitor.address());
    let no_more = |retry_after_s| NoPage::NoMoreCodes { retry_after_s, page_url: checkout.page_url() };
    web.codes_of_session.take(session).map_err(no_more)?;
    if let Err(retry_after_s) = web.codes_of_address.take(address) {
        web.codes_of_session.give_back(&session);
        return Err(no_more(retry_after_s));
    }
    let sent = flows::send_otp(&web.app, &checkout.merchant, phone.clone(), None).await;
    if sent.is_err() {
        web.codes_of_session.give_back(&session);
        web.codes_of_address.give_back(&address);
    }
    match sent {
        Err(FlowError::Refused(refusal)) if matches!(refusal.kind, Kind::TooMany(_)) => Ok(()),
        sent => Ok(sent?),
    }
}
