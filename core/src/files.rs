//! Which files belong to a database.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What the names of an SQLite database's files have after its own: the database, what SQLite keeps beside it, and the lock
/// of whoever opens it. A journal is such a database too.
const PARTS: [&str; 5] = ["", "-wal", "-shm", "-journal", ".lock"];

/// Whether `file` is the SQLite database at `database`, or has the place of one of those beside it. Links are followed, and
/// neither has to be there.
#[must_use]
pub fn is_part_of(database: &Path, file: &Path) -> bool {
    let one_name = |path: &Path| resolve(path).unwrap_or_else(|_| path.to_owned());
    let (database, file) = (one_name(database), one_name(file));
    PARTS.iter().any(|part| {
        let mut name = database.clone().into_os_string();
        name.push(part);
        // What stands there may be a link itself.
        Path::new(&name) == file || one_name(Path::new(&name)) == file
    })
}

/// The one name of what `path` leads to, links followed, whether or not it is there yet.
///
/// # Errors
///
/// Those of the operating system: the directory is not there, or links lead in a circle.
pub fn resolve(path: &Path) -> io::Result<PathBuf> {
    let missing = match fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => error,
        resolved => return resolved,
    };
    let directory = match path.parent() {
        Some(directory) if directory.as_os_str().is_empty() => Path::new("."),
        Some(directory) => directory,
        None => return Err(missing),
    };
    // A link may lead to where nothing is yet. One that leads back to itself is no such.
    match fs::read_link(path) {
        Ok(to) => resolve(&directory.join(to)),
        Err(_) => Ok(fs::canonicalize(directory)?.join(path.file_name().ok_or(missing)?)),
    }
}
