//! Backing a database up while a bot is at work, and putting the backup in its place.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use botstore_conformance::disk::Disk;
use botstore_conformance::server;
use rusqlite::Connection;
use serde_json::Value;

use crate::rosey::{Ran, Rosey, chat, sample};

crate::checks! {
    ; once:
    a_backup_that_is_made_while_a_bot_records_is_whole_and_private,
    a_backup_takes_the_place_of_a_stopped_bots_database,
    a_backup_takes_the_place_of_a_running_bots_database,
    what_is_there_is_replaced_only_if_asked_for,
    a_database_is_not_replaced_by_its_own_backup,
    what_is_stopped_or_killed_leaves_nothing_for_long,
    an_old_schema_is_backed_up_as_it_is,
    what_is_not_there_is_not_backed_up,
    ; disk:
    a_full_disk_is_told_and_nothing_is_left,
    ; postgres:
    the_command_for_a_server_is_told_and_its_dump_restores,
}

const PATIENCE: Duration = Duration::from_secs(60);

/// A bot that records.
struct Bot {
    child: Child,
    stdin: ChildStdin,
}

impl Bot {
    fn start(rosey: &Rosey) -> Self {
        let mut command = rosey.command(&["record"]);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::inherit());
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        Self { child, stdin }
    }

    fn write(&mut self, lines: std::ops::Range<u64>) {
        self.stdin.write_all(chat(lines).as_bytes()).unwrap();
        self.stdin.flush().unwrap();
    }

    /// Gives it lines, and waits until the database has so many.
    fn records(&mut self, rosey: &Rosey, lines: std::ops::Range<u64>, all: u64) {
        self.write(lines);
        let begun = Instant::now();
        while chat_lines(rosey) != all {
            assert!(begun.elapsed() < PATIENCE, "the lines do not arrive: {} of {all}", chat_lines(rosey));
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn end(mut self) {
        drop(self.stdin);
        assert!(self.child.wait().unwrap().success());
    }
}

fn chat_lines(rosey: &Rosey) -> u64 {
    rosey.json(&["stats", "--json"])["chat_lines"].as_u64().unwrap()
}

fn backup(rosey: &Rosey, file: &str) -> Value {
    rosey.json(&["backup", file, "--json"])
}

/// The names in the program's directory, in order.
fn names(rosey: &Rosey) -> Vec<String> {
    let entries = fs::read_dir(rosey.path("")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn same(rosey: &Rosey, one: &str, other: &str) -> bool {
    let ran = rosey.run(&["verify", one, other, "--json"]);
    let verified: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
    verified["same"].as_bool().unwrap()
}

fn a_backup_that_is_made_while_a_bot_records_is_whole_and_private(rosey: &Rosey) {
    rosey.prints(&["migrate"]);
    let Bot { mut child, mut stdin } = Bot::start(rosey);
    let writer = thread::spawn(move || {
        for number in 0..200 {
            stdin.write_all(chat(number * 50..(number + 1) * 50).as_bytes()).unwrap();
            thread::sleep(Duration::from_millis(5));
        }
    });
    let mut seen = Vec::new();
    for number in 0..8 {
        let file = format!("backup{number}.db");
        let made = backup(rosey, &file);
        assert_eq!(made["database_id"].as_str().map(str::len), Some(32), "{made}");
        let copy = Connection::open(rosey.path(&file)).unwrap();
        let checked: String = copy.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        // What users said altogether, and the lines, were of one moment.
        let lines =
            "SELECT (SELECT sum(total_chat_lines) FROM user_stats), (SELECT count(*) FROM recent_chat)";
        let lines: (Option<u64>, u64) =
            copy.query_row(lines, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        assert_eq!((checked.as_str(), lines.0.unwrap_or(0)), ("ok", lines.1));
        let file = fs::metadata(rosey.path(&file)).unwrap();
        assert_eq!((file.permissions().mode() & 0o777, file.len()), (0o600, made["bytes"].as_u64().unwrap()));
        seen.push(lines.1);
    }
    // Its input ends with the thread.
    writer.join().unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(chat_lines(rosey), 10_000);
    println!("lines in the backups: {seen:?}");
    assert!(seen.is_sorted() && seen[7] > seen[0], "{seen:?}");
    assert!(names(rosey).iter().all(|name| !name.contains("unfinished")), "{:?}", names(rosey));
    let last = backup(rosey, "last.db");
    assert_eq!(last["schema_version"], rosey.json(&["migrate", "--json"])["version"]);
    assert!(same(rosey, rosey.url(), "sqlite:///last.db"));
    let text = rosey.prints(&["backup", "text.db"]);
    for part in ["backed up into text.db", "read back", "identity", last["database_id"].as_str().unwrap()] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

fn a_backup_takes_the_place_of_a_stopped_bots_database(rosey: &Rosey) {
    rosey.replays(&[sample()]);
    rosey.prints(&["outbound", "send", "hello"]);
    backup(rosey, "backup.db");
    rosey.file("more.jsonl", chat(0..100));
    rosey.replays(&["more.jsonl"]);
    fs::copy(rosey.path("backup.db"), rosey.path("bot_data.db")).unwrap();
    assert_eq!(rosey.json(&["doctor", "--json"])["verdict"], "ok");
    assert!(same(rosey, rosey.url(), "sqlite:///backup.db"));
    // What is read again is known as far as the backup knows it, and numbers go on behind its own.
    assert_eq!(rosey.replays(&[sample()])[0], 0);
    assert_eq!(rosey.replays(&["more.jsonl"])[0], 100);
    rosey.prints(&["outbound", "send", "again"]);
    let queue = rosey.json(&["outbound", "list", "--json"]);
    assert_eq!((&queue[0]["id"], &queue[1]["id"]), (&1.into(), &2.into()), "{queue}");
}

fn a_backup_takes_the_place_of_a_running_bots_database(rosey: &Rosey) {
    rosey.prints(&["migrate"]);
    let mut bot = Bot::start(rosey);
    bot.records(rosey, 0..100, 100);
    backup(rosey, "backup.db");
    bot.records(rosey, 100..200, 200);
    // A new file may have the number of one that is gone.
    let log =
        || fs::metadata(rosey.path("bot_data.db-wal")).map(|file| (file.ino(), file.created().ok())).ok();
    let former = log();
    fs::rename(rosey.path("backup.db"), rosey.path("bot_data.db")).unwrap();
    // Until the bot has noticed, its log stands beside the backup, and whoever opened that would read both as one.
    bot.write(200..300);
    let begun = Instant::now();
    while log() == former {
        assert!(begun.elapsed() < PATIENCE, "the bot does not notice");
        thread::sleep(Duration::from_millis(20));
    }
    bot.records(rosey, 0..0, 200);
    bot.end();
    assert_eq!(chat_lines(rosey), 200);
    assert_eq!(rosey.json(&["doctor", "--deep", "--json"])["verdict"], "ok");
}

fn what_is_there_is_replaced_only_if_asked_for(rosey: &Rosey) {
    rosey.replays(&[sample()]);
    rosey.file("backup.db", "something of value");
    let refused = rosey.run(&["backup", "backup.db"]).fails(1);
    assert!(refused.contains("there is such a file already") && refused.contains("--force"), "{refused}");
    assert_eq!(fs::read(rosey.path("backup.db")).unwrap(), b"something of value");
    rosey.prints(&["backup", "backup.db", "--force"]);
    assert!(same(rosey, rosey.url(), "sqlite:///backup.db"));
    // SQLite would take this log for the backup's.
    rosey.file("backup.db-wal", "a log");
    let refused = rosey.run(&["backup", "backup.db", "--force"]).fails(1);
    assert!(refused.contains("backup.db-wal is there"), "{refused}");
    let made = Command::new("mkfifo").arg(rosey.path("pipe")).status().unwrap();
    assert!(made.success());
    let refused = rosey.run(&["backup", "pipe", "--force"]).fails(1);
    assert!(refused.contains("what is there is no file"), "{refused}");
    let refused = rosey.run(&["backup", "pipe"]).fails(1);
    assert!(refused.contains("name another file") && !refused.contains("--force"), "{refused}");
    assert!(!fs::metadata(rosey.path("pipe")).unwrap().is_file());
    let refused = rosey.run(&["backup", "nowhere/backup.db"]).fails(1);
    assert!(refused.contains("the backup cannot be written"), "{refused}");
}

fn a_database_is_not_replaced_by_its_own_backup(rosey: &Rosey) {
    rosey.replays(&[sample()]);
    std::os::unix::fs::symlink("bot_data.db", rosey.path("link.db")).unwrap();
    let before = fs::read(rosey.path("bot_data.db")).unwrap();
    for name in [
        "bot_data.db",
        "./bot_data.db",
        "link.db",
        "bot_data.db-wal",
        "bot_data.db.lock",
        "bot_data.db.spool",
        "bot_data.db.spool-wal",
    ] {
        for arguments in [&["backup", name] as &[_], &["backup", name, "--force"]] {
            let refused = rosey.run(arguments).fails(1);
            assert!(refused.contains("this is the database itself, or belongs to it"), "{name}: {refused}");
            assert!(!refused.contains("--force"), "{name}: {refused}");
        }
    }
    assert!(fs::read(rosey.path("bot_data.db")).unwrap() == before);
}

fn what_is_stopped_or_killed_leaves_nothing_for_long(rosey: &Rosey) {
    rosey.file("log.jsonl", chat(0..60_000));
    rosey.replays(&["log.jsonl"]);
    let random = &mut fastrand::Rng::with_seed(7);
    let (mut stopped, mut left) = (0, 0);
    for round in 0..24 {
        let signal = ["-TERM", "-INT", "-KILL"][round % 3];
        let child =
            rosey.command(&["backup", "backup.db"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut child = child.unwrap();
        thread::sleep(Duration::from_millis(random.u64(5..120)));
        if child.try_wait().unwrap().is_none() {
            let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
            assert!(sent.success());
        }
        let ran = Ran::of(child.wait_with_output().unwrap());
        let unfinished = names(rosey).iter().filter(|name| name.contains("unfinished")).count();
        match ran.code {
            // It was quicker.
            Some(0) => fs::remove_file(rosey.path("backup.db")).unwrap(),
            Some(130 | 143) => {
                stopped += 1;
                // Perhaps it had given the backup its name already: then it is whole.
                if rosey.path("backup.db").exists() {
                    assert!(same(rosey, rosey.url(), "sqlite:///backup.db"));
                    fs::remove_file(rosey.path("backup.db")).unwrap();
                }
            }
            // It was killed, perhaps after it had given the backup its name, or before it heard signals.
            None => {
                left += unfinished;
                let _ = fs::remove_file(rosey.path("backup.db"));
                continue;
            }
            _ => panic!("{ran:?}"),
        }
        assert_eq!(unfinished, 0, "{:?} after {ran:?}", names(rosey));
    }
    println!("{stopped} stopped in time, {left} files left by those that were killed");
    assert!(stopped > 0 && left > 0, "{stopped} {left}");
    // One of yesterday's, and two that are only called so.
    rosey.file("yesterday.db.botstore-unfinished-abcdef", "");
    rosey.file("other.db.unfinished-abcdef", "");
    rosey.file("backup.db.botstore-unfinished-notes.txt", "");
    rosey.prints(&["backup", "backup.db"]);
    let unfinished: Vec<_> = names(rosey).into_iter().filter(|name| name.contains("unfinished")).collect();
    assert_eq!(unfinished, ["backup.db.botstore-unfinished-notes.txt", "other.db.unfinished-abcdef"]);
    assert!(same(rosey, rosey.url(), "sqlite:///backup.db"));
}

fn an_old_schema_is_backed_up_as_it_is(rosey: &Rosey) {
    rosey.replays(&[sample()]);
    rosey.prints(&["migrate", "down", "--to", "3", "--yes"]);
    let made = backup(rosey, "backup.db");
    assert_eq!((&made["schema_version"], &made["database_id"]), (&3.into(), &Value::Null));
    let status = rosey.run(&["--database-url", "sqlite:///backup.db", "migrate", "status", "--json"]);
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!(status["version"], 3, "{status}");
}

fn what_is_not_there_is_not_backed_up(rosey: &Rosey) {
    let refused = rosey.run(&["backup", "backup.db"]).fails(1);
    assert!(refused.contains("there is no database yet"), "{refused}");
    let refused = rosey.run(&["--database-url", "sqlite://", "backup", "backup.db"]).fails(1);
    assert!(refused.contains("a database in memory"), "{refused}");
    rosey.file("bot_data.db", "no database at all\n".repeat(50));
    let refused = rosey.run(&["backup", "backup.db"]).fails(1);
    assert!(refused.contains("the file is no SQLite database"), "{refused}");
    assert_eq!(names(rosey), ["bot_data.db"]);
}

fn a_full_disk_is_told_and_nothing_is_left(rosey: &Rosey) {
    rosey.file("log.jsonl", chat(0..30_000));
    rosey.replays(&["log.jsonl"]);
    let disk = Disk::in_memory(1).unwrap();
    let file = disk.path().join("backup.db");
    let refused = rosey.run(&["backup", file.to_str().unwrap()]).fails(1);
    assert!(refused.contains("the disk of the backup is full; make room"), "{refused}");
    assert_eq!(fs::read_dir(disk.path()).unwrap().count(), 0);
}

fn the_command_for_a_server_is_told_and_its_dump_restores(rosey: &Rosey) {
    rosey.replays(&[sample()]);
    rosey.prints(&["outbound", "send", "--key", "k", "hello"]);
    rosey.prints(&["token", "create", "--name", "dashboard"]);
    let password = rosey.url().split_once("//").unwrap().1.split_once('@').unwrap().0;
    let password = password.split_once(':').map_or("", |(_, password)| password);
    let told = rosey.run(&["backup", "rosey.dump"]).fails(1);
    assert!(!told.contains(password), "{told}");
    let command = told.split_once("help: run ").unwrap().1.split_once(", with the password").unwrap().0;

    let programs = server::programs(&["pg_dump", "pg_restore"]).unwrap();
    let shell = |command: &str| {
        let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).current_dir(rosey.path("")).env("PATH", path).env("PGPASSWORD", password);
        let output = shell.output().unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    };
    shell(command);
    // As docs/DATABASE_SETUP.md has it: a new database, and then the dump.
    let restored = rosey.beside();
    let connection = command.split_once("--dbname=").unwrap().1;
    let name = |url: &str| url.rsplit_once('/').unwrap().1.to_owned();
    let connection = connection.replace(&name(rosey.url()), &name(restored.url()));
    shell(&format!("pg_restore --no-owner --exit-on-error --dbname={connection} rosey.dump"));

    assert!(same(rosey, rosey.url(), restored.url()));
    let doctor = |rosey: &Rosey| rosey.json(&["doctor", "--deep", "--json"]);
    let identity = "SELECT database_id FROM database_identity";
    assert_eq!(rosey.sql(identity), restored.sql(identity));
    let report = doctor(&restored);
    assert_eq!(report["healthy"], true, "{report}");
    // What is numbered next follows what was numbered before, on both sides.
    for rosey in [rosey, &restored] {
        rosey.prints(&["outbound", "send", "again"]);
        let queue = rosey.json(&["outbound", "list", "--json"]);
        assert_eq!((&queue[0]["id"], &queue[1]["id"]), (&1.into(), &2.into()), "{queue}");
        assert_eq!(rosey.replays(&[sample()])[0], 0);
    }
    assert!(
        rosey.sql("SELECT last_value FROM plugin_value_versions")
            == restored.sql("SELECT last_value FROM plugin_value_versions")
    );
}
