//! `xanpay hash`.

use super::Context;
use super::failure::Failure;
use super::values;
use crate::flows::{Refusal, hash_key};
use crate::wire::body::MAX_BODY;
use crate::wire::hash::hash_request;
use clap::Args;
use serde_json::json;

#[derive(Debug, Args)]
#[command(
    after_help = "The body is that of POST /charges/hash: merchantAmount, merchantCurrency and, if there are any, \
    orders. Example: echo '{\"merchantAmount\":150,\"merchantCurrency\":\"HKD\"}' | xanpay hash --merchant ID"
)]
pub(super) struct Hash {
    /// The merchant's id
    #[arg(long, value_name = "ID")]
    merchant: String,
}

pub(super) fn run(command: &Hash, context: &Context) -> Result<(), Failure> {
    let id = values::merchant_id(&command.merchant)?;
    let body = values::read_input(MAX_BODY)?;
    let environment = context.environment;
    let hash = context.with_existing_app(|app| async move {
        let merchant = app.store.reader().find_merchant(id, environment).await?;
        let key = hash_key(&app, &merchant.ok_or_else(Refusal::unknown_merchant)?)?;
        Ok(hash_request(body.as_bytes(), &key)?)
    })?;
    context.output.result(&json!({ "hash": hash }), &hash)
}
