//! The gateway's program: its commands, and the server as a child process.

use crate::Failure;
use crate::connection::Connection;
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// Where a gateway keeps its data.
#[derive(Debug, Clone)]
pub(crate) enum Storage {
    /// A directory with the embedded database.
    Directory(PathBuf),
    /// A PostgreSQL database and the file with the master key.
    Postgres { url: String, key: PathBuf },
}

/// The program file.
#[derive(Debug, Clone)]
pub(crate) struct Program(PathBuf);

impl Program {
    /// The one that was named, or the one beside this program.
    pub(crate) fn find(named: Option<&Path>) -> Result<Self, Failure> {
        let path = match named {
            Some(path) => path.to_owned(),
            None => std::env::current_exe()?.with_file_name("xanpay"),
        };
        if !path.is_file() {
            let hint = "build it with `cargo build --release -p xanpay-server` or name it with --server";
            return Err(format!("there is no {}; {hint}", path.display()).into());
        }
        Ok(Self(path))
    }

    fn command(&self, storage: &Storage, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.0);
        command.args(arguments);
        for name in ["XANPAY_DATA", "XANPAY_DATABASE_URL", "XANPAY_CONFIG", "XANPAY_MASTER_KEY_FILE"] {
            command.env_remove(name);
        }
        match storage {
            Storage::Directory(directory) => command.arg("--data").arg(directory),
            Storage::Postgres { url, key } => command.args(["--database-url", url]).arg("--master-key-file").arg(key),
        };
        command
    }

    /// Runs a command and returns what it prints.
    pub(crate) fn run(&self, storage: &Storage, arguments: &[&str]) -> Result<Value, Failure> {
        let output = self.command(storage, arguments).arg("--json").output()?;
        if !output.status.success() {
            let reason = String::from_utf8_lossy(&output.stderr);
            return Err(format!("xanpay {}: {}", arguments.join(" "), reason.trim()).into());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Starts the server and waits until it answers. Its log goes to a file.
    pub(crate) async fn serve(&self, storage: &Storage, log: &Path) -> Result<Server, Failure> {
        let begun = Instant::now();
        let mut command = self.command(storage, &["serve", "--listen", "127.0.0.1:0"]);
        let log_file = File::options().create(true).append(true).open(log)?;
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log_file).spawn()?;
        let mut output = BufReader::new(child.stdout.take().ok_or("the server has no output")?);
        let mut line = String::new();
        output.read_line(&mut line)?;
        let Some(address) = line.trim().strip_prefix("listening on http://").and_then(|text| text.parse().ok()) else {
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("the server did not start; see {}", log.display()).into());
        };
        let mut server = Server { child, address, started: Duration::ZERO, _output: output };
        let mut connection = Connection::open(address).await?;
        let request = format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\n\r\n");
        let status = connection.exchange(request.as_bytes()).await?.status;
        if status != 200 {
            return Err(format!("/healthz answered {status}").into());
        }
        server.started = begun.elapsed();
        Ok(server)
    }
}

/// A running server, ended when it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// From its start to its first answer.
    pub(crate) started: Duration,
    /// Kept open: a server that cannot write must not end for that.
    _output: BufReader<ChildStdout>,
}

impl Server {
    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end and waits until it has.
    pub(crate) fn stop(mut self) -> Result<(), Failure> {
        let asked = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status()?;
        let ended = self.child.wait()?;
        if asked.success() && ended.success() { Ok(()) } else { Err(format!("the server ended with {ended}").into()) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
