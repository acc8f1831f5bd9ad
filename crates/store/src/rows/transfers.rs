//! Incoming transfers.

use crate::engine::Tx;
use crate::error::StoreError;
use crate::value::{Row, Value};
use xanpay_domain::environment::Environment;
use xanpay_domain::id::{AccountId, TransferId};
use xanpay_domain::linking::{Amounts, Feed, telling_id, window};
use xanpay_domain::matching::{Outcome, Reason};
use xanpay_domain::time::Timestamp;
use xanpay_domain::transfer::{Booked, ReportedTransfer, Transfer};

/// After each text of a transfer in its column: a character that no bank's text contains.
const TEXT_END: char = '\u{1f}';

macro_rules! transfer_columns {
    () => {
        "id, account_id, book_id, feed, identity, amount_minor, currency, booked_at, booked_exactly, texts, bank_reference, \
         end_to_end_id, payer_name, payer_account, reversal, source, subject, received_at, outcome, reason, charge_id"
    };
}

statements! {
    INSERT_TRANSFER("transfers") = concat!("INSERT INTO transfers (", transfer_columns!(), ", environment) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, \
        (SELECT environment FROM receiving_accounts WHERE id = $2)) ON CONFLICT DO NOTHING");
    INSERT_REPORT("transfer_reports") = "INSERT INTO transfer_reports (book_id, feed, identity, transfer_id, booked_at, \
        booked_exactly) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
    FIND_TRANSFER("transfers") = concat!("SELECT ", transfer_columns!(), " FROM transfers WHERE id = $1");
    FIND_BY_REPORT("transfers") = concat!("SELECT told_at, told_exactly, ", transfer_columns!(), " FROM transfers, \
        (SELECT transfer_id, booked_at AS told_at, booked_exactly AS told_exactly FROM transfer_reports \
        WHERE book_id = $1 AND feed = $2 AND identity = $3) AS report WHERE id = transfer_id");
    // The reports of a feed under one reference are numbered without a gap. All of them are walked through, and the transfers
    // of those are given that were booked about then or have the nonces; and the last one, whose number says how many there
    // are. CROSS JOIN has SQLite keep this order.
    LIST_NUMBERED("transfers") = concat!("WITH RECURSIVE told (number, transfer_id, told_at, told_exactly) AS (\
        SELECT CAST(1 AS BIGINT), transfer_id, booked_at, booked_exactly FROM transfer_reports \
        WHERE book_id = $1 AND feed = $2 AND identity = $3 \
        UNION ALL SELECT number + 1, transfer_reports.transfer_id, booked_at, booked_exactly FROM told, transfer_reports \
        WHERE book_id = $1 AND feed = $2 AND identity = CAST($3 AS TEXT) || '#' || CAST(number + 1 AS TEXT)) \
        SELECT number, told_at, told_exactly, ", transfer_columns!(), " FROM told CROSS JOIN transfers WHERE id = transfer_id \
        AND ((COALESCE(told_at, booked_at) >= $4 AND COALESCE(told_at, booked_at) <= $5) OR subject = $6 \
        OR number = (SELECT MAX(number) FROM told)) ORDER BY number");
    // The other feeds are named one by one, so that the index is searched and the feed's own rows are not looked at. Times
    // that end before they begin leave a search out.
    LIST_UNREPORTED("transfers") = concat!("SELECT ", transfer_columns!(), " FROM transfers WHERE id IN (\
        SELECT id FROM transfers WHERE book_id = $1 AND amount_minor = $2 AND subject = $3 \
        AND feed IN ($4, $5, $6, $7, $8, $9) AND booked_at >= $10 AND booked_at <= $11 \
        UNION ALL SELECT id FROM transfers WHERE book_id = $1 AND amount_minor = $2 AND subject = '' \
        AND feed IN ($4, $5, $6, $7, $8, $9) AND booked_at >= $12 AND booked_at <= $13 \
        UNION ALL SELECT id FROM transfers WHERE book_id = $1 AND amount_minor = $2 AND subject <> '' \
        AND feed IN ($4, $5, $6, $7, $8, $9) AND booked_at >= $14 AND booked_at <= $15 \
        UNION ALL SELECT id FROM transfers WHERE book_id = $1 AND bank_reference = $16 AND amount_minor = $2 \
        UNION ALL SELECT id FROM transfers WHERE book_id = $1 AND end_to_end_id = $17 AND amount_minor = $2) \
        AND source <> 'sandbox' AND NOT EXISTS (SELECT 1 FROM transfer_reports \
        WHERE transfer_reports.transfer_id = transfers.id AND transfer_reports.feed = $18) ORDER BY id LIMIT $19");
    LIST_FIRST_TOLD("transfers") = concat!("SELECT ", transfer_columns!(), " FROM transfers WHERE book_id = $1 \
        AND amount_minor = $2 AND subject = $3 AND feed = $4 AND booked_at >= $5 AND booked_at <= $6 \
        AND source <> 'sandbox' LIMIT $7");
    FIND_FEEDS("transfer_reports") = "SELECT (SELECT MIN(feed) FROM transfer_reports WHERE book_id = $1) AS first_feed, \
        (SELECT MAX(feed) FROM transfer_reports WHERE book_id = $1) AS last_feed";
    SAVE_TRANSFER("transfers") = "UPDATE transfers SET account_id = $1, booked_at = $2, booked_exactly = $3, texts = $4, \
        bank_reference = $5, end_to_end_id = $6, payer_name = $7, payer_account = $8, subject = $9, outcome = $10, \
        reason = $11, charge_id = $12 WHERE id = $13 AND charge_id IS NULL";
    LIST_TRANSFERS("transfers") = concat!("SELECT ", transfer_columns!(),
        " FROM transfers WHERE environment = $1 AND (received_at, id) < ($2, $3) ORDER BY received_at DESC, id DESC LIMIT $4");
    FIND_ARRIVAL("transfers") = "SELECT received_at FROM transfers WHERE id = $1 AND environment = $2";
    LOCK_GATE("gates") = "SELECT name FROM gates WHERE name = $1 /* for update */";
}

/// Transfers compared with one report at the most.
const MAX_CANDIDATES: i64 = 500;

fn read_transfer(mut row: Row) -> Result<Transfer, StoreError> {
    let (id, account_id, book_id) = (row.id("id")?, row.id("account_id")?, row.id("book_id")?);
    let feed = row.parse("feed", |text| Feed::named(text).ok_or(()))?;
    let identity = row.text("identity")?;
    let amount = row.money("amount_minor")?;
    let booked_at = row.time("booked_at")?;
    let booked = booked(booked_at, row.flag("booked_exactly")?);
    let texts = row.text("texts")?.split_terminator(TEXT_END).map(String::from).collect();
    let reported = ReportedTransfer {
        amount,
        booked,
        texts,
        bank_reference: row.text_opt("bank_reference")?,
        end_to_end_id: row.text_opt("end_to_end_id")?,
        payer_name: row.text_opt("payer_name")?,
        payer_account: row.text_opt("payer_account")?,
        reversal: row.flag("reversal")?,
    };
    let (source, subject, received_at) = (row.text("source")?, row.text("subject")?, row.time("received_at")?);
    let outcome = |text: &str| Outcome::ALL.into_iter().find(|known| known.as_str() == text).ok_or(());
    let reason = |text: &str| Reason::ALL.into_iter().find(|known| known.as_str() == text).ok_or(());
    Ok(Transfer {
        id,
        account_id,
        book_id,
        reported,
        source,
        feed,
        identity,
        subject,
        received_at,
        outcome: row.parse("outcome", outcome)?,
        reason: row.parse("reason", reason)?,
        charge_id: row.id_opt("charge_id")?,
    })
}

/// A transfer, booked when the report behind it says so.
fn read_told(mut row: Row) -> Result<Transfer, StoreError> {
    let told = row.int_opt("told_at")?.zip(row.int_opt("told_exactly")?);
    let mut transfer = read_transfer(row)?;
    if let Some((at, exactly)) = told {
        transfer.reported.booked = booked(Timestamp::from_millis(at), exactly != 0);
    }
    Ok(transfer)
}

fn booked(at: Timestamp, exactly: bool) -> Booked {
    if exactly { Booked::At(at) } else { Booked::On(at) }
}

fn is_exact(booked: Booked) -> bool {
    match booked {
        Booked::At(_) | Booked::Unsaid(_) => true,
        Booked::On(_) => false,
    }
}

/// The texts as one column.
fn join_texts(reported: &ReportedTransfer) -> String {
    reported.texts.iter().map(|text| text.replace(TEXT_END, " ") + "\u{1f}").collect()
}

impl Tx {
    /// Waits until no other connection judges transfers, and keeps the others waiting until the transaction is over.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lock_transfers(&self) -> Result<(), StoreError> {
        self.query_opt(LOCK_GATE, &["transfers".into()]).await.map(drop)
    }

    /// Adds a transfer with its outcome and the report that told of it. The unit separator (U+001F) in a text becomes a
    /// space.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the same transfer was added by somebody else in the meantime.
    pub async fn insert_transfer(&self, transfer: &Transfer) -> Result<(), StoreError> {
        let reported = &transfer.reported;
        let row = [
            transfer.id.into(),
            transfer.account_id.into(),
            transfer.book_id.into(),
            transfer.feed.as_str().into(),
            (&transfer.identity).into(),
            reported.amount.minor().into(),
            reported.amount.currency().code().into(),
            reported.booked.instant().into(),
            is_exact(reported.booked).into(),
            join_texts(reported).into(),
            reported.bank_reference.as_ref().into(),
            reported.end_to_end_id.as_ref().into(),
            reported.payer_name.as_ref().into(),
            reported.payer_account.as_ref().into(),
            reported.reversal.into(),
            (&transfer.source).into(),
            (&transfer.subject).into(),
            transfer.received_at.into(),
            transfer.outcome.as_str().into(),
            transfer.reason.as_str().into(),
            transfer.charge_id.into(),
        ];
        self.execute_one(INSERT_TRANSFER, &row).await?;
        self.insert_transfer_report(transfer, transfer.feed, &transfer.identity, reported.booked).await
    }

    /// Changes what is known of a transfer that has paid no charge, and its outcome.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it has paid one in the meantime.
    pub async fn save_transfer(&self, transfer: &Transfer) -> Result<(), StoreError> {
        let reported = &transfer.reported;
        let row = [
            transfer.account_id.into(),
            reported.booked.instant().into(),
            is_exact(reported.booked).into(),
            join_texts(reported).into(),
            reported.bank_reference.as_ref().into(),
            reported.end_to_end_id.as_ref().into(),
            reported.payer_name.as_ref().into(),
            reported.payer_account.as_ref().into(),
            (&transfer.subject).into(),
            transfer.outcome.as_str().into(),
            transfer.reason.as_str().into(),
            transfer.charge_id.into(),
            transfer.id.into(),
        ];
        self.execute_one(SAVE_TRANSFER, &row).await
    }

    /// Notes that a feed has told of a transfer, and when that was booked as it has it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the feed has told of it already, or of another one under this identity.
    pub async fn insert_transfer_report(
        &self,
        transfer: &Transfer,
        feed: Feed,
        identity: &str,
        booked: Booked,
    ) -> Result<(), StoreError> {
        let (at, exactly) = match booked {
            Booked::At(_) | Booked::On(_) => (Some(booked.instant().as_millis()), Some(i64::from(is_exact(booked)))),
            Booked::Unsaid(_) => (None, None),
        };
        let (book, id) = (transfer.book_id.into(), transfer.id.into());
        let row = [book, feed.as_str().into(), identity.into(), id, at.into(), exactly.into()];
        self.execute_one(INSERT_REPORT, &row).await
    }

    /// A transfer.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_transfer(&self, id: TransferId) -> Result<Option<Transfer>, StoreError> {
        self.query_opt(FIND_TRANSFER, &[id.into()]).await?.map(read_transfer).transpose()
    }

    /// The transfer that a feed has told of under this identity, booked when that feed says so.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_transfer_by_report(
        &self,
        book: AccountId,
        feed: Feed,
        identity: &str,
    ) -> Result<Option<Transfer>, StoreError> {
        let row = self.query_opt(FIND_BY_REPORT, &[book.into(), feed.as_str().into(), identity.into()]).await?;
        row.map(read_told).transpose()
    }

    /// The transfers that a feed has told of under a reference of the bank, with their numbers, booked when that feed says
    /// so: those that were booked within the domain's window around a report or have its nonces, and the last one. `identity`
    /// is that of the first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_numbered_transfers(
        &self,
        book: AccountId,
        feed: Feed,
        identity: &str,
        reported: &ReportedTransfer,
        subject: &str,
    ) -> Result<Vec<(u32, Transfer)>, StoreError> {
        let (from, until) = match reported.booked {
            Booked::At(_) | Booked::On(_) => window(reported),
            Booked::Unsaid(_) => (Timestamp::from_millis(i64::MIN), Timestamp::from_millis(i64::MAX)),
        };
        let row = [
            book.into(),
            feed.as_str().into(),
            identity.into(),
            from.into(),
            until.into(),
            (!subject.is_empty()).then_some(subject).into(),
        ];
        let numbered = |mut row: Row| {
            let number = u32::try_from(row.int("number")?).unwrap_or(u32::MAX);
            Ok((number, read_told(row)?))
        };
        self.query(LIST_NUMBERED, &row).await?.into_iter().map(numbered).collect()
    }

    /// The transfers of a book that a feed has not told of and that a report of it may be about, oldest first. Those with
    /// the report's nonces are found over any time, others within the domain's window: with a nonce those that have none,
    /// and without one those that have some as well, where amounts say anything.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_unreported_transfers(
        &self,
        book: AccountId,
        feed: Feed,
        reported: &ReportedTransfer,
        subject: &str,
        amounts: Amounts,
    ) -> Result<Vec<Transfer>, StoreError> {
        let (earliest, latest) = (Timestamp::from_millis(i64::MIN), Timestamp::from_millis(i64::MAX));
        let (any, near, never) = ((earliest, latest), window(reported), (latest, earliest));
        let (same, plain, named) = match (subject.is_empty(), amounts) {
            (false, _) => (any, near, never),
            (true, Amounts::Silent) => (near, never, never),
            (true, Amounts::Propose | Amounts::Tell) => (near, never, near),
        };
        let mut row: Vec<Value<'_>> = vec![book.into(), reported.amount.minor().into(), subject.into()];
        row.extend(Feed::ALL.into_iter().filter(|other| *other != feed).map(|other| other.as_str().into()));
        row.extend([same, plain, named].into_iter().flat_map(|(from, until)| [from.into(), until.into()]));
        row.extend([
            reported.bank_reference.as_ref().into(),
            telling_id(reported).into(),
            feed.as_str().into(),
            MAX_CANDIDATES.into(),
        ]);
        self.query(LIST_UNREPORTED, &row).await?.into_iter().map(read_transfer).collect()
    }

    /// The transfers of a book that a feed told of first and that are about as old and as much as a report of it, with the
    /// same nonces; in no order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_transfers_first_told(
        &self,
        book: AccountId,
        feed: Feed,
        reported: &ReportedTransfer,
        subject: &str,
    ) -> Result<Vec<Transfer>, StoreError> {
        let (from, until) = window(reported);
        let row = [
            book.into(),
            reported.amount.minor().into(),
            subject.into(),
            feed.as_str().into(),
            from.into(),
            until.into(),
            MAX_CANDIDATES.into(),
        ];
        self.query(LIST_FIRST_TOLD, &row).await?.into_iter().map(read_transfer).collect()
    }

    /// Whether several feeds have told of money on a bank account.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_several_feeds(&self, book: AccountId) -> Result<bool, StoreError> {
        let row = self.query_opt(FIND_FEEDS, &[book.into()]).await?;
        let feeds = row.map(|mut row| Ok((row.text_opt("first_feed")?, row.text_opt("last_feed")?))).transpose()?;
        Ok(feeds.is_some_and(|(first, last)| first != last))
    }

    /// A page of transfers of an environment, the last received first: those received before `before`, or the newest.
    /// Nothing when the environment has no such transfer.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_transfers(
        &self,
        environment: Environment,
        before: Option<TransferId>,
        limit: i64,
    ) -> Result<Option<Vec<Transfer>>, StoreError> {
        let (received_at, id) = match before {
            Some(id) => match self.query_opt(FIND_ARRIVAL, &[id.into(), environment.as_str().into()]).await? {
                Some(mut row) => (row.int("received_at")?, id.to_text()),
                None => return Ok(None),
            },
            None => (i64::MAX, String::new()),
        };
        let page = [environment.as_str().into(), received_at.into(), id.into(), limit.into()];
        self.query(LIST_TRANSFERS, &page).await?.into_iter().map(read_transfer).collect::<Result<_, _>>().map(Some)
    }
}
