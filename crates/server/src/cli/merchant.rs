//! `xanpay merchant`.

use super::Context;
use super::failure::Failure;
use super::output::{pairs, table};
use super::values;
use crate::flows::{NewMerchant, Refusal, create_merchant, hash_key, set_merchant};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use xanpay_domain::currency::Currency;
use xanpay_domain::id::to_hex;
use xanpay_domain::method::Method;
use xanpay_store::{Merchant as Row, MerchantChanges, Permission};

/// Merchants read from the database at a time.
const PAGE: i64 = 500;

#[derive(Debug, Subcommand)]
pub(super) enum Merchant {
    /// Take a merchant on; prints its key pair once
    Create(Create),
    /// Every merchant of the environment
    List,
    /// Change a merchant's switches; those that are not named stay
    Set(Set),
    /// Print the key of a merchant's secure mode, a secret with which it computes hashes offline
    HashKey(HashKey),
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// Name that customers see
    #[arg(long)]
    name: String,
    /// Currency it counts in, such as SGD
    #[arg(long, value_parser = values::currency)]
    currency: Currency,
    /// Payment methods, in the order in which customers see them
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "METHOD,...",
        value_parser = values::method_parser(),
        default_value = "paynow,duit-now,fps"
    )]
    methods: Vec<Method>,
    /// Whether charges need a verified phone; needs messages, which only the sandbox has
    #[arg(long, value_name = "DEMAND", default_value = "off")]
    phone_verification: Demand,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("switch").args(Set::SWITCHES).required(true).multiple(true)))]
pub(super) struct Set {
    /// The merchant's id
    merchant: String,
    /// Payment methods, in the order in which customers see them
    #[arg(long, value_delimiter = ',', value_name = "METHOD,...", value_parser = values::method_parser())]
    methods: Option<Vec<Method>>,
    /// Whether charges need a verified phone; needs messages, which only the sandbox has
    #[arg(long, value_name = "DEMAND")]
    phone_verification: Option<Demand>,
    /// Whether charges need the hash of secure mode
    #[arg(long, value_name = "DEMAND")]
    secure_mode: Option<Demand>,
    /// What customers pay on top when their currency is another one, in percent, such as 1.5
    #[arg(long, value_parser = values::percent, value_name = "PERCENT", allow_hyphen_values = true)]
    markup: Option<u32>,
    /// Parts of the API that it may use, in place of those it may so far; `none` closes all of them
    #[arg(long, value_delimiter = ',', value_name = "PERMISSION,...", value_parser = permission_parser())]
    permissions: Option<Vec<Option<Permission>>>,
}

impl Set {
    /// At least one of them is given: a call that changes nothing has forgotten what it wanted.
    const SWITCHES: [&str; 5] = ["methods", "phone_verification", "secure_mode", "markup", "permissions"];
}

#[derive(Debug, Args)]
pub(super) struct HashKey {
    /// The merchant's id
    merchant: String,
}

/// Whether something is asked of every charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Demand {
    Required,
    Off,
}

impl Demand {
    fn is_required(self) -> bool {
        self == Self::Required
    }
}

/// A permission, or `none`.
fn permission_parser() -> impl TypedValueParser<Value = Option<Permission>> {
    let names = Permission::ALL.map(|permission| permission.as_str());
    PossibleValuesParser::new(names.into_iter().chain(["none"]))
        .map(|name| Permission::ALL.into_iter().find(|permission| permission.as_str() == name))
}

pub(super) fn run(command: Merchant, context: &Context) -> Result<(), Failure> {
    match command {
        Merchant::Create(create) => run_create(create, context),
        Merchant::List => run_list(context),
        Merchant::Set(set) => run_set(set, context),
        Merchant::HashKey(command) => run_hash_key(&command, context),
    }
}

fn run_create(create: Create, context: &Context) -> Result<(), Failure> {
    let environment = context.environment;
    let new = NewMerchant {
        name: create.name,
        currency: create.currency,
        methods: create.methods,
        environment,
        phone_verification: create.phone_verification.is_required(),
    };
    check_methods(&new.methods)?;
    let created = context.with_app(|app| async move { Ok(create_merchant(&app, new).await?) })?;
    let value = json!({
        "merchantId": created.id.to_text(),
        "apiKey": created.key.api_key,
        "apiSecret": created.key.api_secret,
        "webhookSecret": created.webhook_secret,
        "env": environment.as_str(),
    });
    let mut text = pairs(&[
        ("merchant", created.id.to_text()),
        ("API key", created.key.api_key),
        ("API secret", created.key.api_secret),
        ("webhook secret", created.webhook_secret),
        ("environment", environment.to_string()),
    ]);
    text.push_str("\nThe secrets are shown this once. The webhook secret signs calls to notifyUrl.\n");
    let id = created.id;
    let remedy = format!(
        "merchant {id} is made: `xanpay key create --merchant {id}` gives another key, but its webhook secret is lost"
    );
    context.output.secret(&value, &text, &remedy)
}

fn run_list(context: &Context) -> Result<(), Failure> {
    let environment = context.environment;
    let merchants = context.with_existing_app(|app| async move {
        let tx = app.store.reader();
        let mut all: Vec<Row> = Vec::new();
        loop {
            let after = all.last().map(|merchant| merchant.id.to_text()).unwrap_or_default();
            let page = tx.list_merchants(environment, &after, PAGE).await?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    })?;
    let rows: Vec<_> = merchants
        .iter()
        .map(|merchant| {
            vec![
                merchant.id.to_text(),
                merchant.currency.to_string(),
                names(&merchant.methods).join(","),
                demand(merchant.phone_verification).to_owned(),
                merchant.name.clone(),
            ]
        })
        .collect();
    let text = match rows.is_empty() {
        true => format!("there is no merchant in {environment}; see xanpay merchant create --help"),
        false => table(&["MERCHANT", "CURRENCY", "METHODS", "PHONE", "NAME"], &rows),
    };
    let list: Vec<_> = merchants.iter().map(view).collect();
    context.output.result(&json!({ "merchants": list }), &text)
}

fn run_set(set: Set, context: &Context) -> Result<(), Failure> {
    let environment = context.environment;
    check_methods(set.methods.as_deref().unwrap_or_default())?;
    let id = values::merchant_id(&set.merchant)?;
    check_permissions(set.permissions.as_deref().unwrap_or_default())?;
    let changes = MerchantChanges {
        methods: set.methods,
        phone_verification: set.phone_verification.map(Demand::is_required),
        secure_mode: set.secure_mode.map(Demand::is_required),
        markup_bp: set.markup,
        permissions: set
            .permissions
            .map(|named| Permission::ALL.into_iter().filter(|permission| named.contains(&Some(*permission))).collect()),
    };
    let merchant =
        context.with_existing_app(|app| async move { Ok(set_merchant(&app, id, environment, changes).await?) })?;
    let text = pairs(&[
        ("merchant", merchant.id.to_text()),
        ("name", merchant.name.clone()),
        ("methods", names(&merchant.methods).join(",")),
        ("phone verification", demand(merchant.phone_verification).to_owned()),
        ("secure mode", demand(merchant.secure_mode).to_owned()),
        ("markup", format!("{} %", percent_text(merchant.markup_bp))),
        ("permissions", permissions(&merchant).join(",")),
    ]);
    context.output.result(&view(&merchant), &text)
}

/// A method that stands twice is wrong usage, as one that does not exist is.
fn check_methods(methods: &[Method]) -> Result<(), Failure> {
    match methods.iter().enumerate().find(|(index, method)| methods[..*index].contains(method)) {
        Some((_, twice)) => Err(Failure::usage("methods", format!("names {twice} twice"))),
        None => Ok(()),
    }
}

/// What is both open and closed would be read as one or the other.
fn check_permissions(named: &[Option<Permission>]) -> Result<(), Failure> {
    if named.len() > 1 && named.contains(&None) {
        return Err(Failure::field("permissions", "invalid_field", "none stands alone"));
    }
    Ok(())
}

fn run_hash_key(command: &HashKey, context: &Context) -> Result<(), Failure> {
    let id = values::merchant_id(&command.merchant)?;
    let environment = context.environment;
    let key = context.with_existing_app(|app| async move {
        let merchant = app.store.reader().find_merchant(id, environment).await?;
        Ok(to_hex(&hash_key(&app, &merchant.ok_or_else(Refusal::unknown_merchant)?)?))
    })?;
    context.output.result(&json!({ "merchantId": id.to_text(), "hashKey": key }), &key)
}

fn demand(required: bool) -> &'static str {
    if required { "required" } else { "off" }
}

fn view(merchant: &Row) -> Value {
    json!({
        "merchantId": merchant.id.to_text(),
        "name": merchant.name,
        "currency": merchant.currency.code(),
        "env": merchant.environment.as_str(),
        "methods": names(&merchant.methods),
        "phoneVerification": merchant.phone_verification,
        "secureMode": merchant.secure_mode,
        "markup": percent_text(merchant.markup_bp),
        "permissions": permissions(merchant),
    })
}

fn names(methods: &[Method]) -> Vec<&'static str> {
    methods.iter().map(|method| method.as_str()).collect()
}

fn permissions(merchant: &Row) -> Vec<&'static str> {
    merchant.permissions.iter().map(|permission| permission.as_str()).collect()
}

fn percent_text(points: u32) -> String {
    format!("{}.{:02}", points / 100, points % 100)
}
