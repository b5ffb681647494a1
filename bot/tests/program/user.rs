//! What is kept about one person, and who did what.

use serde_json::{Value, json};

use crate::rosey::Rosey;

crate::checks! {
    all_that_is_kept_about_a_person_is_exported,
    a_person_is_removed_and_the_others_stay,
    a_person_gets_another_name,
    two_persons_become_one_only_if_that_is_meant,
    the_audit_log_is_listed_and_filtered,
    ; once:
    who_is_unknown_is_an_error,
}

const LOG: &str = r#"{"at":100,"type":"user_joined","username":"ada"}
{"at":110,"type":"chat","username":"ada","message":"hello"}
{"at":115,"type":"chat","username":"bob","message":"ada?"}
{"at":120,"type":"action","username":"ada","action":"kick","details":"bob"}
{"at":125,"type":"action","username":"bob","action":"ban"}
{"at":130,"type":"user_left","username":"ada"}
"#;

fn recorded(rosey: &Rosey) {
    rosey.file("log.jsonl", LOG);
    assert_eq!(rosey.replays(&["log.jsonl"]), [6, 0, 0]);
}

fn all_that_is_kept_about_a_person_is_exported(rosey: &Rosey) {
    recorded(rosey);
    let person = rosey.json(&["user", "export", "ada"]);
    let id = |value: &Value| value["id"].as_i64().unwrap();
    let expected = json!({
        "username": "ada",
        "stats": {
            "username": "ada", "first_seen": 100, "last_seen": 130, "total_chat_lines": 1,
            "total_time_connected": 30, "current_session_start": null
        },
        "chat": [{"id": id(&person["chat"][0]), "at": 110, "message": "hello"}],
        "actions": [
            {"id": id(&person["actions"][0]), "at": 120, "username": "ada", "action": "kick", "details": "bob"}
        ],
    });
    assert_eq!(person, expected);
}

fn a_person_is_removed_and_the_others_stay(rosey: &Rosey) {
    recorded(rosey);
    let refused = rosey.run(&["user", "delete", "ada"]).fails(1);
    assert!(refused.contains("nothing was changed\nhelp: give --yes"), "{refused}");
    let gone = rosey.json(&["user", "delete", "ada", "-y", "--json"]);
    assert_eq!(gone, json!({"user": true, "chat": 1, "actions": 1}));
    rosey.run(&["user", "export", "ada"]).fails(1);
    assert_eq!(rosey.json(&["user", "export", "bob"])["chat"][0]["message"], "ada?");
    assert_eq!(rosey.json(&["stats", "--json"])["users"], 1);
}

fn a_person_gets_another_name(rosey: &Rosey) {
    recorded(rosey);
    let text = rosey.prints(&["user", "rename", "ada", "Ada"]);
    assert_eq!(text, "Renamed ada to Ada: 1 line, 1 entry of the audit log\n");
    assert_eq!(rosey.json(&["user", "export", "Ada"])["stats"]["total_time_connected"], 30);
    rosey.run(&["user", "export", "ada"]).fails(1);
}

fn two_persons_become_one_only_if_that_is_meant(rosey: &Rosey) {
    recorded(rosey);
    rosey.run(&["user", "rename", "bob", "ada"]).fails(1);
    assert_eq!(rosey.json(&["stats", "--json"])["users"], 2);
    rosey.prints(&["user", "rename", "bob", "ada", "--yes"]);
    let ada = rosey.json(&["user", "export", "ada"]);
    assert_eq!(
        (&ada["stats"]["total_chat_lines"], ada["chat"].as_array().map(Vec::len)),
        (&json!(2), Some(2))
    );
}

fn the_audit_log_is_listed_and_filtered(rosey: &Rosey) {
    recorded(rosey);
    let listed = |arguments: &[&str]| -> Vec<i64> {
        let listed = rosey.json(&[&["audit", "--json"], arguments].concat());
        listed.as_array().unwrap().iter().map(|action| action["at"].as_i64().unwrap()).collect()
    };
    assert_eq!(listed(&[]), [120, 125]);
    assert_eq!(listed(&["-n", "1"]), [125]);
    assert_eq!(listed(&["--user", "ada"]), [120]);
    assert_eq!(listed(&["--action", "ban"]), [125]);
    assert_eq!(listed(&["--since", "121"]), [125]);
    assert_eq!(listed(&["--until", "125"]), [120]);
    let text = rosey.prints(&["audit"]);
    assert!(text.contains("1970-01-01T00:02:00Z  ada   kick    bob"), "{text}");
}

fn who_is_unknown_is_an_error(rosey: &Rosey) {
    for arguments in [["export", "zoe"].as_slice(), &["delete", "zoe", "--yes"], &["rename", "zoe", "ada"]] {
        let error = rosey.run(&[&["user"], arguments].concat()).fails(1);
        assert!(error.contains("nothing is kept about zoe"), "{error}");
    }
    for arguments in [["rename", "ada", "ada"], ["rename", "ada", "server"]] {
        rosey.run(&[&["user"], arguments.as_slice()].concat()).fails(2);
    }
}
