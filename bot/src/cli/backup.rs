//! The arguments of `backup`.

use std::path::PathBuf;

use clap::Args;

use super::file_to_make;

#[derive(Debug, Args)]
#[command(after_help = "\
The bot may be at work meanwhile: the backup has all that was written before it began. It is read back before it gets its \
name, and only its owner can read it. To restore it, stop the bot and copy it over the database, whose -wal and -shm go; or \
rename it over the database of a bot that runs. A database on PostgreSQL is backed up by pg_dump: for one, this command says \
how.

Examples:
  rosey backup rosey-2024-06-01.db
  rosey --database-url sqlite:///other.db backup --force /srv/backups/other.db")]
pub(crate) struct BackupArgs {
    /// The file to make
    #[arg(value_name = "FILE", value_parser = file_to_make())]
    pub(crate) file: PathBuf,

    /// Replace the file if it is there
    #[arg(long)]
    pub(crate) force: bool,
}
