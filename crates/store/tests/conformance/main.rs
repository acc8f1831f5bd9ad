//! One suite for both databases: what a row function writes, it reads back, and the database refuses the rest.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed set-up is a failed test")]

mod constraints;
mod idempotency;
mod migrations;
mod outbox;
mod pages;
mod rows;
mod samples;
mod transactions;
