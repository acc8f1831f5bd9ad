//! Every row function gives back what was written.

use crate::samples::{
    AWKWARD, event, full_charge, full_session, in_every_state, money, session_states, transfer, verification,
};
use xanpay_domain::charge::ChargeStatus;
use xanpay_domain::environment::Environment;
use xanpay_domain::exchange::{Rate, RateEntry};
use xanpay_domain::id::{ChargeId, CustomerId, MerchantId};
use xanpay_domain::linking::{Amounts, Feed};
use xanpay_domain::matching::{Outcome, Policy, Reason};
use xanpay_domain::method::Method;
use xanpay_domain::secret::Secret;
use xanpay_domain::session::{Prefill, Session, SessionState};
use xanpay_domain::time::{Span, Timestamp};
use xanpay_domain::transfer::{Booked, ReportedTransfer, Transfer};
use xanpay_domain::verification::Verification;
use xanpay_store::{
    Account, ApiKey, Merchant, MerchantChanges, PairRate, Permission, SandboxMessage, StoreError, VersionedCharge,
    Webhook,
};
use xanpay_testkit::{World, commit, on_both_databases};

#[tokio::test]
async fn a_session_reads_back_in_every_state_bare_and_full() {
    on_both_databases(async |database| {
        let store = database.open().await;
        let world = World::stored(&store, 1).await;
        let empty_prefill = Session { prefill: Some(Prefill { email: None, phone: None }), ..world.session() };
        for sample in [world.session(), full_session(&world), empty_prefill] {
            for state in session_states(&world) {
                let session = Session { id: world.id(), state, ..sample.clone() };
                commit!(store, |tx, session| tx.insert_session(&session).await?).unwrap();
                let reader = store.reader();
                assert_eq!(reader.find_session(session.id).await.unwrap().as_ref(), Some(&session));
                let id = session.id;
                let locked = commit!(store, |tx| tx.lock_session(id).await?).unwrap();
                assert_eq!(locked, Some((session, 2)));
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_session_moves_into_every_state_and_only_with_its_version() {
    on_both_databases(async |database| {
        let store = database.open().await;
        let world = World::stored(&store, 2).await;
        let later = world.clock.advance(Span::minutes(3));
        for state in session_states(&world) {
            let session = world.session();
            let id = session.id;
            commit!(store, |tx, session| {
                tx.insert_session(&session).await?;
                let (_, version) = tx.lock_session(id).await?.ok_or(StoreError::Conflict)?;
                tx.save_session(id, state, later, version).await?;
            })
            .unwrap();
            let expected = Session { state, updated_at: later, ..session };
            assert_eq!(store.reader().find_session(id).await.unwrap(), Some(expected));
            let stale = commit!(store, |tx| tx.save_session(id, SessionState::Cancelled, later, 1).await?);
            assert_eq!(stale, Err(StoreError::Conflict));
        }
    })
    .await;
}

#[tokio::test]
async fn a_session_or_charge_of_another_merchant_or_environment_is_absent() {
    on_both_databases(async |database| {
        let store = database.open().await;
        let world = World::stored(&store, 3).await;
        let (session, charge) = (world.session(), world.charge(None));
        commit!(store, |tx, session, charge| {
            tx.insert_session(&session).await?;
            tx.insert_charge(&charge, None, None).await?
        })
        .unwrap();
        let tx = store.reader();
        let (own, other) = (world.merchant.id, world.id());
        for (merchant, environment, there) in
            [(own, Environment::Sandbox, true), (own, Environment::Live, false), (other, Environment::Sandbox, false)]
        {
            assert_eq!(tx.find_session_of(merchant, environment, session.id).await.unwrap().is_some(), there);
            assert_eq!(tx.find_charge_of(merchant, environment, charge.id).await.unwrap().is_some(), there);
        }
        assert_eq!(tx.find_session(world.id()).await.unwrap(), None);
        assert_eq!(tx.find_charge(world.id()).await.unwrap(), None);
        assert_eq!(commit!(store, |tx, world| tx.lock_session(world.id()).await?).unwrap(), None);
        assert_eq!(commit!(store, |tx, world| tx.lock_charge(world.id()).await?).unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_charge_reads_back_in_every_state_bare_and_full() {
    on_both_databases(async |database| {
        let store = database.open().await;
        let world = World::stored(&store, 4).await;
        for sample in [world.charge(None), full_charge(&world, &world.session())] {
            for mut charge in in_every_state(&sample) {
                let session = world.session();
                charge.id = world.id();
                charge.session_id = charge.session_id.map(|_| session.id);
                charge.destination.nonce = world.charge(None).destination.nonce;
                let fingerprint: [u8; 16] = world.entropy.bytes();
                let stored = commit!(store, |tx, session, charge| {
                    tx.insert_session(&session).await?;
                    tx.insert_charge(&charge, Some(&fingerprint), None).await?
                });
                assert_eq!(stored, Ok(true));
                let tx = store.reader();
                assert_eq!(tx.find_charge(charge.id).await.unwrap().as_ref(), Some(&charge));
                let of_session = charge.session_id.map(|_| charge.clone());
                assert_eq!(tx.find_charge_of_session(session.id).await.unwrap(), of_session);
                let (account, nonce) = (charge.destination.account_id, &charge.destination.nonce);
                assert_eq!(tx.find_charge_id_by_nonce(account, nonce).await.unwrap(), Some(charge.id));
                assert_eq!(tx.find_charge_id_by_nonce(world.id(), nonce).await.unwrap(), None);
                assert_eq!(tx.list_charges_by_nonce(nonce).await.unwrap(), [(account, charge.id)]);
                assert_eq!(tx.list_charges_by_nonce("bagihotek").await.unwrap(), []);
                let pending = (charge.state.status() == ChargeStatus::Pending).then(|| charge.clone());
                assert_eq!(tx.find_charge_by_fingerprint(&fingerprint).await.unwrap(), pending);
                let id = charge.id;
                let locked = commit!(store, |tx| tx.lock_charge(id).await?).unwrap();
                assert_eq!(locked, Some(VersionedCharge { charge, version: 2 }));
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_charge_moves_into_every_state_and_only_with_its_version() {
    on_both_databases(async |database| {
        let store = database.open().await;
        let world = World::stored(&store, 5).await;
        for mut after in in_every_state(&world.charge(None)) {
            let before = world.charge(None);
            after = xanpay_domain::charge::Charge {
                id: before.id,
                destination: before.destination.clone(),
                updated_at: world.clock.advance(Span::seconds(1)),
                ..after
            };
            after.created_at = before.created_at;
            after.expires_at = before.expires_at;
            commit!(store, |tx, before, after| {
                tx.insert_charge(&before, None, None).await?;
                let locked = tx.lock_charge(before.id).await?.ok_or(StoreError::Conflict)?;
                tx.save_charge(&after, locked.version).await?;
            })
            .unwrap();
            assert_eq!(store.reader().find_charge(after.id).await.unwrap().as_ref(), Some(&after));
            assert_eq!(commit!(store, |tx, after| tx.save_charge(&after, 1).await?), Err(StoreError::Conflict));
        }
    })
    .await;
}

#[tokio::test]
async fn a_customer_is_one_per_merchant_environment_and_identity() {
    on_both_databases(async |database| {
        let store = database.open().await;
        let (world, other) = (World::stored(&store, 6).await, World::stored(&store, 7).await);
        let (a, b, now) = (world.merchant.id, other.merchant.id, world.clock.now());
        let fresh: [CustomerId; 5] = std::array::from_fn(|_| world.id());
        let found = commit!(store, |tx| {
            let (sandbox, live) = (Environment::Sandbox, Environment::Live);
            [
                tx.find_or_insert_customer(a, sandbox, "phone:+6581234567", fresh[0], now).await?,
                tx.find_or_insert_customer(a, sandbox, "phone:+6581234567", fresh[1], now).await?,
                tx.find_or_insert_customer(a, live, "phone:+6581234567", fresh[2], now).await?,
                tx.find_or_insert_customer(b, sandbox, "phone:+6581234567", fresh[3], now).await?,
                tx.find_or_insert_customer(a, sandbox, "email:茶@example.com", fresh[4], now).await?,
            ]
        });
        assert_eq!(found.unwrap(), [fresh[0], fresh[0], fresh[2], fresh[3], fresh[4]]);
    })
    .await;
}

#[tokio::test]
async fn a_merchant_reads_back_in_both_environments() {
    on_both_databases(async |database| {
        let store = database.open().await;
        let world = World::new(8);
        let now = world.clock.now();
        let sandbox = world.merchant.clone();
        let live = Merchant {
            name: AWKWARD.into(),
            environment: Environment::Live,
            methods: Method::ALL.into(),
            permissions: Permission::ALL.into(),
            phone_verification: true,
            secure_mode: true,
            markup_bp: 10_000,
            hash_key: (0..=255).collect(),
            signing_key: vec![0; 4096],
            certificate: AWKWARD.into(),
            ..sandbox.clone()
        };
        let bare = Merchant { id: world.id(), methods: vec![], permissions: vec![], ..live.clone() };
        for merchant in [&sandbox, &live, &bare] {
            commit!(store, |tx, merchant| tx.insert_merchant(&merchant, now).await?).unwrap();
        }
        let tx = store.reader();
        // The name is the merchant's, not its environment's: the first one stands.
        let live = Merchant { name: sandbox.name.clone(), ..live };
        for merchant in [&sandbox, &live, &bare] {
            let found = tx.find_merchant(merchant.id, merchant.environment).await.unwrap();
            assert_eq!(found.as_ref(), Some(merchant));
        }
        assert_eq!(tx.find_merchant(bare.id, Environment::Sandbox).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn only_the_switches_that_are_named_change() {
    on_both_databases(async |database| {
        let store = database.open().await;
        let world = World::stored(&store, 19).await;
        let other = Merchant { environment: Environment::Live, ..world.merchant.clone() };
        let now = world.clock.now();
        commit!(store, |tx, other| tx.insert_merchant(&other, now).await?).unwrap();
        let tx = store.reader();
        let mut switched = world.merchant.clone();
        let (id, environment) = (switched.id, switched.environment);
        let none = MerchantChanges::default;
        for changes in [
            none(),
            MerchantChanges { methods: Some(vec![Method::Toss]), ..none() },
            MerchantChanges { permissions: Some(vec![]), ..none() },
            MerchantChanges { phone_verification: Some(!switched.phone_verification), ..none() },
            MerchantChanges { secure_mode: Some(!switched.secure_mode), ..none() },
            MerchantChanges { markup_bp: Some(0), ..none() },
        ] {
            switched.methods = changes.methods.clone().unwrap_or(switched.methods);
            switched.permissions = changes.permissions.clone().unwrap_or(switched.permissions);
            switched.phone_verification = changes.phone_verification.unwrap_or(switched.phone_verification);
            switched.secure_mode = changes.secure_mode.unwrap_or(switched.secure_mode);
            switched.markup_bp = changes.markup_bp.unwrap_or(switched.markup_bp);
            let saved = commit!(store, |tx, changes| tx.save_merchant_switches(id, environment, &changes).await?);
            assert_eq!(saved, Ok(true));
            assert_eq!(tx.find_merchant(id, environment).await.unwrap().as_ref(), Some(&switched));
        }
        assert_eq!(tx.find_merchant(id, other.environment).await.unwrap(), Some(other));
        let (nobody, changes) = (world.id(), none());
        let saved = commit!(store, |tx, changes| tx.save_merchant_switches(nobody, environment, &changes).await?);
        assert_eq!(saved, Ok(false));
    })
    .await;
}

#[tokio::test]
async fn an_api_key_reads_back_and_is_revoked_once() {
    on_both_databases(async |database| {
        let store = database.open().await;
        let world = World::stored(&store, 9).await;
        let now = world.clock.now();
        let merchant = ApiKey {
            api_key: "pk_1".into(),
            merchant_id: Some(world.merchant.id),
            environment: Environment::Sandbox,
            secret_hash: (0..32).collect(),
            created_at: now,
            revoked_at: None,
        };
        let operator = ApiKey { api_key: "pk_2".into(), merchant_id: None, revoked_at: Some(now), ..merchant.clone() };
        for key in [&merchant, &operator] {
            commit!(store, |tx, key| tx.insert_api_key(&key).await?).unwrap();
            let tx = store.reader();
            assert_eq!(tx.find_api_key(&key.api_key).await.unwrap().as_ref(), Some(key));
        }
        for (key, was_active) in [("pk_1", true), ("pk_1", false), ("pk_2", false), ("pk_3", false)] {
            assert_eq!(commit!(store, |tx| tx.revoke_api_key(key, now).await?), Ok(was_active), "{key}");
        }
        let (tx, id) = (store.reader(), world.merchant.id);
        let revoked = ApiKey { revoked_at: Some(now), ..merchant };
        assert_eq!(tx.find_api_key("pk_1").await.unwrap().as_ref(), Some(&revoked));
        assert_eq!(tx.list_api_keys(id, Environment::Sandbox).await.unwrap(), [revoked]);
        assert_eq!(tx.list_api_keys(id, Environment::Live).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn an_account_reads_back_is_unique_and_is_disabled_once() {
    on_both_databases(async |database| {
        let store = database.open().await;
        let world = World::stored(&store, 10).await;
        let now = world.clock.now();
        for policy in Policy::ALL {
            let account = Account {
                id: world.id(),
                environment: Environment::Live,
                account: format!("{policy:?} 茶"),
                bank: AWKWARD.into(),
                template_qr: Some("000201".repeat(100)),
                template_as_issued: true,
                policy,
                statement_account: Some("DE02120300000000202051".into()),
                merchant_id: Some(world.merchant.id),
                disabled_at: Some(now),
                ..world.account.clone()
            };
            assert_eq!(commit!(store, |tx, account| tx.insert_account(&account).await?), Ok(true));
            let again = Account { id: world.id(), ..account.clone() };
            assert_eq!(commit!(store, |tx, again| tx.insert_account(&again).await?), Ok(false));
            let tx = store.reader();
            assert!(tx.list_accounts(Environment::Live).await.unwrap().contains(&Ok(account)));
        }
        let tx = store.reader();
        assert_eq!(tx.list_accounts(Environment::Live).await.unwrap().len(), 3);
        assert_eq!(tx.list_accounts(Environment::Sandbox).await.unwrap(), [Ok(world.account.clone())]);
        let id = world.account.id;
        for (environment, was_used) in
            [(Environment::Live, false), (Environment::Sandbox, true), (Environment::Sandbox, false)]
        {
            assert_eq!(commit!(store, |tx| tx.disable_account(id, environment, now).await?), Ok(was_used));
        }
        let disabled = Account { disabled_at: Some(now), ..world.account.clone() };
        assert_eq!(tx.list_accounts(Environment::Sandbox).await.unwrap(), [Ok(disabled)]);
        let shown = Account {
            account_name: AWKWARD.into(),
            template_qr: Some("000201".into()),
            template_as_issued: true,
            ..world.account
        };
        let other = Account { bank: AWKWARD.into(), policy: Policy::UniqueAmount, ..shown.clone() };
        for was_disabled in [true, false] {
            assert_eq!(commit!(store, |tx, other| tx.enable_account_as(id, &other).await?), Ok(was_disabled));
            assert_eq!(tx.list_accounts(Environment::Sandbox).await.unwrap(), [Ok(shown.clone())]);
        }
    })
    .await;
}

#[tokio::test]
async fn rates_settings_and_webhooks_read_back_and_change() {
    on_both_databases(async |database| {
        let store = database.open().await;
        let world = World::stored(&store, 11).await;
        let now = world.clock.now();
        let rate = |rate: &str| PairRate {
            base: "HKD".parse().unwrap(),
            quote: "SGD".parse().unwrap(),
            entry: RateEntry { rate: Rate::parse(rate).unwrap(), source: "operator".into(), as_of: now },
        };
        for text in ["0.174933", "99999999.9999999999"] {
            let rate = rate(text);
            commit!(store, |tx, rate| tx.save_rate(&rate, Timestamp::from_millis(i64::MAX)).await?).unwrap();
            assert_eq!(store.reader().list_rates().await.unwrap(), [rate]);
        }

        assert_eq!(commit!(store, |tx| tx.insert_setting("a", AWKWARD).await?).as_deref(), Ok(AWKWARD));
        assert_eq!(commit!(store, |tx| tx.insert_setting("a", "2").await?).as_deref(), Ok(AWKWARD));
        assert_eq!(commit!(store, |tx| tx.insert_setting("b", "").await?).as_deref(), Ok(""));
        for (by, raised) in [(11, None), (7, Some(7)), (4, None), (3, Some(10)), (0, Some(10)), (1, None)] {
            assert_eq!(commit!(store, |tx| tx.raise_setting("n", by, 10).await?), Ok(raised), "by {by}");
        }
        let tx = store.reader();
        for (name, value) in [("a", Some(AWKWARD)), ("b", Some("")), ("c", None), ("n", Some("10"))] {
            assert_eq!(tx.find_setting(name).await.unwrap().as_deref(), value);
        }

        let plain = Webhook {
            id: world.id(),
            merchant_id: world.merchant.id,
            environment: Environment::Sandbox,
            url: "https://shop.example/hook".into(),
            basic: None,
            secret: vec![0, 255],
            created_at: now,
            disabled_at: None,
        };
        world.clock.advance(Span::seconds(1));
        let basic = Webhook { id: world.id(), basic: Some((AWKWARD.into(), vec![])), ..plain.clone() };
        for webhook in [&plain, &basic] {
            commit!(store, |tx, webhook| tx.insert_webhook(&webhook).await?).unwrap();
            assert_eq!(tx.find_webhook(webhook.id).await.unwrap().as_ref(), Some(webhook));
        }
        let merchant = world.merchant.id;
        assert_eq!(tx.list_webhooks(merchant, Environment::Sandbox).await.unwrap(), [plain.clone(), basic.clone()]);
        assert_eq!(tx.list_webhooks(merchant, Environment::Live).await.unwrap(), []);
        let once = [(Environment::Live, false), (Environment::Sandbox, true), (Environment::Sandbox, false)];
        for (environment, was_live) in once {
            let id = plain.id;
            assert_eq!(commit!(store, |tx| tx.disable_webhook(id, environment, now).await?), Ok(was_live));
        }
        let disabled = Webhook { disabled_at: Some(now), ..plain.clone() };
        let live = tx.list_webhooks(merchant, Environment::Sandbox).await.unwrap();
        assert_eq!(live, std::slice::from_ref(&basic));
        let every = [disabled.clone(), basic.clone()];
        assert_eq!(tx.list_every_webhook(merchant, Environment::Sandbox).await.unwrap(), every);
        assert_eq!(tx.list_every_webhook(merchant, Environment::Live).await.unwrap(), []);
        assert_eq!(tx.find_webhook(plain.id).await.unwrap(), Some(disabled));
        for (environment, was_disabled) in once {
            let id = plain.id;
            assert_eq!(commit!(store, |tx| tx.enable_webhook(id, environment).await?), Ok(was_disabled));
        }
        assert_eq!(tx.list_webhooks(merchant, Environment::Sandbox).await.unwrap(), [plain, basic]);
    })
    .await;
}

#[tokio::test]
async fn a_transfer_reads_back_with_every_outcome_and_reason() {
    on_both_databases(async |database| {
        let store = database.open().await;
        let world = World::stored(&store, 12).await;
        let charge = world.charge(None);
        commit!(store, |tx, charge| tx.insert_charge(&charge, None, None).await?).unwrap();
        let full = ReportedTransfer {
            amount: money(1, "VND"),
            booked: Booked::On(Timestamp::from_millis(-86_400_000)),
            texts: vec![AWKWARD.into(), String::new(), "b".into()],
            bank_reference: Some(AWKWARD.into()),
            end_to_end_id: Some("NOTPROVIDED".into()),
            payer_name: Some("陳大文".into()),
            payer_account: Some("012-345678-9".into()),
            reversal: true,
        };
        let bare = transfer(&world, "").reported;
        let one_empty = ReportedTransfer { texts: vec![String::new()], ..bare.clone() };
        let reasons = Reason::ALL.into_iter().zip([bare, full, one_empty].into_iter().cycle());
        for (number, (reason, reported)) in reasons.enumerate() {
            let outcome = Outcome::ALL[number % Outcome::ALL.len()];
            let charge_id: Option<ChargeId> = match outcome {
                Outcome::Matched | Outcome::Part | Outcome::Over | Outcome::Late => Some(charge.id),
                Outcome::Ambiguous | Outcome::Unmatched => None,
            };
            let fresh = transfer(&world, &format!("row:{number}:{AWKWARD}"));
            let stored = Transfer { reported, outcome, reason, charge_id, ..fresh };
            commit!(store, |tx, stored| tx.insert_transfer(&stored).await?).unwrap();
            let tx = store.reader();
            assert_eq!(tx.find_transfer(stored.id).await.unwrap().as_ref(), Some(&stored));
            let (book, identity) = (stored.book_id, &stored.identity);
            let by_report = tx.find_transfer_by_report(book, Feed::Reported, identity).await.unwrap();
            assert_eq!(by_report, Some(stored.clone()));
            assert_eq!(tx.find_transfer_by_report(book, Feed::Camt053, identity).await.unwrap(), None);
            assert_eq!(tx.find_transfer_by_report(world.id(), Feed::Reported, identity).await.unwrap(), None);
        }
        let late_and_held = Transfer { outcome: Outcome::Late, ..transfer(&world, "late") };
        commit!(store, |tx, late_and_held| tx.insert_transfer(&late_and_held).await?).unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_feed_is_offered_the_transfers_that_it_has_not_told_of_and_tells_of_each_once() {
    on_both_databases(async |database| {
        let store = database.open().await;
        let world = World::stored(&store, 14).await;
        let (day, book) = (Timestamp::from_millis(20_000 * 86_400_000), world.account.id);
        let told = |identity: &str, feed, change: fn(&mut Transfer)| {
            let mut told = Transfer { feed, ..transfer(&world, identity) };
            told.reported.booked = Booked::On(day);
            change(&mut told);
            told
        };
        let mut named = told("named", Feed::Camt054, |_| {});
        named.subject = "bagihotek".into();
        let rows = [
            told("plain", Feed::Camt054, |_| {}),
            told("own", Feed::DbsClassic, |_| {}),
            told("old", Feed::Camt054, |told| told.reported.booked = Booked::On(Timestamp::from_millis(0))),
            told("dear", Feed::Camt054, |told| told.reported.amount = money(3501, "SGD")),
            told("played", Feed::Reported, |told| told.source = "sandbox".into()),
            told("referenced", Feed::Camt054, |told| {
                told.reported.booked = Booked::On(Timestamp::from_millis(0));
                told.reported.bank_reference = Some("B1".into());
                told.reported.end_to_end_id = Some("INV-2041".into());
            }),
            named.clone(),
        ];
        for row in &rows {
            commit!(store, |tx, row| tx.insert_transfer(&row).await?).unwrap();
        }
        let offered_to = async |reported: &ReportedTransfer, subject: &str| {
            let tx = store.reader();
            let rows =
                tx.list_unreported_transfers(book, Feed::DbsClassic, reported, subject, Amounts::Silent).await.unwrap();
            rows.into_iter().map(|row| row.identity).collect::<std::collections::BTreeSet<_>>()
        };
        let offered = async |reported: &ReportedTransfer| offered_to(reported, "").await;
        let plain = rows[0].reported.clone();
        assert_eq!(offered(&plain).await, ["plain".to_owned()].into());
        let by_reference = ReportedTransfer { bank_reference: Some("B1".into()), ..plain.clone() };
        assert_eq!(offered(&by_reference).await, ["plain".to_owned(), "referenced".to_owned()].into());
        let by_id = ReportedTransfer { end_to_end_id: Some("INV-2041".into()), ..plain.clone() };
        assert_eq!(offered(&by_id).await, ["plain".to_owned(), "referenced".to_owned()].into());
        let past = Booked::On(Timestamp::from_millis(10_000 * 86_400_000));
        let later = ReportedTransfer { booked: past, ..named.reported.clone() };
        let found = offered_to(&later, &named.subject).await;
        assert_eq!(found, ["named".to_owned()].into(), "a nonce is looked for over any time");
        let found = offered_to(&named.reported, &named.subject).await;
        assert_eq!(found, ["named".to_owned(), "plain".to_owned()].into(), "a nonce may be left out");
        for (amounts, count) in [(Amounts::Propose, 2), (Amounts::Tell, 2), (Amounts::Silent, 1)] {
            let tx = store.reader();
            let rows = tx.list_unreported_transfers(book, Feed::DbsClassic, &plain, "", amounts).await.unwrap();
            assert_eq!(rows.len(), count, "{amounts:?}");
        }
        let plain = rows[0].clone();
        commit!(store, |tx, plain| tx
            .insert_transfer_report(&plain, Feed::DbsClassic, "row:1", plain.reported.booked)
            .await?)
        .unwrap();
        assert_eq!(offered(&plain.reported).await, [].into());
    })
    .await;
}

#[tokio::test]
async fn a_feed_tells_of_a_transfer_once_under_a_date_of_its_own() {
    on_both_databases(async |database| {
        let store = database.open().await;
        let world = World::stored(&store, 18).await;
        let first = transfer(&world, "first");
        commit!(store, |tx, first| tx.insert_transfer(&first).await?).unwrap();
        let booked = Booked::On(Timestamp::from_millis(20_003 * 86_400_000));
        let tell = async |feed, identity: &'static str, booked| {
            commit!(store, |tx, first| tx.insert_transfer_report(&first, feed, identity, booked).await?)
        };
        assert_eq!(tell(Feed::DbsClassic, "row:1", booked).await, Ok(()));
        assert_eq!(tell(Feed::DbsClassic, "row:2", booked).await, Err(StoreError::Conflict));
        assert_eq!(tell(Feed::Dbs2026, "row:1", Booked::Unsaid(first.received_at)).await, Ok(()));
        let tx = store.reader();
        let found = async |feed, identity| tx.find_transfer_by_report(first.book_id, feed, identity).await.unwrap();
        assert_eq!(found(first.feed, &first.identity).await.as_ref(), Some(&first));
        let mut as_told = first.clone();
        as_told.reported.booked = booked;
        assert_eq!(found(Feed::DbsClassic, "row:1").await, Some(as_told));
        assert_eq!(found(Feed::Dbs2026, "row:1").await, Some(first.clone()), "a feed without dates");
    })
    .await;
}

#[tokio::test]
async fn of_what_a_feed_told_under_one_reference_the_near_those_with_the_nonces_and_the_last_are_found() {
    on_both_databases(async |database| {
        let store = database.open().await;
        let world = World::stored(&store, 19).await;
        let day = |n: i64| Booked::On(Timestamp::from_millis((20_000 + n) * 86_400_000));
        let book = world.account.id;
        // A reference that ends like a number is another one.
        for (number, (identity, days, subject)) in (1..).zip([
            ("ref:A:1", 0, ""),
            ("ref:A:1#2", 30, "bagihotek"),
            ("ref:A:1#3", 31, ""),
            ("ref:A:1#2:1", 0, ""),
            ("ref:A:1#4", 2, ""),
            ("ref:A:1#5", 60, ""),
        ]) {
            let mut stored = transfer(&world, identity);
            stored.reported.booked = day(days);
            stored.subject = subject.into();
            commit!(store, |tx, stored| tx.insert_transfer(&stored).await?).unwrap();
            if number == 1 {
                let own = day(50);
                commit!(store, |tx, stored| tx.insert_transfer_report(&stored, Feed::Camt053, "ref:A:1", own).await?)
                    .unwrap();
            }
        }
        let found = async |feed, booked, subject: &str| {
            let reported = ReportedTransfer { booked, ..transfer(&world, "").reported };
            let rows = store.reader().list_numbered_transfers(book, feed, "ref:A:1", &reported, subject).await.unwrap();
            rows.into_iter().map(|(number, _)| number).collect::<Vec<_>>()
        };
        assert_eq!(found(Feed::Reported, day(1), "").await, [1, 4, 5]);
        assert_eq!(found(Feed::Reported, day(31), "").await, [2, 3, 5]);
        assert_eq!(found(Feed::Reported, day(1), "bagihotek").await, [1, 2, 4, 5]);
        let undated = Booked::Unsaid(Timestamp::from_millis(0));
        assert_eq!(found(Feed::Reported, undated, "").await, [1, 2, 3, 4, 5]);
        assert_eq!(found(Feed::Camt053, day(50), "").await, [1], "by the date of its own");
        assert_eq!(found(Feed::Camt054, day(0), "").await, [0; 0]);
        let tx = store.reader();
        let reported = ReportedTransfer { booked: day(50), ..transfer(&world, "").reported };
        let rows = tx.list_numbered_transfers(book, Feed::Camt053, "ref:A:1", &reported, "").await.unwrap();
        assert_eq!(rows[0].1.reported.booked, day(50));
    })
    .await;
}

#[tokio::test]
async fn a_held_transfer_learns_what_it_pays_once() {
    on_both_databases(async |database| {
        let store = database.open().await;
        let world = World::stored(&store, 15).await;
        let charge = world.charge(None);
        let held = transfer(&world, "held");
        commit!(store, |tx, charge, held| {
            tx.insert_charge(&charge, None, None).await?;
            tx.insert_transfer(&held).await?;
        })
        .unwrap();
        let mut paid = held.clone();
        (paid.reported.texts, paid.subject) = (vec!["Bagi hotek".into()], "bagihotek".into());
        (paid.outcome, paid.reason, paid.charge_id) = (Outcome::Matched, Reason::Exact, Some(charge.id));
        paid.reported.booked = Booked::On(Timestamp::from_millis(20_000 * 86_400_000));
        commit!(store, |tx, paid| tx.save_transfer(&paid).await?).unwrap();
        let stored = store.reader().find_transfer(held.id).await.unwrap();
        assert_eq!(stored, Some(paid.clone()));
        assert_eq!(commit!(store, |tx, held| tx.save_transfer(&held).await?), Err(StoreError::Conflict));
    })
    .await;
}

#[tokio::test]
async fn a_verification_is_guessed_proved_and_used_once_each() {
    on_both_databases(async |database| {
        let store = database.open().await;
        let world = World::stored(&store, 13).await;
        let (merchant, began) = (world.merchant.id, world.clock.now());
        let first = verification(&world, "+65 81234567", began);
        let later = verification(&world, "+65 81234567", began.plus(Span::seconds(1)));
        let other = verification(&world, "+65 81234568", began);
        for row in [&first, &later, &other] {
            commit!(store, |tx, row| tx.insert_verification(&row).await?).unwrap();
        }
        let list = async |merchant: MerchantId, environment, after| {
            let tx = store.reader();
            tx.list_verifications(merchant, environment, "+65 81234567", after).await.unwrap()
        };
        let before = began.minus(Span::millis(1));
        assert_eq!(list(merchant, Environment::Sandbox, before).await, [later.clone(), first.clone()]);
        assert_eq!(list(merchant, Environment::Sandbox, began).await, std::slice::from_ref(&later));
        assert_eq!(list(merchant, Environment::Live, before).await, []);
        assert_eq!(list(world.id(), Environment::Sandbox, before).await, []);
        let count = async |environment, after, most| {
            let tx = store.reader();
            tx.count_verifications(merchant, environment, after, most).await.unwrap()
        };
        for (environment, after, most, expected) in [
            (Environment::Sandbox, before, 10, 3),
            (Environment::Sandbox, before, 2, 2),
            (Environment::Sandbox, began, 10, 1),
            (Environment::Live, before, 10, 0),
        ] {
            assert_eq!(count(environment, after, most).await, expected, "{environment} {most}");
        }

        commit!(store, |tx, first| tx.count_verification_attempt(&first).await?).unwrap();
        let twice = commit!(store, |tx, first| tx.count_verification_attempt(&first).await?);
        assert_eq!(twice, Err(StoreError::Conflict));
        let (id, code, charge): (_, [u8; 32], ChargeId) = (first.id, world.entropy.bytes(), world.id());
        let guessed = Verification { attempts: 1, ..first.clone() };
        let stale = commit!(store, |tx, first| tx.save_verified(&first, &code, began).await?);
        assert_eq!(stale, Err(StoreError::Conflict), "a guess was counted meanwhile");
        commit!(store, |tx, guessed| tx.save_verified(&guessed, &code, began).await?).unwrap();
        let again = commit!(store, |tx, guessed| tx.save_verified(&guessed, &[1], began).await?);
        assert_eq!(again, Err(StoreError::Conflict));
        commit!(store, |tx| tx.save_verification_used(id, charge).await?).unwrap();
        let again = commit!(store, |tx| tx.save_verification_used(id, charge).await?);
        assert_eq!(again, Err(StoreError::Conflict));
        let used = Verification {
            attempts: 1,
            verified: Some((code.to_vec(), began)),
            charge_id: Some(charge),
            ..first.clone()
        };
        let tx = store.reader();
        assert_eq!(tx.find_verification_by_code(&code).await.unwrap(), Some(used));
        assert_eq!(tx.find_verification_by_code(&[1]).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn the_sandbox_keeps_its_messages_newest_first() {
    on_both_databases(async |database| {
        let store = database.open().await;
        let world = World::stored(&store, 14).await;
        let merchant = world.merchant.id;
        for number in 0..3 {
            let created_at = world.clock.advance(Span::millis(1));
            let body = Secret::new(format!("{number} {AWKWARD}"));
            let message = SandboxMessage { recipient: AWKWARD.into(), body, created_at };
            let id = world.id();
            commit!(store, |tx, message| tx.insert_sandbox_message(id, merchant, &message).await?).unwrap();
        }
        let tx = store.reader();
        let found = tx.list_sandbox_messages(merchant, 2).await.unwrap();
        assert_eq!(found.iter().map(|message| &message.body.reveal()[..1]).collect::<Vec<_>>(), ["2", "1"]);
        assert_eq!((found[0].recipient.as_str(), found[0].created_at), (AWKWARD, world.clock.now()));
        assert_eq!(tx.list_sandbox_messages(world.id(), 2).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn an_event_keeps_its_body_byte_for_byte() {
    on_both_databases(async |database| {
        let store = database.open().await;
        let world = World::stored(&store, 15).await;
        let charge = world.charge(None);
        let event = event(&world, &charge, 2);
        let recipient = xanpay_store::Recipient { webhook_id: None, url: AWKWARD.into() };
        let deliveries = [(world.id(), recipient.clone())];
        commit!(store, |tx, charge, event, deliveries| {
            tx.insert_charge(&charge, None, None).await?;
            tx.push_event(&event, &deliveries).await?;
        })
        .unwrap();
        let now = world.clock.now();
        let claimed = commit!(store, |tx| tx.claim_deliveries(now, now.plus(Span::minutes(1)), 10).await?).unwrap();
        let expected = xanpay_store::ClaimedDelivery {
            id: deliveries[0].0,
            event_id: event.id,
            merchant_id: event.merchant_id,
            environment: event.environment,
            recipient,
            attempts: 0,
            lane: format!("{}/callback", charge.id),
            sequence: 2,
            created_at: now,
            body: event.body,
            leased_until: now.plus(Span::minutes(1)),
        };
        assert_eq!(claimed, [expected]);
    })
    .await;
}
