//! The samples one by one, in a table or in JSON.

use std::fmt::Write as _;

use anstyle::Style;
use botstore::Channel;
use botstore::model::{CountSample, Peak};
use serde::Serialize;

use super::{each_page, history, newest};
use crate::cli::HistoryArgs;
use crate::format::{count, time};
use crate::output::{Output, Stream, table};
use crate::terminal::Terminal;

/// How many samples there are if nobody says which.
const USUAL_LIMIT: usize = 50;

/// The length of a moment such as `2024-06-01T18:00:00Z`.
const MOMENT: usize = 20;

const TITLES: [&str; 3] = ["time", "in chat", "connected"];

#[derive(Debug, Serialize)]
struct SampleJson {
    timestamp: i64,
    chat: i64,
    connected: i64,
}

impl From<&CountSample> for SampleJson {
    fn from(sample: &CountSample) -> Self {
        Self {
            timestamp: sample.at.seconds(),
            chat: sample.counts.chat().get(),
            connected: sample.counts.connected().get(),
        }
    }
}

/// Prints so many samples as the arguments say. Of a span of time it is all of them, of everything it is the newest.
pub(super) async fn print(store: &dyn Channel, args: &HistoryArgs, output: Output) -> anyhow::Result<()> {
    let is_span = args.since.is_some() || args.until.is_some();
    match args.limit {
        None if is_span => print_all(store, args, output).await,
        None => {
            print_newest(store, args, USUAL_LIMIT, output).await?;
            let all = store.count_sample_count().await?;
            if all.get() > USUAL_LIMIT as i64 {
                output.note(&format!(
                    "These are the newest {USUAL_LIMIT} of {} samples; -n or --since shows others.",
                    count(all)
                ));
            }
            Ok(())
        }
        Some(limit) => print_newest(store, args, usize::try_from(limit.get())?, output).await,
    }
}

async fn print_newest(
    store: &dyn Channel,
    args: &HistoryArgs,
    limit: usize,
    output: Output,
) -> anyhow::Result<()> {
    let samples = newest(store, args, limit).await?;
    let json: Vec<_> = samples.iter().map(SampleJson::from).collect();
    output.print(&json, || table(&TITLES, &[1, 2], samples.iter().map(|sample| cells(sample).to_vec())))
}

/// Prints page by page, for there may be any number of samples.
async fn print_all(store: &dyn Channel, args: &HistoryArgs, output: Output) -> anyhow::Result<()> {
    let mut out = Stream::new();
    if output.is_json() {
        let mut before = "[";
        each_page(store, args, |page| {
            let mut text = String::new();
            for sample in page {
                let _ = write!(text, "{before}{}", serde_json::to_string(&SampleJson::from(sample))?);
                before = ",";
            }
            out.write(&text)
        })
        .await?;
        out.write(if before == "[" { "[]\n" } else { "]\n" })?;
    } else {
        let lines = Lines::of(store, args).await?;
        out.write(&lines.heading())?;
        each_page(store, args, |page| {
            let line = |sample| {
                let [time, chat, connected] = cells(sample);
                lines.line(&time, &chat, &connected)
            };
            out.write(&page.iter().map(line).collect::<String>())
        })
        .await?;
    }
    out.finish()
}

fn cells(sample: &CountSample) -> [String; 3] {
    [time(sample.at), count(sample.counts.chat()), count(sample.counts.connected())]
}

/// The lines of a table whose rows are never there all at once. They look as those of [`table`].
struct Lines {
    chat: usize,
    connected: usize,
}

impl Lines {
    /// Looks how wide the greatest counts are.
    async fn of(store: &dyn Channel, args: &HistoryArgs) -> anyhow::Result<Self> {
        let history = history(store, args).await?;
        let peaks = history.map_or([None; 2], |history| [history.peak_chat, history.peak_connected]);
        let [_, chat, connected] = TITLES.map(str::len);
        let wide = |peak: Option<Peak>| peak.map_or(0, |peak| count(peak.count).len());
        Ok(Self { chat: chat.max(wide(peaks[0])), connected: connected.max(wide(peaks[1])) })
    }

    fn line(&self, time: &str, chat: &str, connected: &str) -> String {
        let Self { chat: second, connected: third } = *self;
        format!("{time:MOMENT$}  {chat:>second$}  {connected:>third$}\n")
    }

    fn heading(&self) -> String {
        let [time, chat, connected] = TITLES;
        let line = self.line(time, chat, connected);
        format!("{}\n", Terminal::stdout().paint(Style::new().bold(), line.trim_end()))
    }
}
