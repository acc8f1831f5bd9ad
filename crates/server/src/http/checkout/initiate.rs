//! `POST /checkout/sessions/{id}/initiate`: the page tells that the customer has begun to act.

use super::load::{Checkout, NoPage, Visitor, problem};
use crate::flows;
use crate::http::object_id::ObjectId;
use crate::http::router::Web;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// Begins the session's hour.
pub async fn handle(State(web): State<Arc<Web>>, visitor: Visitor, ObjectId(id): ObjectId) -> Response {
    let begun = async {
        let checkout = Checkout::load(&web, &visitor, &id, None).await?;
        flows::initiate_session(&web.app, &checkout.session).await?;
        Ok::<_, NoPage>(())
    };
    match begun.await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(no_page) => problem(no_page),
    }
}
