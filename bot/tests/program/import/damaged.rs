//! Old databases that are damaged: each ends in a report or an error, and nothing is lost in silence.

use std::path::Path;

use rusqlite::Connection;
use serde_json::{Value, json};

use super::old;
use crate::rosey::Rosey;

crate::checks![
    types_that_are_wrong_are_rejected,
    text_that_no_store_takes_is_rejected,
    of_rows_with_the_same_key_the_first_arrives,
    names_that_differ_by_case_are_two,
    a_file_of_another_program_is_refused,
    ;
    once:
    a_truncated_file_is_refused,
    a_page_of_noise_is_refused,
    an_index_that_lacks_a_row_is_refused,
    what_is_no_database_is_refused,
];

/// An old file, changed by these statements; the first make tables anew, without their rules.
fn damaged(rosey: &Rosey, statements: &str) {
    let old = old::v05(&rosey.path("old.db"));
    old.execute_batch(statements).unwrap();
}

/// The import of it, of which rows are rejected.
fn rejected(rosey: &Rosey) -> Vec<(String, String, String)> {
    let report = Rosey::json_of(rosey.run(&["import", "old.db", "--json"]), 6);
    let tables = report["tables"].as_array().unwrap();
    for table in tables {
        assert_eq!(
            table["read"].as_u64().unwrap(),
            table["valid"].as_u64().unwrap() + table["rejected"].as_u64().unwrap(),
            "{report}"
        );
    }
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let rejects = report["rejects"].as_array().unwrap();
    assert_eq!(report["rejected"].as_u64().unwrap() as usize, rejects.len());
    let told = |reject: &Value| {
        let place = format!("{} {}", text(&reject["table"]), text(&reject["key"]));
        (place, text(&reject["field"]), text(&reject["reason"]))
    };
    rejects.iter().map(told).collect()
}

fn expect(rejected: Vec<(String, String, String)>, expected: &[(&str, &str, &str)]) {
    let rejected: Vec<_> = rejected
        .iter()
        .map(|(place, field, reason)| (place.as_str(), field.as_str(), reason.as_str()))
        .collect();
    assert_eq!(rejected, expected);
}

/// Nothing is made where nothing can be imported, and the error says everything once.
fn refused(home: &Rosey, source: &str, says: &str) {
    let error = home.run(&["import", source]).fails(1);
    assert!(error.contains(says), "{source}: {error}");
    for once in [source, "import: ", "Nothing was written", "damaged"] {
        assert!(error.matches(once).count() <= 1, "{once}: {error}");
    }
    for name in ["bot_data.db", "import-rejects.jsonl"] {
        assert!(!home.path(name).exists(), "{source}: {name}");
    }
}

fn types_that_are_wrong_are_rejected(rosey: &Rosey) {
    damaged(
        rosey,
        "INSERT INTO user_stats VALUES (x'616263', 1, 2, 3, 4, NULL);
         INSERT INTO user_stats VALUES ('later', 1, 'yesterday', 3, 4, NULL);
         INSERT INTO user_stats VALUES ('none', 1, 2, NULL, 4, NULL);
         INSERT INTO user_stats VALUES ('part', 1, 2, 3.5, 4, NULL);
         INSERT INTO user_stats VALUES ('big', 1, 2, 9223372036854775807, 4, NULL);
         INSERT INTO user_stats VALUES ('long', 1, 253402300799, 0, 9007199254740991, 1);
         INSERT INTO user_stats VALUES ('early', -1, 2, 3, 4, NULL);
         INSERT INTO user_stats VALUES ('session', 1, 2, 3, 4, -5);
         INSERT INTO user_stats VALUES (NULL, 1, 2, 3, 4, NULL);
         INSERT INTO recent_chat VALUES (-3, 1, 'ada', 'x');
         INSERT INTO recent_chat VALUES (9223372036854775807, 1, 'ada', 'x');
         UPDATE outbound_messages SET sent = 2 WHERE id = 2;
         UPDATE outbound_messages SET sent_timestamp = NULL WHERE id = 1;",
    );
    expect(
        rejected(rosey),
        &[
            ("user_stats {\"hex\":\"616263\"}", "username", "is bytes, where text is expected"),
            ("user_stats later", "last_seen", "is text, where a whole number is expected"),
            ("user_stats none", "total_chat_lines", "is null"),
            (
                "user_stats part",
                "total_chat_lines",
                "is a number with a fraction, where a whole number is expected",
            ),
            ("user_stats big", "total_chat_lines", "is greater than 9007199254740991"),
            ("user_stats long", "total_time_connected", "is greater than 9007199254740991"),
            ("user_stats early", "first_seen", "is before 1970"),
            ("user_stats session", "current_session_start", "is before 1970"),
            ("user_stats null", "username", "is null"),
            ("recent_chat -3", "id", "is not greater than zero"),
            ("recent_chat 9223372036854775807", "id", "is greater than 9007199254740991"),
            ("outbound_messages 1", "sent_timestamp", "is null, and the rest of the row asks for a moment"),
            ("outbound_messages 2", "sent", "is neither 0 nor 1"),
        ],
    );
}

fn text_that_no_store_takes_is_rejected(rosey: &Rosey) {
    damaged(
        rosey,
        "INSERT INTO recent_chat VALUES (50, 1, 'ada', CAST(x'68ff' AS TEXT));
         INSERT INTO recent_chat VALUES (51, 1, 'ada', 'a' || char(0) || 'b');
         INSERT INTO recent_chat VALUES (52, 1, 'ada', printf('%.20000000c', 'x'));
         INSERT INTO recent_chat VALUES (53, 1, 'ada', '');
         INSERT INTO user_stats VALUES (CAST(x'ff61' AS TEXT), 1, 2, 3, 4, NULL);
         INSERT INTO user_stats VALUES ('a' || char(10), 1, 2, 3, 4, NULL);",
    );
    let length = "has 20000000 characters, at most 10000 are allowed";
    expect(
        rejected(rosey),
        &[
            ("user_stats \u{fffd}a", "username", "is text that is not UTF-8, where text is expected"),
            ("user_stats a\n", "username", "contains the control character U+000A"),
            ("recent_chat 50", "message", "is text that is not UTF-8, where text is expected"),
            ("recent_chat 51", "message", "contains NUL"),
            ("recent_chat 52", "message", length),
            ("recent_chat 53", "message", "is empty"),
        ],
    );
    let kept = std::fs::read_to_string(rosey.path("import-rejects.jsonl")).unwrap();
    assert!(kept.contains(&"x".repeat(20_000_000)) && kept.contains("{\"text_in_hex\":\"68ff\"}"));
}

fn of_rows_with_the_same_key_the_first_arrives(rosey: &Rosey) {
    damaged(
        rosey,
        "CREATE TABLE users AS SELECT * FROM user_stats; DROP TABLE user_stats; ALTER TABLE users RENAME TO user_stats;
         INSERT INTO user_stats VALUES ('dora', 1, 2, -3, 4, NULL), ('dora', 1, 2, 30, 4, NULL), ('ada', 1, 2, 3, 4, NULL),
             ('dora', 1, 2, 31, 4, NULL);
         CREATE TABLE tokens AS SELECT * FROM api_tokens; DROP TABLE api_tokens; ALTER TABLE tokens RENAME TO api_tokens;
         INSERT INTO api_tokens SELECT token, 'again', created_at, last_used, revoked FROM api_tokens WHERE rowid = 2;
         CREATE TABLE chat AS SELECT * FROM recent_chat; DROP TABLE recent_chat; ALTER TABLE chat RENAME TO recent_chat;
         INSERT INTO recent_chat VALUES (41, 1, 'ada', 'again'), ('x', 1, 'ada', 'text'), (40, 1, 'ada', 'first');",
    );
    let again = "is that of another row, too, which comes first";
    expect(
        rejected(rosey),
        &[
            ("user_stats dora", "total_chat_lines", "is negative"),
            ("user_stats ada", "username", again),
            ("user_stats dora", "username", again),
            ("recent_chat 41", "id", again),
            ("recent_chat x", "id", "is text, where a whole number is expected"),
            ("api_tokens 4", "token", again),
        ],
    );
    assert_eq!(rosey.json(&["stats", "dora", "--json"])["total_chat_lines"], json!(30));
    assert_eq!(rosey.json(&["stats", "ada", "--json"])["total_chat_lines"], json!(3));
    assert_eq!(rosey.run_with(&["token", "check"], old::TOKENS[1]).code, Some(3));
}

fn names_that_differ_by_case_are_two(rosey: &Rosey) {
    damaged(rosey, "INSERT INTO user_stats VALUES ('ADA', 1, 2, 77, 4, NULL)");
    super::imported(rosey, "old.db");
    assert_eq!(rosey.json(&["stats", "ADA", "--json"])["total_chat_lines"], json!(77));
    assert_eq!(rosey.json(&["stats", "ada", "--json"])["total_chat_lines"], json!(3));
}

fn a_file_of_another_program_is_refused(rosey: &Rosey) {
    let source = rosey.path("theirs.db");
    Connection::open(&source).unwrap().execute_batch("CREATE TABLE notes (note TEXT)").unwrap();
    let error = rosey.run(&["import", "theirs.db"]).fails(1);
    assert!(error.contains("none of the Python bot's tables: another program made it"), "{error}");
    // One of our own, of either backend, is none of the Python bot's.
    let own = Rosey::on_sqlite();
    own.prints(&["migrate"]);
    let path = own.path("bot_data.db");
    let error = rosey.run(&["import", path.to_str().unwrap()]).fails(1);
    assert!(error.contains("one of rosey's own"), "{error}");
    if rosey.url().starts_with("postgresql") {
        let own = rosey.beside();
        own.prints(&["migrate"]);
        let error = rosey.run(&["import", own.url()]).fails(1);
        assert!(error.contains("one of rosey's own"), "{error}");
    }
}

fn what_is_no_database_is_refused(home: &Rosey) {
    home.file("empty.db", "");
    home.file("text.db", "this is a text that is long enough to look like a database. ".repeat(50));
    home.file("short.db", "SQLite format 3\0");
    std::fs::create_dir(home.path("directory.db")).unwrap();
    for (source, says) in [
        ("empty.db", "the file is empty"),
        ("text.db", "the file is no SQLite database"),
        ("short.db", "the file is no SQLite database"),
        ("directory.db", "this is a directory"),
        ("nowhere.db", "the file cannot be read: No such file"),
    ] {
        refused(home, source, says);
    }
    home.run(&["import", "mysql://localhost/x"]).fails(2);
    home.run(&["import", "sqlite:///:memory:"]).fails(1);
}

/// Fills the chat, so that it has many pages.
const MANY: &str = "
    WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 20000)
    INSERT INTO recent_chat (timestamp, username, message) SELECT n, 'ada', printf('%.80c', 'x') FROM n;";

fn pages(path: &Path) -> (Vec<u8>, usize) {
    let page: usize =
        Connection::open(path).unwrap().query_row("PRAGMA page_size", [], |row| row.get(0)).unwrap();
    (std::fs::read(path).unwrap(), page)
}

fn a_truncated_file_is_refused(home: &Rosey) {
    damaged(home, MANY);
    let (whole, page) = pages(&home.path("old.db"));
    for length in [whole.len() / 2, whole.len() - page, whole.len() - 1, page * 3, 600] {
        home.file("old.db", &whole[..length]);
        refused(home, "old.db", "the file is damaged: it ends ");
    }
}

fn a_page_of_noise_is_refused(home: &Rosey) {
    // A row that is rejected before the damage is found.
    damaged(home, &format!("{MANY} INSERT INTO user_stats VALUES ('neg', 1, 2, -3, 4, NULL)"));
    let (whole, page) = pages(&home.path("old.db"));
    let count = whole.len() / page;
    let noise = |at: usize| {
        let mut noisy = whole.clone();
        noisy[at * page..(at + 1) * page].fill(0xa5);
        home.file("old.db", &noisy);
    };
    for at in [1, 2, 3, 5, 8, count / 3, count / 2, count - 2] {
        noise(at);
        refused(home, "old.db", "damaged");
    }
    // Some rows come before that page.
    noise(count / 2);
    let error = home.run(&["import", "old.db"]).fails(1);
    let (_, readable) = error.split_once("the table recent_chat is damaged: ").unwrap();
    let readable: u64 = readable.split_once(" rows of it can be read").unwrap().0.parse().unwrap();
    assert!((1_000..19_000).contains(&readable), "{error}");
    assert!(
        error.contains("sqlite3 FILE .dump | sed ") && error.contains("sqlite3 FILE .recover"),
        "{error}"
    );
    // What an earlier import kept is neither lost nor added to.
    home.file("earlier.jsonl", "");
    home.run(&["import", "old.db", "--rejects", "earlier.jsonl"]).fails(1);
    assert_eq!(std::fs::read(home.path("earlier.jsonl")).unwrap(), b"");
}

fn an_index_that_lacks_a_row_is_refused(home: &Rosey) {
    damaged(home, "");
    let (whole, _) = pages(&home.path("old.db"));
    // Another letter in the index of names than in the table, where this name stands first.
    let places: Vec<_> =
        whole.windows(3).enumerate().filter(|(_, three)| three == b"Bob").map(|(at, _)| at).collect();
    for at in places {
        let mut damaged = whole.clone();
        damaged[at + 2] = b'x';
        home.file("old.db", &damaged);
        refused(home, "old.db", "the file is damaged: ");
    }
}
