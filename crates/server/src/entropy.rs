//! The one place that draws random bytes.

use std::cell::RefCell;

/// Random bytes that a thread has in stock. One request draws a dozen ids and seeds, and asking the operating system
/// each time costs more than parsing the request.
const STOCK: usize = 1024;

struct Stock {
    bytes: [u8; STOCK],
    used: usize,
}

thread_local! {
    static IN_STOCK: RefCell<Stock> = const { RefCell::new(Stock { bytes: [0; STOCK], used: STOCK }) };
}

/// `N` random bytes from the operating system, drawn in advance. No byte is given out twice, and none stays in memory
/// after it was given out.
///
/// Without randomness no id, secret or nonce can be made; the process stops rather than make a guessable one.
#[must_use]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut wanted = [0; N];
    IN_STOCK.with_borrow_mut(|stock| {
        for byte in &mut wanted {
            if stock.used == STOCK {
                fill(&mut stock.bytes);
                stock.used = 0;
            }
            *byte = std::mem::take(&mut stock.bytes[stock.used]);
            stock.used += 1;
        }
    });
    wanted
}

#[expect(clippy::disallowed_methods, reason = "this is the place")]
fn fill(bytes: &mut [u8]) {
    if let Err(error) = getrandom::fill(bytes) {
        tracing::error!(%error, "the operating system gives no random bytes");
        std::process::abort();
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_draw_repeats_another_one_across_many_fillings_and_threads() {
        let draw = || (0..1000).map(|_| bytes::<24>()).collect::<Vec<_>>();
        let others = std::thread::spawn(draw);
        let mut seen = BTreeSet::from_iter(draw());
        seen.extend(others.join().unwrap());
        assert_eq!(seen.len(), 2000);
    }
}
