//! Text that a payload may carry: ASCII folding, cutting, and the checks of single fields.

use crate::account::Warning;
use crate::encode::EncodeError;
use crate::rail::Alphabet;

/// Writes a character of the Latin script in ASCII; `None` where that cannot be done.
fn fold(character: char) -> Option<&'static str> {
    Some(match character {
        'À'..='Å' | 'Ā' | 'Ă' | 'Ą' | 'Ǎ' | 'Ạ' | 'Ả' | 'Ấ' | 'Ầ' | 'Ẩ' | 'Ẫ' | 'Ậ' | 'Ắ' | 'Ằ' | 'Ẳ' | 'Ẵ' | 'Ặ' => {
            "A"
        }
        'à'..='å' | 'ā' | 'ă' | 'ą' | 'ǎ' | 'ạ' | 'ả' | 'ấ' | 'ầ' | 'ẩ' | 'ẫ' | 'ậ' | 'ắ' | 'ằ' | 'ẳ' | 'ẵ' | 'ặ' => {
            "a"
        }
        'Æ' => "AE",
        'æ' => "ae",
        'Ç' | 'Ć' | 'Č' => "C",
        'ç' | 'ć' | 'č' => "c",
        'Ð' | 'Ď' | 'Đ' => "D",
        'ð' | 'ď' | 'đ' => "d",
        'È'..='Ë' | 'Ē' | 'Ė' | 'Ę' | 'Ě' | 'Ẹ' | 'Ẻ' | 'Ẽ' | 'Ế' | 'Ề' | 'Ể' | 'Ễ' | 'Ệ' => "E",
        'è'..='ë' | 'ē' | 'ė' | 'ę' | 'ě' | 'ẹ' | 'ẻ' | 'ẽ' | 'ế' | 'ề' | 'ể' | 'ễ' | 'ệ' => "e",
        'Ğ' => "G",
        'ğ' => "g",
        'Ì'..='Ï' | 'Ĩ' | 'Ī' | 'İ' | 'Ỉ' | 'Ị' => "I",
        'ì'..='ï' | 'ĩ' | 'ī' | 'ı' | 'ỉ' | 'ị' => "i",
        'Ł' => "L",
        'ł' => "l",
        'Ñ' | 'Ń' | 'Ň' => "N",
        'ñ' | 'ń' | 'ň' => "n",
        'Ò'..='Ö' | 'Ø' | 'Ō' | 'Ő' | 'Ơ' | 'Ọ' | 'Ỏ' | 'Ố' | 'Ồ' | 'Ổ' | 'Ỗ' | 'Ộ' | 'Ớ' | 'Ờ' | 'Ở' | 'Ỡ' | 'Ợ' => {
            "O"
        }
        'ò'..='ö' | 'ø' | 'ō' | 'ő' | 'ơ' | 'ọ' | 'ỏ' | 'ố' | 'ồ' | 'ổ' | 'ỗ' | 'ộ' | 'ớ' | 'ờ' | 'ở' | 'ỡ' | 'ợ' => {
            "o"
        }
        'Œ' => "OE",
        'œ' => "oe",
        'Ř' => "R",
        'ř' => "r",
        'Ś' | 'Ş' | 'Š' | 'Ș' => "S",
        'ś' | 'ş' | 'š' | 'ș' => "s",
        'ß' => "ss",
        'Ť' | 'Ţ' | 'Ț' => "T",
        'ť' | 'ţ' | 'ț' => "t",
        'Þ' => "Th",
        'þ' => "th",
        'Ù'..='Ü' | 'Ũ' | 'Ū' | 'Ů' | 'Ű' | 'Ư' | 'Ụ' | 'Ủ' | 'Ứ' | 'Ừ' | 'Ử' | 'Ữ' | 'Ự' => "U",
        'ù'..='ü' | 'ũ' | 'ū' | 'ů' | 'ű' | 'ư' | 'ụ' | 'ủ' | 'ứ' | 'ừ' | 'ử' | 'ữ' | 'ự' => "u",
        'Ý' | 'Ÿ' | 'Ỳ' | 'Ỵ' | 'Ỷ' | 'Ỹ' => "Y",
        'ý' | 'ÿ' | 'ỳ' | 'ỵ' | 'ỷ' | 'ỹ' => "y",
        'Ź' | 'Ż' | 'Ž' => "Z",
        'ź' | 'ż' | 'ž' => "z",
        '\u{2018}' | '\u{2019}' => "'",
        '\u{201c}' | '\u{201d}' => "\"",
        '\u{2010}'..='\u{2014}' => "-",
        '\u{a0}' | '\u{3000}' => " ",
        // Combining marks of decomposed text vanish, which leaves the base letter.
        '\u{300}'..='\u{36f}' => "",
        _ => return None,
    })
}

/// Folds to printable ASCII; the first character that cannot be written is the error.
pub(crate) fn fold_ascii(text: &str) -> Result<String, char> {
    let mut folded = String::with_capacity(text.len());
    for character in text.chars() {
        match (character, fold(character)) {
            (' '..='~', _) => folded.push(character),
            (_, Some(ascii)) => folded.push_str(ascii),
            (_, None) => return Err(character),
        }
    }
    Ok(folded)
}

/// The most characters of a payee's name in an EMVCo code.
const MAX_NAME: usize = 25;

/// A name as an EMVCo code carries it: folded and cut.
pub(crate) fn name(field: &str, text: &str) -> Result<String, EncodeError> {
    let folded = fold_ascii(text.trim()).map_err(|character| unwritable(field, character))?;
    if folded.is_empty() {
        return Err(EncodeError::new(field, "must not be empty"));
    }
    Ok(cut(&folded))
}

fn unwritable(field: &str, character: char) -> EncodeError {
    EncodeError::new(field, format!("the character {character:?} cannot be written in ASCII"))
}

/// The name of a stored account for a payload: what can be folded, cut; `None` when nothing can.
pub(crate) fn account_name(text: &str) -> Option<String> {
    let name: String =
        text.chars().filter_map(|character| fold_ascii(character.encode_utf8(&mut [0; 4])).ok()).collect();
    let name = cut(name.trim());
    if name.is_empty() { None } else { Some(name) }
}

/// At most so many characters as a code holds, and no space at the cut.
fn cut(folded: &str) -> String {
    folded.chars().take(MAX_NAME).collect::<String>().trim_end().to_owned()
}

/// What to tell whoever typed a name that an EMVCo code carries in another form.
pub(crate) fn name_warning(typed: &str) -> Option<Warning> {
    let message = match account_name(typed) {
        Some(written) if written == typed.trim() => return None,
        Some(written) => {
            format!("the code says {written:?}: it holds at most {MAX_NAME} characters, all of them ASCII")
        }
        None => "the code says NA: no character of the name can be written in ASCII".to_owned(),
    };
    Some(Warning { field: "name", code: "name_changed", message })
}

/// The most characters of a city in an EMVCo code.
const MAX_CITY: usize = 15;

/// A city as an EMVCo code carries it: folded, and refused when it is too long.
pub(crate) fn city(field: &str, text: &str) -> Result<String, EncodeError> {
    let folded = fold_ascii(text).map_err(|character| unwritable(field, character))?;
    exact(field, &folded, MAX_CITY, Alphabet::PrintableAscii)?;
    Ok(folded)
}

/// What to tell whoever typed a city that an EMVCo code carries in another form.
pub(crate) fn city_warning(typed: &str) -> Option<Warning> {
    let written = fold_ascii(typed).ok().filter(|written| written != typed)?;
    let message = format!("the code says {written:?}: it holds ASCII characters only");
    Some(Warning { field: "city", code: "city_changed", message })
}

/// A text that must fit as it is: too long or outside the alphabet is refused, never cut.
pub(crate) fn exact<'a>(field: &str, text: &'a str, max: usize, alphabet: Alphabet) -> Result<&'a str, EncodeError> {
    if text.is_empty() {
        return Err(EncodeError::new(field, "must not be empty"));
    }
    if let Some(character) = text.chars().find(|character| !alphabet.contains(*character)) {
        return Err(EncodeError::new(
            field,
            format!("the character {character:?} is not allowed; allowed are {}", alphabet.in_words()),
        ));
    }
    if text.len() > max {
        return Err(EncodeError::new(field, format!("must be at most {max} characters, is {}", text.len())));
    }
    Ok(text)
}

/// A text of exactly `length` digits.
pub(crate) fn digits<'a>(field: &str, text: &'a str, length: usize) -> Result<&'a str, EncodeError> {
    if text.len() == length && is_digits(text) {
        return Ok(text);
    }
    Err(EncodeError::new(field, format!("must be {length} digits")))
}

/// Whether a text is ASCII digits and not empty.
pub(crate) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a text is zeros alone; numbers like that are given to nobody.
pub(crate) fn is_zeros(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte == b'0')
}

/// Drops the characters by which people group digits: spaces, hyphens, points and brackets.
pub(crate) fn ungroup(text: &str) -> String {
    text.chars().filter(|character| !matches!(character, ' ' | '-' | '.' | '(' | ')' | '\u{a0}')).collect()
}

/// Whether a text is `YYYYMMDD` or `YYYYMMDDhhmmss` of a day that exists.
pub(crate) fn is_date(text: &str) -> bool {
    if !is_digits(text) || !matches!(text.len(), 8 | 14) {
        return false;
    }
    let number = |from: usize, to: usize| text.get(from..to).and_then(|part| part.parse::<u32>().ok()).unwrap_or(99);
    let (year, month, day) = (number(0, 4), number(4, 6), number(6, 8));
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return false,
    };
    let time_exists = text.len() == 8 || (number(8, 10) < 24 && number(10, 12) < 60 && number(12, 14) < 60);
    (1..=last).contains(&day) && time_exists
}

/// Whether a text has the form of an e-mail address that banks take.
pub(crate) fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let local_fits = (1..=64).contains(&local.len())
        && local
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~.-".contains(character))
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..");
    let label_fits = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|character| character.is_ascii_alphanumeric() || character == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last_fits = |label: &str| label.len() >= 2 && label.chars().any(|character| character.is_ascii_alphabetic());
    local_fits
        && domain.len() <= 190
        && domain.split('.').all(label_fits)
        && domain.rsplit_once('.').is_some_and(|(_, last)| last_fits(last))
}

/// Whether an address is in a domain that RFC 2606 keeps out of the Internet.
pub(crate) fn is_reserved_domain(address: &str) -> bool {
    let last = address.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    matches!(last.as_str(), "invalid" | "test" | "example" | "localhost")
}
