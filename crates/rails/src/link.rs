//! Payment links: `scheme://path?name=value&...` with percent-encoded UTF-8 values.

use crate::lint::{Findings, LintField};

/// Characters that stay as they are beside letters and digits: the unreserved ones of RFC 3986 and `@`, which payment
/// addresses need readable.
const PLAIN: &str = "-._~@";

/// Writes a link; the space becomes `%20`, never `+`, because readers differ about `+`.
pub(crate) fn write(base: &str, parameters: &[(&str, &str)]) -> String {
    let mut link = base.to_owned();
    for (at, (name, value)) in parameters.iter().enumerate() {
        link.push(if at == 0 { '?' } else { '&' });
        link.push_str(name);
        link.push('=');
        push_encoded(&mut link, value);
    }
    link
}

fn push_encoded(link: &mut String, value: &str) {
    for character in value.chars() {
        if character.is_ascii_alphanumeric() || PLAIN.contains(character) {
            link.push(character);
        } else {
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                link.push_str(&format!("%{byte:02X}"));
            }
        }
    }
}

/// The longest link that is looked at: a QR code holds fewer bytes.
const MAX_LINK: usize = 4096;

/// Reads a link's parameters and says what a strict reader refuses. Values come out decoded.
pub(crate) fn read(link: &str, base: &str, known: &[(&str, &'static str)], findings: &mut Findings) -> Vec<LintField> {
    if link.len() > MAX_LINK {
        findings.error("", "too_long", "is longer than a QR code can hold");
        return Vec::new();
    }
    if let Some(character) = link.chars().find(|character| !matches!(character, '!'..='~')) {
        findings.error("", "not_encoded", format!("the character {character:?} must be percent-encoded"));
    }
    let (path, query) = link.split_once('?').unwrap_or((link, ""));
    if !path.trim_end_matches('/').eq_ignore_ascii_case(base) {
        findings.error("", "path", format!("must begin with {base}?"));
    }
    let mut fields: Vec<LintField> = Vec::new();
    for parameter in query.split('&').filter(|_| !query.is_empty()) {
        let Some((name, raw)) = parameter.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            findings.error(
                "",
                "parameter",
                format!("{parameter:?} is no name=value; an & inside a value must be written %26"),
            );
            continue;
        };
        let value = decode(raw).unwrap_or_else(|| {
            findings.error(name, "encoding", "is no percent-encoded UTF-8");
            raw.to_owned()
        });
        if raw.contains('+') {
            findings.warn(name, "plus", "readers differ about +: a space is safest as %20");
        }
        if raw.is_empty() {
            findings.warn(name, "empty", "has no value");
        }
        if fields.iter().any(|field| field.tag == name) {
            findings.error(name, "duplicate", "stands twice");
        }
        let words = known.iter().find(|(tag, _)| *tag == name).map(|(_, words)| *words);
        if words.is_none() {
            findings.warn(name, "unknown", "is not a parameter that is documented");
        }
        fields.push(LintField {
            tag: name.to_owned(),
            name: words.unwrap_or("unknown"),
            value,
            meaning: None,
            children: Vec::new(),
        });
    }
    fields
}

/// Undoes percent-encoding; `+` is a space, as forms write it.
fn decode(raw: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
                let (high, low) = (digit(rest.next())?, digit(rest.next())?);
                bytes.push(u8::try_from(high * 16 + low).ok()?);
            }
            b'+' => bytes.push(b' '),
            plain => bytes.push(plain),
        }
    }
    String::from_utf8(bytes).ok()
}
