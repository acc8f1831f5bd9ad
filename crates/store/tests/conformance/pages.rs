//! Lists are pages in a fixed order, and due work comes oldest first.

use crate::samples::transfer;
use xanpay_domain::charge::{Charge, ChargeState};
use xanpay_domain::environment::Environment;
use xanpay_domain::id::{Id, TransferId};
use xanpay_domain::time::{Span, Timestamp};
use xanpay_store::{Account, Merchant};
use xanpay_testkit::{World, commit, on_both_databases};

#[tokio::test]
async fn pages_of_transfers_give_each_of_the_environment_once_newest_first() {
    on_both_databases(async |database| {
        let store = database.open().await;
        let world = World::stored(&store, 1).await;
        let live = Account { id: world.id(), environment: Environment::Live, ..world.account.clone() };
        commit!(store, |tx, live| tx.insert_account(&live).await?).unwrap();
        let mut expected: Vec<(Timestamp, TransferId)> = Vec::new();
        for number in 0..25 {
            // Several to a second, now and then two to an instant.
            world.clock.advance(Span::millis(i64::from(number % 3 > 0)));
            let mut row = transfer(&world, &format!("ref:{number}"));
            if number % 5 == 4 {
                row.account_id = live.id;
            } else {
                expected.push((row.received_at, row.id));
            }
            commit!(store, |tx, row| tx.insert_transfer(&row).await?).unwrap();
        }
        expected.sort_unstable_by(|a, b| b.cmp(a));
        let tx = store.reader();
        let (mut found, mut before) = (Vec::new(), None);
        loop {
            let page = tx.list_transfers(Environment::Sandbox, before, 7).await.unwrap().unwrap();
            found.extend(page.iter().map(|row| (row.received_at, row.id)));
            let Some(last) = page.last() else { break };
            assert!(page.len() == 7 || found.len() == 20);
            before = Some(last.id);
        }
        assert_eq!(found, expected);
        let live = tx.list_transfers(Environment::Live, None, 100).await.unwrap().unwrap();
        assert_eq!(live.len(), 5);
        let foreign = tx.list_transfers(Environment::Sandbox, Some(live[0].id), 7).await.unwrap();
        assert_eq!(foreign, None, "a transfer of another environment is no place in this one");
    })
    .await;
}

#[tokio::test]
async fn pages_of_merchants_give_each_of_the_environment_once() {
    on_both_databases(async |database| {
        let store = database.open().await;
        let world = World::new(2);
        let now = world.clock.now();
        let mut expected = Vec::new();
        for number in 0..9 {
            let environment = if number % 3 == 2 { Environment::Live } else { Environment::Sandbox };
            let merchant = Merchant { id: world.id(), environment, ..world.merchant.clone() };
            commit!(store, |tx, merchant| tx.insert_merchant(&merchant, now).await?).unwrap();
            if environment == Environment::Sandbox {
                expected.push(merchant.id);
            }
        }
        expected.sort_unstable();
        let tx = store.reader();
        let (mut found, mut after) = (Vec::new(), String::new());
        loop {
            let page = tx.list_merchants(Environment::Sandbox, &after, 4).await.unwrap();
            found.extend(page.iter().map(|merchant| merchant.id));
            let Some(last) = page.last() else { break };
            after = last.id.to_text();
        }
        assert_eq!(found, expected);
    })
    .await;
}

#[tokio::test]
async fn due_charges_are_the_pending_ones_past_their_deadline_oldest_first_and_make_their_account_due() {
    on_both_databases(async |database| {
        let store = database.open().await;
        let world = World::stored(&store, 3).await;
        let (now, account) = (world.clock.now(), world.account.id);
        let mut due = Vec::new();
        for minutes in [5, 3, 1, 0, -1] {
            let expires_at = now.minus(Span::minutes(minutes));
            let charge = Charge { expires_at, ..world.charge(None) };
            let closed = Charge { state: ChargeState::Expired { expired_at: expires_at }, ..world.charge(None) };
            let closed = Charge { expires_at, ..closed };
            commit!(store, |tx, charge, closed| {
                tx.insert_charge(&charge, None, None).await?;
                tx.insert_charge(&closed, None, None).await?
            })
            .unwrap();
            due.push(charge.id);
        }
        due.truncate(4);
        let tx = store.reader();
        assert_eq!(tx.list_due_charges(account, now, 10, 0).await.unwrap(), due);
        assert_eq!(tx.list_due_charges(account, now, 2, 0).await.unwrap(), due[..2]);
        assert_eq!(tx.list_due_charges(account, now, 2, 1).await.unwrap(), due[1..3]);
        assert_eq!(tx.list_due_charges(account, now, 2, 4).await.unwrap(), []);
        assert_eq!(tx.list_due_charges(Id::parse(&"0".repeat(24)).unwrap(), now, 10, 0).await.unwrap(), []);
        for (earlier, expected) in [(0, vec![Ok(account)]), (5 * 60_000, vec![Ok(account)]), (5 * 60_000 + 1, vec![])] {
            let at = now.minus(Span::millis(earlier));
            assert_eq!(tx.list_due_accounts(world.merchant.environment, at).await.unwrap(), expected, "{earlier}");
        }
        assert_eq!(tx.list_due_accounts(Environment::Live, now).await.unwrap(), []);
        for (limit, counted) in [(10, 5), (5, 5), (4, 4)] {
            assert_eq!(tx.count_pending_charges(account, limit).await.unwrap(), counted);
        }
    })
    .await;
}
