//! `GET /checkout/sessions/{id}/qr.svg`: the QR as a file.

use super::load::{Checkout, Visitor, problem};
use super::pictures::code_of;
use crate::directory::{Freshness, account_by_id};
use crate::flows::FlowError;
use crate::http::error::ApiError;
use crate::http::object_id::ObjectId;
use crate::http::router::Web;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// The picture of the code by which the charge can be paid, if there is one.
pub async fn handle(State(web): State<Arc<Web>>, visitor: Visitor, ObjectId(id): ObjectId) -> Response {
    let checkout = match Checkout::load(&web, &visitor, &id, None).await {
        Ok(checkout) => checkout,
        Err(no_page) => return problem(no_page),
    };
    match picture(&web, &checkout).await {
        Ok(Some(svg)) => {
            let policy = (header::CONTENT_SECURITY_POLICY, "default-src 'none'");
            ([(header::CONTENT_TYPE, "image/svg+xml"), policy], svg.to_string()).into_response()
        }
        Ok(None) => ApiError::not_found().into_response(),
        Err(error) => ApiError::from(error).into_response(),
    }
}

async fn picture(web: &Web, checkout: &Checkout) -> Result<Option<Arc<str>>, FlowError> {
    let Some(charge) = &checkout.charge else { return Ok(None) };
    let accounts = web.app.directory.accounts(&web.app.store, charge.environment, Freshness::Remembered).await?;
    let code = code_of(charge, account_by_id(&accounts, charge.destination.account_id));
    Ok(code.and_then(|code| web.pictures.svg(charge, &code)))
}
