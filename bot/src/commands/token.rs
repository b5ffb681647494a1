//! `token`: the tokens by which programs prove who they are.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};

use anyhow::Context as _;
use botstore::model::{Limit, NewToken, Revocation, TokenInfo, TokenSecret, TokenSelector};
use botstore::{ErrorKind, InvalidInput, Tokens};
use serde::Serialize;

use crate::cli::{CreateArgs, TokenCommand};
use crate::clock;
use crate::exit::{Exit, advise};
use crate::format::{NONE, maybe_time, time, visible};
use crate::output::{Output, table};

pub(super) async fn run(store: &dyn Tokens, command: &TokenCommand, output: Output) -> anyhow::Result<Exit> {
    match command {
        TokenCommand::Create(args) => create(store, args, output).await,
        TokenCommand::List => list(store, output).await,
        TokenCommand::Revoke => revoke(store, output).await,
        TokenCommand::Check => check(store, output).await,
    }
}

#[derive(Debug, Serialize)]
struct CreatedJson<'a> {
    token: &'a str,
    prefix: &'a str,
    id: i64,
}

async fn create(store: &dyn Tokens, args: &CreateArgs, output: Output) -> anyhow::Result<Exit> {
    let now = clock::now()?;
    if args.expires.is_some_and(|expiry| expiry <= now) {
        return Err(InvalidInput::new("expires", "lies in the past").into());
    }
    let secret = TokenSecret::generate().context("the operating system has no random numbers")?;
    let token = NewToken {
        name: args.name.clone(),
        description: args.description.clone(),
        permissions: args.permissions.clone(),
        expires_at: args.expires,
        ..NewToken::of(&secret)
    };
    let info = store.create_token(&token, now).await?;
    let json = CreatedJson { token: secret.reveal(), prefix: info.prefix.as_str(), id: info.id.get() };
    if let Err(error) = output.print(&json, || secret.reveal().to_owned()) {
        // A token that nobody has seen is of use to nobody.
        store.revoke_token(&TokenSelector::Whole(secret.hash()), clock::now()?).await?;
        return Err(error);
    }
    output.note("This is the only time that the token is shown: keep it now.");
    Ok(Exit::Done)
}

#[derive(Debug, Serialize)]
struct TokenJson<'a> {
    id: i64,
    prefix: &'a str,
    name: Option<&'a str>,
    description: Option<&'a str>,
    permissions: Option<&'a str>,
    created_at: i64,
    last_used: Option<i64>,
    revoked_at: Option<i64>,
    expires_at: Option<i64>,
}

impl<'a> From<&'a TokenInfo> for TokenJson<'a> {
    fn from(token: &'a TokenInfo) -> Self {
        Self {
            id: token.id.get(),
            prefix: token.prefix.as_str(),
            name: token.name.as_ref().map(|name| name.as_str()),
            description: token.description.as_ref().map(|description| description.as_str()),
            permissions: token.permissions.as_ref().map(|permissions| permissions.as_str()),
            created_at: token.created_at.seconds(),
            last_used: token.last_used.map(|at| at.seconds()),
            revoked_at: token.revoked_at.map(|at| at.seconds()),
            expires_at: token.expires_at.map(|at| at.seconds()),
        }
    }
}

async fn list(store: &dyn Tokens, output: Output) -> anyhow::Result<Exit> {
    let mut tokens: Vec<TokenInfo> = Vec::new();
    loop {
        let page = store.tokens(tokens.last().map(|token| token.id), Limit::MAX).await?;
        if page.is_empty() {
            break;
        }
        tokens.extend(page);
    }
    let json: Vec<_> = tokens.iter().map(TokenJson::from).collect();
    output.print(&json, || {
        let text = |text: Option<&str>| text.map_or_else(|| NONE.to_owned(), visible);
        let rows = tokens.iter().map(|token| {
            vec![
                token.id.to_string(),
                token.prefix.to_string(),
                text(token.name.as_ref().map(|name| name.as_str())),
                text(token.permissions.as_ref().map(|permissions| permissions.as_str())),
                time(token.created_at),
                maybe_time(token.last_used),
                maybe_time(token.expires_at),
                maybe_time(token.revoked_at),
            ]
        });
        table(
            &["id", "prefix", "name", "permissions", "created", "last used", "expires", "revoked"],
            &[0],
            rows,
        )
    })?;
    Ok(Exit::Done)
}

#[derive(Debug, Serialize)]
struct RevokedJson {
    revoked: bool,
}

async fn revoke(store: &dyn Tokens, output: Output) -> anyhow::Result<Exit> {
    let token = TokenSelector::parse(&from_standard_input()?)?;
    let revocation = store.revoke_token(&token, clock::now()?).await.map_err(|error| match error.kind() {
        ErrorKind::Conflict => advise(error.into(), "give the whole token"),
        ErrorKind::NotFound => advise(error.into(), "`rosey token list` shows the prefix of every token"),
        _ => error.into(),
    })?;
    output.print(&RevokedJson { revoked: revocation == Revocation::Revoked }, || match revocation {
        Revocation::Revoked => "Revoked",
        Revocation::AlreadyRevoked => "It had been revoked before",
    })?;
    Ok(Exit::Done)
}

#[derive(Debug, Serialize)]
struct CheckedJson<'a> {
    active: bool,
    prefix: Option<&'a str>,
    name: Option<&'a str>,
    permissions: Option<&'a str>,
}

async fn check(store: &dyn Tokens, output: Output) -> anyhow::Result<Exit> {
    // What has not the form of a token is simply no active one: the exit code is the answer.
    let token = match TokenSecret::new(&from_standard_input()?) {
        Ok(secret) => store.check_token(&secret.hash(), clock::now()?).await?,
        Err(_) => None,
    };
    let json = CheckedJson {
        active: token.is_some(),
        prefix: token.as_ref().map(|token| token.prefix.as_str()),
        name: token.as_ref().and_then(|token| token.name.as_ref()).map(|name| name.as_str()),
        permissions: token.as_ref().and_then(|token| token.permissions.as_ref()).map(|text| text.as_str()),
    };
    output.print(&json, || match &token {
        Some(token) => format!("Active: {}", described(token)),
        None => "Not an active token".to_owned(),
    })?;
    Ok(if token.is_some() { Exit::Done } else { Exit::NotActive })
}

/// A token's prefix, and its name if it has one.
fn described(token: &TokenInfo) -> String {
    match &token.name {
        Some(name) => format!("{} ({})", token.prefix, visible(name.as_str())),
        None => token.prefix.to_string(),
    }
}

/// The first line of standard input, without the white space around it. Never an argument: a token there would stand
/// in the process list.
fn from_standard_input() -> anyhow::Result<String> {
    /// More than the longest token, so that one that is too long is found to be so.
    const MOST_BYTES: u64 = 4_096;
    let stdin = io::stdin().lock();
    if stdin.is_terminal() {
        let mut stderr = io::stderr();
        let _ = write!(stderr, "Token: ").and_then(|()| stderr.flush());
    }
    let mut line = Vec::new();
    stdin.take(MOST_BYTES).read_until(b'\n', &mut line).context("standard input")?;
    // Bytes that are no UTF-8 become a character that no token has.
    Ok(String::from_utf8_lossy(&line).trim().to_owned())
}
