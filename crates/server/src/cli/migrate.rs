//! `xanpay migrate`.

use super::failure::Failure;
use super::{Context, single_threaded};
use crate::open;
use serde_json::json;

pub(super) fn run(context: &Context) -> Result<(), Failure> {
    let storage = &context.config.storage;
    single_threaded()?.block_on(async {
        open::open_store(storage, true, None).await?.close();
        Ok::<_, Failure>(())
    })?;
    let text = format!("{storage:?} has this program's schema");
    context.output.result(&json!({ "migrated": true }), &text)
}
