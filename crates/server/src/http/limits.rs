//! Bounds on what a request may send, and how fast.

use super::error::ApiError;
use crate::flows::{Idempotency, Refusal};
use crate::wire::body::MAX_BODY;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use http_body_util::LengthLimitError;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::error::Error;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The longest idempotency key.
const MAX_KEY: usize = 255;
/// A body that takes longer than this is not coming.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Reads a body whole.
pub(super) async fn read_body(headers: &HeaderMap, body: Body) -> Result<Bytes, ApiError> {
    let too_large =
        || ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "the body must be at most 64 KiB");
    let codings = headers.get_all(header::CONTENT_ENCODING);
    if !codings.iter().all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        let detail = "the body must not be compressed or coded otherwise";
        return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_coding_unsupported", detail));
    }
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > MAX_BODY as u64) {
        return Err(too_large());
    }
    match tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, MAX_BODY)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if is_too_large(&error) => Err(too_large()),
        Ok(Err(_)) => {
            let detail = "the body broke off, or its chunks are not what HTTP asks for";
            Err(ApiError::new(StatusCode::BAD_REQUEST, "body_unreadable", detail))
        }
        Err(_) => Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", "the body did not arrive in time")),
    }
}

/// Whether reading ended because there was more than the limit.
fn is_too_large(error: &axum::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The idempotency key of a request, if it has one.
pub(super) fn idempotency(
    headers: &HeaderMap,
    owner: String,
    route: &str,
    body: &[u8],
) -> Result<Option<Idempotency>, ApiError> {
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else { return Ok(None) };
    let usable = |text: &str| (1..=MAX_KEY).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    match (value.to_str().ok().filter(|text| usable(text)), values.next()) {
        (Some(key), None) => Ok(Some(Idempotency::new(owner, key.to_owned(), route, body))),
        _ => {
            let message = "must be one value of 1 to 255 visible ASCII characters";
            Err(Refusal::field("Idempotency-Key", "idempotency_key_invalid", message).into())
        }
    }
}

/// Counts what should stay rare, per key, in windows of time: guessed ids per address, messages per session.
///
/// It is this process's own memory: a restart forgets it, and another node counts for itself.
#[derive(Debug)]
pub(super) struct Tally<K> {
    most: u32,
    window: Duration,
    counts: Mutex<HashMap<K, (Instant, u32)>>,
}

/// Lets one log line per key and second through, and counts the others.
#[derive(Debug)]
pub(super) struct Quiet<K> {
    lines: Mutex<HashMap<K, (Instant, u64)>>,
}

impl<K> Default for Quiet<K> {
    fn default() -> Self {
        Self { lines: Mutex::default() }
    }
}

impl<K: Eq + Hash> Quiet<K> {
    /// How many lines were left out since the key's last one; nothing when this one is to be left out too.
    pub(super) fn speak(&self, key: K, now: Instant) -> Option<u64> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() >= MAX_KEYS {
            lines.clear();
        }
        match lines.entry(key) {
            Entry::Occupied(mut entry) if now.duration_since(entry.get().0) < Duration::from_secs(1) => {
                entry.get_mut().1 += 1;
                None
            }
            Entry::Occupied(mut entry) => Some(entry.insert((now, 0)).1),
            Entry::Vacant(entry) => Some(entry.insert((now, 0)).1),
        }
    }
}

/// Keys remembered; when there are more, everyone starts afresh.
const MAX_KEYS: usize = 100_000;

impl<K: Eq + Hash> Tally<K> {
    /// Allows `most` per key and window.
    pub(super) fn new(most: u32, window: Duration) -> Self {
        Self { most, window, counts: Mutex::default() }
    }

    /// Whether a key has had its share of the window.
    pub(super) fn is_full(&self, key: &K) -> bool {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(key).is_some_and(|(since, count)| since.elapsed() < self.window && *count >= self.most)
    }

    /// Counts one, unless the key has had its share. Requests that come at once cannot all find the last one free, as they
    /// could if they looked first and counted later.
    ///
    /// # Errors
    /// The seconds until the key has its next share.
    pub(super) fn take(&self, key: K) -> Result<(), u32> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= MAX_KEYS {
            counts.clear();
        }
        let entry = counts.entry(key).or_insert((Instant::now(), 0));
        if entry.0.elapsed() >= self.window {
            *entry = (Instant::now(), 0);
        }
        if entry.1 >= self.most {
            let left = self.window.saturating_sub(entry.0.elapsed());
            return Err(u32::try_from(left.as_millis().div_ceil(1000)).unwrap_or(u32::MAX));
        }
        entry.1 += 1;
        Ok(())
    }

    /// Gives back one that was taken and not used.
    pub(super) fn give_back(&self, key: &K) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, count)) = counts.get_mut(key) {
            *count = count.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_second_is_let_through_and_tells_how_many_were_not() {
        let quiet = Quiet::default();
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(quiet.speak("a", at(0)), Some(0));
        assert_eq!(quiet.speak("a", at(1)), None);
        assert_eq!(quiet.speak("a", at(999)), None);
        assert_eq!(quiet.speak("b", at(999)), Some(0));
        assert_eq!(quiet.speak("a", at(1000)), Some(2));
        assert_eq!(quiet.speak("a", at(2000)), Some(0));
    }
}
