//! How many rows tables have, what a refused request must not change; and rows that are damaged on purpose.

use crate::database::{Database, Engine};
use std::collections::BTreeMap;

/// The number of rows of every table of a database, by the table's name.
pub async fn row_counts(database: &Database) -> BTreeMap<String, i64> {
    match database.engine() {
        Engine::Sqlite => sqlite_counts(database),
        Engine::Postgres => postgres_counts(database).await,
    }
}

/// How many rows of a table a condition selects.
pub async fn count_where(database: &Database, table: &str, condition: &str) -> i64 {
    let query = format!("SELECT COUNT(*) FROM {table} WHERE {condition}");
    match database.engine() {
        Engine::Sqlite => {
            let connection = rusqlite::Connection::open(database.path()).unwrap();
            connection.query_row(&query, [], |row| row.get(0)).unwrap()
        }
        Engine::Postgres => database.client().await.query_one(&query, &[]).await.unwrap().get(0),
    }
}

/// Damages the one row of a table that a condition selects, as no statement of the gateway would.
pub async fn spoil(database: &Database, table: &str, assignment: &str, condition: &str) {
    let spoilt = database.damage(&format!("UPDATE {table} SET {assignment} WHERE {condition}")).await;
    assert_eq!(spoilt, Ok(1), "{table}: {condition}");
}

fn sqlite_counts(database: &Database) -> BTreeMap<String, i64> {
    let connection = rusqlite::Connection::open(database.path()).unwrap();
    let mut tables = connection.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").unwrap();
    let names: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let count =
        |name: &str| connection.query_row(&format!("SELECT COUNT(*) FROM \"{name}\""), [], |row| row.get(0)).unwrap();
    names.into_iter().map(|name| (name.clone(), count(&name))).collect()
}

async fn postgres_counts(database: &Database) -> BTreeMap<String, i64> {
    let client = database.client().await;
    let tables = "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'";
    let mut counts = BTreeMap::new();
    for row in client.query(tables, &[]).await.unwrap() {
        let name: String = row.get(0);
        let count = client.query_one(&format!("SELECT COUNT(*) FROM \"{name}\""), &[]).await.unwrap();
        counts.insert(name, count.get(0));
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{World, on_both_databases};

    #[tokio::test]
    async fn every_new_row_is_counted_and_a_damaged_one_is_found() {
        on_both_databases(async |database| {
            let store = database.open().await;
            let before = row_counts(database).await;
            assert_eq!(before["merchants"], 0);
            World::stored(&store, 1).await;
            let after = row_counts(database).await;
            assert_eq!((after["merchants"], after["customers"]), (1, 1));
            assert_eq!(before.len(), after.len());
            assert_eq!(count_where(database, "merchants", "name = 'nobody'").await, 0);
            spoil(database, "merchants", "name = 'nobody'", "name <> 'nobody'").await;
            assert_eq!(count_where(database, "merchants", "name = 'nobody'").await, 1);
            store.close();
        })
        .await;
    }
}
