//! The queue of messages.

use serde_json::json;

use crate::rosey::Rosey;

crate::checks! {
    messages_are_queued_and_listed,
    a_key_queues_once,
    a_message_has_bounds,
    a_message_on_its_way_is_not_touched_by_hand,
    ; once:
    a_dead_message_is_requeued_or_discarded,
}

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

fn a_message_on_its_way_is_not_touched_by_hand(rosey: &Rosey) {
    let id = rosey.json(&["outbound", "send", "hello", "--json"])["id"].to_string();
    for command in ["requeue", "discard"] {
        let ran = rosey.run(&["outbound", command, &id, "999"]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        let told =
            format!("Message {id}: {command}_message: conflict: the message is neither dead nor failed\n");
        assert!(ran.stdout.starts_with(&told) && ran.stdout.contains("Message 999: "), "{ran:?}");
    }
    assert_eq!(rosey.json(&["outbound", "list", "--state", "queued", "--json"])[0]["id"].to_string(), id);
}

fn a_dead_message_is_requeued_or_discarded(rosey: &Rosey) {
    for text in ["one", "two", "three"] {
        rosey.prints(&["outbound", "send", text]);
    }
    let file = rusqlite::Connection::open(rosey.path("bot_data.db")).unwrap();
    let die = "UPDATE outbound_messages SET state = 'dead', retry_count = 3, due_at = NULL WHERE id < 3";
    file.execute(die, []).unwrap();
    drop(file);
    let done = rosey.json(&["outbound", "requeue", "1", "--json"]);
    assert_eq!(done, json!([{"id": 1, "done": true, "error": null}]));
    assert_eq!(rosey.prints(&["outbound", "discard", "2"]), "Message 2 is gone\n");
    let listed = rosey.json(&["outbound", "list", "--json"]);
    let shown: Vec<_> =
        listed.as_array().unwrap().iter().map(|m| (m["id"].clone(), m["state"].clone())).collect();
    assert_eq!(shown, [(json!(1), json!("queued")), (json!(3), json!("queued"))]);
}
