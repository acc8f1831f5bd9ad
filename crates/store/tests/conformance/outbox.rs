//! Deliveries: leases, lanes, attempts.

use crate::samples::event;
use xanpay_domain::charge::Charge;
use xanpay_domain::id::DeliveryId;
use xanpay_domain::time::{Span, Timestamp};
use xanpay_store::{Attempt, ClaimedDelivery, Recipient, Store, Webhook};
use xanpay_testkit::{Database, World, commit, on_both_databases};

const LEASE: Span = Span::minutes(1);

/// A charge whose events go to one webhook and to its own callback.
struct Outbox {
    store: Store,
    world: World,
    charge: Charge,
    webhook: Webhook,
}

impl Outbox {
    async fn new(database: &Database, seed: u64) -> Self {
        let store = database.open().await;
        let world = World::stored(&store, seed).await;
        let charge = world.charge(None);
        let webhook = Webhook {
            id: world.id(),
            merchant_id: world.merchant.id,
            environment: world.merchant.environment,
            url: "https://shop.example/hook".into(),
            basic: None,
            secret: vec![1],
            created_at: world.clock.now(),
            disabled_at: None,
        };
        commit!(store, |tx, charge, webhook| {
            tx.insert_charge(&charge, None, None).await?;
            tx.insert_webhook(&webhook).await?;
        })
        .unwrap();
        Self { store, world, charge, webhook }
    }

    /// Pushes an event; returns the deliveries to the webhook and to the callback.
    async fn push(&self, sequence: i64) -> [DeliveryId; 2] {
        let (store, event) = (&self.store, event(&self.world, &self.charge, sequence));
        let webhook = Recipient { webhook_id: Some(self.webhook.id), url: self.webhook.url.clone() };
        let callback = Recipient { webhook_id: None, url: "https://shop.example/paid".into() };
        let deliveries = [(self.world.id(), webhook), (self.world.id(), callback)];
        commit!(store, |tx, event, deliveries| tx.push_event(&event, &deliveries).await?).unwrap();
        [deliveries[0].0, deliveries[1].0]
    }

    fn now(&self) -> Timestamp {
        self.world.clock.now()
    }

    async fn claim(&self, limit: i64) -> Vec<ClaimedDelivery> {
        let (store, now) = (&self.store, self.now());
        let mut claimed = commit!(store, |tx| tx.claim_deliveries(now, now.plus(LEASE), limit).await?).unwrap();
        claimed.sort_by_key(|delivery| (delivery.sequence, delivery.recipient.webhook_id.is_none()));
        claimed
    }

    async fn claimed_ids(&self) -> Vec<DeliveryId> {
        self.claim(100).await.iter().map(|delivery| delivery.id).collect()
    }

    async fn finish(&self, delivery: &ClaimedDelivery, attempt: Attempt, delivered: bool) {
        let (store, now) = (&self.store, self.now());
        commit!(store, |tx, delivery, attempt| tx.finish_delivery(&delivery, &attempt, delivered, now).await?).unwrap();
    }

    async fn postpone(&self, delivery: &ClaimedDelivery, attempt: Attempt, until: Timestamp) {
        let store = &self.store;
        commit!(store, |tx, delivery, attempt| tx.postpone_delivery(&delivery, &attempt, until).await?).unwrap();
    }

    async fn attempts(&self, id: DeliveryId) -> Vec<Attempt> {
        self.store.reader().list_attempts(id).await.unwrap()
    }

    /// State and count of attempts of a delivery.
    async fn report(&self, id: DeliveryId) -> (String, i64) {
        let reports = self.store.reader().list_deliveries(self.charge.id).await.unwrap();
        let report = reports.into_iter().find(|report| report.id == id).unwrap();
        (report.state, report.attempts)
    }
}

fn answered(at: Timestamp, status: u16) -> Attempt {
    Attempt { attempted_at: at, result: Ok(status), excerpt: "déjà vu".into(), elapsed_ms: 12 }
}

fn broken(at: Timestamp) -> Attempt {
    Attempt { attempted_at: at, result: Err("connection reset".into()), excerpt: String::new(), elapsed_ms: 0 }
}

#[tokio::test]
async fn a_lease_keeps_others_away_until_it_ends() {
    on_both_databases(async |database| {
        let outbox = Outbox::new(database, 1).await;
        let ids = outbox.push(2).await;
        assert_eq!(outbox.claimed_ids().await, ids);
        outbox.world.clock.advance(Span::millis(LEASE.as_millis() - 1));
        assert_eq!(outbox.claimed_ids().await, []);
        outbox.world.clock.advance(Span::millis(1));
        assert_eq!(outbox.claimed_ids().await, ids);
    })
    .await;
}

#[tokio::test]
async fn a_claim_takes_no_more_than_its_limit_and_the_longest_due_first() {
    on_both_databases(async |database| {
        let outbox = Outbox::new(database, 2).await;
        let [webhook, callback] = outbox.push(2).await;
        let [first, second] = [outbox.claim(1).await, outbox.claim(1).await].map(|claimed| claimed[0].clone());
        let mut both = [first.id, second.id];
        both.sort_unstable();
        let mut expected = [webhook, callback];
        expected.sort_unstable();
        assert_eq!(both, expected);
        let (now, store) = (outbox.now(), &outbox.store);
        commit!(store, |tx, first, second| {
            tx.release_delivery(&first, now.plus(Span::seconds(2))).await?;
            tx.release_delivery(&second, now.plus(Span::seconds(1))).await?;
        })
        .unwrap();
        outbox.world.clock.advance(Span::seconds(2));
        assert_eq!(outbox.claim(1).await[0].id, second.id);
        assert_eq!(outbox.claim(1).await[0].id, first.id);
    })
    .await;
}

#[tokio::test]
async fn a_lane_leaves_in_its_sequence_and_lanes_do_not_wait_for_each_other() {
    on_both_databases(async |database| {
        let outbox = Outbox::new(database, 3).await;
        let [late_webhook, late_callback] = outbox.push(4).await;
        let [webhook, callback] = outbox.push(2).await;
        let claimed = outbox.claim(100).await;
        assert_eq!(claimed.iter().map(|delivery| delivery.id).collect::<Vec<_>>(), [webhook, callback]);
        outbox.finish(&claimed[1], answered(outbox.now(), 204), true).await;
        assert_eq!(outbox.claimed_ids().await, [late_callback]);
        outbox.finish(&claimed[0], broken(outbox.now()), false).await;
        assert_eq!(outbox.claimed_ids().await, [late_webhook], "what was given up blocks nobody");
        assert_eq!(outbox.report(callback).await, ("delivered".into(), 1));
        assert_eq!(outbox.report(webhook).await, ("given_up".into(), 1));
        assert_eq!(outbox.report(late_webhook).await, ("pending".into(), 0));
        let tx = outbox.store.reader();
        assert_eq!(tx.count_waiting_deliveries(10).await.unwrap(), 2);
        assert_eq!(tx.count_waiting_deliveries(1).await.unwrap(), 1);
    })
    .await;
}

#[tokio::test]
async fn postponing_pushes_the_whole_lane_and_new_events_of_it() {
    on_both_databases(async |database| {
        let outbox = Outbox::new(database, 4).await;
        let [webhook, _] = outbox.push(2).await;
        let [second, _] = outbox.push(3).await;
        let claimed = outbox.claim(100).await;
        outbox.finish(&claimed[1], answered(outbox.now(), 200), true).await;
        let retry_at = outbox.now().plus(Span::hours(8));
        outbox.postpone(&claimed[0], answered(outbox.now(), 500), retry_at).await;
        let [third, _] = outbox.push(5).await;
        let due = "SELECT next_attempt_at FROM deliveries WHERE id = ";
        for id in [webhook, second, third] {
            let statement = format!(
                "UPDATE deliveries SET url = url WHERE id = '{id}' AND next_attempt_at = {}",
                retry_at.as_millis()
            );
            assert_eq!(database.execute(&statement).await, Ok(1), "{due} {id}");
        }
        outbox.world.clock.advance(Span::millis(Span::hours(8).as_millis() - 1));
        for delivery in outbox.claim(100).await {
            assert_eq!(delivery.recipient.webhook_id, None);
        }
        outbox.world.clock.advance(Span::millis(1));
        let retried = outbox.claim(100).await;
        assert_eq!((retried[0].id, retried[0].attempts), (webhook, 1));
        outbox.finish(&retried[0], answered(outbox.now(), 200), true).await;
        assert!(outbox.claimed_ids().await.contains(&second));
    })
    .await;
}

#[tokio::test]
async fn what_waits_behind_a_delivery_that_was_given_back_is_not_looked_at_before_it() {
    on_both_databases(async |database| {
        let outbox = Outbox::new(database, 10).await;
        let first = outbox.push(2).await;
        outbox.push(3).await;
        let (store, again) = (&outbox.store, outbox.now().plus(Span::seconds(30)));
        for delivery in outbox.claim(100).await {
            commit!(store, |tx, delivery| tx.release_delivery(&delivery, again).await?).unwrap();
        }
        let tx = outbox.store.reader();
        assert!(!tx.has_due_deliveries(again.minus(Span::millis(1))).await.unwrap());
        outbox.world.clock.advance(Span::seconds(30));
        assert_eq!(outbox.claimed_ids().await, first);
    })
    .await;
}

#[tokio::test]
async fn what_comes_while_a_retry_is_on_its_way_leaves_as_soon_as_the_retry_has_ended() {
    on_both_databases(async |database| {
        for (seed, delivered) in [(8, true), (9, false)] {
            let outbox = Outbox::new(database, seed).await;
            outbox.push(2).await;
            let wait = Span::seconds(30);
            for delivery in outbox.claim(100).await {
                outbox.postpone(&delivery, broken(outbox.now()), outbox.now().plus(wait)).await;
            }
            outbox.world.clock.advance(wait);
            let retries = outbox.claim(100).await;
            let [webhook, callback] = outbox.push(3).await;
            outbox.world.clock.advance(Span::millis(50));
            outbox.finish(&retries[0], answered(outbox.now(), 200), delivered).await;
            assert_eq!(outbox.claimed_ids().await, [webhook]);
            assert_eq!(outbox.claimed_ids().await, [], "and is leased");
            outbox.finish(&retries[1], answered(outbox.now(), 200), delivered).await;
            assert_eq!(outbox.claimed_ids().await, [callback]);
        }
    })
    .await;
}

#[tokio::test]
async fn attempts_are_kept_in_order_with_what_they_brought() {
    on_both_databases(async |database| {
        let outbox = Outbox::new(database, 5).await;
        let [webhook, _] = outbox.push(2).await;
        let mut expected = Vec::new();
        for number in 0..3 {
            let delivery = outbox.claim(100).await.remove(0);
            assert_eq!((delivery.id, delivery.attempts), (webhook, number));
            let attempt = if number == 1 { broken(outbox.now()) } else { answered(outbox.now(), 599) };
            let until = outbox.now().plus(LEASE);
            outbox.postpone(&delivery, attempt.clone(), until).await;
            expected.push(attempt);
            outbox.world.clock.advance(LEASE);
        }
        assert_eq!(outbox.attempts(webhook).await, expected);
        assert_eq!(outbox.report(webhook).await, ("pending".into(), 3));
    })
    .await;
}

#[tokio::test]
async fn a_worker_whose_lease_ran_out_leaves_its_attempt_and_moves_nothing() {
    on_both_databases(async |database| {
        let outbox = Outbox::new(database, 6).await;
        let [webhook, _] = outbox.push(2).await;
        let slow = outbox.claim(100).await.remove(0);
        outbox.world.clock.advance(LEASE);
        let holder = outbox.claim(100).await.remove(0);
        let (began, store) = (outbox.now(), &outbox.store);
        commit!(store, |tx, slow| tx.release_delivery(&slow, began).await?).unwrap();
        outbox.postpone(&slow, broken(began), began).await;
        outbox.finish(&slow, broken(began), false).await;
        assert_eq!(outbox.claimed_ids().await, [], "the lease still stands");
        assert_eq!(outbox.report(webhook).await, ("pending".into(), 0));
        outbox.postpone(&holder, answered(began, 503), began).await;
        assert_eq!(outbox.attempts(webhook).await, [broken(began), broken(began), answered(began, 503)]);
        assert_eq!(outbox.report(webhook).await, ("pending".into(), 1));
    })
    .await;
}

#[tokio::test]
async fn a_late_success_ends_a_delivery_that_another_worker_holds() {
    on_both_databases(async |database| {
        let outbox = Outbox::new(database, 7).await;
        let [webhook, _] = outbox.push(2).await;
        let slow = outbox.claim(100).await.remove(0);
        outbox.world.clock.advance(LEASE);
        let holder = outbox.claim(100).await.remove(0);
        let now = outbox.now();
        outbox.finish(&slow, answered(now, 200), true).await;
        outbox.postpone(&holder, answered(now, 500), now).await;
        assert_eq!(outbox.report(webhook).await, ("delivered".into(), 1));
        assert_eq!(outbox.attempts(webhook).await, [answered(now, 200), answered(now, 500)]);
        assert_eq!(outbox.claimed_ids().await, []);
    })
    .await;
}

#[tokio::test]
async fn what_waits_for_an_endpoint_is_ended_page_by_page_leased_or_not_and_nothing_else_is() {
    on_both_databases(async |database| {
        let outbox = Outbox::new(database, 8).await;
        let [[first, callback], [second, _], [third, _]] =
            [outbox.push(2).await, outbox.push(3).await, outbox.push(4).await];
        let held = outbox.claim(100).await;
        assert_eq!(held.iter().map(|delivery| delivery.id).collect::<Vec<_>>(), [first, callback]);
        let (store, now, webhook) = (&outbox.store, outbox.now(), outbox.webhook.id);
        for expected in [2, 1, 0] {
            let unmade = broken(now);
            assert_eq!(commit!(store, |tx, unmade| tx.end_deliveries(webhook, &unmade, 2).await?), Ok(expected));
        }
        // The call that was under way comes back.
        outbox.postpone(&held[0], answered(now, 500), now).await;
        for (id, expected) in [(first, vec![broken(now), answered(now, 500)]), (third, vec![broken(now)])] {
            assert_eq!(outbox.report(id).await, ("given_up".into(), 1));
            assert_eq!(outbox.attempts(id).await, expected);
        }
        assert_eq!(outbox.report(second).await, ("given_up".into(), 1));
        assert_eq!((outbox.report(callback).await, outbox.attempts(callback).await), (("pending".into(), 0), vec![]));
    })
    .await;
}
