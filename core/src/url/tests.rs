//! Every form that the specification lists, and what people mistype.

use super::*;

fn parse(url: &str) -> DatabaseUrl {
    url.parse().unwrap_or_else(|error| panic!("{url}: {error}"))
}

fn reason(url: &str) -> String {
    let error = url.parse::<DatabaseUrl>().unwrap_err();
    assert_eq!(error.field, "database_url");
    error.reason
}

fn postgres(url: &str) -> PostgresUrl {
    match parse(url) {
        DatabaseUrl::Postgres(postgres) => *postgres,
        DatabaseUrl::Sqlite(_) => panic!("{url} is SQLite"),
    }
}

#[test]
fn sqlite_in_every_form() {
    let file = |path: &str| DatabaseUrl::Sqlite(SqliteUrl::file(path));
    let memory = DatabaseUrl::Sqlite(SqliteUrl::memory());
    for (url, expected) in [
        ("sqlite:///bot_data.db", file("bot_data.db")),
        ("sqlite+aiosqlite:///bot_data.db", file("bot_data.db")),
        ("SQLite:///data/bot.db", file("data/bot.db")),
        ("sqlite+aiosqlite:////absolute/path/db.db", file("/absolute/path/db.db")),
        ("sqlite:///my%20bot.db", file("my bot.db")),
        ("sqlite:///:memory:", memory.clone()),
        ("sqlite+aiosqlite:///:memory:", memory.clone()),
        ("sqlite://", memory),
    ] {
        assert_eq!(parse(url), expected, "{url}");
    }
    let DatabaseUrl::Sqlite(url) = parse("sqlite:///a.db?synchronous=normal") else { panic!("not SQLite") };
    assert_eq!(url.synchronous, Synchronous::Normal);
}

#[test]
fn postgres_in_every_form_of_the_specification() {
    for (url, display) in [
        ("postgresql+asyncpg://user:password@localhost/dbname", "postgresql://user@localhost:5432/dbname"),
        (
            "postgresql+asyncpg://user:password@localhost:5432/dbname",
            "postgresql://user@localhost:5432/dbname",
        ),
        (
            "postgresql+asyncpg://user:password@postgres.example.com/db",
            "postgresql://user@postgres.example.com:5432/db",
        ),
        (
            "postgresql://rosey:p%40ss%3Aword@localhost:5433/rosey_db",
            "postgresql://rosey@localhost:5433/rosey_db",
        ),
        ("postgres://rosey@[::1]:5432/rosey_db", "postgresql://rosey@[::1]:5432/rosey_db"),
        (
            "postgresql://rosey:s@a,b:5433/db?target_session_attrs=read-write",
            "postgresql://rosey@a:5432,b:5433/db",
        ),
        ("postgresql://rosey:secret@/db?host=/run/postgresql", "postgresql://rosey@/run/postgresql:5432/db"),
        ("postgresql:///?user=rosey&host=h&port=5433&dbname=db", "postgresql://rosey@h:5433/db"),
        ("postgresql://localhost", "postgresql://localhost:5432/"),
    ] {
        assert_eq!(parse(url).to_string(), display);
    }
}

#[test]
fn tools_get_all_but_what_concerns_tls() {
    let url = postgres("postgresql+asyncpg://r:p@h/d?ssl=require&options=-c%20geqo%3Doff");
    assert_eq!(
        url.connection_string(),
        "host='h' port='5432' user='r' password='p' dbname='d' options='-c geqo=off'"
    );
    assert_eq!(url.tls.mode, SslMode::Require);
    assert_eq!(postgres("postgresql://h/d").tls.mode, SslMode::Prefer);
    assert_eq!(postgres("postgresql://h/d?sslmode=verify-full").tls.mode, SslMode::VerifyFull);
}

#[test]
fn what_is_wrong_is_said_and_the_password_is_not() {
    for (url, part) in [
        ("bot_data.db", "is no URL"),
        ("mysql://u:hunter2@h/d", "neither sqlite nor postgresql"),
        ("sqlite://bot_data.db", "three are needed"),
        ("sqlite:///a.db?synchronus=full", "is \"synchronous\" meant?"),
        ("sqlite:///a.db?synchronous=hunter2", "neither full nor normal"),
        ("sqlite:///a%00.db", "no text"),
        ("postgresql://u:hunter2@h:99999/d", "no number from 1 to 65535"),
        ("postgresql://u:hunter2@h:0/d", "no number from 1 to 65535"),
        ("postgresql://u:hunter2@h:x/d", "no number from 1 to 65535"),
        ("postgresql://u:hunter2#@h:5:6/d", "without brackets"),
        ("postgresql://u:hunter2@[::1/d", "closing bracket"),
        ("postgresql:///d", "names no host"),
        ("postgresql://u:hunter2@h/d?sslmod=require", "is \"sslmode\" meant?"),
        ("postgresql://u:hunter2@h/d?ssl=maybe", "none of disable"),
        ("postgresql://u:a?hunter2@h/d", "percent-encode"),
        ("postgresql://u:12?hunter2=x@h/d", "percent-encode"),
        ("postgresql://u:12/hunter2@h/d", "percent-encode"),
        ("postgresql://u:%ff@h/d", "no text"),
    ] {
        let reason = reason(url);
        assert!(reason.contains(part), "{url}: {reason}");
        assert!(!reason.contains("hunter2"), "{reason}");
    }
}

#[test]
fn no_form_of_a_url_shows_its_password() {
    let url = parse("postgresql://rosey:hunter2@localhost/rosey?password=hunter2");
    assert!(!format!("{url} {url:?}").contains("hunter2"));
}
