//! Building the contestants' programs.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use botstore_conformance::server;

use crate::contestant::{Contestant, Program};

/// How a program is started.
#[derive(Debug, Clone)]
pub(crate) struct Launcher {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
}

impl Launcher {
    fn of(program: PathBuf) -> Self {
        Self { program, arguments: Vec::new() }
    }
}

/// The programs of these contestants, or why one is not there. Compilers speak on standard error.
pub(crate) fn build(contestants: &[Contestant]) -> BTreeMap<Program, Result<Launcher, String>> {
    let needed: BTreeSet<Program> = contestants.iter().map(|contestant| contestant.program).collect();
    let built = needed.into_iter().map(|program| {
        let launcher = match program {
            Program::Engines => cargo("engines", "Cargo.toml"),
            Program::Peers => cargo("peers", "peers/Cargo.toml"),
            Program::Python => python(),
            Program::Pgbench => pgbench(),
        };
        (program, launcher.map_err(|error| format!("{error:#}")))
    });
    built.collect()
}

/// The directory of all benchmarks.
fn benchmarks() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .components()
        .as_path()
        .parent()
        .map_or_else(PathBuf::new, Path::to_owned)
}

/// Builds a program, and asks cargo where its program is.
fn cargo(name: &str, manifest: &str) -> anyhow::Result<Launcher> {
    eprintln!("building {name}");
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--release", "--message-format=json-render-diagnostics", "--bin", name])
        .arg("--manifest-path")
        .arg(benchmarks().join(manifest))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("there is no cargo")?;
    ensure!(output.status.success(), "{name} cannot be built: cargo has said why");
    let messages = output.stdout.split(|&byte| byte == b'\n');
    let executable = messages
        .filter_map(|line| serde_json::from_slice::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == name)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from));
    executable.map(Launcher::of).with_context(|| format!("{name} was built without a program"))
}

/// Makes the virtual environment with the pinned versions, or brings it up to date.
fn python() -> anyhow::Result<Launcher> {
    let home = benchmarks().join("python");
    let (script, environment) = (home.join("contestant.py"), home.join(".venv"));
    ensure!(script.is_file(), "python/contestant.py is missing");
    eprintln!("preparing Python's packages");
    let interpreter = environment.join("bin/python");
    if !interpreter.is_file() {
        let mut make = Command::new("python3");
        done(make.args(["-m", "venv"]).arg(&environment), "python3 -m venv")?;
    }
    let mut install = Command::new(&interpreter);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    done(install.arg(home.join("requirements.txt")), "pip install")?;
    Ok(Launcher { program: interpreter, arguments: vec![script.into()] })
}

fn pgbench() -> anyhow::Result<Launcher> {
    // With the server's own programs, because what is called pgbench on the PATH can be a script that looks for them.
    let programs = server::programs(&["initdb", "pg_ctl", "pgbench"])?;
    Ok(Launcher::of(programs.join("pgbench")))
}

/// Runs a command to its end.
fn done(command: &mut Command, name: &str) -> anyhow::Result<()> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("{name} cannot be run"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{name} failed: {}",
        said.trim().lines().last().unwrap_or("it said nothing")
    );
    Ok(())
}
