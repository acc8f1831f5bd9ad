//! The gateway as a process on a throwaway database.

use crate::client::authorization;
use crate::disk::Disk;
use crate::scratch::{Scratch, unique_name};
use rusqlite::types::ValueRef;
use serde_json::Value;
use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// The receiving account of every test.
pub const ACCOUNT: &str = "+6585867834";
/// How long a start, a command or an end may take.
const PATIENCE: Duration = Duration::from_secs(60);

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

/// A binary, and the fault that it is told to have.
#[derive(Debug, Clone)]
pub struct Program {
    /// The binary.
    pub path: PathBuf,
    /// What `XANPAY_PLANTED` says to a binary that can have faults.
    pub planted: Option<&'static str>,
}

/// A database of a PostgreSQL server.
#[derive(Debug)]
struct Place {
    url: String,
    admin: String,
    name: String,
}

/// A prepared database and the binary to run on it.
#[derive(Debug)]
pub struct Gateway {
    program: Program,
    scratch: Scratch,
    place: Option<Place>,
    disk: Option<Disk>,
    /// The merchant's id.
    pub merchant: String,
    /// The merchant's `Authorization`.
    pub by: String,
    /// The operator's `Authorization`.
    pub operator: String,
}

/// A running gateway.
#[derive(Debug)]
pub struct Running {
    child: Child,
    /// Where it listens.
    pub address: String,
}

impl Gateway {
    /// An empty database that nothing has opened yet.
    pub async fn bare(engine: &Engine, program: &Program) -> Result<Self, String> {
        let scratch = Scratch::new()?;
        let place = match engine {
            Engine::Sqlite => None,
            Engine::Postgres(admin) => {
                let name = unique_name();
                let client = connect(admin).await?;
                client.batch_execute(&format!("CREATE DATABASE {name}")).await.map_err(|error| error.to_string())?;
                let (base, _) = admin.rsplit_once('/').ok_or("the PostgreSQL URL names no database")?;
                Some(Place { url: format!("{base}/{name}"), admin: admin.clone(), name })
            }
        };
        let none = String::new;
        let program = program.clone();
        Ok(Self { program, scratch, place, disk: None, merchant: none(), by: none(), operator: none() })
    }

    /// A database with a merchant, an operator and a receiving account, made by the program in `by`: a command with a
    /// planted fault might end before its own commit.
    pub async fn prepare(engine: &Engine, program: &Program, sound: &Path) -> Result<Self, String> {
        let mut gateway = Self::bare(engine, &Program { path: sound.to_owned(), planted: None }).await?;
        gateway.set_up().await?;
        gateway.program = program.clone();
        Ok(gateway)
    }

    /// An empty SQLite database whose merchant and operator have the same keys.
    pub async fn twin(&self, program: &Program) -> Result<Self, String> {
        let mut twin = Self::bare(&Engine::Sqlite, program).await?;
        twin.merchant.clone_from(&self.merchant);
        twin.by.clone_from(&self.by);
        twin.operator.clone_from(&self.operator);
        Ok(twin)
    }

    /// Makes the merchant, the operator and the receiving account.
    pub async fn set_up(&mut self) -> Result<(), String> {
        let half = |keys: &Value, name: &str| keys[name].as_str().unwrap_or_default().to_owned();
        let merchant =
            self.command(&["merchant", "create", "--name", "F", "--currency", "SGD", "--methods", "paynow"]).await?;
        self.merchant = half(&merchant, "merchantId");
        self.by = authorization(&half(&merchant, "apiKey"), &half(&merchant, "apiSecret"));
        let operator = self.command(&["operator-key", "create"]).await?;
        self.operator = authorization(&half(&operator, "apiKey"), &half(&operator, "apiSecret"));
        self.command(&["account", "add", "--method", "paynow", "--account", ACCOUNT, "--name", "F"]).await?;
        Ok(())
    }

    /// Runs another program from now on.
    pub fn run_with(&mut self, program: &Program) {
        self.program = program.clone();
    }

    /// Where SQLite's files are.
    pub fn data(&self) -> PathBuf {
        self.scratch.join("data")
    }

    /// The folder for things that are not the gateway's.
    pub fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    /// Puts a disk under the gateway that can be told to fail.
    pub fn put_on(&mut self, disk: Disk) {
        self.disk = Some(disk);
    }

    /// A command line on the database.
    pub fn base(&self) -> Command {
        let mut command = Command::new(&self.program.path);
        command.arg("--data").arg(self.data()).kill_on_drop(true).env("XDG_DATA_HOME", self.scratch.path());
        if let Some(place) = &self.place {
            command.arg("--database-url").arg(&place.url);
        }
        if let Some(planted) = self.program.planted {
            command.env("XANPAY_PLANTED", planted);
        }
        if let Some(disk) = &self.disk {
            command.envs(disk.environment());
        }
        command
    }

    /// Runs a command to its end and gives what it says.
    pub async fn command(&self, arguments: &[&str]) -> Result<Value, String> {
        let running = self.base().arg("--json").args(arguments).output();
        let output = tokio::time::timeout(PATIENCE, running).await.map_err(|_| format!("{arguments:?} hangs"))?;
        let output = output.map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(format!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr)));
        }
        serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
    }

    /// Begins to start the gateway.
    pub fn spawn(&self) -> Result<Child, String> {
        let log = std::fs::File::create(self.scratch.join("serve.log")).map_err(|error| error.to_string())?;
        self.base()
            .args(["serve", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(|error| error.to_string())
    }

    /// Starts the gateway and waits until it accepts.
    pub async fn start(&self) -> Result<Running, String> {
        let mut child = self.spawn()?;
        let stdout = child.stdout.take().ok_or("no output")?;
        let mut lines = BufReader::new(stdout).lines();
        let said = async {
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some(address) = line.strip_prefix("listening on http://") {
                    return Some(address.trim().to_owned());
                }
            }
            None
        };
        if let Ok(Some(address)) = tokio::time::timeout(PATIENCE, said).await {
            return Ok(Running { child, address });
        }
        let log = std::fs::read_to_string(self.scratch.join("serve.log")).unwrap_or_default();
        Err(format!("the gateway did not start: {}", log.lines().last().unwrap_or_default()))
    }

    /// What a query finds, every column as text.
    pub async fn query(&self, text: &str) -> Result<Vec<Vec<String>>, String> {
        if let Some(place) = &self.place {
            let client = connect(&place.url).await?;
            let messages = client.simple_query(text).await.map_err(|error| format!("{text}: {error:?}"))?;
            let cells = |row: &tokio_postgres::SimpleQueryRow| {
                (0..row.len()).map(|column| row.get(column).unwrap_or_default().to_owned()).collect()
            };
            let mut rows = Vec::new();
            for message in &messages {
                if let tokio_postgres::SimpleQueryMessage::Row(row) = message {
                    rows.push(cells(row));
                }
            }
            return Ok(rows);
        }
        let database = self.sqlite()?;
        let said = |error: rusqlite::Error| format!("{text}: {error}");
        let mut statement = database.prepare(text).map_err(said)?;
        let columns = statement.column_count();
        let cell = |row: &rusqlite::Row<'_>, column| {
            Ok(match row.get_ref(column)? {
                ValueRef::Integer(number) => number.to_string(),
                ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => String::new(),
            })
        };
        let rows = statement.query_map([], |row| (0..columns).map(|column| cell(row, column)).collect());
        rows.map_err(said)?.collect::<Result<_, _>>().map_err(said)
    }

    /// Changes the database behind the gateway's back, whatever its foreign keys and its triggers say.
    pub async fn tamper(&self, statements: &str) -> Result<(), String> {
        if let Some(place) = &self.place {
            let client = connect(&place.url).await?;
            let all = format!("SET session_replication_role = replica; {statements}");
            return client.batch_execute(&all).await.map_err(|error| format!("{statements}: {error:?}"));
        }
        let database = self.sqlite()?;
        let said = |error: rusqlite::Error| format!("{statements}: {error}");
        let rules = "SELECT COALESCE(group_concat('DROP TRIGGER ' || name, '; '), '') FROM sqlite_master WHERE type = 'trigger'";
        let without: String = database.query_row(rules, [], |row| row.get(0)).map_err(said)?;
        let all = format!("PRAGMA foreign_keys = OFF; {without}; {statements}");
        database.execute_batch(&all).map_err(said)
    }

    fn sqlite(&self) -> Result<rusqlite::Connection, String> {
        let database = rusqlite::Connection::open(self.data().join("xanpay.db")).map_err(|error| error.to_string())?;
        // The last connection to close would checkpoint the log, and no start would ever have to.
        let keep = rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
        database.set_db_config(keep, true).map_err(|error| error.to_string())?;
        Ok(database)
    }

    /// Removes the database.
    pub async fn remove(&self) -> Result<(), String> {
        if let Some(place) = &self.place {
            let client = connect(&place.admin).await?;
            let drop = format!("DROP DATABASE {} WITH (FORCE)", place.name);
            client.batch_execute(&drop).await.map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

impl Running {
    /// SIGKILL.
    pub async fn kill(&mut self) -> Result<(), String> {
        self.child.kill().await.map_err(|error| error.to_string())
    }

    /// SIGTERM.
    pub async fn terminate(&self) -> Result<(), String> {
        let Some(id) = self.child.id() else { return Ok(()) };
        let told = Command::new("kill").arg("-TERM").arg(id.to_string()).output().await;
        told.map(drop).map_err(|error| error.to_string())
    }

    /// Waits for its end; nothing when it does not come in time.
    pub async fn ended_within(&mut self, wait: Duration) -> Option<ExitStatus> {
        tokio::time::timeout(wait, self.child.wait()).await.ok()?.ok()
    }
}

/// Whether the process ended itself with SIGABRT, as it must when its disk is not to be trusted.
pub fn gave_up(status: ExitStatus) -> bool {
    const SIGABRT: i32 = 6;
    status.signal() == Some(SIGABRT)
}

/// A connection to a PostgreSQL database.
pub async fn connect(url: &str) -> Result<tokio_postgres::Client, String> {
    let (client, connection) =
        tokio_postgres::connect(url, tokio_postgres::NoTls).await.map_err(|error| error.to_string())?;
    tokio::spawn(connection);
    Ok(client)
}
