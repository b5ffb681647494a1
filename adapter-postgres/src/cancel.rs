//! Asking a server to stop a statement.
//!
//! The driver does so, too, but is gone before the server has read the request. A pooler takes that for a change of mind.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use botstore_core::url::{Address, Host};
use futures::future::{MapOk, TryFutureExt as _, join_all};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_postgres::{CancelToken, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Asks the server of one connection, in the way in which that was made.
pub(crate) struct Canceller {
    pub(crate) token: CancelToken,
    pub(crate) host: Host,
    pub(crate) tls: Option<MakeRustlsConnect>,
}

type Asked = Result<(), Box<dyn std::error::Error + Send + Sync>>;

impl Canceller {
    /// Asks the server to stop what it does for the connection, and waits until it has read that. Whether it stops
    /// anything, it does not say.
    pub(crate) async fn cancel(&self) {
        if let Err(error) = self.ask().await {
            tracing::debug!(server = %self.host, error, "the server was not reached to stop a statement");
        }
    }

    async fn ask(&self) -> Asked {
        let port = self.host.port;
        match &self.host.address {
            Address::At(address, name) => {
                self.ask_on(TcpStream::connect((*address, port)).await?, name).await
            }
            Address::Unix(directory) => {
                let socket = directory.join(format!(".s.PGSQL.{port}"));
                self.ask_on(UnixStream::connect(socket).await?, "").await
            }
            // Of several addresses, those that are not the connection's know nothing of it, and do nothing.
            Address::Tcp(name) => {
                let addresses = lookup_host((name.as_str(), port)).await?;
                let ask = async |address| self.ask_on(TcpStream::connect(address).await?, name).await;
                let asked = join_all(addresses.map(ask)).await;
                asked.into_iter().reduce(|one, other| one.or(other)).unwrap_or(Ok(()))
            }
        }
    }

    async fn ask_on<S>(&self, stream: S, name: &str) -> Asked
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let stream = Patient(stream);
        match &self.tls {
            Some(tls) => {
                let tls = MakeTlsConnect::<Patient<S>>::make_tls_connect(&mut tls.clone(), name)?;
                self.token.cancel_query_raw(stream, PatientTls(tls)).await?;
            }
            None => self.token.cancel_query_raw(stream, NoTls).await?,
        }
        Ok(())
    }
}

impl fmt::Debug for Canceller {
    /// The token has the key by which anybody could stop statements.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Canceller({})", self.host)
    }
}

/// A stream that is shut down by waiting until the other side ends it.
struct Patient<S>(S);

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut bytes = [0; 64];
            let mut buffer = ReadBuf::new(&mut bytes);
            let read = ready!(Pin::new(&mut self.0).poll_read(context, &mut buffer));
            // However it ends: nothing is said any more.
            if read.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: TlsStream + Unpin> TlsStream for Patient<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.0.channel_binding()
    }
}

/// Makes encrypted streams patient.
struct PatientTls<T>(T);

impl<S, T: TlsConnect<S>> TlsConnect<S> for PatientTls<T> {
    type Stream = Patient<T::Stream>;
    type Error = T::Error;
    type Future = MapOk<T::Future, fn(T::Stream) -> Patient<T::Stream>>;

    fn connect(self, stream: S) -> Self::Future {
        self.0.connect(stream).map_ok(Patient)
    }
}
