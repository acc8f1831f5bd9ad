//! JSON on the wire: how money, time and objects are written, and how requests are read.

pub mod amount;
pub mod body;
pub mod charge;
pub mod hash;
pub mod json;
pub mod notice;
pub mod orders;
pub mod session;
pub mod time;
pub mod transfer;
