//! A bank's statement file is read, and every credit in it recorded.

use super::book::{Book, all_accounts, squeeze, unknown_account};
use super::credit::{Credited, Report, credit, credit_known};
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
use xanpay_domain::time::Timestamp;
use xanpay_domain::transfer::{Booked, ReportedTransfer};
use xanpay_statements::{File, FormatChoice, Options, Payment, midnight};
use xanpay_store::{Account, StoreError};

/// The most payments on their way to the database at once: as many as share a commit, and not all that it has room for.
const MAX_IN_FLIGHT: usize = 128;

/// How a file is to be read.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// The environment of the receiving accounts.
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
    let items = items(&file, books, app.clock.now(options.environment))?;
    let feed = feed(&file).ok_or_else(|| {
        Refusal::field("", "format_unknown", "nobody knows how payments are told apart in files of this format")
    })?;
    let mut import = Import { app, environment: options.environment, feed, beside: Beside::new(), report: &mut report };
    let (named, unnamed): (Vec<Item>, Vec<Item>) = items.into_iter().partition(|item| !item.nonces.is_empty());
    // What names a charge must not be taken for a known payment that names none, where that one's own row is in the file.
    let mut amounts: HashMap<_, Vec<String>> = HashMap::new();
    for item in &named {
        amounts.entry(item.amount()).or_default().extend(item.nonces.iter().cloned());
    }
    let (near, mut rest): (Vec<Item>, Vec<Item>) =
        unnamed.into_iter().partition(|item| amounts.contains_key(&item.amount()));
    rest.extend(import.record(near, &Take::Known(Arc::new(amounts))).await?);
    rest.sort_by_key(|item| item.place);
    // Then what names a charge: it knows its place, and leaves the others to what names none.
    for items in [named, rest] {
        import.record(items, &Take::All).await?;
    }
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
#[derive(Clone)]
struct Item {
    /// Its place in the file.
    place: usize,
    book: Arc<Book>,
    reported: ReportedTransfer,
    undivided: bool,
    number: u32,
    /// The statement that it stands in, and the reference that it may share with other rows there.
    reference: Option<Reference>,
    /// The nonces that its texts mention, as far as the texts alone tell: none where it names no charge.
    nonces: Vec<String>,
    /// What it may share with others that are about the same charge or the same transfer.
    keys: Vec<(AccountId, String)>,
}

/// A reference of the bank in one statement of a file: the statement's number, the bank account and the reference.
type Reference = (usize, AccountId, String);

/// The transfers that the rows with a reference have turned out to be.
type Beside = HashMap<Reference, Vec<TransferId>>;

/// What became of the payments of a lane.
#[derive(Default)]
struct Recorded {
    done: Vec<(Option<Reference>, Credited)>,
    left: Vec<Item>,
}

/// What a payment brought on which bank account.
type Amount = (AccountId, Currency, i64);

/// Which payments are taken.
#[derive(Clone)]
enum Take {
    All,
    /// Those that name no charge and are known; the others are left. The nonces are those that others of the same amount
    /// name.
    Known(Arc<HashMap<Amount, Vec<String>>>),
}

impl Item {
    fn amount(&self) -> Amount {
        (self.book.id, self.reported.amount.currency(), self.reported.amount.minor())
    }

    /// The report of it beside others of its statement.
    fn report(&self, app: &App, environment: Environment, feed: Feed, beside: Vec<TransferId>) -> Report {
        Report {
            book: Arc::clone(&self.book),
            reported: self.reported.clone(),
            undivided: self.undivided,
            source: "statement",
            feed,
            number: Some(self.number),
            beside,
            payee: None,
            id: TransferId::new(app.clock.real_now(), entropy::bytes()),
            seed: EventSeed::draw(),
            now: app.clock.now(environment),
            real_now: app.clock.real_now(),
        }
    }
}

/// The payments of a file that brought money, in its order.
fn items(file: &File, books: Vec<Vec<Book>>, now: Timestamp) -> Result<Vec<Item>, Refusal> {
    let mut items = Vec::new();
    // Rows without a reference are numbered through the file.
    let mut rows: HashMap<(AccountId, String), u32> = HashMap::new();
    for (statement, (entries, books)) in file.statements.iter().map(|one| &one.entries).zip(books).enumerate() {
        let books: Vec<Arc<Book>> = books.into_iter().map(Arc::new).collect();
        for payment in entries.iter().flat_map(payments) {
            let undivided = payment.undivided;
            let reported = reported(payment, now);
            let book = Arc::clone(Book::of_payment(&books, reported.amount.currency())?);
            let fingerprint = reported.fingerprint();
            let nonces: Vec<String> = mentions(&reported.references()).iter().map(|m| m.nonce.to_string()).collect();
            let mut keys = if nonces.is_empty() { vec![reported.amount.to_decimal()] } else { nonces.clone() };
            let (number, reference) = if reported.bank_reference.is_some() {
                keys.push(fingerprint.clone());
                (1, Some((statement, book.id, fingerprint)))
            } else {
                let number = rows.entry((book.id, fingerprint)).or_insert(0);
                *number += 1;
                (*number, None)
            };
            let keys = keys.into_iter().map(|key| (book.id, key)).collect();
            items.push(Item { place: items.len(), book, reported, undivided, number, reference, nonces, keys });
        }
    }
    Ok(items)
}

/// Payments in lanes: those that share a key are in one lane, in the file's order.
fn lanes(items: Vec<Item>) -> Vec<Vec<Item>> {
    let mut lanes: Vec<Vec<Item>> = Vec::new();
    let mut lane_of: HashMap<(AccountId, String), usize> = HashMap::new();
    for item in items {
        let mut met: Vec<usize> = item.keys.iter().filter_map(|key| lane_of.get(key).copied()).collect();
        met.sort_unstable();
        met.dedup();
        let number = met.first().copied().unwrap_or(lanes.len());
        if number == lanes.len() {
            lanes.push(Vec::new());
        }
        // A row that belongs to several lanes makes them one.
        for other in met.into_iter().skip(1) {
            let moved = std::mem::take(&mut lanes[other]);
            lane_of.extend(moved.iter().flat_map(|item| item.keys.iter().map(|key| (key.clone(), number))));
            lanes[number].extend(moved);
        }
        lane_of.extend(item.keys.iter().map(|key| (key.clone(), number)));
        lanes[number].push(item);
    }
    for lane in &mut lanes {
        lane.sort_by_key(|item| item.place);
    }
    lanes
}

/// An import on its way.
struct Import<'a> {
    app: &'a Arc<App>,
    environment: Environment,
    feed: Feed,
    beside: Beside,
    report: &'a mut ImportedFile,
}

impl Import<'_> {
    /// Records payments, each in a transaction of its own, and returns those that are left. Many are on their way at once,
    /// so that they share commits.
    async fn record(&mut self, items: Vec<Item>, take: &Take) -> Result<Vec<Item>, FlowError> {
        let mut waiting = lanes(items).into_iter();
        let known = Arc::new(self.beside.clone());
        let mut running: JoinSet<Result<Recorded, FlowError>> = JoinSet::new();
        let (mut left, mut failure) = (Vec::new(), None);
        loop {
            while failure.is_none()
                && running.len() < MAX_IN_FLIGHT
                && let Some(lane) = waiting.next()
            {
                let (app, known) = (Arc::clone(self.app), Arc::clone(&known));
                running.spawn(record_lane(app, lane, (self.environment, self.feed, take.clone()), known));
            }
            match running.join_next().await {
                None => break,
                Some(Ok(Ok(recorded))) => {
                    left.extend(recorded.left);
                    for (reference, credited) in recorded.done {
                        self.report.add(&credited);
                        if let Some(reference) = reference {
                            self.beside.entry(reference).or_default().push(credited.transfer.id);
                        }
                    }
                }
                Some(Ok(Err(error))) => failure = failure.or(Some(error)),
                Some(Err(_)) => {
                    let error = StoreError::Driver("the recording of a payment ended before its time".into());
                    failure = failure.or(Some(error.into()));
                }
            }
        }
        failure.map_or(Ok(left), Err)
    }
}

/// Records the payments of a lane one after another.
async fn record_lane(
    app: Arc<App>,
    lane: Vec<Item>,
    (environment, feed, take): (Environment, Feed, Take),
    known: Arc<Beside>,
) -> Result<Recorded, FlowError> {
    let mut recorded = Recorded::default();
    let mut here = Beside::new();
    for item in lane {
        let told = |beside: &Beside| item.reference.as_ref().and_then(|same| beside.get(same)).cloned();
        let beside = [&known, &here].into_iter().filter_map(told).flatten().collect();
        let report = item.report(&app, environment, feed, beside);
        let named = match &take {
            Take::All => None,
            Take::Known(amounts) => Some(amounts.get(&item.amount()).cloned().unwrap_or_default()),
        };
        let credited = app.store.write_with((report, named), |tx, job| async move {
            match &*job {
                (report, None) => credit(&tx, report).await.map(Some),
                (report, Some(named)) => credit_known(&tx, report, named).await,
            }
        });
        let Some(credited) = credited.await? else {
            recorded.left.push(item);
            continue;
        };
        if let Some(charge) = &credited.changed {
            app.announce(charge);
        }
        if let Some(reference) = &item.reference {
            here.entry(reference.clone()).or_default().push(credited.transfer.id);
        }
        recorded.done.push((item.reference, credited));
    }
    Ok(recorded)
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
    let day = payment.booked_on.or(payment.value_date).map(|date| Booked::On(midnight(date)));
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
