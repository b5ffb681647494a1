//! An old database in an SQLite file.

mod connection;
mod file;
mod places;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use botstore_core::model::Count;
use botstore_core::transfer::Content;
use botstore_core::{ErrorKind, Result, StoreError};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OptionalExtension as _, Statement, ToSql, params};

use self::connection::meaning;
use self::file::OldFile;
use crate::OPERATION;
use crate::source::{Bound, Broken, Found, Raw, Shape, Source};
use crate::value::Value;

/// What is said of a damaged file. `.dump` works everywhere; `.recover` finds more, and is missing in Debian's program.
pub(crate) const RECOVER: &str = "Nothing was written. SQLite's own program saves what can be read into a file that can be \
                                  imported: sqlite3 FILE .dump | sed '$s/^ROLLBACK.*/COMMIT;/' | sqlite3 NEW_FILE. Where \
                                  it can .recover, this saves more: sqlite3 FILE .recover | sqlite3 NEW_FILE";

/// How many rows are read at once, and how many bytes of them: a single row may be large, but only one at a time.
const ROWS: usize = 2_000;
const BYTES: usize = 8 << 20;

/// A file that is read in one transaction.
pub(crate) struct SqliteSource {
    name: String,
    file: OldFile,
    connection: Arc<Mutex<Connection>>,
}

impl SqliteSource {
    pub(crate) async fn open(path: &Path) -> Result<Self> {
        let (name, path) = (path.display().to_string(), path.to_owned());
        let opened = tokio::task::spawn_blocking(move || connection::open(&path)).await;
        let (file, connection) = opened.unwrap_or_else(|_| Err(abandoned()))?;
        Ok(Self { name, file, connection: Arc::new(Mutex::new(connection)) })
    }

    /// Runs `work` where it may block.
    async fn with<T: Send + 'static, E: From<StoreError> + Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        let connection = Arc::clone(&self.connection);
        let worker = move || work(&connection.lock().unwrap_or_else(PoisonError::into_inner));
        tokio::task::spawn_blocking(worker).await.unwrap_or_else(|_| Err(abandoned().into()))
    }

    /// The same, for a statement that fails as a whole.
    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let name = self.name.clone();
        self.with(move |connection| work(connection).map_err(|error| meaning(&name, error))).await
    }

    async fn rows(&self, sql: String, after: Vec<Value>, limit: usize) -> Result<Vec<Raw>, Broken> {
        let name = self.name.clone();
        self.with(move |connection| {
            let mut rows = Vec::new();
            let read = connection
                .prepare_cached(&sql)
                .and_then(|mut statement| read(&mut statement, &after, limit, &mut rows));
            match read {
                Ok(()) => Ok(rows),
                Err(error) => Err(Broken { readable: rows.len() as u64, error: meaning(&name, error) }),
            }
        })
        .await
    }
}

fn abandoned() -> StoreError {
    StoreError::new(
        ErrorKind::Internal,
        OPERATION,
        "reading was abandoned: a panic, or the program is ending",
    )
}

/// Reads rows of which the first column is the place.
fn read(
    statement: &mut Statement<'_>,
    after: &[Value],
    limit: usize,
    rows: &mut Vec<Raw>,
) -> rusqlite::Result<()> {
    let columns = statement.column_count();
    let mut found = statement.query(rusqlite::params_from_iter(after.iter().map(Parameter)))?;
    let mut bytes = 0;
    while rows.len() < limit && bytes < BYTES {
        let Some(row) = found.next()? else { break };
        let mut values = Vec::with_capacity(columns - 1);
        for column in 1..columns {
            let value = row.get_ref(column)?;
            if let ValueRef::Text(content) | ValueRef::Blob(content) = value {
                bytes += content.len();
            }
            values.push(value_of(value));
        }
        rows.push(Raw { place: row.get(0)?, values });
    }
    Ok(())
}

fn value_of(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(text) => match String::from_utf8(text.to_vec()) {
            Ok(text) => Value::Text(text),
            Err(error) => Value::NotUtf8(error.into_bytes()),
        },
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
    }
}

/// A value as a parameter.
struct Parameter<'a>(&'a Value);

impl ToSql for Parameter<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Int(number) => ValueRef::Integer(*number),
            Value::Real(number) => ValueRef::Real(*number),
            Value::Bool(yes) => ValueRef::Integer((*yes).into()),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::NotUtf8(bytes) => ValueRef::Text(bytes),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// A name in a statement.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn shape(connection: &Connection, name: String) -> rusqlite::Result<Shape> {
    let mut columns = connection.prepare_cached("SELECT name FROM pragma_table_info(?1)")?;
    match columns.query_map([&name], |row| row.get(0))?.collect() {
        Ok(columns) => Ok(Shape { name, columns, is_readable: true }),
        // It needs a module that SQLite has not.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::Unknown) => {
            Ok(Shape { name, columns: Vec::new(), is_readable: false })
        }
        Err(error) => Err(error),
    }
}

fn select(found: &Found) -> String {
    let columns: Vec<_> = found.columns.iter().map(|column| quoted(column)).collect();
    format!("SELECT {}, {} FROM {}", places::name(found), columns.join(", "), quoted(&found.name))
}

/// The key in a statement, and the type that it is to have.
fn key(found: &Found) -> (String, &'static str) {
    let is_text = found.old.table.key().iter().any(|column| matches!(column.content, Content::Text(_)));
    let key = found.key_column().map_or_else(|| places::name(found).to_owned(), quoted);
    (key, if is_text { "text" } else { "integer" })
}

#[async_trait]
impl Source for SqliteSource {
    fn name(&self) -> &str {
        &self.name
    }

    async fn shapes(&self) -> Result<Vec<Shape>> {
        self.ask(|connection| {
            let mut names = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")?;
            let names: Vec<String> = names.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
            names.into_iter().map(|name| shape(connection, name)).collect()
        })
        .await
    }

    /// A file hides none.
    async fn unseen(&self) -> Result<Option<String>> {
        Ok(None)
    }

    async fn prepare(&self, found: &Found) -> Result<()> {
        if let Some(reason) = places::unreadable(found) {
            let detail = format!("{}: the table {} {reason}. Nothing was written", self.name, found.name);
            return Err(StoreError::new(ErrorKind::Schema, OPERATION, detail));
        }
        let table = found.name.clone();
        self.ask(move |connection| places::give(connection, &table)).await
    }

    /// In the order of places: so no index has a say, which might be damaged.
    async fn scan(&self, found: &Found, after: Option<&Bound>) -> Result<Vec<Raw>, Broken> {
        let place = places::name(found);
        let (range, after) = match after {
            None => (String::new(), Vec::new()),
            Some(bound) => (format!("WHERE {place} > ?1"), vec![Value::Int(bound.place)]),
        };
        let sql = format!("{} {range} ORDER BY {place} LIMIT {ROWS}", select(found));
        self.rows(sql, after, ROWS).await
    }

    async fn page(&self, found: &Found, after: Option<&Bound>, limit: usize) -> Result<Vec<Raw>> {
        let ((key, kind), place) = (key(found), places::name(found));
        let (range, after) = match after {
            None => (String::new(), Vec::new()),
            Some(bound) => (
                format!("AND ({key} COLLATE BINARY, {place}) > (?1, ?2)"),
                vec![bound.key.clone(), Value::Int(bound.place)],
            ),
        };
        let order = format!("{key} COLLATE BINARY, {place}");
        let rows = format!("{} WHERE typeof({key}) = '{kind}' {range}", select(found));
        let sql = format!("{rows} ORDER BY {order} LIMIT {limit}");
        self.rows(sql, after, limit).await.map_err(|broken| broken.error)
    }

    async fn count(&self, table: &str, column: Option<&str>) -> Result<u64> {
        let counted = column.map_or_else(|| "*".to_owned(), quoted);
        let sql = format!("SELECT count({counted}) FROM {}", quoted(table));
        let count: i64 = self.ask(move |connection| connection.query_row(&sql, [], |row| row.get(0))).await?;
        Ok(count.unsigned_abs())
    }

    async fn repeats_keys(&self, found: &Found) -> Result<bool> {
        let (key, table) = (key(found).0, quoted(&found.name));
        let sql = format!(
            "SELECT EXISTS (SELECT 1 FROM {table} WHERE {key} IS NOT NULL \
             GROUP BY {key} COLLATE BINARY HAVING count(*) > 1)"
        );
        self.ask(move |connection| connection.query_row(&sql, [], |row| row.get(0))).await
    }

    async fn greatest_identity(&self, found: &Found) -> Result<i64> {
        let (key, table) = (key(found).0, found.name.clone());
        let greatest = format!(
            "SELECT coalesce(max({key}), 0) FROM {} WHERE typeof({key}) = 'integer' AND {key} <= {}",
            quoted(&table),
            Count::MAX
        );
        self.ask(move |connection| {
            let greatest: i64 = connection.query_row(&greatest, [], |row| row.get(0))?;
            // SQLite keeps the greatest number that was ever given, if the table asks for that.
            let has_sequences = "SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'";
            if !connection.prepare(has_sequences)?.exists([])? {
                return Ok(greatest);
            }
            let given = "SELECT seq FROM sqlite_sequence
                WHERE name = ?1 AND typeof(seq) = 'integer' AND seq <= ?2 ORDER BY seq DESC LIMIT 1";
            let given = connection.query_row(given, params![table, Count::MAX.get()], |row| row.get(0));
            Ok(greatest.max(given.optional()?.unwrap_or(0)))
        })
        .await
    }

    async fn verify(&self) -> Result<()> {
        let name = self.name.clone();
        self.with(move |connection| connection::verify(connection, &name)).await
    }

    async fn verify_unchanged(&self) -> Result<()> {
        self.file.verify_unchanged()
    }
}
