//! Placing a charge: account, nonce and payment instructions, until one combination is free.

use super::book::{Book, is_in};
use super::quote::Offer;
use super::refusal::{FlowError, Kind, Refusal};
use crate::directory::KnownAccount;
use crate::entropy;
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use xanpay_domain::charge::{Charge, Destination, LATE_GRACE};
use xanpay_domain::id::AccountId;
use xanpay_domain::matching::Policy;
use xanpay_domain::method::Method;
use xanpay_domain::money::Money;
use xanpay_domain::nonce::{Nonce, Strength};
use xanpay_domain::time::{Span, Timestamp};
use xanpay_rails::{PaymentRequest, payload, rail};
use xanpay_store::{AmountSteps, Claim, Fingerprint, StoreError, Tx};

/// Nonces drawn for one charge. The first ones keep the larger distance of equal amounts, the rest the smaller one; when
/// all are taken, the account's words of 60 days are nearly used up.
const STRONG_DRAWS: usize = 2;
const PLAIN_DRAWS: usize = 10;
/// How often more is drawn from the last of them, as a short nonce has few words.
const MORE_DRAWS: u8 = 64;
/// How many steps a unique amount may be above the amount asked.
const MAX_STEPS: i64 = 999;
/// How many of them are looked at first: as a rule one is free.
const FIRST_STEPS: usize = 16;
/// How long the amount of a paid charge is not asked of another customer where several feeds tell of the account's money:
/// so late another one may date the same payment, in whatever time zone.
const TOLD_AGAIN_WITHIN: Span = Span::hours(4 * 24 + 36);
/// How long it is not where one feed tells of all: so late a customer presses "pay" again.
const PAID_AGAIN_WITHIN: Span = Span::hours(1);

/// Randomness of a placement, drawn before the transaction begins.
pub(super) type NonceSeeds = [[u8; 16]; STRONG_DRAWS + PLAIN_DRAWS];

/// Draws the randomness of a placement.
pub(super) fn draw_seeds() -> NonceSeeds {
    std::array::from_fn(|_| entropy::bytes())
}

/// The seeds of all draws, one after another.
fn all_draws(seeds: &NonceSeeds) -> impl Iterator<Item = [u8; 16]> {
    let more = |turn| {
        let digest = Sha256::new().chain_update(seeds[seeds.len() - 1]).chain_update([turn]).finalize();
        std::array::from_fn(|place| digest[place])
    };
    seeds.iter().copied().chain((0..MORE_DRAWS).map(more))
}

/// How an attempt to place a charge ended.
pub(super) enum Placed {
    /// The charge is stored.
    Stored(Box<Charge>),
    /// Something that is unique is taken: its session or its fingerprint, or every nonce that was drawn.
    Taken,
    /// No account has room.
    Full,
}

/// The refusal of a charge that no account has room for.
pub(super) fn accounts_full(method: Method) -> Refusal {
    let detail =
        format!("no receiving account of {method} has room for another charge of this amount; add one, or wait");
    Refusal::new(Kind::Unavailable, "accounts_full", detail)
}

/// Inserts a charge on the first account with room: the one that `asking` makes for an amount at a destination.
pub(super) async fn place(
    tx: &Tx,
    offer: &Offer,
    now: Timestamp,
    seeds: &NonceSeeds,
    fingerprint: Option<&Fingerprint>,
    asking: impl Fn(Money, Destination) -> Charge,
) -> Result<Placed, FlowError> {
    let length = rail(offer.method).nonce_length;
    // An account to itself that another customer may still pay to is given away last.
    let spared = offer.accounts.iter().map(|account| (account, true));
    let accounts: Vec<_> = spared.chain(offer.accounts.iter().map(|account| (account, false))).collect();
    for (account, is_spared) in accounts {
        let Some((amount, claim)) = room(tx, account, offer, now, is_spared).await? else { continue };
        for (turn, seed) in all_draws(seeds).enumerate() {
            let strength = if turn < STRONG_DRAWS { Strength::PerAmount } else { Strength::Plain };
            let Some(nonce) = Nonce::draw(seed, length, amount.minor(), strength) else {
                continue;
            };
            if is_taken_beside(tx, account, &nonce).await? {
                continue;
            }
            let charge = Box::new(asking(amount, destination(account, amount, &nonce)?));
            if tx.insert_charge(&charge, fingerprint, claim).await? {
                return Ok(Placed::Stored(charge));
            }
            // A taken nonce wants another draw; anything else that is taken will stay so.
            if tx.find_charge_id_by_nonce(account.row.id, &charge.destination.nonce).await?.is_none() {
                return Ok(Placed::Taken);
            }
        }
    }
    Ok(Placed::Full)
}

/// Whether a charge on another name of the bank account holds a nonce: a statement could not tell the two apart.
async fn is_taken_beside(tx: &Tx, account: &KnownAccount, nonce: &Nonce) -> Result<bool, StoreError> {
    if account.siblings.is_empty() {
        return Ok(false);
    }
    let held = tx.list_charges_by_nonce(nonce.as_str()).await?;
    Ok(held.iter().any(|(holder, _)| account.siblings.contains(holder)))
}

/// The amount to ask on an account, and what the charge then claims. Nothing when the account has no room; nor, if it
/// `is_spared`, while a charge that closed unpaid on an account to itself may still be paid.
async fn room(
    tx: &Tx,
    account: &KnownAccount,
    offer: &Offer,
    now: Timestamp,
    is_spared: bool,
) -> Result<Option<(Money, Option<Claim>)>, FlowError> {
    match account.row.policy {
        Policy::Nonce => Ok(Some((offer.customer_amount, None))),
        Policy::VirtualAccount => {
            let claim = Claim { minor: 0, book: None };
            let id = account.row.id;
            let is_free = tx.find_charge_id_by_claim(id, claim.minor).await?.is_none()
                && !(is_spared && may_still_be_paid(tx, id, offer.customer_amount, now).await?);
            Ok(is_free.then_some((offer.customer_amount, Some(claim))))
        }
        Policy::UniqueAmount => {
            // Read here and not remembered, as another name of the bank account may just have been added.
            let accounts: Vec<_> = tx.list_accounts(account.row.environment).await?.into_iter().flatten().collect();
            let book = Book::of_account(&accounts, &account.row);
            let free = free_amount(tx, &book, offer, now).await?;
            Ok(free.map(|amount| (amount, Some(Claim { minor: amount.minor(), book: Some(book.id) }))))
        }
    }
}

/// Whether somebody may still pay this amount to an account to itself: for a charge that has closed unpaid, or once more.
async fn may_still_be_paid(tx: &Tx, account: AccountId, amount: Money, now: Timestamp) -> Result<bool, StoreError> {
    let unpaid = tx.list_unpaid_asking(account, amount.minor(), now.minus(LATE_GRACE), 1).await?;
    let any = AmountSteps { from_minor: 0, until_minor: 0, step_minor: 1 };
    let paid = tx.list_amounts_closed(account, any, now, now.minus(PAID_AGAIN_WITHIN)).await?;
    Ok(!unpaid.is_empty() || !paid.is_empty())
}

/// The amount to ask where amounts tell payments apart: the quoted one, or the nearest one above it that no pending charge
/// of the bank account asks, and while there is one, none whose money may still come or be told of again.
async fn free_amount(tx: &Tx, book: &Book, offer: &Offer, now: Timestamp) -> Result<Option<Money>, FlowError> {
    let amount = offer.customer_amount;
    let currency = amount.currency();
    let step = 10_i64.pow(currency.exponent().saturating_sub(offer.method.payable_exponent()));
    let accounts = || book.accounts.iter().filter(|account| is_in(account, currency));
    let mut taken = HashSet::new();
    for account in accounts() {
        let highest = amount.minor().saturating_add(MAX_STEPS * step);
        taken.extend(tx.list_amounts_asked(account.id, amount.minor(), highest).await?);
    }
    let steps = (0..=MAX_STEPS).map(|n| amount.minor() + n * step);
    // A step past the limit could be asked for and not be paid.
    let free: Vec<Money> = steps
        .filter(|minor| !taken.contains(minor))
        .filter_map(|minor| Money::from_minor(minor, currency).ok())
        .take_while(|amount| offer.terms.check(*amount).is_ok())
        .collect();
    let again = if tx.has_several_feeds(book.id).await? { TOLD_AGAIN_WITHIN } else { PAID_AGAIN_WITHIN };
    let (first, rest) = free.split_at(free.len().min(FIRST_STEPS));
    for steps in [first, rest] {
        let (Some(lowest), Some(highest)) = (steps.first(), steps.last()) else { continue };
        let range = AmountSteps { from_minor: lowest.minor(), until_minor: highest.minor(), step_minor: step };
        let mut shunned = HashSet::new();
        for account in accounts() {
            let (unpaid_since, paid_since) = (now.minus(LATE_GRACE), now.minus(again));
            shunned.extend(tx.list_amounts_closed(account.id, range, unpaid_since, paid_since).await?);
        }
        if let Some(amount) = steps.iter().find(|amount| !shunned.contains(&amount.minor())) {
            return Ok(Some(*amount));
        }
    }
    Ok(free.first().copied())
}

/// A nonce as a rail carries it.
pub(super) fn spell(method: Method, nonce: &Nonce) -> String {
    let upper = rail(method).reference.upper_case;
    if upper { nonce.as_str().to_ascii_uppercase() } else { nonce.as_str().to_owned() }
}

/// What the payer is told. The QR carries the charge's own amount and nonce; in sandbox its payee cannot exist.
fn destination(account: &KnownAccount, amount: Money, nonce: &Nonce) -> Result<Destination, FlowError> {
    let nonce = spell(account.row.method, nonce);
    let request = PaymentRequest { amount, reference: &nonce };
    let qr_code = payload(&account.rail, &request, account.row.environment).map_err(|error| {
        Refusal::field("method", "method_unavailable", format!("cannot carry this charge: {error}"))
    })?;
    Ok(Destination {
        account_id: account.row.id,
        account: account.row.account.clone(),
        account_name: account.row.account_name.clone(),
        bank: account.row.bank.clone(),
        nonce,
        qr_code: qr_code.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use xanpay_rails::{AccountInput, parse_account};
    use xanpay_store::{Account, Store};
    use xanpay_testkit::{Database, World, commit};

    /// An offer on the world's only account, which takes a method with and one without capitals.
    fn offer_of(world: &World, method: Method, account: &str) -> Offer {
        let row = Account { method, account: account.into(), ..world.account.clone() };
        let input = AccountInput { account, name: Some("ACME STORE"), ..AccountInput::default() };
        let (known, _) = parse_account(method, &input).unwrap();
        let customer_amount = Money::from_minor(10_000, method.currency()).unwrap();
        let terms = rail(method).usual_terms();
        Offer {
            method,
            customer_amount,
            rate: None,
            accounts: vec![KnownAccount::new(row, known, Vec::new(), 0)],
            terms,
        }
    }

    /// Places a charge of the world and tells its nonce.
    async fn placed_nonce(store: &Store, world: &World, offer: &Offer, seeds: NonceSeeds) -> String {
        let (charge, offer) = (world.charge(None), offer.clone());
        let nonce = commit!(store, |tx, charge, offer| {
            let asking = |customer_amount, destination| Charge { customer_amount, destination, ..charge.clone() };
            match place(&tx, &offer, charge.created_at, &seeds, None, asking).await {
                Ok(Placed::Stored(charge)) => Some(charge.destination.nonce),
                _ => None,
            }
        });
        nonce.unwrap().expect("a nonce is free")
    }

    #[tokio::test]
    async fn a_taken_nonce_is_drawn_again_however_its_rail_spells_it() {
        let database = Database::sqlite();
        let store = database.open().await;
        for (seed, method, account) in [(1, Method::Paynow, "+6585867834"), (2, Method::PromptPay, "0812345678")] {
            let world = World::stored(&store, seed).await;
            let offer = offer_of(&world, method, account);
            let seeds = draw_seeds();
            let mut nonces = Vec::new();
            for _ in 0..4 {
                nonces.push(placed_nonce(&store, &world, &offer, seeds).await);
            }
            nonces.sort_unstable();
            nonces.dedup();
            assert_eq!(nonces.len(), 4, "{method}: {nonces:?}");
        }
    }

    #[tokio::test]
    async fn a_nonce_that_another_name_of_the_bank_account_holds_is_drawn_again() {
        let database = Database::sqlite();
        let store = database.open().await;
        let (first, second) = (World::stored(&store, 3).await, World::stored(&store, 4).await);
        let seeds = draw_seeds();
        let place_on = async |world: &World, siblings: Vec<AccountId>| {
            let mut offer = offer_of(world, Method::Paynow, "+6585867834");
            offer.accounts[0].siblings = siblings;
            placed_nonce(&store, world, &offer, seeds).await
        };
        let held = place_on(&first, Vec::new()).await;
        assert_ne!(place_on(&second, vec![first.account.id]).await, held);
        assert_eq!(place_on(&second, Vec::new()).await, held, "elsewhere it would do");
    }

    #[test]
    fn draws_go_on_with_other_seeds_when_the_first_are_used_up() {
        let seeds = draw_seeds();
        let all: Vec<_> = all_draws(&seeds).collect();
        assert_eq!(&all[..seeds.len()], &seeds);
        let different: HashSet<_> = all.iter().collect();
        assert_eq!((all.len(), different.len()), (seeds.len() + usize::from(MORE_DRAWS), all.len()));
    }
}
