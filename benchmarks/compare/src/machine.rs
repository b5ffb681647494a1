//! On what was measured.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use botstore_bench_harness::Backend;
use serde::Serialize;

use crate::home;

/// What a figure depends on besides the programs.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    processor: String,
    cores: usize,
    system: String,
    /// The kind on which the databases lie.
    filesystem: String,
    /// The engines'.
    versions: BTreeMap<Backend, String>,
}

impl Machine {
    /// This one.
    pub(crate) fn this(directory: &Path, versions: BTreeMap<Backend, String>) -> Self {
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            processor: processor().unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            system: format!("{} {}", std::env::consts::OS, kernel.trim()).trim_end().to_owned(),
            filesystem: home::filesystem(directory).unwrap_or_else(|_| "unknown".to_owned()),
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
pub(crate) fn title(backend: Backend) -> &'static str {
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
            write!(f, ", {} {version}", title(*backend))?;
        }
        Ok(())
    }
}
