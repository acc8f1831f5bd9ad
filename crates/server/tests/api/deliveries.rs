//! Notices on their way to a real receiver.

use crate::support::gateway::{START, Workers};
use crate::support::receiver::{SILENT_PATH, eventually};
use crate::support::{Call, Caller, Gateway, Receiver, keys};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use xanpay_domain::environment::Environment;
use xanpay_domain::id::WebhookId;
use xanpay_domain::method::Method;
use xanpay_domain::time::Span;
use xanpay_server::app::Addresses;
use xanpay_server::clock::Clock;
use xanpay_server::flows;
use xanpay_server::outbound::address::AddressPolicy;
use xanpay_server::outbound::signature::RsaVerifier;
use xanpay_server::terms::Terms;
use xanpay_store::Attempt;
use xanpay_testkit::{Database, on_both_databases, spoil};

async fn cancel(gateway: &Gateway, merchant: &Caller, charge: &Value) {
    let call = Call::patch(format!("/charges/{}/cancel", charge["id"].as_str().unwrap())).by(merchant);
    assert_eq!(gateway.send(call).await.expect(200).text(), "true");
}

/// The state and attempts of the `n`-th delivery of a charge.
async fn delivery(gateway: &Gateway, charge: &Value, n: usize) -> (String, Vec<Attempt>) {
    let deliveries = gateway.deliveries(charge).await;
    let attempts = gateway.app.store.reader().list_attempts(deliveries[n].id).await.unwrap();
    (deliveries[n].state.clone(), attempts)
}

async fn attempted(gateway: &Gateway, charge: &Value, n: usize, times: usize) {
    eventually("the attempt", async || delivery(gateway, charge, n).await.1.len() == times).await;
}

async fn is_due(gateway: &Gateway, within: Span) -> bool {
    let reader = gateway.app.store.reader();
    reader.has_due_deliveries(gateway.app.clock.real_now().plus(within)).await.unwrap()
}

fn tenths(span: Span, tenths: i64) -> Span {
    Span::millis(span.as_millis() / 10 * tenths)
}

#[tokio::test]
async fn a_paid_charge_is_told_to_its_webhook_and_its_callback_with_signatures_that_hold() {
    on_both_databases(async |database| {
        // The published library verifies against the system's clock.
        let gateway = Gateway::start_with(database, Clock::system(), AddressPolicy::sandbox()).await;
        let (gateway, merchant) = gateway.furnished().await;
        let mut receiver = Receiver::start().await;
        let secret = gateway.webhook(&merchant, &receiver.url("/hook"), Some(("shop", "pass:word"))).await;
        let certificate = gateway.send(Call::get("/certificate").by(&merchant)).await.expect(200).text();
        let workers = gateway.workers();
        let orders = json!([{"id": "1", "name": "Laptop", "quantity": 1, "amount": 35, "colour": "red"}]);
        let more = json!({"notifyUrl": receiver.url("/callback"), "notifyPayload": "{\"orderId\": \"123\"}", "orders": orders});
        let charge = gateway.charge(&merchant, &more).await;
        gateway.pay(&merchant, &charge, "35").await;
        let mut calls = [receiver.next().await, receiver.next().await];
        calls.sort_by(|a, b| b.path.cmp(&a.path));
        let [hook, callback] = &calls;
        assert_eq!((hook.path.as_str(), callback.path.as_str()), ("/hook", "/callback"));
        assert_eq!(hook.body, callback.body, "both are told the same");
        assert_eq!(hook.header("webhook-id"), callback.header("webhook-id"));
        assert_eq!(hook.header("content-type"), "application/json");

        standardwebhooks::Webhook::new(&secret).unwrap().verify(&hook.body, &hook.headers).unwrap();
        assert!(standardwebhooks::Webhook::new(&secret).unwrap().verify(b"{}", &hook.headers).is_err());
        assert_eq!(hook.header("authorization"), format!("Basic {}", STANDARD.encode("shop:pass:word")));
        assert_eq!(hook.header("x-xanpay-signature"), "");

        let verifier = RsaVerifier::from_certificate_pem(&certificate).unwrap();
        let timestamp: i64 = callback.header("x-xanpay-timestamp").parse().unwrap();
        verifier.verify(timestamp, &callback.body, callback.header("x-xanpay-signature")).unwrap();
        assert!(verifier.verify(timestamp + 1, &callback.body, callback.header("x-xanpay-signature")).is_err());
        assert_eq!(callback.header("x-xanpay-key-id"), verifier.key_id());
        assert_eq!(callback.header("authorization"), "");

        let body = hook.json();
        assert_eq!(keys(&body), ["timestamp", "reason", "payload"]);
        assert_eq!(body["reason"], "charge_status_updated");
        let documented = [
            "chargeId", "merchantId", "customerCurrency", "merchantAmount", "merchantCurrency", "status",
            "notifyPayload", "paymentMethod", "orders",
        ];
        assert_eq!(keys(&body["payload"])[..documented.len()], documented);
        let line = json!({"id": "1", "name": "Laptop", "quantity": 1, "amount": 35, "currency": "SGD"});
        assert_eq!(body["payload"]["orders"], json!([line]));
        assert_eq!(keys(&body["payload"]["orders"][0]), ["id", "name", "quantity", "amount", "currency"]);
        assert_eq!((&body["payload"]["chargeId"], &body["payload"]["status"]), (&charge["id"], &json!("completed")));
        assert_eq!(body["payload"]["notifyPayload"], "{\"orderId\": \"123\"}");
        eventually("both are recorded", async || {
            gateway.deliveries(&charge).await.iter().all(|found| found.state == "delivered")
        })
        .await;
        workers.finish(&gateway).await;
    })
    .await;
}

#[tokio::test]
async fn a_callbacks_standard_webhooks_signature_holds_with_the_merchants_secret() {
    on_both_databases(async |database| {
        let gateway = Gateway::start_with(database, Clock::system(), AddressPolicy::sandbox()).await;
        let (gateway, _) = gateway.furnished().await;
        let new = flows::NewMerchant {
            name: "Paper Moon".into(),
            currency: "SGD".parse().unwrap(),
            methods: vec!["paynow".parse().unwrap()],
            environment: Environment::Sandbox,
            phone_verification: false,
        };
        let made = flows::create_merchant(&gateway.app, new).await.unwrap();
        let (key, secret) = (made.key.api_key, made.key.api_secret);
        let merchant = Caller { merchant: Some(made.id), key, secret, environment: Environment::Sandbox };
        let mut receiver = Receiver::start().await;
        let workers = gateway.workers();
        let charge = gateway.charge(&merchant, &json!({"notifyUrl": receiver.url("/callback")})).await;
        gateway.pay(&merchant, &charge, "35").await;
        let call = receiver.next().await;
        standardwebhooks::Webhook::new(&made.webhook_secret).unwrap().verify(&call.body, &call.headers).unwrap();
        eventually("it is recorded", async || delivery(&gateway, &charge, 0).await.0 == "delivered").await;
        workers.finish(&gateway).await;
    })
    .await;
}

#[tokio::test]
async fn a_notice_that_is_not_taken_is_tried_by_the_published_schedule_and_then_given_up() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let mut receiver = Receiver::start().await;
        receiver.answer(500);
        gateway.webhook(&merchant, &receiver.url("/hook"), None).await;
        let workers = gateway.workers();
        let charge = gateway.charge(&merchant, &json!({})).await;
        cancel(&gateway, &merchant, &charge).await;
        let first = receiver.next().await;
        let minutes = [2, 10, 60, 180, 360, 720].map(Span::minutes);
        let waits = [&[Span::seconds(30)][..], &minutes, &[Span::days(1); 6]].concat();
        for (tries, wait) in (1..).zip(waits) {
            attempted(&gateway, &charge, 0, tries).await;
            if delivery(&gateway, &charge, 0).await.0 == "given_up" {
                break;
            }
            assert!(!is_due(&gateway, Span::millis(tenths(wait, 9).as_millis() - 1)).await, "after {tries}: too early");
            assert!(is_due(&gateway, tenths(wait, 11)).await, "after {tries}: too late");
            gateway.advance(tenths(wait, 11));
            let again = receiver.next().await;
            assert_eq!((again.header("webhook-id"), &again.body), (first.header("webhook-id"), &first.body));
            assert_ne!(again.header("webhook-timestamp"), first.header("webhook-timestamp"));
        }
        eventually("it is given up", async || delivery(&gateway, &charge, 0).await.0 == "given_up").await;
        let (_, attempts) = delivery(&gateway, &charge, 0).await;
        assert!((12..=13).contains(&attempts.len()), "{} attempts", attempts.len());
        assert!(attempts.iter().all(|attempt| attempt.result == Ok(500) && attempt.excerpt == "noted"));
        assert!(attempts.iter().all(|attempt| attempt.attempted_at.since(START) <= Span::days(7)));
        workers.finish(&gateway).await;
    })
    .await;
}

#[tokio::test]
async fn a_notice_whose_credentials_storage_cannot_give_stays_due_and_no_try_of_it_is_used_up() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let mut receiver = Receiver::start().await;
        let called_back = gateway.charge(&merchant, &json!({"notifyUrl": receiver.url("/callback")})).await;
        gateway.pay(&merchant, &called_back, "35").await;
        gateway.webhook(&merchant, &receiver.url("/hook"), None).await;
        let told = gateway.charge(&merchant, &json!({"notifyPayload": "told"})).await;
        drop(gateway);
        for (charge, table, column) in [(called_back, "merchant_settings", "signing_key"), (told, "webhooks", "secret")]
        {
            // A process of its own, which remembers no credentials.
            let gateway = Gateway::start(database).await;
            if table == "webhooks" {
                cancel(&gateway, &merchant, &charge).await;
            }
            database.execute(&format!("ALTER TABLE {table} RENAME COLUMN {column} TO away")).await.unwrap();
            let workers = gateway.workers();
            eventually("it is given back", async || {
                !is_due(&gateway, Span::millis(0)).await && is_due(&gateway, Span::seconds(5)).await
            })
            .await;
            assert_eq!(delivery(&gateway, &charge, 0).await, ("pending".into(), vec![]));
            assert!(!receiver.has_call());
            database.execute(&format!("ALTER TABLE {table} RENAME COLUMN away TO {column}")).await.unwrap();
            gateway.advance(Span::seconds(5));
            assert_eq!(receiver.next().await.json()["payload"]["chargeId"], charge["id"]);
            eventually("it is recorded", async || delivery(&gateway, &charge, 0).await.0 == "delivered").await;
            let report = &gateway.deliveries(&charge).await[0];
            assert_eq!((report.attempts, delivery(&gateway, &charge, 0).await.1.len()), (1, 1));
            workers.finish(&gateway).await;
        }
    })
    .await;
}

/// A receiver that has refused the first of two notices of one charge, both now waiting.
async fn refused_first(gateway: &Gateway, merchant: &Caller, receiver: &mut Receiver) -> (Value, Workers) {
    receiver.answer(503);
    gateway.webhook(merchant, &receiver.url("/hook"), None).await;
    let charge = gateway.charge(merchant, &json!({})).await;
    gateway.advance(Span::minutes(61));
    let workers = gateway.workers();
    assert!(flows::expire_due_charges(&gateway.app, Environment::Sandbox).await.unwrap() <= 1);
    assert_eq!(receiver.next().await.status(), "expired");
    attempted(gateway, &charge, 0, 1).await;
    assert_eq!(gateway.pay(merchant, &charge, "35").await["reason"], "paid_after_expiry");
    (charge, workers)
}

#[tokio::test]
async fn the_notices_of_one_charge_arrive_in_their_order() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let mut receiver = Receiver::start().await;
        let (charge, workers) = refused_first(&gateway, &merchant, &mut receiver).await;
        // Another charge is not held up.
        receiver.answer(200);
        let other = gateway.charge(&merchant, &json!({"notifyPayload": "other"})).await;
        cancel(&gateway, &merchant, &other).await;
        assert_eq!(receiver.next().await.json()["payload"]["chargeId"], other["id"]);
        eventually("the other is recorded", async || delivery(&gateway, &other, 0).await.0 == "delivered").await;
        assert_eq!(delivery(&gateway, &charge, 1).await.1.len(), 0, "the second waits for the first");
        assert!(!receiver.has_call());
        gateway.advance(Span::seconds(34));
        assert_eq!(receiver.next().await.status(), "expired");
        assert_eq!(receiver.next().await.status(), "completed");
        eventually("all is told", async || delivery(&gateway, &charge, 1).await.0 == "delivered").await;
        let states: Vec<_> = gateway.deliveries(&charge).await.into_iter().map(|found| found.state).collect();
        assert_eq!(states, ["delivered", "delivered"]);
        workers.finish(&gateway).await;
    })
    .await;
}

/// The one webhook endpoint of a merchant.
async fn endpoint(gateway: &Gateway, merchant: &Caller) -> WebhookId {
    gateway.app.store.reader().list_every_webhook(merchant.id(), merchant.environment).await.unwrap()[0].id
}

#[tokio::test]
async fn a_disabled_endpoint_is_told_nothing_more_and_hears_of_new_events_once_it_is_enabled() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let mut receiver = Receiver::start().await;
        let (charge, workers) = refused_first(&gateway, &merchant, &mut receiver).await;
        let id = endpoint(&gateway, &merchant).await;
        flows::disable_webhook(&gateway.app, id, merchant.environment).await.unwrap();
        receiver.answer(200);
        for (n, tries) in [(0, 2), (1, 1)] {
            let (state, attempts) = delivery(&gateway, &charge, n).await;
            let last = attempts.last().unwrap().result.clone();
            assert_eq!((state.as_str(), attempts.len()), ("given_up", tries));
            assert_eq!(last, Err("disabled: the endpoint is out of use".into()));
        }
        let unheard = gateway.charge(&merchant, &json!({"notifyPayload": "unheard"})).await;
        cancel(&gateway, &merchant, &unheard).await;
        assert!(gateway.deliveries(&unheard).await.is_empty());
        flows::enable_webhook(&gateway.app, id, merchant.environment).await.unwrap();
        gateway.advance(Span::days(1));
        let heard = gateway.charge(&merchant, &json!({"notifyPayload": "heard"})).await;
        cancel(&gateway, &merchant, &heard).await;
        assert_eq!(receiver.next().await.json()["payload"]["chargeId"], heard["id"]);
        eventually("it is recorded", async || delivery(&gateway, &heard, 0).await.0 == "delivered").await;
        assert!(!receiver.has_call());
        workers.finish(&gateway).await;
    })
    .await;
}

#[tokio::test]
async fn a_notice_that_was_stored_while_its_endpoint_was_disabled_ends_unsent() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let mut receiver = Receiver::start().await;
        gateway.webhook(&merchant, &receiver.url("/hook"), None).await;
        let charge = gateway.charge(&merchant, &json!({"notifyUrl": receiver.url("/callback")})).await;
        gateway.pay(&merchant, &charge, "35").await;
        spoil(database, "webhooks", "disabled_at = 1", "disabled_at IS NULL").await;
        let workers = gateway.workers();
        assert_eq!(receiver.next().await.path, "/callback");
        workers.finish(&gateway).await;
        let mut ends = Vec::new();
        for found in gateway.deliveries(&charge).await {
            let attempts = gateway.app.store.reader().list_attempts(found.id).await.unwrap();
            ends.push((found.state, attempts.into_iter().map(|attempt| attempt.result).collect::<Vec<_>>()));
        }
        ends.sort();
        let unsent = Err("disabled: the endpoint is out of use".to_owned());
        assert_eq!(ends, [("delivered".to_owned(), vec![Ok(200)]), ("given_up".to_owned(), vec![unsent])]);
        assert!(!receiver.has_call());
    })
    .await;
}

#[tokio::test]
async fn an_address_that_has_become_private_is_blocked_when_connecting() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let canary = Receiver::start().await;
        // Permitted when it was added; no longer permitted when it is called.
        gateway.webhook(&merchant, &canary.url("/hook"), None).await;
        let charge = gateway.charge(&merchant, &json!({})).await;
        let strict = AddressPolicy { allow_plain_http: true, ..AddressPolicy::default() };
        cancel(&gateway, &merchant, &charge).await;
        drop(gateway);
        let gateway = Gateway::start_with(database, Clock::by_hand(START), strict).await;
        let workers = gateway.workers();
        attempted(&gateway, &charge, 0, 1).await;
        let (state, attempts) = delivery(&gateway, &charge, 0).await;
        let error = attempts[0].result.clone().unwrap_err();
        assert!(error.starts_with("blocked_address"), "{error}");
        assert_eq!(state, "pending");
        assert!(!canary.has_call());
        workers.finish_with_leftovers().await;
    })
    .await;
}

#[tokio::test]
async fn a_receiver_that_never_answers_holds_up_nobody_else() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let other = gateway.merchant("Paper Moon", Environment::Sandbox).await;
        let (mut dead, mut alive) = (Receiver::start().await, Receiver::start().await);
        dead.stall();
        gateway.webhook(&merchant, &dead.url("/hook"), None).await;
        gateway.webhook(&other, &alive.url("/hook"), None).await;
        let workers = gateway.workers();
        for n in 0..80 {
            let charge = gateway.charge(&merchant, &json!({"notifyPayload": n.to_string()})).await;
            cancel(&gateway, &merchant, &charge).await;
        }
        dead.next().await;
        for n in 0..10 {
            let charge = gateway.charge(&other, &json!({"notifyPayload": n.to_string()})).await;
            cancel(&gateway, &other, &charge).await;
            assert_eq!(alive.next().await.json()["payload"]["chargeId"], charge["id"]);
        }
        dead.stop();
        workers.finish_with_leftovers().await;
    })
    .await;
}

#[tokio::test]
async fn a_receiver_that_never_answers_holds_up_no_other_merchants_at_its_host() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let other = gateway.merchant("Paper Moon", Environment::Sandbox).await;
        let mut host = Receiver::start().await;
        gateway.webhook(&merchant, &host.url(SILENT_PATH), None).await;
        gateway.webhook(&other, &host.url("/hook"), None).await;
        let workers = gateway.workers();
        for n in 0..80 {
            let charge = gateway.charge(&merchant, &json!({"notifyPayload": n.to_string()})).await;
            cancel(&gateway, &merchant, &charge).await;
        }
        // As many as go to a host of which nothing is known.
        for _ in 0..64 {
            assert_eq!(host.next().await.path, SILENT_PATH);
        }
        for n in 0..10 {
            let charge = gateway.charge(&other, &json!({"notifyPayload": n.to_string()})).await;
            cancel(&gateway, &other, &charge).await;
            let told = host.next().await;
            assert_eq!((told.path.as_str(), &told.json()["payload"]["chargeId"]), ("/hook", &charge["id"]));
        }
        host.stop();
        workers.finish_with_leftovers().await;
    })
    .await;
}

/// A gateway whose live notices may be sent to this machine as well.
async fn calling_this_machine(database: &Database) -> Gateway {
    let here = ["127.0.0.0/8", "::1/128"].map(|network| network.parse().unwrap());
    let live = AddressPolicy { allowed: here.to_vec(), allow_plain_http: true, ..AddressPolicy::default() };
    let addresses = Addresses { sandbox: AddressPolicy::sandbox(), live };
    Gateway::start_calling(database, Clock::by_hand(START), addresses, Terms::default()).await
}

#[tokio::test]
async fn a_merchant_with_many_receivers_that_never_answer_holds_up_no_other_merchants_live_one() {
    on_both_databases(async |database| {
        let (gateway, merchant) = calling_this_machine(database).await.furnished().await;
        gateway.account(Environment::Live, Method::Paynow, "+6585867834", "DN").await;
        let other = gateway.merchant("Paper Moon", Environment::Live).await;
        let mut dead = Vec::new();
        for _ in 0..16 {
            let receiver = Receiver::start().await;
            receiver.stall();
            gateway.webhook(&merchant, &receiver.url("/hook"), None).await;
            dead.push(receiver);
        }
        let mut alive = Receiver::start().await;
        gateway.webhook(&other, &alive.url("/hook"), None).await;
        // More notices than there are calls at once over all hosts.
        for n in 0..50 {
            let charge = gateway.charge(&merchant, &json!({"notifyPayload": n.to_string()})).await;
            cancel(&gateway, &merchant, &charge).await;
        }
        let workers = gateway.workers();
        let called = || dead.iter().map(Receiver::untaken).sum::<usize>();
        // As many as one merchant may have at receivers that have not answered quickly.
        eventually("the calls", async || called() >= 96).await;
        for n in 0..10 {
            let charge = gateway.charge(&other, &json!({"notifyPayload": n.to_string()})).await;
            cancel(&gateway, &other, &charge).await;
            assert_eq!(alive.next().await.json()["payload"]["chargeId"], charge["id"]);
        }
        // The clock stands: what was given back is not due again.
        assert_eq!(called(), 96);
        dead.into_iter().for_each(Receiver::stop);
        workers.finish_with_leftovers().await;
    })
    .await;
}

#[tokio::test]
async fn a_receiver_that_was_told_finds_the_state_that_it_was_told() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let mut receiver = Receiver::start().await;
        gateway.webhook(&merchant, &receiver.url("/hook"), None).await;
        let workers = gateway.workers();
        for n in 0..10 {
            let charge = gateway.charge(&merchant, &json!({"notifyPayload": n.to_string()})).await;
            gateway.pay(&merchant, &charge, "35").await;
            let told = receiver.next().await;
            let shown = gateway.get_charge(&merchant, told.json()["payload"]["chargeId"].as_str().unwrap()).await;
            assert_eq!(shown["status"].as_str(), Some(told.status().as_str()));
            eventually("it is recorded", async || delivery(&gateway, &charge, 0).await.0 == "delivered").await;
        }
        workers.finish(&gateway).await;
    })
    .await;
}
