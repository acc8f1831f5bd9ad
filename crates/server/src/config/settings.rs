//! The effective settings.

use super::names::method_setting;
use super::values::{limit, limit_text, span, span_text};
use super::{
    ConfigError, ConfigFault, ECB_RATE_AGE, Given, Layer, MAX_AMOUNT, METHOD_SETTINGS, MIN_AMOUNT, OPERATOR_RATE_AGE,
    Origin, SETTINGS, SettingInfo, TIME_TO_LIVE,
};
use crate::terms::Terms;
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use url::{Host, Url};
use xanpay_domain::exchange::RateAges;
use xanpay_domain::method::Method;
use xanpay_domain::terms::MethodTerms;
use xanpay_domain::time::Span;
use xanpay_rails::rail;

/// Where the data is when nobody says.
const DEFAULT_DATA: &str = "xanpay-data";
const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
/// Enough for a busy shop; each idle connection costs some kilobytes and one file descriptor.
const DEFAULT_MAX_CONNECTIONS: usize = 10_000;
/// More than any machine has file descriptors for.
const MOST_CONNECTIONS: usize = 1_000_000;
/// Nobody pays faster than in a minute; a nonce is not to be blocked for longer than a month.
const TIME_TO_LIVE_BOUNDS: (Span, Span) = (Span::minutes(1), Span::days(30));
/// Rates move within an hour; one of last quarter is none.
const RATE_AGE_BOUNDS: (Span, Span) = (Span::hours(1), Span::days(90));

/// The effective settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// The database.
    pub storage: Storage,
    /// The key that seals stored secrets.
    pub master_key: KeySource,
    /// Where to listen.
    pub listen: SocketAddr,
    /// Whether somebody chose where to listen.
    pub listen_chosen: bool,
    /// Where customers reach the checkout; the listening address when absent.
    pub public_url: Option<Url>,
    /// What to log; each command has its own default.
    pub log: Option<String>,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Private networks that notices may be sent to.
    pub allow_private_networks: Vec<IpNet>,
    /// Whether live notices may be sent to `http://` addresses.
    pub allow_plain_http: bool,
    /// Whether sandbox notices may be sent to this machine itself.
    pub allow_sandbox_loopback: bool,
    /// Who may read `/metrics`.
    pub metrics_allowed: Vec<IpNet>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Connections served at once.
    pub max_connections: usize,
    /// Limits and times of payment methods, and ages of exchange rates.
    pub terms: Terms,
    /// Where each setting that is no default comes from.
    origins: BTreeMap<String, Origin>,
}

/// A setting as `config check` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// Its full name.
    pub name: String,
    /// Its value, secrets masked; empty when there is none.
    pub text: String,
    /// Where it comes from; nothing for a default.
    pub origin: Option<String>,
    /// What it means.
    pub help: &'static str,
}

/// The database.
#[derive(Clone, PartialEq, Eq)]
pub enum Storage {
    /// An embedded database in this directory.
    Directory(PathBuf),
    /// A PostgreSQL database by its URL.
    Postgres(String),
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => write!(f, "{}", path.display()),
            Self::Postgres(url) => f.write_str(&mask_password(url)),
        }
    }
}

/// Where the master key is.
#[derive(Clone, PartialEq, Eq)]
pub enum KeySource {
    /// Beside the data, or in the user's own directory for PostgreSQL.
    Default,
    /// In this file.
    File(PathBuf),
    /// Here, in hexadecimal.
    Text(String),
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Text(_) => f.write_str("********"),
        }
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs: one JSON object per line.
    Json,
}

impl LogFormat {
    fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

impl Config {
    /// Puts layers together, the strongest first.
    ///
    /// # Errors
    /// [`ConfigError`] with everything that is wrong, `earlier` faults included.
    pub fn resolve(layers: &[Layer], earlier: Vec<ConfigFault>) -> Result<Self, ConfigError> {
        let mut reader = Reader { layers, faults: earlier, origins: BTreeMap::new() };
        let config = Self {
            storage: reader.storage(),
            master_key: reader.master_key(),
            listen_chosen: reader.find("listen").is_some(),
            listen: reader.one("listen", socket_address).unwrap_or(DEFAULT_LISTEN),
            public_url: reader.one("public_url", public_url),
            log: reader.one("log", log_filter),
            log_format: reader.one("log_format", log_format).unwrap_or(LogFormat::Text),
            allow_private_networks: reader.list("allow_private_networks").unwrap_or_default(),
            allow_plain_http: reader.one("allow_plain_http", flag).unwrap_or(false),
            allow_sandbox_loopback: reader.one("allow_sandbox_loopback", flag).unwrap_or(true),
            metrics_allowed: reader.list("metrics_allowed").unwrap_or_else(loopback),
            trusted_proxies: reader.list("trusted_proxies").unwrap_or_else(loopback),
            max_connections: reader.one("max_connections", connections).unwrap_or(DEFAULT_MAX_CONNECTIONS),
            terms: reader.terms(),
            origins: reader.origins,
        };
        if reader.faults.is_empty() { Ok(config) } else { Err(ConfigError { faults: reader.faults }) }
    }

    /// Every setting.
    #[must_use]
    pub fn describe(&self) -> Vec<Described> {
        let described = |name: String, text: String, info: &SettingInfo| {
            let origin = self.origins.get(&name).map(|origin| origin.spell(&name));
            Described { name, text, origin, help: info.help }
        };
        let general = SETTINGS.iter().map(|info| described(info.name.to_owned(), self.text_of(info.name), info));
        let of_method = |method| {
            METHOD_SETTINGS.iter().map(move |info| {
                described(method_setting(method, info.name), self.text_of_method(method, info.name), info)
            })
        };
        general.chain(Method::ALL.into_iter().flat_map(of_method)).collect()
    }

    fn text_of_method(&self, method: Method, key: &str) -> String {
        let terms = self.terms.of(method);
        match key {
            TIME_TO_LIVE => span_text(terms.time_to_live),
            MIN_AMOUNT => limit_text(terms.min_amount, method),
            MAX_AMOUNT => limit_text(terms.max_amount, method),
            _ => String::new(),
        }
    }

    fn text_of(&self, name: &str) -> String {
        let networks = |list: &[IpNet]| list.iter().map(IpNet::to_string).collect::<Vec<_>>().join(",");
        match (name, &self.storage, &self.master_key) {
            ("data", Storage::Directory(path), _) => path.display().to_string(),
            ("database_url", Storage::Postgres(url), _) => mask_password(url),
            ("master_key_file", _, KeySource::File(path)) => path.display().to_string(),
            ("master_key", _, KeySource::Text(_)) => "********".to_owned(),
            ("listen", _, _) => self.listen.to_string(),
            ("public_url", _, _) => self.public_base(self.listen),
            ("log", _, _) => self.log.clone().unwrap_or_else(|| "info when serving, else warn".to_owned()),
            ("log_format", _, _) => self.log_format.as_str().to_owned(),
            ("allow_private_networks", _, _) => networks(&self.allow_private_networks),
            ("allow_plain_http", _, _) => self.allow_plain_http.to_string(),
            ("allow_sandbox_loopback", _, _) => self.allow_sandbox_loopback.to_string(),
            ("metrics_allowed", _, _) => networks(&self.metrics_allowed),
            ("trusted_proxies", _, _) => networks(&self.trusted_proxies),
            ("max_connections", _, _) => self.max_connections.to_string(),
            (OPERATOR_RATE_AGE, _, _) => span_text(self.terms.rate_ages.operator),
            (ECB_RATE_AGE, _, _) => span_text(self.terms.rate_ages.ecb),
            _ => String::new(),
        }
    }

    /// Whether merchants elsewhere may reach the gateway, given the address that is really listened on.
    #[must_use]
    pub fn faces_others(&self, listening: SocketAddr) -> bool {
        let is_elsewhere = |url: &Url| match url.host() {
            Some(Host::Domain(name)) => name != "localhost",
            Some(Host::Ipv4(ip)) => !ip.is_loopback(),
            Some(Host::Ipv6(ip)) => !ip.is_loopback(),
            None => false,
        };
        !listening.ip().is_loopback() || self.public_url.as_ref().is_some_and(is_elsewhere)
    }

    /// The base of checkout links without a closing slash, given the address that is really listened on.
    #[must_use]
    pub fn public_base(&self, listening: SocketAddr) -> String {
        match &self.public_url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => format!("http://{}", reachable(listening)),
        }
    }
}

/// An address that a browser on this machine can open: "every interface" is none.
#[must_use]
pub(crate) fn reachable(listening: SocketAddr) -> SocketAddr {
    let ip = match listening.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, listening.port())
}

struct Reader<'a> {
    layers: &'a [Layer],
    faults: Vec<ConfigFault>,
    origins: BTreeMap<String, Origin>,
}

impl<'a> Reader<'a> {
    /// The strongest layer's value.
    fn find(&self, name: &str) -> Option<&'a Given> {
        self.layers.iter().find_map(|layer| layer.get(name))
    }

    fn one<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let given = self.find(name)?;
        self.origins.insert(name.to_owned(), given.origin.clone());
        let parsed = match given.texts.as_slice() {
            [text] => parse(text),
            _ => Err("must be given once".to_owned()),
        };
        parsed.map_err(|message| self.faults.push(ConfigFault::of_value(name, &given.origin, message))).ok()
    }

    fn list(&mut self, name: &'static str) -> Option<Vec<IpNet>> {
        let given = self.find(name)?;
        self.origins.insert(name.to_owned(), given.origin.clone());
        let mut networks = Vec::new();
        for text in given.texts.iter().flat_map(|text| text.split(',')).map(str::trim) {
            match network(text) {
                Some(network) => networks.push(network),
                None => {
                    let message = format!("{text:?} is no network such as 10.0.0.0/8");
                    self.faults.push(ConfigFault::of_value(name, &given.origin, message));
                }
            }
        }
        Some(networks)
    }

    fn terms(&mut self) -> Terms {
        let usual = RateAges::default();
        let (least, most) = RATE_AGE_BOUNDS;
        let mut age = |name, usual| self.one(name, |text| span(text, least, most)).unwrap_or(usual);
        let rate_ages =
            RateAges { operator: age(OPERATOR_RATE_AGE, usual.operator), ecb: age(ECB_RATE_AGE, usual.ecb) };
        let mut terms = Terms::new(rate_ages);
        for method in Method::ALL {
            terms.set(method, self.method_terms(method));
        }
        terms
    }

    fn method_terms(&mut self, method: Method) -> MethodTerms {
        let usual = rail(method).usual_terms();
        let [time, least, most] = [TIME_TO_LIVE, MIN_AMOUNT, MAX_AMOUNT].map(|key| method_setting(method, key));
        let (shortest, longest) = TIME_TO_LIVE_BOUNDS;
        let terms = MethodTerms {
            time_to_live: self.one(&time, |text| span(text, shortest, longest)).unwrap_or(usual.time_to_live),
            min_amount: self.one(&least, |text| limit(text, method)).unwrap_or(usual.min_amount),
            max_amount: self.one(&most, |text| limit(text, method)).unwrap_or(usual.max_amount),
        };
        // No method has a least amount of its own, so that somebody has given this one.
        if let (Some(min), Some(max), Some(given)) = (terms.min_amount, terms.max_amount, self.find(&least))
            && min.minor() > max.minor()
        {
            let [min, max] = [min, max].map(|limit| limit_text(Some(limit), method));
            let message = format!("the least amount, {min}, is more than the most, {max}");
            self.faults.push(ConfigFault::of_value(&least, &given.origin, message));
        }
        terms
    }

    /// The strongest layer that names either database decides; within one layer PostgreSQL comes before the directory, which
    /// an image or a script may have set for all its calls.
    fn storage(&mut self) -> Storage {
        for layer in self.layers {
            if layer.get("database_url").is_some() {
                let url = self.one("database_url", database_url).unwrap_or_default();
                return Storage::Postgres(url);
            }
            if layer.get("data").is_some() {
                break;
            }
        }
        Storage::Directory(self.one("data", path).unwrap_or_else(|| PathBuf::from(DEFAULT_DATA)))
    }

    /// The strongest layer that names either form decides.
    fn master_key(&mut self) -> KeySource {
        for layer in self.layers {
            match (layer.get("master_key"), layer.get("master_key_file")) {
                (Some(given), Some(_)) => {
                    let message = "cannot be given together with master_key_file";
                    self.faults.push(ConfigFault::of_value("master_key", &given.origin, message));
                    return KeySource::Default;
                }
                (Some(_), None) => {
                    return self.one("master_key", key_text).map_or(KeySource::Default, KeySource::Text);
                }
                (None, Some(_)) => {
                    return self.one("master_key_file", path).map_or(KeySource::Default, KeySource::File);
                }
                (None, None) => {}
            }
        }
        KeySource::Default
    }
}

fn path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("must not be empty".to_owned()) } else { Ok(PathBuf::from(text)) }
}

fn database_url(text: &str) -> Result<String, String> {
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        return Ok(text.to_owned());
    }
    Err("must begin with postgres://".to_owned())
}

fn key_text(text: &str) -> Result<String, String> {
    let digits = text.trim();
    if digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Ok(digits.to_owned());
    }
    Err("must be 64 hexadecimal digits".to_owned())
}

fn socket_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "must be an address and a port such as 127.0.0.1:8080".to_owned())
}

fn public_url(text: &str) -> Result<Url, String> {
    let expected = "must be an http or https URL without user, path, query and fragment";
    let url: Url = text.parse().map_err(|_| expected.to_owned())?;
    let plain = url.username().is_empty() && url.password().is_none();
    // Every link of the pages begins at the host.
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.host().is_some();
    if ["http", "https"].contains(&url.scheme()) && plain && bare { Ok(url) } else { Err(expected.to_owned()) }
}

fn log_filter(text: &str) -> Result<String, String> {
    match tracing_subscriber::EnvFilter::try_new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(format!("is no log filter: {error}")),
    }
}

fn log_format(text: &str) -> Result<LogFormat, String> {
    [LogFormat::Text, LogFormat::Json]
        .into_iter()
        .find(|format| format.as_str() == text)
        .ok_or_else(|| "must be text or json".to_owned())
}

fn flag(text: &str) -> Result<bool, String> {
    match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err("must be true or false".to_owned()),
    }
}

fn connections(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=MOST_CONNECTIONS).contains(number));
    number.ok_or_else(|| format!("must be a whole number from 1 to {MOST_CONNECTIONS}"))
}

/// A network, or a single address.
fn network(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// Only this machine.
fn loopback() -> Vec<IpNet> {
    ["127.0.0.0/8", "::1/128"].iter().filter_map(|text| network(text)).collect()
}

/// A database URL without what may be secret in it. What is no URL is not shown at all.
fn mask_password(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else { return "********".to_owned() };
    if url.password().is_some() && url.set_password(Some("********")).is_err() {
        return "********".to_owned();
    }
    let secret = |name: &str| name.to_lowercase().contains("password");
    if url.query_pairs().any(|(name, _)| secret(&name)) {
        url.set_query(None);
    }
    url.into()
}
