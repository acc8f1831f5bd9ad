//! The one place that asks the system for the time.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use xanpay_domain::environment::Environment;
use xanpay_domain::time::{Span, Timestamp};

/// The gateway's clock. The sandbox's time can be moved ahead of real time, so that expiry can be watched.
#[derive(Debug)]
pub struct Clock {
    source: Source,
    sandbox_ahead_ms: AtomicI64,
}

#[derive(Debug)]
enum Source {
    System,
    /// Moved by tests.
    Hand(AtomicI64),
}

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self { source: Source::System, sandbox_ahead_ms: AtomicI64::new(0) }
    }

    /// A clock that stands until it is moved by [`Clock::advance`].
    #[must_use]
    pub fn by_hand(start: Timestamp) -> Self {
        Self { source: Source::Hand(AtomicI64::new(start.as_millis())), sandbox_ahead_ms: AtomicI64::new(0) }
    }

    /// Moves a clock that is moved by hand; the system's clock goes its own way.
    pub fn advance(&self, span: Span) {
        match &self.source {
            Source::System => {}
            Source::Hand(now) => {
                now.fetch_add(span.as_millis(), Ordering::SeqCst);
            }
        }
    }

    /// Real time: for keys, leases and everything that is not part of a sandbox's play.
    #[must_use]
    pub fn real_now(&self) -> Timestamp {
        match &self.source {
            Source::System => Timestamp::from_millis(system_millis()),
            Source::Hand(now) => Timestamp::from_millis(now.load(Ordering::SeqCst)),
        }
    }

    /// The time in an environment.
    #[must_use]
    pub fn now(&self, environment: Environment) -> Timestamp {
        let real = self.real_now();
        match environment {
            Environment::Live => real,
            Environment::Sandbox => real.plus(self.sandbox_ahead()),
        }
    }

    /// How far the sandbox is ahead of real time.
    #[must_use]
    pub fn sandbox_ahead(&self) -> Span {
        Span::millis(self.sandbox_ahead_ms.load(Ordering::Relaxed))
    }

    /// Takes over how far the sandbox is ahead, as the database has it. What was read earlier may come later, and the
    /// sandbox never goes back.
    pub fn follow_sandbox(&self, ahead: Span) {
        self.sandbox_ahead_ms.fetch_max(ahead.as_millis(), Ordering::Relaxed);
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the place")]
fn system_millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
