//! Measures the gateway in one run: the storage engine alone, then the gateway over HTTP, on the same rows.
//!
//! `README.md` beside this crate says what each figure counts.

mod ceiling_postgres;
mod ceiling_sqlite;
mod clock;
mod cluster;
mod connection;
mod database;
mod disk;
mod engine;
mod load;
mod micro;
mod options;
mod process;
mod program;
mod report;
mod rows;
mod scripts;
mod sink;
mod webhooks;

use clap::Parser;
use options::Options;
use std::io::Write;
use std::process::ExitCode;

/// Whatever ends the run early.
type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options) {
        Ok(text) => match writeln!(std::io::stdout(), "{text}") {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(error) => {
            note(&format!("xanpay-bench: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Tells on standard error what is going on.
fn note(text: &str) {
    // Nobody reading it is no reason to stop.
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn run(options: &Options) -> Result<String, Failure> {
    // One thread makes the load, so that the gateway has the rest of the machine.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(measure(options))?;
    Ok(if options.json { serde_json::to_string(&report.json())? } else { report.table() })
}

async fn measure(options: &Options) -> Result<report::Report, Failure> {
    let program = program::Program::find(options.server.as_deref())?;
    let directory = options.directory()?;
    note("disk");
    let disk = disk::measure(&directory.join("disk"))?;
    let mut report = report::Report { plan: options.plan(), disk, engines: Vec::new(), micro: None };
    for kind in options.engines() {
        note(&format!("{}:", kind.name()));
        let measured = engine::measure(kind, &options.plan(), &program, &directory.join(kind.name())).await;
        report.engines.push(measured?);
    }
    note("single steps");
    report.micro = Some(micro::measure(&directory.join("micro")).await?);
    std::fs::remove_dir_all(&directory)?;
    Ok(report)
}
