use std::fs;
use std::os::unix::fs::symlink;

use botstore_core::ErrorKind;

use crate::check_place;
use crate::journal::Journal;
use crate::testing::settings;

#[test]
fn a_place_is_good_where_a_journal_is_or_can_be_made() {
    let (directory, settings) = settings();
    check_place(&settings.path).unwrap();
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "nothing is made");
    let _journal = Journal::open(settings.clone()).unwrap();
    check_place(&settings.path).unwrap();
    let link = directory.path().join("link");
    symlink(&settings.path, &link).unwrap();
    check_place(&link).unwrap();
}

#[test]
fn a_place_where_none_can_be_made_is_told_as_it_is_told_to_whoever_opens_one() {
    let (directory, mut settings) = settings();
    fs::write(directory.path().join("text"), "text").unwrap();
    let places = [
        ("missing/journal", "its directory does not exist; make it, or name another file by ROSEY_SPOOL"),
        (".", "it is a directory; name a file in it"),
        ("text/journal", "the system refuses; see why"),
    ];
    for (place, told) in places {
        settings.path = directory.path().join(place);
        let error = check_place(&settings.path).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Unavailable);
        assert!(error.to_string().contains(told), "{error}");
        assert_eq!(error.to_string(), Journal::open(settings.clone()).unwrap_err().to_string());
    }
}
