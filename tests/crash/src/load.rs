//! The load, and the ledger of what was asked and answered.

use crate::client::{Client, Key};
use crate::gateway::{Rows, Running};
use serde_json::Value;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// What was asked.
#[derive(Debug, Clone)]
enum Kind {
    Charge,
    Session,
}

/// One request and what became of it.
#[derive(Debug, Clone)]
pub struct Entry {
    kind: Kind,
    number: u64,
    /// Id and nonce (empty for sessions), once answered.
    answer: Option<(String, String)>,
    /// Whether a cancel of it was answered with `true`.
    cancelled: bool,
}

impl Entry {
    fn key(&self) -> String {
        format!("crash-{}", self.number)
    }

    fn path(&self) -> &'static str {
        match self.kind {
            Kind::Charge => "/charges",
            Kind::Session => "/sessions",
        }
    }

    fn body(&self) -> String {
        let number = self.number;
        match self.kind {
            Kind::Charge => format!(
                r#"{{"merchantAmount":35,"merchantCurrency":"SGD","method":"paynow","email":"c@example.com","notifyPayload":"{number}"}}"#
            ),
            Kind::Session => format!(r#"{{"amount":35,"currency":"SGD","notifyPayload":"{number}"}}"#),
        }
    }

    /// Asks; true when an answer came.
    async fn ask(&mut self, client: &mut Client) -> bool {
        let Some((status, answer)) = client.send("POST", self.path(), Some(&self.key()), &self.body()).await else {
            return false;
        };
        if status == 200 {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            self.answer = Some((text(&answer["id"]), text(&answer["destination"]["nonce"])));
        }
        true
    }
}

/// Everything that was asked.
#[derive(Default)]
pub struct Ledger {
    entries: Vec<Entry>,
    /// Requests that were refused although they were asked again under their keys.
    refused: Vec<String>,
    /// The next request's number.
    pub next_number: u64,
}

/// Runs clients against the gateway for a while and kills it under them; what they asked, answered or not.
pub async fn run(
    gateway: &mut Running,
    key: &Key,
    clients: usize,
    how_long: Duration,
    next_number: &mut u64,
) -> Vec<Entry> {
    let stop = Arc::new(AtomicBool::new(false));
    let numbers = Arc::new(AtomicU64::new(*next_number));
    let mut tasks = Vec::new();
    for _ in 0..clients {
        let (address, key) = (gateway.address.clone(), key.clone());
        let (stop, numbers) = (Arc::clone(&stop), Arc::clone(&numbers));
        tasks.push(tokio::spawn(client(address, key, stop, numbers)));
    }
    tokio::time::sleep(how_long).await;
    // The clients are still asking when the kill comes; only then are they told to stop.
    let _ = gateway.kill().await;
    stop.store(true, Ordering::Relaxed);
    let mut entries = Vec::new();
    for task in tasks {
        entries.extend(task.await.unwrap_or_default());
    }
    *next_number = numbers.load(Ordering::Relaxed);
    entries
}

async fn client(address: String, key: Key, stop: Arc<AtomicBool>, numbers: Arc<AtomicU64>) -> Vec<Entry> {
    let mut entries = Vec::new();
    let Some(mut client) = Client::connect(&address, &key).await else { return entries };
    while !stop.load(Ordering::Relaxed) {
        let number = numbers.fetch_add(1, Ordering::Relaxed);
        let kind = if number.is_multiple_of(3) { Kind::Session } else { Kind::Charge };
        let mut entry = Entry { kind, number, answer: None, cancelled: false };
        let answered = entry.ask(&mut client).await;
        if answered
            && number % 6 == 1
            && let Some((id, _)) = &entry.answer
        {
            let cancelled = client.send("PATCH", &format!("/charges/{id}/cancel"), None, "").await;
            entry.cancelled = cancelled == Some((200, Value::Bool(true)));
        }
        entries.push(entry);
        if !answered {
            break;
        }
    }
    entries
}

impl Ledger {
    /// Takes notes over.
    pub fn note(&mut self, entries: Vec<Entry>) {
        self.entries.extend(entries);
    }

    /// Asks everything again that was not answered.
    pub async fn settle(&mut self, gateway: &Running, key: &Key) -> Result<(), String> {
        let mut client = Client::connect(&gateway.address, key).await.ok_or("no connection after the restart")?;
        for entry in self.entries.iter_mut().filter(|entry| entry.answer.is_none()) {
            if !entry.ask(&mut client).await {
                return Err(format!("{} was not answered after the restart", entry.key()));
            }
            if entry.answer.is_none() {
                self.refused.push(format!("{} was refused after the restart", entry.key()));
            }
        }
        Ok(())
    }

    /// Requests that were answered.
    pub fn answered(&self) -> usize {
        self.entries.iter().filter(|entry| entry.answer.is_some()).count()
    }

    /// What was answered and does not read back with at least the answered state.
    pub async fn missing(&self, gateway: &Running, key: &Key) -> Result<Vec<String>, String> {
        let mut client = Client::connect(&gateway.address, key).await.ok_or("no connection")?;
        let mut missing = self.refused.clone();
        for entry in &self.entries {
            let Some((id, nonce)) = &entry.answer else { continue };
            let path = format!("{}/{id}", entry.path());
            let Some((status, answer)) = client.send("GET", &path, None, "").await else {
                return Err("no answer".to_owned());
            };
            let same_nonce = nonce.is_empty() || answer["destination"]["nonce"] == nonce.as_str();
            let still_cancelled = !entry.cancelled || answer["status"] == "cancelled";
            if status != 200 || !same_nonce || !still_cancelled {
                missing.push(format!("{path} was answered and now says {status} {answer}"));
            }
        }
        Ok(missing)
    }

    /// What two requests share, and rows that no request explains.
    pub fn doubled(&self, rows: Rows) -> Vec<String> {
        let mut doubled = Vec::new();
        for (wanted, found, name) in [(true, rows.charges, "charges"), (false, rows.sessions, "sessions")] {
            let of_kind: Vec<_> =
                self.entries.iter().filter(|entry| matches!(entry.kind, Kind::Charge) == wanted).collect();
            let ids: HashSet<_> = of_kind.iter().filter_map(|entry| entry.answer.as_ref().map(|(id, _)| id)).collect();
            if ids.len() != of_kind.len() || found > of_kind.len() {
                doubled.push(format!(
                    "{} {name} were asked for, {} ids given out, {found} rows stored",
                    of_kind.len(),
                    ids.len()
                ));
            }
        }
        doubled
    }
}
