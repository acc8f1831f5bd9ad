//! The bare ceiling on PostgreSQL: as many connections as the gateway has writers, 64 pipelined rows per transaction.

use crate::Failure;
use crate::database::connect;
use crate::engine::Ceiling;
use crate::process;
use crate::rows::{FIND_CUSTOMER, Rows};
use crate::scripts::CLIENTS;
use futures_util::future::{join_all, try_join_all};
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};

/// Writing connections of the gateway.
const WRITERS: usize = 2;
/// Settings of the gateway's connections that plans depend on.
const PLANNING: &str = "SET enable_seqscan = off; SET jit = off; SET plan_cache_mode = force_generic_plan";

type Step<'a> = Pin<Box<dyn Future<Output = Result<u64, tokio_postgres::Error>> + 'a>>;

struct Writer {
    client: Client,
    find: Statement,
    insert: Statement,
    rows: Rows,
}

/// Rows per second that a loop writes durably. `rows` has one maker per writer.
pub(crate) async fn measure(
    url: &str,
    rows: impl Fn(u64) -> Result<Rows, Failure>,
    warm: Duration,
    length: Duration,
) -> Result<Ceiling, Failure> {
    let mut writers = Vec::new();
    for seed in 0..WRITERS as u64 {
        let (client, rows) = (connect(url).await?, rows(seed)?);
        client.batch_execute(PLANNING).await?;
        let (find, insert) = (client.prepare(FIND_CUSTOMER).await?, client.prepare(&rows.insert()).await?);
        writers.push(Writer { client, find, insert, rows });
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
        let batch: Vec<_> = (0..CLIENTS).map(|_| (writer.rows.customer(), writer.rows.next())).collect();
        let Writer { client, find, insert, .. } = &*writer;
        let mut steps: Vec<Step<'_>> = vec![Box::pin(async { client.batch_execute("BEGIN").await.map(|()| 1) })];
        for (customer, row) in &batch {
            if let Some(customer) = customer {
                let key: [&(dyn ToSql + Sync); 3] = [&customer[0], &customer[1], &customer[2]];
                steps.push(Box::pin(async move { client.query(find, &key).await.map(|rows| rows.len() as u64) }));
            }
            steps.push(Box::pin(client.execute_raw(insert, row)));
        }
        // Polled in this order the first time, they go out in this order.
        for step in join_all(steps).await {
            if step? != 1 {
                return Err("a row of the ceiling met one that was there".into());
            }
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
