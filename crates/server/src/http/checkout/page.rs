//! `GET /?sessionId=...[&isSandbox=true]`, also under `/checkout/`: the page, whatever the session's state.

use super::choice::Choice;
use super::load::{Checkout, NoPage, Visitor, html, message, see_page};
use super::present::{choose_again, choose_page, closed_page, pay_page, receipt_page};
use super::verify::verify_page;
use super::view::Closing;
use crate::flows;
use crate::http::object_id::ObjectId;
use crate::http::router::Web;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use std::sync::Arc;
use xanpay_domain::charge::ChargeStatus;
use xanpay_domain::session::SessionState;

/// Shows the page. Reading it changes nothing: a link preview does not use a session up.
pub async fn handle(State(web): State<Arc<Web>>, visitor: Visitor, RawQuery(query): RawQuery) -> Response {
    match show(&web, &visitor, query.as_deref().unwrap_or("")).await {
        Ok(response) => response,
        Err(no_page) => message(no_page, &visitor),
    }
}

/// The way from the address of a form to its session's page, which shows what has become of it.
pub async fn of_form(State(web): State<Arc<Web>>, visitor: Visitor, ObjectId(id): ObjectId) -> Response {
    match Checkout::load(&web, &visitor, &id, None).await {
        Ok(checkout) => see_page(&checkout),
        Err(no_page) => message(no_page, &visitor),
    }
}

/// What the address says.
#[derive(Default)]
struct Asked {
    session: Option<String>,
    sandbox: bool,
    /// The sealed choice of a customer who is to prove a phone.
    choice: Option<String>,
    /// That customer wants to change something.
    change: bool,
}

impl Asked {
    fn read(query: &str) -> Self {
        let mut asked = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "sessionId" => asked.session = Some(value.into_owned()),
                "isSandbox" => asked.sandbox = value == "true",
                "choice" => asked.choice = Some(value.into_owned()),
                "change" => asked.change = value == "true",
                _ => {}
            }
        }
        asked
    }
}

async fn show(web: &Web, visitor: &Visitor, query: &str) -> Result<Response, NoPage> {
    let asked = Asked::read(query);
    let id = asked.session.as_deref().ok_or(NoPage::NotFound)?;
    let checkout = Checkout::load(web, visitor, id, Some(asked.sandbox)).await?;
    if let Some(charge) = &checkout.charge {
        return Ok(match charge.status_at(checkout.now) {
            ChargeStatus::Pending => html(StatusCode::OK, &pay_page(web, &checkout, charge).await?),
            ChargeStatus::Completed => html(StatusCode::OK, &receipt_page(&checkout, charge)),
            ChargeStatus::Expired => html(StatusCode::OK, &closed_page(&checkout, Closing::Expired)),
            ChargeStatus::Cancelled => html(StatusCode::OK, &closed_page(&checkout, Closing::Cancelled)),
        });
    }
    match checkout.session.state_at(checkout.now) {
        SessionState::Created { .. } | SessionState::Initiated { .. } => open_page(web, &checkout, &asked).await,
        SessionState::Cancelled => Ok(html(StatusCode::OK, &closed_page(&checkout, Closing::Cancelled))),
        // A charged session without its charge cannot be; the safe thing to show is that nothing can be paid.
        SessionState::Expired | SessionState::Charged { .. } => {
            Ok(html(StatusCode::OK, &closed_page(&checkout, Closing::Expired)))
        }
    }
}

/// The page of a session without a charge: the chooser, or the question for the code that was sent.
async fn open_page(web: &Web, checkout: &Checkout, asked: &Asked) -> Result<Response, NoPage> {
    let made = asked.choice.as_deref().and_then(|sealed| {
        let choice = Choice::open(&web.app, checkout.session.id, sealed)?;
        Some((sealed, choice))
    });
    let Some((sealed, choice)) = made else {
        return Ok(html(StatusCode::OK, &choose_page(web, checkout).await?));
    };
    let asks = checkout.merchant.phone_verification && flows::can_send_codes(&checkout.merchant);
    if asks && !asked.change {
        return Ok(html(StatusCode::OK, &verify_page(web, checkout, &choice, sealed).await?));
    }
    Ok(html(StatusCode::OK, &choose_again(web, checkout, &choice).await?))
}
