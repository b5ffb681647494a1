//! `outbound`: the queue of messages that wait to be sent.

use std::io::{self, Read as _};

use anyhow::Context as _;
use botstore::model::{Limit, MessageText, NewMessage, OutboundMessage, OutboundState, RowId};
use botstore::{ErrorKind, InvalidInput, Outbound};
use serde::Serialize;

use crate::cli::{OutboundCommand, SendArgs};
use crate::clock;
use crate::exit::Exit;
use crate::format::{NONE, maybe_time, time, visible};
use crate::output::{Output, table};

pub(super) async fn run(
    store: &dyn Outbound,
    command: &OutboundCommand,
    output: Output,
) -> anyhow::Result<Exit> {
    match command {
        OutboundCommand::List { state, limit } => list(store, *state, *limit, output).await,
        OutboundCommand::Send(args) => send(store, args, output).await,
        OutboundCommand::Requeue { ids } => by_hand(store, ids, Hand::Requeue, output).await,
        OutboundCommand::Discard { ids } => by_hand(store, ids, Hand::Discard, output).await,
    }
}

#[derive(Debug, Serialize)]
struct MessageJson<'a> {
    id: i64,
    timestamp: i64,
    state: &'static str,
    retry_count: i64,
    max_attempts: i64,
    due_at: Option<i64>,
    sent_at: Option<i64>,
    unique_key: Option<&'a str>,
    error: Option<&'a str>,
    message: &'a str,
}

impl<'a> From<&'a OutboundMessage> for MessageJson<'a> {
    fn from(message: &'a OutboundMessage) -> Self {
        Self {
            id: message.id.get(),
            timestamp: message.at.seconds(),
            state: message.state.as_str(),
            retry_count: message.retry_count,
            max_attempts: message.max_attempts.get(),
            due_at: message.due_at.map(|at| at.seconds()),
            sent_at: message.sent_at.map(|at| at.seconds()),
            unique_key: message.unique_key.as_ref().map(|key| key.as_str()),
            error: message.error.as_ref().map(|error| error.as_str()),
            message: message.message.as_str(),
        }
    }
}

async fn list(
    store: &dyn Outbound,
    state: Option<OutboundState>,
    limit: Limit,
    output: Output,
) -> anyhow::Result<Exit> {
    let messages = store.outbound_messages(state, None, limit).await?;
    let json: Vec<_> = messages.iter().map(MessageJson::from).collect();
    output.print(&json, || {
        let rows = messages.iter().map(|message| {
            vec![
                message.id.to_string(),
                message.state.as_str().to_owned(),
                time(message.at),
                format!("{}/{}", message.retry_count, message.max_attempts.get()),
                maybe_time(message.due_at),
                message.error.as_ref().map_or_else(|| NONE.to_owned(), |error| visible(error.as_str())),
                visible(message.message.as_str()),
            ]
        });
        table(&["id", "state", "queued", "failures", "due", "error", "message"], &[0], rows)
    })?;
    Ok(Exit::Done)
}

#[derive(Debug, Serialize)]
struct QueuedJson {
    id: i64,
    created: bool,
}

async fn send(store: &dyn Outbound, args: &SendArgs, output: Output) -> anyhow::Result<Exit> {
    let text = if args.message == "-" { &from_standard_input()? } else { &args.message };
    let mut message = NewMessage::new(MessageText::new(text)?)?.with_max_attempts(args.max_attempts);
    if let Some(key) = &args.key {
        message = message.with_unique_key(key.clone());
    }
    let queued = store.enqueue(&message, clock::now()?).await?;
    output.print(&QueuedJson { id: queued.id.get(), created: queued.created }, || {
        if queued.created {
            format!("Queued as message {}", queued.id)
        } else {
            format!("Message {} has this key already; nothing was queued", queued.id)
        }
    })?;
    Ok(Exit::Done)
}

/// What is done to messages by hand.
#[derive(Debug, Clone, Copy)]
enum Hand {
    Requeue,
    Discard,
}

#[derive(Debug, Serialize)]
struct DoneJson {
    id: i64,
    done: bool,
    error: Option<String>,
}

/// Does the same to each message. Which of them are wrong is known only when they are tried.
async fn by_hand(store: &dyn Outbound, ids: &[i64], hand: Hand, output: Output) -> anyhow::Result<Exit> {
    let now = clock::now()?;
    let mut done = Vec::new();
    for &id in ids {
        let outcome = match hand {
            Hand::Requeue => store.requeue_message(RowId::new(id), now).await,
            Hand::Discard => store.discard_message(RowId::new(id)).await,
        };
        let error = match outcome {
            Ok(()) => None,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Conflict) => {
                Some(error.to_string())
            }
            Err(error) => return Err(error.into()),
        };
        done.push(DoneJson { id, done: error.is_none(), error });
    }
    output.print(&done, || {
        let told = done.iter().map(|DoneJson { id, error, .. }| match (error, hand) {
            (Some(error), _) => format!("Message {id}: {error}"),
            (None, Hand::Requeue) => format!("Message {id} is queued again"),
            (None, Hand::Discard) => format!("Message {id} is gone"),
        });
        told.collect::<Vec<_>>().join("\n")
    })?;
    Ok(if done.iter().all(|done| done.done) { Exit::Done } else { Exit::Unwell })
}

/// Standard input to its end, without the line break there. Little more is read than the longest message has.
fn from_standard_input() -> anyhow::Result<String> {
    const MOST_BYTES: usize = MessageText::MAX_CHARS * char::MAX.len_utf8() + "\r\n".len();
    let mut bytes = Vec::new();
    io::stdin().lock().take(MOST_BYTES as u64 + 1).read_to_end(&mut bytes).context("standard input")?;
    if bytes.len() > MOST_BYTES {
        let reason = format!("has more than {} characters", MessageText::MAX_CHARS);
        return Err(InvalidInput::new("message", reason).into());
    }
    let mut text = String::from_utf8(bytes).map_err(|_| InvalidInput::new("message", "is not UTF-8"))?;
    if text.ends_with('\n') {
        text.truncate(text.len() - if text.ends_with("\r\n") { 2 } else { 1 });
    }
    Ok(text)
}
