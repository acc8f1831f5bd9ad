use super::*;
use std::path::{Path, PathBuf};
use xanpay_domain::exchange::RateAges;
use xanpay_domain::method::Method;
use xanpay_domain::money::Money;
use xanpay_domain::time::Span;

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
fn a_folder_is_named_by_a_text_and_methods_are_tables() {
    let (_, faults) = toml("data = true\nmaster_key_file = 5\nlog = false\nmethods = 5");
    let mut texts: Vec<_> = faults.iter().map(ToString::to_string).collect();
    texts.sort();
    assert_eq!(
        texts,
        [
            "data in xanpay.toml: must be a text",
            "log in xanpay.toml: must be a text",
            "master_key_file in xanpay.toml: must be a text",
            "methods in xanpay.toml: must be a table for each method, such as [methods.paynow]",
        ]
    );
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
fn loopback_in_sandbox_is_allowed_until_somebody_forbids_it() {
    let read = |text: &str| Config::resolve(&[toml(text).0], Vec::new()).unwrap();
    assert!(read("").allow_sandbox_loopback);
    assert!(!read("allow_sandbox_loopback = false").allow_sandbox_loopback);
    let (layer, _, strangers) = environment(&[("XANPAY_ALLOW_SANDBOX_LOOPBACK", "0")]);
    assert_eq!(strangers, []);
    assert!(!Config::resolve(&[layer], Vec::new()).unwrap().allow_sandbox_loopback);
}

#[test]
fn a_gateway_faces_others_where_it_listens_or_is_published_elsewhere() {
    let loopback = ["127.0.0.1:8080", "[::1]:8080"];
    for (listening, public_url, faces_others) in [
        (loopback[0], None, false),
        (loopback[1], Some("http://localhost:8080"), false),
        (loopback[0], Some("http://[::1]/"), false),
        (loopback[0], Some("http://127.1.2.3/"), false),
        (loopback[0], Some("https://pay.example"), true),
        (loopback[0], Some("https://192.168.1.5"), true),
        ("0.0.0.0:8080", None, true),
        ("192.168.1.5:8080", Some("http://localhost"), true),
    ] {
        let layer = public_url.map_or_else(Layer::default, |url| flags(&[("public_url", url)]));
        let config = Config::resolve(&[layer], Vec::new()).unwrap();
        assert_eq!(config.faces_others(listening.parse().unwrap()), faces_others, "{listening} {public_url:?}");
    }
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
    assert_eq!(described.len(), SETTINGS.len() + Method::ALL.len() * METHOD_SETTINGS.len());
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
    for bad in [
        "pay.example",
        "ftp://pay.example",
        "https://u:p@pay.example",
        "https://pay.example/?a=b",
        "https://pay.example/pay",
    ] {
        assert!(Config::resolve(&[flags(&[("public_url", bad)])], Vec::new()).is_err(), "{bad}");
    }
}

fn paynow(config: &Config) -> (Span, Option<i64>, Option<i64>) {
    let terms = config.terms.of(Method::Paynow);
    (terms.time_to_live, terms.min_amount.map(Money::minor), terms.max_amount.map(Money::minor))
}

#[test]
fn a_method_has_a_table_of_its_own_and_the_environment_comes_before_it() {
    let (file, faults) = toml(
        "ecb_rate_max_age = \"5d\"\n[methods.paynow]\ntime_to_live = \"45m\"\nmax_amount = 1000\nmin_amount = \"0.50\"\n\
         [methods.hk-bank-transfer]\nmax_amount = \"none\"",
    );
    assert_eq!(faults, []);
    let config = Config::resolve(std::slice::from_ref(&file), Vec::new()).unwrap();
    assert_eq!(paynow(&config), (Span::minutes(45), Some(50), Some(100_000)));
    assert_eq!(config.terms.rate_ages, RateAges { ecb: Span::days(5), ..RateAges::default() });
    assert_eq!(config.terms.of(Method::Fps), xanpay_rails::rail(Method::Fps).usual_terms());

    let variables = [
        ("XANPAY_METHODS_PAYNOW_TIME_TO_LIVE", "2h"),
        ("XANPAY_METHODS_PAYNOW_MAX_AMOUNT", "none"),
        ("XANPAY_METHODS_HK_BANK_TRANSFER_TIME_TO_LIVE", "7d"),
        ("XANPAY_OPERATOR_RATE_MAX_AGE", "1d"),
    ];
    let (layer, _, strangers) = environment(&variables);
    assert_eq!(strangers, []);
    let config = Config::resolve(&[layer, file], Vec::new()).unwrap();
    assert_eq!(paynow(&config), (Span::hours(2), Some(50), None));
    assert_eq!(config.terms.of(Method::HkBankTransfer).time_to_live, Span::days(7));
    assert_eq!(config.terms.rate_ages, RateAges { ecb: Span::days(5), operator: Span::days(1) });
    let described = config.describe();
    let of = |name: &str| described.iter().find(|setting| setting.name == name).unwrap();
    let time = of("methods.paynow.time_to_live");
    assert_eq!((time.text.as_str(), time.origin.as_deref()), ("2h", Some("XANPAY_METHODS_PAYNOW_TIME_TO_LIVE")));
    let least = of("methods.paynow.min_amount");
    assert_eq!(
        (least.text.as_str(), least.origin.as_deref()),
        ("0.50", Some("methods.paynow.min_amount in xanpay.toml"))
    );
    let most = of("methods.viettel-pay.max_amount");
    assert_eq!((most.text.as_str(), most.origin.as_deref()), ("499999999", None));
}

#[test]
fn a_misspelled_name_is_an_error_that_says_what_was_meant() {
    let (_, faults) = toml(
        "listn = \"x\"\nmethod = 1\n[methods]\ntoss = \"1h\"\n[methods.pay-now]\nmax_amount = \"1\"\n\
         [methods.paynow]\nmax_ammount = \"1\"\ncolour = \"red\"\n[methods.cash]",
    );
    let mut texts: Vec<_> = faults.iter().map(ToString::to_string).collect();
    texts.sort();
    assert_eq!(
        texts,
        [
            "listn in xanpay.toml: is no setting of this program; did you mean listen?",
            "method in xanpay.toml: is no setting of this program; did you mean methods?",
            "methods.cash in xanpay.toml: is no setting of this program",
            "methods.pay-now in xanpay.toml: is no setting of this program; did you mean paynow?",
            "methods.paynow.colour in xanpay.toml: is no setting of this program",
            "methods.paynow.max_ammount in xanpay.toml: is no setting of this program; did you mean \
             methods.paynow.max_amount?",
            "methods.toss in xanpay.toml: must be a table of settings",
        ]
    );
    let (_, _, strangers) = environment(&[("XANPAY_METHODS_PAYNOW_TIME_TO_LIFE", "1h")]);
    let text = strangers[0].to_string();
    assert!(text.ends_with("did you mean XANPAY_METHODS_PAYNOW_TIME_TO_LIVE?"), "{text}");
}

#[test]
fn terms_that_no_method_can_keep_are_refused_all_at_once() {
    let (layer, faults) = toml(
        "operator_rate_max_age = \"30m\"\n[methods.paynow]\ntime_to_live = \"31d\"\nmin_amount = \"200000.01\"\n\
         [methods.gojek-id]\nmax_amount = \"99.50\"\n[methods.toss]\ntime_to_live = 60\nmin_amount = \"5\"\nmax_amount = \"4\"\n\
         [methods.fps]\nmin_amount = 0.5",
    );
    assert_eq!(faults.len(), 1, "{faults:?}");
    let error = Config::resolve(&[layer], faults).unwrap_err();
    let mut subjects: Vec<_> = error.faults.iter().map(|fault| fault.subject.clone()).collect();
    subjects.sort();
    let expected = [
        "methods.fps.min_amount",
        "methods.gojek-id.max_amount",
        "methods.paynow.min_amount",
        "methods.paynow.time_to_live",
        "methods.toss.min_amount",
        "methods.toss.time_to_live",
        "operator_rate_max_age",
    ];
    assert_eq!(subjects, expected.map(|name| format!("{name} in xanpay.toml")));
    let message = |name: &str| {
        let fault = error.faults.iter().find(|fault| fault.subject.starts_with(name)).unwrap();
        fault.message.clone()
    };
    assert_eq!(message("methods.paynow.min"), "the least amount, 200000.01, is more than the most, 200000.00");
    assert_eq!(message("methods.gojek"), "must be an amount that gojek-id can pay: whole IDR");
    assert_eq!(message("methods.toss.time"), "must be a time such as 45m, 24h or 7d, from 1m to 30d");
}
