use std::sync::Arc;

use botstore_core::clock::SystemClock;

use crate::testing::{Database, Said, Speaker, open};

use super::*;

async fn refused(url: &str) -> StoreError {
    open(url, Arc::new(SystemClock)).await.map(drop).unwrap_err()
}

#[tokio::test]
async fn whoever_is_let_in_by_nobody_is_told_what_to_do_and_not_to_wait() {
    const OPTIONS: &str = "leave the options out of the URL";
    for (code, message, parameters, advice) in [
        ("28P01", "password authentication failed", "", "; check the user and the password in the URL"),
        ("28000", "no pg_hba.conf entry", "", "; check the user in the URL, and the server's pg_hba.conf"),
        ("3D000", "database does not exist", "", "; create it, or name another in the URL"),
        // As PgBouncer says it.
        (
            "08P01",
            "unsupported startup parameter: options",
            "",
            "; a pooler such as PgBouncer hands sessions",
        ),
        ("08P01", "unsupported startup parameter: options", "", "add statement_cache=off to the URL"),
        ("08P01", "unsupported startup parameter: options", "statement_cache=off", OPTIONS),
        ("08P01", "unsupported startup parameter in options: geqo", "statement_cache=off", OPTIONS),
        ("08P01", "no such database: db", "", "; add it to [databases] of PgBouncer's configuration"),
        ("08P01", "no such user: ada", "", "; check the user and the password in the URL"),
        ("08P01", "password authentication failed", "", "; check the user and the password in the URL"),
        ("08P01", "SASL authentication failed", "", "; check the user and the password in the URL"),
        // As a server says it of options.
        ("42601", "invalid command-line argument", "", "; check the options in the URL"),
        ("22023", "invalid value for parameter \"jit\"", "", "; check the options in the URL"),
        ("55P02", "parameter cannot be changed", "", "; check the options in the URL"),
        ("42704", "unrecognized configuration parameter", "", "; check the options in the URL"),
        (
            "22023",
            "invalid value for parameter \"client_connection_check_interval\"",
            "",
            "; this server cannot watch its clients: add options=-c%20client_connection_check_interval%3D0",
        ),
    ] {
        let speaker = Speaker::at_the_door(Said { severity: "FATAL", code, message });
        let error = refused(&speaker.url(parameters)).await;
        assert_eq!(error.kind(), &ErrorKind::Unavailable, "{error}");
        assert!(error.is_lasting(), "{error}");
        assert!(error.to_string().contains(advice), "{advice:?} is not in: {error}");
        let misled =
            parameters.contains("statement_cache") && error.to_string().contains("add statement_cache");
        assert!(!misled, "{error}");
    }
}

#[tokio::test]
async fn a_server_that_is_away_for_now_is_worth_waiting_for() {
    for (code, message) in [
        ("57P03", "the database system is starting up"),
        ("53300", "sorry, too many clients already"),
        ("08P01", "server login failed"),
        ("08006", "server closed the connection"),
    ] {
        let speaker = Speaker::at_the_door(Said { severity: "FATAL", code, message });
        let error = refused(&speaker.url("")).await;
        assert_eq!((error.kind(), error.is_lasting()), (&ErrorKind::Unavailable, false), "{error}");
    }
}

#[test]
fn what_real_servers_refuse_is_followed_by_what_to_do() {
    let Some(database) = Database::migrated() else { return };
    database.run(async |_| {
        let (start, end) = database.url().split_once('@').unwrap();
        let passwordless = format!("{}@{end}", &start[..start.rfind(':').unwrap()]);
        for (url, kind, advice) in [
            (
                passwordless,
                ErrorKind::Unavailable,
                "password missing; put it into the URL or into PGPASSWORD",
            ),
            (
                format!("{}?options=nonsense", database.url()),
                ErrorKind::Unavailable,
                "; check the options in the URL",
            ),
            (
                format!("{}?options=-c%20search_path%3Dnowhere", database.url()),
                ErrorKind::Schema,
                "has no schema of its search_path",
            ),
        ] {
            let error = refused(&url).await;
            assert_eq!(error.kind(), &kind, "{error}");
            assert!(error.to_string().contains(advice), "{advice:?} is not in: {error}");
            assert!(!error.to_string().contains("rosey migrate"), "{error}");
        }
    });
}
