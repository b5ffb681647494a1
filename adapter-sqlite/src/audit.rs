use async_trait::async_trait;
use botstore_core::fold::KeptAction;
use botstore_core::model::{
    ActionDetails, ActionFilter, ActionKind, Limit, RowId, RowKey, Timestamp, UserAction,
};
use botstore_core::{Audit, Result};
use rusqlite::{Connection, params};

use crate::SqliteStore;
use crate::error::Fault;
use crate::row::rows;

#[async_trait]
impl Audit for SqliteStore {
    async fn user_actions(
        &self,
        filter: &ActionFilter,
        before: RowKey,
        limit: Limit,
    ) -> Result<Vec<UserAction>> {
        let filter = filter.clone();
        self.read("user_actions", move |connection| user_actions(connection, &filter, before, limit)).await
    }
}

const KEEP_ACTION: &str =
    "INSERT INTO user_actions (timestamp, username, action_type, details) VALUES (?1, ?2, ?3, ?4)";

pub(crate) fn keep_actions(connection: &Connection, actions: &[KeptAction<'_>]) -> Result<(), Fault> {
    let mut statement = connection.prepare_cached(KEEP_ACTION)?;
    for KeptAction { at, username, action, details } in actions {
        let details = details.map(ActionDetails::as_str);
        statement.execute(params![at.seconds(), username.as_str(), action.as_str(), details])?;
    }
    Ok(())
}

/// The list for one choice of conditions. All have the same parameters, and each an index that finds its rows in order.
macro_rules! actions {
    ($conditions:literal) => {
        actions!("user_actions", $conditions)
    };
    ($table:literal, $conditions:literal) => {
        concat!(
            "SELECT id, timestamp, username, action_type, details FROM ",
            $table,
            " WHERE ",
            $conditions,
            " AND timestamp >= ?3 AND (timestamp, id) < (?4, ?5) ORDER BY timestamp DESC, id DESC LIMIT ?6"
        )
    };
}

const ACTIONS: &str = actions!("?1 IS NULL AND ?2 IS NULL");
const ACTIONS_OF_USER: &str = actions!("username = ?1 AND ?2 IS NULL");
const ACTIONS_OF_KIND: &str = actions!("?1 IS NULL AND action_type = ?2");
/// The planner, left to itself, takes any of three indexes for this.
const ACTIONS_OF_USER_AND_KIND: &str =
    actions!("user_actions INDEXED BY user_actions_by_user_and_type", "username = ?1 AND action_type = ?2");

fn user_actions(
    connection: &Connection,
    filter: &ActionFilter,
    before: RowKey,
    limit: Limit,
) -> Result<Vec<UserAction>, Fault> {
    let sql = match (&filter.username, &filter.action) {
        (None, None) => ACTIONS,
        (Some(_), None) => ACTIONS_OF_USER,
        (None, Some(_)) => ACTIONS_OF_KIND,
        (Some(_), Some(_)) => ACTIONS_OF_USER_AND_KIND,
    };
    // One upper bound, so that each page begins by a search in the index.
    let until = |at| RowKey { at, id: RowId::new(i64::MIN) };
    let before = filter.until.map_or(before, |at| before.min(until(at)));
    let values = params![
        filter.username.as_ref().map(AsRef::as_ref),
        filter.action.as_ref().map(ActionKind::as_str),
        filter.from.unwrap_or(Timestamp::MIN).seconds(),
        before.at.seconds(),
        before.id.get(),
        limit.get(),
    ];
    rows(connection, "user_actions", sql, values, |row| {
        Ok(UserAction {
            id: row.get(0)?,
            at: row.get(1)?,
            username: row.get(2)?,
            action: row.get(3)?,
            details: row.get(4)?,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_brief, assert_indexed};

    #[test]
    fn a_list_passes_over_no_entry_that_is_not_meant() {
        let (none, user, kind) = (None::<&str>, Some("user0"), Some("ban"));
        let (from, until) = (0, i64::MAX);
        for (sql, user, kind, limit) in [
            (ACTIONS, none, none, 10),
            (ACTIONS_OF_USER, user, none, 10),
            (ACTIONS_OF_KIND, none, kind, 10),
            (ACTIONS_OF_USER_AND_KIND, user, kind, 10),
            (ACTIONS_OF_USER_AND_KIND, Some("user1"), kind, 10),
        ] {
            assert_brief(sql, params![user, kind, from, until, 0, limit]);
        }
    }

    #[test]
    fn statements_use_their_indexes() {
        assert_indexed(&[KEEP_ACTION, ACTIONS, ACTIONS_OF_USER, ACTIONS_OF_KIND, ACTIONS_OF_USER_AND_KIND]);
    }
}
