//! Calls that leave the gateway, and what they are signed with.
//!
//! Nothing here knows the database: an event's bytes come in, an [`client::Answer`] goes out.
//!
//! | Module | Meaning |
//! |---|---|
//! | [`address`] | which URLs a merchant may give, and which addresses may be called |
//! | [`connector`] | resolving, checking and connecting, in that order and in one place |
//! | [`client`] | one POST with all its limits |
//! | [`signature`] | Standard Webhooks and RSA signatures, and their verification |
//! | [`certificate`] | the merchant's signing key and its self-signed certificate |
//! | [`vault`] | secrets sealed for storage |
//!
//! The clock and random bytes come in as arguments; only RSA key generation draws from the cryptographic library's own
//! generator.

pub mod address;
pub mod certificate;
pub mod client;
pub mod connector;
pub mod signature;
pub mod vault;

pub(crate) use connector::LOOKUPS_AT_ONCE;
