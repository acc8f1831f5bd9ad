//! Where the server is and how to talk to it, as its URL says.

use crate::error::StoreError;
use percent_encoding::percent_decode_str;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long a server may take to accept a connection, or a network to acknowledge what was sent, unless the URL says.
const NETWORK_TIMEOUT: Duration = Duration::from_secs(15);
/// On a connection on which nothing is sent, the other side is asked whether it is still there: after this long,
const KEEPALIVE_IDLE: Duration = Duration::from_secs(15);
/// and again after this long,
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
/// this often.
const KEEPALIVE_RETRIES: u32 = 2;

/// A server and how to talk to it.
#[derive(Clone)]
pub(crate) struct Server {
    pub(super) config: Config,
    /// Nothing where the connection is not encrypted.
    pub(super) tls: Option<MakeRustlsConnect>,
}

impl FromStr for Server {
    type Err = StoreError;

    /// Reads a connection URL and decides on TLS.
    fn from_str(url: &str) -> Result<Self, StoreError> {
        let (url, authorities) = take_authorities(url);
        let mut config: Config = url.parse().map_err(|error: tokio_postgres::Error| {
            StoreError::Schema(format!("the database URL is not valid: {error}"))
        })?;
        if !url.contains("sslmode=") {
            let here = |host: &Host| match host {
                Host::Tcp(name) => ["localhost", "127.0.0.1", "::1"].contains(&name.as_str()),
                Host::Unix(_) => true,
            };
            // Where there is a `hostaddr`, it is what is connected to, whatever the host is called.
            let all_here =
                config.get_hosts().iter().all(here) && config.get_hostaddrs().iter().all(IpAddr::is_loopback);
            let plain = all_here && authorities.is_none();
            config.ssl_mode(if plain { SslMode::Disable } else { SslMode::Require });
        } else if config.get_ssl_mode() == SslMode::Prefer {
            // "Prefer" silently falls back to plain text, which is no decision.
            config.ssl_mode(SslMode::Require);
        }
        config.connect_timeout(config.get_connect_timeout().copied().unwrap_or(NETWORK_TIMEOUT));
        config.tcp_user_timeout(config.get_tcp_user_timeout().copied().unwrap_or(NETWORK_TIMEOUT));
        if !url.contains("keepalives") {
            config.keepalives_idle(KEEPALIVE_IDLE);
            config.keepalives_interval(KEEPALIVE_INTERVAL);
            config.keepalives_retries(KEEPALIVE_RETRIES);
        }
        config.application_name("xanpay");
        let encrypted = config.get_ssl_mode() != SslMode::Disable;
        let tls = encrypted.then(|| tls(authorities.as_deref())).transpose()?;
        Ok(Self { config, tls })
    }
}

/// Takes out of a URL what the driver does not know but libpq does: the file of the authorities to trust, and the name of
/// what is done in any case where TLS is used.
fn take_authorities(url: &str) -> (String, Option<String>) {
    let Some((server, query)) = url.split_once('?') else { return (url.to_owned(), None) };
    let mut file = None;
    let kept = query.split('&').filter(|pair| match pair.strip_prefix("sslrootcert=") {
        Some(path) => {
            file = Some(percent_decode_str(path).decode_utf8_lossy().into_owned());
            false
        }
        None => true,
    });
    let kept: Vec<&str> =
        kept.map(|pair| if pair == "sslmode=verify-full" { "sslmode=require" } else { pair }).collect();
    let mark = if kept.is_empty() { "" } else { "?" };
    (format!("{server}{mark}{}", kept.join("&")), file)
}

/// TLS that trusts the authorities of a PEM file, or without one those that browsers trust.
fn tls(authorities: Option<&str>) -> Result<MakeRustlsConnect, StoreError> {
    let roots = match authorities {
        Some(path) => read_authorities(path)
            .map_err(|reason| StoreError::Schema(format!("sslrootcert of the database URL: {path}: {reason}")))?,
        None => RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
    };
    let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

fn read_authorities(path: &str) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| error.to_string())? {
        roots.add(certificate.map_err(|error| error.to_string())?).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() { Err("there is no certificate in it".into()) } else { Ok(roots) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(url: &str) -> Config {
        url.parse::<Server>().unwrap().config
    }

    #[test]
    fn only_connections_to_this_machine_go_without_tls_unless_the_url_says_so() {
        for (url, mode) in [
            ("postgres://localhost/pay", SslMode::Disable),
            ("postgres:///pay?host=/run/postgresql", SslMode::Disable),
            ("host=localhost hostaddr=127.0.0.1", SslMode::Disable),
            ("host=localhost hostaddr=::1", SslMode::Disable),
            ("hostaddr=203.0.113.7", SslMode::Require),
            ("postgres://localhost/pay?hostaddr=203.0.113.7", SslMode::Require),
            ("host=localhost,localhost hostaddr=127.0.0.1,203.0.113.7", SslMode::Require),
            ("host=db.example hostaddr=127.0.0.1", SslMode::Require),
            ("postgres://localhost,db.example/pay", SslMode::Require),
            ("postgres://db.example/pay?sslmode=prefer", SslMode::Require),
            ("postgres://db.example/pay?sslmode=disable", SslMode::Disable),
            ("postgres://localhost/pay?sslmode=verify-full", SslMode::Require),
        ] {
            assert_eq!(config(url).get_ssl_mode(), mode, "{url}");
        }
    }

    #[test]
    fn the_file_of_authorities_is_taken_out_of_the_url() {
        for (url, rest, file) in [
            ("postgres://db.example/pay", "postgres://db.example/pay", None),
            ("postgres://x/pay?sslrootcert=ca.pem", "postgres://x/pay", Some("ca.pem")),
            (
                "postgres://x/pay?sslmode=verify-full&sslrootcert=/a%20b/ca.pem&port=1",
                "postgres://x/pay?sslmode=require&port=1",
                Some("/a b/ca.pem"),
            ),
        ] {
            assert_eq!(take_authorities(url), (rest.to_owned(), file.map(str::to_owned)), "{url}");
        }
    }

    #[test]
    fn authorities_that_cannot_be_read_are_named() {
        for path in ["/nowhere/ca.pem", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")] {
            let refusal = format!("postgres://localhost/pay?sslrootcert={path}").parse::<Server>().err().unwrap();
            assert!(refusal.to_string().contains(path), "{refusal}");
        }
    }

    #[test]
    fn a_server_that_is_gone_is_noticed_within_half_a_minute_unless_the_url_says_otherwise() {
        let ours = config("postgres://db.example/pay");
        let asked = KEEPALIVE_INTERVAL * KEEPALIVE_RETRIES;
        assert!(ours.get_keepalives() && ours.get_keepalives_idle() + asked < Duration::from_secs(30));
        assert_eq!(ours.get_keepalives_interval(), Some(KEEPALIVE_INTERVAL));
        assert_eq!(ours.get_keepalives_retries(), Some(KEEPALIVE_RETRIES));
        let theirs = config("postgres://db.example/pay?keepalives_idle=600");
        assert_eq!(theirs.get_keepalives_idle(), Duration::from_secs(600));
        assert_eq!(theirs.get_keepalives_interval(), None);
    }
}
