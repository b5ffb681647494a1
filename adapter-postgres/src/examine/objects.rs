//! Whether everything is there that the migrations make.

use botstore_core::Result;
use botstore_core::model::{Aspect, Finding};
use botstore_core::transfer::Table;

use super::indexes::{INDEXES, Index};
use super::{PostgresExaminer, columns, singles};
use crate::rights::{IDENTITY, VERSIONS};
use crate::row::Columns as _;

pub(super) const NAME: &str = Aspect::Objects.as_str();

/// What is missing, and what is there and of no use, by kind and name.
const FAULTS: &str = "
    SELECT 'table' AS kind, name, false AS invalid FROM unnest($1) AS name WHERE to_regclass(name) IS NULL
    UNION ALL
    SELECT 'sequence', name, false FROM unnest($2) AS name WHERE to_regclass(name) IS NULL
    UNION ALL
    SELECT 'index', name, indexrelid IS NOT NULL
    FROM unnest($3) AS name LEFT JOIN pg_index ON indexrelid = to_regclass(name)
    WHERE indexrelid IS NULL OR NOT (indisvalid AND indisready AND indislive)
    ORDER BY 1, 2";

/// Something that is not as it should be.
struct Fault {
    kind: String,
    name: String,
    /// It is there, and is not used.
    is_invalid: bool,
}

/// Looks for what this version of the schema has. What others added is none of our business, unless it refuses what a
/// store writes.
pub(super) async fn objects(examiner: &PostgresExaminer) -> Result<Finding> {
    let tables: Vec<&str> = Table::ALL.into_iter().map(Table::name).chain([IDENTITY]).collect();
    let indexes: Vec<&str> = INDEXES.iter().map(|index| index.name).collect();
    let params: crate::client::Params<'_> = &[&tables, &vec![VERSIONS], &indexes];
    let mut faults = Vec::new();
    for row in examiner.rows(FAULTS, params).await? {
        faults.push(Fault {
            kind: row.raw("kind")?,
            name: row.raw("name")?,
            is_invalid: row.raw("invalid")?,
        });
    }
    let mut findings: Vec<_> = judge(&faults).into_iter().collect();
    findings.extend(columns::faults(examiner).await?);
    findings.extend(singles::faults(examiner).await?);
    Ok(Finding::joined(findings).unwrap_or_else(|| {
        Finding::ok(NAME, format!("all {} tables and {} indexes are there", tables.len(), INDEXES.len()))
    }))
}

fn judge(faults: &[Fault]) -> Option<Finding> {
    if faults.is_empty() {
        return None;
    }
    let shown = faults.iter().map(|fault| {
        let how = if fault.is_invalid { "invalid" } else { "missing" };
        format!("{how}: {} {}", fault.kind, fault.name)
    });
    let mut advice = Vec::new();
    if faults.iter().any(|fault| fault.is_invalid) {
        let invalid = faults.iter().filter(|fault| fault.is_invalid);
        let made: Vec<_> = invalid.map(|fault| format!("REINDEX INDEX {}", fault.name)).collect();
        advice.push(made.join("; "));
    }
    let is_missing = |kind: &str, name: &str| {
        faults.iter().any(|fault| !fault.is_invalid && fault.kind == kind && fault.name == name)
    };
    // Those of a table that is gone come with the table.
    let lost =
        INDEXES.iter().filter(|index| is_missing("index", index.name) && !is_missing("table", index.table));
    let made: Vec<_> = lost.map(Index::statement).collect();
    if !made.is_empty() {
        advice.push(format!("as the owner of the tables: {}", made.join("; ")));
    }
    if faults.iter().any(|fault| !fault.is_invalid && fault.kind != "index") {
        advice.push("restore a backup: nobody knows what was in what is gone".to_owned());
    }
    Some(Finding::failed(NAME, shown.collect::<Vec<_>>().join("; "), advice.join("; ")))
}
