//! `user`: what is kept about one person: shown, removed, given another name.

use botstore::model::{
    ActionFilter, ChatMessage, Limit, Rename, RowKey, UserAction, UserRows, UserStats, Username,
};
use botstore::{BotStore, ErrorKind};
use serde::Serialize;

use super::audit::ActionJson;
use super::stats::UserJson;
use crate::bar::bar;
use crate::cli::UserCommand;
use crate::confirm::confirm;
use crate::exit::{Exit, advise};
use crate::format::{counted, visible};
use crate::output::Output;

pub(super) async fn run(store: &dyn BotStore, command: &UserCommand, output: Output) -> anyhow::Result<Exit> {
    match command {
        UserCommand::Export { username } => export(store, username).await,
        UserCommand::Delete { username, yes } => delete(store, username, *yes, output).await,
        UserCommand::Rename { from, to, yes } => rename(store, from, to, *yes, output).await,
    }
}

/// What to do where nobody can be asked.
const ADVICE: &str = "give --yes if it is meant";

#[derive(Debug, Serialize)]
struct PersonJson<'a> {
    username: &'a str,
    /// None if there are lines or entries of a name of which nothing is counted.
    stats: Option<UserJson<'a>>,
    chat: Vec<LineJson<'a>>,
    actions: Vec<ActionJson<'a>>,
}

#[derive(Debug, Serialize)]
struct LineJson<'a> {
    id: i64,
    at: i64,
    message: &'a str,
}

async fn export(store: &dyn BotStore, username: &Username) -> anyhow::Result<Exit> {
    let Kept { stats, lines, actions } = Kept::of(store, username).await?;
    let chat = lines.iter().map(|line| LineJson {
        id: line.id.get(),
        at: line.at.seconds(),
        message: line.message.as_str(),
    });
    let person = PersonJson {
        username: username.as_str(),
        stats: stats.as_ref().map(UserJson::from),
        chat: chat.collect(),
        actions: actions.iter().map(ActionJson::from).collect(),
    };
    // It is for the person and for programs alike.
    Output::new(true).print(&person, String::new)?;
    Ok(Exit::Done)
}

/// All that is kept about a user.
struct Kept {
    /// None if nothing is counted.
    stats: Option<UserStats>,
    lines: Vec<ChatMessage>,
    actions: Vec<UserAction>,
}

impl Kept {
    /// It is an error if that is nothing.
    async fn of(store: &dyn BotStore, username: &Username) -> anyhow::Result<Self> {
        let stats = store.user_stats(username).await?;
        let (lines, actions) = (lines(store, username).await?, actions(store, username).await?);
        if stats.is_none() && lines.is_empty() && actions.is_empty() {
            return Err(unknown(username));
        }
        Ok(Self { stats, lines, actions })
    }
}

/// How many lines and entries there are.
fn told(lines: impl Into<i128>, actions: impl Into<i128>) -> String {
    format!("{}, {} of the audit log", counted(lines, "line", "lines"), counted(actions, "entry", "entries"))
}

/// The kept lines of a user. No index leads to them, so all are looked through: page by page, which never takes too long.
async fn lines(store: &dyn BotStore, username: &Username) -> anyhow::Result<Vec<ChatMessage>> {
    let (mut lines, mut after) = (Vec::new(), RowKey::START);
    let bar = bar("lines", u64::try_from(store.chat_count().await?.get()).ok());
    bar.set_message("looking through");
    loop {
        let page = store.chat_after(after, Limit::MAX).await?;
        let Some(last) = page.last() else { break };
        after = last.key();
        bar.inc(page.len() as u64);
        lines.extend(page.into_iter().filter(|line| line.username == *username));
    }
    bar.finish_and_clear();
    Ok(lines)
}

/// The entries of a user, oldest first.
async fn actions(store: &dyn BotStore, username: &Username) -> anyhow::Result<Vec<UserAction>> {
    let filter = ActionFilter { username: Some(username.clone()), ..ActionFilter::default() };
    let (mut actions, mut before) = (Vec::new(), RowKey::END);
    loop {
        let page = store.user_actions(&filter, before, Limit::MAX).await?;
        let Some(last) = page.last() else { break };
        before = last.key();
        actions.extend(page);
    }
    actions.reverse();
    Ok(actions)
}

#[derive(Debug, Serialize)]
struct RowsJson {
    user: bool,
    chat: i64,
    actions: i64,
}

impl From<UserRows> for RowsJson {
    fn from(rows: UserRows) -> Self {
        Self { user: rows.user, chat: rows.chat.get(), actions: rows.actions.get() }
    }
}

async fn delete(
    store: &dyn BotStore,
    username: &Username,
    yes: bool,
    output: Output,
) -> anyhow::Result<Exit> {
    if !yes {
        let kept = Kept::of(store, username).await?;
        let (lines, actions) = (kept.lines.len() as u64, kept.actions.len() as u64);
        let name = visible(username.as_str());
        confirm(
            &format!("All that is kept about {name} goes: what is counted, {}.", told(lines, actions)),
            ADVICE,
        )?;
    }
    let gone = store.delete_user(username).await?;
    if gone == UserRows::default() {
        return Err(unknown(username));
    }
    output.print(&RowsJson::from(gone), || {
        format!("Removed {}: {}", visible(username.as_str()), told(gone.chat.get(), gone.actions.get()))
    })?;
    Ok(Exit::Done)
}

async fn rename(
    store: &dyn BotStore,
    from: &Username,
    to: &Username,
    yes: bool,
    output: Output,
) -> anyhow::Result<Exit> {
    let rename = Rename::new(from.clone(), to.clone())?;
    let (old, new) = (visible(from.as_str()), visible(to.as_str()));
    if !yes && store.user_stats(to).await?.is_some() {
        // Nobody is asked about nothing.
        Kept::of(store, from).await?;
        confirm(&format!("There is a user {new} already: {old} and {new} become one."), ADVICE)?;
    }
    let renamed = store.rename_user(&rename).await.map_err(|error| match error.kind() {
        ErrorKind::NotFound => unknown(from),
        _ => error.into(),
    })?;
    output.print(&RowsJson::from(renamed), || {
        format!("Renamed {old} to {new}: {}", told(renamed.chat.get(), renamed.actions.get()))
    })?;
    Ok(Exit::Done)
}

fn unknown(username: &Username) -> anyhow::Error {
    let error = anyhow::anyhow!("nothing is kept about {}", username.as_str());
    advise(error, "names are exact, upper and lower case included: `rosey top` shows some")
}
