//! One source of settings, read into texts under the settings' names.

use super::ConfigFault;
use super::names::{METHODS, known, method_setting, names, unknown};
use crate::bounded;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use xanpay_domain::method::Method;

/// The prefix of every environment variable that is a setting.
const PREFIX: &str = "XANPAY_";
/// The variable that names the file; not a setting itself.
const CONFIG_VARIABLE: &str = "XANPAY_CONFIG";
/// Variables of tests and build scripts that share the prefix.
const FOREIGN_VARIABLES: [&str; 2] = ["XANPAY_CORPUS", "XANPAY_BIN"];
const FOREIGN_PREFIX: &str = "XANPAY_TEST_";

/// The most bytes of a file: all settings of all methods take a few thousand.
const MAX_FILE: usize = 1024 * 1024;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Flag,
    /// The environment.
    Environment,
    /// The file.
    File(PathBuf),
}

impl Origin {
    /// The setting as its source spells it, for messages.
    #[must_use]
    pub fn spell(&self, name: &str) -> String {
        match self {
            Self::Flag => format!("--{}", name.replace('_', "-")),
            Self::Environment => format!("{PREFIX}{}", name.replace(['.', '-'], "_").to_uppercase()),
            Self::File(path) => format!("{name} in {}", path.display()),
        }
    }
}

/// The texts given for one setting: one, or several for a list.
// Not Debug: a secret must not reach a log by way of `{:?}`.
#[derive(Clone, PartialEq, Eq)]
pub struct Given {
    /// The texts.
    pub texts: Vec<String>,
    /// Where they come from.
    pub origin: Origin,
}

/// The settings of one source.
// Not Debug: a secret must not reach a log by way of `{:?}`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Layer {
    values: BTreeMap<String, Given>,
}

impl Layer {
    /// The settings of the command line; each flag that was given, by the setting's name.
    #[must_use]
    pub fn flags(given: impl IntoIterator<Item = (&'static str, Vec<String>)>) -> Self {
        let values = given.into_iter().filter(|(_, texts)| !texts.is_empty());
        let values = values.map(|(name, texts)| (name.to_owned(), Given { texts, origin: Origin::Flag }));
        Self { values: values.collect() }
    }

    /// The settings among environment variables, and the file that `XANPAY_CONFIG` names. Lists are separated by
    /// commas; an empty variable counts as absent, as container tools set them so. `strangers` are variables with our
    /// prefix that are no settings.
    pub fn environment(
        variables: impl IntoIterator<Item = (String, String)>,
        strangers: &mut Vec<ConfigFault>,
    ) -> (Self, Option<PathBuf>) {
        let spelled: BTreeMap<String, String> = names().map(|name| (Origin::Environment.spell(&name), name)).collect();
        let (mut layer, mut file) = (Self::default(), None);
        for (variable, text) in variables.into_iter().filter(|(variable, _)| variable.starts_with(PREFIX)) {
            let name = spelled.get(&variable);
            let foreign = FOREIGN_VARIABLES.contains(&variable.as_str()) || variable.starts_with(FOREIGN_PREFIX);
            if foreign || (text.is_empty() && (variable == CONFIG_VARIABLE || name.is_some())) {
                continue;
            }
            if variable == CONFIG_VARIABLE {
                file = Some(PathBuf::from(text));
                continue;
            }
            match name {
                Some(name) => {
                    let texts = if is_list(name) { split_list(&text) } else { vec![text] };
                    layer.values.insert(name.clone(), Given { texts, origin: Origin::Environment });
                }
                None => strangers.push(unknown(&variable, &variable, spelled.keys().map(String::as_str))),
            }
        }
        (layer, file)
    }

    /// The settings of a TOML file.
    pub fn file(path: &Path, faults: &mut Vec<ConfigFault>) -> Self {
        let read = bounded::read_file(path, MAX_FILE).and_then(|bytes| {
            String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "is not UTF-8"))
        });
        match read {
            Ok(text) => Self::toml(path, &text, faults),
            Err(error) => {
                faults.push(ConfigFault::new(path.display().to_string(), format!("cannot be read: {error}")));
                Self::default()
            }
        }
    }

    /// The settings of a TOML text.
    pub fn toml(path: &Path, text: &str, faults: &mut Vec<ConfigFault>) -> Self {
        let table: toml::Table = match text.parse() {
            Ok(table) => table,
            Err(error) => {
                faults.push(ConfigFault::new(path.display().to_string(), format!("is not valid TOML: {error}")));
                return Self::default();
            }
        };
        let mut layer = Self::default();
        for (key, value) in &table {
            match value.as_table() {
                Some(methods) if key == METHODS => layer.read_methods(path, methods, faults),
                None if key == METHODS => {
                    let subject = Origin::File(path.to_owned()).spell(METHODS);
                    faults.push(ConfigFault::new(subject, "must be a table for each method, such as [methods.paynow]"));
                }
                Some(_) | None => layer.read_value(path, key, value, faults),
            }
        }
        layer
    }

    /// The table of methods: a table of settings under each method's name.
    fn read_methods(&mut self, path: &Path, methods: &toml::Table, faults: &mut Vec<ConfigFault>) {
        for (key, value) in methods {
            let subject = Origin::File(path.to_owned()).spell(&format!("{METHODS}.{key}"));
            match (key.parse::<Method>(), value.as_table()) {
                (Ok(method), Some(settings)) => {
                    for (key, value) in settings {
                        self.read_value(path, &method_setting(method, key), value, faults);
                    }
                }
                (Ok(_), None) => faults.push(ConfigFault::new(subject, "must be a table of settings")),
                (Err(_), _) => {
                    let known = Method::ALL.iter().map(|method| method.as_str());
                    faults.push(unknown(&subject, key, known));
                }
            }
        }
    }

    fn read_value(&mut self, path: &Path, key: &str, value: &toml::Value, faults: &mut Vec<ConfigFault>) {
        let origin = Origin::File(path.to_owned());
        let subject = origin.spell(key);
        if !known(key) {
            let all: Vec<_> = names().chain([METHODS.to_owned()]).collect();
            faults.push(unknown(&subject, key, all.iter().map(String::as_str)));
            return;
        }
        let list = is_list(key);
        let texts = texts_of(value, list).filter(|_| value.is_str() || !takes_any_text(key));
        match texts {
            Some(texts) => {
                self.values.insert(key.to_owned(), Given { texts, origin });
            }
            None if list => faults.push(ConfigFault::new(subject, "must be a list of texts")),
            None if takes_any_text(key) => faults.push(ConfigFault::new(subject, "must be a text")),
            None => faults.push(ConfigFault::new(subject, "must be a text, a whole number, true or false")),
        }
    }

    /// What this source says about a setting.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Given> {
        self.values.get(name)
    }

    /// Forgets what this source says about a setting.
    pub fn forget(&mut self, name: &str) {
        self.values.remove(name);
    }
}

fn is_list(name: &str) -> bool {
    ["allow_private_networks", "metrics_allowed", "trusted_proxies"].contains(&name)
}

/// Settings for which `true` or `5` would be as good a text as any, though hardly what was meant.
fn takes_any_text(name: &str) -> bool {
    ["data", "master_key_file", "log"].contains(&name)
}

fn split_list(text: &str) -> Vec<String> {
    text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

fn texts_of(value: &toml::Value, list: bool) -> Option<Vec<String>> {
    match value {
        toml::Value::String(text) => Some(vec![text.clone()]),
        toml::Value::Integer(number) if !list => Some(vec![number.to_string()]),
        toml::Value::Boolean(flag) if !list => Some(vec![flag.to_string()]),
        toml::Value::Array(items) if list => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        toml::Value::Integer(_)
        | toml::Value::Boolean(_)
        | toml::Value::Array(_)
        | toml::Value::Float(_)
        | toml::Value::Datetime(_)
        | toml::Value::Table(_) => None,
    }
}
