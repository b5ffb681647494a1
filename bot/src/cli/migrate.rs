//! The command line of `migrate`.

use botstore::newest_schema_version;
use clap::builder::RangedI64ValueParser;
use clap::{Args, Subcommand, value_parser};

#[derive(Debug, Args)]
#[command(after_help = "\
Without a command it is `up`. Every command that opens the database brings its schema up to date, too, but for \
`doctor` and `backup`. Any number of processes may migrate at once: they do it one after the other.

Examples:
  rosey migrate
  rosey migrate status
  rosey migrate down --dry-run
  rosey --database-url postgresql://rosey@localhost/rosey_db migrate")]
pub(crate) struct MigrateArgs {
    #[command(subcommand)]
    command: Option<MigrateCommand>,
}

impl MigrateArgs {
    pub(crate) fn command(self) -> MigrateCommand {
        self.command.unwrap_or(MigrateCommand::Up(UpArgs { to: None, dry_run: false }))
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum MigrateCommand {
    /// Show which migrations the database has, changing nothing
    #[command(after_help = "\
A migration is one of these:
  applied  the database has it
  pending  `rosey migrate up` applies it
  changed  the database has another edition of it than this program
  missing  the database's history lacks it, but has a later one
  newer    the database has it from a newer program

The exit code is 0 if all are applied, 5 if some are pending, and 1 if the database must not be touched, or cannot be read.

Examples:
  rosey migrate status
  rosey migrate status --json")]
    Status,
    /// Apply the migrations that the database lacks
    #[command(after_help = "\
All of them are applied, or none. Nothing is done in a database that has them.

Examples:
  rosey migrate up
  rosey migrate up --to 3
  rosey migrate up --dry-run --json")]
    Up(UpArgs),
    /// Undo the latest migration, or several, and lose what they keep
    #[command(after_help = "\
Take a backup first: data is lost, and it shows which before it asks. All is undone, or nothing. Stop the bots before: each \
that starts brings the schema up again, unless it is of the older version, for which you go back.

Examples:
  rosey migrate down --dry-run
  rosey migrate down
  rosey migrate down --to 2 --yes")]
    Down(DownArgs),
}

#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    /// To this version at least [default: the newest]
    #[arg(long, value_name = "N", value_parser = version(1))]
    pub(crate) to: Option<i32>,

    /// Show what would be done, and do nothing; with --json the SQL, too
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DownArgs {
    /// To this version at most [default: the one before]; 0 leaves nothing
    #[arg(long, value_name = "N", value_parser = version(0))]
    pub(crate) to: Option<i32>,

    /// Show what would be done and lost, and do nothing; with --json the SQL, too
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Do not ask
    #[arg(long, short = 'y')]
    pub(crate) yes: bool,
}

/// A version that this program knows, from the least on.
fn version(least: i64) -> RangedI64ValueParser<i32> {
    value_parser!(i32).range(least..=i64::from(newest_schema_version()))
}
