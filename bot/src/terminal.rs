//! What standard output is: a terminal of some size, or a pipe or a file, which programs read.

use std::env;
use std::io;
use std::os::fd::AsFd;

use anstream::{AutoStream, ColorChoice};
use anstyle::Style;
use rustix::fs::{FileType, Stat, fstat};
use rustix::io::Errno;
use terminal_size::{Height, Width, terminal_size_of};

/// How standard output shows text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terminal {
    /// Columns and lines; none if it is no terminal, or one that does not tell.
    pub(crate) size: Option<(u16, u16)>,
    /// Whether it is to have colours: `--color`, else `NO_COLOR`, `CLICOLOR_FORCE` and the like, else if it can.
    pub(crate) coloured: bool,
    /// Whether it shows more than ASCII, as far as the locale tells.
    pub(crate) unicode: bool,
}

impl Terminal {
    /// Standard output as it is now.
    pub(crate) fn stdout() -> Self {
        let size = terminal_size_of(io::stdout()).map(|(Width(columns), Height(lines))| (columns, lines));
        Self {
            // A terminal that nobody has told its size says that it has none.
            size: size.filter(|&(columns, lines)| columns > 0 && lines > 0),
            coloured: coloured(&io::stdout()),
            unicode: has_unicode(|name| env::var(name).ok()),
        }
    }

    /// How many columns a line may have.
    pub(crate) fn width(self) -> usize {
        self.size.map_or(usize::MAX, |(columns, _)| columns.into())
    }

    /// The text in this style, if there are colours.
    pub(crate) fn paint(self, style: Style, text: &str) -> String {
        if self.coloured { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

/// Lets everything that is printed from now on have colours, or none, or as it can.
pub(crate) fn choose(colours: clap::ColorChoice) {
    let choice = match colours {
        clap::ColorChoice::Auto => ColorChoice::Auto,
        clap::ColorChoice::Always => ColorChoice::Always,
        clap::ColorChoice::Never => ColorChoice::Never,
    };
    choice.write_global();
}

/// Whether what goes to this stream is to have colours.
pub(crate) fn coloured(stream: &impl anstream::stream::RawStream) -> bool {
    AutoStream::choice(stream) != ColorChoice::Never
}

/// Whether this error says that the terminal behind a stream was closed: there is nobody to read from or to write to any more.
pub(crate) fn is_hung_up(error: &io::Error, stream: impl AsFd) -> bool {
    let is_terminal = |stat: Stat| FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice;
    Errno::from_io_error(error) == Some(Errno::IO) && fstat(stream).is_ok_and(is_terminal)
}

/// Whether the locale's characters are those of Unicode: of the three variables the first that is not empty says it.
fn has_unicode(variable: impl Fn(&str) -> Option<String>) -> bool {
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(variable).find(|value| !value.is_empty());
    let charset = locale.unwrap_or_default().to_lowercase().replace('-', "");
    charset.contains("utf8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_not_empty_names_the_locale() {
        let with = |all: &str, ctype: &str, lang: &str| {
            has_unicode(|name| {
                let value = match name {
                    "LC_ALL" => all,
                    "LC_CTYPE" => ctype,
                    _ => lang,
                };
                Some(value.to_owned())
            })
        };
        assert!(with("", "", "de_DE.UTF-8"));
        assert!(with("", "C.utf8", "C"));
        assert!(with("en_US.UTF-8@euro", "C", "C"));
        assert!(!with("C", "", "de_DE.UTF-8"));
        assert!(!with("", "", "de_DE.ISO-8859-1"));
        assert!(!has_unicode(|_| None));
    }
}
