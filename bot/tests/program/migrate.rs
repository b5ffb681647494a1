//! Bringing the schema up to date, and back.

use serde_json::{Value, json};

use crate::rosey::{Ran, Rosey, chat};

crate::checks! {
    the_second_migration_has_nothing_to_do,
    sixteen_at_once_all_succeed,
    the_status_tells_what_is_pending_and_changes_nothing,
    a_dry_run_shows_the_steps_and_does_none,
    the_way_back_is_one_step_unless_a_version_is_named,
    without_a_yes_nothing_is_lost,
    eight_up_and_down_at_once_leave_a_version_that_works,
    ; once:
    a_version_that_is_not_known_is_wrong_usage,
    a_database_of_a_newer_program_is_shown_and_left_alone,
}

/// The exit code of `migrate status`, and what it found.
fn status(rosey: &Rosey) -> (i32, Value) {
    let Ran { code, stdout, stderr } = rosey.run(&["migrate", "status", "--json"]);
    let status = serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{stdout:?} {stderr:?}"));
    (code.unwrap(), status)
}

/// What is said of each migration.
fn states(status: &Value) -> Vec<&str> {
    let migrations = status["migrations"].as_array().unwrap();
    migrations.iter().map(|migration| migration["state"].as_str().unwrap()).collect()
}

fn the_second_migration_has_nothing_to_do(rosey: &Rosey) {
    let first = rosey.json(&["migrate", "--json"]);
    assert_eq!(first["backend"], rosey.backend());
    let applied = first["applied"].as_array().unwrap();
    assert!(applied.iter().all(|name| name.as_str().unwrap().starts_with('V')), "{first}");
    assert_eq!(first["version"].as_u64().unwrap(), applied.len() as u64);
    for again in [&["migrate", "--json"] as &[_], &["migrate", "up", "--json"]] {
        let start = format!("{{\"backend\":\"{}\",\"version\":{},", rosey.backend(), first["version"]);
        assert_eq!(rosey.prints(again), format!("{start}\"applied\":[],\"undone\":[]}}\n"));
    }
    assert!(rosey.prints(&["migrate"]).ends_with("nothing was to be done\n"));
}

fn sixteen_at_once_all_succeed(rosey: &Rosey) {
    let ran: Vec<_> = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..16).map(|_| scope.spawn(|| rosey.run(&["migrate", "--json"]))).collect();
        runs.into_iter().map(|run| run.join().unwrap().succeeds()).collect()
    });
    let migrated = ran.iter().filter(|text| !text.contains("\"applied\":[]")).count();
    assert_eq!(migrated, 1, "{ran:?}");
    rosey.prints(&["stats"]);
}

fn the_status_tells_what_is_pending_and_changes_nothing(rosey: &Rosey) {
    for _ in 0..2 {
        let (code, found) = status(rosey);
        assert_eq!((code, &found["version"], &found["current"]), (5, &json!(0), &json!(false)));
        assert_eq!(states(&found), ["pending"; 5]);
        assert_eq!(found["migrations"][0]["applied_at"], Value::Null);
    }
    assert_eq!(std::fs::read_dir(rosey.path("")).unwrap().count(), 0);
    rosey.prints(&["migrate", "up", "--to", "2"]);
    let (code, found) = status(rosey);
    assert_eq!((code, &found["version"], &found["newest"]), (5, &json!(2), &json!(5)));
    assert_eq!(states(&found), ["applied", "applied", "pending", "pending", "pending"]);
    assert!(found["migrations"][1]["applied_at"].as_u64().unwrap() > 1_700_000_000, "{found}");
    let text = rosey.run(&["migrate", "status"]);
    assert_eq!(text.code, Some(5), "{text:?}");
    let lines = ["version 2, the newest is 5", "V3__quick_lists", "pending: 3; `rosey migrate` applies them"];
    assert!(lines.iter().all(|line| text.stdout.contains(line)), "{text:?}");
    rosey.prints(&["migrate"]);
    let (code, found) = status(rosey);
    assert_eq!((code, states(&found)), (0, vec!["applied"; 5]));
    assert!(rosey.prints(&["migrate", "status"]).ends_with("nothing is to be done\n"));
}

fn a_dry_run_shows_the_steps_and_does_none(rosey: &Rosey) {
    let names = |plan: &Value| -> Vec<_> {
        let steps = plan["steps"].as_array().unwrap().iter();
        steps.map(|step| step["name"].as_str().unwrap().to_owned()).collect()
    };
    let up = rosey.json(&["migrate", "up", "--to", "2", "--dry-run", "--json"]);
    assert_eq!(names(&up), ["V1__original_tables", "V2__sources_and_plugin_values"]);
    assert!(up["steps"][0]["sql"].as_str().unwrap().contains("CREATE TABLE user_stats"), "{up}");
    assert_eq!(status(rosey).1["version"], 0);
    rosey.prints(&["migrate"]);
    let down = rosey.json(&["migrate", "down", "--to", "1", "--dry-run", "--json"]);
    let (first, later) =
        (["D5__token_expiry", "D4__identity"], ["D3__quick_lists", "D2__sources_and_plugin_values"]);
    assert_eq!(names(&down), [first, later].concat());
    assert!(down["steps"][1]["sql"].as_str().unwrap().contains("DROP TABLE database_identity;"), "{down}");
    assert_eq!(down["steps"][2]["lost"], Value::Null);
    let text = rosey.prints(&["migrate", "down", "--to", "1", "--dry-run"]);
    assert!(text.contains("\n  undo by D2__sources_and_plugin_values\n    lost: all values"), "{text}");
    let text = rosey.prints(&["migrate", "up", "--dry-run"]);
    assert!(text.ends_with("schema version 5, nothing is to be done\n"), "{text}");
    assert_eq!(status(rosey).0, 0);
}

fn the_way_back_is_one_step_unless_a_version_is_named(rosey: &Rosey) {
    rosey.file("log.jsonl", chat(0..10));
    rosey.replays(&["log.jsonl"]);
    let down = rosey.json(&["migrate", "down", "--yes", "--json"]);
    assert_eq!(
        down,
        json!({
            "backend": rosey.backend(), "version": 4, "applied": [], "undone": ["D5__token_expiry"]
        })
    );
    let text = rosey.prints(&["migrate", "down", "--to", "2", "-y"]);
    assert!(text.ends_with("schema version 2, undone by D4__identity, D3__quick_lists\n"), "{text}");
    // What stands there comes up with its rows, and is known to have been read.
    assert_eq!(rosey.replays(&["log.jsonl"]), [0, 10, 0]);
    rosey.prints(&["migrate", "down", "--to", "0", "--yes"]);
    assert_eq!(states(&status(rosey).1), ["pending"; 5]);
    // There is nothing left to go back from, and so nothing to ask.
    assert!(rosey.prints(&["migrate", "down"]).ends_with("schema version 0, nothing was to be done\n"));
    assert_eq!(rosey.replays(&["log.jsonl"]), [10, 0, 0]);
}

fn without_a_yes_nothing_is_lost(rosey: &Rosey) {
    rosey.prints(&["migrate"]);
    for arguments in [&["migrate", "down"] as &[_], &["migrate", "down", "--to", "0"]] {
        let error = rosey.run(arguments).fails(1);
        assert!(error.contains("nothing was changed\nhelp: look with --dry-run"), "{error}");
    }
    assert_eq!(status(rosey).0, 0);
}

fn eight_up_and_down_at_once_leave_a_version_that_works(rosey: &Rosey) {
    const TARGETS: [[&str; 2]; 8] = [
        ["up", "5"],
        ["down", "0"],
        ["up", "2"],
        ["down", "3"],
        ["up", "3"],
        ["down", "1"],
        ["up", "1"],
        ["down", "2"],
    ];
    for _ in 0..5 {
        std::thread::scope(|scope| {
            let runs = TARGETS.map(|[way, version]| {
                let yes: &[&str] = if way == "down" { &["--yes"] } else { &[] };
                scope.spawn(move || rosey.run(&[&["migrate", way, "--to", version], yes].concat()))
            });
            for run in runs {
                run.join().unwrap().succeeds();
            }
        });
        let (_, found) = status(rosey);
        let applied = found["version"].as_u64().unwrap() as usize;
        assert_eq!(states(&found), [vec!["applied"; applied], vec!["pending"; 5 - applied]].concat());
        rosey.file("log.jsonl", chat(0..10));
        rosey.prints(&["replay", "log.jsonl"]);
        assert!(rosey.json(&["stats", "--json"])["chat_lines"].as_u64().unwrap() >= 10);
    }
}

fn a_version_that_is_not_known_is_wrong_usage(home: &Rosey) {
    for arguments in [["up", "6"], ["up", "0"], ["down", "6"], ["down", "-1"], ["down", "one"]] {
        let [way, version] = arguments;
        home.run(&["migrate", way, "--to", version]).fails(2);
    }
    assert_eq!(std::fs::read_dir(home.path("")).unwrap().count(), 0);
}

fn a_database_of_a_newer_program_is_shown_and_left_alone(home: &Rosey) {
    home.prints(&["migrate"]);
    let file = rusqlite::Connection::open(home.path("bot_data.db")).unwrap();
    let newer = "INSERT INTO refinery_schema_history VALUES (6, 'later', '2100-01-01T00:00:00Z', '1')";
    file.execute(newer, []).unwrap();
    let (code, found) = status(home);
    assert_eq!((code, states(&found)[5], &found["migrations"][5]["name"]), (1, "newer", &json!("V6__later")));
    assert!(found["refusal"].as_str().unwrap().contains("Use a newer version of the program"), "{found}");
    let text = home.run(&["migrate", "status"]);
    assert!(text.stdout.contains("V6__later"), "{text:?}");
    assert!(
        text.stderr.starts_with("error: SQLite (bot_data.db): the database has schema version 6"),
        "{text:?}"
    );
    let before: i64 = file.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
    for arguments in [
        &["up"] as &[_],
        &["up", "--dry-run"],
        &["down", "--yes"],
        &["down"],
        &["down", "--to", "0", "--dry-run"],
    ] {
        let error = home.run(&[&["migrate"], arguments].concat()).fails(1);
        assert!(error.contains("`rosey migrate down --to 5`"), "{error}");
    }
    assert_eq!(file.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)), Ok(before));
}
