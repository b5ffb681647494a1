//! What speaks as a server does, and says what it is told to: errors that a real server cannot be brought to.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// An error as a server says it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said {
    pub(crate) severity: &'static str,
    pub(crate) code: &'static str,
    pub(crate) message: &'static str,
}

/// Listens, and answers so on every connection.
pub(crate) struct Speaker {
    port: u16,
}

impl Speaker {
    /// Lets everybody in, and answers each statement so.
    pub(crate) fn to_statements(said: Said) -> Self {
        Self::start(move |client| {
            client.write_all(WELCOME)?;
            loop {
                let mut kind = [0];
                client.read_exact(&mut kind)?;
                body(client)?;
                if matches!(kind[0], b'S' | b'Q') {
                    say(client, said)?;
                    client.write_all(READY)?;
                }
            }
        })
    }

    /// Lets nobody in, and says this.
    pub(crate) fn at_the_door(said: Said) -> Self {
        Self::start(move |client| say(client, said))
    }

    fn start(speak: impl Fn(&mut TcpStream) -> io::Result<()> + Clone + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for client in listener.incoming() {
                let speak = speak.clone();
                thread::spawn(move || {
                    let mut client = client?;
                    body(&mut client)?;
                    speak(&mut client)
                });
            }
        });
        Self { port }
    }

    /// A URL of it, with these parameters too.
    pub(crate) fn url(&self, parameters: &str) -> String {
        format!("postgresql://ada:secret@127.0.0.1:{}/db?sslmode=disable&{parameters}", self.port)
    }
}

/// Nobody need prove anything, and statements may come.
const WELCOME: &[u8] = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";
const READY: &[u8] = b"Z\0\0\0\x05I";

/// Reads a message's length, and what follows it.
fn body(client: &mut TcpStream) -> io::Result<()> {
    let mut length = [0; 4];
    client.read_exact(&mut length)?;
    io::copy(&mut client.take(u64::from(u32::from_be_bytes(length)) - 4), &mut io::sink())?;
    Ok(())
}

fn say(client: &mut TcpStream, Said { severity, code, message }: Said) -> io::Result<()> {
    let fields = format!("S{severity}\0V{severity}\0C{code}\0M{message}\0\0");
    let length = u32::try_from(fields.len() + 4).unwrap();
    client.write_all(&[b"E", &length.to_be_bytes()[..], fields.as_bytes()].concat())
}
