//! Order lines: checked for form, kept as they were sent.

use super::body::{Fields, MAX_NAME, Members, read_amount_in, whole_number};
use super::json::{compact, has_nul};
use serde_json::value::RawValue;
use std::collections::HashMap;
use xanpay_domain::currency::Currency;
use xanpay_domain::money::AmountError;

/// The most lines of an order.
const MAX_LINES: usize = 100;

/// Reads `orders` and returns them as compact JSON text: unknown keys, key order and spelling of numbers stay.
pub fn read_orders(body: &mut Fields<'_>, field: &str, currency: Option<Currency>) -> Option<String> {
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

fn check_line(body: &mut Fields<'_>, path: &str, json: &str, currency: Option<Currency>) {
    // Reading everything once finds broken escapes, half surrogates and absurd nesting in members that nobody knows.
    let whole = serde_json::from_str::<serde_json::Value>(json);
    let members = match whole {
        Ok(serde_json::Value::Object(members)) => members,
        Err(error) if json.starts_with('{') => {
            let message = if error.to_string().starts_with("recursion limit") {
                "is nested too deep: at most 127 levels"
            } else {
                "has a text or number that cannot be read"
            };
            body.fault(path, "invalid_field", message);
            return;
        }
        Ok(_) | Err(_) => {
            body.fault(path, "invalid_field", "must be an object");
            return;
        }
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
            Some(_) if name == "id" => Some(("invalid_field", "must be a string or a number".to_owned())),
            Some(_) => Some(("invalid_field", "must be a string".to_owned())),
        };
        if let Some((code, message)) = fault {
            body.fault(&format!("{path}.{name}"), code, message);
        }
    }
    // Members are read by name here and by others; of two with one name each could mean another.
    match serde_json::from_str::<Members<'_>>(json) {
        Ok(Members(members)) => check_numbers(body, path, &members, currency),
        Err(_) => body.fault(path, "invalid_field", "must not name a member twice"),
    }
}

fn check_numbers(body: &mut Fields<'_>, path: &str, members: &HashMap<String, &RawValue>, currency: Option<Currency>) {
    let is_count = |count| (1..=i64::from(u32::MAX)).contains(&count);
    let member = |name: &str| members.get(name).map(|raw| raw.get()).filter(|json| *json != "null");
    if member("quantity").is_some_and(|json| !whole_number(json).is_some_and(is_count)) {
        let message = format!("must be a whole number from 1 to {}", u32::MAX);
        body.fault(&format!("{path}.quantity"), "invalid_field", message);
    }
    let line_currency = match member("currency") {
        Some(json) => {
            let own = serde_json::from_str::<String>(json).ok().and_then(|code| code.parse().ok());
            if own.is_none() {
                let message = "must be an ISO 4217 code in upper case";
                body.fault(&format!("{path}.currency"), "currency_unsupported", message);
            }
            own
        }
        None => currency,
    };
    match member("amount").map(|json| read_amount_in(json, line_currency)) {
        // A gift is a line, too.
        None | Some(Ok(_) | Err(AmountError::Zero)) => {}
        Some(Err(error)) => body.fault(&format!("{path}.amount"), "amount_invalid", error.to_string()),
    }
}
