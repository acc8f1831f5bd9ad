//! Rows of the bare ceiling: copies of a row that the gateway itself has written, with fresh values where they must
//! differ. So they have the columns, the widths and the index entries of the real ones, whatever the schema becomes.

use crate::Failure;
use bytes::BytesMut;
use rusqlite::types::{ToSqlOutput, ValueRef};
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

/// A column's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    Null,
    Int(i64),
    Text(String),
    Blob(Vec<u8>),
}

impl rusqlite::ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl ToSql for Cell {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(value) => value.to_sql_checked(ty, out),
            Self::Text(text) => text.to_sql_checked(ty, out),
            Self::Blob(bytes) => bytes.to_sql_checked(ty, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// A row, its columns by name.
pub(crate) type Row = Vec<(String, Cell)>;

/// A table whose rows are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Table {
    Charges,
    Sessions,
}

impl Table {
    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Charges => "charges",
            Self::Sessions => "sessions",
        }
    }
}

/// What looking a customer up takes; the gateway does it once per charge.
pub(crate) const FIND_CUSTOMER: &str =
    "SELECT id FROM customers WHERE merchant_id = $1 AND environment = $2 AND identity = $3";

/// Makes rows of one table.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    table: Table,
    models: Vec<Row>,
    random: u64,
    count: u64,
}

impl Rows {
    /// Rows like the models, in turn. `seed` sets this maker's values apart from another one's.
    pub(crate) fn new(table: Table, models: Vec<Row>, seed: u64) -> Result<Self, Failure> {
        if models.is_empty() {
            return Err(format!("there is no row in {} to go by", table.name()).into());
        }
        Ok(Self { table, models, random: seed, count: 0 })
    }

    /// The statement that adds a row, its parameters in the order of [`Rows::next`].
    pub(crate) fn insert(&self) -> String {
        let columns: Vec<&str> = self.models.iter().take(1).flatten().map(|(name, _)| name.as_str()).collect();
        let parameters: Vec<String> = (1..=columns.len()).map(|number| format!("${number}")).collect();
        let (table, columns, parameters) = (self.table.name(), columns.join(", "), parameters.join(", "));
        format!("INSERT INTO {table} ({columns}) VALUES ({parameters}) ON CONFLICT DO NOTHING")
    }

    /// What [`FIND_CUSTOMER`] asks for the row that comes next; nothing where no customer is looked up.
    pub(crate) fn customer(&self) -> Option<[Cell; 3]> {
        let model = self.model();
        let find = |wanted: &str| model.iter().find(|(name, _)| name == wanted).map(|(_, cell)| cell.clone());
        match (self.table, find("email")) {
            (Table::Charges, Some(Cell::Text(email))) => {
                Some([find("merchant_id")?, find("environment")?, Cell::Text(format!("email:{email}"))])
            }
            _ => None,
        }
    }

    fn model(&self) -> &Row {
        let place = self.count as usize % self.models.len();
        // There is at least one model.
        &self.models[place]
    }

    /// A fresh row.
    pub(crate) fn next(&mut self) -> Vec<Cell> {
        let model = self.model().clone();
        self.count += 1;
        model.into_iter().map(|(name, cell)| self.refresh(&name, cell)).collect()
    }

    fn refresh(&mut self, name: &str, cell: Cell) -> Cell {
        match (name, cell) {
            // Like the gateway's: the time first, so that rows stay in the order of their making, then random bits.
            ("id", Cell::Text(id)) => {
                let tail = format!("{:016x}", self.roll());
                Cell::Text(id.chars().take(8).chain(tail.chars()).collect())
            }
            ("fingerprint", _) => Cell::Blob([self.roll().to_be_bytes(), self.roll().to_be_bytes()].concat()),
            ("nonce", Cell::Text(nonce)) => Cell::Text(self.word(nonce.len())),
            ("notify_payload", _) => Cell::Text(format!("order {:010}", self.count)),
            ("merchant_amount_minor" | "customer_amount_minor" | "amount_minor", _) => {
                Cell::Int(1_000_050 + i64::try_from(self.count % 10_000).unwrap_or_default() * 100)
            }
            (_, cell) => cell,
        }
    }

    /// SplitMix64 (Steele, Lea and Flood 2014): fast, and that is all that is asked of it here.
    fn roll(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn word(&mut self, length: usize) -> String {
        let mut dice = self.roll();
        let mut letter = || {
            let face = (dice % 26) as u8;
            dice /= 26;
            char::from(b'a' + face)
        };
        (0..length).map(|_| letter()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn fresh_rows_differ_from_each_other_where_indexes_are_unique() {
        let text = |name: &str, text: &str| (name.to_owned(), Cell::Text(text.to_owned()));
        let model = vec![text("id", "6b01722863fa7c54a1c61a3c"), text("nonce", "ruzagepit"), text("method", "paynow")];
        let mut rows = Rows::new(Table::Charges, vec![model], 1).unwrap();
        let mut ids = BTreeSet::new();
        for _ in 0..1000 {
            let row = rows.next();
            let [Cell::Text(id), Cell::Text(nonce), Cell::Text(method)] = row.as_slice() else { panic!("{row:?}") };
            assert!(id.starts_with("6b017228") && id.len() == 24 && nonce.len() == 9 && method == "paynow");
            assert!(ids.insert(id.clone()) && ids.insert(nonce.clone()));
        }
    }
}
