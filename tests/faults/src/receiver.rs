//! A merchant's webhook endpoint with bad manners: it notes every notice, hangs up on some, refuses others, and looks at
//! the charge while it is being told of it.

use crate::client::{Answer, Ask, Client, read_body, read_head};
use crate::story::get;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::{AsyncWriteExt, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// One in so many notices is hung up on at its first try, and another one refused.
const BAD_MANNERS: u64 = 16;

/// A notice as it was heard.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Notice {
    id: String,
    body: String,
    status: String,
}

#[derive(Default)]
struct Log {
    /// By charge, without repetitions.
    notices: HashMap<String, HashSet<Notice>>,
    /// Ids that were heard before.
    known: HashSet<String>,
    early: Vec<String>,
    looks: usize,
    receptions: usize,
    /// Where the gateway listens, and the merchant's `Authorization`.
    gateway: Option<(String, String)>,
}

/// The endpoint.
pub struct Receiver {
    /// Where it listens.
    pub url: String,
    log: Arc<Mutex<Log>>,
    listening: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Receiver {
    /// Begins to listen.
    pub async fn start() -> Result<Self, String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let log = Arc::new(Mutex::new(Log::default()));
        let heard = Arc::clone(&log);
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&heard)));
            }
        });
        Ok(Self { url: format!("http://{address}/hook"), log, listening })
    }

    /// Says where the gateway listens now.
    pub fn look_at(&self, address: &str, by: &str) {
        lock(&self.log).gateway = Some((address.to_owned(), by.to_owned()));
    }

    /// How many notices came, repetitions included, and at how many charges it looked meanwhile.
    pub fn figures(&self) -> (usize, usize) {
        let log = lock(&self.log);
        (log.receptions, log.looks)
    }

    /// What is wrong with the notices of a charge that must have been told of once, with this status.
    pub fn fault(&self, charge: &str, status: &str) -> Option<String> {
        let log = lock(&self.log);
        let Some(notices) = log.notices.get(charge) else { return Some(format!("no notice of charge {charge} came")) };
        let mut statuses = notices.iter().map(|notice| notice.status.as_str());
        let good = notices.len() == 1 && statuses.next() == Some(status);
        (!good).then(|| format!("the notices of charge {charge} are not one that says {status}: {notices:?}"))
    }

    /// Charges that were not yet what their notice said when it came.
    pub fn early(&self) -> Vec<String> {
        lock(&self.log).early.clone()
    }

    /// The planted fault: a notice that says of a pending charge that it is completed.
    pub async fn hear_of(&self, charge: &str) -> Result<(), String> {
        let address = self.url.trim_start_matches("http://").trim_end_matches("/hook");
        let mut client = Client::connect(address).await.ok_or("the receiver is gone")?;
        let body = format!(r#"{{"payload":{{"chargeId":"{charge}","status":"completed"}}}}"#);
        let ask = Ask { method: "POST", path: "/hook", body: &body, ..Ask::default() };
        // Whether it answers or hangs up is its mood.
        let _ = client.send(ask).await;
        Ok(())
    }

    /// The planted faults: a notice that was never heard, and one that came again with another body.
    pub fn misremember(&self, forgotten: &str, changed: &str) {
        let mut log = lock(&self.log);
        log.notices.remove(forgotten);
        if let Some(notices) = log.notices.get_mut(changed)
            && let Some(mut notice) = notices.iter().next().cloned()
        {
            notice.body.push(' ');
            notices.insert(notice);
        }
    }
}

fn lock(log: &Mutex<Log>) -> MutexGuard<'_, Log> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(stream: TcpStream, log: Arc<Mutex<Log>>) {
    let mut stream = BufStream::new(stream);
    let mut gateway = None;
    while let Some((_, headers)) = read_head(&mut stream).await {
        let Some(body) = read_body(&mut stream, &headers).await else { return };
        let id = headers.iter().find(|(name, _)| name == "webhook-id").map(|(_, id)| id.clone()).unwrap_or_default();
        let notice: Value = serde_json::from_str(&body).unwrap_or(Value::Null);
        let text = |name: &str| notice["payload"][name].as_str().unwrap_or_default().to_owned();
        let (charge, status) = (text("chargeId"), text("status"));
        look(&log, &mut gateway, &charge, &status).await;
        let is_first = note(&log, &charge, Notice { id: id.clone(), body, status });
        let mood = std::hash::BuildHasher::hash_one(
            &std::hash::BuildHasherDefault::<std::hash::DefaultHasher>::default(),
            &id,
        ) % BAD_MANNERS;
        let answer: &[u8] = match mood {
            0 if is_first => return,
            1 if is_first => b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
            _ => b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        };
        if stream.write_all(answer).await.is_err() || stream.flush().await.is_err() {
            return;
        }
    }
}

/// Notes a notice; whether it is the first with its id.
fn note(log: &Mutex<Log>, charge: &str, notice: Notice) -> bool {
    let mut log = lock(log);
    log.receptions += 1;
    let is_first = log.known.insert(notice.id.clone());
    log.notices.entry(charge.to_owned()).or_default().insert(notice);
    is_first
}

/// Looks at the charge before the notice is answered: it must already be what the notice says.
async fn look(log: &Mutex<Log>, client: &mut Option<(String, Client)>, charge: &str, status: &str) {
    let Some((address, by)) = lock(log).gateway.clone() else { return };
    if client.as_ref().is_none_or(|(known, _)| *known != address) {
        *client = Client::connect(&address).await.map(|fresh| (address, fresh));
    }
    let Some((_, connection)) = client else { return };
    match get(connection, &by, &format!("/charges/{charge}")).await {
        Some(Answer { status: 200, body }) => {
            let shown: Value = serde_json::from_str(&body).unwrap_or(Value::Null);
            let mut log = lock(log);
            log.looks += 1;
            if shown["status"] != status {
                log.early.push(charge.to_owned());
            }
        }
        Some(Answer { status: 404, .. }) => lock(log).early.push(charge.to_owned()),
        // The gateway was killed meanwhile.
        _ => *client = None,
    }
}
