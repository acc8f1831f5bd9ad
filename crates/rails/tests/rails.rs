//! The facts of the rails agree with each other.
#![allow(clippy::panic, reason = "a test that cannot go on must fail")]

mod support;

use std::collections::BTreeSet;
use support::examples;
use xanpay_domain::matching::Policy;
use xanpay_domain::method::Method;
use xanpay_rails::{QrKind, Reliability, encode_keys, rail};

#[test]
fn every_method_has_a_rail_of_its_own() {
    for method in Method::ALL {
        assert_eq!(rail(method).method, method);
    }
}

#[test]
fn every_account_kind_accepts_its_own_example() {
    let kinds: usize = Method::ALL.iter().map(|method| rail(*method).account_kinds.len()).sum();
    assert_eq!(examples().len(), kinds);
}

#[test]
fn nonces_fit_the_reference_field_and_its_alphabet() {
    for method in Method::ALL {
        let facts = rail(method);
        assert!(facts.nonce_length.letters() <= facts.reference.max_len, "{method}");
        assert!(('A'..='Z').chain('0'..='9').all(|character| facts.reference.alphabet.contains(character)), "{method}");
        let lower = facts.reference.alphabet.contains('a');
        assert_eq!(lower, !facts.reference.upper_case, "{method}");
    }
}

#[test]
fn an_account_that_carries_no_nonce_is_not_matched_by_one() {
    for (method, kind, account) in examples() {
        if account.kind.nonce_reliability == Reliability::None {
            assert_ne!(account.kind.default_policy, Policy::Nonce, "{method} {kind}");
        }
    }
}

#[test]
fn rails_with_a_code_can_be_encoded_and_the_others_cannot() {
    for method in Method::ALL {
        assert_eq!(encode_keys(method).is_empty(), rail(method).qr == QrKind::None, "{method}");
        let names: BTreeSet<&str> = encode_keys(method).iter().map(|(key, _)| *key).collect();
        assert_eq!(names.len(), encode_keys(method).len(), "{method} names a key twice");
    }
}

#[test]
fn notes_are_sentences_and_limits_allow_something() {
    for method in Method::ALL {
        let facts = rail(method);
        assert!(facts.notes.iter().all(|note| note.ends_with('.')), "{method}");
        assert!(facts.max_amount.is_none_or(|most| most > 0), "{method}");
    }
}
