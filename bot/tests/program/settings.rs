//! Where the database's URL comes from.

use crate::rosey::{Rosey, chat};

crate::checks! {
    the_flag_beats_the_environment_beats_the_file,
    the_log_says_which_database_was_opened,
    ; once:
    the_default_is_bot_data_db,
    a_given_configuration_must_be_there,
    a_configuration_that_has_no_say_need_not_be_readable,
    a_wrong_setting_is_wrong_usage,
    no_password_is_printed,
    every_command_has_examples,
}

fn the_flag_beats_the_environment_beats_the_file(rosey: &Rosey) {
    // The name of the file that a run makes tells which setting won.
    let home = Rosey::on_sqlite();
    let (flag, environment) = (rosey.beside(), rosey.beside());
    for (rosey, lines) in [(&flag, 3), (&environment, 4)] {
        rosey.file("log.jsonl", chat(0..lines));
        rosey.replays(&["log.jsonl"]);
    }
    home.file("config.json", format!("{{\"database_url\":\"{}\",\"database\":\"old.db\"}}", rosey.url()));
    let lines = |arguments: &[&str], variable: Option<&str>| {
        let mut command = home.command(&[arguments, &["stats", "--json"]].concat());
        command.env_remove("DATABASE_URL");
        if let Some(url) = variable {
            command.env("DATABASE_URL", url);
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let stats: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        stats["chat_lines"].as_i64().unwrap()
    };
    // A relative path means nothing in another directory, so SQLite's databases are named by their whole path.
    let absolute = |rosey: &Rosey| match rosey.backend() {
        "sqlite" => format!("sqlite:///{}", rosey.path("bot_data.db").display()),
        _ => rosey.url().to_owned(),
    };
    let (flag, environment) = (absolute(&flag), absolute(&environment));
    assert_eq!(lines(&["--database-url", &flag], Some(&environment)), 3);
    assert_eq!(lines(&[], Some(&environment)), 4);
    assert_eq!(lines(&[], Some("")), 0);
    assert_eq!(lines(&[], None), 0);
    home.file("other.json", format!("{{\"database_url\":\"{flag}\"}}"));
    assert_eq!(lines(&["--config", "other.json"], None), 3);
    assert_eq!(lines(&["--config", "other.json"], Some(&environment)), 4);
    assert!(!home.path("old.db").exists());
}

fn the_log_says_which_database_was_opened(rosey: &Rosey) {
    let output = rosey.command(&["stats"]).env("ROSEY_LOG", "info").output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    let line = log.lines().find(|line| line.contains("store opened: ")).unwrap_or(&log);
    if rosey.backend() == "sqlite" {
        assert!(line.contains("store opened: SQLite (bot_data.db)"), "{line}");
    } else {
        let database = rosey.url().rsplit_once('/').unwrap().1.split('?').next().unwrap();
        assert!(line.contains("store opened: PostgreSQL (postgresql://"), "{line}");
        assert!(line.contains(&format!("/{database}, pool 5+10)")), "{line}");
    }
}

fn the_default_is_bot_data_db(home: &Rosey) {
    let run = || home.command(&["stats"]).env_remove("DATABASE_URL").output().unwrap().status.success();
    assert!(run() && home.path("bot_data.db").exists());
    home.file("config.json", "{\"database\": \"old.db\"}");
    assert!(run() && home.path("old.db").exists());
}

fn a_given_configuration_must_be_there(rosey: &Rosey) {
    let error = rosey.run(&["--config", "missing.json", "stats"]).fails(1);
    assert!(error.starts_with("error: missing.json: No such file"), "{error}");
    rosey.file("config.json", "{\"password\": hunter2}");
    let error = rosey.run_with(&["--config", "config.json", "--database-url", "", "stats"], "").fails(2);
    assert!(error.starts_with("error: config.json: config: is no JSON: line 1, column"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

fn a_configuration_that_has_no_say_need_not_be_readable(rosey: &Rosey) {
    std::fs::create_dir(rosey.path("config.json")).unwrap();
    rosey.prints(&["stats"]);
    let error = rosey.run(&["--database-url", "", "stats"]).fails(1);
    assert!(error.starts_with("error: config.json: "), "{error}");
}

fn a_wrong_setting_is_wrong_usage(rosey: &Rosey) {
    let error = rosey.run(&["--database-url", "mysql://me:hunter2@host/db", "stats"]).fails(2);
    assert!(error.contains("database_url: has a scheme that is neither sqlite nor postgresql"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
    rosey.run(&["--databse-url", "x", "stats"]).fails(2);
    rosey.run(&["shout"]).fails(2);
}

fn no_password_is_printed(home: &Rosey) {
    // Port 1 refuses at once.
    let url = "postgresql://rosey:hunter2@127.0.0.1:1/rosey";
    let run = |arguments: &[&str]| {
        let mut command = home.command(arguments);
        let output = command.env("DATABASE_URL", url).env("ROSEY_LOG", "trace").output().unwrap();
        (output.status.code(), [output.stdout, output.stderr].concat())
    };
    for arguments in [&["stats"] as &[_], &["migrate"], &["doctor"], &["--help"], &["top", "-n", "0"]] {
        let (code, text) = run(arguments);
        let text = String::from_utf8(text).unwrap();
        assert!(!text.contains("hunter2"), "{text}");
        let expected = if arguments.len() > 1 { 2 } else { i32::from(arguments[0] != "--help") };
        assert_eq!(code, Some(expected), "{text}");
    }
}

fn every_command_has_examples(rosey: &Rosey) {
    for command in [
        "replay",
        "stats",
        "top",
        "recent",
        "history",
        "migrate",
        "migrate status",
        "migrate up",
        "migrate down",
        "doctor",
        "maintain",
        "outbound list",
        "outbound send",
        "token create",
        "token list",
        "token revoke",
        "token check",
    ] {
        let arguments: Vec<_> = command.split(' ').chain(["--help"]).collect();
        let help = rosey.prints(&arguments);
        assert!(help.contains("Example") && help.contains(&format!("rosey {command}")), "{help}");
    }
}
