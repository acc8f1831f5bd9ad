use super::*;
use std::path::{Path, PathBuf};

fn environment(variables: &[(&str, &str)]) -> (Layer, Option<PathBuf>, Vec<ConfigFault>) {
    let mut faults = Vec::new();
    let owned = variables.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    let (layer, file) = Layer::environment(owned, &mut faults);
    (layer, file, faults)
}

fn toml(text: &str) -> (Layer, Vec<ConfigFault>) {
    let mut faults = Vec::new();
    let layer = Layer::toml(Path::new("xanpay.toml"), text, &mut faults);
    (layer, faults)
}

fn flags(given: &[(&'static str, &str)]) -> Layer {
    Layer::flags(given.iter().map(|(name, text)| (*name, vec![(*text).to_owned()])))
}

fn messages(error: &ConfigError) -> Vec<String> {
    error.faults.iter().map(ToString::to_string).collect()
}

#[test]
fn flags_come_before_the_environment_before_the_file_before_defaults() {
    let file = toml("listen = \"127.0.0.1:3\"\nmax_connections = 3\nlog = \"debug\"").0;
    let environment = environment(&[("XANPAY_LISTEN", "127.0.0.1:2"), ("XANPAY_MAX_CONNECTIONS", "2")]).0;
    let config = Config::resolve(&[flags(&[("listen", "127.0.0.1:1")]), environment, file], Vec::new()).unwrap();
    assert_eq!(config.listen.port(), 1);
    assert_eq!(config.max_connections, 2);
    assert_eq!(config.log.as_deref(), Some("debug"));
    assert_eq!(config.storage, Storage::Directory("xanpay-data".into()));
}

#[test]
fn an_unknown_key_of_the_file_is_named() {
    let (_, faults) = toml("listen = \"127.0.0.1:3\"\nlisten_on = 1\n[store]\npath = \"x\"");
    let texts: Vec<_> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "listen_on in xanpay.toml: is no setting of this program",
            "store in xanpay.toml: is no setting of this program"
        ]
    );
}

#[test]
fn an_unknown_variable_is_named_and_those_of_tests_are_not() {
    let (_, file, faults) = environment(&[
        ("XANPAY_LISTN", "1"),
        ("XANPAY_Listen", "1"),
        ("XANPAY_CORPUS", "x"),
        ("XANPAY_BIN", "x"),
        ("XANPAY_TEST_POSTGRES", "x"),
        ("XANPAY_CONFIG", "a.toml"),
        ("XANPAY_DATABASE_URL", ""),
        ("PATH", "x"),
    ]);
    let subjects: Vec<_> = faults.iter().map(|fault| fault.subject.as_str()).collect();
    assert_eq!(subjects, ["XANPAY_LISTN", "XANPAY_Listen"]);
    assert_eq!(file.as_deref(), Some(Path::new("a.toml")));
}

#[test]
fn the_strongest_layer_that_names_a_database_decides() {
    let variables = || environment(&[("XANPAY_DATABASE_URL", "postgres://db/x"), ("XANPAY_DATA", "a")]).0;
    let config = Config::resolve(&[Layer::default(), variables()], Vec::new()).unwrap();
    assert_eq!(config.storage, Storage::Postgres("postgres://db/x".into()));
    let config = Config::resolve(&[flags(&[("data", "b")]), variables()], Vec::new()).unwrap();
    assert_eq!(config.storage, Storage::Directory("b".into()));
}

#[test]
fn every_fault_is_told_at_once_with_its_origin() {
    let (layer, faults) =
        toml("listen = \"here\"\nmax_connections = 0\nlog_format = \"xml\"\nallow_plain_http = \"yes\"");
    assert!(faults.is_empty());
    let error = Config::resolve(&[layer], Vec::new()).unwrap_err();
    let subjects: Vec<_> = error.faults.iter().map(|fault| fault.subject.as_str()).collect();
    assert_eq!(
        subjects,
        [
            "listen in xanpay.toml",
            "log_format in xanpay.toml",
            "allow_plain_http in xanpay.toml",
            "max_connections in xanpay.toml"
        ]
    );
}

#[test]
fn networks_are_a_list_in_every_form() {
    let expected = ["10.0.0.0/8", "192.168.1.1/32"];
    let texts = |config: &Config| config.allow_private_networks.iter().map(ToString::to_string).collect::<Vec<_>>();
    let from_file = toml("allow_private_networks = [\"10.0.0.0/8\", \"192.168.1.1\"]").0;
    let from_environment = environment(&[("XANPAY_ALLOW_PRIVATE_NETWORKS", "10.0.0.0/8, 192.168.1.1")]).0;
    let from_flag = flags(&[("allow_private_networks", "10.0.0.0/8,192.168.1.1")]);
    for layer in [from_file, from_environment, from_flag] {
        assert_eq!(texts(&Config::resolve(&[layer], Vec::new()).unwrap()), expected);
    }
    let error = Config::resolve(&[flags(&[("metrics_allowed", "all")])], Vec::new()).unwrap_err();
    assert_eq!(messages(&error), ["--metrics-allowed: \"all\" is no network such as 10.0.0.0/8"]);
}

#[test]
fn metrics_are_for_this_machine_unless_somebody_says_otherwise() {
    let config = Config::resolve(&[], Vec::new()).unwrap();
    let networks: Vec<_> = config.metrics_allowed.iter().map(ToString::to_string).collect();
    assert_eq!(networks, ["127.0.0.0/8", "::1/128"]);
}

#[test]
fn the_description_holds_every_setting_and_no_secret() {
    let key = "ab".repeat(32);
    let layer = flags(&[("master_key", &key), ("database_url", "postgres://shop:hunter2@db/x?password=hunter3")]);
    let config = Config::resolve(&[layer], Vec::new()).unwrap();
    let described = config.describe();
    assert_eq!(described.len(), SETTINGS.len());
    let all = format!("{described:?} {config:?}");
    assert!(!all.contains("hunter") && !all.contains(&key), "{all}");
    assert!(all.contains("postgres://shop:"), "{all}");
}

#[test]
fn a_key_given_twice_in_one_layer_is_refused_and_a_stronger_layer_replaces_it() {
    let key = "ab".repeat(32);
    let both = environment(&[("XANPAY_MASTER_KEY", &key), ("XANPAY_MASTER_KEY_FILE", "k")]).0;
    assert!(Config::resolve(std::slice::from_ref(&both), Vec::new()).is_err());
    let config = Config::resolve(&[flags(&[("master_key_file", "f")]), both], Vec::new()).unwrap();
    assert_eq!(config.master_key, KeySource::File("f".into()));
}

#[test]
fn checkout_links_lead_to_an_address_that_a_browser_can_open() {
    let config = Config::resolve(&[], Vec::new()).unwrap();
    assert_eq!(config.public_base("0.0.0.0:81".parse().unwrap()), "http://127.0.0.1:81");
    assert_eq!(config.public_base("[::]:81".parse().unwrap()), "http://[::1]:81");
    let config = Config::resolve(&[flags(&[("public_url", "https://pay.example/")])], Vec::new()).unwrap();
    assert_eq!(config.public_base("0.0.0.0:81".parse().unwrap()), "https://pay.example");
    for bad in ["pay.example", "ftp://pay.example", "https://u:p@pay.example", "https://pay.example/?a=b"] {
        assert!(Config::resolve(&[flags(&[("public_url", bad)])], Vec::new()).is_err(), "{bad}");
    }
}
