//! On what was measured.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use serde::Serialize;

use crate::Backend;

/// What a figure depends on besides the programs.
#[derive(Debug, Serialize)]
pub struct Machine {
    processor: String,
    cores: usize,
    system: String,
    /// The kind on which the databases lie.
    filesystem: String,
    /// The engines'.
    versions: BTreeMap<Backend, String>,
}

impl Machine {
    /// This one, with databases in `directory` of engines of these versions.
    #[must_use]
    pub fn this(directory: &Path, versions: BTreeMap<Backend, String>) -> Self {
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            processor: processor().unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            system: format!("{} {}", std::env::consts::OS, kernel.trim()).trim_end().to_owned(),
            filesystem: filesystem(directory).unwrap_or_else(|_| "unknown".to_owned()),
            versions,
        }
    }
}

/// The model's name, where the system tells it.
fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// An engine's own name.
#[must_use]
pub fn engine(backend: Backend) -> &'static str {
    match backend {
        Backend::Sqlite => "SQLite",
        Backend::Postgresql => "PostgreSQL",
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processor, cores, system, filesystem, versions } = self;
        write!(f, "{processor}, {cores} cores, {system}, file system {filesystem}")?;
        for (backend, version) in versions {
            write!(f, ", {} {version}", engine(*backend))?;
        }
        Ok(())
    }
}

/// Checks that a directory is on a disk.
///
/// # Errors
///
/// It lies in memory, where nothing survives a power cut, so that durable writes would cost nothing; or nobody can tell.
pub fn on_disk(directory: &Path) -> anyhow::Result<()> {
    let kind = filesystem(directory)?;
    ensure!(
        !matches!(kind.as_str(), "tmpfs" | "ramfs"),
        "{} lies in memory ({kind}), where nothing survives a power cut: choose another --directory",
        directory.display()
    );
    Ok(())
}

/// The kind of file system in which a directory lies, such as `ext2/ext3` or `tmpfs`.
fn filesystem(directory: &Path) -> anyhow::Result<String> {
    let mut stat = Command::new("stat");
    stat.args(["--file-system", "--format=%T"]).arg(directory).stdin(Stdio::null());
    let output = stat.output().context("there is no `stat`")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}", said.trim());
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
