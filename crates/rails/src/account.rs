//! Receiving accounts: what an operator types, checked and brought into one spelling.

use crate::emv::template::Issued;
use crate::rail::{AccountKind, rail};
use crate::text;
use xanpay_domain::method::Method;

/// A receiving account as the operator typed it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AccountInput<'a> {
    /// The number, address or id to which payers send.
    pub account: &'a str,
    /// The holder's name.
    pub name: Option<&'a str>,
    /// The bank: a name or code, as the rail asks.
    pub bank: Option<&'a str>,
    /// The static code that the bank or acquirer issued, on rails that need one.
    pub template: Option<&'a str>,
    /// Show the issued code unchanged, because the acquirer refuses altered ones. The payer then types the amount.
    pub template_as_issued: bool,
}

/// A receiving account that passed its rail's checks, in the rail's own spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivingAccount {
    /// The method that the account is paid by.
    pub method: Method,
    /// The number, address or id, for example `+6585867834`.
    pub account: String,
    /// Which of the rail's forms of account it is.
    pub kind: &'static AccountKind,
    /// The holder's name as typed, without surrounding space.
    pub name: Option<String>,
    /// The bank's name or code, as the rail asks: a BIC, a BIN, an IFSC; the rail's default where it has one.
    pub bank: Option<String>,
    /// The static code that the bank or acquirer issued, as it was pasted.
    pub template: Option<String>,
    /// Whether the issued code is shown unchanged.
    pub template_as_issued: bool,
}

/// Something that is probably wrong but cannot be proved so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The field of [`AccountInput`].
    pub field: &'static str,
    /// A stable word for programs.
    pub code: &'static str,
    /// A sentence for people.
    pub message: String,
}

/// Why an account cannot be one of its rail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct AccountFault {
    /// The field of [`AccountInput`].
    pub field: &'static str,
    /// A stable word for programs.
    pub code: &'static str,
    /// What is wrong and what is expected.
    pub message: String,
}

impl AccountFault {
    pub(crate) fn new(field: &'static str, code: &'static str, message: impl Into<String>) -> Self {
        Self { field, code, message: message.into() }
    }
}

/// The result of checking an account: the account, and what is only probably wrong with it.
pub(crate) type Parsed = Result<(ReceivingAccount, Vec<Warning>), AccountFault>;

/// Checks an account against its rail and spells it as the rail does.
///
/// # Errors
/// [`AccountFault`] names the first field that cannot be right. Checks that only make a fault probable are warnings.
pub fn parse_account(method: Method, input: &AccountInput<'_>) -> Parsed {
    check_texts(input)?;
    (rail(method).parse_account)(input)
}

/// Checks an account that is to be added. Accounts that were added by milder rules stay readable by [`parse_account`].
///
/// # Errors
/// Those of [`parse_account`], and what contradicts itself.
pub fn parse_new_account(method: Method, input: &AccountInput<'_>) -> Parsed {
    let parsed = parse_account(method, input)?;
    if let Some(check) = rail(method).check_new {
        check(&parsed.0)?;
    }
    Ok(parsed)
}

/// The longest issued code.
const MAX_TEMPLATE_CHARS: usize = 512;
/// The longest name, of an account, its holder or its bank.
const MAX_NAME_CHARS: usize = 255;

fn check_texts(input: &AccountInput<'_>) -> Result<(), AccountFault> {
    let fields = [
        ("account", Some(input.account), MAX_NAME_CHARS),
        ("name", input.name, MAX_NAME_CHARS),
        ("bank", input.bank, MAX_NAME_CHARS),
        ("template", input.template, MAX_TEMPLATE_CHARS),
    ];
    for (field, value, most) in fields {
        let Some(value) = value else { continue };
        if value.trim().chars().any(char::is_control) {
            return Err(AccountFault::new(field, "control_character", "must not contain control characters"));
        }
        if value.chars().count() > most {
            return Err(AccountFault::new(field, "field_too_long", format!("must be at most {most} characters")));
        }
    }
    Ok(())
}

/// Collects the parts that every rail treats alike: trimmed texts, empty ones dropped.
pub(crate) struct Draft<'a> {
    pub(crate) account: &'a str,
    pub(crate) name: Option<&'a str>,
    pub(crate) bank: Option<&'a str>,
    pub(crate) template: Option<&'a str>,
    template_as_issued: bool,
    pub(crate) warnings: Vec<Warning>,
}

impl<'a> Draft<'a> {
    pub(crate) fn of(input: &AccountInput<'a>) -> Self {
        let present = |text: Option<&'a str>| text.map(str::trim).filter(|text| !text.is_empty());
        Self {
            account: input.account.trim(),
            name: present(input.name),
            bank: present(input.bank),
            template: present(input.template),
            template_as_issued: input.template_as_issued,
            warnings: Vec::new(),
        }
    }

    /// The account must be there before its form can be judged.
    pub(crate) fn require_account(&self) -> Result<&'a str, AccountFault> {
        if self.account.is_empty() {
            return Err(AccountFault::new("account", "missing_field", "must not be empty"));
        }
        Ok(self.account)
    }

    /// A rail that has no issued codes refuses one instead of forgetting it.
    pub(crate) fn refuse_template(&self) -> Result<(), AccountFault> {
        if self.template.is_some() || self.template_as_issued {
            return Err(AccountFault::new("template", "not_used", "this rail takes no issued QR"));
        }
        Ok(())
    }

    pub(crate) fn warn(&mut self, field: &'static str, code: &'static str, message: impl Into<String>) {
        self.warnings.push(Warning { field, code, message: message.into() });
    }

    /// Warns of a merchant's account that its issued code does not name. It may be a bank account, or another merchant's.
    pub(crate) fn warn_unless_issued(&mut self, code: &Issued<'_>) {
        if !code.holds(self.account) {
            self.warn("account", "not_in_template", "is not in the issued code; check that the two belong together");
        }
    }

    /// Warns of a name that the rail's code carries in another form.
    pub(crate) fn warn_of_name(&mut self) {
        self.warnings.extend(self.name.and_then(text::name_warning));
    }

    /// The account in its final spelling.
    pub(crate) fn finish(self, method: Method, kind: &'static AccountKind, account: String) -> Parsed {
        let account = ReceivingAccount {
            method,
            account,
            kind,
            name: self.name.map(str::to_owned),
            bank: self.bank.map(str::to_owned),
            template: self.template.map(str::to_owned),
            template_as_issued: self.template_as_issued,
        };
        Ok((account, self.warnings))
    }
}
