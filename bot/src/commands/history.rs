//! `history`: how many users were there, and when.

mod chart;
mod labels;
mod picture;
mod reduction;
mod shape;
mod text;
mod ticks;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use botstore::Channel;
use botstore::model::{CountSample, Limit, Peak, RowKey};
use serde::Serialize;

use self::chart::subtitle;
use self::reduction::{History, Reduction};
use crate::cli::HistoryArgs;
use crate::exit::Exit;
use crate::file::write_whole;
use crate::format::{count, time, visible};
use crate::output::{Output, table};
use crate::terminal::Terminal;

/// How many samples a table has if nobody says it.
const USUAL_LIMIT: usize = 50;

pub(super) async fn run(store: &dyn Channel, args: &HistoryArgs, output: Output) -> anyhow::Result<Exit> {
    let terminal = Terminal::stdout();
    if args.svg.is_some() || args.png.is_some() {
        draw_files(&history(store, args).await?, args, output)?;
    } else if args.chart || (terminal.size.is_some() && !args.table && !output.is_json()) {
        let history = history(store, args).await?;
        output.print(&(), || match &history {
            Some(history) => text::draw(history, terminal),
            None => "There are no samples".to_owned(),
        })?;
    } else {
        let limit = args.limit.map_or(Ok(USUAL_LIMIT), |limit| usize::try_from(limit.get()))?;
        print_table(&newest(store, args, limit).await?, output)?;
    }
    Ok(Exit::Done)
}

#[derive(Debug, Serialize)]
struct SampleJson {
    timestamp: i64,
    chat: i64,
    connected: i64,
}

fn print_table(samples: &VecDeque<CountSample>, output: Output) -> anyhow::Result<()> {
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
    })
}

#[derive(Debug, Serialize)]
struct DrawnJson<'a> {
    files: Vec<&'a Path>,
    samples: u64,
    from: i64,
    to: i64,
    peak_chat: Option<PeakJson>,
    peak_connected: Option<PeakJson>,
}

#[derive(Debug, Serialize)]
struct PeakJson {
    count: i64,
    at: i64,
}

impl From<Peak> for PeakJson {
    fn from(peak: Peak) -> Self {
        Self { count: peak.count.get(), at: peak.at.seconds() }
    }
}

/// Draws the pictures that are asked for, and tells what they show.
fn draw_files(history: &Option<History>, args: &HistoryArgs, output: Output) -> anyhow::Result<()> {
    let Some(history) = history else { anyhow::bail!("there are no samples to draw") };
    let svg = picture::svg(history, args.size.unwrap_or_default())?;
    if let Some(file) = &args.svg {
        write_whole(file, svg.as_bytes())?;
    }
    if let Some(file) = &args.png {
        write_whole(file, &picture::png(&svg)?)?;
    }
    let files: Vec<&Path> = [&args.svg, &args.png].into_iter().flatten().map(PathBuf::as_path).collect();
    let json = DrawnJson {
        files: files.clone(),
        samples: history.samples,
        from: history.from,
        to: history.to,
        peak_chat: history.peak_chat.map(PeakJson::from),
        peak_connected: history.peak_connected.map(PeakJson::from),
    };
    output.print(&json, || {
        let names: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
        format!("Drew {} into {}", subtitle(history), visible(&names.join(" and ")))
    })
}

/// What the samples that are asked for come to; none if there are none.
async fn history(store: &dyn Channel, args: &HistoryArgs) -> anyhow::Result<Option<History>> {
    let mut reduction = Reduction::new();
    match args.limit {
        Some(limit) => {
            let samples = newest(store, args, usize::try_from(limit.get())?).await?;
            samples.iter().for_each(|sample| reduction.add(sample));
        }
        None => each_page(store, args, |page| page.iter().for_each(|sample| reduction.add(sample))).await?,
    }
    Ok(reduction.finish())
}

/// The newest samples, oldest of them first.
async fn newest(
    store: &dyn Channel,
    args: &HistoryArgs,
    limit: usize,
) -> anyhow::Result<VecDeque<CountSample>> {
    let mut newest = VecDeque::new();
    each_page(store, args, |page| {
        newest.extend(page);
        newest.drain(..newest.len().saturating_sub(limit));
    })
    .await?;
    Ok(newest)
}

/// Reads the samples that are asked for page by page, from the oldest on.
async fn each_page(
    store: &dyn Channel,
    args: &HistoryArgs,
    mut take: impl FnMut(&[CountSample]),
) -> anyhow::Result<()> {
    let mut after = args.since.map_or(RowKey::START, RowKey::since);
    loop {
        let page = store.count_samples_after(after, Limit::MAX).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.key();
        let wanted = args.until.map_or(page.len(), |until| page.partition_point(|sample| sample.at < until));
        take(&page[..wanted]);
        if wanted < page.len() {
            return Ok(());
        }
    }
}
