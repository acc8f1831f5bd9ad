//! `xanpay config`.

use super::failure::Failure;
use super::output::{Output, table};
use crate::config::{Config, ConfigError, Described};
use clap::Subcommand;
use serde_json::{Map, Value, json};

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Print the effective settings and where each comes from
    Check,
}

pub(super) fn run(
    command: &ConfigCommand,
    resolved: Result<Config, ConfigError>,
    output: Output,
) -> Result<(), Failure> {
    match command {
        ConfigCommand::Check => match resolved {
            Ok(config) => print(&config, output),
            Err(error) => refuse(error, output),
        },
    }
}

fn print(config: &Config, output: Output) -> Result<(), Failure> {
    let described = config.describe();
    let settings: Map<String, Value> =
        described.iter().map(|setting| (setting.name.clone(), setting.text.as_str().into())).collect();
    let rows: Vec<_> = described
        .into_iter()
        .map(|Described { name, text, origin, help }| {
            let shown = if text.is_empty() { "-".to_owned() } else { text };
            vec![name, shown, origin.unwrap_or_else(|| "default".to_owned()), help.to_owned()]
        })
        .collect();
    let value = json!({ "valid": true, "settings": settings, "errors": [] });
    output.result(&value, &table(&["SETTING", "VALUE", "FROM", "MEANING"], &rows))
}

fn refuse(error: ConfigError, output: Output) -> Result<(), Failure> {
    let list: Vec<_> =
        error.faults.iter().map(|fault| json!({ "setting": fault.subject, "message": fault.message })).collect();
    let value = json!({ "valid": false, "errors": list });
    if output.json {
        output.result(&value, "")?;
    }
    Err(Failure { printed: true, ..error.into() })
}
