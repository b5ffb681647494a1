//! The work, on either pool.

/// Implements the contestant for a type with a `pool`, where the statements are in scope.
macro_rules! contestant {
    ($name:ident, begin = $begin:literal, durability = $durability:expr) => {
        #[async_trait::async_trait]
        impl botstore_bench_harness::Contestant for $name {
            async fn chat(&self, at: i64, user: &str, message: &str) -> anyhow::Result<()> {
                let mut transaction = self.pool.begin_with($begin).await?;
                sqlx::query(COUNT_LINE).bind(user).bind(at).execute(&mut *transaction).await?;
                sqlx::query(KEEP_LINE).bind(at).bind(user).bind(message).execute(&mut *transaction).await?;
                Ok(transaction.commit().await?)
            }

            async fn join(&self, at: i64, user: &str) -> anyhow::Result<()> {
                sqlx::query(JOIN).bind(user).bind(at).execute(&self.pool).await?;
                Ok(())
            }

            async fn leave(&self, at: i64, user: &str) -> anyhow::Result<()> {
                sqlx::query(LEAVE).bind(user).bind(at).execute(&self.pool).await?;
                Ok(())
            }

            async fn count(&self, at: i64, chat: i64, connected: i64) -> anyhow::Result<()> {
                let mut transaction = self.pool.begin_with($begin).await?;
                for statement in [KEEP_COUNT, RAISE_PEAKS] {
                    let query = sqlx::query(statement).bind(at).bind(chat).bind(connected);
                    query.execute(&mut *transaction).await?;
                }
                Ok(transaction.commit().await?)
            }

            async fn top(&self, limit: i64) -> anyhow::Result<usize> {
                let chatters: Vec<Chatter> = sqlx::query_as(TOP).bind(limit).fetch_all(&self.pool).await?;
                Ok(chatters.len())
            }

            async fn recent(&self, limit: i64) -> anyhow::Result<usize> {
                let mut lines: Vec<Line> = sqlx::query_as(RECENT).bind(limit).fetch_all(&self.pool).await?;
                lines.reverse();
                Ok(lines.len())
            }

            async fn stats(&self, user: &str) -> anyhow::Result<bool> {
                let stats: Option<Stats> =
                    sqlx::query_as(STATS).bind(user).fetch_optional(&self.pool).await?;
                Ok(stats.is_some())
            }

            async fn queue(&self, at: i64, text: &str) -> anyhow::Result<()> {
                sqlx::query(ENQUEUE).bind(at).bind(text).execute(&self.pool).await?;
                let claim = sqlx::query_as(CLAIM).bind(at).bind(at + LEASE);
                let claimed: Option<Claimed> = claim.fetch_optional(&self.pool).await?;
                if let Some((id, token, _message)) = claimed {
                    sqlx::query(SENT).bind(at).bind(id).bind(token).execute(&self.pool).await?;
                }
                Ok(())
            }

            async fn durability(&self) -> anyhow::Result<String> {
                Ok(sqlx::query_scalar($durability).fetch_one(&self.pool).await?)
            }
        }
    };
}

pub(super) use contestant;
