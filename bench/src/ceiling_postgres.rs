//! The bare ceilings on PostgreSQL: as many connections as the gateway has writers, 64 rows per commit.

use crate::Failure;
use crate::database::connect;
use crate::engine::Ceiling;
use crate::process;
use crate::rows::{Cell, FIND_CUSTOMER, Rows};
use crate::scripts::CLIENTS;
use futures_util::future::{join_all, try_join_all};
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Statement};

/// Writing connections of the gateway.
const WRITERS: usize = 2;
/// Settings of the gateway's connections that plans depend on.
const PLANNING: &str = "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
    SET enable_bitmapscan = off; SET enable_material = off; SET jit = off; SET plan_cache_mode = force_generic_plan";
/// What looking 64 customers up takes; the gateway does it once per charge.
const FIND_CUSTOMERS: &str = "SELECT id FROM customers, \
    unnest($1::TEXT[], $2::TEXT[], $3::TEXT[]) AS asked (merchant, environment, identity) \
    WHERE merchant_id = asked.merchant AND customers.environment = asked.environment \
    AND customers.identity = asked.identity";

/// What a statement is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Statements {
    /// One row, all of a commit pipelined.
    PerRow,
    /// All rows of a commit.
    PerCommit,
}

type Step<'a> = Pin<Box<dyn Future<Output = Result<u64, tokio_postgres::Error>> + 'a>>;
type Batch = Vec<(Option<[Cell; 3]>, Vec<Cell>)>;

struct Writer {
    client: Client,
    statements: Statements,
    find: Statement,
    insert: Statement,
    rows: Rows,
}

/// Rows per second that a loop writes durably. `rows` has one maker per writer.
pub(crate) async fn measure(
    url: &str,
    statements: Statements,
    rows: impl Fn(u64) -> Result<Rows, Failure>,
    warm: Duration,
    length: Duration,
) -> Result<Ceiling, Failure> {
    let mut writers = Vec::new();
    for seed in 0..WRITERS as u64 {
        let (client, rows) = (connect(url).await?, rows(seed)?);
        client.batch_execute(PLANNING).await?;
        let (find, insert) = match statements {
            Statements::PerRow => (client.prepare(FIND_CUSTOMER).await?, client.prepare(&rows.insert()).await?),
            Statements::PerCommit => (client.prepare(FIND_CUSTOMERS).await?, prepare_insert(&client, &rows).await?),
        };
        writers.push(Writer { client, statements, find, insert, rows });
    }
    let from = Instant::now() + warm;
    let until = from + length;
    // The database's processes are those of these connections, which live until the end.
    let spent = || Ok::<_, Failure>(process::cpu(std::process::id())? + process::cpu_of_all("postgres"));
    let before = spent()?;
    let counts = try_join_all(writers.iter_mut().map(|writer| write(writer, from, until))).await?;
    let (rows, measured) = counts.iter().fold((0, 0), |(rows, measured), count| (rows + count.0, measured + count.1));
    let cpu_us = (spent()?.saturating_sub(before)).as_secs_f64() * 1e6 / rows.max(1) as f64;
    Ok(Ceiling { rate: measured as f64 / length.as_secs_f64(), cpu_us })
}

/// Writes until `until`; returns how many rows were committed, and how many of them from `from` on.
async fn write(writer: &mut Writer, from: Instant, until: Instant) -> Result<(u64, u64), Failure> {
    let (mut rows, mut measured) = (0_u64, 0_u64);
    loop {
        let batch: Batch = (0..CLIENTS).map(|_| (writer.rows.customer(), writer.rows.next())).collect();
        writer.client.batch_execute("BEGIN").await?;
        match writer.statements {
            Statements::PerRow => write_rows(writer, &batch).await?,
            Statements::PerCommit => write_batch(writer, &batch).await?,
        }
        writer.client.batch_execute("COMMIT").await?;
        let now = Instant::now();
        rows += CLIENTS as u64;
        if now >= until {
            return Ok((rows, measured));
        }
        if now >= from {
            measured += CLIENTS as u64;
        }
    }
}

async fn write_rows(writer: &Writer, batch: &Batch) -> Result<(), Failure> {
    let Writer { client, find, insert, .. } = writer;
    let mut steps: Vec<Step<'_>> = Vec::new();
    for (customer, row) in batch {
        if let Some(customer) = customer {
            steps.push(Box::pin(client.execute_raw(find, customer)));
        }
        steps.push(Box::pin(client.execute_raw(insert, row)));
    }
    // Polled in this order the first time, they go out in this order.
    for step in join_all(steps).await {
        if step? != 1 {
            return Err("a row of the ceiling met one that was there".into());
        }
    }
    Ok(())
}

async fn write_batch(writer: &Writer, batch: &Batch) -> Result<(), Failure> {
    let customers: Vec<_> = batch.iter().filter_map(|(key, _)| key.as_ref().map(|key| key.as_slice())).collect();
    let added: Vec<_> = batch.iter().map(|(_, row)| row.as_slice()).collect();
    let found = match customers.len() {
        0 => 0,
        _ => writer.client.execute_raw(&writer.find, &columns(&customers)).await?,
    };
    let inserted = writer.client.execute_raw(&writer.insert, &columns(&added)).await?;
    if (found, inserted) != (customers.len() as u64, added.len() as u64) {
        return Err("a row of the ceiling met one that was there".into());
    }
    Ok(())
}

/// The statement that adds rows, with an array per column.
async fn prepare_insert(client: &Client, rows: &Rows) -> Result<Statement, Failure> {
    let one = rows.insert();
    let (into, values) = one.split_once("VALUES (").ok_or("an INSERT without values")?;
    let (parameters, rest) = values.split_once(')').ok_or("an INSERT without an end")?;
    let array = |ty: &Type| match *ty {
        Type::INT8 => Type::INT8_ARRAY,
        Type::BYTEA => Type::BYTEA_ARRAY,
        _ => Type::TEXT_ARRAY,
    };
    let types: Vec<Type> = client.prepare(&one).await?.params().iter().map(array).collect();
    Ok(client.prepare_typed(&format!("{into}SELECT * FROM unnest({parameters}){rest}"), &types).await?)
}

/// Rows turned into an array per column.
fn columns<'a>(rows: &[&'a [Cell]]) -> Vec<Vec<&'a Cell>> {
    let width = rows.first().map_or(0, |row| row.len());
    (0..width).map(|place| rows.iter().map(|row| &row[place]).collect()).collect()
}
