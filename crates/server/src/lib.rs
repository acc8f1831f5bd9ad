//! The gateway's edges and flows: HTTP API, checkout pages, workers, command line.

pub mod app;
pub mod clock;
pub mod directory;
pub mod entropy;
pub mod flows;
pub mod http;
pub mod outbound;
pub mod workers;
