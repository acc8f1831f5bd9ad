//! One statement for many: callers that want the same statement at the same moment share one.
//!
//! A statement costs PostgreSQL several times what its row costs: it is read, planned into a fresh executor, and every
//! CHECK of its table is parsed anew. So statements that are marked for it wait at a [`Desk`] until their batch has
//! nothing else to do, and go out with one array per parameter. What a caller is told does not depend on it: `INSERT`
//! adds every row or none, `ON CONFLICT DO NOTHING` names the rows that it added, `SELECT` and `UPDATE` number theirs.

use super::session::{Session, driver_error, read_row};
use crate::engine::{BoxFuture, Sql};
use crate::error::StoreError;
use crate::value::{Row, Value};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use tokio::sync::{mpsc, oneshot};
use tokio_postgres::Statement;
use tokio_postgres::types::{ToSql, Type};

/// A statement that waits for others like it.
pub(super) struct Ask {
    sql: Sql,
    params: Vec<Value<'static>>,
    caller: oneshot::Sender<Result<Answer, StoreError>>,
}

/// What a statement brought one caller.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// Rows that it changed.
    pub(super) changed: u64,
    /// Rows that it read.
    pub(super) rows: Vec<Row>,
}

/// Where statements are left that may go out together.
#[derive(Clone)]
pub(super) struct Desk {
    asks: mpsc::UnboundedSender<Ask>,
}

/// The other side of a [`Desk`]. It holds no more than one statement per caller, as each waits for its answer.
pub(super) type Asks = mpsc::UnboundedReceiver<Ask>;

impl Desk {
    pub(super) fn new() -> (Self, Asks) {
        let (asks, received) = mpsc::unbounded_channel();
        (Self { asks }, received)
    }

    /// Leaves a statement and waits for its part of the answer.
    pub(super) async fn ask(&self, sql: Sql, params: &[Value<'_>]) -> Result<Answer, StoreError> {
        let (caller, answer) = oneshot::channel();
        let closed = || StoreError::Unavailable("the connection is closed".into());
        let params = params.iter().map(owned).collect();
        self.asks.send(Ask { sql, params, caller }).map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }
}

fn owned(value: &Value<'_>) -> Value<'static> {
    match value {
        Value::Null => Value::Null,
        Value::Int(value) => Value::Int(*value),
        Value::Text(text) => Value::Text(Cow::Owned(text.clone().into_owned())),
        Value::Blob(bytes) => Value::Blob(Cow::Owned(bytes.clone().into_owned())),
    }
}

/// How the answer to a statement for many tells its callers apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    /// It does not need to: every row is added, or the statement fails.
    None,
    /// By the first column of each row that was added, which is the first parameter.
    Keys,
    /// By the caller's place, before the columns of each row.
    Places,
}

impl Names {
    fn of(sql: Sql) -> Self {
        match (sql.text.starts_with("INSERT"), sql.text.contains("ON CONFLICT DO NOTHING")) {
            (true, true) => Self::Keys,
            (true, false) => Self::None,
            (false, _) => Self::Places,
        }
    }
}

/// The text for many of a statement with this many parameters: each becomes an array, and a parameter's place becomes a
/// column of the arrays side by side. Nothing when the statement has no form for many.
pub(crate) fn text_for_many(text: &str, parameters: usize) -> Option<String> {
    let list = |prefix: &str| (1..=parameters).map(|n| format!("{prefix}{n}")).collect::<Vec<_>>().join(", ");
    let asked = format!("unnest({}) WITH ORDINALITY AS asked ({}, place)", list("$"), list("p"));
    let text = text.replace('$', "asked.p");
    if let Some(after) = text.strip_prefix("INSERT INTO ") {
        let (table, columns) = after.split_once(" (")?;
        let (columns, values) = columns.split_once(") VALUES (")?;
        let (values, rest) = values.split_at(closing(values)?);
        let (key, _) = columns.split_once(',')?;
        let returning = match &rest[1..] {
            "" => String::new(),
            " ON CONFLICT DO NOTHING" => format!(" ON CONFLICT DO NOTHING RETURNING {key}"),
            _ => return None,
        };
        return Some(format!("INSERT INTO {table} ({columns}) SELECT {values} FROM {asked}{returning}"));
    }
    let (head, condition) = text.split_once(" WHERE ")?;
    if head.starts_with("UPDATE ") {
        return Some(format!("{head} FROM {asked} WHERE {condition} RETURNING asked.place"));
    }
    let head = head.strip_prefix("SELECT ")?;
    Some(format!("SELECT asked.place, {head}, {asked} WHERE {condition}"))
}

/// Where the bracket closes that was open at the start.
fn closing(text: &str) -> Option<usize> {
    let mut open = 1;
    text.find(|c| {
        open += match c {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        open == 0
    })
}

/// The type of an array of `scalar`.
pub(crate) fn array_of(scalar: &Type) -> Option<Type> {
    match *scalar {
        Type::INT8 => Some(Type::INT8_ARRAY),
        Type::TEXT => Some(Type::TEXT_ARRAY),
        Type::BYTEA => Some(Type::BYTEA_ARRAY),
        _ => None,
    }
}

/// Runs what was asked, equal statements as one, and answers every caller.
pub(super) async fn answer(session: &Session, asks: Vec<Ask>) {
    let mut groups: Vec<Vec<Ask>> = Vec::new();
    for ask in asks {
        match groups.iter_mut().find(|group| std::ptr::eq(group[0].sql.text, ask.sql.text)) {
            Some(group) => group.push(ask),
            None => groups.push(vec![ask]),
        }
    }
    let running = groups.into_iter().map(|group| Box::pin(answer_group(session, group)) as BoxFuture<'_, ()>);
    super::join_all(running.collect()).await;
}

/// Runs one statement for all, or a few in turn when their keys are equal.
async fn answer_group(session: &Session, mut asks: Vec<Ask>) {
    while !asks.is_empty() {
        let (now, later) = apart(asks);
        asks = later;
        let outcome = session.run_for_many(now[0].sql, &now).await;
        match outcome {
            Ok(answers) => now.into_iter().zip(answers).for_each(|(ask, answer)| ask.tell(Ok(answer))),
            Err(error) => now.into_iter().for_each(|ask| ask.tell(Err(error.clone()))),
        }
    }
}

/// Splits off what could not be told apart by its key.
fn apart(asks: Vec<Ask>) -> (Vec<Ask>, Vec<Ask>) {
    if Names::of(asks[0].sql) != Names::Keys {
        return (asks, Vec::new());
    }
    let mut seen = HashSet::new();
    asks.into_iter().partition(|ask| seen.insert(ask.key().to_owned()))
}

impl Ask {
    fn tell(self, answer: Result<Answer, StoreError>) {
        // A caller that has gone away does not want its answer.
        let _ = self.caller.send(answer);
    }

    /// What names its row in a table.
    fn key(&self) -> &str {
        match self.params.first() {
            Some(Value::Text(key)) => key,
            Some(Value::Null | Value::Int(_) | Value::Blob(_)) | None => "",
        }
    }
}

impl Session {
    /// Runs one statement for all of `asks`, which want the same one. Gives an answer for each, in their order.
    async fn run_for_many(&self, sql: Sql, asks: &[Ask]) -> Result<Vec<Answer>, StoreError> {
        let statement = self.prepared_for_many(sql).await?;
        let columns: Vec<Vec<&Value<'_>>> = (0..statement.params().len())
            .map(|place| asks.iter().map(|ask| ask.params.get(place).unwrap_or(&Value::Null)).collect())
            .collect();
        let columns: Vec<&(dyn ToSql + Sync)> = columns.iter().map(|column| column as _).collect();
        let mut answers: Vec<Answer> = asks.iter().map(|_| Answer::default()).collect();
        let names = Names::of(sql);
        if names == Names::None {
            let added = self.client.execute(&statement, &columns).await.map_err(driver_error)?;
            if added != asks.len() as u64 {
                return Err(StoreError::Driver(format!("{added} of {} rows were added", asks.len())));
            }
            answers.iter_mut().for_each(|answer| answer.changed = 1);
            return Ok(answers);
        }
        let rows = self.client.query(&statement, &columns).await.map_err(driver_error)?;
        let places: HashMap<&str, usize> = match names {
            Names::Keys => asks.iter().enumerate().map(|(place, ask)| (ask.key(), place)).collect(),
            Names::None | Names::Places => HashMap::new(),
        };
        for row in &rows {
            let place = match names {
                Names::Keys => row.try_get(0).ok().and_then(|key: &str| places.get(key).copied()),
                // Counted from 1.
                Names::None | Names::Places => {
                    row.try_get(0).ok().and_then(|place: i64| usize::try_from(place - 1).ok())
                }
            };
            let Some(answer) = place.and_then(|place| answers.get_mut(place)) else {
                return Err(StoreError::Driver("an answer for many names nobody who asked".into()));
            };
            answer.changed += 1;
            if names == Names::Places && row.len() > 1 {
                answer.rows.push(read_row(sql, row, 1)?);
            }
        }
        Ok(answers)
    }

    async fn prepared_for_many(&self, sql: Sql) -> Result<Statement, StoreError> {
        if let Some(statement) = self.many.get(sql) {
            return Ok(statement);
        }
        // The plain statement tells the parameters' types.
        let plain = self.prepared(sql).await?;
        let types: Option<Vec<Type>> = plain.params().iter().map(array_of).collect();
        let text = text_for_many(sql.text, plain.params().len());
        let (Some(types), Some(text)) = (types, text) else {
            return Err(StoreError::Driver(format!("a statement about {} has no form for many", sql.table)));
        };
        let statement = self.client.prepare_typed(&text, &types).await.map_err(driver_error)?;
        Ok(self.many.keep(sql, statement))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_become_columns_of_arrays() {
        let form = |text| text_for_many(text, 2).unwrap();
        let asked = "unnest($1, $2) WITH ORDINALITY AS asked (p1, p2, place)";
        assert_eq!(
            form("SELECT a, b FROM t WHERE a = $1 AND b = $2"),
            format!("SELECT asked.place, a, b FROM t, {asked} WHERE a = asked.p1 AND b = asked.p2")
        );
        assert_eq!(
            form("UPDATE t SET a = $1 WHERE b = $2"),
            format!("UPDATE t SET a = asked.p1 FROM {asked} WHERE b = asked.p2 RETURNING asked.place")
        );
        assert_eq!(
            form("INSERT INTO t (a, b, c) VALUES ($1, (SELECT MAX(x) FROM (SELECT $2)), 'x')"),
            format!(
                "INSERT INTO t (a, b, c) SELECT asked.p1, (SELECT MAX(x) FROM (SELECT asked.p2)), 'x' FROM {asked}"
            )
        );
        assert_eq!(
            form("INSERT INTO t (a, b) VALUES ($1, $2) ON CONFLICT DO NOTHING"),
            format!("INSERT INTO t (a, b) SELECT asked.p1, asked.p2 FROM {asked} ON CONFLICT DO NOTHING RETURNING a")
        );
    }

    #[test]
    fn what_has_no_form_for_many_gets_none() {
        for text in ["SELECT 1", "DELETE FROM t WHERE a = $1", "INSERT INTO t (a, b) VALUES ($1, $2) RETURNING a"] {
            assert_eq!(text_for_many(text, 2), None, "{text}");
        }
    }
}
