//! `GET /certificate`: the certificate against which callbacks can be verified.

use crate::http::auth::MerchantCaller;
use axum::http::header;
use axum::response::{IntoResponse, Response};

/// The merchant's certificate, PEM.
pub async fn handle(caller: MerchantCaller) -> Response {
    ([(header::CONTENT_TYPE, "application/x-pem-file")], caller.merchant.certificate.clone()).into_response()
}
