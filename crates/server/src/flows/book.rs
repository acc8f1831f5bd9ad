//! Receiving accounts as banks see them: several of them may be names of one bank account.

use super::refusal::Refusal;
use crate::app::App;
use xanpay_domain::environment::Environment;
use xanpay_domain::id::AccountId;
use xanpay_domain::matching::Policy;
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
    /// The bank account that a bank's file names: every receiving account that it stands for is meant.
    pub(super) fn of_statement(accounts: &[Account], name: &str) -> Option<Self> {
        let named = accounts.iter().find(|account| is_named(account, name))?;
        let shared: Vec<Account> = accounts.iter().filter(|account| is_shared(account, named)).cloned().collect();
        Some(Self { id: oldest(&shared, named), accounts: shared })
    }

    /// The bank account that a report names, of whose receiving accounts those count that `is_meant` says. One that is
    /// named as it was added is meant alone.
    pub(super) fn of_report(accounts: &[Account], name: &str, is_meant: impl Fn(&Account) -> bool) -> Option<Self> {
        let named = |as_name: fn(&Account, &str) -> bool| {
            accounts.iter().find(|account| is_meant(account) && as_name(account, name))
        };
        if let Some(only) = named(is_added_as) {
            let id = oldest(accounts.iter().filter(|account| is_shared(account, only)), only);
            return Some(Self { id, accounts: vec![only.clone()] });
        }
        let first = named(is_stated_as)?;
        let shared = || accounts.iter().filter(|account| is_shared(account, first));
        Some(Self {
            id: oldest(shared(), first),
            accounts: shared().filter(|account| is_meant(account)).cloned().collect(),
        })
    }

    /// The account of transfers that name no charge.
    pub(super) fn first(&self) -> &Account {
        // Both constructors put one in.
        &self.accounts[0]
    }

    /// How transfers are told apart: by amounts only if that is so on every account.
    pub(super) fn policy(&self) -> Policy {
        let by_nonce = self.accounts.iter().any(|account| account.policy == Policy::Nonce);
        if by_nonce { Policy::Nonce } else { self.first().policy }
    }
}

/// Every receiving account that a report of money can be about. While one of them cannot be read, none is booked: the
/// report could be about that one, and without it the rest could be another book, in which the same money counts again.
pub(super) async fn all_accounts(app: &App, environment: Environment) -> Result<Vec<Account>, StoreError> {
    app.store.reader().list_accounts(environment).await?.into_iter().collect()
}

fn oldest<'a>(accounts: impl IntoIterator<Item = &'a Account>, named: &Account) -> AccountId {
    accounts.into_iter().min_by_key(|account| account.id.to_text()).map_or(named.id, |account| account.id)
}

/// Whether two receiving accounts are the same one or are named alike by their bank's statements.
fn is_shared(account: &Account, other: &Account) -> bool {
    let name = |account: &Account| account.statement_account.as_deref().map(squeeze).filter(|name| !name.is_empty());
    account.id == other.id || (name(account).is_some() && name(account) == name(other))
}

/// Whether a text names an account: as it was added, or as its bank's statements do.
pub(super) fn is_named(account: &Account, text: &str) -> bool {
    is_added_as(account, text) || is_stated_as(account, text)
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
    let wanted = squeeze(text);
    !wanted.is_empty() && account.statement_account.as_deref().map(squeeze) == Some(wanted)
}

/// A name as it is compared: letters and digits only, in upper case.
pub(super) fn squeeze(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_uppercase()
}

/// The refusal of an account that nobody has added.
pub(super) fn unknown_account(message: impl Into<String>) -> Refusal {
    Refusal::field("account", "account_unknown", message)
}
