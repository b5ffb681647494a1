//! Whose the files of an SQLite database are, and who may do what with them.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use botstore::model::Finding;
use rustix::fs::{Access, AtFlags, CWD, accessat};

const NAME: &str = "permissions";

/// What the system says of a database's files, to the one who asks.
struct Files {
    path: PathBuf,
    mode: u32,
    owner: u32,
    /// What lacks, such as `read bot_data.db`.
    lacking: Vec<String>,
    /// What SQLite keeps beside the database.
    beside: Vec<Beside>,
    user: u32,
}

/// The log of a database, or what processes share of it.
struct Beside {
    path: PathBuf,
    owner: u32,
    /// Whether it holds something that is nowhere else.
    holds: bool,
    /// Whether whoever asks may read and write it.
    usable: bool,
}

impl Beside {
    /// What is at the path of a database with this suffix; none if there is nothing.
    fn of(database: &Path, suffix: &str) -> Option<Self> {
        let mut name = database.to_owned().into_os_string();
        name.push(suffix);
        let path = PathBuf::from(name);
        let found = fs::metadata(&path).ok()?;
        Some(Self {
            owner: found.uid(),
            holds: suffix == LOG && found.len() > 0,
            usable: may(&path, Access::READ_OK | Access::WRITE_OK),
            path,
        })
    }

    /// What lets whoever asks work with it, who may write the database of `owner`.
    fn advice(&self, owner: u32) -> String {
        let path = self.path.display();
        if self.holds { format!("`chown {owner} {path}` as root") } else { format!("`rm -f {path}`") }
    }
}

const LOG: &str = "-wal";
const SHARED: &str = "-shm";

/// Looks at a file, its directory, and what is beside it; none if there is no file.
pub(super) fn permissions(path: &Path) -> Option<Finding> {
    // SQLite keeps its log where a link leads to.
    let looked = fs::canonicalize(path).and_then(|path| Ok((fs::metadata(&path)?, path)));
    let (found, path) = match looked {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        Err(error) => {
            let advice = "check the rights of the directories that lead there";
            return Some(Finding::failed(NAME, format!("{}: {error}", path.display()), advice));
        }
    };
    if !found.is_file() {
        let advice = "name a file in DATABASE_URL";
        return Some(Finding::failed(NAME, format!("{} is no file", path.display()), advice));
    }
    let files = Files {
        mode: found.mode(),
        owner: found.uid(),
        lacking: lacking(&path),
        beside: [LOG, SHARED].into_iter().filter_map(|suffix| Beside::of(&path, suffix)).collect(),
        user: rustix::process::geteuid().as_raw(),
        path,
    };
    Some(judge(&files))
}

/// What whoever asks may not do. The directory must be writable, for SQLite makes and removes its log there.
fn lacking(path: &Path) -> Vec<String> {
    let directory = path.parent().unwrap_or(path);
    let needed = [
        ("read", path, Access::READ_OK),
        ("write", path, Access::WRITE_OK),
        ("make files in", directory, Access::WRITE_OK | Access::EXEC_OK),
    ];
    let lacking = needed.into_iter().filter(|(_, path, access)| !may(path, *access));
    lacking.map(|(what, path, _)| format!("{what} {}", path.display())).collect()
}

fn may(path: &Path, access: Access) -> bool {
    accessat(CWD, path, access, AtFlags::EACCESS).is_ok()
}

fn judge(files: &Files) -> Finding {
    let Files { path, mode, owner, lacking, beside, user } = files;
    let shown = path.display();
    if !lacking.is_empty() {
        let found = format!("user {user} may not {}", lacking.join(", nor "));
        let advice = format!(
            "run this as the bot's user; if that is {user}, have its owner, {owner}, give it the right"
        );
        return Finding::failed(NAME, found, advice);
    }
    let strange = |file: &Beside| {
        format!("{shown} belongs to user {owner}, and {} to {}", file.path.display(), file.owner)
    };
    let unusable: Vec<_> = beside.iter().filter(|file| !file.usable).collect();
    if let Some(first) = unusable.first() {
        let found = format!("{}, and user {user} may not write it", strange(first));
        let mended: Vec<_> = unusable.iter().map(|file| file.advice(*owner)).collect();
        let advice = format!("stop all that has the database open, and then: {}", mended.join(", "));
        return Finding::failed(NAME, found, advice);
    }
    if let Some(file) = beside.iter().find(|file| file.owner != *owner) {
        let advice = format!("chown {owner} {}: the bot may be unable to open it", file.path.display());
        return Finding::warning(NAME, strange(file), advice);
    }
    let open_to_others = match mode & 0o006 {
        0 => None,
        0o004 => Some("read"),
        _ => Some("write"),
    };
    if let Some(what) = open_to_others {
        let found = format!("every user of this machine may {what} {shown} (mode {:o})", mode & 0o777);
        let advice = format!("chmod o= {shown}: it holds what people said, and its tokens");
        return Finding::warning(NAME, found, advice);
    }
    let root = if *user == 0 && *owner != 0 { "; asked as root, who may do everything" } else { "" };
    let found = format!("user {user} may read and write {shown} (mode {:o}){root}", mode & 0o777);
    Finding::ok(NAME, found)
}

#[cfg(test)]
mod tests {
    use botstore::model::Verdict;

    use super::*;

    fn files() -> Files {
        Files {
            path: "/srv/bot.db".into(),
            mode: 0o100_640,
            owner: 7,
            lacking: Vec::new(),
            beside: vec![beside(LOG, 7)],
            user: 7,
        }
    }

    /// A file that holds something, and that may be written.
    fn beside(suffix: &str, owner: u32) -> Beside {
        Beside { path: format!("/srv/bot.db{suffix}").into(), owner, holds: suffix == LOG, usable: true }
    }

    fn judged(files: &Files) -> (Verdict, String) {
        let finding = judge(files);
        (finding.verdict, finding.found)
    }

    #[test]
    fn a_bots_own_file_is_well() {
        let own = "user 7 may read and write /srv/bot.db (mode 640)";
        assert_eq!(judged(&files()), (Verdict::Ok, own.to_owned()));
        let (verdict, found) = judged(&Files { user: 0, ..files() });
        assert_eq!(verdict, Verdict::Ok);
        assert!(found.ends_with("asked as root, who may do everything"), "{found}");
    }

    #[test]
    fn what_others_could_do_is_warned_of() {
        let expected = |what| format!("every user of this machine may {what} /srv/bot.db");
        for (mode, what) in [(0o644, "read"), (0o646, "write"), (0o642, "write")] {
            let (verdict, found) = judged(&Files { mode, ..files() });
            assert_eq!(verdict, Verdict::Warning);
            assert!(found.starts_with(&expected(what)), "{found}");
        }
    }

    #[test]
    fn a_log_of_somebody_else_is_warned_of() {
        let (verdict, found) = judged(&Files { beside: vec![beside(LOG, 0)], ..files() });
        assert_eq!(verdict, Verdict::Warning);
        assert_eq!(found, "/srv/bot.db belongs to user 7, and /srv/bot.db-wal to 0");
    }

    #[test]
    fn a_log_that_cannot_be_written_is_a_failure_and_nothing_that_is_kept_is_to_be_removed() {
        let unusable = |suffix| Beside { usable: false, ..beside(suffix, 8) };
        let judged = |beside| judge(&Files { beside, ..files() });
        let finding = judged(vec![unusable(LOG), unusable(SHARED)]);
        assert_eq!(finding.verdict, Verdict::Failed);
        let expected = "/srv/bot.db belongs to user 7, and /srv/bot.db-wal to 8, and user 7 may not write it";
        assert_eq!(finding.found, expected);
        let expected = "stop all that has the database open, and then: `chown 7 /srv/bot.db-wal` as root, \
                        `rm -f /srv/bot.db-shm`";
        assert_eq!(finding.advice.as_deref(), Some(expected));
        let finding = judged(vec![Beside { holds: false, ..unusable(LOG) }, beside(SHARED, 7)]);
        let expected = "stop all that has the database open, and then: `rm -f /srv/bot.db-wal`";
        assert_eq!((finding.verdict, finding.advice.as_deref()), (Verdict::Failed, Some(expected)));
    }

    #[test]
    fn rights_that_lack_are_a_failure() {
        let lacking = vec!["write /srv/bot.db".to_owned(), "make files in /srv".to_owned()];
        let (verdict, found) = judged(&Files { lacking, ..files() });
        assert_eq!(verdict, Verdict::Failed);
        assert_eq!(found, "user 7 may not write /srv/bot.db, nor make files in /srv");
    }
}
