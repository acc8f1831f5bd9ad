//! `POST /checkout/sessions/{id}/verify`: the customer has entered the code from the message.

use super::choice::Choice;
use super::fields::Fields;
use super::load::{Checkout, NoPage, Visitor, frame, html, message, over, see, see_page};
use super::present::{choose_again, form, open_live, session_summary};
use super::start::unprovable;
use super::view::{ChooseNotice, CodeFault, Inbox, MethodFault, Standing, VerifyPage};
use crate::flows::{self, FlowError, Kind, Start, Started};
use crate::http::object_id::ObjectId;
use crate::http::router::Web;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use std::sync::Arc;
use xanpay_domain::environment::Environment;
use xanpay_domain::verification::{CodeStanding, read_otp};

/// Makes the session's charge when the code proves the phone.
pub async fn handle(State(web): State<Arc<Web>>, visitor: Visitor, ObjectId(id): ObjectId, fields: Fields) -> Response {
    verify(&web, &visitor, &id, &fields).await.unwrap_or_else(|no_page| message(no_page, &visitor))
}

async fn verify(web: &Web, visitor: &Visitor, id: &str, fields: &Fields) -> Result<Response, NoPage> {
    let checkout = Checkout::load(web, visitor, id, None).await?;
    if !checkout.is_open() {
        return Ok(over(&checkout, visitor));
    }
    let sealed = fields.get("choice");
    let Some(choice) = Choice::open(&web.app, checkout.session.id, &sealed) else {
        return stale(web, &checkout).await;
    };
    let otp = match read_code(&fields.get("code")) {
        Ok(otp) => otp,
        Err(fault) => {
            let page = verify_page(web, &checkout, &choice, &sealed).await?;
            return Ok(html(StatusCode::BAD_REQUEST, &VerifyPage { fault: Some(fault), ..page }));
        }
    };
    let start = Start {
        method: choice.method,
        email: Some(choice.email.clone()),
        phone: Some(choice.phone.clone()),
        otp: Some(otp),
    };
    match flows::start_checkout(&web.app, &checkout.merchant, &checkout.session, start).await {
        Ok(Started::Charged(_)) => Ok(see_page(&checkout)),
        // The page says what is wrong with it and how many tries are left.
        Ok(Started::Unproved) => Ok(see(&checkout.code_url(&sealed))),
        Err(FlowError::Refused(refusal)) if refusal.kind == Kind::Conflict => Ok(see_page(&checkout)),
        Err(FlowError::Refused(_)) => {
            let mut page = choose_again(web, &checkout, &choice).await?;
            page.method_fault = Some(MethodFault::NotOffered);
            Ok(html(StatusCode::BAD_REQUEST, &page))
        }
        Err(error) => Err(error.into()),
    }
}

fn read_code(text: &str) -> Result<String, CodeFault> {
    let fault = if text.trim().is_empty() { CodeFault::Missing } else { CodeFault::Malformed };
    read_otp(text).ok_or(fault)
}

/// The chooser for a form whose choice cannot be read any more.
pub(super) async fn stale(web: &Web, checkout: &Checkout) -> Result<Response, NoPage> {
    if !flows::can_send_codes(&checkout.merchant) && checkout.merchant.phone_verification {
        return unprovable(web, checkout).await;
    }
    let mut page = super::present::choose_page(web, checkout).await?;
    page.notice = Some(ChooseNotice::FormStale);
    Ok(html(StatusCode::BAD_REQUEST, &page))
}

/// The page that asks for the code, as things stand with the phone.
pub(super) async fn verify_page(
    web: &Web,
    checkout: &Checkout,
    choice: &Choice,
    sealed: &str,
) -> Result<VerifyPage, FlowError> {
    let code = flows::phone_code(&web.app, &checkout.merchant, &choice.phone).await?;
    let (standing, fault) = match code.standing {
        CodeStanding::Awaited { wrong: 0, .. } => (Standing::Awaited, None),
        CodeStanding::Awaited { left, .. } => (Standing::Awaited, Some(CodeFault::Wrong { left })),
        CodeStanding::Absent => (Standing::Absent, None),
        CodeStanding::Spent => (Standing::Spent, None),
        CodeStanding::Expired => (Standing::Expired, None),
    };
    let inbox = match (standing, checkout.session.environment, code.sent_at) {
        (Standing::Awaited, Environment::Sandbox, Some(sent_at)) => {
            let text = flows::sandbox_message(&web.app, &checkout.merchant, &choice.phone, sent_at).await?;
            Some(text.map_or(Inbox::Elsewhere, |text| Inbox::Message(text.reveal().clone())))
        }
        _ => None,
    };
    let with_choice = |verb| {
        let mut target = form(checkout, verb);
        target.hidden.push(("choice", sealed.to_owned()));
        target
    };
    Ok(VerifyPage {
        frame: frame(checkout),
        summary: session_summary(checkout),
        phone: format!("{}\u{a0}{}", choice.phone.code(), choice.phone.number()),
        standing,
        fault,
        wait_seconds: code.wait_s(checkout.now).into(),
        inbox,
        form: with_choice("verify"),
        again: with_choice("code"),
        change_url: checkout.change_url(sealed),
        cancel: form(checkout, "cancel"),
        live: open_live(checkout),
    })
}
