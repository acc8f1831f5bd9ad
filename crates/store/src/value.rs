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
    cells: Vec<Cell>,
    /// The texts of all columns, one behind the other: most are short, are read and are no longer needed then.
    texts: String,
    next: usize,
}

/// A column of a row.
#[derive(Debug, Clone)]
enum Cell {
    Null,
    Int(i64),
    /// Where it begins and ends among the row's texts.
    Text(usize, usize),
    Blob(Vec<u8>),
}

/// Bytes of text that a row seldom exceeds.
const USUAL_TEXTS: usize = 256;

impl Row {
    /// A row of a table, with no columns yet.
    pub(crate) fn new(table: &'static str, columns: usize) -> Self {
        Self { table, cells: Vec::with_capacity(columns), texts: String::with_capacity(USUAL_TEXTS), next: 0 }
    }

    /// Adds a column behind the others.
    pub(crate) fn push(&mut self, value: Value<'_>) {
        let cell = match value {
            Value::Null => Cell::Null,
            Value::Int(value) => Cell::Int(value),
            Value::Text(text) => {
                let start = self.texts.len();
                self.texts.push_str(&text);
                Cell::Text(start, self.texts.len())
            }
            Value::Blob(bytes) => Cell::Blob(bytes.into_owned()),
        };
        self.cells.push(cell);
    }

    /// The error of a column whose value makes no sense. It names the row by its first column.
    #[must_use]
    pub fn corrupt(&self, column: &'static str) -> StoreError {
        let id = match self.cells.first() {
            Some(Cell::Text(start, end)) => self.texts[*start..*end].to_owned(),
            Some(Cell::Null | Cell::Int(_) | Cell::Blob(_)) | None => String::new(),
        };
        StoreError::Corrupt { table: self.table, column, id }
    }

    /// The next column.
    fn look(&mut self) -> Option<&mut Cell> {
        self.next += 1;
        self.cells.get_mut(self.next - 1)
    }

    /// The next column as a text that stays where it is, or NULL.
    fn look_at_text(&mut self, column: &'static str) -> Result<Option<&str>, StoreError> {
        match self.look() {
            Some(Cell::Text(start, end)) => {
                let place = *start..*end;
                Ok(Some(&self.texts[place]))
            }
            Some(Cell::Null) => Ok(None),
            Some(Cell::Int(_) | Cell::Blob(_)) | None => Err(self.corrupt(column)),
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
            Some(Cell::Int(value)) => Ok(Some(*value)),
            Some(Cell::Null) => Ok(None),
            Some(Cell::Text(..) | Cell::Blob(_)) | None => Err(self.corrupt(column)),
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
        Ok(self.look_at_text(column)?.map(str::to_owned))
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
        match self.look() {
            Some(Cell::Blob(value)) => Ok(Some(std::mem::take(value))),
            Some(Cell::Null) => Ok(None),
            Some(Cell::Int(_) | Cell::Text(..)) | None => Err(self.corrupt(column)),
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
        let parsed = self.look_at_text(column)?.and_then(|text| read(text).ok());
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
        let parsed = self.look_at_text(column)?.map(xanpay_domain::id::Id::parse).transpose();
        parsed.map_err(|_| self.corrupt(column))
    }

    /// The next column as an instant.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is none.
    pub fn time(&mut self, column: &'static str) -> Result<xanpay_domain::time::Timestamp, StoreError> {
        self.int(column).map(xanpay_domain::time::Timestamp::from_millis)
    }
}
