//! SQLite: one writer thread with group commit, reading connections beside it.

mod checkpoint;
mod reader;
mod writeback;

pub(crate) use reader::Reader;

use super::{BoxFuture, Connection, Job, JobReceiver, Ran, Sql, Tx, fill_batch};
use crate::error::StoreError;
use crate::planted::{self, Fault};
use crate::value::{Row, Value};
use checkpoint::Checkpointer;
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{ErrorCode, OpenFlags, ToSql};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Commands beside a running server hold the write lock for milliseconds; this is patience, not a plan.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Prepared statements kept per connection: more than the program has.
const STATEMENT_CACHE: usize = 256;
/// The writer's cache in KiB. SQLite walks through all of it after every commit that has split a page (balancing lends a
/// page the number of the lock page, far behind the file's end, and the commit then looks for what lies behind the end),
/// so that more than a few batches' pages cost more than they save.
const WRITER_CACHE_KIB: i64 = 8192;
const READER_CACHE_KIB: i64 = 8192;
/// Reading connections: reads are short and run on the callers' threads.
const READERS: usize = 8;

/// What is the matter where SQLite finds that it must not write.
const READ_ONLY: &str =
    "this process may not write to the database; its file, its log and their folder must be writable";

/// A connection that statements take turns on. The mutex is uncontended on the writer and costs nanoseconds.
#[derive(Clone)]
pub(crate) struct SharedConnection(Arc<Mutex<rusqlite::Connection>>);

/// Readers and the way to the writer.
pub(crate) struct SqliteEngine {
    readers: Vec<Reader>,
}

impl SqliteEngine {
    /// Opens the database file, creating it if needed, and starts the writer.
    pub(crate) fn open(path: &Path, jobs: JobReceiver) -> Result<(Self, std::thread::JoinHandle<()>), StoreError> {
        let writer = connect(path)?;
        let unavailable = |error: std::io::Error| StoreError::Unavailable(error.to_string());
        let checkpointer = Checkpointer::start(connect(path)?, path).map_err(unavailable)?;
        let readers = (0..READERS).map(|_| connect_reader(path).map(Reader::new)).collect::<Result<_, _>>()?;
        let thread = std::thread::Builder::new()
            .name("sqlite-writer".into())
            .spawn(move || write_jobs(&writer, checkpointer, jobs))
            .map_err(unavailable)?;
        Ok((Self { readers }, thread))
    }

    /// Opens a connection of its own, for migrations, which run before the writer starts.
    pub(crate) fn connect(path: &Path) -> Result<SharedConnection, StoreError> {
        connect(path)
    }

    /// A handle for reading the last committed state. A thread keeps to one connection, whose cached pages and statements
    /// are then in its processor's own cache.
    pub(crate) fn reader(&self) -> Tx {
        static THREADS: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static NUMBER: usize = THREADS.fetch_add(1, Ordering::Relaxed);
        }
        Tx::new(Connection::SqliteReader(self.readers[NUMBER.with(|number| *number) % READERS].clone()))
    }
}

/// Opens a connection that writes.
fn connect(path: &Path) -> Result<SharedConnection, StoreError> {
    let mut connection = rusqlite::Connection::open(path).map_err(driver_error)?;
    configure(&connection)?;
    let mode = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0));
    // SQLite answers with the old mode where the file system cannot share memory; readers would then block the writer.
    if mode.map_err(driver_error)? != "wal" {
        return Err(StoreError::Schema("the database's file system does not support write-ahead logging".into()));
    }
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB).map_err(driver_error)?;
    // The pages of a batch that do not fit would go to the log before its commit, and again.
    connection.pragma_update(None, "cache_spill", false).map_err(driver_error)?;
    // FULL: with NORMAL, a power cut loses commits that were answered, and the file looks intact afterwards.
    let synchronous = if planted::has(Fault::NormalSync) { "NORMAL" } else { "FULL" };
    connection.pragma_update(None, "synchronous", synchronous).map_err(driver_error)?;
    connection.wal_hook(Some(checkpoint::note_length)).map_err(driver_error)?;
    Ok(SharedConnection(Arc::new(Mutex::new(connection))))
}

/// Ends the process: after a failed write or sync nobody can say what the disk holds, and SQLite would carry on as if
/// nothing had happened. Stopping is the only honest answer: the next start reads what is really there.
fn stop(error: &StoreError) -> ! {
    tracing::error!(%error, "the disk failed; stopping so that nothing is acknowledged that may be lost");
    std::process::abort()
}

fn connect_reader(path: &Path) -> Result<SharedConnection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let connection = rusqlite::Connection::open_with_flags(path, flags).map_err(driver_error)?;
    configure(&connection)?;
    connection.pragma_update(None, "cache_size", -READER_CACHE_KIB).map_err(driver_error)?;
    connection.pragma_update(None, "query_only", true).map_err(driver_error)?;
    Ok(SharedConnection(Arc::new(Mutex::new(connection))))
}

fn configure(connection: &rusqlite::Connection) -> Result<(), StoreError> {
    connection.busy_timeout(BUSY_TIMEOUT).map_err(driver_error)?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    // Plans do not depend on the values that are bound. Without this, SQLite prepares some statements anew at every run.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(driver_error)?;
    // The last connection to close would copy the log into the file and keep a failed sync to itself. The one that
    // migrates is the only one at that moment, so that the gateway would serve on what the disk has forgotten.
    let never_on_close = !planted::has(Fault::Deaf);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, never_on_close).map_err(driver_error)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(driver_error)?;
    connection.pragma_update(None, "temp_store", "MEMORY").map_err(driver_error)
}

impl SharedConnection {
    fn lock(&self) -> MutexGuard<'_, rusqlite::Connection> {
        // A panic inside a statement cannot leave SQLite's own state half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn execute(&self, sql: Sql, params: &[Value<'_>]) -> Result<u64, StoreError> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached(sql.text).map_err(driver_error)?;
        let changed = statement.execute(rusqlite::params_from_iter(params)).map_err(driver_error)?;
        Ok(changed as u64)
    }

    pub(crate) fn query(&self, sql: Sql, params: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached(sql.text).map_err(driver_error)?;
        rows(&mut statement, sql, params)
    }

    /// Runs several statements without parameters.
    pub(crate) fn batch(&self, text: &str) -> Result<(), StoreError> {
        self.lock().execute_batch(text).map_err(driver_error)
    }

    /// Runs BEGIN, COMMIT and the like, which come again and again.
    fn control(&self, text: &str) -> Result<(), StoreError> {
        self.control_raw(text).map_err(driver_error)
    }

    fn control_raw(&self, text: &str) -> rusqlite::Result<()> {
        control(&self.lock(), text)
    }

    /// Whether the transaction is over: some errors end it on their own.
    fn has_left_transaction(&self) -> bool {
        self.lock().is_autocommit() && !planted::has(Fault::NoTransaction)
    }
}

/// Runs BEGIN, COMMIT and the like.
fn control(connection: &rusqlite::Connection, text: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(text).and_then(|mut statement| statement.execute([])).map(drop)
}

/// The rows that a prepared statement brings.
fn rows(statement: &mut rusqlite::Statement<'_>, sql: Sql, params: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
    let columns = statement.column_count();
    let mut rows = statement.query(rusqlite::params_from_iter(params)).map_err(driver_error)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(driver_error)? {
        let mut read = Row::new(sql.table, columns);
        for index in 0..columns {
            let cell = value(row.get_ref(index).map_err(driver_error)?);
            let corrupt = || StoreError::Corrupt { table: sql.table, column: "?", id: String::new() };
            read.push(cell.ok_or_else(corrupt)?);
        }
        found.push(read);
    }
    Ok(found)
}

fn value(column: ValueRef<'_>) -> Option<Value<'_>> {
    match column {
        ValueRef::Null => Some(Value::Null),
        ValueRef::Integer(value) => Some(Value::Int(value)),
        ValueRef::Text(text) => std::str::from_utf8(text).ok().map(Value::from),
        ValueRef::Blob(bytes) => Some(Value::from(bytes)),
        ValueRef::Real(_) => None,
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn driver_error(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy,
        Some(ErrorCode::DiskFull) => StoreError::Unavailable("the disk is full".into()),
        Some(ErrorCode::ReadOnly) => StoreError::Unavailable(READ_ONLY.into()),
        // Before a commit nothing is at stake, and the next try may find the disk mended; see [`commit`] for the rest.
        Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => StoreError::Unavailable(error.to_string()),
        _ => StoreError::Driver(error.to_string()),
    }
}

/// The writer: takes what waits, runs it in one transaction, commits once, answers all.
fn write_jobs(connection: &SharedConnection, mut checkpointer: Checkpointer, mut jobs: JobReceiver) {
    while let Some(first) = jobs.blocking_recv() {
        write_batch(connection, fill_batch(first, &mut jobs));
        checkpointer.after_commit(connection);
    }
    checkpointer.end(connection);
}

/// How the jobs of a batch are kept apart.
#[derive(Clone, Copy)]
enum Isolation {
    /// Not at all: one that must be undone ends the attempt.
    None,
    /// By a savepoint each, which keeps a copy of every page that its job touches.
    Savepoints,
}

/// Writes a batch: without savepoints, as hardly any job must be undone; with them when one must; one by one when even
/// that fails.
fn write_batch(connection: &SharedConnection, mut batch: Vec<Box<dyn Job>>) {
    for isolation in [Isolation::None, Isolation::Savepoints] {
        // Alone, a job needs nothing to be kept apart from.
        if batch.len() > 1 {
            batch = write_together(connection, batch, isolation);
        }
    }
    for job in batch {
        write_alone(connection, job);
    }
}

/// Runs a batch in one transaction. Gives the jobs back, unanswered, when they must run again in another way.
fn write_together(
    connection: &SharedConnection,
    mut batch: Vec<Box<dyn Job>>,
    isolation: Isolation,
) -> Vec<Box<dyn Job>> {
    if let Err(error) = begin(connection) {
        // Nobody's turn will come sooner by waiting for the lock once more for each.
        batch.into_iter().for_each(|job| job.answer(Some(error.clone())));
        return Vec::new();
    }
    for job in &mut batch {
        let stands = match isolation {
            Isolation::None => matches!(run(connection, job.as_mut()), Ran::Keep | Ran::Failed { .. }),
            Isolation::Savepoints => run_in_savepoint(connection, job.as_mut()).is_ok(),
        };
        if !stands || connection.has_left_transaction() {
            roll_back(connection);
            return batch;
        }
    }
    if planted::has(Fault::EarlyAnswer) {
        batch.drain(..).for_each(|job| job.answer(None));
        std::thread::sleep(planted::DELAY);
    }
    match commit(connection) {
        Ok(()) => {
            batch.into_iter().for_each(|job| job.answer(None));
            Vec::new()
        }
        // In the end each of them meets the trouble alone and is answered with it.
        Err(_) => batch,
    }
}

/// Runs one job of a batch and undoes it alone when it failed. A lost race is not run again: there is one writer, so
/// that a second run would meet the same rows.
fn run_in_savepoint(connection: &SharedConnection, job: &mut dyn Job) -> Result<(), StoreError> {
    connection.control("SAVEPOINT job")?;
    match run(connection, job) {
        Ran::Keep | Ran::Failed { .. } => {}
        Ran::Undo { .. } => connection.control("ROLLBACK TO job")?,
    }
    connection.control("RELEASE job")
}

/// Runs one job in its own transaction.
fn write_alone(connection: &SharedConnection, mut job: Box<dyn Job>) {
    if let Err(error) = begin(connection) {
        return job.answer(Some(error));
    }
    match run(connection, job.as_mut()) {
        Ran::Keep | Ran::Failed { .. } => {
            let failure = commit(connection).err();
            job.answer(failure);
        }
        Ran::Undo { .. } => {
            roll_back(connection);
            job.answer(None);
        }
    }
}

/// Polls a transaction's future. Statements on SQLite return at once, so that one poll brings it to its end.
fn run(connection: &SharedConnection, job: &mut dyn Job) -> Ran {
    let mut future: BoxFuture<'_, Ran> = job.run(Tx::new(Connection::Sqlite(connection.clone())));
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(ran) => ran,
        // The body waited for something that is not the database, which the rules forbid.
        Poll::Pending => Ran::Undo { retryable: false },
    }
}

fn begin(connection: &SharedConnection) -> Result<(), StoreError> {
    if planted::has(Fault::NoTransaction) {
        return Ok(());
    }
    connection.control("BEGIN IMMEDIATE")
}

fn commit(connection: &SharedConnection) -> Result<(), StoreError> {
    if planted::has(Fault::NoTransaction) {
        return Ok(());
    }
    let Err(error) = connection.control_raw("COMMIT") else { return Ok(()) };
    if planted::has(Fault::Deaf) {
        roll_back(connection);
        return Ok(());
    }
    let code = error.sqlite_error_code();
    let error = driver_error(error);
    match code {
        // Nothing was written: SQLite has not begun to, or has found no room or a broken rule before it did. What it may
        // not write it knows when it opens or begins; a disk that turns read-only later fails the write itself.
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::ReadOnly
            | ErrorCode::ConstraintViolation
            | ErrorCode::OutOfMemory,
        ) => {
            roll_back(connection);
            Err(error)
        }
        _ => stop(&error),
    }
}

fn roll_back(connection: &SharedConnection) {
    // When it fails there was no transaction left to roll back: some errors end it by themselves.
    let _ = connection.control("ROLLBACK");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Queue, Sql};
    use rusqlite::ffi;
    use std::path::PathBuf;
    use xanpay_testkit::Database;

    const INSERT: Sql = Sql::new("t", "INSERT INTO t (id) VALUES ($1)");

    type WriteBatch = fn(&SharedConnection, Vec<Box<dyn Job>>);

    /// The planted bug: callers hear of success before it is one.
    fn answering_before_the_commit(connection: &SharedConnection, mut batch: Vec<Box<dyn Job>>) {
        connection.control("BEGIN IMMEDIATE").unwrap();
        for job in &mut batch {
            assert!(matches!(run(connection, job.as_mut()), Ran::Keep));
        }
        batch.into_iter().for_each(|job| job.answer(None));
        let _ = commit(connection);
    }

    /// How many inserts were acknowledged and are not there, when every commit that holds row 3 is refused.
    async fn acknowledged_and_lost(write: WriteBatch) -> (usize, usize) {
        let database = Database::sqlite();
        let connection = connect(&database.path()).unwrap();
        connection.batch("CREATE TABLE t (id INTEGER PRIMARY KEY)").unwrap();
        let reader = connect(&database.path()).unwrap();
        let poisoned = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let (seen, hook) = (Arc::clone(&poisoned), Arc::clone(&poisoned));
        {
            let mut raw = connection.lock();
            let mark =
                move |_, _: &str, _: &str, id| seen.store(seen.load(Ordering::SeqCst) || id == 3, Ordering::SeqCst);
            raw.update_hook(Some(mark)).unwrap();
            raw.commit_hook(Some(move || hook.swap(false, Ordering::SeqCst))).unwrap();
        }
        let (queue, mut jobs) = Queue::new();
        let writes: Vec<_> = (0..8_i64)
            .map(|id| {
                let queue = queue.clone();
                tokio::spawn(async move {
                    let insert = move |tx: Tx| async move { tx.execute_one(INSERT, &[Value::Int(id)]).await };
                    queue.write::<(), StoreError, _, _>(insert).await.map(|()| id)
                })
            })
            .collect();
        let mut batch = Vec::new();
        while batch.len() < writes.len() {
            batch.push(jobs.recv().await.unwrap());
        }
        write(&connection, batch);
        let stored = reader.query(Sql::new("t", "SELECT id FROM t"), &[]).unwrap().len();
        let mut acknowledged = 0;
        for written in writes {
            acknowledged += usize::from(written.await.unwrap().is_ok());
        }
        (acknowledged - stored, stored)
    }

    #[tokio::test]
    async fn nothing_is_acknowledged_whose_commit_is_refused_and_the_rest_of_the_batch_is_stored() {
        assert_eq!(acknowledged_and_lost(write_batch).await, (0, 7));
    }

    #[test]
    fn a_disk_that_fails_before_a_commit_is_unavailable_and_a_broken_rule_is_not() {
        let answer = |code| driver_error(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
        for code in [
            ffi::SQLITE_FULL,
            ffi::SQLITE_IOERR_READ,
            ffi::SQLITE_IOERR_WRITE,
            ffi::SQLITE_CANTOPEN,
            ffi::SQLITE_READONLY,
            ffi::SQLITE_READONLY_DIRECTORY,
        ] {
            assert!(matches!(answer(code), StoreError::Unavailable(_)), "{code}");
        }
        for code in [ffi::SQLITE_CORRUPT, ffi::SQLITE_CONSTRAINT_CHECK, ffi::SQLITE_ERROR] {
            assert!(matches!(answer(code), StoreError::Driver(_)), "{code}");
        }
    }

    #[tokio::test]
    async fn a_database_that_must_not_be_written_is_read_refuses_writes_and_ends_nothing() {
        let database = Database::sqlite();
        let owner = connect(&database.path()).unwrap();
        owner.batch("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (7)").unwrap();
        // What a process without the right to write gets, which root, who may run this, would not.
        let read_only = PathBuf::from(format!("file:{}?mode=ro", database.path().display()));
        let connection = connect(&read_only).unwrap();
        let checkpointer = Checkpointer::start(connect(&read_only).unwrap(), &database.path()).unwrap();
        let (queue, jobs) = Queue::new();
        let writer = std::thread::spawn(move || write_jobs(&connection, checkpointer, jobs));
        let select = |tx: Tx| async move { tx.query(Sql::new("t", "SELECT id FROM t"), &[]).await };
        assert_eq!(queue.write::<_, StoreError, _, _>(select).await.unwrap().len(), 1);
        let insert = |tx: Tx| async move { tx.execute_one(INSERT, &[Value::Int(8)]).await };
        let refused = queue.write::<(), StoreError, _, _>(insert).await;
        assert_eq!(refused, Err(StoreError::Unavailable(READ_ONLY.into())));
        drop(queue);
        writer.join().unwrap();
    }

    #[tokio::test]
    async fn answering_before_the_commit_would_be_noticed() {
        assert_eq!(acknowledged_and_lost(answering_before_the_commit).await, (8, 0));
    }
}
