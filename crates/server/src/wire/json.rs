//! JSON text that is kept and written as it came.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// Bytes that an answer seldom exceeds.
const USUAL_LENGTH: usize = 1024;

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

/// Whether a text or name in a value contains NUL. PostgreSQL's text cannot hold NUL, and what one database cannot hold the other does not take.
#[must_use]
pub fn has_nul(value: &serde_json::Value) -> bool {
    use serde_json::Value;
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(members) => members.iter().any(|(name, member)| name.contains('\0') || has_nul(member)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The canonical form of JSON text by RFC 8785: members sorted by UTF-16 units, numbers in their shortest form.
///
/// # Errors
/// When the text is no JSON.
pub fn canonical(json: &str) -> Result<String, serde_json::Error> {
    let value: serde_json::Value = serde_json::from_str(json)?;
    let mut text = String::new();
    write_canonical(&value, &mut text);
    Ok(text)
}

fn write_canonical(value: &serde_json::Value, text: &mut String) {
    use serde_json::Value;
    match value {
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by(|a, b| a.0.encode_utf16().cmp(b.0.encode_utf16()));
            text.push('{');
            for (index, (name, member)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                text.push_str(&Value::String(name.clone()).to_string());
                text.push(':');
                write_canonical(member, text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_canonical(item, text);
            }
            text.push(']');
        }
        Value::Number(number) => text.push_str(&canonical_number(number)),
        Value::Null | Value::Bool(_) | Value::String(_) => text.push_str(&value.to_string()),
    }
}

/// A number as ECMAScript prints it, which is what RFC 8785 asks for.
fn canonical_number(number: &serde_json::Number) -> String {
    let Some(value) = number.as_f64() else { return number.to_string() };
    let magnitude = value.abs();
    if value == 0.0 {
        "0".to_owned()
    } else if (1e-6..1e21).contains(&magnitude) {
        format!("{value}")
    } else {
        let text = format!("{value:e}");
        if magnitude >= 1.0 { text.replace('e', "e+") } else { text }
    }
}

/// A value as JSON text. Our own shapes always serialize; should one not, the answer is an empty object and a log line
/// rather than a crash.
pub fn to_text<T: Serialize>(value: &T) -> String {
    let mut text = Vec::with_capacity(USUAL_LENGTH);
    let written = serde_json::to_writer(&mut text, value).map_err(|error| error.to_string());
    let text = written.and_then(|()| String::from_utf8(text).map_err(|error| error.to_string()));
    text.unwrap_or_else(|error| {
        tracing::error!(error, "an answer could not be written as JSON");
        "{}".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers and key order of the examples in RFC 8785, sections 3.2.2 and 3.2.3.
    #[test]
    fn canonical_text_follows_rfc_8785() {
        let json = r#"{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001,150.0,-0],"a":{"\u20ac":1,"\r":2,"1":3}}"#;
        let expected =
            "{\"a\":{\"\\r\":2,\"1\":3,\"€\":1},\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27,150,0]}";
        assert_eq!(canonical(json).unwrap(), expected);
    }

    #[test]
    fn compacting_keeps_numbers_strings_and_order() {
        let json = "[ {\n\t\"b\" : 35.00, \"a\": \"x \\\" y \\\\\" } ]";
        assert_eq!(compact(json), r#"[{"b":35.00,"a":"x \" y \\"}]"#);
    }
}
