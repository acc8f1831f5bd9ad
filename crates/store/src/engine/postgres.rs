//! PostgreSQL: a few writing connections with group commit, reading connections that pipeline.

use super::{Connection, Job, JobReceiver, MAX_ATTEMPTS, Ran, Sql, Tx, fill_batch};
use crate::error::StoreError;
use crate::value::{Row, Value};
use bytes::BytesMut;
use std::borrow::Cow;
use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex as AsyncMutex;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{AsyncMessage, Client, Config, Statement};

/// Writing connections: while one waits for its commit to reach the disk, the others fill.
const WRITERS: usize = 3;
/// Reading connections. Each carries any number of queries at once.
const READERS: usize = 2;
/// The pause before a lost connection is tried again.
const RECONNECT_PAUSE: Duration = Duration::from_millis(200);

/// One connection with its prepared statements.
pub(crate) struct Session {
    client: Client,
    statements: Mutex<HashMap<usize, Statement>>,
    /// Set when the server gave up waiting for its synchronous standby: the commit is then "maybe".
    commit_in_doubt: Arc<AtomicBool>,
}

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
    pub(crate) async fn open(config: Config, jobs: JobReceiver) -> Result<Self, StoreError> {
        let first = Arc::new(connect(&config).await?);
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
        connect(config).await
    }

    /// A handle for reading the last committed state.
    pub(crate) async fn reader(&self) -> Result<Tx, StoreError> {
        let turn = self.next_reader.fetch_add(1, Ordering::Relaxed) % self.readers.len();
        let mut slot = self.readers[turn].session.lock().await;
        if let Some(session) = slot.as_ref().filter(|session| !session.client.is_closed()) {
            return Ok(Tx::new(Connection::Postgres(Arc::clone(session))));
        }
        let session = Arc::new(connect(&self.config).await?);
        *slot = Some(Arc::clone(&session));
        Ok(Tx::new(Connection::Postgres(session)))
    }
}

/// Opens a connection and drives it in the background.
async fn connect(config: &Config) -> Result<Session, StoreError> {
    let commit_in_doubt = Arc::new(AtomicBool::new(false));
    let doubt = Arc::clone(&commit_in_doubt);
    let client = if config.get_ssl_mode() == tokio_postgres::config::SslMode::Disable {
        let (client, connection) = config.connect(tokio_postgres::NoTls).await.map_err(connect_error)?;
        tokio::spawn(drive(connection, doubt));
        client
    } else {
        let (client, connection) = config.connect(tls()).await.map_err(connect_error)?;
        tokio::spawn(drive(connection, doubt));
        client
    };
    Ok(Session { client, statements: Mutex::default(), commit_in_doubt })
}

fn tls() -> tokio_postgres_rustls::MakeRustlsConnect {
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    tokio_postgres_rustls::MakeRustlsConnect::new(
        rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth(),
    )
}

/// Moves the connection's bytes until it closes, and listens for warnings about commits.
async fn drive<S, T>(mut connection: tokio_postgres::Connection<S, T>, doubt: Arc<AtomicBool>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
        if let AsyncMessage::Notice(notice) = message
            // The commit is on this server's disk, but the standby's answer was not waited for.
            && [&SqlState::QUERY_CANCELED, &SqlState::ADMIN_SHUTDOWN].contains(&notice.code())
        {
            doubt.store(true, Ordering::Release);
        }
    }
}

impl Session {
    async fn prepared(&self, sql: Sql) -> Result<Statement, StoreError> {
        // Statement texts are constants: their address names them.
        let key = sql.text.as_ptr() as usize;
        let known = self.statements.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(statement) = known {
            return Ok(statement);
        }
        let statement = self.client.prepare(sql.text).await.map_err(driver_error)?;
        self.statements.lock().unwrap_or_else(PoisonError::into_inner).insert(key, statement.clone());
        Ok(statement)
    }

    pub(crate) async fn execute(&self, sql: Sql, params: &[Value<'_>]) -> Result<u64, StoreError> {
        let statement = self.prepared(sql).await?;
        self.client.execute_raw(&statement, params.iter()).await.map_err(driver_error)
    }

    pub(crate) async fn query(&self, sql: Sql, params: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        let statement = self.prepared(sql).await?;
        let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|param| param as _).collect();
        let rows = self.client.query(&statement, &params).await.map_err(driver_error)?;
        rows.iter().map(|row| read_row(sql, row)).collect()
    }

    /// Runs several statements without parameters.
    pub(crate) async fn batch(&self, text: &str) -> Result<(), StoreError> {
        self.client.batch_execute(text).await.map_err(driver_error)
    }
}

fn read_row(sql: Sql, row: &tokio_postgres::Row) -> Result<Row, StoreError> {
    let cells = (0..row.len()).map(|index| row.try_get::<_, Cell>(index).map(|cell| cell.0));
    let cells = cells.collect::<Result<Vec<_>, _>>().map_err(driver_error)?;
    Ok(Row::new(sql.table, cells))
}

/// A column of one of the three types.
struct Cell(Value<'static>);

impl<'a> FromSql<'a> for Cell {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(match *ty {
            Type::INT8 => Value::Int(i64::from_sql(ty, raw)?),
            Type::INT4 => Value::Int(i64::from(i32::from_sql(ty, raw)?)),
            Type::BYTEA => Value::Blob(Cow::Owned(raw.to_vec())),
            _ => Value::Text(Cow::Owned(String::from_sql(ty, raw)?)),
        }))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(Value::Null))
    }

    fn accepts(ty: &Type) -> bool {
        [Type::INT8, Type::INT4, Type::BYTEA, Type::TEXT, Type::VARCHAR].contains(ty)
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(value) if *ty == Type::INT4 => i32::try_from(*value)?.to_sql(ty, out),
            Self::Int(value) => value.to_sql_checked(ty, out),
            Self::Text(text) => text.as_ref().to_sql_checked(ty, out),
            Self::Blob(bytes) => bytes.as_ref().to_sql_checked(ty, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

fn connect_error(error: tokio_postgres::Error) -> StoreError {
    StoreError::Unavailable(explain(&error))
}

/// The driver's text with its causes, which it leaves out of its own `Display`.
fn explain(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

fn driver_error(error: tokio_postgres::Error) -> StoreError {
    let serialization =
        [&SqlState::T_R_SERIALIZATION_FAILURE, &SqlState::T_R_DEADLOCK_DETECTED, &SqlState::LOCK_NOT_AVAILABLE];
    match error.code() {
        Some(code) if serialization.contains(&code) => StoreError::Busy,
        // Another statement of the shared transaction failed; alone this one may succeed.
        Some(code) if *code == SqlState::IN_FAILED_SQL_TRANSACTION => StoreError::Busy,
        // A former primary that was demoted, or a server that is going away: another connection may find the new one.
        Some(code) if *code == SqlState::READ_ONLY_SQL_TRANSACTION || code.code().starts_with("57P") => {
            StoreError::Unavailable(explain(&error))
        }
        Some(_) => StoreError::Driver(explain(&error)),
        None if error.is_closed() => StoreError::Unavailable(explain(&error)),
        None => StoreError::Driver(explain(&error)),
    }
}

/// A writer: takes what waits, runs it in one transaction, commits once, answers all. Reconnects when it has to.
async fn write_jobs(config: Config, jobs: Arc<AsyncMutex<JobReceiver>>) {
    let mut session: Option<Arc<Session>> = None;
    loop {
        let batch = {
            let mut jobs = jobs.lock().await;
            match jobs.recv().await {
                Some(first) => fill_batch(first, &mut jobs),
                None => return,
            }
        };
        let open = match session.take().filter(|session| !session.client.is_closed()) {
            Some(open) => open,
            None => match connect(&config).await {
                Ok(open) => Arc::new(open),
                Err(error) => {
                    tracing::error!(%error, "no connection to write with");
                    for job in batch {
                        job.answer(Some(StoreError::Unavailable(error.to_string())));
                    }
                    tokio::time::sleep(RECONNECT_PAUSE).await;
                    continue;
                }
            },
        };
        if write_batch(&open, batch).await {
            session = Some(open);
        }
    }
}

/// Runs a batch together, or one by one when that fails. Tells whether the connection is still good.
async fn write_batch(session: &Arc<Session>, batch: Vec<Box<dyn Job>>) -> bool {
    match write_together(session, batch).await {
        Ok(()) => true,
        Err(batch) => {
            for job in batch {
                write_alone(session, job).await;
            }
            !session.client.is_closed()
        }
    }
}

/// Runs a batch in one transaction, its statements interleaved and pipelined. Guarded updates and unique indexes make
/// that safe: a transaction that read what another one then changed finds no row to update and runs again alone.
/// Gives the jobs back, unanswered, when they must run one by one.
async fn write_together(session: &Arc<Session>, mut batch: Vec<Box<dyn Job>>) -> Result<(), Vec<Box<dyn Job>>> {
    if session.batch("BEGIN").await.is_err() {
        return Err(batch);
    }
    let tx = || Tx::new(Connection::Postgres(Arc::clone(session)));
    let running = batch.iter_mut().map(|job| job.run(tx())).collect();
    let undo = join_all(running).await.iter().any(|ran| matches!(ran, Ran::Undo { .. }));
    if undo {
        let _ = session.batch("ROLLBACK").await;
        return Err(batch);
    }
    let failure = commit(session).await;
    for job in batch {
        job.answer(failure.as_ref().err().map(copy));
    }
    Ok(())
}

/// Runs one job in its own transaction, again when it lost a race.
async fn write_alone(session: &Arc<Session>, mut job: Box<dyn Job>) {
    for attempt in 1..=MAX_ATTEMPTS {
        if let Err(error) = session.batch("BEGIN").await {
            return job.answer(Some(error));
        }
        match job.run(Tx::new(Connection::Postgres(Arc::clone(session)))).await {
            Ran::Keep => {
                let failure = commit(session).await.err();
                return job.answer(failure);
            }
            Ran::Undo { retryable } => {
                let _ = session.batch("ROLLBACK").await;
                if !retryable || attempt == MAX_ATTEMPTS {
                    return job.answer(None);
                }
            }
        }
    }
}

async fn commit(session: &Session) -> Result<(), StoreError> {
    session.commit_in_doubt.store(false, Ordering::Release);
    match session.batch("COMMIT").await {
        Ok(()) if session.commit_in_doubt.load(Ordering::Acquire) => {
            Err(StoreError::Unknown("the synchronous standby did not confirm the commit".into()))
        }
        Ok(()) => Ok(()),
        Err(StoreError::Unavailable(reason)) => Err(StoreError::Unknown(reason)),
        Err(error) => Err(error),
    }
}

/// The same commit failure for each of the batch.
fn copy(error: &StoreError) -> StoreError {
    match error {
        StoreError::Conflict => StoreError::Conflict,
        StoreError::Busy => StoreError::Busy,
        StoreError::Unavailable(reason) => StoreError::Unavailable(reason.clone()),
        StoreError::Unknown(reason) => StoreError::Unknown(reason.clone()),
        StoreError::Corrupt { table, column, id } => StoreError::Corrupt { table, column, id: id.clone() },
        StoreError::Schema(reason) => StoreError::Schema(reason.clone()),
        StoreError::Driver(reason) => StoreError::Driver(reason.clone()),
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
