//! How many calls are made at once: for a merchant to a host, for a merchant, to a host and in an environment, so that a
//! dead receiver holds nobody else up: no other host, no other merchant whose receiver is at the same host, and with
//! however many hosts a merchant has, no other merchant.

use crate::outbound::LOOKUPS_AT_ONCE;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use xanpay_domain::environment::Environment;
use xanpay_domain::id::MerchantId;
use xanpay_domain::time::{Span, Timestamp};

/// Calls at once over all hosts.
pub(super) const MAX_IN_FLIGHT: usize = 640;
/// Deliveries taken on at once, at most and at least: taking them on one by one would cost a commit each.
pub(super) const MAX_CLAIM: usize = 256;
pub(super) const MIN_CLAIM: usize = 64;

/// How many calls there may be at once.
#[derive(Debug, Clone, Copy)]
struct Limits {
    in_all: usize,
    /// To hosts that are not proven to their merchant: they may take as long as a call may.
    unproven: usize,
}

/// Of a merchant in one environment.
const OF_MERCHANT: Limits = Limits { in_all: 256, unproven: 96 };
/// To a host, for all merchants: when it dies, other hosts still have places.
const TO_HOST: Limits = Limits { in_all: 384, unproven: 128 };
/// In sandbox, where anybody may try anything.
const IN_SANDBOX: Limits = Limits { in_all: 320, unproven: 128 };
/// In live: sandbox and calls that stall leave places for those that do not.
const IN_LIVE: Limits = Limits { in_all: MAX_IN_FLIGHT, unproven: 192 };

// Whatever sandbox and one live merchant do, a claim finds room, and so do quick calls when all that may stall do.
const _: () = assert!(IN_SANDBOX.in_all + OF_MERCHANT.in_all + MIN_CLAIM <= MAX_IN_FLIGHT);
const _: () = assert!(IN_SANDBOX.in_all + IN_LIVE.unproven + MIN_CLAIM <= MAX_IN_FLIGHT);
// Nor do names that nobody answers for take all lookups.
const _: () = assert!(IN_SANDBOX.unproven < LOOKUPS_AT_ONCE && IN_LIVE.unproven < LOOKUPS_AT_ONCE);

/// Lines remembered while nothing is going on with them.
const MAX_IDLE_LINES: usize = 10_000;
/// No delivery waits longer than this for a place.
const LONGEST_WAIT: Span = Span::minutes(10);

/// A merchant in one environment.
pub(super) type Shop = (MerchantId, Environment);

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

impl Standing {
    /// Calls for a merchant to such a host.
    fn limit(self) -> usize {
        match self {
            Self::Proven => 256,
            Self::Unknown => 64,
            Self::Troubled => 8,
        }
    }

    /// How long a delivery waits for a place at least, and how long there is between two that come back: taking a delivery
    /// on and giving it back costs two writes each time, at the expense of others.
    fn pace(self) -> (Span, Span) {
        match self {
            Self::Proven => (Span::millis(500), Span::millis(1)),
            Self::Unknown => (Span::millis(500), Span::millis(2)),
            Self::Troubled => (Span::seconds(2), Span::millis(100)),
        }
    }
}

/// Deliveries that found no place and come back one after the other: when there is room for the next one, if there was one
/// before.
#[derive(Debug, Default)]
struct Backlog(Option<Timestamp>);

impl Backlog {
    /// Adds a delivery; returns how long it waits at most.
    fn add(&mut self, standing: Standing, now: Timestamp) -> Span {
        let (least, step) = standing.pace();
        let next = self.0.unwrap_or(now).max(now).min(now.plus(LONGEST_WAIT));
        self.0 = Some(next.plus(step));
        next.since(now).max(least)
    }
}

/// A merchant's calls to a host.
#[derive(Debug, Default)]
struct Line {
    in_flight: usize,
    standing: Standing,
    backlog: Backlog,
}

/// Calls of a merchant, to a host or in an environment.
#[derive(Debug, Default)]
struct Load {
    in_all: usize,
    /// Those to hosts that were not proven to their merchant when they began.
    unproven: usize,
    backlog: Backlog,
}

impl Load {
    fn is_full(&self, limits: Limits, is_proven: bool) -> bool {
        self.in_all >= limits.in_all || (!is_proven && self.unproven >= limits.unproven)
    }

    fn begin(&mut self, is_proven: bool) {
        self.in_all += 1;
        self.unproven += usize::from(!is_proven);
    }
}

/// A place that a call has taken.
#[derive(Debug)]
#[must_use]
pub(super) struct Place {
    line: (MerchantId, String),
    environment: Environment,
    is_proven: bool,
}

/// The hosts that are being called.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    known: Mutex<Known>,
}

/// Lines are remembered for a while, all else only while there are calls.
#[derive(Debug, Default)]
struct Known {
    lines: HashMap<(MerchantId, String), Line>,
    shops: HashMap<Shop, Load>,
    hosts: HashMap<String, Load>,
    environments: HashMap<Environment, Load>,
}

impl Hosts {
    /// Takes a place for a call.
    ///
    /// # Errors
    /// How long to wait at most when there are as many calls as there should be.
    pub(super) fn enter(&self, shop: Shop, name: &str, now: Timestamp) -> Result<Place, Span> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Known { lines, shops, hosts, environments } = &mut *known;
        let (merchant, environment) = shop;
        let key = (merchant, name.to_owned());
        let mut line = lines.get_mut(&key);
        let standing = line.as_ref().map_or(Standing::Unknown, |line| line.standing);
        let is_proven = standing == Standing::Proven;
        if let Some(line) = line.as_mut().filter(|line| line.in_flight >= standing.limit()) {
            return Err(line.backlog.add(standing, now));
        }
        let in_environment = match environment {
            Environment::Sandbox => IN_SANDBOX,
            Environment::Live => IN_LIVE,
        };
        // A merchant's own limit first: in the lines of all wait only those who keep within theirs.
        let loads = [
            (shops.get_mut(&shop), OF_MERCHANT),
            (hosts.get_mut(name), TO_HOST),
            (environments.get_mut(&environment), in_environment),
        ];
        let full = |(load, limits): (Option<_>, _)| load.filter(|load: &&mut Load| load.is_full(limits, is_proven));
        if let Some(load) = loads.into_iter().find_map(full) {
            // Whoever is answered quickly does not wait behind those who are not.
            let own = line.filter(|_| is_proven).map(|line| &mut line.backlog);
            return Err(own.unwrap_or(&mut load.backlog).add(standing, now));
        }
        if lines.len() >= MAX_IDLE_LINES {
            lines.retain(|_, line| line.in_flight > 0);
        }
        lines.entry(key.clone()).or_default().in_flight += 1;
        shops.entry(shop).or_default().begin(is_proven);
        hosts.entry(key.1.clone()).or_default().begin(is_proven);
        environments.entry(environment).or_default().begin(is_proven);
        Ok(Place { line: key, environment, is_proven })
    }

    /// Gives the place back and remembers what the call has shown, if there was one.
    pub(super) fn leave(&self, place: Place, shown: Option<Standing>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Place { line: (merchant, name), environment, is_proven } = place;
        end(&mut known.shops, &(merchant, environment), is_proven);
        end(&mut known.hosts, &name, is_proven);
        end(&mut known.environments, &environment, is_proven);
        // What has calls in flight is not forgotten.
        let Some(line) = known.lines.get_mut(&(merchant, name)) else { return };
        line.in_flight = line.in_flight.saturating_sub(1);
        let before = line.standing;
        line.standing = shown.unwrap_or(before);
        if line.standing == Standing::Proven && before != Standing::Proven {
            line.backlog = Backlog::default();
        }
    }
}

/// Counts a call out, and forgets what has none left.
fn end<K: Eq + Hash>(loads: &mut HashMap<K, Load>, key: &K, is_proven: bool) {
    let Some(load) = loads.get_mut(key) else { return };
    load.in_all = load.in_all.saturating_sub(1);
    load.unproven = load.unproven.saturating_sub(usize::from(!is_proven));
    if load.in_all == 0 {
        loads.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(0);

    fn live(n: u8) -> Shop {
        (MerchantId::new(NOW, [n; 8]), Environment::Live)
    }

    fn sandbox(n: u8) -> Shop {
        (live(n).0, Environment::Sandbox)
    }

    /// How many of 1000 calls find a place.
    fn enter_all(hosts: &Hosts, shop: Shop, name: &str) -> usize {
        (0..1000).filter(|_| hosts.enter(shop, name, NOW).is_ok()).count()
    }

    /// How many calls find a place at so many hosts.
    fn enter_many(hosts: &Hosts, shop: Shop, count: usize) -> usize {
        (0..count).map(|n| enter_all(hosts, shop, &format!("host {n} of {shop:?}"))).sum()
    }

    fn show(hosts: &Hosts, shop: Shop, name: &str, shown: Option<Standing>) {
        hosts.leave(hosts.enter(shop, name, NOW).unwrap(), shown);
    }

    #[test]
    fn a_troubled_host_gets_few_calls_and_a_proven_one_many() {
        for (shown, standing) in [
            (Some(Standing::Troubled), Standing::Troubled),
            (Some(Standing::Proven), Standing::Proven),
            (Some(Standing::Unknown), Standing::Unknown),
            (None, Standing::Unknown),
        ] {
            let hosts = Hosts::default();
            show(&hosts, live(1), "host", shown);
            assert_eq!(enter_all(&hosts, live(1), "host"), standing.limit(), "{shown:?}");
        }
    }

    #[test]
    fn one_merchants_trouble_with_a_host_leaves_the_others_their_places() {
        let hosts = Hosts::default();
        assert_eq!(enter_all(&hosts, live(1), "host"), Standing::Unknown.limit(), "a merchant's backlog");
        show(&hosts, live(2), "host", Some(Standing::Proven));
        assert_eq!(enter_all(&hosts, live(2), "host"), Standing::Proven.limit());
        assert_eq!(enter_all(&hosts, live(3), "host"), Standing::Unknown.limit());
    }

    #[test]
    fn a_merchant_with_many_hosts_that_stall_leaves_the_others_their_places() {
        for (count, shown) in [(16, None), (100, Some(Standing::Troubled))] {
            let hosts = Hosts::default();
            for n in 0..count {
                show(&hosts, live(1), &format!("host {n} of {:?}", live(1)), shown);
            }
            assert_eq!(enter_many(&hosts, live(1), count), OF_MERCHANT.unproven);
            assert_eq!(enter_all(&hosts, live(2), "new"), Standing::Unknown.limit());
            show(&hosts, live(3), "proven", Some(Standing::Proven));
            assert_eq!(enter_all(&hosts, live(3), "proven"), Standing::Proven.limit());
        }
    }

    #[test]
    fn a_merchants_stalling_hosts_leave_places_to_its_quick_one() {
        let hosts = Hosts::default();
        show(&hosts, live(1), "quick", Some(Standing::Proven));
        assert_eq!(enter_many(&hosts, live(1), 16), OF_MERCHANT.unproven);
        assert_eq!(enter_all(&hosts, live(1), "quick"), OF_MERCHANT.in_all - OF_MERCHANT.unproven);
    }

    #[test]
    fn all_of_sandbox_and_all_that_stalls_leave_places_to_quick_receivers_in_live() {
        let hosts = Hosts::default();
        let quick = live(100);
        show(&hosts, quick, "quick", Some(Standing::Proven));
        let tried: usize = (0..20).map(|n| enter_many(&hosts, sandbox(n), 16)).sum();
        assert_eq!(tried, IN_SANDBOX.unproven);
        for n in 20..30 {
            show_proven_and_fill(&hosts, sandbox(n));
        }
        let stalling: usize = (0..20).map(|n| enter_many(&hosts, live(n), 16)).sum();
        assert_eq!(stalling, IN_LIVE.unproven);
        let taken: usize = hosts.known.lock().unwrap().environments.values().map(|load| load.in_all).sum();
        assert_eq!(taken, IN_SANDBOX.in_all + IN_LIVE.unproven);
        assert_eq!(enter_all(&hosts, quick, "quick"), Standing::Proven.limit());
    }

    /// Takes whatever places a merchant gets whose host was proven before the others came.
    fn show_proven_and_fill(hosts: &Hosts, shop: Shop) {
        let name = format!("{shop:?}");
        hosts.known.lock().unwrap().lines.insert(
            (shop.0, name.clone()),
            Line { in_flight: 0, standing: Standing::Proven, backlog: Backlog::default() },
        );
        enter_all(hosts, shop, &name);
    }

    #[test]
    fn a_host_that_dies_for_many_merchants_leaves_places_to_other_hosts() {
        let hosts = Hosts::default();
        let taken: usize = (0..100).map(|n| enter_all(&hosts, live(n), "unproven")).sum();
        assert_eq!(taken, TO_HOST.unproven);
        let hosts = Hosts::default();
        (0..100).for_each(|n| show(&hosts, live(n), "proven", Some(Standing::Proven)));
        let taken: usize = (0..100).map(|n| enter_all(&hosts, live(n), "proven")).sum();
        assert_eq!(taken, TO_HOST.in_all);
    }

    #[test]
    fn places_that_are_given_back_are_free_again() {
        let hosts = Hosts::default();
        for shown in [None, Some(Standing::Proven), Some(Standing::Proven), None] {
            let enter = |_| hosts.enter(live(1), "host", NOW).unwrap();
            let places: Vec<_> = (0..Standing::Unknown.limit()).map(enter).collect();
            places.into_iter().for_each(|place| hosts.leave(place, shown));
        }
        let known = hosts.known.lock().unwrap();
        assert_eq!(known.lines.values().next().unwrap().in_flight, 0);
        assert!(known.shops.is_empty() && known.hosts.is_empty() && known.environments.is_empty());
    }

    fn longer(wait: Span, by: Span) -> Span {
        Span::millis(wait.as_millis() + by.as_millis())
    }

    /// How long so many deliveries that find no place wait.
    fn waits(hosts: &Hosts, shop: Shop, name: &str, count: usize) -> Vec<Span> {
        (0..count).map(|_| hosts.enter(shop, name, NOW).unwrap_err()).collect()
    }

    #[test]
    fn the_backlog_of_a_troubled_host_waits_longer_the_longer_it_is() {
        let hosts = Hosts::default();
        let first = hosts.enter(live(1), "host", NOW).unwrap();
        let second = hosts.enter(live(1), "host", NOW).unwrap();
        enter_all(&hosts, live(1), "host");
        hosts.leave(first, Some(Standing::Troubled));
        let troubled = waits(&hosts, live(1), "host", 7000);
        let (_, step) = Standing::Troubled.pace();
        assert!(troubled[2..].windows(2).all(|pair| pair[1] == longer(pair[0], step).min(LONGEST_WAIT)));
        assert_eq!(troubled[6999], LONGEST_WAIT);
        hosts.leave(second, Some(Standing::Proven));
        enter_all(&hosts, live(1), "host");
        assert!(waits(&hosts, live(1), "host", 1)[0] < Span::seconds(2), "it answered meanwhile");
    }

    #[test]
    fn a_backlog_comes_back_at_its_pace_however_slowly_its_host_answers() {
        for (standing, a_second) in [(Standing::Unknown, 500), (Standing::Troubled, 10)] {
            let hosts = Hosts::default();
            show(&hosts, live(1), "host", Some(standing));
            let places: Vec<_> = (0..standing.limit()).map(|_| hosts.enter(live(1), "host", NOW).unwrap()).collect();
            let mut waits = Vec::new();
            for place in places {
                waits.extend((0..20).map(|_| hosts.enter(live(1), "host", NOW).unwrap_err()));
                hosts.leave(place, Some(standing));
                assert!(hosts.enter(live(1), "host", NOW).is_ok());
            }
            let (least, _) = standing.pace();
            let within = |wait: &&Span| **wait > least && **wait <= longer(least, Span::seconds(1));
            assert_eq!(waits.iter().filter(within).count(), a_second, "{standing:?}");
        }
    }

    #[test]
    fn a_merchant_over_its_limit_waits_in_a_line_of_its_own() {
        let hosts = Hosts::default();
        enter_many(&hosts, live(1), 16);
        let backlog = waits(&hosts, live(1), "another", 3000);
        assert!(backlog[2999] > Span::seconds(10));
        enter_many(&hosts, live(2), 16);
        let (least, _) = Standing::Unknown.pace();
        assert_eq!(waits(&hosts, live(3), "third", 1), [least], "what is left for all is used up");
    }

    #[test]
    fn the_backlog_of_many_merchants_at_a_dead_host_waits_longer_the_longer_it_is() {
        let hosts = Hosts::default();
        let taken: usize = (0..3).map(|n| enter_all(&hosts, live(n), "host")).sum();
        assert_eq!(taken, TO_HOST.unproven);
        let wait = |n, now| hosts.enter(live(n), "host", now).unwrap_err();
        let (before, after) = (wait(4, NOW), wait(5, NOW));
        assert!(after > before);
        let later = NOW.plus(Span::minutes(20));
        let (least, _) = Standing::Unknown.pace();
        assert_eq!(wait(6, later), least, "the others have come back meanwhile");
    }
}
