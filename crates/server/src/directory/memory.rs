//! Answers that are remembered for a moment and then asked for again, by one caller at a time.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

/// How long an answer is remembered.
const LIFE: Duration = Duration::from_millis(500);
/// How long an old answer will do while somebody asks for a new one. Without that, every request at hand would ask at
/// once, twice a second.
const GRACE: Duration = Duration::from_millis(400);
/// How many answers are remembered; an operator has fewer of each kind.
const MAX_ENTRIES: usize = 10_000;

struct Entry<V> {
    value: V,
    since: Instant,
    /// Whether a caller has been sent to ask for a new answer.
    asked: AtomicBool,
}

/// Remembered answers by what was asked. They are few, so that comparing is quicker than hashing.
pub(crate) struct Memory<K, V> {
    entries: RwLock<BTreeMap<K, Entry<V>>>,
}

impl<K, V> Default for Memory<K, V> {
    fn default() -> Self {
        Self { entries: RwLock::default() }
    }
}

impl<K: Ord, V: Clone> Memory<K, V> {
    /// A remembered answer. Nothing when the caller should ask and [`Memory::keep`] what it hears.
    pub(crate) fn recall<Q: Ord + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.recall_at(key, Instant::now())
    }

    fn recall_at<Q: Ord + ?Sized>(&self, key: &Q, now: Instant) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get(key)?;
        let age = now.saturating_duration_since(entry.since);
        let good = age < LIFE || (age < LIFE + GRACE && entry.asked.swap(true, Ordering::Relaxed));
        good.then(|| entry.value.clone())
    }

    /// Remembers an answer.
    pub(crate) fn keep(&self, key: K, value: V) {
        self.keep_at(key, value, Instant::now());
    }

    fn keep_at(&self, key: K, value: V, now: Instant) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MAX_ENTRIES {
            entries.clear();
        }
        entries.insert(key, Entry { value, since: now, asked: AtomicBool::new(false) });
    }

    /// Forgets an answer that has turned out to be none any more.
    pub(crate) fn forget<Q: Ord + ?Sized>(&self, key: &Q)
    where
        K: Borrow<Q>,
    {
        self.entries.write().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_caller_is_sent_for_a_new_answer_and_nobody_hears_one_older_than_a_second() {
        let memory = Memory::default();
        let start = Instant::now();
        memory.keep_at("key", 1, start);
        let at = |millis| memory.recall_at("key", start + Duration::from_millis(millis));
        assert_eq!(at(499), Some(1));
        assert_eq!(at(500), None, "the first one asks");
        assert_eq!((at(500), at(899)), (Some(1), Some(1)), "the others make do");
        assert_eq!((at(900), at(950)), (None, None), "whoever was sent has not come back");
        memory.keep_at("key", 2, start + Duration::from_millis(960));
        assert_eq!(at(1400), Some(2));
        memory.forget("key");
        assert_eq!(at(1400), None);
    }
}
