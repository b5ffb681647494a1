//! Whether a journal can stand where it is to stand.

use std::path::Path;

use botstore_core::StoreError;
use botstore_core::files::resolve;
use rustix::fs::{Access, AtFlags, CWD, accessat};

use super::{file, files, unopened};
use crate::fault::Fault;
use crate::lock;

/// Finds out whether this user could open a journal at `path`, be there one or not, changing nothing. There may be no room
/// for it all the same, or somebody else may have it open.
///
/// # Errors
///
/// [`Unavailable`](botstore_core::ErrorKind::Unavailable): something else is there, its directory is missing, or the right
/// to write is.
pub fn check_place(path: &Path) -> Result<(), StoreError> {
    checked(path).map_err(|fault| unopened::of_system(fault).into_error("open", path))
}

fn checked(path: &Path) -> Result<(), Fault> {
    let path = resolve(path)?;
    file::refuse_no_file(&path)?;
    // Its lock is made beside it, and what SQLite keeps there.
    may(path.parent().unwrap_or(&path), Access::WRITE_OK | Access::EXEC_OK)?;
    let beside = files::names(&path).into_iter().chain([lock::path_of(&path)]);
    beside.filter(|file| file.exists()).try_for_each(|file| may(&file, Access::READ_OK | Access::WRITE_OK))
}

fn may(path: &Path, access: Access) -> Result<(), Fault> {
    Ok(accessat(CWD, path, access, AtFlags::EACCESS).map_err(std::io::Error::from)?)
}

#[cfg(test)]
mod tests;
