//! Named values of the installation: the sandbox clock, the check value of the master key.

use crate::engine::Tx;
use crate::error::StoreError;

statements! {
    FIND_SETTING("settings") = "SELECT value FROM settings WHERE name = $1";
    RAISE_SETTING("settings") = "INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE \
        SET value = CAST(CAST(settings.value AS BIGINT) + CAST(excluded.value AS BIGINT) AS TEXT) \
        WHERE CAST(settings.value AS BIGINT) + CAST(excluded.value AS BIGINT) <= $3 \
        RETURNING CAST(value AS BIGINT) AS value";
    INSERT_SETTING("settings") = "INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING";
}

impl Tx {
    /// The value of a name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        let row = self.query_opt(FIND_SETTING, &[name.into()]).await?;
        row.map(|mut row| row.text("value")).transpose()
    }

    /// Adds to the number of a name, which counts from nothing, and returns what it has become; nothing when that would
    /// be more than `at_most`, and then it stays. One statement, so that what many add at once adds up.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn raise_setting(&self, name: &str, by: i64, at_most: i64) -> Result<Option<i64>, StoreError> {
        if by > at_most {
            return Ok(None);
        }
        let rows = self.change(RAISE_SETTING, &[name.into(), by.to_string().into(), at_most.into()]).await?;
        rows.into_iter().next().map(|mut row| row.int("value")).transpose()
    }

    /// Sets the value of a name unless it has one, and returns the value that stands.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert_setting(&self, name: &str, value: &str) -> Result<String, StoreError> {
        self.execute(INSERT_SETTING, &[name.into(), value.into()]).await?;
        self.find_setting(name).await?.ok_or(StoreError::Conflict)
    }
}
