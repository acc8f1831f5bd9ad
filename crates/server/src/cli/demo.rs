//! `xanpay demo`.

use super::Context;
use super::failure::Failure;
use super::serve::multi_threaded;
use crate::demo::{self, Options};
use clap::Args;
use xanpay_domain::environment::Environment;

#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Address and port [default: 127.0.0.1:8080, or any free port]
    #[arg(long, value_name = "ADDR")]
    pub(super) listen: Option<String>,
    /// Play one payment from beginning to end and stop; succeeds only if all of it went well
    #[arg(long)]
    once: bool,
}

/// Runs the demonstration, in a directory of its own when nobody named a database.
pub(super) fn run(command: &Demo, fresh: bool, context: &Context) -> Result<(), Failure> {
    if context.environment == Environment::Live {
        return Err(Failure::field("env", "invalid_field", "a demonstration moves no money: it is a sandbox"));
    }
    let options = Options { once: command.once, fresh, output: context.output };
    multi_threaded()?.block_on(demo::run(context.config.clone(), options))
}
