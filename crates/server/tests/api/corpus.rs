//! The corpus of bad inputs: every row that is one request to an endpoint that exists, sent as it is written.
//!
//! The corpus is read in place (`XANPAY_CORPUS`); without it the test says that it has checked nothing.

use crate::support::{Answer, Call, Caller, Gateway};
use serde_json::{Value, json};
use std::path::PathBuf;
use xanpay_domain::currency::Currency;
use xanpay_domain::environment::Environment;
use xanpay_domain::method::Method;
use xanpay_testkit::{Database, on_both_databases, row_counts};

/// Rows where the contract decides otherwise: id, status, code, and why.
const DEVIATIONS: &[(&str, u16, &str, &str)] = &[
    ("S-037", 413, "body_too_large", "ten thousand names are more than 64 KiB; many_items_are_named covers the list"),
    ("S-066", 413, "body_too_large", "the text alone is more than a body may have"),
    ("S-067", 200, "", "the contract keeps an object as its compact JSON text"),
    ("S-076", 404, "charge_not_found", "the contract's own code for a session without a charge"),
    ("T-009", 413, "body_too_large", "100,000 brackets are more than 64 KiB; hostile bodies cover less deep ones"),
    ("T-014", 400, "invalid_json", "the contract reads JSON whatever the content type says, and this is none"),
    ("W-001", 200, "", "sandbox allows loopback; refused with a live key below"),
    ("W-005", 200, "", "sandbox allows loopback; refused with a live key below"),
    ("W-006", 200, "", "sandbox allows loopback; refused with a live key below"),
    ("W-010", 200, "", "sandbox allows loopback; refused with a live key below"),
];

/// Rows that one request cannot show.
const NOT_HERE: &[(&str, &str)] = &[("T-013", "six gibibytes at a byte per second are a matter of the connection")];

fn corpus() -> Option<Vec<Value>> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let folder = std::env::var_os("XANPAY_CORPUS").map_or_else(|| PathBuf::from(default), PathBuf::from);
    let text = std::fs::read_to_string(folder.join("bad-inputs.json")).ok()?;
    Some(serde_json::from_str(&text).unwrap())
}

struct World {
    gateway: Gateway,
    a: Caller,
    b: Caller,
    live: Caller,
}

impl World {
    async fn new(database: &Database) -> Self {
        let (gateway, a) = Gateway::with_merchant(database).await;
        gateway.account(Environment::Live, Method::Paynow, "+6587767191", "LIVE").await;
        gateway.rate(Currency::HKD, Currency::SGD, "0.174933").await;
        let b = gateway.merchant("Paper Moon", Environment::Sandbox).await;
        let live = gateway.merchant("Real Goods", Environment::Live).await;
        Self { gateway, a, b, live }
    }

    /// Puts a real id in the place of a placeholder.
    async fn path(&self, path: &str) -> String {
        let id = |object: &Value| object["id"].as_str().unwrap().to_owned();
        let mut path = path.to_owned();
        if path.contains("{live id}") {
            path = path.replace("{live id}", &id(&self.gateway.session(&self.live, &json!({})).await));
        }
        if path.contains("{id of merchant B}") {
            path = path.replace("{id of merchant B}", &id(&self.gateway.charge(&self.b, &json!({})).await));
        }
        if path.starts_with("/charges/{id}") {
            path = path.replace("{id}", &id(&self.gateway.charge(&self.a, &json!({})).await));
        }
        for placeholder in ["{id}", "{id without a charge}"] {
            if path.contains(placeholder) {
                path = path.replace(placeholder, &id(&self.gateway.session(&self.a, &json!({})).await));
            }
        }
        // A request line has neither blanks nor quotation marks.
        if path.contains("sessionId=") && path.contains("isSandbox") || path.contains("[$ne]") {
            return path;
        }
        let sandbox = if path.starts_with("/?sessionId=") { "&isSandbox=true" } else { "" };
        format!("{}{sandbox}", path.replace(' ', "%20").replace('\'', "%27"))
    }

    fn headers(&self, call: Call, headers: &Value, by: &Caller) -> Call {
        let mut call = call;
        for (name, value) in headers.as_object().unwrap() {
            let value = value.as_str().unwrap();
            call = match (name.as_str(), value) {
                ("Authorization", "Basic {KEY_A:SECRET_A}") => call.by(by),
                ("Authorization", "Basic base64('KEY_A:')") => call.basic(&by.key, ""),
                ("Authorization", "Basic base64(':SECRET_A')") => call.basic("", &by.secret),
                ("Authorization", "Basic base64('KEY_A:'+10 MB)") => call.basic(&by.key, &"a".repeat(10 << 20)),
                _ => call.header(name, value),
            };
        }
        call
    }
}

/// The bodies that a row describes.
fn bodies(row: &Value) -> Vec<String> {
    let Some(text) = row["input"]["body"].as_str() else {
        return vec![if row["input"]["body"].is_null() {
            String::new()
        } else {
            expand(&row["input"]["body"]).to_string()
        }];
    };
    match text {
        text if text.starts_with("raw JSON text exactly as in the seed") => {
            vec![r#"{"amount": "35", "currency": "SGD"}"#.to_owned()]
        }
        "raw: null / 1 / \"x\" / true" => ["null", "1", "\"x\"", "true"].map(str::to_owned).to_vec(),
        "raw: [[[[... 100,000 deep" => vec!["[".repeat(100_000)],
        text => vec![text.strip_prefix("raw: ").unwrap_or(text).to_owned()],
    }
}

/// Fills in what a row only describes, such as `<AAAA... repeated, 65537 characters>`.
fn expand(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(expand_text(text)),
        Value::Array(items) if items.first().is_some_and(|item| item == "<10000 items like>") => {
            Value::Array(vec![items[1].clone(); 10_000])
        }
        Value::Array(items) => Value::Array(items.iter().map(expand).collect()),
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), expand(value))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn expand_text(text: &str) -> String {
    let described = text.strip_prefix('<').and_then(|text| text.strip_suffix(" characters>"));
    let Some((start, length)) = described.and_then(|text| text.split_once("... repeated, ")) else {
        return text.to_owned();
    };
    let length: usize = length.parse().unwrap();
    let last = start.chars().last().unwrap().to_string();
    format!("{start}{}", last.repeat(length - start.len()))
}

/// Status, code and field that a row expects.
fn expectation(row: &Value) -> (u64, String, Option<String>) {
    let id = row["id"].as_str().unwrap();
    if let Some((_, status, code, _)) = DEVIATIONS.iter().find(|deviation| deviation.0 == id) {
        return (u64::from(*status), (*code).to_owned(), None);
    }
    let code = row["expect"]["code"].as_str().filter(|code| *code != "-").unwrap_or("");
    (row["expect"]["status"].as_u64().unwrap(), code.to_owned(), row["expect"]["param"].as_str().map(str::to_owned))
}

fn check(id: &str, answer: &Answer, (status, code, field): &(u64, String, Option<String>)) {
    assert_eq!(u64::from(answer.status), *status, "{id}: {answer}");
    if code.starts_with("page:") {
        assert!(answer.header("content-type").starts_with("text/html"), "{id}: {answer}");
    } else if let Some(field) = field {
        // Where a row is wrong in more than one way, the code stands beside the field.
        let errors = answer.json()["errors"].as_array().cloned().unwrap_or_default();
        let named = errors.iter().any(|error| error["field"] == *field && error["code"] == *code);
        assert!(named, "{id}: {field} {code} is not named: {answer}");
    } else if !code.is_empty() {
        assert_eq!(answer.code(), *code, "{id}: {answer}");
    }
}

fn is_one_request(row: &Value) -> bool {
    let id = row["id"].as_str().unwrap();
    let family = id.split('-').next().unwrap();
    ["O", "S", "P", "C", "A", "I", "T", "W"].contains(&family)
        && row["input"]["method"].is_string()
        && row["input"]["path"].is_string()
        && !NOT_HERE.iter().any(|(other, _)| *other == id)
}

#[tokio::test]
async fn every_request_of_the_corpus_is_answered_as_expected_and_refusals_store_nothing() {
    let Some(rows) = corpus() else {
        eprintln!("the corpus is absent: nothing of it was checked");
        return;
    };
    let rows: Vec<_> = rows.iter().filter(|row| is_one_request(row)).collect();
    assert!(rows.len() >= 60, "only {} rows of the corpus are requests", rows.len());
    on_both_databases(async |database| {
        let world = World::new(database).await;
        for row in &rows {
            let (id, input) = (row["id"].as_str().unwrap(), &row["input"]);
            let expected = expectation(row);
            for body in bodies(row) {
                let path = world.path(input["path"].as_str().unwrap()).await;
                let before = row_counts(database).await;
                let call = Call::new(input["method"].as_str().unwrap(), path).raw(body.clone());
                let answer = world.gateway.send(world.headers(call, &input["headers"], &world.a)).await;
                check(id, &answer, &expected);
                if answer.status >= 400 {
                    assert_eq!(before, row_counts(database).await, "{id} has stored something");
                }
                // What is refused in sandbox is refused in live, and loopback is refused there as well.
                if id.starts_with("W-") {
                    let call = Call::post("/sessions").raw(body);
                    let answer = world.gateway.send(world.headers(call, &input["headers"], &world.live)).await;
                    let code = row["expect"]["code"].as_str().unwrap();
                    assert_eq!((answer.status, answer.code().as_str()), (400, code), "{id}: {answer}");
                }
            }
        }
    })
    .await;
}
