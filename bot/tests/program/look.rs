//! How what is recorded looks: charts, pictures, tables.

use std::fs;

use unicode_width::UnicodeWidthStr as _;

use crate::rosey::{Rosey, sample};
use crate::terminal::on_terminal;

crate::checks! {
    a_chart_is_the_same_on_every_backend,
    ; once:
    a_terminal_gets_a_chart_and_a_pipe_a_table,
    a_chart_fits_the_terminal,
    a_chart_is_ascii_where_the_locale_is_not_utf_8,
    nothing_is_drawn_through_a_gap,
    a_time_has_two_ends,
    a_span_is_listed_whole_and_else_the_newest,
    colours_are_for_terminals,
    tables_fit_the_terminal_and_are_whole_on_a_pipe,
    what_is_empty_has_its_titles_in_a_narrow_terminal_too,
    what_is_told_of_the_channel_fits_a_narrow_terminal,
    wide_letters_are_aligned,
}

pub(crate) const TERMINAL: (u16, u16) = (80, 24);

pub(crate) fn with_sample() -> Rosey {
    let rosey = Rosey::on_sqlite();
    rosey.replays(&[sample()]);
    rosey
}

fn a_chart_is_the_same_on_every_backend(rosey: &Rosey) {
    let other = with_sample();
    rosey.replays(&[sample()]);
    for arguments in [&["history", "--chart"] as &[_], &["history", "--svg", "chart.svg", "--json"]] {
        assert_eq!(rosey.prints(arguments), other.prints(arguments), "{arguments:?}");
    }
    assert_eq!(fs::read(rosey.path("chart.svg")).unwrap(), fs::read(other.path("chart.svg")).unwrap());
}

fn a_terminal_gets_a_chart_and_a_pipe_a_table(_: &Rosey) {
    let rosey = with_sample();
    let chart = on_terminal(&rosey, TERMINAL, &[("NO_COLOR", "1")], &["history"]);
    for line in [
        "24 samples, 2024-05-17 18:05 to 2024-05-17 21:55 UTC\n",
        "          18:30     19:00     19:30     20:00    20:30     21:00     21:30\n",
        "██ in chat    most 12 at 2024-05-17 18:55\n",
        "░░ connected  most 18 at 2024-05-17 18:55; a column is 3m 1s\n",
    ] {
        assert!(chart.contains(line), "{chart}");
    }
    // The same, but for the characters.
    assert_eq!(chart.lines().count(), rosey.prints(&["history", "--chart"]).lines().count());
    let table = rosey.prints(&["history"]);
    assert!(table.starts_with("time                  in chat  connected\n2024-05-17T18:05:00Z"), "{table}");
    assert_eq!(on_terminal(&rosey, TERMINAL, &[("NO_COLOR", "1")], &["history", "--table"]), table);
    let json = on_terminal(&rosey, TERMINAL, &[], &["history", "--json", "-n1"]);
    assert_eq!(json, "[{\"timestamp\":1715982900,\"chat\":5,\"connected\":9}]\n");
    let empty = Rosey::on_sqlite();
    assert_eq!(on_terminal(&empty, TERMINAL, &[], &["history"]), "There are no samples\n");
}

fn a_chart_fits_the_terminal(_: &Rosey) {
    let rosey = with_sample();
    for (columns, lines) in [(80, 24), (60, 20), (40, 24), (40, 16), (200, 24), (80, 100)] {
        let chart = on_terminal(&rosey, (columns, lines), &[("NO_COLOR", "1")], &["history"]);
        let widest = chart.lines().map(|line| line.width()).max().unwrap();
        assert!(widest <= columns.into() && widest + 2 > columns.into(), "{columns}: {widest}\n{chart}");
        assert!(chart.lines().count() < lines.into(), "{lines}\n{chart}");
    }
    // There is too little room, but nothing breaks.
    on_terminal(&rosey, (5, 2), &[], &["history"]);
}

fn a_chart_is_ascii_where_the_locale_is_not_utf_8(_: &Rosey) {
    let rosey = with_sample();
    let chart = on_terminal(&rosey, TERMINAL, &[("LC_ALL", "C"), ("NO_COLOR", "1")], &["history"]);
    assert!(chart.is_ascii() && chart.contains("\n## in chat    most 12"), "{chart}");
    assert!(chart.contains("####") && chart.contains("::::"), "{chart}");
}

/// Samples every five minutes for an hour, then nothing for four, then an hour again; everybody is there all the time.
fn two_hours() -> Rosey {
    let rosey = Rosey::on_sqlite();
    let hour = |start: i64| (0..=12).map(move |number| start + number * 300);
    let line = |at| format!("{{\"at\":{at},\"type\":\"user_count\",\"chat\":4,\"connected\":8}}\n");
    let events: String = hour(1_700_000_000).chain(hour(1_700_018_000)).map(line).collect();
    rosey.file("events.jsonl", events);
    rosey.replays(&["events.jsonl"]);
    rosey
}

fn nothing_is_drawn_through_a_gap(_: &Rosey) {
    let rosey = two_hours();
    let chart = on_terminal(&rosey, TERMINAL, &[("NO_COLOR", "1")], &["history"]);
    let lowest = chart.lines().find(|line| line.contains('█')).unwrap();
    let (bars, gap) = (lowest.matches('█').count(), lowest.trim_start().matches(' ').count());
    assert!((24..=28).contains(&bars) && (48..=52).contains(&gap), "{bars} {gap}\n{chart}");
    rosey.prints(&["history", "--svg", "chart.svg"]);
    let svg = fs::read_to_string(rosey.path("chart.svg")).unwrap();
    assert_eq!(svg.matches("<polyline fill=\"none\" opacity=\"1\" stroke=\"#D55E00\"").count(), 2, "{svg}");
}

fn a_time_has_two_ends(_: &Rosey) {
    let rosey = two_hours();
    // The sample at the beginning is part of it, the one at the end is not.
    let part = ["history", "--since", "1700003600", "--until", "1700018300", "--json"];
    let times: Vec<_> =
        rosey.json(&part).as_array().unwrap().iter().map(|row| row["timestamp"].clone()).collect();
    assert_eq!(times, [1_700_003_600, 1_700_018_000]);
    let drawn = rosey.json(&[&part as &[_], &["--svg", "part.svg"]].concat());
    assert_eq!(
        drawn.to_string(),
        r#"{"files":["part.svg"],"from":1700003600,"peak_chat":{"at":1700003600,"count":4},"peak_connected":{"at":1700003600,"count":8},"samples":2,"to":1700018000}"#
    );
    let newest = rosey.prints(&["history", "-n", "1", "--chart"]);
    assert!(newest.contains("\n1 sample, 2023-11-15 04:13 UTC\n"), "{newest}");
}

fn a_span_is_listed_whole_and_else_the_newest(_: &Rosey) {
    let rosey = Rosey::on_sqlite();
    let line = |minute| {
        let (at, connected) = (1_700_000_000 + minute * 60, if minute == 11_000 { 1_234_567_890 } else { 1 });
        format!("{{\"at\":{at},\"type\":\"user_count\",\"chat\":0,\"connected\":{connected}}}\n")
    };
    rosey.file("events.jsonl", (0..12_000).map(line).collect::<String>());
    rosey.replays(&["events.jsonl"]);
    let lines = |arguments: &[&str]| {
        let ran = rosey.run(&[&["history"], arguments].concat());
        (ran.stdout.lines().count(), ran.stderr)
    };
    let more = "These are the newest 50 of 12,000 samples; -n or --since shows others.\n";
    assert_eq!(lines(&[]), (51, more.to_owned()));
    assert_eq!(lines(&["-n", "50"]), (51, String::new()));
    assert_eq!(lines(&["--json"]).1, "");
    assert_eq!(lines(&["--since", "1700000060"]), (12_000, String::new()));
    assert_eq!(lines(&["--until", "1700000120"]), (3, String::new()));
    assert_eq!(lines(&["--since", "2030-01-01"]), (1, String::new()));
    let table = rosey.prints(&["history", "--since", "2000-01-01"]);
    assert!(table.starts_with(
        "time                  in chat      connected\n2023-11-14T22:13:20Z        0              1\n"
    ));
    assert!(table.contains("\n2023-11-22T13:33:20Z        0  1,234,567,890\n"), "{table}");
    let widths: Vec<_> = table.lines().map(str::len).collect();
    assert_eq!(widths, vec![widths[0]; 12_001]);
    let all = rosey.json(&["history", "--since", "0", "--json"]);
    assert_eq!(all.as_array().unwrap().len(), 12_000);
    assert_eq!(all[11_999]["timestamp"], 1_700_719_940);
    assert_eq!(rosey.prints(&["history", "--since", "2030-01-01", "--json"]), "[]\n");
}

fn colours_are_for_terminals(_: &Rosey) {
    let rosey = with_sample();
    let coloured = |text: &str| text.contains('\u{1b}');
    for command in ["history", "top"] {
        let on = |environment: &[_], more: &[&str]| {
            on_terminal(&rosey, TERMINAL, environment, &[&[command], more].concat())
        };
        assert!(coloured(&on(&[], &[])), "{command}");
        assert!(!coloured(&on(&[("NO_COLOR", "1")], &[])), "{command}");
        assert!(!coloured(&on(&[("TERM", "dumb")], &[])), "{command}");
        assert!(!coloured(&on(&[], &["--color", "never"])), "{command}");
        assert!(coloured(&on(&[("NO_COLOR", "1")], &["--color", "always"])), "{command}");
        assert!(!coloured(&rosey.prints(&[command])), "{command}");
        assert!(coloured(&rosey.prints(&[command, "--color=always"])), "{command}");
    }
    assert!(!coloured(&on_terminal(&rosey, TERMINAL, &[], &["top", "--json"])));
    let error = rosey.run(&["stats", "Nobody"]).fails(1);
    assert!(!coloured(&error), "{error}");
}

fn tables_fit_the_terminal_and_are_whole_on_a_pipe(_: &Rosey) {
    let rosey = Rosey::on_sqlite();
    let long = "a word ".repeat(60);
    rosey.prints(&["outbound", "send", &long]);
    rosey.prints(&["token", "create", "--name", &"dashboard ".repeat(8), "--permissions", &"x".repeat(60)]);
    let event = r#"{"at":1700000000,"type":"action","username":"美咲","action":"kick","details":"DETAILS"}"#;
    rosey.file("events.jsonl", event.replace("DETAILS", &"界".repeat(100)));
    rosey.replays(&["events.jsonl"]);
    for command in [&["outbound", "list"] as &[_], &["token", "list"], &["audit"]] {
        for width in [40, 60, 80, 120] {
            let table = on_terminal(&rosey, (width, 24), &[("NO_COLOR", "1")], command);
            let widest = table.lines().map(|line| line.width()).max().unwrap();
            assert!(widest <= width.into(), "{widest} of {width}\n{table}");
            assert!(!table.lines().any(|line| line.ends_with("2023-11-14T")), "{table}");
            // Titles have a style, and no spaces in it that go beyond the edge.
            let styled = on_terminal(&rosey, (width, 24), &[], command);
            let shown = anstream::adapter::strip_str(&styled).to_string();
            assert!(shown.lines().all(|line| line.width() <= width.into()), "{width}\n{shown}");
        }
        assert_eq!(rosey.prints(command).lines().count(), 2, "{command:?}");
    }
    assert!(rosey.prints(&["outbound", "list"]).contains(long.trim_end()));
    assert!(rosey.prints(&["audit"]).contains(&"界".repeat(100)));
}

fn what_is_empty_has_its_titles_in_a_narrow_terminal_too(_: &Rosey) {
    let rosey = Rosey::on_sqlite();
    for (command, titles) in [
        (&["token", "list"] as &[_], "id prefix name permissions created last used expires revoked"),
        (&["outbound", "list"], "id state queued failures due error message"),
        (&["audit"], "time user action details"),
    ] {
        for width in [20, 40, 80] {
            let table = on_terminal(&rosey, (width, 24), &[("NO_COLOR", "1")], command);
            assert_eq!(table.split_whitespace().collect::<Vec<_>>().join(" "), titles, "{width}");
            assert!(table.lines().all(|line| line.width() <= width.into()), "{width}\n{table}");
        }
    }
}

fn what_is_told_of_the_channel_fits_a_narrow_terminal(_: &Rosey) {
    let rosey = with_sample();
    for arguments in [&["stats"] as &[_], &["stats", "ada"]] {
        let told = on_terminal(&rosey, (40, 24), &[], arguments);
        assert!(told.lines().all(|line| line.width() <= 40), "{told}");
        let wide = rosey.prints(arguments);
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&told), words(&wide));
    }
    let told = on_terminal(&rosey, (40, 24), &[], &["stats"]);
    assert!(told.ends_with("\n  most connected  18 at\n                  2024-05-17T18:55:00Z\n"), "{told}");
}

fn wide_letters_are_aligned(_: &Rosey) {
    let rosey = Rosey::on_sqlite();
    let names = ["ada", "美咲", "nova🦊", "Zoe\u{308}", "लता", "👩\u{200d}💻dev", "ｆｕｌｌ"];
    let line = |name: &&str| {
        format!("{{\"at\":1700000000,\"type\":\"chat\",\"username\":\"{name}\",\"message\":\"|hi\"}}\n")
    };
    rosey.file("events.jsonl", names.iter().map(line).collect::<String>());
    rosey.replays(&["events.jsonl"]);
    for recent in
        [rosey.prints(&["recent"]), on_terminal(&rosey, TERMINAL, &[("NO_COLOR", "1")], &["recent"])]
    {
        let columns: Vec<_> =
            recent.lines().skip(1).map(|line| line.split_once('|').unwrap().0.width()).collect();
        assert_eq!(columns, vec![columns[0]; names.len()], "{recent}");
    }
    let top = rosey.prints(&["top"]);
    let widths: Vec<_> = top.lines().map(|line| line.width()).collect();
    assert_eq!(widths, vec![widths[0]; names.len() + 1], "{top}");
}
