//! Migrations: numbered, append-only and remembered by their checksums.

use crate::engine::{PostgresEngine, Sql, SqliteEngine};
use crate::error::StoreError;
use crate::value::{Row, Value};
use sha2::{Digest, Sha256};

/// One step of the schema.
struct Migration {
    number: i64,
    text: &'static str,
}

/// Every step, in order. A step that has been released never changes.
const MIGRATIONS: &[Migration] = &[Migration { number: 1, text: include_str!("../migrations/0001_first_tables.sql") }];

const APPLIED: Sql = Sql {
    table: "schema_migrations",
    text: "SELECT CAST(number AS TEXT) AS id, number, checksum FROM schema_migrations ORDER BY number",
};
const RECORD: Sql =
    Sql { table: "schema_migrations", text: "INSERT INTO schema_migrations (number, checksum) VALUES ($1, $2)" };

/// What the two databases spell differently.
struct Dialect {
    int: &'static str,
    blob: &'static str,
    strict: &'static str,
    lock: &'static str,
}

const SQLITE: Dialect = Dialect { int: "INTEGER", blob: "BLOB", strict: " STRICT", lock: "" };
/// Nodes that start together must not migrate together.
const POSTGRES: Dialect =
    Dialect { int: "BIGINT", blob: "BYTEA", strict: "", lock: "LOCK TABLE schema_migrations IN EXCLUSIVE MODE" };

impl Dialect {
    fn render(&self, text: &str) -> String {
        text.replace("{int}", self.int).replace("{blob}", self.blob).replace("{strict}", self.strict)
    }

    fn bookkeeping(&self) -> String {
        self.render(
            "CREATE TABLE IF NOT EXISTS schema_migrations (number {int} NOT NULL PRIMARY KEY, checksum TEXT NOT NULL){strict}",
        )
    }
}

/// What has been applied and what remains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SchemaState {
    /// Steps that the database has.
    pub applied: usize,
    /// Steps that this program has and the database has not.
    pub pending: usize,
}

fn checksum(migration: &Migration) -> String {
    xanpay_domain::id::to_hex(&Sha256::digest(migration.text.as_bytes()))
}

/// Compares what the database remembers with what this program knows.
fn examine(rows: Vec<Row>) -> Result<SchemaState, StoreError> {
    let mut applied = 0;
    for mut row in rows {
        row.text("id")?;
        let number = row.int("number")?;
        let stored = row.text("checksum")?;
        // Steps are applied in order, so that the rows are the first of this program's steps, and then newer ones.
        let Some(known) = MIGRATIONS.get(applied) else {
            return Err(StoreError::Schema(format!(
                "the database has schema {number}, which is newer than this program knows; use a newer program"
            )));
        };
        if known.number != number || checksum(known) != stored {
            return Err(StoreError::Schema(format!(
                "schema step {number} in the database is not this program's step {}",
                known.number
            )));
        }
        applied += 1;
    }
    Ok(SchemaState { applied, pending: MIGRATIONS.len() - applied })
}

/// Brings a SQLite file to the current schema.
pub(crate) fn migrate_sqlite(path: &std::path::Path) -> Result<SchemaState, StoreError> {
    let connection = SqliteEngine::connect(path)?;
    connection.batch("BEGIN IMMEDIATE")?;
    connection.batch(&SQLITE.bookkeeping())?;
    let state = examine(connection.query(APPLIED, &[])?)?;
    for migration in MIGRATIONS.iter().skip(state.applied) {
        connection.batch(&SQLITE.render(migration.text))?;
        connection.execute(RECORD, &[Value::Int(migration.number), Value::from(checksum(migration))])?;
    }
    connection.batch("COMMIT")?;
    Ok(state)
}

/// Brings a PostgreSQL database to the current schema. An empty database is set up in any case; a schema that this
/// program would have to change is changed only when `upgrade` says so, because other nodes may be using it.
pub(crate) async fn migrate_postgres(
    config: &tokio_postgres::Config,
    upgrade: bool,
) -> Result<SchemaState, StoreError> {
    let session = PostgresEngine::connect(config).await?;
    // Two nodes that create the table at once make one of them fail on the catalogue; the table is there then.
    if session.batch(&POSTGRES.bookkeeping()).await.is_err() {
        session.batch(&POSTGRES.bookkeeping()).await?;
    }
    session.batch("BEGIN").await?;
    session.batch(POSTGRES.lock).await?;
    let state = examine(session.query(APPLIED, &[]).await?)?;
    if state.pending > 0 && state.applied > 0 && !upgrade {
        return Err(StoreError::Schema(format!(
            "the database needs {} schema step(s); run `xanpay migrate` or start one node with --migrate",
            state.pending
        )));
    }
    for migration in MIGRATIONS.iter().skip(state.applied) {
        session.batch(&POSTGRES.render(migration.text)).await?;
        session.execute(RECORD, &[Value::Int(migration.number), Value::from(checksum(migration))]).await?;
    }
    session.batch("COMMIT").await?;
    Ok(state)
}
