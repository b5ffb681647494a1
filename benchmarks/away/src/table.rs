//! The tables, as Markdown.

use std::time::Duration;

use botstore_bench_harness::number;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use crate::reads::Refused;
use crate::{MOST, REFUSED};

/// What so many callers recorded, in lines a second, and how many times as long a line took in the journal.
pub(crate) struct Row {
    pub(crate) callers: usize,
    pub(crate) sqlite: f64,
    pub(crate) journal: f64,
    pub(crate) cost: f64,
}

pub(crate) fn recorded(rows: &[Row]) -> String {
    let limit = format!("at most {MOST}");
    let rows = rows.iter().map(|row| {
        [
            row.callers.to_string(),
            number(row.sqlite),
            number(row.journal),
            format!("{:.2}", row.cost),
            limit.clone(),
            met(row.cost <= MOST),
        ]
    });
    table(
        ["callers", "SQLite lines/s", "journal lines/s", "journal time / SQLite time", "limit", "met"],
        rows,
    )
}

pub(crate) fn refused(refused: &Refused) -> String {
    let time = |time: Duration| format!("{:.1} µs", time.as_secs_f64() * 1e6);
    let row = [
        number(refused.reads as f64),
        time(refused.p50),
        time(refused.p99),
        time(refused.most),
        format!("p99 under {REFUSED:?}"),
        met(refused.p99 < REFUSED),
    ];
    table(["refused reads", "p50", "p99", "longest", "limit", "met"], [row])
}

fn met(met: bool) -> String {
    if met { "yes" } else { "no" }.to_owned()
}

fn table<const N: usize>(titles: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::ASCII_MARKDOWN)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(titles)
        .add_rows(rows);
    for column in table.column_iter_mut().take(4) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt()
}
