//! Customers: one id per person and merchant.

use crate::engine::Tx;
use crate::error::StoreError;
use xanpay_domain::environment::Environment;
use xanpay_domain::id::{CustomerId, MerchantId};
use xanpay_domain::time::Timestamp;

statements! {
    FIND_CUSTOMER("customers", for_many) = "SELECT id FROM customers WHERE merchant_id = $1 AND environment = $2 AND identity = $3";
    INSERT_CUSTOMER("customers", for_many) = "INSERT INTO customers (id, merchant_id, environment, identity, created_at) \
        VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
}

impl Tx {
    /// The customer whom a merchant knows by `identity` (`phone:+65...` or `email:...`), added as `fresh` if new.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_or_insert_customer(
        &self,
        merchant: MerchantId,
        environment: Environment,
        identity: &str,
        fresh: CustomerId,
        now: Timestamp,
    ) -> Result<CustomerId, StoreError> {
        let key = [merchant.into(), environment.as_str().into(), identity.into()];
        if let Some(mut row) = self.query_opt(FIND_CUSTOMER, &key).await? {
            return row.id("id");
        }
        let row = [fresh.into(), merchant.into(), environment.as_str().into(), identity.into(), now.into()];
        if self.execute(INSERT_CUSTOMER, &row).await? == 1 {
            return Ok(fresh);
        }
        // Somebody else was faster; what they inserted is visible now, or the transaction runs again.
        self.query_opt(FIND_CUSTOMER, &key).await?.ok_or(StoreError::Conflict)?.id("id")
    }
}
