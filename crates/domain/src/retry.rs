//! When an undelivered notice is tried again.

use crate::time::{Span, Timestamp};

/// Waits between attempts; after the last one attempts go on once a day.
const SCHEDULE: [Span; 7] = [
    Span::seconds(30),
    Span::minutes(2),
    Span::minutes(10),
    Span::hours(1),
    Span::hours(3),
    Span::hours(6),
    Span::hours(12),
];
/// How long a notice is tried before it is given up, counted from the event.
pub const GIVE_UP_AFTER: Span = Span::days(7);

/// The instant of the next attempt after `attempts` failures, or nothing when it would come too late.
///
/// `dice` is a random number that moves the wait by up to a tenth either way, so that receivers which failed together
/// are not called together. `retry_after` is the receiver's own wish, honoured when it is later.
#[must_use]
pub fn next_attempt(
    attempts: u32,
    created_at: Timestamp,
    now: Timestamp,
    dice: u16,
    retry_after: Option<Span>,
) -> Option<Timestamp> {
    let step = usize::try_from(attempts.saturating_sub(1)).ok().and_then(|index| SCHEDULE.get(index)).copied();
    let wait = step.unwrap_or(Span::days(1)).as_millis();
    let jitter = wait / 10 * (i64::from(dice) - 32_768) / 32_768;
    let wished = retry_after.map_or(0, Span::as_millis);
    let next = now.plus(Span::millis((wait + jitter).max(wished)));
    (next.since(created_at) <= GIVE_UP_AFTER).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    const START: Timestamp = Timestamp::from_millis(0);

    #[test]
    fn waits_follow_the_published_schedule_and_end_within_seven_days() {
        let mut now = START;
        let mut waits = Vec::new();
        for attempts in 1.. {
            let Some(next) = next_attempt(attempts, START, now, 32_768, None) else { break };
            waits.push(next.since(now).as_millis() / 1000);
            now = next;
        }
        assert_eq!(&waits[..7], [30, 120, 600, 3600, 10_800, 21_600, 43_200]);
        assert!(waits[7..].iter().all(|wait| *wait == 86_400));
        assert_eq!(waits.len(), 7 + 6);
    }

    #[test]
    fn jitter_stays_within_a_tenth() {
        for dice in [0, 1, 40_000, u16::MAX] {
            let wait = next_attempt(1, START, START, dice, None).unwrap().as_millis();
            assert!((27_000..=33_000).contains(&wait), "{dice} {wait}");
        }
    }

    #[test]
    fn a_receiver_may_ask_for_more_time_but_not_for_less() {
        let asked = |span| next_attempt(1, START, START, 32_768, Some(span)).unwrap().as_millis();
        assert_eq!(asked(Span::seconds(90)), 90_000);
        assert_eq!(asked(Span::seconds(1)), 30_000);
    }
}
