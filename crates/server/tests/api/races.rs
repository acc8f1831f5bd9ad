//! Many at once: one effect, one answer, money kept.

use crate::support::{Answer, Call, Gateway, gateway::read};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::Barrier;
use tower::ServiceExt;
use xanpay_domain::currency::Currency;
use xanpay_domain::method::Method;
use xanpay_domain::time::Span;
use xanpay_server::directory::Freshness;
use xanpay_server::flows;
use xanpay_store::MerchantChanges;
use xanpay_testkit::{Engine, on_both_databases, row_counts};

/// Sends all calls at the same moment; their answers in their order.
async fn at_once(gateway: &Gateway, calls: Vec<Call>) -> Vec<Answer> {
    at_once_to(calls.into_iter().map(|call| (gateway, call)).collect()).await
}

/// Sends each call to its process, all at the same moment; their answers in their order.
async fn at_once_to(calls: Vec<(&Gateway, Call)>) -> Vec<Answer> {
    let barrier = Arc::new(Barrier::new(calls.len()));
    let tasks: Vec<_> = calls
        .into_iter()
        .map(|(gateway, call)| {
            let (router, barrier) = (gateway.router.clone(), Arc::clone(&barrier));
            tokio::spawn(async move {
                barrier.wait().await;
                read(router.oneshot(call.into_request()).await.unwrap()).await
            })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_simultaneous_checkouts_of_one_session_make_one_charge() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        for round in 1..=5 {
            let session = gateway.session(&merchant, &json!({})).await;
            let id = session["id"].as_str().unwrap();
            let start = |n: usize| {
                let method = if n.is_multiple_of(2) { "paynow" } else { "paynow " };
                let email = format!("customer{n}@example.com");
                Call::post(format!("/checkout/sessions/{id}/start")).form(&[("method", method), ("email", &email)])
            };
            for answer in at_once(&gateway, (0..50).map(start).collect()).await {
                assert_eq!(answer.status, 303, "{answer}");
            }
            let counts = row_counts(database).await;
            assert_eq!(counts["charges"], round);
            let shown = gateway.send(Call::get(format!("/sessions/{id}")).by(&merchant)).await.expect(200).json();
            assert_eq!(shown["status"], "charged");
            gateway.send(Call::get(format!("/sessions/{id}/charge")).by(&merchant)).await.expect(200);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_idempotency_key_sent_twenty_times_at_once_has_one_effect_and_one_answer() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let charge = gateway.charge(&merchant, &json!({})).await;
        let transfer = json!({
            "account": "+6585867834", "amount": 35, "currency": "SGD", "reference": charge["destination"]["nonce"],
        });
        for (path, table, body) in [
            ("/sessions", "sessions", json!({"amount": 35, "currency": "SGD"})),
            (
                "/charges",
                "charges",
                json!({"merchantAmount": 7, "merchantCurrency": "SGD", "method": "paynow", "email": "b@example.com"}),
            ),
            ("/sandbox/transfers", "transfers", transfer),
        ] {
            let before = row_counts(database).await;
            let key = format!("key-of{}", path.replace('/', "-"));
            let call = Call::post(path).by(&merchant).json(&body).header("idempotency-key", &key);
            let answers = at_once(&gateway, vec![call.clone(); 20]).await;
            let first = gateway.send(call.clone()).await.expect(200);
            assert_eq!(first.header("idempotent-replayed"), "true");
            let mut originals = 0;
            for answer in &answers {
                match answer.status {
                    200 => {
                        assert_eq!(answer.body, first.body);
                        originals += usize::from(answer.header("idempotent-replayed").is_empty());
                    }
                    409 => assert_eq!(answer.code(), "idempotency_in_flight"),
                    status => panic!("{status}: {answer}"),
                }
            }
            assert_eq!(originals, 1, "{path}");
            let after = row_counts(database).await;
            assert_eq!(after[table], before[table] + 1, "{path}");
            // The same key with another body is another request.
            let mut other = body.clone();
            other["amount"] = json!(36);
            let call = Call::post(path).by(&merchant).json(&other).header("idempotency-key", &key);
            gateway.send(call).await.expect_problem(422, "idempotency_key_reused");
            assert_eq!(after, row_counts(database).await);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn equal_charge_requests_at_once_find_one_charge() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let body =
            json!({"merchantAmount": 7, "merchantCurrency": "SGD", "method": "paynow", "email": "b@example.com"});
        let answers = at_once(&gateway, vec![Call::post("/charges").by(&merchant).json(&body); 20]).await;
        let ids: BTreeSet<_> = answers.iter().map(|answer| answer.json()["id"].to_string()).collect();
        let fresh = answers.iter().filter(|answer| answer.json()["isDuplicate"] == false).count();
        assert_eq!((ids.len(), fresh), (1, 1));
        assert_eq!(row_counts(database).await["charges"], 1);
    })
    .await;
}

#[tokio::test]
async fn charges_that_come_in_a_row_are_spread_over_the_accounts() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        for account in ["+6591234567", "+6598765432"] {
            gateway.account(merchant.environment, Method::Paynow, account, "DN").await;
        }
        // Long enough after the accounts were added that all are known.
        gateway.app.directory.accounts(&gateway.app.store, merchant.environment, Freshness::Fresh).await.unwrap();
        let mut placed = BTreeMap::new();
        for n in 0..30 {
            let charge = match n % 2 {
                0 => gateway.charge(&merchant, &json!({"notifyPayload": n.to_string()})).await,
                _ => {
                    let session = gateway.session(&merchant, &json!({})).await;
                    gateway.checkout(&merchant, session["id"].as_str().unwrap()).await
                }
            };
            *placed.entry(charge["destination"]["account"].to_string()).or_insert(0) += 1;
        }
        assert_eq!(placed.values().collect::<Vec<_>>(), [&10, &10, &10], "{placed:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn equal_amounts_at_once_from_three_processes_are_all_placed() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        gateway.account(merchant.environment, Method::PromptPay, "0812345678", "DN").await;
        gateway.switch(&merchant, |merchant| merchant.methods.push(Method::PromptPay)).await;
        gateway.rate(Currency::SGD, Currency::THB, "25").await;
        let mut gateways = vec![gateway];
        if database.engine() == Engine::Postgres {
            gateways.push(Gateway::start(database).await);
            gateways.push(Gateway::start(database).await);
        }
        let (mut amounts, mut all) = (BTreeSet::new(), 0);
        for round in 0..8 {
            let call = |n: usize| {
                let body = json!({
                    "merchantAmount": 4, "merchantCurrency": "SGD", "method": "prompt-pay", "email": "b@example.com",
                    "notifyPayload": format!("{round}-{n}"),
                });
                (&gateways[n % gateways.len()], Call::post("/charges").by(&merchant).json(&body))
            };
            for answer in at_once_to((0..60).map(call).collect()).await {
                assert_eq!(answer.status, 200, "round {round}: {answer}");
                amounts.insert(answer.json()["customerAmount"].to_string());
                all += 1;
            }
        }
        assert_eq!(amounts.len(), all, "each has an amount of its own");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cancellation_against_money_ends_in_exactly_one_outcome_and_the_money_is_kept() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        gateway.webhook(&merchant, "https://shop.example/hook", None).await;
        for round in 0..20 {
            let charge = gateway.charge(&merchant, &json!({"notifyPayload": round.to_string()})).await;
            let id = charge["id"].as_str().unwrap();
            let transfer = json!({
                "account": "+6585867834", "amount": 35, "currency": "SGD", "bankReference": format!("B{round}"),
                "reference": charge["destination"]["nonce"],
            });
            let calls = vec![
                Call::patch(format!("/charges/{id}/cancel")).by(&merchant),
                Call::post("/sandbox/transfers").by(&merchant).json(&transfer),
                Call::patch(format!("/charges/{id}/cancel")).by(&merchant),
                Call::post("/sandbox/transfers").by(&merchant).json(&transfer),
            ];
            let answers = at_once(&gateway, calls).await;
            assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
            let cancelled = [0, 2].iter().filter(|n| answers[**n].text() == "true").count();
            let (one, two) = (answers[1].json(), answers[3].json());
            assert_eq!((&one["transferId"], &one["outcome"]), (&two["transferId"], &two["outcome"]));
            assert_ne!(one["duplicate"], two["duplicate"]);
            let status = gateway.get_charge(&merchant, id).await["status"].clone();
            match cancelled {
                0 => assert_eq!((&status, &one["outcome"]), (&json!("completed"), &json!("matched"))),
                1 => assert_eq!((&status, &one["reason"]), (&json!("cancelled"), &json!("cancelled"))),
                _ => panic!("cancelled twice"),
            }
            assert_eq!(gateway.deliveries(&charge).await.len(), 1, "one change of status is one event");
            assert_eq!(row_counts(database).await["transfers"], round + 1);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_processes_on_one_database_credit_one_transfer_once() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        // SQLite has one process; two there are two routers of it.
        let other = match database.engine() {
            Engine::Sqlite => None,
            Engine::Postgres => Some(Gateway::start(database).await),
        };
        let other = other.as_ref().unwrap_or(&gateway);
        for round in 0..5 {
            let charge = gateway.charge(&merchant, &json!({"notifyPayload": round.to_string()})).await;
            let transfer = json!({
                "account": "+6585867834", "amount": 35, "currency": "SGD", "bankReference": format!("B{round}"),
                "reference": charge["destination"]["nonce"],
            });
            let calls = || vec![Call::post("/sandbox/transfers").by(&merchant).json(&transfer); 10];
            let (here, there) = tokio::join!(at_once(&gateway, calls()), at_once(other, calls()));
            let answers: Vec<_> = here.iter().chain(&there).map(Answer::json).collect();
            let fresh = answers.iter().filter(|answer| answer["duplicate"] == false).count();
            assert_eq!(fresh, 1, "{answers:?}");
            assert_eq!(row_counts(database).await["transfers"], round + 1);
            let shown = gateway.get_charge(&merchant, charge["id"].as_str().unwrap()).await;
            assert_eq!(shown["status"], "completed");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_many_move_the_sandboxs_clock_at_once_adds_up() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let other = match database.engine() {
            Engine::Sqlite => None,
            Engine::Postgres => Some(Gateway::start(database).await),
        };
        let other = other.as_ref().unwrap_or(&gateway);
        let mut expected = 0;
        for _ in 0..5 {
            let calls = || vec![Call::post("/sandbox/clock").by(&merchant).json(&json!({"advanceMs": 1000})); 20];
            let (here, there) = tokio::join!(at_once(&gateway, calls()), at_once(other, calls()));
            let told: BTreeSet<_> = here.iter().chain(&there).map(|answer| answer.json()["aheadMs"].as_i64()).collect();
            let each = (1..=40).map(|n| Some(expected + n * 1000)).collect();
            assert_eq!(told, each, "everybody is told a time of their own");
            expected += 40_000;
            for gateway in [&gateway, other] {
                flows::refresh_sandbox_clock(&gateway.app).await.unwrap();
                assert_eq!(gateway.app.clock.sandbox_ahead(), Span::millis(expected));
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_thirty_codes_asked_for_one_phone_at_once_one_is_sent() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        for round in 1..=3 {
            let phone = json!({"phone": {"code": "+65", "phone": format!("9123456{round}")}});
            let ask = |_| Call::post("/customers/phone/verification").by(&merchant).json(&phone);
            let answers = at_once(&gateway, (0..30).map(ask).collect()).await;
            let sent = answers.iter().filter(|answer| answer.status == 200).count();
            let refused = answers.iter().filter(|answer| answer.status == 429).count();
            assert_eq!((sent, refused), (1, 29), "{answers:?}");
            let counts = row_counts(database).await;
            assert_eq!((counts["verifications"], counts["sandbox_messages"]), (round, round));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_code_that_is_asked_for_and_confirmed_twenty_times_at_once_under_one_key_has_one_answer() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let phone = json!({"code": "+65", "phone": "91234567"});
        let same = async |call: Call, key: &str, body: &Value| {
            let call = call.by(&merchant).json(body).header("idempotency-key", key);
            let answers = at_once(&gateway, vec![call.clone(); 20]).await;
            let kept = gateway.send(call).await.expect(200);
            for answer in &answers {
                assert!(answer.status == 409 || answer.status == 200 && answer.body == kept.body, "{answer}");
            }
            let is_original =
                |answer: &&Answer| answer.status == 200 && answer.header("idempotent-replayed").is_empty();
            assert_eq!(answers.iter().filter(is_original).count(), 1);
        };
        same(Call::post("/customers/phone/verification"), "ask", &json!({"phone": phone})).await;
        let inbox = gateway.send(Call::get("/sandbox/messages").by(&merchant)).await.expect(200).json();
        let messages = inbox["data"].as_array().unwrap();
        assert_eq!(messages.len(), 1);
        let otp = &messages[0]["text"].as_str().unwrap()[..6];
        let confirmation = json!({"phone": phone, "code": otp});
        same(Call::new("PUT", "/customers/phone/verification"), "confirm", &confirmation).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn switches_that_are_changed_at_once_are_all_changed() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let second = match database.engine() {
            Engine::Sqlite => Arc::clone(&gateway.app),
            Engine::Postgres => Gateway::start(database).await.app,
        };
        for markup_bp in 1..=20 {
            let secure_mode = markup_bp % 2 == 0;
            let markup = MerchantChanges { markup_bp: Some(markup_bp), ..MerchantChanges::default() };
            let mode = MerchantChanges { secure_mode: Some(secure_mode), ..MerchantChanges::default() };
            let (here, there) = tokio::join!(
                flows::set_merchant(&gateway.app, merchant.id(), merchant.environment, markup),
                flows::set_merchant(&second, merchant.id(), merchant.environment, mode)
            );
            assert_eq!((here.unwrap().markup_bp, there.unwrap().secure_mode), (markup_bp, secure_mode));
            let reader = gateway.app.store.reader();
            let stored = reader.find_merchant(merchant.id(), merchant.environment).await.unwrap().unwrap();
            assert_eq!((stored.markup_bp, stored.secure_mode), (markup_bp, secure_mode));
        }
    })
    .await;
}
