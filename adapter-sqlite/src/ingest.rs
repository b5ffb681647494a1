use async_trait::async_trait;
use botstore_core::fold::{Effect, fold};
use botstore_core::model::{Batch, Position, Recorded, Resume, Source};
use botstore_core::{Ingest, Result};
use rusqlite::{Connection, params};

use crate::error::Fault;
use crate::row::{change, row};
use crate::{SqliteStore, audit, channel, chat, status, users};

#[async_trait]
impl Ingest for SqliteStore {
    async fn record(&self, batch: &Batch) -> Result<Recorded> {
        let batch = batch.clone();
        if batch.cursor().is_none() {
            let events = batch.events().len();
            self.record_together(batch).await?;
            return Ok(Recorded::new(events, 0));
        }
        self.write("record", move |connection| record(connection, &batch)).await
    }

    async fn position(&self, source: &Source) -> Result<Option<Position>> {
        let source = source.clone();
        self.read("position", move |connection| position(connection, &source)).await
    }
}

fn record(connection: &Connection, batch: &Batch) -> Result<Recorded, Fault> {
    let events = batch.events();
    let stored = batch.cursor().map(|cursor| position(connection, cursor.source())).transpose()?.flatten();
    let seen = match batch.resume(stored) {
        Resume::From(seen) => seen,
        Resume::Done => return Ok(Recorded::new(0, events.len())),
        Resume::Gap => return Err(Fault::conflict(batch.gap(stored))),
    };
    write_down(connection, &fold(&events[seen..]))?;
    if let Some(cursor) = batch.cursor() {
        advance(connection, cursor.source(), cursor.last())?;
    }
    Ok(Recorded::new(events.len() - seen, seen))
}

pub(crate) fn write_down(connection: &Connection, effect: &Effect<'_>) -> Result<(), Fault> {
    users::change_users(connection, &effect.users)?;
    chat::keep_lines(connection, &effect.lines)?;
    audit::keep_actions(connection, &effect.actions)?;
    if let Some(samples) = &effect.samples {
        channel::keep_samples(connection, samples)?;
    }
    if let Some((at, patch)) = &effect.status {
        status::change_status(connection, *at, patch)?;
    }
    Ok(())
}

const POSITION: &str = "SELECT position FROM source_positions WHERE source = ?1";

fn position(connection: &Connection, source: &Source) -> Result<Option<Position>, Fault> {
    row(connection, "source_positions", POSITION, [source.as_str()], |row| row.get(0))
}

const ADVANCE: &str = "INSERT INTO source_positions (source, position) VALUES (?1, ?2) \
    ON CONFLICT (source) DO UPDATE SET position = excluded.position";

fn advance(connection: &Connection, source: &Source, position: Position) -> Result<(), Fault> {
    change(connection, ADVANCE, params![source.as_str(), position.get()]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::assert_indexed;

    #[test]
    fn statements_use_their_indexes() {
        assert_indexed(&[POSITION, ADVANCE]);
    }
}
