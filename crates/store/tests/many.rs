//! Callers that want the same statement at the same moment: on PostgreSQL they share one, and nobody can tell.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed set-up is a failed test")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use xanpay_domain::id::{ChargeId, DeliveryKind};
use xanpay_domain::time::Span;
use xanpay_store::{Attempt, Event, Recipient, Store, StoreError};
use xanpay_testkit::{Database, World, commit, on_both_databases};

const CALLERS: usize = 60;

/// Runs all at once and collects what they bring, in the order of their numbers.
async fn at_once<T, Fut>(store: &Arc<Store>, caller: impl Fn(Arc<Store>, usize) -> Fut) -> Vec<T>
where
    T: Send + 'static,
    Fut: Future<Output = T> + Send + 'static,
{
    let mut running: JoinSet<(usize, T)> = JoinSet::new();
    for number in 0..CALLERS {
        let call = caller(Arc::clone(store), number);
        running.spawn(async move { (number, call.await) });
    }
    let mut brought = running.join_all().await;
    brought.sort_by_key(|(number, _)| *number);
    brought.into_iter().map(|(_, value)| value).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_of_many_inserts_is_told_its_own_fate() {
    on_both_databases(async |database| {
        let store = Arc::new(database.open().await);
        let world = World::stored(&store, 1).await;
        for _ in 0..20 {
            // Every nonce is wanted by three.
            let nonces: Vec<String> = (0..CALLERS / 3).map(|_| world.charge(None).destination.nonce).collect();
            let answers = at_once(&store, |store, number| {
                let mut charge = world.charge(None);
                charge.destination.nonce.clone_from(&nonces[number % nonces.len()]);
                let id = charge.id;
                async move { (id, commit!(store, |tx, charge| tx.insert_charge(&charge, None, None).await?).unwrap()) }
            })
            .await;
            let tx = store.reader();
            for (id, inserted) in &answers {
                assert_eq!(tx.find_charge(*id).await.unwrap().is_some(), *inserted);
            }
            assert_eq!(answers.iter().filter(|(_, inserted)| *inserted).count(), nonces.len());
        }
    })
    .await;
}

/// A commit begins the next transaction when somebody waits for it; when nobody is left, it must not stay open.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_transaction_is_left_open_after_a_rush() {
    let database = Database::postgres().await;
    let store = Arc::new(database.open().await);
    let world = World::stored(&store, 1).await;
    let client = database.client().await;
    for _ in 0..20 {
        let answers = at_once(&store, |store, _| {
            let session = world.session();
            async move { commit!(store, |tx, session| tx.insert_session(&session).await?) }
        })
        .await;
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        let open = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() \
            AND state LIKE 'idle in transaction%'";
        let mut looks = 0;
        while client.query_one(open, &[]).await.unwrap().get::<_, i64>(0) > 0 {
            looks += 1;
            assert!(looks < 1000, "a transaction is left open");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// A newer node migrates while an older one writes: its inserts name every column of the table that they knew.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_table_that_gets_another_column_goes_on_taking_rows() {
    let database = Database::postgres().await;
    let store = Arc::new(database.open().await);
    let world = World::stored(&store, 1).await;
    let client = database.client().await;
    for number in 0..4 {
        let answers = at_once(&store, |store, _| {
            let charge = world.charge(None);
            async move { commit!(store, |tx, charge| tx.insert_charge(&charge, None, None).await?) }
        })
        .await;
        for answer in answers {
            assert!(answer.as_ref().is_ok_and(|inserted| *inserted), "{answer:?}");
        }
        let change = ["ADD COLUMN later TEXT", "ADD COLUMN last BIGINT", "DROP COLUMN later", "DROP COLUMN last"];
        client.batch_execute(&format!("ALTER TABLE charges {}", change[number])).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_of_many_readers_gets_its_own_row_or_none() {
    on_both_databases(async |database| {
        let store = Arc::new(database.open().await);
        let world = World::stored(&store, 2).await;
        let sessions: Vec<_> = (0..CALLERS).map(|_| world.session()).collect();
        let (first, stored) = (&store, sessions.iter().step_by(2).cloned().collect::<Vec<_>>());
        commit!(first, |tx, stored| {
            for session in &stored {
                tx.insert_session(session).await?;
            }
        })
        .unwrap();
        for _ in 0..20 {
            let found = at_once(&store, |store, number| {
                let id = sessions[number].id;
                async move { store.reader().find_session(id).await.unwrap() }
            })
            .await;
            for (number, session) in sessions.iter().enumerate() {
                assert_eq!(found[number].as_ref(), (number % 2 == 0).then_some(session), "caller {number}");
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_has_committed_reads_it_however_many_read_at_once() {
    on_both_databases(async |database| {
        let store = Arc::new(database.open().await);
        let world = World::stored(&store, 2).await;
        for _ in 0..20 {
            let read = at_once(&store, |store, _| {
                let session = world.session();
                async move {
                    let (written, id) = (&store, session.id);
                    commit!(written, |tx, session| tx.insert_session(&session).await?).unwrap();
                    store.reader().find_session(id).await.unwrap().is_some()
                }
            })
            .await;
            assert!(read.iter().all(|found| *found), "{read:?}");
        }
    })
    .await;
}

/// An event of a charge and its one delivery.
fn event(world: &World, charge: ChargeId, sequence: i64) -> (Event, [(xanpay_domain::id::DeliveryId, Recipient); 1]) {
    let event = Event {
        id: world.id(),
        merchant_id: world.merchant.id,
        environment: world.merchant.environment,
        charge_id: charge,
        sequence,
        body: "{}".into(),
        created_at: world.clock.now(),
    };
    (event, [(world.id::<DeliveryKind>(), Recipient { webhook_id: None, url: "https://shop.example".into() })])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn attempts_of_one_delivery_are_all_kept_and_numbered_apart() {
    on_both_databases(async |database| {
        let store = Arc::new(database.open().await);
        let world = World::stored(&store, 3).await;
        let charge = world.charge(None);
        let (first, pushed, now) = (&store, event(&world, charge.id, 1), world.clock.now());
        let claimed = commit!(first, |tx, charge, pushed| {
            tx.insert_charge(&charge, None, None).await?;
            tx.push_event(&pushed.0, &pushed.1).await?;
            tx.claim_deliveries(now, now.plus(Span::minutes(1)), 9).await?
        })
        .unwrap()
        .remove(0);
        let answers = at_once(&store, |store, number| {
            let elapsed_ms = i64::try_from(number).unwrap();
            let attempt = Attempt { attempted_at: now, result: Ok(500), excerpt: String::new(), elapsed_ms };
            let delivery = claimed.clone();
            async move {
                commit!(store, |tx, delivery, attempt| {
                    tx.postpone_delivery(&delivery, &attempt, now.plus(Span::minutes(5))).await?;
                })
            }
        })
        .await;
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        let kept = store.reader().list_attempts(claimed.id).await.unwrap();
        let kept: BTreeSet<i64> = kept.iter().map(|attempt| attempt.elapsed_ms).collect();
        assert_eq!(kept.len(), CALLERS);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_row_that_the_database_refuses_fails_alone_among_many() {
    on_both_databases(async |database| {
        let store = Arc::new(database.open().await);
        let world = World::stored(&store, 4).await;
        let charge = world.charge(None);
        let (first, known, unknown) = (&store, charge.id, world.charge(None).id);
        commit!(first, |tx, charge| tx.insert_charge(&charge, None, None).await?).unwrap();
        let answers = at_once(&store, |store, number| {
            let charge = if number % 20 == 7 { unknown } else { known };
            let pushed = event(&world, charge, i64::try_from(number).unwrap());
            async move { commit!(store, |tx, pushed| tx.push_event(&pushed.0, &pushed.1).await?) }
        })
        .await;
        for (number, answer) in answers.iter().enumerate() {
            match answer {
                Ok(()) => assert_ne!(number % 20, 7, "an event of no charge was taken"),
                Err(StoreError::Driver(reason)) => {
                    assert_eq!(number % 20, 7, "{reason}");
                    assert!(reason.to_lowercase().contains("foreign key"), "{reason}");
                }
                Err(error) => panic!("{error}"),
            }
        }
        let deliveries = store.reader().list_deliveries(known).await.unwrap();
        assert_eq!(deliveries.len(), CALLERS - 3);
    })
    .await;
}
