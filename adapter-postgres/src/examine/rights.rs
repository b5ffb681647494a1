//! What the role may do.

use botstore_core::Result;
use botstore_core::model::{Aspect, Finding};
use botstore_core::transfer::Table;

use super::{HISTORY, IDENTITY, PostgresExaminer, SEQUENCE};
use crate::row::Columns as _;

const NAME: &str = Aspect::Permissions.as_str();

/// A table that is not there has no rights that could lack. Who may use a sequence's numbers may be asked of a sequence only.
const LACKING: &str = "
    SELECT name, string_agg(privilege, ', ' ORDER BY place) AS lacking, current_user::text AS role
    FROM unnest($1, $2) WITH ORDINALITY AS needed (name, privilege, place)
    WHERE NOT CASE privilege
        WHEN 'USAGE' THEN has_sequence_privilege(to_regclass(name), privilege)
        ELSE has_table_privilege(to_regclass(name), privilege) END
    GROUP BY name ORDER BY min(place)";

/// Finds out which rights on tables and sequences the role lacks.
pub(super) async fn rights(examiner: &PostgresExaminer) -> Result<Finding> {
    let (names, privileges): (Vec<_>, Vec<_>) = needed().unzip();
    let mut lacking = Vec::new();
    for row in examiner.rows(LACKING, &[&names, &privileges]).await? {
        let (name, privileges, role): (&str, &str, &str) =
            (row.raw("name")?, row.raw("lacking")?, row.raw("role")?);
        let kind = if name == SEQUENCE { "SEQUENCE " } else { "" };
        lacking.push((
            format!("{privileges} on {name}"),
            format!("GRANT {privileges} ON {kind}{name} TO {}", quoted(role)),
        ));
    }
    Ok(judge(lacking))
}

/// Each table or sequence with a right that a bot needs on it.
fn needed() -> impl Iterator<Item = (&'static str, &'static str)> {
    let of_table = |table: Table| {
        // Rows of these are never removed while a bot works.
        let stays = table.is_single() || table == Table::SourcePositions;
        let most: &[&str] = if stays { &[] } else { &["DELETE"] };
        ["SELECT", "INSERT", "UPDATE"].iter().chain(most).map(move |&privilege| (table.name(), privilege))
    };
    let others = [(IDENTITY, "SELECT"), (HISTORY, "SELECT"), (SEQUENCE, "USAGE")];
    Table::ALL.into_iter().flat_map(of_table).chain(others)
}

/// What lacks, each with the statement that gives it.
fn judge(lacking: Vec<(String, String)>) -> Finding {
    if lacking.is_empty() {
        return Finding::ok(NAME, "the role may do all that a bot does with tables and sequences");
    }
    let (lacking, grants): (Vec<_>, Vec<_>) = lacking.into_iter().unzip();
    let found = format!("the role lacks {}", lacking.join("; "));
    Finding::failed(NAME, found, format!("as the owner of the tables: {}", grants.join("; ")))
}

/// A name as SQL has it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
