//! What banks and operators decide: limits and times of methods, and the ages of rates, as the settings have them.

use crate::support::{Call, Gateway, START};
use serde_json::json;
use xanpay_domain::currency::Currency;
use xanpay_domain::environment::Environment;
use xanpay_domain::exchange::{OPERATOR, PairRate, Rate, RateAges, RateEntry};
use xanpay_domain::matching::Policy;
use xanpay_domain::method::Method;
use xanpay_domain::money::Money;
use xanpay_domain::terms::MethodTerms;
use xanpay_domain::time::Span;
use xanpay_server::clock::Clock;
use xanpay_server::flows::{self, NewAccount};
use xanpay_server::outbound::address::AddressPolicy;
use xanpay_server::terms::Terms;
use xanpay_testkit::{Database, on_both_databases};

fn paynow(min_amount: &str, max_amount: &str, time_to_live: Span) -> Terms {
    let money = |text| Some(Money::parse(text, Currency::SGD).unwrap());
    let mut terms = Terms::default();
    terms.set(
        Method::Paynow,
        MethodTerms { time_to_live, min_amount: money(min_amount), max_amount: money(max_amount) },
    );
    terms
}

async fn start(database: &Database, terms: Terms) -> Gateway {
    Gateway::start_under(database, Clock::by_hand(START), AddressPolicy::sandbox(), terms).await
}

#[tokio::test]
async fn an_amount_at_a_limit_is_taken_and_one_past_it_is_refused_and_not_offered() {
    on_both_databases(async |database| {
        let terms = paynow("0.50", "1000.00", Span::minutes(60));
        let (gateway, merchant) = start(database, terms).await.furnished().await;
        for (amount, code) in [
            ("0.49", Some("at least 0.50 SGD")),
            ("0.50", None),
            ("1000.00", None),
            ("1000.01", Some("at most 1000.00 SGD")),
        ] {
            let charge =
                json!({"merchantAmount": amount, "merchantCurrency": "SGD", "method": "paynow", "email": "a@b.sg"});
            let charge = gateway.send(Call::post("/charges").by(&merchant).json(&charge)).await;
            let chosen = json!({"amount": amount, "currency": "SGD", "methods": ["paynow"]});
            let chosen = gateway.send(Call::post("/sessions").by(&merchant).json(&chosen)).await;
            let all = gateway.session(&merchant, &json!({"amount": amount})).await;
            let page = Call::get(format!("/?sessionId={}&isSandbox=true", all["id"].as_str().unwrap()));
            let offered = gateway.send(page).await.expect(200).text().contains("value=\"paynow\"");
            match code {
                None => {
                    charge.expect(200);
                    chosen.expect(200);
                    assert!(offered, "{amount}");
                }
                Some(detail) => {
                    let charge = charge.expect_problem(400, "amount_out_of_range");
                    assert!(charge.text().contains(detail), "{charge}");
                    assert_eq!(charge.fields(), ["merchantAmount"]);
                    assert_eq!(chosen.expect_problem(400, "amount_out_of_range").fields(), ["methods[0]"]);
                    assert!(!offered, "{amount}");
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn an_amount_that_no_code_can_carry_is_refused_when_it_is_asked_although_the_method_has_no_limit() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        gateway.switch(&merchant, |merchant| merchant.methods = vec![Method::Fps]).await;
        for (amount, is_taken) in [("9999999999.99", true), ("10000000000.00", false)] {
            let charge =
                json!({"merchantAmount": amount, "merchantCurrency": "HKD", "method": "fps", "email": "a@b.hk"});
            let chosen = json!({"amount": amount, "currency": "HKD", "methods": ["fps"]});
            let all = json!({"amount": amount, "currency": "HKD"});
            for (path, body, field) in [
                ("/charges", charge, "merchantAmount"),
                ("/sessions", chosen, "methods[0]"),
                ("/sessions", all, "amount"),
            ] {
                let answer = gateway.send(Call::post(path).by(&merchant).json(&body)).await;
                match is_taken {
                    true => drop(answer.expect(200)),
                    false => assert_eq!(answer.expect_problem(400, "amount_out_of_range").fields(), [field], "{body}"),
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_limit_is_told_in_the_units_that_are_paid() {
    on_both_databases(async |database| {
        let gateway = Gateway::start(database).await;
        let account = NewAccount {
            environment: Environment::Sandbox,
            method: Method::IdBankTransfer,
            account: "1234567890".into(),
            name: Some("DN".into()),
            bank: Some("014".into()),
            template_qr: None,
            template_as_issued: false,
            policy: None,
            statement_account: None,
            merchant: None,
        };
        flows::add_account(&gateway.app, account).await.unwrap();
        let merchant = gateway.merchant("Warung", Environment::Sandbox).await;
        gateway.switch(&merchant, |merchant| merchant.methods = vec![Method::IdBankTransfer]).await;
        let body = json!({"merchantAmount": "250000001", "merchantCurrency": "IDR", "method": "id-bank-transfer", "email": "a@b.id"});
        let refused = gateway.send(Call::post("/charges").by(&merchant).json(&body)).await;
        let refused = refused.expect_problem(400, "amount_out_of_range");
        assert!(refused.text().contains("takes at most 250000000 IDR in one transfer"), "{refused}");
    })
    .await;
}

#[tokio::test]
async fn a_charge_lives_as_long_as_its_method_is_given() {
    on_both_databases(async |database| {
        let life = Span::minutes(5);
        let (gateway, merchant) = start(database, paynow("0.01", "1000", life)).await.furnished().await;
        let session = gateway.session(&merchant, &json!({})).await["id"].as_str().unwrap().to_owned();
        let start = Call::post(format!("/checkout/sessions/{session}/start"));
        gateway.send(start.form(&[("method", "paynow"), ("email", "a@b.sg")])).await.expect(303);
        let direct = gateway.charge(&merchant, &json!({})).await["id"].as_str().unwrap().to_owned();
        let paths = [format!("/charges/{direct}"), format!("/sessions/{session}/charge")];
        let statuses = async || {
            let mut found = Vec::new();
            for path in &paths {
                let charge = gateway.send(Call::get(path).by(&merchant)).await.expect(200).json();
                found.push(charge["status"].as_str().unwrap().to_owned());
            }
            found
        };
        gateway.advance(Span::millis(life.as_millis() - 1));
        assert_eq!(statuses().await, ["pending", "pending"]);
        gateway.advance(Span::millis(1));
        assert_eq!(statuses().await, ["expired", "expired"]);
    })
    .await;
}

#[tokio::test]
async fn an_amount_is_made_unique_only_within_the_methods_limit() {
    on_both_databases(async |database| {
        let gateway = start(database, paynow("0.01", "10.01", Span::minutes(60))).await;
        let account = NewAccount {
            environment: Environment::Sandbox,
            method: Method::Paynow,
            account: "+6585867834".into(),
            name: Some("DN".into()),
            bank: None,
            template_qr: None,
            template_as_issued: false,
            policy: Some(Policy::UniqueAmount),
            statement_account: None,
            merchant: None,
        };
        flows::add_account(&gateway.app, account).await.unwrap();
        let merchant = gateway.merchant("Lantern Books", Environment::Sandbox).await;
        let order = |number: u32| {
            json!({"merchantAmount": 10, "merchantCurrency": "SGD", "method": "paynow", "email": "a@b.sg",
                "notifyPayload": number.to_string()})
        };
        for (number, asked) in [(1, 10.0), (2, 10.01)] {
            let charge =
                gateway.send(Call::post("/charges").by(&merchant).json(&order(number))).await.expect(200).json();
            assert_eq!(charge["customerAmount"].as_f64(), Some(asked));
        }
        gateway.send(Call::post("/charges").by(&merchant).json(&order(3))).await.expect_problem(503, "accounts_full");
    })
    .await;
}

#[tokio::test]
async fn a_rate_counts_as_long_as_the_operator_lets_it() {
    on_both_databases(async |database| {
        let rate_ages = RateAges { operator: Span::hours(2), ..RateAges::default() };
        let terms = Terms::new(rate_ages);
        let (gateway, merchant) = start(database, terms).await.furnished().await;
        gateway.rate(Currency::HKD, Currency::SGD, "0.174933").await;
        let order = |number: u32| {
            let body = json!({"merchantAmount": 150, "merchantCurrency": "HKD", "method": "paynow", "email": "a@b.hk",
                "notifyPayload": number.to_string()});
            Call::post("/charges").by(&merchant).json(&body)
        };
        gateway.advance(Span::hours(2));
        gateway.send(order(1)).await.expect(200);
        gateway.advance(Span::millis(1));
        gateway.send(order(2)).await.expect_problem(503, "rate_unavailable");
    })
    .await;
}

#[tokio::test]
async fn the_page_of_rails_shows_the_terms_in_force() {
    let database = Database::sqlite();
    let gateway = start(&database, paynow("0.50", "1234.56", Span::minutes(95))).await;
    let page = gateway.send(Call::get("/docs/rails")).await.expect(200).text();
    assert!(page.contains("0.50 to 1,234.56") && page.contains("<td>95m</td>"), "{page}");
}

#[tokio::test]
async fn a_rate_that_a_wrong_clock_dated_is_not_used_and_gives_way_to_the_next_one() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let set = async |rate: &str, ahead: Span| {
            let (base, quote) = (Currency::HKD, Currency::SGD);
            let as_of = gateway.app.clock.real_now().plus(ahead);
            let entry = RateEntry { rate: Rate::parse(rate).unwrap(), source: OPERATOR.into(), as_of };
            flows::save_rates(&gateway.app, vec![PairRate { base, quote, entry }], false).await.unwrap().count
        };
        let asked = async || {
            let charge =
                json!({"merchantAmount": 100, "merchantCurrency": "HKD", "method": "paynow", "email": "a@b.sg"});
            gateway.advance(Span::seconds(1));
            gateway.send(Call::post("/charges").by(&merchant).json(&charge)).await
        };
        assert_eq!(set("0.17", Span::days(365)).await, 1);
        asked().await.expect_problem(503, "rate_unavailable");
        assert_eq!(set("0.21", Span::hours(12)).await, 1, "its day has begun elsewhere");
        assert_eq!(asked().await.expect(200).json()["customerAmount"], 21);
        assert_eq!(set("0.19", Span::hours(0)).await, 0, "of two that may be right the newer one stays");
    })
    .await;
}
