use botstore_core::model::DatabaseId;
use rusqlite::Connection;

use super::*;
use crate::testing::{at, kind, loose, place, placed, settings, source, words};

/// Appends a batch by itself.
fn append(journal: &mut Journal, batch: &Batch) -> Result<Recorded> {
    journal.append(&[batch], at(1)).remove(0)
}

fn appended(journal: &mut Journal, batches: &[Batch]) {
    for batch in batches {
        append(journal, batch).unwrap();
    }
}

/// What would be written next: the source, unless it is the journal's own, where it must stand, and what is said.
fn next(journal: &mut Journal) -> (Option<String>, Option<i64>, Vec<String>) {
    let portion = journal.next().unwrap().unwrap();
    let source = portion.source.as_str().to_owned();
    let source = (!source.starts_with("private:spool:")).then_some(source);
    let said = words(portion.events.iter().map(|(_, event)| event)).into_iter().map(str::to_owned).collect();
    journal.remove(&portion).unwrap();
    (source, portion.after.map(Position::get), said)
}

fn said<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}

fn places(portion: &Portion) -> Vec<i64> {
    portion.events.iter().map(|(place, _)| place.get()).collect()
}

fn waits(journal: &Journal) -> u64 {
    journal.health().events
}

/// A second way into the journal's file.
fn beside(settings: &SpoolSettings) -> Connection {
    Connection::open(&settings.path).unwrap()
}

#[test]
fn batches_come_out_in_the_order_in_which_they_came() {
    let (_directory, settings) = settings();
    let mut journal = Journal::open(settings.clone()).unwrap();
    let batches =
        [loose(&["1", "2"]), placed("a", 4, 6), loose(&["3"]), placed("b", 0, 1), placed("a", 6, 7)];
    let answers = journal.append(&batches.iter().collect::<Vec<_>>(), at(1));
    let counts: Vec<_> = answers.into_iter().map(|answer| answer.unwrap()).collect();
    assert_eq!(counts, [2, 2, 1, 1, 1].map(|count| Recorded::spooled(count, 0)));
    drop(journal);

    let mut journal = Journal::open(settings).unwrap();
    assert_eq!(waits(&journal), 7);
    assert_eq!(next(&mut journal), (None, None, said(["1", "2"])));
    assert_eq!(next(&mut journal), (Some("a".into()), Some(4), said(["a5", "a6"])));
    assert_eq!(next(&mut journal), (None, None, said(["3"])));
    assert_eq!(next(&mut journal), (Some("b".into()), Some(0), said(["b1"])));
    assert_eq!(next(&mut journal), (Some("a".into()), Some(6), said(["a7"])));
    assert!(journal.next().unwrap().is_none());
    assert_eq!(waits(&journal), 0);
}

#[test]
fn a_cursor_is_kept() {
    let (_directory, settings) = settings();
    let mut journal = Journal::open(settings).unwrap();
    let events = [20, 21, 30].map(|at| (place(at), crate::testing::said("x"))).to_vec();
    append(&mut journal, &Batch::with_cursor(source("a"), place(7), events).unwrap()).unwrap();
    let portion = journal.next().unwrap().unwrap();
    assert_eq!(
        (portion.source.as_str(), portion.after, places(&portion)),
        ("a", Some(place(7)), vec![20, 21, 30])
    );
    assert_eq!(journal.position(&source("a")), Some(place(30)));
    assert_eq!(journal.position(&source("b")), None);
    journal.remove(&portion).unwrap();
    assert_eq!(journal.position(&source("a")), None);
}

#[test]
fn without_one_events_get_places_in_a_source_that_no_other_opening_has() {
    let (_directory, settings) = settings();
    let mut names = Vec::new();
    for expected in [vec![1, 2, 3], vec![1]] {
        let mut journal = Journal::open(settings.clone()).unwrap();
        appended(&mut journal, &[loose(&["1", "2"]), loose(&["3"])][..expected.len().min(2)]);
        let portion = journal.next().unwrap().unwrap();
        names.push(portion.source.clone());
        assert_eq!((portion.after, places(&portion)[0]), (None, 1));
        if expected.len() == 3 {
            assert_eq!(places(&portion), expected);
        }
        journal.remove(&portion).unwrap();
    }
    assert_ne!(names[0], names[1]);
    assert!(names.iter().all(|name| name.as_str().len() == "private:spool:".len() + 32));
}

#[test]
fn a_batch_is_judged_against_what_waits() {
    let (_directory, settings) = settings();
    let mut journal = Journal::open(settings.clone()).unwrap();
    appended(&mut journal, &[placed("a", 2, 5)]);
    assert_eq!(append(&mut journal, &placed("a", 0, 4)).unwrap(), Recorded::spooled(0, 4));
    assert_eq!(append(&mut journal, &placed("a", 2, 5)).unwrap(), Recorded::spooled(0, 3));
    let error = append(&mut journal, &placed("a", 6, 8)).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Conflict);
    let told = "the batch begins after 6 and its source stands at 5: something in between is missing";
    assert!(error.to_string().contains(told), "{error}");
    drop(journal);
    let mut journal = Journal::open(settings).unwrap();
    assert_eq!(append(&mut journal, &placed("a", 3, 7)).unwrap(), Recorded::spooled(2, 2));
    assert_eq!(kind(append(&mut journal, &placed("a", 8, 9))), Some(ErrorKind::Conflict));
    assert_eq!(waits(&journal), 5, "what was known is not kept twice");
    assert_eq!(next(&mut journal), (Some("a".into()), Some(2), said(["a3", "a4", "a5", "a6", "a7"])));
}

#[test]
fn what_follows_in_its_source_is_written_together_up_to_a_thousand_events() {
    let (_directory, settings) = settings();
    let mut journal = Journal::open(settings).unwrap();
    for i in 0..7 {
        append(&mut journal, &placed("a", i * 300, (i + 1) * 300)).unwrap();
    }
    let mut sizes = Vec::new();
    while let Some(portion) = journal.next().unwrap() {
        assert_eq!(portion.after.map(|after| after.get() + 1), places(&portion).first().copied());
        sizes.push(portion.events.len());
        journal.remove(&portion).unwrap();
    }
    assert_eq!(sizes, [900, 900, 300]);

    appended(&mut journal, &[placed("b", 0, 999), placed("b", 999, 1_000), placed("b", 1_000, 1_001)]);
    assert_eq!(next(&mut journal).2.len(), 1_000);
    for i in 0..1_001 {
        append(&mut journal, &loose(&[&i.to_string()])).unwrap();
    }
    assert_eq!(next(&mut journal).2.len(), 1, "another source ends it");
    assert_eq!(next(&mut journal).2.len(), 1_000);
    assert_eq!(next(&mut journal).2.len(), 1);
}

#[test]
fn a_gap_in_a_source_ends_what_is_written_together() {
    let (_directory, settings) = settings();
    let mut journal = Journal::open(settings).unwrap();
    appended(&mut journal, &[placed("a", 0, 2)]);
    let portion = journal.next().unwrap().unwrap();
    journal.remove(&portion).unwrap();
    appended(&mut journal, &[placed("a", 5, 6), placed("a", 6, 7)]);
    assert_eq!(next(&mut journal), (Some("a".into()), Some(5), said(["a6", "a7"])));
}

#[test]
fn one_that_is_refused_harms_no_other_of_its_group() {
    let (_directory, mut settings) = settings();
    settings.max_bytes = 1_000;
    let mut journal = Journal::open(settings.clone()).unwrap();
    let long = "x".repeat(2_000);
    let group = [loose(&["1"]), placed("a", 0, 1), placed("a", 7, 8), loose(&[&long]), placed("a", 1, 2)];
    let answers = journal.append(&group.iter().collect::<Vec<_>>(), at(1));
    let kinds: Vec<_> = answers.into_iter().map(kind).collect();
    assert_eq!(kinds, [None, None, Some(ErrorKind::Conflict), Some(ErrorKind::Unavailable), None]);
    drop(journal);
    let mut journal = Journal::open(settings).unwrap();
    assert_eq!(next(&mut journal).2, ["1"]);
    assert_eq!(next(&mut journal).2, ["a1", "a2"]);
    assert_eq!(waits(&journal), 0);
}

#[test]
fn a_group_that_the_disk_does_not_take_fails_whole_and_nothing_of_it_is_counted() {
    let (_directory, settings) = settings();
    let mut journal = Journal::open(settings).unwrap();
    appended(&mut journal, &[placed("a", 0, 1)]);
    let before = journal.health();
    journal.connection.pragma_update(None, "max_page_count", 20).unwrap();
    let long = "x".repeat(10_000);
    let large = loose(&vec![long.as_str(); 20]);
    let answers = journal.append(&[&placed("a", 1, 2), &large, &placed("b", 0, 1)], at(1));
    for answer in answers {
        let error = answer.unwrap_err();
        assert_eq!((error.kind(), error.is_lasting()), (&ErrorKind::Unavailable, true), "{error}");
        assert!(error.to_string().contains("bot.spool"), "{error}");
    }
    assert_eq!(journal.health(), before);
    assert_eq!(append(&mut journal, &placed("a", 1, 2)).unwrap(), Recorded::spooled(1, 0));
    assert_eq!(journal.position(&source("b")), None);
}

#[test]
fn what_the_database_does_not_take_is_kept_aside() {
    let (_directory, settings) = settings();
    let mut journal = Journal::open(settings.clone()).unwrap();
    appended(&mut journal, &[placed("a", 4, 6), placed("b", 0, 1)]);
    let portion = journal.next().unwrap().unwrap();
    journal.reject(&portion, "something is missing").unwrap();
    let health = journal.health();
    assert_eq!((health.events, health.rejected), (1, 2));
    assert_eq!(journal.position(&source("a")), None);
    let row: (String, i64, String, String) = beside(&settings)
        .query_row("SELECT source, after, body, reason FROM rejected", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .unwrap();
    assert_eq!((row.0.as_str(), row.1, row.3.as_str()), ("a", 4, "something is missing"));
    assert_eq!(words(body::read(&row.2).unwrap().iter().map(|(_, event)| event)), ["a5", "a6"]);
    assert_eq!(next(&mut journal).2, ["b1"]);
    drop(journal);
    assert_eq!(Journal::open(settings).unwrap().health().rejected, 2);
}

#[test]
fn it_settles_only_when_nothing_waits() {
    let (_directory, settings) = settings();
    let mut journal = Journal::open(settings).unwrap();
    assert!(journal.settle().unwrap());
    appended(&mut journal, &[placed("a", 4, 6)]);
    assert!(!journal.settle().unwrap());
    assert_eq!(next(&mut journal).2, ["a5", "a6"]);
    assert!(journal.settle().unwrap());
}

#[test]
fn settling_gives_room_back() {
    let (_directory, settings) = settings();
    let mut journal = Journal::open(settings.clone()).unwrap();
    let long = "x".repeat(10_000);
    for _ in 0..20 {
        append(&mut journal, &loose(&[long.as_str(); 5])).unwrap();
    }
    while let Some(portion) = journal.next().unwrap() {
        journal.remove(&portion).unwrap();
    }
    let pages = || -> i64 { beside(&settings).query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap() };
    assert!(pages() > 200);
    journal.settle().unwrap();
    assert!(pages() < 20, "{}", pages());
}

#[test]
fn it_belongs_to_one_database_while_anything_waits() {
    let (_directory, settings) = settings();
    let [one, other] = ["one", "other"].map(|id| DatabaseId::new(id).unwrap());
    let mut journal = Journal::open(settings.clone()).unwrap();
    appended(&mut journal, &[placed("a", 0, 3)]);
    journal.bind(&one).unwrap();
    journal.bind(&one).unwrap();
    drop(journal);
    let mut journal = Journal::open(settings).unwrap();
    let error = journal.bind(&other).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Conflict);
    assert!(error.to_string().contains("bot.spool holds 3 events of another database"), "{error}");
    next(&mut journal);
    journal.bind(&other).unwrap();
    appended(&mut journal, &[placed("a", 3, 4)]);
    assert_eq!(kind(journal.bind(&one)), Some(ErrorKind::Conflict));
}

#[test]
fn until_its_database_was_reached_it_is_known_by_its_name() {
    let (_directory, mut settings) = settings();
    let named = |settings: &mut SpoolSettings, name: &str| {
        settings.database = Some(name.to_owned());
        Journal::open(settings.clone())
    };
    let mut journal = named(&mut settings, "here:5432/bot").unwrap();
    appended(&mut journal, &[placed("a", 0, 3)]);
    drop(journal);
    let error = named(&mut settings, "there:5432/bot").unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Conflict);
    let told =
        "bot.spool holds 3 events of another database, here:5432/bot: open it with the URL of that one first";
    assert!(error.to_string().contains(told), "{error}");
    drop(named(&mut settings, "here:5432/bot").unwrap());

    // Once it was reached, its name does not matter any more.
    let [one, other] = ["one", "other"].map(|id| DatabaseId::new(id).unwrap());
    named(&mut settings, "here:5432/bot").unwrap().bind(&one).unwrap();
    let mut journal = named(&mut settings, "there:5432/bot").unwrap();
    assert_eq!(kind(journal.bind(&other)), Some(ErrorKind::Conflict));
    journal.bind(&one).unwrap();
    assert_eq!(next(&mut journal).2, ["a1", "a2", "a3"]);
    drop(journal);

    // With nothing in it, it is anybody's; and then no more that of the one that was reached.
    let mut journal = named(&mut settings, "elsewhere:5432/bot").unwrap();
    appended(&mut journal, &[placed("a", 3, 4)]);
    drop(journal);
    assert_eq!(kind(named(&mut settings, "here:5432/bot")), Some(ErrorKind::Conflict));
    named(&mut settings, "elsewhere:5432/bot").unwrap().bind(&other).unwrap();
}

#[test]
fn while_something_waits_nothing_is_taken_by_another_name_until_it_is_known_to_be_the_same_database() {
    let (_directory, mut settings) = settings();
    let [one, other] = ["one", "other"].map(|id| DatabaseId::new(id).unwrap());
    settings.database = Some("here:5432/bot".to_owned());
    let mut journal = Journal::open(settings.clone()).unwrap();
    appended(&mut journal, &[placed("a", 0, 3)]);
    journal.bind(&one).unwrap();
    drop(journal);

    settings.database = Some("there:5432/bot".to_owned());
    let mut journal = Journal::open(settings.clone()).unwrap();
    let refused = |journal: &mut Journal, kind, told| {
        let error = journal.append(&[&placed("a", 3, 4)], at(1)).remove(0).unwrap_err();
        assert_eq!((error.kind(), error.to_string().contains(told)), (&kind, true), "{error}");
        assert_eq!(journal.position(&source("a")), None);
    };
    let told = "bot.spool holds 3 events of here:5432/bot, and nothing is taken until the database answers";
    refused(&mut journal, ErrorKind::Unavailable, told);
    assert_eq!(kind(journal.bind(&other)), Some(ErrorKind::Conflict));
    let told =
        "bot.spool holds 3 events of another database, here:5432/bot: open it with the URL of that one first";
    refused(&mut journal, ErrorKind::Conflict, told);
    journal.bind(&one).unwrap();
    assert_eq!(journal.position(&source("a")), Some(place(3)));
    appended(&mut journal, &[placed("a", 3, 4)]);
    drop(journal);
    let mut journal = Journal::open(settings).unwrap();
    appended(&mut journal, &[placed("a", 4, 5)]);
    assert_eq!(waits(&journal), 5);
}

#[test]
fn what_somebody_took_out_of_the_file_does_not_wait_any_more() {
    let (_directory, settings) = settings();
    let mut journal = Journal::open(settings.clone()).unwrap();
    appended(&mut journal, &[placed("a", 0, 3), placed("b", 0, 1)]);
    beside(&settings).execute("DELETE FROM batch", []).unwrap();
    assert_eq!(waits(&journal), 4);
    assert!(journal.next().unwrap().is_none());
    assert!(journal.settle().unwrap());
    assert_eq!((waits(&journal), journal.position(&source("a"))), (0, None));
}
