//! HTTP: the API and the checkout.
//!
//! One file per operation. A handler reads its request, calls one flow and shapes the answer. Errors become HTTP in one
//! place ([`error`]). Deliberately absent: SQL, business rules, calls to the outside.

pub mod api;
pub mod auth;
pub mod catalogue;
pub mod checkout;
mod client_address;
mod docs;
pub mod error;
mod limits;
pub mod metrics;
mod object_id;
pub mod ops;
mod paced;
mod request;
mod router;
mod server;

pub use request::Arrival;
pub use router::{Web, paths, router};
pub use server::{Settings, serve};
