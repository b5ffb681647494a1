use botstore_core::model::{ChannelEvent, MessageText, Timestamp, Username};

use super::*;
use crate::testing::migrated;

fn writer() -> Writer {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch("CREATE TABLE t (x)").unwrap();
    Writer::start(connection, "bot.db".into(), None, None).unwrap()
}

fn insert(x: i64) -> impl FnOnce(&Connection) -> Result<(), Fault> {
    move |connection| Ok(connection.execute("INSERT INTO t VALUES (?1)", [x]).map(drop)?)
}

async fn stored(writer: &Writer) -> Vec<i64> {
    let read = |connection: &Connection| {
        let mut statement = connection.prepare("SELECT x FROM t ORDER BY x")?;
        let found = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        Ok(found)
    };
    writer.run("read", read).await.unwrap()
}

/// A job that keeps the thread busy, so that the jobs after it wait together, and what lets it go.
fn gate() -> (impl FnOnce(&Connection) -> Result<(), Fault>, impl Future<Output = ()>) {
    let (open, wait) = std::sync::mpsc::channel::<()>();
    let keep = move |_: &Connection| {
        let _ = wait.recv();
        Ok(())
    };
    (keep, async move { drop(open) })
}

fn kind<T>(outcome: Result<T>) -> Option<ErrorKind> {
    outcome.err().map(|error| error.kind().clone())
}

/// Sends a job whose caller leaves before it has an answer.
async fn send_and_leave(
    writer: &Writer,
    work: impl FnOnce(&Connection) -> Result<(), Fault> + Send + 'static,
) {
    tokio::select! {
        biased;
        _ = writer.run("left", work) => panic!("answered at once"),
        () = async {} => {}
    }
}

#[tokio::test]
async fn a_failing_job_harms_its_own_caller_only() {
    let (writer, (keep, open)) = (writer(), gate());
    let failing = |connection: &Connection| -> Result<(), Fault> {
        insert(2)(connection)?;
        Err(Fault::conflict("no"))
    };
    let panicking = |connection: &Connection| -> Result<(), Fault> {
        insert(3)(connection)?;
        panic!("a fault of the work");
    };
    let (_, one, two, three, four, ()) = tokio::join!(
        writer.run("gate", keep),
        writer.run("one", insert(1)),
        writer.run("two", failing),
        writer.run("three", panicking),
        writer.run("four", insert(4)),
        open,
    );
    assert_eq!((kind(one), kind(four)), (None, None));
    assert_eq!((kind(two), kind(three)), (Some(ErrorKind::Conflict), Some(ErrorKind::Internal)));
    assert_eq!(stored(&writer).await, [1, 4]);
}

#[tokio::test]
async fn what_a_full_disk_took_along_fails_and_the_rest_begins_anew() {
    let (writer, (keep, open)) = (writer(), gate());
    let full = |connection: &Connection| -> Result<(), Fault> {
        connection.pragma_update(None, "max_page_count", 100)?;
        Ok(connection.execute("INSERT INTO t VALUES (zeroblob(10000000))", []).map(drop)?)
    };
    let (_, one, two, three, ()) = tokio::join!(
        writer.run("gate", keep),
        writer.run("one", insert(1)),
        writer.run("two", full),
        writer.run("three", insert(3)),
        open,
    );
    let one = one.unwrap_err();
    assert_eq!((one.kind(), one.operation()), (&ErrorKind::Unavailable, "one"));
    assert_eq!((kind(two), kind(three)), (Some(ErrorKind::Unavailable), None));
    assert_eq!(stored(&writer).await, [3]);
}

#[tokio::test]
async fn a_caller_who_leaves_harms_nobody() {
    let (writer, (keep, open)) = (writer(), gate());
    send_and_leave(&writer, keep).await;
    send_and_leave(&writer, insert(1)).await;
    let (two, ()) = tokio::join!(writer.run("two", insert(2)), open);
    assert_eq!(kind(two), None);
    assert_eq!(stored(&writer).await, [2], "nobody would learn of the work of a caller who left");
}

#[tokio::test]
async fn work_alone_is_outside_the_transaction_and_in_its_turn() {
    let (writer, (keep, open)) = (writer(), gate());
    let outside = |connection: &Connection| {
        let count: i64 = connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0))?;
        Ok((connection.is_autocommit(), count))
    };
    let (_, one, alone, two, ()) = tokio::join!(
        writer.run("gate", keep),
        writer.run("one", insert(1)),
        writer.run_alone("alone", outside),
        writer.run("two", insert(2)),
        open,
    );
    assert_eq!((kind(one), alone.unwrap(), kind(two)), (None, (true, 1), None));
}

#[tokio::test]
async fn closing_waits_for_what_is_queued_and_refuses_the_rest() {
    let (writer, (keep, open)) = (writer(), gate());
    let (_, one, (), late, (), ()) = tokio::join!(
        writer.run("gate", keep),
        writer.run("one", insert(1)),
        writer.close(),
        async {
            writer.ended.clone().changed().await.unwrap_err();
            writer.run("late", insert(2)).await
        },
        writer.close(),
        open,
    );
    assert_eq!((kind(one), kind(late)), (None, Some(ErrorKind::Closed)));
    writer.close().await;
}

#[tokio::test]
async fn the_thread_ends_with_the_writer() {
    let writer = writer();
    let mut ended = writer.ended.clone();
    drop(writer);
    assert!(ended.changed().await.is_err());
}

fn line(username: &str) -> Batch {
    let (at, username) = (Timestamp::new(1).unwrap(), Username::new(username).unwrap());
    Batch::new(vec![ChannelEvent::Chat { at, username, message: MessageText::new("hello").unwrap() }])
        .unwrap()
}

fn joined(username: &str) -> Batch {
    let (at, username) = (Timestamp::new(1).unwrap(), Username::new(username).unwrap());
    Batch::new(vec![ChannelEvent::UserJoined { at, username }]).unwrap()
}

/// The users with their lines.
async fn users(writer: &Writer) -> Vec<(String, i64)> {
    let read = |connection: &Connection| {
        let sql = "SELECT username, total_chat_lines FROM user_stats ORDER BY username";
        let mut statement = connection.prepare(sql)?;
        let found = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(found.collect::<rusqlite::Result<_>>()?)
    };
    writer.run("read", read).await.unwrap()
}

#[tokio::test]
async fn of_batches_that_wait_together_only_the_one_at_fault_fails() {
    let connection = migrated();
    let damaged = "INSERT INTO user_stats (username, first_seen, last_seen) VALUES ('damaged', -1, 1)";
    connection.execute_batch(damaged).unwrap();
    let (writer, (keep, open)) = (Writer::start(connection, "bot.db".into(), None, None).unwrap(), gate());
    let (_, one, two, three, four, ()) = tokio::join!(
        writer.run("gate", keep),
        writer.record(line("ada")),
        writer.record(joined("damaged")),
        writer.record(line("ada")),
        writer.record(line("bob")),
        open,
    );
    assert_eq!((kind(one), kind(three), kind(four)), (None, None, None));
    assert_eq!(kind(two), Some(ErrorKind::Corrupt));
    let expected = [("ada", 2), ("bob", 1), ("damaged", 0)].map(|(name, lines)| (name.to_owned(), lines));
    assert_eq!(users(&writer).await, expected);
}

#[tokio::test]
async fn a_batch_whose_caller_left_is_not_written_and_the_others_are() {
    let (writer, (keep, open)) = (Writer::start(migrated(), "bot.db".into(), None, None).unwrap(), gate());
    let (_, stayed, (), ()) = tokio::join!(
        writer.run("gate", keep),
        writer.record(line("stayed")),
        async {
            tokio::select! {
                biased;
                _ = writer.record(line("left")) => panic!("answered at once"),
                () = async {} => {}
            }
        },
        open,
    );
    assert_eq!(kind(stayed), None);
    assert_eq!(users(&writer).await, [("stayed".to_owned(), 1)]);
}
