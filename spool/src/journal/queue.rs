//! The statements on the journal's tables.

use std::collections::HashMap;

use botstore_core::model::{Batch, Position, Source, Timestamp};
use rusqlite::{Connection, OptionalExtension as _};

use super::room::Lent;
use super::waiting::{Taken, Waiting};
use super::{Portion, Row, body, position};
use crate::fault::Fault;

const WAITING: &str = "
    SELECT coalesce(sum(events), 0), coalesce(sum(length(CAST(body AS BLOB))), 0),
        (SELECT arrived FROM batch WHERE number > ?1 ORDER BY number LIMIT 1),
        (SELECT dropped FROM journal), (SELECT coalesce(sum(events), 0) FROM rejected),
        (SELECT coalesce(sum(length(CAST(body AS BLOB))), 0) FROM rejected)
    FROM batch WHERE number > ?1";

/// Of a source whose last events were dropped, none is here that a new one would follow.
const SOURCES: &str = "
    SELECT source, last, max(number) FROM batch
    WHERE number > ?1 AND source NOT IN (SELECT source FROM gap) GROUP BY source";

/// What waits after the batch of this number.
pub(super) fn waiting(connection: &Connection, after: i64) -> Result<Waiting, Fault> {
    let mut waiting = connection.query_row(WAITING, [after], |row| {
        Ok(Waiting {
            events: row.get(0)?,
            bytes: row.get(1)?,
            oldest: row.get::<_, Option<i64>>(2)?.and_then(|at| Timestamp::new(at).ok()),
            sources: HashMap::new(),
            dropped: row.get(3)?,
            rejected: row.get(4)?,
            rejected_bytes: row.get(5)?,
            damaged: 0,
        })
    })?;
    let mut statement = connection.prepare_cached(SOURCES)?;
    let mut rows = statement.query([after])?;
    while let Some(row) = rows.next()? {
        // One that cannot be read is found out when its turn comes.
        waiting.sources.extend(place_of(row));
    }
    Ok(waiting)
}

/// The reason for which a batch is kept aside that cannot be read.
pub(super) const UNREADABLE: &str = "it cannot be read";

/// How many events are kept aside that could not be read.
pub(super) fn damaged(connection: &Connection) -> Result<u64, Fault> {
    let damaged = "SELECT coalesce(sum(events), 0) FROM rejected WHERE reason = ?1";
    Ok(connection.query_row(damaged, [UNREADABLE], |row| row.get(0))?)
}

const INSERT: &str = "
    INSERT INTO batch (source, after, last, arrived, events, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

pub(super) fn insert(connection: &Connection, row: &Row, arrived: Timestamp) -> Result<(), Fault> {
    let Row { source, after, last, events, body } = row;
    let places = (after.map(Position::get), last.get());
    connection.prepare_cached(INSERT)?.execute((
        source.as_str(),
        places.0,
        places.1,
        arrived.seconds(),
        events,
        body,
    ))?;
    Ok(())
}

/// The number of the last batch that there was.
pub(super) fn last_number(connection: &Connection) -> Result<i64, Fault> {
    let last = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'batch'";
    Ok(connection.query_row(last, [], |row| row.get(0))?)
}

/// Gives whatever comes a number after this one.
pub(super) fn number_from(connection: &Connection, last: i64) -> Result<(), Fault> {
    let raised = "UPDATE sqlite_sequence SET seq = max(seq, ?1) WHERE name = 'batch'";
    if connection.execute(raised, [last])? == 0 {
        connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('batch', ?1)", [last])?;
    }
    Ok(())
}

const OLDEST: &str = "SELECT arrived FROM batch WHERE number > ?1 ORDER BY number LIMIT 1";

/// When the oldest batch after the one of this number arrived.
pub(super) fn oldest(connection: &Connection, after: i64) -> Result<Option<Timestamp>, Fault> {
    let mut statement = connection.prepare_cached(OLDEST)?;
    let arrived: Option<i64> = statement.query_row([after], |row| row.get(0)).optional()?;
    Ok(arrived.and_then(|at| Timestamp::new(at).ok()))
}

const IS_EMPTY: &str = "SELECT NOT EXISTS (SELECT 1 FROM batch WHERE number > ?1)";

/// Whether nothing is there after the batch of this number.
pub(super) fn is_empty(connection: &Connection, after: i64) -> Result<bool, Fault> {
    Ok(connection.prepare_cached(IS_EMPTY)?.query_row([after], |row| row.get(0))?)
}

const NEXT: &str = "
    SELECT source, last, number, after, events, body FROM batch WHERE number > ?1 ORDER BY number LIMIT ?2";

/// What is to be written next.
#[derive(Debug)]
pub(super) enum Next {
    Portion(Portion),
    /// The batch of this number, the oldest, which cannot be read.
    Damaged(i64),
    Nothing,
}

/// The oldest batches after the one of this number that follow one another in their source, as one. Between sources the order is kept, too: it is part of
/// what events mean, for somebody may join in one and leave in another.
pub(super) fn next(connection: &Connection, after: i64) -> Result<Next, Fault> {
    let mut statement = connection.prepare_cached(NEXT)?;
    let mut rows = statement.query((after, Batch::MAX_EVENTS))?;
    let mut next: Option<Portion> = None;
    while let Some(row) = rows.next()? {
        let number = row.get(2)?;
        let Some(portion) = portion(row, number) else {
            match next {
                None => return Ok(Next::Damaged(number)),
                Some(_) => break,
            }
        };
        match &mut next {
            None => next = Some(portion),
            Some(next) if follows(next, &portion) => {
                next.events.extend(portion.events);
                next.lent.upto = number;
                next.lent.bytes += portion.lent.bytes;
            }
            Some(_) => break,
        }
    }
    Ok(next.map_or(Next::Nothing, Next::Portion))
}

/// Whether a batch can be written together with those before it.
fn follows(before: &Portion, portion: &Portion) -> bool {
    let last = before.events.last().map(|(place, _)| *place);
    before.source == portion.source
        && (portion.after.is_none() || portion.after == last)
        && before.events.len() + portion.events.len() <= Batch::MAX_EVENTS
        // What follows dropped events may overlap with what came before them.
        && portion.events.first().map(|(place, _)| *place) > last
}

/// A batch; none if it is not one that was ever written here.
fn portion(row: &rusqlite::Row<'_>, number: i64) -> Option<Portion> {
    let (source, last) = place_of(row)?;
    let after = row.get::<_, Option<i64>>(3).ok()?.map(position).transpose().ok()?;
    let text: String = row.get(5).ok()?;
    let events = body::read(&text)?;
    let places = || events.iter().map(|(place, _)| *place);
    let is_whole = row.get::<_, usize>(4).ok()? == events.len()
        && (1..=Batch::MAX_EVENTS).contains(&events.len())
        && places().next() > after
        && places().is_sorted_by(|one, next| one < next)
        && places().next_back() == Some(last);
    is_whole.then_some(Portion {
        source,
        after,
        events,
        lent: Lent { upto: number, bytes: text.len() as u64 },
    })
}

const REMOVE: &str = "
    DELETE FROM batch WHERE number <= ?1 RETURNING source, last, events, length(CAST(body AS BLOB)), after IS NULL";

/// Whether the database has what is kept aside of a source, its place there does not say any more.
const KEEP_FOR_GOOD: &str = "UPDATE rejected SET after = NULL WHERE source = ?1";

/// Removes the oldest batches, up to a number. Once one is written that comes after dropped events, its source stands where
/// it does though events before that are missing, perhaps those that are kept aside.
pub(super) fn remove(connection: &Connection, upto: i64) -> Result<Vec<Taken>, Fault> {
    let mut statement = connection.prepare_cached(REMOVE)?;
    let mut rows = statement.query([upto])?;
    let mut removed = Vec::new();
    while let Some(row) = rows.next()? {
        removed.push((taken(row)?, row.get(4)?));
    }
    for (taken, _) in removed.iter().filter(|(_, was_bridged)| *was_bridged) {
        keep_for_good(connection, taken)?;
    }
    Ok(removed.into_iter().map(|(taken, _)| taken).collect())
}

/// Notes that a batch without a place to follow may be in the database.
fn keep_for_good(connection: &Connection, bridged: &Taken) -> Result<(), Fault> {
    if let Some((source, _)) = bridged.of.as_ref().filter(|(source, _)| !source.is_private()) {
        connection.prepare_cached(KEEP_FOR_GOOD)?.execute([source.as_str()])?;
    }
    Ok(())
}

const BETWEEN: &str = "
    SELECT source, last, events, length(CAST(body AS BLOB)) FROM batch WHERE number > ?1 AND number <= ?2";

/// The batches after a number, up to another.
pub(super) fn between(connection: &Connection, after: i64, upto: i64) -> Result<Vec<Taken>, Fault> {
    let mut statement = connection.prepare_cached(BETWEEN)?;
    let mut rows = statement.query((after, upto))?;
    let mut between = Vec::new();
    while let Some(row) = rows.next()? {
        between.push(taken(row)?);
    }
    Ok(between)
}

fn taken(row: &rusqlite::Row<'_>) -> Result<Taken, Fault> {
    Ok(Taken { of: place_of(row), events: row.get(2)?, bytes: row.get(3)? })
}

/// A source and the place of an event in it, from a row that begins with them; none if they cannot be read.
fn place_of(row: &rusqlite::Row<'_>) -> Option<(Source, Position)> {
    let source = Source::new(row.get::<_, String>(0).ok()?).ok()?;
    Some((source, position(row.get(1).ok()?).ok()?))
}

const DROP: &str = "
    DELETE FROM batch WHERE number = (SELECT min(number) FROM batch WHERE number > ?1)
    RETURNING source, last, events, length(CAST(body AS BLOB)), number, after IS NULL";

/// What comes after the dropped events of a source may be written all the same.
const BRIDGE: &str = "
    UPDATE batch SET after = NULL
    WHERE number = (SELECT min(number) FROM batch WHERE source = ?1 AND number > ?2)";

/// Gives the oldest batch up that was not lent; none if there is no such batch.
pub(super) fn drop_oldest(connection: &Connection, lent: i64) -> Result<Option<Taken>, Fault> {
    let mut statement = connection.prepare_cached(DROP)?;
    let mut rows = statement.query([lent])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let (dropped, number, was_bridged) = (taken(row)?, row.get::<_, i64>(4)?, row.get(5)?);
    drop(rows);
    if was_bridged {
        // It may be in the database all the same, if somebody died before he could take it out.
        keep_for_good(connection, &dropped)?;
    }
    if let Some((source, _)) = &dropped.of
        && connection.prepare_cached(BRIDGE)?.execute((source.as_str(), number))? == 0
    {
        let noted = "INSERT OR IGNORE INTO gap (source) VALUES (?1)";
        connection.prepare_cached(noted)?.execute([source.as_str()])?;
    }
    count_dropped(connection, dropped.events)?;
    Ok(Some(dropped))
}

pub(super) fn count_dropped(connection: &Connection, events: u64) -> Result<(), Fault> {
    connection.prepare_cached("UPDATE journal SET dropped = dropped + ?1")?.execute([events])?;
    Ok(())
}

/// Whether a source's last events were dropped, which is then forgotten.
pub(super) fn forget_gap(connection: &Connection, source: &Source) -> Result<bool, Fault> {
    Ok(connection.prepare_cached("DELETE FROM gap WHERE source = ?1")?.execute([source.as_str()])? > 0)
}

pub(super) fn forget_gaps(connection: &Connection) -> Result<(), Fault> {
    connection.execute("DELETE FROM gap", [])?;
    Ok(())
}

/// Gives what the file does not need to the system.
pub(super) fn give_room_back(connection: &Connection) -> Result<(), Fault> {
    // Each step gives one page back.
    let mut statement = connection.prepare_cached("PRAGMA incremental_vacuum")?;
    let mut pages = statement.query([])?;
    while pages.next()?.is_some() {}
    Ok(())
}

/// Whose the journal is.
pub(super) fn owner(connection: &Connection) -> Result<Option<String>, Fault> {
    Ok(connection.prepare_cached("SELECT owner FROM journal")?.query_row([], |row| row.get(0))?)
}

pub(super) fn own(connection: &Connection, owner: &str) -> Result<(), Fault> {
    connection.execute("UPDATE journal SET owner = ?1", [owner])?;
    Ok(())
}

/// The name of the database that the journal was last opened for.
pub(super) fn name(connection: &Connection) -> Result<Option<String>, Fault> {
    Ok(connection.query_row("SELECT database_name FROM journal", [], |row| row.get(0))?)
}

pub(super) fn set_name(connection: &Connection, name: &str) -> Result<(), Fault> {
    connection.execute("UPDATE journal SET database_name = ?1", [name])?;
    Ok(())
}

pub(super) fn database(connection: &Connection) -> Result<Option<String>, Fault> {
    Ok(connection.query_row("SELECT database_id FROM journal", [], |row| row.get(0))?)
}

/// The database that the journal belongs to from now on. Of what one did not take, no other can tell whether it has it.
pub(super) fn bind(connection: &Connection, database: &str) -> Result<(), Fault> {
    let of_another = "UPDATE rejected SET after = NULL
        WHERE (SELECT coalesce(database_id, former_id) IS NOT ?1 FROM journal)";
    connection.execute(of_another, [database])?;
    connection.execute("UPDATE journal SET database_id = ?1, former_id = NULL", [database])?;
    Ok(())
}

/// The journal may belong to any database from now on. What is kept aside is that of the former one.
pub(super) fn unbind(connection: &Connection) -> Result<(), Fault> {
    let unbound = "UPDATE journal SET former_id = coalesce(database_id, former_id), database_id = NULL";
    connection.execute(unbound, [])?;
    Ok(())
}

/// How many of the events that were given up somebody was told of at an end in order.
pub(super) fn told(connection: &Connection) -> Result<u64, Fault> {
    Ok(connection.query_row("SELECT told FROM journal", [], |row| row.get(0))?)
}

/// Notes that this happened, of so many.
pub(super) fn set_told(connection: &Connection, told: u64) -> Result<(), Fault> {
    connection.execute("UPDATE journal SET told = ?1", [told])?;
    Ok(())
}

pub(super) fn note(connection: &Connection, away: Option<(Timestamp, &str)>) -> Result<(), Fault> {
    let (since, error) = away.map(|(since, error)| (since.seconds(), error)).unzip();
    // It may be away for another reason by now, and is so since then all the same.
    let changed = "UPDATE journal SET away_since = iif(?2 IS NULL, NULL, coalesce(away_since, ?1)), error = ?2 \
        WHERE error IS NOT ?2";
    connection.execute(changed, (since, error))?;
    Ok(())
}

pub(super) fn noted(connection: &Connection) -> Result<Option<(Timestamp, String)>, Fault> {
    let noted: (Option<i64>, Option<String>) =
        connection
            .query_row("SELECT away_since, error FROM journal", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(noted.0.and_then(|at| Timestamp::new(at).ok()).zip(noted.1))
}
