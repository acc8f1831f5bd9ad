//! The one place that draws random bytes.

/// `N` random bytes from the operating system.
///
/// Without randomness no id, secret or nonce can be made; the process stops rather than make a guessable one.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the place")]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if let Err(error) = getrandom::fill(&mut bytes) {
        tracing::error!(%error, "the operating system gives no random bytes");
        std::process::abort();
    }
    bytes
}

/// A random text of `length` characters from `alphabet`, which has at most 256 characters. Without bias.
#[must_use]
pub fn text(length: usize, alphabet: &[u8]) -> String {
    let fair = 256 / alphabet.len() * alphabet.len();
    let mut text = String::with_capacity(length);
    while text.len() < length {
        let usable = bytes::<32>().into_iter().map(usize::from).filter(|byte| *byte < fair);
        text.extend(usable.map(|byte| char::from(alphabet[byte % alphabet.len()])).take(length - text.len()));
    }
    text
}

/// `length` random lower-case hex characters.
#[must_use]
pub fn hex(length: usize) -> String {
    text(length, b"0123456789abcdef")
}
