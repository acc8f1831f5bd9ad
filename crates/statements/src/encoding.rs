//! Bytes to text. Bytes that are invalid in the file's encoding are an error: replacement characters would hide a
//! damaged reference.

use crate::error::ReadError;
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use std::borrow::Cow;

/// Where an XML declaration must have ended; declarations are some 60 bytes long.
const DECLARATION_BYTES: usize = 512;

/// Whether the file begins as an XML document does, in any encoding that can be told from its first bytes.
pub(crate) fn looks_like_xml(bytes: &[u8]) -> bool {
    if bytes.starts_with(b"\x4C\x6F\xA7\x94") {
        return true; // `<?xm` in EBCDIC: refused as an encoding rather than as an unknown format.
    }
    let start = bytes.get(..64.min(bytes.len())).unwrap_or_default();
    let without_bom = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start);
    let first = without_bom.iter().find(|byte| !byte.is_ascii_whitespace() && !matches!(byte, 0 | 0xFE | 0xFF));
    first == Some(&b'<')
}

/// The text of an XML document, without its byte order mark.
///
/// UTF-16 needs a byte order mark and a declaration that names it; everything else is UTF-8 unless its declaration names
/// another encoding of the WHATWG Encoding Standard in which ASCII stands for itself.
pub(crate) fn decode_xml(bytes: &[u8]) -> Result<Cow<'_, str>, ReadError> {
    if let Some((encoding, rest)) = utf16(bytes) {
        let text = decode(encoding, rest)?;
        return match declared(text.as_bytes()) {
            Some(label) if label.to_ascii_lowercase().starts_with("utf-16") => Ok(text),
            Some(_) => Err(invalid("the file is UTF-16 but declares another encoding")),
            None => Err(invalid("the file is UTF-16 but does not declare it")),
        };
    }
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF");
    let has_bom = text.is_some();
    let text = text.unwrap_or(bytes);
    if text.get(..2).is_some_and(|start| start.contains(&0)) {
        return Err(invalid("the file looks like UTF-16 or UTF-32 without its byte order mark"));
    }
    if text.starts_with(b"\x4C\x6F\xA7\x94") {
        return Err(invalid("the file is written in EBCDIC"));
    }
    let Some(label) = declared(text) else { return decode(UTF_8, text) };
    // The Encoding Standard reads US-ASCII as windows-1252; bytes above 127 are no ASCII, but may be UTF-8.
    let label =
        if label.eq_ignore_ascii_case("us-ascii") || label.eq_ignore_ascii_case("ascii") { "utf-8" } else { label };
    let Some(encoding) = Encoding::for_label_no_replacement(label.as_bytes()) else {
        return Err(invalid("the file declares an encoding that is not read here"));
    };
    if !encoding.is_ascii_compatible() || (has_bom && encoding != UTF_8) {
        return Err(invalid("the file declares an encoding that its first bytes contradict"));
    }
    decode(encoding, text)
}

/// The text of a file that declares nothing: UTF-8, or UTF-16 behind a byte order mark.
pub(crate) fn decode_text(bytes: &[u8]) -> Result<Cow<'_, str>, ReadError> {
    if let Some((encoding, rest)) = utf16(bytes) {
        return decode(encoding, rest);
    }
    decode(UTF_8, bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes))
}

/// The UTF-16 encoding that a byte order mark names, and what follows the mark.
fn utf16(bytes: &[u8]) -> Option<(&'static Encoding, &[u8])> {
    let (encoding, length) = Encoding::for_bom(bytes)?;
    let rest = bytes.get(length..)?;
    (encoding == UTF_16LE || encoding == UTF_16BE).then_some((encoding, rest))
}

fn decode<'a>(encoding: &'static Encoding, bytes: &'a [u8]) -> Result<Cow<'a, str>, ReadError> {
    encoding.decode_without_bom_handling_and_without_replacement(bytes).ok_or_else(|| {
        ReadError::new(
            ReadError::ENCODING_INVALID,
            format!("the file has bytes that are not valid {}", encoding.name()),
        )
    })
}

/// The encoding named by an XML declaration.
fn declared(text: &[u8]) -> Option<&str> {
    let start = text.get(..DECLARATION_BYTES.min(text.len()))?;
    let start = start.trim_ascii_start().strip_prefix(b"<?xml")?;
    let end = start.windows(2).position(|pair| pair == b"?>")?;
    let declaration = std::str::from_utf8(start.get(..end)?).ok()?;
    let (_, value) = declaration.split_once("encoding")?;
    let value = value.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|letter| matches!(letter, '"' | '\''))?;
    value.get(1..)?.split(quote).next().map(str::trim)
}

fn invalid(message: &'static str) -> ReadError {
    ReadError::new(ReadError::ENCODING_INVALID, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16le(text: &str) -> Vec<u8> {
        [0xFF, 0xFE].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
    }

    #[test]
    fn the_declared_encoding_is_used() {
        for label in ["ISO-8859-1", "iso-8859-1", "windows-1252"] {
            let mut bytes = format!("<?xml version='1.0' encoding='{label}'?><Nm>").into_bytes();
            bytes.push(0xE9);
            assert!(decode_xml(&bytes).unwrap().ends_with("<Nm>é"), "{label}");
        }
        assert!(decode_xml("\u{feff}<Nm>é".as_bytes()).unwrap().starts_with("<Nm>é"));
        assert!(decode_xml(&utf16le("<?xml version='1.0' encoding='UTF-16'?><Nm>é")).unwrap().ends_with("é"));
        let big_endian: Vec<u8> = [0xFE, 0xFF]
            .into_iter()
            .chain("<?xml version='1.0' encoding=\"UTF-16\"?>é".encode_utf16().flat_map(u16::to_be_bytes))
            .collect();
        assert!(looks_like_xml(&big_endian));
        assert!(decode_xml(&big_endian).unwrap().ends_with("é"));
    }

    /// Case F-010 of the list of bad inputs.
    #[test]
    fn encodings_that_contradict_the_bytes_are_refused() {
        let latin = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?><Nm>\xE9</Nm>".to_vec();
        let cases: [Vec<u8>; 7] = [
            latin,
            b"<?xml version=\"1.0\" encoding=\"UTF-7\"?><Nm/>".to_vec(),
            b"<?xml version=\"1.0\" encoding=\"EBCDIC-CP-US\"?><Nm/>".to_vec(),
            b"<?xml version=\"1.0\" encoding=\"UTF-16\"?><Nm/>".to_vec(),
            b"\x4C\x6F\xA7\x94\x93".to_vec(),
            utf16le("<Nm/>"),
            utf16le("<?xml version='1.0' encoding='UTF-8'?><Nm/>"),
        ];
        for bytes in cases {
            assert!(looks_like_xml(&bytes));
            assert_eq!(decode_xml(&bytes).unwrap_err().code, "encoding_invalid", "{bytes:?}");
        }
        assert_eq!(decode_text(b"Date\xE9").unwrap_err().code, "encoding_invalid");
        let odd = [0xFF, 0xFE, 0x3C];
        assert_eq!(decode_text(&odd).unwrap_err().code, "encoding_invalid");
    }
}
