//! A connection to PostgreSQL: its settings, its prepared statements, how values and errors cross it.

use super::many::PreparedForMany;
use super::server::Server;
use crate::engine::{BoxFuture, Sql};
use crate::error::StoreError;
use crate::planted::{self, Fault};
use crate::value::{Row, Value};
use bytes::BytesMut;
use std::borrow::Cow;
use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::lookup_host;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_postgres::config::Host;
use tokio_postgres::error::{Severity, SqlState};
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{AsyncMessage, Client, Config, NoTls, SimpleQueryMessage, Statement};

/// Settings of every connection, whatever the server, the role or the database say, as options of its start: guarded
/// updates are meant for READ COMMITTED, and warnings about commits must arrive. A pooler that hands a connection from one
/// to the next after each transaction would carry a SET to somebody else; these it refuses.
///
/// Every statement has its index (the catalogue's test says so), and plans are kept for as long as the connection. One
/// that was made while a table was small would read the whole table for every row once it has grown, until the server
/// happens to analyse it; hence no sequential scans nor joins that begin with one, and one plan per statement whatever its
/// parameters.
pub(crate) const SETTINGS: &str = "-c default_transaction_isolation=read\\ committed -c client_min_messages=warning \
    -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c enable_bitmapscan=off -c enable_material=off \
    -c jit=off -c plan_cache_mode=force_generic_plan";
/// No statement of a running gateway takes long: one that does waits for something that does not come.
const PATIENCE: &str = "-c statement_timeout=30s -c lock_timeout=10s -c idle_in_transaction_session_timeout=60s";
/// Tells whether the settings have come to the server, and sees to it that a commit is durable when it is answered: that
/// depends on what is set already.
const GREETING: &str = "SELECT current_setting('plan_cache_mode') = 'force_generic_plan'; \
    SELECT set_config('synchronous_commit', 'on', false) \
    WHERE current_setting('synchronous_commit') IN ('off', 'local', 'remote_write')";
/// No option of the start: with it, the server would count as one that takes no writes, which a URL may ask not to be
/// connected to.
const READ_ONLY: &str = "SET default_transaction_read_only = on";
/// How long a server may keep silent about what it was told. It ends a statement earlier itself, unless it stands still or
/// its host is gone; nothing but this ends a COMMIT that waits for a synchronous standby.
const SILENCE: Duration = Duration::from_secs(40);
const SILENT: &str = "the server does not answer";
/// Stand in a statement where rows are picked to be changed, or where others are to wait; comments to SQLite, which has
/// one writer.
const LOCKS: [(&str, &str); 2] = [("/* skip locked */", "FOR UPDATE SKIP LOCKED"), ("/* for update */", "FOR UPDATE")];

/// One connection with its prepared statements.
pub(crate) struct Session {
    pub(super) client: Client,
    /// Moves its bytes.
    driver: AbortHandle,
    /// How long the server may keep silent.
    silence: Duration,
    /// Whether it has been silent for longer.
    given_up: AtomicBool,
    /// Whether an answer has told that the connection is over, which its driver may not know yet.
    ended: AtomicBool,
    plain: Prepared<Statement>,
    /// Prepared for many callers at once; see [`super::many`].
    pub(super) many: Prepared<Arc<PreparedForMany>>,
    /// Set by a warning. One that comes with a COMMIT says that the server gave up waiting for its synchronous standby:
    /// the commit is then "maybe".
    warned: Arc<AtomicBool>,
}

/// Prepared statements. Their texts are constants: place and length name them.
pub(super) struct Prepared<S>(Mutex<HashMap<(usize, usize), S>>);

impl<S> Default for Prepared<S> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<S: Clone> Prepared<S> {
    fn key(sql: Sql) -> (usize, usize) {
        (sql.text.as_ptr() as usize, sql.text.len())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(usize, usize), S>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, sql: Sql) -> Option<S> {
        self.lock().get(&Self::key(sql)).cloned()
    }

    pub(super) fn keep(&self, sql: Sql, statement: S) -> S {
        self.lock().insert(Self::key(sql), statement.clone());
        statement
    }

    pub(super) fn forget(&self, sql: Sql) {
        self.lock().remove(&Self::key(sql));
    }
}

/// Opens a connection for migrations, which take as long as they take.
///
/// This and its like are boxed: whoever may have to reconnect would otherwise carry the 4 KB of the driver's future through
/// every request.
pub(crate) fn connect(server: &Server) -> BoxFuture<'_, Result<Session, StoreError>> {
    Box::pin(open_in_time(server, "", Duration::MAX))
}

/// Opens a connection for transactions.
pub(super) fn connect_writer(server: &Server) -> BoxFuture<'_, Result<Session, StoreError>> {
    Box::pin(open_in_time(server, PATIENCE, SILENCE))
}

/// Opens a connection that reads the last committed state and can do nothing else.
pub(super) fn connect_reader(server: &Server) -> BoxFuture<'_, Result<Session, StoreError>> {
    Box::pin(async move {
        let session = connect_writer(server).await?;
        session.batch(READ_ONLY).await?;
        Ok(session)
    })
}

/// Opens a connection and drives it in the background.
async fn open_in_time(server: &Server, limits: &str, silence: Duration) -> Result<Session, StoreError> {
    // The driver's own timeout ends when an address has taken the connection, before the server has said a word.
    let patience = match server.config.get_connect_timeout() {
        Some(each) => each.saturating_mul(addresses(&server.config, *each).await),
        None => Duration::MAX,
    };
    timeout(patience, open(server, limits, silence)).await.map_err(|_| silent())?
}

/// How many addresses the driver tries one after the other, each for as long as it takes to connect at most. A name counts
/// once when it cannot be looked up: the driver will say why.
async fn addresses(config: &Config, patience: Duration) -> u32 {
    let mut count = config.get_hostaddrs().len();
    if count == 0 {
        let ports = config.get_ports().iter().chain(std::iter::repeat(config.get_ports().first().unwrap_or(&5432)));
        for (host, port) in config.get_hosts().iter().zip(ports) {
            count += match host {
                Host::Tcp(name) => {
                    let found = timeout(patience, lookup_host((name.as_str(), *port))).await;
                    found.ok().and_then(Result::ok).map_or(1, |found| found.count().max(1))
                }
                Host::Unix(_) => 1,
            };
        }
    }
    u32::try_from(count).unwrap_or(u32::MAX).max(1)
}

async fn open(server: &Server, limits: &str, silence: Duration) -> Result<Session, StoreError> {
    let mut config = server.config.clone();
    // Of two that set the same the last one counts.
    config.options(format!("{} {SETTINGS} {limits}", server.config.get_options().unwrap_or_default()));
    let warned = Arc::new(AtomicBool::new(false));
    let (client, driver) = match server.tls.clone() {
        None => {
            let (client, connection) = config.connect(NoTls).await.map_err(connect_error)?;
            (client, tokio::spawn(drive(connection, Arc::clone(&warned))))
        }
        Some(tls) => {
            let (client, connection) = config.connect(tls).await.map_err(connect_error)?;
            (client, tokio::spawn(drive(connection, Arc::clone(&warned))))
        }
    };
    let session = Session {
        client,
        driver: driver.abort_handle(),
        silence,
        given_up: AtomicBool::new(false),
        ended: AtomicBool::new(false),
        plain: Prepared::default(),
        many: Prepared::default(),
        warned,
    };
    let answers = session.answer(session.client.simple_query(GREETING)).await?;
    let first =
        answers.iter().find_map(|answer| if let SimpleQueryMessage::Row(row) = answer { row.get(0) } else { None });
    if first == Some("t") {
        return Ok(session);
    }
    Err(StoreError::Schema("what is between here and the PostgreSQL server withholds the connection's settings".into()))
}

/// Moves the connection's bytes until it closes, and listens for warnings.
async fn drive<S, T>(mut connection: tokio_postgres::Connection<S, T>, warned: Arc<AtomicBool>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
        // The server sends it before it answers the statement, so that the mark stands before the answer is seen.
        if let AsyncMessage::Notice(notice) = message
            && notice.parsed_severity() == Some(Severity::Warning)
        {
            warned.store(true, Ordering::Release);
        }
    }
}

/// A statement's text as this database wants it. Work that somebody else is taking is passed over instead of waited
/// for: two claims that wait for each other's rows would stand still until the server ends one, a second later.
pub(crate) fn dialect(sql: Sql) -> Cow<'static, str> {
    match LOCKS.into_iter().find(|(mark, _)| sql.text.contains(mark)) {
        Some((mark, lock)) => Cow::Owned(sql.text.replace(mark, lock)),
        None => Cow::Borrowed(sql.text),
    }
}

impl Session {
    pub(super) async fn prepared(&self, sql: Sql) -> Result<Statement, StoreError> {
        if let Some(statement) = self.plain.get(sql) {
            return Ok(statement);
        }
        let statement = self.answer(self.client.prepare(&dialect(sql))).await?;
        Ok(self.plain.keep(sql, statement))
    }

    pub(crate) async fn execute(&self, sql: Sql, params: &[Value<'_>]) -> Result<u64, StoreError> {
        let statement = self.prepared(sql).await?;
        self.answer(self.client.execute_raw(&statement, params.iter())).await
    }

    pub(crate) async fn query(&self, sql: Sql, params: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        let statement = self.prepared(sql).await?;
        let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|param| param as _).collect();
        let rows = self.answer(self.client.query(&statement, &params)).await?;
        rows.iter().map(|row| read_row(sql, row, 0)).collect()
    }

    /// Runs several statements without parameters.
    pub(crate) async fn batch(&self, text: &str) -> Result<(), StoreError> {
        self.answer(self.client.batch_execute(text)).await
    }

    /// Waits for an answer of the server.
    pub(super) async fn answer<T>(
        &self,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, StoreError> {
        let answer = self.in_time(answer).await?;
        if answer.as_ref().is_err_and(ends_connection) {
            self.ended.store(true, Ordering::Release);
        }
        answer.map_err(driver_error)
    }

    /// Waits for an answer for as long as the server may keep silent. When it comes no sooner the connection is closed, and
    /// what else waits on it fails at once: closing it in an orderly way would wait for the server, too.
    async fn in_time<T>(&self, answer: impl Future<Output = T>) -> Result<T, StoreError> {
        if let Ok(answer) = timeout(self.silence, answer).await {
            return Ok(answer);
        }
        self.given_up.store(true, Ordering::Release);
        self.driver.abort();
        Err(silent())
    }

    /// Whether the connection is lost.
    pub(super) fn is_closed(&self) -> bool {
        self.has_ended() || self.heard().is_err()
    }

    /// Whether the server or the network has ended the connection.
    pub(super) fn has_ended(&self) -> bool {
        self.client.is_closed() || self.ended.load(Ordering::Acquire)
    }

    /// An error when the server has kept silent for too long.
    pub(super) fn heard(&self) -> Result<(), StoreError> {
        if self.given_up.load(Ordering::Acquire) { Err(silent()) } else { Ok(()) }
    }

    /// Begins a transaction.
    pub(super) async fn begin(&self) -> Result<(), StoreError> {
        if planted::has(Fault::NoTransaction) {
            return Ok(());
        }
        self.batch("BEGIN").await
    }

    /// Commits, and begins the `next` transaction with the same message. [`StoreError::Unknown`] when nobody can say
    /// whether it is stored.
    pub(super) async fn commit(&self, next: bool) -> Result<(), StoreError> {
        if planted::has(Fault::NoTransaction) {
            return Ok(());
        }
        self.warned.store(false, Ordering::Release);
        match self.in_time(self.client.batch_execute(if next { "COMMIT AND CHAIN" } else { "COMMIT" })).await {
            Err(_) => Err(StoreError::Unknown(SILENT.into())),
            // Whatever the warning is about, a COMMIT that goes well has none.
            Ok(Ok(())) if self.warned.load(Ordering::Acquire) => {
                Err(StoreError::Unknown("the server warned that the commit may not have reached its standby".into()))
            }
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(commit_error(error)),
        }
    }
}

/// What a COMMIT's error leaves: nothing stored where the server says that it refused, otherwise nobody knows.
fn commit_error(error: tokio_postgres::Error) -> StoreError {
    let (says_why, reason) = (error.code().is_some(), explain(&error));
    let refusal = driver_error(error);
    let is_certain = says_why && !matches!(refusal, StoreError::Unavailable(_));
    if is_certain { refusal } else { StoreError::Unknown(reason) }
}

/// The row's columns from `first` on.
pub(super) fn read_row(sql: Sql, row: &tokio_postgres::Row, first: usize) -> Result<Row, StoreError> {
    let mut read = Row::new(sql.table, row.len() - first);
    for index in first..row.len() {
        let Cell(value) = row.try_get(index).map_err(driver_error)?;
        read.push(value);
    }
    Ok(read)
}

/// A column of one of the three types.
struct Cell<'a>(Value<'a>);

impl<'a> FromSql<'a> for Cell<'a> {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(match *ty {
            Type::INT8 => Value::Int(i64::from_sql(ty, raw)?),
            Type::INT4 => Value::Int(i64::from(i32::from_sql(ty, raw)?)),
            Type::BYTEA => Value::from(raw),
            _ => Value::from(std::str::from_utf8(raw)?),
        }))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(Value::Null))
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::INT8 | Type::INT4 | Type::BYTEA | Type::TEXT | Type::VARCHAR)
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

fn silent() -> StoreError {
    StoreError::Unavailable(SILENT.into())
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

/// Whether nothing comes over the connection after an error.
fn ends_connection(error: &tokio_postgres::Error) -> bool {
    let ends = [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::CANNOT_CONNECT_NOW];
    error.is_closed() || error.code().is_some_and(|code| ends.contains(code))
}

/// Sorts an error by its SQLSTATE (PostgreSQL's manual, appendix A).
pub(super) fn driver_error(error: tokio_postgres::Error) -> StoreError {
    let busy = [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::LOCK_NOT_AVAILABLE,
        // Another statement of the shared transaction failed; alone this one may succeed.
        SqlState::IN_FAILED_SQL_TRANSACTION,
    ];
    let unavailable = [
        // A former primary that was demoted: another connection may find the new one.
        SqlState::READ_ONLY_SQL_TRANSACTION,
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
        SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN,
    ];
    match error.code() {
        Some(code) if busy.contains(code) => StoreError::Busy,
        // Connection trouble, a full disk or too many connections, a server that goes away or gives up a statement.
        Some(code)
            if unavailable.contains(code) || ["08", "53", "57"].iter().any(|class| code.code().starts_with(class)) =>
        {
            StoreError::Unavailable(explain(&error))
        }
        Some(_) => StoreError::Driver(explain(&error)),
        None if error.is_closed() => StoreError::Unavailable(explain(&error)),
        None => StoreError::Driver(explain(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_address_of_a_server_has_its_time() {
        for (url, count) in [
            ("postgres://127.0.0.1/pay", 1),
            ("postgres://127.0.0.1,127.0.0.2:5433,[::1]/pay", 3),
            ("host=/run/postgresql", 1),
            ("hostaddr=203.0.113.7,203.0.113.8", 2),
            ("host=a.example,b.example hostaddr=203.0.113.7,203.0.113.8", 2),
            ("user=pay", 1),
        ] {
            assert_eq!(addresses(&url.parse().unwrap(), Duration::from_secs(5)).await, count, "{url}");
        }
    }

    #[test]
    fn a_commit_whose_answer_says_nothing_of_the_server_is_unknown() {
        // An error of the driver itself; one that it makes of an answer which it cannot read is another.
        let without_code = "port=none".parse::<tokio_postgres::Config>().unwrap_err();
        assert!(without_code.code().is_none() && !without_code.is_closed());
        assert!(matches!(commit_error(without_code), StoreError::Unknown(_)));
    }
}
