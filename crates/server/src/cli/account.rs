//! `xanpay account`.

use super::Context;
use super::failure::Failure;
use super::output::{table, warn};
use super::values;
use crate::flows::{NewAccount, add_account, disable_account, enable_account};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use xanpay_domain::id::AccountId;
use xanpay_domain::matching::Policy;
use xanpay_domain::method::Method;
use xanpay_store::Account as Row;

#[derive(Debug, Subcommand)]
pub(super) enum Account {
    /// Add a receiving account; checked against its payment method
    Add(Add),
    /// Every receiving account of the environment
    List,
    /// Take an account out of use for new charges; money for those that wait still counts
    Disable(Which),
    /// Bring a disabled account back into use
    Enable(Which),
}

#[derive(Debug, Args)]
pub(super) struct Add {
    /// Payment method that uses the account
    #[arg(long, value_parser = values::method_parser())]
    method: Method,
    /// What the payer pays to: a number, an address or an id
    #[arg(long)]
    account: String,
    /// Name of its holder
    #[arg(long)]
    name: Option<String>,
    /// Name or code of its bank
    #[arg(long)]
    bank: Option<String>,
    /// Merchant that owns it; without one it serves every merchant
    #[arg(long, value_name = "ID")]
    merchant: Option<String>,
    /// The static code that the bank issued, on methods that need one
    #[arg(long, value_name = "PAYLOAD")]
    template_qr: Option<String>,
    /// Show that code unchanged; the payer types the amount
    #[arg(long, requires = "template_qr")]
    template_as_issued: bool,
    /// How transfers are told apart: nonce, unique-amount or virtual-account [default: the method's own]
    #[arg(long)]
    policy: Option<Policy>,
    /// The account as the bank's statements name it, where that differs
    #[arg(long, value_name = "ACCOUNT")]
    statement_account: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Which {
    /// The account's id
    account_id: String,
}

pub(super) fn run(command: Account, context: &Context) -> Result<(), Failure> {
    match command {
        Account::Add(add) => run_add(add, context),
        Account::List => run_list(context),
        Account::Disable(which) => run_switch(&which, true, context),
        Account::Enable(which) => run_switch(&which, false, context),
    }
}

fn run_add(add: Add, context: &Context) -> Result<(), Failure> {
    let new = NewAccount {
        environment: context.environment,
        method: add.method,
        account: add.account,
        name: add.name,
        bank: add.bank,
        template_qr: add.template_qr,
        template_as_issued: add.template_as_issued,
        policy: add.policy,
        statement_account: add.statement_account,
        merchant: add.merchant.as_deref().map(values::merchant_id).transpose()?,
    };
    let (id, warnings) = context.with_app(|app| async move { Ok(add_account(&app, new).await?) })?;
    let mut value = json!({ "accountId": id.to_text() });
    warn(&mut value, &warnings);
    context.output.result(&value, &format!("account {id} is added"))
}

fn run_list(context: &Context) -> Result<(), Failure> {
    let environment = context.environment;
    let stored =
        context.with_existing_app(|app| async move { Ok(app.store.reader().list_accounts(environment).await?) })?;
    let damaged: Vec<_> = stored.iter().filter_map(|account| Some(account.as_ref().err()?.to_string())).collect();
    let accounts: Vec<_> = stored.into_iter().flatten().collect();
    let rows: Vec<_> = accounts
        .iter()
        .map(|account| {
            vec![
                account.id.to_text(),
                account.method.to_string(),
                account.account.clone(),
                account.policy.as_str().to_owned(),
                if account.disabled_at.is_some() { "disabled" } else { "enabled" }.to_owned(),
                account.account_name.clone(),
            ]
        })
        .collect();
    let text = match rows.is_empty() {
        true => format!("there is no receiving account in {environment}; see xanpay account add --help"),
        false => table(&["ACCOUNT ID", "METHOD", "ACCOUNT", "POLICY", "STATE", "NAME"], &rows),
    };
    let list: Vec<_> = accounts.iter().map(view).collect();
    context.output.result(&json!({ "accounts": list }), &text)?;
    if damaged.is_empty() { Ok(()) } else { Err(Failure::printed("storage_failed", damaged.join("\nxanpay: "))) }
}

fn view(account: &Row) -> Value {
    let mut value = json!({
        "accountId": account.id.to_text(),
        "method": account.method.as_str(),
        "account": account.account,
        "name": account.account_name,
        "bank": account.bank,
        "policy": account.policy.as_str(),
        "disabled": account.disabled_at.is_some(),
    });
    let optional = [
        ("merchantId", account.merchant_id.map(|id| id.to_text())),
        ("templateQr", account.template_qr.clone()),
        ("statementAccount", account.statement_account.clone()),
    ];
    if let Value::Object(members) = &mut value {
        members.extend(optional.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?.into()))));
    }
    value
}

fn run_switch(which: &Which, disabled: bool, context: &Context) -> Result<(), Failure> {
    let id: AccountId = values::id("account", "account_unknown", &which.account_id)?;
    let environment = context.environment;
    context.with_existing_app(|app| async move {
        match disabled {
            true => disable_account(&app, id, environment).await?,
            false => enable_account(&app, id, environment).await?,
        }
        Ok(())
    })?;
    let value = json!({ "accountId": id.to_text(), "disabled": disabled });
    let text = if disabled { "takes no new charge" } else { "takes charges again" };
    context.output.result(&value, &format!("account {id} {text}"))
}
