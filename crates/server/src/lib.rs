//! The gateway's edges and flows: HTTP API, checkout pages, workers, command line.

pub mod http;
pub mod outbound;
