//! Killed after a step, for the first time, the second, and so on; and the next process too.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;

use botstore_spool::{Step, look};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::child::{self, BATCHES, batch, has_cursor};
use crate::store::Place;

const SIGABRT: i32 = 6;

pub(crate) fn after(step: Step) {
    let mut killed = 0;
    for nth in [1, 2, 3, 5, 8] {
        let directory = TempDir::new().unwrap();
        let died = dies(directory.path(), step, nth, false);
        // The next one dies at the same step, or at the one before; the third lives.
        let index = Step::ALL.iter().position(|other| *other == step).unwrap();
        dies(directory.path(), step, 1, nth % 2 == 0);
        dies(directory.path(), Step::ALL[index.saturating_sub(1)], 1, true);
        assert!(!dies(directory.path(), step, 0, nth % 2 == 1));
        check(&Place::new(directory.path()));
        if !died {
            break;
        }
        killed += 1;
    }
    assert!(killed > 0, "no process died after {step:?}");
}

/// Whether a child died as it was told; else it did all.
fn dies(directory: &Path, step: Step, nth: u64, begins_away: bool) -> bool {
    let output = child::recording(directory, step, nth, begins_away).output().unwrap();
    match output.status.signal() {
        Some(SIGABRT) => true,
        _ if output.status.success() => false,
        _ => panic!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)),
    }
}

/// Compares what the database has with what was acknowledged.
fn check(place: &Place) {
    let diary = std::fs::read_to_string(place.diary()).unwrap();
    let database = Connection::open(place.database()).unwrap();
    let mut statement = database.prepare("SELECT message FROM recent_chat ORDER BY id").unwrap();
    let found: Vec<String> =
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();

    let mut expected = Vec::new();
    for number in 0..BATCHES {
        let done = diary.lines().any(|line| line == format!("done {number}"));
        assert!(done || !has_cursor(number), "batch {number} was sent again until it was acknowledged");
        let words: Vec<_> =
            (0..batch(number).events().len()).map(|part| format!("{number}.{part}")).collect();
        // Of one that nobody was told of, all may be there, or nothing.
        if done || found.contains(&words[0]) {
            expected.extend(words);
        }
    }
    assert_eq!(found, expected, "after\n{diary}");
    assert_eq!(look(&place.journal()).unwrap(), None, "nothing waits");
    let left = std::fs::read_dir(place.directory()).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = left.filter(|name| name.to_string_lossy().starts_with("bot.spool")).collect();
    assert!(left.is_empty(), "{left:?}");
}
