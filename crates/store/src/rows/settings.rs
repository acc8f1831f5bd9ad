//! Named values of the installation: the sandbox clock, the check value of the master key.

use crate::engine::Tx;
use crate::error::StoreError;

statements! {
    FIND_SETTING("settings") = "SELECT value FROM settings WHERE name = $1";
    SAVE_SETTING("settings") = "INSERT INTO settings (name, value) VALUES ($1, $2) \
        ON CONFLICT (name) DO UPDATE SET value = excluded.value";
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

    /// Sets the value of a name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn save_setting(&self, name: &str, value: &str) -> Result<(), StoreError> {
        self.execute_one(SAVE_SETTING, &[name.into(), value.into()]).await
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
