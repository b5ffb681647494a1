//! What a store is: one trait an area, and [`BotStore`], which is all of them.
//!
//! Everything is written by [`Ingest::record`] or by a command of its area; everything else reads. Every write is
//! atomic: it happens whole or not at all, and once it is acknowledged it survives a crash of the program, and of the
//! machine unless the URL asked for less. Every read sees every write that was acknowledged before the read began.
//!
//! Any method can fail with [`Unavailable`](crate::ErrorKind::Unavailable),
//! [`PoolExhausted`](crate::ErrorKind::PoolExhausted), [`Timeout`](crate::ErrorKind::Timeout),
//! [`Corrupt`](crate::ErrorKind::Corrupt), [`Closed`](crate::ErrorKind::Closed) or
//! [`Internal`](crate::ErrorKind::Internal), and a write with [`Indeterminate`](crate::ErrorKind::Indeterminate).
//! Each method's documentation names the kinds that it adds.

mod audit;
mod channel;
mod chat;
mod examine;
mod ingest;
mod kv;
mod lifecycle;
mod maintenance;
mod outbound;
mod status;
mod tokens;
mod transfer;
mod users;

pub use audit::Audit;
pub use channel::Channel;
pub use chat::Chat;
pub use examine::Examine;
pub use ingest::{Events, Ingest};
pub use kv::Kv;
pub use lifecycle::Lifecycle;
pub use maintenance::Maintenance;
pub use outbound::Outbound;
pub use status::Status;
pub use tokens::Tokens;
pub use transfer::{Export, Import};
pub use users::Users;

/// A chat bot's store: all areas in one object.
///
/// A handler that needs one area takes that area: `&dyn BotStore` coerces to `&dyn Outbound`.
pub trait BotStore:
    Ingest
    + Users
    + Chat
    + Channel
    + Outbound
    + Status
    + Tokens
    + Audit
    + Kv
    + Maintenance
    + Import
    + Lifecycle
    + std::fmt::Debug
{
}

impl<T> BotStore for T where
    T: Ingest
        + Users
        + Chat
        + Channel
        + Outbound
        + Status
        + Tokens
        + Audit
        + Kv
        + Maintenance
        + Import
        + Lifecycle
        + std::fmt::Debug
        + ?Sized
{
}
