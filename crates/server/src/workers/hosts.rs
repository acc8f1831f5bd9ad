//! How many calls go to one host at once, for each merchant and for all of them, so that a dead receiver holds nobody else
//! up: no other host, and no other merchant whose receiver is at the same host.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use xanpay_domain::id::MerchantId;
use xanpay_domain::time::Span;

/// Calls for a merchant to a host that has answered it quickly.
const PROVEN_LIMIT: usize = 256;
/// Calls for a merchant to a host of which it knows nothing, or that answers it slowly.
const UNKNOWN_LIMIT: usize = 64;
/// Calls for a merchant to a host of which its last call failed.
const TROUBLED_LIMIT: usize = 8;
/// Calls to a host for all merchants to whom it is not proven: when it dies, they are many.
const UNPROVEN_LIMIT: usize = 128;
/// Calls to a host for all merchants: when it dies, other hosts still have places.
const HOST_LIMIT: usize = 384;
/// Lines remembered while nothing is going on with them.
const MAX_IDLE_LINES: usize = 10_000;
/// How long a delivery waits for a place with a busy host.
const BUSY_WAIT: Span = Span::millis(500);
/// How long the first delivery waits for a place with a troubled host; each further one waits a little longer, so that
/// of a long backlog about ten a second are taken on and given back.
const TROUBLED_WAIT: Span = Span::seconds(2);
const TROUBLED_STEP: Span = Span::millis(100);
/// No delivery waits longer than this for a place.
const LONGEST_WAIT: Span = Span::minutes(10);

/// What a merchant's last call to a host has shown.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing that its number of calls could go by.
    #[default]
    Unknown,
    /// It answered quickly.
    Proven,
    /// It did not answer.
    Troubled,
}

/// A merchant's calls to a host.
#[derive(Debug, Default)]
struct Line {
    in_flight: usize,
    standing: Standing,
    backlog: Backlog,
}

/// All calls to a host.
#[derive(Debug, Default)]
struct Host {
    in_flight: usize,
    /// Those of merchants to whom it was not proven when they began.
    unproven: usize,
    backlog: Backlog,
}

/// Deliveries that found no place since a call showed something better than trouble.
#[derive(Debug, Default)]
struct Backlog(i64);

impl Backlog {
    /// Adds a delivery; returns how long it waits at most. The waits spread over minutes: taking a delivery on and giving
    /// it back costs two writes each time.
    fn add(&mut self) -> Span {
        let wait = TROUBLED_WAIT.as_millis() + self.0.saturating_mul(TROUBLED_STEP.as_millis());
        self.0 += 1;
        Span::millis(wait.min(LONGEST_WAIT.as_millis()))
    }
}

/// A place that a call has taken.
#[derive(Debug)]
#[must_use]
pub(super) struct Place {
    line: (MerchantId, String),
    is_proven: bool,
}

/// The hosts that are being called.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    lines: HashMap<(MerchantId, String), Line>,
    hosts: HashMap<String, Host>,
}

impl Hosts {
    /// Takes a place for a call.
    ///
    /// # Errors
    /// How long to wait at most when there are as many calls as there should be.
    pub(super) fn enter(&self, merchant: MerchantId, name: &str) -> Result<Place, Span> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Known { lines, hosts } = &mut *known;
        if lines.len() >= MAX_IDLE_LINES {
            lines.retain(|_, line| line.in_flight > 0);
            hosts.retain(|_, host| host.in_flight > 0);
        }
        let line = lines.entry((merchant, name.to_owned())).or_default();
        let host = hosts.entry(name.to_owned()).or_default();
        let (limit, is_proven) = match line.standing {
            Standing::Proven => (PROVEN_LIMIT, true),
            Standing::Unknown => (UNKNOWN_LIMIT, false),
            Standing::Troubled => (TROUBLED_LIMIT, false),
        };
        if line.in_flight >= limit {
            let is_troubled = line.standing == Standing::Troubled;
            return Err(if is_troubled { line.backlog.add() } else { BUSY_WAIT });
        }
        if host.in_flight >= HOST_LIMIT || (!is_proven && host.unproven >= UNPROVEN_LIMIT) {
            return Err(if is_proven { BUSY_WAIT } else { host.backlog.add() });
        }
        line.in_flight += 1;
        host.in_flight += 1;
        host.unproven += usize::from(!is_proven);
        Ok(Place { line: (merchant, name.to_owned()), is_proven })
    }

    /// Gives the place back and remembers what the call has shown, if there was one.
    pub(super) fn leave(&self, place: Place, shown: Option<Standing>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Known { lines, hosts } = &mut *known;
        // What has calls in flight is not forgotten.
        let (Some(line), Some(host)) = (lines.get_mut(&place.line), hosts.get_mut(&place.line.1)) else { return };
        line.in_flight = line.in_flight.saturating_sub(1);
        host.in_flight = host.in_flight.saturating_sub(1);
        host.unproven = host.unproven.saturating_sub(usize::from(!place.is_proven));
        line.standing = shown.unwrap_or(line.standing);
        if line.standing != Standing::Troubled {
            line.backlog = Backlog::default();
        }
        if !place.is_proven && shown.is_some_and(|shown| shown != Standing::Troubled) {
            host.backlog = Backlog::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xanpay_domain::time::Timestamp;

    fn merchant(n: u8) -> MerchantId {
        MerchantId::new(Timestamp::from_millis(0), [n; 8])
    }

    /// How many of 1000 calls find a place.
    fn enter_all(hosts: &Hosts, n: u8, name: &str) -> usize {
        (0..1000).filter(|_| hosts.enter(merchant(n), name).is_ok()).count()
    }

    fn show(hosts: &Hosts, n: u8, name: &str, shown: Option<Standing>) {
        hosts.leave(hosts.enter(merchant(n), name).unwrap(), shown);
    }

    #[test]
    fn a_troubled_host_gets_few_calls_and_a_proven_one_many() {
        let hosts = Hosts::default();
        for (shown, limit) in [
            (Some(Standing::Troubled), TROUBLED_LIMIT),
            (Some(Standing::Proven), PROVEN_LIMIT),
            (Some(Standing::Unknown), UNKNOWN_LIMIT),
            (None, UNKNOWN_LIMIT),
        ] {
            let name = format!("{shown:?}");
            show(&hosts, 1, &name, shown);
            assert_eq!(enter_all(&hosts, 1, &name), limit, "{name}");
        }
    }

    #[test]
    fn one_merchants_trouble_with_a_host_leaves_the_others_their_places() {
        let hosts = Hosts::default();
        assert_eq!(enter_all(&hosts, 1, "host"), UNKNOWN_LIMIT, "a merchant's backlog");
        show(&hosts, 2, "host", Some(Standing::Proven));
        assert_eq!(enter_all(&hosts, 2, "host"), PROVEN_LIMIT);
        assert_eq!(enter_all(&hosts, 3, "host"), UNKNOWN_LIMIT);
    }

    #[test]
    fn a_host_that_dies_for_many_merchants_leaves_places_to_other_hosts() {
        let hosts = Hosts::default();
        let taken: usize = (0..100).map(|n| enter_all(&hosts, n, "unproven")).sum();
        assert_eq!(taken, UNPROVEN_LIMIT);
        (0..100).for_each(|n| show(&hosts, n, "proven", Some(Standing::Proven)));
        let taken: usize = (0..100).map(|n| enter_all(&hosts, n, "proven")).sum();
        assert_eq!(taken, HOST_LIMIT);
    }

    #[test]
    fn places_that_are_given_back_are_free_again() {
        let hosts = Hosts::default();
        for shown in [None, Some(Standing::Proven), Some(Standing::Proven), None] {
            let enter = |_| hosts.enter(merchant(1), "host").unwrap();
            let places: Vec<_> = (0..UNKNOWN_LIMIT).map(enter).collect();
            places.into_iter().for_each(|place| hosts.leave(place, shown));
        }
        let known = hosts.known.lock().unwrap();
        let (line, host) = (known.lines.values().next().unwrap(), &known.hosts["host"]);
        assert_eq!((line.in_flight, host.in_flight, host.unproven), (0, 0, 0));
    }

    #[test]
    fn the_backlog_of_a_troubled_host_waits_longer_the_longer_it_is() {
        let hosts = Hosts::default();
        let first = hosts.enter(merchant(1), "host").unwrap();
        let second = hosts.enter(merchant(1), "host").unwrap();
        let waits = |n: usize| -> Vec<Span> { (0..n).filter_map(|_| hosts.enter(merchant(1), "host").err()).collect() };
        assert_eq!(waits(UNKNOWN_LIMIT), [BUSY_WAIT; 2]);
        hosts.leave(first, Some(Standing::Troubled));
        let troubled = waits(7000);
        assert_eq!(troubled[..3], [2000, 2100, 2200].map(Span::millis));
        assert_eq!(troubled[5980..], [LONGEST_WAIT; 1020]);
        hosts.leave(second, Some(Standing::Proven));
        (0..PROVEN_LIMIT).for_each(|_| drop(hosts.enter(merchant(1), "host")));
        assert_eq!(waits(1), [BUSY_WAIT], "it answered meanwhile");
    }

    #[test]
    fn the_backlog_of_many_merchants_at_a_dead_host_waits_longer_the_longer_it_is() {
        let hosts = Hosts::default();
        let place = hosts.enter(merchant(0), "host").unwrap();
        let taken: usize = (0..3).map(|n| enter_all(&hosts, n, "host")).sum();
        assert_eq!(taken, UNPROVEN_LIMIT - 1);
        let wait = |n| hosts.enter(merchant(n), "host").unwrap_err();
        let before = wait(4);
        assert!(wait(5) > before && before > TROUBLED_WAIT);
        hosts.leave(place, Some(Standing::Proven));
        drop(hosts.enter(merchant(6), "host").unwrap());
        assert_eq!(wait(7), TROUBLED_WAIT, "it answered somebody meanwhile");
    }
}
