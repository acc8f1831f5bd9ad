//! The program from outside: its commands, their JSON and their exit statuses.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use xanpay_testkit::Database;

/// A directory that goes away with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("xanpay-cli-{}-{number}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The program on data inside this directory, without the tester's own settings.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xanpay"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("XANPAY_")) {
            command.env_remove(name);
        }
        command.current_dir(&self.0).args(arguments).stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What a command prints with `--json`, which must be one JSON value.
    fn json(&self, arguments: &[&str], status: i32) -> Value {
        let output = self.run(&[&["--json"], arguments].concat());
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {output:?}"))
    }

    /// The status and the reason of a refused command.
    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {output:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    fn with_input(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    fn add_paynow(&self) {
        let account =
            self.json(&["account", "add", "--method", "paynow", "--account", "+6585867834", "--name", "DN"], 0);
        assert_eq!(account["accountId"].as_str().unwrap().len(), 24);
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// A running server that ends with the test.
struct Server {
    child: Child,
    /// Where it listens, without the scheme.
    address: String,
}

impl Server {
    fn start(scratch: &Scratch) -> Self {
        Self::start_by(scratch.command(&["serve", "--listen", "127.0.0.1:0"]))
    }

    fn start_by(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening on http://").unwrap_or_else(|| panic!("{line:?}"));
        Self { child, address: address.to_owned() }
    }

    /// Posts a body by a merchant's key and returns the answer's body.
    fn post(&self, merchant: &Value, path: &str, body: &str) -> String {
        self.call(merchant, "POST", path, body)
    }

    fn get(&self, merchant: &Value, path: &str) -> String {
        self.call(merchant, "GET", path, "")
    }

    fn call(&self, merchant: &Value, method: &str, path: &str, body: &str) -> String {
        let text = |name: &str| merchant[name].as_str().unwrap();
        let pair = STANDARD.encode(format!("{}:{}", text("apiKey"), text("apiSecret")));
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Basic {pair}\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            self.address,
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    /// Asks it to stop and returns its exit status.
    fn stop(mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_new_merchant_gets_its_keys_in_the_documented_form() {
    let scratch = Scratch::new();
    let merchant = scratch.json(&["merchant", "create", "--name", "Shop", "--currency", "SGD"], 0);
    assert_eq!(keys(&merchant), ["merchantId", "apiKey", "apiSecret", "webhookSecret", "env"]);
    assert_eq!(merchant["env"], "sandbox");
    assert!(merchant["apiKey"].as_str().unwrap().starts_with("sandbox_"));
    let live = scratch.json(&["merchant", "create", "--name", "Live", "--currency", "sgd", "--env", "live"], 0);
    assert_eq!(live["apiKey"].as_str().unwrap().len(), 32);

    let list = scratch.json(&["merchant", "list"], 0);
    assert_eq!(list["merchants"].as_array().unwrap().len(), 1);
    assert_eq!(list["merchants"][0]["methods"], serde_json::json!(["paynow", "duit-now", "fps"]));
    assert_eq!(list["merchants"][0]["phoneVerification"], false);
    assert_eq!(scratch.json(&["--env", "live", "merchant", "list"], 0)["merchants"][0]["phoneVerification"], false);
}

#[test]
fn the_data_is_where_the_settings_say_and_only_for_its_owner() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = Scratch::new();
    scratch.json(&["operator-key", "create", "--data", "elsewhere"], 0);
    std::fs::write(scratch.path("file"), "").unwrap();
    assert!(scratch.refused(&["operator-key", "create", "--data", "file"]).contains("file: not a directory"));
    assert!(scratch.path("elsewhere/xanpay.db").is_file());
    assert_eq!(std::fs::metadata(scratch.path("elsewhere")).unwrap().permissions().mode() & 0o777, 0o700);
    let output = scratch.command(&["operator-key", "create"]).env("XANPAY_DATA", "third").output().unwrap();
    assert!(output.status.success());
    assert!(scratch.path("third/master.key").is_file());
    assert!(!scratch.path("xanpay-data").exists());
}

#[test]
fn a_database_in_a_folder_that_all_may_enter_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = Scratch::new();
    let set = |name: &str, mode| {
        std::fs::set_permissions(scratch.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    std::fs::create_dir(scratch.path("open")).unwrap();
    set("open", 0o755);
    scratch.json(&["operator-key", "create", "--data", "open"], 0);
    let check = || scratch.json(&["config", "check", "--data", "open"], 0)["warnings"].clone();
    let mut files: Vec<_> = std::fs::read_dir(scratch.path("open")).unwrap().map(Result::unwrap).collect();
    files.sort_by_key(std::fs::DirEntry::file_name);
    let modes: Vec<_> = files
        .iter()
        .map(|file| (file.file_name().into_string().unwrap(), file.metadata().unwrap().permissions().mode() & 0o777))
        .collect();
    let expected = ["master.key", "xanpay.db", "xanpay.db-shm", "xanpay.db-wal"].map(|name| (name.to_owned(), 0o600));
    assert_eq!(modes, expected);
    assert_eq!(check(), Value::Null);

    set("open/xanpay.db", 0o640);
    set("open", 0o701);
    assert_eq!(check(), Value::Null, "the group may not enter");
    set("open", 0o710);
    let warnings = check();
    assert_eq!((&warnings[0]["field"], &warnings[0]["code"]), (&"data".into(), &"file_readable".into()));
    let message = warnings[0]["message"].as_str().unwrap();
    assert!(message.starts_with("others can read open/xanpay.db; "), "{message}");
    scratch.json(&["merchant", "list", "--data", "open"], 0);
    let mode = std::fs::metadata(scratch.path("open/xanpay.db")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640, "a mode that somebody has chosen stays");
}

#[test]
fn a_mistyped_directory_does_not_become_a_new_database() {
    let scratch = Scratch::new();
    let unknown = "6b08012eebf7541f937181da";
    let lines: [&[&str]; 8] = [
        &["merchant", "list"],
        &["merchant", "set", unknown, "--permissions", "none"],
        &["key", "create", "--merchant", unknown],
        &["account", "list"],
        &["webhook", "list", "--merchant", unknown],
        &["rate", "list"],
        &["hash", "--merchant", unknown],
        &[
            "transfer",
            "add",
            "--method",
            "paynow",
            "--account",
            "+6585867834",
            "--amount",
            "1",
            "--currency",
            "SGD",
            "--reference",
            "ztt1",
        ],
    ];
    for line in lines {
        let reason = scratch.refused(&[&["--data", "mistyped"], line].concat());
        assert!(reason.contains("there is no database in mistyped"), "{line:?}: {reason}");
        assert!(!scratch.path("mistyped").exists(), "{line:?}");
    }
    let failure = scratch.json(&["--data", "mistyped", "rate", "list"], 1);
    assert_eq!(failure["error"]["code"], "database_missing");
}

#[test]
fn a_demonstration_is_never_live() {
    let scratch = Scratch::new();
    let failure = scratch.json(&["demo", "--once", "--env", "live"], 1);
    assert_eq!(failure["error"]["errors"][0]["field"], "env");
}

#[test]
fn a_demonstration_keeps_off_a_database_with_a_live_shop() {
    let makes: [&[&str]; 2] = [
        &["merchant", "create", "--name", "Shop", "--currency", "HKD", "--env", "live"],
        &["account", "add", "--method", "paynow", "--account", "201403121W", "--env", "live"],
    ];
    for make in makes {
        let scratch = Scratch::new();
        scratch.json(&[&["--data", "shop"], make].concat(), 0);
        let failure = scratch.json(&["demo", "--once", "--data", "shop"], 1);
        assert_eq!(failure["error"]["code"], "database_live", "{make:?}");
        assert_eq!(scratch.json(&["rate", "list", "--data", "shop"], 0)["rates"], serde_json::json!([]), "{make:?}");
        assert_eq!(scratch.json(&["merchant", "list", "--data", "shop"], 0)["merchants"], serde_json::json!([]));
    }
}

#[test]
fn a_demonstration_leaves_the_rates_that_it_finds() {
    let scratch = Scratch::new();
    let find = |base: &str, quote: &str| {
        let list = scratch.json(&["rate", "list", "--data", "shop"], 0)["rates"].clone();
        let mut rates = list.as_array().unwrap().iter().filter(|rate| rate["base"] == base && rate["quote"] == quote);
        rates.next().map(|rate| rate["rate"].as_str().unwrap().to_owned())
    };
    for [base, quote, rate] in [["HKD", "SGD", "0.1602"], ["EUR", "SGD", "1.4282"], ["EUR", "MYR", "4.8"]] {
        scratch.json(&["rate", "set", base, quote, rate, "--data", "shop"], 0);
    }
    // Upside down: against it the play rate of the opposite pair would be refused, and the demonstration with it.
    scratch.json(&["rate", "set", "THB", "SGD", "24.6", "--data", "shop"], 0);
    assert_eq!(scratch.json(&["demo", "--once", "--data", "shop"], 0)["status"], "completed");
    assert_eq!(find("HKD", "SGD").as_deref(), Some("0.1602"));
    assert_eq!(find("SGD", "MYR"), None, "the rate through the euro goes on");
    assert_eq!(find("SGD", "THB"), None);
    assert_eq!(find("SGD", "KRW").as_deref(), Some("1063.0"));
}

#[test]
fn a_demonstration_on_data_that_is_named_finds_the_key_to_it_where_others_do() {
    let scratch = Scratch::new();
    let demo = |key: &str| {
        let mut demo = scratch.command(&["demo", "--once", "--data", "shop", "--json"]);
        demo.env("XANPAY_MASTER_KEY_FILE", scratch.path(key)).output().unwrap().status.code()
    };
    assert_eq!((demo("key"), scratch.path("key").exists()), (Some(0), true));
    assert_eq!((demo("another"), demo("key")), (Some(1), Some(0)));
}

#[test]
fn switches_of_a_merchant_change_and_the_rest_stays() {
    let scratch = Scratch::new();
    let merchant = scratch.json(&["merchant", "create", "--name", "Shop", "--currency", "SGD"], 0);
    let id = merchant["merchantId"].as_str().unwrap();
    let set = ["merchant", "set", id, "--phone-verification", "required", "--markup", "1.5", "--permissions", "none"];
    let changed = scratch.json(&set, 0);
    assert_eq!(changed["phoneVerification"], true);
    assert_eq!(changed["markup"], "1.50");
    assert_eq!(changed["permissions"], serde_json::json!([]));
    let changed = scratch.json(&["merchant", "set", id, "--methods", "fps,paynow"], 0);
    assert_eq!(changed["methods"], serde_json::json!(["fps", "paynow"]));
    assert_eq!(changed["phoneVerification"], true);
    let line_break = ["merchant", "create", "--name", "a\nb", "--currency", "SGD"];
    assert!(scratch.refused(&line_break).contains("name: must be one line without control characters"));
    let torn = scratch.refused(&["merchant", "set", id, "--permissions", "none,charges"]);
    assert!(torn.contains("permissions: none stands alone"), "{torn}");
    assert!(scratch.refused(&["merchant", "set", "nobody", "--markup", "1"]).contains("merchant"));
}

#[test]
fn a_live_merchant_can_be_paid_at_once_and_cannot_ask_for_codes_that_nobody_sends() {
    let scratch = Scratch::new();
    let create = ["merchant", "create", "--name", "Shop", "--currency", "SGD", "--env", "live"];
    let merchant = scratch.json(&create, 0);
    let id = merchant["merchantId"].as_str().unwrap();
    assert_eq!(scratch.json(&["merchant", "set", id, "--markup", "0", "--env", "live"], 0)["phoneVerification"], false);
    let required = ["--phone-verification", "required"];
    assert!(scratch.refused(&[&create[..], &required].concat()).contains("SMS"));
    assert!(scratch.refused(&[&["merchant", "set", id, "--env", "live"][..], &required].concat()).contains("SMS"));
}

#[test]
fn a_body_with_broken_chunks_is_a_bad_request_and_one_without_end_is_too_large() {
    let scratch = Scratch::new();
    let merchant = scratch.json(&["merchant", "create", "--name", "Shop", "--currency", "SGD"], 0);
    let server = Server::start(&scratch);
    let text = |name: &str| merchant[name].as_str().unwrap();
    let pair = STANDARD.encode(format!("{}:{}", text("apiKey"), text("apiSecret")));
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x1_0000));
    for (body, status) in [("zz\r\n{}\r\n0\r\n\r\n", "400 Bad Request"), (&chunk.repeat(2), "413 Payload Too Large")] {
        let mut stream = TcpStream::connect(&server.address).unwrap();
        let head = format!("POST /sessions HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {pair}\r\n");
        // The answer may come before everything is written, and the connection be closed with it.
        let _ = write!(stream, "{head}Transfer-Encoding: chunked\r\n\r\n{body}");
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{answer}");
        assert!(answer.contains("application/problem+json"), "{answer}");
    }
}

#[test]
fn what_is_no_http_is_refused_without_a_body_as_the_documentation_says() {
    let scratch = Scratch::new();
    let server = Server::start(&scratch);
    let fields = "X-A: b\r\n".repeat(101);
    for (request, status) in [
        ("GARBAGE\r\n\r\n".to_owned(), "400 Bad Request"),
        (format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(0x1_0000)), "414 URI Too Long"),
        (format!("GET / HTTP/1.1\r\nHost: x\r\n{fields}\r\n"), "431 Request Header Fields Too Large"),
    ] {
        let mut stream = TcpStream::connect(&server.address).unwrap();
        // The answer may come before everything is written, and the connection be closed with it.
        let _ = stream.write_all(request.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\nconnection: close\r\n")), "{answer}");
        assert!(answer.contains("content-length: 0\r\n") && !answer.contains("x-request-id"), "{answer}");
    }
}

#[test]
fn a_request_names_one_host_as_its_version_of_http_asks() {
    let scratch = Scratch::new();
    let server = Server::start(&scratch);
    for (version, hosts, status) in [
        ("1.1", "", 400),
        ("1.1", "Host: x\r\nHost: x\r\n", 400),
        ("1.1", "Host: x\r\nhost: y\r\n", 400),
        ("1.1", "Host: x y\r\n", 400),
        ("1.1", "Host: user@x\r\n", 400),
        ("1.1", "Host: x/y\r\n", 400),
        ("1.0", "Host: x\r\nHost: y\r\n", 400),
        ("1.0", "", 200),
        ("1.0", "Host: x\r\n", 200),
        ("1.1", "Host:\r\n", 200),
        ("1.1", "Host: pay.example:8443\r\n", 200),
        ("1.1", "Host: [::1]:8080\r\n", 200),
    ] {
        let mut stream = TcpStream::connect(&server.address).unwrap();
        write!(stream, "GET /healthz HTTP/{version}\r\n{hosts}Connection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with(&format!("HTTP/{version} {status} ")), "{version} {hosts}: {answer}");
        let refused = answer.contains("application/problem+json") && answer.contains("\"code\":\"host_invalid\"");
        assert_eq!((status == 400, status == 400), (refused, answer.contains("\"requestId\":\"")), "{hosts}: {answer}");
    }
}

#[test]
fn an_answer_does_not_wait_for_what_follows_its_request() {
    let scratch = Scratch::new();
    let server = Server::start(&scratch);
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream.set_read_timeout(Some(std::time::Duration::from_secs(5))).unwrap();
    // Some clients end a body with a line end too many; others have begun with their next request.
    write!(stream, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /hea").unwrap();
    let mut answer = [0; 15];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
}

#[tokio::test]
async fn no_level_of_the_log_tells_what_customers_have_entered() {
    let postgres = Database::postgres().await;
    let url = postgres.url();
    let scratch = Scratch::new();
    for place in [["--data", "here"], ["--database-url", &url]] {
        let on = |arguments: &[&'static str]| [&place[..], &["--master-key-file", "key"], arguments].concat();
        let merchant = ["merchant", "create", "--name", "Shop", "--currency", "SGD", "--methods", "paynow"];
        let merchant = scratch.json(&on(&merchant), 0);
        scratch.json(&on(&["account", "add", "--method", "paynow", "--account", "+6585867834", "--name", "DN"]), 0);
        let log = scratch.path("log");
        let mut serve = scratch.command(&on(&["serve", "--listen", "127.0.0.1:0", "--log", "trace"]));
        serve.stderr(std::fs::File::create(&log).unwrap());
        let server = Server::start_by(serve);
        let charge =
            r#"{"merchantAmount": 35, "merchantCurrency": "SGD", "method": "paynow", "email": "mei@example.com"}"#;
        let charge: Value = serde_json::from_str(&server.post(&merchant, "/charges", charge)).unwrap();
        let transfer = serde_json::json!({
            "account": "+6585867834", "amount": 35, "currency": "SGD", "reference": charge["destination"]["nonce"],
            "payerName": "TAN MEI LING", "payerAccount": "0721234567",
        });
        let transfer = server.post(&merchant, "/sandbox/transfers", &transfer.to_string());
        assert!(transfer.contains("\"matched\""), "{transfer}");
        assert_eq!(server.stop(), Some(0));
        let log = std::fs::read_to_string(log).unwrap();
        assert!(log.contains("request served"), "{log}");
        for personal in ["mei@example.com", "TAN MEI LING", "0721234567"] {
            assert!(!log.contains(personal), "{personal}: {log}");
        }
    }
}

#[test]
fn a_notice_that_is_not_taken_is_logged_with_whose_it_is_and_without_its_path() {
    let scratch = Scratch::new();
    let merchant = ["merchant", "create", "--name", "Shop", "--currency", "SGD", "--methods", "paynow"];
    let merchant = scratch.json(&merchant, 0);
    scratch.add_paynow();
    let receiver = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = receiver.local_addr().unwrap().to_string();
    let id = merchant["merchantId"].as_str().unwrap();
    let webhook = scratch.json(&["webhook", "add", "--merchant", id, "--url", &format!("http://{host}/t0ken")], 0);
    let log = scratch.path("log");
    let mut serve = scratch.command(&["serve", "--listen", "127.0.0.1:0"]);
    serve.stderr(std::fs::File::create(&log).unwrap());
    let server = Server::start_by(serve);
    let charge = r#"{"merchantAmount": 35, "merchantCurrency": "SGD", "method": "paynow", "email": "mei@example.com"}"#;
    let charge: Value = serde_json::from_str(&server.post(&merchant, "/charges", charge)).unwrap();
    let charge = charge["id"].as_str().unwrap();
    server.call(&merchant, "PATCH", &format!("/charges/{charge}/cancel"), "");
    // The call is cut off, and its server lets what it has begun finish.
    drop(receiver.accept().unwrap());
    assert_eq!(server.stop(), Some(0));
    let log = std::fs::read_to_string(log).unwrap();
    let line = log.lines().find(|line| line.contains("a notice was not taken")).unwrap_or_else(|| panic!("{log}"));
    for whose in [id, charge, webhook["webhookId"].as_str().unwrap(), &host, "sandbox", "connection_reset"] {
        assert!(line.contains(whose), "{whose}: {line}");
    }
    assert!(!log.contains("t0ken"), "{log}");
}

#[test]
fn the_figures_are_not_for_whom_a_proxy_speaks() {
    let scratch = Scratch::new();
    let server = Server::start(&scratch);
    for (header, status) in
        [("X-A: b", 200), ("X-Forwarded-For: 127.0.0.1", 200), ("X-Forwarded-For: 203.0.113.7", 404)]
    {
        let mut stream = TcpStream::connect(&server.address).unwrap();
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{header}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{header}: {answer}");
    }
}

#[test]
fn a_hash_of_secure_mode_is_computed_offline_as_the_server_computes_it() {
    let scratch = Scratch::new();
    scratch.add_paynow();
    let merchant = scratch.json(&["merchant", "create", "--name", "Shop", "--currency", "SGD"], 0);
    let id = merchant["merchantId"].as_str().unwrap();
    assert_eq!(scratch.json(&["merchant", "set", id, "--secure-mode", "required"], 0)["secureMode"], true);
    let key = scratch.json(&["merchant", "hash-key", id], 0);
    assert_eq!(keys(&key), ["merchantId", "hashKey"]);
    assert_eq!(key["hashKey"].as_str().unwrap().len(), 64);

    let body = r#"{"merchantAmount": 35.00, "merchantCurrency": "SGD", "orders": [{"id": "1", "amount": 35}]}"#;
    let offline = scratch.with_input(&["--json", "hash", "--merchant", id], body);
    assert_eq!(offline.status.code(), Some(0), "{offline:?}");
    let offline: Value = serde_json::from_slice(&offline.stdout).unwrap();
    assert_eq!(keys(&offline), ["hash"]);
    let hash = offline["hash"].as_str().unwrap();
    let text = scratch.with_input(&["hash", "--merchant", id], body);
    assert_eq!(String::from_utf8(text.stdout).unwrap(), format!("{hash}\n"));

    let server = Server::start(&scratch);
    let post = |path: &str, body: &str| server.post(&merchant, path, body);
    assert_eq!(post("/charges/hash", body), hash);
    let charge = |hash: &str| {
        let more = format!(r#", "method": "paynow", "email": "a@example.com"{hash}}}"#);
        post("/charges", &body.replacen("]}", &format!("]{more}"), 1))
    };
    assert!(charge(&format!(r#", "hash": "{hash}""#)).contains("\"status\":\"pending\""));
    assert!(charge("").contains("is required in secure mode"));
    drop(server);

    let refused = scratch.with_input(&["hash", "--merchant", id], "{\"merchantAmount\": 0}");
    assert_eq!((refused.status.code(), refused.stdout.len()), (Some(1), 0));
    let reason = String::from_utf8(refused.stderr).unwrap();
    assert!(
        reason.contains("merchantCurrency: is required") && reason.contains("merchantAmount: must be greater"),
        "{reason}"
    );
    assert_eq!(scratch.with_input(&["hash", "--merchant", "nobody"], body).status.code(), Some(1));
    let no_json = scratch.with_input(&["--json", "hash", "--merchant", id], "{");
    let no_json: Value = serde_json::from_slice(&no_json.stdout).unwrap();
    assert_eq!(keys(&no_json["error"]), ["code", "message"]);
    assert!(no_json["error"]["message"].as_str().unwrap().starts_with("the body is not JSON"));
}

#[test]
fn a_key_is_made_and_ended_once() {
    let scratch = Scratch::new();
    let merchant = scratch.json(&["merchant", "create", "--name", "Shop", "--currency", "SGD"], 0);
    let id = merchant["merchantId"].as_str().unwrap();
    let key = scratch.json(&["key", "create", "--merchant", id], 0);
    assert_eq!(keys(&key), ["apiKey", "apiSecret"]);
    let name = key["apiKey"].as_str().unwrap();
    assert_eq!(scratch.json(&["key", "revoke", name], 0)["revoked"], true);
    assert!(scratch.refused(&["key", "revoke", name]).contains("key: is no active key"));
    assert!(scratch.refused(&["key", "create", "--merchant", "0123456789abcdef01234567"]).contains("merchant"));
    let operator = scratch.json(&["operator-key", "create"], 0);
    assert!(operator["apiKey"].as_str().unwrap().starts_with("sandbox_operator_"));
}

#[test]
fn the_keys_of_a_merchant_are_listed_with_their_state_and_without_their_secrets() {
    let scratch = Scratch::new();
    let create = ["merchant", "create", "--currency", "SGD", "--name"];
    let merchant = scratch.json(&[&create[..], &["Shop"]].concat(), 0);
    scratch.json(&[&create[..], &["Another"]].concat(), 0);
    let id = merchant["merchantId"].as_str().unwrap();
    let further = scratch.json(&["key", "create", "--merchant", id], 0);
    scratch.json(&["key", "revoke", merchant["apiKey"].as_str().unwrap()], 0);

    let list = scratch.json(&["key", "list", "--merchant", id], 0);
    let told: Vec<_> = list["keys"].as_array().unwrap().iter().collect();
    assert_eq!(told.len(), 2, "{list}");
    for (key, made, revoked) in [(told[0], &merchant, true), (told[1], &further, false)] {
        assert_eq!(keys(key), ["apiKey", "env", "revoked", "createdAt"]);
        assert_eq!(
            (&key["apiKey"], &key["env"], &key["revoked"]),
            (&made["apiKey"], &"sandbox".into(), &revoked.into())
        );
    }
    let text = String::from_utf8(scratch.run(&["key", "list", "--merchant", id]).stdout).unwrap();
    assert!(text.contains("revoked") && text.contains("active"), "{text}");
    for secret in [&merchant, &further].map(|made| made["apiSecret"].as_str().unwrap()) {
        assert!(!text.contains(secret) && !list.to_string().contains(secret));
    }
    let live = ["key", "list", "--merchant", id, "--env", "live"];
    assert!(scratch.refused(&live).contains("merchant: is no merchant of this environment"));
}

#[test]
fn an_account_that_its_method_refuses_names_the_field() {
    let scratch = Scratch::new();
    let add = ["account", "add", "--method", "paynow", "--account"];
    assert!(scratch.refused(&[&add[..], &["+65123"]].concat()).contains("account: "));
    let error = scratch.json(&[&add[..], &["+65123"]].concat(), 1);
    assert_eq!(error["error"]["errors"][0]["field"], "account");
    scratch.add_paynow();
    assert!(scratch.refused(&[&add[..], &["+65 8586 7834"]].concat()).contains("already"));

    let list = scratch.json(&["account", "list"], 0);
    assert_eq!(list["accounts"][0]["account"], "+6585867834");
    assert_eq!(list["accounts"][0]["policy"], "nonce");
    let id = list["accounts"][0]["accountId"].as_str().unwrap();
    assert!(scratch.refused(&["account", "disable", id, "--env", "live"]).contains("account"));
    assert_eq!(scratch.json(&["account", "disable", id], 0)["disabled"], true);
    assert_eq!(scratch.json(&["account", "list"], 0)["accounts"][0]["disabled"], true);
    assert!(scratch.refused(&["account", "enable", id, "--env", "live"]).contains("account"));
    assert_eq!(scratch.json(&["account", "enable", id], 0)["disabled"], false);
    assert_eq!(scratch.json(&["account", "list"], 0)["accounts"][0]["disabled"], false);
    assert!(scratch.refused(&["account", "enable", id]).contains("no disabled account"));
}

#[test]
fn a_disabled_account_that_is_added_again_takes_the_new_name_and_keeps_what_its_money_is_told_apart_by() {
    let scratch = Scratch::new();
    scratch.add_paynow();
    let add = ["account", "add", "--method", "paynow", "--account", "+6585867834", "--name", "DN PTE LTD"];
    let id = scratch.json(&["account", "list"], 0)["accounts"][0]["accountId"].clone();
    assert!(scratch.refused(&add).contains("account: is already a receiving account"));

    scratch.json(&["account", "disable", id.as_str().unwrap()], 0);
    let error = scratch.json(&[&add[..], &["--policy", "unique-amount", "--statement-account", "1-2"]].concat(), 1);
    let fields: Vec<_> = error["error"]["errors"].as_array().unwrap().iter().map(|fault| &fault["field"]).collect();
    assert_eq!(fields, ["policy", "statement-account"]);
    assert_eq!(error["error"]["code"], "account_exists");
    assert_eq!(scratch.json(&["account", "list"], 0)["accounts"][0]["disabled"], true);

    assert_eq!(scratch.json(&add, 0)["accountId"], id);
    let list = scratch.json(&["account", "list"], 0);
    assert_eq!(list["accounts"].as_array().unwrap().len(), 1);
    assert_eq!((&list["accounts"][0]["name"], &list["accounts"][0]["disabled"]), (&"DN PTE LTD".into(), &false.into()));

    scratch.json(&["account", "disable", id.as_str().unwrap()], 0);
    assert_eq!(scratch.json(&add[..6], 0)["accountId"], id);
    assert_eq!(scratch.json(&["account", "list"], 0)["accounts"][0]["name"], "DN PTE LTD", "none was given");
}

#[test]
fn a_webhook_is_added_listed_and_disabled() {
    let scratch = Scratch::new();
    let merchant = scratch.json(&["merchant", "create", "--name", "Shop", "--currency", "SGD"], 0);
    let id = merchant["merchantId"].as_str().unwrap();
    let url = "http://127.0.0.1:9/hook";
    let add = ["webhook", "add", "--merchant", id, "--url", url, "--username", "u", "--password", "p"];
    let webhook = scratch.json(&add, 0);
    assert_eq!(keys(&webhook), ["webhookId", "secret"]);
    assert!(webhook["secret"].as_str().unwrap().starts_with("whsec_"));
    let list = scratch.json(&["webhook", "list", "--merchant", id], 0);
    assert_eq!(list["webhooks"][0]["url"], url);
    assert_eq!(list["webhooks"][0]["username"], "u");
    assert_eq!(list["webhooks"][0]["disabled"], false);
    let hook = webhook["webhookId"].as_str().unwrap();
    let (disable, enable) = (["webhook", "disable", hook], ["webhook", "enable", hook]);
    let unknown = "webhook: is no enabled endpoint of this environment";
    assert!(scratch.refused(&[&disable[..], &["--env", "live"]].concat()).contains(unknown));
    assert!(scratch.refused(&enable).contains("webhook: is no disabled endpoint of this environment"));
    assert_eq!(scratch.json(&disable, 0)["disabled"], true);
    assert!(scratch.refused(&disable).contains(unknown));
    assert_eq!(scratch.json(&["webhook", "list", "--merchant", id], 0)["webhooks"][0]["disabled"], true);
    let text = String::from_utf8(scratch.run(&["webhook", "list", "--merchant", id]).stdout).unwrap();
    assert!(text.contains("STATE") && text.contains("disabled"), "{text}");
    assert!(scratch.refused(&[&enable[..], &["--env", "live"]].concat()).contains("no disabled endpoint"));
    assert_eq!(scratch.json(&enable, 0)["disabled"], false);
    assert_eq!(scratch.json(&["webhook", "list", "--merchant", id], 0)["webhooks"][0]["disabled"], false);
    assert!(scratch.refused(&["webhook", "add", "--merchant", id, "--url", "ftp://x"]).contains("url"));
    let colon = ["webhook", "add", "--merchant", id, "--url", url, "--username", "a:b", "--password", "p"];
    assert!(scratch.refused(&colon).contains("username: must not contain a colon"));
    for (username, password, field) in [("a\r\nX", "p", "username"), ("u", "a\tb", "password")] {
        let control =
            ["webhook", "add", "--merchant", id, "--url", url, "--username", username, "--password", password];
        assert!(scratch.refused(&control).contains(&format!("{field}: must not contain control characters")));
    }
    let name = "u".repeat(256);
    let long = ["webhook", "add", "--merchant", id, "--url", url, "--username", &name, "--password", "p"];
    assert!(scratch.refused(&long).contains("username: must be at most 255 characters"));
}

#[test]
fn a_gateway_that_is_reached_from_elsewhere_warns_of_loopback_in_sandbox_until_it_is_forbidden() {
    let public = ["--public-url", "https://pay.example"];
    for (more, allowed, warns) in [(&public[..], "true", true), (&[], "true", false), (&public, "false", false)] {
        let scratch = Scratch::new();
        let with_setting = |arguments: &[&str]| {
            let mut command = scratch.command(arguments);
            command.env("XANPAY_ALLOW_SANDBOX_LOOPBACK", allowed);
            command
        };
        let log = scratch.path("log");
        let mut serve = with_setting(&[&["serve", "--listen", "127.0.0.1:0"], more].concat());
        serve.stderr(std::fs::File::create(&log).unwrap());
        assert_eq!(Server::start_by(serve).stop(), Some(0));
        let log = std::fs::read_to_string(log).unwrap();
        assert_eq!(log.contains("allow_sandbox_loopback = false"), warns, "{more:?} {allowed}: {log}");

        let merchant = scratch.json(&["merchant", "create", "--name", "Shop", "--currency", "SGD"], 0);
        let id = merchant["merchantId"].as_str().unwrap();
        for url in ["http://127.0.0.1:2375/", "http://localhost:2375/", "http://[::1]:2375/"] {
            let added = with_setting(&["webhook", "add", "--merchant", id, "--url", url]).output().unwrap();
            assert_eq!(added.status.code(), Some(i32::from(allowed == "false")), "{url}: {added:?}");
        }
    }
}

#[test]
fn a_rate_is_set_and_set_again() {
    let scratch = Scratch::new();
    assert_eq!(scratch.json(&["rate", "set", "HKD", "SGD", "0.2"], 0)["rates"], 1);
    assert_eq!(scratch.json(&["rate", "set", "HKD", "SGD", "0.174933"], 0)["rates"], 1);
    let list = scratch.json(&["rate", "list"], 0);
    assert_eq!(list["rates"].as_array().unwrap().len(), 1);
    assert_eq!(list["rates"][0]["rate"], "0.174933");
    assert_eq!(list["rates"][0]["source"], "operator");
    assert!(scratch.refused(&["rate", "set", "HKD", "SGD", "0"]).contains("rate: must be"));
    assert!(scratch.refused(&["rate", "set", "HKD", "SGD", "-1"]).contains("rate: must be"));
    assert!(scratch.refused(&["rate", "set", "HKD", "HKD", "1"]).contains("quote: must be"));
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the program asks the system for the time, so its files must be of today"
)]
fn rates_are_imported_from_the_ecbs_files() {
    let scratch = Scratch::new();
    let today = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
    let csv = format!("Date,SGD,HKD,RUB,\n{today},1.4282,8.7652,N/A,\n2020-01-02,1.5,8.9,69.5,\n");
    std::fs::write(scratch.path("hist.csv"), csv).unwrap();
    let imported = scratch.json(&["rate", "import", "hist.csv"], 0);
    assert_eq!((&imported["rates"], &imported["format"]), (&3.into(), &"ecb-csv".into()));
    let xml = format!(
        "<gesmes:Envelope xmlns:gesmes='g'><Cube><Cube time='{today}'><Cube currency='SGD' rate='1.43'/></Cube></Cube>\
         </gesmes:Envelope>"
    );
    std::fs::write(scratch.path("daily.xml"), xml).unwrap();
    assert_eq!(scratch.json(&["rate", "import", "daily.xml"], 0)["rates"], 1);
    let list = scratch.json(&["rate", "list"], 0);
    let rates: Vec<_> = list["rates"].as_array().unwrap().iter().map(|rate| rate["rate"].as_str().unwrap()).collect();
    assert_eq!(rates, ["8.7652", "69.5", "1.43"]);
    assert_eq!((&list["rates"][1]["stale"], &list["rates"][2]["stale"]), (&true.into(), &false.into()));
    assert_eq!(list["rates"][2]["source"], "ecb");
    std::fs::write(scratch.path("old.csv"), "Date,SGD,\n2021-01-04,1.62,\n").unwrap();
    assert_eq!(scratch.json(&["rate", "import", "old.csv"], 0)["rates"], 0);
    let warning = |file| String::from_utf8(scratch.run(&["rate", "import", file]).stderr).unwrap();
    assert!(warning("old.csv").contains("too old to be used") && warning("daily.xml").is_empty());
    assert_eq!(scratch.json(&["rate", "list"], 0)["rates"][2]["rate"], "1.43");
    std::fs::write(scratch.path("own.csv"), "base,quote,rate\nhkd,Sgd,0.174933\n").unwrap();
    assert_eq!(scratch.json(&["rate", "import", "own.csv"], 0)["rates"], 1);
    std::fs::write(scratch.path("bad.csv"), "base,quote,rate\nSGD,MYR,3.2\nHKD,SGD,0\n").unwrap();
    assert_eq!(scratch.json(&["rate", "import", "bad.csv"], 1)["error"]["code"], "rate_invalid");
    assert!(scratch.refused(&["rate", "import", "bad.csv"]).starts_with("xanpay: bad.csv: "));
    assert_eq!(scratch.json(&["rate", "list"], 0)["rates"].as_array().unwrap().len(), 4);
}

#[test]
fn a_rate_upside_down_is_refused_unless_it_is_forced() {
    let scratch = Scratch::new();
    scratch.json(&["rate", "set", "HKD", "SGD", "0.174933"], 0);
    let refused = scratch.json(&["rate", "set", "HKD", "SGD", "5.716"], 1);
    assert_eq!(refused["error"]["code"], "rate_inverted");
    assert!(scratch.refused(&["rate", "set", "SGD", "HKD", "0.175"]).contains("looks upside down"));
    assert_eq!(scratch.json(&["rate", "list"], 0)["rates"][0]["rate"], "0.174933");
    assert_eq!(scratch.json(&["rate", "set", "HKD", "SGD", "5.716", "--force"], 0)["rates"], 1);
    scratch.json(&["rate", "set", "EUR", "SGD", "1.4282"], 0);
    assert!(scratch.refused(&["rate", "set", "EUR", "SGD", "0.7002"]).contains("looks upside down"));
    std::fs::write(scratch.path("rates.csv"), "base,quote,rate\nEUR,SGD,0.7002\n").unwrap();
    assert!(scratch.refused(&["rate", "import", "rates.csv"]).contains("looks upside down"));
}

#[test]
fn a_transfer_that_names_no_charge_is_kept_unmatched_and_known_again() {
    let scratch = Scratch::new();
    scratch.add_paynow();
    let add = [
        "transfer",
        "add",
        "--method",
        "paynow",
        "--account",
        "+6585867834",
        "--amount",
        "35.00",
        "--currency",
        "SGD",
        "--reference",
        "ztt1",
        "--bank-reference",
        "B1",
        "--booked-at",
        "2026-03-07",
    ];
    let first = scratch.json(&add, 0);
    assert_eq!(first["outcome"], "unmatched");
    assert_eq!(first["transferId"].as_str().unwrap().len(), 24);
    assert_eq!(first["duplicate"], false);
    let again = scratch.json(&add, 0);
    assert_eq!(again["transferId"], first["transferId"]);
    assert_eq!(again["duplicate"], true);
    let other = scratch.refused(&[
        "transfer",
        "add",
        "--method",
        "paynow",
        "--account",
        "+6591234567",
        "--amount",
        "1",
        "--currency",
        "SGD",
        "--reference",
        "-- x",
    ]);
    assert!(other.contains("account: is no receiving account"), "{other}");
}

/// Made for this test in the form of a DBS export.
const STATEMENT: &str = "Account Details For:,POSB Savings Account 123-45678-9\n\
    Statement as at:,07 Mar 2026\n\
    Available Balance:,1000.00\n\
    Ledger Balance:,1000.00\n\
    \n\
    Transaction Date,Reference,Debit Amount,Credit Amount,Transaction Ref1,Transaction Ref2,Transaction Ref3\n\
    07 Mar 2026,ICT,,35.00,Incoming PayNow Ref 5425794,From: CHUA WEN LI,OTHR ztt1\n\
    07 Mar 2026,ICT,12.50,,Fee,,\n";

#[test]
fn a_statement_is_counted_in_a_dry_run_and_stored_once() {
    let scratch = Scratch::new();
    scratch.add_paynow();
    std::fs::write(scratch.path("bank.csv"), STATEMENT).unwrap();
    let import = ["statement", "import", "bank.csv", "--account", "+6585867834"];
    let report = scratch.json(&[&import[..], &["--dry-run"]].concat(), 0);
    let file = &report["files"][0];
    assert_eq!(
        keys(file),
        [
            "file",
            "format",
            "statements",
            "entries",
            "credits",
            "debits",
            "creditSum",
            "debitSum",
            "currency",
            "refused",
            "new",
            "duplicates",
            "matched",
            "part",
            "over",
            "late",
            "ambiguous",
            "unmatched",
            "sums",
            "payments",
            "skipped"
        ]
    );
    assert_eq!((&file["entries"], &file["credits"], &file["debits"]), (&2.into(), &1.into(), &1.into()));
    assert_eq!((&file["creditSum"], &file["debitSum"]), (&"35.00".into(), &"12.50".into()));
    assert_eq!((&file["currency"], &file["new"]), (&"SGD".into(), &0.into()));

    let file = |report: Value| (report["files"][0]["new"].clone(), report["files"][0]["duplicates"].clone());
    assert_eq!(file(scratch.json(&import, 0)), (1.into(), 0.into()));
    assert_eq!(file(scratch.json(&import, 0)), (0.into(), 1.into()));
}

#[test]
fn a_file_in_two_currencies_has_a_sum_in_each_and_none_in_both() {
    let entry = |amount: &str, currency: &str| {
        format!("<Ntry><Amt Ccy=\"{currency}\">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts></Ntry>")
    };
    let entries = entry("7.00", "SGD") + &entry("6.00", "USD");
    let scratch = Scratch::new();
    let text = format!("<Document><BkToCstmrStmt><Stmt>{entries}</Stmt></BkToCstmrStmt></Document>");
    std::fs::write(scratch.path("bank.xml"), text).unwrap();
    let import = ["statement", "import", "bank.xml", "--dry-run"];
    let file = scratch.json(&import, 0)["files"][0].clone();
    for key in ["currency", "creditSum", "debitSum"] {
        assert_eq!(file[key], Value::Null, "{key}");
    }
    let each = |currency, sum| serde_json::json!({"currency": currency, "creditSum": sum, "debitSum": "0.00"});
    assert_eq!(file["sums"], serde_json::json!([each("SGD", "7.00"), each("USD", "6.00")]));
    let told = String::from_utf8(scratch.run(&import).stdout).unwrap();
    assert!(told.contains("7.00 SGD + 6.00 USD"), "{told}");
}

#[test]
fn a_line_that_cannot_be_read_does_not_stop_the_others_and_ends_the_import_with_status_1() {
    let scratch = Scratch::new();
    scratch.add_paynow();
    std::fs::write(scratch.path("bank.csv"), format!("{STATEMENT}07 Mar 2026,ICT,,3x.00,A,B,C\n")).unwrap();
    let import = ["statement", "import", "bank.csv", "--account", "+6585867834"];
    let file = scratch.json(&import, 1)["files"][0].clone();
    assert_eq!((&file["new"], &file["refused"][0]["line"]), (&1.into(), &9.into()), "{file}");
    let output = scratch.run(&import);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(told.starts_with("xanpay: bank.csv:9: not read: the amount"), "{told}");
    std::fs::write(scratch.path("bank.csv"), STATEMENT).unwrap();
    assert_eq!(scratch.json(&import, 0)["files"][0]["duplicates"], 1);
}

#[test]
fn a_file_that_cannot_be_read_does_not_stop_the_others() {
    let scratch = Scratch::new();
    std::fs::write(scratch.path("bank.csv"), STATEMENT).unwrap();
    let report = scratch.json(&["statement", "import", "absent.xml", "bank.csv", "--dry-run"], 1);
    assert_eq!(report["files"][0]["file"], "absent.xml");
    assert_eq!(report["files"][0]["error"]["code"], "file_unreadable");
    let read = keys(&report["files"][1]);
    assert_eq!(keys(&report["files"][0]), [read, vec!["error"]].concat());
    assert_eq!(report["files"][1]["entries"], 2);
    for (file, reason) in [("absent.xml", "No such file"), ("note.txt", "the file is neither camt XML")] {
        std::fs::write(scratch.path("note.txt"), "hello").unwrap();
        let told = scratch.refused(&["statement", "import", file]);
        assert!(told.starts_with(&format!("xanpay: {file}: {reason}")), "the file is named once: {told}");
    }
}

#[test]
fn a_file_without_end_is_too_large_and_costs_no_more_than_a_large_one() {
    let scratch = Scratch::new();
    let report = scratch.json(&["statement", "import", "/dev/zero", "--dry-run"], 1);
    assert_eq!(report["files"][0]["error"]["code"], "payload_too_large");
    assert_eq!(scratch.json(&["rate", "import", "/dev/zero"], 1)["error"]["code"], "payload_too_large");
    let settings = scratch.json(&["config", "check", "--config", "/dev/zero"], 1);
    assert_eq!(settings["errors"][0]["setting"], "/dev/zero");
}

#[test]
fn a_statement_of_the_corpus_is_counted() {
    let fallback = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")).to_owned();
    let corpus = std::env::var_os("XANPAY_CORPUS").map_or(fallback, PathBuf::from);
    let file = corpus.join("statements/files/camt.053/genkgo__camt053.v2.minimal.xml");
    if !file.is_file() {
        println!("checked nothing from the corpus: there is none");
        return;
    }
    let scratch = Scratch::new();
    let report = scratch.json(&["statement", "import", "--dry-run", file.to_str().unwrap()], 0);
    assert_eq!(report["files"][0]["format"], "camt.053");
    assert_ne!(report["files"][0]["entries"], 0);
}

#[test]
fn the_seeds_payload_is_written_read_and_drawn() {
    // From seeds/sessions.txt.
    let payload = "00020101021126380009SG.PAYNOW010100211+658586783403010520400005303702540535.005802SG5902NA6009Singapore62080104ztt16304CE6D";
    let scratch = Scratch::new();
    let input = r#"{"method":"paynow","account":"+6585867834","amount":35,"reference":"ztt1"}"#;
    let output = scratch.with_input(&["qr", "encode", "--json"], input);
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(value, serde_json::json!({ "payload": payload }));
    let output = scratch.with_input(&["qr", "encode"], r#"{"method":"paynow","account":"+6585867834","colour":1}"#);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("colour"));

    let report = scratch.json(&["qr", "lint", payload], 0);
    assert_eq!(keys(&report), ["valid", "rail", "errors", "warnings", "fields"]);
    assert_eq!((&report["valid"], &report["rail"]), (&true.into(), &"paynow".into()));
    assert_eq!(report["fields"]["26"]["00"], "SG.PAYNOW");
    assert_eq!(report["fields"]["54"], "35.00");
    let broken = payload.replace("35.00", "36.00");
    let report = scratch.json(&["qr", "lint", &broken], 1);
    assert_eq!(report["valid"], false);
    assert!(!report["errors"].as_array().unwrap().is_empty());
    assert_eq!(scratch.with_input(&["qr", "lint"], &format!("{payload}\n")).status.code(), Some(0));

    assert!(scratch.run(&["qr", "show", payload, "--svg", "a.svg", "--png", "a.png"]).status.success());
    assert!(std::fs::read_to_string(scratch.path("a.svg")).unwrap().starts_with("<svg"));
    assert!(std::fs::read(scratch.path("a.png")).unwrap().starts_with(b"\x89PNG"));
    assert!(String::from_utf8(scratch.run(&["qr", "show", payload]).stdout).unwrap().contains('▀'));
}

#[test]
fn a_name_that_a_code_carries_in_another_form_is_told() {
    let scratch = Scratch::new();
    let long = "Cafe that is a very long name for one code";
    for (method, name, written) in [
        ("fps", long, Some("Cafe that is a very long")),
        ("fps", "  Cafe  ", None),
        ("paynow", "Caf\u{e9}", Some("Cafe")),
        ("instapay", "A name of 25 characters !", None),
        ("instapay", "A name of 25 characters !!", Some("A name of 25 characters !")),
        ("in-bank-transfer", long, None),
    ] {
        let account = match method {
            "fps" => r#""account":"1234567""#,
            "paynow" => r#""account":"+6585867834""#,
            "instapay" => r#""account":"123456","bic":"BNORPHMMXXX","city":"Manila""#,
            _ => r#""account":"shop@okbank""#,
        };
        let input = format!(r#"{{"method":"{method}",{account},"name":"{name}"}}"#);
        let output = scratch.with_input(&["qr", "encode", "--json"], &input);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let value: Value = serde_json::from_slice(&output.stdout).unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        if let Some(written) = written {
            assert!(told.starts_with("warning: name: ") && told.contains(&format!("{written:?}")), "{told}");
            assert_eq!(value["warnings"][0]["code"], "name_changed");
            let report = scratch.json(&["qr", "lint", value["payload"].as_str().unwrap()], 0);
            assert_eq!(report["fields"]["59"], *written);
        } else {
            assert_eq!((told.as_str(), keys(&value)), ("", vec!["payload"]), "{name}");
        }
    }
    let add = ["account", "add", "--method", "fps", "--account"];
    for (account, name, said) in
        [("1234567", long, "\"Cafe that is a very long\""), ("1234568", "\u{8336}\u{9910}\u{5ef3}", "NA")]
    {
        let added = scratch.json(&[&add[..], &[account, "--name", name]].concat(), 0);
        assert_eq!(added["warnings"][0]["code"], "name_changed");
        assert!(added["warnings"][0]["message"].as_str().unwrap().contains(said), "{added}");
    }
    let added = scratch.json(&[&add[..], &["1234569", "--name", "Cafe"]].concat(), 0);
    assert_eq!(keys(&added), ["accountId"]);
}

#[test]
fn fifteen_digits_of_promptpay_are_told_to_be_ambiguous_and_a_word_before_them_decides() {
    let scratch = Scratch::new();
    let digits = "099400016550100";
    for (account, tag, warned) in [
        (digits.to_owned(), "29", true),
        (format!("wallet:{digits}"), "29", false),
        (format!("biller:{digits}"), "30", false),
    ] {
        let input = serde_json::json!({"method": "prompt-pay", "account": account}).to_string();
        let output = scratch.with_input(&["qr", "encode", "--json"], &input);
        let value: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(value["warnings"][0]["code"] == "kind_assumed", warned, "{account}: {value}");
        let report = scratch.json(&["qr", "lint", value["payload"].as_str().unwrap()], 0);
        assert!(report["fields"][tag].is_object(), "{account}: {report}");
    }
    for (account, policy, warned) in [
        (digits, "nonce", true),
        ("biller:010555801234501", "nonce", false),
        ("wallet:140000812345678", "unique-amount", false),
    ] {
        let added = scratch.json(&["account", "add", "--method", "prompt-pay", "--account", account], 0);
        assert_eq!(added["warnings"][0]["code"] == "kind_assumed", warned, "{account}: {added}");
        let list = scratch.json(&["account", "list"], 0);
        let listed = list["accounts"].as_array().unwrap().iter().find(|row| row["accountId"] == added["accountId"]);
        assert_eq!(listed.unwrap()["policy"], policy, "{account}");
    }
}

#[test]
fn wrong_usage_ends_with_status_two_and_help_with_zero() {
    let scratch = Scratch::new();
    for line in [
        &["merchant", "create", "--name", "x"][..],
        &["merchant", "create", "--name", "x", "--currency", "SGD", "--methods", "paypal"],
        &["merchant", "create", "--name", "x", "--currency", "SGD", "--methods", "paynow,paynow"],
        &["merchant", "set", "x", "--methods", "fps,paynow,fps"],
        &["merchant", "set", "x", "--markup", "-1"],
        &["merchant", "set", "x"],
        &["account", "add", "--method", "paynow"],
        &["webhook", "add", "--merchant", "x", "--url", "http://x", "--username", "u"],
        &["statement", "import"],
        &["--env", "test", "merchant", "list"],
        &["serve", "--listen", "nope"],
        &["serve", "--listen", "127.0.0.1:0", "--public-url", "ftp://x"],
        &["serve", "--max-connections", "0"],
        &["serve", "--metrics-allowed", "nobody"],
        &["demo", "--listen", "127.0.0.1"],
        &["merchant", "list", "--database-url", "mysql://x"],
        &["merchant", "list", "--log-format", "xml"],
        &["nonsense"],
        &[],
    ] {
        assert_eq!(scratch.run(line).status.code(), Some(2), "{line:?}");
    }
    for line in [&["--help"][..], &["--version"], &["statement", "import", "--help"], &["qr", "encode", "--help"]] {
        assert_eq!(scratch.run(line).status.code(), Some(0), "{line:?}");
    }
}

#[test]
fn wrong_usage_with_json_is_one_json_value_and_the_reason_on_standard_error() {
    let scratch = Scratch::new();
    for (line, said) in [
        (&["nonsense"][..], "unrecognized subcommand"),
        (&["merchant", "create", "--name", "x"], "--currency"),
        (&["merchant", "create", "--name", "x", "--currency", "SGD", "--methods", "paypal"], "in-bank-transfer"),
        (&["merchant", "create", "--name", "x", "--currency", "SGD", "--methods", "fps,fps"], "names fps twice"),
        (&["merchant", "set", "x", "--markup", "-1"], "must be a percentage from 0 to 100"),
        (&["merchant", "set", "x"], "--secure-mode"),
        (&["account", "list", "--nope"], "--nope"),
        (&["--env", "test", "merchant", "list"], "--env"),
    ] {
        let failure = scratch.json(line, 2);
        assert!(failure["error"]["message"].as_str().unwrap().contains(said), "{line:?}: {failure}");
        let output = scratch.run(line);
        assert!(output.stdout.is_empty() && String::from_utf8(output.stderr).unwrap().contains(said), "{line:?}");
    }
    // Behind two hyphens it is a word like any other.
    assert!(scratch.run(&["merchant", "nonsense", "--", "--json"]).stdout.is_empty());
}

#[test]
fn a_secret_that_could_not_be_shown_is_told_with_what_to_do() {
    let scratch = Scratch::new();
    let merchant = scratch.json(&["merchant", "create", "--name", "Shop", "--currency", "SGD"], 0);
    let id = merchant["merchantId"].as_str().unwrap();
    for (line, remedy) in [
        (&["merchant", "create", "--name", "Shop", "--currency", "SGD"][..], "xanpay key create --merchant"),
        (&["--json", "key", "create", "--merchant", id], "xanpay key revoke sandbox_"),
        (&["operator-key", "create"], "xanpay key revoke sandbox_operator_"),
        (&["webhook", "add", "--merchant", id, "--url", "http://127.0.0.1:9/"], "xanpay webhook disable"),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let child = scratch.command(line).stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{line:?}: {told}");
        assert!(told.contains("the secret could not be shown") && told.contains(remedy), "{line:?}: {told}");
    }
}

#[test]
fn a_check_of_the_settings_looks_into_the_master_keys_file() {
    let scratch = Scratch::new();
    let check = ["config", "check", "--master-key-file", "nope"];
    assert_eq!(scratch.json(&check, 0)["warnings"][0]["field"], "master_key_file");
    scratch.json(&["operator-key", "create"], 0);
    assert_eq!(scratch.json(&check, 1)["errors"][0]["setting"], "master_key_file");
    assert_eq!(keys(&scratch.json(&["config", "check"], 0)), ["valid", "settings", "errors"]);
    let own = ["config", "check", "--master-key-file", "xanpay-data/master.key"];
    assert_eq!(scratch.json(&own, 0)["valid"], true);
    std::fs::write(scratch.path("nope"), "no key").unwrap();
    assert_eq!(scratch.json(&check, 1)["valid"], false);
}

#[test]
fn unknown_settings_of_the_file_are_refused_and_those_of_the_environment_are_named() {
    let scratch = Scratch::new();
    std::fs::write(scratch.path("good.toml"), "listen = \"127.0.0.1:81\"\n").unwrap();
    std::fs::write(scratch.path("bad.toml"), "lisen = \"127.0.0.1:81\"\n").unwrap();
    let checked = scratch.json(&["config", "check", "--config", "good.toml"], 0);
    assert_eq!(checked["settings"]["listen"], "127.0.0.1:81");
    let checked = scratch.json(&["config", "check", "--config", "bad.toml"], 1);
    assert_eq!(checked["errors"][0]["setting"], "lisen in bad.toml");
    assert!(scratch.refused(&["merchant", "list", "--config", "bad.toml"]).contains("lisen"));
    let output = scratch.command(&["operator-key", "create"]).env("XANPAY_LISEN", "1").output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stderr).contains("XANPAY_LISEN"));
    // A value that cannot be read is wrong usage only where the command line has it.
    let output = scratch.command(&["operator-key", "create"]).env("XANPAY_LISTEN", "nope").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let failure = scratch.json(&["serve", "--listen", "nope"], 2);
    assert_eq!(failure["error"]["errors"][0]["field"], "--listen");
}

#[test]
fn data_that_was_sealed_with_another_key_is_refused() {
    let scratch = Scratch::new();
    scratch.json(&["operator-key", "create"], 0);
    let key = "ab".repeat(32);
    let output = scratch.command(&["merchant", "list"]).env("XANPAY_MASTER_KEY", &key).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let reason = String::from_utf8_lossy(&output.stderr);
    assert!(reason.contains("master key") && !reason.contains(&key), "{reason}");
    std::fs::remove_file(scratch.path("xanpay-data/master.key")).unwrap();
    assert!(scratch.refused(&["merchant", "list"]).contains("there is no key in"));
    assert!(!scratch.path("xanpay-data/master.key").exists());
}

#[test]
fn a_second_server_on_the_same_data_is_refused_and_commands_are_not() {
    let scratch = Scratch::new();
    let server = Server::start(&scratch);
    assert!(TcpStream::connect(&server.address).is_ok());
    assert!(scratch.refused(&["serve", "--listen", "127.0.0.1:0"]).contains("another server is running"));
    scratch.add_paynow();
    assert_eq!(server.stop(), Some(0));
    let server = Server::start(&scratch);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn the_demo_plays_its_story_to_the_end_and_leaves_nothing_behind() {
    let scratch = Scratch::new();
    let played = scratch
        .command(&["demo", "--once", "--json"])
        .env("TMPDIR", &scratch.0)
        // Real data that the environment names is not the demo's to touch.
        .env("XANPAY_DATA", scratch.path("real"))
        .output()
        .unwrap();
    assert_eq!(played.status.code(), Some(0), "{played:?}");
    let value: Value = serde_json::from_slice(&played.stdout).unwrap();
    assert_eq!(keys(&value), ["sessionId", "chargeId", "status", "webhookDeliveries", "elapsedMs"]);
    assert_eq!((&value["status"], &value["webhookDeliveries"]), (&"completed".into(), &2.into()));
    assert_eq!(std::fs::read_dir(&scratch.0).unwrap().count(), 0);
}

#[test]
fn the_demo_waits_for_visitors_and_ends_when_asked() {
    let scratch = Scratch::new();
    let mut child = scratch
        .command(&["demo", "--json", "--listen", "127.0.0.1:0", "--data", "kept"])
        .env("TMPDIR", &scratch.0)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let value: Value = serde_json::from_str(&line).unwrap();
    let server = Server { child, address: value["url"].as_str().unwrap().replace("http://", "") };
    assert!(TcpStream::connect(&server.address).is_ok());
    assert!(value["checkoutLink"].as_str().unwrap().ends_with("&isSandbox=true"));
    let get = |path: &str| serde_json::from_str::<Value>(&server.get(&value, path)).unwrap();
    let session = |name: &str| format!("/sessions/{}", value[name].as_str().unwrap());
    assert_eq!(get(&session("sessionId"))["status"], "created");
    assert_eq!(get(&format!("{}/charge", session("chargedSessionId")))["status"], "pending");
    assert_eq!(get(&format!("/charges/{}", value["chargeId"].as_str().unwrap()))["status"], "pending");
    let merchants = scratch.json(&["merchant", "list", "--data", "kept"], 0);
    assert_eq!(merchants["merchants"][0]["name"], "Demo Shop");
    let accounts = scratch.json(&["account", "list", "--data", "kept"], 0);
    assert_eq!(accounts["accounts"].as_array().unwrap().len(), 13);
    assert_eq!(server.stop(), Some(0));
    let left: Vec<_> = std::fs::read_dir(&scratch.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["kept"]);
}
