//! Idempotency keys.

use crate::samples::AWKWARD;
use xanpay_domain::secret::Secret;
use xanpay_domain::time::{Span, Timestamp};
use xanpay_store::{KnownRequest, Store, StoreError};
use xanpay_testkit::{Clock, commit, on_both_databases};

const HASH: &[u8] = &[7; 32];

async fn reserve(store: &Store, owner: &'static str, now: Timestamp) -> bool {
    let forgotten_by = now.minus(Span::hours(24));
    commit!(store, |tx| tx.reserve_request(owner, AWKWARD, HASH, now, forgotten_by).await?).unwrap()
}

#[tokio::test]
async fn a_key_is_reserved_once_per_owner_and_keeps_its_answer() {
    on_both_databases(async |database| {
        let (store, now) = (database.open().await, Clock::default().now());
        assert!(reserve(&store, "a", now).await);
        assert!(!reserve(&store, "a", now).await);
        assert!(reserve(&store, "b", now).await);
        let tx = store.reader();
        let known = |answer: Option<&str>| {
            Some(KnownRequest {
                request_hash: HASH.into(),
                answer: answer.map(|answer| Secret::new(answer.into())),
                created_at: now,
            })
        };
        assert_eq!(tx.find_request("a", AWKWARD).await.unwrap(), known(None));
        commit!(store, |tx| tx.answer_request("a", AWKWARD, AWKWARD).await?).unwrap();
        assert_eq!(tx.find_request("a", AWKWARD).await.unwrap(), known(Some(AWKWARD)));
        assert_eq!(tx.find_request("b", AWKWARD).await.unwrap(), known(None));
        assert_eq!(tx.find_request("c", AWKWARD).await.unwrap(), None);
        let unknown = commit!(store, |tx| tx.answer_request("c", AWKWARD, "").await?);
        assert_eq!(unknown, Err(StoreError::Conflict));
    })
    .await;
}

#[tokio::test]
async fn a_key_counts_as_new_from_the_end_of_its_life() {
    on_both_databases(async |database| {
        let (store, clock) = (database.open().await, Clock::default());
        assert!(reserve(&store, "a", clock.now()).await);
        commit!(store, |tx| tx.answer_request("a", AWKWARD, "old").await?).unwrap();
        clock.advance(Span::hours(24).minus_one());
        assert!(!reserve(&store, "a", clock.now()).await);
        let now = clock.advance(Span::millis(1));
        assert!(reserve(&store, "a", now).await);
        let known = store.reader().find_request("a", AWKWARD).await.unwrap();
        assert_eq!(known, Some(KnownRequest { request_hash: HASH.into(), answer: None, created_at: now }));
    })
    .await;
}

#[tokio::test]
async fn old_keys_are_forgotten_a_thousand_at_a_time() {
    on_both_databases(async |database| {
        let (store, now) = (database.open().await, Clock::default().now());
        commit!(store, |tx| {
            for number in 0..1003_i64 {
                let made = now.plus(Span::millis(number));
                tx.reserve_request("a", &number.to_string(), HASH, made, now.minus(Span::hours(24))).await?;
            }
        })
        .unwrap();
        let made_by = now.plus(Span::millis(1001));
        for forgotten in [1000, 2, 0] {
            assert_eq!(commit!(store, |tx| tx.forget_requests(made_by).await?), Ok(forgotten));
        }
        let tx = store.reader();
        assert_eq!(tx.find_request("a", "1001").await.unwrap(), None);
        assert!(tx.find_request("a", "1002").await.unwrap().is_some());
    })
    .await;
}

trait MinusOne {
    fn minus_one(self) -> Self;
}

impl MinusOne for Span {
    fn minus_one(self) -> Self {
        Span::millis(self.as_millis() - 1)
    }
}
