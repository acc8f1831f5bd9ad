//! Kills the gateway at random under load and counts what is lost or doubled.
//!
//! Clients create charges and sessions and cancel some charges, each under an idempotency key, and note every answer. The
//! process is killed with SIGKILL at a random moment and started again. Then everything that was answered must read back
//! with at least the answered state, everything that was not answered is asked again under its key, and the database must
//! hold exactly one row per key. With `--planted` the same is done with a binary that answers before it commits: that
//! run must be caught, or the test proves nothing.

mod client;
mod gateway;
mod load;

use clap::Parser;
use gateway::{Engine, Gateway};
use load::Ledger;
use std::path::PathBuf;
use std::process::ExitCode;

/// Kills the gateway under load and counts what is lost or doubled.
#[derive(Parser)]
struct Options {
    /// The gateway's binary.
    #[arg(long)]
    server: PathBuf,
    /// A binary with a planted fault, which must be caught.
    #[arg(long)]
    planted: Option<PathBuf>,
    /// URL of a throwaway PostgreSQL server; without it only SQLite is tried.
    #[arg(long)]
    postgres: Option<String>,
    /// Kills per database.
    #[arg(long, default_value_t = 50)]
    rounds: u32,
    /// Clients at once.
    #[arg(long, default_value_t = 16)]
    clients: usize,
    /// Where the random moments start from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// What a run found.
struct Verdict {
    answered: usize,
    lost: Vec<String>,
    doubled: Vec<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("crash test could not run: {error}"));
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "a command line tool")]
fn say(line: &str) {
    println!("{line}");
}

async fn run(options: &Options) -> Result<bool, String> {
    let mut engines = vec![Engine::Sqlite];
    engines.extend(options.postgres.clone().map(Engine::Postgres));
    let mut good = true;
    for engine in &engines {
        let verdict = try_out(options, engine, &options.server, options.rounds).await?;
        say(&format!(
            "{engine}: {} kills, {} requests answered, {} lost, {} doubled",
            options.rounds,
            verdict.answered,
            verdict.lost.len(),
            verdict.doubled.len()
        ));
        for fault in verdict.lost.iter().chain(&verdict.doubled).take(10) {
            say(&format!("  {fault}"));
        }
        good &= verdict.lost.is_empty() && verdict.doubled.is_empty() && verdict.answered > 0;
    }
    if let Some(planted) = &options.planted {
        for engine in &engines {
            let mut caught = false;
            for _ in 0..5 {
                let verdict = try_out(options, engine, planted, 3).await?;
                caught = !verdict.lost.is_empty();
                if caught {
                    break;
                }
            }
            say(&format!(
                "{engine}: planted fault (answering before the commit) {}",
                if caught { "caught" } else { "NOT CAUGHT" }
            ));
            good &= caught;
        }
    }
    Ok(good)
}

async fn try_out(options: &Options, engine: &Engine, server: &std::path::Path, rounds: u32) -> Result<Verdict, String> {
    let gateway = Gateway::prepare(engine, server, &options.server).await?;
    let mut ledger = Ledger::default();
    let mut dice = options.seed;
    for _ in 0..rounds {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let until_kill = std::time::Duration::from_millis(100 + (dice >> 33) % 500);
        let mut running = gateway.start().await?;
        let noted = load::run(&mut running, &gateway.key, options.clients, until_kill, &mut ledger.next_number).await;
        ledger.note(noted);
        let mut running = gateway.start().await?;
        ledger.settle(&running, &gateway.key).await?;
        running.kill().await?;
    }
    let mut running = gateway.start().await?;
    let lost = ledger.missing(&running, &gateway.key).await?;
    running.kill().await?;
    let rows = gateway.count_rows().await?;
    let doubled = ledger.doubled(rows);
    gateway.remove().await?;
    Ok(Verdict { answered: ledger.answered(), lost, doubled })
}
