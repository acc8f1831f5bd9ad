//! Object ids: 24 lower-case hex characters, 4 bytes of time and 8 random bytes.
//!
//! Each kind of object has its own type. An id works as a bearer value in a URL (the checkout link), hence 64 random
//! bits; it begins with the time so that rows stay in the order of their creation.

use crate::time::Timestamp;
use alloc::string::String;
use core::fmt;
use core::marker::PhantomData;

/// Eight bytes from a cryptographically secure generator, drawn by the caller.
pub type IdEntropy = [u8; 8];

/// The id of one kind of object.
pub struct Id<Kind> {
    bytes: [u8; 12],
    kind: PhantomData<fn() -> Kind>,
}

/// The text is not 24 lower-case hex characters, so no object can have this id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not an id")]
pub struct NotAnId;

impl<Kind> Id<Kind> {
    /// A new id.
    #[must_use]
    pub fn new(now: Timestamp, entropy: IdEntropy) -> Self {
        Self::of(u32::try_from(now.as_millis() / 1000).unwrap_or(u32::MAX), entropy)
    }

    /// A new id that sorts behind another one, whatever the clock says.
    #[must_use]
    pub fn new_behind(newest: Self, now: Timestamp, entropy: IdEntropy) -> Self {
        let id = Self::new(now, entropy);
        let [newest, own] = [newest, id].map(Self::seconds);
        if own > newest { id } else { Self::of(newest.saturating_add(1), entropy) }
    }

    fn of(seconds: u32, entropy: IdEntropy) -> Self {
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&seconds.to_be_bytes());
        bytes[4..].copy_from_slice(&entropy);
        Self { bytes, kind: PhantomData }
    }

    fn seconds(self) -> u32 {
        let [a, b, c, d, ..] = self.bytes;
        u32::from_be_bytes([a, b, c, d])
    }

    /// Reads an id; case matters, so that one object has one spelling.
    ///
    /// # Errors
    /// [`NotAnId`] for any other text.
    pub fn parse(text: &str) -> Result<Self, NotAnId> {
        let hex = text.as_bytes();
        if hex.len() != 24 {
            return Err(NotAnId);
        }
        let mut bytes = [0; 12];
        let mut seen = 0;
        for (byte, pair) in bytes.iter_mut().zip(hex.chunks_exact(2)) {
            let (high, low) = (NIBBLES[usize::from(pair[0])], NIBBLES[usize::from(pair[1])]);
            seen |= high | low;
            *byte = high << 4 | low;
        }
        if seen == NOT_A_DIGIT { Err(NotAnId) } else { Ok(Self { bytes, kind: PhantomData }) }
    }

    /// The 24 characters.
    #[must_use]
    pub fn to_text(self) -> String {
        to_hex(&self.bytes)
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";
/// All bits, so that one digit's absence shows in the union of all values.
const NOT_A_DIGIT: u8 = 0xff;
/// The value of each lower-case hex digit.
const NIBBLES: [u8; 256] = {
    let mut values = [NOT_A_DIGIT; 256];
    let mut value = 0;
    while value < DIGITS.len() {
        values[DIGITS[value] as usize] = value as u8;
        value += 1;
    }
    values
};

/// Lower-case hex of any bytes.
#[must_use]
pub fn to_hex(bytes: &[u8]) -> String {
    let mut hex = alloc::vec![0; bytes.len() * 2];
    write_hex(bytes, &mut hex);
    String::from_utf8(hex).unwrap_or_default()
}

/// Writes lower-case hex of any bytes to a place twice as long.
pub fn write_hex(bytes: &[u8], hex: &mut [u8]) {
    for (byte, pair) in bytes.iter().zip(hex.chunks_exact_mut(2)) {
        pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

impl<Kind> Clone for Id<Kind> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<Kind> Copy for Id<Kind> {}
impl<Kind> PartialEq for Id<Kind> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}
impl<Kind> Eq for Id<Kind> {}
impl<Kind> core::hash::Hash for Id<Kind> {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.bytes.hash(state);
    }
}
impl<Kind> PartialOrd for Id<Kind> {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<Kind> Ord for Id<Kind> {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.bytes.cmp(&other.bytes)
    }
}
impl<Kind> fmt::Display for Id<Kind> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.bytes))
    }
}
impl<Kind> fmt::Debug for Id<Kind> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.bytes))
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident => $id:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $kind {}
        $(#[$doc])*
        pub type $id = Id<$kind>;
    )*};
}

kinds! {
    /// A merchant.
    MerchantKind => MerchantId;
    /// A checkout session.
    SessionKind => SessionId;
    /// A charge.
    ChargeKind => ChargeId;
    /// A merchant's customer.
    CustomerKind => CustomerId;
    /// A receiving account of the operator or of a merchant.
    AccountKind => AccountId;
    /// An incoming bank transfer.
    TransferKind => TransferId;
    /// A webhook endpoint of a merchant.
    WebhookKind => WebhookId;
    /// A notice to a merchant: one event, sent to one or more destinations.
    EventKind => EventId;
    /// One event on its way to one destination.
    DeliveryKind => DeliveryId;
    /// A phone verification.
    VerificationKind => VerificationId;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_time_then_entropy_and_reads_back() {
        let id = SessionId::new(
            Timestamp::from_millis(0x62b5_86f2 * 1000 + 906),
            [0x31, 0x3b, 0xa0, 0, 0x12, 0xc7, 0x5e, 0x7d],
        );
        assert_eq!(id.to_text(), "62b586f2313ba00012c75e7d");
        assert_eq!(SessionId::parse("62b586f2313ba00012c75e7d"), Ok(id));
    }

    #[test]
    fn any_other_text_is_no_id() {
        for text in
            ["", "undefined", "62B586F2313BA00012C75E7D", "62b586f2313ba00012c75e7", "62b586f2313ba00012c75e7dd"]
        {
            assert_eq!(SessionId::parse(text), Err(NotAnId), "{text}");
        }
    }
}
