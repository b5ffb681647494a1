//! What is asked of the store, held against what was measured.

use botstore_bench_harness::Backend::{self, Postgresql, Sqlite};
use botstore_bench_harness::{Report, Work};
use serde::Serialize;

use crate::cell::{Cell, READS};
use crate::contestant::{Contestant, OURS, PGBENCH, RUSQLITE, TOKIO_POSTGRES};
use crate::results::Results;

/// One thing that is asked, and its figure.
#[derive(Debug, Serialize)]
pub(crate) struct Limit {
    pub(crate) what: String,
    pub(crate) asked: String,
    pub(crate) measured: String,
    pub(crate) met: bool,
}

const CHAT_1: Cell = Cell::small(Work::Chat, 1);
const CHAT_8: Cell = Cell::small(Work::Chat, 8);
const CHAT_64: Cell = Cell::small(Work::Chat, 64);
const DAY_1: Cell = Cell::small(Work::Day, 1);
const DAY_8: Cell = Cell::small(Work::Day, 8);
const DAY_64: Cell = Cell::small(Work::Day, 64);

/// All limits of which there is a figure.
pub(crate) fn held(results: &Results, cells: &[Cell], contestants: &[Contestant]) -> Vec<Limit> {
    let mut limits = Vec::new();
    limits.extend(
        [CHAT_1, CHAT_8, CHAT_64, DAY_1, DAY_8, DAY_64].iter().filter_map(|&cell| across(results, cell)),
    );
    for backend in [Sqlite, Postgresql] {
        limits.extend([CHAT_64, DAY_64].iter().filter_map(|&cell| fair(results, cell, backend)));
    }
    limits.extend(against_rusqlite(results, CHAT_1, 0.65));
    limits.extend(against_rusqlite(results, CHAT_64, 15.0));
    limits.extend(against_pgbench(results, CHAT_1, 0.8));
    limits.extend(against_pgbench(results, CHAT_64, 3.5));
    limits.extend([Sqlite, Postgresql].iter().filter_map(|&on| ahead(results, cells, contestants, on)));
    for &cell in cells.iter().filter(|cell| READS.contains(&cell.work) && cell.callers == 1) {
        limits.extend(read_on_sqlite(results, cell));
        limits.extend(read_on_postgresql(results, cell));
    }
    for backend in [Sqlite, Postgresql] {
        limits.extend(cells.iter().filter_map(|&cell| quick(results, cell, backend)));
    }
    limits
}

/// botstore's time for an operation on PostgreSQL, to that on SQLite.
pub(crate) fn postgresql_to_sqlite(results: &Results, cell: Cell) -> Option<f64> {
    let (sqlite, postgresql) = (Contestant::ours(Sqlite)?, Contestant::ours(Postgresql)?);
    results.ratio((cell, sqlite), (cell, postgresql))
}

fn across(results: &Results, cell: Cell) -> Option<Limit> {
    let ratio = postgresql_to_sqlite(results, cell)?;
    Some(at_most(format!("{cell}: time on PostgreSQL / on SQLite"), 2.0, ratio))
}

/// The worst round counts.
fn fair(results: &Results, cell: Cell, backend: Backend) -> Option<Limit> {
    let share = |report: &Report| report.fewest as f64 * report.callers as f64 / report.operations as f64;
    let reports = results.reports(cell, Contestant::ours(backend)?);
    let worst = reports.into_values().map(share).min_by(f64::total_cmp)?;
    Some(at_least(format!("{cell} on {backend}: the caller who got least / the average"), 0.5, worst))
}

/// A mutex around one connection gains nothing from callers; so the better of its figures counts.
fn against_rusqlite(results: &Results, cell: Cell, asked: f64) -> Option<Limit> {
    let (ours, raw) = (Contestant::ours(Sqlite)?, Contestant::named(RUSQLITE, Sqlite)?);
    let ratios = [CHAT_1, cell].into_iter().filter_map(|theirs| results.ratio((cell, ours), (theirs, raw)));
    let ratio = ratios.min_by(f64::total_cmp)?;
    Some(at_least(format!("{cell}: {OURS} / {RUSQLITE}, a transaction a line"), asked, ratio))
}

fn against_pgbench(results: &Results, cell: Cell, asked: f64) -> Option<Limit> {
    let (ours, raw) = (Contestant::ours(Postgresql)?, Contestant::named(PGBENCH, Postgresql)?);
    let ratio = results.ratio((cell, ours), (cell, raw))?;
    let clients = raw.clients(cell.callers).unwrap_or(cell.callers);
    Some(at_least(format!("{cell}: {OURS} / {PGBENCH}, clients: {clients}"), asked, ratio))
}

/// The row in which the lead is least.
fn ahead(results: &Results, cells: &[Cell], contestants: &[Contestant], backend: Backend) -> Option<Limit> {
    let ours = Contestant::ours(backend)?;
    let peers = contestants.iter().filter(|peer| peer.backend == backend && peer.is_peer());
    let rows = peers.flat_map(|&peer| cells.iter().map(move |&cell| (cell, peer)));
    let (ratio, cell, peer) = rows
        .filter_map(|(cell, peer)| Some((results.ratio((cell, ours), (cell, peer))?, cell, peer)))
        .min_by(|a, b| a.0.total_cmp(&b.0))?;
    let what = format!("every row on {backend}: {OURS} / the best library, least at {cell} ({})", peer.name);
    Some(at_least(what, 1.0, ratio))
}

fn read_on_sqlite(results: &Results, cell: Cell) -> Option<Limit> {
    let (ours, raw) = (Contestant::ours(Sqlite)?, Contestant::named(RUSQLITE, Sqlite)?);
    let more = results.paired((cell, ours), (cell, raw), |ours, raw| ours.p50_us - raw.p50_us)?;
    Some(Limit {
        what: format!("{cell} on sqlite: p50 above that of {RUSQLITE}"),
        asked: "at most 40 µs".to_owned(),
        measured: format!("{more:.1} µs"),
        met: more <= 40.0,
    })
}

fn read_on_postgresql(results: &Results, cell: Cell) -> Option<Limit> {
    let (ours, raw) = (Contestant::ours(Postgresql)?, Contestant::named(TOKIO_POSTGRES, Postgresql)?);
    let ratio = results.paired((cell, ours), (cell, raw), |ours, raw| ours.p50_us / raw.p50_us)?;
    Some(at_most(format!("{cell} on postgresql: p50 / that of {TOKIO_POSTGRES}"), 1.3, ratio))
}

/// What one caller waits for, and on large data what any read takes.
fn quick(results: &Results, cell: Cell, backend: Backend) -> Option<Limit> {
    if cell.callers != 1 {
        return None;
    }
    let milliseconds = match (cell.work.only_reads(), backend) {
        (false, Sqlite) => 5.0,
        (false, Postgresql) | (true, Sqlite) => 10.0,
        (true, Postgresql) => 20.0,
    };
    let p99 = results.row(cell, Contestant::ours(backend)?)?.p99_us / 1_000.0;
    Some(Limit {
        what: format!("{cell} on {backend}: p99"),
        asked: format!("under {milliseconds} ms"),
        measured: format!("{p99:.3} ms"),
        met: p99 < milliseconds,
    })
}

fn at_least(what: String, asked: f64, measured: f64) -> Limit {
    let met = measured >= asked;
    Limit { what, asked: format!("at least {asked}"), measured: format!("{measured:.2}"), met }
}

fn at_most(what: String, asked: f64, measured: f64) -> Limit {
    let met = measured <= asked;
    Limit { what, asked: format!("at most {asked}"), measured: format!("{measured:.2}"), met }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contestant;
    use crate::results::tests::{CELL, run};

    #[test]
    fn the_row_in_which_the_lead_is_least_decides() {
        let results = Results::new(vec![
            run(0, "botstore", 100),
            run(0, "sqlx", 50),
            run(0, "diesel", 125),
            run(0, "rusqlite", 900),
        ]);
        let limits = held(&results, &[CELL], &contestant::ALL);
        let [limit] = limits.as_slice() else { panic!("{limits:?}") };
        assert!(limit.what.ends_with("least at chat@8 (diesel)"), "{}", limit.what);
        assert_eq!((limit.measured.as_str(), limit.met), ("0.80", false));
    }

    #[test]
    fn a_limit_can_be_reached_exactly() {
        assert!(at_least(String::new(), 2.0, 2.0).met);
        assert!(at_most(String::new(), 2.0, 2.0).met);
        assert!(!at_most(String::new(), 2.0, f64::NAN).met);
    }
}
