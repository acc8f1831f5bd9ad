//! `POST /checkout/sessions/{id}/cancel`: the customer gives up.

use super::load::{Checkout, NoPage, Visitor, message, see_page};
use crate::flows;
use crate::http::object_id::ObjectId;
use crate::http::router::Web;
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;

/// Cancels and goes back to the page, which shows what has become of the session.
pub async fn handle(State(web): State<Arc<Web>>, visitor: Visitor, ObjectId(id): ObjectId) -> Response {
    let cancelled = async {
        let checkout = Checkout::load(&web, &visitor, &id, None).await?;
        flows::cancel_session(&web.app, &checkout.session).await?;
        Ok::<_, NoPage>(see_page(&checkout))
    };
    cancelled.await.unwrap_or_else(|no_page| message(no_page, &visitor))
}
