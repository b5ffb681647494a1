//! Messages that wait to be sent.

use super::text::text_type;
use super::{MessageText, RowId, Seconds, Timestamp};
use crate::error::InvalidInput;

text_type! {
    /// A key that makes enqueuing idempotent: a second message with it is not queued.
    UniqueKey, "unique_key", 1..=255, NoControls
}

text_type! {
    /// Why a message could not be sent.
    FailureText, "error", 0..=2000, AllButNul
}

/// How often sending is tried before a message counts as dead: 1 to 20.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MaxAttempts(i64);

impl MaxAttempts {
    /// So many attempts.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`] of `max_attempts`: not from 1 to 20.
    pub fn new(attempts: i64) -> Result<Self, InvalidInput> {
        if (1..=20).contains(&attempts) {
            Ok(Self(attempts))
        } else {
            Err(InvalidInput::new("max_attempts", "must be from 1 to 20"))
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl Default for MaxAttempts {
    /// Three, as in the original.
    fn default() -> Self {
        Self(3)
    }
}

/// A message to be queued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    message: MessageText,
    unique_key: Option<UniqueKey>,
    max_attempts: MaxAttempts,
}

impl NewMessage {
    /// A message with three attempts and no unique key.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`] of `message`: empty.
    pub fn new(message: MessageText) -> Result<Self, InvalidInput> {
        if message.is_empty() {
            return Err(InvalidInput::new("message", "is empty"));
        }
        Ok(Self { message, unique_key: None, max_attempts: MaxAttempts::default() })
    }

    /// The same, queued only if no message with this key is in the queue, whatever its state.
    #[must_use]
    pub fn with_unique_key(mut self, key: UniqueKey) -> Self {
        self.unique_key = Some(key);
        self
    }

    /// The same, with so many attempts.
    #[must_use]
    pub fn with_max_attempts(mut self, attempts: MaxAttempts) -> Self {
        self.max_attempts = attempts;
        self
    }

    /// The text, never empty.
    #[must_use]
    pub fn message(&self) -> &MessageText {
        &self.message
    }

    /// The unique key.
    #[must_use]
    pub fn unique_key(&self) -> Option<&UniqueKey> {
        self.unique_key.as_ref()
    }

    /// How often sending is tried.
    #[must_use]
    pub fn max_attempts(&self) -> MaxAttempts {
        self.max_attempts
    }
}

/// What enqueuing did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enqueued {
    /// The message with the key: the new one, or the one that was there.
    pub id: RowId,
    /// Whether it is new.
    pub created: bool,
}

/// Where a message is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutboundState {
    /// Never tried.
    Queued,
    /// Tried, failed, and waiting to be tried again.
    Retrying,
    /// Sent.
    Sent,
    /// Refused for good: trying again would not help.
    Failed,
    /// All attempts failed: a dead letter.
    Dead,
}

impl OutboundState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Queued, Self::Retrying, Self::Sent, Self::Failed, Self::Dead];

    /// The state as it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Retrying => "retrying",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Dead => "dead",
        }
    }
}

impl std::str::FromStr for OutboundState {
    type Err = InvalidInput;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| InvalidInput::new("state", "is none of queued, retrying, sent, failed, dead"))
    }
}

/// A message of the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboundMessage {
    /// Its identity.
    pub id: RowId,
    /// When it was queued.
    pub at: Timestamp,
    /// The text.
    pub message: MessageText,
    /// The unique key.
    pub unique_key: Option<UniqueKey>,
    /// Where it is on its way.
    pub state: OutboundState,
    /// Attempts that failed.
    pub retry_count: i64,
    /// Attempts allowed.
    pub max_attempts: MaxAttempts,
    /// When it may be tried; none once it is sent, failed or dead.
    pub due_at: Option<Timestamp>,
    /// Until when somebody has it under lease.
    pub lease_until: Option<Timestamp>,
    /// When it was sent.
    pub sent_at: Option<Timestamp>,
    /// Why the latest attempt failed.
    pub error: Option<FailureText>,
}

/// How long a claim holds, and of how many messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The moment of the claim.
    pub now: Timestamp,
    /// How long the lease is, at least a second.
    lease: Seconds,
}

impl Claim {
    /// A claim made at `now`, for `lease`.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`] of `lease`: zero.
    pub fn new(now: Timestamp, lease: Seconds) -> Result<Self, InvalidInput> {
        if lease.get() == 0 {
            return Err(InvalidInput::new("lease", "must be at least a second"));
        }
        Ok(Self { now, lease })
    }

    /// When the lease ends.
    #[must_use]
    pub fn until(self) -> Timestamp {
        self.now.plus(self.lease)
    }
}

/// The right to send one message, until the lease ends or somebody else claims it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The message.
    pub message: OutboundMessage,
    /// How often the message had been claimed or requeued when it was claimed: who holds a smaller number than
    /// the stored one is late.
    pub token: i64,
}

/// How sending ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// It was sent.
    Sent,
    /// It failed, and may succeed later.
    Transient(FailureText),
    /// It failed, and always will.
    Permanent(FailureText),
}

/// What a settlement makes of a message's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// Its state.
    pub state: OutboundState,
    /// Attempts that failed.
    pub retry_count: i64,
    /// When it may be tried again.
    pub due_at: Option<Timestamp>,
    /// When it was sent.
    pub sent_at: Option<Timestamp>,
    /// Why the latest attempt failed.
    pub error: Option<FailureText>,
}

impl Lease {
    /// What `settlement`, at `at`, makes of the message. After the n-th failure it waits 2^n minutes.
    #[must_use]
    pub fn settle(&self, settlement: &Settlement, at: Timestamp) -> Settled {
        let failures = self.message.retry_count + 1;
        match settlement {
            Settlement::Sent => Settled {
                state: OutboundState::Sent,
                retry_count: self.message.retry_count,
                due_at: None,
                sent_at: Some(at),
                error: self.message.error.clone(),
            },
            Settlement::Transient(error) if failures < self.message.max_attempts.get() => Settled {
                state: OutboundState::Retrying,
                retry_count: failures,
                due_at: Some(at.plus(backoff(failures))),
                sent_at: None,
                error: Some(error.clone()),
            },
            Settlement::Transient(error) | Settlement::Permanent(error) => Settled {
                state: match settlement {
                    Settlement::Permanent(_) => OutboundState::Failed,
                    _ => OutboundState::Dead,
                },
                retry_count: failures,
                due_at: None,
                sent_at: None,
                error: Some(error.clone()),
            },
        }
    }
}

impl Settled {
    /// Whether the row, read as a lease is, shows that `lease` was settled just so before: then saying it again is no
    /// error. The moments may differ, for who repeats itself may do so later.
    #[must_use]
    pub fn was_said_before(&self, lease: &Lease, row: &Lease) -> bool {
        row.token == lease.token
            && row.message.lease_until.is_none()
            && row.message.state == self.state
            && row.message.retry_count == self.retry_count
            && row.message.error == self.error
    }
}

/// 2^n minutes.
fn backoff(failures: i64) -> Seconds {
    // At most 20 attempts are allowed, so the shift stays far from 32 bits.
    Seconds::from_minutes(1 << failures.clamp(0, 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(retry_count: i64) -> Lease {
        let message = OutboundMessage {
            id: RowId::new(1),
            at: Timestamp::MIN,
            message: MessageText::new("hi").unwrap(),
            unique_key: None,
            state: OutboundState::Queued,
            retry_count,
            max_attempts: MaxAttempts::new(3).unwrap(),
            due_at: Some(Timestamp::MIN),
            lease_until: None,
            sent_at: None,
            error: None,
        };
        Lease { message, token: 1 }
    }

    #[test]
    fn the_nth_failure_waits_two_to_the_n_minutes_and_the_last_is_dead() {
        let at = Timestamp::new(1_000).unwrap();
        let transient = Settlement::Transient(FailureText::new("busy").unwrap());
        let outcome = |retries| {
            let settled = lease(retries).settle(&transient, at);
            (settled.state, settled.retry_count, settled.due_at.map(Timestamp::seconds))
        };
        assert_eq!(outcome(0), (OutboundState::Retrying, 1, Some(1_000 + 120)));
        assert_eq!(outcome(1), (OutboundState::Retrying, 2, Some(1_000 + 240)));
        assert_eq!(outcome(2), (OutboundState::Dead, 3, None));
    }

    #[test]
    fn a_permanent_failure_is_not_tried_again() {
        let permanent = Settlement::Permanent(FailureText::new("banned").unwrap());
        let settled = lease(0).settle(&permanent, Timestamp::MIN);
        assert_eq!((settled.state, settled.due_at), (OutboundState::Failed, None));
    }

    #[test]
    fn a_message_to_be_sent_is_not_empty() {
        assert_eq!(NewMessage::new(MessageText::new("").unwrap()).unwrap_err().field, "message");
    }
}
