//! How long things are kept.

use super::{Count, Seconds};

/// How long each kind of row is kept. A row goes when it is older than its span: one exactly that old stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Count samples, from the moment they were taken.
    pub counts: Seconds,
    /// Sent messages, from the moment they were sent.
    pub sent_messages: Seconds,
    /// Revoked and expired tokens, from that moment.
    pub revoked_tokens: Seconds,
    /// Chat lines, from the moment they were said.
    pub chat: Seconds,
}

impl Default for Retention {
    /// Counts 30 days, sent messages 7 days, revoked tokens 90 days, chat 150 hours.
    fn default() -> Self {
        Self {
            counts: Seconds::from_days(30),
            sent_messages: Seconds::from_days(7),
            revoked_tokens: Seconds::from_days(90),
            chat: Seconds::from_hours(150),
        }
    }
}

/// What maintenance removed, in rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MaintenanceReport {
    /// Count samples.
    pub counts: Count,
    /// Sent messages.
    pub sent_messages: Count,
    /// Revoked tokens.
    pub revoked_tokens: Count,
    /// Chat lines.
    pub chat: Count,
    /// Plugin values whose time was over.
    pub expired_values: Count,
    /// Expired tokens.
    pub expired_tokens: Count,
}
