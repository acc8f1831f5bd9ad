//! The gateway as a process on a throwaway database.

use crate::client::Key;
use serde_json::Value;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// Which database.
#[derive(Debug, Clone)]
pub enum Engine {
    /// Embedded.
    Sqlite,
    /// A server, by the URL of its maintenance database.
    Postgres(String),
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres(_) => "PostgreSQL",
        })
    }
}

/// A prepared database and the binary to run on it.
pub struct Gateway {
    server: PathBuf,
    /// Sets the database up: a command with the planted fault would end before its own commit.
    sound: PathBuf,
    folder: PathBuf,
    /// URL of the throwaway database and of the server that it is on.
    postgres: Option<(String, String, String)>,
    /// A merchant's key.
    pub key: Key,
}

/// A running gateway.
pub struct Running {
    child: Child,
    /// Where it listens.
    pub address: String,
}

/// Charges and sessions in the database.
pub struct Rows {
    /// Charges.
    pub charges: usize,
    /// Sessions.
    pub sessions: usize,
}

impl Gateway {
    /// Makes a database with a merchant and a receiving account.
    pub async fn prepare(engine: &Engine, server: &Path, sound: &Path) -> Result<Self, String> {
        let unique = format!("xanpay_crash_{}_{:x}", std::process::id(), server.as_os_str().len() as u64 + next());
        let folder = std::env::temp_dir().join(&unique);
        std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        let postgres = match engine {
            Engine::Sqlite => None,
            Engine::Postgres(url) => {
                let admin = connect(url).await?;
                admin.batch_execute(&format!("CREATE DATABASE {unique}")).await.map_err(|error| error.to_string())?;
                let (base, _) = url.rsplit_once('/').ok_or("the PostgreSQL URL names no database")?;
                Some((format!("{base}/{unique}"), url.clone(), unique))
            }
        };
        let mut gateway =
            Self { server: server.to_owned(), sound: sound.to_owned(), folder, postgres, key: Key::new("", "") };
        let merchant = gateway
            .command(&["merchant", "create", "--name", "Crash", "--currency", "SGD", "--methods", "paynow"])
            .await?;
        let half = |name: &str| merchant[name].as_str().unwrap_or_default().to_owned();
        gateway.key = Key::new(&half("apiKey"), &half("apiSecret"));
        gateway
            .command(&["account", "add", "--method", "paynow", "--account", "+6585867834", "--name", "Crash"])
            .await?;
        Ok(gateway)
    }

    fn base(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.arg("--data").arg(&self.folder).kill_on_drop(true).env("XDG_DATA_HOME", &self.folder);
        if let Some((url, _, _)) = &self.postgres {
            command.arg("--database-url").arg(url);
        }
        command
    }

    async fn command(&self, arguments: &[&str]) -> Result<Value, String> {
        let output =
            self.base(&self.sound).arg("--json").args(arguments).output().await.map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(format!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr)));
        }
        serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
    }

    /// Starts the gateway and waits until it accepts.
    pub async fn start(&self) -> Result<Running, String> {
        let mut child = self
            .base(&self.server)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| error.to_string())?;
        let stdout = child.stdout.take().ok_or("no output")?;
        let mut lines = BufReader::new(stdout).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if let Some(address) = line.strip_prefix("listening on http://") {
                return Ok(Running { child, address: address.trim().to_owned() });
            }
        }
        Err("the gateway did not start".to_owned())
    }

    /// Counts what is stored.
    pub async fn count_rows(&self) -> Result<Rows, String> {
        let text = |error: &dyn fmt::Display| error.to_string();
        let count = |rows: i64| usize::try_from(rows).unwrap_or(0);
        if let Some((url, _, _)) = &self.postgres {
            let client = connect(url).await?;
            let charges = client.query_one("SELECT COUNT(*) FROM charges", &[]).await.map_err(|error| text(&error))?;
            let sessions =
                client.query_one("SELECT COUNT(*) FROM sessions", &[]).await.map_err(|error| text(&error))?;
            return Ok(Rows { charges: count(charges.get(0)), sessions: count(sessions.get(0)) });
        }
        let database = rusqlite::Connection::open(self.folder.join("xanpay.db")).map_err(|error| text(&error))?;
        let rows =
            |table: &str| database.query_row(&format!("SELECT COUNT(*) FROM {table}"), [], |row| row.get::<_, i64>(0));
        let charges = rows("charges").map_err(|error| text(&error))?;
        let sessions = rows("sessions").map_err(|error| text(&error))?;
        Ok(Rows { charges: count(charges), sessions: count(sessions) })
    }

    /// Removes the database.
    pub async fn remove(self) -> Result<(), String> {
        if let Some((_, admin, name)) = &self.postgres {
            let client = connect(admin).await?;
            client
                .batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)"))
                .await
                .map_err(|error| error.to_string())?;
        }
        std::fs::remove_dir_all(&self.folder).map_err(|error| error.to_string())
    }
}

impl Running {
    /// SIGKILL.
    pub async fn kill(&mut self) -> Result<(), String> {
        self.child.kill().await.map_err(|error| error.to_string())
    }
}

async fn connect(url: &str) -> Result<tokio_postgres::Client, String> {
    let (client, connection) =
        tokio_postgres::connect(url, tokio_postgres::NoTls).await.map_err(|error| error.to_string())?;
    tokio::spawn(connection);
    Ok(client)
}

/// A number that is new in this process.
fn next() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1000, Ordering::Relaxed)
}
