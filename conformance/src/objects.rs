//! The schema of a database, object by object, as its catalogue has it.

use crate::unopened::Raw;

/// What SQLite keeps for itself stays when our tables go: the numbers that it has given out, and its statistics.
const SQLITE: &str = "
    SELECT type || ' ' || name || ' ' || tbl_name || ' ' || coalesce(sql, '-') FROM sqlite_schema
    WHERE name <> 'sqlite_sequence' AND name NOT LIKE 'sqlite\\_stat%' ESCAPE '\\' ORDER BY 1";

/// Columns are numbered by their order: the numbers of dropped ones are never used again.
const POSTGRES: &str = r#"
    WITH ours AS (SELECT * FROM pg_class WHERE relnamespace = 'public'::regnamespace)
    SELECT concat_ws(' ', 'relation', relname, relkind, relpersistence, relreplident, relrowsecurity, relispartition,
            relowner::regrole, reltablespace, coalesce(relacl::text, '-'), coalesce(reloptions::text, '-')) COLLATE "C"
        FROM ours
    UNION ALL
    SELECT concat_ws(' ', 'column', relname, row_number() OVER (PARTITION BY ours.oid ORDER BY attnum), attname,
            format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated, attstorage, attcompression,
            attstattarget, coalesce(collname, '-'), coalesce(attoptions::text, '-'), coalesce(attacl::text, '-'),
            coalesce(pg_get_expr(adbin, adrelid), '-'))
        FROM ours JOIN pg_attribute ON attrelid = ours.oid AND attnum > 0 AND NOT attisdropped
            LEFT JOIN pg_collation ON pg_collation.oid = attcollation
            LEFT JOIN pg_attrdef ON adrelid = ours.oid AND adnum = attnum
    UNION ALL
    SELECT concat_ws(' ', 'constraint', relname, conname, contype, convalidated, condeferrable,
            pg_get_constraintdef(pg_constraint.oid))
        FROM ours JOIN pg_constraint ON conrelid = ours.oid
    UNION ALL
    SELECT concat_ws(' ', 'index', relname, indisunique, indisprimary, indisvalid, indisready, indisclustered,
            indisreplident, pg_get_indexdef(indexrelid))
        FROM ours JOIN pg_index ON indexrelid = ours.oid
    UNION ALL
    SELECT concat_ws(' ', 'sequence', relname, format_type(seqtypid, NULL), seqstart, seqincrement, seqmin, seqmax,
            seqcache, seqcycle, coalesce(refobjid::regclass::text, '-'), coalesce(deptype::text, '-'))
        FROM ours JOIN pg_sequence ON seqrelid = ours.oid
            LEFT JOIN pg_depend ON classid = 'pg_class'::regclass AND objid = ours.oid
                AND refclassid = 'pg_class'::regclass AND refobjsubid > 0
    UNION ALL
    SELECT concat_ws(' ', 'trigger', relname, tgname, pg_get_triggerdef(pg_trigger.oid))
        FROM ours JOIN pg_trigger ON tgrelid = ours.oid
    UNION ALL
    SELECT concat_ws(' ', 'rule', relname, pg_get_ruledef(pg_rewrite.oid))
        FROM ours JOIN pg_rewrite ON ev_class = ours.oid
    UNION ALL
    SELECT concat_ws(' ', 'statistics', stxname) FROM pg_statistic_ext WHERE stxnamespace = 'public'::regnamespace
    UNION ALL
    SELECT concat_ws(' ', 'type', typname, typtype) FROM pg_type WHERE typnamespace = 'public'::regnamespace
    UNION ALL
    SELECT concat_ws(' ', 'function', oid::regprocedure) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL
    SELECT concat_ws(' ', 'comment', relname, objsubid, description)
        FROM ours JOIN pg_description ON objoid = ours.oid AND classoid = 'pg_class'::regclass
    ORDER BY 1"#;

/// Everything that migrations can make, a line for each object, in order.
pub(crate) async fn objects(raw: Raw<'_>) -> Vec<String> {
    raw.sql(match raw {
        Raw::Sqlite(_) => SQLITE,
        Raw::Postgres(_) => POSTGRES,
    })
    .await
}
