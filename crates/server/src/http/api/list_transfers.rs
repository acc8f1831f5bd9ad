//! `GET /transfers`

use super::json;
use crate::flows::Refusal;
use crate::http::auth::OperatorCaller;
use crate::http::error::ApiError;
use crate::http::router::Web;
use crate::wire::transfer::page_json;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use std::sync::Arc;
use xanpay_domain::id::TransferId;

/// Transfers on one page unless the caller wants fewer.
const PAGE: i64 = 50;

/// Lists transfers, the last received first; `before` is the id of the last one seen.
pub async fn handle(
    State(web): State<Arc<Web>>,
    caller: OperatorCaller,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let no_transfer = || Refusal::field("before", "invalid_field", "must be the id of one of these transfers");
    let (mut limit, mut before) = (PAGE, None);
    for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match &*name {
            "limit" => {
                let wanted = value.parse().ok().filter(|wanted| (1..=PAGE).contains(wanted));
                limit = wanted.ok_or_else(|| Refusal::field("limit", "invalid_field", "must be 1 to 50"))?;
            }
            "before" => {
                before = Some(TransferId::parse(&value).map_err(|_| no_transfer())?);
            }
            _ => {}
        }
    }
    let page = web.app.store.reader().list_transfers(caller.environment, before, limit).await?;
    Ok(json(page_json(&page.ok_or_else(no_transfer)?)))
}
