//! `replay` and `record`.

use std::path::PathBuf;
use std::time::Duration;

use botstore::model::Source;
use clap::error::ErrorKind;
use clap::{Args, Subcommand};

use super::seconds;

/// What records, with a journal.
#[derive(Debug, Subcommand)]
pub(crate) enum RecordingCommand {
    /// Record the events of files, each exactly once
    Replay(ReplayArgs),
    /// Record the events of a living channel, as they come in on standard input
    Record(RecordArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "\
A file holds one event a line, in JSON:
  {\"at\":1700000000,\"type\":\"user_joined\",\"username\":\"ada\"}
  {\"at\":1700000003,\"type\":\"chat\",\"username\":\"ada\",\"message\":\"hello\"}
  {\"at\":1700000005,\"type\":\"user_count\",\"chat\":3,\"connected\":5}
  {\"at\":1700000007,\"type\":\"action\",\"username\":\"ada\",\"action\":\"kick\"}
  {\"at\":1700000008,\"type\":\"status\",\"bot_name\":\"Rosey\",\"bot_afk\":false}
  {\"at\":1700000009,\"type\":\"user_left\",\"username\":\"ada\"}
An action may have details, too: \"details\":\"bob\".

The database keeps how far each source was read, so a replay that was stopped goes on where it stopped, and one that is \
complete records nothing more. A file is known by its content, whatever its name.

A database that goes away meanwhile is waited for at the end; what is recorded until then waits in a journal (ROSEY_SPOOL). \
The exit code is 0 only if the database says that it has all of it. After 4, run the command again. A replay does not begin \
before the database, or the journal, says where to go on.

Examples:
  rosey replay channel.jsonl january.jsonl.gz
  rosey replay --source channel-log channel.log     # a log that grows: run it again
  zstdcat channel.jsonl.zst | rosey replay --source channel-2024 -")]
pub(crate) struct ReplayArgs {
    /// Files of events, gzip or not; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// Know the input by this name instead of its content
    #[arg(long, value_name = "NAME")]
    pub(crate) source: Option<Source>,

    /// Leave bad lines out, and count them, instead of stopping at the first
    #[arg(long)]
    pub(crate) skip_bad: bool,

    /// Wait so long for a database that is away, at the start and at the end
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(crate) wait: Duration,
}

impl ReplayArgs {
    /// Checks what no single argument can tell.
    pub(super) fn check(&self) -> Result<(), (ErrorKind, &'static str)> {
        if self.source.is_some() && self.files.len() > 1 {
            return Err((ErrorKind::TooManyValues, "--source names a single FILE"));
        }
        if self.source.is_none() && self.files.iter().any(|file| file.as_os_str() == "-") {
            return Err((ErrorKind::MissingRequiredArgument, "standard input needs a name: --source NAME"));
        }
        Ok(())
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Run it once for a channel, not twice. Events come as `rosey replay --help` shows them, one a line; a bad line is left out and \
warned of. Sessions that a crash left open are closed at the start, and open ones at the end, as if everybody left then; if \
the database was away at the start, all are closed at the end, each when somebody was last seen.

While the database is away, events wait in a journal on this machine (ROSEY_SPOOL), and go into the database when it is \
back. The end of the input, Ctrl-C, SIGTERM, and a terminal that is closed end it in order, within ROSEY_SPOOL_CLOSE; a second \
signal ends it at once. The exit code is 4 if events are left in the journal then.

Examples:
  tail -n 0 -F events.jsonl | rosey record
  mybot --events | rosey record --json")]
pub(crate) struct RecordArgs {
    /// Leave open sessions alone, at the start and at the end
    #[arg(long)]
    pub(crate) keep_sessions: bool,
}
