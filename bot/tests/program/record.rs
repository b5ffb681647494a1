//! Recording a living channel.

mod sessions;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use botstore_conformance::server::PostgresServer;
use serde_json::{Value, json};

pub(crate) use self::sessions::AREA as SESSIONS;
use crate::outage::diagnosis;
use crate::rosey::{Ran, Rosey, chat};
use crate::terminal::terminal;

crate::checks! {
    events_arrive_as_they_happen,
    bad_lines_are_left_out,
    a_signal_ends_it_in_order,
    ; once:
    a_second_signal_ends_it_at_once,
    a_terminal_that_is_closed_ends_it_in_order,
    a_hang_up_that_is_ignored_stays_so,
    a_database_that_is_older_than_it_was_does_not_end_it,
    ; postgres:
    what_happens_in_an_outage_waits_for_the_next_run,
    a_recorder_that_starts_without_its_database_makes_and_fills_it_when_it_is_there,
    a_journal_that_is_smaller_than_a_batch_takes_smaller_ones,
    a_server_that_stands_still_does_not_hold_up_the_end,
    what_a_server_that_stands_still_did_not_take_is_told,
}

/// How long something may take that takes a moment.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until something is so.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A recorder that runs.
struct Recorder {
    child: Child,
    stdin: ChildStdin,
}

impl Recorder {
    fn start(rosey: &Rosey, arguments: &[&str]) -> Self {
        Self::of(rosey.command(&[&["record", "--json"], arguments].concat()))
    }

    fn of(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        Self { child, stdin }
    }

    fn write(&mut self, lines: &str) {
        self.stdin.write_all(lines.as_bytes()).unwrap();
        self.stdin.flush().unwrap();
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Ends its input, and waits for its end.
    fn end(self) -> Ran {
        drop(self.stdin);
        Ran::of(self.child.wait_with_output().unwrap())
    }

    /// Waits for its end.
    fn ended(self) -> Ran {
        let ran = Ran::of(self.child.wait_with_output().unwrap());
        drop(self.stdin);
        ran
    }
}

fn joined(at: u64, user: &str) -> String {
    format!("{{\"at\":{at},\"type\":\"user_joined\",\"username\":\"{user}\"}}\n")
}

fn said(at: u64, user: &str) -> String {
    format!("{{\"at\":{at},\"type\":\"chat\",\"username\":\"{user}\",\"message\":\"hello\"}}\n")
}

fn stats(rosey: &Rosey) -> Value {
    rosey.json(&["stats", "--json"])
}

fn ada(rosey: &Rosey) -> Value {
    rosey.json(&["stats", "ada", "--json"])
}

fn sums(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"))
}

/// What the sums are to say.
fn told(recorded: u64, waiting: u64, bad: u64) -> Value {
    json!({"recorded": recorded, "waiting": waiting, "rejected": 0, "dropped": 0, "unknown": false, "bad": bad})
}

fn a_database_that_is_older_than_it_was_does_not_end_it(rosey: &Rosey) {
    rosey.prints(&["migrate"]);
    let mut recorder = Recorder::start(rosey, &[]);
    recorder.write(&chat(0..2));
    until("the lines are there", || stats(rosey)["chat_lines"] == 2);
    // As a backup has it, or a standby that lacked the latest.
    let file = rusqlite::Connection::open(rosey.path("bot_data.db")).unwrap();
    let back = "UPDATE source_positions SET position = position - 1";
    assert_eq!(file.execute(back, []).unwrap(), 1);
    recorder.write(&chat(2..5));
    until("the next lines are there", || stats(rosey)["chat_lines"] == 5);
    recorder.write(&chat(5..6));
    let ran = recorder.end();
    assert_eq!(sums(&ran), told(6, 0, 0));
    assert!(ran.stderr.contains("going on as a new source"), "{ran:?}");
    assert_eq!((ran.code, &stats(rosey)["chat_lines"]), (Some(0), &json!(6)));
}

fn events_arrive_as_they_happen(rosey: &Rosey) {
    rosey.prints(&["migrate"]);
    let mut recorder = Recorder::start(rosey, &[]);
    for line in 0..3 {
        recorder.write(&chat(line..line + 1));
        until("the line is there", || stats(rosey)["chat_lines"] == line + 1);
    }
    recorder.write(&chat(3..3_000));
    let ran = recorder.end();
    assert_eq!(sums(&ran), told(3_000, 0, 0));
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert_eq!(stats(rosey)["chat_lines"], 3_000);
    // A further run is another source: the same lines are new events.
    let text = rosey.run_with(&["record"], chat(0..5)).succeeds();
    assert_eq!(text, "Recorded 5 events\n");
    assert_eq!(stats(rosey)["chat_lines"], 3_005);
}

fn bad_lines_are_left_out(rosey: &Rosey) {
    let input =
        format!("no json\n\n{}{{\"at\":1,\"type\":\"shout\"}}\n{}", chat(0..2), chat(2..3).trim_end());
    let ran = rosey.run_with(&["record", "--json"], input);
    assert_eq!(sums(&ran), told(3, 0, 2));
    assert!(
        ran.stderr.contains("line 1: json: is no JSON") && ran.stderr.contains("line 5: type: "),
        "{ran:?}"
    );
    assert!(!ran.stderr.contains("no json") && !ran.stderr.contains("shout"), "{ran:?}");
    assert_eq!(stats(rosey)["chat_lines"], 3);
    let ran = rosey.run_with(&["record", "--json"], [b"\xff\xfe\n", chat(3..4).as_bytes()].concat());
    assert_eq!((ran.code, sums(&ran)), (Some(0), told(1, 0, 1)));
}

fn a_journal_that_is_smaller_than_a_batch_takes_smaller_ones(_: &Rosey) {
    let server = PostgresServer::start_own("").unwrap();
    let rosey = Rosey::at(&server);
    rosey.prints(&["migrate"]);
    server.stop("fast").unwrap();
    let mut command = rosey.command(&["record", "--json", "--keep-sessions"]);
    command
        .env("ROSEY_SPOOL", "journal")
        .env("ROSEY_SPOOL_SIZE", "64KiB")
        .env("ROSEY_SPOOL_FULL", "drop_oldest");
    let mut recorder = Recorder::of(command);
    recorder.write(&chat(0..3_000));
    until("lines were given up", || diagnosis(&rosey).1["dropped"] != 0);
    server.start_again().unwrap();
    let ran = recorder.end();
    let said = sums(&ran);
    let dropped = said["dropped"].as_u64().unwrap();
    assert_eq!(
        (ran.code, &said["recorded"], &said["waiting"]),
        (Some(4), &json!(3_000), &json!(0)),
        "{ran:?}"
    );
    assert_eq!(stats(&rosey)["chat_lines"], 3_000 - dropped);
}

fn a_signal_ends_it_in_order(rosey: &Rosey) {
    rosey.prints(&["migrate"]);
    for (signal, code, user) in [("-TERM", 143, "ada"), ("-INT", 130, "bob"), ("-HUP", 129, "eve")] {
        let mut recorder = Recorder::start(rosey, &[]);
        recorder.write(&(joined(1_000, user) + &said(1_100, user).repeat(2_000)));
        until("it records", || rosey.run(&["stats", user, "--json"]).code == Some(0));
        recorder.signal(signal);
        let ran = recorder.ended();
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(code), ""), "{ran:?}");
        let (sums, user) = (sums(&ran), rosey.json(&["stats", user, "--json"]));
        assert_eq!(
            sums["recorded"],
            1 + user["total_chat_lines"].as_u64().unwrap(),
            "what is said to be there is"
        );
        assert_eq!((&sums["waiting"], &user["current_session_start"]), (&json!(0), &Value::Null), "{user}");
        assert!(user["total_time_connected"].as_u64().unwrap() > 1_000_000, "until now: {user}");
    }
}

fn a_terminal_that_is_closed_ends_it_in_order(rosey: &Rosey) {
    rosey.prints(&["migrate"]);
    let (mut terminal, program_side) = terminal(80, 24);
    let mut command = rosey.command(&["record"]);
    // What is said goes there, too, and must not be in the way.
    command.env("ROSEY_LOG", "info").stdin(program_side.try_clone().unwrap());
    command.stdout(program_side.try_clone().unwrap()).stderr(program_side);
    let mut child = command.spawn().unwrap();
    drop(command);
    terminal.write_all(joined(1_000, "ada").as_bytes()).unwrap();
    until("it records", || rosey.run(&["stats", "ada", "--json"]).code == Some(0));
    drop(terminal);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(ada(rosey)["current_session_start"], Value::Null);
}

fn a_hang_up_that_is_ignored_stays_so(rosey: &Rosey) {
    rosey.prints(&["migrate"]);
    let program = rosey.command(&["record", "--json"]);
    let mut command = Command::new("sh");
    // As `nohup` does.
    command
        .args(["-c", "trap '' HUP; exec \"$0\" \"$@\""])
        .arg(program.get_program())
        .args(program.get_args());
    command.current_dir(rosey.path(".")).env("DATABASE_URL", rosey.url());
    let mut recorder = Recorder::of(command);
    recorder.write(&joined(1_000, "ada"));
    until("it records", || rosey.run(&["stats", "ada", "--json"]).code == Some(0));
    recorder.signal("-HUP");
    recorder.write(&said(1_100, "ada"));
    until("it records on", || ada(rosey)["total_chat_lines"] == 1);
    assert_eq!(recorder.end().code, Some(0));
}

fn a_second_signal_ends_it_at_once(home: &Rosey) {
    // A server that takes connections and never says anything.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let mut command = home.command(&["record", "--json"]);
    command.env("DATABASE_URL", format!("postgresql://rosey@127.0.0.1:{port}/rosey?connect_timeout=2"));
    command.env("ROSEY_SPOOL", "journal").env("ROSEY_SPOOL_CLOSE", "300").env("ROSEY_LOG", "info");
    let mut recorder = Recorder::of(command);
    recorder.write(&chat(0..10));
    let mut log = BufReader::new(recorder.child.stderr.take().unwrap()).lines();
    let waits = |line: &str| line.contains("what is recorded waits in the journal");
    assert!(log.by_ref().any(|line| waits(&line.unwrap())));
    recorder.signal("-TERM");
    // Of one terminal that is closed several may tell: that is no second signal.
    recorder.signal("-HUP");
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(recorder.child.try_wait().unwrap(), None, "it waits for the database");
    let begun = Instant::now();
    recorder.signal("-TERM");
    let ran = recorder.ended();
    assert_eq!(ran.code, Some(143));
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    let report = home.command(&["doctor", "--json"]).env("ROSEY_SPOOL", "journal").output().unwrap();
    let report: Value = serde_json::from_slice(&report.stdout).unwrap();
    assert_eq!(report["spool"]["events"], 10, "{report}");
}

fn what_happens_in_an_outage_waits_for_the_next_run(_: &Rosey) {
    let server = PostgresServer::start_own("").unwrap();
    let rosey = Rosey::at(&server);
    rosey.prints(&["migrate"]);
    let recorder = |close_within| {
        let mut command = rosey.command(&["record", "--json"]);
        command.env("ROSEY_SPOOL", "journal").env("ROSEY_SPOOL_CLOSE", close_within);
        Recorder::of(command)
    };
    let mut running = recorder("1");
    running.write(&joined(1_000, "ada"));
    until("ada is there", || rosey.run(&["stats", "ada", "--json"]).code == Some(0));
    server.stop("immediate").unwrap();
    running.write(&said(1_100, "ada").repeat(50));
    until("the journal is there", || rosey.path("journal").metadata().is_ok_and(|file| file.len() > 0));
    std::thread::sleep(Duration::from_secs(1));
    running.signal("-TERM");
    let ran = running.ended();
    assert_eq!(ran.code, Some(4), "{ran:?}");
    assert_eq!(sums(&ran), told(51, 50, 0));
    assert!(ran.stderr.lines().count() < 20, "{}", ran.stderr);

    server.start_again().unwrap();
    let ran = recorder("60").end();
    assert_eq!((ran.code, sums(&ran)), (Some(0), told(0, 0, 0)), "{ran:?}");
    let after = ada(&rosey);
    assert_eq!(
        (&after["total_chat_lines"], &after["current_session_start"]),
        (&json!(50), &Value::Null),
        "{after}"
    );
    // What waited came first: ada was last seen when she last said something.
    assert_eq!(after["total_time_connected"], 100, "{after}");
    assert!(!rosey.path("journal").exists());
}

fn a_recorder_that_starts_without_its_database_makes_and_fills_it_when_it_is_there(_: &Rosey) {
    let server = PostgresServer::start_own("").unwrap();
    let rosey = Rosey::at(&server);
    server.stop("fast").unwrap();
    let mut recorder = Recorder::start(&rosey, &[]);
    recorder.write(&chat(0..700));
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(recorder.child.try_wait().unwrap(), None);
    server.start_again().unwrap();
    recorder.write(&chat(700..800));
    until("all of it is there", || {
        let ran = rosey.run(&["stats", "--json"]);
        ran.code == Some(0) && sums(&ran)["chat_lines"] == 800
    });
    let ran = recorder.end();
    assert_eq!((ran.code, sums(&ran)), (Some(0), told(800, 0, 0)), "{ran:?}");
}

/// A server, and a recorder of ada, who is there, that is to end within a second.
fn hurried() -> (PostgresServer, Rosey, Recorder) {
    let server = PostgresServer::start_own("").unwrap();
    let rosey = Rosey::at(&server);
    rosey.prints(&["migrate"]);
    let mut command = rosey.command(&["record", "--json"]);
    command.env("ROSEY_SPOOL", "journal").env("ROSEY_SPOOL_CLOSE", "1");
    let mut recorder = Recorder::of(command);
    recorder.write(&joined(1_000, "ada"));
    until("ada is there", || rosey.run(&["stats", "ada", "--json"]).code == Some(0));
    (server, rosey, recorder)
}

/// Far longer than the second that it may take, and far less than what each of its calls may take.
const HURRIED: Duration = Duration::from_secs(10);

fn a_server_that_stands_still_does_not_hold_up_the_end(_: &Rosey) {
    let (server, rosey, recorder) = hurried();
    let frozen = server.freeze().unwrap();
    let begun = Instant::now();
    let ran = recorder.end();
    let took = begun.elapsed();
    assert_eq!((ran.code, sums(&ran)), (Some(0), told(1, 0, 0)), "{ran:?}");
    assert!(ran.stderr.contains("sessions stay open until the next start"), "{ran:?}");
    assert!(took < HURRIED, "{took:?}");
    drop(frozen);
    assert_eq!(ada(&rosey)["current_session_start"], 1_000);
    assert_eq!(Recorder::start(&rosey, &[]).end().code, Some(0));
    assert_eq!(ada(&rosey)["current_session_start"], Value::Null);
}

fn what_a_server_that_stands_still_did_not_take_is_told(_: &Rosey) {
    let (server, rosey, mut recorder) = hurried();
    let frozen = server.freeze().unwrap();
    recorder.write(&said(1_100, "ada").repeat(50));
    until("they wait in the journal", || diagnosis(&rosey).1["events"] == 50);
    recorder.signal("-TERM");
    let begun = Instant::now();
    let ran = recorder.ended();
    let took = begun.elapsed();
    assert_eq!((ran.code, sums(&ran)), (Some(4), told(51, 50, 0)), "{ran:?}");
    assert!(took < HURRIED, "{took:?}");
    assert_eq!(diagnosis(&rosey).1["events"], 50);
    drop(frozen);
    let mut command = rosey.command(&["record", "--json"]);
    command.env("ROSEY_SPOOL", "journal").env("ROSEY_SPOOL_CLOSE", "60");
    let ran = Recorder::of(command).end();
    assert_eq!((ran.code, sums(&ran)), (Some(0), told(0, 0, 0)), "{ran:?}");
    assert_eq!(ada(&rosey)["total_chat_lines"], 50);
}
