//! An incoming transfer is reported by the API or the command line.

use super::book::{Book, all_accounts};
use super::credit::{Credited, Report, credit};
use super::events::EventSeed;
use super::idempotent::Idempotency;
use super::refusal::FlowError;
use crate::app::App;
use crate::entropy;
use std::sync::Arc;
use xanpay_domain::environment::Environment;
use xanpay_domain::id::TransferId;
use xanpay_domain::linking::Feed;
use xanpay_domain::method::Method;
use xanpay_domain::transfer::{ReportedTransfer, Transfer};
use xanpay_store::{Account, Merchant};

/// A transfer to record.
#[derive(Debug, Clone)]
pub struct NewTransfer {
    /// The environment of the account.
    pub environment: Environment,
    /// The method that uses the account; when absent, any method's account of that name.
    pub method: Option<Method>,
    /// The receiving account, as configured or as the bank names it.
    pub account: String,
    /// What was reported.
    pub reported: ReportedTransfer,
    /// Where the report comes from.
    pub source: &'static str,
    /// The only merchant whose charges it may pay: sandbox transfers of a merchant are its own.
    pub merchant: Option<Arc<Merchant>>,
}

/// A recorded transfer.
#[derive(Debug, Clone)]
pub struct RecordedTransfer {
    /// The transfer with its outcome.
    pub transfer: Transfer,
    /// Whether it was already known.
    pub duplicate: bool,
}

/// Records a transfer and credits the charge that it names. The same transfer again changes nothing.
///
/// # Errors
/// A refusal when the account is not known.
pub async fn record_transfer(
    app: &App,
    new: NewTransfer,
    idempotency: Option<Idempotency>,
    render: fn(&RecordedTransfer) -> String,
) -> Result<(RecordedTransfer, String), FlowError> {
    let book = find_book(app, &new).await?;
    let report = Report {
        book: Arc::new(book),
        reported: new.reported,
        undivided: false,
        source: new.source,
        feed: Feed::Reported,
        number: None,
        beside: Vec::new(),
        payee: new.merchant.as_ref().map(|merchant| merchant.id),
        id: TransferId::new(app.clock.real_now(), entropy::bytes()),
        seed: EventSeed::draw(),
        now: app.clock.now(new.environment),
        real_now: app.clock.real_now(),
    };
    let (recorded, changed, answer) = app
        .store
        .write_with((report, idempotency), move |tx, job| async move {
            let (report, idempotency) = &*job;
            if let Some(idempotency) = idempotency {
                idempotency.reserve(&tx, report.real_now).await?;
            }
            let Credited { transfer, duplicate, changed, judged: _ } = credit(&tx, report).await?;
            let recorded = RecordedTransfer { transfer, duplicate };
            let answer = render(&recorded);
            if let Some(idempotency) = idempotency {
                idempotency.answer(&tx, &answer).await?;
            }
            Ok::<_, FlowError>((recorded, changed, answer))
        })
        .await?;
    if let Some(charge) = &changed {
        app.announce(charge);
    }
    Ok((recorded, answer))
}

async fn find_book(app: &App, new: &NewTransfer) -> Result<Book, FlowError> {
    let accounts = all_accounts(app, new.environment).await?;
    let owner_fits = |account: &Account| match (&new.merchant, account.merchant_id) {
        (Some(merchant), Some(owner)) => owner == merchant.id,
        (Some(_) | None, _) => true,
    };
    let is_meant = |account: &Account| new.method.is_none_or(|method| method == account.method) && owner_fits(account);
    let books = Book::of_report(&accounts, &new.account, is_meant);
    Ok(Book::of_payment(&books, new.reported.amount.currency())?.clone())
}
