//! A database with many rows.

use std::sync::Arc;
use std::time::Duration;

use botstore_conformance::server::{PostgresDatabase, PostgresServer};
use botstore_core::Result;
use botstore_core::clock::{Clock, SystemClock};
use botstore_core::settings::PostgresSettings;
use botstore_core::url::{DatabaseUrl, PostgresUrl};
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::time::timeout;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Config, NoTls};

use crate::open::PostgresStore;
use crate::session::Session;

/// Far more than any work takes.
const PATIENCE: Duration = Duration::from_secs(240);

/// Fills each large table with rows that differ as those of a bot do: nearly all messages are sent, a few users are
/// there, half of the tokens are revoked.
const FILL: &str = "
    INSERT INTO user_stats (username, first_seen, last_seen, total_chat_lines, current_session_start, session_last_seen)
        SELECT 'user' || i, i, i, i % 100, CASE WHEN i <= 20 THEN i END, CASE WHEN i <= 20 THEN i END
        FROM generate_series(1, 50000) AS i;
    INSERT INTO recent_chat (timestamp, username, message)
        SELECT i, 'user' || i % 1000, 'hello' FROM generate_series(1, 50000) AS i;
    INSERT INTO user_count_history (timestamp, chat_users, connected_users)
        SELECT i, 1, 2 FROM generate_series(1, 50000) AS i;
    INSERT INTO user_actions (timestamp, username, action_type)
        SELECT i, 'user' || i % 1000, CASE i % 3 WHEN 0 THEN 'kick' WHEN 1 THEN 'ban' ELSE 'mute' END
        FROM generate_series(1, 50000) AS i;
    INSERT INTO outbound_messages (timestamp, message, unique_key, state, sent, sent_timestamp, due_at)
        SELECT i, 'hello', 'key' || i, CASE WHEN is_sent THEN 'sent' ELSE 'queued' END, is_sent,
            CASE WHEN is_sent THEN i END, CASE WHEN NOT is_sent THEN i END
        FROM generate_series(1, 50000) AS i, LATERAL (SELECT i <= 49900 AS is_sent) AS state;
    INSERT INTO api_tokens (token_hash, token_prefix, created_at, is_active, revoked_at)
        SELECT sha256(i::text::bytea), lpad(i::text, 8, '0'), i, i % 2 = 0, CASE WHEN i % 2 = 1 THEN i END
        FROM generate_series(1, 50000) AS i;
    INSERT INTO plugin_values (plugin, key, value, version, expires_at)
        SELECT 'plugin' || i % 20, 'key' || i, '1', i, CASE WHEN i % 10 = 0 THEN i END
        FROM generate_series(1, 50000) AS i;
    VACUUM ANALYZE";

/// A migrated database, and a connection to it past any store, with the settings of a store's connections.
pub(crate) struct Database {
    client: Client,
    runtime: Runtime,
    // Dropped last, when nobody is connected any more.
    database: PostgresDatabase,
}

impl Database {
    /// A database without rows; none if `BOTSTORE_TEST_BACKENDS` leaves PostgreSQL out.
    pub(crate) fn migrated() -> Option<Self> {
        if !is_wanted() {
            return None;
        }
        let database = PostgresServer::shared().unwrap().create_database().unwrap();
        let runtime = Runtime::new().unwrap();
        let client = runtime.block_on(async {
            let mut config: Config = database.url().parse().unwrap();
            let (mut client, connection) = config
                .options(Session::of(&PostgresSettings::default()).options())
                .connect(NoTls)
                .await
                .unwrap();
            tokio::spawn(connection);
            botstore_migrations::postgres::migrate(&mut client).await.unwrap();
            client
        });
        Some(Self { client, runtime, database })
    }

    /// The same, with 50,000 rows in each table that grows.
    pub(super) fn filled() -> Option<Self> {
        let database = Self::migrated()?;
        database.run(async |client| {
            for statement in FILL.split(';') {
                client.batch_execute(statement).await.unwrap();
            }
        });
        Some(database)
    }

    /// Runs `work` with the connection. What hangs is a failure.
    pub(crate) fn run<T>(&self, work: impl AsyncFnOnce(&Client) -> T) -> T {
        self.runtime.block_on(async { timeout(PATIENCE, work(&self.client)).await.unwrap() })
    }

    /// A store on the database.
    pub(crate) async fn store(&self) -> PostgresStore {
        self.store_with("").await
    }

    /// A store on the database, with these parameters in its URL.
    pub(crate) async fn store_with(&self, parameters: &str) -> PostgresStore {
        self.open(parameters, Arc::new(SystemClock)).await.unwrap()
    }

    /// Opens a store on the database, with these parameters in its URL, and a clock.
    pub(crate) async fn open(&self, parameters: &str, clock: Arc<dyn Clock>) -> Result<PostgresStore> {
        open(&format!("{}?{parameters}", self.database.url()), clock).await
    }

    /// The database's URL.
    pub(crate) fn url(&self) -> &str {
        self.database.url()
    }

    /// The plan that is kept for a prepared statement, made without knowing any parameter.
    pub(super) fn explain(&self, sql: &str, types: &[Type]) -> Value {
        self.run(async |client| {
            let types: Vec<_> = types.iter().map(Type::name).collect();
            let types = if types.is_empty() { String::new() } else { format!("({})", types.join(", ")) };
            let prepare = format!("DEALLOCATE ALL; PREPARE statement {types} AS {sql}");
            client.batch_execute(&prepare).await.unwrap();
            let count =
                "SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = 'statement'";
            let count: i32 = client.query_typed(count, &[]).await.unwrap()[0].get(0);
            let nulls = vec!["NULL"; count.unsigned_abs() as usize].join(", ");
            let arguments = if nulls.is_empty() { nulls } else { format!("({nulls})") };
            let explain = format!("EXPLAIN (FORMAT JSON) EXECUTE statement {arguments}");
            let rows = client.query_typed(&explain, &[]).await.unwrap();
            rows[0].get::<_, Value>(0)[0]["Plan"].clone()
        })
    }
}

/// Whether `BOTSTORE_TEST_BACKENDS` has PostgreSQL tested.
pub(crate) fn is_wanted() -> bool {
    let wanted = std::env::var("BOTSTORE_TEST_BACKENDS").unwrap_or_default();
    wanted.is_empty() || wanted.split(',').any(|backend| backend.trim() == "postgres")
}

/// Opens a store whose schema is up to date.
pub(crate) async fn open(url: &str, clock: Arc<dyn Clock>) -> Result<PostgresStore> {
    let url = postgres_url(url);
    let settings = url.settings(PostgresSettings::default());
    PostgresStore::open_with(&url, &settings, false, clock).await
}

/// A URL, which is PostgreSQL's.
pub(crate) fn postgres_url(url: &str) -> PostgresUrl {
    let DatabaseUrl::Postgres(url) = url.parse().unwrap() else { unreachable!() };
    *url
}
