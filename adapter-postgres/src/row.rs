//! Reading columns into validated types. What no store would have written is [`ErrorKind::Corrupt`].

use botstore_core::model::{Count, RowId, Timestamp};
use botstore_core::{ErrorKind, InvalidInput, Result, StoreError};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

/// Columns by name.
pub(crate) trait Columns {
    /// A column as the driver gives it.
    fn raw<'a, S: FromSql<'a>>(&'a self, column: &str) -> Result<S>;

    /// A column's value, checked by `make`.
    fn value<'a, S: FromSql<'a>, T>(
        &'a self,
        column: &str,
        make: impl FnOnce(S) -> Result<T, InvalidInput>,
    ) -> Result<T> {
        make(self.raw(column)?).map_err(|invalid| corrupt(column, &invalid.reason))
    }

    /// The same, of a column that may be null.
    fn maybe<'a, S: FromSql<'a>, T>(
        &'a self,
        column: &str,
        make: impl FnOnce(S) -> Result<T, InvalidInput>,
    ) -> Result<Option<T>> {
        let value: Option<S> = self.raw(column)?;
        value.map(make).transpose().map_err(|invalid| corrupt(column, &invalid.reason))
    }

    /// A moment.
    fn moment(&self, column: &str) -> Result<Timestamp> {
        self.value(column, Timestamp::new)
    }

    /// A moment that may be null.
    fn moment_if_any(&self, column: &str) -> Result<Option<Timestamp>> {
        self.maybe(column, Timestamp::new)
    }

    /// A count.
    fn count(&self, column: &str) -> Result<Count> {
        self.value(column, |count| Count::new("count", count))
    }

    /// A row's identity.
    fn id(&self, column: &str) -> Result<RowId> {
        self.raw(column).map(RowId::new)
    }
}

impl Columns for Row {
    fn raw<'a, S: FromSql<'a>>(&'a self, column: &str) -> Result<S> {
        self.try_get(column).map_err(|_| corrupt(column, "has another type than this program expects"))
    }
}

pub(crate) fn corrupt(column: &str, reason: &str) -> StoreError {
    StoreError::new(ErrorKind::Corrupt, "read", format!("the column {column} {reason}"))
}
