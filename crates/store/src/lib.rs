//! Storage: the only place with SQL.
//!
//! Two databases, one set of statements. [`Store::write`] runs a transaction, [`Store::reader`] reads the last
//! committed state. Row functions are methods of [`Tx`], one file per table under `rows/`, and use these verbs: `find_`
//! returns an option, `list_` all that match or a page of them, `count_` how many up to a limit, `insert_` adds, `push_`
//! adds with what follows from it, `lock_` loads for a change, `save_` writes the change if nobody was faster, `claim_`
//! takes work under a lease, `release_` gives back what was taken.
//!
//! Deliberately absent: clocks, randomness, HTTP, business rules.

#[cfg(test)]
mod catalogue;
mod engine;
mod error;
mod migrate;
mod planted;
mod rows;
mod value;

pub use engine::{Durability, Sql, Tx};
pub use error::{StoreError, TxError};
pub use migrate::SchemaState;
pub use rows::*;

use engine::{PostgresEngine, Queue, SqliteEngine};
use std::future::Future;
use std::path::Path;
use std::sync::Arc;

/// An open database.
pub struct Store {
    queue: Queue,
    engine: Engine,
    /// The SQLite writer's thread, joined by [`Store::close`].
    writer: Option<std::thread::JoinHandle<()>>,
}

enum Engine {
    Sqlite(SqliteEngine),
    Postgres(PostgresEngine),
}

impl Store {
    /// What a SQLite file has of this program's schema. One that is not there is created.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be opened or has a newer schema.
    pub fn examine_sqlite(path: &Path) -> Result<SchemaState, StoreError> {
        migrate::examine_sqlite(path)
    }

    /// Opens a SQLite file, creating and migrating it as needed.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be opened or has a newer schema.
    pub fn open_sqlite(path: &Path) -> Result<Self, StoreError> {
        migrate::migrate_sqlite(path)?;
        let (queue, jobs) = Queue::new();
        let (engine, writer) = SqliteEngine::open(path, jobs)?;
        Ok(Self { queue, engine: Engine::Sqlite(engine), writer: Some(writer) })
    }

    /// Connects to PostgreSQL. An empty database gets its schema; an older schema is upgraded only with `upgrade`.
    ///
    /// Without `sslmode` in the URL, connections to other machines use TLS with a verified certificate, and connections
    /// to this machine do not.
    ///
    /// # Errors
    /// [`StoreError`] when the URL is no PostgreSQL URL, the server cannot be reached or the schema does not fit.
    pub async fn open_postgres(url: &str, upgrade: bool) -> Result<Self, StoreError> {
        let server = url.parse()?;
        migrate::migrate_postgres(&server, upgrade).await?;
        let (queue, jobs) = Queue::new();
        let engine = PostgresEngine::open(server, jobs).await?;
        Ok(Self { queue, engine: Engine::Postgres(engine), writer: None })
    }

    /// Runs a transaction and returns when it is durable.
    ///
    /// The body may run more than once (after a lost race), so it must take time and randomness from outside, and may
    /// wait for nothing but the statements of its [`Tx`].
    ///
    /// # Errors
    /// The body's own error, after which nothing of it is stored, or a storage error.
    pub async fn write<T, E, F, Fut>(&self, body: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: TxError,
        F: Fn(Tx) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        self.queue.write(body).await
    }

    /// As [`Store::write`], for a body that needs more than it can copy: each run gets the same `with`.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn write_with<W, T, E, F, Fut>(&self, with: W, body: F) -> Result<T, E>
    where
        W: Send + Sync + 'static,
        T: Send + 'static,
        E: TxError,
        F: Fn(Tx, Arc<W>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        let with = Arc::new(with);
        self.write(move |tx| body(tx, Arc::clone(&with))).await
    }

    /// A handle that reads the last committed state, statement by statement.
    #[must_use]
    pub fn reader(&self) -> Tx {
        match &self.engine {
            Engine::Sqlite(engine) => engine.reader(),
            Engine::Postgres(engine) => engine.reader(),
        }
    }

    /// What keeps a commit that PostgreSQL has acknowledged. Nothing on SQLite, whose log is always synced.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn durability(&self) -> Result<Option<Durability>, StoreError> {
        match &self.engine {
            Engine::Sqlite(_) => Ok(None),
            Engine::Postgres(engine) => engine.durability().await.map(Some),
        }
    }

    /// Lets the writer finish what waits and closes the database.
    pub fn close(self) {
        let Self { queue, engine, writer } = self;
        drop(queue);
        if let Some(writer) = writer {
            let _ = writer.join();
        }
        drop(engine);
    }
}
