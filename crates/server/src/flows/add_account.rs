//! An operator adds a receiving account.

use super::refusal::{Fault, FlowError, Refusal};
use crate::app::App;
use crate::entropy;
use xanpay_domain::environment::Environment;
use xanpay_domain::id::{AccountId, MerchantId};
use xanpay_domain::matching::Policy;
use xanpay_domain::method::Method;
use xanpay_rails::{AccountInput, Warning, parse_new_account};
use xanpay_store::{Account, Tx};

/// An account to add, as the operator typed it.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// The environment it belongs to.
    pub environment: Environment,
    /// The method that uses it.
    pub method: Method,
    /// What the payer pays to.
    pub account: String,
    /// Name of its holder.
    pub name: Option<String>,
    /// Name of its bank.
    pub bank: Option<String>,
    /// The bank's own QR that charges are made from.
    pub template_qr: Option<String>,
    /// Whether that QR is shown unchanged.
    pub template_as_issued: bool,
    /// How transfers to it are told apart; the rail's own default when absent.
    pub policy: Option<Policy>,
    /// The account as bank statements name it.
    pub statement_account: Option<String>,
    /// The merchant that owns it; nothing for an account of the operator.
    pub merchant: Option<MerchantId>,
}

/// Adds an account, or takes the disabled one of that name back with another holder's name or issued code; returns its id
/// and what is probably wrong with it.
///
/// # Errors
/// A refusal when the account is none of its rail, is in use, differs from the disabled one in what stays, or its merchant is
/// unknown.
pub async fn add_account(app: &App, new: NewAccount) -> Result<(AccountId, Vec<Warning>), FlowError> {
    let input = AccountInput {
        account: &new.account,
        name: new.name.as_deref(),
        bank: new.bank.as_deref(),
        template: new.template_qr.as_deref(),
        template_as_issued: new.template_as_issued,
    };
    let (parsed, warnings) = parse_new_account(new.method, &input)
        .map_err(|fault| Refusal::field(fault.field, fault.code, fault.message))?;
    if let Some(merchant) = new.merchant
        && app.store.reader().find_merchant(merchant, new.environment).await?.is_none()
    {
        return Err(Refusal::unknown_merchant().into());
    }
    let policy = new.policy.unwrap_or(parsed.kind.default_policy);
    let (now, entropy) = (app.clock.real_now(), entropy::bytes());
    let account = Account {
        id: AccountId::new(now, entropy),
        environment: new.environment,
        method: new.method,
        account: parsed.account,
        account_name: parsed.name.unwrap_or_default(),
        bank: parsed.bank.unwrap_or_default(),
        template_qr: parsed.template,
        template_as_issued: parsed.template_as_issued,
        policy,
        statement_account: new.statement_account,
        merchant_id: new.merchant,
        created_at: now,
        disabled_at: None,
    };
    let add = app
        .store
        .write_with(account, move |tx, new| async move { insert_or_enable(&tx, Account::clone(&new), entropy).await });
    Ok((add.await?, warnings))
}

async fn insert_or_enable(tx: &Tx, mut account: Account, entropy: [u8; 8]) -> Result<AccountId, FlowError> {
    let stored = tx.list_accounts(account.environment).await?;
    // What is known of a bank account stands under the first id of its names: a later name takes a later one, also when
    // the clock has been put back.
    if let Some(newest) = stored.iter().flatten().map(|known| known.id).max_by_key(|id| id.to_text()) {
        account.id = AccountId::new_behind(newest, account.created_at, entropy);
    }
    if tx.insert_account(&account).await? {
        return Ok(account.id);
    }
    let in_use = || Refusal::field("account", "account_exists", "is already a receiving account of this method");
    let is_meant = |other: &&Account| (other.method, &other.account) == (account.method, &account.account);
    let known =
        stored.iter().flatten().find(is_meant).filter(|known| known.disabled_at.is_some()).ok_or_else(in_use)?;
    check_what_stays(known, &account)?;
    if account.account_name.is_empty() {
        account.account_name.clone_from(&known.account_name);
    }
    match tx.enable_account_as(known.id, &account).await? {
        true => Ok(known.id),
        false => Err(in_use().into()),
    }
}

/// Money that is still to come is booked by these, and what has come was: they are what they were.
fn check_what_stays(known: &Account, new: &Account) -> Result<(), Refusal> {
    let fields = [
        ("bank", known.bank == new.bank),
        ("merchant", known.merchant_id == new.merchant_id),
        ("policy", known.policy == new.policy),
        ("statement-account", known.statement_account == new.statement_account),
    ];
    let message = || format!("is another one than that of the disabled account {}, which keeps it", known.id);
    let faults: Vec<_> = fields
        .into_iter()
        .filter(|(_, stays)| !stays)
        .map(|(field, _)| Fault { field: field.into(), code: "account_exists", message: message() })
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(Refusal::invalid(faults)) }
}
