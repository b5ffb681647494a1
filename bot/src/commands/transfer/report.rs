//! What comparing two databases found, for people and for programs.

use botstore::transfer::{Comparison, Difference, Digest, Side};
use serde::Serialize;

use crate::format::{number, visible};
use crate::output::table;

#[derive(Debug, Serialize)]
pub(in crate::commands) struct ComparisonJson {
    table: &'static str,
    same: bool,
    rows: [u64; 2],
    digests: [String; 2],
    differences: Vec<DifferenceJson>,
    more: u64,
}

#[derive(Debug, Serialize)]
struct DifferenceJson {
    key: String,
    /// Columns that differ; none if only one of the two has the row.
    columns: Vec<&'static str>,
    /// Which of the two has it, if only one has: 1 or 2.
    only: Option<u8>,
}

/// The comparison as programs read it.
pub(in crate::commands) fn comparison_json(compared: &[Comparison]) -> Vec<ComparisonJson> {
    let difference = |difference: &Difference| {
        let (key, columns, only) = match difference {
            Difference::Only(side, key) => (key, Vec::new(), Some(*side)),
            Difference::Columns(key, columns) => (key, columns.clone(), None),
        };
        let only = only.map(|side| if side == Side::From { 1 } else { 2 });
        DifferenceJson { key: key.to_string(), columns, only }
    };
    compared
        .iter()
        .map(|compared| ComparisonJson {
            table: compared.table.name(),
            same: compared.is_same(),
            rows: [compared.from.rows, compared.into.rows],
            digests: [compared.from.digest, compared.into.digest].map(|digest| digest.to_string()),
            differences: compared.differences.iter().map(difference).collect(),
            more: compared.more,
        })
        .collect()
}

/// The comparison as people read it: a line a table, then the rows that differ.
pub(in crate::commands) fn show_comparison(compared: &[Comparison]) -> String {
    let rows = compared.iter().map(|compared| {
        vec![
            compared.table.to_string(),
            number(compared.from.rows),
            number(compared.into.rows),
            short(compared.from.digest),
            short(compared.into.digest),
            if compared.is_same() { "same" } else { "DIFFERENT" }.to_owned(),
        ]
    });
    let mut shown = table(&["table", "rows", "rows", "digest", "digest", ""], &[1, 2], rows);
    for compared in compared.iter().filter(|compared| !compared.is_same()) {
        for difference in &compared.differences {
            shown.push_str(&format!("\n{}: {}", compared.table, told(difference)));
        }
        if compared.more > 0 {
            shown.push_str(&format!("\n{}: {} more rows differ", compared.table, number(compared.more)));
        }
    }
    shown
}

/// Enough of a digest to see that two are the same.
fn short(digest: Digest) -> String {
    digest.to_string().chars().take(12).collect()
}

fn told(difference: &Difference) -> String {
    match difference {
        Difference::Only(Side::From, key) => format!("only the first has {}", visible(&key.to_string())),
        Difference::Only(Side::Into, key) => format!("only the second has {}", visible(&key.to_string())),
        Difference::Columns(key, columns) => {
            format!("{} differs in {}", visible(&key.to_string()), columns.join(", "))
        }
    }
}
