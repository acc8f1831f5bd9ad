//! `POST /checkout/sessions/{id}/start`: the customer has chosen how to pay.

use super::choice::Choice;
use super::code;
use super::fields::Fields;
use super::load::{Checkout, NoPage, Visitor, html, message, over, see, see_page};
use super::present::choose_page;
use super::view::{FieldFault, MethodFault};
use crate::flows::{self, FlowError, Kind, Start};
use crate::http::object_id::ObjectId;
use crate::http::router::Web;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
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

/// What was chosen and typed, when all of it can be used.
struct Chosen {
    method: Method,
    email: Email,
    phone: Option<Phone>,
}

/// Makes the session's charge and goes back to the page, which shows how to pay it; or has a code sent to the phone,
/// where the merchant wants it proved.
pub async fn handle(State(web): State<Arc<Web>>, visitor: Visitor, ObjectId(id): ObjectId, fields: Fields) -> Response {
    start(&web, &visitor, &id, &fields).await.unwrap_or_else(|no_page| message(no_page, &visitor))
}

async fn start(web: &Web, visitor: &Visitor, id: &str, fields: &Fields) -> Result<Response, NoPage> {
    let checkout = Checkout::load(web, visitor, id, None).await?;
    // Whatever has become of the method since: the page says how it ended, or how to pay.
    if !checkout.is_open() {
        return Ok(over(&checkout, visitor));
    }
    let (mut entered, usable) = read(fields, checkout.merchant.phone_verification);
    let Some(chosen) = usable else {
        flows::initiate_session(&web.app, &checkout.session).await?;
        return again(web, &checkout, entered).await;
    };
    let started = match &chosen.phone {
        Some(phone) if checkout.merchant.phone_verification => {
            let choice = Choice { method: chosen.method, email: chosen.email, phone: phone.clone() };
            ask_for_code(web, visitor, &checkout, &choice).await
        }
        Some(_) | None => charge(web, &checkout, chosen).await,
    };
    match started {
        // Over already: the page says how.
        Err(NoPage::Failed(FlowError::Refused(refusal))) if refusal.kind == Kind::Conflict => Ok(see_page(&checkout)),
        Err(NoPage::Failed(FlowError::Refused(_))) => {
            entered.method_fault = Some(MethodFault::NotOffered);
            again(web, &checkout, entered).await
        }
        answered => answered,
    }
}

async fn charge(web: &Web, checkout: &Checkout, chosen: Chosen) -> Result<Response, NoPage> {
    let start = Start { method: chosen.method, email: Some(chosen.email), phone: chosen.phone, otp: None };
    flows::start_checkout(&web.app, &checkout.merchant, &checkout.session, start).await?;
    Ok(see_page(checkout))
}

/// Sends a code to the phone, unless one is waited for, and goes to the page that asks for it.
async fn ask_for_code(web: &Web, visitor: &Visitor, checkout: &Checkout, choice: &Choice) -> Result<Response, NoPage> {
    if !flows::can_send_codes(&checkout.merchant) {
        return unprovable(web, checkout).await;
    }
    // Nobody proves a phone for a method that cannot be paid.
    flows::check_method(&web.app, &checkout.merchant, &checkout.session, choice.method).await?;
    flows::initiate_session(&web.app, &checkout.session).await?;
    let sealed = choice.seal(&web.app, checkout.session.id);
    let sealed = sealed.ok_or_else(|| FlowError::Internal("a choice could not be sealed".to_owned()))?;
    if !flows::phone_code(&web.app, &checkout.merchant, &choice.phone).await?.is_awaited() {
        code::send(web, visitor, checkout, &choice.phone).await?;
    }
    Ok(see(&checkout.code_url(&sealed)))
}

/// The page that says that no phone can be proved, and so nothing can be paid.
pub(super) async fn unprovable(web: &Web, checkout: &Checkout) -> Result<Response, NoPage> {
    let mut response = html(StatusCode::SERVICE_UNAVAILABLE, &choose_page(web, checkout).await?);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("3600"));
    Ok(response)
}

/// The page once more with what was typed and what is wrong with it.
async fn again(web: &Web, checkout: &Checkout, entered: Entered) -> Result<Response, NoPage> {
    let mut page = choose_page(web, checkout).await?;
    page.selected = entered.method.or(page.selected);
    page.method_fault = entered.method_fault;
    (page.email.value, page.email.fault) = (entered.email, entered.email_fault);
    let phone = &mut page.phone;
    (phone.code, phone.number, phone.fault) = (entered.phone_code, entered.phone, entered.phone_fault);
    Ok(html(StatusCode::BAD_REQUEST, &page))
}

fn read(fields: &Fields, needs_phone: bool) -> (Entered, Option<Chosen>) {
    let field = |name: &str| fields.get(name);
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
    let phone = read_phone(&entered.phone_code, &entered.phone, needs_phone).unwrap_or_else(|fault| {
        entered.phone_fault = Some(fault);
        None
    });
    let clean = entered.method_fault.is_none() && entered.email_fault.is_none() && entered.phone_fault.is_none();
    let chosen = match (entered.method, email) {
        (Some(method), Some(email)) if clean => Some(Chosen { method, email, phone }),
        _ => None,
    };
    (entered, chosen)
}

/// The phone number that was typed, if one was: a country code alone is what the browser filled in.
fn read_phone(code: &str, number: &str, is_needed: bool) -> Result<Option<Phone>, FieldFault> {
    if number.is_empty() {
        return if is_needed { Err(FieldFault::Missing) } else { Ok(None) };
    }
    let digits: String = number.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')')).collect();
    let phone = Phone::parse(code, &digits).map_err(|_| FieldFault::Malformed)?;
    // A code will be sent to it.
    if is_needed && !phone.takes_messages() { Err(FieldFault::NotAllowed) } else { Ok(Some(phone)) }
}
