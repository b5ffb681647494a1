//! The arguments of the commands that look at what is recorded.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use botstore::files::resolve;
use botstore::model::{Limit, Timestamp, Username};
use clap::Args;
use clap::error::ErrorKind;

use super::{limit, moment};

#[derive(Debug, Args)]
#[command(after_help = "\
A session lasts from joining to leaving; the time connected is that of the sessions that ended.

Examples:
  rosey stats
  rosey stats ada --json")]
pub(crate) struct StatsArgs {
    /// One user, by the exact name [default: the channel]
    #[arg(value_name = "USER")]
    pub(crate) username: Option<Username>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
All lines count that were ever recorded, whether they are still kept or not.

Examples:
  rosey top
  rosey top -n 3 --json")]
pub(crate) struct TopArgs {
    /// How many users, at most 10000
    #[arg(short = 'n', value_name = "N", default_value = "10", value_parser = limit)]
    pub(crate) limit: Limit,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The newest line stands at the end. How long lines are kept is up to `rosey maintain`.

Examples:
  rosey recent
  rosey recent -n 500 --json")]
pub(crate) struct RecentArgs {
    /// How many lines, at most 10000
    #[arg(short = 'n', value_name = "N", default_value = "50", value_parser = limit)]
    pub(crate) limit: Limit,
}

#[derive(Debug, Args)]
#[command(after_help = "\
On a terminal it draws a chart, as wide as the terminal is; on a pipe it prints a table. A chart shows all samples. A table, \
or JSON, has the newest 50, or with --since or --until all of that span, unless -n says how many.

In the chart each column shows the most of its span of time. Between two samples that are more than an hour apart, or \
several times as far apart as most are, nobody counted: there it is empty. How long samples are kept is up to \
`rosey maintain`. All times are in UTC.

Examples:
  rosey history
  rosey history --since 2024-06-01 --until 2024-07-01
  rosey history --svg june.svg --png june.png --size 1600x800
  rosey history --svg - | gzip > chart.svgz
  rosey history --table -n 288
  rosey history --json | jq '.[-1].connected'")]
pub(crate) struct HistoryArgs {
    /// How many samples, the newest, at most 10000 [default: 50 in a table or JSON without a span of time, else all]
    #[arg(short = 'n', value_name = "N", value_parser = limit)]
    pub(crate) limit: Option<Limit>,

    /// Only samples at this time or later: a date, a time such as 2024-06-01T18:00:00Z, or Unix seconds
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) since: Option<Timestamp>,

    /// Only samples before this time
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) until: Option<Timestamp>,

    /// Print the table on a terminal, too
    #[arg(long, conflicts_with = "chart")]
    pub(crate) table: bool,

    /// Draw the chart on a pipe, too, for 80 columns
    #[arg(long, conflicts_with = "json")]
    pub(crate) chart: bool,

    /// Draw the chart into this file, in SVG, in place of such a picture; `-` is standard output
    #[arg(long, value_name = "FILE", conflicts_with_all = ["table", "chart"])]
    pub(crate) svg: Option<PathBuf>,

    /// Draw the chart into this file, in PNG, in place of such a picture; `-` is standard output
    #[arg(long, value_name = "FILE", conflicts_with_all = ["table", "chart"])]
    pub(crate) png: Option<PathBuf>,

    /// The picture's width and height in pixels, from 400x300 to 3840x2160 [default: 1200x600]
    #[arg(long, value_name = "WxH", conflicts_with_all = ["table", "chart"])]
    pub(crate) size: Option<PictureSize>,
}

impl HistoryArgs {
    /// Whether pictures are asked for.
    pub(crate) fn draws_files(&self) -> bool {
        self.pictures().next().is_some()
    }

    /// The files into which pictures are drawn.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        self.pictures().filter(|place| !is_standard_output(place))
    }

    /// Whether one is drawn on standard output.
    pub(crate) fn draws_on_standard_output(&self) -> bool {
        self.pictures().any(is_standard_output)
    }

    fn pictures(&self) -> impl Iterator<Item = &Path> {
        [&self.svg, &self.png].into_iter().flatten().map(PathBuf::as_path)
    }

    /// Checks what no single argument can tell.
    pub(super) fn check(&self, json: bool) -> Result<(), (ErrorKind, &'static str)> {
        if let [Some(svg), Some(png)] = [&self.svg, &self.png].map(|place| place.as_deref().map(one_name))
            && svg == png
        {
            return Err((ErrorKind::ArgumentConflict, "--svg and --png name the same file"));
        }
        if self.draws_on_standard_output() {
            if json {
                return Err((
                    ErrorKind::ArgumentConflict,
                    "standard output cannot have both a picture and JSON",
                ));
            }
            if io::stdout().is_terminal() {
                return Err((
                    ErrorKind::InvalidValue,
                    "standard output is a terminal: name a file, or a pipe",
                ));
            }
        }
        Ok(())
    }
}

/// Whether this names no file, but standard output.
pub(crate) fn is_standard_output(place: &Path) -> bool {
    place == Path::new("-")
}

fn one_name(place: &Path) -> PathBuf {
    resolve(place).unwrap_or_else(|_| place.to_owned())
}

/// How large a picture is, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PictureSize {
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl PictureSize {
    /// Room for the axes and a few letters.
    const LEAST: Self = Self { width: 400, height: 300 };
    /// What a large screen has; it bounds the memory that a picture takes.
    const MOST: Self = Self { width: 3_840, height: 2_160 };
}

impl Default for PictureSize {
    fn default() -> Self {
        Self { width: 1_200, height: 600 }
    }
}

impl FromStr for PictureSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.split_once('x').and_then(|(width, height)| {
            Some(Self { width: width.parse().ok()?, height: height.parse().ok()? })
        });
        let size = parsed.ok_or("is no size such as 1200x600")?;
        let wide = Self::LEAST.width..=Self::MOST.width;
        let high = Self::LEAST.height..=Self::MOST.height;
        if wide.contains(&size.width) && high.contains(&size.height) {
            Ok(size)
        } else {
            Err("must be from 400x300 to 3840x2160".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_bounds() {
        assert_eq!("400x2160".parse(), Ok(PictureSize { width: 400, height: 2_160 }));
        for text in ["399x300", "400x299", "3841x2160", "3840x2161"] {
            assert!(text.parse::<PictureSize>().unwrap_err().starts_with("must be"), "{text}");
        }
        for text in ["", "x", "1200", "1200x", "-1x600", "1200x600x2", "99999999999x600"] {
            assert!(text.parse::<PictureSize>().unwrap_err().starts_with("is no size"), "{text}");
        }
    }
}
