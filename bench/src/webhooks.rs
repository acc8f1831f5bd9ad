//! Notices: how fast a backlog is delivered, each delivery durable.

use crate::Failure;
use crate::database::{Database, connect, file};
use crate::options::Plan;
use crate::program::{Program, Storage};
use crate::scripts::CLIENTS;
use crate::sink::Sink;
use futures_util::future::try_join_all;
use std::path::Path;
use std::time::{Duration, Instant};
use xanpay_domain::id::ChargeId;
use xanpay_server::app::{Addresses, App};
use xanpay_server::clock::Clock;
use xanpay_server::flows::{CancelAuthority, cancel_charge};
use xanpay_server::outbound::address::AddressPolicy;
use xanpay_server::outbound::vault::MasterKey;
use xanpay_server::terms::Terms;
use xanpay_store::Store;

/// How often the database is asked whether all is delivered.
const LOOK: Duration = Duration::from_millis(25);
/// A drain that takes longer has stopped.
const PATIENCE: Duration = Duration::from_secs(120);
/// Pending deliveries, if any.
const PENDING: &str = "SELECT id FROM deliveries WHERE finished_at IS NULL LIMIT 1";
/// Deliveries that were not taken.
const NOT_DELIVERED: &str = "SELECT id FROM deliveries WHERE state <> 'delivered' OR attempts <> 1 LIMIT 1";

/// How a backlog went.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Drain {
    /// Notices delivered.
    pub(crate) notices: u64,
    /// From the first one's arrival until the database has all of them as delivered.
    pub(crate) elapsed: Duration,
    /// CPU time of the gateway.
    pub(crate) server_cpu: Duration,
}

/// Cancels pending charges while nobody delivers, then starts the gateway and watches it deliver.
pub(crate) async fn measure(
    program: &Program,
    database: &Database,
    merchant: &str,
    plan: &Plan,
    log: &Path,
) -> Result<Drain, Failure> {
    let sink = Sink::start().await?;
    let url = format!("http://{}/notices", sink.address);
    program.run(&database.storage, &["webhook", "add", "--merchant", merchant, "--url", &url])?;
    let pending = format!("SELECT id FROM charges WHERE status = 'pending' LIMIT {}", plan.deliveries);
    let charges = database.texts(&pending).await?;
    cancel_all(&database.storage, &charges).await?;
    let server = program.serve(&database.storage, log).await?;
    let look = Look::into_database(&database.storage).await?;
    let asked = Instant::now();
    while look.any(PENDING).await? {
        if asked.elapsed() > PATIENCE {
            return Err(format!("{} of {} notices arrived, then no more", sink.notices(), charges.len()).into());
        }
        tokio::time::sleep(LOOK).await;
    }
    let elapsed = sink.first().ok_or("no notice arrived")?.elapsed();
    let server_cpu = crate::process::cpu(server.pid())?;
    server.stop()?;
    if look.any(NOT_DELIVERED).await? || sink.notices() != charges.len() as u64 {
        return Err("not every notice was delivered once".into());
    }
    Ok(Drain { notices: sink.notices(), elapsed, server_cpu })
}

/// A look into the database that costs next to nothing: connecting anew each time would be a load of its own.
enum Look {
    Sqlite(rusqlite::Connection),
    Postgres(tokio_postgres::Client),
}

impl Look {
    async fn into_database(storage: &Storage) -> Result<Self, Failure> {
        Ok(match storage {
            Storage::Directory(directory) => Self::Sqlite(rusqlite::Connection::open(file(directory))?),
            Storage::Postgres { url, .. } => Self::Postgres(connect(url).await?),
        })
    }

    async fn any(&self, query: &str) -> Result<bool, Failure> {
        match self {
            Self::Sqlite(connection) => Ok(connection.prepare_cached(query)?.exists([])?),
            Self::Postgres(client) => Ok(client.query_opt(query, &[]).await?.is_some()),
        }
    }
}

/// Cancels charges by the gateway's own flow, without a gateway that would deliver at once.
async fn cancel_all(storage: &Storage, charges: &[String]) -> Result<(), Failure> {
    let store = match storage {
        Storage::Directory(directory) => Store::open_sqlite(&file(directory))?,
        Storage::Postgres { url, .. } => Store::open_postgres(url, false).await?,
    };
    // Cancelling seals and opens nothing, so that any key will do.
    let key = MasterKey::from_bytes(&[1; 32])?;
    let addresses = Addresses { sandbox: AddressPolicy::sandbox(), live: AddressPolicy::sandbox() };
    let app = App::new(store, Clock::system(), key, addresses, Terms::default());
    for chunk in charges.chunks(CLIENTS) {
        let cancelled = chunk.iter().map(|id| async {
            cancel_charge(&app, ChargeId::parse(id)?, CancelAuthority::Checkout).await?;
            Ok::<_, Failure>(())
        });
        try_join_all(cancelled).await?;
    }
    let app = std::sync::Arc::try_unwrap(app).map_err(|_| "the gateway is still in use")?;
    app.store.close();
    Ok(())
}
