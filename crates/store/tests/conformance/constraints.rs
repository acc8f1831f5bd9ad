//! The database refuses what the domain forbids, whoever writes it.

use crate::samples::{event, full_charge, full_session, in_every_state, money, session_states, transfer};
use std::collections::BTreeSet;
use xanpay_domain::charge::{Charge, ChargeCommand, ChargeState, ChargeStatus};
use xanpay_domain::id::Id;
use xanpay_domain::linking::Feed;
use xanpay_domain::matching::Policy;
use xanpay_domain::session::{Session, SessionCommand, SessionState};
use xanpay_domain::time::Span;
use xanpay_domain::transfer::Transfer;
use xanpay_store::{AmountSteps, Claim, Recipient, Store, StoreError};
use xanpay_testkit::{Database, Engine, World, commit, on_both_databases};

async fn insert(store: &Store, charge: &Charge, fingerprint: Option<[u8; 16]>, claim: Option<Claim>) -> bool {
    commit!(store, |tx, charge| tx.insert_charge(&charge, fingerprint.as_ref(), claim).await?).unwrap()
}

#[tokio::test]
async fn a_nonce_names_one_charge_per_account_until_it_is_released() {
    on_both_databases(async |database| {
        let store = database.open().await;
        let world = World::stored(&store, 1).await;
        let first = world.charge(None);
        assert!(insert(&store, &first, None, None).await);
        let mut same = world.charge(None);
        same.destination.nonce.clone_from(&first.destination.nonce);
        assert!(!insert(&store, &same, None, None).await);

        // Closing keeps it out of use; only the end of the cool-down frees it.
        let now = world.clock.now();
        let cancelled = Charge { state: ChargeState::Cancelled { cancelled_at: now }, ..first.clone() };
        commit!(store, |tx, cancelled| tx.save_charge(&cancelled, 1).await?).unwrap();
        assert!(!insert(&store, &same, None, None).await);
        let release = async |environment, closed_by| {
            commit!(store, |tx| tx.release_nonces(environment, closed_by, 100).await?).unwrap()
        };
        use xanpay_domain::environment::Environment::{Live, Sandbox};
        assert_eq!(release(Sandbox, now.minus(Span::millis(1))).await, 0);
        assert_eq!(release(Live, now).await, 0);
        assert_eq!(release(Sandbox, now).await, 1);
        assert_eq!(release(Sandbox, now).await, 0);
        assert!(insert(&store, &same, None, None).await);
        let reader = store.reader();
        let holder = reader.find_charge_id_by_nonce(world.account.id, &first.destination.nonce).await.unwrap();
        assert_eq!(holder, Some(same.id));
    })
    .await;
}

#[tokio::test]
async fn a_session_has_one_charge_and_a_pending_fingerprint_or_claim_too() {
    on_both_databases(async |database| {
        let store = database.open().await;
        let world = World::stored(&store, 2).await;
        let session = world.session();
        commit!(store, |tx, session| tx.insert_session(&session).await?).unwrap();
        assert!(insert(&store, &world.charge(Some(session.id)), None, None).await);
        assert!(!insert(&store, &world.charge(Some(session.id)), None, None).await);

        let claim = Policy::UniqueAmount.claim(money(3500, "SGD")).map(|minor| Claim { minor, book: None });
        let first = world.charge(None);
        assert!(insert(&store, &first, Some([1; 16]), claim).await);
        assert!(!insert(&store, &world.charge(None), Some([1; 16]), None).await);
        assert!(!insert(&store, &world.charge(None), None, claim).await);
        assert!(
            insert(
                &store,
                &world.charge(None),
                Some([2; 16]),
                claim.map(|claim| Claim { minor: claim.minor + 1, ..claim })
            )
            .await
        );
        assert!(insert(&store, &world.charge(None), None, None).await, "absent ones do not collide");
        let tx = store.reader();
        let account = world.account.id;
        assert_eq!(tx.find_charge_id_by_claim(account, 3500).await.unwrap(), Some(first.id));
        assert_eq!(tx.find_charge_id_by_claim(account, 3501).await.unwrap().map(|id| id == first.id), Some(false));

        // Both are free again once the charge has closed.
        let expired_at = world.clock.now();
        let expired = Charge { state: ChargeState::Expired { expired_at }, ..first };
        commit!(store, |tx, expired| tx.save_charge(&expired, 1).await?).unwrap();
        assert!(insert(&store, &world.charge(None), Some([1; 16]), claim).await);
    })
    .await;
}

#[tokio::test]
async fn an_amount_is_claimed_once_on_a_bank_account_whichever_of_its_accounts_claims_it() {
    on_both_databases(async |database| {
        let store = database.open().await;
        let (world, other) = (World::stored(&store, 5).await, World::stored(&store, 6).await);
        let claim = |minor, book| Some(Claim { minor, book });
        let book = Some(world.account.id);
        assert!(insert(&store, &world.charge(None), None, claim(3500, book)).await);
        assert!(!insert(&store, &other.charge(None), None, claim(3500, book)).await);
        assert!(!insert(&store, &world.charge(None), None, claim(3500, None)).await);
        assert!(insert(&store, &other.charge(None), None, claim(3500, None)).await, "on an account of its own");
        assert!(insert(&store, &other.charge(None), None, claim(3501, book)).await);
    })
    .await;
}

#[tokio::test]
async fn charges_are_found_by_what_they_ask_now_or_asked_when_they_closed_unpaid() {
    on_both_databases(async |database| {
        let store = database.open().await;
        let world = World::stored(&store, 7).await;
        let [whole, part, over, off] = std::array::from_fn(|_| world.charge(None));
        for charge in [&whole, &part, &over, &off] {
            assert!(insert(&store, charge, None, None).await);
        }
        let (asked, closed_at, account) = (whole.customer_amount.minor(), world.clock.now(), world.account.id);
        let part = Charge { received: money(500, "SGD"), ..part };
        let over = Charge { state: ChargeState::Expired { expired_at: closed_at }, ..over };
        let off = Charge { state: ChargeState::Cancelled { cancelled_at: closed_at.minus(Span::millis(1)) }, ..off };
        for charge in [part.clone(), over.clone(), off.clone()] {
            commit!(store, |tx, charge| tx.save_charge(&charge, 1).await?).unwrap();
        }
        let tx = store.reader();
        let ids = |charges: Vec<Charge>| charges.into_iter().map(|charge| charge.id).collect::<Vec<_>>();
        let asking = async |minor| ids(tx.list_charges_asking(account, minor, 9).await.unwrap());
        assert_eq!((asking(asked).await, asking(asked - 500).await), (vec![whole.id], vec![part.id]));
        assert_eq!(asking(asked - 1).await, []);
        let unpaid = async |minor, since| ids(tx.list_unpaid_asking(account, minor, since, 9).await.unwrap());
        assert_eq!(unpaid(asked, closed_at.minus(Span::millis(1))).await, [over.id, off.id]);
        assert_eq!(unpaid(asked, closed_at).await, [over.id]);
        assert_eq!(unpaid(asked, closed_at.plus(Span::millis(1))).await, []);
        assert_eq!(unpaid(asked - 1, closed_at).await, []);
        let between = async |from, until| {
            let mut amounts = tx.list_amounts_asked(account, from, until).await.unwrap();
            amounts.sort_unstable();
            amounts.dedup();
            amounts
        };
        assert_eq!(between(1, asked).await, [asked - 500, asked]);
        assert_eq!(between(asked + 1, asked + 9).await, []);
        assert_eq!(between(1, asked - 501).await, []);
        // What closed lately, unpaid or by its payment.
        let claim = Claim { minor: asked + 4, book: None };
        let paid = Charge { customer_amount: money(asked + 4, "SGD"), ..world.charge(None) };
        assert!(insert(&store, &paid, None, Some(claim)).await);
        let state = ChargeState::Completed { completed_at: closed_at, paid_late: false };
        let paid = Charge { state, received: paid.customer_amount, ..paid };
        commit!(store, |tx, paid| tx.save_charge(&paid, 1).await?).unwrap();
        let steps = AmountSteps { from_minor: asked - 2, until_minor: asked + 4, step_minor: 2 };
        let later = closed_at.plus(Span::millis(1));
        for (unpaid_since, paid_since, expected) in [
            (closed_at, later, vec![asked]),
            (later, closed_at, vec![asked + 4]),
            (closed_at, closed_at, vec![asked, asked + 4]),
            (later, later, vec![]),
        ] {
            let mut found = tx.list_amounts_closed(account, steps, unpaid_since, paid_since).await.unwrap();
            found.sort_unstable();
            assert_eq!(found, expected, "{unpaid_since:?} {paid_since:?}");
        }
        let dear = Charge { customer_amount: money(asked + 2, "SGD"), ..world.charge(None) };
        assert!(insert(&store, &dear, None, None).await);
        let dear = Charge { state: ChargeState::Cancelled { cancelled_at: later }, ..dear };
        commit!(store, |tx, dear| tx.save_charge(&dear, 1).await?).unwrap();
        assert_eq!(tx.list_amounts_closed(account, steps, later, later).await.unwrap(), [asked + 2]);
        let odd = AmountSteps { from_minor: asked - 3, until_minor: asked + 9, step_minor: 2 };
        assert_eq!(tx.list_amounts_closed(account, odd, closed_at, closed_at).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn a_feed_tells_of_a_transfer_of_an_account_once() {
    on_both_databases(async |database| {
        let store = database.open().await;
        let world = World::stored(&store, 3).await;
        let other = World::stored(&store, 4).await;
        for (row, expected) in [
            (transfer(&world, "ref:1"), Ok(())),
            (transfer(&world, "ref:1"), Err(StoreError::Conflict)),
            (transfer(&world, "ref:2"), Ok(())),
            (transfer(&other, "ref:1"), Ok(())),
            (Transfer { feed: Feed::Camt053, ..transfer(&world, "ref:1") }, Ok(())),
            (Transfer { feed: Feed::Camt053, ..transfer(&world, "ref:1") }, Err(StoreError::Conflict)),
        ] {
            assert_eq!(commit!(store, |tx, row| tx.insert_transfer(&row).await?), expected);
        }
    })
    .await;
}

/// A database with one row of everything, for statements that try to spoil it.
async fn full_database(database: &Database) -> Store {
    let store = database.open().await;
    let world = World::stored(&store, 5).await;
    let session = full_session(&world);
    let charge = full_charge(&world, &session);
    let (event, transfer, key) = (event(&world, &charge, 2), transfer(&world, "ref:1"), world.id());
    let verification = crate::samples::verification(&world, "+65 1", world.clock.now());
    let deliveries = [(key, Recipient { webhook_id: None, url: "https://shop.example".into() })];
    commit!(store, |tx, session, charge, event, transfer, deliveries, verification| {
        tx.insert_session(&session).await?;
        tx.insert_charge(&charge, None, None).await?;
        tx.push_event(&event, &deliveries).await?;
        tx.insert_transfer(&transfer).await?;
        tx.insert_verification(&verification).await?;
    })
    .unwrap();
    store
}

const IMPOSSIBLE: [&str; 48] = [
    "UPDATE sessions SET status = 'paid'",
    "UPDATE sessions SET status = 'charged'",
    "UPDATE sessions SET status = 'cancelled'",
    "UPDATE sessions SET charge_id = 'x'",
    "UPDATE sessions SET expires_at = NULL",
    "UPDATE sessions SET amount_minor = 0",
    "UPDATE sessions SET methods = ''",
    "UPDATE sessions SET environment = 'test'",
    "UPDATE sessions SET prefill = 2",
    "UPDATE sessions SET prefill = 0",
    "UPDATE sessions SET prefill_phone = NULL",
    "UPDATE sessions SET merchant_id = 'nobody'",
    "UPDATE charges SET status = 'paid'",
    "UPDATE charges SET status = 'cancelled'",
    "UPDATE charges SET closed_at = 1",
    "UPDATE charges SET status = 'completed', closed_at = 1",
    "UPDATE charges SET status = 'cancelled', closed_at = 1, paid_late = 1",
    "UPDATE charges SET received_minor = customer_amount_minor",
    "UPDATE charges SET received_minor = -1",
    "UPDATE charges SET customer_amount_minor = 0",
    "UPDATE charges SET merchant_amount_minor = 0",
    "UPDATE charges SET rate = NULL",
    "UPDATE charges SET rate_as_of = NULL",
    "UPDATE charges SET rate_source = NULL",
    "UPDATE charges SET nonce_held = 0",
    "UPDATE charges SET paid_late = 2",
    "UPDATE charges SET phone = NULL",
    "UPDATE charges SET nonce = NULL",
    "UPDATE charges SET session_id = 'nobody'",
    "UPDATE charges SET account_id = 'nobody'",
    "UPDATE charges SET customer_id = 'nobody'",
    "UPDATE transfers SET outcome = 'matched'",
    "UPDATE transfers SET outcome = 'lost'",
    "UPDATE transfers SET charge_id = (SELECT id FROM charges)",
    "UPDATE transfers SET amount_minor = 0",
    "UPDATE transfers SET account_id = 'nobody'",
    "UPDATE deliveries SET state = 'delivered'",
    "UPDATE deliveries SET state = 'lost', finished_at = 1",
    "UPDATE deliveries SET finished_at = 1",
    "UPDATE deliveries SET attempts = -1",
    "UPDATE deliveries SET event_id = 'nobody'",
    "INSERT INTO delivery_attempts SELECT id, 1, 1, NULL, NULL, '', 1 FROM deliveries",
    "INSERT INTO delivery_attempts SELECT id, 1, 1, 200, 'reset', '', 1 FROM deliveries",
    "UPDATE verifications SET verified_at = 1",
    "UPDATE merchant_settings SET markup_bp = 10001",
    "UPDATE receiving_accounts SET account = ''",
    "UPDATE receiving_accounts SET policy = 'hope'",
    "INSERT INTO rates VALUES ('SGD', 'SGD', 'operator', '1.0', 1)",
];

#[tokio::test]
async fn impossible_rows_are_refused() {
    on_both_databases(async |database| {
        let store = full_database(database).await;
        for statement in IMPOSSIBLE {
            let refusal = database.execute(statement).await;
            let words = ["constraint", "CONSTRAINT"];
            let refused = refusal.as_ref().is_err_and(|error| words.iter().any(|word| error.contains(word)));
            assert!(refused, "{statement}: {refusal:?}");
        }
        // The control: rows are there to be spoiled, and possible changes pass.
        for table in ["sessions", "charges", "transfers", "deliveries", "verifications", "merchant_settings"] {
            assert_eq!(
                database.execute(&format!("UPDATE {table} SET environment = environment")).await,
                Ok(1),
                "{table}"
            );
        }
        let completed =
            "UPDATE charges SET status = 'completed', closed_at = 1, received_minor = customer_amount_minor";
        assert_eq!(database.execute(completed).await, Ok(1));
        store.close();
    })
    .await;
}

/// What no flow does to a row that can stand as it would be: the rule that refuses it, and the statement.
const FORBIDDEN: [(&str, &str); 32] = [
    ("charges_course", "UPDATE charges SET received_minor = 0"),
    ("charges_terms", "UPDATE charges SET merchant_id = (SELECT MIN(id) FROM merchants WHERE id <> merchant_id)"),
    ("charges_terms", "UPDATE charges SET environment = 'live'"),
    ("charges_terms", "UPDATE charges SET session_id = NULL"),
    ("charges_terms", "UPDATE charges SET merchant_amount_minor = merchant_amount_minor + 1"),
    ("charges_terms", "UPDATE charges SET merchant_currency = 'USD'"),
    ("charges_terms", "UPDATE charges SET customer_amount_minor = customer_amount_minor + 1"),
    ("charges_terms", "UPDATE charges SET customer_currency = 'USD'"),
    ("charges_terms", "UPDATE charges SET method = 'paynow'"),
    (
        "charges_terms",
        "UPDATE charges SET account_id = (SELECT MIN(id) FROM receiving_accounts WHERE id <> account_id)",
    ),
    ("charges_terms", "UPDATE charges SET account = 'another'"),
    ("charges_terms", "UPDATE charges SET nonce = 'another'"),
    ("charges_terms", "UPDATE charges SET qr_code = 'another'"),
    ("charges_terms", "UPDATE charges SET expires_at = expires_at + 1"),
    ("charges_kept", "DELETE FROM charges"),
    ("sessions_terms", "UPDATE sessions SET merchant_id = (SELECT MIN(id) FROM merchants WHERE id <> merchant_id)"),
    ("sessions_terms", "UPDATE sessions SET environment = 'live'"),
    ("sessions_terms", "UPDATE sessions SET amount_minor = amount_minor - 1"),
    ("sessions_terms", "UPDATE sessions SET currency = 'USD'"),
    ("transfers_money", "UPDATE transfers SET environment = 'live'"),
    ("transfers_money", "UPDATE transfers SET book_id = 'another'"),
    ("transfers_money", "UPDATE transfers SET amount_minor = amount_minor + 1"),
    ("transfers_money", "UPDATE transfers SET currency = 'USD'"),
    ("transfers_kept", "DELETE FROM transfers"),
    ("transfer_reports_kept", "DELETE FROM transfer_reports"),
    ("events_fixed", "UPDATE events SET merchant_id = (SELECT MIN(id) FROM merchants WHERE id <> merchant_id)"),
    ("events_fixed", "UPDATE events SET environment = 'live'"),
    ("events_fixed", "UPDATE events SET charge_id = (SELECT MIN(id) FROM charges WHERE id <> charge_id)"),
    ("events_fixed", "UPDATE events SET sequence = sequence + 1"),
    ("events_fixed", "UPDATE events SET body = '{}'"),
    ("events_fixed", "UPDATE events SET created_at = 1"),
    ("events_kept", "DELETE FROM events"),
];

#[tokio::test]
async fn what_a_row_says_of_the_past_is_neither_changed_nor_deleted() {
    on_both_databases(async |database| {
        let store = full_database(database).await;
        let other = World::stored(&store, 6).await.charge(None);
        assert!(insert(&store, &other, None, None).await);
        for (rule, statement) in FORBIDDEN {
            let refusal = database.execute(statement).await;
            let words = format!("constraint {rule}: ");
            assert!(refusal.as_ref().is_err_and(|error| error.contains(&words)), "{statement}: {refusal:?}");
        }
        store.close();
    })
    .await;
}

/// Where the domain's commands can lead from a state, by the names of both.
fn charge_edges(charges: &[Charge]) -> BTreeSet<(&'static str, &'static str)> {
    let mut edges = BTreeSet::new();
    for charge in charges {
        for now in [charge.created_at, charge.expires_at] {
            let credit = |money| ChargeCommand::Credit { money, booked_from: now };
            let whole = credit(charge.customer_amount);
            for command in [ChargeCommand::Cancel, ChargeCommand::Expire, credit(money(1, "SGD")), whole] {
                if let Ok((next, _)) = charge.decide(command, now) {
                    edges.insert((charge.state.status().as_str(), next.state.status().as_str()));
                }
            }
        }
    }
    edges
}

#[tokio::test]
async fn the_status_of_a_charge_moves_along_the_domains_edges_only() {
    on_both_databases(async |database| {
        let store = database.open().await;
        let world = World::stored(&store, 8).await;
        let template = full_charge(&world, &world.session());
        let states = in_every_state(&template);
        let edges = charge_edges(&states);
        assert_eq!(edges.iter().filter(|(from, to)| from != to).count(), 4, "{edges:?}");
        for to in ChargeStatus::ALL.map(ChargeStatus::as_str) {
            for (from, state) in states.iter().map(|charge| (charge.state.status().as_str(), charge.state)) {
                let plain = world.charge(None);
                let received = if from == "completed" { plain.customer_amount } else { plain.received };
                let charge = Charge { state, received, ..plain };
                assert!(insert(&store, &charge, None, None).await);
                let (closed_at, received) = match to {
                    "pending" => ("NULL", "received_minor"),
                    "completed" => ("1", "customer_amount_minor"),
                    _ => ("1", "received_minor"),
                };
                let change = format!(
                    "UPDATE charges SET status = '{to}', closed_at = {closed_at}, received_minor = {received}, \
                    paid_late = 0 WHERE id = '{}'",
                    charge.id
                );
                let changed = database.execute(&change).await;
                assert_eq!(changed.is_ok(), from == to || edges.contains(&(from, to)), "{from} to {to}: {changed:?}");
            }
        }
        store.close();
    })
    .await;
}

#[tokio::test]
async fn the_status_of_a_session_moves_along_the_domains_edges_only_and_its_charge_stays() {
    on_both_databases(async |database| {
        let store = database.open().await;
        let world = World::stored(&store, 9).await;
        let (states, now, another) = (session_states(&world), world.clock.now(), world.id());
        for from in states {
            let mut targets: BTreeSet<_> = [from, from.at(now.plus(Span::days(8)))].map(SessionState::as_str).into();
            for command in [SessionCommand::Initiate, SessionCommand::Charge(another), SessionCommand::Cancel] {
                targets.extend(from.decide(command, now).map(SessionState::as_str));
            }
            for to in states.map(SessionState::as_str) {
                let session = Session { state: from, ..world.session() };
                commit!(store, |tx, session| tx.insert_session(&session).await?).unwrap();
                let expires_at = if matches!(to, "created" | "initiated") { "1" } else { "NULL" };
                let charge = if to == "charged" { "COALESCE(charge_id, 'first')" } else { "NULL" };
                let change = |charge| {
                    format!(
                        "UPDATE sessions SET status = '{to}', expires_at = {expires_at}, charge_id = {charge} WHERE id = '{}'",
                        session.id
                    )
                };
                let changed = database.execute(&change(charge)).await;
                assert_eq!(changed.is_ok(), targets.contains(to), "{} to {to}: {changed:?}", from.as_str());
                if to == "charged" && changed.is_ok() {
                    database.execute(&change("'second'")).await.unwrap_err();
                }
            }
        }
        store.close();
    })
    .await;
}

#[tokio::test]
async fn an_address_that_was_taken_by_milder_rules_can_still_be_read() {
    on_both_databases(async |database| {
        let store = full_database(database).await;
        let address = "a\u{202E}b@example.com";
        for (table, column) in [("charges", "email"), ("sessions", "prefill_email")] {
            let change = format!("UPDATE {table} SET {column} = '{address}'");
            assert_eq!(database.execute(&change).await, Ok(1));
        }
        let id = |table: &str| format!("SELECT id FROM {table}");
        let (charge, session) = (one_text(database, &id("charges")).await, one_text(database, &id("sessions")).await);
        let charge = store.reader().find_charge(Id::parse(&charge).unwrap()).await.unwrap().unwrap();
        let session = store.reader().find_session(Id::parse(&session).unwrap()).await.unwrap().unwrap();
        let prefilled = session.prefill.and_then(|prefill| prefill.email);
        assert_eq!([charge.email, prefilled].map(|email| email.unwrap().as_str().to_owned()), [address; 2]);
        store.close();
    })
    .await;
}

#[tokio::test]
async fn a_stored_value_that_makes_no_sense_is_named_with_its_place() {
    on_both_databases(async |database| {
        let store = full_database(database).await;
        for (table, column, value) in [
            ("sessions", "methods", "'carrier-pigeon'"),
            ("sessions", "prefill_email", "'nobody'"),
            ("sessions", "prefill_phone", "'x'"),
            ("charges", "rate", "'1e5'"),
            ("charges", "method", "'cash'"),
            ("charges", "customer_amount_minor", "9223372036854775807, customer_currency = 'XXY'"),
            ("transfers", "reason", "'because'"),
            ("transfers", "amount_minor", "1, currency = 'XXY'"),
        ] {
            let before = format!("SELECT id FROM {table}");
            let id = one_text(database, &before).await;
            database.damage(&format!("UPDATE {table} SET {column} = {value}")).await.unwrap();
            let tx = store.reader();
            let found = match table {
                "sessions" => tx.find_session(xanpay_domain::id::Id::parse(&id).unwrap()).await.map(drop),
                "charges" => tx.find_charge(xanpay_domain::id::Id::parse(&id).unwrap()).await.map(drop),
                _ => tx.find_transfer(xanpay_domain::id::Id::parse(&id).unwrap()).await.map(drop),
            };
            assert_eq!(found, Err(StoreError::Corrupt { table, column, id }));
            repair(database, table).await;
        }
    })
    .await;
}

async fn repair(database: &Database, table: &str) {
    let mended = match table {
        "sessions" => "UPDATE sessions SET methods = 'paynow', prefill_email = NULL, prefill_phone = '81234567'",
        "charges" => {
            "UPDATE charges SET rate = '1.0', method = 'fps', customer_amount_minor = 2160, \
            customer_currency = 'SGD'"
        }
        _ => "UPDATE transfers SET reason = 'no_reference', amount_minor = 1, currency = 'SGD'",
    };
    database.damage(mended).await.unwrap();
}

async fn one_text(database: &Database, sql: &str) -> String {
    match database.engine() {
        Engine::Sqlite => {
            let connection = rusqlite::Connection::open(database.path()).unwrap();
            connection.query_row(sql, [], |row| row.get(0)).unwrap()
        }
        Engine::Postgres => database.client().await.query_one(sql, &[]).await.unwrap().get(0),
    }
}
