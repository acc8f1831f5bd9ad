//! The gateway's edges and flows: HTTP API, checkout pages, workers, command line.

pub mod app;
mod bounded;
pub mod cli;
pub mod clock;
pub mod config;
mod demo;
pub mod directory;
pub mod entropy;
pub mod flows;
pub mod http;
pub mod open;
pub mod outbound;
pub mod terms;
pub mod wire;
pub mod workers;
