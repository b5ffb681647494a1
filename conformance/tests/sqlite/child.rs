//! Other processes: this program itself, started once more, with a role to play.

use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};

use botstore::Config;
use botstore::settings::SpoolSettings;
use botstore_conformance::{recorder, secrets};
use rusqlite::Connection;

/// The variable with the role, and that with what it is about.
const ROLE: &str = "BOTSTORE_TEST_ROLE";
const SUBJECT: &str = "BOTSTORE_TEST_SUBJECT";

/// A database that is away: nobody listens at this port.
const NOWHERE: &str = "postgresql://rosey@127.0.0.1:1/rosey";

/// What such a process is to do.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Role {
    /// To run statements, a line of them after a line with the file, and then to wait until the standard input ends.
    Hold,
    /// To record in the database of a URL.
    Record,
    /// To record into a journal, because the database is away.
    Spool,
}

impl Role {
    /// This program, in the role.
    pub(crate) fn command(self, subject: &str) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.env(ROLE, format!("{self:?}")).env(SUBJECT, subject);
        command
    }

    /// The role in which this process was started, if it is none of the tests'.
    pub(crate) fn asked_for() -> Option<Self> {
        match std::env::var(ROLE).ok()?.as_str() {
            "Hold" => Some(Self::Hold),
            "Record" => Some(Self::Record),
            "Spool" => Some(Self::Spool),
            _ => None,
        }
    }

    pub(crate) fn play(self) -> ExitCode {
        let subject = std::env::var(SUBJECT).unwrap_or_default();
        let played = match self {
            Self::Hold => hold(&subject),
            Self::Record => configured(&subject).and_then(|config| record(&config)),
            Self::Spool => configured(NOWHERE).and_then(|mut config| {
                config.spool = Some(SpoolSettings::at(&subject));
                record(&config)
            }),
        };
        match played {
            Ok(()) => ExitCode::SUCCESS,
            // The last that a process without a disk has to say is of no interest.
            Err(error) => {
                eprintln!("{error:#}");
                ExitCode::FAILURE
            }
        }
    }
}

fn hold(subject: &str) -> anyhow::Result<()> {
    let (path, statements) = subject.split_once('\n').unwrap_or((subject, ""));
    let connection = Connection::open(path)?;
    connection.execute_batch(statements)?;
    println!("held");
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

fn configured(url: &str) -> anyhow::Result<Config> {
    Ok(Config::new(url.parse()?))
}

fn record(config: &Config) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let store = secrets::open(config).await?;
        Ok(recorder::record(store.into()).await?)
    })
}

/// A process that keeps a database locked until this is dropped.
pub(crate) struct Holder(Child);

impl Holder {
    /// Starts it, and waits until it has locked the database at `path` by `statements`.
    pub(crate) fn start(path: &Path, statements: &str) -> anyhow::Result<Self> {
        let mut command = Role::Hold.command(&format!("{}\n{statements}", path.display()));
        let mut holder = Self(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?);
        let mut said = String::new();
        if let Some(stdout) = holder.0.stdout.take() {
            BufReader::new(stdout).read_line(&mut said)?;
        }
        anyhow::ensure!(said == "held\n", "the other process could not lock the database");
        Ok(holder)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
