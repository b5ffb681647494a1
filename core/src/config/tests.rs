//! From the environment and the configuration file to a store's configuration.

use std::collections::HashMap;

use super::*;

#[test]
fn the_url_comes_from_the_first_place_that_has_one() {
    let both = r#"{"database_url": "sqlite:///new.db", "database": "old.db"}"#;
    for (environment, file, expected) in [
        (Some("sqlite:///env.db"), Some(both), "sqlite:///env.db"),
        (Some("sqlite:///env.db"), Some("no JSON"), "sqlite:///env.db"),
        (Some(""), Some(both), "sqlite:///new.db"),
        (None, Some(both), "sqlite:///new.db"),
        (None, Some(r#"{"database": "old.db", "database_url": null}"#), "sqlite:///old.db"),
        (None, Some(r#"{"database": "100%.db"}"#), "sqlite:///100%.db"),
        (None, Some(r#"{"database": ":memory:"}"#), "sqlite:///:memory:"),
        (None, Some(r#"{"channel": {"database_url": 1}}"#), "sqlite:///bot_data.db"),
        (None, Some("{}"), "sqlite:///bot_data.db"),
        (None, None, "sqlite:///bot_data.db"),
    ] {
        assert_eq!(database_url(environment, file).unwrap().to_string(), expected);
    }
}

#[test]
fn what_is_at_fault_is_named() {
    for (environment, file, field, reason) in [
        (Some("nonsense"), None, "database_url", "is no URL"),
        (None, Some("{\n  \"password\": hunter2"), "config", "is no JSON: line 2, column 15"),
        (None, Some("[]"), "config", "is no JSON object"),
        (None, Some(""), "config", "is no JSON"),
        (None, Some(r#"{"database_url": 5}"#), "database_url", "is no text, or empty"),
        (None, Some(r#"{"database_url": ""}"#), "database_url", "is no text, or empty"),
        (None, Some(r#"{"database_url": "postgresql://u:hunter2@h:x"}"#), "database_url", "has a port"),
        (None, Some(r#"{"database": ""}"#), "database", "is no text, or empty"),
        (None, Some(r#"{"database": "a\u0000b"}"#), "database", "contains NUL"),
        (None, Some(r#"{"database": "postgresql://u:hunter2@h/d"}"#), "database", "call it database_url"),
    ] {
        let error = database_url(environment, file).unwrap_err();
        assert_eq!(error.field, field, "{}", error.reason);
        assert!(error.reason.contains(reason), "{}", error.reason);
        assert!(!error.reason.contains("hunter2"), "{}", error.reason);
    }
}

type Variables<'a> = &'a [(&'a str, &'a str)];

/// What gives the value of one of these variables.
fn environment(variables: Variables<'_>) -> impl Fn(&str) -> Option<String> {
    let variables: HashMap<_, _> = variables.iter().copied().collect();
    move |name| variables.get(name).map(|&value| value.to_owned())
}

fn configured(url: &str, variables: Variables<'_>) -> Result<Config, InvalidInput> {
    Config::from_environment(url.parse()?, environment(variables))
}

#[test]
fn the_url_beats_the_variable_beats_the_profile_beats_the_default() {
    let production = ("ROSEY_ENV", "production");
    let size = ("ROSEY_POOL_SIZE", "7");
    let rows: [(&str, Variables<'_>, &str, &str); 6] = [
        ("", &[], "pool 5+10", "default"),
        ("", &[production], "pool 10+20", "ROSEY_ENV"),
        ("", &[size], "pool 7+10", "ROSEY_POOL_SIZE"),
        ("", &[production, size], "pool 7+20", "ROSEY_POOL_SIZE"),
        ("?pool_size=3", &[production, size], "pool 3+20", "URL"),
        ("?pool_size=3", &[], "pool 3+10", "URL"),
    ];
    for (query, variables, pool, origin) in rows {
        let config = configured(&format!("postgresql://h/d{query}"), variables).unwrap();
        assert_eq!(config.postgres.to_string(), pool);
        let settings = config.settings(environment(variables));
        assert_eq!((settings[0].name, settings[0].origin.to_string().as_str()), ("pool_size", origin));
    }
}

#[test]
fn without_an_environment_the_url_alone_counts() {
    let config = Config::new("postgresql://h/d?pool_size=3&jit=on".parse().unwrap());
    assert_eq!((config.postgres.pool_size, config.postgres.jit, config.migrate), (3, true, true));
    assert!(!config.without_migration().migrate);
}

#[test]
fn the_variable_at_fault_is_named_whatever_the_backend() {
    for url in ["postgresql://h/d?pool_size=3", "sqlite:///a.db"] {
        assert_eq!(configured(url, &[("ROSEY_POOL_SIZE", "many")]).unwrap_err().field, "ROSEY_POOL_SIZE");
        assert_eq!(configured(url, &[("ROSEY_ENV", "many")]).unwrap_err().field, "ROSEY_ENV");
    }
}

#[test]
fn the_password_comes_from_the_url_or_from_pgpassword() {
    let variable = ("PGPASSWORD", "hunter2");
    let rows: [(&str, Variables<'_>, Option<&str>, &str); 6] = [
        ("postgresql://u:hunter3@h", &[], Some("hunter3"), "given by URL"),
        ("postgresql://u:hunter3@h", &[variable], Some("hunter3"), "given by URL"),
        ("postgresql://u@h?password=hunter3", &[variable], Some("hunter3"), "given by URL"),
        ("postgresql://u@h", &[variable], Some("hunter2"), "given by PGPASSWORD"),
        ("postgresql://u@h", &[("PGPASSWORD", "")], None, "none by default"),
        ("postgresql://u@h", &[], None, "none by default"),
    ];
    for (url, variables, expected, told) in rows {
        let config = configured(url, variables).unwrap();
        let DatabaseUrl::Postgres(url) = &config.url else { panic!("not PostgreSQL") };
        assert_eq!(url.password.as_ref().map(Password::reveal), expected);
        let settings = config.settings(environment(variables));
        let password = settings.iter().find(|setting| setting.name == "password").unwrap();
        assert_eq!(format!("{} by {}", password.value, password.origin), told);
        let shown = format!("{config} {config:?} {settings:?}");
        assert!(!shown.contains("hunter"), "{shown}");
    }
}

#[test]
fn a_configuration_is_told_in_a_line() {
    for (url, expected) in [
        ("sqlite:///bot_data.db?synchronous=normal", "SQLite (bot_data.db)"),
        ("sqlite://", "SQLite (in memory)"),
        ("postgresql://u:hunter2@h/d", "PostgreSQL (postgresql://u@h:5432/d, pool 5+10)"),
        ("postgresql://a,b/d?max_overflow=0", "PostgreSQL (postgresql://a:5432,b:5432/d, pool 5+0)"),
    ] {
        assert_eq!(configured(url, &[]).unwrap().to_string(), expected);
    }
}

/// What is not at its default: `sslmode=require (URL)`.
fn changed(url: &str, variables: Variables<'_>) -> Vec<String> {
    let settings = configured(url, variables).unwrap().settings(environment(variables));
    let changed = settings.into_iter().filter(|setting| setting.origin != Origin::Default);
    changed.map(|Setting { name, value, origin }| format!("{name}={value} ({origin})")).collect()
}

#[test]
fn every_setting_is_shown_with_who_set_it() {
    assert_eq!(configured("sqlite://", &[]).unwrap().settings(|_| None).len(), 5);
    assert_eq!(configured("postgresql://h", &[]).unwrap().settings(|_| None).len(), 32);
    assert_eq!(
        changed("sqlite:///a.db?synchronous=normal&timeout=9", &[("ROSEY_POOL_SIZE", "3")]),
        ["synchronous=normal (URL)", "busy_timeout=9s (URL)"]
    );
    assert_eq!(
        changed(
            "postgresql://u:hunter2@h/d?sslmode=verify-full&sslrootcert=ca.pem&jit=on&connect_timeout=3",
            &[("ROSEY_ENV", "production"), ("ROSEY_MAX_OVERFLOW", "9"), ("ROSEY_ECHO", "on")]
        ),
        [
            "pool_size=10 (ROSEY_ENV)",
            "max_overflow=9 (ROSEY_MAX_OVERFLOW)",
            "jit=on (URL)",
            "echo=on (ROSEY_ECHO)",
            "sslmode=verify-full (URL)",
            "sslrootcert=ca.pem (URL)",
            "connect_timeout=3s (URL)",
            "password=given (URL)",
        ]
    );
}

#[test]
fn how_long_a_call_is_tried_and_when_it_is_slow_is_set_whatever_the_backend() {
    let rows: [(Variables<'_>, u64, Option<u64>, &[&str]); 5] = [
        (&[], 30_000, Some(1_000), &[]),
        (&[("ROSEY_RETRY_DEADLINE", ""), ("ROSEY_SLOW_CALL", "")], 30_000, Some(1_000), &[]),
        (&[("ROSEY_RETRY_DEADLINE", "0")], 0, Some(1_000), &["retry_deadline=off (ROSEY_RETRY_DEADLINE)"]),
        (
            &[("ROSEY_RETRY_DEADLINE", " 2min"), ("ROSEY_SLOW_CALL", "250ms")],
            120_000,
            Some(250),
            &["retry_deadline=120s (ROSEY_RETRY_DEADLINE)", "slow_call=250ms (ROSEY_SLOW_CALL)"],
        ),
        (&[("ROSEY_SLOW_CALL", "off")], 30_000, None, &["slow_call=off (ROSEY_SLOW_CALL)"]),
    ];
    for url in ["postgresql://h", "sqlite://"] {
        for (variables, deadline, slow, shown) in rows {
            let config = configured(url, variables).unwrap();
            assert_eq!(config.retry.deadline, Duration::from_millis(deadline), "{variables:?}");
            assert_eq!(config.slow, slow.map(Duration::from_millis), "{variables:?}");
            assert_eq!(changed(url, variables), shown);
        }
        for variable in ["ROSEY_RETRY_DEADLINE", "ROSEY_SLOW_CALL"] {
            let error = configured(url, &[(variable, "soon")]).unwrap_err();
            assert_eq!(error.field, variable);
            assert!(error.reason.starts_with("is neither off nor a time up to a day"), "{}", error.reason);
        }
    }
}

#[test]
fn the_files_of_a_database_and_its_journal_are_known() {
    let own = |url, variables, file: &str| configured(url, variables).unwrap().has_file(Path::new(file));
    let moved: Variables<'_> = &[("ROSEY_SPOOL", "src/../elsewhere")];
    for (url, variables, file, expected) in [
        ("sqlite:///own.db", &[] as Variables<'_>, "own.db", true),
        ("sqlite:///own.db", &[], "./src/../own.db-wal", true),
        ("sqlite:///src/own.db", &[], "./src/own.db-shm", true),
        ("sqlite:///own.db", &[], "own.db-journal", true),
        ("sqlite:///own.db", &[], "own.db.lock", true),
        ("sqlite:///own.db", &[], "own.db.spool", true),
        ("sqlite:///own.db", &[], "own.db.spool-wal", true),
        ("sqlite:///own.db", &[], "own.db.svg", false),
        ("sqlite:///own.db", &[], "elsewhere", false),
        ("sqlite:///own.db", moved, "elsewhere", true),
        ("sqlite:///own.db", moved, "elsewhere.lock", true),
        ("sqlite:///own.db", moved, "own.db.spool", true),
        ("sqlite:///own.db", &[("ROSEY_SPOOL", "off")], "own.db.spool", true),
        ("sqlite:///:memory:", &[], ".spool", false),
        ("postgresql://rosey@localhost/rosey_db", &[], "rosey_db.spool", true),
        ("postgresql://rosey@localhost/rosey_db", &[], "rosey_db", false),
        ("postgresql://rosey@localhost/rosey_db", moved, "elsewhere-shm", true),
    ] {
        assert_eq!(own(url, variables, file), expected, "{url} {file}");
    }
}
