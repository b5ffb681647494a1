//! What only a server's database can suffer.

use std::path::Path;

use botstore_conformance::server::PostgresServer;
use serde_json::Value;

use super::{doctor, line, overwrite, sick};
use crate::doctor::unwell;
use crate::rosey::{Rosey, chat, sample};

crate::checks! {
    ; postgres:
    rights_that_lack_are_named_with_what_gives_them,
    missing_and_invalid_objects_are_named,
    missing_keys_are_named_with_what_makes_them_again,
    a_limit_on_connections_is_named,
    neglected_tables_are_named,
    a_damaged_index_and_a_damaged_table_are_found_by_amcheck,
}

fn rights_that_lack_are_named_with_what_gives_them(rosey: &Rosey) {
    rosey.replays(&[sample()]);
    let name = format!("doctor's-{}", rosey.path("").file_name().unwrap().to_str().unwrap());
    let role = format!("\"{name}\"");
    rosey.sql(&format!(
        "CREATE ROLE {role}; GRANT USAGE ON SCHEMA public TO {role};
         GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}"
    ));
    let options = format!("-c role={name}");
    let options: String = options.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let url = format!("{}?options={options}", rosey.url());
    let as_role =
        |arguments: &[&str]| rosey.run(&[&["--database-url", &url, "doctor", "--json"], arguments].concat());
    let whole: Value = serde_json::from_str(&as_role(&[]).succeeds()).unwrap();
    assert_eq!(line(&whole, "permissions").0, "ok", "{whole}");

    rosey.sql(&format!(
        "REVOKE INSERT, DELETE ON recent_chat FROM {role}; REVOKE ALL ON SEQUENCE plugin_value_versions FROM {role};
         REVOKE ALL ON database_identity FROM {role}"
    ));
    let report = unwell(as_role(&[]));
    assert_eq!(line(&report, "schema").0, "failed", "{report}");
    let (verdict, found, advice) = line(&report, "permissions");
    assert_eq!(verdict, "failed");
    let expected = "the role lacks INSERT, DELETE on recent_chat; SELECT on database_identity; \
                    USAGE on plugin_value_versions";
    assert_eq!(found, expected);
    // What cannot be seen for want of rights is no other fault.
    assert_eq!(line(&report, "objects").0, "ok", "{report}");
    let (verdict, found, _) = line(&report, "sequences");
    assert!(verdict == "ok" && found.ends_with("; not into plugin_value_versions"), "{found}");
    rosey.sql(advice.strip_prefix("as the owner of the tables: ").unwrap());
    as_role(&[]).succeeds();
    rosey.sql(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}

fn missing_and_invalid_objects_are_named(rosey: &Rosey) {
    rosey.prints(&["migrate"]);
    rosey.sql(
        "DROP INDEX recent_chat_by_time; ALTER TABLE recent_chat DROP COLUMN message; DROP TABLE source_positions;
         UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'user_actions_by_time'::regclass",
    );
    let (verdict, found, advice) = line(&sick(rosey), "objects");
    assert_eq!(verdict, "failed");
    let expected = "missing: index recent_chat_by_time; missing: index source_positions_pkey; \
                    invalid: index user_actions_by_time; missing: table source_positions; \
                    missing: column recent_chat.message";
    assert_eq!(found, expected);
    let made = "CREATE INDEX recent_chat_by_time ON recent_chat USING btree (\"timestamp\", id)";
    let expected =
        format!("REINDEX INDEX user_actions_by_time; as the owner of the tables: {made}; restore a backup: ");
    assert!(advice.starts_with(&expected), "{advice}");
}

fn missing_keys_are_named_with_what_makes_them_again(rosey: &Rosey) {
    rosey.replays(&[sample()]);
    rosey.sql(
        "ALTER TABLE api_tokens DROP CONSTRAINT api_tokens_token_hash_key;
         ALTER TABLE user_stats DROP CONSTRAINT user_stats_pkey; DROP INDEX user_stats_by_rank",
    );
    let (verdict, found, advice) = line(&sick(rosey), "objects");
    let expected = "missing: index api_tokens_token_hash_key; missing: index user_stats_by_rank; \
                    missing: index user_stats_pkey";
    assert_eq!((verdict.as_str(), found.as_str()), ("failed", expected));
    rosey.sql(advice.strip_prefix("as the owner of the tables: ").unwrap());
    assert_eq!(line(&doctor(rosey), "objects").0, "ok");
}

fn a_limit_on_connections_is_named(rosey: &Rosey) {
    let name = rosey.path("").file_name().unwrap().to_str().unwrap().replace('-', "_").to_lowercase();
    let (_, place) = rosey.url().split_once('@').unwrap();
    let url = format!("postgresql://{name}:{name}@{place}");
    let (_, database) = place.rsplit_once('/').unwrap();
    rosey.sql(&format!("CREATE ROLE {name} LOGIN PASSWORD '{name}'"));
    for of in [format!("ROLE {name}"), format!("DATABASE {database}")] {
        rosey.sql(&format!("ALTER {of} CONNECTION LIMIT 0"));
        let report = unwell(rosey.run(&["--database-url", &url, "doctor", "--json"]));
        let (_, found, advice) = line(&report, "connection");
        let (kind, _) = of.split_once(' ').unwrap();
        let expected = format!("'s limit: ALTER {kind} ... CONNECTION LIMIT ...");
        assert!(found.contains("SQLSTATE 53300") && found.ends_with(&expected), "{found}");
        assert_eq!(advice, "");
        rosey.sql(&format!("ALTER {of} CONNECTION LIMIT -1"));
    }
    rosey.sql(&format!("DROP ROLE {name}"));
}

fn neglected_tables_are_named(rosey: &Rosey) {
    rosey.prints(&["migrate"]);
    rosey.sql(
        "ALTER TABLE recent_chat SET (autovacuum_enabled = off);
         INSERT INTO recent_chat (timestamp, username, message) SELECT i, 'ada', 'hello' FROM generate_series(1, 30000) AS i",
    );
    rosey.sql("DELETE FROM recent_chat WHERE id > 10000");
    let report = doctor(rosey);
    let (verdict, found, advice) = line(&report, "upkeep");
    assert_eq!(verdict, "warning", "{report}");
    assert_eq!(found, "recent_chat has 20000 dead rows and 10000 live ones, last vacuumed: never");
    rosey.sql(&advice);
    assert_eq!(line(&doctor(rosey), "upkeep").0, "ok");
}

fn a_damaged_index_and_a_damaged_table_are_found_by_amcheck(_: &Rosey) {
    let server = PostgresServer::start_own("").unwrap();
    let rosey = Rosey::at(&server);
    rosey.file("log.jsonl", chat(0..3_000));
    rosey.replays(&["log.jsonl"]);
    let deep = |rosey: &Rosey| {
        let ran = rosey.run(&["doctor", "--deep", "--json"]);
        serde_json::from_str::<Value>(&ran.stdout).unwrap()
    };
    let (verdict, found, advice) = line(&deep(&rosey), "integrity");
    assert_eq!(verdict, "warning");
    assert!(found.ends_with("amcheck is not installed"), "{found}");
    rosey.sql(advice.split_once("database: ").unwrap().1);
    let (verdict, found, _) = line(&deep(&rosey), "integrity");
    assert_eq!(verdict, "ok");
    assert!(found.ends_with("amcheck found no fault in 29 indexes and 12 tables"), "{found}");

    let file = "SELECT current_setting('data_directory') || '/' || pg_relation_filepath";
    let [index, table] = ["recent_chat_by_time", "user_actions"]
        .map(|name| rosey.sql(&format!("{file}('{name}')")).pop().unwrap());
    rosey.sql(
        "INSERT INTO user_actions (timestamp, username, action_type) VALUES (1, 'ada', 'kick'); CHECKPOINT",
    );
    server.stop("fast").unwrap();
    overwrite(Path::new(&index), 8_192, &[0; 8_192]);
    // The row's place and length.
    overwrite(Path::new(&table), 24, &[0xfe, 0xff, 0xfe, 0xff]);
    server.start_again().unwrap();
    let (verdict, found, advice) = line(&sick(&rosey), "integrity");
    assert_eq!(verdict, "failed");
    assert!(found.contains("recent_chat_by_time: ") && !found.contains("user_actions, block"), "{found}");
    assert!(advice.contains("REINDEX"), "{advice}");
    let (verdict, found, _) = line(&deep(&rosey), "integrity");
    assert_eq!(verdict, "failed");
    assert!(found.contains("recent_chat_by_time: ") && found.contains("user_actions, block 0: "), "{found}");
    rosey.sql("REINDEX INDEX recent_chat_by_time");
    let (_, found, _) = line(&deep(&rosey), "integrity");
    assert!(!found.contains("recent_chat_by_time"), "{found}");
}
