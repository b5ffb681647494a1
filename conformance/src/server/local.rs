//! A throw-away server, started with the PostgreSQL programs of this machine.

use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::{OpenOptionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail, ensure};
use botstore::model::TokenSecret;
use tempfile::TempDir;

use super::variable;

/// Makes a cluster in `$1` with the programs in `$2`, starts it on port `$3` with the settings in `$4`, says `ready`,
/// and stops it when its standard input ends: when whoever started it lets go of it or dies, of whatever cause.
const WATCHDOG: &str = r#"
directory=$1 programs=$2 port=$3 settings=$4
trap 'rm -rf "$directory"' EXIT
"$programs/initdb" --pgdata="$directory/data" --username=botstore --pwfile="$directory/password" \
    --auth=scram-sha-256 --encoding=UTF8 --locale=C --no-sync 2>&1 || exit
rm "$directory/password"
"$programs/pg_ctl" --pgdata="$directory/data" --log="$directory/log" --wait --timeout=60 --silent --options="\
    -c listen_addresses=127.0.0.1 -c port=$port -c unix_socket_directories='$directory' -c max_connections=400 \
    $settings" start 2>&1 || { cat "$directory/log"; exit; }
echo ready
read -r _
"$programs/pg_ctl" --pgdata="$directory/data" --mode=immediate --silent stop
"#;

/// What is lost in a power cut does not matter to a test, so nothing waits for the disk.
const FORGETFUL: &str = "-c fsync=off -c full_page_writes=off -c synchronous_commit=on";

/// What is acknowledged survives a power cut, as in production.
const DURABLE: &str = "-c fsync=on -c full_page_writes=on -c synchronous_commit=on -c shared_buffers=512MB";

/// The name under which the system keeps a user for PostgreSQL, whose programs refuse to run as root.
const SERVER_USERS: [&str; 2] = ["postgres", "nobody"];

/// A server that ends with this value, or with this process.
#[derive(Debug)]
pub(super) struct LocalServer {
    watchdog: Child,
    _directory: TempDir,
}

impl LocalServer {
    /// Starts a server with the programs of a directory, in memory where the system offers that; returns its URL, too.
    pub(super) fn start(programs: &Path) -> anyhow::Result<(Self, String)> {
        Self::start_with(programs, FORGETFUL, || {
            builder().tempdir_in("/dev/shm").or_else(|_| builder().tempdir())
        })
    }

    /// Starts a server whose data lies in a directory of its own in `place`, and survives a power cut.
    pub(super) fn start_durable(programs: &Path, place: &Path) -> anyhow::Result<(Self, String)> {
        Self::start_with(programs, DURABLE, || builder().tempdir_in(place))
    }

    fn start_with(
        programs: &Path,
        settings: &str,
        directory: impl Fn() -> io::Result<TempDir>,
    ) -> anyhow::Result<(Self, String)> {
        let start = || Self::start_once(programs, settings, directory()?);
        // Between choosing a port and using it somebody else may take it.
        start()
            .or_else(|_| start())
            .with_context(|| format!("PostgreSQL of {} does not start", programs.display()))
    }

    fn start_once(programs: &Path, settings: &str, directory: TempDir) -> anyhow::Result<(Self, String)> {
        let password = TokenSecret::generate()?;
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let password_file = directory.path().join("password");
        fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&password_file)?;
        fs::write(&password_file, password.reveal())?;
        let mut command = Command::new("sh");
        command.args(["-c", WATCHDOG, "watchdog"]).arg(directory.path()).arg(programs);
        command.args([&port.to_string(), settings]);
        // A group of its own: an interrupt from the keyboard ends us, and our end is what it waits for.
        command.process_group(0).current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped());
        if let Some((user, group)) = server_user()? {
            chown(directory.path(), Some(user), Some(group))?;
            chown(&password_file, Some(user), Some(group))?;
            command.uid(user).gid(group);
        }
        let watchdog = command.spawn().context("there is no shell")?;
        let mut server = Self { watchdog, _directory: directory };
        server.wait_until_ready()?;
        let url = format!("postgresql://botstore:{}@127.0.0.1:{port}/postgres", password.reveal());
        Ok((server, url))
    }

    fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let output = self.watchdog.stdout.take().context("the output is piped")?;
        let mut said = Vec::new();
        for line in BufReader::new(output).lines() {
            let line = line?;
            if line == "ready" {
                return Ok(());
            }
            said.push(line);
        }
        bail!("{}", said.join("\n"))
    }
}

impl Drop for LocalServer {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        if let Err(error) = self.watchdog.wait() {
            eprintln!("cannot wait for the test server's end: {error}");
        }
    }
}

/// The directory of all these programs.
pub(super) fn programs(names: &[&str]) -> anyhow::Result<PathBuf> {
    let complete = |directory: &PathBuf| names.iter().all(|name| directory.join(name).is_file());
    let together = names.join(" and ");
    if let Some(directory) = variable("BOTSTORE_PG_BIN").map(PathBuf::from) {
        let shown = directory.display();
        ensure!(complete(&directory), "there is no {together} in BOTSTORE_PG_BIN={shown}");
        return Ok(directory);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates: Vec<PathBuf> = std::env::split_paths(&path).collect();
    candidates.extend(packaged());
    let found = candidates.into_iter().find(complete);
    found.with_context(|| format!("there is no {together} on the PATH or in /usr/lib/postgresql/*/bin"))
}

/// Where Debian and its kin keep the programs, newest version first.
fn packaged() -> Vec<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    versions.into_iter().map(|(_, directory)| directory).collect()
}

/// Names directories for clusters.
fn builder() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("botstore-postgres-");
    builder
}

/// The user and group as whom the server must run; none if it can run as we do.
fn server_user() -> anyhow::Result<Option<(u32, u32)>> {
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
