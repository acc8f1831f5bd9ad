//! `POST /checkout/sessions/{id}/start`: the customer has chosen how to pay.

use super::super::limits::read_body;
use super::super::object_id::ObjectId;
use super::super::router::Web;
use super::load::{Checkout, NoPage, Visitor, html, message, see_page};
use super::present::choose_page;
use super::view::{FieldFault, MethodFault};
use crate::flows::{self, FlowError, Kind, Start};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use std::collections::HashMap;
use std::sync::Arc;
use xanpay_domain::contact::{Email, Phone};
use xanpay_domain::method::Method;

/// What was typed, and what of it can be used.
#[derive(Default)]
struct Entered {
    method: Option<Method>,
    method_fault: Option<MethodFault>,
    email: String,
    email_fault: Option<FieldFault>,
    phone_code: String,
    phone: String,
    phone_fault: Option<FieldFault>,
}

/// Makes the session's charge and goes back to the page, which shows how to pay it.
pub async fn handle(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    ObjectId(id): ObjectId,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let body = match read_body(&headers, body).await {
        Ok(body) => body,
        Err(error) => return error.into_response(),
    };
    match start(&web, &visitor, &id, &body).await {
        Ok(response) => response,
        Err(no_page) => message(no_page, &visitor),
    }
}

async fn start(web: &Web, visitor: &Visitor, id: &str, body: &[u8]) -> Result<Response, NoPage> {
    let checkout = Checkout::load(web, visitor, id, None).await?;
    let (mut entered, usable) = read(body);
    let Some(start) = usable else {
        flows::initiate_session(&web.app, &checkout.session).await?;
        return again(web, &checkout, entered).await;
    };
    match flows::start_checkout(&web.app, &checkout.merchant, &checkout.session, start).await {
        Ok(_) => Ok(see_page(&checkout)),
        // Over already: the page says how.
        Err(FlowError::Refused(refusal)) if refusal.kind == Kind::Conflict => Ok(see_page(&checkout)),
        Err(FlowError::Refused(_)) => {
            entered.method_fault = Some(MethodFault::NotOffered);
            again(web, &checkout, entered).await
        }
        Err(error) => Err(error.into()),
    }
}

/// The page once more with what was typed and what is wrong with it.
async fn again(web: &Web, checkout: &Checkout, entered: Entered) -> Result<Response, NoPage> {
    let mut page = choose_page(web, checkout).await?;
    page.selected = entered.method.or(page.selected);
    page.method_fault = entered.method_fault;
    if let Some(email) = &mut page.email {
        (email.value, email.fault) = (entered.email, entered.email_fault);
    }
    if let Some(phone) = &mut page.phone {
        (phone.code, phone.number, phone.fault) = (entered.phone_code, entered.phone, entered.phone_fault);
    }
    Ok(html(StatusCode::BAD_REQUEST, &page))
}

fn read(body: &[u8]) -> (Entered, Option<Start>) {
    let fields: HashMap<_, _> = url::form_urlencoded::parse(body).into_owned().collect();
    let field = |name: &str| fields.get(name).map(|value| value.trim().to_owned()).unwrap_or_default();
    let mut entered =
        Entered { email: field("email"), phone_code: field("phoneCode"), phone: field("phone"), ..Entered::default() };
    match field("method").as_str() {
        "" => entered.method_fault = Some(MethodFault::Missing),
        name => match name.parse() {
            Ok(method) => entered.method = Some(method),
            Err(_) => entered.method_fault = Some(MethodFault::NotOffered),
        },
    }
    let email = match entered.email.as_str() {
        "" => {
            entered.email_fault = Some(FieldFault::Missing);
            None
        }
        text => match Email::parse(text) {
            Ok(email) => Some(email),
            Err(_) => {
                entered.email_fault = Some(FieldFault::Malformed);
                None
            }
        },
    };
    let phone = match (entered.phone_code.as_str(), entered.phone.as_str()) {
        // A country code alone is what the browser filled in, not what the customer typed.
        (_, "") => None,
        (code, number) => {
            let digits: String = number.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')')).collect();
            match Phone::parse(code, &digits) {
                Ok(phone) => Some(phone),
                Err(_) => {
                    entered.phone_fault = Some(FieldFault::Malformed);
                    None
                }
            }
        }
    };
    let clean = entered.method_fault.is_none() && entered.email_fault.is_none() && entered.phone_fault.is_none();
    let start = entered.method.filter(|_| clean).map(|method| Start { method, email, phone });
    (entered, start)
}
