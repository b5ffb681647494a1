//! Looking how a database is, without a store on it.

use botstore_core::config::Config;
use botstore_core::url::DatabaseUrl;
use botstore_core::{Examine, Result};

/// Looks how the database that `config` names is, and changes nothing in it. Its schema may be any.
///
/// # Errors
///
/// - [`Unavailable`](crate::ErrorKind::Unavailable), [`Timeout`](crate::ErrorKind::Timeout): the server cannot be reached.
///   What is wrong with a file is what looking finds.
/// - [`Schema`](crate::ErrorKind::Schema): the server's database is none for a store, by its encoding for instance.
/// - [`InvalidInput`](crate::ErrorKind::InvalidInput) of `database_url`: this program was built without that backend.
pub async fn examiner(config: &Config) -> Result<Box<dyn Examine>> {
    match &config.url {
        #[cfg(feature = "sqlite")]
        DatabaseUrl::Sqlite(url) => Ok(Box::new(botstore_sqlite::SqliteExaminer::new(url))),
        #[cfg(feature = "postgres")]
        DatabaseUrl::Postgres(url) => {
            let examiner = botstore_postgres::PostgresExaminer::open(url, &config.postgres);
            Ok(Box::new(Box::pin(examiner).await?))
        }
        #[cfg(not(all(feature = "sqlite", feature = "postgres")))]
        url => Err(crate::not_built_in(url)),
    }
}
