//! HTTP: the API, the checkout and their JSON shapes.

pub mod checkout;
pub mod wire;
