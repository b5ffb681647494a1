//! The program's log: on standard error, as much of it as `ROSEY_LOG` says.

use std::env;
use std::io;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::terminal::coloured;

/// What is logged if nobody says it: warnings, and that the database is back after the warning that it went away.
const DEFAULT: &str = "warn,botstore_core::layers::outage=info";

/// Begins to log.
pub(crate) fn start() {
    let asked = env::var("ROSEY_LOG").ok().filter(|asked| !asked.is_empty());
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::WARN.into())
        .parse_lossy(asked.as_deref().unwrap_or(DEFAULT));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(coloured(&io::stderr()))
        // Otherwise a closed standard error would end the program.
        .log_internal_errors(false)
        .finish();
    // Records of the `log` crate are left out on purpose: PostgreSQL's driver logs the parameters of statements
    // there, and so what people said.
    let _ = tracing::subscriber::set_global_default(subscriber);
}
