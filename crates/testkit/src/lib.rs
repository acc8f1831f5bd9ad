//! What tests share: both databases, seeded entropy, a clock that is moved by hand, and sample rows.
//!
//! A test that cannot be set up must fail at once and say why, so this crate panics where others return errors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed set-up is a failed test")]

mod clock;
mod cluster;
mod database;
mod entropy;
mod tables;
mod world;

pub use clock::Clock;
pub use cluster::Cluster;
pub use database::{Database, Engine, databases, on_both_databases};
pub use entropy::Entropy;
pub use tables::row_counts;
pub use world::World;
