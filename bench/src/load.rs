//! Load: clients that ask again as soon as they are answered, and clients that ask by the clock.

use crate::Failure;
use crate::clock::{Clock, Turns};
use crate::connection::Connection;
use crate::process;
use crate::scripts::Script;
use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::task::{JoinHandle, LocalSet};

/// What a load brought.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    /// Requests answered in the measured time.
    pub(crate) requests: u64,
    /// The measured time.
    pub(crate) elapsed: Duration,
    /// Time from request to answer, in microseconds, sorted.
    latencies: Vec<u32>,
    /// The same for the clock alone: by how much it was late. Nothing where nothing went by the clock.
    late: Vec<u32>,
    /// CPU time of the gateway in the measured time.
    server_cpu: Duration,
    /// CPU time of this process.
    generator_cpu: Duration,
    /// CPU time of the database's own processes.
    database_cpu: Duration,
}

impl Outcome {
    /// Requests per second.
    pub(crate) fn rate(&self) -> f64 {
        self.requests as f64 / self.elapsed.as_secs_f64()
    }

    /// The time within which a share of the requests was answered, in milliseconds.
    pub(crate) fn quantile_ms(&self, share: f64) -> f64 {
        quantile_ms(&self.latencies, share)
    }

    /// How late the clock itself was for a share of the requests, in milliseconds.
    pub(crate) fn late_ms(&self, share: f64) -> f64 {
        quantile_ms(&self.late, share)
    }

    fn each(&self, cpu: Duration) -> f64 {
        cpu.as_secs_f64() * 1e6 / self.requests.max(1) as f64
    }

    /// The gateway's CPU time per request in microseconds.
    pub(crate) fn server_cpu_us(&self) -> f64 {
        self.each(self.server_cpu)
    }

    /// This process's CPU time per request in microseconds.
    pub(crate) fn generator_cpu_us(&self) -> f64 {
        self.each(self.generator_cpu)
    }

    /// The database processes' CPU time per request in microseconds.
    pub(crate) fn database_cpu_us(&self) -> f64 {
        self.each(self.database_cpu)
    }
}

/// A quantile of sorted microseconds, in milliseconds.
fn quantile_ms(sorted: &[u32], share: f64) -> f64 {
    let place = (sorted.len() as f64 * share) as usize;
    sorted.get(place.min(sorted.len().saturating_sub(1))).map_or(0.0, |us| f64::from(*us) / 1000.0)
}

/// What is asked of whom.
pub(crate) struct Load {
    /// Where the gateway listens.
    pub(crate) address: SocketAddr,
    /// The gateway's process.
    pub(crate) pid: u32,
    /// One script per client.
    pub(crate) scripts: Vec<Script>,
    /// Load before the measurement.
    pub(crate) warm: Duration,
    /// The measurement.
    pub(crate) measure: Duration,
}

/// What the clients and their conductor tell each other.
#[derive(Debug, Default)]
struct Signals {
    measuring: Cell<bool>,
    over: Cell<bool>,
}

/// The start of a measurement.
struct Meter {
    pid: u32,
    begun: Instant,
    server: Duration,
    generator: Duration,
    database: Duration,
}

impl Meter {
    fn start(pid: u32) -> Result<Self, Failure> {
        let (server, generator) = (process::cpu(pid)?, process::cpu(std::process::id())?);
        Ok(Self { pid, begun: Instant::now(), server, generator, database: process::cpu_of_all("postgres") })
    }

    fn outcome(&self) -> Result<Outcome, Failure> {
        let elapsed = self.begun.elapsed();
        Ok(Outcome {
            requests: 0,
            elapsed,
            latencies: Vec::new(),
            late: Vec::new(),
            server_cpu: process::cpu(self.pid)?.saturating_sub(self.server),
            generator_cpu: process::cpu(std::process::id())?.saturating_sub(self.generator),
            database_cpu: process::cpu_of_all("postgres").saturating_sub(self.database),
        })
    }
}

/// One client per script; each asks again as soon as it is answered.
pub(crate) async fn closed(load: Load) -> Result<Outcome, Failure> {
    conduct(load, None).await
}

/// As many requests per second as asked for, spread evenly over the clients, however long the answers take. A request
/// counts from the instant at which it was due.
pub(crate) async fn open(load: Load, per_second: u32) -> Result<Outcome, Failure> {
    let clock = Clock::start(load.scripts.len(), per_second)?;
    conduct(load, Some(clock)).await
}

async fn conduct(load: Load, clock: Option<Clock>) -> Result<Outcome, Failure> {
    let local = LocalSet::new();
    let signals = Rc::new(Signals::default());
    let mut clients: Vec<JoinHandle<Result<Vec<u32>, Failure>>> = Vec::new();
    for (client, script) in load.scripts.into_iter().enumerate() {
        let connection = Connection::open(load.address).await?;
        let turns = clock.as_ref().map(|clock| clock.turns_of(client));
        clients.push(local.spawn_local(ask(connection, script, Rc::clone(&signals), turns)));
    }
    local
        .run_until(async move {
            tokio::time::sleep(load.warm).await;
            let meter = Meter::start(load.pid)?;
            signals.measuring.set(true);
            tokio::time::sleep(load.measure).await;
            signals.measuring.set(false);
            let mut outcome = meter.outcome()?;
            signals.over.set(true);
            for client in clients {
                outcome.latencies.append(&mut client.await??);
            }
            outcome.latencies.sort_unstable();
            outcome.requests = outcome.latencies.len() as u64;
            outcome.late = clock.map_or_else(Vec::new, |clock| clock.late(load.warm));
            Ok(outcome)
        })
        .await
}

/// A client. Returns how long the measured requests took, in microseconds.
async fn ask(
    mut connection: Connection,
    mut script: Script,
    signals: Rc<Signals>,
    mut turns: Option<Turns>,
) -> Result<Vec<u32>, Failure> {
    let mut latencies = Vec::new();
    loop {
        let begun = match &mut turns {
            Some(turns) => turns.next().await?,
            None => Instant::now(),
        };
        if signals.over.get() {
            break;
        }
        let answer = connection.exchange(script.next()).await?;
        if answer.status != 200 {
            let body = String::from_utf8_lossy(answer.body).into_owned();
            return Err(format!("the gateway answered {}: {body}", answer.status).into());
        }
        if signals.measuring.get() {
            latencies.push(u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX));
        }
    }
    Ok(latencies)
}
