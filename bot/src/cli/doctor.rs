//! The arguments of `doctor`.

use std::time::Duration;

use clap::{Args, value_parser};

#[derive(Debug, Args)]
#[command(after_help = "\
It connects, checks, and shows every setting with who set it. Each check is ok, a warning (it works, and could be better) or \
failed (a bot does not work so). Nothing is made or changed; a bot may be at work meanwhile.

The exit code is 1 if a check failed, or with --strict if there is a warning; else 0.

Examples:
  rosey doctor
  rosey doctor --deep
  rosey doctor --strict --json
  rosey --database-url sqlite:///other.db doctor")]
pub(crate) struct DoctorArgs {
    /// Read everything: each row, each page, each index with its table
    #[arg(long)]
    pub(crate) deep: bool,

    /// Count a warning as a failure
    #[arg(long)]
    pub(crate) strict: bool,

    /// How long each check may take [default: 10; with --deep 3600]
    #[arg(long, value_name = "SECONDS", value_parser = value_parser!(u64).range(1..))]
    limit: Option<u64>,
}

impl DoctorArgs {
    pub(crate) fn limit(&self) -> Duration {
        Duration::from_secs(self.limit.unwrap_or(if self.deep { 3_600 } else { 10 }))
    }
}
