//! A PostgreSQL instance: its data and the server that runs on them.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, ensure};

use super::Secret;
use super::home::Home;

/// The role that an instance begins with, which may do everything.
pub(crate) const ADMIN: &str = "botstore";

/// What is lost in a power cut does not matter to a test, so nothing waits for the disk.
pub(crate) const FORGETFUL: &str = "fsync = off\nfull_page_writes = off\n";

/// What is acknowledged survives a power cut, as in production.
pub(crate) const DURABLE: &str = "shared_buffers = 512MB\n";

/// An instance in a [`Home`], in which it stops when that ends.
#[derive(Debug)]
pub(crate) struct Instance {
    home: Arc<Home>,
    data: PathBuf,
    port: u16,
    password: Secret,
}

impl Instance {
    /// Makes an instance with the settings, which are lines of `postgresql.conf`. It does not run yet.
    pub(crate) fn init(home: &Arc<Home>, name: &str, settings: &str) -> anyhow::Result<Self> {
        let password = Secret::generate()?;
        let password_file = home.write("password", &password.0)?;
        let instance =
            Self { home: Arc::clone(home), data: home.path().join(name), port: free_port()?, password };
        let arguments = [
            format!("--pgdata={}", instance.data.display()),
            format!("--username={ADMIN}"),
            format!("--pwfile={}", password_file.display()),
        ];
        let fixed = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"].map(str::to_owned);
        home.postgres("initdb", arguments.into_iter().chain(fixed))?;
        fs::remove_file(password_file)?;
        instance.configure(&format!("max_connections = 400\n{settings}"))?;
        instance.listen()?;
        Ok(instance)
    }

    /// Copies the data of an instance that does not run.
    pub(crate) fn copy(&self, name: &str) -> anyhow::Result<Self> {
        let copy = Self {
            home: Arc::clone(&self.home),
            data: self.home.path().join(name),
            port: free_port()?,
            password: self.password.clone(),
        };
        self.home.run(Path::new("cp"), [Path::new("-R"), &self.data, &copy.data])?;
        copy.listen()?;
        Ok(copy)
    }

    fn listen(&self) -> anyhow::Result<()> {
        self.configure(&format!(
            "listen_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = '{}'\n",
            self.port,
            self.home.path().display()
        ))
    }

    /// Adds lines to `postgresql.conf`. The last line about a setting is the one that counts.
    pub(crate) fn configure(&self, settings: &str) -> anyhow::Result<()> {
        let path = self.data.join("postgresql.conf");
        let before = fs::read_to_string(&path)?;
        self.write("postgresql.conf", &format!("{before}\n{settings}"))
    }

    /// Writes a file of the instance's data.
    pub(crate) fn write(&self, file: &str, contents: &str) -> anyhow::Result<()> {
        let path = self.data.join(file);
        self.home.write(path.to_str().context("the path is text")?, contents)?;
        Ok(())
    }

    /// Starts the server, and waits until it accepts connections.
    pub(crate) fn start(&self) -> anyhow::Result<()> {
        let log = format!("--log={}", self.log_file().display());
        let started = self.control(&["start", "--wait", "--timeout=60", &log]);
        started.with_context(|| fs::read_to_string(self.log_file()).unwrap_or_default())
    }

    /// Stops the server, and waits until it has: `mode` is `fast` or `immediate`.
    pub(crate) fn stop(&self, mode: &str) -> anyhow::Result<()> {
        self.control(&["stop", "--wait", &format!("--mode={mode}")])
    }

    /// Stops the server as a crash would, and starts it again.
    pub(crate) fn restart_immediately(&self) -> anyhow::Result<()> {
        let log = format!("--log={}", self.log_file().display());
        self.control(&["restart", "--wait", "--timeout=60", "--mode=immediate", &log])
    }

    /// Makes a standby a primary, and waits until it is.
    pub(crate) fn promote(&self) -> anyhow::Result<()> {
        self.control(&["promote", "--wait"])
    }

    /// Kills the server and all its processes, of which none can do anything about it.
    pub(crate) fn kill(&self) -> anyhow::Result<()> {
        const KILL: &str = r#"
            server=$(head -n 1 "$1")
            children=$(ps -A -o pid= -o ppid= | awk -v parent="$server" '$2 == parent { print $1 }')
            segment=$(sed -n '7s/.* //p' "$1")
            kill -9 "$server" $children
            # Nobody else gives back the memory by which two servers on the same data would have noticed each other.
            ipcrm -m "$segment" 2>/dev/null
            # Whoever stops servers later must not find the number, which may be another process's by then.
            rm "$1"
        "#;
        let pid_file = self.data.join("postmaster.pid");
        ensure!(pid_file.is_file(), "the server does not run");
        self.home.run(Path::new("sh"), [Path::new("-c"), Path::new(KILL), Path::new("kill"), &pid_file])
    }

    /// Sends the server and all its processes a signal, `STOP` or `CONT`.
    pub(crate) fn signal(&self, signal: &str) -> anyhow::Result<()> {
        // The server first: while it stands still it makes no further processes. One of them may end meanwhile.
        const SIGNAL: &str = r#"
            server=$(head -n 1 "$1")
            kill -s "$2" "$server" || exit
            children=$(ps -A -o pid= -o ppid= | awk -v parent="$server" '$2 == parent { print $1 }')
            kill -s "$2" $children 2>/dev/null || true
        "#;
        let pid_file = self.data.join("postmaster.pid");
        let arguments = ["-c", SIGNAL, "signal"].map(Path::new).into_iter();
        self.home.run(Path::new("sh"), arguments.chain([&*pid_file, Path::new(signal)]))
    }

    fn control(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let data = format!("--pgdata={}", self.data.display());
        self.home.postgres("pg_ctl", [&data as &str, "--silent"].iter().chain(arguments))
    }

    /// The file that the server logs to.
    pub(crate) fn log_file(&self) -> PathBuf {
        self.data.with_extension("log")
    }

    /// The port, of which a socket's name is made too.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn home(&self) -> &Home {
        &self.home
    }

    /// The administrator's password.
    pub(crate) fn password(&self) -> &Secret {
        &self.password
    }

    /// How a standby connects, in libpq's words.
    pub(crate) fn replication(&self) -> String {
        format!("host=127.0.0.1 port={} user={ADMIN} password={}", self.port, self.password.0)
    }

    /// A URL of the administrator's, by TCP.
    pub(crate) fn url(&self) -> Secret {
        Secret(format!("postgresql://{ADMIN}:{}@127.0.0.1:{}/postgres", self.password.0, self.port))
    }

    /// A URL of the administrator's, by the socket.
    pub(crate) fn socket_url(&self) -> Secret {
        let directory = self.home.path().display().to_string().replace('/', "%2F");
        Secret(format!("postgresql://{ADMIN}:{}@{directory}:{}/postgres", self.password.0, self.port))
    }
}

/// A port that nobody uses now. Somebody may by the time that it is used: then start anew.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
