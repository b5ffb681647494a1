//! How much room this machine's disks have, for the database and for the journal.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use botstore::Config;
use botstore::model::Finding;
use botstore::url::{DatabaseUrl, SqliteUrl};
use indicatif::HumanBytes;
use rustix::fs::{StatVfs, statvfs};

/// With less nothing can be written any more.
const LEAST: u64 = 4 << 20;

/// What a database should have at least: SQLite's log grows to it before it is cut back.
const LOG: u64 = 64 << 20;

/// What needs room on a disk.
struct Need {
    name: &'static str,
    path: PathBuf,
    bytes: u64,
}

/// The room that a disk has.
struct Room {
    bytes: u64,
    /// Whether it can have a further file.
    takes_files: bool,
}

/// A line for each disk on which this machine keeps something.
pub(super) fn disks(config: &Config) -> Vec<Finding> {
    let mut needs: Vec<Need> = Vec::new();
    for need in [of_database(config), of_journal(config)].into_iter().flatten() {
        match needs.iter_mut().find(|other| is_same_disk(&other.path, &need.path)) {
            Some(other) => other.bytes += need.bytes,
            None => needs.push(need),
        }
    }
    needs.iter().map(|need| judge(need, &room(&need.path))).collect()
}

/// A tenth of what it takes already, and its log.
fn of_database(config: &Config) -> Option<Need> {
    let DatabaseUrl::Sqlite(SqliteUrl { path: Some(path), .. }) = &config.url else { return None };
    let size = fs::metadata(path).map_or(0, |file| file.len());
    Some(Need { name: "disk", path: place(path), bytes: LOG.max(size / 10) })
}

/// As much as may wait.
fn of_journal(config: &Config) -> Option<Need> {
    let spool = config.spool.as_ref()?;
    Some(Need { name: "spool disk", path: place(&spool.path), bytes: spool.max_bytes })
}

/// Where a file is to be, as far as there is such a place.
fn place(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let there = path.ancestors().find(|place| place.exists());
    there.unwrap_or(Path::new("/")).to_owned()
}

fn is_same_disk(one: &Path, other: &Path) -> bool {
    let disk = |path| fs::metadata(path).map(|file| file.dev()).ok();
    disk(one).is_some_and(|one| disk(other) == Some(one))
}

fn room(path: &Path) -> io::Result<Room> {
    let StatVfs { f_bavail, f_frsize, f_files, f_favail, .. } = statvfs(path)?;
    // Some file systems have no fixed number of files, and say that they have none at all.
    Ok(Room { bytes: f_bavail.saturating_mul(f_frsize), takes_files: f_files == 0 || f_favail > 0 })
}

fn judge(Need { name, path, bytes }: &Need, room: &io::Result<Room>) -> Finding {
    let shown = path.display();
    let room = match room {
        Ok(room) => room,
        Err(error) => return Finding::warning(name, format!("{shown}: {error}"), "look with `df`"),
    };
    let found = format!("{} free at {shown}", HumanBytes(room.bytes));
    if !room.takes_files {
        let advice = "remove files that are not needed (`df -i`): SQLite needs one for its log";
        return Finding::failed(name, format!("{found}, and no room for a further file"), advice);
    }
    let advice = format!("make room: {} are wanted there", HumanBytes(*bytes));
    match room.bytes {
        free if free < LEAST => Finding::failed(name, found, advice),
        free if free < *bytes => Finding::warning(name, found, advice),
        _ => Finding::ok(name, found),
    }
}

#[cfg(test)]
mod tests {
    use botstore::model::Verdict;

    use super::*;

    #[test]
    fn a_disk_is_judged_by_what_it_is_to_hold() {
        let need = Need { name: "disk", path: "/srv".into(), bytes: LOG };
        for (bytes, takes_files, expected) in [
            (LOG, true, Verdict::Ok),
            (LOG - 1, true, Verdict::Warning),
            (LEAST, true, Verdict::Warning),
            (LEAST - 1, true, Verdict::Failed),
            (LOG, false, Verdict::Failed),
        ] {
            let finding = judge(&need, &Ok(Room { bytes, takes_files }));
            assert_eq!(finding.verdict, expected, "{bytes} {takes_files}");
        }
        let gone = judge(&need, &Err(io::Error::other("gone")));
        assert_eq!((gone.verdict, gone.found.as_str()), (Verdict::Warning, "/srv: gone"));
    }

    #[test]
    fn a_database_and_a_journal_on_one_disk_are_one_line() {
        let home = std::env::temp_dir();
        let url = format!("sqlite:///{}", home.join("none/bot.db").display());
        let config = Config::new(url.parse().unwrap()).recording();
        let names: Vec<_> = disks(&config).iter().map(|finding| finding.name).collect();
        assert_eq!(names, ["disk"]);
        let config = Config::new("postgresql://localhost/d".parse().unwrap()).recording();
        let names: Vec<_> = disks(&config).iter().map(|finding| finding.name).collect();
        assert_eq!(names, ["spool disk"]);
    }
}
