//! The first start, which makes the schema, killed at every step: the next start finishes it, and the schema is the same
//! as if nothing had happened.

use crate::Lab;
use crate::dice::Dice;
use crate::disk::{Disk, Fault};
use crate::gateway::{Engine, Gateway, Program};
use crate::report::Row;
use std::time::{Duration, Instant};

/// More calls than a first start makes.
const NEVER: u32 = 1_000_000;
/// Kills per round of the other checks.
const KILLS: u32 = 4;
/// Attempts at catching the planted fault.
const TRIES: u64 = 20;

/// Tries the sound gateway and then one that makes the schema without a transaction.
pub async fn check(lab: &Lab, engine: &Engine) -> Result<Row, String> {
    let reference = reference(lab, engine).await?;
    let kills = u64::from(lab.rounds * KILLS).min(reference.steps);
    let mut broken = Vec::new();
    for kill in 0..kills {
        // Spread over the whole start; with as many kills as steps, every one of them.
        let step = 1 + kill * reference.steps / kills;
        broken.extend(interrupted(lab, engine, &lab.sound(), step, &reference).await?);
    }
    let unit = if matches!(engine, Engine::Sqlite) { "writes and syncs" } else { "tenths of a millisecond" };
    let measured = format!("{kills} kills spread over the {} {unit} of a first start", reference.steps);
    let mut row = Row::new("killed while migrating", engine, measured);
    row.broken = broken;
    let (mut caught, mut dice) = (false, Dice::new(lab.seed));
    for _ in 0..TRIES {
        let step = 1 + dice.below(reference.steps);
        caught = caught || interrupted(lab, engine, &lab.planted("no-transaction"), step, &reference).await?.is_some();
    }
    row.control("no-transaction", caught);
    Ok(row)
}

/// A first start that nothing has disturbed.
struct Reference {
    schema: Vec<Vec<String>>,
    /// Writes and syncs on SQLite, tenths of a millisecond on PostgreSQL.
    steps: u64,
}

async fn reference(lab: &Lab, engine: &Engine) -> Result<Reference, String> {
    let (gateway, disk) = on_a_disk(lab, engine, &lab.sound()).await?;
    disk.arm(Fault::Killed, NEVER)?;
    let began = Instant::now();
    let mut running = gateway.start().await?;
    let tenths = u64::try_from(began.elapsed().as_micros() / 100).unwrap_or(u64::MAX);
    let calls = u64::from(NEVER.saturating_sub(disk.countdown()));
    running.kill().await?;
    let schema = schema(&gateway, engine).await?;
    gateway.remove().await?;
    let steps = if matches!(engine, Engine::Sqlite) { calls } else { tenths };
    if schema.is_empty() || steps == 0 {
        return Err("a first start made no schema".to_owned());
    }
    Ok(Reference { schema, steps })
}

async fn on_a_disk(lab: &Lab, engine: &Engine, program: &Program) -> Result<(Gateway, Disk), String> {
    let mut gateway = Gateway::bare(engine, program).await?;
    let disk = Disk::new(&lab.library, gateway.scratch(), "disk", &gateway.data())?;
    gateway.put_on(disk.clone());
    Ok((gateway, disk))
}

/// Kills a first start at a step and starts again; what is wrong then.
async fn interrupted(
    lab: &Lab,
    engine: &Engine,
    program: &Program,
    step: u64,
    reference: &Reference,
) -> Result<Option<String>, String> {
    let (mut gateway, disk) = on_a_disk(lab, engine, program).await?;
    match engine {
        Engine::Sqlite => {
            disk.arm(Fault::Killed, u32::try_from(step).map_err(|error| error.to_string())?)?;
            if let Ok(mut running) = gateway.start().await {
                // A step less than the last time: it got through before its kill came.
                running.kill().await?;
            }
        }
        Engine::Postgres(_) => {
            let mut child = gateway.spawn()?;
            tokio::time::sleep(Duration::from_micros(step * 100)).await;
            child.kill().await.map_err(|error| error.to_string())?;
        }
    }
    disk.mend()?;
    gateway.run_with(&lab.sound());
    let wrong = match gateway.start().await {
        Ok(mut running) => {
            running.kill().await?;
            let found = schema(&gateway, engine).await?;
            (found != reference.schema).then(|| format!("killed at step {step}, the schema is another one"))
        }
        Err(error) => Some(format!("killed at step {step}: {error}")),
    };
    gateway.remove().await?;
    Ok(wrong)
}

/// The tables and indexes, and which migrations have been noted.
async fn schema(gateway: &Gateway, engine: &Engine) -> Result<Vec<Vec<String>>, String> {
    let objects = match engine {
        Engine::Sqlite => "SELECT name, sql FROM sqlite_master ORDER BY name",
        Engine::Postgres(_) => {
            "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns \
            WHERE table_schema = 'public' UNION ALL \
            SELECT tablename, indexname, indexdef, '' FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2"
        }
    };
    let mut found = gateway.query(objects).await?;
    found.extend(gateway.query("SELECT number, checksum FROM schema_migrations ORDER BY number").await?);
    Ok(found)
}
