//! A bank's statement file is read, and every credit in it recorded.

use super::book::{Book, all_accounts, squeeze, unknown_account};
use super::credit::{Credited, Report, credit};
use super::events::EventSeed;
use super::imported_file::{ImportedFile, payments};
use super::refusal::{FlowError, Refusal};
use crate::app::App;
use crate::entropy;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::task::JoinSet;
use xanpay_domain::currency::Currency;
use xanpay_domain::environment::Environment;
use xanpay_domain::id::{AccountId, TransferId, to_hex};
use xanpay_domain::linking::Feed;
use xanpay_domain::matching::{Evidence, mentions};
use xanpay_domain::time::{Span, Timestamp};
use xanpay_domain::transfer::{Booked, ReportedTransfer};
use xanpay_statements::{File, FormatChoice, Options, Payment};
use xanpay_store::{Account, StoreError};

/// The most payments on their way to the database at once: as many as share a commit, and not all that it has room for.
const MAX_IN_FLIGHT: usize = 128;

/// How a file is to be read.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// The world of the receiving accounts.
    pub environment: Environment,
    /// The receiving account, where the file does not name one that is known.
    pub account: Option<String>,
    /// The format, or to find out.
    pub format: FormatChoice,
    /// The bank's profile of a CSV file.
    pub profile: Option<String>,
    /// The currency of a CSV file that does not name it.
    pub currency: Option<Currency>,
    /// Whether to read and count only.
    pub dry_run: bool,
}

impl ImportOptions {
    /// A file that says everything itself.
    #[must_use]
    pub fn new(environment: Environment) -> Self {
        Self { environment, account: None, format: FormatChoice::Auto, profile: None, currency: None, dry_run: false }
    }
}

/// Reads one file and records the booked credits in it. Importing the same or overlapping data again changes nothing.
///
/// # Errors
/// A refusal when the file cannot be read or its account is not known.
pub async fn import_statement(
    app: &Arc<App>,
    name: &str,
    bytes: &[u8],
    options: &ImportOptions,
) -> Result<ImportedFile, FlowError> {
    let reading = Options {
        format: options.format,
        profile: options.profile.as_deref(),
        currency: options.currency,
        ..Options::default()
    };
    let file = xanpay_statements::read(bytes, &reading)
        .map_err(|error| Refusal::field("", error.code, error.message.into_owned()))?;
    let mut report = ImportedFile::count(name, &file);
    if options.dry_run {
        return Ok(report);
    }
    let accounts = all_accounts(app, options.environment).await?;
    // All accounts first: a file that cannot be stored whole is not stored in part.
    let books = books(&accounts, &file, options)?;
    let lanes = lanes(&file, &books, app.clock.now(options.environment))?;
    let feed =
        feed(&file).ok_or_else(|| Refusal::field("", "format_unknown", "the file is of a format without a feed"))?;
    record(app, lanes, options.environment, feed, &mut report).await?;
    Ok(report)
}

/// The bank accounts that each statement can be about: those that the file names, if it is known, else those that the
/// caller names.
fn books(accounts: &[Account], file: &File, options: &ImportOptions) -> Result<Vec<Vec<Book>>, Refusal> {
    let named = |name: &str| Some(Book::of_statement(accounts, name)).filter(|books| !books.is_empty());
    let from_caller = match &options.account {
        Some(account) => Some(
            named(account)
                .ok_or_else(|| unknown_account(format!("{account} is no receiving account of this environment")))?,
        ),
        None => None,
    };
    let from_file: Vec<_> =
        file.statements.iter().map(|statement| statement.account.as_deref().and_then(named)).collect();
    if let (Some(account), Some(meant)) = (&options.account, &from_caller) {
        check_names(account, meant, file, &from_file)?;
    }
    let books = file.statements.iter().zip(from_file).map(|(statement, known)| {
        known.or_else(|| from_caller.clone()).ok_or_else(|| {
            unknown_account(match &statement.account {
                Some(account) => format!("is needed, as the file's own account {account} is no receiving account"),
                None => "is needed, as the file does not name its account".to_owned(),
            })
        })
    });
    books.collect()
}

/// Whether a file can be about the account that the caller names. The name by which a bank knows the account need not be
/// known here, so that one unknown name may be meant; where the file has another name besides, nobody can say.
fn check_names(account: &str, meant: &[Book], file: &File, from_file: &[Option<Vec<Book>>]) -> Result<(), Refusal> {
    let (mut names, mut squeezed): (Vec<&str>, Vec<String>) = (Vec::new(), Vec::new());
    let mut is_other = false;
    let mut is_stranger = false;
    for (statement, known) in file.statements.iter().zip(from_file) {
        let Some(name) = statement.account.as_deref() else { continue };
        let is_meant = |book: &Book| meant.iter().any(|meant| meant.id == book.id);
        is_other |= known.as_ref().is_some_and(|books| !books.iter().any(is_meant));
        is_stranger |= known.is_none();
        if !squeezed.contains(&squeeze(name)) {
            squeezed.push(squeeze(name));
            names.push(name);
        }
    }
    let list = names.join(", ");
    match names.len() {
        2.. if is_other || is_stranger => {
            Err(unknown_account(format!("names {account}, but the file is about several accounts: {list}")))
        }
        1 if is_other => Err(unknown_account(format!("names {account}, but the file is about {list}"))),
        _ => Ok(()),
    }
}

/// Which feed a file belongs to: overlapping files of one format tell of the same payments in the same way.
fn feed(file: &File) -> Option<Feed> {
    Feed::named(file.profile.unwrap_or(file.format.as_str()))
}

/// A payment to record.
struct Item {
    book: Book,
    reported: ReportedTransfer,
    undivided: bool,
    occurrence: u32,
}

/// The payments of a file that brought money, in lanes: those that may be about the same charge or the same transfer are
/// in one lane, in the file's order.
fn lanes(file: &File, books: &[Vec<Book>], now: Timestamp) -> Result<Vec<Vec<Item>>, Refusal> {
    let mut lanes: Vec<Vec<Item>> = Vec::new();
    let mut places: HashMap<(AccountId, String), usize> = HashMap::new();
    // Rows without a reference are numbered through the file. A reference that comes again in another statement of the
    // file is the same booking, as cumulative reports repeat them; in the same statement it is another one.
    let mut rows: HashMap<(AccountId, String), u32> = HashMap::new();
    for (statement, books) in file.statements.iter().zip(books) {
        let mut references: HashMap<(AccountId, String), u32> = HashMap::new();
        for payment in statement.entries.iter().flat_map(payments) {
            let undivided = payment.undivided;
            let reported = reported(payment, now);
            let book = Book::of_payment(books, reported.amount.currency())?;
            let counted = if reported.bank_reference.is_some() { &mut references } else { &mut rows };
            let occurrence = counted.entry((book.id, reported.fingerprint())).or_insert(0);
            *occurrence += 1;
            let mut keys: Vec<String> = mentions(&reported.references()).iter().map(|m| m.nonce.to_string()).collect();
            if keys.is_empty() {
                keys.push(reported.amount.to_decimal());
            }
            let known = keys.iter().find_map(|key| places.get(&(book.id, key.clone())).copied());
            let place = known.unwrap_or(lanes.len());
            if known.is_none() {
                lanes.push(Vec::new());
            }
            places.extend(keys.into_iter().map(|key| ((book.id, key), place)));
            lanes[place].push(Item { book: book.clone(), occurrence: *occurrence, reported, undivided });
        }
    }
    Ok(lanes)
}

/// Records all payments, each in a transaction of its own. Many are on their way at once, so that they share commits.
async fn record(
    app: &Arc<App>,
    lanes: Vec<Vec<Item>>,
    environment: Environment,
    feed: Feed,
    report: &mut ImportedFile,
) -> Result<(), FlowError> {
    let mut waiting = lanes.into_iter();
    let mut running: JoinSet<Result<Vec<Credited>, FlowError>> = JoinSet::new();
    let mut failure = None;
    loop {
        while failure.is_none()
            && running.len() < MAX_IN_FLIGHT
            && let Some(lane) = waiting.next()
        {
            running.spawn(record_lane(Arc::clone(app), lane, environment, feed));
        }
        match running.join_next().await {
            None => break,
            Some(Ok(Ok(credited))) => credited.iter().for_each(|credited| report.add(credited)),
            Some(Ok(Err(error))) => failure = failure.or(Some(error)),
            Some(Err(_)) => {
                let error = StoreError::Driver("the recording of a payment ended before its time".into());
                failure = failure.or(Some(error.into()));
            }
        }
    }
    failure.map_or(Ok(()), Err)
}

/// Records the payments of a lane one after another.
async fn record_lane(
    app: Arc<App>,
    lane: Vec<Item>,
    environment: Environment,
    feed: Feed,
) -> Result<Vec<Credited>, FlowError> {
    let mut done = Vec::with_capacity(lane.len());
    for item in lane {
        let job = Arc::new(Report {
            book: item.book,
            reported: item.reported,
            undivided: item.undivided,
            source: "statement",
            feed,
            occurrence: Some(item.occurrence),
            payee: None,
            id: TransferId::new(app.clock.real_now(), entropy::bytes()),
            seed: EventSeed::draw(),
            now: app.clock.now(environment),
            real_now: app.clock.real_now(),
        });
        let credited = app
            .store
            .write(move |tx| {
                let job = Arc::clone(&job);
                async move { credit(&tx, &job).await }
            })
            .await?;
        if let Some(charge) = &credited.changed {
            app.announce(charge);
        }
        done.push(credited);
    }
    Ok(done)
}

/// What tells a payment from the others that share its reference, whatever the order in which the file has them.
fn content(payment: &Payment) -> String {
    let facts = [&payment.end_to_end_id, &payment.payer_name, &payment.payer_account].map(Option::as_deref);
    let texts = payment.texts.iter().chain(&payment.references).map(|text| Some(text.as_str()));
    let mut hash = Sha256::new();
    for fact in facts.into_iter().chain(texts) {
        hash.update(fact.unwrap_or_default());
        hash.update([0]);
    }
    to_hex(&hash.finalize()[..8])
}

/// Whether a reference has a word in it that can be a nonce. Banks fill the same fields with ids of their own, in which
/// letters that make one may stand side by side by chance, and which differ between feeds.
fn names_a_charge(reference: &str) -> bool {
    mentions(&[reference]).iter().any(|mention| mention.evidence == Evidence::Word)
}

/// A payment of the file as a report. A batch's reference is shared by its parts, so each part adds what it says.
fn reported(payment: Payment, now: Timestamp) -> ReportedTransfer {
    let part = if payment.shares_reference { format!("/{}", content(&payment)) } else { String::new() };
    let day = payment.booked_on.or(payment.value_date).map(|date| {
        let days = i64::from(date.duration_since(xanpay_statements::Date::constant(1970, 1, 1)).as_hours() as i32 / 24);
        Booked::On(Timestamp::from_millis(Span::days(days).as_millis()))
    });
    let mut texts = payment.texts;
    let told = payment.references.into_iter().filter(|reference| names_a_charge(reference));
    texts.extend(told.filter(|reference| payment.end_to_end_id.as_ref() != Some(reference)));
    ReportedTransfer {
        amount: payment.amount,
        booked: payment.booked_at.map(Booked::At).or(day).unwrap_or(Booked::Unsaid(now)),
        bank_reference: payment.bank_reference.map(|reference| format!("{reference}{part}")),
        texts,
        end_to_end_id: payment.end_to_end_id,
        payer_name: payment.payer_name,
        payer_account: payment.payer_account,
        reversal: payment.reversal,
    }
}
