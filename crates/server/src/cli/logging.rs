//! Log lines on standard error.

use crate::config::{Config, LogFormat};
use std::io;
use tracing_subscriber::EnvFilter;

/// Starts logging. A server tells what it does; a command only what is wrong.
pub(super) fn start(config: &Config, serving: bool) {
    let default = if serving { "info" } else { "warn" };
    let filter = EnvFilter::try_new(config.log.as_deref().unwrap_or(default)).unwrap_or_default();
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // A second start, as in tests, keeps the first.
    let started = match config.log_format {
        LogFormat::Text => lines.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    if let Err(error) = started {
        tracing::debug!(%error, "logging was started before");
    }
}
