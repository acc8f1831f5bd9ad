//! The hosted checkout.
