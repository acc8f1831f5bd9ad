//! What a transaction may rely on, on either database and in any company.

use std::sync::{Arc, Mutex};
use xanpay_domain::id::SessionId;
use xanpay_domain::session::{Session, SessionState};
use xanpay_store::{Store, StoreError, Tx, TxError};
use xanpay_testkit::{World, commit, on_both_databases};

/// What a flow may answer besides a storage error.
#[derive(Debug, PartialEq)]
enum Refused {
    Store(StoreError),
    ByTheRules,
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl TxError for Refused {
    fn store_error(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            Self::ByTheRules => None,
        }
    }
}

async fn is_there(store: &Store, id: SessionId) -> bool {
    store.reader().find_session(id).await.unwrap().is_some()
}

/// What the clients of the next test do with the session that they insert.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Ending {
    Commit,
    RefuseAfterWriting,
    RefuseAfterLocking,
    RefuseAtOnce,
    RefuseAfterFailing,
    Conflict,
    Swallow,
    RefuseAfterSwallowing,
    Panic,
}

const ENDINGS: [Ending; 9] = [
    Ending::Commit,
    Ending::RefuseAfterWriting,
    Ending::RefuseAfterLocking,
    Ending::RefuseAtOnce,
    Ending::RefuseAfterFailing,
    Ending::Conflict,
    Ending::Swallow,
    Ending::RefuseAfterSwallowing,
    Ending::Panic,
];

async fn end(tx: &Tx, world: &World, id: SessionId, ending: Ending) -> Result<(), Refused> {
    let session = Session { id, ..world.session() };
    if ending == Ending::RefuseAfterFailing {
        // Nobody's session: a statement fails before anything is written.
        let _ = tx.insert_session(&Session { merchant_id: world.id(), ..session.clone() }).await;
    }
    if matches!(ending, Ending::RefuseAtOnce | Ending::RefuseAfterFailing) {
        return Err(Refused::ByTheRules);
    }
    tx.insert_session(&session).await?;
    match ending {
        Ending::Commit | Ending::RefuseAtOnce | Ending::RefuseAfterFailing => Ok(()),
        Ending::RefuseAfterWriting => Err(Refused::ByTheRules),
        Ending::RefuseAfterLocking => {
            tx.lock_session(id).await?;
            Err(Refused::ByTheRules)
        }
        Ending::Conflict => Ok(tx.save_session(id, SessionState::Cancelled, session.created_at, 99).await?),
        Ending::Swallow | Ending::RefuseAfterSwallowing => {
            // The second insert breaks the primary key.
            let _ = tx.insert_session(&session).await;
            if ending == Ending::Swallow { Ok(()) } else { Err(Refused::ByTheRules) }
        }
        #[allow(clippy::panic)]
        Ending::Panic => panic!("planted"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failing_transactions_leave_nothing_and_take_nobody_with_them() {
    on_both_databases(async |database| {
        let store = Arc::new(database.open().await);
        let world = World::stored(&store, 1).await;
        let clients: Vec<_> = (0..64)
            .map(|_| {
                let (store, world) = (Arc::clone(&store), world.clone());
                tokio::spawn(async move {
                    let mut ended = Vec::new();
                    for _ in 0..10 {
                        let (id, choice) = (world.id(), world.entropy.below(18) as usize);
                        // Half of them commit, so that most batches hold both.
                        let ending = ENDINGS.get(choice).copied().unwrap_or(Ending::Commit);
                        let world = world.clone();
                        let body = move |tx: Tx| {
                            let world = world.clone();
                            async move { end(&tx, &world, id, ending).await }
                        };
                        ended.push((id, ending, store.write(body).await));
                    }
                    ended
                })
            })
            .collect();
        for client in clients {
            for (id, ending, answer) in client.await.unwrap() {
                match ending {
                    Ending::Commit => assert_eq!(answer, Ok(())),
                    Ending::RefuseAfterWriting
                    | Ending::RefuseAfterLocking
                    | Ending::RefuseAtOnce
                    | Ending::RefuseAfterFailing
                    | Ending::RefuseAfterSwallowing => assert_eq!(answer, Err(Refused::ByTheRules)),
                    Ending::Conflict => assert_eq!(answer, Err(Refused::Store(StoreError::Conflict))),
                    Ending::Swallow | Ending::Panic => {
                        assert!(matches!(answer, Err(Refused::Store(StoreError::Driver(_)))), "{answer:?}");
                    }
                }
                assert_eq!(is_there(&store, id).await, ending == Ending::Commit, "{ending:?}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_refusal_after_a_failed_statement_does_not_lose_what_came_before_it_in_the_batch() {
    on_both_databases(async |database| {
        let store = database.open().await;
        let world = World::stored(&store, 6).await;
        for _ in 0..10 {
            let (first, second) = (world.session(), world.session());
            let foreign = Session { merchant_id: world.id(), ..world.session() };
            let refuse = store.write(move |tx| {
                let foreign = foreign.clone();
                async move {
                    let _ = tx.insert_session(&foreign).await;
                    Err::<(), _>(Refused::ByTheRules)
                }
            });
            // On one thread all three are waiting before a PostgreSQL writer looks, the failing one last.
            let answers = tokio::join!(
                async { commit!(store, |tx, first| tx.insert_session(&first).await?) },
                async { commit!(store, |tx, second| tx.insert_session(&second).await?) },
                refuse
            );
            assert_eq!(answers, (Ok(()), Ok(()), Err(Refused::ByTheRules)));
            assert!(is_there(&store, first.id).await && is_there(&store, second.id).await);
        }
    })
    .await;
}

#[tokio::test]
async fn a_refusal_after_a_lock_leaves_the_row_ready_for_the_next() {
    on_both_databases(async |database| {
        let store = database.open().await;
        let world = World::stored(&store, 2).await;
        let session = world.session();
        commit!(store, |tx, session| tx.insert_session(&session).await?).unwrap();
        let id = session.id;
        let refused = store.write(move |tx| async move {
            tx.lock_session(id).await?;
            Err::<(), _>(Refused::ByTheRules)
        });
        assert_eq!(refused.await, Err(Refused::ByTheRules));
        commit!(store, |tx, session| {
            let (found, version) = tx.lock_session(id).await?.ok_or(StoreError::Conflict)?;
            assert_eq!(found, session);
            tx.save_session(id, SessionState::Cancelled, found.created_at, version).await?;
        })
        .unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_handle_that_outlives_its_transaction_is_refused() {
    on_both_databases(async |database| {
        let store = database.open().await;
        let world = World::stored(&store, 3).await;
        let kept: Arc<Mutex<Option<Tx>>> = Arc::default();
        commit!(store, |tx, kept| {
            kept.lock().unwrap().replace(tx);
        })
        .unwrap();
        let tx = kept.lock().unwrap().take().unwrap();
        assert!(matches!(tx.find_session(world.id()).await, Err(StoreError::Driver(_))));
        let session = world.session();
        assert!(tx.insert_session(&session).await.is_err());
        assert!(!is_there(&store, session.id).await);
    })
    .await;
}

#[tokio::test]
async fn a_reading_handle_cannot_write() {
    on_both_databases(async |database| {
        let store = database.open().await;
        let world = World::stored(&store, 4).await;
        let (session, tx) = (world.session(), store.reader());
        assert!(tx.insert_session(&session).await.is_err());
        assert!(!is_there(&store, session.id).await);
    })
    .await;
}

#[tokio::test]
async fn the_character_that_postgresql_cannot_hold_is_refused_everywhere() {
    on_both_databases(async |database| {
        let store = database.open().await;
        let refused = commit!(store, |tx| tx.insert_setting("a", "b\0c").await?);
        assert!(matches!(refused, Err(StoreError::Driver(reason)) if reason.contains("U+0000")));
        assert_eq!(store.reader().find_setting("a").await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_transaction_reads_its_own_writes_and_others_see_them_after_it() {
    on_both_databases(async |database| {
        let store = database.open().await;
        let other = database.open().await;
        let world = World::stored(&store, 5).await;
        let session = world.session();
        let seen = commit!(store, |tx, session| {
            tx.insert_session(&session).await?;
            tx.find_session(session.id).await?
        });
        assert_eq!(seen.unwrap(), Some(session.clone()));
        assert!(is_there(&other, session.id).await);
    })
    .await;
}

/// Every request carries these futures, whichever database it asks (docs/decisions/0001).
#[tokio::test]
async fn what_a_request_waits_for_is_small_to_carry() {
    on_both_databases(async |database| {
        let store = database.open().await;
        let world = World::stored(&store, 1).await;
        let tx = store.reader();
        let reading = tx.find_session(world.session().id);
        assert!(size_of_val(&reading) <= 1024, "a read: {} bytes", size_of_val(&reading));
        let charge = world.charge(None);
        let writing = tx.insert_charge(&charge, None, None);
        assert!(size_of_val(&writing) <= 2048, "an insert: {} bytes", size_of_val(&writing));
    })
    .await;
}
