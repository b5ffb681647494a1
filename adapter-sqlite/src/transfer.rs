//! Rows as they are kept. The statements are put together from what [`Table`] says of each table.

use async_trait::async_trait;
use botstore_core::model::Count;
use botstore_core::transfer::{Column, Content, Field, Identities, Key, KeyPart, Page, Row, Table, Work};
use botstore_core::{ErrorKind, Export, Import, Result};
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, ToSql, params, params_from_iter};

use crate::SqliteStore;
use crate::error::Fault;
use crate::row::{change, the_row};

#[async_trait]
impl Export for SqliteStore {
    async fn export_rows(&self, table: Table, after: Option<&Key>) -> Result<Page> {
        let after = after.cloned();
        self.read("export_rows", move |connection| page(connection, table, after.as_ref())).await
    }

    async fn row_count(&self, table: Table) -> Result<Count> {
        self.read("row_count", move |connection| {
            let sql = format!("SELECT count(*) FROM {table}");
            the_row(connection, table.name(), &sql, [], |row| row.get(0))
        })
        .await
    }

    async fn identities(&self) -> Result<Identities> {
        self.read("identities", identities).await
    }

    /// Whoever may open the file may read it; and whoever may begin to write may write all of it.
    async fn check_rights(&self, work: Work) -> Result<()> {
        match work {
            Work::Read => Ok(()),
            Work::Write | Work::Replace => self.write("check_rights", |_| Ok(())).await,
        }
    }
}

#[async_trait]
impl Import for SqliteStore {
    async fn import_rows(&self, page: &Page) -> Result<()> {
        let page = page.clone();
        self.write("import_rows", move |connection| insert(connection, page.table(), page.rows())).await
    }

    async fn raise_identities(&self, to: &Identities) -> Result<()> {
        let to = *to;
        self.write("raise_identities", move |connection| raise(connection, &to)).await
    }

    async fn remove_rows(&self, table: Table) -> Result<bool> {
        self.write("remove_rows", move |connection| remove(connection, table)).await
    }
}

/// The names of columns, one after the other.
pub(crate) fn names(columns: &[Column]) -> String {
    columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ")
}

/// Places of parameters, such as `?, ?`.
fn places(count: usize) -> String {
    vec!["?"; count].join(", ")
}

fn select(table: Table, is_first: bool) -> String {
    let (columns, key) = (names(table.columns()), names(table.key()));
    let range =
        if is_first { String::new() } else { format!("WHERE ({key}) > ({})", places(table.key().len())) };
    format!("SELECT {columns} FROM {table} {range} ORDER BY {key} LIMIT {}", table.page())
}

fn page(connection: &Connection, table: Table, after: Option<&Key>) -> Result<Page, Fault> {
    let mut statement = connection.prepare_cached(&select(table, after.is_none()))?;
    let after = after.map(Key::parts).unwrap_or_default();
    let mut found = statement.query(params_from_iter(after.iter().map(part)))?;
    let (mut rows, mut bytes) = (Vec::new(), 0);
    while bytes < Page::BYTES
        && let Some(row) = found.next()?
    {
        let row = read(table, row)?;
        bytes += row.content_bytes();
        rows.push(row);
    }
    Page::new(table, rows).map_err(|invalid| Fault::corrupt(table.name(), &invalid.reason))
}

fn read(table: Table, found: &rusqlite::Row<'_>) -> Result<Row, Fault> {
    let row = Row::new(table, fields(table, found)?);
    row.map_err(|invalid| {
        let place = format!("{table}.{} of the row {}", invalid.field, key(table, found));
        Fault::corrupt(&place, &invalid.reason)
    })
}

/// A row's key as it stands there, whatever it is.
pub(crate) fn key(table: Table, row: &rusqlite::Row<'_>) -> String {
    let part = |place| match row.get_ref(place) {
        Ok(ValueRef::Integer(number)) => number.to_string(),
        Ok(ValueRef::Text(text)) => String::from_utf8_lossy(text).into_owned(),
        _ => "?".to_owned(),
    };
    (0..table.key().len()).map(part).collect::<Vec<_>>().join(" / ")
}

/// What stands in the columns of a row.
pub(crate) fn fields(table: Table, row: &rusqlite::Row<'_>) -> Result<Vec<Field>, Fault> {
    let mut fields = Vec::with_capacity(table.columns().len());
    for (place, column) in table.columns().iter().enumerate() {
        fields.push(field(column, row.get_ref(place)?));
    }
    Ok(fields)
}

/// What stands in a column. What is of another type than the column is refused by the row.
fn field(column: &Column, value: ValueRef<'_>) -> Field {
    match (value, column.content) {
        (ValueRef::Null, _) => Field::Null,
        (ValueRef::Integer(flag @ (0 | 1)), Content::Bool) => Field::Bool(flag == 1),
        (ValueRef::Integer(number), _) => Field::Int(number),
        (ValueRef::Real(number), _) => Field::Real(number),
        (ValueRef::Text(text), _) => {
            String::from_utf8(text.to_vec()).map_or_else(|_| Field::Bytes(text.to_vec()), Field::Text)
        }
        (ValueRef::Blob(bytes), _) => Field::Bytes(bytes.to_vec()),
    }
}

fn part(part: &KeyPart) -> Value {
    match part {
        KeyPart::Int(number) => Value::Integer(*number),
        KeyPart::Text(text) => Value::Text(text.clone()),
    }
}

/// A field as a parameter.
struct Parameter<'a>(&'a Field);

impl ToSql for Parameter<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Field::Null => ValueRef::Null,
            Field::Int(number) => ValueRef::Integer(*number),
            Field::Real(number) => ValueRef::Real(*number),
            Field::Bool(flag) => ValueRef::Integer((*flag).into()),
            Field::Text(text) => ValueRef::Text(text.as_bytes()),
            Field::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn insert(connection: &Connection, table: Table, rows: &[Row]) -> Result<(), Fault> {
    let (columns, key) = (table.columns(), names(table.key()));
    let there = if table.is_single() {
        let set: Vec<_> =
            columns.iter().map(|Column { name, .. }| format!("{name} = excluded.{name}")).collect();
        format!("UPDATE SET {}", set.join(", "))
    } else {
        "NOTHING".to_owned()
    };
    let sql = format!(
        "INSERT INTO {table} ({}) VALUES ({}) ON CONFLICT ({key}) DO {there}",
        names(columns),
        places(columns.len())
    );
    let mut statement = connection.prepare_cached(&sql)?;
    for row in rows {
        let fields = row.fields().iter().map(Parameter);
        statement.execute(params_from_iter(fields)).map_err(|error| taken(row, error))?;
    }
    Ok(())
}

/// A row has something that only one row may have, and another one has it.
fn taken(row: &Row, error: rusqlite::Error) -> Fault {
    let code = error.sqlite_error().map(|error| error.extended_code);
    if code != Some(rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE) {
        return error.into();
    }
    let (table, key) = (row.table(), row.key());
    Fault::Refused(ErrorKind::Conflict, format!("the row {key} of {table} has what another row has already"))
}

const IDENTITIES: &str = "SELECT
    coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'user_actions'), 0),
    coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'user_count_history'), 0),
    coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'recent_chat'), 0),
    coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'outbound_messages'), 0),
    coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'api_tokens'), 0),
    (SELECT last FROM plugin_value_versions WHERE id = 1)";

fn identities(connection: &Connection) -> Result<Identities, Fault> {
    the_row(connection, "sqlite_sequence", IDENTITIES, [], |row| {
        Ok(Identities {
            user_actions: row.get(0)?,
            user_count_history: row.get(1)?,
            recent_chat: row.get(2)?,
            outbound_messages: row.get(3)?,
            api_tokens: row.get(4)?,
            plugin_values: row.get(5)?,
        })
    })
}

const RAISE: &str = "UPDATE sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1";
/// SQLite makes the entry with a table's first row.
const BEGIN: &str = "INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)";
const RAISE_VERSIONS: &str = "UPDATE plugin_value_versions SET last = max(last, ?1) WHERE id = 1";

fn raise(connection: &Connection, to: &Identities) -> Result<(), Fault> {
    for (table, number) in [
        (Table::UserActions, to.user_actions),
        (Table::UserCountHistory, to.user_count_history),
        (Table::RecentChat, to.recent_chat),
        (Table::OutboundMessages, to.outbound_messages),
        (Table::ApiTokens, to.api_tokens),
    ] {
        if change(connection, RAISE, params![table.name(), number])? == 0 {
            change(connection, BEGIN, params![table.name(), number])?;
        }
    }
    change(connection, RAISE_VERSIONS, params![to.plugin_values]).map(drop)
}

fn remove(connection: &Connection, table: Table) -> Result<bool, Fault> {
    if let Some(initial) = table.initial() {
        return insert(connection, table, &[initial]).map(|()| false);
    }
    let key = names(table.key());
    let sql = format!(
        "DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} ORDER BY {key} LIMIT {})",
        table.page()
    );
    Ok(change(connection, &sql, [])? > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_indexed, assert_total};

    #[test]
    fn pages_are_read_by_their_key() {
        // Nothing has to be found in a table of one row.
        for table in Table::ALL.into_iter().filter(|table| !table.is_single()) {
            assert_indexed(&[&select(table, false)]);
            // The first page begins where the table does.
            assert_total(&[&select(table, true)]);
        }
        // The others look into SQLite's own list, which has a row for each table, and no index.
        assert_indexed(&[RAISE_VERSIONS]);
    }
}
