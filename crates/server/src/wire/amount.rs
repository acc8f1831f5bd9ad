//! Money as a JSON number, never by way of a binary float.

use super::json::Raw;
use serde::{Serialize, Serializer};
use xanpay_domain::money::Money;

/// An amount written as a JSON number in its shortest form: `35`, `26.24`.
#[derive(Debug, Clone, Copy)]
pub struct Amount(pub Money);

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Raw(&self.0.to_shortest()).serialize(serializer)
    }
}
