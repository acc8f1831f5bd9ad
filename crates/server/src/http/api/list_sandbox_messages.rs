//! `GET /sandbox/messages`: what would have been sent by SMS.

use super::json;
use crate::http::auth::SandboxCaller;
use crate::http::error::ApiError;
use crate::http::router::Web;
use crate::wire::json::to_text;
use crate::wire::time::iso;
use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use std::sync::Arc;

/// How many messages are shown.
const SHOWN: i64 = 50;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    to: String,
    text: String,
    created_at: String,
}

/// Lists the newest messages of the merchant's sandbox.
pub async fn handle(State(web): State<Arc<Web>>, SandboxCaller(caller): SandboxCaller) -> Result<Response, ApiError> {
    let messages = web.app.store.reader().list_sandbox_messages(caller.merchant.id, SHOWN).await?;
    #[derive(Serialize)]
    struct Page {
        data: Vec<Message>,
    }
    let shown = messages.into_iter().map(|message| Message {
        to: message.recipient,
        text: message.body.reveal().clone(),
        created_at: iso(message.created_at),
    });
    Ok(json(to_text(&Page { data: shown.collect() })))
}
