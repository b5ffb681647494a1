use std::io::Write as _;

use botstore_core::Result;
use botstore_core::model::{Batch, Recorded, SpoolHealth};
use botstore_core::settings::SpoolSettings;

use super::*;
use crate::journal::{Journal, Look, look};
use crate::testing::{at, placed, settings};

fn append(journal: &mut Journal, batch: &Batch) -> Result<Recorded> {
    journal.append(&[batch], at(7)).remove(0)
}

fn open_error(settings: &SpoolSettings) -> (ErrorKind, String) {
    let error = Journal::open(settings.clone()).map(drop).unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&settings.path.display().to_string()), "{text}");
    assert!(error.is_lasting() || *error.kind() == ErrorKind::Conflict, "{text}");
    (error.kind().clone(), text)
}

fn names(settings: &SpoolSettings) -> Vec<String> {
    let listed = fs::read_dir(settings.path.parent().unwrap()).unwrap();
    let mut names: Vec<_> = listed.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn only_its_owner_may_read_it() {
    let (_directory, settings) = settings();
    let mut journal = Journal::open(settings.clone()).unwrap();
    append(&mut journal, &placed("a", 0, 1)).unwrap();
    let lock = settings.path.with_extension("spool.lock");
    assert_eq!(mode(&lock), 0o600);
    for file in files::names(&settings.path) {
        assert_eq!(mode(&file), 0o600, "{file:?}");
    }
    // As if it had died: what it wrote is in the log beside the file.
    std::mem::forget(journal);
    fs::remove_file(lock).unwrap();
    for file in files::names(&settings.path) {
        fs::set_permissions(file, Permissions::from_mode(0o644)).unwrap();
    }
    let journal = Journal::open(settings.clone()).unwrap();
    for file in files::names(&settings.path) {
        assert_eq!(mode(&file), 0o600, "{file:?}");
    }
    assert_eq!(journal.health().events, 1);
}

#[test]
fn an_empty_file_becomes_a_journal() {
    let (_directory, settings) = settings();
    fs::write(&settings.path, "").unwrap();
    fs::set_permissions(&settings.path, Permissions::from_mode(0o644)).unwrap();
    let mut journal = Journal::open(settings.clone()).unwrap();
    append(&mut journal, &placed("a", 0, 1)).unwrap();
    for file in files::names(&settings.path) {
        assert_eq!(mode(&file), 0o600, "{file:?}");
    }
}

#[test]
fn what_is_acknowledged_is_on_the_disk() {
    let (_directory, settings) = settings();
    let (connection, _) = open(&settings.path).unwrap();
    let text = |name| connection.pragma_query_value(None, name, |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(text("journal_mode"), "wal");
    assert_eq!(pragma(&connection, "synchronous").unwrap(), 2, "FULL");
    assert_eq!(pragma(&connection, "auto_vacuum").unwrap(), 2, "INCREMENTAL");
    drop(connection);
    let (connection, _) = open(&settings.path).unwrap();
    assert_eq!(pragma(&connection, "synchronous").unwrap(), 2, "FULL");
}

#[test]
fn one_journal_has_one_owner() {
    let (_directory, settings) = settings();
    let journal = Journal::open(settings.clone()).unwrap();
    let (kind, text) = open_error(&settings);
    assert_eq!(kind, ErrorKind::Conflict);
    assert!(text.contains("is in use by another process") && text.contains("ROSEY_SPOOL"), "{text}");
    drop(journal);
    Journal::open(settings).unwrap();
}

#[test]
fn another_programs_database_is_left_as_it_is() {
    let (_directory, settings) = settings();
    let foreign = Connection::open(&settings.path).unwrap();
    foreign.execute_batch("CREATE TABLE t (x)").unwrap();
    drop(foreign);
    fs::set_permissions(&settings.path, Permissions::from_mode(0o644)).unwrap();
    let before = fs::read(&settings.path).unwrap();
    let (kind, text) = open_error(&settings);
    assert_eq!(kind, ErrorKind::Corrupt);
    assert!(text.contains("another program's database: name another file"), "{text}");
    assert_eq!((mode(&settings.path), fs::read(&settings.path).unwrap()), (0o644, before));
    assert_eq!(names(&settings), ["bot.spool"]);
    assert_eq!(look(&settings.path).unwrap_err().kind(), &ErrorKind::Corrupt);
}

#[test]
fn what_is_no_database_is_left_as_it_is() {
    let (_directory, settings) = settings();
    let before = "some notes of mine\n".repeat(500);
    fs::write(&settings.path, &before).unwrap();
    let (kind, text) = open_error(&settings);
    assert_eq!(kind, ErrorKind::Corrupt);
    assert!(text.contains("is not a database; move it away"), "{text}");
    assert_eq!(fs::read_to_string(&settings.path).unwrap(), before);
    assert_eq!(names(&settings), ["bot.spool"]);
    assert_eq!(look(&settings.path).unwrap_err().kind(), &ErrorKind::Corrupt);
}

#[test]
fn what_stands_beside_the_log_of_a_former_one_is_left_as_it_is() {
    let (_directory, settings) = settings();
    let mut journal = Journal::open(settings.clone()).unwrap();
    append(&mut journal, &placed("a", 0, 3)).unwrap();
    let log = files::with(&settings.path, "-wal");
    let kept = fs::read(&log).unwrap();
    drop(journal);
    fs::write(&settings.path, "some notes of mine\n").unwrap();
    fs::write(&log, &kept).unwrap();
    let told = "is not a database; move it away";
    let error = look(&settings.path).unwrap_err();
    assert_eq!((error.kind(), error.to_string().contains(told)), (&ErrorKind::Corrupt, true), "{error}");
    assert!(open_error(&settings).1.contains(told));
    assert_eq!(fs::read_to_string(&settings.path).unwrap(), "some notes of mine\n");
    assert_eq!(fs::read(&log).unwrap(), kept);
}

#[test]
fn a_damaged_one_is_told_and_kept() {
    let (_directory, settings) = settings();
    let mut journal = Journal::open(settings.clone()).unwrap();
    for i in 0..100 {
        append(&mut journal, &placed("a", i * 20, (i + 1) * 20)).unwrap();
    }
    assert_eq!(journal.close().unwrap(), 2_000);
    let mut file = fs::OpenOptions::new().write(true).open(&settings.path).unwrap();
    let length = file.metadata().unwrap().len();
    std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(4096)).unwrap();
    file.write_all(&vec![0xa5; usize::try_from(length).unwrap() - 4096]).unwrap();
    let (kind, text) = open_error(&settings);
    assert_eq!(kind, ErrorKind::Corrupt);
    assert!(text.contains("move it away to go on without what is in it"), "{text}");
    assert_eq!(fs::metadata(&settings.path).unwrap().len(), length);
}

#[test]
fn one_of_a_newer_form_is_refused() {
    let (_directory, settings) = settings();
    let mut journal = Journal::open(settings.clone()).unwrap();
    append(&mut journal, &placed("a", 0, 1)).unwrap();
    drop(journal);
    Connection::open(&settings.path).unwrap().pragma_update(None, "user_version", 4).unwrap();
    let (kind, text) = open_error(&settings);
    assert_eq!(kind, ErrorKind::Corrupt);
    assert!(text.contains("is of form 4, and this program knows 3: use a newer one"), "{text}");
    assert_eq!(look(&settings.path).unwrap_err().kind(), &ErrorKind::Corrupt);
}

#[test]
fn a_place_without_files_is_told() {
    let (directory, _) = settings();
    let missing = SpoolSettings::at(directory.path().join("missing").join("bot.spool"));
    let (kind, text) = open_error(&missing);
    assert_eq!(kind, ErrorKind::Unavailable);
    assert!(
        text.contains("cannot be opened: its directory does not exist; make it, or name another"),
        "{text}"
    );
    assert!(text.contains("ROSEY_SPOOL; with ROSEY_SPOOL=off"), "{text}");
    // A directory that takes no new files, not even from root.
    let (kind, text) = open_error(&SpoolSettings::at("/sys/kernel/bot.spool"));
    assert_eq!(kind, ErrorKind::Unavailable);
    assert!(text.contains("permission is denied; give") || text.contains("is read-only; make"), "{text}");
    let taken = SpoolSettings::at(directory.path().join("taken"));
    fs::create_dir(&taken.path).unwrap();
    let (kind, text) = open_error(&taken);
    assert_eq!(kind, ErrorKind::Unavailable);
    assert!(text.contains("it is a directory; name a file in it"), "{text}");
}

#[test]
fn it_is_gone_once_nothing_waits() {
    let (_directory, settings) = settings();
    let mut journal = Journal::open(settings.clone()).unwrap();
    append(&mut journal, &placed("a", 0, 1)).unwrap();
    let portion = journal.next().unwrap().unwrap();
    journal.remove(&portion).unwrap();
    assert_eq!(journal.close().unwrap(), 0);
    assert_eq!(names(&settings), Vec::<String>::new());
    assert_eq!(look(&settings.path).unwrap(), None);
}

#[test]
fn what_a_reader_keeps_from_being_tidied_up_is_gone_too() {
    let (_directory, settings) = settings();
    let journal = Journal::open(settings.clone()).unwrap();
    let reader = Connection::open(&settings.path).unwrap();
    reader.execute_batch("BEGIN; SELECT * FROM journal").unwrap();
    assert_eq!(journal.close().unwrap(), 0);
    assert_eq!(names(&settings), Vec::<String>::new());
    drop(reader);
    assert_eq!(Journal::open(settings).unwrap().health().events, 0);
}

#[test]
fn it_is_kept_while_something_waits_or_was_rejected() {
    let (_directory, settings) = settings();
    let mut journal = Journal::open(settings.clone()).unwrap();
    append(&mut journal, &placed("a", 0, 2)).unwrap();
    assert_eq!(journal.close().unwrap(), 2);
    assert!(settings.path.exists());
    let mut journal = Journal::open(settings.clone()).unwrap();
    let portion = journal.next().unwrap().unwrap();
    journal.reject(&portion, "missing").unwrap();
    assert_eq!(journal.close().unwrap(), 0);
    assert_eq!(look(&settings.path).unwrap().unwrap().spool.rejected, 2);
}

#[test]
fn a_look_tells_what_waits_beside_its_owner_and_after() {
    let (_directory, settings) = settings();
    assert_eq!(look(&settings.path).unwrap(), None);
    let mut journal = Journal::open(settings.clone()).unwrap();
    let seen = look(&settings.path).unwrap().unwrap();
    assert_eq!((seen.in_use, seen.away, &seen.spool), (true, None, &SpoolHealth::default()));
    append(&mut journal, &placed("a", 0, 3)).unwrap();
    journal.note(Some((at(5), "refused"))).unwrap();
    let seen = look(&settings.path).unwrap().unwrap();
    assert_eq!((seen.in_use, seen.away.clone()), (true, Some((at(5), "refused".to_owned()))));
    let mut expected = journal.health();
    expected.error = Some("refused".to_owned());
    assert_eq!(seen.spool, expected);
    assert_eq!((expected.events, expected.oldest), (3, Some(at(7))));
    drop(journal);
    let after = look(&settings.path).unwrap().unwrap();
    assert_eq!(after, Look { in_use: false, ..seen });
    let mut journal = Journal::open(settings.clone()).unwrap();
    journal.note(None).unwrap();
    assert_eq!(look(&settings.path).unwrap().unwrap().away, None);
    fs::write(settings.path.with_extension("new"), "").unwrap();
    let empty = look(&settings.path.with_extension("new")).unwrap().unwrap();
    assert_eq!((empty.spool, empty.in_use), (SpoolHealth::default(), false));
}

#[test]
fn a_look_at_the_lock_does_not_keep_the_next_owner_out() {
    let (_directory, settings) = settings();
    drop(Journal::open(settings.clone()).unwrap());
    let lock = fs::File::open(settings.path.with_extension("spool.lock")).unwrap();
    lock.lock_shared().unwrap();
    let let_go = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(30));
        drop(lock);
    });
    Journal::open(settings).unwrap();
    let_go.join().unwrap();
}
