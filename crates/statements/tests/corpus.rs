//! Real files, against what an independent reader (libxml2 and XPath) found in them.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests")]

use std::path::PathBuf;
use xanpay_statements::{Direction, Options, read};

/// The corpus, or `None` with a word about it.
fn corpus() -> Option<PathBuf> {
    let root = std::env::var_os("XANPAY_CORPUS")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")), PathBuf::from);
    let statements = root.join("statements");
    if statements.join("index.json").is_file() {
        return Some(statements);
    }
    println!("no corpus at {}: nothing of it was checked", statements.display());
    None
}

/// A decimal text of the index as an integer of 10^-5.
fn scaled(text: &str) -> i64 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{fraction:0<5}").parse().unwrap()
}

#[test]
fn every_camt_file_has_the_statements_entries_and_sums_of_the_index() {
    let Some(corpus) = corpus() else { return };
    let index: serde_json::Value = serde_json::from_slice(&std::fs::read(corpus.join("index.json")).unwrap()).unwrap();
    let mut checked = 0;
    for row in index.as_array().unwrap() {
        let format = row["format"].as_str().unwrap();
        if !format.starts_with("camt.") {
            continue;
        }
        let name = row["file"].as_str().unwrap();
        let bytes = std::fs::read(corpus.join(name)).unwrap();
        let file = read(&bytes, &Options::default()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(file.format.as_str(), format, "{name}");
        assert_eq!(file.refused, [], "{name}");
        let entries: Vec<_> = file.statements.iter().flat_map(|statement| &statement.entries).collect();
        let side = |direction| entries.iter().filter(move |entry| entry.direction == direction);
        let sum = |direction| side(direction).map(|entry| scaled(&entry.amount.to_decimal())).sum::<i64>();
        let count = |key: &str| usize::try_from(row[key].as_u64().unwrap()).unwrap();
        assert_eq!(file.statements.len(), count("statements"), "{name}");
        assert_eq!(entries.len(), count("entries"), "{name}");
        assert_eq!(side(Direction::Credit).count(), count("credits"), "{name}");
        assert_eq!(side(Direction::Debit).count(), count("debits"), "{name}");
        assert_eq!(sum(Direction::Credit), scaled(row["credit_sum"].as_str().unwrap()), "{name}");
        assert_eq!(sum(Direction::Debit), scaled(row["debit_sum"].as_str().unwrap()), "{name}");
        assert_eq!(entries.iter().filter(|entry| entry.reversal).count(), count("reversals"), "{name}");
        for reference in row["sample_references"].as_array().unwrap() {
            let reference = reference.as_str().unwrap();
            assert!(entries.iter().any(|entry| entry.texts.iter().any(|text| text == reference)), "{name} {reference}");
        }
        for statement in &file.statements {
            assert!(statement.account.is_some(), "{name}");
        }
        checked += 1;
    }
    assert!(checked >= 29, "only {checked} files");
}

#[test]
fn a_file_cut_at_any_byte_is_an_error_and_never_a_shorter_statement() {
    let Some(corpus) = corpus() else { return };
    for (name, step) in [("camt.053/genkgo__camt053.v8.xml", 1), ("camt.053/derived__utf16le.xml", 7)] {
        let bytes = std::fs::read(corpus.join("files").join(name)).unwrap();
        let whole = read(&bytes, &Options::default()).unwrap();
        for end in (0..bytes.len()).step_by(step) {
            if let Ok(file) = read(&bytes[..end], &Options::default()) {
                assert_eq!(file, whole, "{name} cut at {end}");
            }
        }
    }
}

#[test]
fn files_of_other_banks_are_named_as_unknown() {
    let Some(corpus) = corpus() else { return };
    for folder in ["mt940", "ofx", "csv"] {
        for file in std::fs::read_dir(corpus.join("files").join(folder)).unwrap() {
            let path = file.unwrap().path();
            let error = read(&std::fs::read(&path).unwrap(), &Options::default()).unwrap_err();
            assert!(
                ["format_unknown", "format_malformed", "encoding_invalid"].contains(&error.code),
                "{path:?} {error:?}"
            );
        }
    }
}
