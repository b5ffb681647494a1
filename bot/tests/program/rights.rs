//! What a role may do with a database, and what it sees of it.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use botstore::transfer::Table;
use serde_json::Value;

use crate::doctor::unwell;
use crate::rosey::{Rosey, chat, sample};

crate::checks! {
    ; postgres:
    a_role_that_may_not_see_every_row_is_refused,
    what_the_doctor_finds_of_such_a_role,
    nothing_is_removed_unless_all_that_follows_may_be_done,
    nothing_is_copied_unless_all_of_it_may_be,
    a_copy_that_is_stopped_while_it_removes_says_so,
}

const FIRST: &str = "sqlite:///first.db";

/// A role that may work with all rows of a database, until somebody takes something away.
struct Role<'a> {
    rosey: &'a Rosey,
    name: String,
    /// The database's URL for it.
    url: String,
}

impl<'a> Role<'a> {
    fn of(rosey: &'a Rosey) -> Self {
        let plain = format!("role of {}", rosey.path("").file_name().unwrap().to_str().unwrap());
        let name = format!("\"{plain}\"");
        rosey.sql(&format!(
            "CREATE ROLE {name}; GRANT USAGE ON SCHEMA public TO {name};
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {name};
             GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO {name}"
        ));
        let options = format!("-c role={}", plain.replace(' ', "\\ "));
        let options: String = options.bytes().map(|byte| format!("%{byte:02X}")).collect();
        Self { rosey, name, url: format!("{}?options={options}", rosey.url()) }
    }
}

impl Drop for Role<'_> {
    fn drop(&mut self) {
        self.rosey.sql(&format!("DROP OWNED BY {0}; DROP ROLE {0}", self.name));
    }
}

/// How many rows there are, of all tables.
fn rows(rosey: &Rosey) -> Vec<String> {
    let counted = Table::ALL.map(|table| format!("SELECT '{table} ' || count(*) FROM {table}"));
    rosey.sql(&counted.join(" UNION ALL "))
}

fn a_role_that_may_not_see_every_row_is_refused(rosey: &Rosey) {
    rosey.file("log.jsonl", chat(0..20));
    rosey.replays(&["log.jsonl"]);
    let role = Role::of(rosey);
    let other = rosey.beside();
    other.prints(&["migrate"]);
    let before = rows(rosey);
    rosey.sql("ALTER TABLE user_actions ENABLE ROW LEVEL SECURITY; ALTER TABLE recent_chat ENABLE ROW LEVEL SECURITY");
    let commands: [&[&str]; 9] = [
        &["copy", "--from", &role.url, "--to", FIRST],
        &["copy", "--from", other.url(), "--to", &role.url],
        &["copy", "--from", other.url(), "--to", &role.url, "--replace"],
        &["copy", "--from", other.url(), "--to", &role.url, "--dry-run"],
        &["verify", other.url(), &role.url],
        &["verify", &role.url, other.url()],
        &["--database-url", &role.url, "user", "export", "user1"],
        &["--database-url", &role.url, "user", "delete", "--yes", "user1"],
        &["--database-url", &role.url, "user", "rename", "--yes", "user1", "user2"],
    ];
    let found = "row-level security may hide rows of user_actions, recent_chat from the role";
    let advice = format!(
        "as a superuser: ALTER ROLE {} BYPASSRLS; or as the owner of the tables: ALTER TABLE user_actions DISABLE ROW \
         LEVEL SECURITY; ALTER TABLE recent_chat DISABLE ROW LEVEL SECURITY",
        role.name
    );
    for command in commands {
        let refused = rosey.run(command).fails(1);
        assert!(refused.contains(&format!("{found}; {advice}")), "{command:?}: {refused}");
    }
    assert!(!rosey.path("first.db").exists());
    assert_eq!(rows(rosey), before);
    // Both ways lead out of it.
    rosey.sql(&format!("ALTER ROLE {} BYPASSRLS", role.name));
    let copied = rosey.json(&["copy", "--from", &role.url, "--to", FIRST, "--json"]);
    assert_eq!((&copied["same"], &copied["written"]), (&Value::Bool(true), &Value::from(20 + 5 + 1)));
    rosey.sql(&format!("ALTER ROLE {} NOBYPASSRLS", role.name));
    rosey.run(&["verify", &role.url, FIRST]).fails(1);
    rosey.sql(advice.rsplit_once("tables: ").unwrap().1);
    rosey.prints(&["verify", &role.url, FIRST]);
    // So may an owner who is to be held to it, too.
    rosey.sql(&format!(
        "ALTER TABLE recent_chat OWNER TO {}; ALTER TABLE recent_chat ENABLE ROW LEVEL SECURITY",
        role.name
    ));
    rosey.prints(&["verify", &role.url, FIRST]);
    rosey.sql("ALTER TABLE recent_chat FORCE ROW LEVEL SECURITY");
    rosey.run(&["verify", &role.url, FIRST]).fails(1);
    rosey.sql("ALTER TABLE recent_chat OWNER TO CURRENT_USER");
}

fn what_the_doctor_finds_of_such_a_role(rosey: &Rosey) {
    rosey.replays(&[sample()]);
    let role = Role::of(rosey);
    let doctor = ["--database-url", &role.url, "doctor", "--deep", "--json"];
    let line = |report: &Value, name: &str| {
        let checks = report["checks"].as_array().unwrap();
        let check = checks.iter().find(|check| check["name"] == name).unwrap();
        ["verdict", "found", "advice"].map(|key| check[key].as_str().unwrap_or_default().to_owned())
    };
    rosey.sql(&format!(
        "ALTER TABLE channel_stats ENABLE ROW LEVEL SECURITY; REVOKE DELETE ON user_stats FROM {}",
        role.name
    ));
    let report = unwell(rosey.run(&doctor));
    let [verdict, found, advice] = line(&report, "permissions");
    assert_eq!(verdict, "failed");
    assert_eq!(
        found,
        "the role lacks DELETE on user_stats; row-level security may hide rows of channel_stats from the role"
    );
    let (grant, rest) = advice.split_once("; ").unwrap();
    assert_eq!(
        rest,
        format!(
            "as a superuser: ALTER ROLE {} BYPASSRLS; or as the owner of the tables: ALTER TABLE channel_stats DISABLE ROW \
             LEVEL SECURITY",
            role.name
        )
    );
    // What nobody sees is not told to be gone.
    for name in ["objects", "sequences", "rows"] {
        let expected = [
            "failed",
            "cannot be looked at: row-level security may hide rows",
            "see to the permissions first",
        ];
        assert_eq!(line(&report, name), expected);
    }
    rosey.sql(grant.split_once(": ").unwrap().1);
    rosey.sql(rest.rsplit_once(": ").unwrap().1);
    let report: Value = serde_json::from_str(&rosey.run(&doctor).stdout).unwrap();
    for name in ["permissions", "objects", "sequences", "rows"] {
        assert_eq!(line(&report, name)[0], "ok", "{report}");
    }
}

/// What may be taken from a role, how that is told, and what gives it back.
const TAKEN: [(&str, &str, &str); 4] = [
    (
        "UPDATE ON SEQUENCE recent_chat_id_seq",
        "UPDATE on recent_chat_id_seq",
        "UPDATE ON SEQUENCE recent_chat_id_seq",
    ),
    ("INSERT ON api_tokens", "INSERT on api_tokens", "INSERT ON TABLE api_tokens"),
    (
        "INSERT, UPDATE ON channel_stats, current_status",
        "INSERT, UPDATE on channel_stats, current_status",
        "INSERT, UPDATE ON TABLE channel_stats, current_status",
    ),
    ("SELECT ON plugin_values", "SELECT on plugin_values", "SELECT ON TABLE plugin_values"),
];

fn nothing_is_removed_unless_all_that_follows_may_be_done(rosey: &Rosey) {
    rosey.replays(&[sample()]);
    rosey.prints(&["--database-url", FIRST, "outbound", "send", "another"]);
    let role = Role::of(rosey);
    let before = rows(rosey);
    let copy = ["copy", "--from", FIRST, "--to", &role.url, "--replace"];
    let deletion = ("DELETE ON user_actions", "DELETE on user_actions", "DELETE ON TABLE user_actions");
    for (taken, lacking, given) in TAKEN.into_iter().chain([deletion]) {
        rosey.sql(&format!("REVOKE {taken} FROM {}", role.name));
        let grant = format!("GRANT {given} TO {}", role.name);
        let expected = format!("the role lacks {lacking}; as the owner of the tables: {grant}\n");
        let refused = rosey.run(&copy).fails(1);
        assert!(refused.starts_with("error: nothing was removed or copied: check_rights: "), "{refused}");
        assert!(refused.ends_with(&expected), "{refused}");
        let planned = rosey.run(&[&copy[..], &["--dry-run"]].concat()).fails(1);
        assert!(planned.ends_with(&expected), "{planned}");
        assert_eq!(rows(rosey), before);
        rosey.sql(&grant);
    }
    // All at once.
    rosey.sql(&format!("REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {}", role.name));
    rosey.sql(&format!("REVOKE INSERT, UPDATE ON ALL TABLES IN SCHEMA public FROM {}", role.name));
    let refused = rosey.run(&copy).fails(1);
    assert_eq!(rows(rosey), before);
    let (_, grants) = refused.trim_end().rsplit_once("tables: ").unwrap();
    rosey.sql(grants);
    let replaced = rosey.json(&[&copy[..], &["--json"]].concat());
    assert_eq!((&replaced["same"], &replaced["written"]), (&Value::Bool(true), &Value::from(1)));
}

fn nothing_is_copied_unless_all_of_it_may_be(rosey: &Rosey) {
    rosey.prints(&["migrate"]);
    rosey.prints(&["--database-url", FIRST, "replay", sample()]);
    let role = Role::of(rosey);
    let before = rows(rosey);
    // Nothing is removed, so that needs no right.
    rosey.sql(&format!("REVOKE DELETE ON ALL TABLES IN SCHEMA public FROM {}", role.name));
    for (taken, lacking, given) in TAKEN {
        rosey.sql(&format!("REVOKE {taken} FROM {}", role.name));
        for more in [&[][..], &["--dry-run"]] {
            let copy = [&["copy", "--from", FIRST, "--to", &role.url], more].concat();
            let refused = rosey.run(&copy).fails(1);
            assert!(refused.contains(&format!("the role lacks {lacking}; ")), "{refused}");
            assert_eq!(rows(rosey), before);
        }
        rosey.sql(&format!("GRANT {given} TO {}", role.name));
    }
    rosey.prints(&["copy", "--from", FIRST, "--to", &role.url]);
    // To read, too, needs rights.
    rosey.sql(&format!("REVOKE SELECT ON SEQUENCE recent_chat_id_seq FROM {}", role.name));
    let back = "sqlite:///back.db";
    for command in [["copy", "--from", &role.url, "--to", back].as_slice(), &["verify", FIRST, &role.url]] {
        let refused = rosey.run(command).fails(1);
        assert!(refused.contains("the role lacks SELECT on recent_chat_id_seq; "), "{refused}");
    }
    rosey.sql(&format!(
        "GRANT SELECT ON SEQUENCE recent_chat_id_seq TO {0}; REVOKE INSERT, UPDATE ON ALL TABLES IN SCHEMA public FROM {0}",
        role.name
    ));
    rosey.prints(&["copy", "--from", &role.url, "--to", back]);
}

fn a_copy_that_is_stopped_while_it_removes_says_so(rosey: &Rosey) {
    rosey.replays(&[sample()]);
    rosey.prints(&["--database-url", FIRST, "outbound", "send", "another"]);
    let held = rosey.holds("LOCK TABLE recent_chat IN EXCLUSIVE MODE");
    let mut copying = rosey.command(&["copy", "--from", FIRST, "--to", rosey.url(), "--replace"]);
    let mut copying = copying.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    let waiting =
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while rosey.sql(waiting).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(60), "nobody waits for the lock");
    }
    assert!(Command::new("kill").args(["-INT", &copying.id().to_string()]).status().unwrap().success());
    let mut told = String::new();
    copying.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert_eq!(copying.wait().unwrap().code(), Some(130), "{told}");
    let expected = "a part of what the second database held is removed, or all of it; run the command again, with --replace";
    assert!(told.contains(expected), "{told}");
    assert_eq!(rosey.sql("SELECT count(*)::text FROM user_stats"), ["0"]);
    drop(held);
    let again = rosey.json(&["copy", "--from", FIRST, "--to", rosey.url(), "--replace", "--json"]);
    assert_eq!(again["same"], true, "{again}");
}
