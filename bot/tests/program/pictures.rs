//! Charts as pictures: what they show, and where they are written.

use std::fs;

use crate::look::{TERMINAL, with_sample};
use crate::rosey::{Ran, Rosey};
use crate::terminal::ran_on_terminal;

crate::checks! {
    ; once:
    pictures_show_both_series_and_their_peaks,
    the_documentation_shows_what_is_drawn,
    a_picture_has_its_size,
    the_letters_of_a_picture_have_room,
    a_picture_that_cannot_be_drawn_leaves_the_file_as_it_is,
    no_picture_is_drawn_over_the_database_or_its_journal,
    only_a_picture_is_replaced_by_a_picture,
    two_pictures_need_two_files,
    a_picture_goes_to_a_pipe_but_to_no_terminal,
}

fn pictures_show_both_series_and_their_peaks(_: &Rosey) {
    let rosey = with_sample();
    rosey.file("chart.svg", "<svg>an old one");
    let said = rosey.prints(&["history", "--svg", "chart.svg", "--png", "chart.png"]);
    assert_eq!(
        said,
        "Drew 24 samples, 2024-05-17 18:05 to 2024-05-17 21:55 UTC into chart.svg and chart.png\n"
    );
    let svg = fs::read_to_string(rosey.path("chart.svg")).unwrap();
    let texts: Vec<_> = svg.lines().filter(|line| !line.starts_with('<')).collect();
    for text in [
        "Users in the channel",
        "24 samples, 2024-05-17 18:05 to 2024-05-17 21:55 UTC",
        "connected: most 18 at 2024-05-17 18:55",
        "in chat: most 12 at 2024-05-17 18:55",
        "18 connected",
        "12 in chat",
        "2024-05-17 18:55",
        "19:00",
        "15",
    ] {
        assert!(texts.contains(&text), "{text}: {texts:?}");
    }
    assert!(fs::read(rosey.path("chart.png")).unwrap().starts_with(b"\x89PNG\r\n\x1a\n"));
}

fn the_documentation_shows_what_is_drawn(_: &Rosey) {
    let rosey = with_sample();
    rosey.prints(&["history", "--svg", "chart.svg"]);
    let shown = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/history.svg");
    let drawn = fs::read_to_string(rosey.path("chart.svg")).unwrap();
    assert!(
        fs::read_to_string(shown).unwrap() == drawn,
        "draw it again: rosey history --svg docs/history.svg"
    );
}

fn a_picture_has_its_size(_: &Rosey) {
    let rosey = with_sample();
    for (size, width, height) in
        [(None, 1_200, 600), (Some("400x300"), 400, 300), (Some("1601x903"), 1_601, 903)]
    {
        let size = size.map_or(vec![], |size| vec!["--size", size]);
        rosey.prints(&[&["history", "--svg", "chart.svg", "--png", "chart.png"], &*size].concat());
        let svg = fs::read_to_string(rosey.path("chart.svg")).unwrap();
        assert!(svg.contains(&format!("<svg width=\"{width}\" height=\"{height}\"")), "{svg}");
        let png = fs::read(rosey.path("chart.png")).unwrap();
        let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
        assert_eq!((number(16), number(20)), (width, height));
    }
    for size in ["1200", "0x0", "1200x100000", "-1x5"] {
        rosey.run(&["history", "--png", "chart.png", &format!("--size={size}")]).fails(2);
    }
}

/// The value of an attribute in a line of SVG.
fn attribute<'a>(line: &'a str, name: &str) -> &'a str {
    line.split_once(&format!(" {name}=\"")).unwrap().1.split('"').next().unwrap()
}

fn the_letters_of_a_picture_have_room(_: &Rosey) {
    for most in [81_u64, 2_499_988_386, 9_007_199_254_740_991] {
        let rosey = Rosey::on_sqlite();
        let event = r#"{"at":1700000000,"type":"user_count","chat":2,"connected":MOST}"#;
        rosey.file("events.jsonl", event.replace("MOST", &most.to_string()));
        rosey.replays(&["events.jsonl"]);
        for size in ["1200x600", "400x300", "3840x2160"] {
            rosey.prints(&["history", "--svg", "chart.svg", "--size", size]);
            let svg = fs::read_to_string(rosey.path("chart.svg")).unwrap();
            let lines: Vec<&str> = svg.lines().collect();
            let counts = lines.windows(2).filter(|pair| pair[0].contains(r#"text-anchor="end""#));
            let lefts: Vec<f64> = counts
                .map(|pair| {
                    let number = |name| attribute(pair[0], name).parse::<f64>().unwrap();
                    // In DejaVu Sans a digit takes so much of the font's size, and a comma half of it.
                    let wide =
                        pair[1].chars().map(|letter| if letter == ',' { 0.32 } else { 0.64 }).sum::<f64>();
                    number("x") - wide * number("font-size")
                })
                .collect();
            assert!(lefts.len() > 2 && lefts.iter().all(|&left| left >= 0.0), "{most} {size} {lefts:?}");
            // The lines of the axes stay in the plot, below the legend.
            let legend =
                lines.iter().filter(|line| line.starts_with("<rect")).map(|line| attribute(line, "y"));
            let legend = legend.map(|y| y.parse::<i32>().unwrap()).nth(1).unwrap();
            for line in lines.iter().filter(|line| line.contains("#E2E2E2")) {
                for name in ["y1", "y2"] {
                    let y: i32 = attribute(line, name).parse().unwrap();
                    assert!(y > legend + 9, "{most} {size} {line}");
                }
            }
        }
    }
}

fn a_picture_that_cannot_be_drawn_leaves_the_file_as_it_is(_: &Rosey) {
    let empty = Rosey::on_sqlite();
    empty.file("chart.svg", "<svg>an old one");
    let error = empty.run(&["history", "--svg", "chart.svg"]).fails(1);
    assert_eq!(error, "error: there are no samples to draw\n");
    assert_eq!(fs::read(empty.path("chart.svg")).unwrap(), b"<svg>an old one");
    let rosey = with_sample();
    for place in ["none/chart.svg", ".", "/dev/null"] {
        let error = rosey.run(&["history", "--svg", place]).fails(1);
        assert!(error.starts_with(&format!("error: {place}: ")), "{error}");
    }
}

fn no_picture_is_drawn_over_the_database_or_its_journal(_: &Rosey) {
    let rosey = with_sample();
    std::os::unix::fs::symlink("bot_data.db", rosey.path("link")).unwrap();
    let before = rosey.prints(&["recent", "--json"]);
    for name in [
        "bot_data.db",
        "./bot_data.db",
        "link",
        "bot_data.db-wal",
        "bot_data.db-shm",
        "bot_data.db-journal",
        "bot_data.db.lock",
        "bot_data.db.spool",
        "bot_data.db.spool-wal",
        "elsewhere",
        "elsewhere.lock",
    ] {
        for option in ["--svg", "--png"] {
            let mut command = rosey.command(&["history", option, name]);
            let refused = Ran::of(command.env("ROSEY_SPOOL", "elsewhere").output().unwrap()).fails(1);
            assert_eq!(refused, format!("error: {name}: this is the database itself, or belongs to it\n"));
        }
    }
    assert_eq!(rosey.prints(&["recent", "--json"]), before);
    for name in ["bot_data.db.spool", "elsewhere"] {
        assert!(!rosey.path(name).exists(), "{name}");
    }
}

fn only_a_picture_is_replaced_by_a_picture(_: &Rosey) {
    let rosey = with_sample();
    for (option, kind, other) in [("--svg", "SVG", "chart.png"), ("--png", "PNG", "chart.svg")] {
        rosey.prints(&["history", "--svg", "chart.svg", "--png", "chart.png"]);
        rosey.file("letter", "something of value");
        for name in ["letter", other] {
            let before = fs::read(rosey.path(name)).unwrap();
            let refused = rosey.run(&["history", option, name]).fails(1);
            let expected =
                format!("error: {name}: this file is no picture in {kind}, so it is not replaced\n");
            assert!(refused.starts_with(&expected), "{refused}");
            assert_eq!(fs::read(rosey.path(name)).unwrap(), before);
        }
        rosey.file("empty", "");
        rosey.prints(&["history", option, "empty"]);
        assert!(fs::metadata(rosey.path("empty")).unwrap().len() > 0);
    }
}

fn two_pictures_need_two_files(_: &Rosey) {
    let rosey = with_sample();
    for (svg, png) in [("x", "x"), ("x", "./x"), ("-", "-")] {
        let refused = rosey.run(&["history", "--svg", svg, "--png", png]).fails(2);
        assert!(refused.contains("--svg and --png name the same file"), "{refused}");
    }
    assert!(!rosey.path("x").exists());
}

fn a_picture_goes_to_a_pipe_but_to_no_terminal(_: &Rosey) {
    let rosey = with_sample();
    let said = rosey.run(&["history", "--svg", "-", "--png", "chart.png"]);
    assert_eq!(said.stderr, "Drew 24 samples, 2024-05-17 18:05 to 2024-05-17 21:55 UTC\n");
    let piped = said.succeeds();
    rosey.prints(&["history", "--svg", "chart.svg"]);
    assert_eq!(piped, fs::read_to_string(rosey.path("chart.svg")).unwrap());
    let png = rosey.command(&["history", "--png", "-"]).output().unwrap().stdout;
    assert!(png == fs::read(rosey.path("chart.png")).unwrap());
    assert!(!rosey.path("-").exists());
    let refused = rosey.run(&["history", "--png", "-", "--json"]).fails(2);
    assert!(refused.contains("cannot have both a picture and JSON"), "{refused}");
    let refused = ran_on_terminal(&rosey, TERMINAL, &[], &["history", "--png", "-"]).fails(2);
    assert!(refused.contains("standard output is a terminal: name a file, or a pipe"), "{refused}");
}
