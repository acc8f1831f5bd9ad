//! Databases of one engine: empty ones, copies, and what is in them.

use crate::Failure;
use crate::cluster::Cluster;
use crate::options::Kind;
use crate::program::Storage;
use crate::rows::{Cell, Row, Table};
use std::path::{Path, PathBuf};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, NoTls};

/// Where the databases of an engine are made.
#[derive(Debug)]
pub(crate) struct Databases {
    directory: PathBuf,
    cluster: Option<Cluster>,
}

/// One database, nobody's while the gateway does not run on it.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    /// How the gateway finds it.
    pub(crate) storage: Storage,
    name: String,
}

impl Databases {
    /// Prepares an engine in a directory of its own.
    pub(crate) fn prepare(kind: Kind, directory: &Path) -> Result<Self, Failure> {
        std::fs::create_dir_all(directory)?;
        let cluster = match kind {
            Kind::Sqlite => None,
            Kind::Postgres => Some(Cluster::start(&directory.join("cluster"))?),
        };
        Ok(Self { directory: directory.to_owned(), cluster })
    }

    /// The gateway's log.
    pub(crate) fn log(&self) -> PathBuf {
        self.directory.join("server.log")
    }

    fn storage(&self, name: &str) -> Storage {
        match &self.cluster {
            None => Storage::Directory(self.directory.join(name)),
            Some(cluster) => {
                let server = cluster.url.rsplit_once('/').map_or(cluster.url.as_str(), |(server, _)| server);
                Storage::Postgres { url: format!("{server}/{name}"), key: self.directory.join("master.key") }
            }
        }
    }

    /// An empty database.
    pub(crate) async fn empty(&self, name: &str) -> Result<Database, Failure> {
        if let Some(cluster) = &self.cluster {
            connect(&cluster.url).await?.batch_execute(&format!("CREATE DATABASE {name}")).await?;
        }
        Ok(Database { storage: self.storage(name), name: name.to_owned() })
    }

    /// A copy, on the disk before it is handed out, in place of an earlier one of that name.
    pub(crate) async fn copy(&self, original: &Database, name: &str) -> Result<Database, Failure> {
        let copy = Database { storage: self.storage(name), name: name.to_owned() };
        self.remove(&copy).await?;
        match (&original.storage, &copy.storage) {
            (Storage::Directory(from), Storage::Directory(to)) => {
                std::fs::create_dir(to)?;
                for file in std::fs::read_dir(from)? {
                    let file = file?;
                    let target = to.join(file.file_name());
                    std::fs::copy(file.path(), &target)?;
                    std::fs::File::open(&target)?.sync_all()?;
                }
            }
            (Storage::Directory(_) | Storage::Postgres { .. }, _) => {
                let client = self.server().await?;
                client.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {}", original.name)).await?;
                // Both contenders begin at the same distance from the last checkpoint.
                client.batch_execute("CHECKPOINT").await?;
            }
        }
        Ok(copy)
    }

    /// Removes a database, if it is there.
    pub(crate) async fn remove(&self, database: &Database) -> Result<(), Failure> {
        match &database.storage {
            Storage::Directory(directory) if directory.exists() => Ok(std::fs::remove_dir_all(directory)?),
            Storage::Directory(_) => Ok(()),
            Storage::Postgres { .. } => {
                let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", database.name);
                Ok(self.server().await?.batch_execute(&drop).await?)
            }
        }
    }

    async fn server(&self) -> Result<Client, Failure> {
        let cluster = self.cluster.as_ref().ok_or("this engine has no server")?;
        connect(&cluster.url).await
    }
}

/// Connects and drives the connection on the current runtime.
pub(crate) async fn connect(url: &str) -> Result<Client, Failure> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(async move {
        // Its errors reach whoever waits for an answer.
        let _ = connection.await;
    });
    Ok(client)
}

/// The file of an embedded database.
pub(crate) fn file(directory: &Path) -> PathBuf {
    directory.join("xanpay.db")
}

impl Database {
    /// The first column of a query.
    pub(crate) async fn texts(&self, query: &str) -> Result<Vec<String>, Failure> {
        match &self.storage {
            Storage::Directory(directory) => {
                let connection = rusqlite::Connection::open(file(directory))?;
                let mut statement = connection.prepare(query)?;
                let texts = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
                Ok(texts)
            }
            Storage::Postgres { url, .. } => {
                let rows = connect(url).await?.query(query, &[]).await?;
                Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
            }
        }
    }

    /// Every row of a table that stands for what the gateway writes: one per client.
    pub(crate) async fn models(&self, table: Table) -> Result<Vec<Row>, Failure> {
        let condition = match table {
            Table::Charges => "session_id IS NULL",
            Table::Sessions => "status = 'created'",
        };
        let query = format!("SELECT * FROM {} WHERE {condition}", table.name());
        match &self.storage {
            Storage::Directory(directory) => sqlite_rows(directory, &query),
            Storage::Postgres { url, .. } => postgres_rows(&connect(url).await?, &query).await,
        }
    }
}

fn sqlite_rows(directory: &Path, query: &str) -> Result<Vec<Row>, Failure> {
    let connection = rusqlite::Connection::open(file(directory))?;
    let mut statement = connection.prepare(query)?;
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut found = Vec::new();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let cell = |index: usize| -> Result<Cell, Failure> {
            Ok(match row.get::<_, rusqlite::types::Value>(index)? {
                rusqlite::types::Value::Null => Cell::Null,
                rusqlite::types::Value::Integer(value) => Cell::Int(value),
                rusqlite::types::Value::Text(text) => Cell::Text(text),
                rusqlite::types::Value::Blob(bytes) => Cell::Blob(bytes),
                rusqlite::types::Value::Real(_) => return Err("a column holds a binary fraction".into()),
            })
        };
        let cells = names.iter().enumerate().map(|(index, name)| Ok((name.clone(), cell(index)?)));
        found.push(cells.collect::<Result<Row, Failure>>()?);
    }
    Ok(found)
}

async fn postgres_rows(client: &Client, query: &str) -> Result<Vec<Row>, Failure> {
    let mut found = Vec::new();
    for row in client.query(query, &[]).await? {
        let cell = |index: usize, ty: &Type| -> Result<Cell, Failure> {
            Ok(match *ty {
                Type::INT8 => row.try_get::<_, Option<i64>>(index)?.map_or(Cell::Null, Cell::Int),
                Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(index)?.map_or(Cell::Null, Cell::Blob),
                _ => row.try_get::<_, Option<String>>(index)?.map_or(Cell::Null, Cell::Text),
            })
        };
        let columns = row.columns().iter().enumerate();
        let cells = columns.map(|(index, column)| Ok((column.name().to_owned(), cell(index, column.type_())?)));
        found.push(cells.collect::<Result<Row, Failure>>()?);
    }
    Ok(found)
}
