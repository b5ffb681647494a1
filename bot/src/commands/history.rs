//! `history`: how many users were there, and when.

mod chart;
mod labels;
mod list;
mod picture;
mod reduction;
mod shape;
mod text;
mod ticks;

use std::collections::VecDeque;
use std::path::Path;

use anyhow::bail;
use botstore::model::{CountSample, Limit, Peak, RowKey};
use botstore::{Channel, Config};
use serde::Serialize;

use self::chart::subtitle;
use self::reduction::{History, Reduction};
use crate::cli::{HistoryArgs, is_standard_output};
use crate::database;
use crate::exit::Exit;
use crate::file::{Kind, write_whole};
use crate::format::visible;
use crate::output::{Output, print_bytes};
use crate::terminal::Terminal;

pub(super) async fn run(
    store: &dyn Channel,
    config: &Config,
    args: &HistoryArgs,
    output: Output,
) -> anyhow::Result<Exit> {
    let terminal = Terminal::stdout();
    if args.draws_files() {
        for file in args.files() {
            database::refuse_own(config, file)?;
        }
        draw_files(&history(store, args).await?, args, output)?;
    } else if args.chart || (terminal.size.is_some() && !args.table && !output.is_json()) {
        let history = history(store, args).await?;
        output.print(&(), || match &history {
            Some(history) => text::draw(history, terminal),
            None => "There are no samples".to_owned(),
        })?;
    } else {
        list::print(store, args, output).await?;
    }
    Ok(Exit::Done)
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
    let Some(history) = history else { bail!("there are no samples to draw") };
    let svg = picture::svg(history, args.size.unwrap_or_default())?;
    if let Some(place) = &args.svg {
        put(place, Kind::Svg, svg.as_bytes())?;
    }
    if let Some(place) = &args.png {
        put(place, Kind::Png, &picture::png(&svg)?)?;
    }
    let files: Vec<&Path> = args.files().collect();
    let names: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
    let (drew, into) = (subtitle(history), visible(&names.join(" and ")));
    if args.draws_on_standard_output() {
        // What is said must not stand in the picture.
        output.note(&format!("Drew {drew}"));
        return Ok(());
    }
    let json = DrawnJson {
        files,
        samples: history.samples,
        from: history.from,
        to: history.to,
        peak_chat: history.peak_chat.map(PeakJson::from),
        peak_connected: history.peak_connected.map(PeakJson::from),
    };
    output.print(&json, || format!("Drew {drew} into {into}"))
}

/// Writes a picture where it is wanted.
fn put(place: &Path, kind: Kind, picture: &[u8]) -> anyhow::Result<()> {
    if is_standard_output(place) { print_bytes(picture) } else { write_whole(place, kind, picture) }
}

/// What the samples that are asked for come to; none if there are none.
async fn history(store: &dyn Channel, args: &HistoryArgs) -> anyhow::Result<Option<History>> {
    let mut reduction = Reduction::new();
    match args.limit {
        Some(limit) => {
            let samples = newest(store, args, usize::try_from(limit.get())?).await?;
            samples.iter().for_each(|sample| reduction.add(sample));
        }
        None => {
            each_page(store, args, |page| {
                page.iter().for_each(|sample| reduction.add(sample));
                Ok(true)
            })
            .await?;
        }
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
        Ok(true)
    })
    .await?;
    Ok(newest)
}

/// Reads the samples that are asked for page by page, from the oldest on, as long as `take` wants more.
async fn each_page(
    store: &dyn Channel,
    args: &HistoryArgs,
    mut take: impl FnMut(&[CountSample]) -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let mut after = args.since.map_or(RowKey::START, RowKey::before);
    loop {
        let page = store.count_samples_after(after, Limit::MAX).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.key();
        let wanted = args.until.map_or(page.len(), |until| page.partition_point(|sample| sample.at < until));
        if !take(&page[..wanted])? || wanted < page.len() {
            return Ok(());
        }
    }
}
