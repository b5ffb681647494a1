//! How pg_dump backs up the database of a URL.

use std::path::Path;

use botstore::url::{Address, Host, PostgresUrl, Roots, SslMode, Target};

/// What to do in place of `backup`.
pub(super) fn advice(url: &PostgresUrl, is_pooled: bool, file: &Path) -> String {
    // It leaves settings in its session.
    let around = if is_pooled { ", with host and port of the server instead of the pooler's" } else { "" };
    format!(
        "run {}, with the password in PGPASSWORD or in ~/.pgpass{around}; docs/DATABASE_SETUP.md has the rest, and the way \
         back",
        command(url, file)
    )
}

/// The command, with what the URL says, but for the password: everybody on the machine sees arguments.
fn command(url: &PostgresUrl, file: &Path) -> String {
    let connection = shown(&words(url).join(" "));
    format!("pg_dump --format=custom --file={} --dbname={connection}", shown(&file.display().to_string()))
}

/// The URL in libpq's form of keywords and values.
fn words(url: &PostgresUrl) -> Vec<String> {
    let list = |each: fn(&Host) -> String| url.hosts.iter().map(each).collect::<Vec<_>>().join(",");
    let path = |path: &Path| path.display().to_string();
    let mut words = vec![word("host", &list(host)), word("port", &list(|host| host.port.to_string()))];
    if url.hosts.iter().any(|host| matches!(host.address, Address::At(..))) {
        words.push(word("hostaddr", &list(address)));
    }
    words.extend(url.user.as_deref().map(|user| word("user", user)));
    words.extend(url.database.as_deref().map(|database| word("dbname", database)));
    if url.tls.mode != SslMode::Prefer {
        words.push(word("sslmode", url.tls.mode.as_str()));
    }
    words.extend(match &url.tls.roots {
        Roots::File(file) => Some(word("sslrootcert", &path(file))),
        // Of libpq's since version 16.
        Roots::System if matches!(url.tls.mode, SslMode::VerifyCa | SslMode::VerifyFull) => {
            Some(word("sslrootcert", "system"))
        }
        Roots::System => None,
    });
    words.extend(url.tls.certificate.as_deref().map(|file| word("sslcert", &path(file))));
    words.extend(url.tls.key.as_deref().map(|file| word("sslkey", &path(file))));
    words.extend(match url.target {
        Target::Any => None,
        Target::ReadWrite => Some(word("target_session_attrs", "read-write")),
        Target::ReadOnly => Some(word("target_session_attrs", "read-only")),
    });
    words
}

fn host(host: &Host) -> String {
    match &host.address {
        Address::Tcp(name) | Address::At(_, name) => name.clone(),
        Address::Unix(directory) => directory.display().to_string(),
    }
}

fn address(host: &Host) -> String {
    match &host.address {
        Address::At(address, _) => address.to_string(),
        Address::Tcp(_) | Address::Unix(_) => String::new(),
    }
}

/// A keyword and its value, quoted if libpq asks for it.
fn word(name: &str, value: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./,:".contains(c);
    if !value.is_empty() && value.chars().all(is_plain) {
        return format!("{name}={value}");
    }
    format!("{name}='{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// An argument as a shell takes it. There is no NUL in a URL or a path.
fn shown(argument: &str) -> String {
    shlex::try_quote(argument).map_or_else(|_| argument.to_owned(), |quoted| quoted.into_owned())
}

#[cfg(test)]
mod tests {
    use botstore::url::DatabaseUrl;

    use super::*;

    fn told(url: &str) -> String {
        let DatabaseUrl::Postgres(url) = url.parse().unwrap() else { unreachable!() };
        command(&url, Path::new("rosey.dump"))
    }

    #[test]
    fn the_command_says_what_the_url_says_but_for_the_password() {
        let words = "host=db port=5433 user=rosey dbname=rosey_db";
        let expected = format!("pg_dump --format=custom --file=rosey.dump --dbname='{words}'");
        assert_eq!(told("postgresql+asyncpg://rosey:hunter2@db:5433/rosey_db?pool_size=3"), expected);
        let words = "host=db1,db2 port=5432,5432 dbname=d sslmode=verify-full sslrootcert=/ca.pem sslcert=c.pem sslkey=k.pem \
                     target_session_attrs=read-write";
        let url = "postgresql://db1,db2/d?sslmode=verify-full&sslrootcert=/ca.pem&sslcert=c.pem&sslkey=k.pem&\
                   target_session_attrs=read-write";
        assert!(told(url).ends_with(&format!("--dbname='{words}'")), "{}", told(url));
    }

    #[test]
    fn what_a_shell_or_libpq_would_misread_is_quoted() {
        let told = told("postgresql://ro%27sey@/a%20b?host=/run/pg");
        let expected = r#"--dbname="host=/run/pg port=5432 user='ro\\'sey' dbname='a b'""#;
        assert!(told.ends_with(expected), "{told}");
    }
}
