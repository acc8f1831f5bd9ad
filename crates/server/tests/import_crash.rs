//! An import that is killed in the middle, and what the next one makes of it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use base64::Engine as _;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use xanpay_testkit::{Database, Engine, on_both_databases};

const PAYMENTS: usize = 6000;
const CHARGES: usize = 40;

/// The program on one database.
struct Program {
    folder: PathBuf,
    /// `--database-url`; a folder of its own without it.
    url: Option<String>,
}

impl Program {
    fn new(database: &Database) -> Self {
        let (name, url) = match database.engine() {
            Engine::Sqlite => ("sqlite", None),
            Engine::Postgres => ("postgres", Some(database.url())),
        };
        let folder = std::env::temp_dir().join(format!("xanpay-import-{}-{name}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        Self { folder, url }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xanpay"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("XANPAY_")) {
            command.env_remove(name);
        }
        command.env("HOME", &self.folder).current_dir(&self.folder).args(arguments).stdin(Stdio::null());
        if let Some(url) = &self.url {
            command.args(["--database-url", url]);
        }
        command
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.command(&[&["--json"], arguments].concat()).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn import(&self) -> Value {
        self.json(&["statement", "import", "bank.csv", "--account", "+6585867834"])["files"][0].clone()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A running server that ends with the test.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(program: &Program) -> Self {
        let mut child = program.command(&["serve", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening on http://").unwrap_or_else(|| panic!("{line:?}"));
        Self { child, address: address.to_owned() }
    }

    fn call(&self, key: &Value, method: &str, path: &str, body: &str) -> Value {
        let pair = format!("{}:{}", key["apiKey"].as_str().unwrap(), key["apiSecret"].as_str().unwrap());
        let authorization = base64::engine::general_purpose::STANDARD.encode(pair);
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {authorization}\r\n\
             Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A DBS export with the charges' payments among many others. Every tenth row has a true twin.
fn statement(nonces: &[String]) -> String {
    let mut file = "Account Details For:,POSB Savings Account 123-45678-9\n\
        Transaction Date,Reference,Debit Amount,Credit Amount,Transaction Ref1,Transaction Ref2,Transaction Ref3\n"
        .to_owned();
    let now = xanpay_server::clock::Clock::system().real_now();
    let today = jiff::Timestamp::from_millisecond(now.as_millis()).unwrap().strftime("%d %b %Y").to_string();
    let mut nonces = nonces.iter();
    for number in 0..PAYMENTS {
        let nonce = if number % 100 == 0 { nonces.next() } else { None };
        let (amount, note) = match nonce {
            Some(nonce) => ("35.00".to_owned(), nonce.clone()),
            None => (format!("{}.10", 1 + number % 500 / 2), format!("rent {}", number - number % 10 / 9)),
        };
        file += &format!("{today},ICT,,{amount},Incoming PayNow Ref 222,From: PAYER,OTHR {note}\n");
    }
    file
}

#[tokio::test]
async fn an_import_that_is_killed_in_the_middle_is_finished_by_the_next_one() {
    on_both_databases(async |database| {
        let program = Program::new(database);
        let merchant = program.json(&["merchant", "create", "--name", "Shop", "--currency", "SGD"]);
        let operator = program.json(&["operator-key", "create"]);
        program.json(&["account", "add", "--method", "paynow", "--account", "+6585867834", "--name", "DN"]);
        let server = Server::start(&program);
        let charges: Vec<Value> = (0..CHARGES)
            .map(|number| {
                let body = json!({"merchantAmount": 35, "merchantCurrency": "SGD", "method": "paynow",
                    "email": "a@b.sg", "notifyPayload": number.to_string()});
                server.call(&merchant, "POST", "/charges", &body.to_string())
            })
            .collect();
        let nonces: Vec<String> =
            charges.iter().map(|charge| charge["destination"]["nonce"].as_str().unwrap().to_owned()).collect();
        std::fs::write(program.folder.join("bank.csv"), statement(&nonces)).unwrap();
        let mut import = program
            .command(&["statement", "import", "bank.csv", "--account", "+6585867834"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // Once the first payments are stored, the import is in the middle.
        while server.call(&operator, "GET", "/transfers?limit=1", "")["data"].as_array().unwrap().is_empty() {
            assert!(import.try_wait().unwrap().is_none(), "the import has ended before anything was stored");
        }
        import.kill().unwrap();
        assert!(!import.wait().unwrap().success(), "the import was over before it was killed");
        let rest = program.import();
        let (new, known) = (rest["new"].as_u64().unwrap(), rest["duplicates"].as_u64().unwrap());
        assert!(new > 0 && known > 0, "{rest}");
        assert_eq!(new + known, PAYMENTS as u64, "{rest}");
        assert_eq!(program.import()["duplicates"], PAYMENTS);
        for charge in &charges {
            let path = format!("/charges/{}", charge["id"].as_str().unwrap());
            let now = server.call(&merchant, "GET", &path, "");
            assert_eq!(now["status"], "completed", "{now}");
        }
    })
    .await;
}
