//! Several receiving accounts are names of one bank account: whose money a statement of it tells of, and what their
//! customers are asked.

use crate::support::gateway::{START, read};
use crate::support::{Call, Caller, Gateway};
use serde_json::{Value, json};
use std::collections::HashSet;
use tower::ServiceExt;
use xanpay_domain::currency::Currency;
use xanpay_domain::environment::Environment;
use xanpay_domain::matching::{Outcome, Policy};
use xanpay_domain::method::Method;
use xanpay_domain::money::Money;
use xanpay_domain::time::Span;
use xanpay_rails::rail;
use xanpay_server::flows::{self, ImportOptions, ImportedFile, NewAccount, NewMerchant, import_statement};
use xanpay_statements::Date;
use xanpay_statements::sample::{Booking, camt054, dbs_classic};
use xanpay_testkit::{Database, Engine, on_both_databases};

/// The bank account behind the names.
const BANK: &str = "0721234567";
const MOBILE: &str = "+6585867834";
const UEN: &str = "201403121W";

/// A receiving account to add.
fn account(method: Method, account: &str, policy: Option<Policy>, stated: Option<&str>) -> NewAccount {
    NewAccount {
        environment: Environment::Sandbox,
        method,
        account: account.into(),
        name: Some("ACME STORE".into()),
        bank: None,
        template_qr: None,
        template_as_issued: false,
        policy,
        statement_account: stated.map(str::to_owned),
        merchant: None,
    }
}

/// A shop of one method, which its own accounts are added for.
struct Shop<'a> {
    gateway: &'a Gateway,
    method: Method,
    caller: Caller,
}

impl<'a> Shop<'a> {
    async fn open(gateway: &'a Gateway, method: Method) -> Self {
        let new = NewMerchant {
            name: "Paper Moon".into(),
            currency: method.currency(),
            methods: vec![method],
            environment: Environment::Sandbox,
            phone_verification: false,
        };
        let made = flows::create_merchant(&gateway.app, new).await.unwrap();
        let (key, secret, environment) = (made.key.api_key, made.key.api_secret, Environment::Sandbox);
        Self { gateway, method, caller: Caller { merchant: Some(made.id), key, secret, environment } }
    }

    /// This shop on one of its own accounts.
    async fn on(gateway: &'a Gateway, mut new: NewAccount) -> Self {
        let shop = Self::open(gateway, new.method).await;
        new.merchant = shop.caller.merchant;
        flows::add_account(&gateway.app, new).await.unwrap();
        shop
    }

    fn asking(&self, amount: &str, email: &str) -> Call {
        let body = json!({
            "merchantAmount": amount, "merchantCurrency": self.method.currency().code(), "method": self.method.as_str(),
            "email": email,
        });
        Call::post("/charges").by(&self.caller).json(&body)
    }

    async fn charge(&self, amount: &str, email: &str) -> Value {
        self.gateway.send(self.asking(amount, email)).await.expect(200).json()
    }

    async fn status(&self, charge: &Value) -> String {
        let shown = self.gateway.get_charge(&self.caller, charge["id"].as_str().unwrap()).await;
        shown["status"].as_str().unwrap().to_owned()
    }
}

fn nonce(charge: &Value) -> &str {
    charge["destination"]["nonce"].as_str().unwrap()
}

/// A nonce with two of its letters swapped.
fn swapped(charge: &Value) -> String {
    let mut letters: Vec<char> = nonce(charge).chars().collect();
    letters.swap(1, 2);
    letters.into_iter().collect()
}

/// A bank's notification of one credit.
fn notification(to: &str, amount: Money, text: &str, reference: &str) -> String {
    let booking = Booking {
        amount,
        reference: text.into(),
        payer: "TAN AH KOW".into(),
        bank_reference: reference.into(),
        date: Date::constant(2022, 6, 24),
    };
    camt054(to, "M1", START, &[booking])
}

/// The same credit as a statement tells of it.
fn statement(to: &str, amount: Money, text: &str, reference: &str) -> String {
    let file = notification(to, amount, text, reference).replace("camt.054", "camt.053");
    file.replace("BkToCstmrDbtCdtNtfctn", "BkToCstmrStmt").replace("Ntfctn>", "Stmt>")
}

async fn import(gateway: &Gateway, file: &str) -> ImportedFile {
    let options = ImportOptions::new(Environment::Sandbox);
    import_statement(&gateway.app, "file", file.as_bytes(), &options).await.unwrap()
}

/// What becomes of one credit: outcome and reason.
async fn told(gateway: &Gateway, to: &str, amount: Money, text: &str, reference: &str) -> (Value, Value) {
    // The list is in the order of arrival.
    gateway.advance(Span::millis(1));
    assert_eq!(import(gateway, &notification(to, amount, text, reference)).await.new, 1);
    last(gateway).await
}

/// The outcome and the reason of the last transfer.
async fn last(gateway: &Gateway) -> (Value, Value) {
    let operator = gateway.operator(Environment::Sandbox).await;
    let list = gateway.send(Call::get("/transfers?limit=1").by(&operator)).await.expect(200).json();
    (list["data"][0]["outcome"].clone(), list["data"][0]["reason"].clone())
}

fn money(method: Method, minor: i64) -> Money {
    Money::from_minor(minor, method.currency()).unwrap()
}

fn held() -> (Value, Value) {
    (json!("ambiguous"), json!("several_references"))
}

#[tokio::test]
async fn money_without_a_nonce_is_held_where_another_name_of_the_bank_account_asks_as_much() {
    on_both_databases(async |database| {
        let gateway = Gateway::start(database).await;
        for (method, first, policy, second) in [
            (Method::PromptPay, "0812345678", None, "099400016550100"),
            (Method::Paynow, MOBILE, Some(Policy::UniqueAmount), UEN),
        ] {
            let bank = format!("{BANK}{method}");
            let by_nonce = Shop::on(&gateway, account(method, second, Some(Policy::Nonce), Some(&bank))).await;
            let by_amount = Shop::on(&gateway, account(method, first, policy, Some(&bank))).await;
            let asked = by_amount.charge("35", "a@b.sg").await;
            let also = by_nonce.charge("35", "c@b.sg").await;
            assert_eq!((&asked["customerAmount"], &also["customerAmount"]), (&json!(35), &json!(35)));
            for (number, text) in ["", "thank you", &swapped(&also)].into_iter().enumerate() {
                let reference = format!("{method}{number}");
                let outcome = told(&gateway, &bank, money(method, 3500), text, &reference).await;
                assert_eq!(outcome, held(), "{text}");
            }
            assert_eq!(
                (by_amount.status(&asked).await, by_nonce.status(&also).await),
                ("pending".into(), "pending".into())
            );
            // A later report of the same money brings the nonce, so that it is clear whose it is.
            let file = statement(&bank, money(method, 3500), nonce(&also), &format!("{method}1"));
            let report = import(&gateway, &file).await;
            assert_eq!((report.new, report.duplicates, report.outcome(Outcome::Matched)), (0, 1, 1), "{report:?}");
            assert_eq!(by_nonce.status(&also).await, "completed");
            told(&gateway, &bank, money(method, 3500), "", &format!("{method}9")).await;
            assert_eq!(by_amount.status(&asked).await, "completed", "nobody else asks as much now");
        }
    })
    .await;
}

#[tokio::test]
async fn a_word_near_another_charges_nonce_is_held_and_one_near_its_own_is_not() {
    on_both_databases(async |database| {
        let gateway = Gateway::start(database).await;
        let shop = Shop::on(&gateway, account(Method::PromptPay, "0812345678", None, Some(BANK))).await;
        let (asked, dearer) = (shop.charge("35", "a@b.sg").await, shop.charge("36", "c@b.sg").await);
        let amount = money(Method::PromptPay, 3500);
        assert_eq!(told(&gateway, BANK, amount, &swapped(&dearer), "B1").await, held());
        // The nonce of a charge on another account: by its name, one receiving account alone is meant.
        let other = Shop::on(&gateway, account(Method::PromptPay, "0812345679", None, None)).await;
        let elsewhere = other.charge("37", "d@b.sg").await;
        let unmatched = (json!("unmatched"), json!("no_reference"));
        assert_eq!(told(&gateway, BANK, amount, nonce(&elsewhere), "B2").await, unmatched);
        assert_eq!(told(&gateway, BANK, amount, &swapped(&asked), "B3").await, (json!("matched"), json!("exact")));
        assert_eq!((shop.status(&asked).await, shop.status(&dearer).await), ("completed".into(), "pending".into()));
    })
    .await;
}

#[tokio::test]
async fn an_expired_charge_of_another_name_competes_as_long_as_its_money_may_be_under_way() {
    on_both_databases(async |database| {
        let gateway = Gateway::start(database).await;
        let by_nonce = Shop::on(&gateway, account(Method::Paynow, UEN, Some(Policy::Nonce), Some(BANK))).await;
        let policy = Some(Policy::UniqueAmount);
        let by_amount = Shop::on(&gateway, account(Method::Paynow, MOBILE, policy, Some(BANK))).await;
        by_nonce.charge("35", "a@b.sg").await;
        gateway.advance(Span::minutes(61));
        flows::expire_due_charges(&gateway.app, Environment::Sandbox).await.unwrap();
        let asked = by_amount.charge("35", "c@b.sg").await;
        assert_eq!(asked["customerAmount"], json!(35.01), "the amount is kept for its money");
        gateway.advance(Span::minutes(61));
        flows::expire_due_charges(&gateway.app, Environment::Sandbox).await.unwrap();
        by_nonce.charge("35.01", "d@b.sg").await;
        // Both were asked for that day; a charge that waits for its nonce is never paid by its amount alone.
        assert_eq!(told(&gateway, BANK, money(Method::Paynow, 3501), "", "B1").await, held());
        assert_eq!(told(&gateway, BANK, money(Method::Paynow, 3500), "", "B2").await.0, json!("unmatched"));
    })
    .await;
}

#[tokio::test]
async fn no_two_charges_of_a_bank_account_are_asked_the_same_amount_where_amounts_tell_them_apart() {
    on_both_databases(async |database| {
        let gateway = Gateway::start(database).await;
        let first = Shop::on(&gateway, account(Method::PromptPay, "0812345678", None, Some(BANK))).await;
        let before = first.charge("35", "a@b.sg").await;
        let second = Shop::on(&gateway, account(Method::PromptPay, "0812345679", None, Some("072-1234567"))).await;
        let after = second.charge("35", "a@b.sg").await;
        assert_eq!((&before["customerAmount"], &after["customerAmount"]), (&json!(35), &json!(35.01)));
        let by_nonce = Shop::on(&gateway, account(Method::PromptPay, "099400016550100", None, Some(BANK))).await;
        let waiting = by_nonce.charge("35.02", "a@b.sg").await;
        assert_eq!(first.charge("35", "b@b.sg").await["customerAmount"], json!(35.03));
        // What is paid in part asks for the rest.
        told(&gateway, BANK, money(Method::PromptPay, 502), nonce(&waiting), "B0").await;
        assert_eq!(second.charge("30", "b@b.sg").await["customerAmount"], json!(30.01));
        for (shop, charge, amount) in [(&first, before, 3500), (&second, after, 3501)] {
            let paid = told(&gateway, BANK, money(Method::PromptPay, amount), "", &format!("B{amount}")).await;
            assert_eq!((paid.0, shop.status(&charge).await), (json!("matched"), "completed".into()));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn amounts_stay_apart_when_two_names_of_a_bank_account_are_asked_at_once_by_two_processes() {
    on_both_databases(async |database| {
        let gateway = Gateway::start(database).await;
        let second_process = match database.engine() {
            Engine::Sqlite => None,
            Engine::Postgres => Some(Gateway::start(database).await),
        };
        let first = Shop::on(&gateway, account(Method::PromptPay, "0812345678", None, Some(BANK))).await;
        let second = Shop::on(&gateway, account(Method::PromptPay, "0812345679", None, Some(BANK))).await;
        let mut running = tokio::task::JoinSet::new();
        for number in 0..12 {
            for (shop, process) in [(&first, &gateway), (&second, second_process.as_ref().unwrap_or(&gateway))] {
                let (call, router) = (shop.asking("35", &format!("c{number}@b.sg")), process.router.clone());
                running.spawn(async move { read(router.oneshot(call.into_request()).await.unwrap()).await });
            }
        }
        let made = running.join_all().await;
        let asked: HashSet<String> =
            made.into_iter().map(|answer| answer.expect(200).json()["customerAmount"].to_string()).collect();
        assert_eq!(asked.len(), 24, "{asked:?}");
    })
    .await;
}

/// Receiving accounts of which one is added under the name that the other's statements have.
const ONE_ACCOUNT: [(Method, &str, Method, &str, &str); 3] = [
    (Method::HkBankTransfer, "004-123-456789", Method::Fps, "1234567", "004123456789"),
    (Method::AuBankTransfer, "062-000 12345678", Method::AuBankTransfer, "shop@example.com.au", "062000 12345678"),
    (Method::NzBankTransfer, "01-0902-0068389-00", Method::NzBankTransfer, "01-0902-0068389-01", "01 0902 0068389 000"),
];

#[tokio::test]
async fn an_account_that_another_is_stated_as_is_one_bank_account_with_it_in_either_order() {
    on_both_databases(async |database| {
        for (own_method, own, other_method, other, stated) in ONE_ACCOUNT {
            for own_is_first in [true, false] {
                let database = match database.engine() {
                    Engine::Sqlite => Database::sqlite(),
                    Engine::Postgres => Database::postgres().await,
                };
                let gateway = Gateway::start(&database).await;
                let operator = gateway.operator(Environment::Sandbox).await;
                let mut accounts =
                    [account(own_method, own, None, None), account(other_method, other, None, Some(stated))];
                if !own_is_first {
                    accounts.reverse();
                }
                let mut shops = Vec::new();
                for (number, new) in accounts.into_iter().enumerate() {
                    let shop = Shop::on(&gateway, new).await;
                    let amount = money(shop.method, 3500 + i64::try_from(number).unwrap());
                    let charge = shop.charge(&amount.to_decimal(), "a@b.sg").await;
                    shops.push((shop, charge, amount));
                }
                for (number, (shop, charge, amount)) in shops.iter().enumerate() {
                    let name = if own_is_first { stated } else { own };
                    let case = format!("{own} and {other}, account {number} by {name}");
                    if number == 0 {
                        let paid = told(&gateway, name, *amount, nonce(charge), "B1").await;
                        assert_eq!(paid.0, json!("matched"), "{case}");
                    } else {
                        let body = json!({
                            "account": name, "amount": amount.to_decimal(), "currency": amount.currency().code(),
                            "reference": nonce(charge),
                        });
                        let paid = gateway.send(Call::post("/transfers").by(&operator).json(&body)).await.expect(200);
                        assert_eq!(paid.json()["outcome"], "matched", "{case}");
                    }
                    assert_eq!(shop.status(charge).await, "completed", "{case}");
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_disabled_account_that_is_added_again_under_another_name_is_paid_for_what_waits_on_it() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let waiting = gateway.charge(&merchant, &json!({})).await;
        let stored = async || {
            let all = gateway.app.store.reader().list_accounts(Environment::Sandbox).await.unwrap();
            all.into_iter().flatten().find(|account| account.method == Method::Paynow).unwrap()
        };
        let old = stored().await;
        let again =
            NewAccount { name: Some("ACME PTE LTD".into()), ..account(Method::Paynow, &old.account, None, None) };
        assert!(flows::add_account(&gateway.app, again.clone()).await.is_err(), "it is enabled");

        flows::disable_account(&gateway.app, old.id, Environment::Sandbox).await.unwrap();
        let other = NewAccount { policy: Some(Policy::UniqueAmount), ..again.clone() };
        assert!(flows::add_account(&gateway.app, other).await.is_err(), "its policy stays");
        assert_eq!(flows::add_account(&gateway.app, again).await.unwrap().0, old.id);
        assert_eq!(stored().await.account_name, "ACME PTE LTD");

        let gateway = Gateway::start(database).await;
        let new = gateway.charge(&merchant, &json!({"email": "b@b.sg"})).await;
        for charge in [&waiting, &new] {
            assert_eq!(gateway.pay(&merchant, charge, "35").await["outcome"], "matched");
        }
    })
    .await;
}

#[tokio::test]
async fn of_accounts_that_rails_of_two_currencies_call_alike_that_of_the_moneys_currency_is_meant() {
    on_both_databases(async |database| {
        let gateway = Gateway::start(database).await;
        let operator = gateway.operator(Environment::Sandbox).await;
        let name = "123456789";
        let template = rail(Method::DuitNow).account_kinds[0].example_template.map(str::to_owned);
        let duit_now =
            NewAccount { template_qr: template, ..account(Method::DuitNow, name, Some(Policy::Nonce), None) };
        let malaysian = Shop::on(&gateway, duit_now).await;
        let fps = Shop::on(&gateway, account(Method::Fps, name, None, None)).await;
        for (number, shop) in [&fps, &malaysian].into_iter().enumerate() {
            let currency = shop.method.currency().code();
            let (by_notice, by_file) = (shop.charge("35", "a@b.sg").await, shop.charge("35", "b@b.sg").await);
            let body = json!({"account": name, "amount": 35, "currency": currency, "reference": nonce(&by_notice)});
            let paid = gateway.send(Call::post("/transfers").by(&operator).json(&body)).await.expect(200).json();
            assert_eq!(paid["outcome"], "matched", "{currency}: {paid}");
            let paid = told(&gateway, name, money(shop.method, 3500), nonce(&by_file), &format!("B{number}")).await;
            assert_eq!(paid.0, json!("matched"), "{currency}");
        }
        let stranger = told(&gateway, name, Money::from_minor(3500, Currency::SGD).unwrap(), "", "B9").await;
        assert_eq!(stranger, (json!("unmatched"), json!("other_currency")));
    })
    .await;
}

#[tokio::test]
async fn a_name_of_two_bank_accounts_in_one_currency_asks_for_the_method() {
    on_both_databases(async |database| {
        let gateway = Gateway::start(database).await;
        let operator = gateway.operator(Environment::Sandbox).await;
        let name = "1234567890";
        let template = rail(Method::GojekId).account_kinds[0].example_template.map(str::to_owned);
        let go_pay = account(Method::GojekId, name, Some(Policy::Nonce), Some("888800001111"));
        Shop::on(&gateway, NewAccount { template_qr: template, ..go_pay }).await;
        let bank = NewAccount {
            bank: Some("BCA".into()),
            ..account(Method::IdBankTransfer, name, Some(Policy::Nonce), Some("777700002222"))
        };
        let shop = Shop::on(&gateway, bank).await;
        let charge = shop.charge("35000", "a@b.sg").await;
        let mut body = json!({"account": name, "amount": 35000, "currency": "IDR", "reference": nonce(&charge)});
        let refused = gateway.send(Call::post("/transfers").by(&operator).json(&body)).await;
        assert_eq!(refused.expect_problem(400, "account_ambiguous").fields(), ["account"]);
        body["method"] = json!(Method::IdBankTransfer.as_str());
        let paid = gateway.send(Call::post("/transfers").by(&operator).json(&body)).await.expect(200).json();
        assert_eq!(paid["outcome"], "matched", "{paid}");
    })
    .await;
}

/// A notice of one payment, as the operator's own system posts it.
async fn notify(gateway: &Gateway, to: &str, amount: Money, more: &Value) -> Value {
    let operator = gateway.operator(Environment::Sandbox).await;
    let mut body = json!({"account": to, "amount": amount.to_decimal(), "currency": amount.currency().code()});
    body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    gateway.send(Call::post("/transfers").by(&operator).json(&body)).await.expect(200).json()
}

/// A statement's credit with a payer and a day of its own.
fn dated(to: &str, amount: Money, text: &str, reference: &str, (payer, day): (&str, Date)) -> String {
    statement(to, amount, text, reference).replace("TAN AH KOW", payer).replace("2022-06-24", &day.to_string())
}

/// A day of the month of the clock's start.
fn june(day: i8) -> Date {
    Date::constant(2022, 6, day)
}

#[tokio::test]
async fn a_payment_that_two_feeds_tell_of_differently_never_pays_a_second_charge() {
    on_both_databases(async |database| {
        let gateway = Gateway::start(database).await;
        let amount = money(Method::PromptPay, 26_000);
        for (number, (payer, other_payer, day, is_known)) in [
            ("SOMCHAI JAIDEE", "SOMCHAI JAIDEE", 24, true),
            ("MR SOMCHAI JAIDEE", "SOMCHAI JAIDEE", 24, true),
            ("JAIDEE SOMCHAI", "SOMCHAI JAIDEE", 24, true),
            // Where no more than the amount agrees, it may be the money of who waits for it.
            ("SCB x1234 SOMCHAI", "SOMCHAI JAIDEE", 24, false),
            ("HONG GILDONG", "สมชาย ใจดี", 24, false),
            ("SOMCHAI JAIDEE", "SOMCHAI JAIDEE", 28, false),
            ("SOMCHAI J.", "", 27, false),
        ]
        .into_iter()
        .enumerate()
        {
            let to = format!("08123456{number:02}");
            let shop = Shop::on(&gateway, account(Method::PromptPay, &to, None, None)).await;
            let first = shop.charge("260", "a@b.th").await;
            let told = json!({"reference": "transfer", "payerName": payer, "bankReference": "N1"});
            assert_eq!(notify(&gateway, &to, amount, &told).await["outcome"], "matched", "{payer}");
            gateway.advance(Span::minutes(61));
            let second = shop.charge("260", "c@b.th").await;
            assert_eq!(second["customerAmount"], first["customerAmount"]);
            let case = format!("{payer}, {other_payer} on the {day}th");
            // The list is in the order of arrival.
            gateway.advance(Span::millis(1));
            let file = dated(&to, amount, "transfer", "S1", (other_payer, june(day)));
            let report = import(&gateway, &file).await;
            let counted = (report.new, report.duplicates, report.outcome(Outcome::Ambiguous));
            assert_eq!(counted, if is_known { (0, 1, 0) } else { (1, 0, 1) }, "{case}");
            assert_eq!((shop.status(&first).await, shop.status(&second).await), ("completed".into(), "pending".into()));
            assert!(is_known || last(&gateway).await.1 == json!("possible_duplicate"), "{case}");
            // What the payers and the texts or the days tell apart is another payment.
            let told = if day == 24 { ("ANAN BOONMEE", june(24)) } else { (payer, june(30)) };
            gateway.advance(Span::millis(1));
            let report = import(&gateway, &dated(&to, amount, "dinner", "S2", told)).await;
            assert_eq!(
                (report.outcome(Outcome::Matched), shop.status(&second).await),
                (1, "completed".into()),
                "{case}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_nonce_that_one_of_two_feeds_leaves_out_is_the_same_payment() {
    on_both_databases(async |database| {
        let gateway = Gateway::start(database).await;
        let amount = money(Method::PromptPay, 26_000);
        for (number, nonce_is_first) in [true, false].into_iter().enumerate() {
            let to = format!("08123456{number:02}");
            let shop = Shop::on(&gateway, account(Method::PromptPay, &to, None, None)).await;
            let first = shop.charge("260", "a@b.th").await;
            let (one, other) = if nonce_is_first { (nonce(&first), "transfer") } else { ("transfer", nonce(&first)) };
            let told = json!({"reference": one, "bankReference": "N1"});
            assert_eq!(notify(&gateway, &to, amount, &told).await["outcome"], "matched");
            let report = import(&gateway, &dated(&to, amount, other, "S1", ("TAN", june(24)))).await;
            assert_eq!((report.new, report.duplicates), (0, 1), "the nonce is first: {nonce_is_first}");
            // A charge that now waits for this amount is not paid by a third feed's report either.
            let second = shop.charge("260", "c@b.th").await;
            let file = dated(&to, amount, "transfer", "", ("TAN", june(24)));
            let file = file.replace("camt.053", "camt.052").replace("BkToCstmrStmt", "BkToCstmrAcctRpt");
            let report = import(&gateway, &file.replace("Stmt>", "Rpt>")).await;
            assert_eq!(report.outcome(Outcome::Matched), 0, "{report:?}");
            assert_eq!((shop.status(&first).await, shop.status(&second).await), ("completed".into(), "pending".into()));
        }
    })
    .await;
}

/// A bank's messages say NONREF where its exports have the payer's name.
#[tokio::test]
async fn a_placeholder_for_the_payers_name_makes_no_second_payment_of_one() {
    on_both_databases(async |database| {
        let gateway = Gateway::start(database).await;
        let amount = money(Method::Paynow, 3500);
        let new = account(Method::Paynow, UEN, Some(Policy::VirtualAccount), Some(BANK));
        let shop = Shop::on(&gateway, new).await;
        let first = shop.charge("35", "a@b.sg").await;
        assert_eq!(import(&gateway, &dated(BANK, amount, "", "S1", ("NONREF", june(24)))).await.new, 1);
        assert_eq!(shop.status(&first).await, "completed");
        gateway.advance(Span::hours(2));
        let second = shop.charge("35", "c@d.sg").await;
        let booking = Booking {
            amount,
            reference: "PayNow transfer".into(),
            payer: "CHUA WEN LI".into(),
            bank_reference: "222".into(),
            date: june(24),
        };
        let report = import(&gateway, &dbs_classic(BANK, june(24), &[booking]).unwrap()).await;
        assert_eq!((report.new, report.outcome(Outcome::Ambiguous)), (1, 1));
        assert_eq!(last(&gateway).await.1, json!("possible_duplicate"));
        assert_eq!(shop.status(&second).await, "pending");
    })
    .await;
}

#[tokio::test]
async fn money_without_a_nonce_that_a_notice_has_before_its_charge_pays_it_when_the_statement_has_it_in_time() {
    on_both_databases(async |database| {
        let gateway = Gateway::start(database).await;
        let amount = money(Method::PromptPay, 26_000);
        let shop = Shop::on(&gateway, account(Method::PromptPay, "0812345678", None, None)).await;
        let charge = shop.charge("260", "a@b.th").await;
        let midnight = json!({"payerName": "SOMCHAI JAIDEE", "bookedAt": "2022-06-24T00:00:00+07:00"});
        assert_eq!(notify(&gateway, "0812345678", amount, &midnight).await["reason"], "older_than_charge");
        let stated = dated("0812345678", amount, "", "S1", ("SOMCHAI JAIDEE", june(24)));
        for matched in [1, 0] {
            let report = import(&gateway, &stated).await;
            assert_eq!((report.new, report.duplicates, report.outcome(Outcome::Matched)), (0, 1, matched));
        }
        assert_eq!(shop.status(&charge).await, "completed");
        // The notice says which charge is meant, the statement when it was paid.
        let other = shop.charge("260", "c@d.th").await;
        assert_eq!(other["customerAmount"], json!(260.01));
        let early = json!({"reference": nonce(&other), "bankReference": "S2", "bookedAt": "2022-06-24T00:00:00+07:00"});
        let amount = money(Method::PromptPay, 26_001);
        assert_eq!(notify(&gateway, "0812345678", amount, &early).await["reason"], "older_than_charge");
        let report = import(&gateway, &dated("0812345678", amount, "", "S2", ("", june(24)))).await;
        assert_eq!((report.duplicates, report.outcome(Outcome::Matched)), (1, 1));
        assert_eq!(shop.status(&other).await, "completed");
    })
    .await;
}

#[tokio::test]
async fn where_the_payers_name_carries_the_reference_it_names_the_charge() {
    on_both_databases(async |database| {
        let gateway = Gateway::start(database).await;
        let toss = |number: &str, policy| NewAccount {
            bank: Some("토스뱅크".into()),
            ..account(Method::Toss, number, policy, None)
        };
        for (number, policy) in [("110123456789", None), ("110123456790", Some(Policy::Nonce))] {
            let shop = Shop::on(&gateway, toss(number, policy)).await;
            for (case, price) in [("whole", 35_000), ("within", 36_000), ("joined", 37_000)] {
                let (first, second) =
                    (shop.charge(&price.to_string(), "a@b.kr").await, shop.charge(&price.to_string(), "c@b.kr").await);
                let payer = match case {
                    "whole" => nonce(&second).to_uppercase(),
                    "within" => format!("홍길동{}", nonce(&second)),
                    _ => format!("HONG{}", nonce(&second)),
                };
                let amount = Money::parse(&second["customerAmount"].to_string(), Currency::KRW).unwrap();
                let file = dated(number, amount, "toss", case, (&payer, june(24)));
                assert_eq!(import(&gateway, &file).await.outcome(Outcome::Matched), 1, "{payer}");
                assert_eq!(
                    (shop.status(&first).await, shop.status(&second).await),
                    ("pending".into(), "completed".into())
                );
                // The amount of another charge does not make it that one's money.
                let amount = Money::parse(&first["customerAmount"].to_string(), Currency::KRW).unwrap();
                let file = dated(number, amount, "toss", &format!("{case} again"), (&payer, june(24)));
                import(&gateway, &file).await;
                assert_eq!(shop.status(&first).await, "pending", "{payer}");
            }
        }
        // Other rails have words of their own, and a payer may be called anything.
        let shop = Shop::on(&gateway, account(Method::Paynow, UEN, None, None)).await;
        let charge = shop.charge("35", "a@b.sg").await;
        let file = dated(UEN, money(Method::Paynow, 3500), "", "B1", (nonce(&charge), june(24)));
        assert_eq!(import(&gateway, &file).await.outcome(Outcome::Unmatched), 1);
    })
    .await;
}

#[tokio::test]
async fn a_nonce_counts_wherever_a_later_report_of_the_money_has_it_though_an_earlier_one_had_something_there() {
    on_both_databases(async |database| {
        let gateway = Gateway::start(database).await;
        let toss = NewAccount {
            bank: Some("토스뱅크".into()),
            ..account(Method::Toss, "110123456789", Some(Policy::Nonce), None)
        };
        let shop = Shop::on(&gateway, toss).await;
        for (number, payer) in ["홍길동", "NOTPROVIDED"].into_iter().enumerate() {
            let charge = shop.charge("35000", &format!("{number}@b.kr")).await;
            let (amount, reference) = (money(Method::Toss, 35_000), format!("R{number}"));
            let first = json!({"reference": "", "payerName": payer, "bankReference": reference});
            assert_eq!(notify(&gateway, "110123456789", amount, &first).await["reason"], "no_reference", "{payer}");
            let file = dated("110123456789", amount, "toss", &reference, (nonce(&charge), june(24)));
            let report = import(&gateway, &file).await;
            assert_eq!((report.duplicates, report.outcome(Outcome::Matched)), (1, 1), "{payer}");
            assert_eq!(shop.status(&charge).await, "completed", "{payer}");
        }
    })
    .await;
}

/// A charge that expires unpaid.
async fn lapsed(gateway: &Gateway, shop: &Shop<'_>, price: &str, email: &str) -> Value {
    let charge = shop.charge(price, email).await;
    gateway.advance(Span::minutes(61));
    flows::expire_due_charges(&gateway.app, Environment::Sandbox).await.unwrap();
    charge
}

#[tokio::test]
async fn the_amount_of_an_expired_charge_is_kept_for_its_money_while_another_is_free() {
    on_both_databases(async |database| {
        let gateway = Gateway::start(database).await;
        let shop = Shop::on(&gateway, account(Method::PromptPay, "0812345678", None, None)).await;
        let mut old = Vec::new();
        for number in 0..25 {
            old.push(shop.charge("35", &format!("o{number}@b.th")).await);
        }
        gateway.advance(Span::minutes(61));
        flows::expire_due_charges(&gateway.app, Environment::Sandbox).await.unwrap();
        assert_eq!(shop.charge("35", "a@b.th").await["customerAmount"], json!(35.25));
        // To the end of the grace period.
        gateway.advance(Span::minutes(7 * 24 * 60 - 2));
        flows::expire_due_charges(&gateway.app, Environment::Sandbox).await.unwrap();
        assert_eq!(shop.charge("35", "c@b.th").await["customerAmount"], json!(35.26));
        gateway.advance(Span::minutes(2));
        assert_eq!(shop.charge("35", "d@b.th").await["customerAmount"], json!(35));
    })
    .await;
}

#[tokio::test]
async fn money_that_an_expired_charge_may_still_mean_is_held_where_a_newer_one_asks_as_much() {
    on_both_databases(async |database| {
        let gateway = Gateway::start(database).await;
        let stated = Some(BANK);
        let shop = Shop::on(&gateway, account(Method::PromptPay, "0812345678", None, stated)).await;
        let late = lapsed(&gateway, &shop, "35", "a@b.th").await;
        // The charge of a nonce account asks its price, whatever else was asked.
        let by_nonce =
            Shop::on(&gateway, account(Method::PromptPay, "099400016550100", Some(Policy::Nonce), stated)).await;
        let waiting = by_nonce.charge("35", "c@b.th").await;
        gateway.advance(Span::minutes(30));
        let told = notify(&gateway, BANK, money(Method::PromptPay, 3500), &json!({"reference": ""})).await;
        assert_eq!((told["outcome"].clone(), told["reason"].clone()), held());
        assert_eq!((shop.status(&late).await, by_nonce.status(&waiting).await), ("expired".into(), "pending".into()));
    })
    .await;
}

#[tokio::test]
async fn a_paid_amount_is_asked_again_after_an_hour_unless_a_second_feed_may_tell_of_its_money() {
    on_both_databases(async |database| {
        let gateway = Gateway::start(database).await;
        let shop = Shop::on(&gateway, account(Method::PromptPay, "0812345678", None, None)).await;
        let (to, amount) = ("0812345678", money(Method::PromptPay, 3500));
        for number in 0..3 {
            assert_eq!(shop.charge("35", "a@b.th").await["customerAmount"], json!(35), "{number}");
            let told = json!({"reference": "", "bankReference": format!("N{number}")});
            assert_eq!(notify(&gateway, to, amount, &told).await["outcome"], "matched");
            gateway.advance(Span::minutes(61));
        }
        import(&gateway, &dated(to, amount, "", "N0", ("TAN", june(24)))).await;
        assert_eq!(shop.charge("35", "a@b.th").await["customerAmount"], json!(35.01));
        gateway.advance(Span::hours(4 * 24 + 37));
        flows::expire_due_charges(&gateway.app, Environment::Sandbox).await.unwrap();
        assert_eq!(shop.charge("35", "b@b.th").await["customerAmount"], json!(35));
    })
    .await;
}

#[tokio::test]
async fn of_rows_of_one_amount_that_which_names_a_charge_pays_it_wherever_it_stands_in_the_file() {
    on_both_databases(async |database| {
        let gateway = Gateway::start(database).await;
        let policy = Some(Policy::UniqueAmount);
        let shop = Shop::on(&gateway, account(Method::Paynow, UEN, policy, None)).await;
        for named_first in [true, false] {
            let waiting = shop.charge("35", &format!("{named_first}@b.sg")).await;
            let cents = (waiting["customerAmount"].as_f64().unwrap() * 100.0).round();
            let amount = money(Method::Paynow, cents as i64);
            let entry = |text: &str, reference: &str| {
                let file = statement(UEN, amount, text, &format!("{reference}{named_first}"));
                file[file.find("<Ntry>").unwrap()..file.rfind("</Ntry>").unwrap() + "</Ntry>".len()].to_owned()
            };
            let (named, plain) = (entry(nonce(&waiting), "B1"), entry("hello", "B2"));
            let rows = if named_first { named.clone() + &plain } else { plain + &named };
            let file = statement(UEN, amount, "x", "x");
            let (start, end) = (file.find("<Ntry>").unwrap(), file.rfind("</Ntry>").unwrap() + "</Ntry>".len());
            let report = import(&gateway, &format!("{}{rows}{}", &file[..start], &file[end..])).await;
            let counted = (report.outcome(Outcome::Matched), report.outcome(Outcome::Unmatched));
            assert_eq!(counted, (1, 1), "{named_first} {report:?}");
            assert_eq!(shop.status(&waiting).await, "completed");
        }
    })
    .await;
}

#[tokio::test]
async fn a_row_without_a_nonce_leaves_the_notice_with_one_to_the_row_that_has_it() {
    on_both_databases(async |database| {
        let gateway = Gateway::start(database).await;
        let operator = gateway.operator(Environment::Sandbox).await;
        let policy = Some(Policy::VirtualAccount);
        let first = Shop::on(&gateway, account(Method::Paynow, UEN, policy, Some(BANK))).await;
        let second = Shop::on(&gateway, account(Method::Paynow, "53333333X", policy, Some(BANK))).await;
        let (paid, part) = (first.charge("20", "a@b.sg").await, second.charge("35", "b@b.sg").await);
        for (to, text) in [("53333333X", nonce(&part)), (UEN, "Transfer")] {
            let body = json!({"account": to, "amount": 20, "currency": "SGD", "reference": text});
            gateway.send(Call::post("/transfers").by(&operator).json(&body)).await.expect(200);
            gateway.advance(Span::millis(1));
        }
        assert_eq!(first.status(&paid).await, "completed");
        // The plain row alone, and then the other one: nothing is new, and nothing is paid once more.
        for (text, reference) in [("Transfer", "B1"), (nonce(&part), "B2")] {
            let report = import(&gateway, &statement(BANK, money(Method::Paynow, 2000), text, reference)).await;
            assert_eq!((report.new, report.duplicates), (0, 1), "{text}");
        }
        assert_eq!(second.status(&part).await, "pending");
    })
    .await;
}

#[tokio::test]
async fn accounts_for_one_charge_each_behind_one_bank_account_are_told_apart_by_what_they_ask() {
    on_both_databases(async |database| {
        let gateway = Gateway::start(database).await;
        let policy = Some(Policy::VirtualAccount);
        let first = Shop::on(&gateway, account(Method::Paynow, UEN, policy, Some(BANK))).await;
        let second = Shop::on(&gateway, account(Method::Paynow, "53333333X", policy, Some(BANK))).await;
        let (cheap, dear) = (first.charge("35", "a@b.sg").await, second.charge("100", "b@b.sg").await);
        let held = (json!("ambiguous"), json!("several_references"));
        assert_eq!(told(&gateway, BANK, money(Method::Paynow, 2000), "", "B1").await, held, "it is of neither");
        for amount in [3500, 10_000] {
            let paid = told(&gateway, BANK, money(Method::Paynow, amount), "", &format!("B{amount}")).await;
            assert_eq!(paid, (json!("matched"), json!("exact")));
        }
        assert_eq!((first.status(&cheap).await, second.status(&dear).await), ("completed".into(), "completed".into()));
    })
    .await;
}

#[tokio::test]
async fn what_somebody_may_still_pay_is_not_asked_of_the_next_customer() {
    on_both_databases(async |database| {
        let gateway = Gateway::start(database).await;
        let shop = Shop::on(&gateway, account(Method::Paynow, UEN, Some(Policy::UniqueAmount), None)).await;
        let off = shop.charge("35", "a@b.sg").await;
        let path = format!("/charges/{}/cancel", off["id"].as_str().unwrap());
        gateway.send(Call::patch(path).by(&shop.caller)).await.expect(200);
        let next = shop.charge("35", "b@b.sg").await;
        assert_eq!(next["customerAmount"], json!(35.01), "the first customer may have paid before calling it off");
        let late = (json!("late"), json!("cancelled"));
        assert_eq!(told(&gateway, UEN, money(Method::Paynow, 3500), "Transfer", "B1").await, late);
        told(&gateway, UEN, money(Method::Paynow, 3501), "Transfer", "B2").await;
        assert_eq!(shop.status(&next).await, "completed");
        // Whoever presses "pay" twice does so at once.
        assert_eq!(shop.charge("35.01", "c@b.sg").await["customerAmount"], json!(35.02));
        gateway.advance(Span::minutes(61));
        flows::expire_due_charges(&gateway.app, Environment::Sandbox).await.unwrap();
        assert_eq!(shop.charge("35.01", "d@b.sg").await["customerAmount"], json!(35.01));
    })
    .await;
}

#[tokio::test]
async fn of_accounts_for_one_charge_each_that_which_somebody_may_still_pay_is_given_last() {
    on_both_databases(async |database| {
        let gateway = Gateway::start(database).await;
        let policy = Some(Policy::VirtualAccount);
        let shop = Shop::on(&gateway, account(Method::Paynow, UEN, policy, None)).await;
        let mut other = account(Method::Paynow, "53333333X", policy, None);
        other.merchant = shop.caller.merchant;
        flows::add_account(&gateway.app, other).await.unwrap();
        let cancel = async |charge: &Value| {
            let path = format!("/charges/{}/cancel", charge["id"].as_str().unwrap());
            gateway.send(Call::patch(path).by(&shop.caller)).await.expect(200);
        };
        // Each account has been given once, so that no count of charges decides between them.
        let (paid, off) = (shop.charge("35", "a@b.sg").await, shop.charge("70", "b@b.sg").await);
        cancel(&off).await;
        let to = |charge: &Value| charge["destination"]["account"].as_str().unwrap().to_owned();
        assert_ne!(to(&paid), to(&off));
        told(&gateway, &to(&paid), money(Method::Paynow, 3500), "Transfer", "B1").await;
        assert_eq!(shop.status(&paid).await, "completed");
        let next = shop.charge("35", "c@b.sg").await;
        assert_eq!(to(&next), to(&off), "the first one was just paid");
        cancel(&next).await;
        gateway.advance(Span::minutes(61));
        assert_eq!(to(&shop.charge("35", "d@b.sg").await), to(&paid), "the other one was called off");
    })
    .await;
}

#[tokio::test]
async fn an_equal_request_finds_its_charge_though_no_account_has_room_for_another() {
    on_both_databases(async |database| {
        let gateway = Gateway::start(database).await;
        let shop = Shop::on(&gateway, account(Method::Paynow, UEN, Some(Policy::VirtualAccount), None)).await;
        let first = shop.charge("35", "a@b.sg").await;
        let again = shop.charge("35", "a@b.sg").await;
        assert_eq!((&again["id"], &again["isDuplicate"]), (&first["id"], &json!(true)));
        gateway.send(shop.asking("35", "b@b.sg")).await.expect_problem(503, "accounts_full");
        gateway.advance(Span::minutes(61));
        let fresh = shop.charge("35", "a@b.sg").await;
        assert_eq!(fresh["isDuplicate"], json!(false), "its time is over");
    })
    .await;
}

#[tokio::test]
async fn a_name_that_is_added_by_a_clock_gone_back_leaves_the_bank_accounts_book_as_it_is() {
    on_both_databases(async |database| {
        let gateway = Gateway::start(database).await;
        let shop = Shop::on(&gateway, account(Method::Paynow, MOBILE, None, Some(BANK))).await;
        let charge = shop.charge("35", "a@example.com").await;
        let file = statement(BANK, Money::from_minor(3500, Currency::SGD).unwrap(), nonce(&charge), "R1");
        assert_eq!(import(&gateway, &file).await.new, 1);
        gateway.advance(Span::days(-365));
        flows::add_account(&gateway.app, account(Method::Paynow, UEN, None, Some(BANK))).await.unwrap();
        gateway.advance(Span::days(365));
        let again = import(&gateway, &file).await;
        assert_eq!((again.new, again.duplicates), (0, 1));
    })
    .await;
}

#[tokio::test]
async fn a_file_that_is_read_again_leaves_held_money_as_it_is_though_its_feed_dates_it_otherwise() {
    on_both_databases(async |database| {
        let gateway = Gateway::start(database).await;
        let shop = Shop::on(&gateway, account(Method::Paynow, MOBILE, Some(Policy::Nonce), Some(BANK))).await;
        let charge = lapsed(&gateway, &shop, "88", "a@b.sg").await;
        let part = Money::from_minor(4000, Currency::SGD).unwrap();
        assert_eq!(import(&gateway, &statement(BANK, part, nonce(&charge), "S1")).await.outcome(Outcome::Late), 1);
        // By eight hours too early, as a bank in another time zone writes it.
        let words = format!("PAYNOW {}", nonce(&charge));
        let notice = notification(BANK, part, &words, "N1");
        let notice = notice.replace("<Dt>2022-06-24</Dt>", "<DtTm>2022-06-24T00:00:05Z</DtTm>");
        assert!(notice.contains("<DtTm>2022"), "{notice}");
        assert_eq!(import(&gateway, &notice).await.duplicates, 1);
        let operator = gateway.operator(Environment::Sandbox).await;
        let listed = async || gateway.send(Call::get("/transfers").by(&operator)).await.expect(200).text();
        let before = listed().await;
        assert_eq!(import(&gateway, &notice).await.duplicates, 1);
        assert_eq!(listed().await, before);
    })
    .await;
}
