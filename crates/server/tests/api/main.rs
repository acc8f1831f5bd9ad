//! The gateway as its callers see it: requests through the real router, on both databases, with the clock moved by hand.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a failed set-up is a failed test"
)]

mod support;

mod books;
mod checkout_phone;
mod corpus;
mod deliveries;
mod feeds;
mod hostile;
mod imports;
mod isolation;
mod lifecycle;
mod mangled;
mod money_in;
mod pages;
mod phones;
mod races;
mod rails_stories;
mod seeds;
mod terms;
mod upgrades;
