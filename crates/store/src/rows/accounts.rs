//! Receiving accounts.

use crate::engine::Tx;
use crate::error::StoreError;
use crate::value::Row;
use xanpay_domain::environment::Environment;
use xanpay_domain::id::{AccountId, MerchantId};
use xanpay_domain::matching::Policy;
use xanpay_domain::method::Method;
use xanpay_domain::time::Timestamp;

/// An account that customers pay into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// What charges, transfers and books refer to; kept for ever.
    pub id: AccountId,
    /// The environment it belongs to.
    pub environment: Environment,
    /// The method that uses it.
    pub method: Method,
    /// What the payer pays to, in the rail's normal form.
    pub account: String,
    /// Name of its holder.
    pub account_name: String,
    /// Name of its bank; empty when the rail needs none.
    pub bank: String,
    /// The bank's own QR that charges are made from, where the rail needs one.
    pub template_qr: Option<String>,
    /// Whether that QR is shown unchanged.
    pub template_as_issued: bool,
    /// How transfers to it are told apart.
    pub policy: Policy,
    /// The account as bank statements name it.
    pub statement_account: Option<String>,
    /// The merchant that owns it; nothing for an account of the operator, which serves every merchant.
    pub merchant_id: Option<MerchantId>,
    /// When it was added.
    pub created_at: Timestamp,
    /// Since when it is used for no new charge.
    pub disabled_at: Option<Timestamp>,
}

macro_rules! account_columns {
    () => {
        "id, environment, method, account, account_name, bank, template_qr, template_as_issued, policy, statement_account, merchant_id, created_at, disabled_at"
    };
}

statements! {
    INSERT_ACCOUNT("receiving_accounts") = concat!("INSERT INTO receiving_accounts (", account_columns!(),
        ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT DO NOTHING");
    LIST_ACCOUNTS("receiving_accounts") = concat!("SELECT ", account_columns!(),
        " FROM receiving_accounts WHERE environment = $1 ORDER BY created_at, id");
    DISABLE_ACCOUNT("receiving_accounts") = "UPDATE receiving_accounts SET disabled_at = $1 WHERE id = $2 \
        AND environment = $3 AND disabled_at IS NULL";
    ENABLE_ACCOUNT("receiving_accounts") = "UPDATE receiving_accounts SET disabled_at = NULL WHERE id = $1 \
        AND environment = $2 AND disabled_at IS NOT NULL";
    ENABLE_ACCOUNT_AS("receiving_accounts") = "UPDATE receiving_accounts SET account_name = $1, template_qr = $2, \
        template_as_issued = $3, disabled_at = NULL WHERE id = $4 AND environment = $5 AND disabled_at IS NOT NULL";
    LIST_DUE_ACCOUNTS("receiving_accounts") = "SELECT id FROM receiving_accounts WHERE environment = $1 AND EXISTS \
        (SELECT 1 FROM charges WHERE account_id = receiving_accounts.id AND closed_at IS NULL AND expires_at <= $2)";
    COUNT_PENDING("charges") = "SELECT CAST(COUNT(*) AS BIGINT) FROM \
        (SELECT 1 FROM charges WHERE account_id = $1 AND closed_at IS NULL LIMIT $2) AS pending";
}

fn read_account(mut row: Row) -> Result<Account, StoreError> {
    Ok(Account {
        id: row.id("id")?,
        environment: row.environment()?,
        method: row.parse("method", str::parse)?,
        account: row.text("account")?,
        account_name: row.text("account_name")?,
        bank: row.text("bank")?,
        template_qr: row.text_opt("template_qr")?,
        template_as_issued: row.flag("template_as_issued")?,
        policy: row.parse("policy", str::parse)?,
        statement_account: row.text_opt("statement_account")?,
        merchant_id: row.id_opt("merchant_id")?,
        created_at: row.time("created_at")?,
        disabled_at: row.int_opt("disabled_at")?.map(Timestamp::from_millis),
    })
}

impl Tx {
    /// Adds an account; tells whether it was new.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert_account(&self, account: &Account) -> Result<bool, StoreError> {
        let row = [
            account.id.into(),
            account.environment.as_str().into(),
            account.method.as_str().into(),
            (&account.account).into(),
            (&account.account_name).into(),
            (&account.bank).into(),
            account.template_qr.as_ref().into(),
            account.template_as_issued.into(),
            account.policy.as_str().into(),
            account.statement_account.as_ref().into(),
            account.merchant_id.into(),
            account.created_at.into(),
            account.disabled_at.into(),
        ];
        Ok(self.execute(INSERT_ACCOUNT, &row).await? == 1)
    }

    /// Every account of an environment, oldest first: an operator has few. One that cannot be read stands among them as
    /// its error: whether the others go on without it depends on what they are wanted for.
    ///
    /// # Errors
    /// [`StoreError`] when none can be read.
    pub async fn list_accounts(
        &self,
        environment: Environment,
    ) -> Result<Vec<Result<Account, StoreError>>, StoreError> {
        let rows = self.query(LIST_ACCOUNTS, &[environment.as_str().into()]).await?;
        Ok(rows.into_iter().map(read_account).collect())
    }

    /// The accounts of an environment on which a pending charge's deadline has passed, in no order. One whose id cannot be
    /// read stands among them as its error.
    ///
    /// # Errors
    /// [`StoreError`] when none can be read.
    pub async fn list_due_accounts(
        &self,
        environment: Environment,
        now: Timestamp,
    ) -> Result<Vec<Result<AccountId, StoreError>>, StoreError> {
        let rows = self.query(LIST_DUE_ACCOUNTS, &[environment.as_str().into(), now.into()]).await?;
        Ok(rows.into_iter().map(|mut row| row.id("id")).collect())
    }

    /// Takes an account of an environment out of use for new charges; tells whether it was enabled.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn disable_account(
        &self,
        id: AccountId,
        environment: Environment,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(self.execute(DISABLE_ACCOUNT, &[now.into(), id.into(), environment.as_str().into()]).await? == 1)
    }

    /// Lets an account of an environment take new charges again; tells whether it was disabled.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn enable_account(&self, id: AccountId, environment: Environment) -> Result<bool, StoreError> {
        Ok(self.execute(ENABLE_ACCOUNT, &[id.into(), environment.as_str().into()]).await? == 1)
    }

    /// The same with the holder's name and the issued code of `shown`; what tells the account's money apart stays as it is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn enable_account_as(&self, id: AccountId, shown: &Account) -> Result<bool, StoreError> {
        let row = [
            (&shown.account_name).into(),
            shown.template_qr.as_ref().into(),
            shown.template_as_issued.into(),
            id.into(),
            shown.environment.as_str().into(),
        ];
        Ok(self.execute(ENABLE_ACCOUNT_AS, &row).await? == 1)
    }

    /// How many charges wait for money on an account, counted up to `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_pending_charges(&self, id: AccountId, limit: i64) -> Result<i64, StoreError> {
        self.count(COUNT_PENDING, &[id.into(), limit.into()]).await
    }
}
