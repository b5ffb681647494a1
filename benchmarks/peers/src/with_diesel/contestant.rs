//! The work, on either pool.

/// Implements the contestant for a type with a `pool`, where `least`, `greatest` and `claim` are in scope.
macro_rules! contestant {
    ($name:ident, $transaction:ident, durability = $durability:expr) => {
        #[async_trait::async_trait]
        impl botstore_bench_harness::Contestant for $name {
            async fn chat(&self, at: i64, user: &str, message: &str) -> anyhow::Result<()> {
                use crate::with_diesel::schema::{recent_chat, user_stats::dsl::*};
                let upsert = insert_into(user_stats)
                    .values((username.eq(user), first_seen.eq(at), last_seen.eq(at), total_chat_lines.eq(1)))
                    .on_conflict(username)
                    .do_update()
                    .set((
                        first_seen.eq(least(first_seen, excluded(first_seen))),
                        last_seen.eq(greatest(last_seen, excluded(last_seen))),
                        total_chat_lines.eq(total_chat_lines + 1),
                        session_last_seen.eq(case_when(
                            current_session_start.is_not_null(),
                            greatest(session_last_seen.assume_not_null(), excluded(last_seen)).nullable(),
                        )),
                    ));
                let line = insert_into(recent_chat::table).values((
                    recent_chat::timestamp.eq(at),
                    recent_chat::username.eq(user),
                    recent_chat::message.eq(message),
                ));
                let mut connection = self.pool.get().await?;
                connection
                    .$transaction(async |connection| {
                        upsert.execute(connection).await?;
                        line.execute(connection).await
                    })
                    .await?;
                Ok(())
            }

            async fn join(&self, at: i64, user: &str) -> anyhow::Result<()> {
                use crate::with_diesel::schema::user_stats::dsl::*;
                let upsert =
                    insert_into(user_stats)
                        .values((
                            username.eq(user),
                            first_seen.eq(at),
                            last_seen.eq(at),
                            current_session_start.eq(at),
                            session_last_seen.eq(at),
                        ))
                        .on_conflict(username)
                        .do_update()
                        .set((
                            first_seen.eq(least(first_seen, excluded(first_seen))),
                            last_seen.eq(greatest(last_seen, excluded(last_seen))),
                            total_time_connected
                                .eq(total_time_connected
                                    + coalesce(session_last_seen - current_session_start, 0)),
                            current_session_start.eq(excluded(current_session_start)),
                            session_last_seen.eq(excluded(session_last_seen)),
                        ));
                upsert.execute(&mut self.pool.get().await?).await?;
                Ok(())
            }

            async fn leave(&self, at: i64, user: &str) -> anyhow::Result<()> {
                use crate::with_diesel::schema::user_stats::dsl::*;
                let close = update(user_stats.find(user).filter(current_session_start.is_not_null())).set((
                    last_seen.eq(greatest(last_seen, at)),
                    total_time_connected.eq(total_time_connected
                        + greatest(at.into_sql::<BigInt>() - current_session_start.assume_not_null(), 0)),
                    current_session_start.eq(None::<i64>),
                    session_last_seen.eq(None::<i64>),
                ));
                close.execute(&mut self.pool.get().await?).await?;
                Ok(())
            }

            async fn count(&self, at: i64, chat: i64, connected: i64) -> anyhow::Result<()> {
                use crate::with_diesel::schema::{channel_stats::dsl::*, user_count_history};
                let sample = insert_into(user_count_history::table).values((
                    user_count_history::timestamp.eq(at),
                    user_count_history::chat_users.eq(chat),
                    user_count_history::connected_users.eq(connected),
                ));
                let peaks = update(channel_stats.find(1)).set((
                    max_users.eq(greatest(max_users, chat)),
                    max_users_timestamp
                        .eq(case_when(max_users.lt(chat), Some(at)).otherwise(max_users_timestamp)),
                    max_connected.eq(greatest(max_connected, connected)),
                    max_connected_timestamp
                        .eq(case_when(max_connected.lt(connected), Some(at))
                            .otherwise(max_connected_timestamp)),
                    last_updated.eq(greatest(coalesce(last_updated, at), at).nullable()),
                ));
                let mut connection = self.pool.get().await?;
                connection
                    .$transaction(async |connection| {
                        sample.execute(connection).await?;
                        peaks.execute(connection).await
                    })
                    .await?;
                Ok(())
            }

            async fn top(&self, limit: i64) -> anyhow::Result<usize> {
                use crate::with_diesel::schema::user_stats::dsl::*;
                let query = user_stats
                    .filter(total_chat_lines.gt(0))
                    .order((total_chat_lines.desc(), username))
                    .limit(limit)
                    .select((username, total_chat_lines));
                let chatters: Vec<Chatter> = query.load(&mut self.pool.get().await?).await?;
                Ok(chatters.len())
            }

            async fn recent(&self, limit: i64) -> anyhow::Result<usize> {
                use crate::with_diesel::schema::recent_chat::dsl::*;
                let query = recent_chat.order((timestamp.desc(), id.desc())).limit(limit);
                let mut lines: Vec<Line> = query.load(&mut self.pool.get().await?).await?;
                lines.reverse();
                Ok(lines.len())
            }

            async fn stats(&self, user: &str) -> anyhow::Result<bool> {
                use crate::with_diesel::schema::user_stats;
                let query = user_stats::table.find(user);
                let stats: Option<Stats> = query.first(&mut self.pool.get().await?).await.optional()?;
                Ok(stats.is_some())
            }

            async fn queue(&self, at: i64, text: &str) -> anyhow::Result<()> {
                use crate::with_diesel::schema::outbound_messages::dsl::*;
                let enqueue = insert_into(outbound_messages).values((
                    timestamp.eq(at),
                    message.eq(text),
                    due_at.eq(at),
                ));
                enqueue.execute(&mut self.pool.get().await?).await?;
                let mut connection = self.pool.get().await?;
                let claimed: Option<Claimed> = claim(&mut connection, at).await?;
                drop(connection);
                if let Some((claimed, token, _message)) = claimed {
                    let settle = update(outbound_messages.find(claimed).filter(lease_token.eq(token))).set((
                        state.eq("sent"),
                        sent.eq(true),
                        sent_timestamp.eq(at),
                        due_at.eq(None::<i64>),
                        lease_until.eq(None::<i64>),
                    ));
                    settle.execute(&mut self.pool.get().await?).await?;
                }
                Ok(())
            }

            async fn durability(&self) -> anyhow::Result<String> {
                let durability = sql::<Text>($durability);
                Ok(durability.get_result(&mut self.pool.get().await?).await?)
            }
        }
    };
}

pub(super) use contestant;
