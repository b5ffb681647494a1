//! Rows that no store would have written, counted and named.

use super::{Row, Table};
use crate::error::InvalidInput;
use crate::model::Finding;

/// Such rows that are named; the others are counted.
const NAMED: u64 = 10;

/// What came of reading rows as they are kept.
#[derive(Debug, Default)]
pub struct Strangers {
    rows: u64,
    strange: u64,
    named: Vec<String>,
}

impl Strangers {
    /// A row was read, or is none that a store would have written; `key` tells which one.
    pub fn read(&mut self, table: Table, row: Result<Row, InvalidInput>, key: impl FnOnce() -> String) {
        self.rows += 1;
        let Err(InvalidInput { field, reason }) = row else { return };
        self.strange += 1;
        if self.strange <= NAMED {
            self.named.push(format!("{table} {}: {field} {reason}", key()));
        }
    }

    /// What all rows together amount to.
    #[must_use]
    pub fn judge(self, name: &'static str) -> Finding {
        let Self { rows, strange, named } = self;
        if strange == 0 {
            return Finding::ok(name, format!("{rows} rows, each as a store writes it"));
        }
        let more = strange - named.len() as u64;
        let rest = if more == 0 { String::new() } else { format!("; and {more} more") };
        let found =
            format!("{strange} of {rows} rows are none that a store wrote: {}{rest}", named.join("; "));
        let advice =
            "correct or delete these rows by SQL, or restore a backup: whoever reads them gets an error";
        Finding::failed(name, found, advice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Verdict;

    #[test]
    fn the_first_strange_rows_are_named_and_all_are_counted() {
        let mut strangers = Strangers::default();
        for number in 0..=NAMED {
            let row = Err(InvalidInput::new("message", "is empty"));
            strangers.read(Table::RecentChat, row, || number.to_string());
        }
        let initial = Table::ChannelStats.initial().unwrap();
        strangers.read(Table::ChannelStats, Ok(initial), || unreachable!());
        let Finding { verdict, found, .. } = strangers.judge("rows");
        assert_eq!(verdict, Verdict::Failed);
        let first =
            "11 of 12 rows are none that a store wrote: recent_chat 0: message is empty; recent_chat 1:";
        assert!(found.starts_with(first), "{found}");
        assert!(found.ends_with("recent_chat 9: message is empty; and 1 more"), "{found}");
    }
}
