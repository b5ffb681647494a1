//! Events in.

use async_trait::async_trait;
use botstore_core::fold::fold;
use botstore_core::model::{Batch, Position, Recorded, Resume, Source};
use botstore_core::{Ingest, Result, StoreError};

use crate::client::Intent;
use crate::open::PostgresStore;
use crate::record::Move;
use crate::row::Columns;
use crate::statement::Statement;

/// How often a batch looks again where its source stands, when somebody else keeps moving it.
const ATTEMPTS: usize = 10;

const POSITION: &str = "SELECT position FROM source_positions WHERE source = $1";

#[async_trait]
impl Ingest for PostgresStore {
    async fn record(&self, batch: &Batch) -> Result<Recorded> {
        let events = batch.events();
        let Some(cursor) = batch.cursor() else {
            let call = self.enter("record").await?;
            self.group.record(batch, call).await?;
            return Ok(Recorded::new(events.len(), 0));
        };
        // The source most likely stands where the batch begins. Only if it does not is it asked where it stands.
        let (mut first, mut stored) = (0, cursor.after());
        for _ in 0..ATTEMPTS {
            let step = Move { source: cursor.source(), from: stored, to: cursor.last() };
            let statement = Statement::record(&fold(&events[first..]), Some(step));
            let rows = self.run("record", Intent::Write, &statement).await?;
            if rows.iter().any(|row| row.get::<_, i64>("moved") == 1) {
                return Ok(Recorded::new(events.len() - first, first));
            }
            let position = self.position(cursor.source()).await?;
            match batch.resume(position) {
                Resume::Done => return Ok(Recorded::new(0, events.len())),
                Resume::Gap => return Err(StoreError::conflict("record", batch.gap(position))),
                Resume::From(seen) => (first, stored) = (seen, position.unwrap_or(Position::START)),
            }
        }
        Err(StoreError::conflict(
            "record",
            "others keep moving the source; one of them at a time may record it",
        ))
    }

    async fn position(&self, source: &Source) -> Result<Option<Position>> {
        let row = self.row_if_any("position", Intent::Read, POSITION, &[&source.as_str()]).await?;
        row.map(|row| row.value("position", Position::new)).transpose()
    }
}
