//! Log lines on standard error.

use crate::config::{Config, LogFormat};
use std::io;
use tracing::level_filters::LevelFilter;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// What the targets of our own crates begin with.
const OURS: &str = "xanpay";

/// Starts logging. A server tells what it does; a command only what is wrong.
pub(super) fn start(config: &Config, serving: bool) {
    let default = if serving { "info" } else { "warn" };
    let filter = EnvFilter::try_new(config.log.as_deref().unwrap_or(default)).unwrap_or_default();
    let ansi = io::IsTerminal::is_terminal(&io::stderr());
    // A second start, as in tests, keeps the first.
    if let Err(error) = lines(filter, config.log_format, ansi, io::stderr).try_init() {
        tracing::debug!(%error, "logging was started before");
    }
}

/// What the filter lets through, as lines, save for what is not ours to tell.
fn lines<W>(filter: EnvFilter, format: LogFormat, ansi: bool, writer: W) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let registry = tracing_subscriber::registry().with(filter).with(filter_fn(is_impersonal));
    let lines = fmt::layer().with_writer(writer);
    match format {
        LogFormat::Text => Box::new(registry.with(lines.with_ansi(ansi))),
        LogFormat::Json => Box::new(registry.with(lines.json().flatten_event(true))),
    }
}

/// Whether an event may be logged at all. What others' crates say below `info` holds what passes through them: the
/// PostgreSQL driver names the parameters of every statement, customers' addresses and accounts among them.
fn is_impersonal(event: &Metadata<'_>) -> bool {
    *event.level() <= LevelFilter::INFO || event.target().starts_with(OURS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    /// What is logged under a filter.
    fn logged(filter: &str, format: LogFormat) -> String {
        let written = Arc::new(Mutex::new(Vec::new()));
        let writer = Arc::clone(&written);
        let make = move || Shared(Arc::clone(&writer));
        let subscriber = lines(EnvFilter::try_new(filter).unwrap(), format, false, make);
        tracing::subscriber::with_default(subscriber, || {
            tracing::debug!(target: "tokio_postgres::query", "their debug");
            tracing::trace!(target: "hyper_util::client", "their trace");
            tracing::warn!(target: "tokio_postgres::connection", "their warning");
            tracing::debug!(target: "xanpay_server::http", "our debug");
            tracing::trace!(target: "xanpay_store::engine", "our trace");
        });
        let written = written.lock().unwrap();
        String::from_utf8(written.clone()).unwrap()
    }

    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn no_filter_lets_others_speak_below_info() {
        for format in [LogFormat::Text, LogFormat::Json] {
            for filter in ["trace", "warn,tokio_postgres=debug,hyper_util=trace,xanpay_server=trace,xanpay_store=trace"]
            {
                let text = logged(filter, format);
                assert!(!text.contains("their debug") && !text.contains("their trace"), "{filter}: {text}");
                for said in ["their warning", "our debug", "our trace"] {
                    assert!(text.contains(said), "{filter}: {text}");
                }
            }
        }
    }
}
