//! Many at once, on both databases; on PostgreSQL several stores stand for several gateway processes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed set-up is a failed test")]

use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::Barrier;
use xanpay_domain::charge::{Charge, ChargeCommand, ChargeState, ChargeStatus};
use xanpay_domain::exchange::{Rate, RateEntry};
use xanpay_domain::id::{ChargeId, CustomerId, DeliveryId, DeliveryKind};
use xanpay_domain::linking::Feed;
use xanpay_domain::money::Money;
use xanpay_domain::session::{SessionCommand, SessionState};
use xanpay_domain::time::{Span, Timestamp};
use xanpay_domain::transfer::{Booked, ReportedTransfer, Transfer};
use xanpay_store::{ClaimedDelivery, Event, PairRate, Recipient, Store, StoreError, Tx};
use xanpay_testkit::{Database, Engine, World, commit, on_both_databases};

const CLIENTS: usize = 50;

/// The gateway's processes on one database: SQLite has one.
async fn processes(database: &Database) -> Vec<Arc<Store>> {
    let count = match database.engine() {
        Engine::Sqlite => 1,
        Engine::Postgres => 3,
    };
    let mut stores = Vec::new();
    for _ in 0..count {
        stores.push(Arc::new(database.open().await));
    }
    stores
}

/// Runs `client` with the numbers below `count` at the same moment, spread over the processes, and collects the answers.
async fn at_once<T, Fut>(stores: &[Arc<Store>], count: usize, client: impl Fn(Arc<Store>, usize) -> Fut) -> Vec<T>
where
    T: Send + 'static,
    Fut: Future<Output = T> + Send + 'static,
{
    let barrier = Arc::new(Barrier::new(count));
    let clients: Vec<_> = (0..count)
        .map(|number| {
            let (running, barrier) = (client(Arc::clone(&stores[number % stores.len()]), number), Arc::clone(&barrier));
            tokio::spawn(async move {
                barrier.wait().await;
                running.await
            })
        })
        .collect();
    let mut answers = Vec::new();
    for client in clients {
        answers.push(client.await.unwrap());
    }
    answers
}

/// What starting a checkout does in the store: the session's one charge, whoever is first.
async fn start(tx: &Tx, charge: &Charge, now: Timestamp) -> Result<ChargeId, StoreError> {
    let session_id = charge.session_id.unwrap();
    let (session, version) = tx.lock_session(session_id).await?.ok_or(StoreError::Conflict)?;
    let Ok(state) = session.state.decide(SessionCommand::Charge(charge.id), now) else {
        let found = tx.find_charge_of_session(session_id).await?.ok_or(StoreError::Conflict)?;
        return Ok(found.id);
    };
    if !tx.insert_charge(charge, None, None).await? {
        return Err(StoreError::Conflict);
    }
    tx.save_session(session_id, state, now, version).await?;
    Ok(charge.id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_starts_of_one_session_make_one_charge_that_all_are_told() {
    on_both_databases(async |database| {
        let stores = processes(database).await;
        let world = World::stored(&stores[0], 1).await;
        for round in 0..20 {
            let session = world.session();
            let first = &stores[0];
            commit!(first, |tx, session| tx.insert_session(&session).await?).unwrap();
            let now = world.clock.now();
            let answers = at_once(&stores, CLIENTS, |store, _| {
                let charge = world.charge(Some(session.id));
                async move { commit!(store, |tx, charge| start(&tx, &charge, now).await?) }
            })
            .await;
            let tx = first.reader();
            let winner = tx.find_charge_of_session(session.id).await.unwrap().unwrap().id;
            assert!(answers.iter().all(|answer| *answer == Ok(winner)), "round {round}: {answers:?}");
            let stored = tx.find_session(session.id).await.unwrap().unwrap();
            assert_eq!(stored.state, SessionState::Charged { charge_id: winner });
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_commands_to_a_session_one_decides_and_the_rest_are_refused() {
    on_both_databases(async |database| {
        let stores = processes(database).await;
        let world = World::stored(&stores[0], 2).await;
        for _ in 0..20 {
            let session = world.session();
            let (first, id, now) = (&stores[0], session.id, world.clock.now());
            commit!(first, |tx, session| tx.insert_session(&session).await?).unwrap();
            let answers = at_once(&stores, CLIENTS, |store, number| async move {
                commit!(store, |tx| {
                    let (session, version) = tx.lock_session(id).await?.ok_or(StoreError::Conflict)?;
                    let command = if number % 2 == 0 {
                        SessionCommand::Cancel
                    } else {
                        SessionCommand::Charge(ChargeId::new(now, (number as u64).to_be_bytes()))
                    };
                    match session.state.decide(command, now) {
                        Ok(state) => {
                            tx.save_session(id, state, now, version).await?;
                            Some(state)
                        }
                        Err(_) => None,
                    }
                })
                .unwrap()
            })
            .await;
            let winners: Vec<SessionState> = answers.into_iter().flatten().collect();
            let stored = first.reader().find_session(id).await.unwrap().unwrap();
            assert_eq!(winners, [stored.state]);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_nonce_a_fingerprint_and_a_session_each_get_one_charge() {
    on_both_databases(async |database| {
        let stores = processes(database).await;
        let world = World::stored(&stores[0], 3).await;
        for round in 0..30 {
            let (shared, session, first) = (world.charge(None), world.session(), &stores[0]);
            commit!(first, |tx, session| tx.insert_session(&session).await?).unwrap();
            let fingerprint: [u8; 16] = world.entropy.bytes();
            let inserted = at_once(&stores, CLIENTS, |store, _| {
                let mut charge = world.charge(None);
                let fingerprint = (round % 3 == 0).then_some(fingerprint);
                match round % 3 {
                    0 => {}
                    1 => charge.destination.nonce.clone_from(&shared.destination.nonce),
                    _ => charge.session_id = Some(session.id),
                }
                async move {
                    commit!(store, |tx, charge| tx.insert_charge(&charge, fingerprint.as_ref(), None).await?).unwrap()
                }
            })
            .await;
            assert_eq!(inserted.iter().filter(|inserted| **inserted).count(), 1, "round {round}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_customer_a_setting_an_idempotency_key_and_a_transfer_are_made_once() {
    on_both_databases(async |database| {
        let stores = processes(database).await;
        let world = World::stored(&stores[0], 4).await;
        let (now, merchant) = (world.clock.now(), world.merchant.clone());
        for round in 0..10 {
            let answers = at_once(&stores, CLIENTS, |store, number| {
                let (merchant, fresh) = (merchant.clone(), world.id::<xanpay_domain::id::CustomerKind>());
                let transfer = transfer(&world, &format!("ref:{round}"));
                async move {
                    let name = format!("{round}");
                    commit!(store, |tx, merchant, transfer, name| {
                        let customer =
                            tx.find_or_insert_customer(merchant.id, merchant.environment, &name, fresh, now).await?;
                        let setting = tx.insert_setting(&name, &number.to_string()).await?;
                        let begun = now.minus(Span::hours(24));
                        let reserved = tx.reserve_request("owner", &name, &[1], now, begun).await?;
                        let known =
                            tx.find_transfer_by_report(transfer.book_id, transfer.feed, &transfer.identity).await?;
                        if known.is_none() {
                            tx.insert_transfer(&transfer).await?;
                        }
                        (customer, setting, reserved, known.is_none())
                    })
                    .unwrap()
                }
            })
            .await;
            let customers: Vec<CustomerId> = answers.iter().map(|answer| answer.0).collect();
            assert!(customers.iter().all(|customer| *customer == customers[0]));
            assert!(answers.iter().all(|answer| answer.1 == answers[0].1));
            assert_eq!(answers.iter().filter(|answer| answer.2).count(), 1);
            assert_eq!(answers.iter().filter(|answer| answer.3).count(), 1);
        }
    })
    .await;
}

fn transfer(world: &World, identity: &str) -> Transfer {
    let now = world.clock.now();
    Transfer {
        id: world.id(),
        account_id: world.account.id,
        book_id: world.account.id,
        reported: ReportedTransfer {
            amount: world.session().amount,
            booked: Booked::At(now),
            texts: vec!["PAYNOW".into()],
            bank_reference: None,
            end_to_end_id: None,
            payer_name: None,
            payer_account: None,
            reversal: false,
        },
        source: "api".into(),
        feed: Feed::Reported,
        identity: identity.into(),
        subject: String::new(),
        received_at: now,
        outcome: xanpay_domain::matching::Outcome::Unmatched,
        reason: xanpay_domain::matching::Reason::NoReference,
        charge_id: None,
    }
}

async fn decide(store: &Store, id: ChargeId, command: ChargeCommand, now: Timestamp) -> Option<ChargeStatus> {
    commit!(store, |tx| {
        let locked = tx.lock_charge(id).await?.ok_or(StoreError::Conflict)?;
        match locked.charge.decide(command, now) {
            Ok((next, _)) => {
                tx.save_charge(&next, locked.version).await?;
                Some(next.state.status())
            }
            Err(_) => None,
        }
    })
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn cancel_expiry_and_money_on_one_charge_end_in_one_outcome_with_the_money_kept() {
    on_both_databases(async |database| {
        let stores = processes(database).await;
        let world = World::stored(&stores[0], 5).await;
        for _ in 0..20 {
            let charge = world.charge(None);
            let (first, id, amount) = (&stores[0], charge.id, charge.customer_amount);
            commit!(first, |tx, charge| tx.insert_charge(&charge, None, None).await?).unwrap();
            let (before, after) = (charge.created_at, charge.expires_at);
            let answers = at_once(&stores, 24, |store, number| async move {
                let (command, now) = match number % 3 {
                    0 => (ChargeCommand::Cancel, before),
                    1 => (ChargeCommand::Expire, after),
                    _ => (ChargeCommand::Credit { money: amount, booked_from: before }, before),
                };
                (number % 3, decide(&store, id, command, now).await)
            })
            .await;
            let stored = first.reader().find_charge(id).await.unwrap().unwrap();
            let accepted = |kind| answers.iter().filter(|(of, status)| *of == kind && status.is_some()).count();
            let credits = i64::try_from(accepted(2)).unwrap();
            assert_eq!(stored.received, Money::from_minor(credits * amount.minor(), amount.currency()).unwrap());
            // An expiry may be followed by late money; apart from that exactly one of the three has happened.
            match stored.state {
                ChargeState::Cancelled { .. } => assert_eq!((accepted(0), accepted(1), credits), (1, 0, 0)),
                ChargeState::Expired { .. } => assert_eq!((accepted(0), accepted(1), credits), (0, 1, 0)),
                ChargeState::Completed { paid_late, .. } => {
                    assert_eq!((accepted(0), accepted(1)), (0, usize::from(paid_late)));
                    assert_eq!(credits, 8, "every transfer counts");
                }
                ChargeState::Pending => panic!("somebody must have won"),
            }
        }
    })
    .await;
}

/// Deliveries of as many charges, all due.
async fn fill_outbox(store: &Store, world: &World, count: usize) {
    let rows: Vec<_> = (0..count)
        .map(|_| {
            let charge = world.charge(None);
            let event = Event {
                id: world.id(),
                merchant_id: charge.merchant_id,
                environment: charge.environment,
                charge_id: charge.id,
                sequence: 2,
                body: "{}".into(),
                created_at: world.clock.now(),
            };
            let recipient = Recipient { webhook_id: None, url: "https://shop.example".into() };
            (charge, event, [(world.id::<DeliveryKind>(), recipient)])
        })
        .collect();
    commit!(store, |tx, rows| {
        for (charge, event, deliveries) in &rows {
            tx.insert_charge(charge, None, None).await?;
            tx.push_event(event, deliveries).await?;
        }
    })
    .unwrap();
}

const WAITING: usize = 2000;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_workers_claim_each_delivery_exactly_once() {
    on_both_databases(async |database| {
        let stores = processes(database).await;
        let world = World::stored(&stores[0], 6).await;
        fill_outbox(&stores[0], &world, WAITING).await;
        let (now, leased_until) = (world.clock.now(), world.clock.now().plus(Span::minutes(1)));
        let claimed = at_once(&stores, 8, |store, _| async move {
            let mut mine: Vec<ClaimedDelivery> = Vec::new();
            loop {
                let page = commit!(store, |tx| tx.claim_deliveries(now, leased_until, 50).await?).unwrap();
                // Another worker may have been faster with the same page: only an empty outbox ends the work.
                if page.is_empty() && nothing_due(&store, now).await {
                    return mine;
                }
                mine.extend(page);
            }
        })
        .await;
        let mut times: HashMap<DeliveryId, usize> = HashMap::new();
        claimed.iter().flatten().for_each(|delivery| *times.entry(delivery.id).or_default() += 1);
        assert_eq!(times.len(), WAITING);
        assert_eq!(times.values().sum::<usize>(), WAITING);
    })
    .await;
}

/// Whether a claim that nobody disturbs finds nothing; what it finds it gives back.
async fn nothing_due(store: &Store, now: Timestamp) -> bool {
    let found = commit!(store, |tx| {
        let found = tx.claim_deliveries(now, now.plus(Span::minutes(2)), 1).await?;
        for delivery in &found {
            tx.release_delivery(delivery, now).await?;
        }
        found.len()
    });
    found.unwrap() == 0
}

/// The control of the test above: a lease that does not repeat its condition in the outer WHERE. Eight workers of
/// PostgreSQL then take the same rows, which the count of claims shows.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_lease_without_its_condition_repeated_is_noticed_on_postgresql() {
    const CARELESS: &str = "UPDATE deliveries SET next_attempt_at = $1 WHERE id IN (SELECT id FROM deliveries \
        WHERE state = 'pending' AND next_attempt_at <= $2 ORDER BY next_attempt_at LIMIT 50) RETURNING id";
    let database = Database::postgres().await;
    let store = database.open().await;
    let world = World::stored(&store, 7).await;
    fill_outbox(&store, &world, WAITING).await;
    let (now, leased_until) = (world.clock.now().as_millis(), world.clock.now().plus(Span::minutes(1)).as_millis());
    let barrier = Arc::new(Barrier::new(8));
    let mut workers = Vec::new();
    for _ in 0..8 {
        let (client, barrier) = (database.client().await, Arc::clone(&barrier));
        workers.push(tokio::spawn(async move {
            let mut claims = 0;
            barrier.wait().await;
            loop {
                match client.query(CARELESS, &[&leased_until, &now]).await {
                    Ok(rows) if rows.is_empty() => return claims,
                    Ok(rows) => claims += rows.len(),
                    // Two careless leases may lock each other's rows; the database ends one of them.
                    Err(error) => assert_eq!(error.code().unwrap().code(), "40P01"),
                }
            }
        }));
    }
    let mut claims = 0;
    for worker in workers {
        claims += worker.await.unwrap();
    }
    assert!(claims > WAITING, "the control took {claims} claims for {WAITING} deliveries");
}

/// The control of the races on states: loading by SELECT and saving without a version loses updates.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_update_without_a_version_is_noticed_on_postgresql() {
    let database = Database::postgres().await;
    let store = database.open().await;
    let world = World::stored(&store, 8).await;
    let charge = world.charge(None);
    commit!(store, |tx, charge| tx.insert_charge(&charge, None, None).await?).unwrap();
    let id = charge.id.to_text();
    let mut workers = Vec::new();
    let barrier = Arc::new(Barrier::new(8));
    for _ in 0..8 {
        let (client, barrier, id) = (database.client().await, Arc::clone(&barrier), id.clone());
        workers.push(tokio::spawn(async move {
            barrier.wait().await;
            for _ in 0..50 {
                let row = client.query_one("SELECT updated_at FROM charges WHERE id = $1", &[&id]).await.unwrap();
                let next = row.get::<_, i64>(0) + 1;
                client.execute("UPDATE charges SET updated_at = $1 WHERE id = $2", &[&next, &id]).await.unwrap();
            }
        }));
    }
    for worker in workers {
        worker.await.unwrap();
    }
    let stored = store.reader().find_charge(charge.id).await.unwrap().unwrap();
    assert!(stored.updated_at.since(charge.updated_at) < Span::millis(400), "the control kept all 400 updates");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_rates_that_are_saved_at_once_the_newest_stays() {
    on_both_databases(async |database| {
        let stores = processes(database).await;
        let now = Timestamp::from_millis(1_788_955_200_000);
        for round in 0..5 {
            let rate = move |number: usize| PairRate {
                base: "HKD".parse().unwrap(),
                quote: "SGD".parse().unwrap(),
                entry: RateEntry {
                    source: format!("source {round}"),
                    rate: Rate::parse(&(number + 1).to_string()).unwrap(),
                    as_of: now.plus(Span::millis(i64::try_from(number).unwrap())),
                },
            };
            let saved = at_once(&stores, CLIENTS, |store, number| async move {
                let rate = rate(number);
                commit!(store, |tx, rate| tx.save_rate(&rate, Timestamp::from_millis(i64::MAX)).await?).unwrap()
            })
            .await;
            assert!(saved[CLIENTS - 1], "nothing is newer than the newest");
            let stored = stores[0].reader().list_rates().await.unwrap();
            assert_eq!(stored.last(), Some(&rate(CLIENTS - 1)));
        }
    })
    .await;
}
