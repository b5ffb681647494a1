//! What layers know of answers.

use crate::model::{
    ChannelStats, Count, CurrentStatus, Enqueued, Health, KvVersion, MaintenanceReport, OutboundState,
    PoolHealth, Recorded, Revocation, TokenInfo, UserRows, UserTotals,
};
use crate::transfer::{Identities, Page};

/// What a method of a store returns.
pub trait Answer: Send {
    /// How many rows, or events, it is about.
    fn rows(&self) -> u64 {
        1
    }

    /// What it says of the connections.
    fn pool(&self) -> Option<&PoolHealth> {
        None
    }
}

impl<T: Send> Answer for Vec<T> {
    fn rows(&self) -> u64 {
        self.len() as u64
    }
}

impl<T: Send> Answer for Option<T> {
    fn rows(&self) -> u64 {
        self.is_some().into()
    }
}

impl Answer for bool {
    fn rows(&self) -> u64 {
        (*self).into()
    }
}

impl Answer for Recorded {
    fn rows(&self) -> u64 {
        self.applied + self.spooled
    }
}

impl Answer for Health {
    fn pool(&self) -> Option<&PoolHealth> {
        self.database.as_ref().ok().map(|database| &database.pool)
    }
}

impl Answer for Page {
    fn rows(&self) -> u64 {
        self.rows().len() as u64
    }
}

impl Answer for () {}
impl Answer for ChannelStats {}
impl Answer for Count {}
impl Answer for CurrentStatus {}
impl Answer for Enqueued {}
impl Answer for Identities {}
impl Answer for KvVersion {}
impl Answer for MaintenanceReport {}
impl Answer for OutboundState {}
impl Answer for Revocation {}
impl Answer for TokenInfo {}
impl Answer for UserRows {}
impl Answer for UserTotals {}
