//! Who did what.

use async_trait::async_trait;
use botstore_core::model::{
    ActionDetails, ActionFilter, ActionKind, Limit, RowId, RowKey, Timestamp, UserAction, Username,
};
use botstore_core::{Audit, Result};
use tokio_postgres::Row;

use crate::bind::Bind;
use crate::client::{Intent, Params};
use crate::open::PostgresStore;
use crate::row::Columns;
#[cfg(test)]
use crate::testing::Access;

/// The list of the entries that meet `$condition`.
macro_rules! actions {
    ($condition:literal, $order:literal) => {
        concat!(
            "SELECT id, timestamp, username, action_type, details FROM user_actions WHERE ",
            $condition,
            " ORDER BY ",
            $order,
            " LIMIT $4"
        )
    };
}

const ACTIONS: &str = actions!("timestamp >= $1 AND (timestamp, id) < ($2, $3)", "timestamp DESC, id DESC");

/// Written as a range, and not as an equality, the condition can be met by no other index, which would pass over what
/// is not meant.
const ACTIONS_OF_USER: &str = actions!(
    "(username, timestamp) >= ($5, $1) AND (username, timestamp, id) < ($5, $2, $3)",
    "username DESC, timestamp DESC, id DESC"
);

const ACTIONS_OF_KIND: &str = actions!(
    "(action_type, timestamp) >= ($5, $1) AND (action_type, timestamp, id) < ($5, $2, $3)",
    "action_type DESC, timestamp DESC, id DESC"
);

const ACTIONS_OF_USER_AND_KIND: &str = actions!(
    "username = $5 AND action_type = $6 AND timestamp >= $1 AND (timestamp, id) < ($2, $3)",
    "timestamp DESC, id DESC"
);

#[async_trait]
impl Audit for PostgresStore {
    async fn user_actions(
        &self,
        filter: &ActionFilter,
        before: RowKey,
        limit: Limit,
    ) -> Result<Vec<UserAction>> {
        // One upper bound, so that each page begins by a search in the index.
        let until = |at| RowKey { at, id: RowId::new(i64::MIN) };
        let before = filter.until.map_or(before, |at| before.min(until(at)));
        let from = filter.from.unwrap_or(Timestamp::MIN).seconds();
        let (at, id, limit) = (before.at.seconds(), before.id.get(), limit.get());
        let range: Params<'_> = &[&from, &at, &id, &limit];
        let (sql, equal): (_, Vec<&str>) = match (&filter.username, &filter.action) {
            (None, None) => (ACTIONS, vec![]),
            (Some(user), None) => (ACTIONS_OF_USER, vec![user.as_str()]),
            (None, Some(kind)) => (ACTIONS_OF_KIND, vec![kind.as_str()]),
            (Some(user), Some(kind)) => (ACTIONS_OF_USER_AND_KIND, vec![user.as_str(), kind.as_str()]),
        };
        let equal = equal.iter().map(|text| text as &dyn Bind);
        let params: Vec<_> = range.iter().copied().chain(equal).collect();
        self.rows("user_actions", Intent::Read, sql, &params).await?.iter().map(action).collect()
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

/// How the statements find their rows.
#[cfg(test)]
pub(crate) const PLANS: &[(&str, Access)] = &[
    (ACTIONS, Access::Index),
    (ACTIONS_OF_USER, Access::Index),
    (ACTIONS_OF_KIND, Access::Index),
    (ACTIONS_OF_USER_AND_KIND, Access::Index),
];
