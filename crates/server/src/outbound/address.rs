//! Which URLs a merchant may give, and which addresses the gateway may call.
//!
//! The URL is judged twice. At the door, [`parse_callback_url`] refuses what can be seen in the
//! text; when a call is made, the [`connector`](super::connector) asks [`AddressPolicy::permits`]
//! about every address the name resolves to, because a name may point anywhere by then.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use url::{Host, Position, Url};

/// The longest URL taken, in characters, both as given and as normalised.
pub const URL_LIMIT: usize = 2048;

/// The cloud's metadata host; no operator's range makes it a merchant's receiver.
const METADATA_HOST: &str = "metadata.google.internal";

/// IPv4 ranges that are not the public Internet: the special-purpose registry of IANA
/// (RFC 6890 and its updates), multicast (RFC 5771) and the reserved class E.
const REFUSED_V4: [Ipv4Net; 16] = [
    v4([0, 0, 0, 0], 8),       // "this network"
    v4([10, 0, 0, 0], 8),      // private, RFC 1918
    v4([100, 64, 0, 0], 10),   // carrier-grade NAT, RFC 6598
    v4([127, 0, 0, 0], 8),     // loopback
    v4([169, 254, 0, 0], 16),  // link-local, cloud metadata
    v4([172, 16, 0, 0], 12),   // private, RFC 1918
    v4([192, 0, 0, 0], 24),    // IETF protocol assignments
    v4([192, 0, 2, 0], 24),    // documentation
    v4([192, 88, 99, 0], 24),  // 6to4 relay anycast, deprecated
    v4([192, 168, 0, 0], 16),  // private, RFC 1918
    v4([198, 18, 0, 0], 15),   // benchmarking
    v4([198, 51, 100, 0], 24), // documentation
    v4([203, 0, 113, 0], 24),  // documentation
    v4([224, 0, 0, 0], 4),     // multicast
    v4([240, 0, 0, 0], 4),     // reserved, 255.255.255.255 included
    v4([255, 255, 255, 255], 32),
];

/// The only IPv6 range handed out as global unicast (RFC 4291, IANA).
const GLOBAL_UNICAST: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// Parts of [`GLOBAL_UNICAST`] that no receiver lives in.
const REFUSED_V6: [Ipv6Net; 3] = [
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), // IETF protocol assignments: Teredo, ORCHID, benchmarking
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), // documentation
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), // documentation, RFC 9637
];

const V4_MAPPED: Ipv6Net = v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96);
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);
const SIX_TO_FOUR: Ipv6Net = v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16);

const fn v4([a, b, c, d]: [u8; 4], prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6([a, b, c, d, e, f, g, h]: [u16; 8], prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix)
}

/// Whether an address belongs to the public Internet.
///
/// Addresses that carry an IPv4 address inside and end up there (mapped, NAT64 by the well-known
/// prefix, 6to4) are judged by the inner one.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !REFUSED_V4.iter().any(|range| range.contains(&address)),
        IpAddr::V6(address) => match inner_v4(address) {
            Some(inner) => is_public(IpAddr::V4(inner)),
            None => GLOBAL_UNICAST.contains(&address) && !REFUSED_V6.iter().any(|range| range.contains(&address)),
        },
    }
}

/// The IPv4 address that an IPv6 address leads to by its construction.
fn inner_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let bits = address.to_bits();
    // Truncation takes the 32 bits wanted.
    let inner = |shift: u32| Some(Ipv4Addr::from_bits((bits >> shift) as u32));
    if V4_MAPPED.contains(&address) || NAT64.contains(&address) {
        inner(0)
    } else if SIX_TO_FOUR.contains(&address) {
        inner(80)
    } else {
        None
    }
}

/// Which addresses and schemes one environment may call.
///
/// The default is the strict one: public addresses by https only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressPolicy {
    /// 127.0.0.0/8 and ::1 may be called, also in their mapped spelling.
    pub allow_loopback: bool,
    /// Ranges that the operator named; they may be called although they are not public.
    pub allowed: Vec<IpNet>,
    /// `http://` may be called, not only `https://`.
    pub allow_plain_http: bool,
}

impl AddressPolicy {
    /// What the sandbox does by default: loopback and `http://` are allowed.
    pub fn sandbox() -> Self {
        Self { allow_loopback: true, allowed: Vec::new(), allow_plain_http: true }
    }

    /// Whether a connection to this address may be opened.
    pub fn permits(&self, address: IpAddr) -> bool {
        // A mapped address is the IPv4 address it names: the kernel connects there.
        let plain = address.to_canonical();
        is_public(address)
            || (self.allow_loopback && plain.is_loopback())
            || self.allowed.iter().any(|range| range.contains(&plain))
    }

    /// Whether this policy calls the URL's scheme at all.
    pub fn permits_scheme(&self, scheme: &str) -> bool {
        match scheme {
            "https" => true,
            "http" => self.allow_plain_http,
            _ => false,
        }
    }

    /// Judges a host by its spelling; the addresses behind a name are judged when connecting.
    fn check_host(&self, host: &Host<&str>) -> Result<(), UrlFault> {
        match host {
            Host::Ipv4(address) => self.check_literal(IpAddr::V4(*address)),
            Host::Ipv6(address) => self.check_literal(IpAddr::V6(*address)),
            Host::Domain(name) => self.check_name(name.trim_end_matches('.')),
        }
    }

    fn check_literal(&self, address: IpAddr) -> Result<(), UrlFault> {
        if self.permits(address) {
            Ok(())
        } else {
            Err(UrlFault::NotAllowed("the address is not on the public Internet"))
        }
    }

    fn check_name(&self, name: &str) -> Result<(), UrlFault> {
        let within =
            |parent: &str| name.strip_suffix(parent).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        if name.is_empty() {
            return Err(UrlFault::Invalid("the host is missing"));
        }
        if within("localhost") {
            return match self.allow_loopback {
                true => Ok(()),
                false => Err(UrlFault::NotAllowed("the host is this machine")),
            };
        }
        // An operator who allows ranges of an own network also has names for it; what such a
        // name resolves to is still checked when connecting.
        let local = within("internal") || within("local");
        if name == METADATA_HOST || (local && self.allowed.is_empty()) {
            return Err(UrlFault::NotAllowed("the host belongs to a private network"));
        }
        Ok(())
    }
}

/// Why a merchant's URL is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlFault {
    /// Not an absolute URL in its plain spelling; carries what is wrong with it.
    #[error("{0}")]
    Invalid(&'static str),
    /// A URL, but not one that is called or linked to; carries the reason.
    #[error("{0}")]
    NotAllowed(&'static str),
    /// Longer than [`URL_LIMIT`].
    #[error("a URL has at most {URL_LIMIT} characters")]
    TooLong,
}

impl UrlFault {
    /// The stable error code of the API.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Invalid(_) => "url_invalid",
            Self::NotAllowed(_) => "url_not_allowed",
            Self::TooLong => "field_too_long",
        }
    }
}

/// Reads a URL that the gateway will call: `notifyUrl` and webhook endpoints.
///
/// # Errors
/// A [`UrlFault`], whose [`code`](UrlFault::code) the API answers with.
pub fn parse_callback_url(text: &str, policy: &AddressPolicy) -> Result<Url, UrlFault> {
    let url = parse_web_url(text)?;
    if !policy.permits_scheme(url.scheme()) {
        return Err(UrlFault::NotAllowed("the scheme must be https"));
    }
    match url.host() {
        Some(host) => policy.check_host(&host)?,
        None => return Err(UrlFault::Invalid("the host is missing")),
    }
    // The URL standard lets a few characters stand that no HTTP request line carries.
    match http::Uri::try_from(&url[..Position::AfterQuery]) {
        Ok(_) => Ok(url),
        Err(_) => Err(UrlFault::Invalid("a character of the URL must be percent-encoded")),
    }
}

/// Reads a URL that only the customer's browser opens: `redirectUrl`.
///
/// Addresses are not judged: the browser may reach what the gateway must not.
///
/// # Errors
/// A [`UrlFault`], whose [`code`](UrlFault::code) the API answers with.
pub fn parse_redirect_url(text: &str) -> Result<Url, UrlFault> {
    parse_web_url(text)
}

/// The rules that every URL of a merchant obeys.
fn parse_web_url(text: &str) -> Result<Url, UrlFault> {
    if text.chars().nth(URL_LIMIT).is_some() {
        return Err(UrlFault::TooLong);
    }
    // The URL parser drops tabs and line ends, trims blanks and reads `\` as `/`, so that the
    // text checked and the text used would differ. Such spellings are refused before it sees them.
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(UrlFault::Invalid("a URL has no spaces or control characters"));
    }
    if text.contains('\\') {
        return Err(UrlFault::Invalid("a URL has no backslash"));
    }
    let url =
        Url::parse(text).map_err(|_| UrlFault::Invalid("not an absolute URL such as https://shop.example/hook"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(UrlFault::NotAllowed("the scheme must be http or https"));
    }
    // It also takes `https:host` and `https:///host`, which other readers take differently.
    let after_scheme = text.get(url.scheme().len()..).and_then(|rest| rest.strip_prefix("://"));
    if after_scheme.is_none_or(|rest| rest.starts_with('/')) {
        return Err(UrlFault::Invalid("the scheme is followed by :// and the host"));
    }
    if !url.username().is_empty() || url.password().is_some() || has_userinfo(text) {
        return Err(UrlFault::NotAllowed("a URL carries no user name or password"));
    }
    if url.as_str().len() > URL_LIMIT {
        return Err(UrlFault::TooLong);
    }
    Ok(url)
}

/// Whether the authority has an `@`: an empty user name leaves no trace in the parsed URL.
fn has_userinfo(text: &str) -> bool {
    let authority = text.split_once("://").map_or("", |(_, rest)| rest);
    authority.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn addresses_outside_the_public_internet_are_not_public() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.0.170",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "192.168.255.255",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::2",
            "::127.0.0.1",
            "::8.8.8.8",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:0.0.0.0",
            "::ffff:169.254.169.254",
            "::ffff:0:127.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::1",
            "64:ff9b:1::8.8.8.8",
            "100::1",
            "2001::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:0a00:1::1",
            "2002:c0a8:101::1",
            "2002:a9fe:a9fe::",
            "3fff::1",
            "3fff:fff::1",
            "4000::1",
            "5f00::1",
            "fc00::1",
            "fd12:3456:789a::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "ff0e::1",
        ] {
            assert!(!is_public(ip(text)), "{text} must not be public");
        }
    }

    #[test]
    fn addresses_of_the_public_internet_are_public() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.1",
            "100.63.255.255",
            "100.128.0.1",
            "126.255.255.255",
            "128.0.0.1",
            "169.253.255.255",
            "169.255.0.1",
            "172.15.255.255",
            "172.32.0.1",
            "192.0.1.1",
            "192.0.3.1",
            "192.167.255.255",
            "192.169.0.1",
            "198.17.255.255",
            "198.20.0.1",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2606:4700:4700::1111",
            "2a00:1450:4001::1",
            "3ffe::1",
        ] {
            assert!(is_public(ip(text)), "{text} must be public");
        }
    }

    #[test]
    fn loopback_is_permitted_only_where_the_policy_says_so_and_private_ranges_never_come_with_it() {
        let (strict, sandbox) = (AddressPolicy::default(), AddressPolicy::sandbox());
        for text in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert!(!strict.permits(ip(text)), "{text}");
            assert!(sandbox.permits(ip(text)), "{text}");
        }
        for text in [
            "0.0.0.0",
            "::",
            "10.0.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "fe80::1",
            "fd00::1",
            "2002:7f00:1::",
            "64:ff9b::127.0.0.1",
            "::127.0.0.1",
        ] {
            assert!(!strict.permits(ip(text)), "{text}");
            assert!(!sandbox.permits(ip(text)), "{text}");
        }
    }

    #[test]
    fn a_range_named_by_the_operator_is_permitted_and_its_neighbours_are_not() {
        let policy = AddressPolicy {
            allowed: vec!["10.1.0.0/16".parse().unwrap(), "fd00:1::/32".parse().unwrap()],
            ..AddressPolicy::default()
        };
        for text in ["10.1.2.3", "::ffff:10.1.2.3", "fd00:1::5", "8.8.8.8"] {
            assert!(policy.permits(ip(text)), "{text}");
        }
        for text in ["10.2.0.1", "fd00:2::5", "127.0.0.1", "::ffff:10.2.0.1"] {
            assert!(!policy.permits(ip(text)), "{text}");
        }
    }

    /// Rows W-001 to W-031 of the catalogue of bad inputs, and spellings that normalise to them.
    #[test]
    fn a_callback_url_into_a_private_network_is_refused_in_every_spelling() {
        let live = AddressPolicy { allow_plain_http: true, ..AddressPolicy::default() };
        for text in [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://127.0.0.1./",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0x7f000001/",
            "http://0177.0.0.1/",
            "http://017700000001/",
            "http://%31%32%37.0.0.1/",
            "http://１２７.0.0.1/",
            "http://①②⑦.0.0.1/",
            "http://127。0。0。1/",
            "http://[::1]/",
            "http://[::]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:7f00:1]/",
            "http://[0:0:0:0:0:ffff:127.0.0.1]/",
            "http://[64:ff9b::10.0.0.1]/",
            "http://[2002:7f00:1::]/",
            "http://[5f00::1]/",
            "http://[fe80::1]/",
            "http://[fd00::1]/",
            "http://0/",
            "http://0.0.0.0/",
            "http://10.0.0.1:8080/x",
            "http://100.64.1.1/",
            "http://169.254.169.254/latest/meta-data/",
            "http://172.16.0.1/",
            "http://192.168.1.1/",
            "http://255.255.255.255/",
            "http://localhost/",
            "http://LOCALHOST:80/",
            "http://localhost./",
            "http://a.localhost/",
            "http://a.b.localhost./x",
            "http://metadata.google.internal/",
            "http://METADATA.google.internal./",
            "http://db.internal/",
            "http://internal/",
            "http://printer.local/",
        ] {
            let fault = parse_callback_url(text, &live).expect_err(text);
            assert_eq!(fault.code(), "url_not_allowed", "{text}");
        }
    }

    #[test]
    fn a_callback_url_of_the_public_internet_is_taken_as_it_is() {
        let live = AddressPolicy::default();
        for text in [
            "https://shop.example/hook",
            "https://shop.example:8443/hook?a=b&c=%20d",
            "https://8.8.8.8/",
            "https://[2606:4700:4700::1111]/x",
            "https://notlocalhost/",
            "https://mylocal.example/",
            "https://internal.example/",
            "https://shop.example/a|b^c?x=\"{}|^`#part",
            "https://shop.example/@me?mail=a@b.c",
            "https://bücher.example/straße",
        ] {
            let url = parse_callback_url(text, &live).expect(text);
            assert!(http::Uri::try_from(&url[..Position::AfterQuery]).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_url_that_other_readers_could_take_differently_is_invalid() {
        let policy = AddressPolicy::sandbox();
        for text in [
            "",
            "shop.example/hook",
            "/hook",
            "//evil.example/x",
            "https://",
            "https:///",
            "https:shop.example",
            "https:/shop.example",
            "https:///shop.example/",
            "https://exa mple.com",
            " https://shop.example/",
            "https://shop.example/ ",
            "https://example.com/\r\nX-Injected: 1",
            "https://exam\tple.com/",
            "https://example.com/\n",
            "ht\ntps://example.com/",
            "https://example.com/\u{0}",
            "https://example.com/\u{a0}",
            "https://example.com/\u{2028}",
            "https://example.com/\u{7f}",
            "https:\\\\evil.example",
            "https://good.example\\@evil.example/",
            "https://shop.example:99999/",
            "https://shop.example:x/",
            "https://[::1/",
            "https://1.2.3.4.5/",
            "https://256.1.1.1/",
            "https://./",
            "https://%00/",
        ] {
            let fault = parse_callback_url(text, &policy).expect_err(text);
            assert_eq!(fault.code(), "url_invalid", "{text:?}");
            let fault = parse_redirect_url(text);
            assert!(fault.is_err_and(|fault| fault.code() == "url_invalid") || text == "https://./", "{text:?}");
        }
    }

    /// Rows W-026, W-030, S-051, S-052 and S-057 of the catalogue of bad inputs.
    #[test]
    fn other_schemes_and_credentials_are_not_allowed_for_callbacks_and_redirects() {
        for text in [
            "ftp://example.com/",
            "file:///etc/passwd",
            "gopher://127.0.0.1:70/",
            "javascript:alert(document.domain)",
            "JaVaScRiPt:alert(1)",
            "data:text/html,x",
            "mailto:a@b.c",
            "https://user:pw@example.com/",
            "https://user@example.com/",
            "https://@example.com/",
            "https://:@example.com/",
            "https://good.example@evil.example/",
        ] {
            let callback = parse_callback_url(text, &AddressPolicy::sandbox()).expect_err(text);
            assert_eq!(callback.code(), "url_not_allowed", "{text}");
            let redirect = parse_redirect_url(text).expect_err(text);
            assert_eq!(redirect.code(), "url_not_allowed", "{text}");
        }
    }

    #[test]
    fn plain_http_is_a_callback_only_where_the_policy_allows_it() {
        let text = "http://shop.example/hook";
        assert_eq!(parse_callback_url(text, &AddressPolicy::default()).map_err(UrlFault::code), Err("url_not_allowed"));
        assert!(parse_callback_url(text, &AddressPolicy::sandbox()).is_ok());
        assert!(parse_redirect_url(text).is_ok());
    }

    #[test]
    fn the_sandbox_takes_loopback_and_refuses_other_private_addresses() {
        let sandbox = AddressPolicy::sandbox();
        for text in [
            "http://127.0.0.1:4000/hook",
            "http://localhost:4000/",
            "http://shop.localhost/",
            "http://[::1]:4000/",
            "http://[::ffff:127.0.0.1]/",
        ] {
            assert!(parse_callback_url(text, &sandbox).is_ok(), "{text}");
        }
        for text in [
            "http://192.168.1.1/",
            "http://169.254.169.254/",
            "http://0.0.0.0/",
            "http://metadata.google.internal/",
            "http://db.internal/",
        ] {
            assert_eq!(parse_callback_url(text, &sandbox).map_err(UrlFault::code), Err("url_not_allowed"), "{text}");
        }
    }

    #[test]
    fn an_operator_with_own_ranges_may_use_own_names_but_not_the_clouds_metadata() {
        let policy = AddressPolicy { allowed: vec!["10.0.0.0/8".parse().unwrap()], ..AddressPolicy::default() };
        assert!(parse_callback_url("https://shop.internal/", &policy).is_ok());
        assert!(parse_callback_url("https://10.2.3.4/", &policy).is_ok());
        assert!(parse_callback_url("https://metadata.google.internal/", &policy).is_err());
        assert!(parse_callback_url("https://localhost/", &policy).is_err());
    }

    #[test]
    fn a_url_has_at_most_2048_characters_before_and_after_normalisation() {
        let of_length = |length: usize| format!("https://shop.example/{}", "a".repeat(length - 21));
        assert!(parse_callback_url(&of_length(2048), &AddressPolicy::default()).is_ok());
        for text in [
            of_length(2049),
            format!("https://{}", "a".repeat(3000)),
            format!("https://shop.example/{}", "ü".repeat(1000)),
        ] {
            assert_eq!(parse_callback_url(&text, &AddressPolicy::default()), Err(UrlFault::TooLong));
            assert_eq!(parse_redirect_url(&text), Err(UrlFault::TooLong));
        }
    }

    #[test]
    fn a_redirect_url_may_lead_where_only_the_customers_browser_goes() {
        for text in ["http://localhost:3000/thanks", "http://192.168.1.1/", "https://shop.example/thanks?x=1#top"] {
            assert_eq!(parse_redirect_url(text).map(String::from), Ok(text.to_owned()));
        }
    }
}
