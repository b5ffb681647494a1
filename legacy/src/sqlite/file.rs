//! The file as it stands in its directory: what can be known of it without SQLite.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use botstore_core::{ErrorKind, Result, StoreError};

use super::RECOVER;
use crate::OPERATION;

/// How an SQLite database begins.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// The length of its header, in bytes.
const HEADER: usize = 100;

/// Where that says how large a page is, how it is written (2 is with a write-ahead log), how often it was changed, how
/// many pages there are, and at which change these were counted.
const PAGE_SIZE: usize = 16;
const WRITE_VERSION: usize = 18;
const CHANGES: usize = 24;
const PAGES: usize = 28;
const COUNTED_AT: usize = 92;

/// A file, as it was when it was opened.
pub(super) struct OldFile {
    path: PathBuf,
    /// Stays open: to close a file takes away all locks that the process has on it, SQLite's included.
    file: File,
    state: State,
}

/// What changes when somebody writes to a file, or puts another one in its place.
#[derive(PartialEq, Eq)]
struct State {
    place: (u64, u64),
    length: u64,
    modified: Option<SystemTime>,
    header: Vec<u8>,
}

impl State {
    fn of(found: &Metadata, file: &File) -> io::Result<Self> {
        let mut header = vec![0; HEADER];
        let length = file.read_at(&mut header, 0)?;
        header.truncate(length);
        let place = (found.dev(), found.ino());
        Ok(Self { place, length: found.len(), modified: found.modified().ok(), header })
    }
}

impl OldFile {
    /// A file that is one of SQLite's, and has all that belongs to it.
    ///
    /// # Errors
    ///
    /// - [`Unavailable`](ErrorKind::Unavailable): it cannot be read, or has a log beside it.
    /// - [`Corrupt`](ErrorKind::Corrupt): it is no SQLite database, or its end is missing.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let found = metadata(path)?;
        let file = File::open(path).map_err(|error| unreadable(path, &error))?;
        let state = State::of(&found, &file).map_err(|error| unreadable(path, &error))?;
        let file = Self { path: path.to_owned(), file, state };
        file.refuse_damaged()?;
        file.refuse_log()?;
        Ok(file)
    }

    pub(super) fn name(&self) -> String {
        self.path.display().to_string()
    }

    pub(super) fn refuse<T>(&self, kind: ErrorKind, text: &str) -> Result<T> {
        Err(StoreError::new(kind, OPERATION, format!("{}: {text}", self.name())))
    }

    /// Whether it is written with a log.
    pub(super) fn has_log(&self) -> bool {
        self.state.header.get(WRITE_VERSION) == Some(&2)
    }

    /// Whoever writes to a file with a log is not kept from it, and is seen by what changed.
    pub(super) fn verify_unchanged(&self) -> Result<()> {
        let state = State::of(&metadata(&self.path)?, &self.file);
        let state = state.map_err(|error| unreadable(&self.path, &error))?;
        if log_beside(&self.path).is_some() || state != self.state {
            let text = "somebody opened it for writing, or wrote to it, while it was read: stop the bot";
            return self.refuse(ErrorKind::Unavailable, text);
        }
        Ok(())
    }

    /// Refuses a file with a log, which only SQLite can take into it. It does so even if the file says that it has none.
    fn refuse_log(&self) -> Result<()> {
        let text = match log_beside(&self.path) {
            None => return Ok(()),
            Some(0) if !self.has_log() => {
                "the file -wal beside it is empty, and no log of its: with the bot stopped, remove it"
            }
            // To read it, SQLite would write to the file that is shared by its readers.
            Some(_) => {
                "its log, the file -wal beside it, is there: a bot has it open, or did not close it. Stop the bot, and \
                 have SQLite write the log into the file: sqlite3 FILE 'PRAGMA wal_checkpoint(TRUNCATE)'"
            }
        };
        self.refuse(ErrorKind::Unavailable, text)
    }

    fn refuse_damaged(&self) -> Result<()> {
        let State { length, header, .. } = &self.state;
        if *length == 0 {
            return self.refuse(ErrorKind::Corrupt, "the file is empty");
        }
        if header.len() < HEADER || !header.starts_with(MAGIC) {
            return self.refuse(ErrorKind::Corrupt, "the file is no SQLite database");
        }
        if is_cut_off(*length, header) {
            let text = format!("the file is damaged: it ends before its last page does. {RECOVER}");
            return self.refuse(ErrorKind::Corrupt, &text);
        }
        Ok(())
    }
}

/// How long the log of a file is, if there is one.
fn log_beside(path: &Path) -> Option<u64> {
    fs::symlink_metadata(beside(path, "-wal")).ok().map(|log| log.len())
}

/// What the system knows of a file.
fn metadata(path: &Path) -> Result<Metadata> {
    let found = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    let refuse = |text| Err(unavailable(path, text));
    match found.file_type() {
        kind if kind.is_dir() => refuse("this is a directory; name a file in it"),
        kind if !kind.is_file() => refuse("this is no regular file"),
        _ => Ok(found),
    }
}

fn unavailable(path: &Path, text: &str) -> StoreError {
    StoreError::new(ErrorKind::Unavailable, OPERATION, format!("{}: {text}", path.display()))
}

fn unreadable(path: &Path, error: &io::Error) -> StoreError {
    unavailable(path, &format!("the file cannot be read: {error}"))
}

/// Whether a file of this length lacks its end. SQLite would take a part of a page that is missing for zeros.
fn is_cut_off(length: u64, header: &[u8]) -> bool {
    let number = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let page = match u16::from_be_bytes([header[PAGE_SIZE], header[PAGE_SIZE + 1]]) {
        // The greatest size does not fit into its place.
        0 | 1 => 65_536,
        size => size.into(),
    };
    // The number of pages counts if it was written with the last change.
    let pages = if number(CHANGES) == number(COUNTED_AT) { number(PAGES) } else { 0 };
    !length.is_multiple_of(page) || length / page < pages.into()
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
