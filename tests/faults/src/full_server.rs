//! A PostgreSQL server without room for its tables: what it refuses is answered with 503, and what was answered with
//! success is there when there is room again.

use crate::Lab;
use crate::disk::{Disk, Fault};
use crate::gateway::{Engine, Gateway, Program};
use crate::ledger::Ledger;
use crate::load::{Load, Told};
use crate::report::Row;
use crate::scratch::Scratch;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::process::Command;

/// Starts and stops clusters.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../postgres");
/// How long clients ask until the tables must grow.
const PATIENCE: Duration = Duration::from_secs(20);
/// Answers that they wait for at a time.
const ANSWERS: usize = 200;

/// A cluster of the test's own, on a disk that can fill up.
struct Cluster {
    folder: PathBuf,
    disk: Disk,
    engine: Engine,
    _scratch: Scratch,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = std::process::Command::new(SCRIPT).arg("stop").arg(&self.folder).output();
    }
}

impl Cluster {
    async fn start(lab: &Lab) -> Result<Self, String> {
        let scratch = Scratch::new()?;
        // The server opens its files by names within its own folder.
        let disk = Disk::new(&lab.library, &scratch, "server", Path::new("base"))?;
        let folder = scratch.join("cluster");
        let started = Command::new(SCRIPT).arg("start").arg(&folder).envs(disk.environment()).output().await;
        let started = started.map_err(|error| error.to_string())?;
        if !started.status.success() {
            return Err(String::from_utf8_lossy(&started.stderr).into_owned());
        }
        let engine = Engine::Postgres(String::from_utf8_lossy(&started.stdout).trim().to_owned());
        Ok(Self { folder, disk, engine, _scratch: scratch })
    }
}

/// Tries the sound binary and then one that does not listen to the server.
pub async fn check(lab: &Lab) -> Result<Row, String> {
    let cluster = Cluster::start(lab).await?;
    let (answered, refused, broken) = fill(lab, &cluster, &lab.sound()).await?;
    let mut row =
        Row::new("full disk", &cluster.engine, format!("{answered} answers, {refused} refusals without room"));
    row.broken = broken;
    let (_, _, broken) = fill(lab, &cluster, &lab.planted("deaf")).await?;
    row.control("deaf", !broken.is_empty());
    Ok(row)
}

async fn fill(lab: &Lab, cluster: &Cluster, program: &Program) -> Result<(usize, usize, Vec<String>), String> {
    let gateway = Arc::new(Gateway::prepare(&cluster.engine, program, &lab.server).await?);
    let mut running = gateway.start().await?;
    let numbers = Arc::default();
    let ask = async || {
        let load = Load::begin(&gateway, &running.address, lab.clients, &numbers);
        load.warm(ANSWERS).await;
        load.end().await
    };
    let mut told = ask().await;
    cluster.disk.arm(Fault::Full, 1)?;
    let deadline = Instant::now() + PATIENCE;
    while told.refusals.is_empty() && cluster.disk.hits() < 20 && Instant::now() < deadline {
        told = joined(told, ask().await);
    }
    let hits = cluster.disk.hits();
    cluster.disk.mend()?;
    let mut broken = Vec::new();
    if hits == 0 || told.refusals.is_empty() {
        broken.push(format!("{hits} writes found no room and {} requests were refused", told.refusals.len()));
    }
    if let Some(other) = told.refusals.iter().find(|answer| answer.status != 503) {
        broken.push(format!("without room the answer was {} {}", other.status, other.body));
    }
    let refused = told.refusals.len();
    let mended = ask().await;
    if mended.answered() == 0 || !mended.refusals.is_empty() {
        broken.push(format!("with room again: {} successes, {:?}", mended.answered(), mended.refusals.first()));
    }
    let ledger = Ledger { stories: joined(told, mended).stories };
    broken.extend(ledger.look(0, &gateway, &running.address).await?.into_iter().map(|finding| finding.text));
    running.kill().await?;
    gateway.remove().await?;
    Ok((ledger.answered(), refused, broken))
}

fn joined(mut told: Told, more: Told) -> Told {
    told.stories.extend(more.stories);
    told.refusals.extend(more.refusals);
    told
}
