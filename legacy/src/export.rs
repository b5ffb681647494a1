//! The valid rows, as a store would give them.

use async_trait::async_trait;
use botstore_core::model::Count;
use botstore_core::transfer::{Identities, Key, KeyPart, Page, Row, Table, Work};
use botstore_core::{ErrorKind, Export, Result, StoreError};

use crate::source::{Bound, Found};
use crate::value::Value;
use crate::{Checked, OPERATION, convert};

#[async_trait]
impl Export for Checked {
    async fn export_rows(&self, table: Table, after: Option<&Key>) -> Result<Page> {
        let rows = match self.found(table) {
            Some(found) => self.rows(found, after).await?,
            None => Vec::new(),
        };
        // A store always has that one row.
        let rows =
            if rows.is_empty() && after.is_none() { table.initial().into_iter().collect() } else { rows };
        Page::new(table, rows).map_err(|invalid| {
            let detail = format!("{}: the rows of {table} {}", self.source.name(), invalid.reason);
            StoreError::new(ErrorKind::Corrupt, OPERATION, detail)
        })
    }

    async fn row_count(&self, table: Table) -> Result<Count> {
        let tally = self.tallies().iter().find(|tally| tally.table == table);
        let valid = tally.map_or(0, |tally| tally.valid).max(u64::from(table.is_single()));
        Ok(Count::new("rows", i64::try_from(valid).unwrap_or(i64::MAX))?)
    }

    async fn identities(&self) -> Result<Identities> {
        Ok(Identities {
            user_actions: self.greatest(Table::UserActions).await?,
            user_count_history: self.greatest(Table::UserCountHistory).await?,
            recent_chat: self.greatest(Table::RecentChat).await?,
            outbound_messages: self.greatest(Table::OutboundMessages).await?,
            api_tokens: self.greatest(Table::ApiTokens).await?,
            plugin_values: 0,
        })
    }

    /// Whoever may not read all was told when it was opened, and nobody writes.
    async fn check_rights(&self, _: Work) -> Result<()> {
        Ok(())
    }
}

impl Checked {
    fn found(&self, table: Table) -> Option<&Found> {
        self.tables.iter().find(|found| found.old.table == table)
    }

    /// The valid rows behind a key.
    async fn rows(&self, found: &Found, after: Option<&Key>) -> Result<Vec<Row>> {
        let limit = usize::try_from(found.old.table.page()).unwrap_or(1);
        let mut after = after.map(behind);
        let mut rows = Vec::new();
        let mut bytes = 0;
        while rows.len() < limit && bytes < Page::BYTES {
            let page = self.source.page(found, after.as_ref(), STEP.min(limit - rows.len())).await?;
            let Some(last) = page.last() else { break };
            after = Some(found.behind(last));
            for raw in &page {
                // What is not valid was reported by the check.
                let row = convert::row(found, raw).ok().filter(|row| self.chosen.is(raw, row));
                bytes += row.as_ref().map_or(0, Row::content_bytes);
                rows.extend(row);
                if bytes >= Page::BYTES {
                    break;
                }
            }
        }
        Ok(rows)
    }

    async fn greatest(&self, table: Table) -> Result<i64> {
        match self.found(table) {
            Some(found) => self.source.greatest_identity(found).await,
            None => Ok(0),
        }
    }
}

/// Rows that are read at once. Nobody knows how long they are before.
const STEP: usize = 100;

/// Behind all rows that have this key.
fn behind(key: &Key) -> Bound {
    let key = match key.parts().first() {
        Some(KeyPart::Text(text)) => Value::Text(text.clone()),
        Some(KeyPart::Int(number)) => Value::Int(*number),
        None => Value::Null,
    };
    Bound { key, place: i64::MAX }
}
