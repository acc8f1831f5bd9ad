//! Where a request comes from, also when it comes through proxies.

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

/// Each proxy adds the address that called it behind those that it was told.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address of the client: the one that is connected, or what a trusted proxy says about whom it speaks for. Read from
/// the end, as everything before what the last trusted proxy wrote may be made up.
pub(super) fn client_address(peer: SocketAddr, headers: &HeaderMap, trusted: &[IpNet]) -> SocketAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
    let mut address = peer.ip().to_canonical();
    let lines = headers.get_all(FORWARDED_FOR).iter().rev();
    let mut entries = lines.flat_map(|line| line.to_str().unwrap_or("").rsplit(','));
    while is_trusted(address) {
        // What cannot be read ends the chain at the proxy that wrote it.
        let Some(Ok(before)) = entries.next().map(|entry| entry.trim().parse::<IpAddr>()) else { break };
        address = before.to_canonical();
    }
    SocketAddr::new(address, peer.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn client(peer: &str, lines: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, HeaderValue::from_str(line).unwrap());
        }
        let trusted = ["127.0.0.0/8".parse().unwrap(), "10.0.0.0/8".parse().unwrap()];
        client_address(SocketAddr::new(peer.parse().unwrap(), 1), &headers, &trusted).ip().to_string()
    }

    #[test]
    fn a_trusted_proxy_is_believed_and_nobody_else() {
        assert_eq!(client("127.0.0.1", &[]), "127.0.0.1");
        assert_eq!(client("127.0.0.1", &["203.0.113.7"]), "203.0.113.7");
        assert_eq!(client("::ffff:127.0.0.1", &["2001:db8::1"]), "2001:db8::1");
        assert_eq!(client("198.51.100.1", &["203.0.113.7"]), "198.51.100.1");
    }

    #[test]
    fn only_what_trusted_proxies_wrote_counts() {
        // The client has made up the first address; the outer proxy wrote the second and the inner one the third.
        assert_eq!(client("127.0.0.1", &["127.0.0.1, 203.0.113.7, 10.0.0.9"]), "203.0.113.7");
        assert_eq!(client("127.0.0.1", &["127.0.0.1, 203.0.113.7", "10.0.0.9"]), "203.0.113.7");
        assert_eq!(client("127.0.0.1", &["203.0.113.7,10.0.0.9"]), "203.0.113.7");
    }

    #[test]
    fn what_cannot_be_read_is_not_believed() {
        for line in ["", "unknown", "203.0.113.7:80", "203.0.113.7, _hidden", "127.0.0.1.nip.io"] {
            assert_eq!(client("127.0.0.1", &[line]), "127.0.0.1", "{line}");
        }
        assert_eq!(client("127.0.0.1", &["10.0.0.1, 10.0.0.2"]), "10.0.0.1");
    }
}
