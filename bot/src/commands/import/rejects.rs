//! The file of rejected rows: nothing that the old database has is lost.
//!
//! It is written under its own name as the rows come in. What stands there already must be the beginning of that: so an
//! import that was stopped goes on with its file, and nobody's file is overwritten.

use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io::{self, BufReader, BufWriter, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use botstore_legacy::Reject;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::exit::advise;

/// Where rejects go if nobody says.
const DEFAULT: &str = "import-rejects.jsonl";

/// Rejects that are named one by one in the report; the rest is only counted, and all are in the file.
const NAMED: usize = 100;

/// Nobody but its owner may read the file.
const MODE: u32 = 0o600;

/// Rows that were rejected, as they come in.
pub(super) struct Rejects {
    /// None: they are counted, and not kept.
    path: Option<PathBuf>,
    /// Made with the first reject.
    writing: Option<Writing>,
    named: Vec<Reject>,
}

/// Rows that were rejected.
pub(super) struct Kept {
    /// The file that has all of them.
    pub(super) path: Option<PathBuf>,
    /// The first ones.
    pub(super) named: Vec<Reject>,
}

/// A line of the file.
#[derive(Serialize)]
struct Line<'a> {
    table: &'a str,
    key: &'a str,
    field: &'a str,
    reason: &'a str,
    row: &'a Map<String, Value>,
}

impl Rejects {
    /// Rejects that go into this file; a dry run keeps them only if it is told where.
    pub(super) fn into_file(path: Option<&Path>, is_dry: bool) -> Self {
        let default = (!is_dry).then(|| PathBuf::from(DEFAULT));
        Self { path: path.map(Path::to_owned).or(default), writing: None, named: Vec::new() }
    }

    /// The file that they go into, if they are kept.
    pub(super) fn file(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    pub(super) fn keep(&mut self, reject: &Reject) -> io::Result<()> {
        if self.named.len() < NAMED {
            self.named.push(Reject { row: Map::new(), ..reject.clone() });
        }
        let Some(path) = &self.path else { return Ok(()) };
        let writing = match &mut self.writing {
            Some(writing) => writing,
            none => none.insert(Writing::begin(path)?),
        };
        let line = Line {
            table: reject.table.name(),
            key: &reject.key,
            field: &reject.field,
            reason: &reject.reason,
            row: &reject.row,
        };
        let mut line = serde_json::to_vec(&line)?;
        line.push(b'\n');
        writing.take(&line)
    }

    /// The file has all of them.
    pub(super) fn finish(mut self) -> anyhow::Result<Kept> {
        if let Some(writing) = &mut self.writing {
            let finished = writing.finish();
            finished.map_err(|error| self.failed(error))?;
        }
        let path = self.path.filter(|_| self.writing.is_some());
        Ok(Kept { path, named: self.named })
    }

    /// An error of [`keep`](Self::keep), with the file's name.
    pub(super) fn failed(&self, error: io::Error) -> anyhow::Error {
        let name = self.path.as_deref().unwrap_or(Path::new(DEFAULT)).display();
        if error.kind() == io::ErrorKind::AlreadyExists {
            let error = anyhow!("{name} is there already, and has other rows. Nothing was written");
            return advise(error, "move it away, or name another file: --rejects FILE");
        }
        anyhow!("the rejects' file {name}: {error}. Nothing was written")
    }
}

/// A file that is written, or found to have the same already.
struct Writing {
    path: PathBuf,
    /// What is there, from where it was not compared yet.
    there: BufReader<File>,
    /// How many bytes of it are not.
    ahead: u64,
    /// How many bytes there were in the beginning; none: there was no such file.
    before: Option<u64>,
    /// Writes behind all that is there.
    out: BufWriter<File>,
    is_finished: bool,
}

impl Writing {
    fn begin(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).mode(MODE);
        let (file, before) = match options.clone().create_new(true).open(path) {
            Ok(file) => (file, None),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let file = options.open(path)?;
                let found = file.metadata()?;
                if !found.is_file() {
                    return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
                }
                (file, Some(found.len()))
            }
            Err(error) => return Err(error),
        };
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(io::Error::other("another import writes it")),
            // A file system without locks will do.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        let there = BufReader::new(file.try_clone()?);
        let (path, ahead) = (path.to_owned(), before.unwrap_or(0));
        Ok(Self { path, there, ahead, before, out: BufWriter::new(file), is_finished: false })
    }

    /// Takes a line, of which a part may be there already.
    fn take(&mut self, line: &[u8]) -> io::Result<()> {
        let length = usize::try_from(self.ahead).map_or(line.len(), |ahead| ahead.min(line.len()));
        let (expected, new) = line.split_at(length);
        if !expected.is_empty() {
            let mut found = vec![0; expected.len()];
            self.there.read_exact(&mut found)?;
            if found != expected {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            self.ahead -= expected.len() as u64;
        }
        self.out.write_all(new)
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.ahead > 0 {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.out.flush()?;
        self.out.get_ref().set_permissions(Permissions::from_mode(MODE))?;
        self.out.get_ref().sync_all()?;
        self.is_finished = true;
        Ok(())
    }
}

impl Drop for Writing {
    /// An import that failed leaves what it found.
    fn drop(&mut self) {
        if self.is_finished {
            return;
        }
        // If that fails, the next import says what is there.
        let _ = match self.before {
            None => std::fs::remove_file(&self.path),
            Some(length) => self.out.flush().and_then(|()| self.out.get_ref().set_len(length)),
        };
    }
}
