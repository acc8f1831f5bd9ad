//! Splits a text into its objects. Lengths count characters, as EMVCo says.

/// One object of a payload or template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Object<'a> {
    /// Two digits.
    pub(crate) tag: &'a str,
    /// One to 99 characters; zero when the writer was careless.
    pub(crate) value: &'a str,
}

/// Where and why a text stops being a row of objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Break {
    /// The tag at the break, when it could still be read.
    pub(crate) tag: String,
    /// A stable word for programs.
    pub(crate) code: &'static str,
    /// A sentence for people.
    pub(crate) message: String,
}

/// Splits off the first `count` characters; `None` when there are fewer.
fn take(text: &str, count: usize) -> Option<(&str, &str)> {
    let end = match text.char_indices().nth(count) {
        Some((at, _)) => at,
        None if text.chars().count() == count => text.len(),
        None => return None,
    };
    text.split_at_checked(end)
}

fn two_digits(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Reads the objects up to the end of the text or the first break.
pub(crate) fn objects(text: &str) -> (Vec<Object<'_>>, Option<Break>) {
    let mut found = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let Some((tag, after_tag)) = take(rest, 2).filter(|(tag, _)| two_digits(tag)) else {
            let shown: String = rest.chars().take(8).collect();
            return (found, Some(fault("", "not_a_tag", format!("expected a tag of two digits, found {shown:?}"))));
        };
        let Some((length, after_length)) = take(after_tag, 2).filter(|(length, _)| two_digits(length)) else {
            return (found, Some(fault(tag, "not_a_length", "has no length of two digits".to_owned())));
        };
        let count = length.parse::<usize>().unwrap_or(0);
        let Some((value, after_value)) = take(after_length, count) else {
            let left = after_length.chars().count();
            return (found, Some(fault(tag, "overrun", format!("says {count} characters, but only {left} follow"))));
        };
        found.push(Object { tag, value });
        rest = after_value;
    }
    (found, None)
}

/// Reads the objects of a text that must be made of objects alone, none of them empty.
pub(crate) fn whole_objects(text: &str) -> Result<Vec<Object<'_>>, Break> {
    let (found, broken) = objects(text);
    if let Some(broken) = broken {
        return Err(broken);
    }
    if let Some(empty) = found.iter().find(|object| object.value.is_empty()) {
        return Err(fault(empty.tag, "empty", "has no value".to_owned()));
    }
    Ok(found)
}

/// The value of a tag among objects.
pub(crate) fn find<'a>(objects: &[Object<'a>], tag: &str) -> Option<&'a str> {
    objects.iter().find(|object| object.tag == tag).map(|object| object.value)
}

fn fault(tag: &str, code: &'static str, message: String) -> Break {
    Break { tag: tag.to_owned(), code, message }
}
