//! A row as it is kept, and what has to hold for it.

use std::fmt;
use std::sync::Arc;

use super::{Column, Content, Table};
use crate::error::InvalidInput;

/// What stands in a column of a row.
#[derive(Clone, PartialEq)]
pub enum Field {
    /// Nothing.
    Null,
    /// A whole number.
    Int(i64),
    /// A double.
    Real(f64),
    /// Yes or no.
    Bool(bool),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// Anything may stand in it, so it is not shown.
impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "Null",
            Self::Int(_) => "Int(..)",
            Self::Real(_) => "Real(..)",
            Self::Bool(_) => "Bool(..)",
            Self::Text(_) => "Text(..)",
            Self::Bytes(_) => "Bytes(..)",
        })
    }
}

/// A row of a table, one that a store could have written: each column keeps its rule, and so do they together.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    table: Table,
    fields: Vec<Field>,
}

impl Row {
    /// The row of `table` with these fields, in the order of [`Table::columns`].
    ///
    /// # Errors
    ///
    /// [`InvalidInput`] of the column that breaks its rule, or stands in contradiction to another; of `row` if there are
    /// too few fields, or too many.
    pub fn new(table: Table, fields: Vec<Field>) -> Result<Self, InvalidInput> {
        let columns = table.columns();
        if fields.len() != columns.len() {
            let reason = format!("has {} columns, and {table} has {}", fields.len(), columns.len());
            return Err(InvalidInput::new("row", reason));
        }
        for (column, field) in columns.iter().zip(&fields) {
            check(column, field)?;
        }
        let row = Self { table, fields };
        super::rules::check(&row)?;
        Ok(row)
    }

    /// The table.
    #[must_use]
    pub fn table(&self) -> Table {
        self.table
    }

    /// The fields, in the order of [`Table::columns`].
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// What stands in a column; [`Field::Null`] if there is no such column.
    #[must_use]
    pub fn field(&self, column: &str) -> &Field {
        let place = self.table.columns().iter().position(|candidate| candidate.name == column);
        place.map_or(&Field::Null, |place| &self.fields[place])
    }

    /// How many bytes its texts and bytes have: what makes one row longer than another.
    #[must_use]
    pub fn content_bytes(&self) -> usize {
        let bytes = |field: &Field| match field {
            Field::Text(text) => text.len(),
            Field::Bytes(bytes) => bytes.len(),
            Field::Null | Field::Int(_) | Field::Real(_) | Field::Bool(_) => 0,
        };
        self.fields.iter().map(bytes).sum()
    }

    /// The row's key.
    #[must_use]
    pub fn key(&self) -> Key {
        let part = |field: &Field| match field {
            Field::Int(number) => KeyPart::Int(*number),
            Field::Text(text) => KeyPart::Text(text.clone()),
            // Keys have no other columns, and a row has what its columns ask for.
            Field::Null | Field::Real(_) | Field::Bool(_) | Field::Bytes(_) => KeyPart::Int(0),
        };
        Key(self.fields[..self.table.key().len()].iter().map(part).collect())
    }
}

fn check(column: &Column, field: &Field) -> Result<(), InvalidInput> {
    let kept = match (column.content, field) {
        (_, Field::Null) if column.nullable => Ok(()),
        (_, Field::Null) => Err(InvalidInput::new(column.name, "is null")),
        (Content::Int(rule), Field::Int(number)) => rule(*number),
        (Content::Real(rule), Field::Real(number)) => rule(*number),
        (Content::Bool, Field::Bool(_)) => Ok(()),
        (Content::Text(rule), Field::Text(text)) => rule(text),
        (Content::Bytes(length), Field::Bytes(bytes)) if bytes.len() == length => Ok(()),
        (Content::Bytes(length), Field::Bytes(bytes)) => {
            let reason = format!("has {} bytes, and {length} are expected", bytes.len());
            Err(InvalidInput::new(column.name, reason))
        }
        _ => Err(InvalidInput::new(column.name, "is of another type than the column")),
    };
    kept.map_err(|invalid| InvalidInput::new(column.name, invalid.reason))
}

/// By what a row is told apart from the others of its table, and ordered among them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Vec<KeyPart>);

/// A column of a key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyPart {
    /// A number.
    Int(i64),
    /// A text, ordered byte by byte.
    Text(String),
}

impl Key {
    /// Its columns.
    #[must_use]
    pub fn parts(&self) -> &[KeyPart] {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, part) in self.0.iter().enumerate() {
            let separator = if place == 0 { "" } else { " / " };
            match part {
                KeyPart::Int(number) => write!(f, "{separator}{number}")?,
                KeyPart::Text(text) => write!(f, "{separator}{text}")?,
            }
        }
        Ok(())
    }
}

/// Rows of one table, in the order of their keys. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Page {
    table: Table,
    rows: Arc<[Row]>,
}

impl Page {
    /// A page ends with the row that brings its [content](Row::content_bytes) to so many bytes, if it does not end
    /// before: a few long rows take as much memory as many short ones.
    pub const BYTES: usize = 2 << 20;

    /// A page of these rows.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`] of `rows`: one is of another table, or comes before its predecessor, or is it again.
    pub fn new(table: Table, rows: Vec<Row>) -> Result<Self, InvalidInput> {
        if rows.iter().any(|row| row.table != table) {
            return Err(InvalidInput::new("rows", format!("are not all of the table {table}")));
        }
        if !rows.is_sorted_by(|one, next| one.key() < next.key()) {
            return Err(InvalidInput::new("rows", "are not in the order of their keys"));
        }
        Ok(Self { table, rows: rows.into() })
    }

    /// The table.
    #[must_use]
    pub fn table(&self) -> Table {
        self.table
    }

    /// The rows.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }
}

/// For each table that numbers its rows, the greatest number that was ever given: none is given twice. Of plugins' values
/// it is the greatest version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Identities {
    /// Of the audit log.
    pub user_actions: i64,
    /// Of the samples.
    pub user_count_history: i64,
    /// Of the kept lines.
    pub recent_chat: i64,
    /// Of the queue.
    pub outbound_messages: i64,
    /// Of tokens.
    pub api_tokens: i64,
    /// Versions of plugins' values.
    pub plugin_values: i64,
}
