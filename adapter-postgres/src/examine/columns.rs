//! Whether columns are as the migrations make them, as far as a store depends on it.

use botstore_core::Result;
use botstore_core::model::Finding;
use botstore_core::transfer::{Content, Table};

use super::PostgresExaminer;
use super::objects::NAME;
use crate::rights::{IDENTITY, all_tables, quoted};
use crate::row::Columns as _;

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Column {
    table: String,
    name: String,
    kind: String,
    /// Whether it refuses NULL.
    is_required: bool,
}

/// What the migrations make.
fn expected() -> Vec<Column> {
    let column = |table: &str, name: &str, kind: &str, is_required| Column {
        table: table.to_owned(),
        name: name.to_owned(),
        kind: kind.to_owned(),
        is_required,
    };
    let of_table = |table: Table| {
        table.columns().iter().map(move |found| {
            let kind = match found.content {
                Content::Int(_) => "bigint",
                Content::Real(_) => "double precision",
                Content::Bool => "boolean",
                Content::Text(_) => "text",
                Content::Bytes(_) => "bytea",
            };
            column(table.name(), found.name, kind, !found.nullable)
        })
    };
    // What a store's content has not.
    let others = [
        column(Table::UserStats.name(), "chat_rank", "integer", true),
        column(IDENTITY, "id", "bigint", true),
        column(IDENTITY, "database_id", "text", true),
    ];
    Table::ALL.into_iter().flat_map(of_table).chain(others).collect()
}

/// The columns of tables that are there, each with whether it has a value that nobody gave it.
const COLUMNS: &str = "
    SELECT owner, attname::text AS name, format_type(atttypid, atttypmod) AS kind, attnotnull AS required,
        atthasdef OR attidentity <> '' AS has_own
    FROM unnest($1) AS owner JOIN pg_attribute ON attrelid = to_regclass(owner)
    WHERE attnum > 0 AND NOT attisdropped ORDER BY owner, attnum";

async fn found(examiner: &PostgresExaminer) -> Result<Vec<(Column, bool)>> {
    let rows = examiner.rows(COLUMNS, &[&all_tables()]).await?;
    let read = |row: &tokio_postgres::Row| {
        let column = Column {
            table: row.raw("owner")?,
            name: row.raw("name")?,
            kind: row.raw("kind")?,
            is_required: row.raw("required")?,
        };
        Ok((column, row.raw("has_own")?))
    };
    rows.iter().map(read).collect()
}

/// Looks at the columns of the tables that are there.
pub(super) async fn faults(examiner: &PostgresExaminer) -> Result<Vec<Finding>> {
    let (found, expected) = (found(examiner).await?, expected());
    let is_same = |one: &Column, other: &Column| one.table == other.table && one.name == other.name;
    let there = |column: &Column| found.iter().map(|(found, _)| found).find(|found| is_same(found, column));
    let mut faults = Vec::new();
    for column in &expected {
        if found.iter().any(|(found, _)| found.table == column.table) {
            faults.extend(judge(column, there(column)));
        }
    }
    for (extra, _) in found.iter().filter(|(found, has_own)| found.is_required && !has_own) {
        let mut of_table = expected.iter().filter(|column| column.table == extra.table).peekable();
        let is_ours = of_table.peek().is_some() && !expected.iter().any(|column| is_same(column, extra));
        // One that lacks may be this one, under another name.
        if is_ours && of_table.all(|column| there(column).is_some()) {
            let found = format!("column {}.{} must be given, and no store does", extra.table, extra.name);
            faults.push(Finding::failed(NAME, found, extra.alter("DROP NOT NULL")));
        }
    }
    Ok(faults)
}

/// What is wrong with a column, which is as it is found, or not there.
fn judge(expected: &Column, found: Option<&Column>) -> Option<Finding> {
    let Column { table, name, kind, is_required } = expected;
    let Some(found) = found else {
        let advice = "restore a backup, or give the column its name back (ALTER TABLE ... RENAME COLUMN) if it has another";
        return Some(Finding::failed(NAME, format!("missing: column {table}.{name}"), advice));
    };
    if found.kind != *kind && (kind.as_str(), found.kind.as_str()) != ("text", "character varying") {
        let found = format!("column {table}.{name} is {}, not {kind}", found.kind);
        let advice =
            "give it its type back (ALTER TABLE ... ALTER COLUMN ... TYPE), as migrations/postgres has it";
        return Some(Finding::failed(NAME, found, advice));
    }
    match (is_required, found.is_required) {
        (true, false) => {
            let found = format!("column {table}.{name} takes NULL, which no store writes");
            Some(Finding::warning(NAME, found, expected.alter("SET NOT NULL")))
        }
        (false, true) => {
            let found = format!("column {table}.{name} refuses NULL");
            Some(Finding::failed(NAME, found, expected.alter("DROP NOT NULL")))
        }
        _ => None,
    }
}

impl Column {
    /// The statement that changes it.
    fn alter(&self, how: &str) -> String {
        format!("ALTER TABLE {} ALTER COLUMN {} {how}", self.table, quoted(&self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Database;

    #[test]
    fn the_columns_are_those_of_the_migrations() {
        let Some(database) = Database::migrated() else { return };
        let mut made = database.run(async |_| {
            let url = crate::testing::postgres_url(database.url());
            let examiner = PostgresExaminer::open(&url, &url.settings(Default::default())).await.unwrap();
            assert!(faults(&examiner).await.unwrap().is_empty());
            found(&examiner).await.unwrap().into_iter().map(|(column, _)| column).collect::<Vec<_>>()
        });
        made.retain(|column| column.table != crate::rights::HISTORY);
        let mut expected = expected();
        made.sort();
        expected.sort();
        assert_eq!(made, expected);
    }
}
