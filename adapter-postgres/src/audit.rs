//! Who did what.

use async_trait::async_trait;
use botstore_core::model::{ActionDetails, ActionFilter, ActionKind, Limit, RowKey, UserAction, Username};
use botstore_core::{Audit, Result};
use tokio_postgres::Row;

use crate::client::Intent;
use crate::open::PostgresStore;
use crate::row::Columns;
use crate::statement::Statement;

/// A statement for just the conditions that are set: one that has all of them, each disabled by a null, would have one
/// plan for all, and that plan could use no index.
fn user_actions<'a>(filter: &'a ActionFilter, before: RowKey, limit: Limit) -> Statement<'a> {
    let mut statement = Statement::default();
    let (at, id) = (statement.bind(before.at.seconds()), statement.bind(before.id.get()));
    statement.push(&format!(
        "SELECT id, timestamp, username, action_type, details FROM user_actions WHERE (timestamp, id) < ({at}, {id})"
    ));
    if let Some(username) = &filter.username {
        let username = statement.bind(username.as_str());
        statement.push(&format!(" AND username = {username}"));
    }
    if let Some(action) = &filter.action {
        let action = statement.bind(action.as_str());
        statement.push(&format!(" AND action_type = {action}"));
    }
    if let Some(from) = filter.from {
        let from = statement.bind(from.seconds());
        statement.push(&format!(" AND timestamp >= {from}"));
    }
    if let Some(until) = filter.until {
        let until = statement.bind(until.seconds());
        statement.push(&format!(" AND timestamp < {until}"));
    }
    let limit = statement.bind(limit.get());
    statement.push(&format!(" ORDER BY timestamp DESC, id DESC LIMIT {limit}"));
    statement
}

#[async_trait]
impl Audit for PostgresStore {
    async fn user_actions(
        &self,
        filter: &ActionFilter,
        before: RowKey,
        limit: Limit,
    ) -> Result<Vec<UserAction>> {
        let statement = user_actions(filter, before, limit);
        let rows = self.run("user_actions", Intent::Read, &statement).await?;
        rows.iter().map(action).collect()
    }
}

fn action(row: &Row) -> Result<UserAction> {
    Ok(UserAction {
        id: row.id("id")?,
        at: row.moment("timestamp")?,
        username: row.value("username", |name: &str| Username::new(name))?,
        action: row.value("action_type", |kind: &str| ActionKind::new(kind))?,
        details: row.maybe("details", |details: &str| ActionDetails::new(details))?,
    })
}
