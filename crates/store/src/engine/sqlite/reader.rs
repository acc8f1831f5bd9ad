//! Reading together: callers that want to read at the same moment share one read transaction.
//!
//! A read transaction takes two locks of the file system, and a statement's code and pages are in the processor's cache
//! when an equal one ran just before. So a caller leaves what it asks, lets the others that are ready do the same, and
//! whoever is back first answers all.

use super::{SharedConnection, control, driver_error, rows};
use crate::engine::Sql;
use crate::error::StoreError;
use crate::value::{Row, Value};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

/// A connection that reads the last committed state.
#[derive(Clone)]
pub(crate) struct Reader(Arc<Shared>);

/// What the handles of a reader share.
struct Shared {
    connection: SharedConnection,
    asks: Mutex<Vec<Ask>>,
}

/// A statement that waits to be run.
struct Ask {
    sql: Sql,
    params: Vec<Value<'static>>,
    caller: oneshot::Sender<Result<Vec<Row>, StoreError>>,
}

impl Reader {
    pub(super) fn new(connection: SharedConnection) -> Self {
        Self(Arc::new(Shared { connection, asks: Mutex::default() }))
    }

    pub(crate) fn execute(&self, sql: Sql, params: &[Value<'_>]) -> Result<u64, StoreError> {
        self.0.connection.execute(sql, params)
    }

    pub(crate) async fn query(&self, sql: Sql, params: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        if !sql.for_many {
            return self.0.connection.query(sql, params);
        }
        let (caller, mut answer) = oneshot::channel();
        let params = params.iter().map(Value::to_owned_value).collect();
        self.0.asks.lock().unwrap_or_else(PoisonError::into_inner).push(Ask { sql, params, caller });
        tokio::task::yield_now().await;
        if let Ok(answer) = answer.try_recv() {
            return answer;
        }
        self.answer_all();
        answer.await.map_err(|_| StoreError::Driver("a statement was left without an answer".into()))?
    }

    /// Answers whatever has been asked by now, from what has been committed by now.
    fn answer_all(&self) {
        let connection = self.0.connection.lock();
        // Taken behind the lock: whoever holds it reads a state that is older than what was asked meanwhile.
        let asks = std::mem::take(&mut *self.0.asks.lock().unwrap_or_else(PoisonError::into_inner));
        let together = asks.len() > 1 && control(&connection, "BEGIN").is_ok();
        let equal = asks.chunk_by(|one, next| std::ptr::eq(one.sql.text, next.sql.text));
        let answers: Vec<_> = equal.flat_map(|asks| answer(&connection, asks)).collect();
        // Its end cannot fail, as nothing runs and nothing was changed; but nobody must read an old state for ever.
        if together && control(&connection, "COMMIT").is_err() {
            let _ = control(&connection, "ROLLBACK");
        }
        drop(connection);
        for (ask, answer) in asks.into_iter().zip(answers) {
            // A caller that has gone away does not want its answer.
            let _ = ask.caller.send(answer);
        }
    }
}

/// Runs the same statement for each.
fn answer(connection: &rusqlite::Connection, asks: &[Ask]) -> Vec<Result<Vec<Row>, StoreError>> {
    match connection.prepare_cached(asks[0].sql.text) {
        Ok(mut statement) => asks.iter().map(|ask| rows(&mut statement, ask.sql, &ask.params)).collect(),
        Err(error) => {
            let error = driver_error(error);
            asks.iter().map(|_| Err(error.clone())).collect()
        }
    }
}
