//! The ways in which a bot's server may be set up.

use super::instance::FORGETFUL;
use super::{Inner, PostgresServer, least_privilege, pgbouncer, programs, running, started, tls};

/// A way in which a server is set up, and stores reach it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// As [`PostgresServer::start`] finds it.
    Plain,
    /// TCP with TLS only; stores check the server's certificate and name (`sslmode=verify-full`).
    Tls,
    /// Stores reach it through PgBouncer in transaction mode.
    PgBouncer,
    /// Stores log in as a role that may work with the rows, and not with the schema.
    LeastPrivilege,
    /// Stores reach it by its socket.
    Socket,
    /// A server of this major version.
    Version(u16),
}

impl Flavour {
    /// Every flavour, by its name.
    pub const ALL: [(&str, Self); 8] = [
        ("postgres", Self::Plain),
        ("postgres-tls", Self::Tls),
        ("postgres-pgbouncer", Self::PgBouncer),
        ("postgres-least-privilege", Self::LeastPrivilege),
        ("postgres-socket", Self::Socket),
        ("postgres-16", Self::Version(16)),
        ("postgres-17", Self::Version(17)),
        ("postgres-18", Self::Version(18)),
    ];

    /// Starts such a server, or finds one that is [`Plain`](Self::Plain).
    ///
    /// # Errors
    ///
    /// What it needs is missing, or does not start.
    pub fn start(self) -> anyhow::Result<PostgresServer> {
        match self {
            Self::Plain => PostgresServer::start(),
            Self::Tls => tls::start(),
            Self::PgBouncer => pgbouncer::start(),
            Self::LeastPrivilege => least_privilege::start(),
            Self::Socket => {
                let programs = programs(&["initdb", "pg_ctl"])?;
                let instance = started(&programs, || running(&programs, None, FORGETFUL))?;
                let inner = Inner::new(instance.url(), instance.socket_url(), Some(instance));
                Ok(PostgresServer(inner.into()))
            }
            Self::Version(version) => PostgresServer::start_of(&programs::of_version(version)?, ""),
        }
    }
}
