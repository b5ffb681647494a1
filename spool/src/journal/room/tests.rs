use botstore_core::Result;
use botstore_core::model::{Batch, Position, Recorded};

use super::*;
use crate::journal::Portion;
use crate::testing::{Log, at, kind, loose, place, placed, settings, source, words};

/// How many bytes a batch such as those of these tests takes for each of its events.
fn bytes_of_one() -> u64 {
    let (_directory, settings) = settings();
    let mut journal = Journal::open(settings).unwrap();
    journal.append(&[&placed("a", 0, 1)], at(1)).remove(0).unwrap();
    journal.health().bytes
}

/// A journal for so many events of one digit.
fn journal(events: u64, when_full: WhenFull, max_age: Option<u64>) -> (tempfile::TempDir, Journal) {
    let (directory, mut settings) = settings();
    settings.max_bytes = events * bytes_of_one();
    settings.when_full = when_full;
    settings.max_age = max_age.map(Duration::from_secs);
    (directory, Journal::open(settings).unwrap())
}

fn append(journal: &mut Journal, batch: &Batch, now: i64) -> Result<Recorded> {
    journal.append(&[batch], at(now)).remove(0)
}

fn next(journal: &mut Journal) -> Portion {
    journal.next().unwrap().unwrap()
}

fn said(portion: &Portion) -> Vec<&str> {
    words(portion.events.iter().map(|(_, event)| event))
}

fn reopened(journal: Journal) -> Journal {
    let settings = journal.settings.clone();
    drop(journal);
    Journal::open(settings).unwrap()
}

#[test]
fn a_full_journal_refuses() {
    let (_directory, mut journal) = journal(3, WhenFull::Refuse, None);
    append(&mut journal, &placed("a", 0, 3), 1).unwrap();
    let error = append(&mut journal, &placed("a", 3, 4), 1).unwrap_err();
    assert_eq!((error.kind(), error.is_lasting()), (&ErrorKind::Unavailable, true));
    let bytes = journal.health().bytes;
    let told = format!("bot.spool is full: {bytes} bytes of events wait, and {bytes} may (ROSEY_SPOOL_FULL");
    assert!(error.to_string().contains(&told), "{error}");
    assert_eq!(journal.position(&source("a")), Some(place(3)));
    let portion = next(&mut journal);
    journal.remove(&portion).unwrap();
    append(&mut journal, &placed("a", 3, 4), 1).unwrap();
    assert_eq!((journal.health().events, journal.health().dropped), (1, 0));
}

#[test]
fn one_whose_oldest_event_waits_for_too_long_refuses() {
    let (_directory, mut journal) = journal(9, WhenFull::Refuse, Some(60));
    append(&mut journal, &placed("a", 0, 1), 1_000).unwrap();
    append(&mut journal, &placed("a", 1, 2), 1_060).unwrap();
    append(&mut journal, &placed("a", 2, 3), 10).unwrap();
    let error = append(&mut journal, &placed("a", 3, 4), 1_061).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Unavailable);
    assert!(error.to_string().contains("its oldest event waits for 61s, and may for 60s"), "{error}");
    assert_eq!(journal.health().oldest, Some(at(1_000)));
}

#[test]
fn the_oldest_give_way_and_are_counted() {
    let log = Log::begin();
    let (_directory, mut journal) = journal(4, WhenFull::DropOldest, None);
    for i in 0..100 {
        append(&mut journal, &placed("a", i % 10, i % 10 + 1), i).ok();
        append(&mut journal, &loose(&["xy"]), i).unwrap();
    }
    let health = journal.health();
    assert!(health.events <= 4 && health.events >= 2, "{health:?}");
    assert!(health.dropped > 90);
    assert_eq!(health.oldest.map(|oldest| oldest.seconds() > 95), Some(true));
    assert_eq!(reopened(journal).health(), health);
    let lines = log.lines();
    assert_eq!(lines.len() as u32, health.dropped.ilog2() + 1, "{lines:#?}");
    assert!(lines[0].contains("the journal is full: its oldest events are given up"), "{lines:#?}");
}

#[test]
fn the_dropped_are_counted_exactly() {
    let (_directory, mut journal) = journal(4, WhenFull::DropOldest, None);
    append(&mut journal, &placed("a", 0, 3), 1).unwrap();
    append(&mut journal, &placed("b", 0, 1), 2).unwrap();
    append(&mut journal, &placed("b", 1, 2), 3).unwrap();
    let health = journal.health();
    assert_eq!((health.events, health.dropped, health.oldest), (2, 3, Some(at(2))));
}

#[test]
fn the_too_old_give_way() {
    let (_directory, mut journal) = journal(9, WhenFull::DropOldest, Some(60));
    for (i, now) in [(0, 100), (1, 120), (2, 170)] {
        append(&mut journal, &placed("a", i, i + 1), now).unwrap();
    }
    append(&mut journal, &placed("a", 3, 4), 185).unwrap();
    assert_eq!((journal.health().dropped, journal.health().oldest), (2, Some(at(170))));
}

#[test]
fn what_was_lent_is_not_dropped_and_costs_nobody_else_their_place() {
    for max_age in [None, Some(60)] {
        let (_directory, mut journal) = journal(4, WhenFull::DropOldest, max_age);
        append(&mut journal, &placed("a", 0, 2), 1).unwrap();
        let portion = next(&mut journal);
        append(&mut journal, &placed("b", 0, 2), 100).unwrap();
        append(&mut journal, &placed("c", 0, 1), 101).unwrap();
        assert_eq!((journal.health().events, journal.health().dropped), (3, 2), "of b");
        append(&mut journal, &placed("c", 1, 2), 102).unwrap();
        let error = append(&mut journal, &placed("d", 0, 3), 103).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Unavailable);
        assert_eq!(journal.health().dropped, 2, "for nothing");
        journal.remove(&portion).unwrap();
        assert_eq!(said(&next(&mut journal)), ["c1", "c2"]);
    }
}

#[test]
fn what_was_given_back_is_dropped_like_any_other() {
    let (_directory, mut journal) = journal(2, WhenFull::DropOldest, None);
    append(&mut journal, &placed("a", 0, 2), 1).unwrap();
    next(&mut journal);
    assert_eq!(kind(append(&mut journal, &placed("b", 0, 1), 1)), Some(ErrorKind::Unavailable));
    journal.give_back();
    append(&mut journal, &placed("b", 0, 1), 1).unwrap();
    assert_eq!((journal.health().events, journal.health().dropped), (1, 2));
}

#[test]
fn what_follows_dropped_events_of_a_source_is_written_all_the_same() {
    let (_directory, mut journal) = journal(4, WhenFull::DropOldest, None);
    for i in 0..5 {
        append(&mut journal, &placed("a", i, i + 1), 1).unwrap();
    }
    let portion = next(&mut journal);
    assert_eq!((portion.after, said(&portion)), (None, vec!["a2", "a3", "a4", "a5"]));
    append(&mut journal, &placed("b", 0, 1), 1).unwrap_err();
}

#[test]
fn a_source_whose_last_events_were_dropped_can_go_on() {
    for is_reopened in [false, true] {
        let (_directory, mut journal) = journal(4, WhenFull::DropOldest, None);
        append(&mut journal, &placed("a", 0, 1), 1).unwrap();
        let portion = next(&mut journal);
        append(&mut journal, &placed("a", 1, 3), 1).unwrap();
        append(&mut journal, &placed("b", 0, 3), 1).unwrap();
        assert_eq!(journal.health().dropped, 2);
        if is_reopened {
            journal = reopened(journal);
        }
        assert_eq!(journal.position(&source("a")), None, "it is not known here where it stands");
        if !is_reopened {
            journal.remove(&portion).unwrap();
        }
        append(&mut journal, &placed("a", 3, 4), 1).unwrap();
        assert_eq!(journal.position(&source("a")), Some(place(4)));
        append(&mut journal, &placed("a", 4, 5), 1).ok();
        while let Some(portion) = journal.next().unwrap() {
            if said(&portion).contains(&"a4") {
                assert_eq!(portion.after, None, "wherever it stands by then");
            }
            journal.remove(&portion).unwrap();
        }
        assert!(journal.settle().unwrap());
        append(&mut journal, &placed("a", 8, 9), 1).unwrap();
        assert_eq!(next(&mut journal).after, Some(place(8)), "dropped events are forgotten once it settled");
    }
}

#[test]
fn a_batch_that_drops_what_it_follows_is_written_wherever_its_source_stands() {
    let (_directory, mut journal) = journal(3, WhenFull::DropOldest, None);
    append(&mut journal, &placed("a", 0, 3), 1).unwrap();
    assert_eq!(append(&mut journal, &placed("a", 1, 5), 1).unwrap(), Recorded::spooled(2, 2));
    let portion = next(&mut journal);
    assert_eq!((portion.after, said(&portion)), (None::<Position>, vec!["a4", "a5"]));
}

#[test]
fn what_was_given_up_is_told_by_an_end_in_order_and_not_by_a_kill() {
    let (_directory, mut journal) = journal(2, WhenFull::DropOldest, None);
    for place in 0..5 {
        append(&mut journal, &placed("a", place, place + 1), 1).unwrap();
    }
    let settings = journal.settings.clone();
    let told = || {
        let look = crate::look(&settings.path).unwrap().unwrap();
        (look.spool.dropped, look.told)
    };
    let journal = reopened(journal);
    assert_eq!(told(), (3, 0));
    journal.close().unwrap();
    assert_eq!(told(), (3, 3));
}
