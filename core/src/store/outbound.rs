//! The queue of messages that wait to be sent.

use async_trait::async_trait;

use crate::error::Result;
use crate::model::{
    Claim, Enqueued, Lease, Limit, NewMessage, OutboundMessage, OutboundState, RowId, Settlement, Timestamp,
};

/// A queue with leases, backoff and dead letters.
///
/// Delivery is at least once: a bot that dies between sending a message and settling it lets it go out again.
#[async_trait]
pub trait Outbound: Send + Sync {
    /// Queues a message, due at once.
    ///
    /// With a unique key that is in the queue already, whatever that message's state and text, nothing is queued and
    /// the id of that message is returned.
    async fn enqueue(&self, message: &NewMessage, now: Timestamp) -> Result<Enqueued>;

    /// The messages that [`claim_messages`](Self::claim_messages) would take: unsent, with attempts left, their
    /// backoff over, under no live lease. Ordered by the moment since which they are due, which for a message never
    /// tried is the moment of queuing, then by identity.
    async fn due_messages(&self, now: Timestamp, limit: Limit) -> Result<Vec<OutboundMessage>>;

    /// Takes due messages under a lease, in the same order.
    ///
    /// No message is under two live leases while the callers' clocks differ by less than a lease. A lease is live
    /// before [`Claim::until`]; at that moment the message is free again.
    async fn claim_messages(&self, claim: Claim, limit: Limit) -> Result<Vec<Lease>>;

    /// Says how sending ended, and ends the lease.
    ///
    /// Sent and permanently failed messages are done. After the n-th transient failure a message is due again 2^n
    /// minutes later; after its last attempt it is dead. A lease that has run out still settles, unless somebody else
    /// has claimed the message since. Saying the same of the same lease again changes nothing and is no error.
    ///
    /// # Errors
    ///
    /// - [`NotFound`](crate::ErrorKind::NotFound): the message is gone.
    /// - [`Conflict`](crate::ErrorKind::Conflict): the lease is stale: the message was claimed again, requeued, or
    ///   settled otherwise. Nothing was changed.
    async fn settle_message(
        &self,
        lease: &Lease,
        settlement: &Settlement,
        now: Timestamp,
    ) -> Result<OutboundState>;

    /// The messages of a state, or of any, whose identity is greater than `after`, by identity.
    async fn outbound_messages(
        &self,
        state: Option<OutboundState>,
        after: Option<RowId>,
        limit: Limit,
    ) -> Result<Vec<OutboundMessage>>;

    /// Gives a dead or failed message all its attempts again, due at `now`. What is known of its last failure stays.
    ///
    /// # Errors
    ///
    /// - [`NotFound`](crate::ErrorKind::NotFound): no such message.
    /// - [`Conflict`](crate::ErrorKind::Conflict): it is neither dead nor failed.
    async fn requeue_message(&self, id: RowId, now: Timestamp) -> Result<()>;

    /// Removes a dead or failed message.
    ///
    /// # Errors
    ///
    /// - [`NotFound`](crate::ErrorKind::NotFound): no such message.
    /// - [`Conflict`](crate::ErrorKind::Conflict): it is neither dead nor failed.
    async fn discard_message(&self, id: RowId) -> Result<()>;
}
