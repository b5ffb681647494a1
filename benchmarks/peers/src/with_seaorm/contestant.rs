//! The work.

use anyhow::Context;
use async_trait::async_trait;
use botstore_bench_harness::Contestant;
use sea_orm::prelude::*;
use sea_orm::sea_query::{Func, LockBehavior, LockType, OnConflict, SubQueryStatement};
use sea_orm::{ConnectionTrait, DbBackend, ExprTrait, QueryOrder, QuerySelect, QueryTrait, Set, Statement};

use super::SeaOrm;
use super::entity::{channel_stats, outbound_messages, recent_chat, user_count_history, user_stats};
use crate::engine::{LEASE, POSTGRES_DURABILITY, SQLITE_DURABILITY};
use crate::rows::Chatter;

/// A column of the row that an upsert met.
fn stored(column: user_stats::Column) -> Expr {
    Expr::col((user_stats::Entity, column))
}

/// A column of the row that an upsert proposed.
fn excluded(column: user_stats::Column) -> Expr {
    Expr::col(("excluded", column))
}

fn greatest(one: impl Into<Expr>, other: impl Into<Expr>) -> Expr {
    Func::greatest([one.into(), other.into()]).into()
}

/// An upsert's conflict: the user is known, and was seen.
fn known() -> OnConflict {
    use user_stats::Column::{FirstSeen, LastSeen, Username};
    OnConflict::column(Username)
        .value(FirstSeen, Func::least([stored(FirstSeen), excluded(FirstSeen)]))
        .value(LastSeen, greatest(stored(LastSeen), excluded(LastSeen)))
        .to_owned()
}

#[async_trait]
impl Contestant for SeaOrm {
    async fn chat(&self, at: i64, user: &str, message: &str) -> anyhow::Result<()> {
        use user_stats::Column::{CurrentSessionStart, LastSeen, SessionLastSeen, TotalChatLines};
        let counted = user_stats::ActiveModel {
            username: Set(user.to_owned()),
            first_seen: Set(at),
            last_seen: Set(at),
            total_chat_lines: Set(1),
            ..Default::default()
        };
        let last_sign = Expr::case(
            stored(CurrentSessionStart).is_not_null(),
            greatest(stored(SessionLastSeen), excluded(LastSeen)),
        );
        let conflict = known()
            .value(TotalChatLines, stored(TotalChatLines).add(1))
            .value(SessionLastSeen, last_sign)
            .to_owned();
        let line = recent_chat::ActiveModel {
            timestamp: Set(at),
            username: Set(user.to_owned()),
            message: Set(message.to_owned()),
            ..Default::default()
        };
        let transaction = self.begin().await?;
        user_stats::Entity::insert(counted)
            .on_conflict(conflict)
            .exec_without_returning(&transaction)
            .await?;
        recent_chat::Entity::insert(line).exec_without_returning(&transaction).await?;
        Ok(transaction.commit().await?)
    }

    async fn join(&self, at: i64, user: &str) -> anyhow::Result<()> {
        use user_stats::Column::{CurrentSessionStart, SessionLastSeen, TotalTimeConnected};
        let joined = user_stats::ActiveModel {
            username: Set(user.to_owned()),
            first_seen: Set(at),
            last_seen: Set(at),
            current_session_start: Set(Some(at)),
            session_last_seen: Set(Some(at)),
            ..Default::default()
        };
        let seconds = stored(SessionLastSeen).sub(stored(CurrentSessionStart));
        let seconds = Func::coalesce([seconds, Expr::val(0)]);
        let conflict = known()
            .value(TotalTimeConnected, stored(TotalTimeConnected).add(seconds))
            .update_columns([CurrentSessionStart, SessionLastSeen])
            .to_owned();
        user_stats::Entity::insert(joined)
            .on_conflict(conflict)
            .exec_without_returning(&self.database)
            .await?;
        Ok(())
    }

    async fn leave(&self, at: i64, user: &str) -> anyhow::Result<()> {
        use user_stats::Column::{
            CurrentSessionStart, LastSeen, SessionLastSeen, TotalTimeConnected, Username,
        };
        let seconds = greatest(Expr::val(at).sub(Expr::col(CurrentSessionStart)), 0);
        user_stats::Entity::update_many()
            .col_expr(LastSeen, greatest(Expr::col(LastSeen), at))
            .col_expr(TotalTimeConnected, Expr::col(TotalTimeConnected).add(seconds))
            .col_expr(CurrentSessionStart, Expr::val(None::<i64>))
            .col_expr(SessionLastSeen, Expr::val(None::<i64>))
            .filter(Username.eq(user))
            .filter(CurrentSessionStart.is_not_null())
            .exec(&self.database)
            .await?;
        Ok(())
    }

    async fn count(&self, at: i64, chat: i64, connected: i64) -> anyhow::Result<()> {
        use channel_stats::Column::{
            Id, LastUpdated, MaxConnected, MaxConnectedTimestamp, MaxUsers, MaxUsersTimestamp,
        };
        let sample = user_count_history::ActiveModel {
            timestamp: Set(at),
            chat_users: Set(chat),
            connected_users: Set(connected),
            ..Default::default()
        };
        let moment = |peak: channel_stats::Column, count: i64, moment: channel_stats::Column| {
            Expr::case(peak.lt(count), at).finally(Expr::col(moment))
        };
        let last = Func::coalesce([Expr::col(LastUpdated), Expr::val(at)]);
        let peaks = channel_stats::Entity::update_many()
            .col_expr(MaxUsers, greatest(Expr::col(MaxUsers), chat))
            .col_expr(MaxUsersTimestamp, moment(MaxUsers, chat, MaxUsersTimestamp).into())
            .col_expr(MaxConnected, greatest(Expr::col(MaxConnected), connected))
            .col_expr(MaxConnectedTimestamp, moment(MaxConnected, connected, MaxConnectedTimestamp).into())
            .col_expr(LastUpdated, greatest(last, at))
            .filter(Id.eq(1));
        let transaction = self.begin().await?;
        user_count_history::Entity::insert(sample).exec_without_returning(&transaction).await?;
        peaks.exec(&transaction).await?;
        Ok(transaction.commit().await?)
    }

    async fn top(&self, limit: i64) -> anyhow::Result<usize> {
        use user_stats::Column::{TotalChatLines, Username};
        let chatters: Vec<Chatter> = user_stats::Entity::find()
            .select_only()
            .columns([Username, TotalChatLines])
            .filter(TotalChatLines.gt(0))
            .order_by_desc(TotalChatLines)
            .order_by_asc(Username)
            .limit(u64::try_from(limit)?)
            .into_tuple()
            .all(&self.database)
            .await?;
        Ok(chatters.len())
    }

    async fn recent(&self, limit: i64) -> anyhow::Result<usize> {
        use recent_chat::Column::{Id, Timestamp};
        let mut lines = recent_chat::Entity::find()
            .order_by_desc(Timestamp)
            .order_by_desc(Id)
            .limit(u64::try_from(limit)?)
            .all(&self.database)
            .await?;
        lines.reverse();
        Ok(lines.len())
    }

    async fn stats(&self, user: &str) -> anyhow::Result<bool> {
        Ok(user_stats::Entity::find_by_id(user).one(&self.database).await?.is_some())
    }

    async fn queue(&self, at: i64, text: &str) -> anyhow::Result<()> {
        let message = outbound_messages::ActiveModel {
            timestamp: Set(at),
            message: Set(text.to_owned()),
            due_at: Set(Some(at)),
            ..Default::default()
        };
        outbound_messages::Entity::insert(message).exec_without_returning(&self.database).await?;
        match self.claim(at).await? {
            Some(message) => self.settle(at, &message).await,
            None => Ok(()),
        }
    }

    async fn durability(&self) -> anyhow::Result<String> {
        let backend = self.database.get_database_backend();
        let sql = if backend == DbBackend::Sqlite { SQLITE_DURABILITY } else { POSTGRES_DURABILITY };
        let row = self.database.query_one_raw(Statement::from_string(backend, sql)).await?;
        Ok(row.context("the engine says nothing")?.try_get("", "durability")?)
    }
}

impl SeaOrm {
    /// Claims the message that is due first and that nobody else is at.
    async fn claim(&self, at: i64) -> anyhow::Result<Option<outbound_messages::Model>> {
        use outbound_messages::Column::{DueAt, Id, LeaseToken, LeaseUntil};
        let first = outbound_messages::Entity::find()
            .select_only()
            .column(Id)
            .filter(DueAt.lte(at))
            .filter(LeaseUntil.is_null().or(LeaseUntil.lte(at)))
            .order_by_asc(DueAt)
            .order_by_asc(Id)
            .limit(1)
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
            .into_query();
        let claimed = outbound_messages::Entity::update_many()
            .col_expr(LeaseUntil, Expr::val(at + LEASE))
            .col_expr(LeaseToken, Expr::col(LeaseToken).add(1))
            .filter(Id.into_expr().eq(SubQueryStatement::from(first)))
            .exec_with_returning(&self.database)
            .await?;
        Ok(claimed.into_iter().next())
    }

    /// Marks a claimed message as sent.
    async fn settle(&self, at: i64, message: &outbound_messages::Model) -> anyhow::Result<()> {
        use outbound_messages::Column::{DueAt, Id, LeaseToken, LeaseUntil, Sent, SentTimestamp, State};
        outbound_messages::Entity::update_many()
            .col_expr(State, Expr::val("sent"))
            .col_expr(Sent, Expr::val(true))
            .col_expr(SentTimestamp, Expr::val(at))
            .col_expr(DueAt, Expr::val(None::<i64>))
            .col_expr(LeaseUntil, Expr::val(None::<i64>))
            .filter(Id.eq(message.id))
            .filter(LeaseToken.eq(message.lease_token))
            .exec(&self.database)
            .await?;
        Ok(())
    }
}
