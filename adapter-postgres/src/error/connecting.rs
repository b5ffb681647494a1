//! What is said when no connection could be made, and what to do about that.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use botstore_core::{ErrorKind, StoreError};
use rustls::{AlertDescription, CertificateError, OtherError};
use tokio_postgres::error::SqlState;

use crate::connect::{Attempt, ConnectError, Problem};

use super::{Pooler, ServerError, causes, is_lasting, meaning, of_pooler};

pub(super) fn of_connecting(operation: &'static str, shown: &str, error: ConnectError) -> StoreError {
    let mut kinds = error.attempts.iter().map(|attempt| attempt.explain(error.pooled).0);
    let first = kinds.next().unwrap_or(ErrorKind::Unavailable);
    let kind = if kinds.all(|kind| kind == first) { first } else { ErrorKind::Unavailable };
    let is_lasting = error.attempts.iter().all(Attempt::is_lasting);
    let store_error =
        StoreError::new(kind, operation, format!("cannot connect to {shown}: {error}")).with_source(error);
    if is_lasting { store_error.lasting() } else { store_error }
}

impl Attempt {
    /// Whether it would end the same way a little later.
    fn is_lasting(&self) -> bool {
        let Problem::Refused(error) = &self.problem else { return false };
        match error.as_db_error() {
            Some(server) => is_lasting(server),
            None => tls_problem(error).is_some() || driver_advice(error).is_some(),
        }
    }

    /// What came of it, and what to do about that. `pooled`: whether it was meant for a pooler.
    fn explain(&self, pooled: bool) -> (ErrorKind, String) {
        let error = match &self.problem {
            Problem::Refused(error) => error,
            Problem::TimedOut(limit) => {
                return (ErrorKind::Unavailable, format!("no answer within {} s", limit.as_secs()));
            }
        };
        if let Some(server) = error.as_db_error() {
            let (kind, advice) = match of_pooler(server) {
                Some(Pooler::Parameter) if pooled => (ErrorKind::Unavailable, NO_OPTIONS),
                _ => meaning(server, ErrorKind::Unavailable),
            };
            return (kind, format!("{}{advice}", ServerError::of(server)));
        }
        let cause = causes(error).last().map(ToString::to_string).unwrap_or_default();
        (ErrorKind::Unavailable, format!("{cause}{}", advice_on_connecting(error)))
    }
}

impl Problem {
    /// Whether it might go better without TLS: the server takes nobody over it, or the two do not get along.
    pub(crate) fn may_be_tls(&self) -> bool {
        let Self::Refused(error) = self else { return false };
        match error.as_db_error() {
            // What `pg_hba.conf` says, before anything is proven. A password that is wrong is so either way.
            Some(server) => *server.code() == SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
            None => {
                let ended = [io::ErrorKind::UnexpectedEof, io::ErrorKind::ConnectionReset];
                tls_problem(error).is_some() || of_io(error).is_some_and(|io| ended.contains(&io.kind()))
            }
        }
    }
}

/// What a pooler's refusal of a parameter is followed by when nothing but the URL asks for one.
const NO_OPTIONS: &str = "; a pooler such as PgBouncer hands sessions around: leave the options out of the URL, and give \
    the role these settings by ALTER ROLE";

fn of_io(error: &tokio_postgres::Error) -> Option<&io::Error> {
    causes(error).find_map(|error| error.downcast_ref())
}

/// What to do about what the driver itself refuses. It has no code for it.
fn driver_advice(error: &tokio_postgres::Error) -> Option<&'static str> {
    match causes(error).last()?.to_string().as_str() {
        "password missing" => Some("; put it into the URL or into PGPASSWORD"),
        "server does not support TLS" => {
            Some("; switch it on there (ssl = on), or say sslmode=prefer where nobody listens in")
        }
        _ => None,
    }
}

/// What went wrong with the encryption.
fn tls_problem(error: &tokio_postgres::Error) -> Option<&rustls::Error> {
    of_io(error)?.get_ref()?.downcast_ref()
}

fn advice_on_connecting(error: &tokio_postgres::Error) -> &'static str {
    if let Some(advice) = driver_advice(error) {
        return advice;
    }
    let Some(io) = of_io(error) else { return "" };
    match tls_problem(error) {
        // The latter is an authority that was made anew under its old name.
        Some(rustls::Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        )) => "; name the file with its authority's certificate as sslrootcert",
        Some(rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => "; name the host as its certificate does, or use sslmode=verify-ca",
        Some(rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(other)))) => {
            match other.downcast_ref() {
                Some(webpki::Error::CaUsedAsEndEntity) => {
                    "; the server shows an authority's certificate: issue one for the server itself, with \
                     basicConstraints=CA:FALSE"
                }
                Some(webpki::Error::UnsupportedCertVersion) => {
                    "; the server's certificate is of X.509 version 1: issue it anew as version 3 (openssl x509 with \
                     -extfile and the server's names), or say sslmode=prefer where nobody listens in"
                }
                _ => "",
            }
        }
        Some(rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnknownCA,
        )) => "; the server wants another certificate of this side: name it as sslcert and sslkey",
        _ if io.kind() == io::ErrorKind::ConnectionRefused => "; is a server running there?",
        _ => "",
    }
}

impl fmt::Display for ConnectError {
    /// What came of the attempt; of several, each after its server's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [attempt] = &self.attempts[..] {
            return f.write_str(&attempt.explain(self.pooled).1);
        }
        for (n, attempt) in self.attempts.iter().enumerate() {
            let separator = if n == 0 { "" } else { ". " };
            write!(f, "{separator}{}: {}", attempt.server, attempt.explain(self.pooled).1)?;
        }
        Ok(())
    }
}

impl fmt::Debug for ConnectError {
    /// The driver's own debug form has the server's detail.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectError({self})")
    }
}

impl StdError for ConnectError {}

#[cfg(test)]
mod tests;
