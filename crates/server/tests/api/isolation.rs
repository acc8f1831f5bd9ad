//! Nobody reaches what is not theirs: merchants apart, sandbox and live apart, merchants and operators apart.

use crate::support::{Answer, Call, Caller, Gateway};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use xanpay_domain::environment::Environment;
use xanpay_domain::method::Method;
use xanpay_server::flows::{self, FlowError};
use xanpay_testkit::{on_both_databases, row_counts};

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// A merchant, on its own behalf.
    Merchant,
    /// A merchant, in sandbox only.
    Sandbox,
    /// A merchant, on an object of its own.
    Object,
    /// An operator.
    Operator,
    /// Whoever holds a session's id.
    Bearer,
    /// Everybody.
    Public,
}

/// Every route and who may use it. A path of the router that is missing here fails the test.
const MATRIX: &[(&str, &str, Reach)] = &[
    ("POST", "/sessions", Reach::Merchant),
    ("GET", "/sessions/{id}", Reach::Object),
    ("GET", "/sessions/{id}/charge", Reach::Object),
    ("POST", "/charges", Reach::Merchant),
    ("POST", "/charges/hash", Reach::Merchant),
    ("GET", "/charges/{id}", Reach::Object),
    ("POST", "/charges/{id}", Reach::Object),
    ("PATCH", "/charges/{id}/cancel", Reach::Object),
    ("POST", "/customers/phone/verification", Reach::Merchant),
    ("PUT", "/customers/phone/verification", Reach::Merchant),
    ("POST", "/customers/phone/verification/complete", Reach::Merchant),
    ("POST", "/transfers", Reach::Operator),
    ("GET", "/transfers", Reach::Operator),
    ("POST", "/sandbox/transfers", Reach::Sandbox),
    ("POST", "/sandbox/clock", Reach::Sandbox),
    ("GET", "/sandbox/messages", Reach::Sandbox),
    ("GET", "/certificate", Reach::Merchant),
    ("GET", "/checkout", Reach::Public),
    ("POST", "/checkout/sessions/{id}/start", Reach::Bearer),
    ("GET", "/checkout/sessions/{id}/start", Reach::Bearer),
    ("POST", "/checkout/sessions/{id}/verify", Reach::Bearer),
    ("GET", "/checkout/sessions/{id}/verify", Reach::Bearer),
    ("POST", "/checkout/sessions/{id}/code", Reach::Bearer),
    ("GET", "/checkout/sessions/{id}/code", Reach::Bearer),
    ("POST", "/checkout/sessions/{id}/initiate", Reach::Bearer),
    ("POST", "/checkout/sessions/{id}/cancel", Reach::Bearer),
    ("GET", "/checkout/sessions/{id}/cancel", Reach::Bearer),
    ("POST", "/checkout/sessions/{id}/simulate", Reach::Bearer),
    ("GET", "/checkout/sessions/{id}/simulate", Reach::Bearer),
    ("GET", "/checkout/sessions/{id}/status", Reach::Bearer),
    ("GET", "/checkout/sessions/{id}/events", Reach::Bearer),
    ("GET", "/checkout/sessions/{id}/qr.svg", Reach::Bearer),
    ("GET", "/docs/rails", Reach::Public),
    ("GET", "/docs/errors", Reach::Public),
    ("GET", "/healthz", Reach::Public),
    ("GET", "/readyz", Reach::Public),
    ("GET", "/metrics", Reach::Public),
];

const ABSENT: &str = "62b586f2313ba00012c75e7d";

/// The same merchant in the other environment.
async fn in_live(gateway: &Gateway, merchant: &Caller) -> Caller {
    let reader = gateway.app.store.reader();
    let mut row = reader.find_merchant(merchant.id(), Environment::Sandbox).await.unwrap().unwrap();
    row.environment = Environment::Live;
    let now = gateway.app.clock.real_now();
    let added = gateway.app.store.write(move |tx| {
        let row = row.clone();
        async move { Ok::<_, FlowError>(tx.insert_merchant(&row, now).await?) }
    });
    added.await.unwrap();
    let key = flows::create_key(&gateway.app, merchant.merchant, Environment::Live).await.unwrap();
    Caller { merchant: merchant.merchant, key: key.api_key, secret: key.api_secret, environment: Environment::Live }
}

/// A problem document without what differs between two requests.
fn without_request_id(answer: &Answer) -> Value {
    let mut json = answer.json();
    json.as_object_mut().unwrap().remove("requestId");
    json
}

#[tokio::test]
async fn every_route_answers_those_who_may_use_it_and_nobody_else() {
    let known: BTreeSet<_> = MATRIX.iter().map(|(_, path, _)| *path).collect();
    let routed: BTreeSet<_> = xanpay_server::http::paths().collect();
    assert_eq!(known, routed, "a route without a row, or a row without a route");
    on_both_databases(async |database| {
        let (gateway, a) = Gateway::with_merchant(database).await;
        let a_live = in_live(&gateway, &a).await;
        let b = gateway.merchant("Paper Moon", Environment::Sandbox).await;
        let operator = gateway.operator(Environment::Sandbox).await;
        let wrong = Caller { secret: b.secret.clone(), ..a.clone() };
        let unknown = Caller { key: "sandbox_0".into(), ..a.clone() };
        let unreadable = Caller { key: "sandbox_\0\u{fc}".into(), ..a.clone() };
        let session = gateway.session(&a, &json!({})).await;
        let session_id = session["id"].as_str().unwrap();
        let charge = gateway.checkout(&a, session_id).await;
        let before = row_counts(database).await;
        for (method, path, reach) in MATRIX {
            let id = if path.starts_with("/charges") { charge["id"].as_str().unwrap() } else { session_id };
            let with = |id: &str| Call::new(method, path.replace("{id}", id));
            let title = format!("{method} {path}");
            let denied: &[&Caller] = match reach {
                Reach::Merchant | Reach::Sandbox | Reach::Object => &[&wrong, &unknown, &unreadable, &operator],
                Reach::Operator => &[&wrong, &unknown, &unreadable, &a, &b, &a_live],
                Reach::Bearer | Reach::Public => &[],
            };
            for caller in denied {
                gateway.send(with(id).by(caller)).await.expect_problem(401, "unauthorized");
            }
            if !denied.is_empty() {
                gateway.send(with(id)).await.expect_problem(401, "unauthorized");
            }
            match reach {
                Reach::Object => {
                    for stranger in [&b, &a_live] {
                        let foreign = gateway.send(with(id).by(stranger)).await.expect_problem(404, "not_found");
                        let absent = gateway.send(with(ABSENT).by(stranger)).await.expect_problem(404, "not_found");
                        assert_eq!(without_request_id(&foreign), without_request_id(&absent), "{title}");
                    }
                }
                Reach::Sandbox => {
                    gateway.send(with(id).by(&a_live).json(&json!({}))).await.expect_problem(404, "not_found");
                }
                Reach::Bearer => {
                    gateway.send(with(ABSENT)).await.expect(404);
                }
                Reach::Merchant | Reach::Operator | Reach::Public => {}
            }
        }
        assert_eq!(before, row_counts(database).await);
        assert_eq!(gateway.get_charge(&a, charge["id"].as_str().unwrap()).await["status"], "pending");
    })
    .await;
}

#[tokio::test]
async fn a_merchant_cannot_pay_or_see_anothers_charge_by_a_sandbox_transfer() {
    on_both_databases(async |database| {
        let (gateway, a) = Gateway::with_merchant(database).await;
        let b = gateway.merchant("Paper Moon", Environment::Sandbox).await;
        let charge = gateway.charge(&a, &json!({})).await;
        let body = json!({
            "account": "+6585867834", "amount": 35, "currency": "SGD", "bankReference": "X1",
            "reference": charge["destination"]["nonce"],
        });
        let send = |caller: &Caller| Call::post("/sandbox/transfers").by(caller).json(&body);
        let foreign = gateway.send(send(&b)).await.expect(200).json();
        assert_eq!(foreign["outcome"], "unmatched");
        assert!(foreign.get("chargeId").is_none(), "{foreign}");
        assert_eq!(gateway.get_charge(&a, charge["id"].as_str().unwrap()).await["status"], "pending");
        let own = gateway.send(send(&a)).await.expect(200).json();
        assert_eq!((&own["outcome"], &own["duplicate"]), (&json!("matched"), &json!(false)));
        let again = gateway.send(send(&b)).await.expect(200).json();
        assert_eq!((&again["transferId"], &again["duplicate"]), (&foreign["transferId"], &json!(true)));
        assert!(again.get("chargeId").is_none(), "{again}");
    })
    .await;
}

#[tokio::test]
async fn idempotency_keys_of_two_merchants_and_two_environments_are_different_keys() {
    on_both_databases(async |database| {
        let (gateway, a) = Gateway::with_merchant(database).await;
        let b = gateway.merchant("Paper Moon", Environment::Sandbox).await;
        let a_live = in_live(&gateway, &a).await;
        let mut ids = BTreeSet::new();
        for caller in [&a, &b, &a_live] {
            let call = Call::post("/sessions").by(caller).header("idempotency-key", "same");
            let answer = gateway.send(call.json(&json!({"amount": 35, "currency": "SGD"}))).await.expect(200);
            assert_eq!(answer.header("idempotent-replayed"), "");
            ids.insert(answer.json()["id"].to_string());
        }
        assert_eq!(ids.len(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_live_charge_uses_live_accounts_and_sandbox_money_never_reaches_it() {
    on_both_databases(async |database| {
        let (gateway, a) = Gateway::with_merchant(database).await;
        let live = in_live(&gateway, &a).await;
        let body = json!({"merchantAmount": 35, "merchantCurrency": "SGD", "method": "paynow", "email": "a@b.example"});
        let create = || Call::post("/charges").by(&live).json(&body);
        gateway.send(create()).await.expect_problem(400, "method_unavailable");
        gateway.account(Environment::Live, Method::Paynow, "+6587767191", "LIVE").await;
        let charge = gateway.send(create()).await.expect(200).json();
        assert_eq!(charge["destination"]["account"], "+6587767191");
        let report = |caller: &Caller| {
            let body = json!({
                "account": "+6587767191", "amount": 35, "currency": "SGD", "reference": charge["destination"]["nonce"],
            });
            let path = if caller.merchant.is_some() { "/sandbox/transfers" } else { "/transfers" };
            Call::post(path).by(caller).json(&body)
        };
        for caller in [&a, &gateway.operator(Environment::Sandbox).await] {
            let answer = gateway.send(report(caller)).await.expect_problem(400, "account_unknown");
            assert_eq!(answer.fields(), ["account"]);
        }
        let operator = gateway.operator(Environment::Live).await;
        assert_eq!(gateway.send(report(&operator)).await.expect(200).json()["outcome"], "matched");
        let list = |caller: &Caller| Call::get("/transfers").by(caller);
        assert_eq!(gateway.send(list(&operator)).await.json()["data"].as_array().unwrap().len(), 1);
        let sandbox = gateway.operator(Environment::Sandbox).await;
        assert_eq!(gateway.send(list(&sandbox)).await.json()["data"], json!([]));
    })
    .await;
}

#[tokio::test]
async fn a_revoked_key_stops_working_on_every_process_within_a_second() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let call = || Call::get("/certificate").by(&merchant);
        gateway.send(call()).await.expect(200);
        flows::revoke_key(&gateway.app, merchant.key.clone()).await.unwrap();
        // A process that has not seen the key refuses it at once; one that remembers it forgets it.
        if database.engine() == xanpay_testkit::Engine::Postgres {
            Gateway::start(database).await.send(call()).await.expect_problem(401, "unauthorized");
        }
        let mut look = tokio::time::interval(Duration::from_millis(50));
        let refused = async {
            while gateway.send(call()).await.status != 401 {
                look.tick().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(1), refused).await.expect("the key still works");
    })
    .await;
}

#[tokio::test]
async fn a_part_of_the_api_that_is_switched_off_is_forbidden() {
    on_both_databases(async |database| {
        let gateway = Gateway::start(database).await;
        let merchant = gateway.merchant("Lantern Books", Environment::Sandbox).await;
        gateway.switch(&merchant, |merchant| merchant.permissions.clear()).await;
        for (method, path) in
            [("POST", "/charges"), ("POST", "/customers/phone/verification"), ("PUT", "/customers/phone/verification")]
        {
            gateway.send(Call::new(method, path).by(&merchant)).await.expect_problem(403, "permission_denied");
        }
        gateway.session(&merchant, &json!({})).await;
        // It creates nothing, and a checkout's hash is made with it, too.
        let request = json!({"merchantAmount": 1, "merchantCurrency": "SGD"});
        gateway.send(Call::post("/charges/hash").by(&merchant).json(&request)).await.expect(200);
    })
    .await;
}

/// What is logged by whatever the test does from here on.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn start() -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let lines = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        (log, tracing::subscriber::set_default(lines))
    }

    fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().filter(|line| line.contains("caller refused")).map(str::to_owned).collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_caller_who_is_refused_is_logged_with_address_and_known_key_and_never_with_a_secret() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        gateway.switch(&merchant, |row| row.permissions.clear()).await;
        let barred = gateway.merchant("Barred", merchant.environment).await;
        gateway.switch(&barred, |row| row.permissions.clear()).await;
        let (log, _guard) = Log::start();
        let operators = Call::get("/transfers");
        let phone = Call::post("/customers/phone/verification");
        let calls = [
            (Call::get("/certificate").basic(&merchant.key, "guessed"), 401, "unauthorized", Some(&merchant.key)),
            (Call::get("/certificate").basic("xp_unknown", "guessed"), 401, "unauthorized", None),
            (operators.by(&merchant), 401, "unauthorized", Some(&merchant.key)),
            (phone.by(&barred), 403, "permission_denied", Some(&barred.key)),
        ];
        for (n, (call, status, code, key)) in calls.into_iter().enumerate() {
            let address = [203, 0, 113, n as u8];
            gateway.send(call.from(address)).await.expect_problem(status, code);
            let line = log.lines().pop().unwrap();
            assert!(line.contains(code) && line.contains(&format!("client=203.0.113.{n}")), "{line}");
            assert_eq!(line.contains("key="), key.is_some(), "{line}");
            assert!(key.is_none_or(|key| line.contains(key.as_str())), "{line}");
        }
        for line in log.lines() {
            for secret in ["guessed", "xp_unknown", &merchant.secret, &barred.secret] {
                assert!(!line.contains(secret), "{line}");
            }
        }
        assert_eq!(log.lines().len(), 4);
    })
    .await;
}
