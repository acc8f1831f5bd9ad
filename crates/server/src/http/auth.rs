//! Who is calling: HTTP Basic with an API key and its secret.

use super::error::ApiError;
use super::router::Web;
use crate::flows::{Kind, Refusal};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use subtle::ConstantTimeEq;
use xanpay_domain::environment::Environment;
use xanpay_store::{ApiKey, Merchant, Permission};

/// What stands before the credentials.
const SCHEME: &[u8] = b"basic ";
/// Longer credentials are none of ours; they are refused before any work.
const MAX_CREDENTIALS: usize = 512;

/// A merchant, proved by its key.
pub struct MerchantCaller {
    /// The merchant.
    pub merchant: Arc<Merchant>,
    key: Arc<ApiKey>,
}

/// A merchant in sandbox; to a live key what only sandbox has does not exist.
pub struct SandboxCaller(pub MerchantCaller);

/// An operator, proved by an operator's key.
pub struct OperatorCaller {
    /// The key's public half, which owns idempotency keys.
    pub api_key: String,
    /// The environment that the key opens.
    pub environment: Environment,
}

impl MerchantCaller {
    /// Fails when the operator has closed a part of the API to this merchant.
    ///
    /// # Errors
    /// `permission_denied`.
    pub fn require(&self, permission: Permission) -> Result<(), ApiError> {
        if self.merchant.permissions.contains(&permission) {
            return Ok(());
        }
        let detail = format!("this merchant may not use {}", permission.as_str());
        let refusal = Refusal::new(Kind::Forbidden, "permission_denied", detail);
        Err(ApiError::from(refusal).of_key(&self.key.api_key))
    }

    /// The owner of idempotency keys.
    #[must_use]
    pub fn owner(&self) -> String {
        format!("{}/{}", self.merchant.id, self.merchant.environment)
    }
}

impl FromRequestParts<Arc<Web>> for MerchantCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, web: &Arc<Web>) -> Result<Self, Self::Rejection> {
        let known = authenticate(&parts.headers, web).await?;
        let merchant = known.merchant.ok_or_else(|| ApiError::unauthorized().of_key(&known.key.api_key))?;
        Ok(Self { merchant, key: known.key })
    }
}

impl FromRequestParts<Arc<Web>> for SandboxCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, web: &Arc<Web>) -> Result<Self, Self::Rejection> {
        let caller = MerchantCaller::from_request_parts(parts, web).await?;
        match caller.merchant.environment {
            Environment::Sandbox => Ok(Self(caller)),
            Environment::Live => Err(ApiError::not_found()),
        }
    }
}

impl FromRequestParts<Arc<Web>> for OperatorCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, web: &Arc<Web>) -> Result<Self, Self::Rejection> {
        let known = authenticate(&parts.headers, web).await?;
        match known.key.merchant_id {
            None => Ok(Self { api_key: known.key.api_key.clone(), environment: known.key.environment }),
            Some(_) => Err(ApiError::unauthorized().of_key(&known.key.api_key)),
        }
    }
}

/// Finds the caller's key and compares the secret in constant time. An unknown key costs the same comparison.
async fn authenticate(headers: &HeaderMap, web: &Web) -> Result<crate::directory::KnownKey, ApiError> {
    let credentials = credentials(headers)?;
    let mut parts = credentials.splitn(2, |byte| *byte == b':');
    let (Some(key), Some(secret)) = (parts.next(), parts.next()) else { return Err(ApiError::unauthorized()) };
    // Keys are printable ASCII; nothing else needs to be looked for.
    let key = std::str::from_utf8(key).ok().filter(|key| key.bytes().all(|byte| byte.is_ascii_graphic()));
    let key = key.ok_or_else(ApiError::unauthorized)?;
    let known = web.app.directory.find_key(&web.app.store, key).await?;
    let offered = Sha256::digest(secret);
    let expected = known.as_ref().map_or([0; 32].as_slice(), |known| known.key.secret_hash.as_slice());
    match (bool::from(offered.as_slice().ct_eq(expected)), known) {
        (true, Some(known)) => Ok(known),
        // A key that is not known may be anything, a secret in the wrong place among it: the log does not hear of it.
        (false, Some(_)) => Err(ApiError::unauthorized().of_key(key)),
        (_, None) => Err(ApiError::unauthorized()),
    }
}

/// Whether a request carries credentials at all.
pub(super) fn has_credentials(headers: &HeaderMap) -> bool {
    headers.contains_key(header::AUTHORIZATION)
}

/// Key and secret with a colon between them.
fn credentials(headers: &HeaderMap) -> Result<Vec<u8>, ApiError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or_else(ApiError::unauthorized)?;
    if values.next().is_some() {
        return Err(ApiError::new(StatusCode::BAD_REQUEST, "invalid_header", "there must be one Authorization header"));
    }
    match value.as_bytes().split_at_checked(SCHEME.len()) {
        Some((scheme, encoded)) if scheme.eq_ignore_ascii_case(SCHEME) && encoded.len() <= MAX_CREDENTIALS => {
            STANDARD.decode(encoded.trim_ascii()).map_err(|_| ApiError::unauthorized())
        }
        _ => Err(ApiError::unauthorized()),
    }
}
