//! Texts, references and amounts as banks write them.

use xanpay_domain::currency::Currency;
use xanpay_domain::money::{AmountError, Money};

/// The text with every run of white space and control characters replaced by one space; `None` when nothing is left.
pub(crate) fn clean(raw: &str) -> Option<String> {
    let mut cleaned = String::with_capacity(raw.len());
    for word in raw.split(|letter: char| letter.is_whitespace() || letter.is_control()).filter(|word| !word.is_empty())
    {
        if !cleaned.is_empty() {
            cleaned.push(' ');
        }
        cleaned.push_str(word);
    }
    (!cleaned.is_empty()).then_some(cleaned)
}

/// Words that stand where a reference should, in the spelling of their letters and digits alone. `NOTPROVIDED` is the
/// one that ISO 20022 usage guidelines name; the others are what banks' systems fill in.
const PLACEHOLDERS: [&str; 10] =
    ["NOTPROVIDED", "NOTAVAILABLE", "NOTAPPLICABLE", "NONREF", "NOREF", "NOREFERENCE", "NONE", "NULL", "NA", "UNKNOWN"];

/// A bank's reference or an end-to-end id, with runs of white space as one space; `None` for a placeholder such as
/// `NOTPROVIDED`, for zeros alone and for text without a letter or digit: transfers that share one are not the same.
#[must_use]
pub fn reference(raw: &str) -> Option<String> {
    let cleaned = clean(raw)?;
    let bare: String =
        cleaned.chars().filter(|letter| letter.is_alphanumeric()).map(|letter| letter.to_ascii_uppercase()).collect();
    let says_nothing = bare.bytes().all(|byte| byte == b'0') || PLACEHOLDERS.contains(&bare.as_str());
    (!says_nothing).then_some(cleaned)
}

/// An account identification: cleaned, and an IBAN without the spaces that it is printed with.
pub(crate) fn account(raw: &str, is_iban: bool) -> Option<String> {
    let cleaned = clean(raw)?;
    if is_iban { Some(cleaned.replace(' ', "")) } else { Some(cleaned) }
}

/// An amount in the lexical form of `xs:decimal` without a minus sign; zero is an amount.
pub(crate) fn decimal(raw: &str, currency: Currency) -> Result<Money, String> {
    let text = raw.trim();
    let text = text.strip_prefix('+').unwrap_or(text);
    let text = text.strip_suffix('.').unwrap_or(text);
    let parsed = match text.strip_prefix('.') {
        Some(_) => Money::parse(&format!("0{text}"), currency),
        None => Money::parse(text, currency),
    };
    match parsed {
        Ok(amount) => Ok(amount),
        Err(AmountError::Zero) => Ok(Money::zero(currency)),
        Err(error @ (AmountError::NotDecimal | AmountError::TooManyDecimals(_) | AmountError::TooLarge)) => {
            Err(format!("the amount {error}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_no_references() {
        for raw in ["", " ", "NOTPROVIDED", "Not provided", "/NOTPROVIDED/", "n/a", "-", "0000", "NONREF"] {
            assert_eq!(reference(raw), None, "{raw:?}");
        }
        assert_eq!(reference(" ABC\n 1 "), Some("ABC 1".to_owned()));
    }

    #[test]
    fn control_characters_separate_words() {
        assert_eq!(clean("a\u{0}b\t\r\n c\u{85}"), Some("a b c".to_owned()));
    }

    #[test]
    fn amounts_follow_xs_decimal() {
        for (raw, minor) in [("8.85", 885), ("+8.8500", 885), (".5", 50), ("5.", 500), (" 12 ", 1200), ("0.00", 0)] {
            assert_eq!(decimal(raw, Currency::SGD).unwrap().minor(), minor, "{raw:?}");
        }
        for raw in ["-1", "8,85", "", ".", "+", "1e2", "8.851", "1000000000000", "++1"] {
            assert!(decimal(raw, Currency::SGD).is_err(), "{raw:?}");
        }
    }
}
