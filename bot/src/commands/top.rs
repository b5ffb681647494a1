//! `top`: who said most.

use botstore::Users;
use serde::Serialize;

use crate::cli::TopArgs;
use crate::exit::Exit;
use crate::format::{count, number, visible};
use crate::output::{Output, table};

#[derive(Debug, Serialize)]
struct ChatterJson<'a> {
    username: &'a str,
    total_chat_lines: i64,
}

pub(super) async fn run(store: &dyn Users, args: &TopArgs, output: Output) -> anyhow::Result<Exit> {
    let chatters = store.top_chatters(args.limit).await?;
    let json: Vec<_> = chatters
        .iter()
        .map(|chatter| ChatterJson {
            username: chatter.username.as_str(),
            total_chat_lines: chatter.total_chat_lines.get(),
        })
        .collect();
    output.print(&json, || {
        let rows = chatters.iter().zip(1_u32..).map(|(chatter, rank)| {
            vec![number(rank), visible(chatter.username.as_str()), count(chatter.total_chat_lines)]
        });
        table(&["#", "user", "lines"], &[0, 2], rows)
    })?;
    Ok(Exit::Done)
}
