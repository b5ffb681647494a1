//! What a replay says, at its start and at its end, of a database that is away.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Stdio};
use std::time::Duration;

use botstore_conformance::server::PostgresServer;
use rusqlite::Connection;
use serde_json::json;

use crate::outage::{JOURNAL, diagnosis, ended, leave_waiting, replay, told};
use crate::record::until;
use crate::rosey::{Ran, Rosey, chat};

crate::checks! {
    what_is_said_to_wait_does,
    what_is_no_file_is_no_journal,
    ; postgres:
    a_replay_without_its_database_takes_nothing,
    a_replay_waits_for_its_database_at_the_start,
    a_replay_goes_on_from_its_place_in_the_journal,
    a_replay_waits_for_its_database_to_say_that_it_has_all_of_it,
    what_the_database_refuses_is_no_success,
    what_was_given_up_is_no_success,
    what_a_killed_replay_gave_up_is_told_by_the_next,
    what_waits_for_one_database_takes_nothing_for_another,
    what_waits_in_a_journal_that_was_replaced_is_saved,
    an_outage_that_is_over_is_told_no_more,
}

/// A replay of a source whose lines are still being written.
struct Running {
    child: Child,
    stdin: ChildStdin,
}

impl Running {
    fn start(rosey: &Rosey, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command =
            rosey.command(&[&["replay", "--json", "--source", "log"], arguments, &["-"]].concat());
        command.env("ROSEY_SPOOL", JOURNAL).env("ROSEY_SPOOL_CLOSE", "1").envs(variables.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        Self { child, stdin }
    }

    fn write(&mut self, lines: &str) {
        self.stdin.write_all(lines.as_bytes()).unwrap();
    }

    fn end(self) -> Ran {
        drop(self.stdin);
        ended(self.child)
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn chat_lines(rosey: &Rosey) -> u64 {
    rosey.json(&["stats", "--json"])["chat_lines"].as_u64().unwrap()
}

fn waiting(rosey: &Rosey) -> u64 {
    diagnosis(rosey).1["events"].as_u64().unwrap()
}

/// A server with a database that has the first 500 lines of a source; the replay of it still runs.
fn begun(variables: &[(&str, &str)], arguments: &[&str]) -> (PostgresServer, Rosey, Running) {
    let server = PostgresServer::start_own("").unwrap();
    let rosey = Rosey::at(&server);
    rosey.prints(&["migrate"]);
    let mut running = Running::start(&rosey, arguments, variables);
    running.write(&chat(0..500));
    until("the first lines are there", || chat_lines(&rosey) == 500);
    (server, rosey, running)
}

/// The same, but the server was stopped, 1,000 further lines wait in the journal, and the replay was killed.
fn interrupted() -> (PostgresServer, Rosey) {
    let (server, rosey, mut running) = begun(&[], &[]);
    server.stop("fast").unwrap();
    running.write(&chat(500..1_500));
    until("the next lines wait", || waiting(&rosey) == 1_000);
    running.kill();
    (server, rosey)
}

fn a_replay_without_its_database_takes_nothing(_: &Rosey) {
    let server = PostgresServer::start_own("").unwrap();
    let rosey = Rosey::at(&server);
    rosey.file("channel.log", chat(0..10));
    assert_eq!(rosey.replays(&["--source", "log", "channel.log"]), [10, 0, 0]);
    server.stop("fast").unwrap();
    // Another log of the same name: recorded unseen, its lines would be taken for the first five of the other.
    rosey.file("channel.log", chat(10..15));
    let ran = ended(replay(&rosey, &["--wait", "0", "--source", "log", "channel.log"]));
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{ran:?}");
    for part in
        ["error: channel.log: position: unavailable: ", "help: nothing was read: run the command again"]
    {
        assert!(ran.stderr.contains(part), "{part:?} is not in {ran:?}");
    }
    assert!(!rosey.path(JOURNAL).exists());

    server.start_again().unwrap();
    let error = ended(replay(&rosey, &["--source", "log", "channel.log"])).fails(1);
    assert!(error.contains("channel.log has 5 lines, but of the source log 10 are recorded"), "{error}");
    assert_eq!(chat_lines(&rosey), 10);
}

fn a_replay_waits_for_its_database_at_the_start(_: &Rosey) {
    let server = PostgresServer::start_own("").unwrap();
    let rosey = Rosey::at(&server);
    rosey.file("log.jsonl", chat(0..1_200));
    server.stop("fast").unwrap();
    let mut running = replay(&rosey, &["--wait", "600", "log.jsonl"]);
    until("it has its journal", || diagnosis(&rosey).1["in_use"] == true);
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!((running.try_wait().unwrap(), waiting(&rosey)), (None, 0));
    server.start_again().unwrap();
    assert_eq!(ended(running).replayed(), [1_200, 0, 0]);
    assert!(!rosey.path(JOURNAL).exists());
}

fn a_replay_goes_on_from_its_place_in_the_journal(_: &Rosey) {
    let (server, rosey) = interrupted();
    rosey.file("channel.log", chat(0..1_700));
    let again = ["--wait", "0", "--source", "log", "channel.log"];
    for (spooled, skipped) in [(200, 1_500), (0, 1_700)] {
        let ran = ended(replay(&rosey, &again));
        let mut told = told(&ran);
        told.as_object_mut().unwrap().remove("seconds");
        let expected = json!({
            "backend": "postgresql", "applied": 0, "skipped": skipped, "spooled": spooled,
            "waiting": 1_200, "rejected": 0, "dropped": 0, "unknown": false, "arrived": false, "bad": 0,
        });
        assert_eq!((ran.code, told), (Some(4), expected), "{ran:?}");
    }
    let mut command = rosey.command(&[&["replay"][..], &again].concat());
    let ran = Ran::of(command.env("ROSEY_SPOOL", JOURNAL).output().unwrap());
    assert_eq!(ran.code, Some(4), "{ran:?}");
    for part in ["1,200 events wait in the journal for the database", "run the command again"] {
        assert!(ran.stdout.contains(part), "{part:?} is not in {ran:?}");
    }

    server.start_again().unwrap();
    let ran = ended(replay(&rosey, &["--source", "log", "channel.log"]));
    assert_eq!((ran.code, &told(&ran)["arrived"]), (Some(0), &json!(true)), "{ran:?}");
    assert_eq!(chat_lines(&rosey), 1_700);
    assert!(!rosey.path(JOURNAL).exists());
}

fn what_is_said_to_wait_does(rosey: &Rosey) {
    leave_waiting(rosey, 30_000);
    rosey.file("log.jsonl", chat(0..10));
    // The database is there, and takes what waits, but nobody waits for that.
    let ran = ended(replay(rosey, &["--wait", "0", "log.jsonl"]));
    let said = told(&ran)["waiting"].as_u64().unwrap();
    assert_eq!(said, waiting(rosey), "{ran:?}");
    assert_eq!((ran.code == Some(4), ran.code == Some(0)), (said > 0, said == 0), "{ran:?}");
    let ran = ended(replay(rosey, &["log.jsonl"]));
    assert_eq!((ran.code, &told(&ran)["waiting"]), (Some(0), &json!(0)), "{ran:?}");
    assert_eq!(chat_lines(rosey), 30_010);
}

fn a_replay_waits_for_its_database_to_say_that_it_has_all_of_it(_: &Rosey) {
    let (server, rosey, running) = begun(&[], &["--wait", "600"]);
    server.stop("fast").unwrap();
    // All of it is in the database, which has gone.
    let mut child = running.child;
    drop(running.stdin);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(child.try_wait().unwrap(), None, "it waits for the database");
    server.start_again().unwrap();
    let ran = ended(child);
    assert_eq!((ran.code, &told(&ran)["arrived"]), (Some(0), &json!(true)), "{ran:?}");

    // And one that stays away says nothing.
    let mut running = Running::start(&rosey, &["--wait", "0"], &[]);
    running.write(&chat(0..1_000));
    until("the next lines are there", || chat_lines(&rosey) == 1_000);
    server.stop("fast").unwrap();
    let ran = running.end();
    let said = told(&ran);
    assert_eq!(
        (ran.code, &said["applied"], &said["waiting"], &said["arrived"]),
        (Some(4), &json!(500), &json!(0), &json!(false)),
        "{ran:?}"
    );
    assert!(!rosey.path(JOURNAL).exists());
    // The database is removed there.
    server.start_again().unwrap();
}

fn what_the_database_refuses_is_no_success(_: &Rosey) {
    let (server, rosey) = interrupted();
    server.start_again().unwrap();
    // As an older backup has it.
    rosey.sql("UPDATE source_positions SET position = position - 1");
    // What the journal kept aside before is there by now, and let go.
    rosey.sql("INSERT INTO source_positions (source, position) VALUES ('other', 7)");
    let journal = Connection::open(rosey.path(JOURNAL)).unwrap();
    let aside = "INSERT INTO rejected (number, source, after, last, arrived, events, body, reason)
        VALUES (0, 'other', 0, 7, 1, 7, '', 'something is missing')";
    journal.execute(aside, []).unwrap();
    drop(journal);
    rosey.file("channel.log", chat(0..1_500));
    let ran = ended(replay(&rosey, &["--source", "log", "channel.log"]));
    let said = told(&ran);
    assert_eq!(
        (ran.code, &said["waiting"], &said["rejected"]),
        (Some(4), &json!(0), &json!(1_000)),
        "{ran:?}"
    );
    assert!(diagnosis(&rosey).0["found"].as_str().unwrap().contains("1,000 events are kept aside"));
    // The file has them still: again, and all of it is there.
    let ran = ended(replay(&rosey, &["--source", "log", "channel.log"]));
    let said = told(&ran);
    assert_eq!((ran.code, &said["rejected"]), (Some(0), &json!(0)), "{ran:?}");
    let stands_at = "SELECT position::text FROM source_positions WHERE source = 'log'";
    assert_eq!(rosey.sql(stands_at), ["1500"]);
    // The line by which the position went back is there twice.
    assert_eq!(chat_lines(&rosey), 1_501);
}

fn what_was_given_up_is_no_success(_: &Rosey) {
    let little = [("ROSEY_SPOOL_SIZE", "100KiB"), ("ROSEY_SPOOL_FULL", "drop_oldest")];
    let (server, rosey, mut running) = begun(&little, &["--wait", "600"]);
    server.stop("fast").unwrap();
    running.write(&chat(500..5_000));
    until("lines were given up", || diagnosis(&rosey).1["dropped"] != 0);
    // Nobody wants more of it.
    drop(running.stdin);
    server.start_again().unwrap();
    let ran = ended(running.child);
    let said = told(&ran);
    let dropped = said["dropped"].as_u64().unwrap();
    assert_eq!((ran.code, &said["waiting"]), (Some(4), &json!(0)), "{ran:?}");
    assert!(dropped > 0, "{said}");
    assert_eq!(chat_lines(&rosey), 5_000 - dropped);
}

fn what_a_killed_replay_gave_up_is_told_by_the_next(_: &Rosey) {
    let little = [("ROSEY_SPOOL_SIZE", "100KiB"), ("ROSEY_SPOOL_FULL", "drop_oldest")];
    let (server, rosey, mut running) = begun(&little, &[]);
    server.stop("fast").unwrap();
    running.write(&chat(500..5_000));
    until("lines were given up", || diagnosis(&rosey).1["dropped"].as_u64() > Some(0));
    running.kill();
    let dropped = diagnosis(&rosey).1["dropped"].clone();
    server.start_again().unwrap();
    rosey.file("channel.log", chat(0..5_000));
    for (code, dropped) in [(4, dropped), (0, json!(0))] {
        let ran = ended(replay(&rosey, &["--source", "log", "channel.log"]));
        assert_eq!((ran.code, &told(&ran)["dropped"]), (Some(code), &dropped), "{ran:?}");
    }
}

fn what_waits_for_one_database_takes_nothing_for_another(_: &Rosey) {
    let (server, rosey) = interrupted();
    let url = format!("{}_other", rosey.url());
    let other = |arguments: &[&str]| {
        let mut command = rosey.command(&[&["--database-url", &url], arguments].concat());
        command.env("ROSEY_SPOOL", JOURNAL).stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    rosey.file("channel.log", chat(0..1_500));
    let ran = ended(other(&["replay", "--json", "--wait", "0", "--source", "log", "channel.log"]));
    assert!(ran.stderr.contains("nothing was read"), "{ran:?}");
    let mut recorder = other(&["record", "--keep-sessions"]);
    recorder.stdin.take().unwrap().write_all(chat(0..1).as_bytes()).unwrap();
    let said = "nothing is taken until the database answers and is the same one";
    let mut stderr = BufReader::new(recorder.stderr.take().unwrap()).lines();
    assert!(stderr.any(|line| line.unwrap().contains(said)), "it waits");
    server.start_again().unwrap();
    rosey.sql(&format!("CREATE DATABASE {}", url.rsplit('/').next().unwrap()));
    let refused = stderr.map(Result::unwrap).find(|line| line.starts_with("error: "));
    assert!(refused.as_deref().unwrap_or_default().contains("events of another database"), "{refused:?}");
    assert_eq!((recorder.wait().unwrap().code(), waiting(&rosey)), (Some(1), 1_000));
    let ran = ended(replay(&rosey, &["--source", "log", "channel.log"]));
    assert_eq!((ran.code, chat_lines(&rosey)), (Some(0), 1_500), "{ran:?}");
}

fn what_is_no_file_is_no_journal(rosey: &Rosey) {
    let mkfifo = std::process::Command::new("mkfifo").arg(rosey.path("pipe")).status().unwrap();
    assert!(mkfifo.success());
    std::fs::create_dir(rosey.path("directory")).unwrap();
    rosey.file("log.jsonl", chat(0..10));
    for (name, why) in [("pipe", "is no file"), ("directory", "is a directory"), ("/dev/null", "is no file")]
    {
        let before = std::fs::metadata(rosey.path(name)).unwrap().permissions();
        let mut command = rosey.command(&["replay", "log.jsonl"]);
        let refused = Ran::of(command.env("ROSEY_SPOOL", name).output().unwrap()).fails(1);
        assert!(refused.contains(why) && refused.contains("name another"), "{refused}");
        let told = Ran::of(rosey.command(&["doctor"]).env("ROSEY_SPOOL", name).output().unwrap());
        assert!(told.stdout.contains(why), "{told:?}");
        assert_eq!(std::fs::metadata(rosey.path(name)).unwrap().permissions(), before);
    }
}

fn what_waits_in_a_journal_that_was_replaced_is_saved(_: &Rosey) {
    let (server, rosey, mut running) = begun(&[], &[]);
    server.stop("fast").unwrap();
    running.write(&chat(500..1_000));
    until("the next lines wait", || waiting(&rosey) == 500);
    for beside in ["-wal", "-shm"] {
        std::fs::remove_file(rosey.path(&format!("{JOURNAL}{beside}"))).unwrap();
    }
    rosey.file("other", "another file");
    std::fs::rename(rosey.path("other"), rosey.path(JOURNAL)).unwrap();
    let ran = running.end();
    assert_eq!((ran.code, &told(&ran)["unknown"]), (Some(4), &json!(true)), "{ran:?}");
    let names = std::fs::read_dir(rosey.path("")).unwrap().map(|entry| entry.unwrap().file_name());
    let saved: Vec<_> = names
        .filter_map(|name| name.into_string().ok())
        .filter(|name| name.starts_with(JOURNAL) && name != JOURNAL && !name.ends_with(".lock"))
        .collect();
    assert_eq!(saved.len(), 1, "{saved:?} {ran:?}");
    server.start_again().unwrap();
    let mut command = rosey.command(&["replay", "--json", "log.jsonl"]);
    rosey.file("log.jsonl", chat(0..1));
    Ran::of(command.env("ROSEY_SPOOL", &saved[0]).output().unwrap()).succeeds();
    assert_eq!(chat_lines(&rosey), 1_001);
}

fn an_outage_that_is_over_is_told_no_more(_: &Rosey) {
    let (server, rosey, mut running) = begun(&[], &[]);
    server.stop("fast").unwrap();
    running.write(&chat(500..1_000));
    until("the next lines wait", || waiting(&rosey) == 500);
    until("it is noted why", || diagnosis(&rosey).1["error"].is_string());
    running.kill();
    server.start_again().unwrap();
    // Another process writes what waits, and goes on.
    let mut second = Running::start(&rosey, &[], &[]);
    second.write(&chat(0..1_500));
    until("all lines are there", || chat_lines(&rosey) == 1_500);
    until("nothing waits", || waiting(&rosey) == 0);
    let journal = diagnosis(&rosey).1;
    assert_eq!((&journal["error"], &journal["away_since"]), (&json!(null), &json!(null)), "{journal}");
    second.end().succeeds();
}
