//! Sessions.

use super::join_methods;
use crate::engine::Tx;
use crate::error::StoreError;
use crate::value::{Row, Value};
use xanpay_domain::contact::{Email, Phone};
use xanpay_domain::id::{MerchantId, SessionId};
use xanpay_domain::session::{Prefill, Session, SessionState};
use xanpay_domain::time::Timestamp;

macro_rules! session_columns {
    () => {
        "id, merchant_id, environment, amount_minor, currency, orders, methods, notify_url, notify_payload, redirect_url, \
         prefill, prefill_email, prefill_phone_code, prefill_phone, created_at, updated_at, status, expires_at, charge_id, version"
    };
}

statements! {
    INSERT_SESSION("sessions", for_many) = concat!("INSERT INTO sessions (", session_columns!(), ") \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, 1)");
    FIND_SESSION("sessions", for_many) = concat!("SELECT ", session_columns!(), " FROM sessions WHERE id = $1");
    LOCK_SESSION("sessions") = concat!("UPDATE sessions SET version = version + 1 WHERE id = $1 RETURNING ", session_columns!());
    SAVE_SESSION("sessions") = "UPDATE sessions SET updated_at = $1, status = $2, expires_at = $3, charge_id = $4, \
        version = version + 1 WHERE id = $5 AND version = $6";
}

fn read_session(mut row: Row) -> Result<(Session, i64), StoreError> {
    let (id, merchant_id, environment) = (row.id("id")?, row.id("merchant_id")?, row.environment()?);
    let amount = row.money("amount_minor")?;
    let (orders, methods) = (row.text_opt("orders")?, row.methods()?);
    let (notify_url, notify_payload) = (row.text_opt("notify_url")?, row.text_opt("notify_payload")?);
    let redirect_url = row.text_opt("redirect_url")?;
    let prefill = read_prefill(&mut row)?;
    let (created_at, updated_at) = (row.time("created_at")?, row.time("updated_at")?);
    let state = read_state(&mut row)?;
    let version = row.int("version")?;
    let session = Session {
        id,
        merchant_id,
        environment,
        amount,
        orders,
        methods,
        notify_url,
        notify_payload,
        redirect_url,
        prefill,
        created_at,
        updated_at,
        state,
    };
    Ok((session, version))
}

fn read_prefill(row: &mut Row) -> Result<Option<Prefill>, StoreError> {
    let given = row.flag("prefill")?;
    let email = row.text_opt("prefill_email")?.map(|text| Email::stored(&text)).transpose();
    let email = email.map_err(|_| row.corrupt("prefill_email"))?;
    let phone = read_phone(row, "prefill_phone")?;
    Ok(given.then_some(Prefill { email, phone }))
}

/// A phone from two columns: code, then number.
pub(super) fn read_phone(row: &mut Row, column: &'static str) -> Result<Option<Phone>, StoreError> {
    match (row.text_opt(column)?, row.text_opt(column)?) {
        (Some(code), Some(number)) => Phone::as_given(&code, &number).map(Some).map_err(|_| row.corrupt(column)),
        (None, None) => Ok(None),
        (Some(_), None) | (None, Some(_)) => Err(row.corrupt(column)),
    }
}

fn read_state(row: &mut Row) -> Result<SessionState, StoreError> {
    let status = row.text("status")?;
    let expires_at = row.int_opt("expires_at")?.map(Timestamp::from_millis);
    let charge_id = row.id_opt("charge_id")?;
    match (status.as_str(), expires_at, charge_id) {
        ("created", Some(expires_at), None) => Ok(SessionState::Created { expires_at }),
        ("initiated", Some(expires_at), None) => Ok(SessionState::Initiated { expires_at }),
        ("charged", None, Some(charge_id)) => Ok(SessionState::Charged { charge_id }),
        ("cancelled", None, None) => Ok(SessionState::Cancelled),
        ("expired", None, None) => Ok(SessionState::Expired),
        _ => Err(row.corrupt("status")),
    }
}

/// The columns status, expires_at and charge_id.
fn write_state(state: SessionState) -> [Value<'static>; 3] {
    let (expires_at, charge_id) = match state {
        SessionState::Created { expires_at } | SessionState::Initiated { expires_at } => (Some(expires_at), None),
        SessionState::Charged { charge_id } => (None, Some(charge_id)),
        SessionState::Cancelled | SessionState::Expired => (None, None),
    };
    [state.as_str().into(), expires_at.into(), charge_id.into()]
}

impl Tx {
    /// Adds a session.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert_session(&self, session: &Session) -> Result<(), StoreError> {
        let prefill = session.prefill.as_ref();
        let phone = prefill.and_then(|prefill| prefill.phone.as_ref());
        let [status, expires_at, charge_id] = write_state(session.state);
        let row = [
            session.id.into(),
            session.merchant_id.into(),
            session.environment.as_str().into(),
            session.amount.minor().into(),
            session.amount.currency().code().into(),
            session.orders.as_ref().into(),
            join_methods(&session.methods).into(),
            session.notify_url.as_ref().into(),
            session.notify_payload.as_ref().into(),
            session.redirect_url.as_ref().into(),
            prefill.is_some().into(),
            prefill.and_then(|prefill| prefill.email.as_ref()).map(Email::as_str).into(),
            phone.map(Phone::code).into(),
            phone.map(Phone::number).into(),
            session.created_at.into(),
            session.updated_at.into(),
            status,
            expires_at,
            charge_id,
        ];
        self.execute_one(INSERT_SESSION, &row).await
    }

    /// A session of any merchant: for the checkout, where the id itself is the permission.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        let Some(row) = self.query_opt(FIND_SESSION, &[id.into()]).await? else { return Ok(None) };
        let (session, _) = read_session(row)?;
        Ok(Some(session))
    }

    /// A session of one merchant; another merchant's is as absent as none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_session_of(
        &self,
        merchant: MerchantId,
        environment: xanpay_domain::environment::Environment,
        id: SessionId,
    ) -> Result<Option<Session>, StoreError> {
        let found = self.find_session(id).await?;
        Ok(found.filter(|session| session.merchant_id == merchant && session.environment == environment))
    }

    /// Loads a session for a change, with the version that [`Tx::save_session`] needs.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lock_session(&self, id: SessionId) -> Result<Option<(Session, i64)>, StoreError> {
        self.lock_opt(LOCK_SESSION, &[id.into()]).await?.map(read_session).transpose()
    }

    /// Writes a session's state if nobody was faster.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when somebody was.
    pub async fn save_session(
        &self,
        id: SessionId,
        state: SessionState,
        updated_at: Timestamp,
        version: i64,
    ) -> Result<(), StoreError> {
        let [status, expires_at, charge_id] = write_state(state);
        self.execute_one(SAVE_SESSION, &[updated_at.into(), status, expires_at, charge_id, id.into(), version.into()])
            .await
    }
}
