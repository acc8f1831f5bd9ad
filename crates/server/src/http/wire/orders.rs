//! Order lines: checked for form, kept as they were sent.

use super::body::{Body, MAX_NAME, read_amount};
use super::json::{compact, has_nul};
use serde_json::value::RawValue;
use xanpay_domain::currency::Currency;
use xanpay_domain::money::AmountError;

/// The most lines of an order.
const MAX_LINES: usize = 100;

/// Reads `orders` and returns them as compact JSON text: unknown keys, key order and spelling of numbers stay.
pub fn read_orders(body: &mut Body<'_>, field: &str, currency: Option<Currency>) -> Option<String> {
    let json = body.raw(field)?;
    let Ok(lines) = serde_json::from_str::<Vec<&RawValue>>(json) else {
        body.fault(field, "invalid_field", "must be a list of order lines");
        return None;
    };
    if lines.len() > MAX_LINES {
        body.fault(field, "too_many_items", format!("must have at most {MAX_LINES} items"));
        return None;
    }
    for (index, line) in lines.iter().enumerate() {
        check_line(body, &format!("{field}[{index}]"), line.get(), currency);
    }
    Some(compact(json))
}

fn check_line(body: &mut Body<'_>, path: &str, json: &str, currency: Option<Currency>) {
    // Reading everything once finds broken escapes, half surrogates and absurd nesting in members that nobody knows.
    let whole = serde_json::from_str::<serde_json::Value>(json);
    let Ok(serde_json::Value::Object(members)) = whole else {
        body.fault(path, "invalid_field", "must be an object");
        return;
    };
    if members.values().any(has_nul) || members.keys().any(|name| name.contains('\0')) {
        body.fault(path, "invalid_field", "must not contain NUL");
    }
    for name in ["id", "name"] {
        let fault = match members.get(name) {
            None | Some(serde_json::Value::Null) => None,
            Some(serde_json::Value::String(text)) if text.chars().count() > MAX_NAME => {
                Some(("field_too_long", format!("must be at most {MAX_NAME} characters")))
            }
            Some(serde_json::Value::String(_)) => None,
            Some(serde_json::Value::Number(_)) if name == "id" => None,
            Some(_) => Some(("invalid_field", "must be a string".to_owned())),
        };
        if let Some((code, message)) = fault {
            body.fault(&format!("{path}.{name}"), code, message);
        }
    }
    check_numbers(body, path, json, currency);
}

#[derive(serde::Deserialize)]
struct Numbers<'a> {
    #[serde(borrow)]
    quantity: Option<&'a RawValue>,
    #[serde(borrow)]
    amount: Option<&'a RawValue>,
    #[serde(borrow)]
    currency: Option<&'a RawValue>,
}

fn check_numbers(body: &mut Body<'_>, path: &str, json: &str, currency: Option<Currency>) {
    let Ok(numbers) = serde_json::from_str::<Numbers<'_>>(json) else {
        body.fault(path, "invalid_field", "must not repeat a member");
        return;
    };
    if let Some(quantity) = numbers.quantity.map(RawValue::get).filter(|json| *json != "null") {
        let count = quantity.trim_matches('"').parse::<u32>().ok().filter(|count| *count > 0);
        if count.is_none() {
            body.fault(&format!("{path}.quantity"), "invalid_field", "must be a whole number greater than zero");
        }
    }
    let own = numbers.currency.map(RawValue::get).filter(|json| *json != "null");
    let line_currency = match own {
        Some(json) => match serde_json::from_str::<String>(json).ok().and_then(|code| code.parse().ok()) {
            Some(currency) => Some(currency),
            None => {
                body.fault(
                    &format!("{path}.currency"),
                    "currency_unsupported",
                    "must be an ISO 4217 code in upper case",
                );
                return;
            }
        },
        None => currency,
    };
    if let (Some(amount), Some(currency)) =
        (numbers.amount.map(RawValue::get).filter(|json| *json != "null"), line_currency)
    {
        match read_amount(amount, currency) {
            // A gift is a line, too.
            Ok(_) | Err(AmountError::Zero) => {}
            Err(error) => body.fault(&format!("{path}.amount"), "amount_invalid", error.to_string()),
        }
    }
}
