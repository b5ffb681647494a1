//! What the doctor finds of a schema that somebody changed, and of the numbers and rows that belong to it.

use super::{doctor, line, sick};
use crate::doctor::unwell;
use crate::rosey::{Rosey, chat, sample};

crate::checks! {
    numbers_that_would_be_given_again_are_told_with_what_raises_them,
    a_column_that_lacks_or_has_another_name_is_a_failure,
    a_row_that_is_always_there_is_told_with_what_makes_it_again,
    ; postgres:
    columns_that_are_not_as_the_migrations_make_them_are_told,
    a_column_without_a_sequence_is_told,
}

/// Follows advice that is a statement, behind whatever it begins with.
fn follow(rosey: &Rosey, advice: &str) {
    rosey.sql(advice.rsplit_once(": ").map_or(advice, |(_, statement)| statement));
}

fn numbers_that_would_be_given_again_are_told_with_what_raises_them(rosey: &Rosey) {
    rosey.replays(&[sample()]);
    rosey.sql("INSERT INTO plugin_values (plugin, key, value, version) VALUES ('dice', 'sides', '6', 7)");
    let mut expected = "plugin_value_versions is at 0, and ".to_owned();
    if rosey.backend() == "sqlite" {
        expected += "a value has the version 7: new values get versions that are taken";
    } else {
        let behind = "SELECT setval('recent_chat_id_seq', 1)";
        rosey.sql(behind);
        let refused = rosey.run_with(&["record", "--json"], chat(0..3));
        assert_ne!(refused.code, Some(0), "{refused:?}");
        rosey.sql(behind);
        let greatest = rosey.sql("SELECT max(id)::text FROM recent_chat").pop().unwrap();
        expected =
            format!("public.recent_chat_id_seq is at 1, and recent_chat has the id {greatest}; {expected}");
        expected += "plugin_values has the version 7";
    }
    let (verdict, found, advice) = line(&sick(rosey), "sequences");
    assert_eq!((verdict.as_str(), found.as_str()), ("failed", expected.as_str()));
    follow(rosey, &advice);
    let (verdict, found, _) = line(&doctor(rosey), "sequences");
    assert_eq!((verdict.as_str(), found.as_str()), ("ok", "new rows get numbers above those that are there"));
    let ran = rosey.run_with(&["record", "--json"], chat(0..3));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    if rosey.backend() != "sqlite" {
        // The next one is given, and it is free.
        rosey.sql("SELECT setval('recent_chat_id_seq', (SELECT max(id) + 1 FROM recent_chat), false)");
        assert_eq!(line(&doctor(rosey), "sequences").0, "ok");
        rosey.sql("SELECT setval('recent_chat_id_seq', (SELECT max(id) FROM recent_chat), false)");
        assert_eq!(line(&sick(rosey), "sequences").0, "failed");
    }
}

fn a_column_that_lacks_or_has_another_name_is_a_failure(rosey: &Rosey) {
    rosey.prints(&["migrate"]);
    for (change, back) in [
        ("RENAME COLUMN message TO text", "RENAME COLUMN text TO message"),
        ("DROP COLUMN message", "ADD COLUMN message TEXT NOT NULL DEFAULT ''"),
    ] {
        rosey.sql(&format!("ALTER TABLE recent_chat {change}"));
        let (verdict, found, advice) = line(&sick(rosey), "objects");
        assert_eq!((verdict.as_str(), found.as_str()), ("failed", "missing: column recent_chat.message"));
        assert!(advice.starts_with("restore a backup, or give the column its name back"), "{advice}");
        assert!(!advice.contains("rosey copy"), "{advice}");
        let deep = unwell(rosey.run(&["doctor", "--deep", "--json"]));
        let lacking = "cannot be looked at: the schema lacks something";
        let expected = ("failed".to_owned(), lacking.to_owned(), "see to the lines above first".to_owned());
        assert_eq!(line(&deep, "rows"), expected);
        rosey.sql(&format!("ALTER TABLE recent_chat {back}"));
        assert_ne!(line(&doctor(rosey), "objects").0, "failed");
    }
}

fn a_row_that_is_always_there_is_told_with_what_makes_it_again(rosey: &Rosey) {
    rosey.prints(&["migrate"]);
    let mut tables = vec!["channel_stats", "current_status", "database_identity"];
    if rosey.backend() == "sqlite" {
        tables.push("plugin_value_versions");
    }
    for table in tables {
        rosey.sql(&format!("DELETE FROM {table}"));
        let report = sick(rosey);
        let (verdict, found, advice) = line(&report, "objects");
        assert_eq!((verdict, found), ("failed".to_owned(), format!("missing: the row of {table}")));
        if table == "database_identity" {
            let (_, found, _) = line(&report, "connection");
            assert!(found.ends_with("is gone; `rosey doctor` says what makes it again"), "{found}");
        }
        follow(rosey, &advice);
        assert_eq!(line(&doctor(rosey), "objects").0, "ok", "{table}");
    }
}

fn columns_that_are_not_as_the_migrations_make_them_are_told(rosey: &Rosey) {
    rosey.prints(&["migrate"]);
    rosey.sql("ALTER TABLE recent_chat ADD COLUMN mood text, ALTER COLUMN message TYPE varchar");
    assert_eq!(line(&doctor(rosey), "objects").0, "ok");
    rosey.sql("ALTER TABLE recent_chat ALTER COLUMN message DROP NOT NULL");
    let (verdict, found, advice) = line(&doctor(rosey), "objects");
    assert_eq!(verdict, "warning");
    assert_eq!(found, "column recent_chat.message takes NULL, which no store writes");
    follow(rosey, &advice);
    assert_eq!(line(&doctor(rosey), "objects").0, "ok");
    for (change, expected) in [
        (
            "recent_chat ALTER COLUMN mood SET NOT NULL",
            "column recent_chat.mood must be given, and no store does",
        ),
        ("user_actions ALTER COLUMN details SET NOT NULL", "column user_actions.details refuses NULL"),
    ] {
        rosey.sql(&format!("ALTER TABLE {change}"));
        let (verdict, found, advice) = line(&sick(rosey), "objects");
        assert_eq!((verdict.as_str(), found.as_str()), ("failed", expected));
        follow(rosey, &advice);
        assert_eq!(line(&doctor(rosey), "objects").0, "ok");
    }
    rosey.sql("ALTER TABLE user_count_history ALTER COLUMN timestamp TYPE integer");
    let (verdict, found, _) = line(&sick(rosey), "objects");
    let expected = "column user_count_history.timestamp is integer, not bigint";
    assert_eq!((verdict.as_str(), found.as_str()), ("failed", expected));
    rosey.sql("ALTER TABLE user_count_history ALTER COLUMN timestamp TYPE bigint");
    rosey.sql("ALTER TABLE user_stats DROP COLUMN chat_rank");
    let (verdict, found, _) = line(&sick(rosey), "objects");
    let expected = "missing: index user_stats_by_rank; missing: column user_stats.chat_rank";
    assert_eq!((verdict.as_str(), found.as_str()), ("failed", expected));
}

fn a_column_without_a_sequence_is_told(rosey: &Rosey) {
    rosey.replays(&[sample()]);
    rosey.sql("ALTER TABLE recent_chat ALTER COLUMN id DROP IDENTITY");
    let (verdict, found, advice) = line(&sick(rosey), "sequences");
    assert_eq!((verdict.as_str(), found.as_str()), ("failed", "recent_chat.id gets no number by itself"));
    rosey.sql(advice.split_once("; then").unwrap().0);
    let (verdict, found, advice) = line(&sick(rosey), "sequences");
    assert_eq!(verdict, "failed");
    assert!(found.starts_with("public.recent_chat_id_seq is at 0, and recent_chat has the id "), "{found}");
    follow(rosey, &advice);
    assert_eq!(line(&doctor(rosey), "sequences").0, "ok");
}
