//! What every request looks up and what hardly ever changes: keys, merchants, receiving accounts, rates.
//!
//! Remembered for less than a second, so that looking up costs nothing and what a command has changed counts within a
//! second on every node: a revoked key, a merchant's switches, a rate. What is absent is looked for in the database before
//! anybody is told so.

mod memory;

use crate::flows;
pub(crate) use memory::Memory;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use xanpay_domain::environment::Environment;
use xanpay_domain::id::{AccountId, MerchantId};
use xanpay_domain::method::Method;
use xanpay_rails::{AccountInput, ReceivingAccount, parse_account};
use xanpay_store::{Account, ApiKey, Merchant, PairRate, Store, StoreError};

/// Loads beyond this are "very many"; counting further would cost more than it helps.
const MAX_LOAD: i64 = 1000;

/// A key and its merchant.
#[derive(Debug, Clone)]
pub struct KnownKey {
    /// The key pair's row.
    pub key: Arc<ApiKey>,
    /// Its merchant; nothing for an operator's key.
    pub merchant: Option<Arc<Merchant>>,
}

/// A receiving account, its stored row and its rail's reading of it.
#[derive(Debug, Clone)]
pub struct KnownAccount {
    /// The row.
    pub row: Account,
    /// The rail's reading.
    pub rail: ReceivingAccount,
    /// The other receiving accounts that are names of the same bank account.
    pub siblings: Vec<AccountId>,
    /// Charges that wait for money on it, counted up to a bound when it was read, and those placed here since.
    load: Arc<AtomicI64>,
}

impl KnownAccount {
    /// An account as it was read.
    #[must_use]
    pub fn new(row: Account, rail: ReceivingAccount, siblings: Vec<AccountId>, load: i64) -> Self {
        Self { row, rail, siblings, load: Arc::new(AtomicI64::new(load)) }
    }

    /// Counts a charge that is about to be placed on it: until the next count, charges go elsewhere.
    pub fn expect_charge(&self) {
        self.load.fetch_add(1, Ordering::Relaxed);
    }
}

/// The accounts of an environment.
pub type Accounts = Arc<Vec<KnownAccount>>;

/// Remembered answers.
#[derive(Default)]
pub struct Directory {
    keys: Memory<String, KnownKey>,
    accounts: Memory<Environment, Accounts>,
    merchants: Memory<(MerchantId, Environment), Arc<Merchant>>,
    rates: Memory<(), Arc<Vec<PairRate>>>,
    /// Accounts that cannot be used, of which the log has told.
    left_out: Mutex<BTreeSet<String>>,
}

/// Whether a remembered answer will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// A remembered answer will do.
    Remembered,
    /// Ask the database.
    Fresh,
}

impl Directory {
    /// An active key with its merchant.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_key(&self, store: &Store, api_key: &str) -> Result<Option<KnownKey>, StoreError> {
        if let Some(known) = self.keys.recall(api_key) {
            return Ok(Some(known));
        }
        let tx = store.reader();
        let active = tx.find_api_key(api_key).await?.filter(|key| key.revoked_at.is_none());
        let Some(key) = active else {
            self.keys.forget(api_key);
            return Ok(None);
        };
        let merchant = match key.merchant_id {
            Some(id) => tx.find_merchant(id, key.environment).await?.map(Arc::new),
            None => None,
        };
        let known = KnownKey { key: Arc::new(key), merchant };
        self.keys.keep(api_key.to_owned(), known.clone());
        Ok(Some(known))
    }

    /// A merchant, for pages that know it from a session.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_merchant(
        &self,
        store: &Store,
        id: MerchantId,
        environment: Environment,
    ) -> Result<Option<Arc<Merchant>>, StoreError> {
        let key = (id, environment);
        if let Some(known) = self.merchants.recall(&key) {
            return Ok(Some(known));
        }
        let Some(merchant) = store.reader().find_merchant(id, environment).await?.map(Arc::new) else {
            return Ok(None);
        };
        self.merchants.keep(key, Arc::clone(&merchant));
        Ok(Some(merchant))
    }

    /// The receiving accounts of an environment, those out of use included. One that cannot be read or that its rail
    /// refuses is left out, so that the others go on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn accounts(
        &self,
        store: &Store,
        environment: Environment,
        freshness: Freshness,
    ) -> Result<Accounts, StoreError> {
        if freshness == Freshness::Remembered
            && let Some(known) = self.accounts.recall(&environment)
        {
            return Ok(known);
        }
        let tx = store.reader();
        let mut read = Vec::new();
        for row in tx.list_accounts(environment).await? {
            match row.map_err(|error| error.to_string()).and_then(read_account) {
                Ok(account) => read.push(account),
                Err(fault) => self.leave_out(fault),
            }
        }
        let (rows, rails): (Vec<Account>, Vec<ReceivingAccount>) = read.into_iter().unzip();
        let mut known = Vec::new();
        for ((row, rail), siblings) in rows.iter().cloned().zip(rails).zip(flows::siblings(&rows)) {
            let load = if row.disabled_at.is_none() { tx.count_pending_charges(row.id, MAX_LOAD).await? } else { 0 };
            known.push(KnownAccount::new(row, rail, siblings, load));
        }
        let known = Arc::new(known);
        self.accounts.keep(environment, Arc::clone(&known));
        Ok(known)
    }

    /// Logs that an account cannot be used, once.
    fn leave_out(&self, fault: String) {
        if self.left_out.lock().unwrap_or_else(PoisonError::into_inner).insert(fault.clone()) {
            tracing::error!(fault, "a stored receiving account cannot be used; the others go on without it");
        }
    }

    /// All exchange rates.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rates(&self, store: &Store, freshness: Freshness) -> Result<Arc<Vec<PairRate>>, StoreError> {
        if freshness == Freshness::Remembered
            && let Some(rates) = self.rates.recall(&())
        {
            return Ok(rates);
        }
        let rates = Arc::new(store.reader().list_rates().await?);
        self.rates.keep((), Arc::clone(&rates));
        Ok(rates)
    }
}

/// A stored account with its rail's reading of it, which was checked when it was added.
fn read_account(row: Account) -> Result<(Account, ReceivingAccount), String> {
    let given = |text: &'_ str| (!text.is_empty()).then(|| text.to_owned());
    let (name, bank) = (given(&row.account_name), given(&row.bank));
    let input = AccountInput {
        account: &row.account,
        name: name.as_deref(),
        bank: bank.as_deref(),
        template: row.template_qr.as_deref(),
        template_as_issued: row.template_as_issued,
    };
    match parse_account(row.method, &input) {
        Ok((rail, _)) => Ok((row, rail)),
        Err(fault) => Err(format!("{} is no account of {}: {}", row.id, row.method, fault.code)),
    }
}

/// The accounts that can take a merchant's charge by a method, the least loaded first. A merchant's own accounts come
/// before the operator's.
#[must_use]
pub fn usable_accounts(accounts: &[KnownAccount], merchant: MerchantId, method: Method) -> Vec<&KnownAccount> {
    let mut usable: Vec<_> = accounts
        .iter()
        .filter(|account| account.row.method == method && account.row.disabled_at.is_none())
        .filter(|account| account.row.merchant_id.is_none_or(|owner| owner == merchant))
        .collect();
    // Each load is read once: others change it meanwhile, and what is sorted must not.
    usable.sort_by_cached_key(|account| {
        (account.row.merchant_id.is_none(), account.load.load(Ordering::Relaxed), account.row.id)
    });
    usable
}

/// An account by its id.
#[must_use]
pub fn account_by_id(accounts: &[KnownAccount], id: AccountId) -> Option<&KnownAccount> {
    accounts.iter().find(|account| account.row.id == id)
}
