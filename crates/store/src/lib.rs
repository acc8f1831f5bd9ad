//! Storage: the only place with SQL.
//!
//! Two databases, one set of statements. [`Store::write`] runs a transaction, [`Store::reader`] reads the last
//! committed state. Row functions are methods of [`Tx`], one file per table under `rows/`, and use these verbs: `find_`
//! returns an option, `get_` fails when there is nothing, `list_` returns a page, `insert_` adds, `lock_` loads for a
//! change, `save_` writes the change if nobody was faster, `claim_` takes work under a lease.
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

pub use engine::{Sql, Tx};
pub use error::{StoreError, TxError};
pub use migrate::SchemaState;
pub use rows::*;

use engine::{PostgresEngine, Queue, SqliteEngine};
use std::future::Future;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long a PostgreSQL server may take to accept a connection, or a network to acknowledge what was sent, unless the
/// URL says.
const NETWORK_TIMEOUT: Duration = Duration::from_secs(15);

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
        let config = postgres_config(url)?;
        migrate::migrate_postgres(&config, upgrade).await?;
        let (queue, jobs) = Queue::new();
        let engine = PostgresEngine::open(config, jobs).await?;
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

/// Reads a connection URL and decides on TLS.
fn postgres_config(url: &str) -> Result<tokio_postgres::Config, StoreError> {
    use tokio_postgres::config::{Host, SslMode};
    let mut config: tokio_postgres::Config = url.parse().map_err(|error: tokio_postgres::Error| {
        StoreError::Schema(format!("the database URL is not valid: {error}"))
    })?;
    if !url.contains("sslmode=") {
        let here = |host: &Host| match host {
            Host::Tcp(name) => ["localhost", "127.0.0.1", "::1"].contains(&name.as_str()),
            Host::Unix(_) => true,
        };
        // Where there is a `hostaddr`, it is what is connected to, whatever the host is called.
        let all_here = config.get_hosts().iter().all(here) && config.get_hostaddrs().iter().all(IpAddr::is_loopback);
        config.ssl_mode(if all_here { SslMode::Disable } else { SslMode::Require });
    } else if config.get_ssl_mode() == SslMode::Prefer {
        // "Prefer" silently falls back to plain text, which is no decision.
        config.ssl_mode(SslMode::Require);
    }
    config.connect_timeout(config.get_connect_timeout().copied().unwrap_or(NETWORK_TIMEOUT));
    config.tcp_user_timeout(config.get_tcp_user_timeout().copied().unwrap_or(NETWORK_TIMEOUT));
    config.application_name("xanpay");
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_postgres::config::SslMode;

    #[test]
    fn only_connections_to_this_machine_go_without_tls_unless_the_url_says_so() {
        for (url, mode) in [
            ("postgres://localhost/pay", SslMode::Disable),
            ("postgres:///pay?host=/run/postgresql", SslMode::Disable),
            ("host=localhost hostaddr=127.0.0.1", SslMode::Disable),
            ("host=localhost hostaddr=::1", SslMode::Disable),
            ("hostaddr=203.0.113.7", SslMode::Require),
            ("postgres://localhost/pay?hostaddr=203.0.113.7", SslMode::Require),
            ("host=localhost,localhost hostaddr=127.0.0.1,203.0.113.7", SslMode::Require),
            ("host=db.example hostaddr=127.0.0.1", SslMode::Require),
            ("postgres://localhost,db.example/pay", SslMode::Require),
            ("postgres://db.example/pay?sslmode=prefer", SslMode::Require),
            ("postgres://db.example/pay?sslmode=disable", SslMode::Disable),
        ] {
            assert_eq!(postgres_config(url).unwrap().get_ssl_mode(), mode, "{url}");
        }
    }
}
