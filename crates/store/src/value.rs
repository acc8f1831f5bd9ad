//! Values on their way into and out of a statement. Three types serve both databases.

use crate::error::StoreError;
use std::borrow::Cow;

/// A parameter or a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// NULL.
    Null,
    /// BIGINT or INTEGER.
    Int(i64),
    /// TEXT.
    Text(Cow<'a, str>),
    /// BYTEA or BLOB.
    Blob(Cow<'a, [u8]>),
}

impl Value<'_> {
    /// The same, for as long as it takes.
    pub(crate) fn to_owned_value(&self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Int(value) => Value::Int(*value),
            Self::Text(text) => Value::Text(Cow::Owned(text.clone().into_owned())),
            Self::Blob(bytes) => Value::Blob(Cow::Owned(bytes.clone().into_owned())),
        }
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}
impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Int(i64::from(value))
    }
}
impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(Cow::Borrowed(value))
    }
}
impl<'a> From<&'a String> for Value<'a> {
    fn from(value: &'a String) -> Self {
        Self::Text(Cow::Borrowed(value))
    }
}
impl From<String> for Value<'_> {
    fn from(value: String) -> Self {
        Self::Text(Cow::Owned(value))
    }
}
impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Blob(Cow::Borrowed(value))
    }
}
impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
impl<Kind> From<xanpay_domain::id::Id<Kind>> for Value<'_> {
    fn from(id: xanpay_domain::id::Id<Kind>) -> Self {
        Self::Text(Cow::Owned(id.to_text()))
    }
}
impl From<xanpay_domain::time::Timestamp> for Value<'_> {
    fn from(instant: xanpay_domain::time::Timestamp) -> Self {
        Self::Int(instant.as_millis())
    }
}

/// One row, read from left to right. The names serve error messages only.
#[derive(Debug)]
pub struct Row {
    table: &'static str,
    cells: Vec<Value<'static>>,
    next: usize,
}

impl Row {
    /// A row of a table.
    #[must_use]
    pub fn new(table: &'static str, cells: Vec<Value<'static>>) -> Self {
        Self { table, cells, next: 0 }
    }

    /// The error of a column whose value makes no sense. It names the row by its first column.
    #[must_use]
    pub fn corrupt(&self, column: &'static str) -> StoreError {
        let id = match self.cells.first() {
            Some(Value::Text(id)) => id.clone().into_owned(),
            Some(Value::Null | Value::Int(_) | Value::Blob(_)) | None => String::new(),
        };
        StoreError::Corrupt { table: self.table, column, id }
    }

    /// The next column, left in its place.
    fn look(&mut self) -> Option<&Value<'static>> {
        self.next += 1;
        self.cells.get(self.next - 1)
    }

    /// The next column, taken out. The first one stays: it names the row.
    fn take(&mut self) -> Option<Value<'static>> {
        self.next += 1;
        match self.next {
            1 => self.cells.first().cloned(),
            place => self.cells.get_mut(place - 1).map(|cell| std::mem::replace(cell, Value::Null)),
        }
    }

    /// The next column as an integer.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is something else.
    pub fn int(&mut self, column: &'static str) -> Result<i64, StoreError> {
        self.int_opt(column)?.ok_or_else(|| self.corrupt(column))
    }

    /// The next column as an integer or NULL.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is something else.
    pub fn int_opt(&mut self, column: &'static str) -> Result<Option<i64>, StoreError> {
        match self.look() {
            Some(Value::Int(value)) => Ok(Some(*value)),
            Some(Value::Null) => Ok(None),
            Some(Value::Text(_) | Value::Blob(_)) | None => Err(self.corrupt(column)),
        }
    }

    /// The next column as a flag, 0 or 1.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is something else.
    pub fn flag(&mut self, column: &'static str) -> Result<bool, StoreError> {
        match self.int(column)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.corrupt(column)),
        }
    }

    /// The next column as text.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is something else.
    pub fn text(&mut self, column: &'static str) -> Result<String, StoreError> {
        self.text_opt(column)?.ok_or_else(|| self.corrupt(column))
    }

    /// The next column as text or NULL.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is something else.
    pub fn text_opt(&mut self, column: &'static str) -> Result<Option<String>, StoreError> {
        match self.take() {
            Some(Value::Text(value)) => Ok(Some(value.into_owned())),
            Some(Value::Null) => Ok(None),
            Some(Value::Int(_) | Value::Blob(_)) | None => Err(self.corrupt(column)),
        }
    }

    /// The next column as bytes.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is something else.
    pub fn blob(&mut self, column: &'static str) -> Result<Vec<u8>, StoreError> {
        self.blob_opt(column)?.ok_or_else(|| self.corrupt(column))
    }

    /// The next column as bytes or NULL.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is something else.
    pub fn blob_opt(&mut self, column: &'static str) -> Result<Option<Vec<u8>>, StoreError> {
        match self.take() {
            Some(Value::Blob(value)) => Ok(Some(value.into_owned())),
            Some(Value::Null) => Ok(None),
            Some(Value::Int(_) | Value::Text(_)) | None => Err(self.corrupt(column)),
        }
    }

    /// The next column as text that a reader understands.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is NULL or the reader refuses it.
    pub fn parse<T, E>(
        &mut self,
        column: &'static str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, StoreError> {
        let parsed = match self.look() {
            Some(Value::Text(text)) => read(text).ok(),
            Some(Value::Null | Value::Int(_) | Value::Blob(_)) | None => None,
        };
        parsed.ok_or_else(|| self.corrupt(column))
    }

    /// The next column as an id.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is none.
    pub fn id<Kind>(&mut self, column: &'static str) -> Result<xanpay_domain::id::Id<Kind>, StoreError> {
        self.parse(column, xanpay_domain::id::Id::parse)
    }

    /// The next column as an id or NULL.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is something else.
    pub fn id_opt<Kind>(&mut self, column: &'static str) -> Result<Option<xanpay_domain::id::Id<Kind>>, StoreError> {
        let parsed = match self.look() {
            Some(Value::Text(text)) => xanpay_domain::id::Id::parse(text).ok().map(Some),
            Some(Value::Null) => Some(None),
            Some(Value::Int(_) | Value::Blob(_)) | None => None,
        };
        parsed.ok_or_else(|| self.corrupt(column))
    }

    /// The next column as an instant.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is none.
    pub fn time(&mut self, column: &'static str) -> Result<xanpay_domain::time::Timestamp, StoreError> {
        self.int(column).map(xanpay_domain::time::Timestamp::from_millis)
    }
}
