//! An old database, opened.

use std::path::Path;

use botstore_core::settings::PostgresSettings;
use botstore_core::transfer::Table;
use botstore_core::url::PostgresUrl;
use botstore_core::{ErrorKind, Result, StoreError};

use crate::OPERATION;
use crate::layout::{Layout, OldColumn, OldTable, Since, TABLES};
use crate::postgres::PostgresSource;
use crate::source::{Found, Shape, Source, position};
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
    /// It lacks a column of its layout.
    NoColumn {
        /// The column's table.
        table: Table,
        /// The column, by its name in that layout.
        column: &'static str,
        /// What stands for it; none: no row of the table is valid without it.
        instead: Option<String>,
        /// Whether an older release of the bot's does without it: a newer one would have added it, with that content.
        is_older: bool,
    },
    /// It has a column that no store has, with something in so many rows that does not arrive.
    OtherColumn {
        /// The column's table.
        table: Table,
        /// The column.
        column: String,
        /// How many rows have something there.
        rows: u64,
    },
    /// It has a table that no store has, and whose rows do not arrive.
    OtherTable {
        /// The table.
        table: String,
        /// How many rows it has; none: that cannot be read.
        rows: Option<u64>,
    },
}

impl Legacy {
    /// Opens a database in a file, which is only read, and stays as it is.
    ///
    /// # Errors
    ///
    /// - [`Unavailable`](ErrorKind::Unavailable): the file cannot be read, or not without changing it.
    /// - [`Corrupt`](ErrorKind::Corrupt): it is damaged, or no SQLite database.
    /// - [`Schema`](ErrorKind::Schema): another program made it, or the rows of a table cannot or may not be read.
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
        let tables = recognise(source.name(), &shapes)?;
        if tables.is_empty() {
            let unseen = source.unseen().await?;
            let text = "it has none of the Python bot's tables: another program made it";
            return refuse(source.name(), unseen.as_deref().unwrap_or(text));
        }
        let is_newer = tables.iter().any(|found| found.layout() == Layout::V06);
        let layout = if is_newer { Layout::V06 } else { Layout::V05 };
        let mut notes = missing(&tables, layout);
        for found in &tables {
            source.prepare(found).await?;
        }
        for found in &tables {
            for column in found.strange() {
                let rows = source.count(&found.name, Some(column)).await?;
                if rows > 0 {
                    let column = column.to_owned();
                    notes.push(Note::OtherColumn { table: found.old.table, column, rows });
                }
            }
        }
        for shape in shapes.iter().filter(|shape| is_strange(&shape.name, &tables)) {
            let rows = if shape.is_readable { Some(source.count(&shape.name, None).await?) } else { None };
            if rows != Some(0) {
                notes.push(Note::OtherTable { table: shape.name.clone(), rows });
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
fn is_strange(name: &str, tables: &[Found]) -> bool {
    let is_sqlites = name.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("sqlite_"));
    let is_known = tables.iter().any(|found| found.name == name);
    !is_known && !is_sqlites && !name.eq_ignore_ascii_case("alembic_version")
}

fn refuse<T>(name: &str, text: &str) -> Result<T> {
    Err(StoreError::new(ErrorKind::Schema, OPERATION, format!("{name}: {text}. Nothing was written")))
}

/// Finds the tables; none if there are none of the bot's.
fn recognise(name: &str, shapes: &[Shape]) -> Result<Vec<Found>> {
    let names = shapes.iter().map(|shape| shape.name.as_str());
    if position(names.clone(), "refinery_schema_history").is_some() {
        let text =
            "this is no database of the Python bot's, but one of rosey's own, which `rosey copy` copies";
        return refuse(name, text);
    }
    let find = |old: &'static OldTable| {
        let at = position(names.clone(), old.table.name())?;
        Some(Found::of(old, shapes[at].clone()))
    };
    let tables: Vec<_> = TABLES.iter().filter_map(find).collect();
    match tables.first().and_then(|first| Some((first, first.lacks()?))) {
        Some((first, column)) if tables.iter().all(|found| found.lacks().is_some()) => refuse(
            name,
            &format!(
                "the table {} has no column {}, and no other table is whole: another program made it",
                first.name,
                column.name(first.layout())
            ),
        ),
        _ => Ok(tables),
    }
}

/// What the layout has, and the database has not.
fn missing(tables: &[Found], layout: Layout) -> Vec<Note> {
    let mut notes = Vec::new();
    for old in &TABLES {
        let Some(found) = tables.iter().find(|found| found.old.table == old.table) else {
            notes.push(Note::NoTable(old.table));
            continue;
        };
        // In a file between the layouts each table is of one of them.
        let is_expected = |column: &&OldColumn| column.since != Since::V06 || found.layout() == Layout::V06;
        notes.extend(found.missing().filter(is_expected).map(|column| Note::NoColumn {
            table: old.table,
            column: column.name(layout),
            instead: column.otherwise.instead(),
            is_older: column.since == Since::Start && layout == Layout::V05,
        }));
    }
    notes
}
