//! Single steps by their CPU time, on one thread.

use crate::Failure;
use crate::process::thread_cpu;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use xanpay_domain::environment::Environment;
use xanpay_domain::method::Method;
use xanpay_domain::money::Money;
use xanpay_domain::nonce::{Nonce, NonceLength, Strength};
use xanpay_rails::{AccountInput, PaymentRequest, ReceivingAccount, parse_account, payload, qr_svg};
use xanpay_server::entropy;
use xanpay_store::{Store, StoreError};

/// Payable charges on the account whose nonces are allocated.
const PAYABLE: usize = 10_000;
/// Charges written per transaction while the account is filled.
const BATCH: usize = 500;
/// Runs of each step.
const RUNS: u32 = 2000;

/// CPU time of single steps, in microseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Micro {
    /// Drawing a nonce and asking whether the account has it, until it is free.
    pub(crate) nonce_us: f64,
    /// The text of a QR.
    pub(crate) payload_us: f64,
    /// Its matrix and SVG.
    pub(crate) qr_us: f64,
}

/// Measures the steps; makes a database in `directory`.
pub(crate) async fn measure(directory: &Path) -> Result<Micro, Failure> {
    let input = AccountInput {
        account: "+6581234567",
        name: Some("LANTERN BOOKS PTE LTD"),
        bank: None,
        template: None,
        template_as_issued: false,
    };
    let (account, _) = parse_account(Method::Paynow, &input).map_err(|fault| fault.message.to_string())?;
    let amount = Money::from_minor(2624, Method::Paynow.currency())?;
    let text = || qr_text(&account, amount);
    let code = text()?;
    let payload_us = each(RUNS, || black_box(text()).map(drop))?;
    let qr_us = each(RUNS, || Ok(black_box(qr_svg(black_box(&code))).map(drop)?))?;
    Ok(Micro { nonce_us: nonces(directory, amount).await?, payload_us, qr_us })
}

fn qr_text(account: &ReceivingAccount, amount: Money) -> Result<String, Failure> {
    let request = PaymentRequest { amount: black_box(amount), reference: "ruzagepit" };
    Ok(payload(account, &request, Environment::Live)?.ok_or("PayNow has a QR")?)
}

fn each(runs: u32, mut step: impl FnMut() -> Result<(), Failure>) -> Result<f64, Failure> {
    // The first runs pay for caches.
    for _ in 0..runs / 10 {
        step()?;
    }
    let begun = thread_cpu()?;
    for _ in 0..runs {
        step()?;
    }
    Ok((thread_cpu()? - begun) as f64 / f64::from(runs) / 1000.0)
}

/// Fills an account with payable charges of one amount, the hardest case, then allocates further nonces. Reading on
/// SQLite happens on the calling thread, so that its CPU time is all of it.
async fn nonces(directory: &Path, amount: Money) -> Result<f64, Failure> {
    std::fs::create_dir_all(directory)?;
    let store = Store::open_sqlite(&directory.join("xanpay.db"))?;
    let world = Arc::new(xanpay_testkit::World::stored(&store, 1).await);
    let mut taken = 0;
    while taken < PAYABLE {
        let charges: Vec<_> = (0..BATCH)
            .map(|_| {
                let mut charge = world.charge(None);
                charge.destination.nonce = draw(amount, Strength::Plain);
                charge
            })
            .collect();
        let charges = Arc::new(charges);
        taken += store
            .write(move |tx| {
                let charges = Arc::clone(&charges);
                async move {
                    let mut added = 0;
                    for charge in charges.iter() {
                        added += usize::from(tx.insert_charge(charge, None, None).await?);
                    }
                    Ok::<_, StoreError>(added)
                }
            })
            .await?;
    }
    let account = world.account.id;
    let mut begun = thread_cpu()?;
    for run in 0..RUNS + RUNS / 10 {
        if run == RUNS / 10 {
            begun = thread_cpu()?;
        }
        let tx = store.reader();
        while tx.find_charge_id_by_nonce(account, &draw(amount, Strength::PerAmount)).await?.is_some() {}
    }
    let spent = thread_cpu()? - begun;
    store.close();
    Ok(spent as f64 / f64::from(RUNS) / 1000.0)
}

/// Draws until the word is decent.
fn draw(amount: Money, strength: Strength) -> String {
    loop {
        if let Some(nonce) = Nonce::draw(entropy::bytes(), NonceLength::DEFAULT, amount.minor(), strength) {
            return nonce.as_str().to_owned();
        }
    }
}
