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
        (SELECT arrived FROM batch ORDER BY number LIMIT 1),
        (SELECT dropped FROM journal), (SELECT coalesce(sum(events), 0) FROM rejected)
    FROM batch";

/// Of a source whose last events were dropped, none is here that a new one would follow.
const SOURCES: &str = "
    SELECT source, last, max(number) FROM batch WHERE source NOT IN (SELECT source FROM gap) GROUP BY source";

/// What waits.
pub(super) fn waiting(connection: &Connection) -> Result<Waiting, Fault> {
    let mut waiting = connection.query_row(WAITING, [], |row| {
        Ok(Waiting {
            events: row.get(0)?,
            bytes: row.get(1)?,
            oldest: row.get::<_, Option<i64>>(2)?.and_then(|at| Timestamp::new(at).ok()),
            sources: HashMap::new(),
            dropped: row.get(3)?,
            rejected: row.get(4)?,
        })
    })?;
    let mut statement = connection.prepare_cached(SOURCES)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        waiting.sources.insert(source_of(row, 0)?, position(row.get(1)?)?);
    }
    Ok(waiting)
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

const OLDEST: &str = "SELECT arrived FROM batch WHERE number > ?1 ORDER BY number LIMIT 1";

/// When the oldest batch after the one of this number arrived.
pub(super) fn oldest(connection: &Connection, after: i64) -> Result<Option<Timestamp>, Fault> {
    let mut statement = connection.prepare_cached(OLDEST)?;
    let arrived: Option<i64> = statement.query_row([after], |row| row.get(0)).optional()?;
    Ok(arrived.and_then(|at| Timestamp::new(at).ok()))
}

const NEXT: &str = "SELECT number, source, after, last, events, body FROM batch ORDER BY number LIMIT ?1";

/// The oldest batches that follow one another in their source, as one.
pub(super) fn next(connection: &Connection) -> Result<Option<Portion>, Fault> {
    let mut statement = connection.prepare_cached(NEXT)?;
    let mut rows = statement.query([Batch::MAX_EVENTS])?;
    let mut portion: Option<Portion> = None;
    while let Some(row) = rows.next()? {
        let (number, source): (i64, Source) = (row.get(0)?, source_of(row, 1)?);
        let after = row.get::<_, Option<i64>>(2)?.map(position).transpose()?;
        let text: String = row.get(5)?;
        match &mut portion {
            None => {
                let (events, bytes) = (body::read(&text)?, text.len() as u64);
                portion = Some(Portion { source, after, events, lent: Lent { upto: number, bytes } });
            }
            Some(portion) => {
                let last = portion.events.last().map(|(place, _)| *place);
                let follows = portion.source == source && (after.is_none() || after == last);
                if !follows || portion.events.len() + row.get::<_, usize>(4)? > Batch::MAX_EVENTS {
                    break;
                }
                let events = body::read(&text)?;
                // What follows dropped events may overlap with what came before them.
                if events.first().map(|(place, _)| *place) <= last {
                    break;
                }
                portion.events.extend(events);
                portion.lent.upto = number;
                portion.lent.bytes += text.len() as u64;
            }
        }
    }
    Ok(portion)
}

const REMOVE: &str = "
    DELETE FROM batch WHERE number <= ?1 RETURNING source, last, events, length(CAST(body AS BLOB))";

pub(super) fn remove(connection: &Connection, upto: i64) -> Result<Vec<Taken>, Fault> {
    let mut statement = connection.prepare_cached(REMOVE)?;
    let mut rows = statement.query([upto])?;
    let mut removed = Vec::new();
    while let Some(row) = rows.next()? {
        removed.push(taken(row)?);
    }
    Ok(removed)
}

fn taken(row: &rusqlite::Row<'_>) -> Result<Taken, Fault> {
    Ok(Taken {
        source: source_of(row, 0)?,
        last: position(row.get(1)?)?,
        events: row.get(2)?,
        bytes: row.get(3)?,
    })
}

const REJECT: &str = "
    INSERT INTO rejected (number, source, after, last, arrived, events, body, reason)
    SELECT number, source, after, last, arrived, events, body, ?2 FROM batch WHERE number <= ?1";

pub(super) fn reject(connection: &Connection, upto: i64, reason: &str) -> Result<Vec<Taken>, Fault> {
    connection.prepare_cached(REJECT)?.execute((upto, reason))?;
    remove(connection, upto)
}

const DROP: &str = "
    DELETE FROM batch WHERE number = (SELECT min(number) FROM batch WHERE number > ?1)
    RETURNING source, last, events, length(CAST(body AS BLOB)), number";

/// What comes after the dropped events of a source may be written all the same.
const BRIDGE: &str = "
    UPDATE batch SET after = NULL
    WHERE number = (SELECT min(number) FROM batch WHERE source = ?1 AND number > ?2)";

/// Gives the oldest batch up that was not lent; none if there is no such batch.
pub(super) fn drop_oldest(connection: &Connection, lent: i64) -> Result<Option<Taken>, Fault> {
    let mut statement = connection.prepare_cached(DROP)?;
    let mut rows = statement.query([lent])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let (dropped, number) = (taken(row)?, row.get::<_, i64>(4)?);
    drop(rows);
    let source = dropped.source.as_str();
    if connection.prepare_cached(BRIDGE)?.execute((source, number))? == 0 {
        connection.prepare_cached("INSERT OR IGNORE INTO gap (source) VALUES (?1)")?.execute([source])?;
    }
    connection.prepare_cached("UPDATE journal SET dropped = dropped + ?1")?.execute([dropped.events])?;
    Ok(Some(dropped))
}

/// Whether a source's last events were dropped, which is then forgotten.
pub(super) fn forget_gap(connection: &Connection, source: &Source) -> Result<bool, Fault> {
    Ok(connection.prepare_cached("DELETE FROM gap WHERE source = ?1")?.execute([source.as_str()])? > 0)
}

/// Forgets the gaps, and gives room back.
pub(super) fn settle(connection: &Connection) -> Result<(), Fault> {
    connection.execute("DELETE FROM gap", [])?;
    // Each step gives one page back.
    let mut statement = connection.prepare_cached("PRAGMA incremental_vacuum")?;
    let mut pages = statement.query([])?;
    while pages.next()?.is_some() {}
    Ok(())
}

pub(super) fn database(connection: &Connection) -> Result<Option<String>, Fault> {
    Ok(connection.query_row("SELECT database_id FROM journal", [], |row| row.get(0))?)
}

pub(super) fn bind(connection: &Connection, database: &str) -> Result<(), Fault> {
    connection.execute("UPDATE journal SET database_id = ?1", [database])?;
    Ok(())
}

pub(super) fn note(connection: &Connection, away: Option<(Timestamp, &str)>) -> Result<(), Fault> {
    let (since, error) = away.map(|(since, error)| (since.seconds(), error)).unzip();
    let changed = "UPDATE journal SET away_since = ?1, error = ?2 WHERE error IS NOT ?2";
    connection.execute(changed, (since, error))?;
    Ok(())
}

pub(super) fn noted(connection: &Connection) -> Result<Option<(Timestamp, String)>, Fault> {
    let noted: (Option<i64>, Option<String>) =
        connection
            .query_row("SELECT away_since, error FROM journal", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(noted.0.and_then(|at| Timestamp::new(at).ok()).zip(noted.1))
}

fn source_of(row: &rusqlite::Row<'_>, column: usize) -> Result<Source, Fault> {
    let text: String = row.get(column)?;
    Source::new(text).map_err(|invalid| Fault::Damaged(format!("holds a source that {}", invalid.reason)))
}
