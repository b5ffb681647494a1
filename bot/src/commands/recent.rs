//! `recent`: what was said last.

use botstore::Chat;
use serde::Serialize;

use crate::cli::RecentArgs;
use crate::exit::Exit;
use crate::format::{time, visible};
use crate::output::{Output, table};

#[derive(Debug, Serialize)]
struct LineJson<'a> {
    timestamp: i64,
    username: &'a str,
    message: &'a str,
}

pub(super) async fn run(store: &dyn Chat, args: &RecentArgs, output: Output) -> anyhow::Result<Exit> {
    let lines = store.recent_chat(args.limit).await?;
    let json: Vec<_> = lines
        .iter()
        .map(|line| LineJson {
            timestamp: line.at.seconds(),
            username: line.username.as_str(),
            message: line.message.as_str(),
        })
        .collect();
    output.print(&json, || {
        let rows = lines
            .iter()
            .map(|line| vec![time(line.at), visible(line.username.as_str()), visible(line.message.as_str())]);
        table(&["time", "user", "message"], &[], rows)
    })?;
    Ok(Exit::Done)
}
