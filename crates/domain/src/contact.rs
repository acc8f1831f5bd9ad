//! How to reach a customer: e-mail addresses and phone numbers, checked for form only.

use crate::method::Method;
use crate::text::is_directional;
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

/// The most digits of a number with its country's code (ITU-T E.164, section 6.1).
const MAX_DIGITS: usize = 15;

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
    let is_invisible = matches!(
        c,
        '\u{AD}' | '\u{180E}' | '\u{200B}' | '\u{2060}'..='\u{2065}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFD}'
            | '\u{E0000}'..='\u{E007F}'
    );
    is_invisible || is_directional(c)
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

    /// Whether a message may be sent to it, as far as its digits tell. Satellite phones, numbers of no country and premium
    /// ones cost the sender much or pay whoever asks for the message; no customer needs a code there.
    #[must_use]
    pub fn takes_messages(&self) -> bool {
        let Self { code, number } = self.dialled();
        let fits = code.len() - 1 + number.len() <= MAX_DIGITS;
        fits && is_country(&code) && !is_premium(&code, number.trim_start_matches('0'))
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

/// Whether a code is a country's or a geographic area's, by ITU-T's list of assigned country codes (annex to its Operational
/// Bulletin 1114), which says "reserved" of Palestine's 970 and of 886, both of which are in use. All others are spare, or
/// those of satellites, networks and services: 388, 800, 808, 870, 878, 881 to 883, 888, 979, 991 and 999 among them.
fn is_country(code: &str) -> bool {
    // A number would lose the zero that no code begins with.
    let digits = code.strip_prefix('+').filter(|digits| !digits.starts_with('0'));
    matches!(
        digits.and_then(|digits| digits.parse::<u16>().ok()),
        Some(
            1
            | 7
            | 20
            | 27
            | 30..=34
            | 36
            | 39..=41
            | 43..=49
            | 51..=58
            | 60..=66
            | 81
            | 82
            | 84
            | 86
            | 90..=95
            | 98
            | 211..=213
            | 216
            | 218
            | 220..=258
            | 260..=269
            | 290
            | 291
            | 297..=299
            | 350..=359
            | 370..=383
            | 385..=387
            | 389
            | 420
            | 421
            | 423
            | 500..=509
            | 590..=599
            | 670
            | 672..=683
            | 685..=692
            | 850
            | 852
            | 853
            | 855
            | 856
            | 880
            | 886
            | 960..=968
            | 970..=977
            | 992..=996
            | 998,
        )
    )
}

/// Whether whoever calls the number pays its owner, where the country's own plan gives such numbers a prefix of their own:
/// North America (NANPA: 900), France (ARCEP: 089), the United Kingdom (Ofcom: 09), Germany (Bundesnetzagentur: 0900),
/// Australia (ACMA: 190) and New Zealand (0900). The number is without the zero of calls within the country.
fn is_premium(code: &str, number: &str) -> bool {
    let prefix = match code {
        "+1" | "+49" | "+64" => "900",
        "+33" => "89",
        "+44" => "9",
        "+61" => "190",
        _ => return false,
    };
    number.starts_with(prefix)
}

/// Whether a zero before the number is for calls within the country only: so in all countries of the payment methods.
/// Elsewhere it may belong to the number, as in Italy.
fn drops_zero(code: &str) -> bool {
    Method::ALL.into_iter().any(|method| method.calling_code() == code)
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

    fn takes_messages(code: &str, number: &str) -> bool {
        Phone::as_given(code, number).unwrap().takes_messages()
    }

    #[test]
    fn messages_go_to_the_numbers_of_countries_only() {
        for (code, number) in [
            ("+65", "91234567"),
            ("+6", "591234567"),
            ("+65", "12345678901"),
            ("+1", "2025550123"),
            ("+1868", "6280000"),
            ("+7", "9161234567"),
            ("+886", "912345678"),
            ("+970", "599123456"),
            ("+383", "44123456"),
            ("+247", "6123"),
        ] {
            assert!(takes_messages(code, number), "{code} {number}");
        }
        for (code, number) in [
            // Satellites and networks, however their digits are shared out; services; what is not assigned.
            ("+88", "2130000000"),
            ("+8821", "30000000"),
            ("+881", "612345678"),
            ("+870", "773123456"),
            ("+883", "5100012345"),
            ("+800", "12345678"),
            ("+808", "12345678"),
            ("+878", "101234567"),
            ("+888", "12345678"),
            ("+979", "112345678"),
            ("+388", "31234567"),
            ("+991", "12345678"),
            ("+999", "12345678"),
            ("+210", "12345678"),
            ("+38", "412345678"),
            ("+0", "6591234567"),
            ("+065", "91234567"),
            ("+00", "6591234567"),
            // Longer than any number is, and no longer than that.
            ("+65", "12345678901234"),
        ] {
            assert!(!takes_messages(code, number), "{code} {number}");
        }
        assert!(takes_messages("+65", "1234567890123"));
    }

    #[test]
    fn messages_do_not_go_to_numbers_that_pay_their_owners() {
        for (code, paid, other) in [
            ("+1", "9005550123", "9015550123"),
            ("+33", "0891234567", "0612345678"),
            ("+44", "9012345678", "7700900123"),
            ("+44", "09012345678", "07900123456"),
            ("+49", "9001234567", "1701234567"),
            ("+61", "1900123456", "412345678"),
            ("+64", "0900123456", "211234567"),
        ] {
            assert!(!takes_messages(code, paid) && takes_messages(code, other), "{code}");
        }
    }

    #[test]
    fn no_country_has_the_code_of_another_at_the_beginning_of_its_own() {
        let codes = || (1..1000).map(|code| format!("+{code}")).filter(|code| is_country(code));
        for code in codes() {
            assert_eq!(country_code_length(&format!("{}12345678", &code[1..])), code.len() - 1, "{code}");
        }
        assert_eq!(codes().count(), 207);
    }

    #[test]
    fn debug_output_hides_contact_data() {
        let phone = Phone::parse("+65", "91234567").unwrap();
        assert_eq!(std::format!("{phone:?}"), "Phone(..)");
    }
}
