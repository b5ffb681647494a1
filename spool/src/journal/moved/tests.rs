use std::cell::RefCell;
use std::mem::forget;

use botstore_core::model::{Batch, Recorded, SpoolHealth};
use botstore_core::settings::SpoolSettings;
use botstore_core::{Result, StoreError};
use tempfile::TempDir;

use super::*;
use crate::journal::look;
use crate::step::{AT_EACH, Step};
use crate::testing::{Log, at, kind, loose, placed, settings, words};

fn append(journal: &mut Journal, batch: &Batch) -> Result<Recorded> {
    journal.append(&[batch], at(1)).remove(0)
}

/// All that waits, in order.
fn drained(journal: &mut Journal) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(portion) = journal.next().unwrap() {
        all.extend(words(portion.events.iter().map(|(_, event)| event)).into_iter().map(str::to_owned));
        journal.remove(&portion).unwrap();
    }
    all
}

/// What a process finds that starts after this one was killed now.
fn after_a_crash(settings: &SpoolSettings) -> Vec<String> {
    let copy = TempDir::new().unwrap();
    let path = copy.path().join("bot.spool");
    for (from, to) in files::names(&settings.path).iter().zip(files::names(&path)) {
        if from.exists() {
            fs::copy(from, to).unwrap();
        }
    }
    drained(&mut Journal::open(SpoolSettings::at(path)).unwrap())
}

fn names(settings: &SpoolSettings) -> Vec<String> {
    let listed = fs::read_dir(settings.path.parent().unwrap()).unwrap();
    let mut names: Vec<_> = listed.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn remove_all(path: &Path) {
    for file in files::names(path) {
        fs::remove_file(file).unwrap();
    }
}

/// What somebody may do to an open journal that leaves nothing, or too little, at its path.
const REMOVALS: [fn(&Path); 6] = [
    |path| fs::remove_file(path).unwrap(),
    remove_all,
    |path| {
        remove_all(path);
        fs::remove_file(files::with(path, ".lock")).unwrap();
    },
    |path| fs::rename(path, path.with_extension("moved")).unwrap(),
    |path| fs::remove_file(files::with(path, "-wal")).unwrap(),
    |path| fs::remove_file(files::with(path, "-shm")).unwrap(),
];

#[test]
fn one_that_is_removed_is_made_anew_with_all_that_waits() {
    for remove in REMOVALS {
        let (_directory, settings) = settings();
        let mut journal = Journal::open(settings.clone()).unwrap();
        append(&mut journal, &placed("a", 0, 2)).unwrap();
        append(&mut journal, &loose(&["1"])).unwrap();
        let log = Log::begin();
        remove(&settings.path);
        append(&mut journal, &placed("a", 2, 3)).unwrap();
        assert!(log.lines()[0].contains("it is made anew, with all that waits"), "{:?}", log.lines());
        append(&mut journal, &loose(&["2"])).unwrap();
        assert_eq!(log.lines().len(), 1);
        assert_eq!(after_a_crash(&settings), ["a1", "a2", "1", "a3", "2"]);
        assert_eq!(kind(Journal::open(settings.clone())), Some(ErrorKind::Conflict), "it is locked");
        assert!(!files::with(&settings.path, ".copy").exists());
        assert_eq!(drained(&mut journal), ["a1", "a2", "1", "a3", "2"]);
        assert_eq!(journal.close().unwrap(), 0);
        assert_eq!(look(&settings.path).unwrap(), None);
    }
}

#[test]
fn one_that_is_removed_is_drained_all_the_same() {
    for remove in REMOVALS {
        let (_directory, settings) = settings();
        let mut journal = Journal::open(settings.clone()).unwrap();
        append(&mut journal, &placed("a", 0, 2)).unwrap();
        remove(&settings.path);
        assert_eq!(drained(&mut journal), ["a1", "a2"]);
        assert!(journal.settle().unwrap());
        assert_eq!(journal.close().unwrap(), 0);
        let left: Vec<_> = names(&settings).into_iter().filter(|name| name != "bot.moved").collect();
        assert_eq!(left, Vec::<String>::new());
    }
}

#[test]
fn one_that_is_removed_is_there_when_it_is_closed_with_what_waits() {
    for remove in REMOVALS {
        let (_directory, settings) = settings();
        let mut journal = Journal::open(settings.clone()).unwrap();
        append(&mut journal, &placed("a", 0, 2)).unwrap();
        remove(&settings.path);
        assert_eq!(journal.close().unwrap(), 2);
        assert_eq!(drained(&mut Journal::open(settings).unwrap()), ["a1", "a2"]);
    }
}

#[test]
fn without_its_directory_nothing_is_acknowledged_and_with_it_all_goes_on() {
    let (directory, mut settings) = settings();
    let [home, away] = ["home", "away"].map(|name| directory.path().join(name));
    fs::create_dir(&home).unwrap();
    settings.path = home.join("bot.spool");
    let mut journal = Journal::open(settings.clone()).unwrap();
    append(&mut journal, &placed("a", 0, 2)).unwrap();
    fs::rename(&home, &away).unwrap();
    let error = append(&mut journal, &placed("a", 2, 3)).unwrap_err();
    assert_eq!((error.kind(), error.is_lasting()), (&ErrorKind::Unavailable, true), "{error}");
    assert!(error.to_string().contains("No such file or directory"), "{error}");
    assert_eq!(journal.health().events, 2);
    fs::rename(&away, &home).unwrap();
    append(&mut journal, &placed("a", 2, 3)).unwrap();
    assert_eq!(after_a_crash(&settings), ["a1", "a2", "a3"]);
}

/// A journal in which `a1` and `a2` wait, and another file in its place.
fn replaced() -> (TempDir, SpoolSettings, Journal) {
    let (directory, settings) = settings();
    let mut journal = Journal::open(settings.clone()).unwrap();
    append(&mut journal, &placed("a", 0, 2)).unwrap();
    fs::rename(&settings.path, settings.path.with_extension("moved")).unwrap();
    fs::write(&settings.path, "somebody's").unwrap();
    (directory, settings, journal)
}

#[track_caller]
fn is_refused(outcome: Result<Recorded>) -> StoreError {
    let error = outcome.unwrap_err();
    assert_eq!((error.kind(), error.is_lasting()), (&ErrorKind::Unavailable, true), "{error}");
    let told = "bot.spool was replaced while it was in use: put it back, or take away what stands there now";
    assert!(error.to_string().contains(told), "{error}");
    error
}

#[test]
fn one_that_is_replaced_acknowledges_nothing_and_is_drained() {
    let (_directory, settings, mut journal) = replaced();
    is_refused(append(&mut journal, &placed("a", 2, 3)));
    assert_eq!(drained(&mut journal), ["a1", "a2"]);
    assert_eq!(journal.close().unwrap(), 0);
    assert_eq!(fs::read_to_string(&settings.path).unwrap(), "somebody's");
}

#[test]
fn one_that_is_put_back_or_whose_place_is_free_goes_on() {
    for is_put_back in [false, true] {
        let (_directory, settings, mut journal) = replaced();
        is_refused(append(&mut journal, &placed("a", 2, 3)));
        fs::remove_file(&settings.path).unwrap();
        if is_put_back {
            fs::rename(settings.path.with_extension("moved"), &settings.path).unwrap();
        }
        append(&mut journal, &placed("a", 2, 3)).unwrap();
        assert_eq!(after_a_crash(&settings), ["a1", "a2", "a3"]);
    }
}

#[test]
fn what_waits_in_one_that_is_replaced_is_set_aside_when_it_is_closed() {
    let (directory, settings, journal) = replaced();
    let log = Log::begin();
    assert_eq!(journal.close().unwrap(), 0);
    assert_eq!(fs::read_to_string(&settings.path).unwrap(), "somebody's");
    let aside =
        names(&settings).into_iter().find(|name| name.starts_with("bot.spool.private-spool-")).unwrap();
    assert!(log.lines()[0].contains(&aside), "{:?}", log.lines());
    let mut journal = Journal::open(SpoolSettings::at(directory.path().join(aside))).unwrap();
    assert_eq!(drained(&mut journal), ["a1", "a2"]);
}

#[test]
fn a_journal_of_another_owner_in_its_place_is_not_touched() {
    let (_directory, settings) = settings();
    let mut first = Journal::open(settings.clone()).unwrap();
    append(&mut first, &placed("a", 0, 1)).unwrap();
    fs::remove_file(&settings.path).unwrap();
    fs::remove_file(files::with(&settings.path, ".lock")).unwrap();
    let mut second = Journal::open(settings.clone()).unwrap();
    assert_eq!(second.health(), SpoolHealth::default(), "the log of the first is none of the second's");
    append(&mut second, &placed("b", 0, 1)).unwrap();
    is_refused(append(&mut first, &placed("a", 1, 2)));
    assert_eq!(drained(&mut first), ["a1"]);
    assert_eq!(first.close().unwrap(), 0);
    append(&mut second, &placed("b", 1, 2)).unwrap();
    assert_eq!(kind(Journal::open(settings.clone())), Some(ErrorKind::Conflict));
    assert_eq!(after_a_crash(&settings), ["b1", "b2"]);
}

thread_local! {
    static ONCE: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

/// Does something as soon as this thread has committed what it appends.
fn once_it_is_committed(work: impl FnOnce() + 'static) {
    AT_EACH.get_or_init(|| {
        |step| {
            if step == Step::Appended
                && let Some(work) = ONCE.take()
            {
                work();
            }
        }
    });
    ONCE.set(Some(Box::new(work)));
}

#[test]
fn one_that_is_removed_while_it_is_written_has_what_was_acknowledged() {
    for remove in REMOVALS {
        let (_directory, settings) = settings();
        let mut journal = Journal::open(settings.clone()).unwrap();
        append(&mut journal, &placed("a", 0, 1)).unwrap();
        let path = settings.path.clone();
        once_it_is_committed(move || remove(&path));
        assert_eq!(append(&mut journal, &placed("a", 1, 2)).unwrap(), Recorded::spooled(1, 0));
        assert_eq!(after_a_crash(&settings), ["a1", "a2"]);
    }
}

#[test]
fn one_that_is_replaced_while_it_is_written_does_not_say_that_it_was() {
    let (_directory, settings) = settings();
    let mut journal = Journal::open(settings.clone()).unwrap();
    append(&mut journal, &placed("a", 0, 1)).unwrap();
    let path = settings.path.clone();
    once_it_is_committed(move || {
        fs::rename(&path, path.with_extension("moved")).unwrap();
        fs::write(&path, "somebody's").unwrap();
    });
    let error = append(&mut journal, &placed("a", 1, 2)).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Indeterminate, "{error}");
    assert!(error.to_string().contains("was replaced while it was in use"), "{error}");
    fs::rename(settings.path.with_extension("moved"), &settings.path).unwrap();
    assert_eq!(append(&mut journal, &placed("a", 1, 2)).unwrap(), Recorded::spooled(0, 1), "it was written");
}

#[test]
fn where_there_is_no_room_for_a_new_one_nothing_is_acknowledged() {
    let (_directory, settings) = settings();
    let mut journal = Journal::open(settings.clone()).unwrap();
    append(&mut journal, &placed("a", 0, 1)).unwrap();
    fs::remove_file(&settings.path).unwrap();
    // Nobody can make a file of this name.
    let copy = files::with(&settings.path, ".copy");
    fs::create_dir(&copy).unwrap();
    let error = append(&mut journal, &placed("a", 1, 2)).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Unavailable, "{error}");
    assert_eq!(journal.health().events, 1);
    fs::remove_dir(&copy).unwrap();
    append(&mut journal, &placed("a", 1, 2)).unwrap();
    assert_eq!(after_a_crash(&settings), ["a1", "a2"]);
    forget(journal);
}
