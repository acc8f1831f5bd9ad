//! One payment per rail and form of account, from session to completed, on both databases; and what keeps payments of
//! one account apart.
use crate::support::{Answer, Call, Caller, Gateway};
use serde_json::{Value, json};
use std::collections::HashMap;
use xanpay_domain::currency::Currency;
use xanpay_domain::environment::Environment;
use xanpay_domain::exchange::{ECB, ECB_RATE_LIFE, OPERATOR_RATE_LIFE, PairRate, Rate, RateEntry};
use xanpay_domain::matching::{Policy, mentions};
use xanpay_domain::method::Method;
use xanpay_domain::money::Money;
use xanpay_domain::time::{Span, Timestamp};
use xanpay_rails::{
    AccountInput, AccountKind, PaymentRequest, QrKind, is_sandbox_payload, lint, parse_account, payload, qr_modules,
    qr_svg, rail,
};
use xanpay_server::flows::{self, FlowError, ImportOptions, NewAccount, NewMerchant};
use xanpay_statements::sample::{Booking, camt054};
use xanpay_testkit::{Database, on_both_databases, spoil};

/// Every form of account of every rail.
fn forms() -> impl Iterator<Item = (Method, &'static AccountKind)> {
    Method::ALL
        .into_iter()
        .flat_map(|method| rail(method).account_kinds.iter().copied().map(move |kind| (method, kind)))
}

/// An account of a form, as an operator adds it for one merchant.
fn account(owner: &Caller, method: Method, kind: &AccountKind) -> NewAccount {
    NewAccount {
        environment: owner.environment,
        method,
        account: kind.example.into(),
        name: Some("ACME STORE".into()),
        bank: kind.example_bank.map(str::to_owned),
        template_qr: kind.example_template.map(str::to_owned),
        template_as_issued: false,
        policy: None,
        statement_account: Some(statement_account(method, kind)),
        merchant: owner.merchant,
    }
}

/// The account as its bank's statements name it.
fn statement_account(method: Method, kind: &AccountKind) -> String {
    format!("{method}/{}", kind.name)
}

/// A merchant that takes one method only, in its currency.
async fn merchant(gateway: &Gateway, method: Method) -> Caller {
    let environment = Environment::Sandbox;
    let (name, currency) = (format!("Shop of {method}"), method.currency());
    let new = NewMerchant { name, currency, methods: vec![method], environment, phone_verification: false };
    let made = flows::create_merchant(&gateway.app, new).await.unwrap();
    Caller { merchant: Some(made.id), key: made.key.api_key, secret: made.key.api_secret, environment }
}

/// An ordinary amount that every rail can pay.
fn price(method: Method) -> &'static str {
    if method.payable_exponent() == 0 { "50000" } else { "35.50" }
}

/// A session of the rail's currency, its checkout started; the session's id and the answer to the start.
async fn start(gateway: &Gateway, caller: &Caller, method: Method) -> (String, Answer) {
    let body = json!({"amount": price(method), "currency": method.currency().code(), "methods": [method.as_str()]});
    let session = gateway.send(Call::post("/sessions").by(caller).json(&body)).await.expect(200).json();
    let id = session["id"].as_str().unwrap().to_owned();
    let form = [("method", method.as_str()), ("email", "customer@gmail.com")];
    let answer = gateway.send(Call::post(format!("/checkout/sessions/{id}/start")).form(&form)).await;
    (id, answer)
}

/// The session's charge.
async fn charge_of(gateway: &Gateway, caller: &Caller, session: &str) -> Value {
    gateway.send(Call::get(format!("/sessions/{session}/charge")).by(caller)).await.expect(200).json()
}

/// A session and its charge.
async fn checkout(gateway: &Gateway, caller: &Caller, method: Method) -> (String, Value) {
    let (session, answer) = start(gateway, caller, method).await;
    answer.expect(303);
    let charge = charge_of(gateway, caller, &session).await;
    (session, charge)
}

fn asked(charge: &Value) -> Money {
    let currency: Currency = charge["customerCurrency"].as_str().unwrap().parse().unwrap();
    Money::parse(&charge["customerAmount"].to_string(), currency).unwrap()
}

/// A transfer reported by the merchant's bank connection.
async fn transfer(gateway: &Gateway, caller: &Caller, to: &str, amount: Money, reference: &str) -> Value {
    let (amount, currency) = (amount.to_decimal(), amount.currency().code());
    let body = json!({"account": to, "amount": amount, "currency": currency, "reference": reference});
    gateway.send(Call::post("/sandbox/transfers").by(caller).json(&body)).await.expect(200).json()
}

/// A line of the bank's file; how many payments matched.
async fn import(gateway: &Gateway, statement_account: &str, amount: Money, reference: &str) -> usize {
    let now = gateway.app.clock.real_now();
    let booking = Booking {
        amount,
        reference: reference.into(),
        payer: "A CUSTOMER".into(),
        bank_reference: format!("{statement_account}{}", amount.to_decimal()),
        date: xanpay_statements::Date::constant(2022, 6, 24),
    };
    let file = camt054(statement_account, "M1", now, &[booking]);
    let options = ImportOptions::new(Environment::Sandbox);
    let report = flows::import_statement(&gateway.app, "bank.xml", file.as_bytes(), &options).await.unwrap();
    assert_eq!((report.new, report.refused.len()), (1, 0), "{report:?}");
    report.outcome(xanpay_domain::matching::Outcome::Matched)
}

async fn status(gateway: &Gateway, caller: &Caller, session: &str) -> String {
    charge_of(gateway, caller, session).await["status"].as_str().unwrap().to_owned()
}

/// The picture of four grey values per module, read by rqrr.
fn read_picture(payload: &str) -> String {
    const SCALE: usize = 4;
    const QUIET: usize = 4;
    let modules = qr_modules(payload).unwrap();
    let size = modules.size() as usize;
    let side = (size + 2 * QUIET) * SCALE;
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(side, side, |x, y| {
        let (x, y) = (x / SCALE, y / SCALE);
        let inside = (QUIET..size + QUIET).contains(&x) && (QUIET..size + QUIET).contains(&y);
        if inside && modules.dark((x - QUIET) as u32, (y - QUIET) as u32) { 0 } else { 255 }
    });
    let grids = image.detect_grids();
    assert_eq!(grids.len(), 1, "{payload}");
    grids[0].decode().unwrap().1
}

/// Whether payers of a sandbox account of this form scan or open anything. A sandbox DuitNow account shows a code in any
/// form; a live one needs the code that the bank issued.
fn has_code(method: Method, kind: &str) -> bool {
    match rail(method).qr {
        QrKind::Emv | QrKind::Template => true,
        QrKind::Link => method != Method::InBankTransfer || kind == "vpa",
        QrKind::None => false,
    }
}

/// The charge's code is of this charge, valid, of the sandbox, and its picture reads back.
async fn check_code(gateway: &Gateway, session: &str, charge: &Value, method: Method, kind: &str) {
    let code = charge["destination"]["qrCode"].as_str().unwrap_or_default();
    assert_eq!(!code.is_empty(), has_code(method, kind), "{method} {kind}: {code}");
    let picture = gateway.send(Call::get(format!("/checkout/sessions/{session}/qr.svg"))).await;
    if code.is_empty() {
        picture.expect(404);
        return;
    }
    let report = lint(code);
    assert!(report.valid, "{method} {kind}: {code}: {report:?}");
    assert!(is_sandbox_payload(code), "{method} {kind}: {code}");
    let amount = report.value("54").or(report.value("am")).or(report.value("amount"));
    let amount = amount.unwrap_or_else(|| panic!("{method} {kind}: {code}"));
    assert_eq!(Money::parse(amount, method.currency()).unwrap(), asked(charge), "{method} {kind}: {code}");
    assert_eq!(read_picture(code), code, "{method} {kind}");
    assert_eq!(picture.expect(200).text(), qr_svg(code).unwrap(), "{method} {kind}");
}

/// Two charges of one price on one account, paid by a transfer call and by a line of the bank's file. Under the nonce
/// policy the nonce says which; under the unique amount the amount does, and no nonce arrives.
async fn tell_story(gateway: &Gateway, method: Method, kind: &'static AccountKind) {
    let caller = merchant(gateway, method).await;
    flows::add_account(&gateway.app, account(&caller, method, kind)).await.unwrap();
    let stored = gateway.app.store.reader().list_accounts(caller.environment).await.unwrap();
    let policy = stored.iter().flatten().find(|row| row.merchant_id == caller.merchant).unwrap().policy;
    let (first_session, first) = checkout(gateway, &caller, method).await;
    let (second_session, second) = checkout(gateway, &caller, method).await;
    for (session, charge) in [(&first_session, &first), (&second_session, &second)] {
        assert_eq!(charge["status"], "pending");
        check_code(gateway, session, charge, method, kind.name).await;
    }
    let (one, other) = (asked(&first), asked(&second));
    let step = 10_i64.pow(method.currency().exponent() - method.payable_exponent());
    let references = match policy {
        Policy::Nonce => {
            assert_eq!(one, other, "{method} {}", kind.name);
            [&first, &second].map(|charge| charge["destination"]["nonce"].as_str().unwrap())
        }
        Policy::UniqueAmount => {
            assert_eq!(one.minor() + step, other.minor(), "{method} {}", kind.name);
            ["", "payment"]
        }
        Policy::VirtualAccount => panic!("no form waits for one charge at a time by default"),
    };
    assert_eq!(one, Money::parse(price(method), method.currency()).unwrap());

    // The second one's money first: order must not matter.
    let to = statement_account(method, kind);
    assert_eq!(import(gateway, &to, other, references[1]).await, 1, "{method} {}", kind.name);
    assert_eq!(status(gateway, &caller, &second_session).await, "completed", "{method} {}", kind.name);
    assert_eq!(status(gateway, &caller, &first_session).await, "pending", "{method} {}", kind.name);
    let to = first["destination"]["account"].as_str().unwrap();
    let paid = transfer(gateway, &caller, to, one, references[0]).await;
    assert_eq!(paid["outcome"], "matched", "{method} {}: {paid}", kind.name);
    assert_eq!(status(gateway, &caller, &first_session).await, "completed", "{method} {}", kind.name);
    // Once more the same money, without a nonce: nobody waits for it.
    let stray = transfer(gateway, &caller, to, one, "").await;
    assert_eq!(stray["outcome"], "unmatched", "{method} {}: {stray}", kind.name);
}

#[tokio::test]
async fn every_form_of_account_of_every_rail_is_paid_from_session_to_completed() {
    on_both_databases(async |database| {
        let gateway = Gateway::start(database).await;
        let mut told = 0;
        for (method, kind) in forms() {
            tell_story(&gateway, method, kind).await;
            told += 1;
        }
        assert!(told >= Method::ALL.len());
    })
    .await;
}

/// The page of a session, with the spaces that keep values together made plain.
async fn page(gateway: &Gateway, session: &str, query: &str) -> String {
    let shown = gateway.send(Call::get(format!("/checkout/?sessionId={session}{query}"))).await.expect(200);
    shown.text().replace('\u{a0}', " ")
}

/// The code that asks for an amount on an account, as its rail writes it.
fn code_for(account: &NewAccount, amount: Money, nonce: &str) -> Option<String> {
    let input = AccountInput {
        account: &account.account,
        name: account.name.as_deref(),
        bank: account.bank.as_deref(),
        template: account.template_qr.as_deref(),
        template_as_issued: account.template_as_issued,
    };
    let (parsed, _) = parse_account(account.method, &input).unwrap();
    payload(&parsed, &PaymentRequest { amount, reference: nonce }, account.environment).unwrap()
}

#[tokio::test]
async fn once_a_part_is_paid_every_rail_shows_how_to_pay_the_rest_and_so_it_is_paid() {
    on_both_databases(async |database| {
        let gateway = Gateway::start(database).await;
        for (method, kind) in forms() {
            let title = format!("{method} {}", kind.name);
            let caller = merchant(&gateway, method).await;
            let account = account(&caller, method, kind);
            flows::add_account(&gateway.app, account.clone()).await.unwrap();
            let (session, charge) = checkout(&gateway, &caller, method).await;
            let nonce = charge["destination"]["nonce"].as_str().unwrap();
            let to = charge["destination"]["account"].as_str().unwrap();
            let part = Money::parse("12", method.currency()).unwrap();
            let rest = Money::from_minor(asked(&charge).minor() - part.minor(), method.currency()).unwrap();
            assert_eq!(transfer(&gateway, &caller, to, part, nonce).await["outcome"], "part", "{title}");

            let shown = page(&gateway, &session, "&isSandbox=true").await;
            let words = rest.to_decimal_with(method.payable_exponent());
            let words = if method.payable_exponent() == 0 { "49,988" } else { &words };
            assert!(shown.contains("How to pay") && shown.contains("in the same way"), "{title}: {shown}");
            assert_eq!(shown.contains("qr-card"), has_code(method, kind.name), "{title}: {shown}");
            assert_eq!(shown.contains("Pay without scanning"), has_code(method, kind.name) && kind.name != "merchant");
            let (_, how) = shown.split_once("id=\"how-title\"").unwrap();
            assert!(how.contains(words), "{title}: {how}");
            if let Some(code) = code_for(&account, rest, nonce) {
                let report = lint(&code);
                let amount = report.value("54").or(report.value("am")).or(report.value("amount")).unwrap();
                assert_eq!(Money::parse(amount, method.currency()).unwrap(), rest, "{title}");
                let picture = gateway.send(Call::get(format!("/checkout/sessions/{session}/qr.svg"))).await.expect(200);
                assert_eq!(picture.text(), qr_svg(&code).unwrap(), "{title}");
                assert!(shown.contains(&picture.text()), "{title}");
            }

            let by_amount = kind.default_policy == Policy::UniqueAmount;
            assert_eq!(shown.contains("With any other amount than"), by_amount, "{title}: {shown}");
            let paid = transfer(&gateway, &caller, to, rest, if by_amount { "" } else { nonce }).await;
            assert_eq!(paid["outcome"], "matched", "{title}: {paid}");
            gateway.send(Call::get(format!("/checkout/sessions/{session}/qr.svg"))).await.expect(404);
        }
    })
    .await;
}

#[tokio::test]
async fn a_code_that_is_shown_as_issued_has_the_amount_typed_also_for_the_rest() {
    on_both_databases(async |database| {
        let gateway = Gateway::start(database).await;
        let caller = gateway.merchant("Real Goods", Environment::Live).await;
        let operator = gateway.operator(Environment::Live).await;
        gateway.rate(Currency::SGD, Currency::MYR, "3").await;
        let kind = rail(Method::DuitNow).account_kinds[0];
        let issued = kind.example_template.unwrap();
        let account = NewAccount { template_as_issued: true, ..account(&caller, Method::DuitNow, kind) };
        flows::add_account(&gateway.app, account).await.unwrap();
        let (session, answer) = start(&gateway, &caller, Method::DuitNow).await;
        answer.expect(303);
        let charge = charge_of(&gateway, &caller, &session).await;
        for (pays, asks) in [("10", "MYR 35.50"), ("25.50", "MYR 25.50")] {
            let shown = page(&gateway, &session, "").await;
            assert!(shown.contains(&qr_svg(issued).unwrap()), "{shown}");
            assert!(
                shown.contains(&format!("This QR code does not carry the amount. Enter {asks}, exactly.")),
                "{shown}"
            );
            let (_, how) = shown.split_once("id=\"how-title\"").unwrap();
            assert!(how.contains("Enter the amount") && how.contains(asks), "{how}");
            assert!(!how.contains("Check that the amount") && !how.contains("Pay without scanning"), "{how}");
            let body = json!({
                "account": charge["destination"]["account"], "amount": pays, "currency": "MYR",
                "reference": charge["destination"]["nonce"],
            });
            gateway.send(Call::post("/transfers").by(&operator).json(&body)).await.expect(200);
        }
        assert_eq!(status(&gateway, &caller, &session).await, "completed");
    })
    .await;
}

#[tokio::test]
async fn a_virtual_account_waits_for_one_charge_at_a_time() {
    on_both_databases(async |database| {
        let gateway = Gateway::start(database).await;
        let method = Method::HkBankTransfer;
        let caller = merchant(&gateway, method).await;
        for number in ["004-123-456789", "004-123-456790"] {
            let kind = rail(method).account_kinds[0];
            let new = NewAccount {
                account: number.into(),
                policy: Some(Policy::VirtualAccount),
                statement_account: None,
                ..account(&caller, method, kind)
            };
            flows::add_account(&gateway.app, new).await.unwrap();
        }
        let (first_session, first) = checkout(&gateway, &caller, method).await;
        let (second_session, second) = checkout(&gateway, &caller, method).await;
        let number = |charge: &Value| charge["destination"]["account"].as_str().unwrap().to_owned();
        assert_ne!(number(&first), number(&second));
        assert_eq!(asked(&first), asked(&second));
        let body =
            json!({"merchantAmount": 1, "merchantCurrency": "HKD", "method": method.as_str(), "email": "a@b.hk"});
        let full = gateway.send(Call::post("/charges").by(&caller).json(&body)).await;
        full.expect_problem(503, "accounts_full");

        let paid = transfer(&gateway, &caller, &number(&second), asked(&second), "").await;
        assert_eq!(paid["outcome"], "matched", "{paid}");
        assert_eq!(status(&gateway, &caller, &second_session).await, "completed");
        assert_eq!(status(&gateway, &caller, &first_session).await, "pending");
        let third = gateway.send(Call::post("/charges").by(&caller).json(&body)).await.expect(200).json();
        assert_eq!(third["destination"]["account"], second["destination"]["account"]);
    })
    .await;
}

/// Every text that one slip of the finger makes of a word.
fn mistypings(word: &str) -> Vec<String> {
    let letters: Vec<char> = word.chars().collect();
    let alphabet: Vec<char> = ('a'..='z').chain('0'..='9').collect();
    let text = |letters: Vec<char>| letters.into_iter().collect::<String>();
    let mut made = Vec::new();
    for place in 0..=letters.len() {
        for letter in &alphabet {
            let mut inserted = letters.clone();
            inserted.insert(place, *letter);
            made.push(text(inserted));
            if place < letters.len() {
                let mut replaced = letters.clone();
                replaced[place] = *letter;
                made.push(text(replaced));
            }
        }
        if place < letters.len() {
            let mut deleted = letters.clone();
            deleted.remove(place);
            made.push(text(deleted));
        }
        if place + 1 < letters.len() {
            let mut swapped = letters.clone();
            swapped.swap(place, place + 1);
            made.push(text(swapped));
        }
    }
    made.retain(|mistyped| mistyped != word);
    made
}

/// A charge of 50 HKD of one customer, and what that customer is asked for.
async fn fifty(gateway: &Gateway, caller: &Caller, email: &str) -> (String, Money) {
    let body = json!({"merchantAmount": 50, "merchantCurrency": "HKD", "method": "hk-bank-transfer", "email": email});
    let charge = gateway.send(Call::post("/charges").by(caller).json(&body)).await.expect(200).json();
    (charge["id"].as_str().unwrap().to_owned(), asked(&charge))
}

/// Lets the pending charges expire and writes that down.
async fn expire(gateway: &Gateway) {
    gateway.advance(Span::hours(25));
    flows::expire_due_charges(&gateway.app, Environment::Sandbox).await.unwrap();
}

/// What becomes of money that a bank tells of by the day.
async fn told_by_the_day(gateway: &Gateway, operator: &Caller, account: &str, amount: Money) -> Value {
    let today = gateway.app.clock.now(Environment::Sandbox);
    let day = &xanpay_server::wire::time::iso(today)[..10];
    let body =
        json!({"account": account, "amount": amount.to_decimal(), "currency": "HKD", "reference": "", "bookedAt": day});
    gateway.send(Call::post("/transfers").by(operator).json(&body)).await.expect(200).json()
}

#[tokio::test]
async fn money_of_an_expired_charge_is_not_taken_for_that_of_the_next_customer() {
    on_both_databases(async |database| {
        let gateway = Gateway::start(database).await;
        let operator = gateway.operator(Environment::Sandbox).await;
        let method = Method::HkBankTransfer;
        let shop_on = async |number: &str, policy| {
            let caller = merchant(&gateway, method).await;
            let kind = rail(method).account_kinds[0];
            let (policy, statement_account) = (Some(policy), None);
            let new =
                NewAccount { account: number.into(), policy, statement_account, ..account(&caller, method, kind) };
            flows::add_account(&gateway.app, new).await.unwrap();
            caller
        };
        let number = "004-123-456789";
        let caller = shop_on(number, Policy::UniqueAmount).await;
        let (late, amount) = fifty(&gateway, &caller, "a@b.hk").await;
        expire(&gateway).await;
        let (_, next) = fifty(&gateway, &caller, "c@b.hk").await;
        assert_eq!(next.checked_sub(amount).unwrap().minor(), 1, "the amount is kept for its money");
        let told = told_by_the_day(&gateway, &operator, number, amount).await;
        assert_eq!((&told["outcome"], &told["chargeId"]), (&json!("late"), &json!(late)), "{told}");
        assert_eq!(gateway.get_charge(&caller, &late).await["status"], "completed");

        // Where one charge at a time is waited for, the next one may ask the same amount.
        let number = "004-123-456790";
        let caller = shop_on(number, Policy::VirtualAccount).await;
        fifty(&gateway, &caller, "a@b.hk").await;
        expire(&gateway).await;
        let (_, amount) = fifty(&gateway, &caller, "c@b.hk").await;
        let told = told_by_the_day(&gateway, &operator, number, amount).await;
        assert_eq!((&told["outcome"], &told["reason"]), (&json!("ambiguous"), &json!("several_references")), "{told}");
        expire(&gateway).await;
        gateway.advance(Span::days(9));
        fifty(&gateway, &caller, "c@b.hk").await;
        expire(&gateway).await;
        let (anew, amount) = fifty(&gateway, &caller, "c@b.hk").await;
        let told = told_by_the_day(&gateway, &operator, number, amount).await;
        assert_eq!((&told["outcome"], &told["chargeId"]), (&json!("matched"), &json!(anew)), "{told}");
    })
    .await;
}

/// The nonces of as many payable charges of one amount on one account.
async fn equal_charges(gateway: &Gateway, caller: &Caller, count: usize) -> HashMap<String, usize> {
    const AT_ONCE: usize = 50;
    let mut nonces = HashMap::new();
    for batch in 0..count / AT_ONCE {
        let mut calls = tokio::task::JoinSet::new();
        for number in batch * AT_ONCE..(batch + 1) * AT_ONCE {
            let email = format!("customer{number}@example.com");
            let body = json!({"merchantAmount": 35, "merchantCurrency": "SGD", "method": "paynow", "email": email});
            let (router, request) =
                (gateway.router.clone(), Call::post("/charges").by(caller).json(&body).into_request());
            calls.spawn(async move {
                let response = tower::ServiceExt::oneshot(router, request).await.unwrap();
                (number, crate::support::gateway::read(response).await.expect(200).json())
            });
        }
        for (number, charge) in calls.join_all().await {
            let nonce = charge["destination"]["nonce"].as_str().unwrap().to_owned();
            assert_eq!(nonces.insert(nonce, number), None);
        }
    }
    nonces
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_mistyping_of_a_thousand_equal_charges_names_another_one() {
    on_both_databases(async |database: &Database| {
        let gateway = Gateway::start(database).await;
        let caller = merchant(&gateway, Method::Paynow).await;
        let kind = rail(Method::Paynow).account_kinds[0];
        flows::add_account(&gateway.app, account(&caller, Method::Paynow, kind)).await.unwrap();
        let nonces = equal_charges(&gateway, &caller, 1000).await;
        assert_eq!(nonces.len(), 1000);
        let mut tried = 0;
        for (nonce, charge) in &nonces {
            for mistyped in mistypings(nonce) {
                tried += 1;
                for mention in mentions(&[mistyped.as_str()]) {
                    let named = nonces.get(mention.nonce.as_str());
                    assert!(
                        named.is_none_or(|named| named == charge),
                        "{nonce} typed as {mistyped} pays {}",
                        mention.nonce
                    );
                }
            }
        }
        assert!(tried > 600_000, "{tried}");
        // And through the gateway: a mistyped nonce is held for a person, whatever else is waiting.
        let price = Money::parse("35", Currency::SGD).unwrap();
        for nonce in nonces.keys().take(5) {
            for mistyped in mistypings(nonce).iter().step_by(199) {
                let held = transfer(&gateway, &caller, kind.example, price, mistyped).await;
                let own = mentions(&[mistyped.as_str()]).iter().any(|mention| mention.nonce.as_str() == nonce);
                assert_eq!(held["outcome"] == "unmatched", !own, "{nonce} typed as {mistyped}: {held}");
            }
        }
    })
    .await;
}

async fn save_reference_rates(gateway: &Gateway, rates: &[(&str, &str)]) {
    let as_of = gateway.app.clock.real_now();
    let row = |(quote, rate): &(&str, &str)| PairRate {
        base: Currency::EUR,
        quote: quote.parse().unwrap(),
        entry: RateEntry { rate: Rate::parse(rate).unwrap(), source: ECB.into(), as_of },
    };
    let rows: Vec<_> = rates.iter().map(row).collect();
    let saved = gateway.app.store.write(move |tx| {
        let rows = rows.clone();
        async move {
            for row in &rows {
                tx.save_rate(row, Timestamp::from_millis(i64::MAX)).await?;
            }
            Ok::<_, FlowError>(())
        }
    });
    saved.await.unwrap();
}

#[tokio::test]
async fn a_charge_through_the_euro_keeps_its_rate_and_a_stale_rate_is_503() {
    on_both_databases(async |database| {
        let (gateway, caller) = Gateway::with_merchant(database).await;
        let body = json!({"merchantAmount": 150, "merchantCurrency": "HKD", "method": "paynow", "email": "a@b.hk"});
        let order = |number: u32| {
            let mut body = body.clone();
            body["notifyPayload"] = number.to_string().into();
            Call::post("/charges").by(&caller).json(&body)
        };
        gateway.send(order(1)).await.expect_problem(503, "rate_unavailable");
        // 150 * 0.1629398074 = 24.44097, rounded up.
        save_reference_rates(&gateway, &[("SGD", "1.4282"), ("HKD", "8.7652")]).await;
        let charge = gateway.send(order(2)).await.expect(200).json();
        assert_eq!((&charge["customerAmount"], &charge["customerCurrency"]), (&json!(24.45), &json!("SGD")));
        let reader = gateway.app.store.reader();
        let id = xanpay_domain::id::ChargeId::parse(charge["id"].as_str().unwrap()).unwrap();
        let locked = reader.find_charge(id).await.unwrap().unwrap().rate.unwrap();
        assert_eq!((locked.rate.to_string().as_str(), locked.source.as_str()), ("0.1629398074", "ecb"));
        assert_eq!(locked.as_of, gateway.app.clock.real_now());
        drop(reader);

        gateway.advance(ECB_RATE_LIFE);
        gateway.send(order(3)).await.expect(200);
        gateway.advance(Span::millis(1));
        gateway.send(order(4)).await.expect_problem(503, "rate_unavailable");
        let merchant = gateway.app.store.reader();
        let merchant = merchant.find_merchant(caller.id(), caller.environment).await.unwrap().unwrap();
        let price = Money::parse("150", Currency::HKD).unwrap();
        let offers = flows::offers(&gateway.app, &merchant, &[Method::Paynow, Method::Fps], price).await.unwrap();
        assert_eq!(offers.iter().map(|offer| offer.method).collect::<Vec<_>>(), [Method::Fps]);

        // The operator's own rate is there for a week.
        gateway.rate(Currency::HKD, Currency::SGD, "0.174933").await;
        let charge = gateway.send(order(5)).await.expect(200).json();
        assert_eq!(charge["customerAmount"], json!(26.24));
        gateway.advance(OPERATOR_RATE_LIFE);
        gateway.send(order(6)).await.expect(200);
        gateway.advance(Span::millis(1));
        gateway.send(order(7)).await.expect_problem(503, "rate_unavailable");
    })
    .await;
}

#[tokio::test]
async fn the_pages_of_rails_and_errors_are_served_without_credentials_and_scripts() {
    let database = Database::sqlite();
    let gateway = Gateway::start(&database).await;
    for (path, text) in [("/docs/rails", "toss"), ("/docs/rails/", "toss"), ("/docs/errors", "rate_unavailable")] {
        let page = gateway.send(Call::get(path)).await.expect(200);
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert!(page.text().contains(text) && !page.text().contains("<script"), "{path}");
        let style = page.text().split("stylesheet\" href=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        assert!(gateway.send(Call::get(style)).await.expect(200).header("content-type").starts_with("text/css"));
    }
}

#[tokio::test]
async fn accounts_that_cannot_be_used_are_left_out_and_charges_are_made_on_the_others() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let damages = [("+6585867834", "account = 'nobody'"), ("+6581111111", "method = 'cash'")];
        for account in ["+6581111111", "+6587767191"] {
            gateway.account(Environment::Sandbox, Method::Paynow, account, "DN").await;
        }
        for (account, damage) in damages {
            spoil(database, "receiving_accounts", damage, &format!("account = '{account}'")).await;
        }
        // A process of its own, which remembers no accounts.
        let gateway = Gateway::start(database).await;
        let placed = gateway.charge(&merchant, &json!({})).await;
        assert_eq!(placed["destination"]["account"], "+6587767191");
        let session = gateway.session(&merchant, &json!({})).await;
        let page = format!("/?sessionId={}&isSandbox=true", session["id"].as_str().unwrap());
        gateway.send(Call::get(page)).await.expect(200);
    })
    .await;
}
