//! The directory in which servers run: as whom they must, and no longer than whoever started them.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail};
use tempfile::TempDir;

use super::programs::server_user;

/// Waits until its standard input ends: until whoever started it lets go of it or dies, of whatever cause. Then waits for
/// what [`RUN`] still runs, stops every server that runs in `$1`, with the programs in `$2`, and removes the directory.
const WATCHDOG: &str = r#"
directory=$1 programs=$2
trap 'rm -rf "$directory"' EXIT
read -r _
patience=600
while [ -n "$(find "$directory" -maxdepth 1 -name 'busy.*')" ] && [ $patience -gt 0 ]; do
    sleep 0.1
    patience=$((patience - 1))
done
for file in "$directory"/*.pid; do
    [ -f "$file" ] && kill "$(cat "$file")"
done
for file in "$directory"/*/postmaster.pid; do
    [ -f "$file" ] && "$programs/pg_ctl" --pgdata="${file%/postmaster.pid}" --mode=immediate --silent stop
done
"#;

/// Runs the command after `$1`, and for that time leaves a note in the directory `$1`.
const RUN: &str = r#"
note=$1/busy.$$
shift
touch "$note"
"$@"
code=$?
rm "$note"
exit $code
"#;

/// A directory for servers. They stop, and it goes, when this value does, or this process.
#[derive(Debug)]
pub(crate) struct Home {
    watchdog: Child,
    directory: TempDir,
    programs: PathBuf,
    user: Option<(u32, u32)>,
}

impl Home {
    /// A directory for servers of the PostgreSQL programs in `programs`: in `place`, or in memory where the system
    /// offers that.
    pub(crate) fn new(programs: &Path, place: Option<&Path>) -> anyhow::Result<Self> {
        let mut name = tempfile::Builder::new();
        name.prefix("botstore-postgres-");
        let directory = match place {
            Some(place) => name.tempdir_in(place),
            None => name.tempdir_in("/dev/shm").or_else(|_| name.tempdir()),
        }?;
        let user = server_user()?;
        if let Some((user, group)) = user {
            chown(directory.path(), Some(user), Some(group))?;
        }
        let mut command = as_user(Command::new("sh"), user);
        command.args(["-c", WATCHDOG, "watchdog"]).arg(directory.path()).arg(programs);
        let watchdog = command.stdin(Stdio::piped()).spawn().context("there is no shell")?;
        Ok(Self { watchdog, directory, programs: programs.to_owned(), user })
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Writes a file that only the servers, and root, may read.
    pub(crate) fn write(&self, name: &str, contents: &str) -> anyhow::Result<PathBuf> {
        let path = self.path().join(name);
        let mut file =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        file.write_all(contents.as_bytes())?;
        if let Some((user, group)) = self.user {
            chown(&path, Some(user), Some(group))?;
        }
        Ok(path)
    }

    /// Runs a program of PostgreSQL's to its end.
    pub(crate) fn postgres(
        &self,
        program: &str,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> anyhow::Result<()> {
        self.run(&self.programs.join(program), arguments)
    }

    /// Runs a program to its end, as the servers' user. What it leaves running must not hold on to its output.
    pub(crate) fn run(
        &self,
        program: &Path,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> anyhow::Result<()> {
        let mut command = as_user(Command::new("sh"), self.user);
        command.args(["-c", RUN, "run"]).arg(self.path()).arg(program).args(arguments).stdin(Stdio::null());
        let output = command.output().with_context(|| format!("cannot run {}", program.display()))?;
        if output.status.success() {
            return Ok(());
        }
        let said = [output.stdout, output.stderr].concat();
        bail!("{} failed: {}", program.display(), String::from_utf8_lossy(&said).trim())
    }
}

/// The command, as another user if need be. In a group of its own: an interrupt from the keyboard ends us, and our end
/// is what servers wait for.
fn as_user(mut command: Command, user: Option<(u32, u32)>) -> Command {
    command.process_group(0).current_dir("/");
    if let Some((user, group)) = user {
        command.uid(user).gid(group);
    }
    command
}

impl Drop for Home {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        if let Err(error) = self.watchdog.wait() {
            eprintln!("cannot wait for the test server's end: {error}");
        }
    }
}
