//! The requests: rendered once, of which only counters are patched.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Concurrent clients.
pub(crate) const CLIENTS: usize = 64;
/// Digits of the counter that makes each request another one.
const WIDTH: usize = 10;
/// What a counter stands for in a request that is being made.
const COUNTER: &str = "##########";
/// The same for the amount's middle digits.
const AMOUNT: &str = "@@@@";

/// A merchant's credentials and where its gateway listens.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// Host and port.
    pub(crate) host: String,
    /// The `Authorization` header.
    pub(crate) authorization: String,
}

impl Caller {
    /// With a key and its secret.
    pub(crate) fn new(host: String, key: &str, secret: &str) -> Self {
        Self { host, authorization: format!("Basic {}", STANDARD.encode(format!("{key}:{secret}"))) }
    }

    /// A request with a JSON body.
    pub(crate) fn post(&self, path: &str, body: &str) -> String {
        let Self { host, authorization } = self;
        format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {authorization}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    /// A request without a body.
    pub(crate) fn get(&self, path: &str) -> String {
        let Self { host, authorization } = self;
        format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {authorization}\r\n\r\n")
    }

    /// A form that a browser sends.
    pub(crate) fn form(&self, path: &str, body: &str) -> String {
        let host = &self.host;
        format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    /// A page that a browser asks for.
    pub(crate) fn page(&self, path: &str) -> String {
        format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.host)
    }
}

/// The e-mail address of a client's customer.
pub(crate) fn email(client: usize) -> String {
    format!("customer-{client:02}@example.com")
}

/// What one client asks, again and again.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    request: Vec<u8>,
    counters: Vec<usize>,
    amounts: Vec<usize>,
    next: u64,
}

impl Script {
    /// A request with counters and amounts in it, as [`COUNTER`] and [`AMOUNT`] stand for them.
    fn new(text: String, client: usize) -> Self {
        let places = |mark: &str| text.match_indices(mark).map(|(place, _)| place).collect();
        let (counters, amounts) = (places(COUNTER), places(AMOUNT));
        Self { request: text.into_bytes(), counters, amounts, next: client as u64 }
    }

    /// The next request.
    pub(crate) fn next(&mut self) -> &[u8] {
        let number = self.next;
        self.next += CLIENTS as u64;
        for place in &self.counters {
            write_digits(&mut self.request, *place, WIDTH, number);
        }
        for place in &self.amounts {
            write_digits(&mut self.request, *place, AMOUNT.len(), number);
        }
        &self.request
    }
}

fn write_digits(bytes: &mut [u8], place: usize, width: usize, mut number: u64) {
    for byte in bytes.iter_mut().skip(place).take(width).rev() {
        *byte = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// `POST /charges` of 64 customers; no two requests are equal.
pub(crate) fn charges(caller: &Caller) -> Vec<Script> {
    let script = |client| {
        let body = format!(
            "{{\"email\":\"{}\",\"merchantAmount\":1{AMOUNT}.50,\"merchantCurrency\":\"SGD\",\"method\":\"paynow\",\
             \"notifyPayload\":\"order {COUNTER}\"}}",
            email(client)
        );
        Script::new(caller.post("/charges", &body), client)
    };
    (0..CLIENTS).map(script).collect()
}

/// `POST /sessions`, each another one.
pub(crate) fn sessions(caller: &Caller) -> Vec<Script> {
    let body = format!(
        "{{\"amount\":1{AMOUNT}.50,\"currency\":\"SGD\",\"redirectUrl\":\"https://shop.example/thanks\",\
         \"notifyPayload\":\"order {COUNTER}\"}}"
    );
    (0..CLIENTS).map(|client| Script::new(caller.post("/sessions", &body), client)).collect()
}

/// `GET /healthz`: what HTTP costs before anything is asked.
pub(crate) fn healthz(caller: &Caller) -> Vec<Script> {
    (0..CLIENTS).map(|client| Script::new(caller.get("/healthz"), client)).collect()
}

/// `GET /sessions/{id}`, each client its own.
pub(crate) fn session_reads(caller: &Caller, sessions: &[String]) -> Vec<Script> {
    let script = |(client, id): (usize, &String)| Script::new(caller.get(&format!("/sessions/{id}")), client);
    sessions.iter().enumerate().map(script).collect()
}

/// The checkout page, each client its own.
pub(crate) fn page_views(caller: &Caller, sessions: &[String]) -> Vec<Script> {
    let path = |id: &str| format!("/checkout/?sessionId={id}&isSandbox=true");
    let script = |(client, id): (usize, &String)| Script::new(caller.page(&path(id)), client);
    sessions.iter().enumerate().map(script).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_requests_for_a_charge_are_equal_and_each_announces_its_length() {
        let mut seen = BTreeSet::new();
        for mut script in charges(&Caller::new("localhost".into(), "key", "secret")) {
            for _ in 0..50 {
                let text = String::from_utf8(script.next().to_vec()).unwrap();
                let (head, body) = text.split_once("\r\n\r\n").unwrap();
                assert!(head.contains(&format!("Content-Length: {}", body.len())), "{head}");
                serde_json::from_str::<serde_json::Value>(body).unwrap();
                assert!(seen.insert(text));
            }
        }
    }
}
