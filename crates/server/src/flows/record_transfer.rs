//! An incoming transfer is reported by the API or the command line.

use super::credit::{Credited, Report, credit};
use super::events::EventSeed;
use super::idempotent::Idempotency;
use super::refusal::{FlowError, Refusal};
use crate::app::App;
use crate::entropy;
use std::sync::Arc;
use xanpay_domain::environment::Environment;
use xanpay_domain::id::TransferId;
use xanpay_domain::method::Method;
use xanpay_domain::transfer::{ReportedTransfer, Transfer};
use xanpay_rails::{AccountInput, parse_account};
use xanpay_store::{Account, Merchant, Tx};

/// How many equal transfers of one day may be reported without the bank's own id.
const MAX_OCCURRENCES: u32 = 1000;

/// A transfer to record.
#[derive(Debug, Clone)]
pub struct NewTransfer {
    /// The world of the account.
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
    let account = find_account(app, &new).await?;
    let report = Report {
        account,
        reported: new.reported,
        source: new.source,
        payee: new.merchant.as_ref().map(|merchant| merchant.id),
        id: TransferId::new(app.clock.real_now(), entropy::bytes()),
        seed: EventSeed::draw(),
        now: app.clock.now(new.environment),
        real_now: app.clock.real_now(),
    };
    let job = Arc::new((report, idempotency));
    let (credited, answer) = app
        .store
        .write(move |tx| {
            let job = Arc::clone(&job);
            async move {
                let (report, idempotency) = &*job;
                if let Some(idempotency) = idempotency {
                    idempotency.reserve(&tx, report.real_now).await?;
                }
                let identity = next_identity(&tx, report).await?;
                let credited = credit(&tx, report, identity).await?;
                let answer = render(&recorded(&credited));
                if let Some(idempotency) = idempotency {
                    idempotency.answer(&tx, &answer).await?;
                }
                Ok::<_, FlowError>((credited, answer))
            }
        })
        .await?;
    if let Some(charge) = &credited.changed {
        app.announce(charge);
    }
    Ok((recorded(&credited), answer))
}

fn recorded(credited: &Credited) -> RecordedTransfer {
    RecordedTransfer { transfer: credited.transfer.clone(), duplicate: credited.duplicate }
}

/// The bank's own id, or the first free occurrence: whoever reports without an id reports a new transfer.
async fn next_identity(tx: &Tx, report: &Report) -> Result<String, FlowError> {
    // Merchants play banks of their own: a reference that one of them invents is not another's.
    let bank = report.payee.map(|payee| format!("{payee}/")).unwrap_or_default();
    if report.reported.bank_reference.is_some() {
        return Ok(format!("{bank}{}", report.reported.identity(1)));
    }
    for occurrence in 1..=MAX_OCCURRENCES {
        let identity = format!("{bank}{}", report.reported.identity(occurrence));
        if tx.find_transfer_by_identity(report.account.id, &identity).await?.is_none() {
            return Ok(identity);
        }
    }
    let message = "is required: very many equal transfers without one were reported for this day";
    Err(Refusal::field("bankReference", "missing_field", message).into())
}

async fn find_account(app: &App, new: &NewTransfer) -> Result<Account, FlowError> {
    let tx = app.store.reader().await?;
    let accounts = tx.list_accounts(new.environment).await?;
    let owner_fits = |account: &Account| match (&new.merchant, account.merchant_id) {
        (Some(merchant), Some(owner)) => owner == merchant.id,
        (Some(_) | None, _) => true,
    };
    let named = accounts.into_iter().find(|account| {
        new.method.is_none_or(|method| method == account.method)
            && is_named(account, &new.account)
            && owner_fits(account)
    });
    named.ok_or_else(|| {
        Refusal::field("account", "account_unknown", "is no receiving account of this environment").into()
    })
}

/// Whether a text names an account: as configured, in another spelling of its rail, or as its bank's statements do.
pub(super) fn is_named(account: &Account, text: &str) -> bool {
    let squeeze = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_uppercase();
    let wanted = squeeze(text);
    if wanted.is_empty() {
        return false;
    }
    let input = AccountInput { account: text, name: Some("x"), bank: Some(&account.bank), ..AccountInput::default() };
    account.account == text
        || squeeze(&account.account) == wanted
        || account.statement_account.as_deref().map(squeeze) == Some(wanted)
        || parse_account(account.method, &input).is_ok_and(|(parsed, _)| parsed.account == account.account)
}
