//! Merchants, their settings per environment, and API keys.

use super::join_methods;
use crate::engine::Tx;
use crate::error::StoreError;
use crate::value::Row;
use xanpay_domain::currency::Currency;
use xanpay_domain::environment::Environment;
use xanpay_domain::id::MerchantId;
use xanpay_domain::method::Method;
use xanpay_domain::time::Timestamp;

/// A merchant as one environment sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merchant {
    /// Its id.
    pub id: MerchantId,
    /// The name that customers see.
    pub name: String,
    /// The currency that it counts in.
    pub currency: Currency,
    /// The environment that the rest is about.
    pub environment: Environment,
    /// Methods it accepts, in the order in which customers see them.
    pub methods: Vec<Method>,
    /// Parts of the API that it may use.
    pub permissions: Vec<Permission>,
    /// Whether charges need a verified phone.
    pub phone_verification: bool,
    /// Whether charges need a hash of their amounts and orders.
    pub secure_mode: bool,
    /// Markup on exchanged amounts in hundredths of a percent.
    pub markup_bp: u32,
    /// Key of the secure mode's hash, sealed.
    pub hash_key: Vec<u8>,
    /// Private key that signs callbacks (PKCS #8), sealed.
    pub signing_key: Vec<u8>,
    /// The certificate that belongs to it, PEM.
    pub certificate: String,
}

/// A part of the API that an operator can open or close for a merchant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// `POST /charges`.
    Charges,
    /// Phone verification.
    Customers,
    /// Checkout translations.
    Translations,
    /// Refunds.
    Refunds,
}

impl Permission {
    /// All permissions.
    pub const ALL: [Self; 4] = [Self::Charges, Self::Customers, Self::Translations, Self::Refunds];

    /// The name in commands and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Charges => "charges",
            Self::Customers => "customers",
            Self::Translations => "translations",
            Self::Refunds => "refunds",
        }
    }
}

/// Switches of a merchant that are to change; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MerchantChanges {
    /// Methods it accepts, in their order.
    pub methods: Option<Vec<Method>>,
    /// Parts of the API that it may use.
    pub permissions: Option<Vec<Permission>>,
    /// Whether its charges need a verified phone.
    pub phone_verification: Option<bool>,
    /// Whether its charges need the hash of secure mode.
    pub secure_mode: Option<bool>,
    /// Markup on exchanged amounts, in hundredths of a percent.
    pub markup_bp: Option<u32>,
}

/// A key pair: the merchant's, or the operator's when no merchant is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The public half: the user name of HTTP Basic.
    pub api_key: String,
    /// Whose key it is; nothing for an operator's.
    pub merchant_id: Option<MerchantId>,
    /// The environment it opens.
    pub environment: Environment,
    /// SHA-256 of the secret, which itself has 256 random bits.
    pub secret_hash: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when it no longer works.
    pub revoked_at: Option<Timestamp>,
}

macro_rules! merchant_columns {
    () => {
        "m.id, m.name, m.currency, s.environment, s.methods, s.permissions, s.phone_verification, s.secure_mode, \
         s.markup_bp, s.hash_key, s.signing_key, s.certificate"
    };
}

statements! {
    INSERT_MERCHANT("merchants") = "INSERT INTO merchants (id, name, currency, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
    INSERT_SETTINGS("merchant_settings") = "INSERT INTO merchant_settings (merchant_id, environment, methods, permissions, \
        phone_verification, secure_mode, markup_bp, hash_key, signing_key, certificate) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    FIND_MERCHANT("merchants") = concat!("SELECT ", merchant_columns!(),
        " FROM merchants m JOIN merchant_settings s ON s.merchant_id = m.id WHERE m.id = $1 AND s.environment = $2");
    LIST_MERCHANTS("merchants") = concat!("SELECT ", merchant_columns!(),
        " FROM merchants m JOIN merchant_settings s ON s.merchant_id = m.id WHERE s.environment = $1 AND m.id > $2 ORDER BY m.id LIMIT $3");
    SAVE_SWITCHES("merchant_settings") = "UPDATE merchant_settings SET methods = COALESCE($1, methods), \
        permissions = COALESCE($2, permissions), phone_verification = COALESCE($3, phone_verification), \
        secure_mode = COALESCE($4, secure_mode), markup_bp = COALESCE($5, markup_bp) \
        WHERE merchant_id = $6 AND environment = $7";
    INSERT_KEY("api_keys") = "INSERT INTO api_keys (api_key, merchant_id, environment, secret_hash, created_at, revoked_at) \
        VALUES ($1, $2, $3, $4, $5, $6)";
    FIND_KEY("api_keys") = "SELECT api_key, merchant_id, environment, secret_hash, created_at, revoked_at FROM api_keys WHERE api_key = $1";
    LIST_KEYS("api_keys") = "SELECT api_key, merchant_id, environment, secret_hash, created_at, revoked_at FROM api_keys \
        WHERE merchant_id = $1 AND environment = $2 ORDER BY created_at, api_key";
    REVOKE_KEY("api_keys") = "UPDATE api_keys SET revoked_at = $1 WHERE api_key = $2 AND revoked_at IS NULL";
}

fn read_merchant(mut row: Row) -> Result<Merchant, StoreError> {
    let permission = |name: &str| Permission::ALL.into_iter().find(|known| known.as_str() == name).ok_or(());
    Ok(Merchant {
        id: row.id("id")?,
        name: row.text("name")?,
        currency: row.parse("currency", str::parse)?,
        environment: row.environment()?,
        methods: row.methods()?,
        permissions: row.parse("permissions", |text| {
            text.split(',').filter(|name| !name.is_empty()).map(permission).collect::<Result<_, ()>>()
        })?,
        phone_verification: row.flag("phone_verification")?,
        secure_mode: row.flag("secure_mode")?,
        markup_bp: u32::try_from(row.int("markup_bp")?).map_err(|_| row.corrupt("markup_bp"))?,
        hash_key: row.blob("hash_key")?,
        signing_key: row.blob("signing_key")?,
        certificate: row.text("certificate")?,
    })
}

fn join_permissions(permissions: &[Permission]) -> String {
    permissions.iter().map(|permission| permission.as_str()).collect::<Vec<_>>().join(",")
}

fn read_key(mut row: Row) -> Result<ApiKey, StoreError> {
    Ok(ApiKey {
        api_key: row.text("api_key")?,
        merchant_id: row.id_opt("merchant_id")?,
        environment: row.environment()?,
        secret_hash: row.blob("secret_hash")?,
        created_at: row.time("created_at")?,
        revoked_at: row.int_opt("revoked_at")?.map(Timestamp::from_millis),
    })
}

impl Tx {
    /// Adds a merchant, or the settings of a further environment to one that is there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert_merchant(&self, merchant: &Merchant, now: Timestamp) -> Result<(), StoreError> {
        let id = merchant.id;
        let row = [id.into(), (&merchant.name).into(), merchant.currency.code().into(), now.into()];
        self.execute(INSERT_MERCHANT, &row).await?;
        let settings = [
            id.into(),
            merchant.environment.as_str().into(),
            join_methods(&merchant.methods).into(),
            join_permissions(&merchant.permissions).into(),
            merchant.phone_verification.into(),
            merchant.secure_mode.into(),
            i64::from(merchant.markup_bp).into(),
            merchant.hash_key.as_slice().into(),
            merchant.signing_key.as_slice().into(),
            (&merchant.certificate).into(),
        ];
        self.execute_one(INSERT_SETTINGS, &settings).await
    }

    /// A merchant in one environment.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_merchant(
        &self,
        id: MerchantId,
        environment: Environment,
    ) -> Result<Option<Merchant>, StoreError> {
        let row = self.query_opt(FIND_MERCHANT, &[id.into(), environment.as_str().into()]).await?;
        row.map(read_merchant).transpose()
    }

    /// A page of merchants in one environment, by id, after `after`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_merchants(
        &self,
        environment: Environment,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Merchant>, StoreError> {
        let rows = self.query(LIST_MERCHANTS, &[environment.as_str().into(), after.into(), limit.into()]).await?;
        rows.into_iter().map(read_merchant).collect()
    }

    /// Changes switches of a merchant, those that are named and no others; tells whether there is such a merchant.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn save_merchant_switches(
        &self,
        id: MerchantId,
        environment: Environment,
        changes: &MerchantChanges,
    ) -> Result<bool, StoreError> {
        let row = [
            changes.methods.as_deref().map(join_methods).into(),
            changes.permissions.as_deref().map(join_permissions).into(),
            changes.phone_verification.into(),
            changes.secure_mode.into(),
            changes.markup_bp.map(i64::from).into(),
            id.into(),
            environment.as_str().into(),
        ];
        Ok(self.execute(SAVE_SWITCHES, &row).await? == 1)
    }

    /// Adds a key pair.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert_api_key(&self, key: &ApiKey) -> Result<(), StoreError> {
        let row = [
            (&key.api_key).into(),
            key.merchant_id.into(),
            key.environment.as_str().into(),
            key.secret_hash.as_slice().into(),
            key.created_at.into(),
            key.revoked_at.into(),
        ];
        self.execute_one(INSERT_KEY, &row).await
    }

    /// A key pair by its public half, revoked or not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_api_key(&self, api_key: &str) -> Result<Option<ApiKey>, StoreError> {
        self.query_opt(FIND_KEY, &[api_key.into()]).await?.map(read_key).transpose()
    }

    /// The key pairs of a merchant, revoked or not, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_api_keys(
        &self,
        merchant: MerchantId,
        environment: Environment,
    ) -> Result<Vec<ApiKey>, StoreError> {
        let rows = self.query(LIST_KEYS, &[merchant.into(), environment.as_str().into()]).await?;
        rows.into_iter().map(read_key).collect()
    }

    /// Revokes a key; tells whether it was active.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn revoke_api_key(&self, api_key: &str, now: Timestamp) -> Result<bool, StoreError> {
        Ok(self.execute(REVOKE_KEY, &[now.into(), api_key.into()]).await? == 1)
    }
}
