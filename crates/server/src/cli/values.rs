//! Reading the values of options.

use super::failure::Failure;
use crate::bounded;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::io;
use std::path::Path;
use xanpay_domain::currency::Currency;
use xanpay_domain::id::{Id, MerchantId};
use xanpay_domain::method::Method;
use xanpay_domain::money::Money;
use xanpay_statements::{DEFAULT_MAX_BYTES, ReadError};

/// Reads an option that names a method; the help lists them.
pub(super) fn method_parser() -> impl TypedValueParser<Value = Method> {
    PossibleValuesParser::new(Method::ALL.map(|method| method.as_str())).try_map(|name| name.parse::<Method>())
}

/// A method, or which ones there are.
pub(super) fn method(text: &str) -> Result<Method, String> {
    text.parse().map_err(|_| {
        let names: Vec<_> = Method::ALL.iter().map(|method| method.as_str()).collect();
        format!("is no payment method; the methods are {}", names.join(", "))
    })
}

/// A currency code; lower case is understood.
pub(super) fn currency(text: &str) -> Result<Currency, String> {
    text.to_ascii_uppercase().parse().map_err(|_| "is no ISO 4217 currency code such as SGD".to_owned())
}

/// An amount of a currency.
pub(super) fn amount(text: &str, currency: Currency) -> Result<Money, Failure> {
    Money::parse(text, currency).map_err(|error| Failure::field("amount", "amount_invalid", error.to_string()))
}

/// A merchant's id. What is none names no merchant.
pub(super) fn merchant_id(text: &str) -> Result<MerchantId, Failure> {
    id("merchant", "merchant_unknown", text)
}

/// An id of a kind; a text that is none is refused as an unknown one, by the code of its field.
pub(super) fn id<Kind>(field: &str, code: &'static str, text: &str) -> Result<Id<Kind>, Failure> {
    Id::parse(text).map_err(|_| Failure::field(field, code, format!("{text:?} is not known")))
}

/// A percentage with at most two decimals, up to 100, in hundredths of a percent.
pub(super) fn percent(text: &str) -> Result<u32, String> {
    let expected = || "must be a percentage from 0 to 100 with at most two decimals".to_owned();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits =
        |part: &str, most: usize| (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole, 3) || !digits(fraction, 2) {
        return Err(expected());
    }
    format!("{whole}{fraction:0<2}").parse().ok().filter(|points| *points <= 10_000).ok_or_else(expected)
}

/// The bytes of a bank's file, or of one of rates, that the user named.
pub(super) fn read_file(path: &Path) -> Result<Vec<u8>, Failure> {
    read_file_unnamed(path).map_err(|failure| about_file(path, failure))
}

/// A failure that says which file it is about.
pub(super) fn about_file(path: &Path, failure: Failure) -> Failure {
    Failure { message: format!("{}: {}", path.display(), failure.message), ..failure }
}

/// The same for a caller who names the file: the failure does not.
pub(super) fn read_file_unnamed(path: &Path) -> Result<Vec<u8>, Failure> {
    bounded::read_file(path, DEFAULT_MAX_BYTES).map_err(|error| {
        let is_too_large = error.kind() == io::ErrorKind::FileTooLarge;
        let code = if is_too_large { ReadError::PAYLOAD_TOO_LARGE } else { "file_unreadable" };
        Failure::new(code, error.to_string())
    })
}

/// What comes in on standard input, at most so many bytes of it.
pub(super) fn read_input(most: usize) -> Result<String, Failure> {
    let bytes = read_input_bytes(most)?;
    if bytes.len() > most {
        return Err(Failure::new("body_too_large", format!("standard input has more than {most} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| Failure::new("input_unreadable", "standard input is not UTF-8"))
}

/// What stands on standard input, at most one byte more than `most`.
pub(super) fn read_input_bytes(most: usize) -> Result<Vec<u8>, Failure> {
    bounded::read_past(io::stdin().lock(), most)
        .map_err(|error| Failure::new("input_unreadable", format!("standard input: {error}")))
}

/// Writes a file that the user named.
pub(super) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    std::fs::write(path, bytes).map_err(|error| Failure::new("file_unwritable", format!("{}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_read_to_hundredths() {
        for (text, points) in [("0", 0), ("1.5", 150), ("2.05", 205), ("100", 10_000), ("0.07", 7)] {
            assert_eq!(percent(text), Ok(points), "{text}");
        }
        for bad in ["", "-1", "1.234", "101", "1,5", "1e1", "100.01", "1.", ".5"] {
            assert!(percent(bad).is_err(), "{bad}");
        }
    }
}
