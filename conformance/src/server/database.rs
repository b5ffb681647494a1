//! A database on a test server, and SQL as another program would run it.

use anyhow::{Context as _, anyhow, bail};
use botstore::url::DatabaseUrl;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use super::{Limits, PostgresServer, Secret};

/// A database of a [`PostgresServer`]. It is dropped, whoever is connected to it, when this is.
#[derive(Debug)]
pub struct PostgresDatabase {
    pub(super) server: PostgresServer,
    pub(super) name: String,
    pub(super) url: Secret,
    pub(super) admin: Secret,
}

impl PostgresDatabase {
    /// The URL for stores, with the password.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url.0
    }

    /// The URL of the administrator, who may do everything, with the password.
    #[must_use]
    pub fn admin_url(&self) -> &str {
        &self.admin.0
    }

    /// Whether stores may only work with the rows, and not with the schema.
    #[must_use]
    pub fn is_rows_only(&self) -> bool {
        self.server.0.limits == Limits::RowsOnly
    }

    /// The server.
    #[must_use]
    pub fn server(&self) -> &PostgresServer {
        &self.server
    }

    /// Runs statements as the administrator, and gives the first column of the rows, as text.
    ///
    /// # Errors
    ///
    /// The server refuses.
    pub async fn sql(&self, statements: &str) -> anyhow::Result<Vec<String>> {
        query(&self.admin.0, statements).await
    }

    /// Connects as the administrator, for a transaction that is to last. The connection ends when the client is dropped.
    ///
    /// # Errors
    ///
    /// The server refuses.
    pub async fn connect(&self) -> anyhow::Result<Client> {
        let (client, connection) = tokio_postgres::connect(&connection_string(&self.admin.0)?, NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// A further database on the same server, without any table.
    ///
    /// # Errors
    ///
    /// The server refuses.
    pub fn beside(&self) -> anyhow::Result<Self> {
        self.server.create_database()
    }

    /// A copy of the database, to which nobody may be connected.
    ///
    /// # Errors
    ///
    /// The server refuses.
    pub fn copy(&self) -> anyhow::Result<Self> {
        self.server.create(&format!("TEMPLATE {}", self.name))
    }

    /// Brings the schema up to date, as the role in `url`.
    pub(super) fn migrate(&self, url: &Secret) -> anyhow::Result<()> {
        let url: DatabaseUrl = url.0.parse()?;
        blocking(async { Ok(botstore::migrate(&botstore::Config::new(url)).await?) })
            .context("cannot migrate an empty PostgreSQL database")?;
        Ok(())
    }
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        if let Err(error) = self.server.execute(&format!("DROP DATABASE {} WITH (FORCE)", self.name)) {
            eprintln!("a test database was left behind: {error:#}");
        }
    }
}

/// Runs statements on a connection of its own, without TLS, and gives the first column of the rows, as text.
pub(crate) async fn query(url: &str, statements: &str) -> anyhow::Result<Vec<String>> {
    let server = connection_string(url)?;
    let answer = async {
        let (client, connection) = tokio_postgres::connect(&server, NoTls).await?;
        // Whoever copies or drops the database next finds nobody connected.
        let (answer, _) = tokio::join!(
            async move {
                let answer = client.simple_query(statements).await;
                drop(client);
                answer
            },
            connection
        );
        answer
    };
    let answer = answer.await.with_context(|| format!("PostgreSQL refused: {statements}"))?;
    Ok(answer.iter().filter_map(first_column).collect())
}

fn first_column(answer: &SimpleQueryMessage) -> Option<String> {
    match answer {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    }
}

/// Waits for a future. It may be called in and outside asynchronous code, hence the thread.
pub(crate) fn blocking<T: Send>(future: impl Future<Output = anyhow::Result<T>> + Send) -> anyhow::Result<T> {
    std::thread::scope(|scope| {
        let worker = scope
            .spawn(|| tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(future));
        worker.join().map_err(|_| anyhow!("the thread panicked"))?
    })
}

/// The URL in the driver's form.
fn connection_string(url: &str) -> anyhow::Result<String> {
    let DatabaseUrl::Postgres(url) = url.parse()? else { bail!("the URL is not PostgreSQL's") };
    Ok(url.connection_string())
}
