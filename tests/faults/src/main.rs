//! Faults from outside: SIGKILL, failing disks, power cuts, many customers at once. `docs/durability.md` says what is
//! promised; this program tries to prove it wrong, on real processes and real databases.
//!
//! Every check is run on a sound binary, where nothing may be found, and on planted faults, each of which must be found,
//! or the check proves nothing.

mod bad_disk;
mod checkout;
mod client;
mod dice;
mod disk;
mod full_server;
mod gateway;
mod image;
mod kill;
mod ledger;
mod load;
mod power;
mod receiver;
mod report;
mod scratch;
mod story;
mod tamper;
mod upgrade;

use clap::{Parser, ValueEnum};
use disk::Library;
use gateway::{Engine, Program};
use report::{Row, table};
use scratch::Scratch;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// Kills the gateway, its disk and its power under load and counts what is lost or doubled.
#[derive(Parser)]
struct Options {
    /// The gateway's binary
    #[arg(long)]
    server: PathBuf,
    /// A binary with the feature `planted-faults`, whose faults must be found
    #[arg(long)]
    planted: PathBuf,
    /// URL of a throwaway PostgreSQL server; without it only SQLite is tried
    #[arg(long)]
    postgres: Option<String>,
    /// Kills per database; the other checks follow
    #[arg(long, default_value_t = 50)]
    rounds: u32,
    /// Clients at once
    #[arg(long, default_value_t = 16)]
    clients: usize,
    /// Where the random moments start from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only these checks
    #[arg(long, value_delimiter = ',')]
    only: Vec<Check>,
}

/// The checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Check {
    /// SIGKILL under load
    Kill,
    /// Writes and syncs that fail, disks that fill up
    Disk,
    /// What a power cut leaves
    Power,
    /// Many customers of one session
    Checkout,
    /// SIGKILL while the schema is made
    Upgrade,
}

/// What every check works with.
struct Lab {
    server: PathBuf,
    planted: PathBuf,
    library: Library,
    rounds: u32,
    clients: usize,
    seed: u64,
}

impl Lab {
    /// The binary as it is released.
    fn sound(&self) -> Program {
        Program { path: self.server.clone(), planted: None }
    }

    /// The binary with a planted fault.
    fn planted(&self, fault: &'static str) -> Program {
        Program { path: self.planted.clone(), planted: Some(fault) }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    // Whatever ends the run, what it started is stopped and removed: by leaving this function.
    let done = tokio::select! {
        done = run(&options) => done,
        end = told_to_end() => end,
    };
    match done {
        Ok(rows) => {
            say(&table(&rows));
            if rows.iter().all(Row::is_good) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            say(&format!("the fault tests could not run: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Resolves at SIGINT or SIGTERM.
async fn told_to_end() -> Result<Vec<Row>, String> {
    let listen = |kind| signal(kind).map_err(|error| error.to_string());
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Err("they were told to end".to_owned())
}

#[expect(clippy::print_stdout, reason = "a command line tool")]
fn say(text: &str) {
    println!("{}", text.trim_end());
}

async fn run(options: &Options) -> Result<Vec<Row>, String> {
    let scratch = Scratch::new()?;
    let lab = Lab {
        server: options.server.clone(),
        planted: options.planted.clone(),
        library: Library::build(&scratch).await?,
        rounds: options.rounds.max(1),
        clients: options.clients,
        seed: options.seed,
    };
    let wanted = |check: Check| options.only.is_empty() || options.only.contains(&check);
    let mut engines = vec![Engine::Sqlite];
    engines.extend(options.postgres.clone().map(Engine::Postgres));
    let mut rows = Vec::new();
    for engine in &engines {
        let is_sqlite = matches!(engine, Engine::Sqlite);
        if wanted(Check::Kill) {
            rows.push(kill::check(&lab, engine).await?);
        }
        if wanted(Check::Checkout) {
            rows.push(checkout::check(&lab, engine).await?);
        }
        if wanted(Check::Upgrade) {
            rows.push(upgrade::check(&lab, engine).await?);
        }
        if wanted(Check::Disk) {
            rows.push(if is_sqlite { bad_disk::check(&lab).await? } else { full_server::check(&lab).await? });
        }
        if wanted(Check::Power) && is_sqlite {
            rows.push(power::check(&lab).await?);
        }
    }
    Ok(rows)
}
