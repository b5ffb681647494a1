//! The indexes of the newest schema, and what makes one again.

/// An index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Index {
    pub(super) name: &'static str,
    pub(super) table: &'static str,
    /// As the server writes it: of a constraint what it is, else how the index is made.
    definition: &'static str,
}

impl Index {
    const fn new(name: &'static str, table: &'static str, definition: &'static str) -> Self {
        Self { name, table, definition }
    }

    /// The statement that makes it again.
    pub(super) fn statement(&self) -> String {
        let Self { name, table, definition } = self;
        if definition.starts_with("USING ") {
            format!("CREATE INDEX {name} ON {table} {definition}")
        } else {
            format!("ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
        }
    }
}

/// All of them, those of keys and of what may be there only once, too.
pub(super) const INDEXES: [Index; 28] = [
    Index::new(
        "api_tokens_by_expiry",
        "api_tokens",
        "USING btree (expires_at) WHERE (expires_at IS NOT NULL)",
    ),
    Index::new("api_tokens_by_prefix", "api_tokens", "USING btree (token_prefix)"),
    Index::new(
        "api_tokens_by_revocation",
        "api_tokens",
        "USING btree (revoked_at) WHERE (revoked_at IS NOT NULL)",
    ),
    Index::new("api_tokens_pkey", "api_tokens", "PRIMARY KEY (id)"),
    Index::new("api_tokens_token_hash_key", "api_tokens", "UNIQUE (token_hash)"),
    Index::new("channel_stats_pkey", "channel_stats", "PRIMARY KEY (id)"),
    Index::new("current_status_pkey", "current_status", "PRIMARY KEY (id)"),
    Index::new("database_identity_pkey", "database_identity", "PRIMARY KEY (id)"),
    Index::new(
        "outbound_messages_by_sent",
        "outbound_messages",
        "USING btree (sent_timestamp) WHERE (sent_timestamp IS NOT NULL)",
    ),
    Index::new("outbound_messages_by_state", "outbound_messages", "USING btree (state, id)"),
    Index::new(
        "outbound_messages_due",
        "outbound_messages",
        "USING btree (due_at, id) WHERE (due_at IS NOT NULL)",
    ),
    Index::new("outbound_messages_pkey", "outbound_messages", "PRIMARY KEY (id)"),
    Index::new("outbound_messages_unique_key_key", "outbound_messages", "UNIQUE (unique_key)"),
    Index::new(
        "plugin_values_by_expiry",
        "plugin_values",
        "USING btree (expires_at) WHERE (expires_at IS NOT NULL)",
    ),
    Index::new("plugin_values_pkey", "plugin_values", "PRIMARY KEY (plugin, key)"),
    Index::new("plugin_values_version_key", "plugin_values", "UNIQUE (version)"),
    Index::new("recent_chat_by_time", "recent_chat", r#"USING btree ("timestamp", id)"#),
    Index::new("recent_chat_pkey", "recent_chat", "PRIMARY KEY (id)"),
    Index::new("source_positions_pkey", "source_positions", "PRIMARY KEY (source)"),
    Index::new("user_actions_by_time", "user_actions", r#"USING btree ("timestamp", id)"#),
    Index::new("user_actions_by_type", "user_actions", r#"USING btree (action_type, "timestamp", id)"#),
    Index::new("user_actions_by_user", "user_actions", r#"USING btree (username, "timestamp", id)"#),
    Index::new(
        "user_actions_by_user_and_type",
        "user_actions",
        r#"USING btree (username, action_type, "timestamp", id)"#,
    ),
    Index::new("user_actions_pkey", "user_actions", "PRIMARY KEY (id)"),
    Index::new("user_count_history_by_time", "user_count_history", r#"USING btree ("timestamp", id)"#),
    Index::new("user_count_history_pkey", "user_count_history", "PRIMARY KEY (id)"),
    Index::new("user_stats_by_rank", "user_stats", "USING btree (chat_rank DESC) WHERE (chat_rank > 0)"),
    Index::new("user_stats_pkey", "user_stats", "PRIMARY KEY (username)"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Database;

    #[test]
    fn the_list_of_indexes_is_that_of_the_migrations() {
        let Some(database) = Database::migrated() else { return };
        let made = database.run(async |client| {
            let sql = "SELECT relname::text, indrelid::regclass::text,
                    coalesce(pg_get_constraintdef(con.oid), substring(pg_get_indexdef(indexrelid) FROM 'USING .*'))
                FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
                LEFT JOIN pg_constraint AS con ON conindid = indexrelid
                WHERE relnamespace = current_schema()::regnamespace AND relname <> 'refinery_schema_history_pkey'
                ORDER BY relname COLLATE \"C\"";
            let rows = client.query_typed(sql, &[]).await.unwrap();
            rows.iter().map(|row| [0, 1, 2].map(|at| row.get::<_, String>(at))).collect::<Vec<_>>()
        });
        let listed =
            INDEXES.map(|Index { name, table, definition }| [name, table, definition].map(str::to_owned));
        assert_eq!(made, listed);
    }
}
