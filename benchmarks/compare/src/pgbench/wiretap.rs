//! What a client tells a server: the statements with their parameters, read from the connection between the two.
//!
//! The server shows a statement's text to others, but neither its parameters nor their types, without which
//! a text cannot be sent again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A statement as it was sent, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) sql: String,
    /// The parameters' types, as the client states them, and their values in binary form, of which null has none.
    pub(super) parameters: Vec<(u32, Option<Vec<u8>>)>,
}

/// A go-between that listens in. It ends when this is dropped.
pub(super) struct Wiretap {
    pub(super) port: u16,
    sent: Arc<Mutex<Vec<Sent>>>,
    _connections: JoinSet<anyhow::Result<()>>,
}

impl Wiretap {
    /// Stands before a server: who connects to the port is connected to the server.
    pub(super) async fn before(host: String, port: u16) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let own_port = listener.local_addr()?.port();
        let sent = Arc::<Mutex<Vec<Sent>>>::default();
        let heard = Arc::clone(&sent);
        let mut connections = JoinSet::new();
        connections.spawn(async move {
            let mut each = JoinSet::new();
            loop {
                let (client, _) = listener.accept().await?;
                let server = TcpStream::connect((host.as_str(), port)).await?;
                each.spawn(relay(client, server, Arc::clone(&heard)));
            }
        });
        Ok(Self { port: own_port, sent, _connections: connections })
    }

    /// All that was sent so far.
    pub(super) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Passes everything on, and keeps what is sent.
async fn relay(client: TcpStream, server: TcpStream, sent: Arc<Mutex<Vec<Sent>>>) -> anyhow::Result<()> {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let upwards = async {
        // The first message has a length, and no tag.
        let start = message(&mut from_client).await?;
        to_server.write_all(&start).await?;
        let mut prepared = HashMap::new();
        loop {
            let tag = from_client.read_u8().await?;
            let message = message(&mut from_client).await?;
            if let Some(statement) = listen(tag, &message[4..], &mut prepared)? {
                sent.lock().unwrap_or_else(PoisonError::into_inner).push(statement);
            }
            to_server.write_all(&[&[tag], &message[..]].concat()).await?;
        }
    };
    let downwards = tokio::io::copy(&mut from_server, &mut to_client);
    tokio::select! {
        ended = upwards => ended,
        ended = downwards => ended.map(drop).map_err(Into::into),
    }
}

/// One message with its length, which counts itself.
async fn message(from: &mut (impl tokio::io::AsyncRead + Unpin)) -> anyhow::Result<Vec<u8>> {
    let length = from.read_u32().await?;
    ensure!((4..1 << 24).contains(&length), "a message of {length} bytes");
    let mut message = length.to_be_bytes().to_vec();
    message.resize(length as usize, 0);
    from.read_exact(&mut message[4..]).await?;
    Ok(message)
}

/// What one message of the client means: Parse (`P`) names a text and types, Bind (`B`) gives a name its values.
fn listen(
    tag: u8,
    mut body: &[u8],
    prepared: &mut HashMap<Vec<u8>, (String, Vec<u32>)>,
) -> anyhow::Result<Option<Sent>> {
    let body = &mut body;
    match tag {
        b'P' => {
            let name = text(body)?.to_vec();
            let sql = String::from_utf8(text(body)?.to_vec())?;
            let types = (0..i16_of(body)?)
                .map(|_| Ok(u32::from_be_bytes(take(body)?)))
                .collect::<anyhow::Result<_>>()?;
            prepared.insert(name, (sql, types));
            Ok(None)
        }
        b'B' => {
            let (_portal, name) = (text(body)?, text(body)?);
            for _format in 0..i16_of(body)? {
                i16_of(body)?;
            }
            let (sql, types) = prepared.get(name).context("an unknown statement is run")?;
            let mut parameters = Vec::new();
            for index in 0..i16_of(body)? {
                let stated = types.get(index as usize).copied().unwrap_or(0);
                // Null has the length -1.
                let value = match usize::try_from(i32::from_be_bytes(take(body)?)) {
                    Ok(length) => {
                        let (value, rest) = body.split_at_checked(length).context("a message ends early")?;
                        *body = rest;
                        Some(value.to_vec())
                    }
                    Err(_) => None,
                };
                parameters.push((stated, value));
            }
            Ok(Some(Sent { sql: sql.clone(), parameters }))
        }
        _ => Ok(None),
    }
}

/// A text that ends with a zero byte.
fn text<'b>(body: &mut &'b [u8]) -> anyhow::Result<&'b [u8]> {
    let Some(end) = body.iter().position(|&byte| byte == 0) else { bail!("a message ends early") };
    let (text, rest) = body.split_at(end);
    *body = &rest[1..];
    Ok(text)
}

fn i16_of(body: &mut &[u8]) -> anyhow::Result<i16> {
    take(body).map(i16::from_be_bytes)
}

fn take<const N: usize>(body: &mut &[u8]) -> anyhow::Result<[u8; N]> {
    let (taken, rest) = body.split_first_chunk().context("a message ends early")?;
    *body = rest;
    Ok(*taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_parsed_once_and_bound_often() {
        let mut prepared = HashMap::new();
        let parse = b"s1\0SELECT $1\0\0\x01\0\0\0\x14";
        assert_eq!(listen(b'P', parse, &mut prepared).unwrap(), None);
        let bind = b"\0s1\0\0\x01\0\x01\0\x01\0\0\0\x03abc\0\0";
        let sent = Sent { sql: "SELECT $1".into(), parameters: vec![(20, Some(b"abc".to_vec()))] };
        assert_eq!(listen(b'B', bind, &mut prepared).unwrap(), Some(sent.clone()));
        assert_eq!(listen(b'B', bind, &mut prepared).unwrap(), Some(sent));
        assert_eq!(listen(b'S', b"", &mut prepared).unwrap(), None);
    }

    #[test]
    fn a_message_that_ends_early_is_an_error() {
        assert!(listen(b'B', b"\0s1\0\0\0", &mut HashMap::new()).is_err());
        assert!(listen(b'P', b"s1", &mut HashMap::new()).is_err());
    }
}
