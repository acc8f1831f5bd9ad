//! Why a command does not end with status 0.

use crate::config::ConfigError;
use crate::flows::{FlowError, Refusal};
use crate::open::OpenError;
use serde_json::{Value, json};
use xanpay_store::StoreError;

/// The code of trouble with the database.
pub(crate) const STORAGE_FAILED: &str = "storage_failed";

/// A command was refused or failed.
#[derive(Debug)]
pub(crate) struct Failure {
    /// A stable word for programs.
    pub(crate) code: &'static str,
    /// For people; may have several lines.
    pub(crate) message: String,
    /// The fields at fault: name, code, message.
    pub(crate) fields: Vec<(String, &'static str, String)>,
    /// Whether the command has printed its JSON value already.
    pub(crate) printed: bool,
    /// Whether the command line itself is at fault, whatever the data.
    pub(crate) is_usage: bool,
}

impl Failure {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), fields: Vec::new(), printed: false, is_usage: false }
    }

    /// A fault of one option.
    pub(crate) fn field(field: &str, code: &'static str, message: impl Into<String>) -> Self {
        Refusal::field(field, code, message).into()
    }

    /// An option's value that is wrong whatever the data.
    pub(crate) fn usage(field: &str, message: impl Into<String>) -> Self {
        Self { is_usage: true, ..Self::field(field, "invalid_field", message) }
    }

    /// The result itself, which is already on standard output, says what is wrong.
    pub(crate) fn printed(code: &'static str, message: impl Into<String>) -> Self {
        Self { printed: true, ..Self::new(code, message) }
    }

    /// The failure as the JSON value of a command.
    pub(crate) fn to_json(&self) -> Value {
        let fields = self.fields.iter();
        let errors: Vec<_> =
            fields.map(|(field, code, message)| json!({ "field": field, "code": code, "message": message })).collect();
        let mut error = json!({ "code": self.code, "message": self.message });
        if let (Value::Object(members), false) = (&mut error, errors.is_empty()) {
            members.insert("errors".to_owned(), errors.into());
        }
        json!({ "error": error })
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        // A fault without a field is about the whole input; the message says it.
        let faults = refusal.faults.into_iter().filter(|fault| !fault.field.is_empty());
        Self {
            fields: faults.map(|fault| (fault.field, fault.code, fault.message)).collect(),
            ..Self::new(refusal.code, refusal.detail)
        }
    }
}

impl From<FlowError> for Failure {
    fn from(error: FlowError) -> Self {
        match error {
            FlowError::Refused(refusal) => refusal.into(),
            FlowError::Store(error) => error.into(),
            FlowError::Internal(message) => Self::new("internal_error", message),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::new(STORAGE_FAILED, error.to_string())
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        let code = match &error {
            OpenError::Running { .. } | OpenError::Outdated { .. } => "already_running",
            OpenError::OtherKey { .. } => "master_key_wrong",
            OpenError::KeyMissing { .. } | OpenError::NoHome => "master_key_missing",
            OpenError::Vault(_) => "master_key_unusable",
            OpenError::Directory { .. } | OpenError::Store(_) | OpenError::Flow(_) => STORAGE_FAILED,
        };
        Self::new(code, error.to_string())
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let message = error.to_string();
        let is_usage = error.faults.iter().any(|fault| fault.is_usage);
        let faults = error.faults.into_iter();
        let fields = faults.map(|fault| (fault.subject, "setting_invalid", fault.message)).collect();
        Self { fields, is_usage, ..Self::new("setting_invalid", message) }
    }
}
