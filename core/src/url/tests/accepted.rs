//! Good URLs, and what they mean.

use super::{DatabaseUrl, told};

fn check(table: &[(&str, &str)]) {
    for (url, expected) in table {
        let parsed: DatabaseUrl = url.parse().unwrap_or_else(|error| panic!("{url}: {error}"));
        assert_eq!(told(&parsed), *expected, "{url}");
        let shown = format!("{parsed} {parsed:?}");
        assert!(!shown.contains("hunter2"), "{url} is shown as {shown}");
    }
}

#[test]
fn sqlite() {
    check(&[
        ("sqlite:///bot_data.db", "file=bot_data.db"),
        ("sqlite+aiosqlite:///bot_data.db", "file=bot_data.db"),
        ("sqlite+pysqlite:///bot_data.db", "file=bot_data.db"),
        ("SQLite:///data/bot.db", "file=data/bot.db"),
        ("sqlite:////srv/rosey/bot.db", "file=/srv/rosey/bot.db"),
        ("  sqlite:///bot.db\n", "file=bot.db"),
        ("sqlite:///my bot.db", "file=my bot.db"),
        ("sqlite:///my%20bot.db", "file=my bot.db"),
        ("sqlite:///100%25%3F.db", "file=100%?.db"),
        ("sqlite:///:memory:", "memory"),
        ("sqlite+aiosqlite:///:memory:", "memory"),
        ("sqlite://", "memory"),
        ("sqlite:///a.db?synchronous=normal", "file=a.db synchronous=normal"),
        ("sqlite:///a.db?synchronous=FULL&check_same_thread=false", "file=a.db"),
        ("sqlite:///a.db?busy_timeout=500ms", "file=a.db busy=500ms"),
        ("sqlite:///a.db?timeout=20", "file=a.db busy=20s"),
    ]);
}

#[test]
fn user_password_host_and_database() {
    check(&[
        ("postgresql://h", "tcp=h 5432"),
        ("postgresql://h/", "tcp=h 5432"),
        ("postgresql://h/d", "tcp=h 5432, db=d"),
        ("postgres://h:5433/d", "tcp=h 5433, db=d"),
        ("postgresql://h:/d", "tcp=h 5432, db=d"),
        ("postgresql://[::1]:/d", "tcp=::1 5432, db=d"),
        ("postgresql://h:,i:5433/d", "tcp=h 5432, tcp=i 5433, db=d"),
        ("PostgreSQL://h/d", "tcp=h 5432, db=d"),
        ("postgresql+asyncpg://u:hunter2@h/d", "tcp=h 5432, user=u, password=hunter2, db=d"),
        ("postgres+asyncpg://u@h/d", "tcp=h 5432, user=u, db=d"),
        ("postgresql+psycopg://u@h/d", "tcp=h 5432, user=u, db=d"),
        ("postgresql+psycopg2://u@h/d", "tcp=h 5432, user=u, db=d"),
        ("postgresql://u:@h/d", "tcp=h 5432, user=u, db=d"),
        ("postgresql://:hunter2@h/d", "tcp=h 5432, password=hunter2, db=d"),
        ("\tpostgresql://h/d\r\n", "tcp=h 5432, db=d"),
        // What stands in a password is understood as long as it is not / or ?.
        ("postgresql://u:hunter2:@h/d", "tcp=h 5432, user=u, password=hunter2:, db=d"),
        ("postgresql://u:hunter2@x@h/d", "tcp=h 5432, user=u, password=hunter2@x, db=d"),
        ("postgresql://u:hunter2#&=+[,@h/d", "tcp=h 5432, user=u, password=hunter2#&=+[,, db=d"),
        ("postgresql://u:p%40ss%3A%2F%3F%25@h/d", "tcp=h 5432, user=u, password=p@ss:/?%, db=d"),
        ("postgresql://me%40azure:hunter2@h/d", "tcp=h 5432, user=me@azure, password=hunter2, db=d"),
        ("postgresql://r%C3%B6se@h/gr%C3%BC%C3%9Fe", "tcp=h 5432, user=röse, db=grüße"),
        ("postgresql://h/a%2Fb%20c", "tcp=h 5432, db=a/b c"),
        ("postgresql://h/d#x", "tcp=h 5432, db=d#x"),
        // Parameters have the last word.
        ("postgresql://?host=h&user=u&dbname=d", "tcp=h 5432, user=u, db=d"),
        ("postgresql:///?user=u&password=a%26hunter2&host=h", "tcp=h 5432, user=u, password=a&hunter2"),
        (
            "postgresql://u:x@h/d?user=v&password=hunter2&dbname=e",
            "tcp=h 5432, user=v, password=hunter2, db=e",
        ),
    ]);
}

#[test]
fn hosts_ports_and_addresses() {
    check(&[
        ("postgresql://127.0.0.1/d", "tcp=127.0.0.1 5432, db=d"),
        ("postgresql://[::1]/d", "tcp=::1 5432, db=d"),
        ("postgresql://u@[2001:db8::7]:5433/d", "tcp=2001:db8::7 5433, user=u, db=d"),
        ("postgresql://[fe80::1%25eth0]/d", "tcp=fe80::1%eth0 5432, db=d"),
        ("postgresql:///d?host=::1&port=5433", "tcp=::1 5433, db=d"),
        ("postgresql:///d?host=[::1]:5433", "tcp=::1 5433, db=d"),
        // Several hosts.
        ("postgresql://a,b/d", "tcp=a 5432, tcp=b 5432, db=d"),
        ("postgresql://a:1,b,[::1]:3/d", "tcp=a 1, tcp=b 5432, tcp=::1 3, db=d"),
        ("postgresql://a,b/d?port=6000", "tcp=a 6000, tcp=b 6000, db=d"),
        ("postgresql:///d?host=a,b&port=1,2", "tcp=a 1, tcp=b 2, db=d"),
        ("postgresql:///d?host=a,b&port=,2", "tcp=a 5432, tcp=b 2, db=d"),
        ("postgresql+asyncpg://u@/d?host=a:1&host=b", "tcp=a 1, tcp=b 5432, user=u, db=d"),
        ("postgresql://localhost/d?host=db.example.com", "tcp=db.example.com 5432, db=d"),
        // Addresses that need not be looked up.
        ("postgresql://h/d?hostaddr=10.0.0.1", "tcp=h at 10.0.0.1 5432, db=d"),
        ("postgresql:///d?hostaddr=::1", "tcp=::1 at ::1 5432, db=d"),
        ("postgresql://a,b/d?hostaddr=,10.0.0.2", "tcp=a 5432, tcp=b at 10.0.0.2 5432, db=d"),
        // Sockets.
        ("postgresql:///d?host=/run/postgresql", "unix=/run/postgresql 5432, db=d"),
        ("postgresql://%2Frun%2Fpostgresql/d", "unix=/run/postgresql 5432, db=d"),
        ("postgresql://u@%2Ftmp:5433/d", "unix=/tmp 5433, user=u, db=d"),
        ("postgresql://u@:5433/d?host=/tmp", "unix=/tmp 5433, user=u, db=d"),
        ("postgresql://localhost/d?host=/cloudsql/p:europe:i", "unix=/cloudsql/p:europe:i 5432, db=d"),
        ("postgresql:///d?host=/tmp,h", "unix=/tmp 5432, tcp=h 5432, db=d"),
    ]);
}

#[test]
fn encryption() {
    check(&[
        ("postgresql://h?sslmode=disable", "tcp=h 5432, sslmode=disable"),
        ("postgresql://h?sslmode=prefer", "tcp=h 5432"),
        ("postgresql://h?sslmode=allow", "tcp=h 5432"),
        ("postgresql://h?sslmode=require", "tcp=h 5432, sslmode=require"),
        ("postgresql://h?sslmode=verify-full", "tcp=h 5432, sslmode=verify-full"),
        ("postgresql+asyncpg://h?ssl=require", "tcp=h 5432, sslmode=require"),
        ("postgresql+asyncpg://h?ssl=true&sslmode=require", "tcp=h 5432, sslmode=require"),
        ("postgresql+asyncpg://h?ssl=verify-full", "tcp=h 5432, sslmode=verify-full"),
        ("postgresql://h?sslrootcert=system", "tcp=h 5432, sslmode=verify-full"),
        ("postgresql://h?sslrootcert=system&sslmode=verify-full", "tcp=h 5432, sslmode=verify-full"),
        (
            "postgresql://h?sslmode=verify-ca&sslrootcert=/ca.pem",
            "tcp=h 5432, sslmode=verify-ca, sslrootcert=/ca.pem",
        ),
        (
            "postgresql://h?sslmode=require&sslrootcert=ca.pem",
            "tcp=h 5432, sslmode=require, sslrootcert=ca.pem",
        ),
        (
            "postgresql://h?sslmode=disable&sslrootcert=ca.pem",
            "tcp=h 5432, sslmode=disable, sslrootcert=ca.pem",
        ),
        (
            "postgresql://a,b?sslmode=verify-full&sslcert=my%20crt.pem&sslkey=key.pem",
            "tcp=a 5432, tcp=b 5432, sslmode=verify-full, sslcert=my crt.pem, sslkey=key.pem",
        ),
        (
            "postgresql://h?sslmode=require&channel_binding=require",
            "tcp=h 5432, sslmode=require, channel_binding=require",
        ),
        ("postgresql:///d?host=/tmp&sslmode=disable", "unix=/tmp 5432, db=d, sslmode=disable"),
    ]);
}

#[test]
fn the_connection_and_the_settings() {
    check(&[
        ("postgresql://h?target_session_attrs=read-write", "tcp=h 5432, target_session_attrs=read-write"),
        ("postgresql://h?target_session_attrs=primary", "tcp=h 5432, target_session_attrs=read-write"),
        ("postgresql://h?target_session_attrs=standby", "tcp=h 5432, target_session_attrs=read-only"),
        ("postgresql://h?target_session_attrs=any&load_balance_hosts=disable", "tcp=h 5432"),
        ("postgresql://h?load_balance_hosts=random", "tcp=h 5432, load_balance_hosts=random"),
        ("postgresql://h?connect_timeout=3", "tcp=h 5432, connect_timeout=3s"),
        ("postgresql://h?keepalives=0", "tcp=h 5432, keepalives=off"),
        (
            "postgresql://h?keepalives_idle=30&keepalives_interval=10&keepalives_count=3",
            "tcp=h 5432, keepalives_idle=30s, keepalives_interval=10s, keepalives_count=3",
        ),
        ("postgresql://h?keepalives_idle=0&keepalives_interval=0&keepalives_count=0", "tcp=h 5432"),
        ("postgresql://h?keepalives_retries=3", "tcp=h 5432, keepalives_count=3"),
        ("postgresql://h?options=-c%20geqo%3Doff", "tcp=h 5432, options=-c geqo=off"),
        ("postgresql://h?options=-c geqo=off", "tcp=h 5432, options=-c geqo=off"),
        ("postgresql://h?options=endpoint%3Dep-cool", "tcp=h 5432, options=endpoint=ep-cool"),
        // What is done anyway.
        ("postgresql://h?gssencmode=disable&client_encoding=utf8&sslsni=1&sslcompression=0", "tcp=h 5432"),
        // The settings.
        ("postgresql://h?pool_size=20&max_overflow=0", "tcp=h 5432, pool_size=20, max_overflow=0"),
        (
            "postgresql://h?pool_timeout=500ms&pool_recycle=off",
            "tcp=h 5432, pool_timeout=500ms, pool_recycle=off",
        ),
        ("postgresql://h?statement_timeout=2min", "tcp=h 5432, statement_timeout=120s"),
        ("postgresql://h?command_timeout=15", "tcp=h 5432, statement_timeout=15s"),
        ("postgresql://h?application_name=rosey+two", "tcp=h 5432, application_name=rosey+two"),
        ("postgresql://h?statement_cache=off", "tcp=h 5432, statement_cache=off"),
        ("postgresql://h?pgbouncer=true", "tcp=h 5432, statement_cache=off"),
        ("postgresql://h?pgbouncer=false&statement_cache_size=100", "tcp=h 5432"),
        (
            "postgresql+asyncpg://h?prepared_statement_cache_size=0&statement_cache_size=0",
            "tcp=h 5432, statement_cache=off",
        ),
        ("postgresql://h?", "tcp=h 5432"),
        ("postgresql://h?&jit=on&&jit=on&", "tcp=h 5432, jit=on"),
    ]);
}
