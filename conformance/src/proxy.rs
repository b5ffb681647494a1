//! A proxy between a store and a server, which fails as networks do.
//!
//! It knows where the messages of PostgreSQL's protocol begin and end, and nothing of what is in them. It speaks no TLS:
//! URLs that go through it say `sslmode=disable`.

use std::io;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// How the network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// It passes everything on.
    Passing,
    /// It passes everything on, and each of the server's messages this much later.
    Slow(Duration),
    /// It takes everything, and neither passes it on nor says anything.
    Silent,
    /// Connections are refused, and those that were there are cut.
    Refusing,
}

/// A fault that happens to one statement, after which its connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The server does it and answers, but the answer is lost.
    AnswerLost,
    /// The server gets a part of it, and so does not do it.
    CutInTheMiddle,
}

/// One of the proxy's connections, and how the network is for it.
#[derive(Clone)]
struct Line {
    network: watch::Receiver<Network>,
    /// The connections before this one are forgotten.
    forgotten: watch::Receiver<u64>,
    number: u64,
}

/// A proxy, on a port of its own. It ends, and cuts its connections, when this is dropped.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    network: watch::Sender<Network>,
    forgotten: watch::Sender<u64>,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    /// The fault that is to happen, and to which statement from now: 1 is the next.
    planned: Mutex<Option<(Fault, u64)>>,
    happened: AtomicU64,
    /// How many connections there have been.
    connections: AtomicU64,
}

impl Proxy {
    /// A proxy in front of what listens at `port` of this machine.
    ///
    /// # Errors
    ///
    /// There is no free port.
    pub async fn start(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let own_port = listener.local_addr()?.port();
        let (network, changes) = watch::channel(Network::Passing);
        let (forgotten, forgetting) = watch::channel(0);
        let shared = Arc::new(Shared::default());
        let line = Line { network: changes, forgotten: forgetting, number: 0 };
        let task = tokio::spawn(accept(listener, port, line, Arc::clone(&shared)));
        Ok(Self { port: own_port, network, forgotten, shared, task })
    }

    /// Where it listens, at 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL, through the proxy in place of directly to `port`.
    #[must_use]
    pub fn url(&self, url: &str, port: u16) -> String {
        let through = url.replacen(&format!(":{port}/"), &format!(":{}/", self.port), 1);
        format!("{through}?sslmode=disable")
    }

    /// Changes how the network is, from now on.
    pub fn set(&self, network: Network) {
        self.network.send_replace(network);
    }

    /// Forgets the connections that are there: nobody says anything on them any more, nor that they are over. Those that
    /// are made from now on know nothing of it.
    pub fn forget(&self) {
        self.forgotten.send_replace(self.shared.connections.load(Ordering::SeqCst));
    }

    /// Plans a fault for the `n`-th statement from now, over all connections; 1 is the next.
    pub fn plan(&self, fault: Fault, n: u64) {
        *self.shared.planned() = Some((fault, n));
    }

    /// How many connections were ever made to it.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// How many faults have happened.
    #[must_use]
    pub fn faults(&self) -> u64 {
        self.shared.happened.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn planned(&self) -> std::sync::MutexGuard<'_, Option<(Fault, u64)>> {
        self.planned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a statement; the fault that happens to it, if any.
    fn statement(&self) -> Option<Fault> {
        let mut planned = self.planned();
        let (fault, n) = planned.as_mut()?;
        *n -= 1;
        let due = (*n == 0).then_some(*fault);
        if due.is_some() {
            *planned = None;
            self.happened.fetch_add(1, Ordering::SeqCst);
        }
        due
    }
}

/// Accepts connections until the task is aborted, which ends them too.
async fn accept(mut listener: TcpListener, server: u16, line: Line, shared: Arc<Shared>) {
    let mut network = line.network.clone();
    let Ok(address) = listener.local_addr() else { return };
    let mut connections = JoinSet::new();
    loop {
        if *network.borrow_and_update() == Network::Refusing {
            drop(listener);
            connections.shutdown().await;
            let passing = network.wait_for(|network| *network != Network::Refusing).await.map(drop);
            let (Ok(()), Ok(again)) = (passing, TcpListener::bind(address).await) else { return };
            listener = again;
        }
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { return };
                let number = shared.connections.fetch_add(1, Ordering::SeqCst);
                connections.spawn(serve(client, server, Line { number, ..line.clone() }, Arc::clone(&shared)));
            }
            changed = network.changed() => if changed.is_err() { return },
        }
    }
}

/// Passes messages in both directions until either side, or a fault, ends it.
async fn serve(client: TcpStream, server: u16, line: Line, shared: Arc<Shared>) {
    line.clone().speaking().await;
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).await else { return };
    let (_, _) = (client.set_nodelay(true), server.set_nodelay(true));
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let (from_client, from_server) = (BufReader::new(from_client), BufReader::new(from_server));
    let lost = watch::Sender::new(false);
    let losing = lost.subscribe();
    tokio::select! {
        _ = requests(from_client, to_server, line.clone(), &shared, &lost) => {}
        _ = answers(from_server, to_client, line, losing) => {}
    }
}

/// Passes the client's messages on; when a fault is due, sees to it. `lost` says whether answers are lost from now on.
async fn requests(
    mut client: BufReader<OwnedReadHalf>,
    mut server: OwnedWriteHalf,
    mut line: Line,
    shared: &Shared,
    lost: &watch::Sender<bool>,
) -> io::Result<()> {
    // The first message has no type.
    let mut message = Vec::new();
    body(&mut client, &mut message).await?;
    server.write_all(&message).await?;
    let mut executes = false;
    loop {
        message.clear();
        message.push(client.read_u8().await?);
        body(&mut client, &mut message).await?;
        line.speaking().await;
        executes |= message[0] == b'E';
        // A simple query, or the end of a series of messages with which a statement was executed.
        let is_statement = message[0] == b'Q' || (message[0] == b'S' && executes);
        if message[0] == b'S' {
            executes = false;
        }
        match if is_statement { shared.statement() } else { None } {
            None => {}
            Some(Fault::AnswerLost) => _ = lost.send_replace(true),
            Some(Fault::CutInTheMiddle) => return server.write_all(&message[..message.len() - 1]).await,
        }
        server.write_all(&message).await?;
    }
}

/// Passes the server's messages on, until answers are lost: then takes them all up to the one that says that the server
/// is done.
async fn answers(
    mut server: BufReader<OwnedReadHalf>,
    mut client: OwnedWriteHalf,
    mut line: Line,
    lost: watch::Receiver<bool>,
) -> io::Result<()> {
    let mut message = Vec::new();
    loop {
        message.clear();
        message.push(server.read_u8().await?);
        body(&mut server, &mut message).await?;
        let is_lost = *lost.borrow();
        if is_lost && message[0] == b'Z' {
            return Ok(());
        }
        if is_lost {
            continue;
        }
        line.speaking().await;
        let slow = *line.network.borrow();
        if let Network::Slow(delay) = slow {
            tokio::time::sleep(delay).await;
        }
        client.write_all(&message).await?;
    }
}

impl Line {
    /// Waits while the network is silent: on a forgotten connection for ever.
    async fn speaking(&mut self) {
        let speaks = self.network.wait_for(|network| *network != Network::Silent).await.is_ok();
        if !speaks || *self.forgotten.borrow() > self.number {
            std::future::pending::<()>().await;
        }
    }
}

/// Adds a message's length and what follows it.
async fn body(from: &mut (impl AsyncRead + Unpin), message: &mut Vec<u8>) -> io::Result<()> {
    let length = from.read_u32().await?;
    message.extend(length.to_be_bytes());
    let rest = u64::from(length).checked_sub(4).ok_or(io::ErrorKind::InvalidData)?;
    let read = (&mut *from).take(rest).read_to_end(message).await?;
    if (read as u64) < rest {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}
