//! What the server's autovacuum sees to, and how large the database is.

use botstore_core::Result;
use botstore_core::model::{Aspect, Finding};

use super::PostgresExaminer;
use crate::rights::all_tables;
use crate::row::Columns as _;

const UPKEEP: &str = Aspect::Upkeep.as_str();
const WRAPAROUND: &str = Aspect::Wraparound.as_str();
const SIZE: &str = Aspect::Size.as_str();

const TABLES: &str = "
    SELECT relname::text AS name, n_live_tup AS live, n_dead_tup AS dead,
        current_setting('autovacuum') = 'on' AND current_setting('track_counts') = 'on' AS automatic,
        to_char(greatest(last_vacuum, last_autovacuum) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS vacuumed,
        greatest(last_analyze, last_autoanalyze) IS NOT NULL AS analyzed
    FROM unnest($1) AS name JOIN pg_stat_user_tables ON relid = to_regclass(name)
    ORDER BY n_dead_tup DESC, relname";

/// A table as the server's statistics have it.
struct Tended {
    name: String,
    live: i64,
    dead: i64,
    /// When it was vacuumed last, in ISO 8601.
    vacuumed: Option<String>,
    analyzed: bool,
}

/// Smaller tables need no upkeep.
const MANY: i64 = 10_000;

pub(super) async fn upkeep(examiner: &PostgresExaminer) -> Result<Finding> {
    let (mut tables, mut automatic) = (Vec::new(), true);
    for row in examiner.rows(TABLES, &[&all_tables()]).await? {
        automatic = row.raw("automatic")?;
        tables.push(Tended {
            name: row.raw("name")?,
            live: row.raw("live")?,
            dead: row.raw("dead")?,
            vacuumed: row.raw("vacuumed")?,
            analyzed: row.raw("analyzed")?,
        });
    }
    Ok(judge(automatic, &tables))
}

/// The tables come in the order of their dead rows, most first.
fn judge(automatic: bool, tables: &[Tended]) -> Finding {
    let (mut found, mut advice) = (Vec::new(), Vec::new());
    if !automatic {
        found.push("autovacuum is off".to_owned());
        advice.push("as a superuser: ALTER SYSTEM SET autovacuum = on; SELECT pg_reload_conf()".to_owned());
    }
    for Tended { name, live, dead, vacuumed, analyzed } in tables {
        if *dead > MANY && *dead > live / 2 {
            let when = vacuumed.as_deref().unwrap_or("never");
            found.push(format!("{name} has {dead} dead rows and {live} live ones, last vacuumed: {when}"));
            advice.push(format!("VACUUM (ANALYZE) {name}"));
        } else if *live > MANY && !analyzed {
            found.push(format!("{name} has {live} rows and was never analyzed"));
            advice.push(format!("ANALYZE {name}"));
        }
    }
    if !advice.is_empty() {
        return Finding::warning(UPKEEP, found.join("; "), advice.join("; "));
    }
    let most = tables.first().map_or(String::new(), |Tended { name, dead, vacuumed, .. }| {
        let when = vacuumed.as_deref().unwrap_or("never yet");
        format!("; most dead rows: {name}, {dead}, last vacuumed: {when}")
    });
    Finding::ok(UPKEEP, format!("autovacuum is on{most}"))
}

const AGES: &str = "
    SELECT age(datfrozenxid)::bigint AS transactions, mxid_age(datminmxid)::bigint AS groups,
        current_setting('autovacuum_freeze_max_age')::bigint AS transactions_may,
        current_setting('autovacuum_multixact_freeze_max_age')::bigint AS groups_may
    FROM pg_database WHERE datname = current_database()";

/// From so many numbers on the server warns, and refuses writes when 37 million more are used.
const NEAR: i64 = (1 << 31) - 40_000_000;

pub(super) async fn wraparound(examiner: &PostgresExaminer) -> Result<Finding> {
    let Some(row) = examiner.rows(AGES, &[]).await?.pop() else {
        return Ok(Finding::ok(WRAPAROUND, "the server does not tell"));
    };
    Ok(judge_ages([
        (row.raw("transactions")?, row.raw("transactions_may")?),
        (row.raw("groups")?, row.raw("groups_may")?),
    ]))
}

/// How many numbers of transactions, and of groups of them, are in use, each with that from which on autovacuum sees to it.
fn judge_ages(ages: [(i64, i64); 2]) -> Finding {
    let oldest = ages.map(|(age, _)| age).into_iter().max().unwrap_or(0);
    let found = format!("{oldest} of {} numbers of transactions are in use", 1_i64 << 31);
    let advice = "VACUUM FREEZE the database as its owner, and look for what holds autovacuum up: an old transaction, a \
                  forgotten replication slot or prepared transaction";
    if oldest > NEAR {
        return Finding::failed(WRAPAROUND, format!("{found}: the server soon refuses every write"), advice);
    }
    if ages.iter().any(|(age, may)| *age > may.saturating_mul(2)) {
        return Finding::warning(WRAPAROUND, format!("{found}: autovacuum should have cleared them"), advice);
    }
    Finding::ok(WRAPAROUND, found)
}

const DATABASE_SIZE: &str = "SELECT pg_size_pretty(pg_database_size(current_database())) AS size";

pub(super) async fn size(examiner: &PostgresExaminer) -> Result<Finding> {
    let size: String = match examiner.rows(DATABASE_SIZE, &[]).await?.pop() {
        Some(row) => row.raw("size")?,
        None => "nothing".to_owned(),
    };
    let found =
        format!("the database takes {size}; how much room is left, its server's machine knows (`df`)");
    Ok(Finding::ok(SIZE, found))
}

#[cfg(test)]
mod tests {
    use botstore_core::model::Verdict;

    use super::*;

    fn tended(live: i64, dead: i64, analyzed: bool) -> Tended {
        Tended { name: "recent_chat".into(), live, dead, vacuumed: None, analyzed }
    }

    #[test]
    fn neglected_tables_are_warned_of() {
        assert_eq!(judge(true, &[tended(30_000, MANY, true)]).verdict, Verdict::Ok);
        assert_eq!(judge(true, &[tended(30_000, 15_000, true)]).verdict, Verdict::Ok);
        let finding = judge(true, &[tended(30_000, 15_001, true), tended(30_000, 0, false)]);
        assert_eq!(finding.verdict, Verdict::Warning);
        let expected = "recent_chat has 15001 dead rows and 30000 live ones, last vacuumed: never; \
                        recent_chat has 30000 rows and was never analyzed";
        assert_eq!(finding.found, expected);
        let finding = judge(false, &[tended(1, 0, true)]);
        assert_eq!((finding.verdict, finding.found.as_str()), (Verdict::Warning, "autovacuum is off"));
    }

    #[test]
    fn numbers_that_run_out_are_told_in_time() {
        let judged = |age| judge_ages([(age, 200_000_000), (7, 400_000_000)]).verdict;
        assert_eq!(judged(400_000_000), Verdict::Ok);
        assert_eq!(judged(400_000_001), Verdict::Warning);
        assert_eq!(judged(NEAR), Verdict::Warning);
        assert_eq!(judged(NEAR + 1), Verdict::Failed);
        assert_eq!(judge_ages([(7, 200), (801, 400)]).verdict, Verdict::Warning);
    }
}
