//! An old database in an SQLite file.

mod file;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use botstore_core::model::Count;
use botstore_core::transfer::Content;
use botstore_core::{ErrorKind, Result, StoreError};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OptionalExtension as _, Statement, ToSql, params};

pub(crate) use self::file::RECOVER;
use self::file::{OldFile, meaning};
use crate::OPERATION;
use crate::source::{Bound, Broken, Found, Raw, Shape, Source};
use crate::value::Value;

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
        let opened = tokio::task::spawn_blocking(move || file::open(&path)).await;
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

/// What SQLite calls the place of a row, unless a column has that name.
const PLACES: [&str; 3] = ["_rowid_", "rowid", "oid"];

/// The place of a row, whatever the columns are called; none if all three are.
fn place(found: &Found) -> Option<&'static str> {
    let is_free = |place: &&str| !found.columns.iter().any(|column| column.eq_ignore_ascii_case(place));
    PLACES.into_iter().find(is_free)
}

/// The same of a table that is ready to be read.
fn place_of(found: &Found) -> &'static str {
    place(found).unwrap_or(PLACES[0])
}

/// Gives the rows of a table places if it has none (`WITHOUT ROWID`): a copy takes the table's name, in SQLite's own
/// temporary file.
fn give_places(connection: &Connection, table: &str) -> rusqlite::Result<()> {
    let has_none = "SELECT wr FROM pragma_table_list WHERE schema = 'main' AND name = ?1";
    if !connection.query_row(has_none, [table], |row| row.get::<_, bool>(0))? {
        return Ok(());
    }
    let table = quoted(table);
    connection.pragma_update(None, "query_only", false)?;
    connection.execute_batch(&format!("CREATE TEMP TABLE {table} AS SELECT * FROM main.{table}"))?;
    connection.pragma_update(None, "query_only", true)
}

fn select(found: &Found) -> String {
    let columns: Vec<_> = found.columns.iter().map(|column| quoted(column)).collect();
    format!("SELECT {}, {} FROM {}", place_of(found), columns.join(", "), quoted(&found.name))
}

/// The key in a statement, and the type that it is to have.
fn key(found: &Found) -> (String, &'static str) {
    let is_text = found.old.table.key().iter().any(|column| matches!(column.content, Content::Text(_)));
    let key = found.key_column().map_or_else(|| place_of(found).to_owned(), quoted);
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

    async fn prepare(&self, found: &Found) -> Result<()> {
        let refuse = |text: String| {
            let detail = format!("{}: the table {} {text}. Nothing was written", self.name, found.name);
            Err(StoreError::new(ErrorKind::Schema, OPERATION, detail))
        };
        if !found.is_readable {
            return refuse("needs a module that SQLite has not".to_owned());
        }
        if place(found).is_none() {
            let names = PLACES.join(", ");
            return refuse(format!("has columns called {names}, so that nothing tells its rows apart"));
        }
        let table = found.name.clone();
        self.ask(move |connection| give_places(connection, &table)).await
    }

    /// In the order of places: so no index has a say, which might be damaged.
    async fn scan(&self, found: &Found, after: Option<&Bound>) -> Result<Vec<Raw>, Broken> {
        let place = place_of(found);
        let (range, after) = match after {
            None => (String::new(), Vec::new()),
            Some(bound) => (format!("WHERE {place} > ?1"), vec![Value::Int(bound.place)]),
        };
        let sql = format!("{} {range} ORDER BY {place} LIMIT {ROWS}", select(found));
        self.rows(sql, after, ROWS).await
    }

    async fn page(&self, found: &Found, after: Option<&Bound>, limit: usize) -> Result<Vec<Raw>> {
        let ((key, kind), place) = (key(found), place_of(found));
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
        self.with(move |connection| file::verify(connection, &name)).await
    }

    async fn verify_unchanged(&self) -> Result<()> {
        self.file.verify_unchanged()
    }
}
