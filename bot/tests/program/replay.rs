//! Recording files, each event exactly once.

use std::io::Write as _;
use std::process::Stdio;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::rosey::{Rosey, chat, sample};

crate::checks! {
    a_second_replay_applies_nothing,
    a_killed_replay_goes_on_where_it_stopped,
    a_bad_line_stops_before_its_batch,
    a_corrected_file_goes_on_as_the_same_source,
    bad_lines_are_left_out_on_request,
    many_bad_lines_are_named_in_part,
    gzip_is_the_same_source_as_its_content,
    a_log_that_grows_is_read_on,
    an_unfinished_line_of_a_log_is_left_for_the_next_run,
    a_shorter_log_of_the_same_name_is_refused,
    several_files_are_several_sources,
    a_last_line_needs_no_line_break,
    people_get_a_summary,
    programs_get_json,
    ; once:
    standard_input_needs_a_name,
    a_name_is_for_one_input,
}

fn bad_name() -> String {
    format!("{{\"at\":1,\"type\":\"user_joined\",\"username\":\"{}\"}}\n", "x".repeat(51))
}

fn chat_lines(rosey: &Rosey) -> u64 {
    rosey.json(&["stats", "--json"])["chat_lines"].as_u64().unwrap()
}

fn a_second_replay_applies_nothing(rosey: &Rosey) {
    let [applied, ..] = rosey.replays(&[sample()]);
    assert_eq!(applied, 195);
    let before = rosey.prints(&["stats", "--json"]);
    assert_eq!(rosey.replays(&[sample()]), [0, applied, 0]);
    assert_eq!(rosey.prints(&["stats", "--json"]), before);
}

fn a_killed_replay_goes_on_where_it_stopped(rosey: &Rosey) {
    let log = chat(0..4_000);
    let (first, _) = log.split_at(log.len() / 2);
    let mut command = rosey.command(&["replay", "--source", "log", "-"]);
    let mut running = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut stdin = running.stdin.take().unwrap();
    stdin.write_all(first.as_bytes()).unwrap();
    // Its standard input stays open, so it has not ended when the first batches are there.
    while chat_lines(rosey) == 0 {}
    running.kill().unwrap();
    running.wait().unwrap();
    let before = chat_lines(rosey);
    assert!((500..=2_000).contains(&before) && before.is_multiple_of(500), "{before}");
    let rest = rosey.run_with(&["replay", "--json", "--source", "log", "-"], &log).replayed();
    assert_eq!(rest, [4_000 - before, before, 0]);
    assert_eq!(chat_lines(rosey), 4_000);
}

fn a_bad_line_stops_before_its_batch(rosey: &Rosey) {
    rosey.file("bad.jsonl", chat(0..549) + &bad_name() + &chat(549..600));
    let error = rosey.run(&["replay", "bad.jsonl"]).fails(1);
    let expected = "error: bad.jsonl:550: username: has 51 characters, at most 50 are allowed\n";
    assert!(error.starts_with(expected), "{error}");
    assert!(error.contains("help: lines 1 to 500 are recorded"), "{error}");
    assert_eq!(chat_lines(rosey), 500);
}

fn a_corrected_file_goes_on_as_the_same_source(rosey: &Rosey) {
    rosey.file("log.jsonl", chat(0..549) + &bad_name() + &chat(549..600));
    let error = rosey.run(&["replay", "log.jsonl"]).fails(1);
    let source = error.trim_end().rsplit(' ').next().unwrap();
    assert!(source.starts_with("sha256:") && source.len() == 71, "{error}");
    rosey.file("log.jsonl", chat(0..549) + &bad_name().replace("xx", "x") + &chat(549..600));
    assert_eq!(rosey.replays(&["--source", source, "log.jsonl"]), [101, 500, 0]);
    assert_eq!(chat_lines(rosey), 600);
}

fn bad_lines_are_left_out_on_request(rosey: &Rosey) {
    let bad = "no json\n\n{\"at\":1,\"type\":\"shout\"}\n";
    rosey.file("log.jsonl", format!("{bad}{}{bad}{}{bad}", chat(0..700), chat(700..710)));
    let ran = rosey.run(&["replay", "--json", "--skip-bad", "log.jsonl"]);
    assert!(ran.stderr.contains("log.jsonl:3: type: is none of user_joined"), "{}", ran.stderr);
    assert_eq!(ran.replayed(), [710, 0, 6]);
    assert_eq!(rosey.replays(&["--skip-bad", "log.jsonl"]), [0, 710, 6]);
    assert_eq!(chat_lines(rosey), 710);
}

fn many_bad_lines_are_named_in_part(rosey: &Rosey) {
    rosey.file("log.jsonl", "?\n".repeat(1_012) + &chat(0..1));
    let ran = rosey.run(&["replay", "--json", "--skip-bad", "log.jsonl"]);
    assert_eq!(ran.stderr.lines().count(), 11, "{}", ran.stderr);
    assert!(ran.stderr.contains("log.jsonl: 1,002 more bad lines were left out"), "{}", ran.stderr);
    assert_eq!(ran.replayed(), [1, 0, 1_012]);
}

fn gzip_is_the_same_source_as_its_content(rosey: &Rosey) {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(chat(0..900).as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    rosey.file("log.jsonl.gz", &gzip);
    rosey.file("packed", &gzip);
    rosey.file("log.jsonl", chat(0..900));
    assert_eq!(rosey.replays(&["log.jsonl.gz"]), [900, 0, 0]);
    assert_eq!(rosey.replays(&["log.jsonl", "packed"]), [0, 1_800, 0]);
    let piped = rosey.run_with(&["replay", "--json", "--source", "pipe", "-"], gzip);
    assert_eq!(piped.replayed(), [900, 0, 0]);
}

fn standard_input_needs_a_name(rosey: &Rosey) {
    let error = rosey.run_with(&["replay", "-"], chat(0..1)).fails(2);
    assert!(error.contains("--source NAME"), "{error}");
    let named = rosey.run_with(&["replay", "--json", "-", "--source", "log"], chat(0..1));
    assert_eq!(named.replayed(), [1, 0, 0]);
}

fn a_name_is_for_one_input(rosey: &Rosey) {
    let error = rosey.run(&["replay", "--source", "log", "a.jsonl", "b.jsonl"]).fails(2);
    assert!(error.contains("--source names a single FILE"), "{error}");
}

fn a_log_that_grows_is_read_on(rosey: &Rosey) {
    rosey.file("channel.log", chat(0..510));
    assert_eq!(rosey.replays(&["--source", "log", "channel.log"]), [510, 0, 0]);
    rosey.file("channel.log", chat(0..1_200));
    assert_eq!(rosey.replays(&["--source", "log", "channel.log"]), [690, 510, 0]);
    assert_eq!(chat_lines(rosey), 1_200);
}

fn an_unfinished_line_of_a_log_is_left_for_the_next_run(rosey: &Rosey) {
    let log = chat(0..12);
    let half = &log[..log.len() - 20];
    rosey.file("channel.log", half);
    assert_eq!(rosey.replays(&["--source", "log", "channel.log"]), [11, 0, 0]);
    rosey.file("channel.log", &log);
    assert_eq!(rosey.replays(&["--source", "log", "channel.log"]), [1, 11, 0]);
    // A file that is known by its content is whole: there the same line is bad.
    rosey.file("whole.jsonl", half);
    let error = rosey.run(&["replay", "whole.jsonl"]).fails(1);
    assert!(error.starts_with("error: whole.jsonl:12: json: is no JSON"), "{error}");
}

fn a_shorter_log_of_the_same_name_is_refused(rosey: &Rosey) {
    rosey.file("channel.log", chat(0..10));
    assert_eq!(rosey.replays(&["--source", "log", "channel.log"]), [10, 0, 0]);
    rosey.file("channel.log", chat(10..15));
    let error = rosey.run(&["replay", "--source", "log", "channel.log"]).fails(1);
    assert!(error.contains("channel.log has 5 lines, but of the source log 10 are recorded"), "{error}");
    assert_eq!(chat_lines(rosey), 10);
}

fn several_files_are_several_sources(rosey: &Rosey) {
    rosey.file("a.jsonl", chat(0..10));
    rosey.file("b.jsonl", chat(10..700));
    assert_eq!(rosey.replays(&["a.jsonl", "b.jsonl", "a.jsonl"]), [700, 10, 0]);
    assert_eq!(chat_lines(rosey), 700);
}

fn a_last_line_needs_no_line_break(rosey: &Rosey) {
    rosey.file("log.jsonl", format!("\r\n{}\r\n", chat(0..3).trim_end().replace('\n', "\r\n \r\n")));
    assert_eq!(rosey.replays(&["log.jsonl"]), [3, 0, 0]);
    rosey.file("open.jsonl", chat(3..5).trim_end());
    assert_eq!(rosey.replays(&["open.jsonl"]), [2, 0, 0]);
}

fn people_get_a_summary(rosey: &Rosey) {
    rosey.file("log.jsonl", chat(0..1_204));
    let text = rosey.prints(&["replay", "log.jsonl"]);
    let name = if rosey.backend() == "sqlite" { "SQLite (bot_data.db)" } else { "PostgreSQL (postgresql://" };
    assert!(text.starts_with(&format!("Replayed log.jsonl into {name}")), "{text}");
    let lines: Vec<_> = text.lines().skip(1).collect();
    assert_eq!(
        lines[..3],
        ["  applied   1,204 events", "  skipped       0 (recorded before)", "  bad           0"]
    );
    assert_eq!(lines[4..], ["Next: rosey stats, rosey top, rosey recent"]);
}

fn programs_get_json(rosey: &Rosey) {
    rosey.file("log.jsonl", chat(0..3));
    let text = rosey.prints(&["replay", "log.jsonl", "--json"]);
    let start = format!(
        "{{\"backend\":\"{}\",\"applied\":3,\"skipped\":0,\"spooled\":0,\"waiting\":0,\"rejected\":0,\"dropped\":0,\"unknown\":false,\
         \"arrived\":true,\"bad\":0,\"seconds\":",
        rosey.backend()
    );
    let seconds = text.strip_prefix(&start).and_then(|rest| rest.strip_suffix("}\n")).unwrap();
    assert!(seconds.parse::<f64>().unwrap() >= 0.0, "{text}");
}
