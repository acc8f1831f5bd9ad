//! Where a request comes from, also when it comes through proxies.

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Each proxy adds the address that called it behind those that it was told.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Stands for every client of whom a trusted proxy says something that is no address. No client has it (RFC 6890), so none
/// is taken for the proxy itself, and a limit counts all of them as one.
const UNKNOWN: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// The address of the client: the one that is connected, or what a trusted proxy says about whom it speaks for. Read from
/// the end, as everything before what the last trusted proxy wrote may be made up.
pub(super) fn client_address(peer: SocketAddr, headers: &HeaderMap, trusted: &[IpNet]) -> SocketAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
    let mut address = peer.ip().to_canonical();
    let lines = headers.get_all(FORWARDED_FOR).iter().rev();
    let mut entries = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    while is_trusted(address) {
        let Some(entry) = entries.next() else { break };
        address = read(entry).unwrap_or(UNKNOWN);
    }
    SocketAddr::new(address, peer.port())
}

/// Reads an address, also with the port that some proxies add, and in brackets.
fn read(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().or_else(|_| text.parse::<SocketAddr>().map(|with_port| with_port.ip()));
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn client(peer: &str, lines: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, HeaderValue::from_bytes(line.as_bytes()).unwrap());
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
    fn an_address_may_have_a_port_and_brackets() {
        for (line, address) in [
            ("203.0.113.7:80", "203.0.113.7"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("203.0.113.7:1, 10.0.0.9:2", "203.0.113.7"),
            ("[::ffff:203.0.113.7]:443", "203.0.113.7"),
        ] {
            assert_eq!(client("127.0.0.1", &[line]), address, "{line}");
        }
    }

    #[test]
    fn whoever_cannot_be_read_is_not_taken_for_the_proxy() {
        for line in ["", "unknown", "8.8.8.8, _hidden", "127.0.0.1.nip.io", "8.8.8.8:123456", "[10.0.0.1", "\u{661}"] {
            assert_eq!(client("127.0.0.1", &[line]), "0.0.0.0", "{line}");
        }
        assert_eq!(client("127.0.0.1", &["unknown, 10.0.0.9"]), "0.0.0.0");
        // Without a trusted proxy before it, it is anybody's text.
        assert_eq!(client("198.51.100.1", &["unknown"]), "198.51.100.1");
        assert_eq!(client("127.0.0.1", &["10.0.0.1, 10.0.0.2"]), "10.0.0.1");
    }
}
