//! Settings: command line, then environment, then file, then defaults.
//!
//! Every setting has one name. `max_connections` is `max_connections` in the TOML file, `XANPAY_MAX_CONNECTIONS` in the
//! environment and, as one start may want to change it, `--max-connections` on the command line. A name that nobody knows
//! is an error in the file and on the command line, and a warning in the environment, which is shared with others: a
//! setting with a typing mistake would otherwise be silently without effect.
//!
//! What is decided for each payment method stands in a table of its own, `[methods.paynow]`, and in the environment as
//! `XANPAY_METHODS_PAYNOW_...`; thirteen times three flags would hide the others in the help.

mod layer;
mod names;
mod settings;
#[cfg(test)]
mod tests;
mod values;

pub use layer::{Given, Layer, Origin};
pub(crate) use settings::reachable;
pub use settings::{Config, Described, KeySource, LogFormat, Storage};
pub(crate) use values::span_text;

/// What a setting is, for help texts and `config check`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettingInfo {
    /// The name in the file.
    pub name: &'static str,
    /// One line of help.
    pub help: &'static str,
}

/// Every setting, in the order in which `config check` prints them.
pub const SETTINGS: &[SettingInfo] = &[
    SettingInfo { name: "data", help: "directory of the embedded database" },
    SettingInfo { name: "database_url", help: "PostgreSQL database, instead of the embedded one" },
    SettingInfo { name: "master_key_file", help: "file with the key that seals stored secrets" },
    SettingInfo { name: "master_key", help: "that key itself, 64 hexadecimal digits" },
    SettingInfo { name: "listen", help: "address and port to listen on" },
    SettingInfo {
        name: "public_url",
        help: "where customers reach the checkout, without a path; https tells browsers to stay with it",
    },
    SettingInfo { name: "log", help: "what to log: a level, or a filter such as info,xanpay_server=debug" },
    SettingInfo { name: "log_format", help: "text or json" },
    SettingInfo { name: "allow_private_networks", help: "private networks that notices may be sent to" },
    SettingInfo { name: "allow_plain_http", help: "whether live notices may be sent to http:// addresses" },
    SettingInfo { name: "allow_sandbox_loopback", help: "whether sandbox notices may be sent to this machine itself" },
    SettingInfo { name: "metrics_allowed", help: "networks that may read /metrics" },
    SettingInfo { name: "trusted_proxies", help: "proxies that are believed when they say for whom they speak" },
    SettingInfo { name: "max_connections", help: "connections served at once" },
    SettingInfo { name: OPERATOR_RATE_AGE, help: "how old an exchange rate of your own may be" },
    SettingInfo { name: ECB_RATE_AGE, help: "how old a reference rate of the European Central Bank may be" },
];

const OPERATOR_RATE_AGE: &str = "operator_rate_max_age";
const ECB_RATE_AGE: &str = "ecb_rate_max_age";

/// Every setting that each payment method has, without the method's part of the name.
pub const METHOD_SETTINGS: &[SettingInfo] = &[
    SettingInfo { name: TIME_TO_LIVE, help: "how long a new charge waits for its money" },
    SettingInfo { name: MIN_AMOUNT, help: "the least that one transfer may carry" },
    SettingInfo { name: MAX_AMOUNT, help: "the most that one transfer may carry" },
];

const TIME_TO_LIVE: &str = "time_to_live";
const MIN_AMOUNT: &str = "min_amount";
const MAX_AMOUNT: &str = "max_amount";

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{subject}: {message}")]
pub struct ConfigFault {
    /// The setting as it was given: `--listen`, `XANPAY_LISTEN`, `listen in xanpay.toml`.
    pub subject: String,
    /// What is wrong and what is expected.
    pub message: String,
    /// Whether the command line is at fault, not what was set up before.
    pub is_usage: bool,
}

impl ConfigFault {
    pub(crate) fn new(subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self { subject: subject.into(), message: message.into(), is_usage: false }
    }

    /// A fault of the value that a setting was given.
    pub(crate) fn of_value(name: &str, origin: &Origin, message: impl Into<String>) -> Self {
        Self { is_usage: *origin == Origin::Flag, ..Self::new(origin.spell(name), message) }
    }
}

/// Everything that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The faults, in the order of the layers. Never empty.
    pub faults: Vec<ConfigFault>,
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}
