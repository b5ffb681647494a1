//! The queue of messages.

use serde_json::json;

use crate::rosey::Rosey;

crate::checks![messages_are_queued_and_listed, a_key_queues_once, a_message_has_bounds];

fn messages_are_queued_and_listed(rosey: &Rosey) {
    assert_eq!(rosey.prints(&["outbound", "list", "--json"]), "[]\n");
    let first = rosey.json(&["outbound", "send", "hello", "--json"]);
    assert_eq!(first["created"], json!(true));
    rosey.run_with(&["outbound", "send", "-", "--max-attempts", "5"], "two\nlines\r\n").succeeds();
    let listed = rosey.json(&["outbound", "list", "--json"]);
    assert_eq!(listed[0]["id"], first["id"]);
    let shown = |index: usize| {
        let message = &listed[index];
        (message["message"].clone(), message["state"].clone(), message["max_attempts"].clone())
    };
    assert_eq!(shown(0), (json!("hello"), json!("queued"), json!(3)));
    assert_eq!(shown(1), (json!("two\nlines"), json!("queued"), json!(5)));
    let table = rosey.prints(&["outbound", "list", "--state", "queued", "-n", "2"]);
    assert!(table.contains(r"two\nlines"), "{table}");
    assert_eq!(rosey.prints(&["outbound", "list", "--state", "dead", "--json"]), "[]\n");
}

fn a_key_queues_once(rosey: &Rosey) {
    let send = |text| rosey.json(&["outbound", "send", "--key", "film", text, "--json"]);
    let (first, second) = (send("at eight"), send("at nine"));
    assert_eq!((&first["created"], &second["created"]), (&json!(true), &json!(false)));
    assert_eq!(first["id"], second["id"]);
    assert_eq!(rosey.json(&["outbound", "list", "--json"]).as_array().unwrap().len(), 1);
}

fn a_message_has_bounds(rosey: &Rosey) {
    let error = rosey.run(&["outbound", "send", ""]).fails(2);
    assert!(error.contains("message: is empty"), "{error}");
    for (text, reason) in [("é", "has 10001 characters"), ("🦊", "has more than 10000 characters")] {
        let long = text.repeat(10_001);
        let error = rosey.run_with(&["outbound", "send", "-"], &long).fails(2);
        assert!(error.contains(&format!("message: {reason}")), "{error}");
        rosey.run_with(&["outbound", "send", "-"], long.replacen(text, "", 1) + "\r\n").succeeds();
    }
    let error = rosey.run_with(&["outbound", "send", "-"], b"\xff").fails(2);
    assert!(error.contains("message: is not UTF-8"), "{error}");
    for attempts in ["0", "21", "many"] {
        rosey.run(&["outbound", "send", "hello", "--max-attempts", attempts]).fails(2);
    }
    rosey.run(&["outbound", "list", "--state", "lost"]).fails(2);
}
