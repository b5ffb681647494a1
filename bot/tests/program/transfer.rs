//! Copying a database into another one, and comparing two.

use std::process::Stdio;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::rosey::{Rosey, chat, sample};

crate::checks! {
    a_copy_into_the_other_backend_and_back_loses_nothing,
    a_killed_copy_goes_on_where_it_stopped,
    a_database_with_rows_of_its_own_is_not_copied_into,
    what_is_replaced_is_gone,
    what_differs_is_named,
    a_dry_run_makes_nothing,
    a_database_is_not_copied_into_itself,
    what_cannot_be_read_replaces_nothing,
    a_dry_run_tells_of_an_older_schema_and_leaves_it,
    a_dry_run_tells_what_would_be_removed,
    an_error_after_the_first_removal_says_what_is_gone,
    ; once:
    a_database_that_is_not_there_is_not_made,
    passwords_are_not_shown,
    a_dry_run_misses_the_directory,
}

const FIRST: &str = "sqlite:///first.db";
const SECOND: &str = "sqlite:///second.db";

fn copy(rosey: &Rosey, from: &str, to: &str) -> Value {
    rosey.json(&["copy", "--from", from, "--to", to, "--json"])
}

fn recorded(rosey: &Rosey) {
    rosey.replays(&[sample()]);
    rosey.prints(&["outbound", "send", "--key", "k", "hello"]);
    rosey.prints(&["token", "create", "--name", "dashboard"]);
}

fn a_copy_into_the_other_backend_and_back_loses_nothing(rosey: &Rosey) {
    recorded(rosey);
    let (there, back) = (copy(rosey, rosey.url(), FIRST), copy(rosey, FIRST, SECOND));
    assert_eq!((&there["same"], &there["found"]), (&Value::Bool(true), &Value::from(0)), "{there}");
    assert_eq!(there["tables"], back["tables"]);
    let verified = rosey.json(&["verify", rosey.url(), SECOND, "--json"]);
    assert_eq!((&verified["same"], &verified["tables"]), (&Value::Bool(true), &there["tables"]));
    for looked in
        [&["stats", "--json"][..], &["recent", "--json"], &["history", "--json"], &["token", "list"]]
    {
        let copied = rosey.prints(&[looked, &["--database-url", SECOND]].concat());
        let backend = |text: String| text.replace("\"backend\":\"postgresql\"", "\"backend\":\"sqlite\"");
        assert_eq!(backend(rosey.prints(looked)), copied);
    }
    // Its source is known there, too: nothing is applied again.
    let again = rosey.replays(&[sample(), "--database-url", SECOND]);
    assert_eq!((again[0], again[1]), (0, 195));
}

fn a_killed_copy_goes_on_where_it_stopped(rosey: &Rosey) {
    let source = rosey.beside();
    source.file("log.jsonl", chat(0..30_000));
    source.replays(&["log.jsonl"]);
    // Where a name is relative, it is of the directory in which the program runs.
    let from = source.url().replace("bot_data.db", source.path("bot_data.db").to_str().unwrap());
    let random = &mut fastrand::Rng::with_seed(7);
    for _ in 0..5 {
        let mut copying = rosey.command(&["copy", "--from", &from, "--to", rosey.url()]);
        let mut copying = copying.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_millis(random.u64(50..400)));
        copying.kill().unwrap();
        copying.wait().unwrap();
    }
    let ended = copy(rosey, &from, rosey.url());
    assert_eq!(ended["same"], true, "{ended}");
    let rows = |key: &str| ended[key].as_u64().unwrap();
    assert_eq!(rows("found") + rows("written"), 30_000 + 5 + 1, "{ended}");
}

fn a_database_with_rows_of_its_own_is_not_copied_into(rosey: &Rosey) {
    recorded(rosey);
    rosey.prints(&["--database-url", FIRST, "replay", sample()]);
    rosey.prints(&["--database-url", FIRST, "outbound", "send", "another"]);
    let before = rosey.prints(&["outbound", "list", "--json"]);
    let refused = rosey.run(&["copy", "--from", FIRST, "--to", rosey.url()]).fails(1);
    assert!(refused.contains("has a row 1 in outbound_messages"), "{refused}");
    assert!(refused.contains("help: ") && refused.contains("--replace"), "{refused}");
    assert_eq!(rosey.prints(&["outbound", "list", "--json"]), before);
}

fn what_is_replaced_is_gone(rosey: &Rosey) {
    recorded(rosey);
    rosey.prints(&["--database-url", FIRST, "outbound", "send", "another"]);
    let replaced = rosey.json(&["copy", "--from", FIRST, "--to", rosey.url(), "--replace", "--json"]);
    assert_eq!(replaced["same"], true, "{replaced}");
    let queue = rosey.json(&["outbound", "list", "--json"]);
    assert_eq!(
        queue.as_array().map(|queue| (queue.len(), &queue[0]["message"])),
        Some((1, &"another".into()))
    );
    assert_eq!(rosey.json(&["stats", "--json"])["users"], 0);
}

fn what_differs_is_named(rosey: &Rosey) {
    recorded(rosey);
    copy(rosey, rosey.url(), FIRST);
    rosey.prints(&["--database-url", FIRST, "outbound", "send", "another"]);
    let ran = rosey.run(&["verify", rosey.url(), FIRST]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("\noutbound_messages: only the second has 2\n"), "{ran:?}");
    assert!(ran.stdout.ends_with("the two differ\n"), "{ran:?}");
    let ran = rosey.run(&["verify", rosey.url(), FIRST, "--json"]);
    let json: Value = serde_json::from_str(&ran.stdout).unwrap();
    let queue = json["tables"].as_array().unwrap().iter().find(|table| table["table"] == "outbound_messages");
    assert_eq!(queue.unwrap()["differences"][0]["only"], 2);
}

fn a_dry_run_makes_nothing(rosey: &Rosey) {
    recorded(rosey);
    let planned = rosey.json(&["copy", "--from", rosey.url(), "--to", FIRST, "--dry-run", "--json"]);
    assert_eq!(planned[0]["table"], "user_stats");
    assert_eq!(planned[0]["rows"], rosey.json(&["stats", "--json"])["users"]);
    assert!(!rosey.path("first.db").exists());
}

fn a_database_is_not_copied_into_itself(rosey: &Rosey) {
    recorded(rosey);
    let refused = rosey.run(&["copy", "--from", rosey.url(), "--to", rosey.url(), "--replace"]).fails(1);
    assert!(refused.contains("the same database"), "{refused}");
    let planned = rosey.run(&["copy", "--from", rosey.url(), "--to", rosey.url(), "--dry-run"]).fails(1);
    assert_eq!(planned, refused);
    assert_eq!(rosey.json(&["outbound", "list", "--json"]).as_array().map(Vec::len), Some(1));
}

fn what_cannot_be_read_replaces_nothing(rosey: &Rosey) {
    rosey.file("log.jsonl", chat(0..3));
    rosey.replays(&["log.jsonl"]);
    rosey.prints(&["--database-url", FIRST, "outbound", "send", "another"]);
    let damage = "UPDATE recent_chat SET timestamp = -5 WHERE id = 2";
    if rosey.backend() == "sqlite" {
        rusqlite::Connection::open(rosey.path("bot_data.db")).unwrap().execute_batch(damage).unwrap();
    } else {
        rosey.sql(damage);
    }
    let refused = rosey.run(&["copy", "--from", rosey.url(), "--to", FIRST, "--replace"]).fails(1);
    assert!(refused.starts_with("error: nothing was removed or copied: "), "{refused}");
    assert!(refused.contains("recent_chat.timestamp of the row 2 is before 1970"), "{refused}");
    let queue = rosey.json(&["--database-url", FIRST, "outbound", "list", "--json"]);
    assert_eq!(queue[0]["message"], "another", "{queue}");
}

fn a_dry_run_tells_of_an_older_schema_and_leaves_it(rosey: &Rosey) {
    let source = rosey.beside();
    source.prints(&["--database-url", FIRST, "outbound", "send", "another"]);
    let from = format!("sqlite:///{}", source.path("first.db").display());
    rosey.prints(&["migrate", "up", "--to", "3"]);
    let arguments = ["copy", "--from", from.as_str(), "--to", rosey.url(), "--dry-run"];
    let ran = rosey.run(&arguments);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stderr.contains("will be brought up to date, from version 3 to 5"), "{ran:?}");
    let planned = rosey.json(&[&arguments[..], &["--json"]].concat());
    let queue = planned.as_array().unwrap().iter().find(|planned| planned["table"] == "outbound_messages");
    assert_eq!((&queue.unwrap()["rows"], &queue.unwrap()["found"]), (&Value::from(1), &Value::Null));
    let status = Rosey::json_of(rosey.run(&["migrate", "status", "--json"]), 5);
    assert_eq!(status["version"], 3);
}

fn a_dry_run_tells_what_would_be_removed(rosey: &Rosey) {
    recorded(rosey);
    rosey.prints(&["--database-url", FIRST, "outbound", "send", "another"]);
    let before = rosey.json(&["stats", "--json"]);
    let arguments = ["copy", "--from", FIRST, "--to", rosey.url(), "--replace", "--dry-run"];
    let planned = rosey.json(&[&arguments[..], &["--json"]].concat());
    let of = |name: &str| {
        let planned = planned.as_array().unwrap().iter().find(|planned| planned["table"] == name).unwrap();
        ["rows", "found", "removed"].map(|key| planned[key].as_u64().unwrap())
    };
    assert_eq!(of("user_stats"), [0, 0, before["users"].as_u64().unwrap()]);
    assert_eq!(of("outbound_messages"), [1, 0, 1]);
    assert_eq!(of("api_tokens"), [0, 0, 1]);
    assert_eq!(of("channel_stats"), [1, 0, 1]);
    assert_eq!(of("plugin_values"), [0, 0, 0]);
    let shown = rosey.prints(&arguments);
    assert!(
        shown.contains("to be removed") && shown.contains("nothing was removed from, or copied into, "),
        "{shown}"
    );
    assert_eq!(rosey.json(&["stats", "--json"]), before);
    assert_eq!(rosey.json(&["outbound", "list", "--json"])[0]["message"], "hello");
    // A new one has nothing, and is not made.
    let new =
        rosey.json(&["copy", "--from", rosey.url(), "--to", SECOND, "--replace", "--dry-run", "--json"]);
    assert!(new.as_array().unwrap().iter().all(|planned| planned["removed"] == 0), "{new}");
    assert!(!rosey.path("second.db").exists());
}

fn an_error_after_the_first_removal_says_what_is_gone(rosey: &Rosey) {
    recorded(rosey);
    rosey.prints(&["--database-url", FIRST, "outbound", "send", "another"]);
    let forbid = |what: &str| match rosey.backend() {
        "sqlite" => format!(
            "CREATE TRIGGER forbids BEFORE {what} ON outbound_messages BEGIN SELECT RAISE(ABORT, 'forbidden'); END"
        ),
        _ => format!(
            "CREATE FUNCTION forbid() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'forbidden'; END $$;
             CREATE TRIGGER forbids BEFORE {what} ON outbound_messages FOR EACH ROW EXECUTE FUNCTION forbid()"
        ),
    };
    let allow = match rosey.backend() {
        "sqlite" => "DROP TRIGGER forbids",
        _ => "DROP TRIGGER forbids ON outbound_messages; DROP FUNCTION forbid()",
    };
    let copy = ["copy", "--from", FIRST, "--to", rosey.url()];
    let replace = [&copy[..], &["--replace"]].concat();
    rosey.sql(&forbid("DELETE"));
    let failed = rosey.run(&replace).fails(1);
    assert!(failed.starts_with("error: remove_rows: "), "{failed}");
    let expected = "help: a part of what the second database held is removed, or all of it; when the cause is mended, run the \
                    command again, with --replace, to go on\n";
    assert!(failed.ends_with(expected), "{failed}");
    assert_eq!(rosey.json(&["stats", "--json"])["users"], 0);
    rosey.sql(allow);
    rosey.sql(&forbid("INSERT"));
    let failed = rosey.run(&replace).fails(1);
    assert!(
        failed.contains("help: what the second database held is removed; when the cause is mended"),
        "{failed}"
    );
    rosey.sql(allow);
    rosey.prints(&copy);
}

fn a_dry_run_misses_the_directory(rosey: &Rosey) {
    recorded(rosey);
    let missing = "sqlite:///missing/first.db";
    for more in [&["--dry-run"] as &[_], &[]] {
        let arguments = [&["copy", "--from", rosey.url(), "--to", missing], more].concat();
        let refused = rosey.run(&arguments).fails(1);
        assert!(refused.contains("its directory does not exist; make it first"), "{refused}");
    }
    assert!(!rosey.path("missing").exists());
}

fn a_database_that_is_not_there_is_not_made(rosey: &Rosey) {
    for arguments in [["copy", "--from", FIRST, "--to", SECOND].as_slice(), &["verify", FIRST, SECOND]] {
        let refused = rosey.run(arguments).fails(1);
        assert!(refused.contains("first.db"), "{refused}");
    }
    assert!(!rosey.path("first.db").exists() && !rosey.path("second.db").exists());
}

fn passwords_are_not_shown(rosey: &Rosey) {
    let url = "postgresql://rosey:hunter2@127.0.0.1:1/rosey_db";
    for arguments in [["copy", "--from", url, "--to", FIRST].as_slice(), &["verify", url, url]] {
        assert!(!rosey.run(arguments).fails(1).contains("hunter2"));
    }
    let mut command = rosey.command(&["copy", "--help"]);
    let help = command.env("ROSEY_COPY_FROM", url).output().unwrap();
    assert!(!String::from_utf8(help.stdout).unwrap().contains("hunter2"));
    let broken = rosey.run(&["copy", "--from", "mysql://u:hunter2@h/d", "--to", FIRST]);
    assert_eq!(broken.code, Some(2), "{broken:?}");
    assert!(!broken.stderr.contains("hunter2"), "{broken:?}");
}
