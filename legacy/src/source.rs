//! Where old rows come from.

use async_trait::async_trait;
use botstore_core::{Result, StoreError};

use crate::layout::{OldColumn, OldTable, Otherwise};
use crate::value::Value;

/// A database whose rows can be read, and are never changed. All is read as of one moment.
#[async_trait]
pub(crate) trait Source: Send + Sync {
    /// The database as people are shown it.
    fn name(&self) -> &str;

    /// All tables and their columns, by name.
    async fn shapes(&self) -> Result<Vec<Shape>>;

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
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) name: String,
    pub(crate) columns: Vec<String>,
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

/// A table of the Python bot's that is there.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) old: &'static OldTable,
    /// Its columns, those that nobody knows included.
    pub(crate) columns: Vec<String>,
    /// Where each known column stands among them.
    slots: Vec<Option<usize>>,
}

impl Found {
    /// The table of this shape; none if there is a column that must be there, and is not.
    pub(crate) fn of(old: &'static OldTable, columns: Vec<String>) -> Result<Self, &'static str> {
        let place = |name: &&str| columns.iter().position(|column| column == name);
        let slots = old.columns.iter().map(|column| column.names.iter().find_map(place)).collect();
        let found = Self { old, columns, slots };
        let is_missing = |(column, slot): &(&OldColumn, Option<usize>)| {
            slot.is_none() && column.otherwise == Otherwise::Needed
        };
        let missing = found.known().find(is_missing).map(|(column, _)| column.names[0]);
        missing.map_or(Ok(found), Err)
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
        let slot = self.known().find(|(column, _)| column.ours == Some(ours)).and_then(|(_, slot)| slot);
        slot.map_or(ours, |slot| &self.columns[slot])
    }

    /// What a row has in the column of this name; null if there is no such column.
    pub(crate) fn value<'a>(&self, raw: &'a Raw, name: &str) -> &'a Value {
        let slot = self.columns.iter().position(|column| column == name);
        slot.and_then(|slot| raw.values.get(slot)).unwrap_or(&Value::Null)
    }

    /// The column by which rows are told apart; none: they are by their places.
    pub(crate) fn key_column(&self) -> Option<&'static str> {
        let has = |name: &&str| self.columns.iter().any(|column| column == name);
        Some(self.old.key).filter(has)
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
