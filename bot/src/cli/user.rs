//! The arguments of `user` and `audit`.

use botstore::model::{ActionKind, Limit, Timestamp, Username};
use clap::{Args, Subcommand};

use super::{limit, moment};

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Print all that is kept about one person, in JSON
    #[command(after_help = "\
What is counted, the lines that are kept, and the entries of the audit log, in one JSON object. What a plugin keeps is not \
part of it, nor what others wrote about the person.

Example:
  rosey user export ada > ada.json")]
    Export {
        /// The exact name
        #[arg(value_name = "USER")]
        username: Username,
    },
    /// Remove all that is kept about one person
    #[command(after_help = "\
It shows what would be removed and asks, unless --yes is given. The channel's own counts and peaks stay, and so does what \
plugins keep and what others wrote about the person. Backups, and logs that are replayed again, know the person still.

Examples:
  rosey user delete ada
  rosey user delete ada --yes --json")]
    Delete {
        /// The exact name
        #[arg(value_name = "USER")]
        username: Username,

        /// Do not ask
        #[arg(long, short = 'y')]
        yes: bool,
    },
    /// Give one person another name; if there is somebody with it, both become one
    #[command(after_help = "\
Lines and seconds are added up, and the lines and entries that are kept move along. That two became one cannot be taken \
back: then it asks, unless --yes is given.

Examples:
  rosey user rename ada Ada
  rosey user rename ada_away ada --yes")]
    Rename {
        /// The exact name until now
        #[arg(value_name = "OLD")]
        from: Username,

        /// The name from now on
        #[arg(value_name = "NEW")]
        to: Username,

        /// Do not ask
        #[arg(long, short = 'y')]
        yes: bool,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "\
The newest entry stands at the end. Which kinds there are is up to the bot that records them.

Examples:
  rosey audit
  rosey audit --user ada --action kick --since 2024-06-01 --json")]
pub(crate) struct AuditArgs {
    /// Only what this user did, by the exact name
    #[arg(long, value_name = "USER")]
    pub(crate) user: Option<Username>,

    /// Only actions of this kind, such as kick
    #[arg(long, value_name = "KIND")]
    pub(crate) action: Option<ActionKind>,

    /// Only at this time or later: a date, a time such as 2024-06-01T18:00:00Z, or Unix seconds
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) since: Option<Timestamp>,

    /// Only before this time
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) until: Option<Timestamp>,

    /// How many entries, the newest, at most 10000
    #[arg(short = 'n', value_name = "N", default_value = "50", value_parser = limit)]
    pub(crate) limit: Limit,
}
