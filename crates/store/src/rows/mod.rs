//! Rows: one file per table or group of tables, statements beside the functions that run them.

/// Declares the statements of a file and lists them for the catalogue test. `for_many` is [`crate::engine::Sql::for_many`].
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident($table:literal $(, $for_many:ident)?) = $text:expr;)*) => {
        $($(#[$doc])* const $name: crate::engine::Sql = crate::engine::Sql::new($table, $text)$(.$for_many())?;)*
        /// Every statement of this file.
        #[cfg(test)]
        pub(super) const CATALOGUE: &[(&str, crate::engine::Sql)] = &[$((stringify!($name), $name)),*];
    };
}

mod accounts;
mod charges;
mod customers;
mod deliveries;
mod idempotency;
mod merchants;
mod rates;
mod sessions;
mod settings;
mod transfers;
mod verifications;
mod webhooks;

pub use accounts::*;
pub use charges::*;
pub use deliveries::*;
pub use idempotency::*;
pub use merchants::*;
pub use rates::*;
pub use verifications::*;
pub use webhooks::*;

use crate::error::StoreError;
use crate::value::Row;
use xanpay_domain::environment::Environment;
use xanpay_domain::method::Method;
use xanpay_domain::money::Money;

impl Row {
    fn environment(&mut self) -> Result<Environment, StoreError> {
        self.parse("environment", str::parse)
    }

    /// An amount from two columns: minor units, then the currency.
    fn money(&mut self, column: &'static str) -> Result<Money, StoreError> {
        let minor = self.int(column)?;
        let currency = self.parse(column, str::parse)?;
        Money::from_minor(minor, currency).map_err(|_| self.corrupt(column))
    }

    fn methods(&mut self) -> Result<Vec<Method>, StoreError> {
        self.parse("methods", |text| {
            text.split(',').filter(|name| !name.is_empty()).map(str::parse).collect::<Result<_, _>>()
        })
    }
}

/// Methods as one column, in their order.
fn join_methods(methods: &[Method]) -> String {
    methods.iter().map(|method| method.as_str()).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
pub(crate) fn catalogue() -> Vec<(&'static str, crate::engine::Sql)> {
    [
        accounts::CATALOGUE,
        charges::CATALOGUE,
        customers::CATALOGUE,
        deliveries::CATALOGUE,
        idempotency::CATALOGUE,
        merchants::CATALOGUE,
        rates::CATALOGUE,
        sessions::CATALOGUE,
        settings::CATALOGUE,
        transfers::CATALOGUE,
        verifications::CATALOGUE,
        webhooks::CATALOGUE,
    ]
    .concat()
}
