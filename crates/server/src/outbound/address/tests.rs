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
fn the_name_of_this_machine_may_be_called_where_one_of_its_addresses_may() {
    for (range, allowed) in [("127.0.0.0/8", true), ("::1/128", true), ("127.0.0.2/32", false), ("10.0.0.0/8", false)] {
        let policy = AddressPolicy { allowed: vec![range.parse().unwrap()], ..AddressPolicy::default() };
        for text in ["https://localhost:4000/hook", "https://shop.localhost./"] {
            assert_eq!(parse_callback_url(text, &policy).is_ok(), allowed, "{range} {text}");
        }
    }
}

#[test]
fn a_url_has_at_most_2048_characters_before_and_after_normalisation() {
    let of_length = |length: usize| format!("https://shop.example/{}", "a".repeat(length - 21));
    assert!(parse_callback_url(&of_length(2048), &AddressPolicy::default()).is_ok());
    for text in
        [of_length(2049), format!("https://{}", "a".repeat(3000)), format!("https://shop.example/{}", "ü".repeat(1000))]
    {
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
