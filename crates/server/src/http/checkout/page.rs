//! `GET /?sessionId=...[&isSandbox=true]`, also under `/checkout/`: the page, whatever the session's state.

use super::super::router::Web;
use super::load::{Checkout, NoPage, Visitor, html, message};
use super::present::{choose_page, closed_page, pay_page, receipt_page};
use super::view::Closing;
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

async fn show(web: &Web, visitor: &Visitor, query: &str) -> Result<Response, NoPage> {
    let mut id = None;
    let mut sandbox = false;
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "sessionId" => id = Some(value.into_owned()),
            "isSandbox" => sandbox = value == "true",
            _ => {}
        }
    }
    let id = id.ok_or(NoPage::NotFound)?;
    let checkout = Checkout::load(web, visitor, &id, Some(sandbox)).await?;
    render(web, &checkout).await
}

/// The page of a checkout as it stands.
pub(super) async fn render(web: &Web, checkout: &Checkout) -> Result<Response, NoPage> {
    if let Some(charge) = &checkout.charge {
        return Ok(match charge.status_at(checkout.now) {
            ChargeStatus::Pending => html(StatusCode::OK, &pay_page(web, checkout, charge).await?),
            ChargeStatus::Completed => html(StatusCode::OK, &receipt_page(checkout, charge)),
            ChargeStatus::Expired => html(StatusCode::OK, &closed_page(checkout, Closing::Expired)),
            ChargeStatus::Cancelled => html(StatusCode::OK, &closed_page(checkout, Closing::Cancelled)),
        });
    }
    Ok(match checkout.session.state_at(checkout.now) {
        SessionState::Created { .. } | SessionState::Initiated { .. } => {
            html(StatusCode::OK, &choose_page(web, checkout).await?)
        }
        SessionState::Cancelled => html(StatusCode::OK, &closed_page(checkout, Closing::Cancelled)),
        // A charged session without its charge cannot be; the safe thing to show is that nothing can be paid.
        SessionState::Expired | SessionState::Charged { .. } => {
            html(StatusCode::OK, &closed_page(checkout, Closing::Expired))
        }
    })
}
