//! Exchange rate files: what is read from them, and what is refused.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "helpers of tests")]

use proptest::prelude::*;
use std::path::PathBuf;
use xanpay_domain::currency::Currency;
use xanpay_domain::exchange::{PairRate, RateAges, find_rate};
use xanpay_domain::time::{Span, Timestamp};
use xanpay_statements::{RateFile, RateFormat, read_rates};

/// 30 October 2026 at 15:00 UTC.
const PUBLISHED: Timestamp = Timestamp::from_millis(1_793_372_400_000);
const DAILY: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<gesmes:Envelope xmlns:gesmes=\"http://www.gesmes.org/xml/2002-08-01\" xmlns=\"http://www.ecb.int/vocabulary/2002-08-01/eurofxref\">
 <gesmes:subject>Reference rates</gesmes:subject>
 <gesmes:Sender><gesmes:name>European Central Bank</gesmes:name></gesmes:Sender>
 <Cube><Cube time='2026-10-30'>
  <Cube currency='SGD' rate='1.4282'/>
  <Cube currency='HKD' rate='8.7652'/>
  <Cube currency='IDR' rate='20275.17'/>
 </Cube></Cube>
</gesmes:Envelope>
";

fn read(text: &str) -> RateFile {
    read_rates(text.as_bytes(), PUBLISHED).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn code(text: &str) -> &'static str {
    read_rates(text.as_bytes(), PUBLISHED).unwrap_err().code
}

fn rate<'a>(file: &'a RateFile, quote: &str) -> &'a PairRate {
    file.rates.iter().find(|rate| rate.quote.code() == quote).unwrap()
}

fn corpus_file(name: &str) -> Option<Vec<u8>> {
    let root = std::env::var_os("XANPAY_CORPUS")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")), PathBuf::from);
    let path = root.join("statements/fx").join(name);
    let bytes = std::fs::read(&path).ok();
    if bytes.is_none() {
        println!("no corpus at {}: nothing of it was checked", path.display());
    }
    bytes
}

#[test]
fn the_daily_xml_gives_what_one_euro_is_worth() {
    let file = read(DAILY);
    assert_eq!((file.format, file.rates.len()), (RateFormat::EcbXml, 3));
    let sgd = rate(&file, "SGD");
    assert_eq!((sgd.base, sgd.entry.rate.to_string().as_str()), (Currency::EUR, "1.4282"));
    assert_eq!((sgd.entry.source.as_str(), sgd.entry.as_of), ("ecb", PUBLISHED));
    let cross = find_rate(&file.rates, Currency::HKD, Currency::SGD, RateAges::default(), PUBLISHED).unwrap();
    assert_eq!(cross.rate.to_string(), "0.1629398074");
}

#[test]
fn quote_characters_and_prefixes_make_no_difference() {
    let expected = read(DAILY);
    let double = DAILY.replace('\'', "\"");
    let prefixed = double
        .replace("<Cube", "<e:Cube")
        .replace("</Cube", "</e:Cube")
        .replace("gesmes:", "g:")
        .replace("xmlns=", "xmlns:e=")
        .replace("xmlns:gesmes", "xmlns:g");
    let bare = double.replace("gesmes:Envelope xmlns:gesmes=\"http://www.gesmes.org/xml/2002-08-01\" ", "Envelope ");
    let bare = bare.replace("gesmes:", "");
    for variant in [double, prefixed, bare] {
        assert_eq!(read(&variant), expected, "{variant}");
    }
}

#[test]
fn of_a_history_only_the_newest_day_of_each_currency_counts() {
    let history = DAILY.replace(
        "</Cube></Cube>",
        "</Cube><Cube time='2026-10-29'><Cube currency='SGD' rate='1.4265'/><Cube currency='RUB' rate='90.5'/></Cube></Cube>",
    );
    let file = read(&history);
    assert_eq!(rate(&file, "SGD").entry.rate.to_string(), "1.4282");
    assert_eq!(rate(&file, "RUB").entry.as_of, PUBLISHED.minus(Span::days(1)));
    let oldest_first = "Date,SGD,HKD,\n2026-10-29,1.4265,N/A,\n2026-10-30,1.4282,N/A,\n2026-10-28,1.42,8.7,\n";
    let file = read(oldest_first);
    assert_eq!((file.format, file.rates.len()), (RateFormat::EcbCsv, 2));
    assert_eq!(rate(&file, "SGD").entry.rate.to_string(), "1.4282");
    assert_eq!(rate(&file, "HKD").entry.as_of, PUBLISHED.minus(Span::days(2)));
}

#[test]
fn the_daily_csv_with_spaces_and_a_last_comma_is_read() {
    let file = read("Date, USD, SGD, HKD, \n30 October 2026, 1.1172, 1.4282, 8.7652, \n");
    assert_eq!((file.format, file.rates.len()), (RateFormat::EcbCsv, 3));
    assert_eq!(rate(&file, "HKD").entry.as_of, PUBLISHED);
}

#[test]
fn a_last_comma_more_or_less_changes_nothing_and_a_cell_more_or_less_refuses_the_file() {
    let expected = read("Date,SGD,HKD,\n2026-10-30,1.4282,8.7652,\n");
    for same in ["Date,SGD,HKD,\r\n2026-10-30,1.4282,8.7652\r\n", "\u{feff}Date,SGD,HKD\n2026-10-30,1.4282,8.7652,\n"] {
        assert_eq!(read(same), expected, "{same}");
    }
    for other in ["Date,SGD,HKD,\n2026-10-30,1.4282,8.7652,1.1,\n", "Date,SGD,HKD\n2026-10-30,1.4282\n"] {
        assert_eq!(code(other), "format_malformed", "{other}");
    }
}

#[test]
fn the_real_daily_and_history_files_agree_about_their_day() {
    let Some(daily) = corpus_file("ecb_eurofxref_daily_sample.csv") else { return };
    let Some(history) = corpus_file("ecb_eurofxref_hist_excerpt.csv") else { return };
    let daily = read_rates(&daily, PUBLISHED).unwrap();
    let history = read_rates(&history, PUBLISHED).unwrap();
    assert_eq!(daily.rates.len(), 29);
    for rate in &daily.rates {
        let same = history.rates.iter().find(|other| other.quote == rate.quote).unwrap();
        assert_eq!(same.entry.as_of, rate.entry.as_of, "{rate:?}");
        let number = |rate: &PairRate| rate.entry.rate.to_string().trim_end_matches('0').to_owned();
        assert_eq!(number(same).trim_end_matches('.'), number(rate).trim_end_matches('.'));
    }
    let cross = find_rate(&history.rates, Currency::SGD, Currency::HKD, RateAges::default(), PUBLISHED).unwrap();
    assert_eq!(cross.rate.to_string(), "6.1372356813");
}

#[test]
fn a_table_of_pairs_is_the_operators_own_word_of_now() {
    let file = read("base,quote,rate\nHKD,SGD,0.174933\nSGD, VND, 20300\n");
    assert_eq!((file.format, file.rates.len()), (RateFormat::Pairs, 2));
    assert_eq!((file.rates[0].entry.source.as_str(), file.rates[0].entry.as_of), ("operator", PUBLISHED));
    assert_eq!(file.rates[0].entry.rate.to_string(), "0.174933");
    assert_eq!(code("base,quote,rate\nHKD,SGD,0.17\nHKD,SGD,0.18\n"), "format_malformed");
    assert_eq!(code("base,quote,rate\nHKD,HKD,1\n"), "format_malformed");
    assert_eq!(code("base,quote,rate\nHKD,XXX,1\n"), "format_malformed");
    assert_eq!(code("base,quote,rate\nHKD,SGD\n"), "format_malformed");
}

#[test]
fn one_impossible_rate_refuses_the_whole_file() {
    for bad in ["0", "-1.4282", "NaN", "1.4282e0", "inf", "1000000000", "0x1"] {
        assert_eq!(code(&DAILY.replace("1.4282", bad)), "rate_invalid", "{bad}");
        assert_eq!(code(&format!("Date,SGD,\n2026-10-30,{bad},\n")), "rate_invalid", "{bad}");
        assert_eq!(code(&format!("base,quote,rate\nHKD,SGD,0.17\nSGD,HKD,{bad}\n")), "rate_invalid", "{bad}");
    }
    assert_eq!(code(&DAILY.replace("1.4282", "1,4282")), "rate_invalid");
}

#[test]
fn what_is_no_rate_file_is_refused_with_its_reason() {
    for (text, expected) in [
        ("", "format_unknown"),
        ("Date\n", "format_unknown"),
        ("Date,SGD,\n", "format_malformed"),
        ("PK\u{3}\u{4}", "format_unknown"),
        ("a,b\n1,2\n", "format_unknown"),
        ("<Document/>", "format_unknown"),
        ("<Envelope/>", "format_malformed"),
        ("Date,SGD,\nyesterday,1.4,\n", "format_malformed"),
        ("Date,SGD,\n2026-11-02,1.4,\n", "format_malformed"),
        ("Date,SGD,HKD,\n2026-10-30,1.4,\n", "format_malformed"),
        ("Date,SGD,SGD,\n2026-10-30,1.4,1.5,\n", "format_malformed"),
        ("Date,SGD,\n2026-10-30,1.4,\n2026-10-29,1.3,\n2026-10-30,1.5,\n", "format_malformed"),
        ("Date,Sgd,\n2026-10-30,1.4,\n", "format_malformed"),
        ("Date,EUR,\n2026-10-30,1.0,\n", "format_malformed"),
        ("<!DOCTYPE a [<!ENTITY b \"c\">]><Envelope/>", "xml_dtd_forbidden"),
        ("<Envelope><Cube time='2026-13-01'/></Envelope>", "format_malformed"),
        ("<Envelope><Cube currency='SGD' rate='1.4'/></Envelope>", "format_malformed"),
        ("<Envelope><Cube time='2026-10-30'><Cube currency='SGD'/></Cube></Envelope>", "format_malformed"),
    ] {
        assert_eq!(code(text), expected, "{text}");
    }
    assert_eq!(code(&DAILY[..400]), "format_malformed");
    let deep = "<Envelope>".repeat(200);
    assert_eq!(code(&deep), "xml_limit");
}

proptest! {
    #[test]
    fn no_file_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0..DAILY.len(), byte in any::<u8>()) {
        let _ = read_rates(&bytes, PUBLISHED);
        let mut changed = DAILY.as_bytes().to_vec();
        changed[at] = byte;
        let _ = read_rates(&changed, PUBLISHED);
    }
}
