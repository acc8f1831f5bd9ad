//! JSON text that is kept and written as it came.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// JSON text that is written as it stands.
pub struct Raw<'a>(pub &'a str);

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(self.0).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

/// JSON text without the white space between its tokens. Numbers, strings and the order of keys stay as they are.
#[must_use]
pub fn compact(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    let (mut inside_string, mut escaped) = (false, false);
    for c in json.chars() {
        if inside_string {
            text.push(c);
            (inside_string, escaped) = (escaped || c != '"', !escaped && c == '\\');
        } else if !c.is_ascii_whitespace() {
            inside_string = c == '"';
            text.push(c);
        }
    }
    text
}

/// A value as JSON text. Our own shapes always serialize; should one not, the answer is an empty object and a log line
/// rather than a crash.
pub fn to_text<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| {
        tracing::error!(%error, "an answer could not be written as JSON");
        "{}".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compacting_keeps_numbers_strings_and_order() {
        let json = "[ {\n\t\"b\" : 35.00, \"a\": \"x \\\" y \\\\\" } ]";
        assert_eq!(compact(json), r#"[{"b":35.00,"a":"x \" y \\"}]"#);
    }
}
