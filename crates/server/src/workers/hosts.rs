//! How many calls go to one host at once, so that a dead receiver holds nobody else up.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use xanpay_domain::time::Span;

/// Calls to a host that has answered quickly.
const PROVEN_LIMIT: usize = 256;
/// Calls to a host of which nothing is known, or that answers slowly.
const UNKNOWN_LIMIT: usize = 64;
/// Calls to a host whose last call failed.
const TROUBLED_LIMIT: usize = 8;
/// Hosts remembered while nothing is going on with them.
const MAX_IDLE_HOSTS: usize = 10_000;
/// How long a delivery waits for a place with a busy host.
const BUSY_WAIT: Span = Span::millis(500);
/// How long the first delivery waits for a place with a troubled host; each further one waits a little longer, so that
/// of a long backlog about ten a second are taken on and given back.
const TROUBLED_WAIT: Span = Span::seconds(2);
const TROUBLED_STEP: Span = Span::millis(100);
/// No delivery waits longer than this for a place.
const LONGEST_WAIT: Span = Span::minutes(10);

/// What a host's last call has shown.
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

#[derive(Debug, Default, Clone, Copy)]
struct Host {
    in_flight: usize,
    standing: Standing,
    /// Deliveries that found no place since the host was last in another standing than troubled.
    turned_away: i64,
}

/// The hosts that are being called.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    by_name: Mutex<HashMap<String, Host>>,
}

impl Hosts {
    /// Takes a place for a call.
    ///
    /// # Errors
    /// How long to wait at most when the host has as many calls as it should. The backlog of a troubled host is spread
    /// over minutes: taking it on and giving it back costs two writes of a delivery each time.
    pub(super) fn enter(&self, name: &str) -> Result<(), Span> {
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        if by_name.len() >= MAX_IDLE_HOSTS {
            by_name.retain(|_, host| host.in_flight > 0);
        }
        let host = by_name.entry(name.to_owned()).or_default();
        let limit = match host.standing {
            Standing::Proven => PROVEN_LIMIT,
            Standing::Unknown => UNKNOWN_LIMIT,
            Standing::Troubled => TROUBLED_LIMIT,
        };
        if host.in_flight < limit {
            host.in_flight += 1;
            return Ok(());
        }
        match host.standing {
            Standing::Proven | Standing::Unknown => Err(BUSY_WAIT),
            Standing::Troubled => {
                let wait = TROUBLED_WAIT.as_millis() + host.turned_away.saturating_mul(TROUBLED_STEP.as_millis());
                host.turned_away += 1;
                Err(Span::millis(wait.min(LONGEST_WAIT.as_millis())))
            }
        }
    }

    /// Gives the place back and remembers what the call has shown, if there was one.
    pub(super) fn leave(&self, name: &str, shown: Option<Standing>) {
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = by_name.get_mut(name) {
            host.in_flight = host.in_flight.saturating_sub(1);
            host.standing = shown.unwrap_or(host.standing);
            if host.standing != Standing::Troubled {
                host.turned_away = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_troubled_host_gets_few_calls_and_a_proven_one_many() {
        let hosts = Hosts::default();
        let enter_all = |name: &str| (0..1000).filter(|_| hosts.enter(name).is_ok()).count();
        for (shown, limit) in [
            (Some(Standing::Troubled), TROUBLED_LIMIT),
            (Some(Standing::Proven), PROVEN_LIMIT),
            (Some(Standing::Unknown), UNKNOWN_LIMIT),
            (None, UNKNOWN_LIMIT),
        ] {
            let name = format!("{shown:?}");
            assert_eq!(hosts.enter(&name), Ok(()));
            hosts.leave(&name, shown);
            assert_eq!(enter_all(&name), limit, "{name}");
        }
    }

    #[test]
    fn the_backlog_of_a_troubled_host_waits_longer_the_longer_it_is() {
        let hosts = Hosts::default();
        let enter_all = |n: usize| -> Vec<Span> { (0..n).filter_map(|_| hosts.enter("host").err()).collect() };
        assert_eq!(enter_all(UNKNOWN_LIMIT + 2), [BUSY_WAIT; 2]);
        hosts.leave("host", Some(Standing::Troubled));
        let waits = enter_all(7000);
        assert_eq!(waits[..3], [2000, 2100, 2200].map(Span::millis));
        assert_eq!(waits[5980..], [LONGEST_WAIT; 1020]);
        hosts.leave("host", Some(Standing::Troubled));
        assert_eq!(enter_all(1), [LONGEST_WAIT]);
        hosts.leave("host", Some(Standing::Proven));
        hosts.leave("host", Some(Standing::Troubled));
        assert_eq!(enter_all(1), [TROUBLED_WAIT], "it answered meanwhile");
    }
}
