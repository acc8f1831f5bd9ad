//! SIGKILL at random: under load, while a bank file is imported, while starting and while stopping.

use crate::dice::Dice;
use crate::disk::{Disk, Fault};
use crate::gateway::{ACCOUNT, Engine, Gateway, Program, Running};
use crate::ledger::{Finding, Kind, Ledger};
use crate::load::Load;
use crate::receiver::Receiver;
use crate::report::Row;
use crate::story::{Plot, Story, Went};
use crate::{Lab, client::Client, tamper};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};
use tokio::process::Child;
use xanpay_domain::currency::Currency;
use xanpay_domain::money::Money;
use xanpay_domain::time::Timestamp;
use xanpay_statements::Date;
use xanpay_statements::sample::{Booking, camt054};

/// Charges that each round's bank file pays.
const IMPORTED: usize = 8;
/// How long notices may take once they are due.
const NOTICES: Duration = Duration::from_secs(60);
/// Notices that nobody has taken yet.
const WAITING: &str = "SELECT id FROM deliveries WHERE state = 'pending' LIMIT 1";
/// How long an end may take.
const STOPPING: Duration = Duration::from_secs(20);
/// Attempts at catching a planted fault, and kills in each.
const TRIES: u64 = 5;
const KILLS: u32 = 3;
/// Faults that are planted in the binary.
const PLANTED: [&str; 2] = ["early-answer", "no-transaction"];

/// One database, killed again and again.
pub struct Rounds {
    /// The database.
    pub gateway: Arc<Gateway>,
    /// Where its notices go.
    pub receiver: Receiver,
    /// What was asked of it.
    pub ledger: Ledger,
    /// Under SQLite's files.
    disk: Option<Disk>,
    numbers: Arc<AtomicU64>,
    dice: Dice,
    kills: usize,
    killed_in_checkpoint: usize,
    findings: Vec<Finding>,
}

/// Tries the sound binary and then everything that is planted.
pub async fn check(lab: &Lab, engine: &Engine) -> Result<Row, String> {
    let mut rounds = Rounds::prepare(lab, engine, &lab.sound(), lab.seed).await?;
    for round in 0..lab.rounds {
        rounds.round(lab, round).await?;
    }
    rounds.conclude().await?;
    let (heard, looks) = rounds.receiver.figures();
    let measured = format!(
        "{} kills ({} in a checkpoint), {} answers, {heard} notices, {looks} looks from inside one",
        rounds.kills,
        rounds.killed_in_checkpoint,
        rounds.ledger.answered(),
    );
    let mut row = Row::new("killed under load", engine, measured);
    row.broken.extend(rounds.findings.iter().map(|finding| format!("{:?}: {}", finding.kind, finding.text)));
    if rounds.ledger.answered() == 0 || looks == 0 {
        row.broken.push("nothing was measured".to_owned());
    }
    // A database that has something wrong with it already is no ground for planting more.
    if row.broken.is_empty() {
        tamper::plant(&mut rounds, &mut row).await?;
    }
    rounds.gateway.remove().await?;
    for planted in PLANTED {
        row.control(planted, caught(lab, engine, &lab.planted(planted)).await?);
    }
    Ok(row)
}

async fn caught(lab: &Lab, engine: &Engine, program: &Program) -> Result<bool, String> {
    for attempt in 0..TRIES {
        let mut rounds = Rounds::prepare(lab, engine, program, lab.seed + attempt).await?;
        for round in 0..KILLS {
            rounds.round(lab, round).await?;
        }
        rounds.conclude().await?;
        rounds.gateway.remove().await?;
        if !rounds.findings.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Rounds {
    async fn prepare(lab: &Lab, engine: &Engine, program: &Program, seed: u64) -> Result<Self, String> {
        let mut gateway = Gateway::prepare(engine, &lab.sound(), &lab.server).await?;
        let receiver = Receiver::start().await?;
        let merchant = gateway.merchant.clone();
        gateway.command(&["webhook", "add", "--merchant", &merchant, "--url", &receiver.url]).await?;
        gateway.run_with(program);
        let disk = match engine {
            Engine::Sqlite => Some(Disk::new(&lab.library, gateway.scratch(), "disk", &gateway.data())?),
            Engine::Postgres(_) => None,
        };
        disk.iter().for_each(|disk| gateway.put_on(disk.clone()));
        Ok(Self {
            gateway: Arc::new(gateway),
            disk,
            receiver,
            ledger: Ledger::default(),
            numbers: Arc::default(),
            dice: Dice::new(seed),
            kills: 0,
            killed_in_checkpoint: 0,
            findings: Vec::new(),
        })
    }

    /// One kill under load, and everything around it.
    async fn round(&mut self, lab: &Lab, round: u32) -> Result<(), String> {
        self.kill_while_starting().await?;
        let mut running = self.gateway.start().await?;
        self.receiver.look_at(&running.address, &self.gateway.by);
        let first = self.ledger.stories.len();
        let file = self.write_statement(&running.address, round).await?;
        let load = Load::begin(&self.gateway, &running.address, lab.clients, &self.numbers);
        let mut import = self.spawn_import(&file)?;
        load.warm(lab.clients).await;
        tokio::time::sleep(self.dice.span(0, 400)).await;
        if round % 2 == 1 {
            self.kill_while_stopping(&mut running).await?;
        }
        // The clients are still asking when the kill comes; only then are they told to stop.
        running.kill().await?;
        let said_done = ended_well(&mut import).await?;
        self.kills += 1;
        self.ledger.stories.extend(load.end().await.stories);
        self.kill_while_starting().await?;
        self.make_deliveries_due().await?;
        let mut running = self.gateway.start().await?;
        self.receiver.look_at(&running.address, &self.gateway.by);
        self.import_again(&file, said_done).await?;
        for story in &mut self.ledger.stories {
            story.imported = story.plot == Plot::Imported;
        }
        // What was answered is looked at before anything is asked again that might mend it.
        self.findings.extend(self.ledger.look(first, &self.gateway, &running.address).await?);
        self.findings.extend(self.ledger.finish(&self.gateway, &running.address).await?);
        self.findings.extend(self.ledger.repeat(first, &self.gateway, &running.address).await?);
        running.kill().await?;
        self.kills += 1;
        Ok(())
    }

    /// Looks at everything once more, waits for the notices and compares the books.
    async fn conclude(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + NOTICES;
        let mut waiting = true;
        while waiting && Instant::now() < deadline {
            // Time that the retry schedule would take is not waited for, and a lease of a killed process runs out at once.
            self.make_deliveries_due().await?;
            let mut running = self.gateway.start().await?;
            self.receiver.look_at(&running.address, &self.gateway.by);
            let turn = Instant::now();
            while waiting && turn.elapsed() < Duration::from_secs(3) {
                tokio::time::sleep(Duration::from_millis(100)).await;
                waiting = !self.gateway.query(WAITING).await?.is_empty();
            }
            running.kill().await?;
            self.kills += 1;
        }
        let found = self.look_at_everything().await?;
        self.findings.extend(found);
        Ok(())
    }

    /// Every check, on a database that is at rest.
    pub async fn look_at_everything(&self) -> Result<Vec<Finding>, String> {
        let mut findings = self.ledger.check_books(&self.gateway).await?;
        findings.extend(self.ledger.check_notices(&self.receiver));
        let mut running = self.gateway.start().await?;
        findings.extend(self.ledger.look(0, &self.gateway, &running.address).await?);
        findings.extend(self.ledger.repeat(0, &self.gateway, &running.address).await?);
        running.kill().await?;
        Ok(findings)
    }

    /// Starts the gateway up to twice and kills it before it has started, or just after.
    async fn kill_while_starting(&mut self) -> Result<(), String> {
        for _ in 0..self.dice.below(3) {
            let mut child = self.gateway.spawn()?;
            tokio::time::sleep(self.dice.span(0, 60)).await;
            child.kill().await.map_err(|error| error.to_string())?;
            self.kills += 1;
        }
        Ok(())
    }

    /// Asks the gateway to stop and kills it on the way: on SQLite between two writes of the checkpoint at the end.
    async fn kill_while_stopping(&mut self, running: &mut Running) -> Result<(), String> {
        let Some(disk) = &self.disk else {
            running.terminate().await?;
            tokio::time::sleep(self.dice.span(0, 30)).await;
            return Ok(());
        };
        disk.arm(Fault::KilledInCheckpoint, 1 + u32::try_from(self.dice.below(20)).unwrap_or(0))?;
        running.terminate().await?;
        let _ = running.ended_within(STOPPING).await;
        self.killed_in_checkpoint += usize::from(disk.hits() > 0);
        disk.mend()
    }

    async fn make_deliveries_due(&self) -> Result<(), String> {
        self.gateway.tamper("UPDATE deliveries SET next_attempt_at = 0 WHERE state = 'pending'").await
    }

    /// Makes charges and a bank file that pays them.
    async fn write_statement(&mut self, address: &str, round: u32) -> Result<PathBuf, String> {
        let mut client = Client::connect(address).await.ok_or("no connection")?;
        let now = since_1970()?;
        let mut bookings = Vec::new();
        for _ in 0..IMPORTED {
            let mut story = Story::new(self.numbers.fetch_add(1, Ordering::Relaxed), Plot::Imported);
            if story.go_on(&mut client, &self.gateway).await != Went::Done {
                return Err("a charge for the bank file could not be made".to_owned());
            }
            bookings.push(Booking {
                amount: Money::from_minor(3500, Currency::SGD).map_err(|error| error.to_string())?,
                reference: story.nonce.clone(),
                payer: "F".to_owned(),
                bank_reference: story.bank_reference(),
                date: Date::constant(1970, 1, 1).saturating_add(now),
            });
            self.ledger.stories.push(story);
        }
        let file = self.gateway.scratch().join(&format!("statement-{round}.xml"));
        let now = Timestamp::from_millis(i64::try_from(now.as_millis()).map_err(|error| error.to_string())?);
        let text = camt054(ACCOUNT, &format!("M{round}"), now, &bookings);
        std::fs::write(&file, text).map_err(|error| error.to_string())?;
        Ok(file)
    }

    fn spawn_import(&self, file: &Path) -> Result<Child, String> {
        self.gateway
            .base()
            .args(["statement", "import", "--account", ACCOUNT])
            .arg(file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| error.to_string())
    }

    /// Imports a file once more: what the first time has left out comes now, and nothing comes twice.
    async fn import_again(&mut self, file: &Path, said_done: bool) -> Result<(), String> {
        let name = file.to_str().ok_or("the file's name is no text")?;
        let report = self.gateway.command(&["statement", "import", "--account", ACCOUNT, name]).await?;
        let count = |name: &str| report["files"][0][name].as_u64().unwrap_or(0);
        let (new, known) = (count("new"), count("duplicates"));
        if new + known != IMPORTED as u64 || (said_done && new > 0) {
            let text = format!("imported again: {new} new, {known} known, the first import said done: {said_done}");
            self.findings.push(Finding { kind: Kind::Import, story: None, text });
        }
        Ok(())
    }
}

/// The bank's clock is the system's.
fn since_1970() -> Result<Duration, String> {
    #[expect(clippy::disallowed_methods, reason = "the file is for a gateway that runs by the system's clock")]
    let now = SystemTime::now();
    now.duration_since(SystemTime::UNIX_EPOCH).map_err(|error| error.to_string())
}

/// Kills the import; whether it had already said that all is done.
async fn ended_well(import: &mut Child) -> Result<bool, String> {
    let ended = import.try_wait().map_err(|error| error.to_string())?;
    import.kill().await.map_err(|error| error.to_string())?;
    Ok(ended.is_some_and(|status| status.success()))
}
