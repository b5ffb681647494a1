//! Whether what is on the server's disk makes sense: by its checksums, and by the extension amcheck where it may be used.

use botstore_core::model::{Aspect, Depth, Finding, Verdict};
use botstore_core::{ErrorKind, Result};

use super::PostgresExaminer;
use crate::rights::{all_tables, quoted};
use crate::row::Columns as _;

const NAME: &str = Aspect::Integrity.as_str();

/// What the server can be asked for. Its own counting of failures begins anew when its statistics do.
const MEANS: &str = "
    SELECT current_setting('data_checksums') = 'on' AS checksums, coalesce(checksum_failures, 0) AS failures,
        current_user::text AS role, quote_ident(nspname) AS home,
        coalesce(has_function_privilege(
            to_regprocedure(quote_ident(nspname) || '.bt_index_check(regclass,boolean)'), 'EXECUTE'), false) AS indexes,
        coalesce(has_function_privilege(
            to_regprocedure(quote_ident(nspname) || '.verify_heapam(regclass,boolean,boolean,text,bigint,bigint)'),
            'EXECUTE'), false) AS tables
    FROM pg_stat_database LEFT JOIN pg_extension ON extname = 'amcheck'
        LEFT JOIN pg_namespace ON pg_namespace.oid = extnamespace
    WHERE datname = current_database()";

struct Means {
    checksums: bool,
    failures: i64,
    role: String,
    /// The schema of amcheck, as SQL has it; none if it is not installed.
    home: Option<String>,
    /// Whether indexes may be verified, and tables.
    indexes: bool,
    tables: bool,
}

/// What was verified, and what was found wrong.
#[derive(Default)]
struct Verified {
    indexes: usize,
    tables: usize,
    faults: Vec<String>,
}

/// Verifies indexes by themselves, or in depth against their tables, and the tables.
pub(super) async fn integrity(examiner: &PostgresExaminer, depth: Depth) -> Result<Finding> {
    let Some(row) = examiner.rows(MEANS, &[]).await?.pop() else {
        return Ok(Finding::ok(NAME, "the server keeps no statistics of this database"));
    };
    let means = Means {
        checksums: row.raw("checksums")?,
        failures: row.raw("failures")?,
        role: row.raw("role")?,
        home: row.raw("home")?,
        indexes: row.raw("indexes")?,
        tables: row.raw("tables")?,
    };
    let mut verified = Verified::default();
    if let Some(home) = &means.home {
        if means.indexes {
            indexes(examiner, home, depth, &mut verified).await?;
        }
        if means.tables && depth == Depth::Deep {
            tables(examiner, home, &mut verified).await?;
        }
    }
    Ok(judge(&means, &verified, depth))
}

/// Indexes that are not valid are told of elsewhere.
const INDEXES: &str = "
    SELECT indexrelid::bigint AS id, indexrelid::regclass::text AS name
    FROM unnest($1) AS name JOIN pg_index ON indrelid = to_regclass(name) JOIN pg_class ON oid = indexrelid
    WHERE indisvalid AND relam = (SELECT oid FROM pg_am WHERE amname = 'btree') ORDER BY 2";

async fn indexes(
    examiner: &PostgresExaminer,
    home: &str,
    depth: Depth,
    verified: &mut Verified,
) -> Result<()> {
    let check = format!("SELECT 1 FROM {home}.bt_index_check($1::bigint::oid::regclass, $2)");
    for row in examiner.rows(INDEXES, &[&all_tables()]).await? {
        let (id, name): (i64, &str) = (row.raw("id")?, row.raw("name")?);
        match examiner.rows(&check, &[&id, &(depth == Depth::Deep)]).await {
            Ok(_) => {}
            Err(error) if *error.kind() == ErrorKind::Corrupt => {
                verified.faults.push(format!("{name}: {}", said(&error)))
            }
            Err(error) => return Err(error),
        }
        verified.indexes += 1;
    }
    Ok(())
}

const TABLES: &str = "
    SELECT oid::bigint AS id, relname::text AS name
    FROM unnest($1) AS name JOIN pg_class ON oid = to_regclass(name) ORDER BY 2";

/// Faults of a table that are named.
const NAMED: i64 = 3;

async fn tables(examiner: &PostgresExaminer, home: &str, verified: &mut Verified) -> Result<()> {
    let check = format!(
        "SELECT blkno AS block, msg AS message FROM {home}.verify_heapam($1::bigint::oid::regclass, check_toast => true)
         LIMIT $2"
    );
    for row in examiner.rows(TABLES, &[&all_tables()]).await? {
        let (id, name): (i64, &str) = (row.raw("id")?, row.raw("name")?);
        match examiner.rows(&check, &[&id, &NAMED]).await {
            Ok(faults) => {
                for fault in faults {
                    let (block, message): (i64, &str) = (fault.raw("block")?, fault.raw("message")?);
                    verified.faults.push(format!("{name}, block {block}: {message}"));
                }
            }
            Err(error) if *error.kind() == ErrorKind::Corrupt => {
                verified.faults.push(format!("{name}: {}", said(&error)))
            }
            Err(error) => return Err(error),
        }
        verified.tables += 1;
    }
    Ok(())
}

/// What the server said, without the operation and the database around it.
fn said(error: &botstore_core::StoreError) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

fn judge(means: &Means, verified: &Verified, depth: Depth) -> Finding {
    let checksums = match (means.checksums, means.failures) {
        (false, _) => "data checksums are off".to_owned(),
        (true, 0) => "data checksums are on, and none failed".to_owned(),
        (true, failures) => format!("{failures} data checksums failed"),
    };
    if means.failures > 0 || !verified.faults.is_empty() {
        let found = [&[checksums][..], &verified.faults].concat().join("; ");
        let advice =
            "check the server's disk; REINDEX INDEX makes an index again, a damaged table needs a backup";
        return Finding::failed(NAME, found, advice);
    }
    let mut found = checksums;
    if verified.indexes > 0 {
        found += &format!("; amcheck found no fault in {} indexes", verified.indexes);
    }
    if verified.tables > 0 {
        found += &format!(" and {} tables", verified.tables);
    }
    let missing = match (&means.home, means.indexes, means.tables || depth == Depth::Quick) {
        (None, ..) => Some(("amcheck is not installed", "CREATE EXTENSION amcheck; ")),
        (_, true, true) => None,
        _ => Some(("the role may not use all of amcheck", "")),
    };
    let Some((missing, install)) = missing else { return Finding::ok(NAME, found) };
    let role = quoted(&means.role);
    let advice = format!(
        "to have it verified, as a superuser in this database: {install}GRANT EXECUTE ON FUNCTION \
         bt_index_check(regclass, boolean), verify_heapam TO {role}"
    );
    // Who asks for everything is to know that it was not done.
    let verdict = if depth == Depth::Deep { Verdict::Warning } else { Verdict::Ok };
    Finding { name: NAME, verdict, found: format!("{found}; {missing}"), advice: Some(advice) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABLE: fn() -> Means = || Means {
        checksums: true,
        failures: 0,
        role: "rosey".into(),
        home: Some("public".into()),
        indexes: true,
        tables: true,
    };

    #[test]
    fn faults_and_failed_checksums_are_failures() {
        let sound = Verified { indexes: 28, tables: 12, faults: Vec::new() };
        let finding = judge(&ABLE(), &sound, Depth::Deep);
        let expected =
            "data checksums are on, and none failed; amcheck found no fault in 28 indexes and 12 tables";
        assert_eq!((finding.verdict, finding.found.as_str()), (Verdict::Ok, expected));

        let finding = judge(&Means { failures: 2, ..ABLE() }, &sound, Depth::Quick);
        assert_eq!((finding.verdict, finding.found.as_str()), (Verdict::Failed, "2 data checksums failed"));

        let damaged = Verified { faults: vec!["user_stats_pkey: bad".into()], ..sound };
        let finding = judge(&Means { checksums: false, ..ABLE() }, &damaged, Depth::Quick);
        assert_eq!(finding.verdict, Verdict::Failed);
        assert_eq!(finding.found, "data checksums are off; user_stats_pkey: bad");
    }

    #[test]
    fn what_could_not_be_verified_is_said_and_is_a_warning_to_who_asked_for_it() {
        let none = Verified::default();
        let without = Means { home: None, indexes: false, tables: false, ..ABLE() };
        let finding = judge(&without, &none, Depth::Quick);
        assert_eq!(finding.verdict, Verdict::Ok);
        assert!(finding.found.ends_with("amcheck is not installed"), "{}", finding.found);
        assert!(finding.advice.is_some_and(|advice| advice.contains("CREATE EXTENSION amcheck; GRANT")));
        assert_eq!(judge(&without, &none, Depth::Deep).verdict, Verdict::Warning);

        let half = Means { tables: false, ..ABLE() };
        assert_eq!(judge(&half, &none, Depth::Quick).advice, None);
        let finding = judge(&half, &none, Depth::Deep);
        assert!(finding.found.ends_with("the role may not use all of amcheck"), "{}", finding.found);
    }
}
