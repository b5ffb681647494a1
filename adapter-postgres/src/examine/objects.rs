//! Whether everything is there that the migrations make.

use botstore_core::Result;
use botstore_core::model::{Aspect, Finding};
use botstore_core::transfer::Table;

use super::{PostgresExaminer, columns, singles};
use crate::rights::{IDENTITY, VERSIONS};
use crate::row::Columns as _;

pub(super) const NAME: &str = Aspect::Objects.as_str();

/// All indexes of the newest schema, those of keys and of what may be there only once, too.
const INDEXES: [&str; 28] = [
    "api_tokens_by_expiry",
    "api_tokens_by_prefix",
    "api_tokens_by_revocation",
    "api_tokens_pkey",
    "api_tokens_token_hash_key",
    "channel_stats_pkey",
    "current_status_pkey",
    "database_identity_pkey",
    "outbound_messages_by_sent",
    "outbound_messages_by_state",
    "outbound_messages_due",
    "outbound_messages_pkey",
    "outbound_messages_unique_key_key",
    "plugin_values_by_expiry",
    "plugin_values_pkey",
    "plugin_values_version_key",
    "recent_chat_by_time",
    "recent_chat_pkey",
    "source_positions_pkey",
    "user_actions_by_time",
    "user_actions_by_type",
    "user_actions_by_user",
    "user_actions_by_user_and_type",
    "user_actions_pkey",
    "user_count_history_by_time",
    "user_count_history_pkey",
    "user_stats_by_rank",
    "user_stats_pkey",
];

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
    let params: crate::client::Params<'_> = &[&tables, &vec![VERSIONS], &Vec::from(INDEXES)];
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
    let missing =
        |is_index| faults.iter().any(move |fault| !fault.is_invalid && (fault.kind == "index") == is_index);
    if missing(true) {
        advice.push("make the missing indexes by their statements in migrations/postgres".to_owned());
    }
    if missing(false) {
        advice.push("restore a backup: nobody knows what was in what is gone".to_owned());
    }
    Some(Finding::failed(NAME, shown.collect::<Vec<_>>().join("; "), advice.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Database;

    #[test]
    fn the_list_of_indexes_is_that_of_the_migrations() {
        let Some(database) = Database::migrated() else { return };
        let made = database.run(async |client| {
            let sql = "SELECT relname::text FROM pg_index JOIN pg_class ON oid = indexrelid
                WHERE relnamespace = current_schema()::regnamespace AND relname <> 'refinery_schema_history_pkey'
                ORDER BY relname COLLATE \"C\"";
            let rows = client.query_typed(sql, &[]).await.unwrap();
            rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>()
        });
        assert_eq!(made, INDEXES);
    }
}
