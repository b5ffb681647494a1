//! Comparing two stores.

use std::cmp::Ordering;

use super::digest::Digester;
use super::rows::Rows;
use super::{Digest, Field, Key, Progress, Row, Side, Table, TransferError, Work};
use crate::store::Export;

/// How much a table has, and what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// How many rows.
    pub rows: u64,
    /// What stands in them.
    pub digest: Digest,
}

/// A table of two stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The table.
    pub table: Table,
    /// What the first store has.
    pub from: Extent,
    /// What the second store has.
    pub into: Extent,
    /// The first rows, by key, that are not the same.
    pub differences: Vec<Difference>,
    /// How many more there are.
    pub more: u64,
}

impl Comparison {
    /// Whether both have the same.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.from == self.into
    }
}

/// A row that is not the same in two stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// Only this store has it.
    Only(Side, Key),
    /// Both have it, and these columns differ.
    Columns(Key, Vec<&'static str>),
}

/// Compares all that two stores have, table by table, and names the first rows of each that differ, at most so many.
/// `progress` hears now and then how far a table is.
///
/// # Errors
///
/// [`TransferError::Store`]: one of the stores failed, or may not be read whole.
pub async fn compare(
    from: &dyn Export,
    into: &dyn Export,
    named: usize,
    mut progress: impl FnMut(Progress) + Send,
) -> Result<Vec<Comparison>, TransferError> {
    from.check_rights(Work::Read).await.map_err(TransferError::of(Side::From))?;
    into.check_rights(Work::Read).await.map_err(TransferError::of(Side::Into))?;
    let mut compared = Vec::new();
    for table in Table::ALL {
        compared.push(compare_table(from, into, table, named, &mut progress).await?);
    }
    Ok(compared)
}

/// How many rows apart progress is told.
const STEP: u64 = 4_096;

async fn compare_table(
    from: &dyn Export,
    into: &dyn Export,
    table: Table,
    named: usize,
    progress: &mut (impl FnMut(Progress) + Send),
) -> Result<Comparison, TransferError> {
    let total = from.row_count(table).await.map_err(TransferError::of(Side::From))?.get().unsigned_abs();
    let (mut here, mut there) = (Rows::of(from, Side::From, table), Rows::of(into, Side::Into, table));
    let (mut of_here, mut of_there) = (Sum::default(), Sum::default());
    let (mut differences, mut differ) = (Vec::new(), 0);
    loop {
        let (one, other) = (here.next().await?, there.next().await?);
        let order = match (one, other) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(one), Some(other)) => one.key().cmp(&other.key()),
        };
        // The row that is behind has no partner.
        let (one, other) = (one.filter(|_| order.is_le()), other.filter(|_| order.is_ge()));
        if let Some(difference) = difference(one, other) {
            differ += 1;
            if differences.len() < named {
                differences.push(difference);
            }
        }
        if let Some(row) = one {
            of_here.add(row);
            here.pass();
        }
        if let Some(row) = other {
            of_there.add(row);
            there.pass();
        }
        if of_here.rows % STEP == 0 {
            progress(Progress { table, done: of_here.rows, total: total.max(of_here.rows) });
        }
    }
    progress(Progress { table, done: of_here.rows, total: of_here.rows });
    let more = differ - differences.len() as u64;
    Ok(Comparison { table, from: of_here.finish(), into: of_there.finish(), differences, more })
}

/// How two rows of one key differ, of which one may be missing.
fn difference(one: Option<&Row>, other: Option<&Row>) -> Option<Difference> {
    match (one, other) {
        (Some(one), Some(other)) if one != other => {
            let differs = |(mine, yours): &(&Field, &Field)| mine != yours;
            let columns = one.table().columns().iter().zip(one.fields().iter().zip(other.fields()));
            let columns = columns.filter(|(_, fields)| differs(fields)).map(|(column, _)| column.name);
            Some(Difference::Columns(one.key(), columns.collect()))
        }
        (Some(one), None) => Some(Difference::Only(Side::From, one.key())),
        (None, Some(other)) => Some(Difference::Only(Side::Into, other.key())),
        _ => None,
    }
}

/// The extent of rows that come one after the other.
#[derive(Default)]
struct Sum {
    rows: u64,
    digester: Digester,
}

impl Sum {
    fn add(&mut self, row: &Row) {
        self.rows += 1;
        self.digester.add(row);
    }

    fn finish(self) -> Extent {
        Extent { rows: self.rows, digest: self.digester.finish() }
    }
}
