//! Bad URLs, and what is said of them.

use super::DatabaseUrl;

fn check(table: &[(&str, &str)]) {
    for (url, expected) in table {
        let error = url.parse::<DatabaseUrl>().expect_err(url);
        assert_eq!(error.field, "database_url", "{url}");
        assert!(error.reason.contains(expected), "{url}: {}", error.reason);
        assert!(!error.reason.contains("hunter2"), "{url}: {}", error.reason);
    }
}

#[test]
fn what_is_no_url() {
    check(&[
        ("", "is no URL"),
        ("bot_data.db", "is no URL: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE is expected"),
        ("host=localhost password=hunter2", "is no URL"),
        ("postgresql:h/d", "is no URL"),
        ("\"postgresql://u:hunter2@h/d\"", "stands in quotation marks; leave them out"),
        ("'sqlite:///bot.db'", "stands in quotation marks; leave them out"),
        ("mysql://u:hunter2@h/d", "has a scheme that is neither sqlite nor postgresql"),
        ("jdbc:postgresql://u:hunter2@h/d", "has a scheme that is neither sqlite nor postgresql"),
        ("postgresql+mysql://u:hunter2@h/d", "names a driver behind its + that is not known"),
        ("sqlite+pysqlcipher://:hunter2@/bot.db", "names a driver behind its + that is not known"),
        ("sqlite+pysqlcipher:///bot.db", "names a driver behind its + that is not known"),
        ("sqlite:///a\0.db", "contains NUL"),
    ]);
}

#[test]
fn sqlite() {
    check(&[
        ("sqlite:///", "names no file; for a database in memory write sqlite:///:memory:"),
        ("sqlite://bot_data.db", "has two slashes where three are needed"),
        ("sqlite:///100%.db", "has a % that no two hexadecimal digits follow; write %25 for a percent sign"),
        ("sqlite:///a%00.db", "has a percent-encoded part that is no text"),
        ("sqlite:///a%ff.db", "has a percent-encoded part that is no text"),
        (
            "sqlite:///a.db?synchronus=full",
            r#"has the unknown parameter "synchronus"; is "synchronous" meant?"#,
        ),
        ("sqlite:///a.db?synchronous=hunter2", "has a synchronous that is neither full nor normal"),
        ("sqlite:///a.db?synchronous=", "has a synchronous that is neither full nor normal"),
        ("sqlite:///a.db?synchronous=full&synchronous=normal", "sets synchronous twice, to different values"),
        ("sqlite:///a.db?busy_timeout=soon", "has a busy_timeout that is neither off nor a time up to a day"),
        ("sqlite:///a.db?busy_timeout=0", "has a busy_timeout that is no time to wait"),
        ("sqlite:///a.db?timeout=5&busy_timeout=6", "sets busy_timeout twice"),
        (
            "sqlite:///a.db?mode=ro",
            r#"has the parameter "mode" of SQLite's own URIs, which is not supported"#,
        ),
        ("sqlite:///a.db?pool_size=5", "has an unknown parameter"),
    ]);
}

#[test]
fn passwords_that_are_not_encoded() {
    check(&[
        (
            "postgresql://u:a?hunter2@h/d",
            "has an @ where none is expected; percent-encode special characters",
        ),
        (
            "postgresql://u:12/hunter2@h/d",
            "has an @ where none is expected; percent-encode special characters",
        ),
        ("postgresql://u:12?hunter2=x@h/d", "percent-encode"),
        ("postgresql://u:hunter2 @h/d", "contains white space; percent-encode it: a space is %20"),
        ("postgresql://u:hunter2%@h/d", "has a % that no two hexadecimal digits follow; write %25"),
        ("postgresql://u:%zzhunter2@h/d", "has a % that no two hexadecimal digits follow; write %25"),
        ("postgresql://u:%ffhunter2@h/d", "has a percent-encoded part that is no text"),
        ("postgresql://u:hunter2%00@h/d", "has a percent-encoded part that is no text"),
        ("postgresql://h/d?user=u&password=a&hunter2", "has an unknown parameter, the nearest known one is"),
        ("postgresql://h/d?user=u&password=a&hunter2=b", "in a password, & is written %26"),
        (
            "postgresql://u:hunter2/d",
            "has a port that is no number from 1 to 65535; percent-encode a password's",
        ),
    ]);
}

#[test]
fn hosts_and_ports() {
    check(&[
        ("postgresql://u:hunter2@h:99999/d", "has a port that is no number from 1 to 65535"),
        ("postgresql://u:hunter2@h:0/d", "has a port that is no number from 1 to 65535"),
        ("postgresql://u:hunter2@h:x/d", "has a port that is no number from 1 to 65535"),
        ("postgresql://h?command_timeout=soon", "has a command_timeout that is no whole number of seconds"),
        ("postgresql://h?port=1,x", "has a port that is no number from 1 to 65535"),
        ("postgresql://u:hunter2#@h:5:6/d", "has an IPv6 address without brackets; write [::1]"),
        ("postgresql://[::1/d", "has an IPv6 address without its closing bracket"),
        ("postgresql://[::1]5432/d", "has something other than a port behind an IPv6 address"),
        ("postgresql://[localhost]/d", "has something in brackets that is no IPv6 address"),
        ("postgresql://u:hunter2@/d", "names no host"),
        ("postgresql:///d", "?host=DIRECTORY for a socket"),
        ("postgresql://a,,b/d", "has an empty host"),
        ("postgresql://a,/d", "has an empty host"),
        ("postgresql://h!/d", "has a host with a character that no host has"),
        ("postgresql://tmp%2Fsocket/d", "has a host with a character that no host has"),
        ("postgresql://h /d", "contains white space"),
        ("postgresql://a,b,c?port=1,2", "has neither one port nor as many as hosts"),
        ("postgresql://a:1,b:2/d?host=c,d,e", "has neither one port nor as many as hosts"),
        ("postgresql://a,b?hostaddr=10.0.0.1", "has not as many hostaddr as host"),
        ("postgresql://h?hostaddr=example.com", "has a hostaddr that is no IP address"),
        ("postgresql://%2Ftmp?hostaddr=10.0.0.1", "has a hostaddr for a socket"),
        ("postgresql://h/d/e", "has a slash in the database's name"),
        ("postgresql://h/d/?sslmode=require", "has a slash in the database's name"),
    ]);
}

#[test]
fn encryption() {
    check(&[
        (
            "postgresql://h?sslmode=maybe",
            "has an sslmode that is none of disable, prefer, allow, require, verify-ca, verify-full",
        ),
        ("postgresql://h?ssl=no-verify", "has an sslmode that is none of disable"),
        ("postgresql://h?ssl=require&sslmode=verify-full", "sets sslmode twice, to different values"),
        (
            "postgresql://h?sslrootcert=ca.pem",
            "has an sslrootcert, which is not used so; add sslmode=verify-full",
        ),
        ("postgresql://h?sslrootcert=ca.pem&sslmode=prefer", "has an sslrootcert, which is not used so"),
        (
            "postgresql://h?sslrootcert=system&sslmode=require",
            "without a look at the host; say sslmode=verify-full",
        ),
        ("postgresql://h?sslmode=verify-ca", "or name the server's authority by sslrootcert"),
        ("postgresql://h?sslmode=verify-full&sslcert=c.pem", "has an sslcert without its sslkey"),
        ("postgresql://h?sslmode=verify-full&sslkey=k.pem", "has an sslkey without its sslcert"),
        ("postgresql:///d?host=/tmp&sslmode=verify-full", "asks for sslmode=verify-full on a socket"),
        ("postgresql:///d?host=h,/tmp&sslmode=require", "asks for sslmode=require on a socket"),
        (
            "postgresql://h?channel_binding=require&sslmode=disable",
            "channel_binding=require on a connection that is not",
        ),
        (
            "postgresql:///d?host=/tmp&channel_binding=require",
            "channel_binding=require on a connection that is not",
        ),
        (
            "postgresql://h?channel_binding=always",
            "has a channel_binding that is none of disable, prefer, require",
        ),
    ]);
}

#[test]
fn parameters_that_are_wrong() {
    check(&[
        ("postgresql://h?sslmode=", "has an empty sslmode; give a value, or leave the parameter out"),
        ("postgresql://h?application_name", "has an empty application_name"),
        ("postgresql://h?host=", "has an empty host"),
        ("postgresql://h?password=", "has an empty password"),
        ("postgresql://h?jit=on&jit=off", "sets jit twice, to different values"),
        ("postgresql://h?password=hunter2&password=hunter22", "sets password twice, to different values"),
        ("postgresql://h?pgbouncer=true&statement_cache=on", "sets statement_cache twice"),
        (
            "postgresql://h?connect_timeout=soon",
            "has a connect_timeout that is no whole number of seconds from 1 to 86400",
        ),
        (
            "postgresql://h?connect_timeout=0",
            "has a connect_timeout that is no whole number of seconds from 1",
        ),
        ("postgresql://h?keepalives=yes", "has a keepalives that is neither 0 nor 1"),
        (
            "postgresql://h?keepalives_idle=-1",
            "has a keepalives_idle that is no whole number of seconds from 0",
        ),
        ("postgresql://h?keepalives_count=many", "has a keepalives_count that is no whole number"),
        (
            "postgresql://h?load_balance_hosts=on",
            "has a load_balance_hosts that is neither disable nor random",
        ),
        (
            "postgresql://h?target_session_attrs=prefer-standby",
            "has a target_session_attrs that is none of any, read-write",
        ),
        ("postgresql://h?pool_size=0", "has a pool_size that is no whole number from 1 to 1000"),
        ("postgresql://h?max_overflow=-1", "has a max_overflow that is no whole number from 0 to 1000"),
        ("postgresql://h?pool_timeout=0", "has a pool_timeout that is no time to wait; give 1ms or more"),
        ("postgresql://h?pool_recycle=2d", "has a pool_recycle that is neither off nor a time up to a day"),
        ("postgresql://h?statement_timeout=60000", "has a statement_timeout that has no unit"),
        ("postgresql://h?jit=perhaps", "has a jit that is neither on nor off"),
        ("postgresql://h?pgbouncer=1.18", "has a pgbouncer that is neither on nor off"),
        ("postgresql://h?statement_cache_size=none", "has a statement_cache_size that is no whole number"),
        ("postgresql://h?application_name=%0A", "has an application_name that is no name"),
    ]);
}

#[test]
fn parameters_that_are_unknown_or_not_supported() {
    check(&[
        ("postgresql://h?sslmod=require", r#"has the unknown parameter "sslmod"; is "sslmode" meant?"#),
        ("postgresql://h?SSLMode=require", r#"is "sslmode" meant?"#),
        ("postgresql://h?ssl_mode=require", r#"is "sslmode" meant?"#),
        ("postgresql://h?poolsize=5", r#"is "pool_size" meant?"#),
        ("postgresql://h?ApplicationName=bot", r#"is "application_name" meant?"#),
        ("postgresql://h?target_session_attr=any", r#"is "target_session_attrs" meant?"#),
        ("postgresql://h?xyz=1", "has an unknown parameter"),
        ("postgresql://h?sslmode=require&amp;jit=off", "has an unknown parameter"),
        (
            "postgresql://h?passfile=/root/.pgpass",
            r#"has the parameter "passfile", which is not supported; give the password in the URL or in PGPASSWORD"#,
        ),
        ("postgresql://h?service=mydb", "write what the service file says into the URL"),
        ("postgresql://h?sslpassword=hunter2", "name a key file in sslkey that is not encrypted"),
        ("postgresql://h?sslcrl=crl.pem", r#"has the parameter "sslcrl", which is not supported"#),
        (
            "postgresql://h?require_auth=scram-sha-256",
            r#"has the parameter "require_auth", which is not supported"#,
        ),
        (
            "postgresql://h?tcp_user_timeout=1000",
            "set keepalives_idle, keepalives_interval and keepalives_count",
        ),
        ("postgresql://h?schema=public", "say options=-c%20search_path=NAME"),
        ("postgresql://h?connection_limit=5", "set pool_size and max_overflow"),
        (
            "postgresql://h?gssencmode=require",
            "has a gssencmode that is not supported; only disable or prefer is",
        ),
        ("postgresql://h?client_encoding=latin1", "has a client_encoding that is not supported; only utf8"),
        (
            "postgresql://h?sslnegotiation=direct",
            "has an sslnegotiation that is not supported; only postgres is",
        ),
    ]);
}
