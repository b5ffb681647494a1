//! Every setting by its variable, and every value that a variable may not have.

use std::collections::HashMap;

use super::*;

/// The settings of an environment with these variables.
fn of(variables: &[(&str, &str)]) -> Result<PostgresSettings, InvalidInput> {
    let variables: HashMap<_, _> = variables.iter().copied().collect();
    PostgresSettings::from_environment(|name| variables.get(name).map(|&value| value.to_owned()))
}

/// How they differ from the default: `pool_size=7`.
fn differences(settings: &PostgresSettings) -> Vec<String> {
    let default = PostgresSettings::default().list();
    let changed = settings.list().into_iter().filter(|pair| !default.contains(pair));
    changed.map(|(name, value)| format!("{name}={value}")).collect()
}

#[test]
fn the_defaults_are_the_specification_s() {
    let expected = [
        ("pool_size", "5"),
        ("max_overflow", "10"),
        ("pool_timeout", "30s"),
        ("pool_recycle", "3600s"),
        ("pool_pre_ping", "on"),
        ("statement_timeout", "60s"),
        ("jit", "off"),
        ("application_name", "rosey-bot"),
        ("statement_cache", "on"),
        ("echo", "off"),
        ("echo_pool", "off"),
    ];
    let expected: Vec<_> = expected.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
    assert_eq!(of(&[]).unwrap().list(), expected);
    assert_eq!(of(&[]).unwrap(), PostgresSettings::default());
}

#[test]
fn a_profile_says_how_many_connections_there_are() {
    for (name, pool, most) in [
        ("", "pool 5+10", 15),
        ("development", "pool 2+5", 7),
        ("staging", "pool 5+10", 15),
        ("production", "pool 10+20", 30),
        (" Production\n", "pool 10+20", 30),
    ] {
        let settings = of(&[("ROSEY_ENV", name)]).unwrap();
        assert_eq!((settings.to_string().as_str(), settings.max_connections()), (pool, most), "{name}");
        let others = |settings: PostgresSettings| settings.list().split_off(2);
        assert_eq!(others(settings), others(PostgresSettings::default()), "{name}");
    }
}

#[test]
fn every_setting_has_a_variable() {
    let table = [
        ("ROSEY_POOL_SIZE", "1", "pool_size=1"),
        ("ROSEY_POOL_SIZE", " 1000 ", "pool_size=1000"),
        ("ROSEY_MAX_OVERFLOW", "0", "max_overflow=0"),
        ("ROSEY_POOL_TIMEOUT", "5", "pool_timeout=5s"),
        ("ROSEY_POOL_TIMEOUT", "1ms", "pool_timeout=1ms"),
        ("ROSEY_POOL_RECYCLE", "2H", "pool_recycle=7200s"),
        ("ROSEY_POOL_RECYCLE", "off", "pool_recycle=off"),
        ("ROSEY_POOL_RECYCLE", "24h", "pool_recycle=86400s"),
        ("ROSEY_POOL_PRE_PING", "no", "pool_pre_ping=off"),
        ("ROSEY_STATEMENT_TIMEOUT", "5min", "statement_timeout=300s"),
        ("ROSEY_STATEMENT_TIMEOUT", "0", "statement_timeout=off"),
        ("ROSEY_JIT", "TRUE", "jit=on"),
        ("ROSEY_APPLICATION_NAME", "rosey two", "application_name=rosey two"),
        ("ROSEY_STATEMENT_CACHE", "off", "statement_cache=off"),
        ("ROSEY_ECHO", "1", "echo=on"),
        ("ROSEY_ECHO_POOL", "yes", "echo_pool=on"),
    ];
    for (variable, value, expected) in table {
        assert_eq!(differences(&of(&[(variable, value)]).unwrap()), [expected], "{variable}={value:?}");
        assert_eq!(differences(&of(&[(variable, "")]).unwrap()), [""; 0], "{variable} is empty");
    }
    assert!(NAMES.iter().all(|(_, variable)| table.iter().any(|row| row.0 == *variable)));
}

#[test]
fn a_variable_beats_the_profile() {
    let settings = of(&[("ROSEY_ENV", "production"), ("ROSEY_MAX_OVERFLOW", "3")]).unwrap();
    assert_eq!(settings.to_string(), "pool 10+3");
}

#[test]
fn what_is_wrong_is_said_of_its_variable() {
    let number = "is no whole number from ";
    let time = "is neither off nor a time up to a day, such as 500ms, 30s, 5min or 1h";
    let switch = "is neither on nor off";
    let name = "is no name of 1 to 63 printable ASCII characters";
    for (variable, value, expected) in [
        ("ROSEY_ENV", "prod", "is none of development, staging, production"),
        ("ROSEY_POOL_SIZE", "0", number),
        ("ROSEY_POOL_SIZE", "1001", number),
        ("ROSEY_POOL_SIZE", "2.5", number),
        ("ROSEY_MAX_OVERFLOW", "-1", number),
        ("ROSEY_MAX_OVERFLOW", " ", number),
        ("ROSEY_POOL_TIMEOUT", "off", "is no time to wait; give 1ms or more"),
        ("ROSEY_POOL_TIMEOUT", "0", "is no time to wait; give 1ms or more"),
        ("ROSEY_POOL_TIMEOUT", "-5s", time),
        ("ROSEY_POOL_RECYCLE", "-1", time),
        ("ROSEY_POOL_RECYCLE", "s", time),
        ("ROSEY_POOL_RECYCLE", "25h", time),
        ("ROSEY_POOL_RECYCLE", "99999999999999999999h", time),
        ("ROSEY_POOL_PRE_PING", "maybe", switch),
        ("ROSEY_STATEMENT_TIMEOUT", "60", "has no unit, which PostgreSQL takes for milliseconds"),
        ("ROSEY_STATEMENT_TIMEOUT", "1 day", time),
        ("ROSEY_JIT", "2", switch),
        ("ROSEY_APPLICATION_NAME", "a\nb", name),
        ("ROSEY_APPLICATION_NAME", "röse", name),
        ("ROSEY_APPLICATION_NAME", &"x".repeat(64), name),
        ("ROSEY_STATEMENT_CACHE", "-", switch),
        ("ROSEY_ECHO", "debug", switch),
        ("ROSEY_ECHO_POOL", "debug", switch),
    ] {
        let error = of(&[(variable, value)]).unwrap_err();
        assert_eq!(error.field, variable, "{value:?}");
        assert!(error.reason.starts_with(expected), "{variable}={value:?}: {}", error.reason);
    }
}

#[test]
fn the_guide_names_every_setting() {
    let guide = include_str!("../../../docs/SETUP.md");
    for ((setting, variable), (_, default)) in NAMES.into_iter().zip(PostgresSettings::default().list()) {
        let row = format!("| `{setting}` | `{variable}` | `{default}` |");
        assert!(guide.contains(&row), "docs/SETUP.md has no row {row}");
    }
}
