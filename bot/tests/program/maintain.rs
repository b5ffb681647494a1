//! Removing what is too old.

use crate::rosey::{Rosey, chat};

crate::checks![what_is_too_old_goes, a_longer_retention_keeps_more];

fn recorded(rosey: &Rosey) {
    rosey.file("log.jsonl", chat(0..20) + "{\"at\":1,\"type\":\"user_count\",\"chat\":1,\"connected\":2}\n");
    rosey.replays(&["log.jsonl"]);
}

fn what_is_too_old_goes(rosey: &Rosey) {
    recorded(rosey);
    let expected = format!(
        "{{\"backend\":\"{}\",\"chat\":20,\"counts\":1,\"sent_messages\":0,\"revoked_tokens\":0,\"expired_values\":0,\"expired_tokens\":0}}\n",
        rosey.backend()
    );
    assert_eq!(rosey.prints(&["maintain", "--json"]), expected);
    let stats = rosey.json(&["stats", "--json"]);
    assert_eq!((stats["messages_kept"].as_i64(), stats["chat_lines"].as_i64()), (Some(0), Some(20)));
    assert!(rosey.prints(&["maintain"]).contains("0  chat lines      older than 150 hours"));
}

fn a_longer_retention_keeps_more(rosey: &Rosey) {
    recorded(rosey);
    let kept = ["maintain", "--json", "--keep-chat-hours", "4294967295", "--keep-counts-days", "4294967295"];
    let report = rosey.json(&kept);
    assert_eq!((report["chat"].as_i64(), report["counts"].as_i64()), (Some(0), Some(0)));
    rosey.run(&["maintain", "--keep-chat-hours=-1"]).fails(2);
}
