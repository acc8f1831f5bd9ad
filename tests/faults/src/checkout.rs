//! Fifty customers choose how to pay for one session at the same moment, over every gateway process on the database:
//! one charge is made, and all are shown it.

use crate::Lab;
use crate::client::{Ask, Client};
use crate::gateway::{Engine, Gateway, Program, Running};
use crate::report::Row;
use crate::story::{Plot, Story, Went, get};
use std::sync::Arc;
use tokio::sync::Barrier;

/// Customers of one session.
const CUSTOMERS: usize = 50;
/// Gateway processes on one PostgreSQL database; SQLite has one.
const PROCESSES: usize = 3;
/// Sessions per round of the other checks.
const SESSIONS: u32 = 5;

/// Without the rule that a session has one charge, the database leaves it to the gateway's locks.
const NO_RULE: &str = "DROP INDEX charges_session";
/// A session that forgets at once that it was used, as after a lost update.
const FORGETFUL_SQLITE: &str = "CREATE TRIGGER forget AFTER UPDATE ON sessions WHEN NEW.status = 'charged' BEGIN \
    UPDATE sessions SET status = 'created', charge_id = NULL, expires_at = NEW.created_at + 604800000 \
    WHERE id = NEW.id; END";
const FORGETFUL_POSTGRES: &str = "CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS \
    'BEGIN NEW.status = ''created''; NEW.charge_id = NULL; NEW.expires_at = NEW.created_at + 604800000; RETURN NEW; END'; \
    CREATE TRIGGER forget BEFORE UPDATE ON sessions FOR EACH ROW WHEN (NEW.status = 'charged') EXECUTE FUNCTION forget()";

/// Tries the sound gateway and then what should go wrong.
pub async fn check(lab: &Lab, engine: &Engine) -> Result<Row, String> {
    let sessions = lab.rounds * SESSIONS;
    let raced = race(lab, engine, &lab.sound(), sessions, &[]).await?;
    let measured = format!(
        "{sessions} sessions, {CUSTOMERS} customers each, {} processes, {} on average before the first answer",
        processes(engine),
        raced.in_flight / usize::try_from(sessions).unwrap_or(1).max(1),
    );
    let mut row = Row::new("one charge per session", engine, measured);
    row.broken = raced.broken;
    let (forgetful, no_transaction) = match engine {
        Engine::Sqlite => (FORGETFUL_SQLITE, None),
        Engine::Postgres(_) => (FORGETFUL_POSTGRES, Some(lab.planted("no-transaction"))),
    };
    let raced = race(lab, engine, &lab.sound(), 1, &[NO_RULE, forgetful]).await?;
    row.control("a session that forgets", !raced.broken.is_empty());
    // On SQLite nothing comes between two statements of one writer, so that this bug has no effect there.
    if let Some(program) = no_transaction {
        let raced = race(lab, engine, &program, SESSIONS, &[NO_RULE]).await?;
        row.control("no-transaction without the rule", !raced.broken.is_empty());
    }
    Ok(row)
}

struct Raced {
    /// Requests that had been sent before the first answer came, over all sessions.
    in_flight: usize,
    broken: Vec<String>,
}

fn processes(engine: &Engine) -> usize {
    match engine {
        Engine::Sqlite => 1,
        Engine::Postgres(_) => PROCESSES,
    }
}

async fn race(lab: &Lab, engine: &Engine, program: &Program, sessions: u32, spoils: &[&str]) -> Result<Raced, String> {
    let gateway = Gateway::prepare(engine, program, &lab.server).await?;
    for spoil in spoils {
        gateway.tamper(spoil).await?;
    }
    let mut running = Vec::new();
    for _ in 0..processes(engine) {
        running.push(gateway.start().await?);
    }
    let mut raced = Raced { in_flight: 0, broken: Vec::new() };
    for number in 0..sessions {
        one_session(&gateway, &running, u64::from(number), &mut raced).await?;
    }
    for process in &mut running {
        process.kill().await?;
    }
    gateway.remove().await?;
    Ok(raced)
}

/// One session and its customers.
async fn one_session(gateway: &Gateway, running: &[Running], number: u64, raced: &mut Raced) -> Result<(), String> {
    let mut client = Client::connect(&running[0].address).await.ok_or("no connection")?;
    let mut story = Story::new(number, Plot::Session);
    if story.go_on(&mut client, gateway).await != Went::Done {
        return Err("no session could be made".to_owned());
    }
    let barrier = Arc::new(Barrier::new(CUSTOMERS));
    let began = std::time::Instant::now();
    let mut customers = tokio::task::JoinSet::new();
    for customer in 0..CUSTOMERS {
        let address = running[customer % running.len()].address.clone();
        let (session, barrier) = (story.session.clone(), Arc::clone(&barrier));
        customers.spawn(async move {
            let mut client = Client::connect(&address).await?;
            let path = format!("/checkout/sessions/{session}/start");
            let body = format!("method=paynow&email=c{customer}%40example.com");
            barrier.wait().await;
            client.begin(Ask { method: "POST", path: &path, body: &body, ..Ask::default() }).await?;
            let sent = began.elapsed();
            let answer = client.finish().await?;
            Some((answer.status, sent, began.elapsed()))
        });
    }
    let answers: Vec<_> = customers.join_all().await.into_iter().flatten().collect();
    let first = answers.iter().map(|(_, _, answered)| *answered).min().unwrap_or_default();
    raced.in_flight += answers.iter().filter(|(_, sent, _)| *sent <= first).count();
    let seen = answers.iter().filter(|(status, _, _)| *status == 303).count();
    let count = format!("SELECT id FROM charges WHERE session_id = '{}'", story.session);
    let charges = gateway.query(&count).await?;
    let path = format!("/sessions/{}/charge", story.session);
    let mut shown = Vec::new();
    for process in running {
        let mut client = Client::connect(&process.address).await.ok_or("no connection")?;
        let answer = get(&mut client, &gateway.by, &path).await.ok_or("no answer")?;
        shown.push(answer.json()["id"].as_str().unwrap_or_default().to_owned());
    }
    let is_one = matches!(charges.as_slice(), [charge] if shown.iter().all(|id| *id == charge[0]));
    if seen != CUSTOMERS || !is_one {
        let charges = charges.len();
        raced.broken.push(format!("{seen} of {CUSTOMERS} were sent on, {charges} charges, shown as {shown:?}"));
    }
    Ok(())
}
