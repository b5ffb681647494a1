//! Where the programs of PostgreSQL and PgBouncer are, and as whom they run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};

use super::variable;

/// The names under which the system keeps a user for PostgreSQL, whose programs refuse to run as root.
const SERVER_USERS: [&str; 2] = ["postgres", "nobody"];

/// The directory of all these programs of PostgreSQL's: `BOTSTORE_PG_BIN`, one of the `PATH`, or one under
/// `/usr/lib/postgresql`, where the newest version comes first.
///
/// # Errors
///
/// No directory has all of them.
pub fn programs(names: &[&str]) -> anyhow::Result<PathBuf> {
    if let Some(directory) = named_by("BOTSTORE_PG_BIN", names)? {
        return Ok(directory);
    }
    let found = on_path().chain(packaged()).find(|directory| has_all(directory, names));
    found.with_context(|| {
        format!("there is no {} on the PATH or in /usr/lib/postgresql/*/bin", names.join(" and "))
    })
}

/// The directory of the server programs of a major version: `BOTSTORE_PG_BIN_<version>`.
pub(super) fn of_version(version: u16) -> anyhow::Result<PathBuf> {
    let variable = format!("BOTSTORE_PG_BIN_{version}");
    named_by(&variable, &["initdb", "pg_ctl"])?.with_context(|| {
        format!("PostgreSQL {version} is not there: set {variable} to its programs' directory; scripts/fetch-postgres.sh gets one")
    })
}

/// The program `pgbouncer`, of the `PATH` or where Debian has it.
pub(super) fn pgbouncer() -> anyhow::Result<PathBuf> {
    let found = on_path().chain(["/usr/sbin".into()]).find(|directory| has_all(directory, &["pgbouncer"]));
    let directory = found.context("there is no pgbouncer on the PATH or in /usr/sbin: install PgBouncer")?;
    Ok(directory.join("pgbouncer"))
}

/// The directory that a variable names, which must have the programs; none if the variable is not set.
fn named_by(name: &str, programs: &[&str]) -> anyhow::Result<Option<PathBuf>> {
    let Some(directory) = variable(name).map(PathBuf::from) else { return Ok(None) };
    let together = programs.join(" and ");
    ensure!(has_all(&directory, programs), "there is no {together} in {name}={}", directory.display());
    Ok(Some(directory))
}

fn has_all(directory: &Path, names: &[&str]) -> bool {
    names.iter().all(|name| directory.join(name).is_file())
}

fn on_path() -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).collect::<Vec<_>>().into_iter()
}

/// Where Debian and its kin keep the programs, newest version first.
fn packaged() -> impl Iterator<Item = PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    versions.into_iter().map(|(_, directory)| directory)
}

/// The user and group as whom a server must run; none if it can run as we do.
pub(super) fn server_user() -> anyhow::Result<Option<(u32, u32)>> {
    if id(&["-u"])? != Some(0) {
        return Ok(None);
    }
    for user in SERVER_USERS {
        if let (Some(user), Some(group)) = (id(&["-u", user])?, id(&["-g", user])?) {
            return Ok(Some((user, group)));
        }
    }
    bail!("PostgreSQL refuses to run as root, and there is no user {}", SERVER_USERS.join(" or "))
}

/// What `id` says; none if there is no such user.
fn id(arguments: &[&str]) -> anyhow::Result<Option<u32>> {
    let output =
        Command::new("id").args(arguments).stderr(Stdio::null()).output().context("there is no `id`")?;
    Ok(std::str::from_utf8(&output.stdout)?.trim().parse().ok())
}
