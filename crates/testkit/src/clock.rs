//! A clock that only the test moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use xanpay_domain::time::{Span, Timestamp};

/// An instant that stands still until it is moved. Clones show the same time.
#[derive(Debug, Clone)]
pub struct Clock(Arc<AtomicI64>);

impl Clock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(now.as_millis())))
    }

    /// The time that it shows.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }

    /// Moves it, backwards for a negative span, and returns the new time.
    pub fn advance(&self, span: Span) -> Timestamp {
        Timestamp::from_millis(self.0.fetch_add(span.as_millis(), Ordering::SeqCst) + span.as_millis())
    }
}

impl Default for Clock {
    /// A Wednesday in 2026, at noon UTC.
    fn default() -> Self {
        Self::at(Timestamp::from_millis(1_788_955_200_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_stands_still_until_it_is_moved() {
        let clock = Clock::default();
        let other = clock.clone();
        let began = clock.now();
        assert_eq!(other.advance(Span::hours(1)), began.plus(Span::hours(1)));
        assert_eq!(clock.now(), began.plus(Span::hours(1)));
        assert_eq!(clock.advance(Span::hours(-1)), began);
    }
}
