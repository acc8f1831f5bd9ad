//! The command line.

use crate::Failure;
use clap::{Parser, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// Measures the gateway against the bare storage engine, in one run.
#[derive(Debug, Parser)]
#[command(name = "xanpay-bench")]
pub(crate) struct Options {
    /// Print one JSON value instead of the table
    #[arg(long)]
    pub(crate) json: bool,
    /// Which database to measure on
    #[arg(long, value_enum, default_value = "both")]
    engine: Choice,
    /// Length of each measurement
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Pairs of ceiling and gateway, of whose ratios the median counts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=99))]
    rounds: u64,
    /// One second and one round: shows that everything runs, not how fast it is
    #[arg(long)]
    quick: bool,
    /// The gateway's program [default: xanpay beside this one]
    #[arg(long, value_name = "FILE")]
    pub(crate) server: Option<PathBuf>,
    /// Where databases are made; must be on a real disk [default: beside this program]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Choice {
    Sqlite,
    Postgres,
    Both,
}

/// A storage engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The embedded one.
    Sqlite,
    /// The server.
    Postgres,
}

impl Kind {
    /// Its name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// How long and how often.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Length of each measurement.
    pub(crate) measure: Duration,
    /// Load before each measurement, not counted.
    pub(crate) warm: Duration,
    /// Pairs of ceiling and gateway.
    pub(crate) rounds: u64,
    /// Starts of the gateway on an empty store.
    pub(crate) starts: usize,
    /// Deliveries waiting before the drain.
    pub(crate) deliveries: usize,
}

impl Options {
    /// How long and how often.
    pub(crate) fn plan(&self) -> Plan {
        let seconds = if self.quick { 1 } else { self.seconds };
        Plan {
            measure: Duration::from_secs(seconds),
            warm: Duration::from_millis(if self.quick { 200 } else { 1000 }),
            rounds: if self.quick { 1 } else { self.rounds },
            starts: if self.quick { 1 } else { 5 },
            deliveries: if self.quick { 2000 } else { 20_000 },
        }
    }

    /// The engines to measure on.
    pub(crate) fn engines(&self) -> Vec<Kind> {
        match self.engine {
            Choice::Sqlite => vec![Kind::Sqlite],
            Choice::Postgres => vec![Kind::Postgres],
            Choice::Both => vec![Kind::Sqlite, Kind::Postgres],
        }
    }

    /// A new directory for this run's databases.
    pub(crate) fn directory(&self) -> Result<PathBuf, Failure> {
        let base = match &self.dir {
            Some(dir) => dir.clone(),
            None => std::env::current_exe()?.parent().ok_or("this program is nowhere")?.to_owned(),
        };
        let directory = base.join(format!("xanpay-bench-{}", std::process::id()));
        std::fs::create_dir_all(&directory)?;
        Ok(std::fs::canonicalize(directory)?)
    }
}
