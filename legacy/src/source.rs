//! Where old rows come from.

use async_trait::async_trait;
use botstore_core::{Result, StoreError};

use crate::layout::{Layout, OldColumn, OldTable, Otherwise, Since};
use crate::value::Value;

/// A database whose rows can be read, and are never changed. All is read as of one moment.
#[async_trait]
pub(crate) trait Source: Send + Sync {
    /// The database as people are shown it.
    fn name(&self) -> &str;

    /// All tables and their columns, by name.
    async fn shapes(&self) -> Result<Vec<Shape>>;

    /// Why tables of the Python bot's that are there are not among them, and what makes them be; none if there are no such.
    async fn unseen(&self) -> Result<Option<String>>;

    /// Makes ready to read a table's rows.
    ///
    /// # Errors
    ///
    /// [`Schema`](botstore_core::ErrorKind::Schema): they cannot be told apart, or may not be read.
    async fn prepare(&self, found: &Found) -> Result<()>;

    /// Some more rows of a table, whatever stands in them, until there are no more.
    async fn scan(&self, found: &Found, after: Option<&Bound>) -> Result<Vec<Raw>, Broken>;

    /// Rows whose keys are of the right type, in the order of these, so many at the most.
    async fn page(&self, found: &Found, after: Option<&Bound>, limit: usize) -> Result<Vec<Raw>>;

    /// How many rows a table has, or how many of them have something in a column.
    async fn count(&self, table: &str, column: Option<&str>) -> Result<u64>;

    /// Whether two rows have the same key.
    async fn repeats_keys(&self, found: &Found) -> Result<bool>;

    /// The greatest number that was ever given to a row; 0 if none was.
    async fn greatest_identity(&self, found: &Found) -> Result<i64>;

    /// Looks whether the database is whole.
    async fn verify(&self) -> Result<()>;

    /// Looks whether it is as it was when it was opened, as far as its locks do not see to that.
    async fn verify_unchanged(&self) -> Result<()>;
}

/// Reading broke off.
#[derive(Debug)]
pub(crate) struct Broken {
    /// So many rows could be read before.
    pub(crate) readable: u64,
    pub(crate) error: StoreError,
}

impl From<StoreError> for Broken {
    fn from(error: StoreError) -> Self {
        Self { readable: 0, error }
    }
}

/// A table as it is there.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) name: String,
    pub(crate) columns: Vec<String>,
    /// Whether all of it may be read.
    pub(crate) is_readable: bool,
}

/// A row as it is there.
pub(crate) struct Raw {
    /// Its place in the table, if the database knows places.
    pub(crate) place: i64,
    /// What stands in the table's columns.
    pub(crate) values: Vec<Value>,
}

/// Behind which row to go on.
pub(crate) struct Bound {
    pub(crate) key: Value,
    pub(crate) place: i64,
}

/// Where a name stands among others. Letters that differ by case alone are the same, as SQLite has it; where a server
/// tells such names apart, that which is the very same is meant.
pub(crate) fn position<'a>(mut names: impl Iterator<Item = &'a str> + Clone, name: &str) -> Option<usize> {
    let is_same = |other: &str| other.eq_ignore_ascii_case(name);
    names.clone().position(|other| other == name).or_else(|| names.position(is_same))
}

/// A table of the Python bot's that is there.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) old: &'static OldTable,
    /// Its name there.
    pub(crate) name: String,
    /// Its columns, those that nobody knows included.
    pub(crate) columns: Vec<String>,
    /// Whether all of it may be read.
    pub(crate) is_readable: bool,
    /// Where each known column stands among them.
    slots: Vec<Option<usize>>,
}

impl Found {
    /// The table of this shape.
    pub(crate) fn of(old: &'static OldTable, shape: Shape) -> Self {
        let Shape { name, columns, is_readable } = shape;
        let place = |name: &&str| position(columns.iter().map(String::as_str), name);
        let slots = old.columns.iter().map(|column| column.names.iter().find_map(place)).collect();
        Self { old, name, columns, is_readable, slots }
    }

    /// The layout that alone has such a table: one that has anything of the newer layout is of that.
    pub(crate) fn layout(&self) -> Layout {
        let is_newer = |(column, slot): (&OldColumn, Option<usize>)| {
            let newer_name = column.name(Layout::V06);
            let is_renamed = newer_name != column.name(Layout::V05);
            let has_newer_name = slot.is_some_and(|slot| self.columns[slot].eq_ignore_ascii_case(newer_name));
            has_newer_name && (is_renamed || column.since == Since::V06)
        };
        if self.known().any(is_newer) { Layout::V06 } else { Layout::V05 }
    }

    /// The columns that are missing, whatever the layout has.
    pub(crate) fn missing(&self) -> impl Iterator<Item = &'static OldColumn> {
        self.known().filter(|(_, slot)| slot.is_none()).map(|(column, _)| column)
    }

    /// The first column that is missing, and without which no row is valid.
    pub(crate) fn lacks(&self) -> Option<&'static OldColumn> {
        self.missing().find(|column| column.otherwise == Otherwise::Needed)
    }

    /// The known columns, each with its place.
    pub(crate) fn known(&self) -> impl Iterator<Item = (&'static OldColumn, Option<usize>)> {
        self.old.columns.iter().zip(self.slots.iter().copied())
    }

    /// The columns that nobody knows.
    pub(crate) fn strange(&self) -> impl Iterator<Item = &str> {
        let known = |at| self.slots.contains(&Some(at));
        self.columns.iter().enumerate().filter(move |(at, _)| !known(*at)).map(|(_, name)| name.as_str())
    }

    /// The name that a column of ours has here.
    pub(crate) fn name_of<'a>(&'a self, ours: &'a str) -> &'a str {
        let slot = self.known().find(|(column, _)| column.names.contains(&ours)).and_then(|(_, slot)| slot);
        slot.map_or(ours, |slot| &self.columns[slot])
    }

    /// What a row has in the column of this name; null if there is no such column.
    pub(crate) fn value<'a>(&self, raw: &'a Raw, name: &str) -> &'a Value {
        let slot = position(self.columns.iter().map(String::as_str), name);
        slot.and_then(|slot| raw.values.get(slot)).unwrap_or(&Value::Null)
    }

    /// The column by which rows are told apart; none: they are by their places.
    pub(crate) fn key_column(&self) -> Option<&str> {
        let slot = position(self.columns.iter().map(String::as_str), self.old.key)?;
        Some(&self.columns[slot])
    }

    /// The key of a row.
    pub(crate) fn key(&self, raw: &Raw) -> Value {
        match self.key_column() {
            Some(column) => self.value(raw, column).clone(),
            None => Value::Int(raw.place),
        }
    }

    /// Behind a row.
    pub(crate) fn behind(&self, raw: &Raw) -> Bound {
        Bound { key: self.key(raw), place: raw.place }
    }
}
