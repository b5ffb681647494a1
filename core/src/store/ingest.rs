//! Events in.

use std::future::Future;

use async_trait::async_trait;

use crate::error::Result;
use crate::model::{
    ActionDetails, ActionKind, Batch, ChannelEvent, MessageText, Position, Recorded, Source, StatusPatch,
    Timestamp, UserCounts, Username,
};

/// Writing what was observed.
#[async_trait]
pub trait Ingest: Send + Sync {
    /// Writes a batch: all of it, or none of it.
    ///
    /// What each event does is defined by [`fold`](crate::fold): events may come in any order and any split into
    /// batches, with the same end.
    ///
    /// A batch with a cursor is written exactly once, however often it is recorded, and its source's position moves
    /// in the same transaction. Where the source stands at or beyond the batch's last place, all of it is skipped;
    /// in between, the events seen are skipped and the rest is written. One batch of a source is in flight at a
    /// time: of two that overlap, the later one finds the source moved.
    ///
    /// # Errors
    ///
    /// - [`Conflict`](crate::ErrorKind::Conflict): the source stands before the batch's `after`, or is unknown while
    ///   `after` is not 0. Nothing was written.
    /// - [`Indeterminate`](crate::ErrorKind::Indeterminate): send a batch with a cursor again without fear; one
    ///   without may have been written.
    async fn record(&self, batch: &Batch) -> Result<Recorded>;

    /// Where a source stands: the place of its last event that was written; none for a source never seen.
    async fn position(&self, source: &Source) -> Result<Option<Position>>;
}

/// Recording one event at a time: each call is a batch of one, without a cursor.
pub trait Events: Ingest {
    /// A user entered the channel.
    fn user_joined(&self, at: Timestamp, username: &Username) -> impl Future<Output = Result<()>> + Send {
        self.event(ChannelEvent::UserJoined { at, username: username.clone() })
    }

    /// A user left the channel.
    fn user_left(&self, at: Timestamp, username: &Username) -> impl Future<Output = Result<()>> + Send {
        self.event(ChannelEvent::UserLeft { at, username: username.clone() })
    }

    /// A user said something.
    fn chat(
        &self,
        at: Timestamp,
        username: &Username,
        message: &MessageText,
    ) -> impl Future<Output = Result<()>> + Send {
        self.event(ChannelEvent::Chat { at, username: username.clone(), message: message.clone() })
    }

    /// So many users were there.
    fn user_count(&self, at: Timestamp, counts: UserCounts) -> impl Future<Output = Result<()>> + Send {
        self.event(ChannelEvent::UserCount { at, counts })
    }

    /// A user did something worth an entry in the audit log.
    fn action(
        &self,
        at: Timestamp,
        username: &Username,
        action: &ActionKind,
        details: Option<&ActionDetails>,
    ) -> impl Future<Output = Result<()>> + Send {
        self.event(ChannelEvent::Action {
            at,
            username: username.clone(),
            action: action.clone(),
            details: details.cloned(),
        })
    }

    /// The bot's own state changed.
    fn status_changed(&self, at: Timestamp, patch: StatusPatch) -> impl Future<Output = Result<()>> + Send {
        self.event(ChannelEvent::Status { at, patch: Box::new(patch) })
    }

    /// Records one event.
    fn event(&self, event: ChannelEvent) -> impl Future<Output = Result<()>> + Send {
        async move {
            self.record(&Batch::new(vec![event])?).await?;
            Ok(())
        }
    }
}

impl<T: Ingest + ?Sized> Events for T {}
