//! What the program tells of itself: help, completions, the manual.

use std::fs;
use std::process::Command;

use crate::rosey::Rosey;

crate::checks! {
    ; once:
    every_command_has_examples,
    every_shell_has_completions,
    bash_takes_its_completions,
    every_command_has_its_page,
    a_list_of_a_page_keeps_its_columns,
    no_database_is_needed,
}

/// All commands, each as its words, from the help of those above them.
fn commands(rosey: &Rosey, above: &[String]) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    let help = help(rosey, above);
    let lines =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // Of a description that takes several lines only the first has the command's name.
    for name in lines.filter(|line| line.starts_with("  ") && !line.starts_with("   ")) {
        let name = name.split_whitespace().next().unwrap();
        if name != "help" {
            let command = [above, &[name.to_owned()]].concat();
            commands.extend(self::commands(rosey, &command));
            commands.push(command);
        }
    }
    commands
}

fn help(rosey: &Rosey, command: &[String]) -> String {
    let arguments: Vec<&str> = command.iter().map(String::as_str).chain(["--help"]).collect();
    rosey.prints(&arguments)
}

fn every_command_has_examples(rosey: &Rosey) {
    let commands = commands(rosey, &[]);
    for name in ["replay", "history", "completions", "man"] {
        assert!(commands.contains(&vec![name.to_owned()]), "{commands:?}");
    }
    assert!(commands.contains(&vec!["token".to_owned(), "create".to_owned()]), "{commands:?}");
    for command in commands {
        let help = help(rosey, &command);
        assert!(help.contains("Example") || help.contains("\nCommands:\n"), "{help}");
    }
}

fn every_shell_has_completions(rosey: &Rosey) {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = rosey.prints(&["completions", shell]);
        for word in ["rosey", "history", "svg", "outbound", "requeue"] {
            assert!(script.contains(word), "{shell} {word}");
        }
    }
    rosey.run(&["completions", "cmd"]).fails(2);
}

fn bash_takes_its_completions(rosey: &Rosey) {
    rosey.file("rosey.bash", rosey.prints(&["completions", "bash"]));
    for (line, expected) in [
        ("rosey hist", "history"),
        ("rosey outbound list --state ''", "queued retrying sent failed dead"),
        ("rosey --color a", "auto always"),
    ] {
        let script = format!(
            r#"source ./rosey.bash && COMP_WORDS=({line}) && COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)) &&
            _rosey rosey "${{COMP_WORDS[-1]}}" "${{COMP_WORDS[-2]}}" && echo "${{COMPREPLY[@]}}""#
        );
        // A system without bash has nobody to complete for.
        match Command::new("bash").current_dir(rosey.path(".")).args(["-c", &script]).output() {
            Ok(output) => {
                assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{expected}\n"), "{output:?}");
            }
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound),
        }
    }
}

fn every_command_has_its_page(rosey: &Rosey) {
    let pages = rosey.json(&["man", "man/man1", "--json"])["pages"].as_array().unwrap().len();
    let mut commands = commands(rosey, &[]);
    commands.push(Vec::new());
    for command in &commands {
        let name = [&["rosey".to_owned()], command.as_slice()].concat().join("-");
        let page = fs::read_to_string(rosey.path(&format!("man/man1/{name}.1"))).unwrap();
        assert!(page.contains(&format!(".TH {name} 1")) && page.contains(".SH SYNOPSIS"), "{page}");
    }
    assert_eq!(
        (pages, fs::read_dir(rosey.path("man/man1")).unwrap().count()),
        (commands.len(), commands.len())
    );
    assert_eq!(rosey.prints(&["man"]), fs::read_to_string(rosey.path("man/man1/rosey.1")).unwrap());
    let again = rosey.prints(&["man", "man/man1"]);
    assert_eq!(again, format!("Wrote {pages} pages into man/man1\n"));
    rosey.file("file", "");
    let error = rosey.run(&["man", "file"]).fails(1);
    assert!(error.starts_with("error: file: "), "{error}");
}

fn a_list_of_a_page_keeps_its_columns(rosey: &Rosey) {
    let page = rosey.prints(&["man"]);
    for entry in [
        ".TP 14\n\\fBDATABASE_URL\\fR\nthe database; a password is safer here than in the list of processes\n",
        ".TP 15\n\\fB4\\fR\n`replay`, `record`: not all of it is known",
        ".PP\nAll times are in UTC.",
    ] {
        assert!(page.contains(entry), "{entry}\n{page}");
    }
    rosey.prints(&["man", "pages"]);
    let replay = fs::read_to_string(rosey.path("pages/rosey-replay.1")).unwrap();
    let events = replay.split_once(".nf\n").unwrap().1.split_once(".fi\n").unwrap().0;
    assert_eq!(events.lines().count(), 6, "{replay}");
}

fn no_database_is_needed(rosey: &Rosey) {
    rosey.file("config.json", "{");
    for arguments in [&["completions", "bash"] as &[_], &["man"]] {
        let output = rosey.command(arguments).env("DATABASE_URL", "nonsense").output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
}
