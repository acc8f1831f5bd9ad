//! Migrations: numbered, append-only and remembered by their checksums.

use crate::engine::{PostgresEngine, Server, Sql, SqliteEngine};
use crate::error::StoreError;
use crate::planted::{self, Fault};
use crate::value::{Row, Value};
use sha2::{Digest, Sha256};

/// One step of the schema.
struct Migration {
    number: i64,
    text: &'static str,
}

/// Every step, in order. A step that has been released never changes.
const MIGRATIONS: &[Migration] = &[
    Migration { number: 1, text: include_str!("../migrations/0001_first_tables.sql") },
    Migration { number: 2, text: include_str!("../migrations/0002_transfer_reports.sql") },
    Migration { number: 3, text: include_str!("../migrations/0003_one_index_per_search.sql") },
    Migration { number: 4, text: include_str!("../migrations/0004_codes_of_a_merchant.sql") },
    Migration { number: 5, text: include_str!("../migrations/0005_transfers_by_arrival.sql") },
    Migration { number: 6, text: include_str!("../migrations/0006_claims_of_expired_charges.sql") },
    Migration { number: 7, text: include_str!("../migrations/0007_checks_without_a_table.sql") },
    Migration { number: 8, text: include_str!("../migrations/0008_amounts_of_a_bank_account.sql") },
    Migration { number: 9, text: include_str!("../migrations/0009_payments_that_share_an_identity.sql") },
    Migration { number: 10, text: include_str!("../migrations/0010_what_feeds_say_of_their_own.sql") },
    Migration { number: 11, text: include_str!("../migrations/0011_rules_of_the_domain.sql") },
    Migration { number: 12, text: include_str!("../migrations/0012_cancel_tokens_that_are_not_stored.sql") },
];

const APPLIED: Sql = Sql::new(
    "schema_migrations",
    "SELECT CAST(number AS TEXT) AS id, number, checksum FROM schema_migrations ORDER BY number",
);
const RECORD: Sql = Sql::new("schema_migrations", "INSERT INTO schema_migrations (number, checksum) VALUES ($1, $2)");

/// What the two databases spell differently.
struct Dialect {
    int: &'static str,
    blob: &'static str,
    strict: &'static str,
    /// What a line begins with that is for SQLite alone: nothing, or what makes it a comment.
    sqlite: &'static str,
    /// The same for PostgreSQL.
    postgres: &'static str,
    /// What stands before and behind a text with which a trigger refuses a statement.
    refuse: [&'static str; 2],
    lock: &'static str,
}

const SQLITE: Dialect = Dialect {
    int: "INTEGER",
    blob: "BLOB",
    strict: " STRICT",
    sqlite: "",
    postgres: "--",
    refuse: ["BEGIN SELECT RAISE(ABORT, ", "); END"],
    lock: "",
};
/// Nodes that start together must not migrate together.
const POSTGRES: Dialect = Dialect {
    int: "BIGINT",
    blob: "BYTEA",
    strict: "",
    sqlite: "--",
    postgres: "",
    refuse: ["EXECUTE FUNCTION refuse(", ")"],
    lock: "LOCK TABLE schema_migrations IN EXCLUSIVE MODE",
};

impl Dialect {
    fn render(&self, text: &str) -> String {
        let text = text.replace("{int}", self.int).replace("{blob}", self.blob);
        let text = text.replace("{strict}", self.strict).replace("{sqlite}", self.sqlite);
        let [before, behind] = self.refuse;
        text.replace("{postgres}", self.postgres).replace("{refuse(", before).replace(")}", behind)
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

impl SchemaState {
    /// Whether this program would have to change a schema that others may be using.
    #[must_use]
    pub fn is_outdated(&self) -> bool {
        self.applied > 0 && self.pending > 0
    }
}

fn checksum(migration: &Migration) -> String {
    xanpay_domain::id::to_hex(&Sha256::digest(migration.text.as_bytes()))
}

/// Compares what the database remembers with the steps that this program knows.
fn examine(steps: &[Migration], rows: Vec<Row>) -> Result<SchemaState, StoreError> {
    let mut applied = 0;
    for mut row in rows {
        row.text("id")?;
        let number = row.int("number")?;
        let stored = row.text("checksum")?;
        // Steps are applied in order, so that the rows are the first of this program's steps, and then newer ones.
        let Some(known) = steps.get(applied) else {
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
    Ok(SchemaState { applied, pending: steps.len() - applied })
}

/// What a SQLite file has of this program's schema.
pub(crate) fn examine_sqlite(path: &std::path::Path) -> Result<SchemaState, StoreError> {
    examine_sqlite_by(MIGRATIONS, path)
}

fn examine_sqlite_by(steps: &[Migration], path: &std::path::Path) -> Result<SchemaState, StoreError> {
    let connection = SqliteEngine::connect(path)?;
    // Undone when the connection closes.
    connection.batch("BEGIN IMMEDIATE")?;
    connection.batch(&SQLITE.bookkeeping())?;
    examine(steps, connection.query(APPLIED, &[])?)
}

/// Brings a SQLite file to the current schema.
pub(crate) fn migrate_sqlite(path: &std::path::Path) -> Result<SchemaState, StoreError> {
    migrate_sqlite_by(MIGRATIONS, path)
}

fn migrate_sqlite_by(steps: &[Migration], path: &std::path::Path) -> Result<SchemaState, StoreError> {
    let connection = SqliteEngine::connect(path)?;
    connection.batch(if planted::has(Fault::NoTransaction) { "" } else { "BEGIN IMMEDIATE" })?;
    connection.batch(&SQLITE.bookkeeping())?;
    let state = examine(steps, connection.query(APPLIED, &[])?)?;
    for migration in steps.iter().skip(state.applied) {
        connection.batch(&SQLITE.render(migration.text))?;
        connection.execute(RECORD, &[Value::Int(migration.number), Value::from(checksum(migration))])?;
    }
    connection.batch(if planted::has(Fault::NoTransaction) { "" } else { "COMMIT" })?;
    Ok(state)
}

/// Brings a PostgreSQL database to the current schema. An empty database is set up in any case; a schema that this
/// program would have to change is changed only when `upgrade` says so, because other nodes may be using it.
pub(crate) async fn migrate_postgres(server: &Server, upgrade: bool) -> Result<SchemaState, StoreError> {
    migrate_postgres_by(MIGRATIONS, server, upgrade).await
}

async fn migrate_postgres_by(steps: &[Migration], server: &Server, upgrade: bool) -> Result<SchemaState, StoreError> {
    let session = PostgresEngine::connect(server).await?;
    // Two nodes that create the table at once make one of them fail on the catalogue; the table is there then.
    if session.batch(&POSTGRES.bookkeeping()).await.is_err() {
        session.batch(&POSTGRES.bookkeeping()).await?;
    }
    let is_torn = planted::has(Fault::NoTransaction);
    session.batch(if is_torn { "" } else { "BEGIN" }).await?;
    session.batch(if is_torn { "" } else { POSTGRES.lock }).await?;
    let state = examine(steps, session.query(APPLIED, &[]).await?)?;
    if state.is_outdated() && !upgrade {
        return Err(StoreError::Schema(format!(
            "the database needs {} schema step(s); run `xanpay migrate` or start one node with --migrate",
            state.pending
        )));
    }
    for migration in steps.iter().skip(state.applied) {
        session.batch(&POSTGRES.render(migration.text)).await?;
        session.execute(RECORD, &[Value::Int(migration.number), Value::from(checksum(migration))]).await?;
    }
    session.batch(if is_torn { "" } else { "COMMIT" }).await?;
    Ok(state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use xanpay_testkit::{Database, Engine, on_both_databases};

    const FIRST: Migration = Migration { number: 1, text: "CREATE TABLE a (id {int} NOT NULL PRIMARY KEY){strict}" };
    const SECOND: Migration = Migration { number: 2, text: "CREATE TABLE b (id {int} NOT NULL PRIMARY KEY){strict}" };
    const REWRITTEN: Migration = Migration { number: 1, text: "CREATE TABLE a (id TEXT NOT NULL PRIMARY KEY){strict}" };
    const BROKEN: Migration =
        Migration { number: 2, text: "CREATE TABLE b (id {int}){strict}; CREATE TABLE a (id {int})" };

    async fn migrate(steps: &[Migration], database: &Database, upgrade: bool) -> Result<SchemaState, StoreError> {
        match database.engine() {
            Engine::Sqlite => migrate_sqlite_by(steps, &database.path()),
            Engine::Postgres => migrate_postgres_by(steps, &database.url().parse().unwrap(), upgrade).await,
        }
    }

    #[tokio::test]
    async fn an_empty_database_is_set_up_and_a_set_up_one_stays_as_it_is() {
        on_both_databases(async |database| {
            for applied in [0, 2] {
                let state = SchemaState { applied, pending: 2 - applied };
                assert_eq!(migrate(&[FIRST, SECOND], database, false).await, Ok(state));
            }
        })
        .await;
    }

    #[test]
    fn a_look_at_a_schema_tells_whether_it_is_outdated_and_changes_nothing() {
        let database = Database::sqlite();
        let look = || examine_sqlite_by(&[FIRST, SECOND], &database.path()).unwrap();
        assert!(!look().is_outdated(), "there is nothing yet");
        migrate_sqlite_by(&[FIRST], &database.path()).unwrap();
        for _ in 0..2 {
            assert!(look().is_outdated());
        }
        migrate_sqlite_by(&[FIRST, SECOND], &database.path()).unwrap();
        assert!(!look().is_outdated());
    }

    #[tokio::test]
    async fn an_older_schema_is_upgraded_on_postgresql_only_when_asked() {
        on_both_databases(async |database| {
            migrate(&[FIRST], database, false).await.unwrap();
            if database.engine() == Engine::Postgres {
                let refusal = migrate(&[FIRST, SECOND], database, false).await.unwrap_err();
                assert!(refusal.to_string().contains("xanpay migrate"), "{refusal}");
            }
            let upgraded = migrate(&[FIRST, SECOND], database, true).await;
            assert_eq!(upgraded, Ok(SchemaState { applied: 1, pending: 1 }));
            let again = migrate(&[FIRST, SECOND], database, false).await;
            assert_eq!(again, Ok(SchemaState { applied: 2, pending: 0 }));
        })
        .await;
    }

    #[tokio::test]
    async fn a_newer_schema_and_a_rewritten_step_are_refused() {
        on_both_databases(async |database| {
            migrate(&[FIRST, SECOND], database, false).await.unwrap();
            for (steps, words) in [(&[FIRST][..], "newer than this program"), (&[REWRITTEN, SECOND], "step 1")] {
                let refusal = migrate(steps, database, true).await.unwrap_err();
                assert!(matches!(&refusal, StoreError::Schema(reason) if reason.contains(words)), "{refusal}");
            }
        })
        .await;
    }

    #[tokio::test]
    async fn a_step_that_fails_half_way_leaves_nothing_and_runs_again_once_mended() {
        on_both_databases(async |database| {
            migrate(&[FIRST], database, false).await.unwrap();
            migrate(&[FIRST, BROKEN], database, true).await.unwrap_err();
            let mended = migrate(&[FIRST, SECOND], database, true).await;
            assert_eq!(mended, Ok(SchemaState { applied: 1, pending: 1 }));
        })
        .await;
    }

    #[tokio::test]
    async fn an_upgrade_that_loses_its_connection_half_way_leaves_nothing_and_runs_again() {
        const SLOW: Migration = Migration {
            number: 2,
            text: "CREATE TABLE b (id {int} NOT NULL PRIMARY KEY){strict}; SELECT pg_sleep(60)",
        };
        let database = Database::postgres().await;
        migrate(&[FIRST], &database, false).await.unwrap();
        let server = database.url().parse().unwrap();
        let upgrade = tokio::spawn(async move { migrate_postgres_by(&[FIRST, SLOW], &server, true).await });
        let client = database.client().await;
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
            WHERE datname = current_database() AND wait_event = 'PgSleep'";
        while client.query(end, &[]).await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        assert!(matches!(upgrade.await.unwrap(), Err(StoreError::Unavailable(_))));
        let again = migrate(&[FIRST, SECOND], &database, true).await;
        assert_eq!(again, Ok(SchemaState { applied: 1, pending: 1 }));
    }

    #[tokio::test]
    async fn nodes_that_start_together_migrate_once() {
        let database = Database::postgres().await;
        let nodes: Vec<_> = (0..8)
            .map(|_| {
                let server = database.url().parse().unwrap();
                tokio::spawn(
                    async move { migrate_postgres_by(&[FIRST, SECOND], &server, false).await.unwrap().pending },
                )
            })
            .collect();
        let mut pending = Vec::new();
        for node in nodes {
            pending.push(node.await.unwrap());
        }
        pending.sort_unstable();
        assert_eq!(pending, [0, 0, 0, 0, 0, 0, 0, 2]);
    }
}
