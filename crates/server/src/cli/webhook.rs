//! `xanpay webhook`.

use super::Context;
use super::failure::Failure;
use super::output::{pairs, table};
use super::values;
use crate::flows::{NewWebhook, Refusal, add_webhook, disable_webhook, enable_webhook};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use xanpay_domain::id::WebhookId;
use xanpay_store::Webhook as Row;

// Not Debug: a secret must not reach a log by way of `{:?}`.
#[derive(Subcommand)]
pub(super) enum Webhook {
    /// Add an endpoint that hears when charges of a merchant are completed, cancelled or expire
    Add(Add),
    /// The endpoints of a merchant
    List(List),
    /// Send nothing more to an endpoint, not even what waits for it
    Disable(Which),
    /// Send new events to a disabled endpoint again
    Enable(Which),
}

// Not Debug: a secret must not reach a log by way of `{:?}`.
#[derive(Args)]
pub(super) struct Add {
    /// The merchant's id
    #[arg(long, value_name = "ID")]
    merchant: String,
    /// Where the endpoint listens
    #[arg(long)]
    url: String,
    /// User name of HTTP Basic authentication
    #[arg(long, requires = "password")]
    username: Option<String>,
    /// Password of HTTP Basic authentication
    #[arg(long, requires = "username")]
    password: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// The merchant's id
    #[arg(long, value_name = "ID")]
    merchant: String,
}

#[derive(Debug, Args)]
pub(super) struct Which {
    /// The endpoint's id
    webhook_id: String,
}

pub(super) fn run(command: Webhook, context: &Context) -> Result<(), Failure> {
    match command {
        Webhook::Add(add) => run_add(add, context),
        Webhook::List(list) => run_list(&list, context),
        Webhook::Disable(which) => run_switch(&which, true, context),
        Webhook::Enable(which) => run_switch(&which, false, context),
    }
}

fn run_add(add: Add, context: &Context) -> Result<(), Failure> {
    let new = NewWebhook {
        environment: context.environment,
        merchant: values::merchant_id(&add.merchant)?,
        url: add.url,
        basic: add.username.zip(add.password),
    };
    let added = context.with_existing_app(|app| async move { Ok(add_webhook(&app, new).await?) })?;
    let value = json!({ "webhookId": added.id.to_text(), "secret": added.secret });
    let mut text = pairs(&[("webhook", added.id.to_text()), ("secret", added.secret)]);
    text.push_str("\nThe secret signs every call and is shown this once.\n");
    let remedy = format!("end the endpoint with `xanpay webhook disable {}` and add it again", added.id);
    context.output.secret(&value, &text, &remedy)
}

fn run_list(list: &List, context: &Context) -> Result<(), Failure> {
    let merchant = values::merchant_id(&list.merchant)?;
    let environment = context.environment;
    let webhooks = context.with_existing_app(|app| async move {
        let tx = app.store.reader();
        if tx.find_merchant(merchant, environment).await?.is_none() {
            return Err(Refusal::unknown_merchant().into());
        }
        Ok(tx.list_every_webhook(merchant, environment).await?)
    })?;
    let username = |row: &Row| row.basic.as_ref().map(|(username, _)| username.clone());
    let rows: Vec<_> = webhooks
        .iter()
        .map(|row| {
            let state = if row.disabled_at.is_some() { "disabled" } else { "enabled" }.to_owned();
            vec![row.id.to_text(), state, username(row).unwrap_or_else(|| "-".to_owned()), row.url.clone()]
        })
        .collect();
    let text = match rows.is_empty() {
        true => "this merchant has no webhook endpoint".to_owned(),
        false => table(&["WEBHOOK", "STATE", "USER", "URL"], &rows),
    };
    let view = |row: &Row| {
        let mut value = json!({ "webhookId": row.id.to_text(), "url": row.url, "disabled": row.disabled_at.is_some() });
        if let (Value::Object(members), Some(username)) = (&mut value, username(row)) {
            members.insert("username".to_owned(), username.into());
        }
        value
    };
    let list: Vec<_> = webhooks.iter().map(view).collect();
    context.output.result(&json!({ "webhooks": list }), &text)
}

fn run_switch(which: &Which, disabled: bool, context: &Context) -> Result<(), Failure> {
    let id: WebhookId = values::id("webhook", "webhook_unknown", &which.webhook_id)?;
    let environment = context.environment;
    context.with_existing_app(|app| async move {
        match disabled {
            true => disable_webhook(&app, id, environment).await?,
            false => enable_webhook(&app, id, environment).await?,
        }
        Ok(())
    })?;
    let value = json!({ "webhookId": id.to_text(), "disabled": disabled });
    let text = if disabled { "gets nothing more; what waited for it has ended" } else { "gets new events again" };
    context.output.result(&value, &format!("webhook {id} {text}"))
}
