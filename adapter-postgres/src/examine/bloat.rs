//! Whether indexes have outgrown what they hold.

use botstore_core::Result;
use botstore_core::model::{Aspect, Finding};

use super::PostgresExaminer;
use crate::rights::all_tables;
use crate::row::Columns as _;

const NAME: &str = Aspect::Bloat.as_str();

/// An entry takes its columns' average width and about 24 bytes besides, and pages are two thirds full after many changes.
/// The server counts the entries when it vacuums or analyzes; of a table that it never did, it knows nothing.
const INDEXES: &str = "
    SELECT indexrelid::regclass::text AS name, pg_relation_size(indexrelid) AS bytes,
        (entries.reltuples * (sum(coalesce(avg_width, 8)) + 24) * 1.5)::bigint AS needed
    FROM unnest($1) AS name JOIN pg_index ON indrelid = to_regclass(name)
        JOIN pg_class AS entries ON entries.oid = indexrelid
        JOIN pg_class AS owner ON owner.oid = indrelid
        JOIN pg_namespace AS home ON home.oid = owner.relnamespace
        JOIN pg_attribute ON attrelid = indexrelid
        LEFT JOIN pg_stats ON schemaname = nspname AND tablename = owner.relname
            AND pg_stats.attname = pg_attribute.attname
    WHERE owner.reltuples >= 0 AND entries.reltuples >= 0
    GROUP BY indexrelid, entries.reltuples ORDER BY 2 DESC";

/// An index, its size, and what its entries would need.
struct Index {
    name: String,
    bytes: i64,
    needed: i64,
}

/// Indexes are warned of that are larger than this, and so many times as large as they need to be.
const MUCH: i64 = 16 << 20;
const TIMES: i64 = 3;

pub(super) async fn bloat(examiner: &PostgresExaminer) -> Result<Finding> {
    let mut indexes = Vec::new();
    for row in examiner.rows(INDEXES, &[&all_tables()]).await? {
        indexes.push(Index { name: row.raw("name")?, bytes: row.raw("bytes")?, needed: row.raw("needed")? });
    }
    Ok(judge(&indexes))
}

fn judge(indexes: &[Index]) -> Finding {
    let megabytes = |bytes: i64| bytes >> 20;
    let bloated: Vec<_> =
        indexes.iter().filter(|index| index.bytes > MUCH && index.bytes / TIMES > index.needed).collect();
    if bloated.is_empty() {
        let found = match indexes.first() {
            None => "the server has not counted any index's entries yet".to_owned(),
            Some(Index { name, bytes, .. }) => {
                format!(
                    "no index is much larger than its entries need; the largest is {name} with {bytes} bytes"
                )
            }
        };
        return Finding::ok(NAME, found);
    }
    let (found, made): (Vec<_>, Vec<_>) = bloated
        .iter()
        .map(|Index { name, bytes, needed }| {
            let found =
                format!("{name} takes {} MiB and needs about {}", megabytes(*bytes), megabytes(*needed));
            (found, format!("REINDEX INDEX CONCURRENTLY {name}"))
        })
        .unzip();
    Finding::warning(NAME, found.join("; "), made.join("; "))
}

#[cfg(test)]
mod tests {
    use botstore_core::model::Verdict;

    use super::*;

    #[test]
    fn only_a_large_index_that_could_be_a_third_is_warned_of() {
        let judged = |bytes, needed| judge(&[Index { name: "due".into(), bytes, needed }]);
        for (bytes, needed) in [(MUCH, 0), (6 * MUCH, 2 * MUCH), (0, 0)] {
            assert_eq!(judged(bytes, needed).verdict, Verdict::Ok, "{bytes} {needed}");
        }
        let finding = judged(7 * MUCH, 2 * MUCH);
        assert_eq!(finding.verdict, Verdict::Warning);
        assert_eq!(finding.found, "due takes 112 MiB and needs about 32");
        assert_eq!(finding.advice.as_deref(), Some("REINDEX INDEX CONCURRENTLY due"));
        assert_eq!(judge(&[]).verdict, Verdict::Ok);
    }
}
