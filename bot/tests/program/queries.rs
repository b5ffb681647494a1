//! Looking at what is recorded.

use crate::rosey::{Rosey, sample};

crate::checks! {
    an_empty_database_has_its_forms,
    the_forms_are_exact,
    output_is_the_same_on_every_backend,
    an_unknown_user_is_an_error,
    history_shows_the_newest_samples,
    what_people_wrote_cannot_drive_the_terminal,
    ; once:
    a_limit_has_bounds,
}

const EVENTS: &str = r#"{"at":1000,"type":"user_joined","username":"ada"}
{"at":1001,"type":"chat","username":"ada","message":"\u001b[2J \"hi\""}
{"at":1002,"type":"chat","username":"Zoë","message":"salut 🦊"}
{"at":1003,"type":"chat","username":"ada","message":""}
{"at":1004,"type":"user_count","chat":2,"connected":5}
{"at":1010,"type":"user_left","username":"ada"}
{"at":1020,"type":"user_joined","username":"ada"}
{"at":1021,"type":"chat","username":"server","message":"not counted"}
{"at":1304,"type":"user_count","chat":1,"connected":5}
"#;

fn an_empty_database_has_its_forms(rosey: &Rosey) {
    let expected = "{\"users\":0,\"chat_lines\":0,\"connected_seconds\":0,\"open_sessions\":0,\"messages_kept\":0,\
                    \"count_samples\":0,\"peak_chat\":{\"count\":0,\"at\":null},\
                    \"peak_connected\":{\"count\":0,\"at\":null}}\n";
    assert_eq!(rosey.prints(&["stats", "--json"]), expected);
    for command in ["top", "recent", "history"] {
        assert_eq!(rosey.prints(&[command, "--json"]), "[]\n");
        assert_eq!(rosey.prints(&[command]).lines().count(), 1);
    }
    assert!(rosey.prints(&["stats"]).contains("most in chat    none yet"));
}

fn the_forms_are_exact(rosey: &Rosey) {
    rosey.file("events.jsonl", EVENTS);
    rosey.replays(&["events.jsonl"]);
    for (arguments, expected) in [
        (
            &["--json", "stats"] as &[_],
            r#"{"users":2,"chat_lines":3,"connected_seconds":10,"open_sessions":1,"messages_kept":2,"count_samples":2,"peak_chat":{"count":2,"at":1004},"peak_connected":{"count":5,"at":1004}}"#,
        ),
        (
            &["stats", "ada", "--json"],
            r#"{"username":"ada","first_seen":1000,"last_seen":1020,"total_chat_lines":2,"total_time_connected":10,"current_session_start":1020}"#,
        ),
        (
            &["stats", "--json", "Zoë"],
            r#"{"username":"Zoë","first_seen":1002,"last_seen":1002,"total_chat_lines":1,"total_time_connected":0,"current_session_start":null}"#,
        ),
        (
            &["top", "--json"],
            r#"[{"username":"ada","total_chat_lines":2},{"username":"Zoë","total_chat_lines":1}]"#,
        ),
        (&["top", "-n", "1", "--json"], r#"[{"username":"ada","total_chat_lines":2}]"#),
        (
            &["recent", "--json"],
            r#"[{"timestamp":1001,"username":"ada","message":"\u001b[2J \"hi\""},{"timestamp":1002,"username":"Zoë","message":"salut 🦊"}]"#,
        ),
        (&["recent", "-n1", "--json"], r#"[{"timestamp":1002,"username":"Zoë","message":"salut 🦊"}]"#),
    ] {
        assert_eq!(rosey.prints(arguments), format!("{expected}\n"));
    }
}

fn output_is_the_same_on_every_backend(rosey: &Rosey) {
    let other = Rosey::on_sqlite();
    for rosey in [rosey, &other] {
        rosey.replays(&[sample()]);
    }
    let mut commands = vec![
        vec!["stats", "--json"],
        vec!["top", "-n", "1000", "--json"],
        vec!["top"],
        vec!["recent", "-n", "500", "--json"],
        vec!["recent"],
        vec!["history", "--json"],
    ];
    for name in ["ada", "Zoë", "美咲", "Олег", "مريم", "nova🦊", "O'Neil", "लता", "tap_tap", "dmr"]
    {
        commands.extend([vec!["stats", name, "--json"], vec!["stats", name]]);
    }
    for command in commands {
        assert_eq!(rosey.prints(&command), other.prints(&command), "{command:?}");
    }
}

fn an_unknown_user_is_an_error(rosey: &Rosey) {
    let error = rosey.run(&["stats", "Nobody", "--json"]).fails(1);
    assert!(error.contains("no user is called Nobody"), "{error}");
    let error = rosey.run(&["stats", &"x".repeat(51)]).fails(2);
    assert!(error.contains("at most 50 are allowed"), "{error}");
}

fn a_limit_has_bounds(rosey: &Rosey) {
    for command in ["top", "recent", "history"] {
        for limit in ["0", "-1", "10001", "ten", "99999999999999999999"] {
            let error = rosey.run(&[command, &format!("-n={limit}")]).fails(2);
            assert!(
                error.contains("must be from 1 to 10000") || error.contains("no whole number"),
                "{error}"
            );
        }
        rosey.prints(&[command, "-n", "10000"]);
    }
}

fn history_shows_the_newest_samples(rosey: &Rosey) {
    rosey.file("events.jsonl", EVENTS);
    rosey.replays(&["events.jsonl"]);
    let newest = "[{\"timestamp\":1304,\"chat\":1,\"connected\":5}]\n";
    assert_eq!(rosey.prints(&["history", "-n", "1", "--json"]), newest);
    assert_eq!(rosey.prints(&["history", "--since", "1970-01-01T00:16:45Z", "--json"]), newest);
    let both = rosey.json(&["history", "--since", "1970-01-01T00:16:44Z", "--json"]);
    assert_eq!(both.as_array().unwrap().len(), 2, "the sample of that second is part of it");
    assert_eq!(rosey.json(&["history", "--since", "1003", "--json"]).as_array().unwrap().len(), 2);
    let table = rosey.prints(&["history"]);
    assert!(table.contains("1970-01-01T00:21:44Z        1          5"), "{table}");
}

fn what_people_wrote_cannot_drive_the_terminal(rosey: &Rosey) {
    rosey.file("events.jsonl", EVENTS);
    rosey.replays(&["events.jsonl"]);
    let table = rosey.prints(&["recent"]);
    assert!(table.contains(r#"ada   \u{1b}[2J "hi""#), "{table}");
    assert!(table.contains("Zoë   salut 🦊"), "{table}");
    rosey.file("\u{1b}[31m.jsonl", "bad");
    let error = rosey.run(&["replay", "\u{1b}[31m.jsonl"]).fails(1);
    assert!(error.starts_with(r"error: \u{1b}[31m.jsonl:1: json: "), "{error}");
}
