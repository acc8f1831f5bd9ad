//! The strings of the public API's own examples, byte for byte.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

use xanpay_domain::currency::Currency;
use xanpay_domain::environment::Environment;
use xanpay_domain::method::Method;
use xanpay_domain::money::Money;
use xanpay_rails::{AccountInput, PaymentRequest, parse_account, payload};

fn paynow(account: &str, amount: &str, reference: &str) -> String {
    let (account, _) = parse_account(Method::Paynow, &AccountInput { account, ..AccountInput::default() }).unwrap();
    let amount = Money::parse(amount, Currency::SGD).unwrap();
    payload(&account, &PaymentRequest { amount, reference }, Environment::Live).unwrap().unwrap()
}

#[test]
fn the_first_example_of_the_api_comes_out_byte_for_byte() {
    assert_eq!(
        paynow("+6585867834", "35", "ztt1"),
        "00020101021126380009SG.PAYNOW010100211+658586783403010520400005303702540535.005802SG5902NA6009Singapore62080104ztt16304CE6D"
    );
}

#[test]
fn the_second_example_of_the_api_comes_out_byte_for_byte() {
    assert_eq!(
        paynow("+6587767191", "10", "cantaloupe"),
        "00020101021126380009SG.PAYNOW010100211+658776719103010520400005303702540510.005802SG5902NA6009Singapore62140110cantaloupe6304A97B"
    );
}

#[test]
fn the_amount_that_the_second_example_names_gives_the_consistent_code() {
    assert!(
        paynow("+6587767191", "26.24", "cantaloupe")
            .ends_with("540526.245802SG5902NA6009Singapore62140110cantaloupe63045CBE")
    );
}
