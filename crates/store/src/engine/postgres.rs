//! PostgreSQL: a few writing connections with group commit, reading connections beside them.

mod many;
mod reader;
mod server;
mod session;

#[cfg(test)]
pub(crate) use many::{array_of, for_many};
pub(crate) use reader::Reader;
pub(crate) use server::Server;
pub(crate) use session::Session;
#[cfg(test)]
pub(crate) use session::{SETTINGS, dialect};

use super::{BoxFuture, Connection, Job, JobReceiver, MAX_ATTEMPTS, Ran, Sql, Tx, fill_batch};
use crate::error::StoreError;
use crate::planted::{self, Fault};
use crate::value::{Row, Value};
use many::{Asks, Desk};
use session::connect_writer;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::Mutex as AsyncMutex;

/// Writing connections: while one waits for its commit to reach the disk, the others fill.
const WRITERS: usize = 2;
/// The pause before a lost connection is tried again.
const RECONNECT_PAUSE: Duration = Duration::from_millis(200);
/// A transaction that lost a race for the first time waits up to twice this long.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);

/// Runs statements on a connection: at once, or with those of others where there is a desk.
///
/// The driver's futures are boxed. They are over 1 KB each, and every function that may run a statement would carry them,
/// on SQLite, too.
#[derive(Clone)]
pub(crate) struct Handle {
    session: Arc<Session>,
    desk: Option<Desk>,
}

impl Handle {
    pub(crate) async fn execute(&self, sql: Sql, params: &[Value<'_>]) -> Result<u64, StoreError> {
        match self.desk.as_ref().filter(|_| sql.for_many) {
            Some(desk) => Ok(desk.ask(sql, params).await?.changed),
            None => Box::pin(self.session.execute(sql, params)).await,
        }
    }

    pub(crate) async fn query(&self, sql: Sql, params: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        match self.desk.as_ref().filter(|_| sql.for_many) {
            Some(desk) => Ok(desk.ask(sql, params).await?.rows),
            None => Box::pin(self.session.query(sql, params)).await,
        }
    }
}

/// What of the server's settings decides on what it keeps.
const KEEPS: Sql = Sql::new(
    "pg_settings",
    "SELECT current_setting('fsync') AS fsync, current_setting('synchronous_standby_names') AS standbys",
);

/// What keeps a commit that a PostgreSQL server has acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Its memory only: it does not wait for its disk.
    Memory,
    /// Its disk.
    Disk,
    /// Its disk and a standby.
    Standby,
}

/// Reading connections and the way to reach the server.
pub(crate) struct PostgresEngine {
    reader: Reader,
}

impl PostgresEngine {
    /// Connects once to see that it works, and starts the writers on the current runtime.
    pub(crate) async fn open(server: Server, jobs: JobReceiver) -> Result<Self, StoreError> {
        let reader = Reader::open(server.clone()).await?;
        let jobs = Arc::new(AsyncMutex::new(jobs));
        for _ in 0..WRITERS {
            tokio::spawn(write_jobs(server.clone(), Arc::clone(&jobs)));
        }
        Ok(Self { reader })
    }

    /// Opens a connection of its own, for migrations.
    pub(crate) async fn connect(server: &Server) -> Result<Session, StoreError> {
        session::connect(server).await
    }

    /// What keeps a commit, by the server's settings of this moment.
    pub(crate) async fn durability(&self) -> Result<Durability, StoreError> {
        let rows = self.reader.query(KEEPS, &[]).await?;
        let mut row = rows.into_iter().next().ok_or_else(|| StoreError::Driver("no settings".into()))?;
        let (fsync, standbys) = (row.text("fsync")?, row.text("standbys")?);
        Ok(match (fsync.as_str(), standbys.as_str()) {
            ("off", _) => Durability::Memory,
            (_, "") => Durability::Disk,
            _ => Durability::Standby,
        })
    }

    /// A handle for reading the last committed state.
    pub(crate) fn reader(&self) -> Tx {
        Tx::new(Connection::PostgresReader(self.reader.clone()))
    }
}

/// Where the writers take transactions from, one at a time.
type Jobs = AsyncMutex<JobReceiver>;

/// A writer's connection, opened when it is needed.
struct Line {
    server: Server,
    session: Option<Arc<Session>>,
    /// Whether the last commit has begun the next transaction, which saves asking for it.
    begun: bool,
}

impl Line {
    /// Begins a transaction, on a new connection when the old one turns out to be lost: nothing has been sent on it
    /// that could be done twice.
    async fn begin(&mut self) -> Result<Arc<Session>, StoreError> {
        let begun = std::mem::take(&mut self.begun);
        if let Some(session) = self.session.take().filter(|session| !session.is_closed())
            && (begun || session.begin().await.is_ok())
        {
            self.session = Some(Arc::clone(&session));
            return Ok(session);
        }
        let session = Arc::new(connect_writer(&self.server).await?);
        session.begin().await?;
        self.session = Some(Arc::clone(&session));
        Ok(session)
    }

    /// Commits, and begins the next transaction where somebody waits for it already.
    async fn commit(&mut self, session: &Session, jobs: &Jobs) -> Result<(), StoreError> {
        let next = jobs.try_lock().is_ok_and(|jobs| !jobs.is_empty());
        let committed = session.commit(next).await;
        self.begun = next && committed.is_ok();
        if next && committed.is_err() {
            // Whether the next one has begun depends on what went wrong.
            self.session = None;
        }
        committed
    }

    /// What waits, to be run in one transaction. Nothing when no more will come.
    async fn next_batch(&mut self, jobs: &Jobs) -> Option<Vec<Box<dyn Job>>> {
        let waiting = jobs.try_lock().ok().and_then(|mut jobs| Some(fill_batch(jobs.try_recv().ok()?, &mut jobs)));
        if waiting.is_some() {
            return waiting;
        }
        if std::mem::take(&mut self.begun)
            && let Some(session) = self.session.clone()
        {
            // Another writer took what was waiting. An open transaction must not wait for more.
            self.roll_back(&session).await;
        }
        let mut jobs = jobs.lock().await;
        let first = jobs.recv().await?;
        Some(fill_batch(first, &mut jobs))
    }

    /// Undoes the transaction. A connection that does not answer to that is given up, and the server undoes it.
    async fn roll_back(&mut self, session: &Session) {
        if session.batch("ROLLBACK").await.is_err() {
            self.session = None;
        }
    }
}

/// A writer: takes what waits, runs it in one transaction, commits once, answers all. Reconnects when it has to.
async fn write_jobs(server: Server, jobs: Arc<Jobs>) {
    let mut line = Line { server, session: None, begun: false };
    while let Some(batch) = line.next_batch(&jobs).await {
        match line.begin().await {
            Ok(session) => {
                let mut alone = write_together(&mut line, &session, &jobs, batch).await.into_iter();
                while let Some(job) = alone.next() {
                    if let Err(error) = write_alone(&mut line, job).await {
                        refuse(alone.by_ref(), &error).await;
                    }
                }
            }
            Err(error) => refuse(batch, &error).await,
        }
    }
}

/// Answers all with the trouble that one of them has met: one after the other would wait for a server that is away.
async fn refuse(jobs: impl IntoIterator<Item = Box<dyn Job>>, error: &StoreError) {
    tracing::error!(%error, "no connection to write with");
    jobs.into_iter().for_each(|job| job.answer(Some(error.clone())));
    tokio::time::sleep(RECONNECT_PAUSE).await;
}

/// Runs a batch in the transaction that has begun, its statements interleaved and pipelined. Guarded updates and unique
/// indexes make that safe: a transaction that read what another one then changed finds no row to update and runs again
/// alone. Gives the jobs back, unanswered, that must run one by one.
async fn write_together(
    line: &mut Line,
    session: &Arc<Session>,
    jobs: &Jobs,
    mut batch: Vec<Box<dyn Job>>,
) -> Vec<Box<dyn Job>> {
    let (desk, asks) = Desk::new();
    let handle = Handle { session: Arc::clone(session), desk: Some(desk) };
    let running = batch.iter_mut().map(|job| job.run(Tx::new(Connection::Postgres(handle.clone())))).collect();
    let ran = run_together(running, session, asks).await;
    if ran.iter().any(|ran| matches!(ran, Ran::Undo { .. })) {
        line.roll_back(session).await;
        return batch;
    }
    if planted::has(Fault::EarlyAnswer) {
        batch.drain(..).for_each(|job| job.answer(None));
        tokio::time::sleep(planted::DELAY).await;
    }
    let failure = match line.commit(session, jobs).await {
        Ok(()) => None,
        Err(unknown @ StoreError::Unknown(_)) => Some(unknown),
        // It is certain that nothing was stored; alone, only the one that the database objects to fails.
        Err(_) => return batch,
    };
    let mut again = Vec::new();
    for (job, ran) in batch.into_iter().zip(ran) {
        match ran {
            // It has changed nothing, and what it lost against is committed now.
            Ran::Failed { retryable: true } if failure.is_none() => again.push(job),
            Ran::Failed { .. } | Ran::Keep | Ran::Undo { .. } => job.answer(failure.clone()),
        }
    }
    again
}

/// How long to wait before a transaction that lost its race for the `attempt`-th time runs again: at random, up to twice
/// as long each time. Others that want the same row would otherwise meet again and again, and one of them lose every time.
fn pause_after(attempt: usize) -> Duration {
    let most = SHORTEST_PAUSE.saturating_mul(1 << attempt.min(4)).as_micros() as u64;
    // The hasher's keys are random, which is enough for what decides nothing but a pause.
    Duration::from_micros(std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), attempt) % most)
}

/// Runs one job in its own transaction, again when it lost a race, and answers it. An error is about the server, with
/// which the next one would fare no better.
async fn write_alone(line: &mut Line, mut job: Box<dyn Job>) -> Result<(), StoreError> {
    for attempt in 1..=MAX_ATTEMPTS {
        let session = match line.begin().await {
            Ok(session) => session,
            Err(error) => {
                job.answer(Some(error.clone()));
                return Err(error);
            }
        };
        let handle = Handle { session: Arc::clone(&session), desk: None };
        match job.run(Tx::new(Connection::Postgres(handle))).await {
            Ran::Keep => {
                let failure = session.commit(false).await.err();
                job.answer(failure);
                return session.heard();
            }
            Ran::Failed { retryable } | Ran::Undo { retryable } => {
                line.roll_back(&session).await;
                if !retryable || attempt == MAX_ATTEMPTS {
                    job.answer(None);
                    return session.heard();
                }
                tokio::time::sleep(pause_after(attempt)).await;
            }
        }
    }
    Ok(())
}

/// Runs transactions until each has ended. Whenever all that have not wait at the desk, it is cleared. A batch is small
/// and its futures wake together, so that polling every unfinished one is cheaper than tracking which was woken.
async fn run_together(mut running: Vec<BoxFuture<'_, Ran>>, session: &Session, mut asks: Asks) -> Vec<Ran> {
    let mut done: Vec<Option<Ran>> = running.iter().map(|_| None).collect();
    let mut batch = Vec::new();
    loop {
        poll_fn(|context| {
            let unfinished = poll_all(&mut running, &mut done, context);
            batch.extend(std::iter::from_fn(|| asks.try_recv().ok()));
            if batch.len() >= unfinished { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        if batch.is_empty() {
            return done.into_iter().flatten().collect();
        }
        many::answer(session, std::mem::take(&mut batch)).await;
    }
}

/// Waits for all futures.
async fn join_all<T>(mut running: Vec<BoxFuture<'_, T>>) -> Vec<T> {
    let mut done: Vec<Option<T>> = running.iter().map(|_| None).collect();
    poll_fn(|context| match poll_all(&mut running, &mut done, context) {
        0 => Poll::Ready(()),
        _ => Poll::Pending,
    })
    .await;
    done.into_iter().flatten().collect()
}

/// Polls every future that is not done and tells how many are left.
fn poll_all<T>(running: &mut [BoxFuture<'_, T>], done: &mut [Option<T>], context: &mut Context<'_>) -> usize {
    let mut unfinished = 0;
    for (future, slot) in running.iter_mut().zip(done).filter(|(_, slot)| slot.is_none()) {
        match future.as_mut().poll(context) {
            Poll::Ready(value) => *slot = Some(value),
            Poll::Pending => unfinished += 1,
        }
    }
    unfinished
}
