//! Which URLs a merchant may give, and which addresses the gateway may call.
//!
//! The URL is judged twice. At the door, [`parse_callback_url`] refuses what can be seen in the text; when a call is
//! made, the [`connector`](super::connector) asks [`AddressPolicy::permits`] about every address the name resolves to,
//! because a name may point anywhere by then.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use url::{Host, Position, Url};

/// The longest URL taken, in characters, both as given and as normalised.
pub const URL_LIMIT: usize = 2048;

/// The cloud's metadata host; no operator's range makes it a merchant's receiver.
const METADATA_HOST: &str = "metadata.google.internal";

/// IPv4 ranges that are not the public Internet: the special-purpose registry of IANA (RFC 6890 and its updates),
/// multicast (RFC 5771) and the reserved class E.
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
/// Addresses that carry an IPv4 address inside and end up there (mapped, NAT64 by the well-known prefix, 6to4) are
/// judged by the inner one.
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
            let addresses = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
            return match addresses.into_iter().any(|address| self.permits(address)) {
                true => Ok(()),
                false => Err(UrlFault::NotAllowed("the host is this machine")),
            };
        }
        // An operator who allows ranges of an own network also has names for it; what such a name resolves to is still
        // checked when connecting.
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
    // The URL parser drops tabs and line ends, trims blanks and reads `\` as `/`, so that the text checked and the text
    // used would differ. Such spellings are refused before it sees them.
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
mod tests;
