//! What the doctor finds of a file that is not there, that has no room, or that is somebody else's.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Output};

use botstore_conformance::disk::{Disk, run};
use serde_json::Value;

use super::line;
use crate::rosey::{Ran, Rosey, sample};

crate::checks! {
    ; once:
    a_directory_that_is_not_there_is_told_as_such,
    ; disk:
    a_disk_without_room_or_rights_is_told,
    who_may_not_write_a_database_leaves_nothing_beside_it,
    a_log_that_somebody_else_left_is_told,
}

/// Two users, of whom neither need have a name.
const OWNER: u32 = 60_001;
const OTHER: u32 = 60_002;

fn a_directory_that_is_not_there_is_told_as_such(rosey: &Rosey) {
    let at = ["--database-url", "sqlite:///nowhere/bot.db"];
    let expected = "its directory does not exist; make it first, or mend the path";
    let report = crate::doctor::unwell(rosey.run(&[&at[..], &["doctor", "--json"]].concat()));
    let (verdict, found, _) = line(&report, "connection");
    assert!(verdict == "failed" && found.contains(expected), "{report}");
    assert!(!report.to_string().contains("rosey migrate"), "{report}");
    let told = rosey.run(&[&at[..], &["stats"]].concat()).fails(1);
    assert!(told.contains(expected) && !told.contains("rosey migrate"), "{told}");
}

/// A database of the owner's, in a directory in which everybody may make files, and the program, which everybody may run.
fn shared(rosey: &Rosey) {
    rosey.replays(&[sample()]);
    let program = rosey.path("program");
    fs::copy(env!("CARGO_BIN_EXE_rosey"), &program).unwrap();
    for (name, mode) in [("", 0o777), ("program", 0o755), ("bot_data.db", 0o644)] {
        fs::set_permissions(rosey.path(name), Permissions::from_mode(mode)).unwrap();
    }
    for name in ["bot_data.db", "bot_data.db.lock"] {
        chown(rosey.path(name), Some(OWNER), Some(OWNER)).unwrap();
    }
}

/// Runs the program as a user.
fn run_as(rosey: &Rosey, user: u32, arguments: &[&str]) -> Ran {
    let mut command = Command::new(rosey.path("program"));
    command.args(arguments).current_dir(rosey.path("")).uid(user).gid(user).env_clear();
    let output: Output = command.env("DATABASE_URL", "sqlite:///bot_data.db").output().unwrap();
    Ran::of(output)
}

/// What stands in the program's directory.
fn names(rosey: &Rosey) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<_> = fs::read_dir(rosey.path("")).unwrap().map(name).collect();
    names.sort();
    names
}

fn who_may_not_write_a_database_leaves_nothing_beside_it(rosey: &Rosey) {
    shared(rosey);
    let before = names(rosey);
    let expected = "the file cannot be written; check the rights of the file and of its directory";
    let ran = run_as(rosey, OTHER, &["doctor", "--json"]);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((ran.code, line(&report, "permissions").0.as_str()), (Some(1), "failed"), "{report}");
    assert!(line(&report, "connection").1.contains(expected), "{report}");
    assert_eq!(names(rosey), before);
    for arguments in
        [&["stats"][..], &["maintain"], &["migrate"], &["migrate", "status"], &["backup", "copy.db"]]
    {
        let told = run_as(rosey, OTHER, arguments).fails(1);
        assert!(told.contains(expected), "{arguments:?}: {told}");
        assert_eq!(names(rosey), before, "{arguments:?}");
    }
    // An empty file is not taken from its owner, either: whoever makes the lock has it.
    fs::remove_file(rosey.path("bot_data.db.lock")).unwrap();
    fs::File::options().write(true).truncate(true).open(rosey.path("bot_data.db")).unwrap();
    let before = names(rosey);
    assert!(run_as(rosey, OTHER, &["migrate"]).fails(1).contains(expected));
    assert_eq!(names(rosey), before);
    run_as(rosey, OWNER, &["migrate"]).succeeds();
    run_as(rosey, OWNER, &["doctor"]).succeeds();
}

fn a_log_that_somebody_else_left_is_told(rosey: &Rosey) {
    shared(rosey);
    fs::set_permissions(rosey.path(""), Permissions::from_mode(0o755)).unwrap();
    chown(rosey.path(""), Some(OWNER), Some(OWNER)).unwrap();
    for name in ["bot_data.db-wal", "bot_data.db-shm"] {
        rosey.file(name, "");
        chown(rosey.path(name), Some(OTHER), Some(OTHER)).unwrap();
        fs::set_permissions(rosey.path(name), Permissions::from_mode(0o644)).unwrap();
    }
    let ran = run_as(rosey, OWNER, &["doctor", "--json"]);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    let (verdict, found, advice) = line(&report, "permissions");
    assert_eq!((ran.code, verdict.as_str()), (Some(1), "failed"), "{report}");
    assert!(found.ends_with(&format!("-wal to {OTHER}, and user {OWNER} may not write it")), "{found}");
    let (_, statements) = advice.split_once("and then: ").unwrap();
    for statement in statements.split(", ") {
        let mut command = Command::new("sh");
        command.args(["-c", statement.trim_matches('`')]).uid(OWNER).gid(OWNER);
        assert!(command.status().unwrap().success(), "{statement}");
    }
    run_as(rosey, OWNER, &["doctor"]).succeeds();
    run_as(rosey, OWNER, &["maintain"]).succeeds();
}

fn a_disk_without_room_or_rights_is_told(home: &Rosey) {
    let disk = Disk::in_memory(8).unwrap();
    let url = format!("sqlite:///{}", disk.path().join("bot.db").display());
    let look = || {
        let ran = home.run(&["--database-url", &url, "doctor", "--json"]);
        (ran.code, serde_json::from_str::<Value>(&ran.stdout).unwrap())
    };
    home.prints(&["--database-url", &url, "migrate"]);
    let (code, report) = look();
    assert_eq!((code, line(&report, "disk").0.as_str()), (Some(0), "warning"), "{report}");
    let ballast = disk.fill("ballast", 1 << 20).unwrap();
    let (code, report) = look();
    assert_eq!((code, line(&report, "disk").0.as_str()), (Some(1), "failed"), "{report}");
    let rest = disk.fill("rest", 0).unwrap();
    let (_, report) = look();
    for name in ["connection", "objects", "sequences", "integrity"] {
        let (_, found, _) = line(&report, name);
        assert!(found.contains(": the disk is full; make room"), "{name}: {found}");
    }
    rest.remove().unwrap();
    ballast.remove().unwrap();

    run("mount", ["-o".as_ref(), "remount,ro".as_ref(), disk.path().as_os_str()]).unwrap();
    let (code, report) = look();
    let (verdict, found, _) = line(&report, "permissions");
    assert_eq!((code, verdict.as_str()), (Some(1), "failed"), "{report}");
    assert!(found.contains("may not write ") && found.contains("nor make files in "), "{found}");
}
