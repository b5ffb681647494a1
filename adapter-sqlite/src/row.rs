//! Running statements, and reading columns into validated types.

use botstore_core::model::{
    ActionDetails, ActionKind, BotName, ChannelName, Count, DatabaseId, FailureText, KvName, KvValue,
    KvVersion, MaxAttempts, MediaTitle, MessageText, OutboundState, Position, Rank, RowId, StatusText,
    Timestamp, TokenDescription, TokenName, TokenPermissions, TokenPrefix, UniqueKey, Username,
};
use botstore_core::{ErrorKind, InvalidInput};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Params};

use crate::error::Fault;

/// Runs a statement and returns how many rows it changed.
pub(crate) fn change(connection: &Connection, sql: &str, params: impl Params) -> Result<u64, Fault> {
    Ok(connection.prepare_cached(sql)?.execute(params)? as u64)
}

/// A number of rows.
pub(crate) fn count_of(rows: u64) -> Result<Count, Fault> {
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    Count::new("rows", rows).map_err(|invalid| Fault::Refused(ErrorKind::Internal, invalid.to_string()))
}

/// Runs a statement and returns its rows, each as `read` has it. `table` is where their columns come from.
pub(crate) fn rows<T>(
    connection: &Connection,
    table: &'static str,
    sql: &str,
    params: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut found = statement.query(params)?;
    let mut read_rows = Vec::new();
    while let Some(row) = found.next()? {
        read_rows.push(read(&Row { table, row })?);
    }
    Ok(read_rows)
}

/// The same for a statement that has one row or none.
pub(crate) fn row<T>(
    connection: &Connection,
    table: &'static str,
    sql: &str,
    params: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T, Fault>,
) -> Result<Option<T>, Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut found = statement.query(params)?;
    found.next()?.map(|row| read(&Row { table, row })).transpose()
}

/// The same for a statement that always has a row.
pub(crate) fn the_row<T>(
    connection: &Connection,
    table: &'static str,
    sql: &str,
    params: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    row(connection, table, sql, params, read)?.ok_or_else(|| {
        let text = format!("the row of {table} is gone; `rosey doctor` says what makes it again");
        Fault::Refused(ErrorKind::Corrupt, text)
    })
}

/// A row of `table`.
pub(crate) struct Row<'a> {
    table: &'static str,
    row: &'a rusqlite::Row<'a>,
}

impl Row<'_> {
    /// The column at `index`, checked.
    pub(crate) fn get<T: Column>(&self, index: usize) -> Result<T, Fault> {
        T::read(self.row.get_ref(index)?).map_err(|reason| self.corrupt(index, &reason))
    }

    /// [`ErrorKind::Corrupt`], naming the column at `index`.
    pub(crate) fn corrupt(&self, index: usize, reason: &str) -> Fault {
        let column = self.row.as_ref().column_name(index).unwrap_or("?");
        Fault::corrupt(&format!("{}.{column}", self.table), reason)
    }
}

/// A type that a column is read into. The error says what is wrong with the value and does not repeat it.
pub(crate) trait Column: Sized {
    fn read(value: ValueRef<'_>) -> Result<Self, String>;
}

impl<T: Column> Column for Option<T> {
    fn read(value: ValueRef<'_>) -> Result<Self, String> {
        match value {
            ValueRef::Null => Ok(None),
            value => T::read(value).map(Some),
        }
    }
}

macro_rules! columns {
    ($($type:ty: $stored:ident => $make:expr;)*) => {
        $(impl Column for $type {
            fn read(value: ValueRef<'_>) -> Result<Self, String> {
                checked($stored(value)?, $make)
            }
        })*
    };
}

columns! {
    i64: integer => Ok;
    bool: integer => |flag| Ok(flag != 0);
    String: text => |text| Ok(text.to_owned());
    RowId: integer => |id| Ok(Self::new(id));
    KvVersion: integer => |version| Ok(Self::new(version));
    Count: integer => |count| Self::new("count", count);
    MaxAttempts: integer => Self::new;
    Position: integer => Self::new;
    Timestamp: integer => Self::new;
    Rank: real => Self::new;
    ActionDetails: text => Self::new;
    ActionKind: text => Self::new;
    BotName: text => Self::new;
    ChannelName: text => Self::new;
    DatabaseId: text => Self::new;
    FailureText: text => Self::new;
    KvName: text => Self::new;
    KvValue: text => Self::from_stored;
    MediaTitle: text => Self::new;
    MessageText: text => Self::new;
    OutboundState: text => str::parse;
    StatusText: text => Self::new;
    TokenDescription: text => Self::new;
    TokenName: text => Self::new;
    TokenPermissions: text => Self::new;
    TokenPrefix: text => Self::new;
    UniqueKey: text => Self::new;
    Username: text => Self::new;
}

fn checked<S, T>(stored: S, make: impl FnOnce(S) -> Result<T, InvalidInput>) -> Result<T, String> {
    make(stored).map_err(|invalid| invalid.reason)
}

fn integer(value: ValueRef<'_>) -> Result<i64, String> {
    value.as_i64().map_err(|_| "is no whole number".to_owned())
}

fn real(value: ValueRef<'_>) -> Result<f64, String> {
    value.as_f64().map_err(|_| "is no number".to_owned())
}

fn text(value: ValueRef<'_>) -> Result<&str, String> {
    value.as_str().map_err(|_| "is no text".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_breaks_its_rules_is_named_and_not_repeated() {
        let connection = Connection::open_in_memory().unwrap();
        let read = |sql| {
            row(&connection, "recent_chat", sql, [], |row| row.get::<Username>(0))
                .unwrap_err()
                .into_error("recent_chat", "bot.db")
        };
        let error = read("SELECT 'sec' || char(7) || 'ret' AS username");
        assert_eq!(error.kind(), &ErrorKind::Corrupt);
        assert!(error.to_string().contains("recent_chat.username contains the control character U+0007"));
        assert!(!format!("{error:?}").contains("sec"));
        assert!(read("SELECT NULL AS username").to_string().ends_with("recent_chat.username is no text"));
    }
}
