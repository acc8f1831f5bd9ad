//! Opening a database.

use crate::samples::full_session;
use xanpay_store::{Store, StoreError};
use xanpay_testkit::{Database, Engine, World, commit, on_both_databases};

async fn open(database: &Database) -> Result<Store, StoreError> {
    match database.engine() {
        Engine::Sqlite => Store::open_sqlite(&database.path()),
        Engine::Postgres => Store::open_postgres(&database.url(), false).await,
    }
}

#[tokio::test]
async fn a_database_opens_twice_and_keeps_its_rows() {
    on_both_databases(async |database| {
        let store = open(database).await.unwrap();
        let world = World::stored(&store, 1).await;
        let session = full_session(&world);
        commit!(store, |tx, session| tx.insert_session(&session).await?).unwrap();
        store.close();
        let store = open(database).await.unwrap();
        assert_eq!(store.reader().find_session(session.id).await.unwrap(), Some(session));
    })
    .await;
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused() {
    on_both_databases(async |database| {
        open(database).await.unwrap().close();
        database.execute("INSERT INTO schema_migrations VALUES (999, 'later')").await.unwrap();
        let refusal = open(database).await.err().unwrap();
        assert!(matches!(&refusal, StoreError::Schema(reason) if reason.contains("999")), "{refusal}");
    })
    .await;
}

#[tokio::test]
async fn a_database_whose_first_step_was_another_is_refused() {
    on_both_databases(async |database| {
        open(database).await.unwrap().close();
        database.execute("UPDATE schema_migrations SET checksum = 'other'").await.unwrap();
        let refusal = open(database).await.err().unwrap();
        assert!(matches!(refusal, StoreError::Schema(_)), "{refusal}");
    })
    .await;
}

#[tokio::test]
async fn what_is_no_database_is_refused_with_a_reason() {
    let database = Database::sqlite();
    std::fs::write(database.path(), "this is a letter, not a database. ".repeat(100)).unwrap();
    let refusal = open(&database).await.err().unwrap();
    assert!(refusal.to_string().contains("not a database"), "{refusal}");
    let refusal = Store::open_postgres("mysql://localhost/x", false).await.err().unwrap();
    assert!(matches!(refusal, StoreError::Schema(_)), "{refusal}");
    let refusal = Store::open_postgres("postgres://x@127.0.0.1:1/x", false).await.err().unwrap();
    assert!(matches!(refusal, StoreError::Unavailable(_)), "{refusal}");
}
