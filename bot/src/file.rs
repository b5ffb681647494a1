//! Files that are written whole or not at all.

use std::fs::{self, File, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use botstore::files::resolve;

use crate::exit::advise;

/// What a file holds. One that is there already is replaced only by another one of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Svg,
    Png,
    /// A page of the manual.
    Page,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Svg => "picture in SVG",
            Self::Png => "picture in PNG",
            Self::Page => "page of a manual",
        }
    }

    /// Whether a file with this beginning can be one. An empty one may become any.
    fn can_be(self, beginning: &[u8]) -> bool {
        let begins = |with: &[u8]| beginning.starts_with(with);
        let is_one = match self {
            // Before the picture there may be what XML has there.
            Self::Svg => {
                begins(b"<svg") || begins(b"<?xml") && beginning.windows(4).any(|part| part == b"<svg")
            }
            Self::Png => begins(b"\x89PNG\r\n\x1a\n"),
            Self::Page => begins(b".ie ") || begins(b".TH ") || begins(b".\\\"") || begins(b"'\\\""),
        };
        is_one || beginning.is_empty()
    }
}

/// By so many bytes it is told what a file holds.
const BEGINNING: u64 = 1_024;

/// Makes a file with this content, or replaces the one that is there, if it is of the same kind. Nobody ever sees a part of
/// it: it is written beside its place, and then moved there.
///
/// # Errors
///
/// The path leads to something else than a file of this kind, or the system does not let it be written; the error names it.
pub(crate) fn write_whole(path: &Path, kind: Kind, content: &[u8]) -> anyhow::Result<()> {
    replace(path, kind, content).with_context(|| path.display().to_string())
}

fn replace(path: &Path, kind: Kind, content: &[u8]) -> anyhow::Result<()> {
    let path = place(path, kind)?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".rosey-")
        // Less what the umask takes away, as for any other file.
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(directory)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(&path)?;
    Ok(())
}

/// Where the file is, behind links. A device or a directory must not be moved away, nor what somebody may miss.
fn place(path: &Path, kind: Kind) -> anyhow::Result<PathBuf> {
    let path = resolve(path)?;
    match fs::metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(path),
        Ok(found) if !found.is_file() => bail!("this is no file that could be replaced"),
        _ => {}
    }
    let mut beginning = Vec::new();
    File::open(&path)?.take(BEGINNING).read_to_end(&mut beginning)?;
    if !kind.can_be(&beginning) {
        let error = anyhow!("this file is no {}, so it is not replaced", kind.name());
        return Err(advise(error, "name another file, or remove this one"));
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_also_behind_a_link() {
        let home = tempfile::tempdir().unwrap();
        let (file, link) = (home.path().join("file"), home.path().join("link"));
        std::os::unix::fs::symlink(&file, &link).unwrap();
        for content in ["<svg>first", "<svg>second"] {
            write_whole(&link, Kind::Svg, content.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&file).unwrap(), content);
            assert!(link.is_symlink());
        }
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 2);
    }

    #[test]
    fn only_a_file_of_the_same_kind_is_replaced() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("file");
        let (svg, png) = (b"<?xml version='1.0'?><svg>".as_slice(), b"\x89PNG\r\n\x1a\n...".as_slice());
        let (page, database) = (b".ie \\n(.g".as_slice(), b"SQLite format 3\0...".as_slice());
        for (before, kinds) in [
            (svg, vec![Kind::Svg]),
            (png, vec![Kind::Png]),
            (page, vec![Kind::Page]),
            (database, vec![]),
            (b"<?xml version='1.0'?><feed>", vec![]),
            (b".profile", vec![]),
            (b"text", vec![]),
            (b"\x89PNG", vec![]),
            (b"", vec![Kind::Svg, Kind::Png, Kind::Page]),
        ] {
            for kind in [Kind::Svg, Kind::Png, Kind::Page] {
                fs::write(&file, before).unwrap();
                let written = write_whole(&file, kind, b"new");
                assert_eq!(written.is_ok(), kinds.contains(&kind), "{kind:?} {before:?}");
                let after = if written.is_ok() { b"new" } else { before };
                assert_eq!(fs::read(&file).unwrap(), after);
            }
        }
    }

    #[test]
    fn what_is_no_file_stays() {
        let home = tempfile::tempdir().unwrap();
        for place in [home.path(), Path::new("/dev/null"), &home.path().join("none/file")] {
            let error = format!("{:#}", write_whole(place, Kind::Svg, b"new").unwrap_err());
            assert!(error.starts_with(&*place.to_string_lossy()), "{error}");
        }
        assert!(home.path().is_dir() && !Path::new("/dev/null").is_file());
    }
}
