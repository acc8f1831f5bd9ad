//! Refusals and errors as HTTP: RFC 9457 problem details, in this one place.

use crate::flows::{Fault, FlowError, Kind, Refusal};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use xanpay_store::StoreError;

/// An answer that is an error. `source` is for the log and never for the caller.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    detail: String,
    faults: Vec<Fault>,
    retry_after_s: Option<u32>,
    source: Option<String>,
    key: Option<Box<str>>,
}

impl ApiError {
    /// An error without fields.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), faults: Vec::new(), retry_after_s: None, source: None, key: None }
    }

    /// Wrong, missing or revoked credentials: the answer is the same for all of them.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "a valid API key and secret are required")
    }

    /// Nothing is at this path, or it is not the caller's.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "there is no such object")
    }

    /// Asks the caller to come back.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// Names the caller's API key for the log. It must be one that is known.
    #[must_use]
    pub fn of_key(mut self, api_key: &str) -> Self {
        self.key = Some(api_key.into());
        self
    }

    /// Its status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// What the log should know.
    #[must_use]
    pub fn source(&self) -> Option<&str> {
        self.source.as_deref()
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let (status, retry_after_s) = match refusal.kind {
            Kind::Invalid => (StatusCode::BAD_REQUEST, None),
            Kind::Forbidden => (StatusCode::FORBIDDEN, None),
            Kind::NotFound => (StatusCode::NOT_FOUND, None),
            Kind::Conflict | Kind::InFlight => (StatusCode::CONFLICT, None),
            Kind::KeyReused => (StatusCode::UNPROCESSABLE_ENTITY, None),
            Kind::TooMany(after_s) => (StatusCode::TOO_MANY_REQUESTS, Some(after_s)),
            Kind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, Some(60)),
        };
        // A fault without a field is about the whole body; the detail says it.
        let faults = refusal.faults.into_iter().filter(|fault| !fault.field.is_empty()).collect();
        Self { status, code: refusal.code, detail: refusal.detail, faults, retry_after_s, source: None, key: None }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let unavailable = |code, detail: &str| Self {
            source: Some(error.to_string()),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).retry_after(1)
        };
        match &error {
            StoreError::Conflict | StoreError::Busy => unavailable("busy", "too much is happening at once; try again"),
            StoreError::Unavailable(_) => {
                unavailable("storage_unavailable", "the database cannot be reached; nothing was done")
            }
            StoreError::Unknown(_) => unavailable(
                "outcome_unknown",
                "it is not known whether the request was carried out; repeat it with the same Idempotency-Key",
            ),
            StoreError::Corrupt { .. } | StoreError::Schema(_) | StoreError::Driver(_) => Self {
                source: Some(error.to_string()),
                ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "something went wrong on our side")
            },
        }
    }
}

impl From<FlowError> for ApiError {
    fn from(error: FlowError) -> Self {
        match error {
            FlowError::Refused(refusal) => refusal.into(),
            FlowError::Store(error) => error.into(),
            FlowError::Internal(source) => Self {
                source: Some(source),
                ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "something went wrong on our side")
            },
        }
    }
}

#[derive(Serialize)]
struct Problem<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FaultView<'a>>,
}

#[derive(Serialize)]
struct FaultView<'a> {
    field: &'a str,
    code: &'a str,
    message: &'a str,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        debug_assert!(
            super::catalogue::CATALOGUE.iter().any(|entry| entry.code == self.code) || !self.faults.is_empty(),
            "{} is not in the catalogue",
            self.code
        );
        let problem = Problem {
            r#type: format!("/docs/errors#{}", self.code),
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code,
            errors: self
                .faults
                .iter()
                .map(|fault| FaultView { field: &fault.field, code: fault.code, message: &fault.message })
                .collect(),
        };
        let mut response = (self.status, crate::wire::json::to_text(&problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Basic realm=\"xanpay\", charset=\"UTF-8\""),
            );
        }
        if matches!(self.status, StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT) {
            // What is still to come of the body is not read: no request can follow it.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if self.status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        // The outermost layer logs it once and puts the request id into the body.
        response.extensions_mut().insert(super::request::Trouble {
            code: self.code,
            source: self.source,
            key: self.key,
        });
        response
    }
}
