//! What the program does while its database is away.

use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use botstore_conformance::server::PostgresServer;
use serde_json::{Value, json};

use crate::rosey::{Ran, Rosey, chat};

crate::checks! {
    a_journal_of_another_database_is_left_alone,
    a_journal_in_use_is_not_shared,
    ; postgres:
    nothing_is_lost_or_doubled_while_the_server_comes_and_goes_and_the_program_is_killed,
    without_a_journal_a_replay_fails,
    doctor_tells_what_waits,
}

/// The journal, where these checks have it.
pub(crate) const JOURNAL: &str = "journal";

/// The arguments after which nobody can tell two databases apart that hold the same.
const LOOKS: [&[&str]; 5] = [
    &["stats", "--json"],
    &["stats", "user3", "--json"],
    &["top", "-n", "10000", "--json"],
    &["recent", "-n", "10000", "--json"],
    &["history", "-n", "10000", "--json"],
];

pub(crate) fn looks(rosey: &Rosey) -> Vec<String> {
    LOOKS.map(|arguments| rosey.prints(arguments)).to_vec()
}

/// Starts a replay with a journal.
pub(crate) fn replay(rosey: &Rosey, arguments: &[&str]) -> Child {
    let mut command = rosey.command(&[&["replay", "--json"], arguments].concat());
    command.env("ROSEY_SPOOL", JOURNAL).env("ROSEY_SPOOL_CLOSE", "10");
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

pub(crate) fn ended(child: Child) -> Ran {
    Ran::of(child.wait_with_output().unwrap())
}

/// What a run says that it did.
pub(crate) fn told(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"))
}

/// A log of everything that happens in a channel.
pub(crate) fn log(events: u64, random: &mut fastrand::Rng) -> String {
    let line = |number: u64| {
        let (at, user) = (1_700_000_000 + number, random.u64(0..40));
        let event = match random.u32(0..100) {
            0..10 => json!({"type": "user_joined", "username": format!("user{user}")}),
            10..20 => json!({"type": "user_left", "username": format!("user{user}")}),
            20..22 => json!({"type": "user_count", "chat": user, "connected": user + 5}),
            22..23 => {
                json!({"type": "action", "username": format!("user{user}"), "action": "kick", "details": "bob"})
            }
            _ => {
                json!({"type": "chat", "username": format!("user{user}"), "message": format!("line {number}")})
            }
        };
        let mut event = event.as_object().unwrap().clone();
        event.insert("at".to_owned(), json!(at));
        Value::Object(event).to_string() + "\n"
    };
    (0..events).map(line).collect()
}

/// Says at the end, be it a panic, that something is over.
pub(crate) struct AtLast<'a>(pub(crate) &'a AtomicBool);

impl Drop for AtLast<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Stops and starts a server until it is told to let it be; says how often.
fn come_and_go(server: &PostgresServer, over: &AtomicBool, mut random: fastrand::Rng) -> u64 {
    let mut stops = 0;
    while !over.load(Ordering::SeqCst) {
        thread::sleep(Duration::from_millis(random.u64(100..1_000)));
        server.stop(if random.bool() { "fast" } else { "immediate" }).unwrap();
        stops += 1;
        thread::sleep(Duration::from_millis(random.u64(0..700)));
        server.start_again().unwrap();
    }
    stops
}

/// The code with which a replay ended while its database came and went; what it said must go with that.
pub(crate) fn judged(ran: &Ran) -> i32 {
    let code = ran.code.unwrap();
    match code {
        0 | 4 => assert_eq!(told(ran)["arrived"], code == 0, "{ran:?}"),
        // There was no good moment to begin.
        1 => assert!(ran.stderr.contains("nothing was read"), "{ran:?}"),
        _ => panic!("{ran:?}"),
    }
    code
}

fn nothing_is_lost_or_doubled_while_the_server_comes_and_goes_and_the_program_is_killed(_: &Rosey) {
    const KILLS: u32 = 10;
    // So many that the server goes away several times before they are all written.
    const EVENTS: u64 = 160_000;
    let mut random = fastrand::Rng::with_seed(5);
    let log = log(EVENTS, &mut random);
    let server = PostgresServer::start_own("").unwrap();
    let (undisturbed, rosey) = (Rosey::at(&server), Rosey::at(&server));
    undisturbed.file("log.jsonl", &log);
    assert_eq!(undisturbed.replays(&["log.jsonl"]), [EVENTS, 0, 0]);
    let expected = looks(&undisturbed);

    rosey.file("log.jsonl", &log);
    let over = AtomicBool::new(false);
    let (mut codes, mut left) = (Vec::new(), 0);
    let stops = thread::scope(|scope| {
        let (again, end) = (random.fork(), AtLast(&over));
        let stops = scope.spawn(|| come_and_go(&server, &over, again));
        for _ in 0..KILLS {
            let mut running = replay(&rosey, &["log.jsonl"]);
            // A start waits two seconds for its database, and then records into the journal.
            thread::sleep(Duration::from_millis(random.u64(100..3_500)));
            running.kill().unwrap();
            running.wait().unwrap();
            left += usize::from(rosey.path(JOURNAL).exists());
        }
        while codes.last() != Some(&0) {
            assert!(codes.len() < 30, "{codes:?}");
            let ran = ended(replay(&rosey, &["--wait", "8", "log.jsonl"]));
            codes.push(judged(&ran));
        }
        drop(end);
        stops.join().unwrap()
    });
    println!("{stops} stops, {KILLS} kills, of which {left} left a journal; then {codes:?}");
    assert!(stops >= 3 && left >= 2, "{stops}, {left}");
    assert!(!rosey.path(JOURNAL).exists());
    assert_eq!(looks(&rosey), expected);
    assert_eq!(rosey.replays(&["log.jsonl"]), [0, EVENTS, 0]);
}

fn without_a_journal_a_replay_fails(rosey: &Rosey) {
    rosey.file("log.jsonl", chat(0..10));
    let mut command = rosey.command(&["replay", "log.jsonl"]);
    // Port 1 refuses at once.
    command.env("ROSEY_SPOOL", "off").env("DATABASE_URL", "postgresql://rosey@127.0.0.1:1/rosey");
    let ran = ended(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let error = ran.fails(1);
    assert!(error.contains("127.0.0.1:1"), "{error}");
    assert!(!rosey.path("rosey.spool").exists());
}

/// A journal in which events wait for `rosey`'s database, which is there.
pub(crate) fn leave_waiting(rosey: &Rosey, events: u64) {
    rosey.prints(&["migrate"]);
    // A database is away behind a port that refuses.
    let mut command = rosey.command(&["record", "--keep-sessions", "--json"]);
    command.env("ROSEY_SPOOL", JOURNAL).env("ROSEY_SPOOL_CLOSE", "1ms");
    command.env("DATABASE_URL", "postgresql://rosey@127.0.0.1:1/rosey");
    let ran = Ran::of(assert_cmd::Command::from_std(command).write_stdin(chat(0..events)).output().unwrap());
    let left = json!({"recorded": events, "waiting": events, "rejected": 0, "dropped": 0, "unknown": false, "bad": 0});
    assert_eq!((ran.code, told(&ran)), (Some(4), left), "{ran:?}");
    // It was the same database, under another name.
    let file = rusqlite::Connection::open(rosey.path(JOURNAL)).unwrap();
    file.execute("UPDATE journal SET database_name = NULL", []).unwrap();
}

fn a_journal_of_another_database_is_left_alone(rosey: &Rosey) {
    // A journal belongs to the database that it last reached.
    leave_waiting(rosey, 20);
    let file = rusqlite::Connection::open(rosey.path(JOURNAL)).unwrap();
    file.execute("UPDATE journal SET database_id = 'another'", []).unwrap();
    drop(file);
    let error = ended(replay(rosey, &["log.jsonl"])).fails(1);
    assert!(error.contains("holds 20 events of another database"), "{error}");
    assert_eq!(rosey.json(&["stats", "--json"])["chat_lines"], 0);
    assert!(rosey.path(JOURNAL).exists());
    let mut command = rosey.command(&["doctor", "--json"]);
    let report: Value =
        serde_json::from_slice(&command.env("ROSEY_SPOOL", JOURNAL).output().unwrap().stdout).unwrap();
    let checks = report["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == "spool").unwrap();
    assert_eq!(check["verdict"], "failed", "{check}");
    assert!(check["found"].as_str().unwrap().contains("another database"), "{check}");
}

fn a_journal_in_use_is_not_shared(rosey: &Rosey) {
    rosey.file("log.jsonl", chat(0..10));
    let mut command = rosey.command(&["record"]);
    let mut recorder =
        command.env("ROSEY_SPOOL", JOURNAL).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    while !rosey.path(JOURNAL).exists() {}
    let error = ended(replay(rosey, &["log.jsonl"])).fails(1);
    assert!(error.contains("is in use by another process") && error.contains("ROSEY_SPOOL"), "{error}");
    // Everybody else may work beside it, and so may a replay with another journal.
    rosey.prints(&["stats"]);
    assert_eq!(rosey.replays(&["log.jsonl"]), [10, 0, 0]);
    drop(recorder.stdin.take());
    assert!(recorder.wait().unwrap().success());
    assert_eq!(ended(replay(rosey, &["log.jsonl"])).replayed(), [0, 10, 0]);
}

/// What doctor says of the journal.
pub(crate) fn diagnosis(rosey: &Rosey) -> (Value, Value) {
    let output = rosey.command(&["doctor", "--json"]).env("ROSEY_SPOOL", JOURNAL).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let checks = report["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == "spool").unwrap().clone();
    (check, report["spool"].clone())
}

fn doctor_tells_what_waits(_: &Rosey) {
    let server = PostgresServer::start_own("").unwrap();
    let rosey = Rosey::at(&server);
    rosey.file("log.jsonl", chat(0..30));
    let (check, spool) = diagnosis(&rosey);
    assert_eq!((&check["verdict"], &check["found"]), (&json!("ok"), &json!("nothing waits")));
    assert_eq!(
        (&spool["path"], &spool["events"], &spool["in_use"]),
        (&json!(JOURNAL), &json!(0), &json!(false))
    );

    leave_waiting(&rosey, 30);
    server.stop("fast").unwrap();
    let (check, spool) = diagnosis(&rosey);
    assert_eq!(check["verdict"], "warning", "{check}");
    let found = check["found"].as_str().unwrap();
    for part in
        ["30 events wait since 20", "no program has the journal", "the database is away since 20", "refused"]
    {
        assert!(found.contains(part), "{part:?} is not in {found}");
    }
    assert!(check["advice"].as_str().unwrap().contains("rosey record"), "{check}");
    assert_eq!((&spool["events"], &spool["in_use"]), (&json!(30), &json!(false)));
    assert!(spool["oldest"].as_i64() >= spool["away_since"].as_i64().map(|since| since - 5), "{spool}");

    let mut running = replay(&rosey, &["--wait", "60", "log.jsonl"]);
    while diagnosis(&rosey).1["in_use"] == false {}
    let (check, _) = diagnosis(&rosey);
    assert!(check["advice"].as_str().unwrap().contains("a program has the journal"), "{check}");
    running.kill().unwrap();
    running.wait().unwrap();

    // What the advice says.
    server.start_again().unwrap();
    let mut command = rosey.command(&["record", "--keep-sessions"]);
    assert!(command.env("ROSEY_SPOOL", JOURNAL).output().unwrap().status.success());
    assert_eq!(diagnosis(&rosey).0["found"], "nothing waits");
    assert_eq!(rosey.json(&["stats", "--json"])["chat_lines"], 30);
}
