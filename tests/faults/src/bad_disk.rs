//! A disk that fails: a write, a sync, or no room. Nothing may be answered with success that is not there afterwards.

use crate::Lab;
use crate::client::Client;
use crate::dice::Dice;
use crate::disk::{Disk, Fault};
use crate::gateway::{Engine, Gateway, Program, Running, gave_up};
use crate::ledger::Ledger;
use crate::load::{Load, Told};
use crate::power;
use crate::report::Row;
use crate::story::get;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

/// How long a fault may take to be met, and the gateway to end or to recover.
const PATIENCE: Duration = Duration::from_secs(10);
/// Attempts at catching a planted fault.
const TRIES: u64 = 3;

/// When the disk fails, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trial {
    WriteUnderLoad,
    SyncUnderLoad,
    FullUnderLoad,
    SyncWhileStarting,
    SyncWhileStopping,
}

const TRIALS: [Trial; 5] = [
    Trial::WriteUnderLoad,
    Trial::SyncUnderLoad,
    Trial::FullUnderLoad,
    Trial::SyncWhileStarting,
    Trial::SyncWhileStopping,
];

/// Tries the sound binary and then one that does not listen to the disk.
pub async fn check(lab: &Lab) -> Result<Row, String> {
    let (mut answered, mut trials, mut broken) = (0, 0, Vec::new());
    for round in 0..u64::from(lab.rounds.div_ceil(2)) {
        for trial in TRIALS {
            let seen = run(lab, &lab.sound(), trial, lab.seed + round).await?;
            answered += seen.answered;
            trials += 1;
            broken.extend(seen.broken.iter().map(|text| format!("{trial:?}: {text}")));
        }
    }
    let measured = format!("{trials} faults (EIO, ENOSPC), {answered} answers");
    let mut row = Row::new("failing disk", &Engine::Sqlite, measured);
    row.broken = broken;
    for trial in TRIALS {
        let mut caught = false;
        for attempt in 0..TRIES {
            caught = caught || !run(lab, &lab.planted("deaf"), trial, lab.seed + attempt).await?.broken.is_empty();
        }
        row.control(&format!("deaf, {trial:?}"), caught);
    }
    Ok(row)
}

struct Seen {
    answered: usize,
    broken: Vec<String>,
}

/// A gateway on a disk that is about to fail.
struct Site<'a> {
    lab: &'a Lab,
    gateway: Arc<Gateway>,
    disk: Disk,
    numbers: Arc<AtomicU64>,
    told: Told,
    broken: Vec<String>,
}

async fn run(lab: &Lab, program: &Program, trial: Trial, seed: u64) -> Result<Seen, String> {
    let mut dice = Dice::new(seed);
    let mut gateway = Gateway::bare(&Engine::Sqlite, &lab.sound()).await?;
    let disk = Disk::new(&lab.library, gateway.scratch(), "disk", &gateway.data())?.with_log(gateway.scratch());
    gateway.put_on(disk.clone());
    gateway.set_up().await?;
    gateway.run_with(program);
    let (told, broken) = (Told::default(), Vec::new());
    let mut site = Site { lab, gateway: Arc::new(gateway), disk, numbers: Arc::default(), told, broken };
    let mut running = site.gateway.start().await?;
    match trial {
        Trial::WriteUnderLoad => site.fail_under_load(&mut running, Fault::WriteFails, &mut dice).await?,
        Trial::SyncUnderLoad => site.fail_under_load(&mut running, Fault::SyncFails, &mut dice).await?,
        Trial::FullUnderLoad => site.fill(&mut running, &mut dice).await?,
        Trial::SyncWhileStarting => site.fail_while_starting(&mut running, &mut dice).await?,
        Trial::SyncWhileStopping => site.fail_while_stopping(&mut running, &mut dice).await?,
    }
    running.kill().await?;
    site.conclude().await
}

impl Site<'_> {
    /// Clients that have begun to be answered, for some time already.
    async fn load(&self, running: &Running, dice: &mut Dice) -> Load {
        let load = Load::begin(&self.gateway, &running.address, self.lab.clients, &self.numbers);
        load.warm(self.lab.clients).await;
        tokio::time::sleep(dice.span(0, 100)).await;
        load
    }

    fn keep(&mut self, told: Told) {
        self.told.stories.extend(told.stories);
        self.told.refusals.extend(told.refusals);
    }

    async fn wait_for_hit(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        while self.disk.hits() == 0 {
            if Instant::now() > deadline {
                return Err("the fault was never met".to_owned());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// Under load one call fails: the process ends, as nobody can say what the disk holds.
    async fn fail_under_load(&mut self, running: &mut Running, fault: Fault, dice: &mut Dice) -> Result<(), String> {
        let load = self.load(running, dice).await;
        self.disk.arm(fault, 1 + u32::try_from(dice.below(60)).unwrap_or(0))?;
        self.wait_for_hit().await?;
        let ended = running.ended_within(Duration::from_millis(500)).await;
        self.keep(load.end().await);
        if !ended.is_some_and(gave_up) {
            self.broken.push(format!("the process went on after {fault:?}: {ended:?}"));
        }
        Ok(())
    }

    /// Under load the disk fills up: writes are refused with 503 until there is room again, and reads go on.
    async fn fill(&mut self, running: &mut Running, dice: &mut Dice) -> Result<(), String> {
        let load = self.load(running, dice).await;
        self.disk.arm(Fault::Full, 1 + u32::try_from(dice.below(60)).unwrap_or(0))?;
        self.wait_for_hit().await?;
        tokio::time::sleep(Duration::from_millis(50)).await;
        self.keep(load.end().await);
        let full = self.load(running, dice).await.end().await;
        if full.answered() > 0 || full.refusals.is_empty() {
            self.broken.push(format!(
                "{} successes and {} refusals without room",
                full.answered(),
                full.refusals.len()
            ));
        }
        self.keep(full);
        if let Some(other) = self.told.refusals.iter().find(|answer| answer.status != 503) {
            self.broken.push(format!("without room the answer was {} {}", other.status, other.body));
        }
        if !self.reads(running).await {
            self.broken.push("reads were refused because there was no room to write".to_owned());
        }
        self.disk.mend()?;
        let mended = self.load(running, dice).await.end().await;
        if mended.answered() == 0 || !mended.refusals.is_empty() {
            let counts = (mended.answered(), mended.refusals.len());
            self.broken.push(format!("with room again there were (successes, refusals) {counts:?}"));
        }
        self.keep(mended);
        Ok(())
    }

    /// Whether something that was stored can be read.
    async fn reads(&self, running: &Running) -> bool {
        let Some(story) = self.told.stories.iter().find(|story| !story.session.is_empty()) else { return false };
        let Some(mut client) = Client::connect(&running.address).await else { return false };
        let answer = get(&mut client, &self.gateway.by, &format!("/sessions/{}", story.session)).await;
        answer.is_some_and(|answer| answer.status == 200)
    }

    /// After a kill the next start meets a failing sync: it does not serve on a disk that may have forgotten what the
    /// log in memory still shows.
    async fn fail_while_starting(&mut self, running: &mut Running, dice: &mut Dice) -> Result<(), String> {
        let load = self.load(running, dice).await;
        running.kill().await?;
        self.keep(load.end().await);
        self.disk.arm(Fault::SyncFails, 1)?;
        let Ok(again) = self.gateway.start().await else { return self.disk.mend() };
        *running = again;
        if self.disk.hits() > 0 {
            self.broken.push("the gateway serves although a sync failed while it started".to_owned());
        }
        self.disk.mend()?;
        let told = self.load(running, dice).await.end().await;
        self.keep(told);
        Ok(())
    }

    /// The last sync before an orderly end fails: the end is not called orderly.
    async fn fail_while_stopping(&mut self, running: &mut Running, dice: &mut Dice) -> Result<(), String> {
        let told = self.load(running, dice).await.end().await;
        self.keep(told);
        self.disk.arm(Fault::SyncFails, 1)?;
        running.terminate().await?;
        let ended = running.ended_within(PATIENCE).await;
        if self.disk.hits() == 0 {
            return Err("stopping synced nothing".to_owned());
        }
        if ended.is_none_or(|status| status.success()) {
            self.broken.push(format!("the process ended well although its last sync failed: {ended:?}"));
        }
        Ok(())
    }

    /// What was answered must be there on the disk, whatever the system's memory shows.
    async fn conclude(mut self) -> Result<Seen, String> {
        let ledger = Ledger { stories: std::mem::take(&mut self.told.stories) };
        let image = self.disk.image()?;
        self.broken.extend(power::look_at(self.lab, &self.gateway, &ledger, &image, None).await?);
        Ok(Seen { answered: ledger.answered(), broken: self.broken })
    }
}
