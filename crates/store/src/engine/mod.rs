//! The two databases behind one face: [`Tx`] runs statements, [`Queue`] hands transactions to the writers.
//!
//! A transaction is a function from [`Tx`] to a future. On SQLite every statement returns at once, so the writer's
//! thread polls the future to its end; on PostgreSQL the same function waits for the network. Waiting transactions
//! share one commit (group commit) and are answered after it. When one of them fails after it has written something,
//! the shared transaction is rolled back and all run again: on SQLite together, each with a savepoint that undoes it
//! alone; on PostgreSQL, where the statements of all are interleaved, each in a transaction of its own. A transaction
//! therefore may run more than once and must take time and randomness from outside.

mod postgres;
mod sqlite;

pub use postgres::Durability;
pub(crate) use postgres::{PostgresEngine, Server};
#[cfg(test)]
pub(crate) use postgres::{SETTINGS, array_of, dialect, for_many};
pub(crate) use sqlite::SqliteEngine;

use crate::error::{StoreError, TxError};
use crate::planted::{self, Fault};
use crate::value::{Row, Value};
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use tokio::sync::{mpsc, oneshot};

/// The most transactions that share one commit: enough for one fsync to be paid by many, few enough for a steady
/// rhythm.
const MAX_BATCH: usize = 256;
/// How often a transaction that loses its races is run before its caller is told. Each lost race is one that another won,
/// so that everybody comes through in the end.
const MAX_ATTEMPTS: usize = 24;
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
    /// Whether callers that want it at the same moment share one statement on PostgreSQL and, when they read, one read
    /// transaction on SQLite.
    pub for_many: bool,
}

impl Sql {
    /// A statement.
    #[must_use]
    pub const fn new(table: &'static str, text: &'static str) -> Self {
        Self { table, text, for_many: false }
    }

    /// The same, for many callers at once. That suits statements about one row each: an INSERT whose first parameter is
    /// its first column, a SELECT without order or limit, and an UPDATE of which a second one would find nothing to do.
    #[must_use]
    pub const fn for_many(self) -> Self {
        Self { for_many: true, ..self }
    }
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
    ended: AtomicBool,
    failure: Mutex<Option<StoreError>>,
}

#[derive(Clone)]
enum Connection {
    Sqlite(sqlite::SharedConnection),
    SqliteReader(sqlite::Reader),
    Postgres(postgres::Handle),
    PostgresReader(postgres::Reader),
}

impl Tx {
    fn new(connection: Connection) -> Self {
        Self { connection, marks: Arc::default() }
    }

    /// Whether anything was changed through this handle or its clones. A lock alone changes nothing but a version.
    fn has_written(&self) -> bool {
        self.marks.wrote.load(Ordering::Relaxed)
    }

    /// The first error of a statement. PostgreSQL answers a COMMIT after one with a silent rollback.
    fn failure(&self) -> Option<StoreError> {
        self.marks.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Refuses further statements: a handle that outlives its transaction would write into somebody else's.
    fn end(&self) {
        self.marks.ended.store(true, Ordering::Relaxed);
    }

    /// Refuses what only one of the two databases would take.
    fn check(&self, params: &[Value<'_>]) -> Result<(), StoreError> {
        if self.marks.ended.load(Ordering::Relaxed) {
            return Err(StoreError::Driver("the transaction is over".into()));
        }
        let has_nul = |param: &Value<'_>| matches!(param, Value::Text(text) if text.as_bytes().contains(&0));
        if params.iter().any(has_nul) {
            // PostgreSQL's TEXT cannot hold it.
            return Err(StoreError::Driver("a text holds the character U+0000".into()));
        }
        Ok(())
    }

    fn note<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error) = &result {
            let mut failure = self.marks.failure.lock().unwrap_or_else(PoisonError::into_inner);
            failure.get_or_insert_with(|| error.clone());
        }
        result
    }

    /// Runs a statement that changes rows and returns how many.
    pub(crate) async fn execute(&self, sql: Sql, params: &[Value<'_>]) -> Result<u64, StoreError> {
        self.note(self.check(params))?;
        let result = match &self.connection {
            Connection::Sqlite(connection) => connection.execute(sql, params),
            Connection::SqliteReader(reader) => reader.execute(sql, params),
            Connection::Postgres(handle) => handle.execute(sql, params).await,
            Connection::PostgresReader(reader) => reader.execute(sql, params).await,
        };
        let changed = if planted::has(Fault::Deaf) { result.unwrap_or(1) } else { self.note(result)? };
        if changed > 0 {
            self.marks.wrote.store(true, Ordering::Relaxed);
        }
        Ok(changed)
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
        self.note(self.check(params))?;
        self.note(match &self.connection {
            Connection::Sqlite(connection) => connection.query(sql, params),
            Connection::SqliteReader(reader) => reader.query(sql, params).await,
            Connection::Postgres(handle) => handle.query(sql, params).await,
            Connection::PostgresReader(reader) => reader.query(sql, params).await,
        })
    }

    /// Runs a query for at most one row.
    pub(crate) async fn query_opt(&self, sql: Sql, params: &[Value<'_>]) -> Result<Option<Row>, StoreError> {
        Ok(self.query(sql, params).await?.into_iter().next())
    }

    /// Runs a query for one number.
    pub(crate) async fn count(&self, sql: Sql, params: &[Value<'_>]) -> Result<i64, StoreError> {
        self.query_opt(sql, params).await?.map_or(Ok(0), |mut row| row.int("count"))
    }

    /// Runs `UPDATE ... RETURNING` that changes what a row says.
    pub(crate) async fn change(&self, sql: Sql, params: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        let rows = self.query(sql, params).await?;
        if !rows.is_empty() {
            self.marks.wrote.store(true, Ordering::Relaxed);
        }
        Ok(rows)
    }

    /// Runs `UPDATE ... SET version = version + 1 ... RETURNING` for at most one row. When the transaction is refused
    /// afterwards, the higher version may stay: it says nothing, and undoing it would undo the whole batch.
    pub(crate) async fn lock_opt(&self, sql: Sql, params: &[Value<'_>]) -> Result<Option<Row>, StoreError> {
        self.query_opt(sql, params).await
    }
}

/// How a transaction's run went.
pub(crate) enum Ran {
    /// It wants to be committed, or was refused and has nothing to undo.
    Keep,
    /// It failed on storage before it changed anything: others need not be undone with it.
    Failed {
        /// Whether another run may succeed.
        retryable: bool,
    },
    /// It failed after writing, or a statement of it failed: nothing of it must be committed.
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
        let Self { body, result: slot, .. } = self;
        // What an earlier run has left is no answer any more.
        *slot = None;
        // Boxed where it begins: a body of several KB would be copied into each of the futures around it.
        let started = catch_unwind(AssertUnwindSafe(|| Box::pin(body(tx.clone()))));
        Box::pin(async move {
            let result = match started {
                Ok(running) => unless_it_panics(running).await,
                Err(_) => Err(panicked().into()),
            };
            tx.end();
            let failure = tx.failure();
            let ran = match (&result, &failure) {
                (_, Some(failure)) => Ran::Undo { retryable: failure.is_retryable() },
                (Ok(_), None) => Ran::Keep,
                (Err(error), None) => match error.store_error() {
                    Some(store) if tx.has_written() => Ran::Undo { retryable: store.is_retryable() },
                    Some(store) => Ran::Failed { retryable: store.is_retryable() },
                    None if tx.has_written() => Ran::Undo { retryable: false },
                    None => Ran::Keep,
                },
            };
            *slot = Some(match (result, failure) {
                // A body that swallowed a failed statement must not be told that all is well.
                (Ok(_), Some(failure)) => Err(failure.into()),
                (result, _) => result,
            });
            ran
        })
    }

    fn answer(self: Box<Self>, failure: Option<StoreError>) {
        let result = match (failure, self.result) {
            // Even a refusal falls: it may rest on what another transaction of the batch wrote and now has not.
            (Some(failure), _) => Err(failure.into()),
            (None, Some(result)) => result,
            (None, None) => {
                let reason = "the transaction waited for something that is not a statement of its own";
                Err(StoreError::Driver(reason.into()).into())
            }
        };
        // A caller that has gone away does not want its answer.
        let _ = self.caller.send(result);
    }
}

/// Waits for a body. Its panic must not end the writer, which everybody needs.
async fn unless_it_panics<T, E: TxError>(mut running: Pin<Box<impl Future<Output = Result<T, E>>>>) -> Result<T, E> {
    poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(context)));
        polled.unwrap_or_else(|_| Poll::Ready(Err(panicked().into())))
    })
    .await
}

fn panicked() -> StoreError {
    StoreError::Driver("the transaction's code panicked".into())
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
