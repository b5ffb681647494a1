use botstore_core::Result;
use botstore_core::model::{Batch, DatabaseId, Recorded};
use botstore_core::settings::WhenFull;
use rusqlite::Connection;

use crate::journal::{Journal, Portion};
use crate::testing::{Log, at, loose, place, placed, settings, source, words};

fn append(journal: &mut Journal, batch: &Batch) -> Result<Recorded> {
    journal.append(&[batch], at(1)).remove(0)
}

fn said(portion: &Portion) -> Vec<&str> {
    words(portion.events.iter().map(|(_, event)| event))
}

/// How many events are kept aside, and how many were given up.
fn counts(journal: &Journal) -> (u64, u64) {
    let health = journal.health();
    (health.rejected, health.dropped)
}

#[test]
fn what_is_kept_aside_takes_no_more_room_than_what_waits_may() {
    let log = Log::begin();
    let (_directory, mut settings) = settings();
    settings.max_bytes = 200;
    let mut journal = Journal::open(settings.clone()).unwrap();
    let mut kept = Vec::new();
    for place in 10..40 {
        append(&mut journal, &placed("a", place, place + 1)).unwrap();
        let portion = journal.next().unwrap().unwrap();
        journal.reject(&portion, "something is missing").unwrap();
        kept.push(counts(&journal));
    }
    assert!(kept.iter().zip(1..).all(|((rejected, dropped), all)| rejected + dropped == all), "{kept:?}");
    let (rejected, dropped) = counts(&journal);
    assert!((2..5).contains(&rejected), "{rejected}");
    let rows = |what: &str| -> i64 {
        let file = Connection::open(&settings.path).unwrap();
        file.query_row(&format!("SELECT {what} FROM rejected"), [], |row| row.get(0)).unwrap()
    };
    assert!(rows("sum(length(body))") <= 200);
    assert_eq!((rows("count(*)"), rows("max(last)")), (rejected as i64, 40), "the newest are there");
    let told = "too much is kept aside in the journal: the oldest events are given up";
    let given_up = log.lines().iter().filter(|line| line.contains(told)).count();
    assert_eq!(given_up as u32, dropped.ilog2() + 1);
    drop(journal);
    assert_eq!(counts(&Journal::open(settings).unwrap()), (rejected, dropped));
}

/// Damages a batch in the file, as a disk may.
fn damage(journal: &Journal, number: i64, how: &str) {
    let file = Connection::open(&journal.settings.path).unwrap();
    file.execute(&format!("UPDATE batch SET {how} WHERE number = {number}"), []).unwrap();
}

/// Each is something that no batch has.
const DAMAGES: [&str; 10] = [
    "body = '5 secret'",
    "body = ''",
    "body = CAST(x'35207bff0a' AS TEXT)",
    "body = replace(body, 'a5', 'a5\"')",
    "body = replace(body, '5 {', '6 {')",
    "body = replace(body, '6 {', '9 {')",
    "body = body || body",
    "last = 7",
    "events = 3",
    "source = ''",
];

#[test]
fn a_batch_that_cannot_be_read_is_kept_aside_and_what_follows_goes_on() {
    for how in DAMAGES {
        let (_directory, settings) = settings();
        let mut journal = Journal::open(settings.clone()).unwrap();
        for batch in [loose(&["1"]), placed("a", 4, 6), loose(&["2"]), placed("b", 0, 1)] {
            append(&mut journal, &batch).unwrap();
        }
        damage(&journal, 2, how);
        if how.contains("source") {
            // Nor does it keep anybody from opening the journal.
            drop(journal);
            journal = Journal::open(settings.clone()).unwrap();
        }
        let log = Log::begin();
        for expected in [["1"], ["2"], ["b1"]] {
            let portion = journal.next().unwrap().unwrap();
            assert_eq!(said(&portion), expected, "{how}");
            journal.remove(&portion).unwrap();
        }
        assert!(journal.next().unwrap().is_none());
        assert!(journal.settle().unwrap(), "{how}");
        assert_eq!((journal.health().events, journal.health().rejected > 0), (0, true), "{how}");
        let lines = log.lines();
        assert_eq!(lines.len(), 1, "{lines:?}");
        let told = "the journal is damaged: a batch cannot be read, it is kept aside";
        assert!(lines[0].contains(told) && lines[0].contains("number=2"), "{lines:?}");
        assert!(lines[0].contains(settings.path.to_str().unwrap()), "{lines:?}");
        assert!(!lines[0].contains("secret"), "{lines:?}");
        let file = Connection::open(&settings.path).unwrap();
        let reason: String = file.query_row("SELECT reason FROM rejected", [], |row| row.get(0)).unwrap();
        assert_eq!(reason, "it cannot be read");
    }
}

#[test]
fn a_batch_that_cannot_be_read_gives_way_like_any_other() {
    let (_directory, mut settings) = settings();
    (settings.max_bytes, settings.when_full) = (200, WhenFull::DropOldest);
    let mut journal = Journal::open(settings).unwrap();
    append(&mut journal, &placed("a", 4, 5)).unwrap();
    damage(&journal, 1, "source = ''");
    for place in 0..6 {
        append(&mut journal, &placed("b", place, place + 1)).unwrap();
    }
    assert!(journal.health().dropped > 0);
    assert_eq!(said(&journal.next().unwrap().unwrap()).last(), Some(&"b6"));
}

/// A journal with room for two events of one digit, that keeps some of `a` and of `b` aside; and the events of `a` after them,
/// of which some were given up.
fn passed_over() -> (tempfile::TempDir, Journal) {
    let (directory, mut settings) = settings();
    settings.when_full = WhenFull::DropOldest;
    let mut journal = Journal::open(settings.clone()).unwrap();
    for batch in [placed("a", 2, 3), placed("b", 2, 3)] {
        append(&mut journal, &batch).unwrap();
        let portion = journal.next().unwrap().unwrap();
        settings.max_bytes = 2 * journal.health().bytes;
        journal.reject(&portion, "something is missing").unwrap();
    }
    drop(journal);
    let mut journal = Journal::open(settings).unwrap();
    for after in 3..7 {
        append(&mut journal, &placed("a", after, after + 1)).unwrap();
    }
    assert_eq!(counts(&journal), (2, 2));
    (directory, journal)
}

fn forget(journal: &mut Journal, name: &str, upto: i64) {
    journal.forget_aside(&source(name), place(upto)).unwrap();
}

#[test]
fn what_a_source_passed_by_a_gap_is_not_let_go() {
    let (_directory, mut journal) = passed_over();
    let portion = journal.next().unwrap().unwrap();
    assert_eq!((said(&portion), portion.after), (vec!["a6", "a7"], None));
    // Written, and perhaps killed before it was removed.
    forget(&mut journal, "a", 7);
    assert_eq!(counts(&journal).0, 2);
    journal.remove(&portion).unwrap();
    forget(&mut journal, "a", 7);
    assert_eq!(counts(&journal).0, 2);
    let settings = journal.settings.clone();
    assert_eq!(journal.close().unwrap(), 0);
    let mut journal = Journal::open(settings).unwrap();
    forget(&mut journal, "a", 7);
    forget(&mut journal, "b", 2);
    assert_eq!(counts(&journal).0, 2);
    forget(&mut journal, "b", 3);
    assert_eq!(counts(&journal).0, 1, "the other source was read again");
}

#[test]
fn what_a_source_passed_is_not_let_go_even_if_what_passed_it_is_given_up() {
    let (_directory, mut journal) = passed_over();
    // It was written by somebody who died before he could take it out.
    assert_eq!(said(&journal.next().unwrap().unwrap()), ["a6", "a7"]);
    journal.give_back();
    for place in 0..2 {
        append(&mut journal, &placed("c", place, place + 1)).unwrap();
    }
    forget(&mut journal, "a", 7);
    forget(&mut journal, "b", 7);
    assert_eq!(counts(&journal), (1, 4));
}

#[test]
fn what_came_aside_after_a_gap_is_let_go() {
    let (_directory, mut journal) = passed_over();
    let portion = journal.next().unwrap().unwrap();
    journal.remove(&portion).unwrap();
    append(&mut journal, &placed("a", 8, 9)).unwrap();
    let portion = journal.next().unwrap().unwrap();
    journal.reject(&portion, "something is missing").unwrap();
    assert_eq!(counts(&journal), (2, 3), "the oldest, of the same source, made room");
    forget(&mut journal, "a", 9);
    assert_eq!(counts(&journal).0, 1);
}

#[test]
fn what_is_aside_is_let_go_if_its_database_has_another_name() {
    let (_directory, mut settings) = settings();
    let mut journal = Journal::open(settings.clone()).unwrap();
    let one = DatabaseId::new("one").unwrap();
    journal.bind(&one).unwrap();
    append(&mut journal, &placed("a", 2, 3)).unwrap();
    let portion = journal.next().unwrap().unwrap();
    journal.reject(&portion, "something is missing").unwrap();
    drop(journal);
    for name in ["127.0.0.1", "localhost"] {
        settings.database = Some(name.to_owned());
        drop(Journal::open(settings.clone()).unwrap());
    }
    let mut journal = Journal::open(settings).unwrap();
    journal.bind(&one).unwrap();
    forget(&mut journal, "a", 3);
    assert_eq!(counts(&journal).0, 0);
}

#[test]
fn what_one_database_did_not_take_is_not_let_go_for_another() {
    let (_directory, settings) = settings();
    let mut journal = Journal::open(settings).unwrap();
    let [one, other] = ["1", "2"].map(|digit| DatabaseId::new(digit.repeat(32)).unwrap());
    journal.bind(&one).unwrap();
    for name in ["a", "b"] {
        append(&mut journal, &placed(name, 2, 3)).unwrap();
        let portion = journal.next().unwrap().unwrap();
        journal.reject(&portion, "something is missing").unwrap();
    }
    journal.bind(&one).unwrap();
    forget(&mut journal, "a", 3);
    assert_eq!(counts(&journal).0, 1);
    journal.bind(&other).unwrap();
    forget(&mut journal, "b", 3);
    assert_eq!(counts(&journal).0, 1);
}
