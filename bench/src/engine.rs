//! Everything that is measured on one engine, in its order.

use crate::ceiling_postgres::Statements;
use crate::connection::Connection;
use crate::database::{Database, Databases};
use crate::load::{self, Load, Outcome};
use crate::options::{Kind, Plan};
use crate::process;
use crate::program::{Program, Server, Storage};
use crate::rows::{Rows, Table};
use crate::scripts::{self, CLIENTS, Caller, Script};
use crate::webhooks::{self, Drain};
use crate::{Failure, ceiling_postgres, ceiling_sqlite, note};
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// Receiving accounts, so that charges spread as they do in use.
const ACCOUNTS: usize = 8;
/// Requests per second of the load at half of what is promised.
pub(crate) const HALF_LOAD: u32 = 3000;

/// What a bare loop reached.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ceiling {
    /// Rows per second.
    pub(crate) rate: f64,
    /// CPU time of the loop and its database per row, in microseconds.
    pub(crate) cpu_us: f64,
}

/// A ceiling and the gateway, one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Round {
    /// The bare loop, a statement per row.
    pub(crate) ceiling: Ceiling,
    /// On PostgreSQL: the bare loop, a statement per commit.
    pub(crate) bulk: Option<Ceiling>,
    /// The gateway.
    pub(crate) gateway: Outcome,
}

impl Round {
    /// The gateway's share of the ceiling.
    pub(crate) fn ratio(&self) -> f64 {
        self.gateway.rate() / self.ceiling.rate
    }
}

/// The figures of one engine.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    pub(crate) kind: Kind,
    pub(crate) charges: Vec<Round>,
    pub(crate) sessions: Vec<Round>,
    pub(crate) half_load: Outcome,
    /// Requests that ask nothing: what HTTP alone costs.
    pub(crate) floor: Outcome,
    pub(crate) session_reads: Outcome,
    pub(crate) page_views: Outcome,
    pub(crate) drain: Drain,
    /// From start to first answer on an empty store.
    pub(crate) starts: Vec<Duration>,
    /// Resident MiB of an idle gateway, and the most it had under the load of charges.
    pub(crate) idle_mb: f64,
    pub(crate) loaded_mb: f64,
}

/// A database with a merchant in it, and what its requests need.
struct Prepared {
    database: Database,
    merchant: String,
    key: String,
    secret: String,
    /// Sessions that wait for a charge, one per client.
    waiting: Vec<String>,
    /// Sessions whose charge waits for money, one per client.
    charged: Vec<String>,
}

impl Prepared {
    fn caller(&self, server: &Server) -> Caller {
        Caller::new(server.address.to_string(), &self.key, &self.secret)
    }
}

/// Measures one engine in a directory of its own.
pub(crate) async fn measure(kind: Kind, plan: &Plan, program: &Program, directory: &Path) -> Result<Measured, Failure> {
    let databases = Databases::prepare(kind, directory)?;
    note("  start and idle memory");
    let (starts, idle_mb) = measure_starts(plan, program, &databases).await?;
    let prepared = prepare(program, &databases).await?;
    let bench = Bench { plan, program, databases: &databases, prepared: &prepared };
    let (mut charges, mut sessions) = (Vec::new(), Vec::new());
    for round in 1..=plan.rounds {
        note(&format!("  POST /charges and POST /sessions, round {round} of {}", plan.rounds));
        charges.push(bench.round(Table::Charges, scripts::charges).await?);
        sessions.push(bench.round(Table::Sessions, scripts::sessions).await?);
    }
    note("  half load, reads and notices");
    let (half_load, loaded_mb, drain) = bench.under_half_load().await?;
    let [floor, session_reads, page_views] = bench.reads().await?;
    Ok(Measured {
        kind,
        charges,
        sessions,
        half_load,
        floor,
        session_reads,
        page_views,
        drain,
        starts,
        idle_mb,
        loaded_mb,
    })
}

/// Starts the gateway on empty stores; the memory is that of the last one after a second without requests.
async fn measure_starts(
    plan: &Plan,
    program: &Program,
    databases: &Databases,
) -> Result<(Vec<Duration>, f64), Failure> {
    let (mut starts, mut idle_mb) = (Vec::new(), 0.0);
    for number in 1..=plan.starts {
        let database = databases.empty(&format!("empty{number}")).await?;
        let server = program.serve(&database.storage, &databases.log()).await?;
        starts.push(server.started);
        if number == plan.starts {
            tokio::time::sleep(Duration::from_secs(1)).await;
            idle_mb = process::memory(server.pid())?.0;
        }
        server.stop()?;
        databases.remove(&database).await?;
    }
    Ok((starts, idle_mb))
}

async fn prepare(program: &Program, databases: &Databases) -> Result<Prepared, Failure> {
    let database = databases.empty("original").await?;
    let storage = &database.storage;
    let created = ["merchant", "create", "--name", "Bench", "--currency", "SGD", "--methods", "paynow"];
    let created = program.run(storage, &created)?;
    for number in 0..ACCOUNTS {
        // Nonces, although a mobile number's reference may be dropped: no money comes here.
        let account = format!("+6581234{number:03}");
        let add = ["account", "add", "--method", "paynow", "--account", &account, "--policy", "nonce"];
        program.run(storage, &add)?;
    }
    let mut prepared = Prepared {
        merchant: text(&created, "merchantId")?,
        key: text(&created, "apiKey")?,
        secret: text(&created, "apiSecret")?,
        waiting: Vec::new(),
        charged: Vec::new(),
        database,
    };
    let server = program.serve(&prepared.database.storage, &databases.log()).await?;
    fill(&mut prepared, &server).await?;
    server.stop()?;
    Ok(prepared)
}

/// One charge, one waiting session and one session with a pending charge per client.
async fn fill(prepared: &mut Prepared, server: &Server) -> Result<(), Failure> {
    let caller = prepared.caller(server);
    let mut connection = Connection::open(server.address).await?;
    let (mut charges, mut sessions) = (scripts::charges(&caller), scripts::sessions(&caller));
    for client in 0..CLIENTS {
        create(&mut connection, &mut charges[client]).await?;
        prepared.waiting.push(create(&mut connection, &mut sessions[client]).await?);
        let session = create(&mut connection, &mut sessions[client]).await?;
        let fields = format!("method=paynow&email={}", scripts::email(client));
        let start = caller.form(&format!("/checkout/sessions/{session}/start"), &fields);
        let status = connection.exchange(start.as_bytes()).await?.status;
        if status != 303 {
            return Err(format!("starting a checkout was answered with {status}").into());
        }
        prepared.charged.push(session);
    }
    Ok(())
}

/// Creates something and returns its id.
async fn create(connection: &mut Connection, script: &mut Script) -> Result<String, Failure> {
    let answer = connection.exchange(script.next()).await?;
    if answer.status != 200 {
        return Err(format!("the gateway answered {}: {}", answer.status, String::from_utf8_lossy(answer.body)).into());
    }
    text(&serde_json::from_slice(answer.body)?, "id")
}

fn text(value: &Value, name: &str) -> Result<String, Failure> {
    Ok(value.get(name).and_then(Value::as_str).ok_or("an answer has another form than expected")?.to_owned())
}

/// What every measurement of an engine shares.
struct Bench<'a> {
    plan: &'a Plan,
    program: &'a Program,
    databases: &'a Databases,
    prepared: &'a Prepared,
}

impl Bench<'_> {
    fn load(&self, server: &Server, scripts: Vec<Script>) -> Load {
        let Plan { warm, measure, .. } = *self.plan;
        Load { address: server.address, pid: server.pid(), scripts, warm, measure }
    }

    /// A fresh copy of the prepared database.
    async fn copy(&self) -> Result<Database, Failure> {
        self.databases.copy(&self.prepared.database, "copy").await
    }

    async fn serve(&self, database: &Database) -> Result<Server, Failure> {
        self.program.serve(&database.storage, &self.databases.log()).await
    }

    /// The bare loop and the gateway, each on a copy of its own.
    async fn round(&self, table: Table, scripts: fn(&Caller) -> Vec<Script>) -> Result<Round, Failure> {
        let database = self.copy().await?;
        let models = database.models(table).await?;
        let rows = |seed| Rows::new(table, models.clone(), seed);
        let Plan { warm, measure, .. } = *self.plan;
        let (ceiling, bulk) = match &database.storage {
            Storage::Directory(directory) => (ceiling_sqlite::measure(directory, rows(0)?, warm, measure)?, None),
            Storage::Postgres { url, .. } => {
                let per_row = ceiling_postgres::measure(url, Statements::PerRow, rows, warm, measure).await?;
                let database = self.copy().await?;
                let Storage::Postgres { url, .. } = &database.storage else { return Err("the copy moved".into()) };
                let bulk = ceiling_postgres::measure(url, Statements::PerCommit, rows, warm, measure).await?;
                (per_row, Some(bulk))
            }
        };
        let database = self.copy().await?;
        let server = self.serve(&database).await?;
        let gateway = load::closed(self.load(&server, scripts(&self.prepared.caller(&server)))).await?;
        server.stop()?;
        note(&format!("    {}: {:.0}/s of {:.0}/s", table.name(), gateway.rate(), ceiling.rate));
        Ok(Round { ceiling, bulk, gateway })
    }

    /// Charges by the clock, then at full load for the memory and for a backlog of notices.
    async fn under_half_load(&self) -> Result<(Outcome, f64, Drain), Failure> {
        let database = self.copy().await?;
        let server = self.serve(&database).await?;
        let caller = self.prepared.caller(&server);
        let half_load = load::open(self.load(&server, scripts::charges(&caller)), HALF_LOAD).await?;
        server.stop()?;
        let database = self.copy().await?;
        let server = self.serve(&database).await?;
        let caller = self.prepared.caller(&server);
        load::closed(self.load(&server, scripts::charges(&caller))).await?;
        let loaded_mb = process::memory(server.pid())?.1;
        server.stop()?;
        let merchant = &self.prepared.merchant;
        let drain = webhooks::measure(self.program, &database, merchant, self.plan, &self.databases.log()).await?;
        Ok((half_load, loaded_mb, drain))
    }

    async fn reads(&self) -> Result<[Outcome; 3], Failure> {
        let database = self.copy().await?;
        let server = self.serve(&database).await?;
        let caller = self.prepared.caller(&server);
        let floor = load::closed(self.load(&server, scripts::healthz(&caller))).await?;
        let sessions = scripts::session_reads(&caller, &self.prepared.waiting);
        let session_reads = load::closed(self.load(&server, sessions)).await?;
        let pages = scripts::page_views(&caller, &self.prepared.charged);
        let page_views = load::closed(self.load(&server, pages)).await?;
        server.stop()?;
        Ok([floor, session_reads, page_views])
    }
}
