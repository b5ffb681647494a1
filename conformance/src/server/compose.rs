//! The repository's own PostgreSQL service, if a docker engine is there.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::variable;

/// Starts the service `postgres` of the repository's `docker-compose.yml` and waits until it is ready; returns its URL.
pub(super) fn start() -> anyhow::Result<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docker-compose.yml");
    let engine = Command::new("docker")
        .args(["info", "--format", "{{.ServerVersion}}"])
        .stderr(Stdio::null())
        .output()
        .context("there is no docker")?;
    ensure!(engine.status.success() && !engine.stdout.trim_ascii().is_empty(), "no docker engine answers");
    let up = Command::new("docker")
        .args(["compose", "--file"])
        .arg(&file)
        .args(["up", "--detach", "--wait", "postgres"])
        .stdin(Stdio::null())
        .output()?;
    let said = String::from_utf8_lossy(&up.stderr);
    ensure!(up.status.success(), "`docker compose up --wait postgres` failed: {}", said.trim());
    let setting = |name, default: &str| {
        let value = variable(name).unwrap_or_else(|| default.to_owned());
        utf8_percent_encode(&value, NON_ALPHANUMERIC).to_string()
    };
    let (user, database) = (setting("POSTGRES_USER", "rosey"), setting("POSTGRES_DB", "rosey_dev"));
    let password = setting("POSTGRES_PASSWORD", "rosey_dev_password");
    Ok(format!("postgresql://{user}:{password}@localhost:5432/{database}"))
}
