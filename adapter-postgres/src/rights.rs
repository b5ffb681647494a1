//! What the role may do: its rights on tables and sequences, and whether it sees all rows.

use botstore_core::transfer::{Table, Work};
use botstore_core::{ErrorKind, Result, StoreError};
use tokio_postgres::Row;

use crate::client::{Connections, Intent};
use crate::row::Columns as _;

/// The tables beside those that make up a store's content.
pub(crate) const IDENTITY: &str = "database_identity";
pub(crate) const HISTORY: &str = "refinery_schema_history";

/// The sequence that is no column's own.
pub(crate) const VERSIONS: &str = "plugin_value_versions";

/// The sequences whose place is copied.
const SEQUENCES: [&str; 6] = [
    "user_actions_id_seq",
    "user_count_history_id_seq",
    "recent_chat_id_seq",
    "outbound_messages_id_seq",
    "api_tokens_id_seq",
    VERSIONS,
];

/// The names of all tables.
pub(crate) fn all_tables() -> Vec<&'static str> {
    Table::ALL.into_iter().map(Table::name).chain([IDENTITY, HISTORY]).collect()
}

/// A right on something.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Right {
    on: Kind,
    name: &'static str,
    privilege: &'static str,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Table,
    Sequence,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Table => "TABLE",
            Self::Sequence => "SEQUENCE",
        }
    }
}

impl Right {
    const fn table(name: &'static str, privilege: &'static str) -> Self {
        Self { on: Kind::Table, name, privilege }
    }

    const fn sequence(name: &'static str, privilege: &'static str) -> Self {
        Self { on: Kind::Sequence, name, privilege }
    }
}

/// What every store reads when it is opened.
const OPENING: [Right; 2] = [Right::table(IDENTITY, "SELECT"), Right::table(HISTORY, "SELECT")];

/// What a bot needs.
pub(crate) fn of_a_bot() -> Vec<Right> {
    let of_table = |table: Table| {
        // Rows of these are never removed while a bot works.
        let stays = table.is_single() || table == Table::SourcePositions;
        let most: &[&str] = if stays { &[] } else { &["DELETE"] };
        ["SELECT", "INSERT", "UPDATE"].iter().chain(most).map(move |right| Right::table(table.name(), right))
    };
    let rows = Table::ALL.into_iter().flat_map(of_table);
    rows.chain(OPENING).chain([Right::sequence(VERSIONS, "USAGE")]).collect()
}

/// What a copy needs, whose statements are those of `transfer.rs`.
pub(crate) fn of_a_copy(work: Work) -> Vec<Right> {
    let of_table = |table: Table| {
        let privileges: &[&str] = match (work, table.is_single()) {
            (Work::Read, _) => &["SELECT"],
            // Its row is replaced.
            (Work::Write | Work::Replace, true) => &["SELECT", "INSERT", "UPDATE"],
            (Work::Write, false) => &["SELECT", "INSERT"],
            (Work::Replace, false) => &["SELECT", "INSERT", "DELETE"],
        };
        privileges.iter().map(move |right| Right::table(table.name(), right))
    };
    let of_sequence = |name| {
        let privileges: &[&str] = if work == Work::Read { &["SELECT"] } else { &["SELECT", "UPDATE"] };
        privileges.iter().map(move |right| Right::sequence(name, right))
    };
    let (tables, sequences) = (Table::ALL.into_iter(), SEQUENCES.into_iter());
    tables.flat_map(of_table).chain(OPENING).chain(sequences.flat_map(of_sequence)).collect()
}

/// Those that lack, for each kind and set of privileges in one row. What is not there has no rights that could lack.
const LACKING: &str = "
    SELECT kind, privileges, string_agg(name, ', ' ORDER BY first) AS names, current_user::text AS role
    FROM (
        SELECT kind, name, string_agg(privilege, ', ' ORDER BY place) AS privileges, min(place) AS first
        FROM unnest($1, $2, $3) WITH ORDINALITY AS needed (kind, name, privilege, place)
        WHERE NOT CASE kind
            WHEN 'SEQUENCE' THEN has_sequence_privilege(to_regclass(name), privilege)
            ELSE has_table_privilege(to_regclass(name), privilege) END
        GROUP BY kind, name
    ) AS lacking
    GROUP BY kind, privileges ORDER BY min(first)";

/// Rights that the role lacks.
pub(crate) struct Lacking {
    /// What lacks, such as `INSERT on recent_chat`.
    pub(crate) found: String,
    /// The statements that give it.
    pub(crate) grants: String,
}

impl Lacking {
    /// Finds out which of these rights the role lacks; none if it has them all.
    pub(crate) async fn of(
        connections: &Connections,
        operation: &'static str,
        needed: &[Right],
    ) -> Result<Option<Self>> {
        let kinds: Vec<_> = needed.iter().map(|right| right.on.as_str()).collect();
        let names: Vec<_> = needed.iter().map(|right| right.name).collect();
        let privileges: Vec<_> = needed.iter().map(|right| right.privilege).collect();
        let rows = connections.send(operation, Intent::Read, LACKING, &[&kinds, &names, &privileges]).await?;
        let (mut found, mut grants) = (Vec::new(), Vec::new());
        for row in rows {
            let text = |column: &'static str| row.raw::<&str>(column);
            let (kind, privileges, names) = (text("kind")?, text("privileges")?, text("names")?);
            found.push(format!("{privileges} on {names}"));
            grants.push(format!("GRANT {privileges} ON {kind} {names} TO {}", quoted(text("role")?)));
        }
        Ok((!found.is_empty()).then(|| Self { found: found.join("; "), grants: grants.join("; ") }))
    }
}

/// Refuses work for which the role lacks rights.
pub(crate) async fn check(connections: &Connections, operation: &'static str, work: Work) -> Result<()> {
    match Lacking::of(connections, operation, &of_a_copy(work)).await? {
        None => Ok(()),
        Some(Lacking { found, grants }) => {
            let shown = &connections.shown;
            let detail = format!("{shown}: the role lacks {found}; as the owner of the tables: {grants}");
            Err(StoreError::new(ErrorKind::Schema, operation, detail))
        }
    }
}

/// Tables of which the role may not see every row: what it reads of them is some of it, without any error.
pub(crate) struct Hidden {
    tables: Vec<String>,
    role: String,
}

impl Hidden {
    /// What a row says in its columns `hidden` and `role`; none if the role sees all.
    pub(crate) fn of(row: &Row) -> Result<Option<Self>> {
        let tables: Vec<String> = row.raw("hidden")?;
        let role = row.raw("role")?;
        Ok((!tables.is_empty()).then_some(Self { tables, role }))
    }

    /// What is wrong.
    pub(crate) fn found(&self) -> String {
        format!("row-level security may hide rows of {} from the role", self.tables.join(", "))
    }

    /// What to do.
    pub(crate) fn advice(&self) -> String {
        let disable = |table: &String| format!("ALTER TABLE {table} DISABLE ROW LEVEL SECURITY");
        let disabled: Vec<_> = self.tables.iter().map(disable).collect();
        format!(
            "as a superuser: ALTER ROLE {} BYPASSRLS; or as the owner of the tables: {}",
            quoted(&self.role),
            disabled.join("; ")
        )
    }
}

/// A name as SQL has it.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
