//! `stats`: what is recorded of the channel, or of one user.

use botstore::model::{Peak, UserStats, UserTotals, Username};
use botstore::url::DatabaseUrl;
use botstore::{BotStore, Users};
use serde::Serialize;

use crate::cli::StatsArgs;
use crate::database::Named;
use crate::exit::Exit;
use crate::format::{count, maybe_time, span, time, visible, wrapped};
use crate::output::Output;
use crate::terminal::Terminal;

pub(super) async fn run(
    store: &dyn BotStore,
    url: &DatabaseUrl,
    args: &StatsArgs,
    output: Output,
) -> anyhow::Result<Exit> {
    match &args.username {
        Some(username) => of_user(store, username, output).await,
        None => of_channel(store, url, output).await,
    }
}

#[derive(Debug, Serialize)]
struct ChannelJson {
    users: i64,
    chat_lines: i64,
    connected_seconds: i64,
    open_sessions: i64,
    messages_kept: i64,
    count_samples: i64,
    peak_chat: PeakJson,
    peak_connected: PeakJson,
}

#[derive(Debug, Serialize)]
struct PeakJson {
    count: i64,
    at: Option<i64>,
}

impl From<Option<Peak>> for PeakJson {
    fn from(peak: Option<Peak>) -> Self {
        match peak {
            Some(Peak { count, at }) => Self { count: count.get(), at: Some(at.seconds()) },
            None => Self { count: 0, at: None },
        }
    }
}

async fn of_channel(store: &dyn BotStore, url: &DatabaseUrl, output: Output) -> anyhow::Result<Exit> {
    let UserTotals { users, chat_lines, connected_seconds, open_sessions } = store.user_totals().await?;
    let kept = store.chat_count().await?;
    let samples = store.count_sample_count().await?;
    let channel = store.channel_stats().await?;
    let json = ChannelJson {
        users: users.get(),
        chat_lines: chat_lines.get(),
        connected_seconds: connected_seconds.get(),
        open_sessions: open_sessions.get(),
        messages_kept: kept.get(),
        count_samples: samples.get(),
        peak_chat: channel.peak_chat.into(),
        peak_connected: channel.peak_connected.into(),
    };
    output.print(&json, || {
        let title = wrapped(&visible(&Named(url).to_string()), Terminal::stdout().width(), 0);
        let facts = facts(&[
            ("users", count(users)),
            ("chat lines", count(chat_lines)),
            ("time connected", span(connected_seconds)),
            ("open sessions", count(open_sessions)),
            ("messages kept", count(kept)),
            ("count samples", count(samples)),
            ("most in chat", peak(channel.peak_chat)),
            ("most connected", peak(channel.peak_connected)),
        ]);
        format!("{title}\n{facts}")
    })?;
    Ok(Exit::Done)
}

fn peak(peak: Option<Peak>) -> String {
    peak.map_or_else(|| "none yet".to_owned(), |peak| format!("{} at {}", count(peak.count), time(peak.at)))
}

#[derive(Debug, Serialize)]
pub(super) struct UserJson<'a> {
    username: &'a str,
    first_seen: i64,
    last_seen: i64,
    total_chat_lines: i64,
    total_time_connected: i64,
    current_session_start: Option<i64>,
}

impl<'a> From<&'a UserStats> for UserJson<'a> {
    fn from(user: &'a UserStats) -> Self {
        Self {
            username: user.username.as_str(),
            first_seen: user.first_seen.seconds(),
            last_seen: user.last_seen.seconds(),
            total_chat_lines: user.total_chat_lines.get(),
            total_time_connected: user.total_time_connected.get(),
            current_session_start: user.current_session_start.map(|start| start.seconds()),
        }
    }
}

async fn of_user(store: &dyn Users, username: &Username, output: Output) -> anyhow::Result<Exit> {
    let Some(user) = store.user_stats(username).await? else {
        anyhow::bail!("no user is called {username}; names are case-sensitive");
    };
    output.print(&UserJson::from(&user), || user_text(&user))?;
    Ok(Exit::Done)
}

fn user_text(user: &UserStats) -> String {
    let facts = facts(&[
        ("first seen", time(user.first_seen)),
        ("last seen", time(user.last_seen)),
        ("chat lines", count(user.total_chat_lines)),
        ("time connected", span(user.total_time_connected)),
        ("in session since", maybe_time(user.current_session_start)),
    ]);
    format!("{}\n{facts}", visible(user.username.as_str()))
}

/// Names and values, one pair a line, in two columns.
fn facts(facts: &[(&str, String)]) -> String {
    let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let line = |(name, value): &(&str, String)| {
        let name = format!("  {name:width$}  ");
        let value = wrapped(value, Terminal::stdout().width(), name.len());
        name + &value
    };
    facts.iter().map(line).collect::<Vec<_>>().join("\n")
}
