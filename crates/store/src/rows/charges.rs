//! Charges.

use super::sessions::read_phone;
use crate::engine::Tx;
use crate::error::StoreError;
use crate::value::{Row, Value};
use xanpay_domain::charge::{Charge, ChargeState, Destination};
use xanpay_domain::contact::{Email, Phone};
use xanpay_domain::environment::Environment;
use xanpay_domain::exchange::{LockedRate, Rate};
use xanpay_domain::id::{AccountId, ChargeId, MerchantId, SessionId};
use xanpay_domain::time::Timestamp;

/// What an equal request would repeat: the first half of a SHA-256 over everything that makes requests equal.
pub type Fingerprint = [u8; 16];

/// What can be held only once among pending charges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The amount where transfers are told apart by amount, 0 where every charge has an account to itself.
    pub minor: i64,
    /// The bank account on which it is unique; nothing where it is so on the receiving account only.
    pub book: Option<AccountId>,
}

/// Amounts from one to another, in steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AmountSteps {
    /// The first one.
    pub from_minor: i64,
    /// The last one.
    pub until_minor: i64,
    /// From each to the next; at least 1.
    pub step_minor: i64,
}

/// A charge and the version that a change of it must name.
#[derive(Debug, Clone, PartialEq)]
pub struct VersionedCharge {
    /// The charge.
    pub charge: Charge,
    /// Counts its changes; also the sequence of the events that tell of them.
    pub version: i64,
}

macro_rules! charge_columns {
    () => {
        "id, merchant_id, environment, session_id, customer_id, email, phone_code, phone, merchant_amount_minor, \
         merchant_currency, customer_amount_minor, customer_currency, rate, rate_source, rate_as_of, method, account_id, \
         account, account_name, bank, nonce, qr_code, orders, notify_url, notify_payload, created_at, \
         updated_at, expires_at, received_minor, status, closed_at, paid_late, version"
    };
}

statements! {
    INSERT_CHARGE("charges", for_many) = concat!("INSERT INTO charges (", charge_columns!(), ", nonce_held, fingerprint, claim_minor, \
        claim_book_id) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, \
        $24, $25, $26, $27, $28, $29, $30, $31, $32, 1, 1, $33, $34, $35) ON CONFLICT DO NOTHING");
    FIND_CHARGE("charges", for_many) = concat!("SELECT ", charge_columns!(), " FROM charges WHERE id = $1");
    FIND_CHARGE_OF_SESSION("charges", for_many) = concat!("SELECT ", charge_columns!(), " FROM charges WHERE session_id = $1");
    FIND_BY_FINGERPRINT("charges") = concat!("SELECT ", charge_columns!(),
        " FROM charges WHERE fingerprint = $1 AND status = 'pending'");
    FIND_BY_NONCE("charges") = "SELECT id FROM charges WHERE account_id = $1 AND nonce = $2 AND nonce_held = 1";
    LIST_BY_NONCE("charges") = "SELECT account_id, id FROM charges WHERE nonce IN ($1, $2) AND nonce_held = 1";
    FIND_BY_CLAIM("charges") = "SELECT id FROM charges WHERE account_id = $1 AND claim_minor = $2 AND status = 'pending'";
    // What a charge asks is written as its index has it.
    LIST_ASKING("charges") = concat!("SELECT ", charge_columns!(), " FROM charges WHERE account_id = $1 \
        AND closed_at IS NULL AND customer_amount_minor - received_minor = $2 LIMIT $3");
    LIST_UNPAID_ASKING("charges") = concat!("SELECT ", charge_columns!(), " FROM charges WHERE account_id = $1 \
        AND (status = 'expired' OR status = 'cancelled') AND customer_amount_minor - received_minor = $2 \
        AND closed_at >= $3 ORDER BY closed_at DESC LIMIT $4");
    // Each step is looked up, as an amount that is asked every day has more and more closed charges.
    LIST_CLOSED("charges") = "WITH RECURSIVE steps (minor) AS (SELECT CAST($1 AS BIGINT) \
        UNION ALL SELECT minor + $2 FROM steps WHERE minor < $3) SELECT minor FROM steps WHERE \
        (SELECT MAX(closed_at) FROM charges WHERE account_id = $4 AND (status = 'expired' OR status = 'cancelled') \
        AND customer_amount_minor - received_minor = minor) >= $5 OR \
        (SELECT MAX(closed_at) FROM charges WHERE account_id = $4 AND status = 'completed' AND claim_minor = minor) >= $6";
    LIST_ASKED("charges") = "SELECT DISTINCT customer_amount_minor, received_minor FROM charges WHERE account_id = $1 \
        AND closed_at IS NULL AND customer_amount_minor >= $2 AND customer_amount_minor - received_minor <= $3";
    LOCK_CHARGE("charges") = concat!("UPDATE charges SET version = version + 1 WHERE id = $1 RETURNING ", charge_columns!());
    SAVE_CHARGE("charges") = "UPDATE charges SET updated_at = $1, received_minor = $2, status = $3, closed_at = $4, \
        paid_late = $5, version = version + 1 WHERE id = $6 AND version = $7";
    LIST_DUE_CHARGES("charges") = "SELECT id FROM charges WHERE account_id = $1 AND closed_at IS NULL AND expires_at <= $2 \
        ORDER BY expires_at, id LIMIT $3 OFFSET $4";
    RELEASE_NONCES("charges") = "WITH cooled AS MATERIALIZED (SELECT id FROM charges \
        WHERE nonce_held = 1 AND status <> 'pending' AND closed_at <= $1 AND environment = $2 LIMIT $3 /* skip locked */) \
        UPDATE charges SET nonce_held = 0 WHERE id IN (SELECT id FROM cooled) \
        AND nonce_held = 1 AND status <> 'pending' AND closed_at <= $1";
}

fn read_charge(mut row: Row) -> Result<VersionedCharge, StoreError> {
    let (id, merchant_id, environment) = (row.id("id")?, row.id("merchant_id")?, row.environment()?);
    let (session_id, customer_id) = (row.id_opt("session_id")?, row.id("customer_id")?);
    let email =
        row.text_opt("email")?.map(|text| Email::stored(&text)).transpose().map_err(|_| row.corrupt("email"))?;
    let phone = read_phone(&mut row, "phone")?;
    let (merchant_amount, customer_amount) = (row.money("merchant_amount_minor")?, row.money("customer_amount_minor")?);
    let rate = read_rate(&mut row)?;
    let method = row.parse("method", str::parse)?;
    let destination = Destination {
        account_id: row.id("account_id")?,
        account: row.text("account")?,
        account_name: row.text("account_name")?,
        bank: row.text("bank")?,
        nonce: row.text("nonce")?,
        qr_code: row.text("qr_code")?,
    };
    let (orders, notify_url) = (row.text_opt("orders")?, row.text_opt("notify_url")?);
    let notify_payload = row.text_opt("notify_payload")?;
    let (created_at, updated_at, expires_at) =
        (row.time("created_at")?, row.time("updated_at")?, row.time("expires_at")?);
    let received = xanpay_domain::money::Money::from_minor(row.int("received_minor")?, customer_amount.currency())
        .map_err(|_| row.corrupt("received_minor"))?;
    let state = read_state(&mut row)?;
    let version = row.int("version")?;
    let charge = Charge {
        id,
        merchant_id,
        environment,
        session_id,
        customer_id,
        email,
        phone,
        merchant_amount,
        customer_amount,
        rate,
        method,
        destination,
        orders,
        notify_url,
        notify_payload,
        created_at,
        updated_at,
        expires_at,
        received,
        state,
    };
    Ok(VersionedCharge { charge, version })
}

fn read_rate(row: &mut Row) -> Result<Option<LockedRate>, StoreError> {
    let rate = row.text_opt("rate")?;
    let (source, as_of) = (row.text_opt("rate_source")?, row.int_opt("rate_as_of")?);
    match (rate, source, as_of) {
        (Some(rate), Some(source), Some(as_of)) => {
            let rate = Rate::parse(&rate).map_err(|_| row.corrupt("rate"))?;
            Ok(Some(LockedRate { rate, source, as_of: Timestamp::from_millis(as_of) }))
        }
        (None, None, None) => Ok(None),
        _ => Err(row.corrupt("rate")),
    }
}

fn read_state(row: &mut Row) -> Result<ChargeState, StoreError> {
    let status = row.text("status")?;
    let closed_at = row.int_opt("closed_at")?.map(Timestamp::from_millis);
    let paid_late = row.flag("paid_late")?;
    match (status.as_str(), closed_at) {
        ("pending", None) => Ok(ChargeState::Pending),
        ("completed", Some(completed_at)) => Ok(ChargeState::Completed { completed_at, paid_late }),
        ("expired", Some(expired_at)) => Ok(ChargeState::Expired { expired_at }),
        ("cancelled", Some(cancelled_at)) => Ok(ChargeState::Cancelled { cancelled_at }),
        _ => Err(row.corrupt("status")),
    }
}

/// The columns status, closed_at and paid_late.
fn write_state(state: ChargeState) -> [Value<'static>; 3] {
    let (closed_at, paid_late) = match state {
        ChargeState::Pending => (None, false),
        ChargeState::Completed { completed_at, paid_late } => (Some(completed_at), paid_late),
        ChargeState::Expired { expired_at } => (Some(expired_at), false),
        ChargeState::Cancelled { cancelled_at } => (Some(cancelled_at), false),
    };
    [state.status().as_str().into(), closed_at.into(), paid_late.into()]
}

impl Tx {
    /// Adds a charge; false when its nonce, its session, its fingerprint or its claim is already taken.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert_charge(
        &self,
        charge: &Charge,
        fingerprint: Option<&Fingerprint>,
        claim: Option<Claim>,
    ) -> Result<bool, StoreError> {
        let (to, rate) = (&charge.destination, charge.rate.as_ref());
        let [status, closed_at, paid_late] = write_state(charge.state);
        let row = [
            charge.id.into(),
            charge.merchant_id.into(),
            charge.environment.as_str().into(),
            charge.session_id.into(),
            charge.customer_id.into(),
            charge.email.as_ref().map(Email::as_str).into(),
            charge.phone.as_ref().map(Phone::code).into(),
            charge.phone.as_ref().map(Phone::number).into(),
            charge.merchant_amount.minor().into(),
            charge.merchant_amount.currency().code().into(),
            charge.customer_amount.minor().into(),
            charge.customer_amount.currency().code().into(),
            rate.map(|rate| rate.rate.to_string()).into(),
            rate.map(|rate| &rate.source).into(),
            rate.map(|rate| rate.as_of).into(),
            charge.method.as_str().into(),
            to.account_id.into(),
            (&to.account).into(),
            (&to.account_name).into(),
            (&to.bank).into(),
            (&to.nonce).into(),
            (&to.qr_code).into(),
            charge.orders.as_ref().into(),
            charge.notify_url.as_ref().into(),
            charge.notify_payload.as_ref().into(),
            charge.created_at.into(),
            charge.updated_at.into(),
            charge.expires_at.into(),
            charge.received.minor().into(),
            status,
            closed_at,
            paid_late,
            fingerprint.map(|fingerprint| fingerprint.as_slice()).into(),
            claim.map(|claim| claim.minor).into(),
            claim.and_then(|claim| claim.book).into(),
        ];
        Ok(self.execute(INSERT_CHARGE, &row).await? == 1)
    }

    /// A charge of any merchant: for the checkout and for bearers of its cancel token.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_charge(&self, id: ChargeId) -> Result<Option<Charge>, StoreError> {
        let row = self.query_opt(FIND_CHARGE, &[id.into()]).await?;
        Ok(row.map(read_charge).transpose()?.map(|found| found.charge))
    }

    /// A charge of one merchant; another merchant's is as absent as none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_charge_of(
        &self,
        merchant: MerchantId,
        environment: Environment,
        id: ChargeId,
    ) -> Result<Option<Charge>, StoreError> {
        let found = self.find_charge(id).await?;
        Ok(found.filter(|charge| charge.merchant_id == merchant && charge.environment == environment))
    }

    /// The one charge of a session.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_charge_of_session(&self, session: SessionId) -> Result<Option<Charge>, StoreError> {
        let row = self.query_opt(FIND_CHARGE_OF_SESSION, &[session.into()]).await?;
        Ok(row.map(read_charge).transpose()?.map(|found| found.charge))
    }

    /// The pending charge that an equal request made.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_charge_by_fingerprint(&self, fingerprint: &Fingerprint) -> Result<Option<Charge>, StoreError> {
        let row = self.query_opt(FIND_BY_FINGERPRINT, &[fingerprint.as_slice().into()]).await?;
        Ok(row.map(read_charge).transpose()?.map(|found| found.charge))
    }

    /// The charge that holds a nonce on an account.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_charge_id_by_nonce(
        &self,
        account: AccountId,
        nonce: &str,
    ) -> Result<Option<ChargeId>, StoreError> {
        let row = self.query_opt(FIND_BY_NONCE, &[account.into(), nonce.into()]).await?;
        row.map(|mut row| row.id("id")).transpose()
    }

    /// The charges that hold a nonce, each on another account; in no order. Rails spell nonces in small letters or in
    /// capitals.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_charges_by_nonce(&self, nonce: &str) -> Result<Vec<(AccountId, ChargeId)>, StoreError> {
        let rows = self.query(LIST_BY_NONCE, &[nonce.into(), nonce.to_ascii_uppercase().into()]).await?;
        rows.into_iter().map(|mut row| Ok((row.id("account_id")?, row.id("id")?))).collect()
    }

    /// The pending charge that holds a claim on an account.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_charge_id_by_claim(
        &self,
        account: AccountId,
        claim: i64,
    ) -> Result<Option<ChargeId>, StoreError> {
        let row = self.query_opt(FIND_BY_CLAIM, &[account.into(), claim.into()]).await?;
        row.map(|mut row| row.id("id")).transpose()
    }

    /// Pending charges of an account that ask exactly an amount, as far as it is not paid in part.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_charges_asking(
        &self,
        account: AccountId,
        amount_minor: i64,
        limit: i64,
    ) -> Result<Vec<Charge>, StoreError> {
        let rows = self.query(LIST_ASKING, &[account.into(), amount_minor.into(), limit.into()]).await?;
        rows.into_iter().map(|row| Ok(read_charge(row)?.charge)).collect()
    }

    /// Charges of an account that asked exactly an amount when they expired or were cancelled, at `since` or later; the
    /// newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_unpaid_asking(
        &self,
        account: AccountId,
        amount_minor: i64,
        since: Timestamp,
        limit: i64,
    ) -> Result<Vec<Charge>, StoreError> {
        let params = [account.into(), amount_minor.into(), since.into(), limit.into()];
        let rows = self.query(LIST_UNPAID_ASKING, &params).await?;
        rows.into_iter().map(|row| Ok(read_charge(row)?.charge)).collect()
    }

    /// The amounts between two that pending charges of an account ask or, paid in part, asked; in no order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_amounts_asked(
        &self,
        account: AccountId,
        from_minor: i64,
        until_minor: i64,
    ) -> Result<Vec<i64>, StoreError> {
        let rows = self.query(LIST_ASKED, &[account.into(), from_minor.into(), until_minor.into()]).await?;
        let mut amounts = Vec::new();
        for mut row in rows {
            let (whole, received) = (row.int("customer_amount_minor")?, row.int("received_minor")?);
            amounts.extend([whole, whole - received]);
        }
        Ok(amounts)
    }

    /// Which of the amounts charges of an account asked that have expired or were cancelled, at `unpaid_since` or later, or
    /// that were told apart by it and paid, at `paid_since` or later; in no order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_amounts_closed(
        &self,
        account: AccountId,
        steps: AmountSteps,
        unpaid_since: Timestamp,
        paid_since: Timestamp,
    ) -> Result<Vec<i64>, StoreError> {
        let params = [
            steps.from_minor.into(),
            steps.step_minor.into(),
            steps.until_minor.into(),
            account.into(),
            unpaid_since.into(),
            paid_since.into(),
        ];
        self.query(LIST_CLOSED, &params).await?.into_iter().map(|mut row| row.int("minor")).collect()
    }

    /// Loads a charge for a change.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lock_charge(&self, id: ChargeId) -> Result<Option<VersionedCharge>, StoreError> {
        self.lock_opt(LOCK_CHARGE, &[id.into()]).await?.map(read_charge).transpose()
    }

    /// Writes what can change of a charge, if nobody was faster since `version`.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when somebody was.
    pub async fn save_charge(&self, charge: &Charge, version: i64) -> Result<(), StoreError> {
        let [status, closed_at, paid_late] = write_state(charge.state);
        let row = [
            charge.updated_at.into(),
            charge.received.minor().into(),
            status,
            closed_at,
            paid_late,
            charge.id.into(),
            version.into(),
        ];
        self.execute_one(SAVE_CHARGE, &row).await
    }

    /// Pending charges of an account whose deadline has passed, the oldest deadline first, without the first `skip`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_due_charges(
        &self,
        account: AccountId,
        now: Timestamp,
        limit: i64,
        skip: i64,
    ) -> Result<Vec<ChargeId>, StoreError> {
        let params = [account.into(), now.into(), limit.into(), skip.into()];
        let rows = self.query(LIST_DUE_CHARGES, &params).await?;
        rows.into_iter().map(|mut row| row.id("id")).collect()
    }

    /// Frees the nonces of charges that closed at or before `closed_by`; returns how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn release_nonces(
        &self,
        environment: Environment,
        closed_by: Timestamp,
        limit: i64,
    ) -> Result<u64, StoreError> {
        self.execute(RELEASE_NONCES, &[closed_by.into(), environment.as_str().into(), limit.into()]).await
    }
}
