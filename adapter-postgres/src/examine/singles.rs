//! Rows that are always there.

use botstore_core::Result;
use botstore_core::model::Finding;

use super::PostgresExaminer;
use super::objects::NAME;
use crate::row::Columns as _;

/// The tables that always have one row, each with what makes it again.
const SINGLES: [(&str, &str); 3] = [
    ("channel_stats", "INSERT INTO channel_stats (id) VALUES (1)"),
    ("current_status", "INSERT INTO current_status (id) VALUES (1)"),
    (
        "database_identity",
        "INSERT INTO database_identity (id, database_id) VALUES (1, replace(gen_random_uuid()::text, '-', ''))",
    ),
];

/// Which tables may be looked into; one that is missing is told of elsewhere, and so is a right that lacks.
const READABLE: &str =
    "SELECT name FROM unnest($1) AS name WHERE has_table_privilege(to_regclass(name), 'SELECT')";

/// The rows that are gone.
pub(super) async fn faults(examiner: &PostgresExaminer) -> Result<Vec<Finding>> {
    let tables: Vec<_> = SINGLES.iter().map(|(table, _)| *table).collect();
    let mut readable = Vec::new();
    for row in examiner.rows(READABLE, &[&tables]).await? {
        readable.push(row.raw::<String>("name")?);
    }
    let mut faults = Vec::new();
    for (table, statement) in SINGLES {
        if !readable.iter().any(|name| name == table) {
            continue;
        }
        if examiner.rows(&format!("SELECT 1 FROM {table} LIMIT 1"), &[]).await?.is_empty() {
            let advice = format!("restore a backup; or have the row begin anew: {statement}");
            faults.push(Finding::failed(NAME, format!("missing: the row of {table}"), advice));
        }
    }
    Ok(faults)
}
