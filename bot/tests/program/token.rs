//! Tokens, from their making to their end.

use serde_json::json;

use crate::rosey::Rosey;

crate::checks![
    a_token_is_made_checked_and_revoked,
    only_an_active_token_passes,
    the_forms_are_exact,
    a_token_says_when_it_expires,
];

fn made(rosey: &Rosey) -> String {
    rosey.prints(&["token", "create", "--name", "dashboard", "--permissions", "read"]).trim_end().to_owned()
}

fn a_token_is_made_checked_and_revoked(rosey: &Rosey) {
    let (first, second) = (made(rosey), made(rosey));
    assert_eq!(first.len(), 43);
    let check = |token: &str| rosey.run_with(&["token", "check"], token);
    // Further lines and white space around the token do not matter.
    assert_eq!(
        check(&format!("  {first}\r\nmore")).succeeds(),
        format!("Active: {} (dashboard)\n", &first[..8])
    );
    assert_eq!(rosey.run_with(&["token", "revoke"], &first).succeeds(), "Revoked\n");
    assert_eq!(check(&first).code, Some(3));
    assert_eq!(check(&second).code, Some(0));
    assert_eq!(rosey.run_with(&["token", "revoke"], &first).succeeds(), "It had been revoked before\n");
    assert_eq!(rosey.run_with(&["token", "revoke"], &second[..8]).succeeds(), "Revoked\n");
    assert_eq!(check(&second).code, Some(3));
    let listed = rosey.prints(&["token", "list"]);
    assert_eq!(listed.lines().count(), 3, "{listed}");
    assert!(!listed.contains(&first) && !listed.contains(&second), "{listed}");
}

fn only_an_active_token_passes(rosey: &Rosey) {
    let token = made(rosey);
    for other in ["", "\n", "short", &token[..8], &token[..42], &"x".repeat(43), &"x".repeat(9_000), "a b"] {
        let ran = rosey.run_with(&["token", "check"], other);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(3), "Not an active token\n"), "{other:?}");
    }
    assert_eq!(rosey.run_with(&["token", "check"], b"\xff\xfe").code, Some(3));
    for (other, code) in
        [("", 2), ("short", 2), ("%%%%%%%%", 1), ("unknown_token_of_43_characters_of_no_account", 1)]
    {
        let error = rosey.run_with(&["token", "revoke"], other).fails(code);
        assert!(other.is_empty() || !error.contains(other), "{error}");
    }
    assert_eq!(rosey.run_with(&["token", "check"], token).code, Some(0));
}

fn the_forms_are_exact(rosey: &Rosey) {
    let text = rosey.prints(&["token", "create", "--json"]);
    let made: serde_json::Value = serde_json::from_str(&text).unwrap();
    let (token, id) = (made["token"].as_str().unwrap(), made["id"].as_i64().unwrap());
    let prefix = &token[..8];
    assert_eq!(text, format!("{{\"token\":\"{token}\",\"prefix\":\"{prefix}\",\"id\":{id}}}\n"));
    let checked = rosey.run_with(&["token", "check", "--json"], token).succeeds();
    let expected =
        format!("{{\"active\":true,\"prefix\":\"{prefix}\",\"name\":null,\"permissions\":null}}\n");
    assert_eq!(checked, expected);
    let listed = &rosey.json(&["token", "list", "--json"])[0];
    assert_eq!(listed["prefix"], json!(prefix));
    assert!(listed["last_used"].is_i64() && listed["revoked_at"].is_null(), "{listed}");
    let revoke = |input: &str| rosey.run_with(&["token", "revoke", "--json"], input).succeeds();
    assert_eq!(revoke(prefix), "{\"revoked\":true}\n");
    assert_eq!(revoke(token), "{\"revoked\":false}\n");
}

fn a_token_says_when_it_expires(rosey: &Rosey) {
    let over = rosey.run(&["token", "create", "--expires", "2001-01-01"]).fails(2);
    assert!(over.contains("expires: lies in the past"), "{over}");
    let token = rosey.prints(&["token", "create", "--expires", "2999-01-01"]);
    rosey.run_with(&["token", "check"], token).succeeds();
    let listed = rosey.json(&["token", "list", "--json"]);
    assert_eq!(listed[0]["expires_at"], json!(32_472_144_000_i64));
    assert!(rosey.prints(&["token", "list"]).contains("2999-01-01T00:00:00Z"));
}
