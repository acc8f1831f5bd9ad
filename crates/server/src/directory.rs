//! What every request looks up and what hardly ever changes: keys, merchants, receiving accounts, rates.
//!
//! Remembered for half a second, so that looking up costs nothing and a revoked key stops working within a second on
//! every node. Nothing depends on it being fresh: what is absent is looked for in the database before anybody is told.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};
use xanpay_domain::environment::Environment;
use xanpay_domain::id::{AccountId, MerchantId};
use xanpay_domain::method::Method;
use xanpay_rails::{AccountInput, ReceivingAccount, parse_account};
use xanpay_store::{Account, ApiKey, Merchant, PairRate, Store, StoreError};

/// How long an answer is remembered.
const MEMORY: Duration = Duration::from_millis(500);
/// How many keys are remembered; an operator has fewer.
const MAX_KEYS: usize = 10_000;
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
    /// Charges that wait for money on it, counted up to a bound.
    pub load: i64,
}

/// The accounts of an environment.
pub type Accounts = Arc<Vec<KnownAccount>>;

type Merchants = HashMap<(MerchantId, Environment), (Instant, Arc<Merchant>)>;

/// Remembered answers.
#[derive(Default)]
pub struct Directory {
    keys: RwLock<HashMap<String, (Instant, KnownKey)>>,
    accounts: Mutex<HashMap<Environment, (Instant, Accounts)>>,
    merchants: RwLock<Merchants>,
    rates: Mutex<Option<(Instant, Arc<Vec<PairRate>>)>>,
}

/// Whether a remembered answer will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// A remembered answer will do.
    Remembered,
    /// Ask the database.
    Fresh,
}

fn is_young(since: Instant) -> bool {
    since.elapsed() < MEMORY
}

impl Directory {
    /// A live key with its merchant.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_key(&self, store: &Store, api_key: &str) -> Result<Option<KnownKey>, StoreError> {
        {
            let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, known)) = keys.get(api_key).filter(|(since, _)| is_young(*since)) {
                return Ok(Some(known.clone()));
            }
        }
        let tx = store.reader().await?;
        let live = tx.find_api_key(api_key).await?.filter(|key| key.revoked_at.is_none());
        let Some(key) = live else {
            self.keys.write().unwrap_or_else(PoisonError::into_inner).remove(api_key);
            return Ok(None);
        };
        let merchant = match key.merchant_id {
            Some(id) => tx.find_merchant(id, key.environment).await?.map(Arc::new),
            None => None,
        };
        let known = KnownKey { key: Arc::new(key), merchant };
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= MAX_KEYS {
            keys.clear();
        }
        keys.insert(api_key.to_owned(), (Instant::now(), known.clone()));
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
        {
            let merchants = self.merchants.read().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, known)) = merchants.get(&(id, environment)).filter(|(since, _)| is_young(*since)) {
                return Ok(Some(Arc::clone(known)));
            }
        }
        let Some(merchant) = store.reader().await?.find_merchant(id, environment).await?.map(Arc::new) else {
            return Ok(None);
        };
        let mut merchants = self.merchants.write().unwrap_or_else(PoisonError::into_inner);
        if merchants.len() >= MAX_KEYS {
            merchants.clear();
        }
        merchants.insert((id, environment), (Instant::now(), Arc::clone(&merchant)));
        Ok(Some(merchant))
    }

    /// The receiving accounts of an environment, those out of use included.
    ///
    /// # Errors
    /// [`StoreError`], also when a stored account is none of its rail.
    pub async fn accounts(
        &self,
        store: &Store,
        environment: Environment,
        freshness: Freshness,
    ) -> Result<Accounts, StoreError> {
        if freshness == Freshness::Remembered {
            let accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, known)) = accounts.get(&environment).filter(|(since, _)| is_young(*since)) {
                return Ok(Arc::clone(known));
            }
        }
        let tx = store.reader().await?;
        let mut known = Vec::new();
        for row in tx.list_accounts(environment).await? {
            let load = if row.disabled_at.is_none() { tx.count_pending_charges(row.id, MAX_LOAD).await? } else { 0 };
            let rail = read_account(&row)?;
            known.push(KnownAccount { row, rail, load });
        }
        let known = Arc::new(known);
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.insert(environment, (Instant::now(), Arc::clone(&known)));
        Ok(known)
    }

    /// All exchange rates.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rates(&self, store: &Store, freshness: Freshness) -> Result<Arc<Vec<PairRate>>, StoreError> {
        if freshness == Freshness::Remembered
            && let Some((since, rates)) = &*self.rates.lock().unwrap_or_else(PoisonError::into_inner)
            && is_young(*since)
        {
            return Ok(Arc::clone(rates));
        }
        let rates = Arc::new(store.reader().await?.list_rates().await?);
        *self.rates.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), Arc::clone(&rates)));
        Ok(rates)
    }
}

/// The rail's reading of a stored account, which was checked when it was added.
fn read_account(row: &Account) -> Result<ReceivingAccount, StoreError> {
    let given = |text: &'_ str| (!text.is_empty()).then(|| text.to_owned());
    let (name, bank) = (given(&row.account_name), given(&row.bank));
    let input = AccountInput {
        account: &row.account,
        name: name.as_deref(),
        bank: bank.as_deref(),
        template: row.template_qr.as_deref(),
        template_as_issued: row.template_as_issued,
    };
    let corrupt = |_| StoreError::Corrupt { table: "receiving_accounts", column: "account", id: row.id.to_text() };
    parse_account(row.method, &input).map(|(account, _)| account).map_err(corrupt)
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
    usable.sort_by_key(|account| (account.row.merchant_id.is_none(), account.load, account.row.id));
    usable
}

/// An account by its id.
#[must_use]
pub fn account_by_id(accounts: &[KnownAccount], id: AccountId) -> Option<&KnownAccount> {
    accounts.iter().find(|account| account.row.id == id)
}
