use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use botstore_core::StoreError;
use botstore_core::model::{Batch, DatabaseId, Recorded};
use rusqlite::Connection;

use super::*;
use crate::journal::{Portion, files, look};
use crate::testing::{Log, at, kind, loose, placed, settings, words};

fn append(journal: &mut Journal, batch: &Batch) -> Result<Recorded> {
    journal.append(&[batch], at(1)).remove(0)
}

fn said(portion: &Portion) -> Vec<&str> {
    words(portion.events.iter().map(|(_, event)| event))
}

fn lock_of(path: &Path) -> PathBuf {
    files::with(path, ".lock")
}

/// A journal in which `a1` waits, and another owner of it, who thought that nobody had it.
fn overtaken() -> (tempfile::TempDir, SpoolSettings, Journal, Journal) {
    let (directory, settings) = settings();
    let mut first = Journal::open(settings.clone()).unwrap();
    append(&mut first, &placed("a", 0, 1)).unwrap();
    fs::remove_file(lock_of(&settings.path)).unwrap();
    let second = Journal::open(settings.clone()).unwrap();
    (directory, settings, first, second)
}

#[track_caller]
fn is_refused<T>(outcome: Result<T>) {
    let error: StoreError = outcome.map(drop).unwrap_err();
    assert_eq!((error.kind(), error.is_lasting()), (&ErrorKind::Unavailable, true), "{error}");
    let told = "bot.spool was taken over by another process: two that record need a journal each";
    assert!(error.to_string().contains(told), "{error}");
}

#[test]
fn a_journal_has_one_name_however_it_is_reached() {
    let (directory, settings) = settings();
    let [link, early] = ["link", "early"].map(|name| directory.path().join(name));
    // Before there is anything where it leads to.
    symlink("bot.spool", &early).unwrap();
    let journal = Journal::open(SpoolSettings::at(&early)).unwrap();
    assert!(settings.path.exists() && lock_of(&settings.path).exists());
    symlink(&settings.path, &link).unwrap();
    for path in [&link, &early, &settings.path, &directory.path().join(".").join("bot.spool")] {
        assert_eq!(kind(Journal::open(SpoolSettings::at(path))), Some(ErrorKind::Conflict), "{path:?}");
        assert!(look(path).unwrap().unwrap().in_use);
    }
    drop(journal);
    Journal::open(SpoolSettings::at(link)).unwrap();
}

#[test]
fn an_owner_that_was_overtaken_does_nothing_any_more() {
    type Call = fn(&mut Journal) -> Result<()>;
    let calls: [Call; 5] = [
        |journal| append(journal, &loose(&["1"])).map(drop),
        |journal| journal.next().map(drop),
        |journal| journal.settle().map(drop),
        |journal| journal.bind(&DatabaseId::new("one").unwrap()),
        |journal| journal.note(Some((at(1), "cut"))),
    ];
    for call in calls {
        let (_directory, settings, mut first, mut second) = overtaken();
        is_refused(call(&mut first));
        assert_eq!((first.health().events, first.health().oldest), (0, None), "what is in it is another's");
        let error = call(&mut first).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Unavailable, "it says nothing of events that are missing");
        assert!(error.to_string().contains("bot.spool is in use by another process"), "{error}");
        let seen = look(&settings.path).unwrap().unwrap();
        assert_eq!((seen.spool.events, seen.away, seen.database), (1, None, None));
        assert_eq!(said(&second.next().unwrap().unwrap()), ["a1"]);
    }
}

#[test]
fn what_was_lent_before_is_not_taken_out_of_what_is_anothers() {
    let (_directory, settings) = settings();
    let mut first = Journal::open(settings.clone()).unwrap();
    append(&mut first, &placed("a", 0, 1)).unwrap();
    let portion = first.next().unwrap().unwrap();
    fs::remove_file(lock_of(&settings.path)).unwrap();
    let second = Journal::open(settings.clone()).unwrap();
    is_refused(first.remove(&portion));
    assert_eq!(look(&settings.path).unwrap().unwrap().spool.events, 1);
    drop(second);
    // It is in use here again, and has what was left.
    first.remove(&portion).unwrap();
    first.reject(&portion, "no").unwrap();
    assert_eq!((first.health().events, first.health().rejected), (1, 0));
}

#[test]
fn an_owner_that_was_overtaken_leaves_the_others_files_alone() {
    for asks_first in [false, true] {
        let (_directory, settings, mut first, mut second) = overtaken();
        if asks_first {
            is_refused(first.next());
        }
        assert_eq!(first.close().unwrap(), 0);
        for path in [&settings.path, &lock_of(&settings.path)] {
            assert!(path.exists(), "{path:?}");
        }
        assert_eq!(kind(Journal::open(settings.clone())), Some(ErrorKind::Conflict));
        append(&mut second, &placed("a", 1, 2)).unwrap();
        assert_eq!(second.close().unwrap(), 2);
        assert_eq!(Journal::open(settings).unwrap().health().events, 2);
    }
}

#[test]
fn an_owner_that_was_overtaken_goes_on_once_the_other_is_gone() {
    for ends_well in [false, true] {
        let (_directory, settings, mut first, mut second) = overtaken();
        is_refused(append(&mut first, &loose(&["1"])));
        append(&mut second, &placed("b", 0, 1)).unwrap();
        if ends_well {
            while let Some(portion) = second.next().unwrap() {
                second.remove(&portion).unwrap();
            }
            assert_eq!(second.close().unwrap(), 0);
        } else {
            drop(second);
        }
        let log = Log::begin();
        append(&mut first, &loose(&["2"])).unwrap();
        assert_eq!(first.health().events, if ends_well { 1 } else { 3 });
        assert!(log.lines()[0].contains("it is in use here again"), "{:?}", log.lines());
        assert_eq!(kind(Journal::open(settings.clone())), Some(ErrorKind::Conflict));
        drop(first);
        assert_eq!(look(&settings.path).unwrap().unwrap().spool.events, if ends_well { 1 } else { 3 });
    }
}

/// A journal as it was first made.
const FORM_1: &str = r#"
    PRAGMA auto_vacuum = INCREMENTAL;
    PRAGMA journal_mode = WAL;
    CREATE TABLE batch (
        number INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, after INTEGER, last INTEGER NOT NULL,
        arrived INTEGER NOT NULL, events INTEGER NOT NULL, body TEXT NOT NULL
    ) STRICT;
    CREATE TABLE rejected (
        number INTEGER PRIMARY KEY, source TEXT NOT NULL, after INTEGER, last INTEGER NOT NULL,
        arrived INTEGER NOT NULL, events INTEGER NOT NULL, body TEXT NOT NULL, reason TEXT NOT NULL
    ) STRICT;
    CREATE TABLE gap (source TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
    CREATE TABLE journal (
        id INTEGER PRIMARY KEY CHECK (id = 1), database_id TEXT, dropped INTEGER NOT NULL, away_since INTEGER,
        error TEXT
    ) STRICT;
    INSERT INTO journal (id, database_id, dropped) VALUES (1, 'one', 7);
    INSERT INTO batch (source, after, last, arrived, events, body) VALUES
        ('spool:00', NULL, 1, 5, 1, '1 {"type":"chat","at":1,"username":"ada","message":"1"}' || char(10));
    PRAGMA application_id = 0x62735350;
    PRAGMA user_version = 1;"#;

#[test]
fn a_journal_of_the_first_form_is_taken_up() {
    let (_directory, mut settings) = settings();
    settings.database = Some("here".to_owned());
    Connection::open(&settings.path).unwrap().execute_batch(FORM_1).unwrap();
    let seen = look(&settings.path).unwrap().unwrap();
    assert_eq!((seen.spool.events, seen.spool.dropped, seen.told, seen.in_use), (1, 7, 7, false));
    for _ in 0..2 {
        let mut journal = Journal::open(settings.clone()).unwrap();
        assert_eq!(look(&settings.path).unwrap().unwrap().spool, journal.health());
        assert_eq!(kind(journal.bind(&DatabaseId::new("other").unwrap())), Some(ErrorKind::Conflict));
        journal.bind(&DatabaseId::new("one").unwrap()).unwrap();
        assert_eq!(said(&journal.next().unwrap().unwrap()), ["1"]);
    }
    let form: i32 = Connection::open(&settings.path)
        .unwrap()
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert_eq!((form, look(&settings.path).unwrap().unwrap().told), (3, 7));
}

/// What the second form has in place of the first.
const FORM_2: &str = "
    ALTER TABLE journal ADD COLUMN owner TEXT;
    ALTER TABLE journal ADD COLUMN database_name TEXT;
    UPDATE journal SET database_name = 'here';
    PRAGMA user_version = 2;";

#[test]
fn a_journal_of_the_second_form_is_taken_up() {
    let (_directory, mut settings) = settings();
    settings.database = Some("here".to_owned());
    Connection::open(&settings.path).unwrap().execute_batch(&[FORM_1, FORM_2].concat()).unwrap();
    assert_eq!(look(&settings.path).unwrap().unwrap().told, 7);
    let mut journal = Journal::open(settings.clone()).unwrap();
    assert_eq!(look(&settings.path).unwrap().unwrap().told, 7);
    assert_eq!(said(&journal.next().unwrap().unwrap()), ["1"]);
    journal.bind(&DatabaseId::new("one").unwrap()).unwrap();
}
