//! The arguments of `copy` and `verify`. URLs are read later: of one that is wrong, clap would show the password.

use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = "\
Everything is copied: users, chat, history, the queue, tokens, plugins' values, and how far each source was read. What was \
copied is then read back and compared. A copy that was stopped goes on where it stopped when it is begun again. Stop the bot \
first, and let it write what waits in its journal. SQLite needs the right to write beside the file that it reads: of a \
file on a read-only disk, copy the file first.

The exit code is 1 if the two differ at the end.

Examples:
  rosey copy --from sqlite:///bot_data.db --to postgresql://rosey@localhost/rosey_db
  rosey copy --from postgresql://rosey@localhost/rosey_db --to sqlite:///laptop.db --dry-run
A URL with a password is better kept out of the list of processes:
  export ROSEY_COPY_FROM=sqlite:///bot_data.db
  export ROSEY_COPY_TO=postgresql://rosey:secret@db.example/rosey_db
  rosey copy")]
pub(crate) struct CopyArgs {
    /// The database that is copied; it is not changed
    #[arg(long, value_name = "URL", env = "ROSEY_COPY_FROM", hide_env_values = true)]
    pub(crate) from: String,

    /// The database that is copied into, which is empty or not there yet
    #[arg(long, value_name = "URL", env = "ROSEY_COPY_TO", hide_env_values = true)]
    pub(crate) to: String,

    /// Only look what there is to copy and, with --replace, to remove, and whether it can be
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Remove all that the second database holds, before
    #[arg(long)]
    pub(crate) replace: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Both are read whole, and each table's content is boiled down to a digest that does not depend on the backend. Stop the bot \
first. The exit code is 1 if the two differ.

Examples:
  rosey verify sqlite:///bot_data.db postgresql://rosey@localhost/rosey_db
  rosey verify sqlite:///bot_data.db sqlite:///backup.db -n 100 --json")]
pub(crate) struct VerifyArgs {
    /// A database
    #[arg(value_name = "URL", env = "ROSEY_COPY_FROM", hide_env_values = true)]
    pub(crate) from: String,

    /// Another database
    #[arg(value_name = "URL", env = "ROSEY_COPY_TO", hide_env_values = true)]
    pub(crate) to: String,

    /// How many rows that differ are named, of each table
    #[arg(short = 'n', value_name = "N", default_value_t = 10)]
    pub(crate) named: usize,
}
