//! A posted form.

use crate::http::error::ApiError;
use crate::http::limits::read_body;
use axum::extract::{FromRequest, Request};
use std::collections::HashMap;

/// The fields of a posted form. A body that is no form has none.
pub struct Fields(HashMap<String, String>);

impl Fields {
    /// A field without the spaces around it; empty when it is absent.
    pub(super) fn get(&self, name: &str) -> String {
        self.0.get(name).map(|value| value.trim().to_owned()).unwrap_or_default()
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, Self::Rejection> {
        let (parts, body) = request.into_parts();
        let body = read_body(&parts.headers, body).await?;
        Ok(Self(url::form_urlencoded::parse(&body).into_owned().collect()))
    }
}
