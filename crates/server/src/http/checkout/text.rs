//! Every word that the checkout says, one [`Strings`] per language.
//!
//! Templates name a field and never carry words of their own, so another language is another constant beside
//! [`ENGLISH`]. The structs serialise to nested objects with the names of the public documents.

#![expect(missing_docs, reason = "each field is named after the words that it holds")]

mod banks;
mod english;
mod methods;

pub use banks::bank_name;
pub use english::ENGLISH;
pub use methods::{MethodText, MethodTexts, Step, StepPart, StepValues};

use serde::Serialize;

/// All words of the checkout in one language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Strings {
    /// BCP 47 tag for the page's `lang`.
    pub language: &'static str,
    /// `ltr` or `rtl`.
    pub direction: &'static str,
    pub common: Common,
    pub main_page: MainPage,
    pub verify_page: VerifyPageTexts,
    pub payment_page: PaymentPage,
    pub detail: DetailTexts,
    pub note: NoteTexts,
    pub receipt_page: ReceiptPage,
    pub closed_page: ClosedPageTexts,
    pub message_page: MessagePageTexts,
    pub countries: CountryNames,
    pub methods: MethodTexts,
}

/// Words that more than one page uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Common {
    pub test_mark: &'static str,
    pub test_hint: &'static str,
    pub you_are_paying: &'static str,
    pub merchant_charges: &'static str,
    /// Takes `{rate}` and `{more}`.
    pub rate_and_more: &'static str,
    pub order_details: &'static str,
    pub quantity: &'static str,
    pub copy: &'static str,
    pub copied: &'static str,
    pub copy_failed: &'static str,
    /// Takes `{host}`.
    pub back_to: &'static str,
    pub safety: &'static str,
    pub powered_by: &'static str,
    pub page_title: &'static str,
}

/// The page on which the customer chooses how to pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MainPage {
    pub title: &'static str,
    pub country: Label,
    pub method: Label,
    pub email: FieldText,
    pub phone_code: Label,
    pub phone: FieldText,
    pub phone_not_allowed: &'static str,
    pub contact: &'static str,
    pub contact_hint: &'static str,
    pub optional: &'static str,
    pub proceed: &'static str,
    pub proceeding: &'static str,
    pub fault_summary: &'static str,
    pub method_missing: &'static str,
    pub method_not_offered: &'static str,
    pub nothing_payable: &'static str,
    pub phone_unprovable: &'static str,
    pub phone_proof_hint: &'static str,
    pub form_stale: &'static str,
    pub try_again: &'static str,
}

/// A label, in an object of its own as in the public translations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Label {
    pub label: &'static str,
}

/// A form field with what can be wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldText {
    pub label: &'static str,
    pub missing: &'static str,
    pub malformed: &'static str,
}

/// The page that asks for the code by which a phone is proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifyPageTexts {
    pub title: &'static str,
    /// Takes `{phone}`.
    pub sent: &'static str,
    pub change: &'static str,
    pub code: FieldText,
    pub code_hint: &'static str,
    /// Takes `{left}`.
    pub wrong: &'static str,
    pub absent: &'static str,
    pub expired: &'static str,
    pub spent: &'static str,
    pub proceed: &'static str,
    pub again: &'static str,
    /// Takes `{left}`.
    pub again_in: &'static str,
    /// Takes `{n}`.
    pub seconds: &'static str,
    /// Takes `{n}`.
    pub minutes: &'static str,
    pub inbox_title: &'static str,
    pub inbox_elsewhere: &'static str,
}

/// The page with the payment instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentPage {
    pub title: &'static str,
    pub scan_title: &'static str,
    /// Takes `{method}`, `{amount}`.
    pub qr_alt: &'static str,
    pub save_qr: &'static str,
    pub open_toss: &'static str,
    pub open_upi: &'static str,
    pub details_title: &'static str,
    pub steps_title: &'static str,
    pub by_hand_title: &'static str,
    /// Takes `{amount}`.
    pub enter_amount: &'static str,
    pub pay_before: &'static str,
    pub time_left: &'static str,
    pub waiting: &'static str,
    pub waiting_for_rest: &'static str,
    pub waiting_hint: &'static str,
    pub check_again: &'static str,
    pub connection_lost: &'static str,
    pub part_title: &'static str,
    pub part_received: &'static str,
    pub part_missing: &'static str,
    pub part_hint: &'static str,
    pub part_stuck: &'static str,
    pub cancel: &'static str,
    pub cancel_question: &'static str,
    pub cancel_warning: &'static str,
    pub cancel_confirm: &'static str,
    pub simulate: &'static str,
    pub simulate_hint: &'static str,
}

/// Labels of the payment details.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DetailTexts {
    pub amount: &'static str,
    pub reference: &'static str,
    pub reference_hint: &'static str,
    pub reference_hint_helpful: &'static str,
    pub account_name: &'static str,
    pub bank: &'static str,
    pub bank_code: &'static str,
    pub account_number: &'static str,
    pub mobile_number: &'static str,
    pub email: &'static str,
    pub uen: &'static str,
    pub fps_id: &'static str,
    pub prompt_pay_id: &'static str,
    pub biller_id: &'static str,
    pub ifsc: &'static str,
    pub upi_id: &'static str,
    pub bsb: &'static str,
    pub pay_id: &'static str,
    pub virtual_account: &'static str,
    pub merchant_code: &'static str,
    pub nric: &'static str,
    pub business_number: &'static str,
}

/// What is said where a rail does not carry the reference dependably.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NoteTexts {
    pub unique_amount_title: &'static str,
    /// Takes `{asked}`.
    pub unique_amount: &'static str,
    /// Takes `{asked}`.
    pub exact_rest: &'static str,
    pub type_reference_title: &'static str,
    /// Takes `{reference}`.
    pub type_reference: &'static str,
    pub type_amount_title: &'static str,
    /// Takes `{asked}`.
    pub type_amount: &'static str,
    pub own_account_title: &'static str,
    pub own_account: &'static str,
}

/// The receipt of a completed payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceiptPage {
    pub title: &'static str,
    pub message: &'static str,
    pub receipt: &'static str,
    pub paid: &'static str,
    pub paid_to: &'static str,
    pub price: &'static str,
    pub method: &'static str,
    pub reference: &'static str,
    pub charge: &'static str,
    pub time: &'static str,
    pub print: &'static str,
    pub surplus_title: &'static str,
    /// Takes `{surplus}`.
    pub surplus: &'static str,
}

/// The pages of a payment that ended without completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClosedPageTexts {
    pub expired: Message,
    pub cancelled: Message,
    pub already_paid_title: &'static str,
    pub already_paid_expired: &'static str,
    pub already_paid_cancelled: &'static str,
    pub received_title: &'static str,
    /// Takes `{amount}`.
    pub received: &'static str,
}

/// The pages that know no payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MessagePageTexts {
    pub not_found: Message,
    pub failed: Message,
    pub too_many_requests: Message,
    pub no_more_codes: Message,
    pub request_id: &'static str,
    pub back_to_payment: &'static str,
}

/// A headline and what follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Message {
    pub title: &'static str,
    pub text: &'static str,
}

/// Names of the countries that have a payment method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CountryNames {
    pub hong_kong: &'static str,
    pub singapore: &'static str,
    pub vietnam: &'static str,
    pub malaysia: &'static str,
    pub philippines: &'static str,
    pub thailand: &'static str,
    pub india: &'static str,
    pub indonesia: &'static str,
    pub australia: &'static str,
    pub new_zealand: &'static str,
    pub south_korea: &'static str,
}

impl CountryNames {
    /// The name of a country by its ISO 3166-1 alpha-2 code; an unknown code names itself.
    #[must_use]
    pub fn of<'a>(&self, code: &'a str) -> &'a str {
        match code {
            "HK" => self.hong_kong,
            "SG" => self.singapore,
            "VN" => self.vietnam,
            "MY" => self.malaysia,
            "PH" => self.philippines,
            "TH" => self.thailand,
            "IN" => self.india,
            "ID" => self.indonesia,
            "AU" => self.australia,
            "NZ" => self.new_zealand,
            "KR" => self.south_korea,
            unknown => unknown,
        }
    }
}

/// Puts values into the `{name}` places of a text. A place without a value stays as it is, which a test forbids.
#[must_use]
pub fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            filled.push('{');
            rest = after;
            continue;
        };
        match values.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => filled.push_str(value),
            None => {
                filled.push('{');
                filled.push_str(name);
                filled.push('}');
            }
        }
        rest = after;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fill_replaces_named_places_once_and_never_reads_a_value_as_a_template() {
        assert_eq!(fill("Back to {host}", &[("host", "{host}.example")]), "Back to {host}.example");
        assert_eq!(fill("{a} and {b}", &[("a", "1"), ("b", "2")]), "1 and 2");
        assert_eq!(fill("{unknown} {open", &[]), "{unknown} {open");
    }

    #[test]
    fn every_country_with_a_method_has_a_name() {
        for method in xanpay_domain::method::Method::ALL {
            assert_ne!(ENGLISH.countries.of(method.country()), method.country());
        }
    }

    #[test]
    fn no_text_is_empty() {
        fn check(path: &str, value: &serde_json::Value) {
            match value {
                serde_json::Value::String(text) => assert!(!text.trim().is_empty(), "{path} is empty"),
                serde_json::Value::Array(items) => items.iter().for_each(|item| check(path, item)),
                serde_json::Value::Object(fields) => {
                    fields.iter().for_each(|(name, field)| check(&format!("{path}.{name}"), field));
                }
                serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {
                    panic!("{path} is no text")
                }
            }
        }
        check("strings", &serde_json::to_value(ENGLISH).unwrap());
    }

    #[test]
    fn the_strings_serialise_as_the_public_translations_do() {
        let value = serde_json::to_value(ENGLISH).unwrap();
        assert!(value["mainPage"]["title"].is_string());
        assert!(value["mainPage"]["country"]["label"].is_string());
    }
}
