//! The strict writer: nothing empty, nothing over-long, upper-case CRC, at most 512 characters.

use crate::emv::crc::crc16;
use crate::encode::EncodeError;

/// The most characters that a payload may have.
pub(crate) const MAX_PAYLOAD: usize = 512;

/// Writes objects in the order in which they are put; callers put them ascending.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    text: String,
}

impl Writer {
    /// An empty payload or template.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Appends an object. `field` is what an error names.
    pub(crate) fn put(&mut self, field: &str, tag: &str, value: &str) -> Result<&mut Self, EncodeError> {
        let length = value.chars().count();
        if length == 0 {
            return Err(EncodeError::new(field, "must not be empty"));
        }
        if length > 99 {
            return Err(EncodeError::new(field, format!("does not fit: tag {tag} holds 99 characters, not {length}")));
        }
        let digit = |value: usize| char::from(b'0' + (value % 10) as u8);
        self.text.push_str(tag);
        self.text.extend([digit(length / 10), digit(length)]);
        self.text.push_str(value);
        Ok(self)
    }

    /// Appends an object if there is a value.
    pub(crate) fn put_some(&mut self, field: &str, tag: &str, value: Option<&str>) -> Result<&mut Self, EncodeError> {
        match value {
            Some(value) => self.put(field, tag, value),
            None => Ok(self),
        }
    }

    /// Appends a template; an empty one is left out.
    pub(crate) fn nest(&mut self, field: &str, tag: &str, inner: &Self) -> Result<&mut Self, EncodeError> {
        if inner.text.is_empty() { Ok(self) } else { self.put(field, tag, &inner.text) }
    }

    /// The objects written so far, without a checksum.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Appends the checksum and gives the payload away.
    pub(crate) fn finish(mut self) -> Result<String, EncodeError> {
        self.text.push_str("6304");
        let crc = crc16(self.text.as_bytes());
        self.text.push_str(&format!("{crc:04X}"));
        let length = self.text.chars().count();
        if length > MAX_PAYLOAD {
            return Err(EncodeError::new(
                "payload",
                format!("is {length} characters long; a code holds at most {MAX_PAYLOAD}"),
            ));
        }
        Ok(self.text)
    }
}

/// Tag 01: `12` for a code of one payment, `11` for one that may be paid again.
pub(crate) fn initiation(dynamic: bool) -> &'static str {
    if dynamic { "12" } else { "11" }
}
