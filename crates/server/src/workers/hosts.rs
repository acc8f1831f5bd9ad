//! How many calls go to one host at once, so that a dead receiver holds nobody else up.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Calls to a host that has answered lately.
const PROVEN_LIMIT: usize = 256;
/// Calls to a host of which nothing is known.
const UNKNOWN_LIMIT: usize = 64;
/// Calls to a host whose last call failed.
const TROUBLED_LIMIT: usize = 8;
/// Hosts remembered while nothing is going on with them.
const MAX_IDLE_HOSTS: usize = 10_000;

#[derive(Debug, Default, Clone, Copy)]
struct Host {
    in_flight: usize,
    answered: Option<bool>,
}

/// The hosts that are being called.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    by_name: Mutex<HashMap<String, Host>>,
}

impl Hosts {
    /// Takes a place for a call; false when the host has as many as it should.
    pub(super) fn enter(&self, name: &str) -> bool {
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        if by_name.len() >= MAX_IDLE_HOSTS {
            by_name.retain(|_, host| host.in_flight > 0);
        }
        let host = by_name.entry(name.to_owned()).or_default();
        let limit = match host.answered {
            Some(true) => PROVEN_LIMIT,
            None => UNKNOWN_LIMIT,
            Some(false) => TROUBLED_LIMIT,
        };
        let free = host.in_flight < limit;
        host.in_flight += usize::from(free);
        free
    }

    /// Gives the place back and remembers whether the call was answered, if there was one.
    pub(super) fn leave(&self, name: &str, answered: Option<bool>) {
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = by_name.get_mut(name) {
            host.in_flight = host.in_flight.saturating_sub(1);
            host.answered = answered.or(host.answered);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_troubled_host_gets_few_calls_and_a_proven_one_many() {
        let hosts = Hosts::default();
        let enter_all = |name: &str| (0..1000).filter(|_| hosts.enter(name)).count();
        assert_eq!(enter_all("unknown"), UNKNOWN_LIMIT);
        assert!(hosts.enter("dead"));
        hosts.leave("dead", Some(false));
        assert_eq!(enter_all("dead"), TROUBLED_LIMIT);
        assert!(hosts.enter("good"));
        hosts.leave("good", Some(true));
        assert_eq!(enter_all("good"), PROVEN_LIMIT);
        assert!(hosts.enter("uncalled"));
        hosts.leave("uncalled", None);
        assert_eq!(enter_all("uncalled"), UNKNOWN_LIMIT);
    }
}
