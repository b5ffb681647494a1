//! The file of rejected rows: nothing that the old database has is lost.

use std::fs;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use botstore_legacy::Reject;
use serde::Serialize;
use serde_json::{Map, Value};
use tempfile::{NamedTempFile, PersistError};

use crate::exit::advise;

/// Where rejects go if nobody says.
const DEFAULT: &str = "import-rejects.jsonl";

/// Rejects that are named one by one in the report; the rest is only counted, and all are in the file.
const NAMED: usize = 100;

/// Rows that were rejected, as they come in.
pub(super) struct Rejects {
    /// None: they are counted, and not kept.
    path: Option<PathBuf>,
    /// Made with the first reject.
    writing: Option<BufWriter<NamedTempFile>>,
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

    pub(super) fn keep(&mut self, reject: &Reject) -> io::Result<()> {
        if self.named.len() < NAMED {
            self.named.push(Reject { row: Map::new(), ..reject.clone() });
        }
        let Some(path) = &self.path else { return Ok(()) };
        let out = match &mut self.writing {
            Some(writing) => writing,
            // In the same directory, for it is renamed in the end; nobody but its owner may read it.
            none => none.insert(BufWriter::new(NamedTempFile::with_prefix_in(".rejects-", directory(path))?)),
        };
        let line = Line {
            table: reject.table.name(),
            key: &reject.key,
            field: &reject.field,
            reason: &reject.reason,
            row: &reject.row,
        };
        serde_json::to_writer(&mut *out, &line)?;
        out.write_all(b"\n")
    }

    /// Gives the file its name, unless there is another one that has it.
    pub(super) fn finish(self) -> anyhow::Result<Kept> {
        let Self { path, writing, named } = self;
        let (Some(path), Some(writing)) = (path, writing) else { return Ok(Kept { path: None, named }) };
        let kept =
            persist(writing, &path).with_context(|| format!("the rejects' file {}", path.display()))?;
        if !kept {
            let error =
                anyhow!("{} is there already, and has other rows. Nothing was written", path.display());
            return Err(advise(error, "move it away, or name another file: --rejects FILE"));
        }
        Ok(Kept { path: Some(path), named })
    }
}

/// The directory of a file.
fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether the file of this path has this content now.
fn persist(writing: BufWriter<NamedTempFile>, path: &Path) -> io::Result<bool> {
    let file = writing.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(true),
        Err(PersistError { error, file }) if error.kind() == io::ErrorKind::AlreadyExists => {
            // An import that was stopped, and is run again, rejects the same.
            Ok(fs::read(path)? == fs::read(file.path())?)
        }
        Err(PersistError { error, .. }) => Err(error),
    }
}
