//! Files that are written whole or not at all.

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// Makes a file with this content, or replaces the one that is there. Nobody ever sees a part of it: it is written
/// beside its place, and then moved there.
///
/// # Errors
///
/// The path leads to something else than a file, or the system does not let it be written; the error names it.
pub(crate) fn write_whole(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    replace(path, content).with_context(|| path.display().to_string())
}

fn replace(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let path = place(path)?;
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

/// Where the file is, behind links. A device or a directory must not be moved away.
fn place(path: &Path) -> anyhow::Result<PathBuf> {
    let Ok(found) = fs::canonicalize(path) else { return Ok(path.to_owned()) };
    if !found.is_file() {
        bail!("this is no file that could be replaced");
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_also_behind_a_link() {
        let home = tempfile::tempdir().unwrap();
        let (file, link) = (home.path().join("file"), home.path().join("link"));
        write_whole(&file, b"old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write_whole(&link, b"new").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert!(link.is_symlink());
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_is_no_file_stays() {
        let home = tempfile::tempdir().unwrap();
        for place in [home.path(), Path::new("/dev/null"), &home.path().join("none/file")] {
            let error = format!("{:#}", write_whole(place, b"new").unwrap_err());
            assert!(error.starts_with(&*place.to_string_lossy()), "{error}");
        }
        assert!(home.path().is_dir() && !Path::new("/dev/null").is_file());
    }
}
