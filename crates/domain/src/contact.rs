//! How to reach a customer: e-mail addresses and phone numbers, checked for form only.

use alloc::format;
use alloc::string::String;
use core::fmt;

/// An e-mail address of plausible form. Whether it exists only a mail can tell.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

/// A phone number as the API carries it: a country code and the number within that country.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Phone {
    code: String,
    number: String,
}

/// The fewest and the most digits of a number within its country.
const MIN_NUMBER: usize = 4;
const MAX_NUMBER: usize = 15;

/// What is wrong with an address or number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ContactError {
    /// Not of the form `name@host.tld`, or longer than 254 characters.
    #[error("must be an e-mail address")]
    Email,
    /// The country code is not `+` and 1 to 4 digits.
    #[error("must be + and 1 to 4 digits")]
    PhoneCode,
    /// The number is not 4 to 15 digits.
    #[error("must be 4 to 15 digits")]
    PhoneNumber,
}

impl Email {
    /// Reads an address that somebody typed. What turns or hides what stands beside it on a screen is refused, and so is
    /// the mark that stands for bytes that were no text.
    ///
    /// # Errors
    /// [`ContactError::Email`].
    pub fn parse(text: &str) -> Result<Self, ContactError> {
        if text.chars().any(is_deceptive) { Err(ContactError::Email) } else { Self::stored(text) }
    }

    /// An address that was taken before, by rules that may have been milder.
    ///
    /// # Errors
    /// [`ContactError::Email`].
    pub fn stored(text: &str) -> Result<Self, ContactError> {
        let (local, host) = text.rsplit_once('@').ok_or(ContactError::Email)?;
        let clean =
            |part: &str| !part.chars().any(|c| c.is_whitespace() || c.is_control() || "<>()[],;:\\\"@".contains(c));
        let host_labels =
            host.split('.').all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'));
        let plausible = text.len() <= 254
            && (1..=64).contains(&local.len())
            && clean(local)
            && !local.starts_with('.')
            && !local.ends_with('.')
            && clean(host)
            && host.contains('.')
            && host_labels;
        if plausible { Ok(Self(String::from(text))) } else { Err(ContactError::Email) }
    }

    /// The address as it was typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Directional and invisible format characters, and what replaces bytes that are no text. The two joiners may stand: some
/// scripts need them in the name of a host.
fn is_deceptive(c: char) -> bool {
    matches!(
        c,
        '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFD}' | '\u{E0000}'..='\u{E007F}'
    )
}

impl Phone {
    /// Reads a country code such as `+65` and a national number of digits that are to be called: however the digits are
    /// shared out between the two, and with or without the zero that is dialled within the country, one number is one
    /// value.
    ///
    /// # Errors
    /// [`ContactError::PhoneCode`] or [`ContactError::PhoneNumber`].
    pub fn parse(code: &str, number: &str) -> Result<Self, ContactError> {
        Self::as_given(code, number).map(|given| given.dialled())
    }

    /// Code and number exactly as somebody gave them, checked for form.
    ///
    /// # Errors
    /// [`ContactError::PhoneCode`] or [`ContactError::PhoneNumber`].
    pub fn as_given(code: &str, number: &str) -> Result<Self, ContactError> {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let code_digits = code.strip_prefix('+').ok_or(ContactError::PhoneCode)?;
        if !digits(code_digits) || code_digits.len() > 4 {
            return Err(ContactError::PhoneCode);
        }
        if !digits(number) || !(MIN_NUMBER..=MAX_NUMBER).contains(&number.len()) {
            return Err(ContactError::PhoneNumber);
        }
        Ok(Self { code: String::from(code), number: String::from(number) })
    }

    /// The same digits with the country's code in its place. What is too short or too long for that is no number of
    /// anybody, but still one value.
    fn dialled(&self) -> Self {
        let digits = format!("{}{}", &self.code[1..], self.number);
        let code_length = country_code_length(&digits).min(digits.len() - MIN_NUMBER);
        let (code, mut number) = digits.split_at(code_length.max(digits.len().saturating_sub(MAX_NUMBER)));
        while let Some(rest) = number.strip_prefix('0').filter(|rest| rest.len() >= MIN_NUMBER && drops_zero(code)) {
            number = rest;
        }
        Self { code: format!("+{code}"), number: String::from(number) }
    }

    /// The country code with its plus sign.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The number within the country.
    #[must_use]
    pub fn number(&self) -> &str {
        &self.number
    }

    /// Code and number joined, as views of a charge show it.
    #[must_use]
    pub fn joined(&self) -> String {
        format!("{}{}", self.code, self.number)
    }
}

/// How many of the digits behind the plus sign are the country's code. No code begins another one, and ITU-T's list of
/// them (E.164) has but two zones of one digit and these codes of two.
fn country_code_length(digits: &str) -> usize {
    match digits.as_bytes() {
        [b'1' | b'7', ..] => 1,
        [b'2', b'0' | b'7', ..]
        | [b'3', b'0'..=b'4' | b'6' | b'9', ..]
        | [b'4', b'0' | b'1' | b'3'..=b'9', ..]
        | [b'5', b'1'..=b'8', ..]
        | [b'6', b'0'..=b'6', ..]
        | [b'8', b'1' | b'2' | b'4' | b'6', ..]
        | [b'9', b'0'..=b'5' | b'8', ..] => 2,
        _ => 3,
    }
}

/// Whether a zero before the number is for calls within the country only: so in those of the payment methods. Elsewhere it
/// may belong to the number, as in Italy.
fn drops_zero(code: &str) -> bool {
    matches!(code, "60" | "61" | "62" | "63" | "64" | "65" | "66" | "82" | "84" | "91" | "852")
}

// Contact data is personal: it must not reach a log by way of `{:?}`.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(..)")
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phone(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked_for_form() {
        for good in ["a@example.com", "john007@gmail.com", "o'neil+tag@sub.example.co", "ü@example.de"] {
            assert!(Email::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a",
            "@example.com",
            "a@",
            "a@b",
            "a b@example.com",
            "a@b@example.com",
            "a@example..com",
            "a@x.com\n",
            ".a@x.com",
        ] {
            assert_eq!(Email::parse(bad), Err(ContactError::Email), "{bad:?}");
        }
    }

    #[test]
    fn no_address_turns_or_hides_text_and_a_stored_one_can_still_be_read() {
        for deceptive in ['\u{202E}', '\u{2066}', '\u{200F}', '\u{200B}', '\u{FEFF}', '\u{FFFD}', '\u{E0041}'] {
            for text in [std::format!("a{deceptive}b@example.com"), std::format!("a@ex{deceptive}ample.com")] {
                assert_eq!(Email::parse(&text), Err(ContactError::Email), "{text:?}");
                assert_eq!(Email::stored(&text).unwrap().as_str(), text);
            }
        }
        assert!(Email::parse("a@\u{646}\u{627}\u{645}\u{647}\u{200C}\u{627}\u{6CC}.example").is_ok());
        assert_eq!(Email::stored("a@b"), Err(ContactError::Email));
    }

    #[test]
    fn phones_are_a_code_and_four_to_fifteen_digits() {
        assert_eq!(Phone::parse("+65", "12345678901").unwrap().joined(), "+6512345678901");
        for (code, error) in
            [("65", ContactError::PhoneCode), ("+", ContactError::PhoneCode), ("+65432", ContactError::PhoneCode)]
        {
            assert_eq!(Phone::parse(code, "12345678"), Err(error));
        }
        for number in ["123", "1234567890123456", "abc", "1234 5678", "٩٠٠٠٠٠٠٠"] {
            assert_eq!(Phone::parse("+65", number), Err(ContactError::PhoneNumber), "{number}");
        }
    }

    #[test]
    fn a_number_is_one_value_however_its_digits_are_shared_out() {
        for (right, others) in [
            (("+65", "92223333"), [("+6", "592223333"), ("+659", "2223333"), ("+6592", "223333")].as_slice()),
            (("+852", "51234567"), &[("+8", "5251234567"), ("+85", "251234567"), ("+8525", "1234567")]),
            (("+1", "8681234567"), &[("+1868", "1234567")]),
            (("+39", "0612345678"), &[("+3", "90612345678"), ("+3906", "12345678")]),
            (("+358", "401234567"), &[("+35", "8401234567"), ("+3584", "01234567")]),
            // As short and as long as the form allows.
            (("+6", "5123"), &[("+6", "5123")]),
            (("+6512", "345678901234567"), &[("+6512", "345678901234567")]),
            (("+659", "222333344445555"), &[("+6592", "22333344445555")]),
        ] {
            let phone = Phone::parse(right.0, right.1).unwrap();
            assert_eq!((phone.code(), phone.number()), right);
            for (code, number) in others {
                assert!(Phone::parse(code, number).unwrap() == phone, "{code} {number}");
                let given = Phone::as_given(code, number).unwrap();
                assert_eq!((given.code(), given.number()), (*code, *number));
            }
        }
    }

    #[test]
    fn the_zero_of_calls_within_the_country_is_dropped_where_no_number_begins_with_it() {
        for (code, given, number) in [
            ("+65", "093334445", "93334445"),
            ("+6", "5093334445", "93334445"),
            ("+852", "051234567", "51234567"),
            ("+60", "0123456789", "123456789"),
            ("+61", "0412345678", "412345678"),
            ("+62", "0081234567890", "81234567890"),
            ("+63", "09171234567", "9171234567"),
            ("+64", "0211234567", "211234567"),
            ("+66", "0812345678", "812345678"),
            ("+82", "01012345678", "1012345678"),
            ("+84", "0912345678", "912345678"),
            ("+91", "09876543210", "9876543210"),
            // It belongs to the number, or nobody here knows.
            ("+39", "0612345678", "0612345678"),
            ("+44", "07700900123", "07700900123"),
            // Too short to be without it.
            ("+65", "0123", "0123"),
            ("+65", "00000", "0000"),
        ] {
            assert_eq!(Phone::parse(code, given).unwrap().number(), number, "{code} {given}");
            assert_eq!(Phone::as_given(code, given).unwrap().number(), given);
        }
    }

    #[test]
    fn debug_output_hides_contact_data() {
        let phone = Phone::parse("+65", "91234567").unwrap();
        assert_eq!(std::format!("{phone:?}"), "Phone(..)");
    }
}
