//! Money that comes in: reported by the operator, or read from the bank's files.

use crate::support::{Call, Caller, Gateway};
use serde_json::{Value, json};
use xanpay_domain::currency::Currency;
use xanpay_domain::environment::Environment;
use xanpay_domain::matching::Outcome;
use xanpay_domain::method::Method;
use xanpay_domain::money::Money;
use xanpay_domain::time::Span;
use xanpay_server::flows::{FlowError, ImportOptions, ImportedFile, import_statement};
use xanpay_statements::Date;
use xanpay_statements::sample::{Booking, camt054, dbs_classic};
use xanpay_store::StoreError;
use xanpay_testkit::{on_both_databases, row_counts, spoil};

const ACCOUNT: &str = "+6585867834";
/// The day of the clock's start.
const DAY: Date = Date::constant(2022, 6, 24);

fn nonce(charge: &Value) -> String {
    charge["destination"]["nonce"].as_str().unwrap().to_owned()
}

fn report(operator: &Caller, more: Value) -> Call {
    let mut body = json!({"account": ACCOUNT, "amount": 35, "currency": "SGD"});
    body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    Call::post("/transfers").by(operator).json(&body)
}

async fn status(gateway: &Gateway, merchant: &Caller, charge: &Value) -> Value {
    gateway.get_charge(merchant, charge["id"].as_str().unwrap()).await["status"].clone()
}

/// A charge that differs from the others of the test.
async fn charge(gateway: &Gateway, merchant: &Caller, note: &str) -> Value {
    gateway.charge(merchant, &json!({"notifyPayload": note})).await
}

/// A nonce that the bank's form of 35 columns has cut in two.
fn halves(nonce: &str) -> String {
    let (first, second) = nonce.split_at(4);
    format!("TRANSFER FROM TAN AH KOW OTHR  {first}\r\n{second}\tTHANKS")
}

#[tokio::test]
async fn every_transfer_is_stored_with_its_outcome_and_reason() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let operator = gateway.operator(Environment::Sandbox).await;
        gateway.webhook(&merchant, "https://shop.example/hook", None).await;
        let charges = [
            charge(&gateway, &merchant, "exact").await,
            charge(&gateway, &merchant, "part").await,
            charge(&gateway, &merchant, "over").await,
            charge(&gateway, &merchant, "two").await,
            charge(&gateway, &merchant, "cancelled").await,
        ];
        let cancel = Call::patch(format!("/charges/{}/cancel", charges[4]["id"].as_str().unwrap())).by(&merchant);
        gateway.send(cancel).await.expect(200);
        let n: Vec<_> = charges.iter().map(nonce).collect();
        let late = "2022-01-01T00:00:00Z";
        for (more, outcome, reason, credited) in [
            (json!({"reference": n[0]}), "matched", "exact", Some(0)),
            (json!({"reference": n[0], "bankReference": "again"}), "over", "already_paid", Some(0)),
            (
                json!({"reference": format!("OTHR {} thank you", n[1].to_uppercase()), "amount": 10}),
                "part",
                "short_amount",
                Some(1),
            ),
            (json!({"reference": halves(&n[1]), "amount": "25.00"}), "matched", "exact", Some(1)),
            (json!({"reference": n[2], "amount": 35.5}), "over", "surplus", Some(2)),
            (json!({"reference": format!("{} {}", n[3], n[0])}), "ambiguous", "several_references", None),
            (json!({"reference": "rent"}), "unmatched", "no_reference", None),
            (json!({"reference": ""}), "unmatched", "no_reference", None),
            (json!({"reference": n[3], "currency": "HKD"}), "unmatched", "other_currency", None),
            (json!({"reference": n[3], "bookedAt": late}), "ambiguous", "older_than_charge", None),
            (json!({"reference": n[3], "bookedAt": "2032-01-01"}), "unmatched", "implausible_date", None),
            (json!({"reference": n[4]}), "late", "cancelled", None),
        ] {
            let title = more.to_string();
            let recorded = gateway.send(report(&operator, more)).await.expect(200).json();
            assert_eq!(
                (&recorded["reason"], &recorded["duplicate"]),
                (&json!(reason), &json!(false)),
                "{title}: {recorded}"
            );
            assert_eq!(recorded["outcome"], outcome, "{title}: {recorded}");
            let expected = credited.map(|index: usize| charges[index]["id"].clone());
            assert_eq!(recorded.get("chargeId").cloned(), expected, "{title}: {recorded}");
        }
        let expected = ["completed", "completed", "completed", "pending", "cancelled"];
        for (charge, expected) in charges.iter().zip(expected) {
            assert_eq!(status(&gateway, &merchant, charge).await, expected);
            let events = gateway.deliveries(charge).await.len();
            assert_eq!(events, usize::from(expected != "pending"), "one event per change of status");
        }
        let list = gateway.send(Call::get("/transfers").by(&operator)).await.expect(200).json();
        assert_eq!(list["data"].as_array().unwrap().len(), 12);
        let page = |query: String| Call::get(format!("/transfers?{query}")).by(&operator);
        let mut before = String::new();
        let mut seen = Vec::new();
        loop {
            let data = gateway.send(page(format!("limit=5{before}"))).await.expect(200).json()["data"].clone();
            let Some(last) = data.as_array().unwrap().last().cloned() else { break };
            before = format!("&before={}", last["id"].as_str().unwrap());
            seen.extend(data.as_array().unwrap().clone());
        }
        assert_eq!(json!(seen), list["data"]);
        for bad in ["limit=0", "limit=51", "limit=x", "before=%00"] {
            gateway.send(page(bad.into())).await.expect_problem(400, "invalid_field");
        }
    })
    .await;
}

#[tokio::test]
async fn one_bank_reference_is_one_transfer_and_unknown_accounts_are_refused() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let operator = gateway.operator(Environment::Sandbox).await;
        let paid = charge(&gateway, &merchant, "a").await;
        let call = || report(&operator, json!({"reference": nonce(&paid), "bankReference": "20220624-1"}));
        let first = gateway.send(call()).await.expect(200).json();
        let second = gateway.send(call()).await.expect(200).json();
        assert_eq!((&second["transferId"], &second["duplicate"]), (&first["transferId"], &json!(true)));
        assert_eq!(row_counts(database).await["transfers"], 1);
        let before = row_counts(database).await;
        for account in ["+6500000000", "", "x", "' OR 1=1"] {
            let answer = gateway.send(report(&operator, json!({"account": account}))).await;
            assert_eq!(answer.expect_problem(400, "account_unknown").fields(), ["account"]);
        }
        let wrong = gateway.send(report(&operator, json!({"bookedAt": "24/06/2022", "amount": 0}))).await;
        assert_eq!(wrong.expect_problem(400, "invalid_request").fields(), ["amount", "bookedAt"]);
        assert_eq!(before, row_counts(database).await);
    })
    .await;
}

#[tokio::test]
async fn money_on_another_account_never_pays_a_charge() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        gateway.account(Environment::Sandbox, Method::Paynow, "+6581234567", "OTHER").await;
        let operator = gateway.operator(Environment::Sandbox).await;
        let waiting = charge(&gateway, &merchant, "a").await;
        let other = if waiting["destination"]["account"] == ACCOUNT { "+6581234567" } else { ACCOUNT };
        let more = json!({"reference": nonce(&waiting), "account": other});
        let recorded = gateway.send(report(&operator, more)).await.expect(200).json();
        assert_eq!((&recorded["outcome"], &recorded["reason"]), (&json!("unmatched"), &json!("no_reference")));
        assert_eq!(status(&gateway, &merchant, &waiting).await, "pending");
    })
    .await;
}

fn booking(cents: i64, reference: &str, bank_reference: &str) -> Booking {
    Booking {
        amount: Money::from_minor(cents, Currency::SGD).unwrap(),
        reference: reference.into(),
        payer: "TAN AH KOW".into(),
        bank_reference: bank_reference.into(),
        date: DAY,
    }
}

fn render(format: &str, bookings: &[Booking]) -> String {
    match format {
        "camt" => camt054("123-45678-9", "M1", crate::support::gateway::START, bookings),
        _ => dbs_classic("123-45678-9", DAY, bookings).unwrap(),
    }
}

async fn import(gateway: &Gateway, file: &str, dry_run: bool) -> ImportedFile {
    try_import(gateway, file, dry_run).await.unwrap()
}

async fn try_import(gateway: &Gateway, file: &str, dry_run: bool) -> Result<ImportedFile, FlowError> {
    let options = ImportOptions { account: Some(ACCOUNT.into()), dry_run, ..ImportOptions::new(Environment::Sandbox) };
    import_statement(&gateway.app, "file", file.as_bytes(), &options).await
}

#[tokio::test]
async fn a_bank_file_of_either_format_completes_its_charge_and_changes_nothing_the_second_time() {
    on_both_databases(async |database| {
        for format in ["camt", "csv"] {
            let (gateway, merchant) = match format {
                "camt" => Gateway::with_merchant(database).await,
                // The same database goes on: the file of another format is about another charge.
                _ => {
                    let gateway = Gateway::start(database).await;
                    let merchant = gateway.merchant("Paper Moon", Environment::Sandbox).await;
                    (gateway, merchant)
                }
            };
            let paid = charge(&gateway, &merchant, format).await;
            let rent = if format == "camt" { 1200 } else { 1300 };
            let bookings = [
                booking(3500, &nonce(&paid), &format!("{format}1")),
                booking(rent, "rent", &format!("{format}2")),
                booking(rent, "rent", &format!("{format}3")),
            ];
            let file = render(format, &bookings);
            let before = row_counts(database).await["transfers"];
            let dry = import(&gateway, &file, true).await;
            assert_eq!((dry.entries, dry.credits, dry.new), (3, 3, 0), "{format}");
            assert_eq!(row_counts(database).await["transfers"], before);
            let first = import(&gateway, &file, false).await;
            assert_eq!((first.new, first.duplicates, first.refused.len()), (3, 0, 0), "{format}");
            assert_eq!((first.outcome(Outcome::Matched), first.outcome(Outcome::Unmatched)), (1, 2), "{format}");
            assert_eq!(status(&gateway, &merchant, &paid).await, "completed");
            let again = import(&gateway, &file, false).await;
            assert_eq!((again.new, again.duplicates), (0, 3), "{format}");
            // An overlapping file adds what is new in it.
            let longer = [&bookings[1..], &[booking(rent - 500, "more", &format!("{format}4"))]].concat();
            let overlap = import(&gateway, &render(format, &longer), false).await;
            assert_eq!((overlap.new, overlap.duplicates), (1, 2), "{format}");
            assert_eq!(row_counts(database).await["transfers"], before + 4);
        }
    })
    .await;
}

#[tokio::test]
async fn no_money_is_booked_while_an_account_that_it_could_be_for_cannot_be_read() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let paid = charge(&gateway, &merchant, "paid").await;
        let file = render("camt", &[booking(3500, &nonce(&paid), "1")]);
        spoil(database, "receiving_accounts", "method = 'cash'", "method = 'fps'").await;
        let error = try_import(&gateway, &file, false).await.err().unwrap();
        let expected = ("receiving_accounts", "method");
        assert!(
            matches!(error, FlowError::Store(StoreError::Corrupt { table, column, .. }) if (table, column) == expected)
        );
        assert_eq!(row_counts(database).await["transfers"], 0);
        spoil(database, "receiving_accounts", "method = 'fps'", "method = 'cash'").await;
        assert_eq!(import(&gateway, &file, false).await.outcome(Outcome::Matched), 1);
    })
    .await;
}

#[tokio::test]
async fn two_true_twins_stay_two() {
    on_both_databases(async |database| {
        let (gateway, _) = Gateway::with_merchant(database).await;
        // Equal in everything that a file says, the bank's own reference included where it has none.
        let twins = [booking(1200, "rent", ""), booking(1200, "rent", "")];
        // The second format tells of the same two.
        for (format, new) in [("camt", 2), ("csv", 0)] {
            let file = render(format, &twins);
            let first = import(&gateway, &file, false).await;
            let again = import(&gateway, &file, false).await;
            assert_eq!((first.new, first.duplicates), (new, 2 - new), "{format}");
            assert_eq!((again.new, again.duplicates), (0, 2), "{format}");
        }
        assert_eq!(row_counts(database).await["transfers"], 2);
    })
    .await;
}

#[tokio::test]
async fn a_notice_and_the_banks_file_about_it_are_one_transfer() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let operator = gateway.operator(Environment::Sandbox).await;
        let paid = charge(&gateway, &merchant, "a").await;
        let more = json!({"reference": nonce(&paid), "bankReference": "FB1"});
        assert_eq!(gateway.send(report(&operator, more)).await.json()["outcome"], "matched");
        gateway.advance(Span::days(1));
        let file = render("camt", &[booking(3500, &nonce(&paid), "FB1")]);
        let imported = import(&gateway, &file, false).await;
        assert_eq!((imported.new, imported.duplicates), (0, 1));
    })
    .await;
}
