//! The tables, as text and as Markdown.

use botstore_bench_harness::number;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use crate::cell::Cell;
use crate::contestant::OURS;
use crate::limits::{Limit, postgresql_to_sqlite};
use crate::race::Entry;
use crate::results::{Results, Row};

/// For whom a table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Text,
    Markdown,
}

/// What stands for a figure that is not there.
const NONE: &str = "-";

/// Everybody in every cell, and who is missing.
pub(crate) fn contestants(rows: &[Row], entries: &[Entry], style: Style) -> String {
    let titles = [
        "work",
        "callers",
        "backend",
        "contestant",
        "ops/s",
        "p50 µs",
        "p99 µs",
        "errors",
        "fewest/most",
        "botstore ×",
        "durability",
    ];
    let mut table = table(&titles, &[1, 4, 5, 6, 7, 8, 9], style);
    let mut previous = None;
    for row in rows {
        if style == Style::Text
            && previous.is_some_and(|previous| previous != (row.cell, row.contestant.backend))
        {
            table.add_row([""]);
        }
        previous = Some((row.cell, row.contestant.backend));
        table.add_row(contestant(row));
    }
    for entry in entries {
        if let Err(why) = &entry.starter {
            if style == Style::Text && previous.take().is_some() {
                table.add_row([""]);
            }
            let mut line = vec!["all".to_owned(), NONE.to_owned(), entry.contestant.backend.to_string()];
            line.push(entry.contestant.name.to_owned());
            line.extend(std::iter::repeat_n(NONE.to_owned(), 6));
            line.push(format!("missing: {}", one_line(why)));
            table.add_row(line);
        }
    }
    table.trim_fmt()
}

fn contestant(row: &Row) -> Vec<String> {
    let figure = |value: f64| if value.is_nan() { NONE.to_owned() } else { number(value) };
    let ratio = match row.botstore_ratio {
        Some(_) if row.contestant.name == OURS => "1".to_owned(),
        Some(ratio) => format!("{ratio:.2}"),
        None => NONE.to_owned(),
    };
    let fairness =
        if row.fewest_to_most.is_nan() { NONE.to_owned() } else { format!("{:.2}", row.fewest_to_most) };
    let name = match row.contestant.clients(row.cell.callers) {
        Some(clients) => format!("{}, {clients} clients", row.contestant.name),
        None => row.contestant.name.to_owned(),
    };
    let remark = match &row.failures {
        Some((why, times)) => format!("failed, {times} times: {}", one_line(why)),
        None => row.durability.clone(),
    };
    vec![
        row.cell.title(),
        row.cell.callers.to_string(),
        row.contestant.backend.to_string(),
        name,
        figure(row.rate),
        figure(row.p50_us),
        figure(row.p99_us),
        row.errors.to_string(),
        fairness,
        ratio,
        remark,
    ]
}

/// botstore on one backend and the other. None if only one was measured.
pub(crate) fn backends(results: &Results, rows: &[Row], cells: &[Cell], style: Style) -> Option<String> {
    let mut table = table(
        &["botstore", "callers", "SQLite ops/s", "PostgreSQL ops/s", "PostgreSQL time / SQLite time"],
        &[1, 2, 3, 4],
        style,
    );
    for &cell in cells {
        let Some(ratio) = postgresql_to_sqlite(results, cell) else { continue };
        let mut line = vec![cell.title(), cell.callers.to_string()];
        let ours = rows.iter().filter(|row| row.cell == cell && row.contestant.name == OURS);
        line.extend(ours.map(|row| number(row.rate)));
        line.push(format!("{ratio:.2}"));
        table.add_row(line);
    }
    (!table.is_empty()).then(|| table.trim_fmt())
}

/// What is asked, and what was measured. None if no figure is there.
pub(crate) fn limits(limits: &[Limit], style: Style) -> Option<String> {
    let mut table = table(&["asked of botstore", "limit", "measured", "met"], &[2], style);
    for limit in limits {
        let met = if limit.met { "yes" } else { "no" };
        table.add_row([&limit.what, &limit.asked, &limit.measured, met]);
    }
    (!limits.is_empty()).then(|| table.trim_fmt())
}

fn table(titles: &[&str], numbers: &[usize], style: Style) -> Table {
    let mut table = Table::new();
    let preset = match style {
        Style::Text => presets::NOTHING,
        Style::Markdown => presets::ASCII_MARKDOWN,
    };
    // A line is a row, however narrow the terminal is: what is cut apart cannot be read, nor searched.
    table.load_style(preset).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(titles.iter().copied());
    for &column in numbers {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// A reason as one cell of a table has room for it.
fn one_line(text: &str) -> String {
    const ROOM: usize = 160;
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "/");
    match text.char_indices().nth(ROOM) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use botstore_bench_harness::Backend;

    use super::*;
    use crate::contestant::Contestant;
    use crate::results::tests::{CELL, run};

    #[test]
    fn who_is_missing_and_why_stands_in_the_table() {
        let results = Results::new(vec![run(0, "botstore", 1_000), run(0, "sqlx", 400), run(0, "diesel", 0)]);
        let named = |name| Contestant::named(name, Backend::Sqlite).unwrap();
        let all = ["botstore", "sqlx", "diesel"].map(named);
        let rows = results.rows(&[CELL], &all);
        let missing = Entry { contestant: named("sqlalchemy"), starter: Err("no\npython".to_owned()) };
        let text = contestants(&rows, &[missing], Style::Text);
        let words: Vec<Vec<_>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        let sqlx = ["chat", "8", "sqlite", "sqlx", "400", "0", "100", "1", "0.75", "2.50", "WAL,"];
        assert_eq!(words[2][..11], sqlx, "{text}");
        assert!(text.contains("failed, 1 times: it failed"), "{text}");
        assert!(text.contains("missing: no python"), "{text}");
    }
}
