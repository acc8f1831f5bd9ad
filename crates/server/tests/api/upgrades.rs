//! A database that an older program has left is brought up to date and goes on working.

use crate::support::gateway::START;
use crate::support::receiver::eventually;
use crate::support::{Call, Caller, Gateway, Receiver};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use xanpay_domain::currency::Currency;
use xanpay_domain::environment::Environment;
use xanpay_domain::money::Money;
use xanpay_domain::time::{Span, Timestamp};
use xanpay_server::clock::Clock;
use xanpay_server::flows::{self, FlowError, ImportOptions, ImportedFile};
use xanpay_server::outbound::address::AddressPolicy;
use xanpay_statements::Date;
use xanpay_statements::sample::{Booking, camt054};
use xanpay_store::{Attempt, Store};
use xanpay_testkit::older::{columns, older_copy, rows, schema_steps, shared};
use xanpay_testkit::{Database, Engine, on_both_databases};

/// A shop with a past: sessions and charges in every state, transfers of every outcome, deliveries told, given up and
/// waiting.
struct Past {
    merchant: Caller,
    operator: Caller,
    now: Timestamp,
    sessions: Vec<Value>,
    /// The first waits for money, the second for the rest of it.
    charges: Vec<Value>,
}

fn reported(charge: &Value, amount: &str, bank_reference: &str) -> Value {
    json!({
        "account": "+6585867834", "amount": amount, "currency": "SGD", "reference": nonce(charge), "bankReference": bank_reference,
    })
}

fn nonce(charge: &Value) -> &str {
    charge["destination"]["nonce"].as_str().unwrap()
}

fn id(value: &Value) -> &str {
    value["id"].as_str().unwrap()
}

/// The bank's notification of a charge's money, which names it by nothing but its words.
async fn import(gateway: &Gateway, charge: &Value) -> ImportedFile {
    let booking = Booking {
        amount: Money::from_minor(3500, Currency::SGD).unwrap(),
        reference: nonce(charge).into(),
        payer: "TAN AH KOW".into(),
        bank_reference: String::new(),
        date: Date::constant(2022, 6, 24),
    };
    let options = ImportOptions { account: Some("+6585867834".into()), ..ImportOptions::new(Environment::Sandbox) };
    let file = camt054("1", "M1", START, &[booking]);
    flows::import_statement(&gateway.app, "file", file.as_bytes(), &options).await.unwrap()
}

/// A request that is remembered by its idempotency key.
fn remembered(merchant: &Caller) -> Call {
    let body = json!({"amount": 12, "currency": "SGD"});
    Call::post("/sessions").by(merchant).json(&body).header("idempotency-key", "remembered")
}

impl Past {
    async fn of(gateway: &Gateway, merchant: Caller, receiver: &Receiver) -> Self {
        let operator = gateway.operator(Environment::Sandbox).await;
        gateway.webhook(&merchant, &receiver.url("/hook"), Some(("shop", "pass"))).await;
        gateway.rate("HKD".parse().unwrap(), "SGD".parse().unwrap(), "0.174933").await;
        let notify = receiver.url("/callback");
        let charge =
            async |note: &str| gateway.charge(&merchant, &json!({"notifyPayload": note, "notifyUrl": notify})).await;
        let (lapsed, late) = (charge("lapsed").await, charge("late").await);
        gateway.advance(Span::minutes(61));
        flows::expire_due_charges(&gateway.app, Environment::Sandbox).await.unwrap();
        gateway.send(Call::post("/sandbox/clock").by(&merchant).json(&json!({"advanceMs": 1}))).await.expect(200);
        gateway.send(remembered(&merchant)).await.expect(200);
        let phone = json!({"phone": {"code": "+65", "phone": "91234567"}});
        gateway.send(Call::post("/customers/phone/verification").by(&merchant).json(&phone)).await.expect(200);

        let mut sessions = Vec::new();
        for verb in ["", "initiate", "cancel"] {
            let session = gateway.session(&merchant, &json!({"notifyPayload": verb})).await;
            if !verb.is_empty() {
                gateway.send(Call::post(format!("/checkout/sessions/{}/{verb}", id(&session)))).await;
            }
            sessions.push(session);
        }
        let charged = gateway.session(&merchant, &json!({})).await;
        let mut charges =
            vec![charge("waiting").await, charge("part").await, gateway.checkout(&merchant, id(&charged)).await];
        sessions.push(charged);
        let (exact, over, off) = (charge("exact").await, charge("over").await, charge("cancelled").await);
        gateway.send(Call::patch(format!("/charges/{}/cancel", id(&off))).by(&merchant)).await.expect(200);
        let both = format!("{} {}", nonce(&charges[0]), nonce(&exact));
        let with = |reference: &str, bank_reference| {
            let mut body = reported(&exact, "35", bank_reference);
            body["reference"] = reference.into();
            body
        };
        for (body, outcome) in [
            (reported(&exact, "35", "B1"), "matched"),
            (reported(&charges[1], "10", "B2"), "part"),
            (reported(&over, "35.50", "B3"), "over"),
            (reported(&late, "35", "B4"), "late"),
            (reported(&off, "35", "B5"), "late"),
            (with(&both, "B6"), "ambiguous"),
            (with("rent", "B7"), "unmatched"),
        ] {
            let answer = gateway.send(Call::post("/transfers").by(&operator).json(&body)).await.expect(200).json();
            assert_eq!(answer["outcome"], outcome, "{body}");
        }
        charges.extend([lapsed, late, exact, over, off, charge("imported").await]);
        assert_eq!(import(gateway, &charges[8]).await.new, 1);
        let now = gateway.app.clock.real_now();
        deliver_some(gateway, now).await;
        Self { merchant, operator, now, sessions, charges }
    }

    /// What the API says of all of it, and the books of deliveries.
    async fn told_by(&self, gateway: &Gateway) -> Vec<String> {
        let mut paths = vec!["/sandbox/messages".to_owned(), "/certificate".to_owned()];
        paths.push(format!("/sessions/{}/charge", id(&self.sessions[3])));
        paths.extend(self.sessions.iter().map(|session| format!("/sessions/{}", id(session))));
        paths.extend(self.charges.iter().map(|charge| format!("/charges/{}", id(charge))));
        let mut told = Vec::new();
        for path in paths {
            told.push(gateway.send(Call::get(path).by(&self.merchant)).await.expect(200).text());
        }
        told.push(gateway.send(Call::get("/transfers?limit=50").by(&self.operator)).await.expect(200).text());
        let reader = gateway.app.store.reader();
        for charge in &self.charges {
            for delivery in gateway.deliveries(charge).await {
                told.push(format!("{delivery:?} {:?}", reader.list_attempts(delivery.id).await.unwrap()));
            }
        }
        told
    }

    async fn waiting(&self, gateway: &Gateway) -> usize {
        let mut waiting = 0;
        for charge in &self.charges {
            waiting += gateway.deliveries(charge).await.iter().filter(|found| found.state == "pending").count();
        }
        waiting
    }
}

/// One delivery is told, one is given up, one has failed once.
async fn deliver_some(gateway: &Gateway, now: Timestamp) {
    let tried = gateway.app.store.write(move |tx| async move {
        let claimed = tx.claim_deliveries(now, now.plus(Span::seconds(60)), 3).await?;
        let attempt = |result| Attempt { attempted_at: now, result, excerpt: "noted".into(), elapsed_ms: 7 };
        tx.finish_delivery(&claimed[0], &attempt(Ok(200)), true, now).await?;
        tx.finish_delivery(&claimed[1], &attempt(Err("timeout".into())), false, now).await?;
        tx.postpone_delivery(&claimed[2], &attempt(Ok(500)), now.plus(Span::seconds(30))).await?;
        Ok::<_, FlowError>(())
    });
    tried.await.unwrap();
}

async fn upgrade(database: &Database) {
    match database.engine() {
        Engine::Sqlite => Store::open_sqlite(&database.path()).unwrap().close(),
        Engine::Postgres => Store::open_postgres(&database.url(), true).await.unwrap().close(),
    }
}

/// Money is matched, found again and listed, what waits is delivered, and new business is done.
async fn goes_on(gateway: &Gateway, past: &Past, receiver: &mut Receiver) {
    gateway.advance(Span::seconds(31));
    let report = |body: Value| Call::post("/transfers").by(&past.operator).json(&body);
    let listed = async || gateway.send(Call::get("/transfers?limit=50").by(&past.operator)).await.expect(200).json();
    let known = listed().await["data"].as_array().unwrap().clone();
    let again = gateway.send(report(reported(&past.charges[5], "35", "B1"))).await.expect(200).json();
    assert_eq!((&again["duplicate"], &again["outcome"]), (&json!(true), &json!("matched")), "{again}");
    assert!(known.iter().any(|transfer| transfer["id"] == again["transferId"]), "{again}");
    let file = import(gateway, &past.charges[8]).await;
    assert_eq!((file.new, file.duplicates), (0, 1));
    for (charge, amount, reference) in [(&past.charges[0], "35", "N1"), (&past.charges[1], "25", "N2")] {
        let paid = gateway.send(report(reported(charge, amount, reference))).await.expect(200).json();
        assert_eq!((&paid["duplicate"], &paid["outcome"]), (&json!(false), &json!("matched")), "{paid}");
        assert_eq!(gateway.get_charge(&past.merchant, id(charge)).await["status"], "completed");
    }
    assert_eq!(listed().await["data"].as_array().unwrap()[2..], known[..]);
    assert_eq!(gateway.send(remembered(&past.merchant)).await.expect(200).header("idempotent-replayed"), "true");
    let session = gateway.session(&past.merchant, &json!({})).await;
    let charge = gateway.checkout(&past.merchant, id(&session)).await;
    assert_eq!(gateway.pay(&past.merchant, &charge, "35").await["outcome"], "matched");

    let expected = past.waiting(gateway).await + gateway.deliveries(&charge).await.len();
    let workers = gateway.workers();
    let reader = gateway.app.store.reader();
    eventually("all is told", async || reader.count_waiting_deliveries(1).await.unwrap() == 0).await;
    workers.finish(gateway).await;
    let basic = format!("Basic {}", STANDARD.encode("shop:pass"));
    for _ in 0..expected {
        let call = receiver.next().await;
        let authorization = if call.path == "/hook" { basic.as_str() } else { "" };
        assert_eq!(call.header("authorization"), authorization);
    }
    assert!(!receiver.has_call(), "what was told or given up is not told again");
}

#[tokio::test]
async fn a_database_of_every_earlier_step_keeps_its_rows_and_goes_on_working() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let mut receiver = Receiver::start().await;
        let past = Past::of(&gateway, merchant, &receiver).await;
        let told = past.told_by(&gateway).await;
        for step in 1..schema_steps(database.engine()).len() {
            let older = older_copy(database, step).await;
            let columns = shared(&columns(&older).await, &columns(database).await);
            let before = rows(&older, &columns).await;
            let empty: Vec<_> = before.iter().filter(|(_, rows)| rows.is_empty()).map(|(table, _)| table).collect();
            assert!(empty.is_empty(), "step {step}: {empty:?} have no rows to lose");
            upgrade(&older).await;
            assert_eq!(rows(&older, &columns).await, before, "step {step}");
            let clock = Clock::by_hand(past.now);
            let upgraded = Gateway::start_with(&older, clock, AddressPolicy::sandbox()).await;
            flows::refresh_sandbox_clock(&upgraded.app).await.unwrap();
            assert_eq!(past.told_by(&upgraded).await, told, "step {step}");
            goes_on(&upgraded, &past, &mut receiver).await;
        }
    })
    .await;
}
