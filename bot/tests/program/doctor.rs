//! Looking how the database is.

use serde_json::{Value, json};

use crate::rosey::{Ran, Rosey};

crate::checks! {
    a_database_that_is_up_to_date_is_well,
    a_database_without_a_schema_is_told_so_and_stays_so,
    ; once:
    an_old_schema_is_told_and_stays_old,
    a_server_that_cannot_be_reached_is_told_with_the_settings,
    every_setting_is_shown_with_who_set_it,
    a_wrong_setting_is_wrong_usage,
}

/// The verdict on each check.
pub(crate) fn verdicts(report: &Value) -> Vec<String> {
    let checks = report["checks"].as_array().unwrap();
    checks
        .iter()
        .map(|check| format!("{} {}", check["name"].as_str().unwrap(), check["verdict"].as_str().unwrap()))
        .collect()
}

/// The report of a run that found that the database is not well.
pub(crate) fn unwell(ran: Ran) -> Value {
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), ""), "{ran:?}");
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["healthy"], false, "{report}");
    report
}

fn a_database_that_is_up_to_date_is_well(rosey: &Rosey) {
    let version = rosey.json(&["migrate", "--json"])["version"].clone();
    let report = rosey.json(&["doctor", "--json"]);
    assert_eq!((&report["healthy"], &report["backend"]), (&json!(true), &json!(rosey.backend())));
    assert_eq!(report["schema_version"], version);
    assert!(report["latency_us"].as_u64().unwrap() > 0, "{report}");
    let named = |names: &str| names.split(' ').map(|name| format!("{name} ok")).collect::<Vec<_>>();
    let expected = if rosey.backend() == "sqlite" {
        assert_eq!(report["pool"], Value::Null);
        named("connection schema latency objects sequences integrity bloat permissions disk spool")
    } else {
        assert!(report["pool"]["open"].as_u64().unwrap() <= report["pool"]["max"].as_u64().unwrap());
        named(
            "connection schema latency pool permissions objects sequences integrity bloat upkeep wraparound size \
             clock spool-disk spool encryption",
        )
    };
    let verdicts: Vec<_> =
        verdicts(&report).into_iter().map(|line| line.replace("spool disk", "spool-disk")).collect();
    assert_eq!(verdicts, expected, "{report}");
    assert_eq!(report["verdict"], "ok");

    let text = rosey.prints(&["doctor"]).split_whitespace().collect::<Vec<_>>().join(" ");
    let engine = if rosey.backend() == "sqlite" { "SQLite" } else { "PostgreSQL" };
    let engine = format!("connection {engine} {}", report["engine_version"].as_str().unwrap());
    for part in [&engine, "nothing is to be migrated", "median of 9", "all is well"] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
}

fn a_database_without_a_schema_is_told_so_and_stays_so(rosey: &Rosey) {
    for _ in 0..2 {
        let report = unwell(rosey.run(&["doctor", "--json"]));
        assert_eq!(verdicts(&report)[0], "schema failed", "{report}");
        assert!(report["checks"][0]["found"].as_str().unwrap().contains("Run `rosey migrate`"), "{report}");
        assert_eq!(report["schema_version"], Value::Null);
    }
    assert!(!rosey.path("bot_data.db").exists());
}

fn an_old_schema_is_told_and_stays_old(rosey: &Rosey) {
    let newest = rosey.json(&["migrate", "--json"])["version"].as_i64().unwrap();
    let database = rusqlite::Connection::open(rosey.path("bot_data.db")).unwrap();
    let removed = "DELETE FROM refinery_schema_history WHERE version = ?1";
    assert_eq!(database.execute(removed, [newest]).unwrap(), 1);
    let report = unwell(rosey.run(&["doctor", "--json"]));
    let expected = format!(
        "the database has schema version {}, and this program needs {newest}: it lacks V5__token_expiry. \
         Run `rosey migrate`",
        newest - 1
    );
    assert!(report["checks"][0]["found"].as_str().unwrap().ends_with(&expected), "{report}");
    let version = "SELECT max(version) FROM refinery_schema_history";
    assert_eq!(database.query_row(version, [], |row| row.get::<_, i64>(0)).unwrap(), newest - 1);
}

fn a_server_that_cannot_be_reached_is_told_with_the_settings(home: &Rosey) {
    // Port 1 refuses at once.
    let url = "postgresql://rosey:hunter2@127.0.0.1:1/rosey?pool_size=3";
    let ran = home.run(&["--database-url", url, "doctor"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), ""), "{ran:?}");
    for part in ["127.0.0.1:1", "refused", "help: compare host, port", "failed: 1, warnings: 0"] {
        assert!(ran.stdout.contains(part), "{part:?} is not in {}", ran.stdout);
    }
    assert!(!ran.stdout.contains("hunter2"), "{}", ran.stdout);

    let report = unwell(home.run(&["--database-url", url, "doctor", "--json"]));
    assert_eq!(verdicts(&report), ["connection failed", "spool disk ok", "spool ok", "encryption ok"]);
    assert_eq!(report["database"], "postgresql://rosey@127.0.0.1:1/rosey");
    assert_eq!(report["settings"][0], json!({"name": "pool_size", "value": "3", "set_by": "URL"}));
}

fn every_setting_is_shown_with_who_set_it(home: &Rosey) {
    let mut command = home.command(&["doctor", "--json"]);
    command.env("DATABASE_URL", "postgresql://rosey@127.0.0.1:1/rosey?sslmode=disable");
    command.env("ROSEY_ENV", "production").env("ROSEY_JIT", "on").env("PGPASSWORD", "hunter2");
    let stdout = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert!(!stdout.contains("hunter2"), "{stdout}");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    let setting = |name: &str| {
        let settings = report["settings"].as_array().unwrap();
        let found = settings.iter().find(|setting| setting["name"] == name).unwrap();
        format!("{} {}", found["value"].as_str().unwrap(), found["set_by"].as_str().unwrap())
    };
    for (name, expected) in [
        ("pool_size", "10 ROSEY_ENV"),
        ("max_overflow", "20 ROSEY_ENV"),
        ("jit", "on ROSEY_JIT"),
        ("statement_timeout", "60s default"),
        ("sslmode", "disable URL"),
        ("target_session_attrs", "any default"),
        ("password", "given PGPASSWORD"),
    ] {
        assert_eq!(setting(name), expected, "{name}");
    }
}

fn a_wrong_setting_is_wrong_usage(home: &Rosey) {
    for (variable, value, expected) in [
        ("ROSEY_ENV", "prod", "error: ROSEY_ENV: is none of development, staging, production\n"),
        ("ROSEY_POOL_SIZE", "0", "error: ROSEY_POOL_SIZE: is no whole number from 1 to 1000\n"),
    ] {
        let output = home.command(&["doctor"]).env(variable, value).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), told.as_str()), (Some(2), expected));
    }
}
