//! The two databases behind one face: [`Tx`] runs statements, [`Queue`] hands transactions to the writers.
//!
//! A transaction is a function from [`Tx`] to a future. On SQLite every statement returns at once, so the writer's
//! thread polls the future to its end; on PostgreSQL the same function waits for the network. Waiting transactions
//! share one commit (group commit) and are answered after it. When one of them fails after it has written something,
//! the shared transaction is rolled back and each runs again alone: a transaction therefore may run more than once and
//! must take time and randomness from outside.

mod postgres;
mod sqlite;

pub(crate) use postgres::PostgresEngine;
pub(crate) use sqlite::SqliteEngine;

use crate::error::{StoreError, TxError};
use crate::value::{Row, Value};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{mpsc, oneshot};

/// The most transactions that share one commit: enough for one fsync to be paid by many, few enough for a steady
/// rhythm.
const MAX_BATCH: usize = 256;
/// How often a transaction that lost a race is run again before its caller is told.
const MAX_ATTEMPTS: usize = 8;
/// How many transactions may wait; beyond that callers wait to enqueue, which slows them down instead of us.
const QUEUE_LENGTH: usize = 4096;

/// A boxed future that can move between threads.
pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A statement: its text and the table that it is about.
#[derive(Debug, Clone, Copy)]
pub struct Sql {
    /// The table, for error messages and the catalogue.
    pub table: &'static str,
    /// The text, with `$1`, `$2`, ... in the order of their first use.
    pub text: &'static str,
}

/// Runs statements, inside a transaction of a writer or on a reading connection.
#[derive(Clone)]
pub struct Tx {
    connection: Connection,
    marks: Arc<Marks>,
}

/// What has happened in a transaction so far.
#[derive(Default)]
struct Marks {
    wrote: AtomicBool,
    failed: AtomicBool,
}

#[derive(Clone)]
enum Connection {
    Sqlite(sqlite::SharedConnection),
    Postgres(Arc<postgres::Session>),
}

impl Tx {
    fn new(connection: Connection) -> Self {
        Self { connection, marks: Arc::default() }
    }

    /// Whether anything was written through this handle or its clones.
    fn has_written(&self) -> bool {
        self.marks.wrote.load(Ordering::Relaxed)
    }

    /// Whether a statement has failed. PostgreSQL answers a COMMIT after that with a silent rollback.
    fn has_failed(&self) -> bool {
        self.marks.failed.load(Ordering::Relaxed)
    }

    fn note<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if result.is_err() {
            self.marks.failed.store(true, Ordering::Relaxed);
        }
        result
    }

    /// Runs a statement that changes rows and returns how many.
    pub(crate) async fn execute(&self, sql: Sql, params: &[Value<'_>]) -> Result<u64, StoreError> {
        self.marks.wrote.store(true, Ordering::Relaxed);
        self.note(match &self.connection {
            Connection::Sqlite(connection) => connection.execute(sql, params),
            Connection::Postgres(session) => session.execute(sql, params).await,
        })
    }

    /// Runs a statement that expects to change exactly one row.
    pub(crate) async fn execute_one(&self, sql: Sql, params: &[Value<'_>]) -> Result<(), StoreError> {
        match self.execute(sql, params).await? {
            1 => Ok(()),
            _ => Err(StoreError::Conflict),
        }
    }

    /// Runs a query.
    pub(crate) async fn query(&self, sql: Sql, params: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        self.note(match &self.connection {
            Connection::Sqlite(connection) => connection.query(sql, params),
            Connection::Postgres(session) => session.query(sql, params).await,
        })
    }

    /// Runs a query for at most one row.
    pub(crate) async fn query_opt(&self, sql: Sql, params: &[Value<'_>]) -> Result<Option<Row>, StoreError> {
        Ok(self.query(sql, params).await?.into_iter().next())
    }

    /// Runs `UPDATE ... RETURNING` or the like for at most one row.
    pub(crate) async fn change_opt(&self, sql: Sql, params: &[Value<'_>]) -> Result<Option<Row>, StoreError> {
        self.marks.wrote.store(true, Ordering::Relaxed);
        self.query_opt(sql, params).await
    }
}

/// How a transaction's run went.
pub(crate) enum Ran {
    /// It wants to be committed, or has nothing to undo.
    Keep,
    /// It failed after writing: its writes must not be committed.
    Undo {
        /// Whether another run may succeed.
        retryable: bool,
    },
}

/// A transaction that waits for a writer, its types erased.
pub(crate) trait Job: Send {
    fn run(&mut self, tx: Tx) -> BoxFuture<'_, Ran>;
    /// Answers the caller: with the body's result, or with why it could not be committed.
    fn answer(self: Box<Self>, failure: Option<StoreError>);
}

struct TypedJob<T, E, F> {
    body: F,
    result: Option<Result<T, E>>,
    caller: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F, Fut> Job for TypedJob<T, E, F>
where
    T: Send + 'static,
    E: TxError,
    F: Fn(Tx) -> Fut + Send + 'static,
    Fut: Future<Output = Result<T, E>> + Send + 'static,
{
    fn run(&mut self, tx: Tx) -> BoxFuture<'_, Ran> {
        let running = (self.body)(tx.clone());
        let slot = &mut self.result;
        Box::pin(async move {
            let result = match running.await {
                // A body that swallowed a failed statement must not be told that all is well.
                Ok(_) if tx.has_failed() => Err(StoreError::Busy.into()),
                result => result,
            };
            let ran = match &result {
                Ok(_) => Ran::Keep,
                Err(error) => match error.store_error() {
                    Some(store) => Ran::Undo { retryable: store.is_retryable() },
                    None if tx.has_written() => Ran::Undo { retryable: false },
                    None => Ran::Keep,
                },
            };
            *slot = Some(result);
            ran
        })
    }

    fn answer(self: Box<Self>, failure: Option<StoreError>) {
        let lost = || StoreError::Unavailable("the writer stopped".into());
        let result = match (failure, self.result) {
            // A refusal of the body stands whatever became of the commit.
            (_, Some(Err(error))) => Err(error),
            (Some(failure), _) => Err(failure.into()),
            (None, Some(result)) => result,
            (None, None) => Err(lost().into()),
        };
        // A caller that has gone away does not want its answer.
        let _ = self.caller.send(result);
    }
}

/// Transactions on their way to the writers.
#[derive(Clone)]
pub(crate) struct Queue {
    sender: mpsc::Sender<Box<dyn Job>>,
}

/// Where the writers take transactions from.
pub(crate) type JobReceiver = mpsc::Receiver<Box<dyn Job>>;

impl Queue {
    pub(crate) fn new() -> (Self, JobReceiver) {
        let (sender, receiver) = mpsc::channel(QUEUE_LENGTH);
        (Self { sender }, receiver)
    }

    pub(crate) async fn write<T, E, F, Fut>(&self, body: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: TxError,
        F: Fn(Tx) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        let (caller, answer) = oneshot::channel();
        let job = Box::new(TypedJob { body, result: None, caller });
        let stopped = || E::from(StoreError::Unavailable("the writer stopped".into()));
        self.sender.send(job).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }
}

/// Takes what waits behind the first transaction, without waiting for more.
fn fill_batch(first: Box<dyn Job>, jobs: &mut JobReceiver) -> Vec<Box<dyn Job>> {
    let mut batch = vec![first];
    while batch.len() < MAX_BATCH {
        match jobs.try_recv() {
            Ok(job) => batch.push(job),
            Err(_) => break,
        }
    }
    batch
}
