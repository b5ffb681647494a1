//! `audit`: who did what.

use botstore::Audit;
use botstore::model::{ActionDetails, ActionFilter, RowKey, UserAction};
use serde::Serialize;

use crate::cli::AuditArgs;
use crate::exit::Exit;
use crate::format::{NONE, time, visible};
use crate::output::{Output, table};

#[derive(Debug, Serialize)]
pub(super) struct ActionJson<'a> {
    id: i64,
    at: i64,
    username: &'a str,
    action: &'a str,
    details: Option<&'a str>,
}

impl<'a> From<&'a UserAction> for ActionJson<'a> {
    fn from(action: &'a UserAction) -> Self {
        Self {
            id: action.id.get(),
            at: action.at.seconds(),
            username: action.username.as_str(),
            action: action.action.as_str(),
            details: action.details.as_ref().map(ActionDetails::as_str),
        }
    }
}

pub(super) async fn run(store: &dyn Audit, args: &AuditArgs, output: Output) -> anyhow::Result<Exit> {
    let filter = ActionFilter {
        username: args.user.clone(),
        action: args.action.clone(),
        from: args.since,
        until: args.until,
    };
    let mut actions = store.user_actions(&filter, RowKey::END, args.limit).await?;
    // As with `recent`, the newest stand at the end, where people look.
    actions.reverse();
    let json: Vec<_> = actions.iter().map(ActionJson::from).collect();
    output.print(&json, || {
        let rows = actions.iter().map(|action| {
            vec![
                time(action.at),
                visible(action.username.as_str()),
                visible(action.action.as_str()),
                action.details.as_ref().map_or_else(|| NONE.to_owned(), |text| visible(text.as_str())),
            ]
        });
        table(&["time", "user", "action", "details"], &[], rows)
    })?;
    Ok(Exit::Done)
}
