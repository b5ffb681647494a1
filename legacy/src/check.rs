//! Reading every row once, to know which are valid.

use std::collections::HashMap;
use std::io;

use botstore_core::transfer::{Field, Key, Progress, Row, Table};
use botstore_core::{ErrorKind, InvalidInput, StoreError};

use crate::source::{Broken, Found, Raw, Source};
use crate::{Legacy, OPERATION, Reject, Sums, convert};

/// Why the check came to no end. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The old database cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A rejected row could not be kept.
    #[error("a rejected row could not be kept")]
    Reject(#[source] io::Error),
}

/// A table's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// The table.
    pub table: Table,
    /// Rows that the old database has.
    pub read: u64,
    /// Those of them that are valid.
    pub valid: u64,
}

impl Tally {
    /// Those that are not.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.read - self.valid
    }
}

/// An old database of which every row was looked at: it exports those that are valid.
pub struct Checked {
    pub(crate) source: Box<dyn Source>,
    pub(crate) tables: Vec<Found>,
    pub(crate) chosen: Chosen,
    tallies: Vec<Tally>,
    sums: Sums,
}

impl Checked {
    /// The tables that the old database has, in the order of [`Table::ALL`].
    #[must_use]
    pub fn tallies(&self) -> &[Tally] {
        &self.tallies
    }

    /// Sums over all of them.
    #[must_use]
    pub fn sums(&self) -> &Sums {
        &self.sums
    }
}

impl Legacy {
    /// Reads every row. `progress` hears how far it is, `reject` of each row that is not valid.
    ///
    /// # Errors
    ///
    /// - [`CheckError::Store`]: the database cannot be read to its end. [`Corrupt`](ErrorKind::Corrupt) names the table
    ///   that is damaged; with [`Unavailable`](ErrorKind::Unavailable) somebody wrote to it meanwhile.
    /// - [`CheckError::Reject`]: `reject` failed.
    pub async fn check(
        self,
        mut progress: impl FnMut(Progress) + Send,
        mut reject: impl FnMut(Reject) -> io::Result<()> + Send,
    ) -> Result<Checked, CheckError> {
        let mut checked = Checked {
            source: self.source,
            tables: self.tables,
            chosen: Chosen::default(),
            tallies: Vec::new(),
            sums: Sums::default(),
        };
        let read = checked.check_tables(&mut progress, &mut reject).await;
        // A file that somebody writes to meanwhile looks damaged.
        let unchanged = checked.source.verify_unchanged().await;
        unchanged.map_err(|error| error.with_remark("nothing was written"))?;
        read.map(|()| checked)
    }
}

impl Checked {
    /// Looks whether the old database is as it was when it was opened. To be called when its rows were exported: where its
    /// locks do not keep others from writing, what was exported may otherwise be a mixture.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](ErrorKind::Unavailable): somebody wrote to it.
    pub async fn verify_unchanged(&self) -> Result<(), StoreError> {
        self.source.verify_unchanged().await
    }

    async fn check_tables(
        &mut self,
        progress: &mut (impl FnMut(Progress) + Send),
        reject: &mut (impl FnMut(Reject) -> io::Result<()> + Send),
    ) -> Result<(), CheckError> {
        for at in 0..self.tables.len() {
            let tally = self.check_table(at, progress, reject).await?;
            self.tallies.push(tally);
        }
        Ok(self.source.verify().await?)
    }

    async fn check_table(
        &mut self,
        at: usize,
        progress: &mut (impl FnMut(Progress) + Send),
        reject: &mut (impl FnMut(Reject) -> io::Result<()> + Send),
    ) -> Result<Tally, CheckError> {
        let (source, found) = (&self.source, &self.tables[at]);
        let table = found.old.table;
        let mut tally = Tally { table, read: 0, valid: 0 };
        // What is damaged is found, and named, when the rows are read.
        let total = source.count(&found.name, None).await.unwrap_or(0);
        if source.repeats_keys(found).await.unwrap_or(true) {
            self.chosen.watched.push(table);
        }
        let mut after = None;
        loop {
            let rows = source.scan(found, after.as_ref()).await;
            let rows = rows.map_err(|broken| damaged(source.name(), &tally, broken))?;
            let Some(last) = rows.last() else { return Ok(tally) };
            after = Some(found.behind(last));
            for raw in &rows {
                tally.read += 1;
                self.sums.read(found, raw);
                match convert::row(found, raw).and_then(|row| self.chosen.choose(raw, &row).map(|()| row)) {
                    Ok(row) => {
                        tally.valid += 1;
                        self.sums.take(found, raw, &row);
                    }
                    Err(invalid) => {
                        reject(Reject::of(found, raw, &invalid)).map_err(CheckError::Reject)?;
                    }
                }
            }
            progress(Progress { table, done: tally.read, total: total.max(tally.read) });
        }
    }
}

/// Says of a damaged table how much of it can be read.
fn damaged(name: &str, tally: &Tally, Broken { readable, error }: Broken) -> StoreError {
    if *error.kind() != ErrorKind::Corrupt {
        return error;
    }
    let readable = tally.read + readable;
    let detail = format!(
        "{name}: the table {} is damaged: {readable} rows of it can be read. {}",
        tally.table,
        crate::sqlite::RECOVER
    );
    StoreError::new(ErrorKind::Corrupt, OPERATION, detail)
}

/// Of rows that have what only one may have, the first valid one is chosen.
#[derive(Debug, Default)]
pub(crate) struct Chosen {
    /// Tables of which rows have the same key.
    watched: Vec<Table>,
    /// The places of the rows that were chosen.
    places: HashMap<Unique, i64>,
}

/// What only one row may have.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Unique {
    Key(Table, Key),
    Token(Vec<u8>),
}

impl Chosen {
    fn uniques(&self, row: &Row) -> Vec<Unique> {
        let mut uniques = Vec::new();
        if self.watched.contains(&row.table()) {
            uniques.push(Unique::Key(row.table(), row.key()));
        }
        if let Field::Bytes(hash) = row.field("token_hash") {
            uniques.push(Unique::Token(hash.clone()));
        }
        uniques
    }

    /// Chooses a row, unless another one was.
    fn choose(&mut self, raw: &Raw, row: &Row) -> Result<(), InvalidInput> {
        let uniques = self.uniques(row);
        for unique in &uniques {
            if self.places.contains_key(unique) {
                let field = match unique {
                    Unique::Key(table, _) => table.columns()[0].name,
                    Unique::Token(_) => crate::layout::TOKEN,
                };
                return Err(InvalidInput::new(field, "is that of another row, too, which comes first"));
            }
        }
        self.places.extend(uniques.into_iter().map(|unique| (unique, raw.place)));
        Ok(())
    }

    /// Whether a row was chosen, or nobody else has what it has.
    pub(crate) fn is(&self, raw: &Raw, row: &Row) -> bool {
        self.uniques(row).iter().all(|unique| self.places.get(unique) == Some(&raw.place))
    }
}
