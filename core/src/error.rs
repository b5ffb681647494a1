//! What can go wrong, by what a caller can do about it.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// What every method of a store returns.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// A value that breaks the rules of its field. Found when the value is made, before any database sees it.
///
/// The reason never repeats the value: a message or a token may stand in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct InvalidInput {
    /// The field's name, as in the JSON form of an event or in the method's documentation.
    pub field: &'static str,
    /// What is wrong with it, in words that can follow the field's name.
    pub reason: String,
}

impl InvalidInput {
    /// An invalid `field`, with the reason.
    pub fn new(field: &'static str, reason: impl Into<String>) -> Self {
        Self { field, reason: reason.into() }
    }
}

/// Why an operation failed, as a caller can act on it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A value breaks the rules of its field. Correct it; the same call will fail again.
    InvalidInput {
        /// The field's name.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// What the call names is not there.
    NotFound,
    /// The stored state is not the one that the call expects (a version, a lease, a cursor, an ambiguous prefix).
    /// Nothing was written. Read again, then decide.
    Conflict,
    /// The database cannot be reached or will not work now (refused, shut down, locked, disk full). The
    /// operation surely did not happen and may be tried again.
    Unavailable,
    /// No connection of the pool became free within the wait timeout. The operation did not begin.
    PoolExhausted,
    /// The operation took longer than its deadline and surely did not happen.
    Timeout,
    /// The answer to a write was lost: it may have happened or not. Send it again only if it carries a cursor or
    /// a unique key.
    Indeterminate,
    /// The schema is not the one that this program works with: too old, too new, changed, or another program's.
    Schema,
    /// The database is damaged, or holds what no store would have written.
    Corrupt,
    /// The store was closed.
    Closed,
    /// A fault of the store itself.
    Internal,
}

impl ErrorKind {
    /// The kind's name in lower case, for logs and for programs.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::InvalidInput { .. } => "invalid input",
            Self::NotFound => "not found",
            Self::Conflict => "conflict",
            Self::Unavailable => "unavailable",
            Self::PoolExhausted => "pool exhausted",
            Self::Timeout => "timeout",
            Self::Indeterminate => "indeterminate",
            Self::Schema => "schema",
            Self::Corrupt => "corrupt",
            Self::Closed => "closed",
            Self::Internal => "internal",
        }
    }

    /// Whether the operation surely did not happen and the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable | Self::PoolExhausted | Self::Timeout)
    }
}

/// An operation's failure: kind, operation, what happened, and the driver's error if there is one.
///
/// Cheap to clone, so that one failed transaction can answer every caller whose work was in it.
#[derive(Clone)]
pub struct StoreError {
    kind: ErrorKind,
    operation: &'static str,
    detail: String,
    lasting: bool,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// Why a command found another state than it expects, in the words of every adapter.
pub mod conflict {
    /// `settle_message`: the lease is not the message's latest, or was settled otherwise.
    pub const STALE_LEASE: &str =
        "the lease is stale: the message was claimed again, requeued, or settled otherwise";
    /// `requeue_message`, `discard_message`: the message is on its way, or sent.
    pub const NOT_FINISHED: &str = "the message is neither dead nor failed";
    /// `revoke_token`: a prefix does not say which token is meant.
    pub const AMBIGUOUS_PREFIX: &str = "several active tokens have this prefix";
    /// `create_token`: the store has the token.
    pub const SAME_TOKEN: &str = "the same token is there already";
    /// `kv_put`, `kv_delete`: the value is another, or absent, or present.
    pub const OTHER_VALUE: &str = "what is there is not what was expected";
}

impl StoreError {
    /// An error of `kind` in `operation` (a method's name); `detail` says what happened and what to do.
    pub fn new(kind: ErrorKind, operation: &'static str, detail: impl Into<String>) -> Self {
        Self { kind, operation, detail: detail.into(), lasting: false, source: None }
    }

    /// The same, with the driver's error beneath it.
    #[must_use]
    pub fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// The same, and waiting does not help: somebody has to change something first, such as a password, a right, or the
    /// room on the disk.
    #[must_use]
    pub fn lasting(mut self) -> Self {
        self.lasting = true;
        self
    }

    /// The same, with a remark after what happened.
    #[must_use]
    pub fn with_remark(mut self, remark: impl fmt::Display) -> Self {
        self.detail = format!("{}; {remark}", self.detail);
        self
    }

    /// The same, said of another operation: for code that several operations share.
    #[must_use]
    pub fn in_operation(mut self, operation: &'static str) -> Self {
        self.operation = operation;
        self
    }

    /// [`ErrorKind::Closed`]: the answer of every method after `close`.
    #[must_use]
    pub fn closed(operation: &'static str) -> Self {
        Self::new(ErrorKind::Closed, operation, "the store was closed")
    }

    /// [`ErrorKind::NotFound`] of `what`.
    pub fn not_found(operation: &'static str, what: impl fmt::Display) -> Self {
        Self::new(ErrorKind::NotFound, operation, format!("no such {what}"))
    }

    /// [`ErrorKind::Conflict`]: the stored state is another than the caller expects.
    pub fn conflict(operation: &'static str, detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::Conflict, operation, detail)
    }

    /// What a caller can act on.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// The method that failed.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        self.operation
    }

    /// Whether the operation surely did not happen and the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.kind.is_retryable()
    }

    /// Whether waiting does not help, because somebody has to change something first.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        self.lasting
    }
}

impl From<InvalidInput> for StoreError {
    fn from(invalid: InvalidInput) -> Self {
        let InvalidInput { field, reason } = invalid;
        Self::new(ErrorKind::InvalidInput { field, reason }, "input", "")
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let ErrorKind::InvalidInput { field, reason } = &self.kind {
            return write!(f, "{field}: {reason}");
        }
        write!(f, "{}: {}: {}", self.operation, self.kind.as_str(), self.detail)
    }
}

impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreError")
            .field("kind", &self.kind)
            .field("operation", &self.operation)
            .field("detail", &self.detail)
            .field("source", &self.source.as_ref().map(ToString::to_string))
            .finish()
    }
}

impl StdError for StoreError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_input_keeps_its_field_and_reason() {
        let error = StoreError::from(InvalidInput::new("username", "is empty"));
        let expected = ErrorKind::InvalidInput { field: "username", reason: "is empty".into() };
        assert_eq!(error.kind(), &expected);
        assert_eq!(error.to_string(), "username: is empty");
    }

    #[test]
    fn only_what_surely_did_not_happen_is_retryable() {
        let retryable: Vec<_> = [
            ErrorKind::NotFound,
            ErrorKind::Conflict,
            ErrorKind::Unavailable,
            ErrorKind::PoolExhausted,
            ErrorKind::Timeout,
            ErrorKind::Indeterminate,
            ErrorKind::Schema,
            ErrorKind::Corrupt,
            ErrorKind::Closed,
            ErrorKind::Internal,
        ]
        .into_iter()
        .filter(ErrorKind::is_retryable)
        .collect();
        assert_eq!(retryable, [ErrorKind::Unavailable, ErrorKind::PoolExhausted, ErrorKind::Timeout]);
    }

    #[test]
    fn the_source_is_reached_through_the_standard_trait() {
        let error = StoreError::new(ErrorKind::Internal, "record", "broke").with_source(std::fmt::Error);
        assert!(error.source().is_some());
        assert_eq!(error.clone().to_string(), "record: internal: broke");
    }
}
