//! The hosted checkout: what the customer sees.
//!
//! This module is the presentation only. A handler reads the session and the charge, fills one of the page structs of
//! [`view`] with display-ready values, calls [`askama::Template::render`] on it and sends the text with
//! [`headers::security_headers`]. Nothing here decides about money, reads a clock or talks to the store.

pub mod assets;
pub mod headers;
pub mod merchant_text;
pub mod text;
pub mod view;

pub use headers::{CONTENT_SECURITY_POLICY, security_headers};
