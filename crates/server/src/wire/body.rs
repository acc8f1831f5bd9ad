//! Reading request bodies: every fault of a request is found at once and named by its field.

use crate::flows::{Fault, Refusal};
use crate::outbound::address::{AddressPolicy, UrlFault, parse_callback_url, parse_redirect_url};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::str::FromStr;
use xanpay_domain::contact::{ContactError, Email, Phone};
use xanpay_domain::currency::Currency;
use xanpay_domain::method::Method;
use xanpay_domain::money::{AmountError, Money};

/// The most bytes of a request body.
pub const MAX_BODY: usize = 64 * 1024;
/// The most characters of a transfer's reference: four lines of a SWIFT statement, twice.
pub const MAX_REFERENCE: usize = 1000;
/// The most characters of a name, an e-mail address or the like.
pub const MAX_NAME: usize = 255;
/// The most bytes of `notifyPayload`.
pub const MAX_PAYLOAD: usize = 8 * 1024;
/// The most methods in a list: more than there are.
const MAX_METHODS: usize = 50;

/// A JSON object under inspection. Members are taken by name; those that nobody takes are ignored.
pub struct Fields<'a> {
    members: HashMap<String, &'a RawValue>,
    faults: Vec<Fault>,
}

impl<'a> Fields<'a> {
    /// Reads a body as a JSON object, whatever its content type said.
    ///
    /// # Errors
    /// `invalid_json` when it is no JSON, `invalid_body` when it is no object.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Refusal> {
        let invalid = |code, detail: String| Refusal { code, ..Refusal::field("", code, detail) };
        let json = std::str::from_utf8(bytes).map_err(|_| invalid("invalid_json", "the body is not UTF-8".into()))?;
        let raw: &RawValue = serde_json::from_str(json)
            .map_err(|error| invalid("invalid_json", format!("the body is not JSON: {error}")))?;
        if !raw.get().starts_with('{') {
            return Err(invalid("invalid_body", "the body must be a JSON object".into()));
        }
        let Members(members) = serde_json::from_str(raw.get())
            .map_err(|error| invalid("invalid_json", format!("the body cannot be read: {error}")))?;
        Ok(Self { members, faults: Vec::new() })
    }

    /// A body without members, for requests that need none.
    #[must_use]
    pub fn empty() -> Self {
        Self { members: HashMap::new(), faults: Vec::new() }
    }

    /// Notes a fault.
    pub fn fault(&mut self, field: &str, code: &'static str, message: impl Into<String>) {
        self.faults.push(Fault { field: field.to_owned(), code, message: message.into() });
    }

    /// Notes what a flow finds wrong with what has been read.
    pub fn add(&mut self, faults: Vec<Fault>) {
        self.faults.extend(faults);
    }

    /// Whether a fault has been noted.
    #[must_use]
    pub fn has_faults(&self) -> bool {
        !self.faults.is_empty()
    }

    /// Ends the inspection.
    ///
    /// # Errors
    /// Everything that was found wrong.
    pub fn finish(self) -> Result<(), Refusal> {
        if self.faults.is_empty() { Ok(()) } else { Err(Refusal::invalid(self.faults)) }
    }

    /// The same, with the faults in the order in which the documentation lists the fields, which is not the one in which
    /// they can be read: an amount needs its currency.
    ///
    /// # Errors
    /// Everything that was found wrong.
    pub fn finish_in(mut self, order: &[&str]) -> Result<(), Refusal> {
        self.faults.sort_by_key(|fault| {
            let root = fault.field.split(['.', '[']).next();
            order.iter().position(|field| Some(*field) == root)
        });
        self.finish()
    }

    /// A member as JSON text; null counts as absent.
    pub fn raw(&mut self, field: &str) -> Option<&'a str> {
        self.members.get(field).map(|raw| raw.get()).filter(|json| *json != "null")
    }

    /// Notes that a required member is missing.
    pub fn missing(&mut self, field: &str) {
        self.fault(field, "missing_field", "is required");
    }

    /// Any string.
    pub fn string(&mut self, field: &str) -> Option<String> {
        let text = serde_json::from_str(self.raw(field)?).ok();
        if text.is_none() {
            self.fault(field, "invalid_field", "must be a string");
        }
        text
    }

    /// A text of at most `max` characters without control characters.
    pub fn text(&mut self, field: &str, max: usize) -> Option<String> {
        let text = self.string(field)?;
        self.checked(field, text, max)
    }

    /// A text of any number of lines, read as one: white space of any kind and length becomes a space.
    pub fn lines(&mut self, field: &str, max: usize) -> Option<String> {
        let text = self.string(field)?;
        self.checked(field, one_line(&text), max)
    }

    fn checked(&mut self, field: &str, text: String, max: usize) -> Option<String> {
        if text.chars().count() > max {
            self.fault(field, "field_too_long", format!("must be at most {max} characters"));
            return None;
        }
        if text.chars().any(char::is_control) {
            self.fault(field, "invalid_field", "must not contain control characters");
            return None;
        }
        Some(text)
    }

    /// A text that a reader understands.
    pub fn parsed<T: FromStr>(&mut self, field: &str, code: &'static str) -> Option<T>
    where
        T::Err: std::fmt::Display,
    {
        let text = self.text(field, MAX_NAME)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault(field, code, error.to_string());
                None
            }
        }
    }

    /// A required currency.
    pub fn currency(&mut self, field: &str) -> Option<Currency> {
        if self.raw(field).is_none() {
            self.missing(field);
            return None;
        }
        let text = self.text(field, MAX_NAME)?;
        let currency = text.parse().ok();
        if currency.is_none() {
            let message = "must be an ISO 4217 code in upper case such as SGD, HKD, MYR, THB, PHP, VND, INR, IDR, AUD, NZD or KRW";
            self.fault(field, "currency_unsupported", message);
        }
        currency
    }

    /// A required amount of a currency. Without a readable currency only the form is checked.
    pub fn amount(&mut self, field: &str, currency: Option<Currency>) -> Option<Money> {
        let Some(json) = self.raw(field) else {
            self.missing(field);
            return None;
        };
        match read_amount_in(json, currency) {
            Ok(amount) => amount,
            Err(error) => {
                self.fault(field, "amount_invalid", error.to_string());
                None
            }
        }
    }

    /// A required method.
    pub fn method(&mut self, field: &str) -> Option<Method> {
        if self.raw(field).is_none() {
            self.missing(field);
            return None;
        }
        self.parsed(field, "method_unknown")
    }

    /// A list of methods, each with its place; repeats are dropped, the order is kept.
    pub fn methods(&mut self, field: &str) -> Option<Vec<(usize, Method)>> {
        let json = self.raw(field)?;
        let Ok(names) = serde_json::from_str::<Vec<&RawValue>>(json) else {
            self.fault(field, "invalid_field", "must be a list of method names");
            return None;
        };
        if names.is_empty() {
            self.fault(field, "invalid_field", "must not be empty; leave it out to offer every enabled method");
            return None;
        }
        if names.len() > MAX_METHODS {
            self.fault(field, "too_many_items", format!("must have at most {MAX_METHODS} items"));
            return None;
        }
        let mut methods: Vec<(usize, Method)> = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let path = format!("{field}[{index}]");
            match serde_json::from_str::<String>(name.get()).map(|name| name.parse::<Method>()) {
                Ok(Ok(method)) if methods.iter().any(|(_, known)| *known == method) => {}
                Ok(Ok(method)) => methods.push((index, method)),
                Ok(Err(error)) => self.fault(&path, "method_unknown", error.to_string()),
                Err(_) => self.fault(&path, "invalid_field", "must be a string"),
            }
        }
        Some(methods)
    }

    /// A URL that the gateway will call.
    pub fn callback_url(&mut self, field: &str, policy: &AddressPolicy) -> Option<String> {
        self.url(field, |text| parse_callback_url(text, policy))
    }

    /// A URL that a customer will open.
    pub fn redirect_url(&mut self, field: &str) -> Option<String> {
        self.url(field, parse_redirect_url)
    }

    fn url(&mut self, field: &str, parse: impl FnOnce(&str) -> Result<url::Url, UrlFault>) -> Option<String> {
        let text = self.string(field)?;
        match parse(&text) {
            // Merchants get back what they sent; what is called is the same URL.
            Ok(_) => Some(text),
            Err(fault) => {
                self.fault(field, fault.code(), fault.to_string());
                None
            }
        }
    }

    /// The merchant's own text, byte for byte. An object or array is kept as its compact JSON text.
    pub fn payload(&mut self, field: &str) -> Option<String> {
        let json = self.raw(field)?;
        let text = match json.as_bytes().first() {
            Some(b'"') => serde_json::from_str::<String>(json).ok(),
            Some(b'{' | b'[') => Some(super::json::compact(json)),
            Some(_) | None => None,
        };
        let Some(text) = text else {
            self.fault(field, "invalid_field", "must be a string");
            return None;
        };
        if text.len() > MAX_PAYLOAD {
            self.fault(field, "field_too_long", format!("must be at most {MAX_PAYLOAD} bytes"));
            return None;
        }
        if serde_json::from_str(json).is_ok_and(|value| super::json::has_nul(&value)) {
            self.fault(field, "invalid_field", "must not contain NUL");
            return None;
        }
        Some(text)
    }

    /// An e-mail address, its faults named by `path`.
    pub fn email_at(&mut self, field: &str, path: &str) -> Option<Email> {
        let json = self.raw(field)?;
        let parsed = match serde_json::from_str::<String>(json) {
            Ok(text) => Email::parse(&text).map_err(|error| error.to_string()),
            Err(_) => Err("must be a string".to_owned()),
        };
        match parsed {
            Ok(email) => Some(email),
            Err(message) => {
                self.fault(path, "invalid_field", message);
                None
            }
        }
    }

    /// A nested object under inspection, its faults named by their path.
    pub fn object<T>(&mut self, field: &str, inspect: impl FnOnce(&mut Fields<'a>, &str) -> T) -> Option<T> {
        let json = self.raw(field)?;
        let members = if json.starts_with('{') { serde_json::from_str(json).ok() } else { None };
        let Some(Members(members)) = members else {
            self.fault(field, "invalid_field", "must be an object that names no member twice");
            return None;
        };
        let mut inner = Fields { members, faults: Vec::new() };
        let value = inspect(&mut inner, field);
        self.faults.append(&mut inner.faults);
        Some(value)
    }

    /// A phone number, an object of `code` and `phone`: one to call is read by [`Phone::parse`].
    pub fn phone(
        &mut self,
        field: &str,
        path: &str,
        read: fn(&str, &str) -> Result<Phone, ContactError>,
    ) -> Option<Phone> {
        let json = self.raw(field)?;
        #[derive(serde::Deserialize)]
        struct Parts {
            code: String,
            phone: String,
        }
        let Ok(parts) = serde_json::from_str::<Parts>(json) else {
            self.fault(path, "invalid_field", "must be an object with the strings code and phone");
            return None;
        };
        let phone = read(&parts.code, &parts.phone);
        // Each is read beside a right one, so that both are told of.
        for (name, alone) in [("code", read(&parts.code, "00000000")), ("phone", read("+00", &parts.phone))] {
            if let Err(error) = alone {
                self.fault(path, "invalid_field", format!("has a {name} that {error}"));
            }
        }
        phone.ok()
    }
}

/// The members of a JSON object. A member that is there twice is refused: the merchant's own software and this gateway
/// could each mean another one of the two.
pub(crate) struct Members<'a>(pub(crate) HashMap<String, &'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = HashMap::new();
                while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
                    match members.entry(name) {
                        Entry::Vacant(free) => drop(free.insert(value)),
                        Entry::Occupied(taken) => {
                            return Err(A::Error::custom(format_args!("the member {:?} is there twice", taken.key())));
                        }
                    }
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

/// Reads an amount from a JSON number or a JSON string, by its digits. What is written with more decimals than the currency
/// has is refused also where they are zeros: its sender has another currency in mind.
///
/// # Errors
/// [`AmountError`].
pub fn read_amount(json: &str, currency: Currency) -> Result<Money, AmountError> {
    let text: Cow<'_, str> = match json.as_bytes().first() {
        Some(b'"') => serde_json::from_str(json).map(Cow::Owned).map_err(|_| AmountError::NotDecimal)?,
        Some(_) | None => Cow::Borrowed(json),
    };
    let amount = Money::parse(&text, currency)?;
    let decimals = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let most = currency.exponent();
    if decimals > most as usize { Err(AmountError::TooManyDecimals(most)) } else { Ok(amount) }
}

/// Reads an amount whose currency may be unreadable: then only its form is checked, and any number of decimals will do.
///
/// # Errors
/// [`AmountError`].
pub fn read_amount_in(json: &str, currency: Option<Currency>) -> Result<Option<Money>, AmountError> {
    match currency {
        Some(currency) => read_amount(json, currency).map(Some),
        None => match read_amount(json, Currency::SGD) {
            Ok(_) | Err(AmountError::TooManyDecimals(_)) => Ok(None),
            Err(error @ (AmountError::NotDecimal | AmountError::TooLarge | AmountError::Zero)) => Err(error),
        },
    }
}

/// A text of several lines as one line: white space of any kind and length becomes a space, as in bank statements.
#[must_use]
pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Reads a whole number in plain digits from a JSON number or a JSON string.
#[must_use]
pub fn whole_number(json: &str) -> Option<i64> {
    let text = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(json);
    // The standard reader also takes a plus sign.
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}
