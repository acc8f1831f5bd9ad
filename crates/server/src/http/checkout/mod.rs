//! The hosted checkout: what the customer sees.
//!
//! The presentation is [`view`] and its templates, assets and texts: display-ready values in, HTML out. The handlers
//! load a session (`load`), call a flow and fill a view (`present`). Forms work without scripts: every POST answers
//! with a redirect to the page, whose address never changes.

pub mod assets;
pub mod cancel;
mod choice;
pub mod code;
mod details;
pub mod events;
mod fields;
pub mod headers;
pub mod initiate;
mod load;
pub mod merchant_text;
pub mod page;
pub mod picture;
pub mod pictures;
pub(super) mod present;
pub mod simulate;
pub mod start;
pub mod status;
pub(super) mod streams;
pub mod text;
pub mod verify;
pub mod view;

pub(super) use load::html;

pub use headers::{CONTENT_SECURITY_POLICY, security_headers};

use super::object_id::ObjectId;
use axum::http::header;
use axum::response::{IntoResponse, Response};

/// A style sheet, a script or the icon, under a name that changes with its content.
pub(super) async fn asset(ObjectId(path): ObjectId) -> Response {
    match assets::asset(&format!("{}{path}", assets::PREFIX)) {
        Some(asset) => {
            let headers = [(header::CONTENT_TYPE, asset.content_type), (header::CACHE_CONTROL, assets::CACHE_CONTROL)];
            (headers, asset.bytes).into_response()
        }
        None => super::error::ApiError::not_found().into_response(),
    }
}
