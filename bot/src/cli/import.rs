//! The arguments of `import`.

use std::path::PathBuf;

use clap::Args;

use super::file_to_make;

#[derive(Debug, Args)]
#[command(after_help = "\
Stop the Python bot first. Its database is only read, and stays as it is; what it has goes into the database of \
DATABASE_URL, which has to be empty. Every row is looked at before anything is written. One that is not valid is left out: \
it is listed, and written into the file of --rejects with all that stands in it (of a token, its hash). At the end both \
databases are compared row by row.

Tables and columns that the old database should have and has not are named, and so are those with something in them that \
have no place here; all else arrives.

An import that was stopped goes on if it is run again. The exit code is 0 if everything arrived, and 6 if rows were \
rejected, or something was missing or left out. A file of v0.5's layout may lack retry_count and last_error of \
outbound_messages, and max_connected and max_connected_timestamp of channel_stats: older releases did, and the Python bot \
adds these itself, empty. That is noted, and the exit code stays 0. alembic_version and SQLite's own tables are passed over.

Examples:
  rosey --database-url sqlite:///rosey.db import bot_data.db
  rosey import bot_data.db --dry-run
  PGPASSWORD=... rosey import postgresql://rosey@localhost/old_rosey_db")]
pub(crate) struct ImportArgs {
    /// The Python bot's database: an SQLite file (v0.5 or v0.6), or the URL of a PostgreSQL one (v0.6)
    #[arg(value_name = "FILE|URL")]
    pub(crate) source: PathBuf,

    /// Only look at every row, and write nothing but what --rejects asks for
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Where rejected rows go, in JSON, one a line [default: import-rejects.jsonl]
    #[arg(long, value_name = "FILE", value_parser = file_to_make())]
    pub(crate) rejects: Option<PathBuf>,
}
