//! Why a journal cannot be opened. SQLite says little, so the operating system is asked again.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use super::files;
use crate::fault::Fault;
use crate::lock::private;

/// More than SQLite needs to begin with.
const ROOM: usize = 128 << 10;

/// The fault with the operating system's own reason, if it has one.
pub(super) fn explained(fault: Fault, path: &Path) -> Fault {
    match fault {
        Fault::Sqlite(_) | Fault::Commit(_) => match tried(path) {
            Err(error) => Fault::Unopened(error),
            Ok(()) => fault,
        },
        other => of_system(other),
    }
}

/// The fault as one of opening, if the operating system said why.
pub(super) fn of_system(fault: Fault) -> Fault {
    match fault {
        Fault::System(error) => Fault::Unopened(error),
        other => other,
    }
}

/// Does what SQLite needs to do. Nobody has the journal open, so no lock of SQLite's is dropped by this.
fn tried(path: &Path) -> io::Result<()> {
    files::unless_missing(OpenOptions::new().read(true).write(true).open(path).map(drop))?;
    let probe = files::with(path, ".probe");
    let made = private().create_new(true).write(true).open(&probe);
    let written = made.and_then(|mut file| file.write_all(&vec![0; ROOM]).and_then(|()| file.sync_all()));
    // It is empty if it cannot be removed.
    let _ = fs::remove_file(&probe);
    written
}
