//! Receiving accounts as banks see them: several of them may be names of one bank account.

use super::refusal::Refusal;
use crate::app::App;
use std::borrow::Borrow;
use xanpay_domain::currency::Currency;
use xanpay_domain::environment::Environment;
use xanpay_domain::id::AccountId;
use xanpay_domain::linking::Amounts;
use xanpay_domain::method::Method;
use xanpay_rails::{AccountInput, parse_account};
use xanpay_store::{Account, StoreError};

/// A bank account, and the receiving accounts whose charges a transfer to it can pay.
#[derive(Debug, Clone)]
pub(super) struct Book {
    /// The oldest receiving account of the bank account, whichever of them the transfer names.
    pub(super) id: AccountId,
    /// Never empty.
    pub(super) accounts: Vec<Account>,
}

impl Book {
    /// The bank account behind a receiving account, with all receiving accounts that share it.
    pub(super) fn of_account(accounts: &[Account], account: &Account) -> Self {
        let names = Names::of(account);
        let is_shared = |other: &&Account| other.id == account.id || names.agree(&Names::of(other));
        let shared: Vec<Account> = accounts.iter().filter(is_shared).cloned().collect();
        let oldest = shared.iter().min_by_key(|account| account.id.to_text());
        Self { id: oldest.map_or(account.id, |oldest| oldest.id), accounts: shared }
    }

    /// The bank accounts that a bank's file names, as rails of two currencies may call their accounts alike: every
    /// receiving account that one stands for is meant.
    pub(super) fn of_statement(accounts: &[Account], name: &str) -> Vec<Self> {
        let named =
            |as_name: fn(&Account, &str) -> bool| accounts.iter().filter(|account| as_name(account, name)).collect();
        let (stated, added): (Vec<&Account>, Vec<&Account>) = (named(is_stated_as), named(is_added_as));
        let named = if stated.is_empty() { added } else { stated };
        distinct(named.into_iter().map(|account| Self::of_account(accounts, account)))
    }

    /// The bank accounts that a report names, of whose receiving accounts those count that `is_meant` says. By the name of
    /// the bank account all of them are meant; one that is named as it was added, that one alone.
    pub(super) fn of_report(accounts: &[Account], name: &str, is_meant: impl Fn(&Account) -> bool) -> Vec<Self> {
        let meant = || accounts.iter().filter(|account| is_meant(account));
        let stated = meant().filter(|account| is_stated_as(account, name)).map(|account| {
            let mut book = Self::of_account(accounts, account);
            book.accounts.retain(&is_meant);
            book
        });
        let stated = distinct(stated);
        if !stated.is_empty() {
            return stated;
        }
        let added = meant().filter(|account| is_added_as(account, name));
        added.map(|only| Self { accounts: vec![only.clone()], ..Self::of_account(accounts, only) }).collect()
    }

    /// Which of the bank accounts that a name stands for a payment came in on: that of its currency, else the first.
    pub(super) fn of_payment<B: Borrow<Self>>(books: &[B], currency: Currency) -> Result<&B, Refusal> {
        let is_fitting = |book: &&B| (**book).borrow().accounts.iter().any(|account| is_in(account, currency));
        let mut fitting = books.iter().filter(is_fitting);
        let (first, second) = (fitting.next(), fitting.next());
        if second.is_some() {
            let message =
                format!("names several receiving accounts in {currency}; name the one that is meant, or its method");
            return Err(Refusal::field("account", "account_ambiguous", message));
        }
        first.or(books.first()).ok_or_else(|| unknown_account("is no receiving account of this environment"))
    }

    /// The account of transfers that name no charge: one of the transfer's currency, where there is one.
    pub(super) fn usual(&self, currency: Currency) -> &Account {
        // Every constructor puts one in.
        self.accounts.iter().find(|account| is_in(account, currency)).unwrap_or(&self.accounts[0])
    }

    /// What an amount says about the charge that it pays.
    pub(super) fn amounts(&self) -> Amounts {
        Amounts::of(self.accounts.iter().map(|account| account.policy))
    }
}

/// Every receiving account that a report of money can be about. While one of them cannot be read, none is booked: the
/// report could be about that one, and without it the rest could be another book, in which the same money counts again.
pub(super) async fn all_accounts(app: &App, environment: Environment) -> Result<Vec<Account>, StoreError> {
    app.store.reader().list_accounts(environment).await?.into_iter().collect()
}

/// Each bank account once.
fn distinct(books: impl Iterator<Item = Book>) -> Vec<Book> {
    let mut found: Vec<Book> = Vec::new();
    for book in books {
        if found.iter().all(|known| known.id != book.id) {
            found.push(book);
        }
    }
    found
}

pub(super) fn is_in(account: &Account, currency: Currency) -> bool {
    account.method.currency() == currency
}

/// The names by which banks' statements know a receiving account. What two currencies' rails call alike without a word of
/// the operator is not one account.
struct Names {
    /// What the operator says, in letters and digits.
    stated: Option<String>,
    /// The account as its rail writes it.
    in_currency: (Currency, String),
}

impl Names {
    fn of(account: &Account) -> Self {
        let in_currency = (account.method.currency(), bank_name(account));
        Self { stated: stated_name(account).map(squeeze), in_currency }
    }

    /// Whether they are names of one bank account.
    fn agree(&self, other: &Self) -> bool {
        (self.stated.is_some() && self.stated == other.stated) || self.in_currency == other.in_currency
    }
}

/// For each receiving account the others that are names of the same bank account.
pub(crate) fn siblings(accounts: &[Account]) -> Vec<Vec<AccountId>> {
    let names: Vec<Names> = accounts.iter().map(Names::of).collect();
    let others = |(place, own): (usize, &Names)| {
        let others =
            accounts.iter().zip(&names).enumerate().filter(|(other, (_, names))| *other != place && own.agree(names));
        others.map(|(_, (account, _))| account.id).collect()
    };
    names.iter().enumerate().map(others).collect()
}

/// Whether a text is the name under which an account was added, or another spelling of its rail.
fn is_added_as(account: &Account, text: &str) -> bool {
    let wanted = squeeze(text);
    if wanted.is_empty() {
        return false;
    }
    let input = AccountInput { account: text, name: Some("x"), bank: Some(&account.bank), ..AccountInput::default() };
    account.account == text
        || squeeze(&account.account) == wanted
        || parse_account(account.method, &input).is_ok_and(|(parsed, _)| parsed.account == account.account)
}

/// Whether a text is the name of an account in its bank's statements.
fn is_stated_as(account: &Account, text: &str) -> bool {
    match stated_name(account) {
        Some(name) => !squeeze(text).is_empty() && spell(text, account) == spell(name, account),
        None => is_added_as(account, text),
    }
}

/// What the operator says that the bank's statements call an account.
fn stated_name(account: &Account) -> Option<&str> {
    account.statement_account.as_deref().filter(|name| !squeeze(name).is_empty())
}

/// What the bank's statements call an account: the account itself, if the operator has not said so.
fn bank_name(account: &Account) -> String {
    spell(stated_name(account).unwrap_or(&account.account), account)
}

/// A name of a bank account in the currency of `account` as it is compared: in the normal form of the rail that has such
/// accounts.
fn spell(name: &str, account: &Account) -> String {
    let input = AccountInput { account: name, name: Some("x"), bank: Some(&account.bank), ..AccountInput::default() };
    let rails = Method::ALL.into_iter().filter(|method| method.currency() == account.method.currency());
    let parsed = rails.filter_map(|method| parse_account(method, &input).ok()).next();
    squeeze(parsed.as_ref().map_or(name, |(parsed, _)| &parsed.account))
}

/// A name as it is compared: letters and digits only, in upper case.
pub(super) fn squeeze(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_uppercase()
}

/// The refusal of an account that nobody has added.
pub(super) fn unknown_account(message: impl Into<String>) -> Refusal {
    Refusal::field("account", "account_unknown", message)
}
