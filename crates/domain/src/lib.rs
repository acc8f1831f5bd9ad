//! The rules of the gateway, and nothing else: state, a command and the present moment go in; the next state or a
//! refusal comes out. This crate cannot name a clock, a file, a socket, a random number or SQL.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod charge;
pub mod contact;
pub mod currency;
pub mod environment;
pub mod exchange;
pub mod id;
pub mod linking;
pub mod matching;
pub mod method;
pub mod money;
pub mod nonce;
mod payer;
pub mod retry;
pub mod secret;
pub mod secure_hash;
pub mod session;
pub mod terms;
pub mod text;
pub mod time;
pub mod transfer;
pub mod verification;
