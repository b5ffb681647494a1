//! An old database, opened.

use std::path::Path;

use botstore_core::settings::PostgresSettings;
use botstore_core::transfer::Table;
use botstore_core::url::PostgresUrl;
use botstore_core::{ErrorKind, Result, StoreError};

use crate::OPERATION;
use crate::layout::{Layout, Otherwise, TABLES};
use crate::postgres::PostgresSource;
use crate::source::{Found, Shape, Source};
use crate::sqlite::SqliteSource;

/// A database of the Python bot's, opened for reading. It is seen as it is at this moment; in SQLite's own locks, the bot
/// cannot write to it until this is dropped.
pub struct Legacy {
    pub(crate) source: Box<dyn Source>,
    pub(crate) tables: Vec<Found>,
    pub(crate) notes: Vec<Note>,
    layout: Layout,
}

/// What is to be known of an old database besides its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// It lacks a table of the Python bot's.
    NoTable(Table),
    /// It lacks a column, in place of which all rows have a default.
    NoColumn(Table, &'static str),
    /// It has a column that no store has, and so many rows have something there that does not arrive.
    OtherColumn(Table, String, u64),
    /// It has a table that no store has, with so many rows that do not arrive.
    OtherTable(String, u64),
}

impl Legacy {
    /// Opens a database in a file, which is only read, and stays as it is.
    ///
    /// # Errors
    ///
    /// - [`Unavailable`](ErrorKind::Unavailable): the file cannot be read, or not without changing it.
    /// - [`Corrupt`](ErrorKind::Corrupt): it is damaged, or no SQLite database.
    /// - [`Schema`](ErrorKind::Schema): another program made it.
    pub async fn open_file(path: &Path) -> Result<Self> {
        Self::open(Box::new(SqliteSource::open(path).await?)).await
    }

    /// Opens a database on a PostgreSQL server.
    ///
    /// # Errors
    ///
    /// As [`open_file`](Self::open_file).
    pub async fn open_postgres(url: &PostgresUrl, settings: &PostgresSettings) -> Result<Self> {
        Self::open(Box::new(PostgresSource::open(url, settings).await?)).await
    }

    async fn open(source: Box<dyn Source>) -> Result<Self> {
        let shapes = source.shapes().await?;
        let layout = layout(&shapes);
        let (tables, mut notes) = recognise(source.name(), &shapes)?;
        for found in &tables {
            for column in found.strange() {
                let rows = source.count(found.old.table.name(), Some(column)).await?;
                if rows > 0 {
                    notes.push(Note::OtherColumn(found.old.table, column.to_owned(), rows));
                }
            }
        }
        for Shape { name, .. } in shapes.iter().filter(|shape| is_strange(&shape.name)) {
            let rows = source.count(name, None).await?;
            if rows > 0 {
                notes.push(Note::OtherTable(name.clone(), rows));
            }
        }
        Ok(Self { source, tables, notes, layout })
    }

    /// Which layer of the bot's made it.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// What is to be known of it besides its rows.
    #[must_use]
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }
}

/// Whether a table belongs neither to the bot's data nor to the database's or the bot's own bookkeeping.
fn is_strange(name: &str) -> bool {
    let is_known = TABLES.iter().any(|old| old.table.name() == name);
    !is_known && !name.starts_with("sqlite_") && name != "alembic_version"
}

fn has_column(shapes: &[Shape], table: &str, column: &str) -> bool {
    let of_table = shapes.iter().filter(|shape| shape.name == table);
    of_table.flat_map(|shape| &shape.columns).any(|name| name == column)
}

fn layout(shapes: &[Shape]) -> Layout {
    let is_newer = Layout::NEWER.iter().any(|(table, column)| has_column(shapes, table, column));
    if is_newer { Layout::V06 } else { Layout::V05 }
}

/// Finds the tables, and what they lack.
fn recognise(name: &str, shapes: &[Shape]) -> Result<(Vec<Found>, Vec<Note>)> {
    let refuse = |text: String| {
        Err(StoreError::new(ErrorKind::Schema, OPERATION, format!("{name}: {text}. Nothing was written")))
    };
    if shapes.iter().any(|shape| shape.name == "refinery_schema_history") {
        let text =
            "this is no database of the Python bot's, but one of rosey's own, which `rosey copy` copies";
        return refuse(text.to_owned());
    }
    let (mut tables, mut notes) = (Vec::new(), Vec::new());
    for old in &TABLES {
        let Some(shape) = shapes.iter().find(|shape| shape.name == old.table.name()) else {
            notes.push(Note::NoTable(old.table));
            continue;
        };
        let found = match Found::of(old, shape.columns.clone()) {
            Ok(found) => found,
            Err(column) => {
                return refuse(format!(
                    "the table {} has no column {column}: it is damaged, or another program's",
                    old.table
                ));
            }
        };
        for (column, slot) in found.known() {
            // The bot's other layout may well lack what is null.
            if slot.is_none() && matches!(column.otherwise, Otherwise::Int(_)) && is_old(column.names[0]) {
                notes.push(Note::NoColumn(old.table, column.names[0]));
            }
        }
        tables.push(found);
    }
    if tables.is_empty() {
        return refuse("it has none of the Python bot's tables: another program made it".to_owned());
    }
    Ok((tables, notes))
}

/// Whether both layouts have a column of this name.
fn is_old(column: &str) -> bool {
    !matches!(column, "current_users" | "connected_users")
}
