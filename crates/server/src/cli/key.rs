//! `xanpay key` and `xanpay operator-key`.

use super::Context;
use super::failure::Failure;
use super::output::{pairs, table};
use super::values;
use crate::app::App;
use crate::flows::{CreatedKey, Refusal, create_key, revoke_key};
use crate::wire::time::iso;
use clap::{Args, Subcommand};
use serde_json::json;
use std::sync::Arc;
use xanpay_domain::id::MerchantId;
use xanpay_store::ApiKey;

#[derive(Debug, Subcommand)]
pub(super) enum Key {
    /// Make a further key pair of a merchant
    Create(OfMerchant),
    /// The key pairs of a merchant in the environment, without their secrets
    List(OfMerchant),
    /// End a key, a merchant's or the operator's, whichever environment it is of; it cannot be undone
    Revoke(Revoke),
}

#[derive(Debug, Subcommand)]
pub(super) enum OperatorKey {
    /// Make a key pair for the operator's own calls; `key revoke` ends it
    Create,
}

#[derive(Debug, Args)]
pub(super) struct OfMerchant {
    /// The merchant's id
    #[arg(long, value_name = "ID")]
    merchant: String,
}

#[derive(Debug, Args)]
pub(super) struct Revoke {
    /// The API key, which is the public half of the pair
    key: String,
}

pub(super) fn run(command: Key, context: &Context) -> Result<(), Failure> {
    match command {
        Key::Create(of) => make(Some(values::merchant_id(&of.merchant)?), context),
        Key::List(of) => run_list(values::merchant_id(&of.merchant)?, context),
        Key::Revoke(revoke) => run_revoke(revoke.key, context),
    }
}

pub(super) fn run_operator(command: &OperatorKey, context: &Context) -> Result<(), Failure> {
    match command {
        OperatorKey::Create => make(None, context),
    }
}

fn make(merchant: Option<MerchantId>, context: &Context) -> Result<(), Failure> {
    let environment = context.environment;
    let create = |app: Arc<App>| async move { Ok(create_key(&app, merchant, environment).await?) };
    // An operator's key may be the first thing that there is; a merchant's cannot.
    let created = if merchant.is_some() { context.with_existing_app(create) } else { context.with_app(create) };
    let CreatedKey { api_key, api_secret } = created?;
    let value = json!({ "apiKey": api_key, "apiSecret": api_secret });
    let remedy = format!("end the key with `xanpay key revoke {api_key}` and make another one");
    let mut text = pairs(&[("API key", api_key), ("API secret", api_secret)]);
    text.push_str("\nThe secret is shown this once.\n");
    context.output.secret(&value, &text, &remedy)
}

fn run_list(merchant: MerchantId, context: &Context) -> Result<(), Failure> {
    let environment = context.environment;
    let keys = context.with_existing_app(|app| async move {
        let tx = app.store.reader();
        if tx.find_merchant(merchant, environment).await?.is_none() {
            return Err(Refusal::unknown_merchant().into());
        }
        Ok(tx.list_api_keys(merchant, environment).await?)
    })?;
    let state = |key: &ApiKey| if key.revoked_at.is_some() { "revoked" } else { "active" };
    let rows: Vec<_> = keys
        .iter()
        .map(|key| {
            let environment = key.environment.as_str().to_owned();
            vec![key.api_key.clone(), environment, state(key).to_owned(), iso(key.created_at)]
        })
        .collect();
    let view = |key: &ApiKey| {
        json!({
            "apiKey": key.api_key,
            "env": key.environment.as_str(),
            "revoked": key.revoked_at.is_some(),
            "createdAt": iso(key.created_at),
        })
    };
    let list: Vec<_> = keys.iter().map(view).collect();
    context.output.result(&json!({ "keys": list }), &table(&["API KEY", "ENVIRONMENT", "STATE", "CREATED"], &rows))
}

fn run_revoke(key: String, context: &Context) -> Result<(), Failure> {
    let wanted = key.clone();
    context.with_existing_app(|app| async move { Ok(revoke_key(&app, wanted).await?) })?;
    let text = format!("{key} is revoked; running servers stop taking it within a second");
    context.output.result(&json!({ "apiKey": key, "revoked": true }), &text)
}
