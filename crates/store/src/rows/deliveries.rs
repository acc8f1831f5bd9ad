//! The outbox: events, their deliveries and every attempt.

use crate::engine::{Sql, Tx};
use crate::error::StoreError;
use crate::value::Row;
use xanpay_domain::environment::Environment;
use xanpay_domain::id::{ChargeId, DeliveryId, EventId, MerchantId, WebhookId};
use xanpay_domain::time::Timestamp;

/// Something that happened to a charge, in the words that merchants hear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its id, the same at every attempt.
    pub id: EventId,
    /// Whose charge it is about.
    pub merchant_id: MerchantId,
    /// The environment it happened in.
    pub environment: Environment,
    /// The charge.
    pub charge_id: ChargeId,
    /// Counts the events of one charge upwards.
    pub sequence: i64,
    /// The body to send, byte for byte.
    pub body: String,
    /// When it happened.
    pub created_at: Timestamp,
}

/// Where an event goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// The endpoint; nothing for the charge's own `notifyUrl`.
    pub webhook_id: Option<WebhookId>,
    /// The address.
    pub url: String,
}

/// A delivery that a worker has taken on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedDelivery {
    /// Its id.
    pub id: DeliveryId,
    /// The event that it carries.
    pub event_id: EventId,
    /// Whose event it is.
    pub merchant_id: MerchantId,
    /// The environment it belongs to.
    pub environment: Environment,
    /// Where it goes.
    pub recipient: Recipient,
    /// Attempts so far.
    pub attempts: u32,
    /// The lane, of a charge and its receiver: deliveries of one lane leave in their sequence.
    pub lane: String,
    /// Its place in the lane.
    pub sequence: i64,
    /// When the event happened.
    pub created_at: Timestamp,
    /// The body to send.
    pub body: String,
    /// Until when the delivery is this worker's; also the name of its lease, as no two leases of one delivery end alike.
    pub leased_until: Timestamp,
}

impl ClaimedDelivery {
    /// The ids of the charge and of the endpoint, which is `callback` for the charge's own `notifyUrl`.
    #[must_use]
    pub fn charge_and_endpoint(&self) -> (&str, &str) {
        self.lane.split_once('/').unwrap_or_default()
    }
}

/// What one attempt brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// When it began.
    pub attempted_at: Timestamp,
    /// The receiver's status, or why there was none.
    pub result: Result<u16, String>,
    /// The start of the receiver's answer.
    pub excerpt: String,
    /// How long it took, in milliseconds.
    pub elapsed_ms: i64,
}

statements! {
    INSERT_EVENT("events", for_many) = "INSERT INTO events (id, merchant_id, environment, charge_id, sequence, body, created_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    INSERT_DELIVERY("deliveries", for_many) = "INSERT INTO deliveries (id, event_id, merchant_id, environment, webhook_id, url, lane, \
        sequence, state, attempts, next_attempt_at, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'pending', 0, \
        COALESCE((SELECT MAX(next_attempt_at) FROM deliveries WHERE lane = $7 AND state = 'pending' AND attempts > 0 \
        AND next_attempt_at > $9), $9), $10)";
    CLAIM_DELIVERIES("deliveries") = "WITH due AS MATERIALIZED (SELECT id FROM deliveries d \
        WHERE finished_at IS NULL AND next_attempt_at <= $1 AND NOT EXISTS (SELECT 1 FROM deliveries earlier \
        WHERE earlier.lane = d.lane AND earlier.state = 'pending' AND earlier.sequence < d.sequence) \
        ORDER BY next_attempt_at LIMIT $2 /* skip locked */) \
        UPDATE deliveries SET next_attempt_at = $3 \
        WHERE id IN (SELECT id FROM due) AND state = 'pending' AND next_attempt_at <= $1 \
        RETURNING id, event_id, merchant_id, environment, webhook_id, url, attempts, lane, sequence, created_at, \
        (SELECT body FROM events WHERE events.id = deliveries.event_id), next_attempt_at";
    INSERT_ATTEMPT("delivery_attempts", for_many) = "INSERT INTO delivery_attempts \
        (delivery_id, number, attempted_at, status, error, excerpt, elapsed_ms) VALUES ($1, \
        (SELECT COALESCE(MAX(number), 0) + 1 FROM delivery_attempts WHERE delivery_id = $1), $2, $3, $4, $5, $6) \
        ON CONFLICT DO NOTHING";
    SAVE_DELIVERED("deliveries", for_many) = "UPDATE deliveries SET state = 'delivered', attempts = attempts + 1, finished_at = $1 \
        WHERE id = $2 AND state = 'pending'";
    SAVE_GIVEN_UP("deliveries") = "UPDATE deliveries SET state = 'given_up', attempts = attempts + 1, finished_at = $1 \
        WHERE id = $2 AND state = 'pending' AND next_attempt_at = $3";
    POSTPONE_DELIVERY("deliveries") = "UPDATE deliveries SET attempts = attempts + 1, next_attempt_at = $1 \
        WHERE id = $2 AND state = 'pending' AND next_attempt_at = $3";
    END_DELIVERIES("deliveries") = "UPDATE deliveries SET state = 'given_up', attempts = attempts + 1, finished_at = $1 \
        WHERE id IN (SELECT id FROM deliveries WHERE finished_at IS NULL AND webhook_id = $2 \
        ORDER BY next_attempt_at LIMIT $3) AND state = 'pending' RETURNING id";
    RELEASE_DELIVERY("deliveries") = "UPDATE deliveries SET next_attempt_at = $1 \
        WHERE id = $2 AND state = 'pending' AND next_attempt_at = $3";
    POSTPONE_LANE("deliveries") = "UPDATE deliveries SET next_attempt_at = $1 \
        WHERE lane = $2 AND state = 'pending' AND sequence > $3 AND next_attempt_at < $1";
    HASTEN_LANE("deliveries") = "UPDATE deliveries SET next_attempt_at = $1 \
        WHERE lane = $2 AND state = 'pending' AND sequence > $3 AND next_attempt_at > $1";
    FIND_DUE("deliveries") = "SELECT id FROM deliveries WHERE finished_at IS NULL AND next_attempt_at <= $1 LIMIT 1";
    COUNT_WAITING("deliveries") = "SELECT CAST(COUNT(*) AS BIGINT) FROM \
        (SELECT 1 FROM deliveries WHERE finished_at IS NULL LIMIT $1) AS waiting";
    LIST_DELIVERIES("deliveries") = "SELECT d.id, d.event_id, d.url, d.state, d.attempts, d.sequence \
        FROM events e JOIN deliveries d ON d.event_id = e.id WHERE e.charge_id = $1 ORDER BY e.sequence, d.id";
    LIST_ATTEMPTS("delivery_attempts") = "SELECT delivery_id, attempted_at, status, error, excerpt, elapsed_ms \
        FROM delivery_attempts WHERE delivery_id = $1 ORDER BY number";
}

/// A delivery as reports show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryReport {
    /// Its id.
    pub id: DeliveryId,
    /// The event that it carries.
    pub event_id: EventId,
    /// Where it goes.
    pub url: String,
    /// `pending`, `delivered` or `given_up`.
    pub state: String,
    /// Attempts so far.
    pub attempts: i64,
    /// The event's place among the charge's events.
    pub sequence: i64,
}

fn read_claimed(mut row: Row) -> Result<ClaimedDelivery, StoreError> {
    Ok(ClaimedDelivery {
        id: row.id("id")?,
        event_id: row.id("event_id")?,
        merchant_id: row.id("merchant_id")?,
        environment: row.environment()?,
        recipient: Recipient { webhook_id: row.id_opt("webhook_id")?, url: row.text("url")? },
        attempts: u32::try_from(row.int("attempts")?).map_err(|_| row.corrupt("attempts"))?,
        lane: row.text("lane")?,
        sequence: row.int("sequence")?,
        created_at: row.time("created_at")?,
        body: row.text("body")?,
        leased_until: row.time("next_attempt_at")?,
    })
}

impl Tx {
    /// Adds an event and one delivery per recipient, due at once; where an earlier one of its lane has failed and is
    /// tried again later, due then, so that a dead receiver's backlog is not looked at over and over.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn push_event(&self, event: &Event, recipients: &[(DeliveryId, Recipient)]) -> Result<(), StoreError> {
        let row = [
            event.id.into(),
            event.merchant_id.into(),
            event.environment.as_str().into(),
            event.charge_id.into(),
            event.sequence.into(),
            (&event.body).into(),
            event.created_at.into(),
        ];
        self.execute_one(INSERT_EVENT, &row).await?;
        for (id, recipient) in recipients {
            let destination = recipient.webhook_id.map_or_else(|| "callback".to_owned(), |id| id.to_text());
            let row = [
                (*id).into(),
                event.id.into(),
                event.merchant_id.into(),
                event.environment.as_str().into(),
                recipient.webhook_id.into(),
                (&recipient.url).into(),
                format!("{}/{destination}", event.charge_id).into(),
                event.sequence.into(),
                event.created_at.into(),
                event.created_at.into(),
            ];
            self.execute_one(INSERT_DELIVERY, &row).await?;
        }
        Ok(())
    }

    /// Takes up to `limit` due deliveries on until `leased_until`. After that instant another worker may take them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn claim_deliveries(
        &self,
        now: Timestamp,
        leased_until: Timestamp,
        limit: i64,
    ) -> Result<Vec<ClaimedDelivery>, StoreError> {
        let rows = self.change(CLAIM_DELIVERIES, &[now.into(), limit.into(), leased_until.into()]).await?;
        rows.into_iter().map(read_claimed).collect()
    }

    /// Records an attempt that ends a delivery, delivered or given up; what waits behind it in its lane is due. Without
    /// the lease, which ran out, an attempt is recorded all the same and a success counts, but giving up is left to the
    /// worker that has the delivery now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn finish_delivery(
        &self,
        delivery: &ClaimedDelivery,
        attempt: &Attempt,
        delivered: bool,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.insert_attempt(delivery.id, attempt).await?;
        let ended = if delivered {
            self.execute(SAVE_DELIVERED, &[now.into(), delivery.id.into()]).await?
        } else {
            self.execute(SAVE_GIVEN_UP, &[now.into(), delivery.id.into(), delivery.leased_until.into()]).await?
        };
        // What came while a retry was on its way waits for the end of its lease.
        if ended == 1 && delivery.attempts > 0 {
            let lane = [now.into(), (&delivery.lane).into(), delivery.sequence.into()];
            self.execute(HASTEN_LANE, &lane).await?;
        }
        Ok(())
    }

    /// Records a failed attempt and when the next one is due; what waits behind it in its lane waits as long. Without
    /// the lease, which ran out, the attempt is recorded and nothing else changes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn postpone_delivery(
        &self,
        delivery: &ClaimedDelivery,
        attempt: &Attempt,
        next_attempt_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.insert_attempt(delivery.id, attempt).await?;
        self.put_back(POSTPONE_DELIVERY, delivery, next_attempt_at).await
    }

    /// Gives a claimed delivery back untried, due again at `next_attempt_at`; what waits behind it waits as long.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn release_delivery(
        &self,
        delivery: &ClaimedDelivery,
        next_attempt_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.put_back(RELEASE_DELIVERY, delivery, next_attempt_at).await
    }

    /// Gives up to `limit` deliveries up that wait for an endpoint, leased or not, and records for each the attempt that
    /// was not made. Returns how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_deliveries(&self, webhook: WebhookId, unmade: &Attempt, limit: i64) -> Result<usize, StoreError> {
        let params = [unmade.attempted_at.into(), webhook.into(), limit.into()];
        let ended = self.change(END_DELIVERIES, &params).await?;
        let count = ended.len();
        for mut row in ended {
            self.insert_attempt(row.id("id")?, unmade).await?;
        }
        Ok(count)
    }

    /// Ends the lease of a delivery, if it is still held, and lets what is behind it in its lane wait as long.
    async fn put_back(
        &self,
        statement: Sql,
        delivery: &ClaimedDelivery,
        next_attempt_at: Timestamp,
    ) -> Result<(), StoreError> {
        let lease = [next_attempt_at.into(), delivery.id.into(), delivery.leased_until.into()];
        if self.execute(statement, &lease).await? == 1 {
            let lane = [next_attempt_at.into(), (&delivery.lane).into(), delivery.sequence.into()];
            self.execute(POSTPONE_LANE, &lane).await?;
        }
        Ok(())
    }

    async fn insert_attempt(&self, delivery: DeliveryId, attempt: &Attempt) -> Result<(), StoreError> {
        let row = [
            delivery.into(),
            attempt.attempted_at.into(),
            attempt.result.as_ref().ok().map(|status| i64::from(*status)).into(),
            attempt.result.as_ref().err().into(),
            (&attempt.excerpt).into(),
            attempt.elapsed_ms.into(),
        ];
        // No row: two workers recorded their attempts at once and counted the same number. The loser counts again.
        self.execute_one(INSERT_ATTEMPT, &row).await
    }

    /// Whether any delivery is due.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_due_deliveries(&self, now: Timestamp) -> Result<bool, StoreError> {
        Ok(self.query_opt(FIND_DUE, &[now.into()]).await?.is_some())
    }

    /// How many deliveries wait, counted up to `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_waiting_deliveries(&self, limit: i64) -> Result<i64, StoreError> {
        self.count(COUNT_WAITING, &[limit.into()]).await
    }

    /// The deliveries of a charge's events, in order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_deliveries(&self, charge: ChargeId) -> Result<Vec<DeliveryReport>, StoreError> {
        let rows = self.query(LIST_DELIVERIES, &[charge.into()]).await?;
        let read = |mut row: Row| {
            Ok(DeliveryReport {
                id: row.id("id")?,
                event_id: row.id("event_id")?,
                url: row.text("url")?,
                state: row.text("state")?,
                attempts: row.int("attempts")?,
                sequence: row.int("sequence")?,
            })
        };
        rows.into_iter().map(read).collect()
    }

    /// The attempts of a delivery, first to last.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_attempts(&self, delivery: DeliveryId) -> Result<Vec<Attempt>, StoreError> {
        let rows = self.query(LIST_ATTEMPTS, &[delivery.into()]).await?;
        let read = |mut row: Row| {
            row.text("delivery_id")?;
            let attempted_at = row.time("attempted_at")?;
            let status = row.int_opt("status")?.and_then(|status| u16::try_from(status).ok());
            let error = row.text_opt("error")?;
            let result = status.ok_or_else(|| error.unwrap_or_default());
            Ok(Attempt { attempted_at, result, excerpt: row.text("excerpt")?, elapsed_ms: row.int("elapsed_ms")? })
        };
        rows.into_iter().map(read).collect()
    }
}
