//! What tests share: both databases, seeded entropy, a clock that is moved by hand, and sample rows.
//!
//! A test that cannot be set up must fail at once and say why, so this crate panics where others return errors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed set-up is a failed test")]

mod clock;
mod cluster;
mod database;
mod entropy;
pub mod older;
mod tables;
mod world;

pub use clock::Clock;
pub use cluster::Cluster;
pub use database::{Database, Engine, databases, on_both_databases};
pub use entropy::Entropy;
pub use tables::{count_where, row_counts, spoil};
pub use world::World;

/// Runs one write transaction whose body borrows clones of the named values:
/// `commit!(store, |tx, session| tx.insert_session(&session).await?)` gives `Result<(), StoreError>`.
#[macro_export]
macro_rules! commit {
    ($store:expr, |$tx:ident $(, $name:ident)*| $body:expr) => {{
        $(let $name = $name.clone();)*
        let body = move |$tx: ::xanpay_store::Tx| {
            $(let $name = $name.clone();)*
            async move { Ok::<_, ::xanpay_store::StoreError>($body) }
        };
        $store.write(body).await
    }};
}
