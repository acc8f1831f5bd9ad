//! PostgreSQL: a few writing connections with group commit, reading connections that pipeline.

mod session;

pub(crate) use session::Session;
#[cfg(test)]
pub(crate) use session::{SETTINGS, dialect};

use super::{Connection, Job, JobReceiver, MAX_ATTEMPTS, Ran, Tx, fill_batch};
use crate::error::StoreError;
use crate::planted::{self, Fault};
use session::{connect_reader, connect_writer};
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Mutex as AsyncMutex;
use tokio_postgres::Config;

/// Writing connections: while one waits for its commit to reach the disk, the others fill.
const WRITERS: usize = 2;
/// Reading connections. Each carries any number of queries at once.
const READERS: usize = 2;
/// The pause before a lost connection is tried again.
const RECONNECT_PAUSE: Duration = Duration::from_millis(200);
/// How long a server may take to accept a connection, or a network to acknowledge what was sent, unless the URL says.
const NETWORK_TIMEOUT: Duration = Duration::from_secs(15);

/// A reading connection that is replaced when it is lost.
struct Reader {
    session: AsyncMutex<Option<Arc<Session>>>,
}

/// Readers and the way to reach the server.
pub(crate) struct PostgresEngine {
    config: Config,
    readers: Vec<Reader>,
    next_reader: AtomicUsize,
}

impl PostgresEngine {
    /// Connects once to see that it works, and starts the writers on the current runtime.
    pub(crate) async fn open(mut config: Config, jobs: JobReceiver) -> Result<Self, StoreError> {
        config.connect_timeout(config.get_connect_timeout().copied().unwrap_or(NETWORK_TIMEOUT));
        config.tcp_user_timeout(config.get_tcp_user_timeout().copied().unwrap_or(NETWORK_TIMEOUT));
        let first = Arc::new(connect_reader(&config).await?);
        let jobs = Arc::new(AsyncMutex::new(jobs));
        for _ in 0..WRITERS {
            tokio::spawn(write_jobs(config.clone(), Arc::clone(&jobs)));
        }
        let readers =
            (0..READERS).map(|index| Reader { session: AsyncMutex::new((index == 0).then(|| Arc::clone(&first))) });
        Ok(Self { config, readers: readers.collect(), next_reader: AtomicUsize::new(0) })
    }

    /// Opens a connection of its own, for migrations.
    pub(crate) async fn connect(config: &Config) -> Result<Session, StoreError> {
        session::connect(config).await
    }

    /// A handle for reading the last committed state.
    pub(crate) async fn reader(&self) -> Result<Tx, StoreError> {
        let turn = self.next_reader.fetch_add(1, Ordering::Relaxed) % self.readers.len();
        let mut slot = self.readers[turn].session.lock().await;
        if let Some(session) = slot.as_ref().filter(|session| !session.is_closed()) {
            return Ok(Tx::new(Connection::Postgres(Arc::clone(session))));
        }
        let session = Arc::new(connect_reader(&self.config).await?);
        *slot = Some(Arc::clone(&session));
        Ok(Tx::new(Connection::Postgres(session)))
    }
}

/// A writer's connection, opened when it is needed.
struct Line {
    config: Config,
    session: Option<Arc<Session>>,
}

impl Line {
    /// Begins a transaction, on a new connection when the old one turns out to be lost: nothing has been sent on it
    /// that could be done twice.
    async fn begin(&mut self) -> Result<Arc<Session>, StoreError> {
        if let Some(session) = self.session.take().filter(|session| !session.is_closed())
            && session.begin().await.is_ok()
        {
            self.session = Some(Arc::clone(&session));
            return Ok(session);
        }
        let session = Arc::new(connect_writer(&self.config).await?);
        session.begin().await?;
        self.session = Some(Arc::clone(&session));
        Ok(session)
    }

    /// Undoes the transaction. A connection that does not answer to that is given up, and the server undoes it.
    async fn roll_back(&mut self, session: &Session) {
        if session.batch("ROLLBACK").await.is_err() {
            self.session = None;
        }
    }
}

/// A writer: takes what waits, runs it in one transaction, commits once, answers all. Reconnects when it has to.
async fn write_jobs(config: Config, jobs: Arc<AsyncMutex<JobReceiver>>) {
    let mut line = Line { config, session: None };
    loop {
        let batch = {
            let mut jobs = jobs.lock().await;
            match jobs.recv().await {
                Some(first) => fill_batch(first, &mut jobs),
                None => return,
            }
        };
        match line.begin().await {
            Ok(session) => {
                for job in write_together(&mut line, &session, batch).await {
                    write_alone(&mut line, job).await;
                }
            }
            Err(error) => {
                tracing::error!(%error, "no connection to write with");
                batch.into_iter().for_each(|job| job.answer(Some(error.clone())));
                tokio::time::sleep(RECONNECT_PAUSE).await;
            }
        }
    }
}

/// Runs a batch in the transaction that has begun, its statements interleaved and pipelined. Guarded updates and unique
/// indexes make that safe: a transaction that read what another one then changed finds no row to update and runs again
/// alone. Gives the jobs back, unanswered, that must run one by one.
async fn write_together(line: &mut Line, session: &Arc<Session>, mut batch: Vec<Box<dyn Job>>) -> Vec<Box<dyn Job>> {
    let tx = || Tx::new(Connection::Postgres(Arc::clone(session)));
    let running = batch.iter_mut().map(|job| job.run(tx())).collect();
    let ran = join_all(running).await;
    if ran.iter().any(|ran| matches!(ran, Ran::Undo { .. })) {
        line.roll_back(session).await;
        return batch;
    }
    if planted::has(Fault::EarlyAnswer) {
        batch.drain(..).for_each(|job| job.answer(None));
        tokio::time::sleep(planted::DELAY).await;
    }
    let failure = match session.commit().await {
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

/// Runs one job in its own transaction, again when it lost a race.
async fn write_alone(line: &mut Line, mut job: Box<dyn Job>) {
    for attempt in 1..=MAX_ATTEMPTS {
        let session = match line.begin().await {
            Ok(session) => session,
            Err(error) => return job.answer(Some(error)),
        };
        match job.run(Tx::new(Connection::Postgres(Arc::clone(&session)))).await {
            Ran::Keep => {
                let failure = session.commit().await.err();
                return job.answer(failure);
            }
            Ran::Failed { retryable } | Ran::Undo { retryable } => {
                line.roll_back(&session).await;
                if !retryable || attempt == MAX_ATTEMPTS {
                    return job.answer(None);
                }
            }
        }
    }
}

/// Polls all futures until each is done. A batch is small and its futures wake together, as their answers come over
/// one connection, so that polling every unfinished one is cheaper than tracking which was woken.
async fn join_all(mut running: Vec<super::BoxFuture<'_, Ran>>) -> Vec<Ran> {
    let mut done: Vec<Option<Ran>> = running.iter().map(|_| None).collect();
    poll_fn(|context| {
        let mut pending = false;
        for (future, slot) in running.iter_mut().zip(&mut done).filter(|(_, slot)| slot.is_none()) {
            match future.as_mut().poll(context) {
                std::task::Poll::Ready(ran) => *slot = Some(ran),
                std::task::Poll::Pending => pending = true,
            }
        }
        if pending { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
    done.into_iter().flatten().collect()
}
