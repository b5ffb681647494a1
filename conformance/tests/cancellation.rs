//! Callers who give up in the middle of a call.

#![allow(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use botstore::Config;
use botstore::model::{
    Batch, ChannelEvent, Claim, Expect, KvKey, KvName, KvValue, Limit, MessageText, NewMessage, Plugin,
    Timestamp, Username,
};
use botstore::store::BotStore;
use botstore_conformance::load::Load;
use botstore_conformance::server::{PostgresDatabase, PostgresServer};
use futures::future::join_all;
use futures::stream::{self, StreamExt as _};
use serde_json::json;

const CALLS: u64 = 10_000;
const CONNECTIONS: u64 = 15;

/// Random numbers that are the same in every run.
struct Random(u64);

impl Random {
    /// A number less than `end`: SplitMix64.
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % end
    }
}

/// A number of connections' states.
async fn states(database: &PostgresDatabase) -> Vec<String> {
    let states = "SELECT DISTINCT state FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
    database.sql(states).await.unwrap()
}
