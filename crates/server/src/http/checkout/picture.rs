//! `GET /checkout/sessions/{id}/qr.svg`: the QR as a file.

use super::super::error::ApiError;
use super::super::object_id::ObjectId;
use super::super::router::Web;
use super::load::{Checkout, NoPage, Visitor, message};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// The picture of the charge's QR, if it has one.
pub async fn handle(State(web): State<Arc<Web>>, visitor: Visitor, ObjectId(id): ObjectId) -> Response {
    let checkout = match Checkout::load(&web, &visitor, &id, None).await {
        Ok(checkout) => checkout,
        Err(NoPage::NotFound) => return ApiError::not_found().into_response(),
        Err(no_page) => return message(no_page, &visitor),
    };
    let charge = checkout.charge.filter(|charge| !charge.destination.qr_code.is_empty());
    let Some(charge) = charge else { return ApiError::not_found().into_response() };
    match web.pictures.svg(charge.id, &charge.destination.qr_code) {
        Some(svg) => {
            let policy = (header::CONTENT_SECURITY_POLICY, "default-src 'none'");
            ([(header::CONTENT_TYPE, "image/svg+xml"), policy], svg.to_string()).into_response()
        }
        None => ApiError::not_found().into_response(),
    }
}
