//! One payment, told by a notice, three kinds of bank message and two exports: it is counted once, in whatever order,
//! and true twins stay two.

use crate::support::{Call, Caller, Gateway};
use serde_json::{Value, json};
use xanpay_domain::currency::Currency;
use xanpay_domain::environment::Environment;
use xanpay_domain::id::ChargeId;
use xanpay_domain::matching::{Outcome, Policy};
use xanpay_domain::method::Method;
use xanpay_domain::money::Money;
use xanpay_domain::time::Span;
use xanpay_server::flows::{self, ImportOptions, ImportedFile, NewAccount, import_statement};
use xanpay_statements::Date;
use xanpay_statements::sample::{Booking, camt054, dbs_classic};
use xanpay_testkit::{Database, Entropy, on_both_databases, row_counts};

const ACCOUNT: &str = "+6585867834";
/// The day of the clock's start.
const DAY: Date = Date::constant(2022, 6, 24);
const FEEDS: [&str; 6] = ["camt.052", "camt.053", "camt.054", "dbs-classic", "dbs-2026-ref", "dbs-2026"];

/// A payment of the truth: what the bank knows of it.
#[derive(Clone)]
struct Paid {
    cents: i64,
    text: String,
    payer: String,
    /// The reference in camt messages; exports show a generic one.
    reference: String,
    date: Date,
}

impl Paid {
    fn new(cents: i64, text: &str, payer: &str, reference: &str) -> Self {
        Self { cents, text: text.into(), payer: payer.into(), reference: reference.into(), date: DAY }
    }

    fn booking(&self, reference: &str) -> Booking {
        Booking {
            amount: Money::from_minor(self.cents, Currency::SGD).unwrap(),
            reference: self.text.clone(),
            payer: self.payer.clone(),
            bank_reference: reference.into(),
            date: self.date,
        }
    }
}

/// What a feed tells of payments.
fn render(feed: &str, paid: &[Paid]) -> String {
    let bookings =
        |reference: fn(&Paid) -> &str| paid.iter().map(|one| one.booking(reference(one))).collect::<Vec<_>>();
    let camt = |bookings: &[Booking], container: &str, statement: &str| {
        camt054("123-45678-9", "M1", crate::support::gateway::START, bookings)
            .replace("camt.054", feed)
            .replace("BkToCstmrDbtCdtNtfctn", container)
            .replace("Ntfctn>", &format!("{statement}>"))
    };
    match feed {
        // Intraday reports of this bank carry no reference.
        "camt.052" => camt(&bookings(|_| ""), "BkToCstmrAcctRpt", "Rpt"),
        "camt.053" => camt(&bookings(|one| &one.reference), "BkToCstmrStmt", "Stmt"),
        "camt.054" => camt(&bookings(|one| &one.reference), "BkToCstmrDbtCdtNtfctn", "Ntfctn"),
        "dbs-classic" => dbs_classic("123-45678-9", DAY, &bookings(|_| "222")).unwrap(),
        "dbs-2026-ref" => dbs_2026_ref(paid),
        _ => dbs_2026(paid),
    }
}

fn dbs_2026_ref(paid: &[Paid]) -> String {
    let mut file = "Account Details For:,DBS Account 123-45678-9\n\
        Transaction Date,Transaction Code,Description,Transaction Ref1,Transaction Ref2,Transaction Ref3,Status,\
        Debit Amount,Credit Amount\n"
        .to_owned();
    for one in paid {
        let (day, amount) = (one.date.strftime("%d %b %Y"), one.booking("").amount.to_decimal());
        file += &format!(
            "{day},ICT,Incoming PayNow Ref 222 From: {},Incoming PayNow Ref 222,From: {},OTHR {},Settled,,{amount}\n",
            one.payer, one.payer, one.text
        );
    }
    file
}

fn dbs_2026(paid: &[Paid]) -> String {
    let mut file = "Account Details For:,DBS Account 123-45678-9\nCurrency:,SGD - Singapore Dollar\n\
        Transaction Date,Value Date,Statement Code,Description,Supplementary Code,Supplementary Code Description,\
        Client Reference,Additional Reference,Status,Currency,Debit Amount,Credit Amount\n"
        .to_owned();
    for one in paid {
        let (day, amount) = (one.date.strftime("%d-%b-%y"), one.booking("").amount.to_decimal());
        file += &format!(
            "{day},{day},ADV,ICT Incoming PayNow Ref 222 From: {} OTHR {},ICT,Advice,From: {},OTHR {},Settled,SGD,,{amount}\n",
            one.payer, one.text, one.payer, one.text
        );
    }
    file
}

async fn import(gateway: &Gateway, file: &str) -> ImportedFile {
    let options = ImportOptions { account: Some(ACCOUNT.into()), ..ImportOptions::new(Environment::Sandbox) };
    let report = import_statement(&gateway.app, "file", file.as_bytes(), &options).await.unwrap();
    assert!(report.refused.is_empty(), "{:?}", report.refused);
    report
}

async fn notify(gateway: &Gateway, operator: &Caller, more: Value) -> Value {
    let mut body = json!({"account": ACCOUNT, "amount": 35, "currency": "SGD"});
    body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    gateway.send(Call::post("/transfers").by(operator).json(&body)).await.expect(200).json()
}

async fn charge(gateway: &Gateway, merchant: &Caller, note: &str) -> Value {
    gateway.charge(merchant, &json!({"notifyPayload": note})).await
}

fn nonce(charge: &Value) -> String {
    charge["destination"]["nonce"].as_str().unwrap().to_owned()
}

/// What a charge has come to: its status, and what it received in minor units.
async fn state(gateway: &Gateway, merchant: &Caller, charge: &Value) -> (String, i64) {
    let id = charge["id"].as_str().unwrap();
    let shown = gateway.get_charge(merchant, id).await;
    let stored = gateway.app.store.reader().find_charge(ChargeId::parse(id).unwrap()).await.unwrap();
    (shown["status"].as_str().unwrap().to_owned(), stored.unwrap().received.minor())
}

/// A day at the bank: three charges paid, one in two parts, one twice over, twins without a nonce, a single one.
struct Truth {
    charges: Vec<Value>,
    paid: Vec<Paid>,
}

impl Truth {
    async fn new(gateway: &Gateway, merchant: &Caller, round: &str) -> Self {
        let mut charges = Vec::new();
        for name in ["a", "b", "c", "parts", "twice"] {
            charges.push(charge(gateway, merchant, &format!("{round}{name}")).await);
        }
        let n: Vec<String> = charges.iter().map(nonce).collect();
        let tan = format!("TAN AH KOW {round}");
        let reference = |number: usize| format!("B{round}-{number}");
        let rows = [
            (3500, n[0].clone(), "CHUA WEN LI"),
            (3500, n[1].to_uppercase(), tan.as_str()),
            (3500, n[2].clone(), "LIM BEE HWA"),
            (2000, n[3].clone(), tan.as_str()),
            (1500, n[3].clone(), tan.as_str()),
            (3500, n[4].clone(), tan.as_str()),
            (3500, n[4].clone(), tan.as_str()),
            (1200, "rent".to_owned(), tan.as_str()),
            (1200, "rent".to_owned(), tan.as_str()),
            (500, "kopi".to_owned(), tan.as_str()),
        ];
        let rows = rows.into_iter().enumerate();
        let paid = rows.map(|(n, (cents, text, payer))| Paid::new(cents, &text, payer, &reference(n))).collect();
        Self { charges, paid }
    }

    async fn check(&self, gateway: &Gateway, merchant: &Caller, what: &str) {
        for (charge, received) in self.charges.iter().zip([3500, 3500, 3500, 3500, 7000]) {
            let nonce = nonce(charge);
            assert_eq!(state(gateway, merchant, charge).await, ("completed".to_owned(), received), "{what} {nonce}");
        }
    }
}

async fn transfers(database: &Database) -> usize {
    usize::try_from(row_counts(database).await["transfers"]).unwrap()
}

#[tokio::test]
async fn any_order_overlap_and_mix_of_feeds_gives_the_books_of_the_truth_once() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let operator = gateway.operator(Environment::Sandbox).await;
        let entropy = Entropy::seeded(9);
        for round in 0..6 {
            let truth = Truth::new(&gateway, &merchant, &format!("r{round}")).await;
            let before = transfers(database).await;
            // Each feed in two files that overlap; the bank's notices of two payments come in between.
            let mut files: Vec<Option<String>> = vec![None];
            for feed in FEEDS {
                files.push(Some(render(feed, &truth.paid[..8])));
                files.push(Some(render(feed, &truth.paid[5..])));
            }
            for place in (1..files.len()).rev() {
                files.swap(place, usize::try_from(entropy.below(place as u64 + 1)).unwrap());
            }
            for file in &files {
                match file {
                    Some(file) => drop(import(&gateway, file).await),
                    None => {
                        for index in [0, 4] {
                            let reference = format!("WEB-{round}-{index}");
                            let text = nonce(&truth.charges[index]);
                            notify(&gateway, &operator, json!({"reference": text, "bankReference": reference})).await;
                        }
                    }
                }
            }
            truth.check(&gateway, &merchant, &format!("round {round}")).await;
            assert_eq!(transfers(database).await - before, truth.paid.len(), "round {round}: twins stay two");
            for file in files.iter().flatten() {
                assert_eq!(import(&gateway, file).await.new, 0, "round {round}: known by now");
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn feeds_that_two_processes_read_at_the_same_time_count_a_payment_once() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let other = Gateway::start(database).await;
        for round in 0..4 {
            let truth = Truth::new(&gateway, &merchant, &format!("p{round}")).await;
            let before = transfers(database).await;
            let files = FEEDS.map(|feed| render(feed, &truth.paid));
            tokio::join!(
                import(&gateway, &files[0]),
                import(&other, &files[1]),
                import(&gateway, &files[2]),
                import(&other, &files[3]),
                import(&gateway, &files[4]),
                import(&other, &files[4]),
                import(&gateway, &files[5]),
                import(&other, &files[1]),
            );
            truth.check(&gateway, &merchant, &format!("round {round}")).await;
            assert_eq!(transfers(database).await - before, truth.paid.len(), "round {round}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_second_payment_is_over_when_its_feed_tells_of_two_and_held_when_it_is_only_alike() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let operator = gateway.operator(Environment::Sandbox).await;
        let paid = charge(&gateway, &merchant, "a").await;
        notify(&gateway, &operator, json!({"reference": nonce(&paid), "bankReference": "WEB-1"})).await;
        let again = notify(&gateway, &operator, json!({"reference": nonce(&paid), "bankReference": "WEB-2"})).await;
        assert_eq!((&again["outcome"], &again["reason"]), (&json!("over"), &json!("already_paid")));
        assert_eq!(state(&gateway, &merchant, &paid).await, ("completed".to_owned(), 7000));
        // Three weeks later the statement has a row with the nonce of a charge that a notice has paid.
        let late = charge(&gateway, &merchant, "b").await;
        notify(&gateway, &operator, json!({"reference": nonce(&late), "bankReference": "WEB-3"})).await;
        gateway.advance(Span::days(21));
        let mut row = Paid::new(3500, &nonce(&late), "TAN", "B1");
        row.date = Date::constant(2022, 7, 15);
        let report = import(&gateway, &render("camt.053", &[row])).await;
        assert_eq!((report.new, report.outcome(Outcome::Ambiguous)), (1, 1));
        assert_eq!(state(&gateway, &merchant, &late).await, ("completed".to_owned(), 3500));
        let list = gateway.send(Call::get("/transfers?limit=1").by(&operator)).await.expect(200).json();
        assert_eq!(list["data"][0]["reason"], "possible_duplicate");
    })
    .await;
}

#[tokio::test]
async fn a_report_that_names_the_charge_pays_it_with_money_that_an_earlier_one_could_not_place() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let waiting = charge(&gateway, &merchant, "a").await;
        let silent = Paid::new(3500, "", "TAN AH KOW", "B1");
        let told = Paid::new(3500, &nonce(&waiting), "TAN AH KOW", "B1");
        let first = import(&gateway, &render("camt.054", std::slice::from_ref(&silent))).await;
        assert_eq!((first.new, first.outcome(Outcome::Unmatched)), (1, 1));
        let second = import(&gateway, &render("camt.053", &[told])).await;
        assert_eq!((second.new, second.duplicates, second.outcome(Outcome::Matched)), (0, 1, 1));
        assert_eq!(state(&gateway, &merchant, &waiting).await.0, "completed");
        assert_eq!(gateway.deliveries(&waiting).await.len(), 0, "nobody listens");
        assert_eq!(import(&gateway, &render("camt.054", &[silent])).await.duplicates, 1);
        assert_eq!(transfers(database).await, 1);
    })
    .await;
}

#[tokio::test]
async fn what_a_sandbox_merchant_invents_hides_no_payment_of_another() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let forger = gateway.merchant("Forger", Environment::Sandbox).await;
        let waiting = charge(&gateway, &merchant, "a").await;
        let body = json!({"account": ACCOUNT, "amount": 35, "currency": "SGD", "reference": nonce(&waiting)});
        let forged = gateway.send(Call::post("/sandbox/transfers").by(&forger).json(&body)).await.expect(200).json();
        assert_eq!(forged["outcome"], "unmatched");
        let row = Paid::new(3500, &nonce(&waiting), "TAN", "B1");
        let report = import(&gateway, &render("camt.053", &[row])).await;
        assert_eq!((report.new, report.outcome(Outcome::Matched)), (1, 1));
    })
    .await;
}

/// One feed tells of the second of two equal payments alone, and another one of both.
#[tokio::test]
async fn two_equal_payments_are_two_whichever_of_them_is_told_of_first() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let operator = gateway.operator(Environment::Sandbox).await;
        let mut known = 0;
        for (number, (first, cents, received)) in
            [("reported", 3500, 7000), ("camt.054", 3500, 7000), ("reported", 1750, 3500)].into_iter().enumerate()
        {
            let paid = charge(&gateway, &merchant, &number.to_string()).await;
            let row = |of: u8| Paid::new(cents, &nonce(&paid), "TAN", &format!("B{number}-{of}"));
            match first {
                "reported" => {
                    let amount = row(2).booking("").amount.to_decimal();
                    let told = json!({"reference": nonce(&paid), "amount": amount, "bankReference": row(2).reference});
                    notify(&gateway, &operator, told).await;
                }
                feed => drop(import(&gateway, &render(feed, &[row(2)])).await),
            }
            let both = render("camt.053", &[row(1), row(2)]);
            assert_eq!(import(&gateway, &both).await.new, 1, "{first} {cents}");
            assert_eq!(import(&gateway, &both).await.duplicates, 2, "{first} {cents}");
            known += 2;
            assert_eq!(transfers(database).await, known, "{first} {cents}");
            assert_eq!(state(&gateway, &merchant, &paid).await, ("completed".to_owned(), received), "{first} {cents}");
        }
        // Without a nonce, and told of one by one.
        let twin = |of: u8| Paid::new(2500, "kopi", "TAN", &format!("F{of}"));
        assert_eq!(import(&gateway, &render("camt.053", &[twin(2)])).await.new, 1);
        for (of, is_known) in [(1, true), (2, false)] {
            let told = json!({"reference": "kopi", "amount": 25, "bankReference": twin(of).reference,
                "bookedAt": "2022-06-24", "payerName": "TAN"});
            assert_eq!(notify(&gateway, &operator, told).await["duplicate"], is_known, "{of}");
        }
        assert_eq!(transfers(database).await, known + 2);
    })
    .await;
}

#[tokio::test]
async fn what_a_later_export_of_a_feed_adds_to_a_payment_does_not_count_it_again() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let paid = charge(&gateway, &merchant, "a").await;
        let bare = Paid::new(3500, &nonce(&paid), "TAN", "");
        assert_eq!(
            import(&gateway, &render("camt.053", std::slice::from_ref(&bare))).await.outcome(Outcome::Matched),
            1
        );
        let referenced = Paid { reference: "B1".into(), ..bare.clone() };
        let worded = Paid { text: format!("{} CREDIT", bare.text), ..bare.clone() };
        for more in [&referenced, &worded] {
            let report = import(&gateway, &render("camt.053", std::slice::from_ref(more))).await;
            assert_eq!((report.new, report.outcome(Outcome::Ambiguous)), (1, 1), "{} {}", more.reference, more.text);
            assert_eq!(import(&gateway, &render("camt.053", std::slice::from_ref(more))).await.duplicates, 1);
        }
        assert_eq!(state(&gateway, &merchant, &paid).await, ("completed".to_owned(), 3500));
        // Two that nothing tells apart are two, and so are those of another payer.
        let paid = charge(&gateway, &merchant, "b").await;
        let bare = Paid::new(3500, &nonce(&paid), "TAN", "");
        let twins = import(&gateway, &render("camt.053", &[bare.clone(), bare.clone()])).await;
        assert_eq!((twins.outcome(Outcome::Matched), twins.outcome(Outcome::Over)), (1, 1));
        let other = Paid { payer: "LIM".into(), reference: "B2".into(), ..bare };
        assert_eq!(import(&gateway, &render("camt.053", &[other])).await.outcome(Outcome::Over), 1);
    })
    .await;
}

/// A notice can have its time in the wrong zone.
#[tokio::test]
async fn money_that_a_notice_has_before_its_charge_pays_it_when_the_statement_has_it_in_time() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let operator = gateway.operator(Environment::Sandbox).await;
        let waiting = charge(&gateway, &merchant, "a").await;
        let early = json!({"reference": nonce(&waiting), "bankReference": "N1", "bookedAt": "2022-06-24T00:00:00Z"});
        assert_eq!(notify(&gateway, &operator, early).await["reason"], "older_than_charge");
        let report = import(&gateway, &render("camt.053", &[Paid::new(3500, &nonce(&waiting), "TAN", "B1")])).await;
        assert_eq!((report.new, report.duplicates, report.outcome(Outcome::Matched)), (0, 1, 1));
        assert_eq!(state(&gateway, &merchant, &waiting).await, ("completed".to_owned(), 3500));
    })
    .await;
}

#[tokio::test]
async fn a_report_that_was_linked_to_another_days_is_known_when_it_comes_again() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let operator = gateway.operator(Environment::Sandbox).await;
        let paid = charge(&gateway, &merchant, "a").await;
        let told = json!({"reference": nonce(&paid), "bankReference": "N1", "payerName": "TAN AH KOW"});
        notify(&gateway, &operator, told).await;
        for payer in ["TAN AH KOW", "ACME TRADING"] {
            let later = Paid { date: Date::constant(2022, 6, 29), ..Paid::new(3500, &nonce(&paid), payer, "B1") };
            assert_eq!(import(&gateway, &render("camt.053", &[later])).await.duplicates, 1, "{payer}");
        }
        assert_eq!(transfers(database).await, 1);
    })
    .await;
}

/// A bank that counts its references anew every day gives one of them to two customers' payments.
#[tokio::test]
async fn a_reference_that_comes_again_with_another_nonce_is_another_payment() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        for (round, second_feed) in ["camt.053", "camt.054"].into_iter().enumerate() {
            let (anna, bert) = (
                charge(&gateway, &merchant, &format!("a{round}")).await,
                charge(&gateway, &merchant, &format!("b{round}")).await,
            );
            let next_day = Date::constant(2022, 6, 25);
            let first = render("camt.053", &[Paid::new(3500, &nonce(&anna), "ANNA", "000001")]);
            let second =
                render(second_feed, &[Paid { date: next_day, ..Paid::new(3500, &nonce(&bert), "BERT", "000001") }]);
            for (file, new) in [(&first, 1), (&second, 1), (&first, 0), (&second, 0)] {
                let report = import(&gateway, file).await;
                assert_eq!((report.new, report.outcome(Outcome::Matched)), (new, new), "{second_feed}");
            }
            for charge in [&anna, &bert] {
                assert_eq!(state(&gateway, &merchant, charge).await, ("completed".to_owned(), 3500), "{second_feed}");
            }
            // Both in one statement, in either order: they are known, whatever their number in it.
            if second_feed == "camt.053" {
                let start = |file: &str| file.find("<Ntry>").unwrap();
                let end = |file: &str| file.rfind("</Ntry>").unwrap() + "</Ntry>".len();
                let entry = |file: &str| file[start(file)..end(file)].to_owned();
                for (one, other) in [(&first, &second), (&second, &first)] {
                    let both = format!("{}{}{}", &one[..end(one)], entry(other), &one[end(one)..]);
                    assert_eq!(import(&gateway, &both).await.duplicates, 2);
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_reference_that_comes_again_on_another_day_is_a_payment_or_held() {
    on_both_databases(async |database| {
        let (gateway, _) = Gateway::with_merchant(database).await;
        let on = |day: i8, payer: &str| Paid {
            date: Date::constant(2022, 6, day),
            ..Paid::new(1200, "rent", payer, "000001")
        };
        for (paid, new, held) in [
            (on(20, "ANNA"), 1, 0),
            (on(21, "BERT"), 1, 0),
            (on(21, "BERT"), 0, 0),
            (on(22, "ANNA"), 1, 1),
            (on(22, "ANNA"), 0, 0),
            (on(20, "ANNA"), 0, 0),
        ] {
            let report = import(&gateway, &render("camt.053", std::slice::from_ref(&paid))).await;
            let counted = (report.new, report.outcome(Outcome::Ambiguous));
            assert_eq!(counted, (new, held), "{} of {}", paid.date, paid.payer);
        }
        assert_eq!(transfers(database).await, 3);
    })
    .await;
}

/// A merchant's own receiving account, one of several names of a bank account.
fn stated_account(owner: &Caller, account: &str) -> NewAccount {
    NewAccount {
        environment: Environment::Sandbox,
        method: Method::Paynow,
        account: account.into(),
        name: Some("DN".into()),
        bank: None,
        template_qr: None,
        template_as_issued: false,
        policy: None,
        statement_account: Some("072-901234-5".into()),
        merchant: owner.merchant,
    }
}

#[tokio::test]
async fn receiving_accounts_of_one_bank_account_are_paid_by_its_one_statement() {
    on_both_databases(async |database| {
        let gateway = Gateway::start(database).await;
        let mut charges = Vec::new();
        for (name, account) in [("Lantern Books", ACCOUNT), ("Paper Moon", "201403121W")] {
            let merchant = gateway.merchant(name, Environment::Sandbox).await;
            flows::add_account(&gateway.app, stated_account(&merchant, account)).await.unwrap();
            let made = charge(&gateway, &merchant, "a").await;
            assert_eq!(made["destination"]["account"], account);
            charges.push((merchant, made));
        }
        let paid: Vec<_> =
            charges.iter().zip(["B1", "B2"]).map(|(c, b)| Paid::new(3500, &nonce(&c.1), "TAN", b)).collect();
        let file = render("camt.053", &paid).replace("123-45678-9", "0729012345");
        let report = import(&gateway, &file).await;
        assert_eq!((report.new, report.outcome(Outcome::Matched)), (2, 2));
        let again = import(&gateway, &render("dbs-classic", &paid).replace("123-45678-9", "072-901234-5")).await;
        assert_eq!((again.new, again.duplicates), (0, 2));
        for (merchant, charge) in &charges {
            assert_eq!(state(&gateway, merchant, charge).await, ("completed".to_owned(), 3500));
        }
    })
    .await;
}

#[tokio::test]
async fn a_notice_that_names_the_bank_account_pays_charges_of_all_its_receiving_accounts() {
    on_both_databases(async |database| {
        let gateway = Gateway::start(database).await;
        let operator = gateway.operator(Environment::Sandbox).await;
        let mut charges = Vec::new();
        for (name, account) in [("Lantern Books", ACCOUNT), ("Paper Moon", "201403121W")] {
            let merchant = gateway.merchant(name, Environment::Sandbox).await;
            flows::add_account(&gateway.app, stated_account(&merchant, account)).await.unwrap();
            charges.push((charge(&gateway, &merchant, "a").await, merchant));
        }
        let paid: Vec<_> =
            charges.iter().zip(["B1", "B2"]).map(|((made, _), b)| Paid::new(3500, &nonce(made), "TAN", b)).collect();
        for one in &paid {
            let told = json!({"account": "0729012345", "reference": one.text, "bankReference": one.reference});
            assert_eq!(notify(&gateway, &operator, told).await["outcome"], "matched");
        }
        // By the name of one receiving account, that one alone is meant.
        let told = json!({"account": ACCOUNT, "reference": paid[1].text, "bankReference": "B3"});
        assert_eq!(notify(&gateway, &operator, told).await["outcome"], "unmatched");
        let file = render("camt.053", &paid).replace("123-45678-9", "0729012345");
        assert_eq!(import(&gateway, &file).await.duplicates, 2);
        for (made, merchant) in &charges {
            assert_eq!(state(&gateway, merchant, made).await, ("completed".to_owned(), 3500));
        }
    })
    .await;
}

#[tokio::test]
async fn equal_reports_without_a_reference_are_as_many_transfers_as_there_are_reports() {
    on_both_databases(async |database| {
        let (gateway, _) = Gateway::with_merchant(database).await;
        let operator = gateway.operator(Environment::Sandbox).await;
        for _ in 0..40 {
            notify(&gateway, &operator, json!({"reference": "kopi", "bookedAt": "2022-06-24"})).await;
        }
        assert_eq!(transfers(database).await, 40);
    })
    .await;
}

#[tokio::test]
async fn a_reference_that_a_bank_repeats_in_one_statement_is_two_bookings_and_an_undated_entry_is_known_any_day() {
    on_both_databases(async |database| {
        let (gateway, _) = Gateway::with_merchant(database).await;
        let same = [Paid::new(1200, "rent", "TAN", "GENERIC"), Paid::new(1200, "rent", "TAN", "GENERIC")];
        let file = render("camt.053", &same);
        assert_eq!(import(&gateway, &file).await.new, 2);
        assert_eq!(import(&gateway, &file).await.duplicates, 2);
        // A cumulative report repeats its entries in the next statement of the file.
        let statement = &file[file.find("<Stmt>").unwrap()..file.find("</BkToCstmrStmt>").unwrap()];
        let repeated = file.replace("</BkToCstmrStmt>", &format!("{statement}</BkToCstmrStmt>"));
        assert_eq!(import(&gateway, &repeated).await.duplicates, 4);
        let dated = render("camt.053", &[Paid::new(700, "kopi", "TAN", "")]);
        let undated: String =
            dated.lines().filter(|line| !line.contains("BookgDt") && !line.contains("ValDt")).collect();
        assert_eq!(import(&gateway, &undated).await.new, 1);
        gateway.advance(Span::days(2));
        assert_eq!(import(&gateway, &undated).await.duplicates, 1);
    })
    .await;
}

#[tokio::test]
async fn a_file_about_two_accounts_that_are_not_ours_is_not_taken_for_the_one_that_is_named() {
    on_both_databases(async |database| {
        let (gateway, _) = Gateway::with_merchant(database).await;
        let file = render("camt.053", &[Paid::new(700, "kopi", "TAN", "B")]);
        let statement = &file[file.find("<Stmt>").unwrap()..file.find("</BkToCstmrStmt>").unwrap()];
        let stranger = statement.replace("123-45678-9", "999-99999-9");
        let both = file.replace("</BkToCstmrStmt>", &format!("{stranger}</BkToCstmrStmt>"));
        let options = ImportOptions { account: Some(ACCOUNT.into()), ..ImportOptions::new(Environment::Sandbox) };
        let refusal = import_statement(&gateway.app, "file", both.as_bytes(), &options).await.unwrap_err();
        assert!(refusal.to_string().contains("several"), "{refusal}");
        assert_eq!(transfers(database).await, 0);
    })
    .await;
}

#[tokio::test]
async fn bookings_that_share_a_reference_are_as_many_as_a_statement_has_though_another_day_has_it_too() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let waiting = charge(&gateway, &merchant, "a").await;
        let yesterday = Paid { date: Date::constant(2022, 6, 23), ..Paid::new(3500, "salary", "", "PAYNOW") };
        let today = [Paid::new(3500, "thanks", "", "PAYNOW"), Paid::new(3500, &nonce(&waiting), "", "PAYNOW")];
        assert_eq!(import(&gateway, &render("camt.053", &[yesterday])).await.new, 1);
        let report = import(&gateway, &render("camt.053", &today)).await;
        assert_eq!((report.new, report.outcome(Outcome::Matched)), (2, 1));
        assert_eq!(state(&gateway, &merchant, &waiting).await, ("completed".to_owned(), 3500));
        let [first, second] = today;
        for again in [[first.clone(), second.clone()], [second, first]] {
            assert_eq!(import(&gateway, &render("camt.053", &again)).await.duplicates, 2);
        }
        assert_eq!(transfers(database).await, 3);
    })
    .await;
}

#[tokio::test]
async fn a_reference_that_two_feeds_had_a_month_ago_hides_no_payment_of_today() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        for (payer, reference) in [("", "000001"), ("TAN AH KOW", "000002")] {
            let old = Paid { date: Date::constant(2022, 5, 24), ..Paid::new(3500, "lunch", payer, reference) };
            for feed in ["camt.054", "camt.053"] {
                import(&gateway, &render(feed, std::slice::from_ref(&old))).await;
            }
            let waiting = charge(&gateway, &merchant, payer).await;
            let paid = Paid::new(3500, &nonce(&waiting), payer, reference);
            let report = import(&gateway, &render("camt.053", &[paid])).await;
            assert_eq!((report.new, report.outcome(Outcome::Matched)), (1, 1), "{payer}");
            assert_eq!(state(&gateway, &merchant, &waiting).await.0, "completed", "{payer}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_feed_that_tells_of_a_payment_again_with_its_nonce_pays_the_charge() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let waiting = charge(&gateway, &merchant, "a").await;
        let silent = render("camt.053", &[Paid::new(3500, "transfer", "TAN AH KOW", "B1")]);
        let told = render("camt.053", &[Paid::new(3500, &nonce(&waiting), "TAN AH KOW", "B1")]);
        for (file, new, matched) in [(&silent, 1, 0), (&told, 0, 1), (&told, 0, 0), (&silent, 0, 0)] {
            let report = import(&gateway, file).await;
            assert_eq!((report.new, report.outcome(Outcome::Matched)), (new, matched));
        }
        assert_eq!(state(&gateway, &merchant, &waiting).await, ("completed".to_owned(), 3500));
        let list = gateway.send(Call::get("/transfers").by(&gateway.operator(Environment::Sandbox).await)).await;
        assert!(list.text().contains("transfer"), "what was said first is kept: {}", list.text());
        assert_eq!(transfers(database).await, 1);
    })
    .await;
}

#[tokio::test]
async fn money_that_a_notice_tells_of_too_late_pays_its_charge_when_the_statement_has_it_in_time() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let operator = gateway.operator(Environment::Sandbox).await;
        let waiting = charge(&gateway, &merchant, "a").await;
        gateway.advance(Span::days(9));
        flows::expire_due_charges(&gateway.app, Environment::Sandbox).await.unwrap();
        let notice = json!({"reference": nonce(&waiting), "bankReference": "B1"});
        assert_eq!(notify(&gateway, &operator, notice.clone()).await["reason"], "expired");
        let file = render("camt.053", &[Paid::new(3500, &nonce(&waiting), "TAN", "B1")]);
        let report = import(&gateway, &file).await;
        assert_eq!((report.duplicates, report.outcome(Outcome::Late)), (1, 1));
        assert_eq!(state(&gateway, &merchant, &waiting).await, ("completed".to_owned(), 3500));
        let report = import(&gateway, &file).await;
        assert_eq!((report.duplicates, report.outcome(Outcome::Late)), (1, 0));
        assert_eq!(notify(&gateway, &operator, notice).await["duplicate"], true);
        // What another feed cannot change is as it was.
        let short = charge(&gateway, &merchant, "b").await;
        gateway.advance(Span::hours(2));
        let notice = json!({"amount": 10, "reference": nonce(&short), "bankReference": "B2"});
        assert_eq!(notify(&gateway, &operator, notice).await["reason"], "expired");
        let paid = Paid { date: Date::constant(2022, 7, 3), ..Paid::new(1000, &nonce(&short), "TAN", "B2") };
        let report = import(&gateway, &render("camt.053", &[paid])).await;
        assert_eq!((report.duplicates, report.outcome(Outcome::Late)), (1, 0));
    })
    .await;
}

#[tokio::test]
async fn a_notice_with_the_banks_reference_is_known_whenever_it_is_repeated() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let operator = gateway.operator(Environment::Sandbox).await;
        let waiting = charge(&gateway, &merchant, "a").await;
        let notice = json!({"reference": format!("OTHR {}", nonce(&waiting)), "bankReference": "B-77"});
        let first = notify(&gateway, &operator, notice.clone()).await;
        gateway.advance(Span::days(20));
        let again = notify(&gateway, &operator, notice).await;
        assert_eq!((&first["duplicate"], &again["duplicate"]), (&json!(false), &json!(true)));
        assert_eq!(first["transferId"], again["transferId"]);
        assert_eq!(transfers(database).await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_report_with_a_nonce_does_not_take_the_place_of_another_payment_that_is_held() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let operator = gateway.operator(Environment::Sandbox).await;
        let (first, second) = (charge(&gateway, &merchant, "a").await, charge(&gateway, &merchant, "b").await);
        // One customer buys twice; the bank cuts the first nonce.
        let cut = Paid::new(3500, &nonce(&first)[..5], "TAN AH KOW", "B1");
        let whole = Paid::new(3500, &nonce(&second), "TAN AH KOW", "B2");
        assert_eq!(import(&gateway, &render("camt.054", std::slice::from_ref(&cut))).await.new, 1);
        let notice = json!({"reference": nonce(&second), "bankReference": "B2", "payerName": "TAN AH KOW"});
        let told = notify(&gateway, &operator, notice).await;
        assert_eq!((&told["outcome"], &told["duplicate"]), (&json!("matched"), &json!(false)));
        assert_eq!(import(&gateway, &render("camt.054", &[cut, whole])).await.duplicates, 2);
        assert_eq!(state(&gateway, &merchant, &second).await, ("completed".to_owned(), 3500));
        assert_eq!(transfers(database).await, 2);
    })
    .await;
}

#[tokio::test]
async fn rows_without_a_reference_are_told_apart_by_their_payers() {
    on_both_databases(async |database| {
        let (gateway, _) = Gateway::with_merchant(database).await;
        let file = |payers: &[&str]| {
            let paid: Vec<_> = payers.iter().map(|payer| Paid::new(1200, "rent", payer, "")).collect();
            render("camt.052", &paid)
        };
        for (payers, new) in
            [(&["ANNA"][..], 1), (&["BERT", "ANNA"], 1), (&["BERT"], 0), (&["CARL"], 1), (&["ANNA", "CARL", "BERT"], 0)]
        {
            assert_eq!(import(&gateway, &file(payers)).await.new, new, "{payers:?}");
        }
        assert_eq!(transfers(database).await, 3);
    })
    .await;
}

#[tokio::test]
async fn a_reference_that_a_bank_gives_to_all_payments_holds_up_none_that_names_its_charge() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let named = [charge(&gateway, &merchant, "one").await, charge(&gateway, &merchant, "two").await];
        let day = [
            Paid::new(3500, "Transfer", "RAJESH LEE", "0101"),
            Paid::new(3500, &nonce(&named[0]), "KUMAR CHIA", "0101"),
            Paid::new(3500, &nonce(&named[1]), "ALICIA TOH", "0101"),
        ];
        // The day so far, in each file from its beginning; then what is new alone.
        for (rows, (new, duplicates)) in [(&day[..1], (1, 0)), (&day[..2], (1, 1)), (&day[2..], (1, 0)), (&day, (0, 3))]
        {
            let report = import(&gateway, &render("camt.053", rows)).await;
            assert_eq!((report.new, report.duplicates), (new, duplicates));
        }
        for charge in &named {
            assert_eq!(state(&gateway, &merchant, charge).await, ("completed".to_owned(), 3500));
        }
    })
    .await;
}

#[tokio::test]
async fn a_payment_that_names_its_charge_is_not_taken_for_an_older_one_whose_own_row_is_in_the_file() {
    on_both_databases(async |database| {
        let gateway = Gateway::start(database).await;
        let shop = gateway.merchant("Paper Moon", Environment::Sandbox).await;
        let account = NewAccount { policy: Some(Policy::UniqueAmount), ..stated_account(&shop, ACCOUNT) };
        flows::add_account(&gateway.app, account).await.unwrap();
        // One feed has the payers' names, the other one what stands for them.
        let day = |charge: &Value, payers: [&str; 2]| {
            [Paid::new(3500, &nonce(charge), payers[0], "B2"), Paid::new(3500, "Transfer", payers[1], "B1")]
        };
        let older = Paid::new(3500, "Transfer", "MARY TAN", "B1");
        assert_eq!(import(&gateway, &render("dbs-2026", &[older])).await.outcome(Outcome::Unmatched), 1);
        let charge = gateway.charge(&shop, &json!({})).await;
        for (feed, payers) in [
            ("dbs-classic", ["NONREF", "NONREF"]),
            ("dbs-2026", ["MARY TAN", "MARY TAN"]),
            ("dbs-2026-ref", ["MARY TAN", "NONREF"]),
        ] {
            import(&gateway, &render(feed, &day(&charge, payers))).await;
            assert_eq!(state(&gateway, &shop, &charge).await, ("completed".to_owned(), 3500), "{feed}");
            assert_eq!(transfers(database).await, 2, "{feed}");
        }
    })
    .await;
}
