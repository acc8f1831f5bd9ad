//! The page on which the customer chooses how to pay.

use super::{Amount, FormTarget, Frame, Live, Summary};
use crate::http::checkout::text::{FieldText, MainPage, Strings};
use askama::Template;
use xanpay_domain::method::Method;

/// Country, method and contact details, with what was wrong with them at the last try.
///
/// The form posts `method` ([`Method::as_str`]), and `email`, `phoneCode`, `phone` where they are asked for, and the
/// hidden fields of `form`. A posted `country` only steers the page and carries no meaning.
#[derive(Debug, Clone, Template)]
#[template(path = "checkout/choose.html")]
pub struct ChoosePage {
    /// Around the content.
    pub frame: Frame,
    /// What is paid for.
    pub summary: Summary,
    /// The payable methods in the merchant's order. Empty: the page says that nothing can be paid at present.
    pub methods: Vec<MethodChoice>,
    /// The method chosen before; without one, the first stands chosen.
    pub selected: Option<Method>,
    /// What was wrong with the choice.
    pub method_fault: Option<MethodFault>,
    /// The customer's e-mail address.
    pub email: TextField,
    /// The customer's phone.
    pub phone: PhoneField,
    /// The merchant asks for a proved phone and there is no way to prove one: nothing can be paid.
    pub is_unprovable: bool,
    /// Why the page is shown again, when no field is to blame.
    pub notice: Option<ChooseNotice>,
    /// Where the form goes.
    pub form: FormTarget,
    /// Told once when the customer begins to act.
    pub initiate_url: String,
    /// Cancels the session.
    pub cancel: FormTarget,
    /// How the page learns that the session is over; the address of this page is for another try, too.
    pub live: Live,
}

/// A payable method and what the customer would pay with it.
#[derive(Debug, Clone)]
pub struct MethodChoice {
    /// Which.
    pub method: Method,
    /// What the customer would pay.
    pub amount: Amount,
}

/// The methods of one country.
#[derive(Debug, Clone)]
pub struct CountryGroup<'a> {
    /// ISO 3166-1 alpha-2 code.
    pub code: &'static str,
    /// Name in the page's language.
    pub name: &'a str,
    /// Its methods in the merchant's order; never empty.
    pub methods: Vec<&'a MethodChoice>,
}

/// A text field with its present value.
#[derive(Debug, Clone, Default)]
pub struct TextField {
    /// Prefilled or typed before.
    pub value: String,
    /// What was wrong with it.
    pub fault: Option<FieldFault>,
}

/// Country code and number.
#[derive(Debug, Clone, Default)]
pub struct PhoneField {
    /// `+65`.
    pub code: String,
    /// Digits, as typed.
    pub number: String,
    /// The merchant insists on it, and has it proved by a code.
    pub is_required: bool,
    /// What was wrong with either.
    pub fault: Option<FieldFault>,
}

/// What can be wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldFault {
    /// Required and empty.
    Missing,
    /// Not of the form asked for.
    Malformed,
    /// A phone number to which no code is sent.
    NotAllowed,
}

/// What can be wrong with the choice of method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MethodFault {
    /// None was chosen.
    Missing,
    /// It is unknown, switched off, or cannot be paid any more (rate, limits, account).
    NotOffered,
}

/// Why the page is shown again although no field is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChooseNotice {
    /// The form was too old; what was typed is kept.
    FormStale,
}

impl FieldFault {
    /// The sentence beside the field.
    #[must_use]
    pub fn sentence(self, page: &MainPage, text: &FieldText) -> &'static str {
        match self {
            Self::Missing => text.missing,
            Self::Malformed => text.malformed,
            Self::NotAllowed => page.phone_not_allowed,
        }
    }
}

impl MethodFault {
    /// The sentence above the methods.
    #[must_use]
    pub fn sentence(self, strings: &Strings) -> &'static str {
        match self {
            Self::Missing => strings.main_page.method_missing,
            Self::NotOffered => strings.main_page.method_not_offered,
        }
    }
}

impl ChooseNotice {
    /// The sentence above the form.
    #[must_use]
    pub fn sentence(self, strings: &Strings) -> &'static str {
        match self {
            Self::FormStale => strings.main_page.form_stale,
        }
    }
}

impl ChoosePage {
    /// Why nothing can be chosen at present.
    #[must_use]
    pub fn obstacle(&self) -> Option<&'static str> {
        let texts = &self.frame.strings.main_page;
        match (self.is_unprovable, self.methods.is_empty()) {
            (true, _) => Some(texts.phone_unprovable),
            (false, true) => Some(texts.nothing_payable),
            (false, false) => None,
        }
    }

    /// The methods by country; countries in the order in which the merchant's list first names them.
    #[must_use]
    pub fn countries(&self) -> Vec<CountryGroup<'_>> {
        let mut groups: Vec<CountryGroup<'_>> = Vec::new();
        for choice in &self.methods {
            let code = choice.method.country();
            match groups.iter_mut().find(|group| group.code == code) {
                Some(group) => group.methods.push(choice),
                None => {
                    let name = self.frame.strings.countries.of(code);
                    groups.push(CountryGroup { code, name, methods: vec![choice] });
                }
            }
        }
        groups
    }

    /// Whether `method` stands chosen when the page opens.
    #[must_use]
    pub fn is_selected(&self, method: Method) -> bool {
        self.opened() == Some(method)
    }

    /// Whether the country's methods are open when the page opens.
    #[must_use]
    pub fn is_open(&self, group: &CountryGroup<'_>) -> bool {
        self.opened().is_some_and(|method| method.country() == group.code)
    }

    /// Whether any field was wrong.
    #[must_use]
    pub fn has_faults(&self) -> bool {
        self.method_fault.is_some() || self.email_fault().is_some() || self.phone_fault().is_some()
    }

    /// What is wrong with the e-mail address, in words.
    #[must_use]
    pub fn email_fault(&self) -> Option<&'static str> {
        let fault = self.email.fault?;
        let page = &self.frame.strings.main_page;
        Some(fault.sentence(page, &page.email))
    }

    /// What is wrong with the phone number, in words.
    #[must_use]
    pub fn phone_fault(&self) -> Option<&'static str> {
        let fault = self.phone.fault?;
        let page = &self.frame.strings.main_page;
        Some(fault.sentence(page, &page.phone))
    }

    /// The method chosen before if it is still offered, else the first.
    fn opened(&self) -> Option<Method> {
        let offered = |method: &Method| self.methods.iter().any(|choice| choice.method == *method);
        self.selected.filter(offered).or_else(|| self.methods.first().map(|choice| choice.method))
    }
}
