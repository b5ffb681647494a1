//! The command line.

mod backup;
mod doctor;
mod import;
mod look;
mod migrate;
mod recording;
mod transfer;
mod user;
mod value;

use std::ffi::OsString;
use std::path::PathBuf;

use botstore::model::{
    Limit, MaxAttempts, OutboundState, Timestamp, TokenDescription, TokenName, TokenPermissions, UniqueKey,
};
use clap::error::{ContextValue, ErrorKind};
use clap::{Args, ColorChoice, CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;

pub(crate) use self::backup::BackupArgs;
pub(crate) use self::doctor::DoctorArgs;
pub(crate) use self::import::ImportArgs;
pub(crate) use self::look::{HistoryArgs, PictureSize, RecentArgs, StatsArgs, TopArgs, is_standard_output};
pub(crate) use self::migrate::{DownArgs, MigrateArgs, MigrateCommand, UpArgs};
pub(crate) use self::recording::{RecordArgs, RecordingCommand, ReplayArgs};
pub(crate) use self::transfer::{CopyArgs, VerifyArgs};
pub(crate) use self::user::{AuditArgs, UserCommand};
use self::value::{file_to_make, limit, max_attempts, moment, seconds, state};

const AFTER_HELP: &str = "\
The database is the first of: --database-url, DATABASE_URL, `database_url` or `database` in the configuration file, \
sqlite:///bot_data.db. PostgreSQL's form is postgresql://USER:PASSWORD@HOST/DATABASE.

Environment:
  DATABASE_URL  the database; a password is safer here than in the list of processes
  PGPASSWORD    the password for PostgreSQL, if the URL has none
  ROSEY_ENV     how many connections to PostgreSQL: development, staging, production
  ROSEY_LOG     what to log on standard error: error, warn (default), info, debug, trace
  ROSEY_SPOOL   the journal, where events wait while the database is away; off: none
The pool's settings have variables of their own, such as ROSEY_POOL_SIZE; `rosey doctor` shows them all.

All times are in UTC. In JSON, moments are Unix seconds, and spans of time are seconds.

Exit codes:
  0  done
  1  failed; `doctor`: a check failed, or with --strict warned
  2  wrong usage: an argument or a setting is missing or invalid
  3  `token check`: not an active token
  4  `replay`, `record`: not all of it is known to be in the database; the sums say why
  5  `migrate status`: `rosey migrate` has something to do
  6  `import`: rows were rejected, or something was missing or left out; all else arrived
  129, 130, 143  ended by SIGHUP, Ctrl-C or SIGTERM

Examples:
  rosey replay channel.jsonl
  rosey top -n 5
  rosey --database-url sqlite:///other.db stats --json";

/// Keeps the records of a chat bot, in SQLite or PostgreSQL.
#[derive(Debug, Parser)]
#[command(name = "rosey", version, after_help = AFTER_HELP, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,

    /// Print JSON, for programs
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) json: bool,

    /// When to print colours; auto: on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help_heading = "Global options")]
    pub(crate) color: ColorChoice,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct DatabaseArgs {
    /// The database's URL, in place of the one that the environment or the configuration has
    #[arg(long, global = true, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    pub(crate) database_url: Option<String>,

    /// The configuration file, in JSON [default: config.json, if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Recording(RecordingCommand),
    #[command(flatten)]
    OnStore(StoreCommand),
    /// Bring the database's schema up to date, or back
    Migrate(MigrateArgs),
    /// Take over what the Python bot's database has
    Import(ImportArgs),
    /// Look how the database is, changing nothing, and say what to do
    Doctor(DoctorArgs),
    /// Copy an SQLite database into a file, while a bot is at work
    Backup(BackupArgs),
    /// Copy all that one database holds into another one, of the same backend or the other
    Copy(CopyArgs),
    /// Compare all that two databases hold
    Verify(VerifyArgs),
    /// Print the script by which a shell completes the commands and options
    #[command(after_help = "\
Where a shell looks for it, its own manual says; these are usual places.

Examples:
  rosey completions bash > ~/.local/share/bash-completion/completions/rosey
  rosey completions zsh > ~/.zfunc/_rosey     # with ~/.zfunc in fpath
  rosey completions fish > ~/.config/fish/completions/rosey.fish")]
    Completions {
        /// The shell
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },
    /// Write the manual: a page for each command
    #[command(after_help = "\
Pages that are there are replaced.

Examples:
  rosey man ~/.local/share/man/man1     # then: man rosey-history
  rosey man | man -l -")]
    Man {
        /// The directory, which is made if it is not there [default: print the page of rosey itself]
        #[arg(value_name = "DIR")]
        directory: Option<PathBuf>,
    },
}

/// What works on an open store.
#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Show what is recorded of the channel, or of one user
    Stats(StatsArgs),
    /// Show who said most
    Top(TopArgs),
    /// Show what was said last
    Recent(RecentArgs),
    /// Show how many users were there, and when
    History(HistoryArgs),
    /// Show the audit log: who did what
    Audit(AuditArgs),
    /// Export, remove or rename what is kept about one person
    #[command(subcommand)]
    User(UserCommand),
    /// Remove what is too old, and tidy the database up
    Maintain(MaintainArgs),
    /// Show or fill the queue of messages that wait to be sent
    #[command(subcommand)]
    Outbound(OutboundCommand),
    /// Make, list, revoke or check the tokens by which programs prove who they are
    #[command(subcommand)]
    Token(TokenCommand),
}

#[derive(Debug, Args)]
#[command(after_help = "\
What is counted of users, and the channel's peaks, stay. Once a day is often enough; a bot may be at work meanwhile.

Examples:
  rosey maintain
  rosey maintain --keep-chat-hours 720 --json")]
pub(crate) struct MaintainArgs {
    /// Keep chat lines for so many hours
    #[arg(long, value_name = "HOURS", default_value_t = 150)]
    pub(crate) keep_chat_hours: u32,

    /// Keep counts of users for so many days
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    pub(crate) keep_counts_days: u32,

    /// Keep sent messages for so many days
    #[arg(long, value_name = "DAYS", default_value_t = 7)]
    pub(crate) keep_sent_days: u32,

    /// Keep revoked and expired tokens for so many days
    #[arg(long, value_name = "DAYS", default_value_t = 90)]
    pub(crate) keep_tokens_days: u32,
}

#[derive(Debug, Subcommand)]
pub(crate) enum OutboundCommand {
    /// Show the queue, oldest message first
    #[command(after_help = "\
A message is in one of these states:
  queued    it was not tried yet
  retrying  it failed, and is tried again when it is due
  sent      it was sent
  failed    it was refused for good
  dead      all its attempts failed; `rosey outbound requeue` gives it new ones

Examples:
  rosey outbound list
  rosey outbound list --state dead --json")]
    List {
        /// Only messages in this state
        #[arg(long, value_name = "STATE", value_parser = state())]
        state: Option<OutboundState>,

        /// How many messages, at most 10000
        #[arg(short = 'n', value_name = "N", default_value = "50", value_parser = limit)]
        limit: Limit,
    },
    /// Queue a message
    #[command(after_help = "\
Examples:
  rosey outbound send 'The film starts in five minutes'
  rosey outbound send --key film-2024-06-01 - < announcement.txt")]
    Send(SendArgs),
    /// Give dead or failed messages all their attempts again
    #[command(after_help = "\
What is wrong with one message keeps none of the others back; the exit code is 1 then.

Examples:
  rosey outbound requeue 17 23
  rosey outbound list --state dead --json | jq '.[].id' | xargs -r rosey outbound requeue")]
    Requeue {
        /// Their numbers, as `rosey outbound list` shows them
        #[arg(required = true, value_name = "ID")]
        ids: Vec<i64>,
    },
    /// Remove dead or failed messages
    #[command(after_help = "\
What is wrong with one message keeps none of the others back; the exit code is 1 then.

Example:
  rosey outbound discard 17")]
    Discard {
        /// Their numbers, as `rosey outbound list` shows them
        #[arg(required = true, value_name = "ID")]
        ids: Vec<i64>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    /// The text; `-` reads it from standard input
    #[arg(value_name = "MESSAGE")]
    pub(crate) message: String,

    /// Queue nothing if a message with this key was queued before
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<UniqueKey>,

    /// How often sending is tried, from 1 to 20
    #[arg(long, value_name = "N", default_value = "3", value_parser = max_attempts)]
    pub(crate) max_attempts: MaxAttempts,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token, and show it this one time
    #[command(after_help = "\
Examples:
  rosey token create --name dashboard --permissions read
  rosey token create --name guest --expires 2030-01-01
  TOKEN=$(rosey token create)")]
    Create(CreateArgs),
    /// List the tokens, revoked ones too
    #[command(after_help = "Example:\n  rosey token list --json")]
    List,
    /// Revoke the token, or the one with the prefix of 8 characters, that standard input holds
    #[command(
        after_help = "Examples:\n  rosey token revoke < token.txt\n  echo Xy3_abcd | rosey token revoke"
    )]
    Revoke,
    /// Check the token that standard input holds: the exit code is 0 if it is active, else 3
    #[command(after_help = "Example:\n  rosey token check < token.txt")]
    Check,
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// What it is called
    #[arg(long, value_name = "TEXT")]
    pub(crate) name: Option<TokenName>,

    /// What it is for
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<TokenDescription>,

    /// What it allows, in the bot's own words
    #[arg(long, value_name = "TEXT")]
    pub(crate) permissions: Option<TokenPermissions>,

    /// From when on it is not accepted any more: a date, a time, or Unix seconds [default: never]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) expires: Option<Timestamp>,
}

impl Cli {
    /// Reads the command line, and checks what no single argument can tell.
    pub(crate) fn read() -> Result<Self, clap::Error> {
        let cli = Self::try_parse().map_err(shortened)?;
        let (command, checked) = match &cli.command {
            Command::Recording(RecordingCommand::Replay(replay)) => ("replay", replay.check()),
            Command::OnStore(StoreCommand::History(history)) => ("history", history.check(cli.json)),
            _ => return Ok(cli),
        };
        checked.map(|()| cli).map_err(|(kind, message)| usage(command, kind, message))
    }
}

/// The same error, with little of what is too long to be read again.
fn shortened(mut error: clap::Error) -> clap::Error {
    const MOST: usize = 80;
    let long = |text: &str| text.chars().nth(MOST).is_some();
    let told: Vec<_> = error
        .context()
        .filter_map(|(kind, value)| match value {
            ContextValue::String(text) if long(text) => Some((kind, text.chars().take(MOST - 1).collect())),
            _ => None,
        })
        .collect();
    for (kind, begun) in told {
        let begun: String = begun;
        error.insert(kind, ContextValue::String(begun + "…"));
    }
    error
}

/// What the command line says of colours, before it is known to be right: help and errors have colours too.
pub(crate) fn colours(arguments: impl IntoIterator<Item = OsString>) -> ColorChoice {
    let mut choice = ColorChoice::Auto;
    let mut arguments = arguments.into_iter().map(|argument| argument.to_string_lossy().into_owned());
    while let Some(argument) = arguments.next().filter(|argument| argument != "--") {
        let value = match argument.strip_prefix("--color") {
            Some("") => arguments.next(),
            Some(value) => value.strip_prefix('=').map(str::to_owned),
            None => continue,
        };
        choice = value.and_then(|value| value.parse().ok()).unwrap_or(choice);
    }
    choice
}

/// A command's wrong usage, as the command-line library tells it.
fn usage(command: &str, kind: ErrorKind, message: &str) -> clap::Error {
    let mut cli = Cli::command();
    cli.build();
    let command = cli.find_subcommand_mut(command).cloned();
    command.unwrap_or(cli).error(kind, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_known_before_the_command_line_is_read() {
        for (line, expected) in [
            ("rosey --help", ColorChoice::Auto),
            ("rosey --color never --help", ColorChoice::Never),
            ("rosey stats --color=always --nonsense", ColorChoice::Always),
            ("rosey --color never --color nonsense", ColorChoice::Never),
            ("rosey --colors=never", ColorChoice::Auto),
            ("rosey outbound send -- --color=never", ColorChoice::Auto),
        ] {
            assert_eq!(colours(line.split(' ').map(OsString::from)), expected, "{line}");
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
