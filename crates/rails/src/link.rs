//! Payment links: `scheme://path?name=value&...` with percent-encoded UTF-8 values.

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
