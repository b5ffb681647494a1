//! What the program does with what nobody meant to give it.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use crate::rosey::{Rosey, chat};

crate::checks! {
    a_file_that_cannot_be_read_is_named,
    garbage_is_a_bad_line,
    a_damaged_gzip_file_records_nothing,
    an_empty_file_has_no_events,
    a_closed_pipe_is_no_error,
    a_closed_standard_input_is_an_end,
    ; once:
    a_database_of_another_program_is_refused,
    a_file_that_is_no_database_is_refused,
    what_is_too_long_is_not_echoed_whole,
    colours_are_chosen_for_help_and_errors_too,
}

fn a_file_that_cannot_be_read_is_named(rosey: &Rosey) {
    let error = rosey.run(&["replay", "missing.jsonl"]).fails(1);
    assert!(error.starts_with("error: missing.jsonl: No such file"), "{error}");
    std::fs::create_dir(rosey.path("folder")).unwrap();
    let error = rosey.run(&["replay", "folder"]).fails(1);
    assert!(error.starts_with("error: folder: Is a directory"), "{error}");
}

fn garbage_is_a_bad_line(rosey: &Rosey) {
    for (garbage, expected) in [
        (vec![0xff; 100], "line: is not UTF-8"),
        (vec![0; 100], "json: is no JSON"),
        (vec![b'['; 100_000], "json: is no JSON"),
        (vec![b' '; (1 << 20) + 1], "line: is longer than 1 MiB"),
        (b"{\"at\":1e999}".to_vec(), "json: is no JSON"),
    ] {
        rosey.file("garbage", &garbage);
        let error = rosey.run(&["replay", "garbage"]).fails(1);
        assert!(error.starts_with(&format!("error: garbage:1: {expected}")), "{error}");
        assert_eq!(rosey.replays(&["--skip-bad", "garbage"]), [0, 0, 1]);
    }
}

fn a_damaged_gzip_file_records_nothing(rosey: &Rosey) {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, chat(0..5_000).as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    for damaged in [&gzip[..gzip.len() / 2], &gzip[..2]] {
        rosey.file("log.jsonl.gz", damaged);
        let error = rosey.run(&["replay", "log.jsonl.gz"]).fails(1);
        assert!(error.starts_with("error: log.jsonl.gz: "), "{error}");
        assert_eq!(rosey.json(&["stats", "--json"])["users"], 0);
    }
}

fn an_empty_file_has_no_events(rosey: &Rosey) {
    for (name, content) in [("empty.jsonl", ""), ("empty.jsonl.gz", ""), ("blank.jsonl", "\n \n\t\n")] {
        rosey.file(name, content);
        assert_eq!(rosey.replays(&[name]), [0, 0, 0]);
    }
}

fn a_closed_pipe_is_no_error(rosey: &Rosey) {
    rosey.file("log.jsonl", chat(0..5_000));
    rosey.replays(&["log.jsonl"]);
    for arguments in [&["recent", "-n", "5000"] as &[_], &["recent", "-n", "5000", "--json"]] {
        let mut command = rosey.command(arguments);
        let mut running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::with_capacity(64, running.stdout.take().unwrap());
        out.fill_buf().unwrap();
        drop(out);
        let ended = running.wait_with_output().unwrap();
        assert_eq!((ended.status.code(), ended.stderr), (Some(0), vec![]));
    }
}

fn a_closed_standard_input_is_an_end(rosey: &Rosey) {
    assert_eq!(rosey.replays(&["--source", "log", "-"]), [0, 0, 0]);
    rosey.run(&["outbound", "send", "-"]).fails(2);
    rosey.run(&["token", "revoke"]).fails(2);
    assert_eq!(rosey.run(&["token", "check"]).code, Some(3));
}

fn a_database_of_another_program_is_refused(home: &Rosey) {
    let path = home.path("bot_data.db");
    let theirs = rusqlite::Connection::open(&path).unwrap();
    theirs.execute_batch("CREATE TABLE user_stats (username TEXT)").unwrap();
    drop(theirs);
    let before = std::fs::read(&path).unwrap();
    for command in ["stats", "migrate"] {
        let error = home.run(&[command]).fails(1);
        assert!(error.contains("another program made it") && error.contains("not changed"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
}

fn a_file_that_is_no_database_is_refused(home: &Rosey) {
    home.file(
        "bot_data.db",
        "this is no database, but a text that is long enough to look like one. ".repeat(50),
    );
    let error = home.run(&["stats"]).fails(1);
    assert!(error.starts_with("error: SQLite (bot_data.db): "), "{error}");
}

fn what_is_too_long_is_not_echoed_whole(rosey: &Rosey) {
    let long = "x".repeat(100_000);
    for (arguments, code) in [
        (&["token", "create", "--name", &long] as &[&str], 2),
        (&["stats", &long], 2),
        (&["top", "-n", &long], 2),
        (&[&long], 2),
        (&[&format!("--{long}")], 2),
        (&["replay", &long], 1),
    ] {
        let error = rosey.run(arguments).fails(code);
        assert!(
            error.len() < 1_500 && error.contains("xxx") && error.contains('…'),
            "{} {error}",
            error.len()
        );
    }
    let error = rosey.run(&["stats", &"x".repeat(60)]).fails(2);
    assert!(error.contains(&"x".repeat(60)), "{error}");
}

fn colours_are_chosen_for_help_and_errors_too(rosey: &Rosey) {
    let coloured = |arguments: &[&str]| {
        let output =
            rosey.command(arguments).env("CLICOLOR_FORCE", "1").env_remove("NO_COLOR").output().unwrap();
        [output.stdout, output.stderr].concat().contains(&0x1b)
    };
    for arguments in [&["--help"] as &[_], &["history", "--help"], &["nonsense"], &["top", "-n", "0"]] {
        assert!(coloured(arguments), "{arguments:?}");
        assert!(!coloured(&[arguments, &["--color=never"]].concat()), "{arguments:?}");
        assert!(!coloured(&[&["--color", "never"], arguments].concat()), "{arguments:?}");
    }
}
