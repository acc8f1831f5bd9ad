//! The bare ceiling on SQLite: one loop, 64 rows per commit.

use crate::Failure;
use crate::database::file;
use crate::engine::Ceiling;
use crate::process::thread_cpu;
use crate::rows::{FIND_CUSTOMER, Rows};
use crate::scripts::CLIENTS;
use rusqlite::{Connection, params_from_iter};
use std::path::Path;
use std::time::{Duration, Instant};

/// Rows per second that a loop writes durably, with the connection settings of the gateway's writer. The log is folded as
/// seldom, in the loop itself.
pub(crate) fn measure(directory: &Path, mut rows: Rows, warm: Duration, length: Duration) -> Result<Ceiling, Failure> {
    let connection = Connection::open(file(directory))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 32_768)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -8192)?;
    connection.pragma_update(None, "cache_spill", false)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    let insert = rows.insert();
    let mut measured = 0_u64;
    let begun = Instant::now();
    let mut counting = None;
    loop {
        let elapsed = begun.elapsed();
        if counting.is_none() && elapsed >= warm {
            counting = Some((Instant::now(), thread_cpu()?));
        }
        if elapsed >= warm + length {
            break;
        }
        write_batch(&connection, &insert, &mut rows)?;
        if counting.is_some() {
            measured += CLIENTS as u64;
        }
    }
    let (from, cpu) = counting.ok_or("nothing was measured")?;
    let cpu_us = (thread_cpu()? - cpu) as f64 / 1000.0 / measured.max(1) as f64;
    Ok(Ceiling { rate: measured as f64 / from.elapsed().as_secs_f64(), cpu_us })
}

fn write_batch(connection: &Connection, insert: &str, rows: &mut Rows) -> Result<(), Failure> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    for _ in 0..CLIENTS {
        if let Some(customer) = rows.customer() {
            let found: String =
                connection.prepare_cached(FIND_CUSTOMER)?.query_row(params_from_iter(&customer), |row| row.get(0))?;
            std::hint::black_box(found);
        }
        if connection.prepare_cached(insert)?.execute(params_from_iter(&rows.next()))? != 1 {
            return Err("a row of the ceiling met one that was there".into());
        }
    }
    connection.prepare_cached("COMMIT")?.execute([])?;
    Ok(())
}
