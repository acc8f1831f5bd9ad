//! One statement for many: callers that want the same statement at the same moment share one.
//!
//! A statement costs PostgreSQL several times what its row costs: it is read, planned into a fresh executor, and every
//! CHECK of its table is parsed anew. So statements that are marked for it wait at a [`Desk`] until their batch has
//! nothing else to do, and go out as one, with arrays of what each asked. What a caller is told does not depend on it:
//! `INSERT` adds every row or none, `ON CONFLICT DO NOTHING` names the rows that it added, `SELECT` and `UPDATE` number
//! theirs.

use super::session::{Session, read_row};
use crate::engine::{BoxFuture, Sql};
use crate::error::StoreError;
use crate::value::{Row, Value};
use bytes::{BufMut, BytesMut};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use tokio_postgres::Statement;
use tokio_postgres::types::{Field, IsNull, Kind, ToSql, Type, to_sql_checked};

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

    /// Leaves a statement at once and waits for its part of the answer.
    pub(super) fn ask(
        &self,
        sql: Sql,
        params: &[Value<'_>],
    ) -> impl Future<Output = Result<Answer, StoreError>> + Send + use<> {
        let (caller, answer) = oneshot::channel();
        let params = params.iter().map(Value::to_owned_value).collect();
        // When nobody is there to take it, the caller's end is dropped with it.
        let _ = self.asks.send(Ask { sql, params, caller });
        async move { answer.await.map_err(|_| StoreError::Unavailable("the connection is closed".into()))? }
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

/// The form for many of a statement.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ForMany {
    pub(crate) text: String,
    /// Where the parameters come from: an array each, or one array of rows of the statement's table, of which they are
    /// the named columns. An executor opens a store for each array that it reads side by side with others, which costs
    /// more than a few wide rows do; hence the rows.
    pub(crate) columns: Option<Vec<String>>,
}

/// The form for many of a statement with this many parameters, each of whose places becomes a column of what was asked.
/// Nothing when the statement has no such form.
pub(crate) fn for_many(text: &str, parameters: usize) -> Option<ForMany> {
    if let Some(after) = text.strip_prefix("INSERT INTO ") {
        return insert_for_many(after, parameters);
    }
    let (head, condition) = text.split_once(" WHERE ")?;
    let (head, condition) =
        (with_places(head, |n| format!("asked.p{n}")), with_places(condition, |n| format!("asked.p{n}")));
    let asked = arrays(parameters);
    let text = if head.starts_with("UPDATE ") {
        format!("{head} FROM {asked} WHERE {condition} RETURNING asked.place")
    } else {
        format!("SELECT asked.place, {}, {asked} WHERE {condition}", head.strip_prefix("SELECT ")?)
    };
    Some(ForMany { text, columns: None })
}

/// The same for what stands behind `INSERT INTO`.
fn insert_for_many(after: &str, parameters: usize) -> Option<ForMany> {
    let (table, columns) = after.split_once(" (")?;
    let (columns, values) = columns.split_once(") VALUES (")?;
    let (values, rest) = values.split_at(closing(values)?);
    let (key, _) = columns.split_once(',')?;
    let returning = match &rest[1..] {
        "" => String::new(),
        " ON CONFLICT DO NOTHING" => format!(" ON CONFLICT DO NOTHING RETURNING {key}"),
        _ => return None,
    };
    let of_table = columns_of(columns, values, parameters);
    let (values, asked) = match &of_table {
        Some(columns) => {
            let values = with_places(values, |n| format!("asked.{}", columns.get(n - 1).map_or("", String::as_str)));
            (values, format!("unnest($1::{table}[]) AS asked"))
        }
        None => (with_places(values, |n| format!("asked.p{n}")), arrays(parameters)),
    };
    let text = format!("INSERT INTO {table} ({columns}) SELECT {values} FROM {asked}{returning}");
    Some(ForMany { text, columns: of_table })
}

/// An array for each parameter, side by side.
fn arrays(parameters: usize) -> String {
    let list = |prefix: &str| (1..=parameters).map(|n| format!("{prefix}{n}")).collect::<Vec<_>>().join(", ");
    format!("unnest({}) WITH ORDINALITY AS asked ({}, place)", list("$"), list("p"))
}

/// The columns whose whole values the parameters are; nothing when one of them is no column's.
fn columns_of(columns: &str, values: &str, parameters: usize) -> Option<Vec<String>> {
    let mut found = vec![None; parameters];
    for (column, value) in columns.split(", ").zip(items(values)) {
        let place = value.strip_prefix('$').and_then(|number| number.parse::<usize>().ok());
        if let Some(slot) = place.and_then(|place| found.get_mut(place - 1)) {
            *slot = Some(column.to_owned());
        }
    }
    found.into_iter().collect()
}

/// The items of a list: what stands between its commas outside of brackets.
fn items(list: &str) -> impl Iterator<Item = &str> {
    let mut open = 0_i32;
    list.split(move |c| {
        open += match c {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        c == ',' && open == 0
    })
    .map(str::trim)
}

/// The text with something else in the places of its parameters.
fn with_places(text: &str, name: impl Fn(usize) -> String) -> String {
    let mut parts = text.split('$');
    let mut replaced = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (number, rest) = part.split_at(part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len()));
        replaced.push_str(&number.parse().map_or_else(|_| format!("${number}"), &name));
        replaced.push_str(rest);
    }
    replaced
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

/// A statement for many, prepared.
pub(super) struct PreparedForMany {
    statement: Statement,
    columns: Option<Vec<String>>,
}

/// What is asked, as an array of rows of a table: in the named columns the parameters, in the others nothing.
struct Rows<'a> {
    columns: &'a [String],
    asks: &'a [Ask],
}

impl std::fmt::Debug for Rows<'_> {
    /// The driver asks for it, and rows hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} rows", self.asks.len())
    }
}

type EncodeError = Box<dyn std::error::Error + Sync + Send>;

impl Rows<'_> {
    /// One row in the binary form of a composite value: the number of fields, then each with its type and length.
    fn write_row(
        &self,
        ask: &Ask,
        fields: &[Field],
        places: &[Option<usize>],
        out: &mut BytesMut,
    ) -> Result<(), EncodeError> {
        out.put_i32(fields.len().try_into()?);
        for (field, place) in fields.iter().zip(places) {
            out.put_u32(field.type_().oid());
            let value = place.and_then(|place| ask.params.get(place)).unwrap_or(&Value::Null);
            with_length(out, |out| value.to_sql_checked(field.type_(), out))?;
        }
        Ok(())
    }
}

/// Writes a value behind its length, -1 for NULL.
fn with_length(
    out: &mut BytesMut,
    write: impl FnOnce(&mut BytesMut) -> Result<IsNull, EncodeError>,
) -> Result<(), EncodeError> {
    let start = out.len();
    out.put_i32(-1);
    if let IsNull::No = write(out)? {
        let length = i32::try_from(out.len() - start - 4)?;
        out[start..start + 4].copy_from_slice(&length.to_be_bytes());
    }
    Ok(())
}

impl ToSql for Rows<'_> {
    /// The binary form of an array of one dimension: dimensions, whether it holds NULLs, the type of its elements, their
    /// number, the first index, the elements.
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, EncodeError> {
        let Kind::Array(row) = ty.kind() else { return Err("rows go into an array".into()) };
        let Kind::Composite(fields) = row.kind() else { return Err("rows are of a table".into()) };
        let place = |field: &Field| self.columns.iter().position(|column| column == field.name());
        let places: Vec<Option<usize>> = fields.iter().map(place).collect();
        out.put_i32(1);
        out.put_i32(0);
        out.put_u32(row.oid());
        out.put_i32(self.asks.len().try_into()?);
        out.put_i32(1);
        for ask in self.asks {
            with_length(out, |out| self.write_row(ask, fields, &places, out).map(|()| IsNull::No))?;
        }
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        matches!(ty.kind(), Kind::Array(row) if matches!(row.kind(), Kind::Composite(_)))
    }

    to_sql_checked!();
}

impl Session {
    /// Runs one statement for all of `asks`, which want the same one. Gives an answer for each, in their order.
    async fn run_for_many(&self, sql: Sql, asks: &[Ask]) -> Result<Vec<Answer>, StoreError> {
        let prepared = self.prepared_for_many(sql).await?;
        let ran = self.run_prepared(sql, &prepared, asks).await;
        if ran.is_err() && prepared.columns.is_some() {
            // The table may have got another column since: the next one asks the server again what a row looks like.
            self.many.forget(sql);
            self.client.clear_type_cache();
        }
        ran
    }

    async fn run_prepared(
        &self,
        sql: Sql,
        prepared: &PreparedForMany,
        asks: &[Ask],
    ) -> Result<Vec<Answer>, StoreError> {
        let statement = &prepared.statement;
        let rows = prepared.columns.as_deref().map(|columns| Rows { columns, asks });
        let arrays: Vec<Vec<&Value<'_>>> = match rows {
            Some(_) => Vec::new(),
            None => (0..statement.params().len())
                .map(|place| asks.iter().map(|ask| ask.params.get(place).unwrap_or(&Value::Null)).collect())
                .collect(),
        };
        let columns: Vec<&(dyn ToSql + Sync)> = match &rows {
            Some(rows) => vec![rows],
            None => arrays.iter().map(|array| array as _).collect(),
        };
        let mut answers: Vec<Answer> = asks.iter().map(|_| Answer::default()).collect();
        let names = Names::of(sql);
        if names == Names::None {
            let added = self.answer(self.client.execute(statement, &columns)).await?;
            if added != asks.len() as u64 {
                return Err(StoreError::Driver(format!("{added} of {} rows were added", asks.len())));
            }
            answers.iter_mut().for_each(|answer| answer.changed = 1);
            return Ok(answers);
        }
        let rows = self.answer(self.client.query(statement, &columns)).await?;
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

    async fn prepared_for_many(&self, sql: Sql) -> Result<Arc<PreparedForMany>, StoreError> {
        if let Some(prepared) = self.many.get(sql) {
            return Ok(prepared);
        }
        // The plain statement tells the parameters' types.
        let plain = self.prepared(sql).await?;
        let types: Option<Vec<Type>> = plain.params().iter().map(array_of).collect();
        let (Some(types), Some(form)) = (types, for_many(sql.text, plain.params().len())) else {
            return Err(StoreError::Driver(format!("a statement about {} has no form for many", sql.table)));
        };
        // What a row of the table looks like is for the server to tell.
        let types = if form.columns.is_some() { &[] } else { types.as_slice() };
        let statement = self.answer(self.client.prepare_typed(&form.text, types)).await?;
        Ok(self.many.keep(sql, Arc::new(PreparedForMany { statement, columns: form.columns })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> String {
        for_many(text, 2).unwrap().text
    }

    #[test]
    fn parameters_become_columns_of_arrays() {
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
    }

    #[test]
    fn parameters_that_are_values_of_columns_become_rows() {
        assert_eq!(
            form("INSERT INTO t (a, b, c) VALUES ($2, MAX(1, $1), $1) ON CONFLICT DO NOTHING"),
            "INSERT INTO t (a, b, c) SELECT asked.a, MAX(1, asked.c), asked.c FROM unnest($1::t[]) AS asked \
             ON CONFLICT DO NOTHING RETURNING a"
        );
        let columns: Vec<String> = (1..=12).map(|n| format!("c{n}")).collect();
        let values: Vec<String> = (1..=12).map(|n| format!("${n}")).collect();
        let wide = format!("INSERT INTO t ({}) VALUES ({})", columns.join(", "), values.join(", "));
        let form = for_many(&wide, 12).unwrap();
        assert!(form.text.contains("SELECT asked.c1, asked.c2, ") && form.text.contains(" asked.c12 FROM"), "{form:?}");
        assert_eq!(form.columns, Some(columns));
    }

    #[test]
    fn what_has_no_form_for_many_gets_none() {
        for text in ["SELECT 1", "DELETE FROM t WHERE a = $1", "INSERT INTO t (a, b) VALUES ($1, $2) RETURNING a"] {
            assert_eq!(for_many(text, 2), None, "{text}");
        }
    }
}
