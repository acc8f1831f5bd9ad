//! Incoming transfers.

use crate::engine::Tx;
use crate::error::StoreError;
use crate::value::Row;
use xanpay_domain::id::{AccountId, TransferId};
use xanpay_domain::matching::{Outcome, Reason};
use xanpay_domain::transfer::{Booked, ReportedTransfer, Transfer};

/// After each text of a transfer in its column: a character that no bank's text contains.
const TEXT_END: char = '\u{1f}';

macro_rules! transfer_columns {
    () => {
        "id, account_id, identity, amount_minor, currency, booked_at, booked_exactly, texts, bank_reference, end_to_end_id, \
         payer_name, payer_account, reversal, source, received_at, outcome, reason, charge_id"
    };
}

statements! {
    INSERT_TRANSFER("transfers") = concat!("INSERT INTO transfers (", transfer_columns!(), ", environment) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, \
        (SELECT environment FROM receiving_accounts WHERE id = $2)) ON CONFLICT DO NOTHING");
    FIND_TRANSFER("transfers") = concat!("SELECT ", transfer_columns!(), " FROM transfers WHERE id = $1");
    FIND_BY_IDENTITY("transfers") = concat!("SELECT ", transfer_columns!(), " FROM transfers WHERE account_id = $1 AND identity = $2");
    LIST_TRANSFERS("transfers") = concat!("SELECT ", transfer_columns!(),
        " FROM transfers WHERE id < $1 AND environment = $2 ORDER BY id DESC LIMIT $3");
}

fn read_transfer(mut row: Row) -> Result<Transfer, StoreError> {
    let (id, account_id, identity) = (row.id("id")?, row.id("account_id")?, row.text("identity")?);
    let amount = row.money("amount_minor")?;
    let booked_at = row.time("booked_at")?;
    let booked = if row.flag("booked_exactly")? { Booked::At(booked_at) } else { Booked::On(booked_at) };
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
    let (source, received_at) = (row.text("source")?, row.time("received_at")?);
    let outcome = |text: &str| Outcome::ALL.into_iter().find(|known| known.as_str() == text).ok_or(());
    let reason = |text: &str| Reason::ALL.into_iter().find(|known| known.as_str() == text).ok_or(());
    Ok(Transfer {
        id,
        account_id,
        reported,
        source,
        identity,
        received_at,
        outcome: row.parse("outcome", outcome)?,
        reason: row.parse("reason", reason)?,
        charge_id: row.id_opt("charge_id")?,
    })
}

impl Tx {
    /// Adds a transfer with its outcome. The unit separator (U+001F) in a text becomes a space.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the same transfer was added by somebody else in the meantime.
    pub async fn insert_transfer(&self, transfer: &Transfer) -> Result<(), StoreError> {
        let reported = &transfer.reported;
        let texts: String = reported.texts.iter().map(|text| text.replace(TEXT_END, " ") + "\u{1f}").collect();
        let row = [
            transfer.id.into(),
            transfer.account_id.into(),
            (&transfer.identity).into(),
            reported.amount.minor().into(),
            reported.amount.currency().code().into(),
            reported.booked.instant().into(),
            matches!(reported.booked, Booked::At(_)).into(),
            texts.into(),
            reported.bank_reference.as_ref().into(),
            reported.end_to_end_id.as_ref().into(),
            reported.payer_name.as_ref().into(),
            reported.payer_account.as_ref().into(),
            reported.reversal.into(),
            (&transfer.source).into(),
            transfer.received_at.into(),
            transfer.outcome.as_str().into(),
            transfer.reason.as_str().into(),
            transfer.charge_id.into(),
        ];
        self.execute_one(INSERT_TRANSFER, &row).await
    }

    /// A transfer.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_transfer(&self, id: TransferId) -> Result<Option<Transfer>, StoreError> {
        self.query_opt(FIND_TRANSFER, &[id.into()]).await?.map(read_transfer).transpose()
    }

    /// The transfer that an account already has under this identity.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_transfer_by_identity(
        &self,
        account: AccountId,
        identity: &str,
    ) -> Result<Option<Transfer>, StoreError> {
        self.query_opt(FIND_BY_IDENTITY, &[account.into(), identity.into()]).await?.map(read_transfer).transpose()
    }

    /// A page of transfers of an environment, newest first, older than `before` (any id; `g` begins at the newest).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_transfers(
        &self,
        environment: xanpay_domain::environment::Environment,
        before: &str,
        limit: i64,
    ) -> Result<Vec<Transfer>, StoreError> {
        let rows = self.query(LIST_TRANSFERS, &[before.into(), environment.as_str().into(), limit.into()]).await?;
        rows.into_iter().map(read_transfer).collect()
    }
}
