//! Webhook endpoints of merchants.

use crate::engine::Tx;
use crate::error::StoreError;
use crate::value::Row;
use xanpay_domain::environment::Environment;
use xanpay_domain::id::{MerchantId, WebhookId};
use xanpay_domain::time::Timestamp;

/// An endpoint that hears of every change of a merchant's charges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Whose endpoint it is.
    pub merchant_id: MerchantId,
    /// The environment that it hears of.
    pub environment: Environment,
    /// Where it listens.
    pub url: String,
    /// User name and sealed password of HTTP Basic authentication.
    pub basic: Option<(String, Vec<u8>)>,
    /// The signing secret, sealed.
    pub secret: Vec<u8>,
    /// When it was added.
    pub created_at: Timestamp,
    /// Since when it is sent nothing new.
    pub disabled_at: Option<Timestamp>,
}

macro_rules! webhook_columns {
    () => {
        "id, merchant_id, environment, url, username, password, secret, created_at, disabled_at"
    };
}

statements! {
    INSERT_WEBHOOK("webhooks") = concat!("INSERT INTO webhooks (", webhook_columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)");
    LIST_WEBHOOKS("webhooks") = concat!("SELECT ", webhook_columns!(),
        " FROM webhooks WHERE merchant_id = $1 AND environment = $2 AND disabled_at IS NULL ORDER BY created_at, id");
    LIST_EVERY_WEBHOOK("webhooks") = concat!("SELECT ", webhook_columns!(),
        " FROM webhooks WHERE merchant_id = $1 AND environment = $2 ORDER BY created_at, id");
    FIND_WEBHOOK("webhooks") = concat!("SELECT ", webhook_columns!(), " FROM webhooks WHERE id = $1");
    DISABLE_WEBHOOK("webhooks") = "UPDATE webhooks SET disabled_at = $1 WHERE id = $2 AND environment = $3 \
        AND disabled_at IS NULL";
    ENABLE_WEBHOOK("webhooks") = "UPDATE webhooks SET disabled_at = NULL WHERE id = $1 AND environment = $2 \
        AND disabled_at IS NOT NULL";
}

fn read_webhook(mut row: Row) -> Result<Webhook, StoreError> {
    let (id, merchant_id, environment) = (row.id("id")?, row.id("merchant_id")?, row.environment()?);
    let url = row.text("url")?;
    let basic = match (row.text_opt("username")?, row.blob_opt("password")?) {
        (Some(username), Some(password)) => Some((username, password)),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => return Err(row.corrupt("password")),
    };
    Ok(Webhook {
        id,
        merchant_id,
        environment,
        url,
        basic,
        secret: row.blob("secret")?,
        created_at: row.time("created_at")?,
        disabled_at: row.int_opt("disabled_at")?.map(Timestamp::from_millis),
    })
}

impl Tx {
    /// Adds an endpoint.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert_webhook(&self, webhook: &Webhook) -> Result<(), StoreError> {
        let row = [
            webhook.id.into(),
            webhook.merchant_id.into(),
            webhook.environment.as_str().into(),
            (&webhook.url).into(),
            webhook.basic.as_ref().map(|(username, _)| username).into(),
            webhook.basic.as_ref().map(|(_, password)| password.as_slice()).into(),
            webhook.secret.as_slice().into(),
            webhook.created_at.into(),
            webhook.disabled_at.into(),
        ];
        self.execute_one(INSERT_WEBHOOK, &row).await
    }

    /// The enabled endpoints of a merchant, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_webhooks(
        &self,
        merchant: MerchantId,
        environment: Environment,
    ) -> Result<Vec<Webhook>, StoreError> {
        let rows = self.query(LIST_WEBHOOKS, &[merchant.into(), environment.as_str().into()]).await?;
        rows.into_iter().map(read_webhook).collect()
    }

    /// All endpoints of a merchant, enabled or not, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_every_webhook(
        &self,
        merchant: MerchantId,
        environment: Environment,
    ) -> Result<Vec<Webhook>, StoreError> {
        let rows = self.query(LIST_EVERY_WEBHOOK, &[merchant.into(), environment.as_str().into()]).await?;
        rows.into_iter().map(read_webhook).collect()
    }

    /// An endpoint, enabled or not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_webhook(&self, id: WebhookId) -> Result<Option<Webhook>, StoreError> {
        self.query_opt(FIND_WEBHOOK, &[id.into()]).await?.map(read_webhook).transpose()
    }

    /// Sends an endpoint of an environment no new events; tells whether it was enabled. What waits for it stays.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn disable_webhook(
        &self,
        id: WebhookId,
        environment: Environment,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(self.execute(DISABLE_WEBHOOK, &[now.into(), id.into(), environment.as_str().into()]).await? == 1)
    }

    /// Sends an endpoint new events again; tells whether it was disabled.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn enable_webhook(&self, id: WebhookId, environment: Environment) -> Result<bool, StoreError> {
        Ok(self.execute(ENABLE_WEBHOOK, &[id.into(), environment.as_str().into()]).await? == 1)
    }
}
