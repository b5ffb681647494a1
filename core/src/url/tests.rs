//! Every form in which people write a URL, and what they mistype. In the tables a password is always `hunter2`, or has
//! that in it.

mod accepted;
mod refused;

use super::*;

/// A parsed URL's every field, as far as it differs from the default.
fn told(url: &DatabaseUrl) -> String {
    match url {
        DatabaseUrl::Sqlite(url) => of_sqlite(url),
        DatabaseUrl::Postgres(url) => of_postgres(url),
    }
}

fn of_sqlite(url: &SqliteUrl) -> String {
    let SqliteUrl { path, synchronous, busy_timeout } = url;
    let mut words =
        vec![path.as_ref().map_or("memory".to_owned(), |path| format!("file={}", path.display()))];
    words.extend((*synchronous == Synchronous::Normal).then(|| "synchronous=normal".to_owned()));
    words.extend((*busy_timeout != SqliteUrl::BUSY_TIMEOUT).then(|| format!("busy={busy_timeout:?}")));
    words.join(" ")
}

fn of_postgres(url: &PostgresUrl) -> String {
    let hosts = url.hosts.iter().map(|Host { address, port }| match address {
        Address::Tcp(name) => format!("tcp={name} {port}"),
        Address::At(address, name) => format!("tcp={name} at {address} {port}"),
        Address::Unix(directory) => format!("unix={} {port}", directory.display()),
    });
    let mut words: Vec<String> = hosts.collect();
    let mut word = |name: &str, value: Option<String>| {
        words.extend(value.map(|value| format!("{name}={value}")));
    };
    word("user", url.user.clone());
    word("password", url.password.as_ref().map(|password| password.reveal().to_owned()));
    word("db", url.database.clone());
    for setting in url.list() {
        if setting.origin == crate::settings::Origin::Url && setting.name != "password" {
            word(setting.name, Some(setting.value));
        }
    }
    for (name, value) in &url.settings(crate::settings::PostgresSettings::default()).list() {
        let default = crate::settings::PostgresSettings::default().list();
        if !default.contains(&(name, value.clone())) {
            word(name, Some(value.clone()));
        }
    }
    words.join(", ")
}

#[test]
fn tools_get_all_but_what_concerns_tls() {
    let url: DatabaseUrl =
        "postgresql+asyncpg://r:p'%5C@h/d?ssl=require&options=-c%20geqo%3Doff".parse().unwrap();
    let DatabaseUrl::Postgres(url) = url else { panic!("not PostgreSQL") };
    assert_eq!(
        url.connection_string(),
        r"host='h' port='5432' user='r' password='p\'\\' dbname='d' options='-c geqo=off'"
    );
}

#[test]
fn the_plain_form_is_known_by_every_display() {
    for (url, display) in [
        ("sqlite+aiosqlite:////srv/my%20bot.db?synchronous=normal", "sqlite:////srv/my bot.db"),
        ("sqlite://", "sqlite:///:memory:"),
        ("postgresql+asyncpg://rosey:hunter2@localhost/db", "postgresql://rosey@localhost:5432/db"),
        ("postgres://rosey:hunter2@[::1]:5433/db?password=hunter2", "postgresql://rosey@[::1]:5433/db"),
        ("postgresql://a,b:5433/db", "postgresql://a:5432,b:5433/db"),
        ("postgresql://rosey@/db?host=/run/postgresql", "postgresql://rosey@/run/postgresql:5432/db"),
        ("postgresql://a/db?hostaddr=10.0.0.1", "postgresql://a:5432/db"),
        ("postgresql://localhost", "postgresql://localhost:5432/"),
    ] {
        let url: DatabaseUrl = url.parse().unwrap();
        assert_eq!(url.to_string(), display);
        assert!(!format!("{url:?}").contains("hunter2"), "{url:?}");
    }
}

#[test]
fn a_name_tells_databases_apart() {
    let name = |url: &str| url.parse::<DatabaseUrl>().unwrap().name();
    for url in [
        "postgresql://rosey:hunter2@h/bot?sslmode=require",
        "postgres://rosey:other@h:5432/bot?options=-c%20geqo%3Doff",
    ] {
        assert_eq!(name(url), "rosey@h:5432/bot");
    }
    assert_eq!(name("postgresql://h,i:5433/bot"), "h:5432,i:5433/bot");
    assert_eq!(name("postgresql://rosey:hunter2@h"), "rosey@h:5432/rosey");
    for options in ["-csearch_path%3Dada", "-c%20geqo%3Doff%20--search_path%3Dada"] {
        let url = format!("postgresql://rosey@h/bot?options={options}");
        assert_eq!(name(&url), "rosey@h:5432/bot search_path=ada");
    }
    assert_eq!(name("sqlite:////srv/bot.db?synchronous=normal"), "/srv/bot.db");
    let directory = std::env::current_dir().unwrap();
    assert_eq!(name("sqlite:///bot.db"), directory.join("bot.db").display().to_string());
    assert_eq!(name("sqlite://"), ":memory:");
}
