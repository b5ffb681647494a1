//! Validated types: what has been made cannot be refused by a database for a business reason.

mod audit;
mod channel;
mod chat;
mod event;
mod examination;
mod ingest;
mod kv;
mod lifecycle;
mod maintenance;
mod number;
mod outbound;
mod status;
mod text;
mod time;
mod tokens;
mod users;

pub use audit::{ActionDetails, ActionFilter, ActionKind, UserAction};
pub use channel::{ChannelStats, CountSample, Peak, UserCounts};
pub use chat::{ChatMessage, MessageText};
pub use event::ChannelEvent;
pub use examination::{Aspect, Depth, Finding, Verdict};
pub use ingest::{Batch, Cursor, Position, Recorded, Resume, Source};
pub use kv::{Expect, KvEntry, KvKey, KvName, KvPrefix, KvValue, KvVersion, Plugin};
pub use lifecycle::{Away, Backend, DatabaseHealth, DatabaseId, Health, PoolHealth, SpoolHealth};
pub use maintenance::{MaintenanceReport, Retention};
pub use number::{Count, Limit, RowId, RowKey};
pub use outbound::{
    Claim, Enqueued, FailureText, Lease, MaxAttempts, NewMessage, OutboundMessage, OutboundState, Settled,
    Settlement, UniqueKey,
};
pub use status::{BotName, ChannelName, CurrentStatus, MediaTitle, Rank, StatusPatch, StatusText};
pub use time::{Seconds, Timestamp};
pub use tokens::{
    NewToken, Revocation, TokenDescription, TokenHash, TokenInfo, TokenName, TokenPermissions, TokenPrefix,
    TokenSecret, TokenSelector,
};
pub use users::{CloseSessions, Rename, TopChatter, UserRows, UserStats, UserTotals, Username};
