//! `xanpay config`.

use super::failure::Failure;
use super::output::{Output, table, warn};
use crate::config::{Config, ConfigError, ConfigFault, Described, KeySource, Storage};
use crate::open;
use crate::outbound::vault::{MasterKey, VaultError};
use clap::Subcommand;
use serde_json::{Map, Value, json};
use std::io;
use xanpay_rails::Warning;

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Check the settings: print what is in force and where it comes from, and look at the files that they name
    Check,
}

pub(super) fn run(
    command: &ConfigCommand,
    resolved: Result<Config, ConfigError>,
    output: Output,
) -> Result<(), Failure> {
    match command {
        ConfigCommand::Check => match resolved {
            Ok(config) => match check_key(&config) {
                Ok(warning) => {
                    let warnings: Vec<_> = warning.into_iter().chain(check_files(&config.storage)).collect();
                    print(&config, &warnings, output)
                }
                Err(fault) => refuse(ConfigError { faults: vec![fault] }, output),
            },
            Err(error) => refuse(error, output),
        },
    }
}

/// Looks into the master key's file. That there is none is a fault where a database needs it.
fn check_key(config: &Config) -> Result<Option<Warning>, ConfigFault> {
    let KeySource::File(path) = &config.master_key else { return Ok(None) };
    let has_database = match &config.storage {
        Storage::Directory(data) => open::has_database(data),
        Storage::Postgres(_) => false,
    };
    match MasterKey::load(path) {
        Ok(_) => Ok(None),
        Err(VaultError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound && !has_database => {
            let message = format!("there is no {}; a new database would get a key there", path.display());
            Ok(Some(Warning { field: "master_key_file", code: "file_missing", message }))
        }
        Err(error) => Err(ConfigFault::new("master_key_file", error.to_string())),
    }
}

/// Says when others can read an embedded database: what customers have entered is in it.
fn check_files(storage: &Storage) -> Option<Warning> {
    let Storage::Directory(data) = storage else { return None };
    let files: Vec<_> = open::readable_by_others(data).iter().map(|file| file.display().to_string()).collect();
    let message = format!("others can read {}; chmod 600 keeps them out", files.join(", "));
    (!files.is_empty()).then_some(Warning { field: "data", code: "file_readable", message })
}

fn print(config: &Config, warnings: &[Warning], output: Output) -> Result<(), Failure> {
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
    let mut value = json!({ "valid": true, "settings": settings, "errors": [] });
    warn(&mut value, warnings);
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
