//! `history`: how many users were there, and when.

use std::collections::VecDeque;

use botstore::Channel;
use botstore::model::{CountSample, Limit, RowKey};
use serde::Serialize;

use crate::cli::HistoryArgs;
use crate::exit::Exit;
use crate::format::{count, time};
use crate::output::{Output, table};

#[derive(Debug, Serialize)]
struct SampleJson {
    timestamp: i64,
    chat: i64,
    connected: i64,
}

pub(super) async fn run(store: &dyn Channel, args: &HistoryArgs, output: Output) -> anyhow::Result<Exit> {
    let after = args.since.map_or(RowKey::START, RowKey::since);
    let samples = newest(store, after, args.limit).await?;
    let json: Vec<_> = samples
        .iter()
        .map(|sample| SampleJson {
            timestamp: sample.at.seconds(),
            chat: sample.counts.chat().get(),
            connected: sample.counts.connected().get(),
        })
        .collect();
    output.print(&json, || {
        let rows = samples.iter().map(|sample| {
            vec![time(sample.at), count(sample.counts.chat()), count(sample.counts.connected())]
        });
        table(&["time", "in chat", "connected"], &[1, 2], rows)
    })?;
    Ok(Exit::Done)
}

/// The newest samples that follow `after`, oldest of them first. The store lists them from the oldest on.
async fn newest(
    store: &dyn Channel,
    mut after: RowKey,
    limit: Limit,
) -> anyhow::Result<VecDeque<CountSample>> {
    let keep = usize::try_from(limit.get())?;
    let mut newest = VecDeque::new();
    loop {
        let page = store.count_samples_after(after, Limit::MAX).await?;
        let Some(last) = page.last() else { return Ok(newest) };
        after = last.key();
        newest.extend(page);
        newest.drain(..newest.len().saturating_sub(keep));
    }
}
