//! How many live streams may be open at once. Each keeps a connection for as long as its page is shown, and nobody needs more
//! than a link to open one.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use xanpay_domain::id::SessionId;

/// The most streams of a session: a customer looks at it in a few tabs.
const MOST_OF_SESSION: usize = 16;
/// The most streams of an address: many customers share one.
const MOST_OF_ADDRESS: usize = 256;

/// The streams that are open.
#[derive(Debug)]
pub(in crate::http) struct Streams {
    most: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    of_session: HashMap<SessionId, usize>,
    of_address: HashMap<IpAddr, usize>,
}

/// The place of one stream; dropped, it is free again.
#[derive(Debug)]
pub(super) struct Place {
    streams: Arc<Streams>,
    session: SessionId,
    address: IpAddr,
}

impl Streams {
    /// Allows `most` streams in all.
    pub(in crate::http) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, open: Mutex::default() })
    }

    /// A place for one more stream, unless as many are open as may be.
    pub(super) fn take(self: &Arc<Self>, session: SessionId, address: IpAddr) -> Option<Place> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = open.all < self.most
            && count(&open.of_session, session) < MOST_OF_SESSION
            && count(&open.of_address, address) < MOST_OF_ADDRESS;
        if !has_room {
            return None;
        }
        open.all += 1;
        *open.of_session.entry(session).or_default() += 1;
        *open.of_address.entry(address).or_default() += 1;
        Some(Place { streams: Arc::clone(self), session, address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.streams.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.all -= 1;
        leave(&mut open.of_session, self.session);
        leave(&mut open.of_address, self.address);
    }
}

fn count<K: Eq + Hash>(counts: &HashMap<K, usize>, key: K) -> usize {
    counts.get(&key).copied().unwrap_or_default()
}

/// Counts one less, and forgets a key of which none is left.
fn leave<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: K) {
    if let Some(count) = counts.get_mut(&key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xanpay_domain::time::Timestamp;

    fn session(n: u8) -> SessionId {
        SessionId::new(Timestamp::from_millis(0), [n; 8])
    }

    fn address(n: u8) -> IpAddr {
        IpAddr::from([203, 0, 113, n])
    }

    #[test]
    fn a_session_an_address_and_all_together_have_their_most() {
        let streams = Streams::new(1000);
        let of_session: Vec<_> = (0..20).filter_map(|n| streams.take(session(0), address(n))).collect();
        assert_eq!(of_session.len(), MOST_OF_SESSION);
        let of_address: Vec<_> = (0..=255).map(|n| streams.take(session(n), address(99))).collect();
        assert!(of_address[0].is_none(), "the session is full for everybody");
        assert_eq!(of_address.iter().flatten().count(), 255);
        let last = streams.take(session(1), address(99));
        assert!(last.is_some() && streams.take(session(2), address(99)).is_none());
        let streams = Streams::new(3);
        let all: Vec<_> = (0..5).filter_map(|n| streams.take(session(n), address(n))).collect();
        assert_eq!(all.len(), 3);
    }

    #[test]
    fn a_stream_that_ends_makes_room_and_leaves_nothing_behind() {
        let streams = Streams::new(1);
        drop(streams.take(session(0), address(0)).unwrap());
        let place = streams.take(session(0), address(0)).unwrap();
        assert!(streams.take(session(0), address(0)).is_none());
        drop(place);
        let open = streams.open.lock().unwrap();
        assert!(open.all == 0 && open.of_session.is_empty() && open.of_address.is_empty());
    }
}
