//! What the database says of itself, and the settings, and what that means. A further check is a further function and a
//! line in [`of_database`] or [`of_settings`].

use std::time::Duration;

use botstore::model::{Backend, DatabaseHealth, Finding, Verdict};
use botstore::url::{Address, DatabaseUrl, Host, PostgresUrl, Roots, SslMode};
use botstore::{Config, ErrorKind, StoreError};

/// A database that answers later than this makes a bot slow.
const SLOW: Duration = Duration::from_millis(20);

/// The check `name` of a database that gave an error. Most errors say themselves what to do, and those of a server that
/// answered all the more: it was found.
pub(super) fn failed(name: &'static str, error: &StoreError, config: &Config) -> Finding {
    let found = error.to_string();
    let unreachable = matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Timeout);
    let advice = match &config.url {
        DatabaseUrl::Postgres(_) if unreachable && !found.contains("(SQLSTATE ") => Some(
            "compare host, port, user, password and database with the server's; docs/SETUP.md shows how to set them"
                .to_owned(),
        ),
        _ => None,
    };
    Finding { name, verdict: Verdict::Failed, found, advice }
}

/// What a healthy database says of itself; its latency is the median of so many questions.
pub(super) fn of_database(backend: Backend, health: &DatabaseHealth, questions: usize) -> Vec<Finding> {
    let mut checks = vec![connection(backend, health), schema(health), latency(health, questions)];
    if backend == Backend::Postgres {
        checks.push(pool(health));
    }
    checks.extend(health.read_only.as_deref().map(read_only));
    if !health.differences.is_empty() {
        checks.push(differences(&health.differences));
    }
    checks
}

/// Reading works, so nothing else would tell before the first write.
fn read_only(why: &str) -> Finding {
    let advice = "name the primary, or all servers with target_session_attrs=read-write";
    let found = format!("the database takes no writes: {why}");
    Finding::failed("writes", found, advice)
}

fn differences(differences: &[String]) -> Finding {
    const ADVICE: &str = "`options` in the URL come after them, and a pooler may pass none on: there ALTER ROLE ... SET sets them";
    Finding::warning("session", differences.join("; "), ADVICE)
}

/// What the settings alone tell.
pub(super) fn of_settings(config: &Config) -> Vec<Finding> {
    let DatabaseUrl::Postgres(url) = &config.url else { return Vec::new() };
    let mut checks = vec![encryption(url)];
    if !config.postgres.statement_cache {
        checks.push(pooler());
    }
    checks
}

fn connection(backend: Backend, health: &DatabaseHealth) -> Finding {
    let engine = match backend {
        Backend::Postgres => "PostgreSQL",
        _ => "SQLite",
    };
    Finding::ok("connection", format!("{engine} {}", health.engine_version))
}

/// A store that is not migrated when it is opened opens with the newest schema only.
fn schema(health: &DatabaseHealth) -> Finding {
    Finding::ok("schema", format!("version {}, the newest; nothing is to be migrated", health.schema_version))
}

fn latency(health: &DatabaseHealth, questions: usize) -> Finding {
    let milliseconds = health.latency.as_secs_f64() * 1_000.0;
    let found = format!("{milliseconds:.3} ms, the median of {questions} answers");
    if health.latency <= SLOW {
        return Finding::ok("latency", found);
    }
    Finding::warning(
        "latency",
        found,
        "every write waits so long at least: run the bot closer to its database",
    )
}

fn pool(health: &DatabaseHealth) -> Finding {
    let pool = health.pool;
    let found = format!("{} of {} open, {} idle, {} waiting", pool.open, pool.max, pool.idle, pool.waiting);
    Finding::ok("pool", found)
}

/// What the URL asks for.
fn encryption(url: &PostgresUrl) -> Finding {
    const ADVICE: &str =
        "say sslmode=verify-full, and name the server's authority by sslrootcert if it is one of your own";
    let mode = url.tls.mode.as_str();
    match (url.tls.mode, &url.tls.roots) {
        (SslMode::VerifyCa | SslMode::VerifyFull, _) | (SslMode::Require, Roots::File(_)) => Finding::ok(
            "encryption",
            format!("sslmode={mode}: encrypted, and the server's certificate is checked"),
        ),
        (SslMode::Disable | SslMode::Prefer, _) if url.hosts.iter().all(is_here) => {
            Finding::ok("encryption", format!("sslmode={mode}, and nothing leaves this machine"))
        }
        (SslMode::Require, Roots::System) => {
            let found = format!("sslmode={mode}: encrypted, but any server is believed");
            Finding::warning("encryption", found, ADVICE)
        }
        (SslMode::Disable, _) => Finding::warning(
            "encryption",
            format!("sslmode={mode}: what is sent can be read on the way"),
            ADVICE,
        ),
        (SslMode::Prefer, _) => {
            let found = format!("sslmode={mode}: encrypted only if the server offers it");
            Finding::warning("encryption", found, ADVICE)
        }
    }
}

/// Whether a server is on this machine.
fn is_here(host: &Host) -> bool {
    match &host.address {
        Address::Unix(_) => true,
        Address::At(address, _) => address.is_loopback(),
        Address::Tcp(name) if name == "localhost" => true,
        Address::Tcp(name) => name.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback()),
    }
}

/// Behind a pooler the settings of a session cannot be the program's.
fn pooler() -> Finding {
    Finding::ok(
        "pooler",
        "statement_cache=off: statement_timeout and jit are as the server has them for the role",
    )
}

#[cfg(test)]
mod tests {
    use botstore::model::{DatabaseId, PoolHealth};

    use super::*;

    /// The verdicts on a URL.
    fn verdicts(url: &str) -> Vec<(&'static str, Verdict)> {
        let config = Config::new(url.parse().unwrap());
        of_settings(&config).into_iter().map(|check| (check.name, check.verdict)).collect()
    }

    #[test]
    fn what_leaves_the_machine_must_be_encrypted_and_the_server_known() {
        for (url, expected) in [
            ("postgresql://localhost/d", Verdict::Ok),
            ("postgresql://127.0.0.2/d?sslmode=disable", Verdict::Ok),
            ("postgresql://[::1]/d", Verdict::Ok),
            ("postgresql:///d?host=/tmp", Verdict::Ok),
            ("postgresql://db/d?hostaddr=127.0.0.1", Verdict::Ok),
            ("postgresql://db/d", Verdict::Warning),
            ("postgresql://localhost,db/d", Verdict::Warning),
            ("postgresql://localhost/d?hostaddr=10.0.0.1", Verdict::Warning),
            ("postgresql://db/d?sslmode=disable", Verdict::Warning),
            ("postgresql://db/d?sslmode=require", Verdict::Warning),
            ("postgresql://db/d?sslmode=require&sslrootcert=ca.pem", Verdict::Ok),
            ("postgresql://db/d?sslmode=verify-ca&sslrootcert=ca.pem", Verdict::Ok),
            ("postgresql://db/d?sslmode=verify-full", Verdict::Ok),
        ] {
            assert_eq!(verdicts(url), [("encryption", expected)], "{url}");
        }
        assert_eq!(verdicts("sqlite://"), []);
    }

    #[test]
    fn behind_a_pooler_it_is_said_who_sets_what() {
        let expected = [("encryption", Verdict::Ok), ("pooler", Verdict::Ok)];
        assert_eq!(verdicts("postgresql://localhost/d?pgbouncer=true"), expected);
    }

    #[test]
    fn a_slow_database_is_warned_of() {
        let pool = PoolHealth { max: 15, open: 2, idle: 1, waiting: 0 };
        let told = |latency| {
            let id = DatabaseId::new("an identity").unwrap();
            let health = DatabaseHealth {
                id,
                engine_version: "17.2".into(),
                schema_version: 4,
                latency,
                pool,
                read_only: Some("the server is a standby".into()),
                differences: vec!["jit is on, not off".into()],
            };
            let checks = of_database(Backend::Postgres, &health, 9);
            checks.into_iter().map(|check| format!("{}: {}", check.verdict.as_str(), check.found)).collect()
        };
        let fine: Vec<String> = told(SLOW);
        assert_eq!(
            fine,
            [
                "ok: PostgreSQL 17.2",
                "ok: version 4, the newest; nothing is to be migrated",
                "ok: 20.000 ms, the median of 9 answers",
                "ok: 2 of 15 open, 1 idle, 0 waiting",
                "failed: the database takes no writes: the server is a standby",
                "warning: jit is on, not off",
            ]
        );
        let slow: Vec<String> = told(SLOW + Duration::from_micros(1));
        assert_eq!(slow[2], "warning: 20.001 ms, the median of 9 answers");
    }
}
