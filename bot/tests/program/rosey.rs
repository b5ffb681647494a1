//! Running the program.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, anyhow};
use botstore_conformance::server::{PostgresDatabase, PostgresServer};
use serde_json::Value;
use tempfile::TempDir;

/// Where the program's data is.
#[derive(Debug, Clone)]
pub(crate) enum Backend {
    Sqlite,
    /// The server is found or started when the first check needs it.
    Postgres(Arc<OnceLock<Result<PostgresServer, String>>>),
}

impl Backend {
    /// The backends that `BOTSTORE_TEST_BACKENDS` names; all if it is unset or empty.
    pub(crate) fn wanted() -> Result<Vec<Self>, String> {
        let wanted = std::env::var("BOTSTORE_TEST_BACKENDS").unwrap_or_default();
        let wanted = if wanted.is_empty() { "sqlite,postgres" } else { &wanted };
        let backend = |name: &str| match name {
            "sqlite" => Ok(Self::Sqlite),
            "postgres" => Ok(Self::Postgres(Arc::default())),
            other => Err(format!("BOTSTORE_TEST_BACKENDS: {other:?} is neither sqlite nor postgres")),
        };
        wanted.split(',').map(str::trim).map(backend).collect()
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres(_) => "postgres",
        }
    }
}

/// The program, an empty database, and a directory in which it runs.
#[derive(Debug)]
pub(crate) struct Rosey {
    home: TempDir,
    url: String,
    database: Option<PostgresDatabase>,
}

impl Rosey {
    pub(crate) fn on(backend: &Backend) -> anyhow::Result<Self> {
        let home = tempfile::Builder::new().prefix("rosey-").tempdir()?;
        let database = match backend {
            Backend::Sqlite => None,
            Backend::Postgres(server) => {
                let server =
                    server.get_or_init(|| PostgresServer::start().map_err(|error| format!("{error:#}")));
                let server = server.as_ref().map_err(|error| anyhow!("{error}"))?;
                Some(server.create_database().context("no database")?)
            }
        };
        let url =
            database.as_ref().map_or("sqlite:///bot_data.db".to_owned(), |found| found.url().to_owned());
        Ok(Self { home, url, database })
    }

    /// The program, on an empty database of this server.
    pub(crate) fn at(server: &PostgresServer) -> Self {
        let mut rosey = Self::on_sqlite();
        let database = server.create_database().unwrap();
        database.url().clone_into(&mut rosey.url);
        rosey.database = Some(database);
        rosey
    }

    /// The same program with another, empty SQLite database.
    pub(crate) fn on_sqlite() -> Self {
        Self::on(&Backend::Sqlite).unwrap()
    }

    /// Another empty database of the same backend.
    pub(crate) fn beside(&self) -> Self {
        let mut beside = Self::on_sqlite();
        if let Some(database) = &self.database {
            let database = database.beside().unwrap();
            database.url().clone_into(&mut beside.url);
            beside.database = Some(database);
        }
        beside
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The backend as the program calls it.
    pub(crate) fn backend(&self) -> &'static str {
        if self.database.is_some() { "postgresql" } else { "sqlite" }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Makes a file in the program's directory.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    /// The program, with its database in the environment.
    pub(crate) fn command(&self, arguments: &[impl AsRef<OsStr>]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rosey"));
        command.args(arguments).current_dir(self.home.path()).env("DATABASE_URL", &self.url);
        for (name, _) in std::env::vars_os() {
            if name == "PGPASSWORD" || name.to_string_lossy().starts_with("ROSEY_") {
                command.env_remove(name);
            }
        }
        command.stdin(Stdio::null());
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().unwrap())
    }

    /// Runs the program to its end, with this on its standard input.
    pub(crate) fn run_with(&self, arguments: &[&str], input: impl AsRef<[u8]>) -> Ran {
        let mut command = assert_cmd::Command::from_std(self.command(arguments));
        Ran::of(command.write_stdin(input.as_ref()).output().unwrap())
    }

    /// What the program prints; it must succeed.
    pub(crate) fn prints(&self, arguments: &[&str]) -> String {
        self.run(arguments).succeeds()
    }

    /// The JSON that the program prints; it must succeed.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.run(arguments).succeeds()).unwrap()
    }

    /// The JSON that a run printed that ended with this code.
    pub(crate) fn json_of(ran: Ran, code: i32) -> Value {
        assert_eq!(ran.code, Some(code), "{ran:?}");
        serde_json::from_str(&ran.stdout).unwrap()
    }

    /// Runs statements past the program, as one that may do everything. A server gives the first column of the rows.
    pub(crate) fn sql(&self, statements: &str) -> Vec<String> {
        match &self.database {
            Some(database) => {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(database.sql(statements)).unwrap()
            }
            None => {
                let file = rusqlite::Connection::open(self.path("bot_data.db")).unwrap();
                file.execute_batch(statements).unwrap();
                Vec::new()
            }
        }
    }

    /// Begins a transaction on the server past the program, with these statements, which lasts until this is dropped.
    pub(crate) fn holds(&self, statements: &str) -> impl Sized {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let database = self.database.as_ref().unwrap();
        let client = runtime.block_on(async {
            let client = database.connect().await.unwrap();
            client.batch_execute(&format!("BEGIN; {statements}")).await.unwrap();
            client
        });
        (client, runtime)
    }

    /// Replays, and returns how many events were applied and skipped, and how many lines were bad.
    pub(crate) fn replays(&self, arguments: &[&str]) -> [u64; 3] {
        self.run(&[&["replay", "--json"], arguments].concat()).replayed()
    }
}

/// How a run of the program ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        let ran = Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        assert!(!ran.stderr.contains("panicked"), "{ran:?}");
        ran
    }

    pub(crate) fn succeeds(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout
    }

    /// The one line that says why it failed, and below it what can be done about it; nothing else may be printed.
    pub(crate) fn fails(self, code: i32) -> String {
        assert_eq!((self.code, self.stdout.as_str()), (Some(code), ""), "{self:?}");
        assert!(self.stderr.starts_with("error: "), "{self:?}");
        self.stderr
    }

    pub(crate) fn replayed(self) -> [u64; 3] {
        let json: Value = serde_json::from_str(&self.succeeds()).unwrap();
        ["applied", "skipped", "bad"].map(|key| json[key].as_u64().unwrap())
    }
}

/// So many lines of chat, one a second, by five users in turn.
pub(crate) fn chat(lines: std::ops::Range<u64>) -> String {
    let line = |number: u64| {
        let (at, user) = (1_700_000_000 + number, number % 5);
        format!(
            "{{\"at\":{at},\"type\":\"chat\",\"username\":\"user{user}\",\"message\":\"line {number}\"}}\n"
        )
    };
    lines.map(line).collect()
}

/// The channel that the repository brings along.
pub(crate) fn sample() -> &'static str {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/samples/channel.jsonl"));
    path.to_str().unwrap()
}
