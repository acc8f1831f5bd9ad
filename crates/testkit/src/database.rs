//! An empty database of each kind for one test.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use tokio_postgres::{Client, Config, NoTls};
use xanpay_store::Store;

/// Names the PostgreSQL server on which tests make their databases.
const SERVER: &str = "XANPAY_TEST_POSTGRES";

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

/// A database of one test, removed when it is dropped.
#[derive(Debug)]
pub struct Database {
    place: Place,
}

#[derive(Debug)]
enum Place {
    Sqlite { directory: PathBuf },
    Postgres { server: String, name: String },
}

impl Database {
    /// An empty SQLite file in a directory of its own.
    #[must_use]
    pub fn sqlite() -> Self {
        let directory = unique_directory("sqlite");
        std::fs::create_dir(&directory).unwrap();
        Self { place: Place::Sqlite { directory } }
    }

    /// An empty database on the PostgreSQL server that the environment names.
    ///
    /// # Panics
    /// When it names none: a test that quietly leaves out one of the two databases proves nothing about it.
    pub async fn postgres() -> Self {
        let Ok(server) = std::env::var(SERVER) else {
            panic!("{SERVER} names no PostgreSQL server; run the tests with `./test`, which starts one")
        };
        Self::postgres_at(&server).await
    }

    /// An empty database on the PostgreSQL server at a URL.
    pub async fn postgres_at(server: &str) -> Self {
        let name = unique_name("xanpay");
        administer(server, &format!("CREATE DATABASE {name}")).await.unwrap();
        Self { place: Place::Postgres { server: server.into(), name } }
    }

    /// Which database it is.
    #[must_use]
    pub fn engine(&self) -> Engine {
        match self.place {
            Place::Sqlite { .. } => Engine::Sqlite,
            Place::Postgres { .. } => Engine::Postgres,
        }
    }

    /// Opens the database, as a gateway process would; each call stands for one more process.
    pub async fn open(&self) -> Store {
        match self.engine() {
            Engine::Sqlite => Store::open_sqlite(&self.path()).unwrap(),
            Engine::Postgres => Store::open_postgres(&self.url(), false).await.unwrap(),
        }
    }

    /// The SQLite file.
    ///
    /// # Panics
    /// On PostgreSQL.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        match &self.place {
            Place::Sqlite { directory } => directory.join("xanpay.db"),
            Place::Postgres { .. } => panic!("a PostgreSQL database has no path"),
        }
    }

    /// The URL of the PostgreSQL database.
    ///
    /// # Panics
    /// On SQLite.
    #[must_use]
    pub fn url(&self) -> String {
        match &self.place {
            Place::Sqlite { .. } => panic!("a SQLite database has no URL"),
            Place::Postgres { server, name } => {
                let (host, _) = server.rsplit_once('/').expect("the server's URL ends in a database");
                format!("{host}/{name}")
            }
        }
    }

    /// Runs one statement beside the store; how many rows it has changed, or why it was refused.
    ///
    /// # Errors
    /// The database's words.
    pub async fn execute(&self, sql: &str) -> Result<u64, String> {
        match self.engine() {
            Engine::Sqlite => {
                let connection = rusqlite::Connection::open(self.path()).unwrap();
                connection.pragma_update(None, "foreign_keys", true).unwrap();
                connection.execute(sql, []).map(|changed| changed as u64).map_err(|error| error.to_string())
            }
            Engine::Postgres => self.client().await.execute(sql, &[]).await.map_err(|error| format!("{error:?}")),
        }
    }

    /// Runs one statement that no rule of the tables' triggers refuses: how damage comes about that they cannot prevent.
    ///
    /// # Errors
    /// The database's words.
    pub async fn damage(&self, sql: &str) -> Result<u64, String> {
        match self.engine() {
            Engine::Sqlite => {
                let mut connection = rusqlite::Connection::open(self.path()).unwrap();
                damage_sqlite(&mut connection, sql).map_err(|error| error.to_string())
            }
            Engine::Postgres => {
                let client = self.client().await;
                client.batch_execute("SET session_replication_role = replica").await.unwrap();
                client.execute(sql, &[]).await.map_err(|error| format!("{error:?}"))
            }
        }
    }

    /// A connection for statements of the test's own.
    ///
    /// # Panics
    /// On SQLite.
    pub async fn client(&self) -> Client {
        self.client_with("").await
    }

    /// The same, which starts with options of the server such as `-c jit=off`.
    ///
    /// # Panics
    /// On SQLite.
    pub async fn client_with(&self, options: &str) -> Client {
        let mut config: Config = self.url().parse().unwrap();
        let (client, connection) = config.options(options).connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        match &self.place {
            Place::Sqlite { directory } => drop(std::fs::remove_dir_all(directory)),
            Place::Postgres { server, name } => {
                let (server, drop_it) = (server.clone(), format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
                // A runtime cannot be entered twice, and the test's own may be on its way out.
                let thread = std::thread::spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                    // The server may be gone, on purpose.
                    let _ = runtime.block_on(administer(&server, &drop_it));
                });
                let _ = thread.join();
            }
        }
    }
}

/// Runs a statement while the triggers are away.
fn damage_sqlite(connection: &mut rusqlite::Connection, sql: &str) -> rusqlite::Result<u64> {
    let damage = connection.transaction()?;
    let triggers: Vec<[String; 2]> = damage
        .prepare("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")?
        .query_map([], |row| Ok([row.get(0)?, row.get(1)?]))?
        .collect::<Result<_, _>>()?;
    for [name, _] in &triggers {
        damage.execute_batch(&format!("DROP TRIGGER {name}"))?;
    }
    let changed = damage.execute(sql, [])?;
    for [_, text] in &triggers {
        damage.execute_batch(text)?;
    }
    damage.commit()?;
    Ok(changed as u64)
}

/// One empty database of each kind.
pub async fn databases() -> [Database; 2] {
    [Database::sqlite(), Database::postgres().await]
}

/// Runs a test on an empty database of each kind, one after the other, and says which one it was on.
pub async fn on_both_databases(test: impl AsyncFn(&Database)) {
    for database in databases().await {
        #[expect(clippy::print_stderr, reason = "it is read when the test fails")]
        {
            eprintln!("on {:?}", database.engine());
        }
        test(&database).await;
    }
}

async fn connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn administer(server: &str, statement: &str) -> Result<(), tokio_postgres::Error> {
    let client = connect(server).await?;
    // A test may have left the server waiting for a standby that does not exist.
    client.batch_execute("SET synchronous_commit = off").await?;
    client.batch_execute(statement).await
}

fn unique_name(prefix: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    // Process ids come again, and a killed test leaves its database behind: the hasher's random
    // keys do not repeat.
    let noise = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), count);
    format!("{prefix}_{}_{count}_{noise:016x}", std::process::id())
}

/// A path for a directory of one test.
pub(crate) fn unique_directory(prefix: &str) -> PathBuf {
    Path::new(&std::env::temp_dir()).join(unique_name(&format!("xanpay-{prefix}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_dropped_database_leaves_nothing_behind() {
        for database in databases().await {
            database.open().await.close();
            match &database.place {
                Place::Sqlite { directory } => {
                    let directory = directory.clone();
                    assert!(directory.join("xanpay.db").exists());
                    drop(database);
                    assert!(!directory.exists());
                }
                Place::Postgres { .. } => {
                    let url = database.url();
                    drop(database);
                    assert!(connect(&url).await.is_err());
                }
            }
        }
    }
}
