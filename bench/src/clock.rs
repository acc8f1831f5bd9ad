//! Requests by the clock: every millisecond as many as are due, one client after the other.
//!
//! The runtime's own timer counts whole milliseconds and rounds up, twice: what it wakes comes up to two milliseconds late,
//! which would be measured as the gateway's. A thread that sleeps is late by some fifty microseconds. One that woke for
//! every single request would take a noticeable part of a small machine.

use crate::Failure;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// The distance of two ticks.
const TICK: Duration = Duration::from_millis(1);

/// A ticking clock that gives every client its turns, until it is dropped.
pub(crate) struct Clock {
    begun: Instant,
    per_second: u32,
    /// A permit for each turn that has come and was not taken.
    clients: Arc<[Semaphore]>,
    /// By how many microseconds each turn came too late.
    late: Arc<Mutex<Vec<u32>>>,
}

impl Clock {
    /// Starts a clock for clients that take turns, this many turns per second together.
    pub(crate) fn start(clients: usize, per_second: u32) -> Result<Self, Failure> {
        let clients: Arc<[Semaphore]> = (0..clients).map(|_| Semaphore::new(0)).collect();
        let clock = Self { begun: Instant::now(), per_second, clients, late: Arc::default() };
        let (begun, ticking, late) = (clock.begun, Arc::downgrade(&clock.clients), Arc::clone(&clock.late));
        std::thread::Builder::new().name("clock".into()).spawn(move || {
            for turn in 0.. {
                let due = due(begun, per_second, turn);
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                let Some(clients) = ticking.upgrade() else { return };
                let by = u32::try_from(due.elapsed().as_micros()).unwrap_or(u32::MAX);
                // Before the turn is given, so that whoever has had it finds it noted.
                late.lock().unwrap_or_else(PoisonError::into_inner).push(by);
                clients[turn % clients.len()].add_permits(1);
            }
        })?;
        Ok(clock)
    }

    /// By how many microseconds the turns came too late, sorted, those of the `warm` time left out. It is no server's
    /// fault when this is long: the machine itself stood still.
    pub(crate) fn late(&self, warm: Duration) -> Vec<u32> {
        let warm = (f64::from(self.per_second) * warm.as_secs_f64()) as usize;
        let late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
        let mut late: Vec<u32> = late.iter().copied().skip(warm).collect();
        late.sort_unstable();
        late
    }

    /// The turns of one client.
    pub(crate) fn turns_of(&self, client: usize) -> Turns {
        let Self { begun, per_second, .. } = *self;
        Turns { clients: Arc::clone(&self.clients), client, begun, per_second, turn: client }
    }
}

/// The tick with which a turn comes: the first one at which its even share of the time is over.
fn due(begun: Instant, per_second: u32, turn: usize) -> Instant {
    let millis = (turn as u64 + 1) * 1000;
    begun + TICK * u32::try_from(millis.div_ceil(u64::from(per_second))).unwrap_or(u32::MAX)
}

/// When a client is to ask.
pub(crate) struct Turns {
    clients: Arc<[Semaphore]>,
    client: usize,
    begun: Instant,
    per_second: u32,
    turn: usize,
}

impl Turns {
    /// Waits for the next turn, if it has not come already, and tells when it was due.
    pub(crate) async fn next(&mut self) -> Result<Instant, Failure> {
        self.clients[self.client].acquire().await?.forget();
        let due = due(self.begun, self.per_second, self.turn);
        self.turn += self.clients.len();
        Ok(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_client_gets_its_turns_when_they_are_due_and_no_earlier() {
        let clock = Clock::start(4, 3000).unwrap();
        let mut clients: Vec<Turns> = (0..4).map(|client| clock.turns_of(client)).collect();
        let mut waits = Vec::new();
        for turn in 0..9 {
            let due = clients[turn % 4].next().await.unwrap();
            assert!(Instant::now() >= due);
            waits.push((due - clock.begun).as_millis());
        }
        assert_eq!(waits, [1, 1, 1, 2, 2, 2, 3, 3, 3]);
        assert!(clock.late(Duration::ZERO).len() >= 9 && clock.late(Duration::from_secs(60)).is_empty());
    }
}
