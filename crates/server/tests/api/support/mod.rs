//! A gateway without a network, and what tests say to it.

pub mod call;
pub mod gateway;
pub mod receiver;

pub use call::{Answer, Call};
pub use gateway::{Caller, Gateway, START};
pub use receiver::Receiver;

use serde_json::Value;

/// The members of a JSON object, in their order.
pub fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap_or_else(|| panic!("no object: {value}")).keys().map(String::as_str).collect()
}

/// A JSON value with every scalar replaced by the name of its type: what stays is structure, order and types.
pub fn shape(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "bool".into(),
        Value::Number(_) => "number".into(),
        Value::String(_) => "string".into(),
        Value::Array(items) => format!("[{}]", items.iter().map(shape).collect::<Vec<_>>().join(",")),
        Value::Object(members) => {
            let members: Vec<_> = members.iter().map(|(name, value)| format!("{name}:{}", shape(value))).collect();
            format!("{{{}}}", members.join(","))
        }
    }
}
