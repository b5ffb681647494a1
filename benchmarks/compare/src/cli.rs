//! The command line.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use botstore_bench_harness::{Backend, Work};
use clap::{Parser, ValueEnum as _};

use crate::cell::{self, Cell, Data};
use crate::contestant::{self, Contestant};

const AFTER_HELP: &str = "\
Nothing is left behind: databases are made in --directory and removed at the end, and so is the PostgreSQL server. It is \
started with the programs in BOTSTORE_PG_BIN, on the PATH or under /usr/lib/postgresql.

Exit codes:
  0  every contestant did its part
  1  one is missing or failed: the table says which, and why
  2  wrong usage

Examples:
  compare                                          all of it, a quarter of an hour
  compare --rounds 1 --seconds 0.3                 does everything run?
  compare --only chat@64 --only postgresql         one cell, one backend
  compare --only sqlite --only botstore,rusqlite --rounds 9
  compare --skip sqlalchemy                        without Python
  compare --json runs.json --markdown docs/PERFORMANCE.md --plot docs/performance.svg";

/// Runs botstore, the engines and the libraries that one would use instead side by side, and prints one table.
#[derive(Debug, Parser)]
#[command(name = "compare", after_help = AFTER_HELP)]
pub(crate) struct Cli {
    /// How often each contestant does each work, in turns; figures are medians
    #[arg(long, value_name = "N", default_value = "5", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) rounds: u32,

    /// How long each takes each time, in seconds
    #[arg(long, value_name = "S", default_value = "1", value_parser = seconds)]
    pub(crate) seconds: Duration,

    /// Only these works (`chat`), cells (`chat@64`), backends (`sqlite`) and contestants (`sqlx`)
    #[arg(long, value_name = "WORD", value_delimiter = ',')]
    only: Vec<Word>,

    /// Do not miss this contestant
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = contestant_name)]
    skip: Vec<&'static str>,

    /// Where the databases are made: on a disk, because what is written shall survive a power cut
    #[arg(long, value_name = "DIRECTORY", default_value = "/var/tmp")]
    pub(crate) directory: PathBuf,

    /// A PostgreSQL server to use, by a role that may create databases; without, one is started
    #[arg(long, value_name = "URL", env = "COMPARE_PG_URL", hide_env_values = true)]
    pub(crate) pg_url: Option<String>,

    /// A large database, made by the program `large`: reads are measured there, too
    #[arg(long, value_name = "FILE")]
    pub(crate) large_sqlite: Option<PathBuf>,

    /// The same on PostgreSQL; better in the environment, where the list of processes does not show its password
    #[arg(long, value_name = "URL", env = "COMPARE_LARGE_PG_URL", hide_env_values = true)]
    pub(crate) large_postgresql: Option<String>,

    /// How many users are in the large databases
    #[arg(long, value_name = "N", default_value = "1000000", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) large_users: u32,

    /// Write every run and the medians as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Write the tables as Markdown: in place of those between the file's markers, or as a new file
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,

    /// Draw operations per second
    #[arg(long, value_name = "FILE.svg")]
    pub(crate) plot: Option<PathBuf>,
}

impl Cli {
    /// Who is asked for.
    pub(crate) fn contestants(&self) -> Vec<Contestant> {
        let asked = |contestant: &Contestant| {
            !self.skip.contains(&contestant.name)
                && self.admits(|word| match word {
                    Word::Backend(backend) => Some(*backend == contestant.backend),
                    _ => None,
                })
                && self.admits(|word| match word {
                    Word::Contestant(name) => Some(*name == contestant.name),
                    _ => None,
                })
        };
        contestant::ALL.into_iter().filter(asked).collect()
    }

    /// What is asked for.
    pub(crate) fn cells(&self) -> Vec<Cell> {
        let large = self.large_sqlite.is_some() || self.large_postgresql.is_some();
        let asked = |cell: &Cell| {
            (cell.data == Data::Small || large)
                && self.admits(|word| match word {
                    Word::Work(work) => Some(*work == cell.work),
                    Word::Cell(work, callers) => Some((*work, *callers) == (cell.work, cell.callers)),
                    _ => None,
                })
        };
        cell::all().filter(asked).collect()
    }

    /// Whether one of the words that `holds` has an opinion on is in favour, or none has one.
    fn admits(&self, holds: impl Fn(&Word) -> Option<bool>) -> bool {
        let mut opinions = self.only.iter().filter_map(holds).peekable();
        opinions.peek().is_none() || opinions.any(|holds| holds)
    }
}

/// What `--only` narrows the comparison to. Words of one kind are alternatives.
#[derive(Debug, Clone, Copy)]
enum Word {
    Work(Work),
    Cell(Work, usize),
    Backend(Backend),
    Contestant(&'static str),
}

impl FromStr for Word {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        for backend in [Backend::Sqlite, Backend::Postgresql] {
            if word == backend.as_str() {
                return Ok(Self::Backend(backend));
            }
        }
        if let Ok(work) = Work::from_str(word, false) {
            return Ok(Self::Work(work));
        }
        let mut cells = cell::all().filter(|cell| cell.data == Data::Small);
        if let Some(cell) = cells.find(|cell| cell.to_string() == word) {
            return Ok(Self::Cell(cell.work, cell.callers));
        }
        contestant_name(word).map(Self::Contestant).map_err(|_| {
            "is no work (chat), cell (chat@64), backend (sqlite, postgresql) or contestant (sqlx)".to_owned()
        })
    }
}

fn contestant_name(name: &str) -> Result<&'static str, String> {
    let mut names: Vec<_> = contestant::ALL.iter().map(|contestant| contestant.name).collect();
    if let Some(known) = names.iter().find(|&&known| known == name) {
        return Ok(known);
    }
    names.sort_unstable();
    names.dedup();
    Err(format!("is none of {}", names.join(", ")))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "is no number".to_owned())?;
    if (0.01..=3_600.0).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("is not between 0.01 and 3600".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(arguments: &[&str]) -> (Vec<String>, Vec<String>) {
        let cli = Cli::try_parse_from([&["compare"], arguments].concat()).unwrap();
        let cells = cli.cells().iter().map(Cell::to_string).collect();
        (cli.contestants().iter().map(Contestant::to_string).collect(), cells)
    }

    #[test]
    fn words_of_one_kind_are_alternatives_and_kinds_are_conditions() {
        let (contestants, cells) = asked(&["--only", "day,chat@8", "--only", "sqlite,sqlx,botstore"]);
        assert_eq!(contestants, ["botstore on sqlite", "sqlx on sqlite"]);
        assert_eq!(cells, ["chat@8", "day@8", "day@64"]);
    }

    #[test]
    fn all_but_large_data_is_the_default() {
        let (contestants, cells) = asked(&["--skip", "sqlalchemy"]);
        assert_eq!((contestants.len(), cells.len()), (11, 10));
        let (_, cells) = asked(&["--large-sqlite", "large.db", "--only", "top"]);
        assert_eq!(cells, ["top@1", "top, large@1"]);
    }

    #[test]
    fn unknown_words_are_refused() {
        for arguments in
            [["--only", "chat@7"], ["--only", "mysql"], ["--skip", "sqlite"], ["--seconds", "NaN"]]
        {
            assert!(Cli::try_parse_from([&["compare"], &arguments[..]].concat()).is_err(), "{arguments:?}");
        }
    }
}
