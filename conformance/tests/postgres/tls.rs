//! Which servers are believed over TLS, and how a bot proves who it is.

use botstore::ErrorKind;
use botstore_conformance::secrets;
use botstore_conformance::server::{Certificates, Flavour, PostgresDatabase};

use crate::given::config;

crate::tests![a_server_is_believed_as_far_as_sslmode_says,];

/// The server's URL up to its parameters, of the role with the password.
fn base(database: &PostgresDatabase) -> &str {
    database.url().split_once('?').unwrap().0
}

async fn try_out(url: &str) -> Result<(), String> {
    match secrets::open(&config(url)).await {
        Ok(store) => {
            store.health().await.unwrap();
            store.close().await.unwrap();
            Ok(())
        }
        Err(error) => {
            assert_eq!(*error.kind(), ErrorKind::Unavailable, "{error}");
            Err(error.to_string())
        }
    }
}

async fn a_server_is_believed_as_far_as_sslmode_says() {
    let database = Flavour::Tls.start().unwrap().create_migrated().unwrap();
    let base = base(&database);
    let Certificates { authority, stranger, client, client_key, .. } =
        database.server().certificates().unwrap();
    let (authority, stranger) = (authority.display(), stranger.display());
    let other_name = base.replace("@localhost:", "@elsewhere.example:");
    let by_certificate = {
        let place = base.split_once('@').unwrap().1;
        format!("postgresql://{}@{place}?sslmode=verify-full&sslrootcert={authority}", Certificates::CLIENT)
    };
    let (certificate, key) = (client.display(), client_key.display());

    for (url, refused_with) in [
        (format!("{base}?sslmode=verify-full&sslrootcert={authority}"), None),
        (format!("{base}?sslmode=verify-ca&sslrootcert={authority}"), None),
        (format!("{base}?sslmode=require"), None),
        (format!("{base}?sslmode=prefer"), None),
        (format!("{base}?ssl=require"), None),
        (format!("{base}?sslmode=verify-full&sslrootcert={authority}&channel_binding=require"), None),
        (format!("{other_name}?hostaddr=127.0.0.1&sslmode=verify-ca&sslrootcert={authority}"), None),
        (format!("{by_certificate}&sslcert={certificate}&sslkey={key}"), None),
        // The server takes nobody without TLS.
        (format!("{base}?sslmode=disable"), Some("28000")),
        // The system's authorities know nothing of it.
        (format!("{base}?sslmode=verify-full"), Some("sslrootcert")),
        (format!("{base}?sslmode=verify-full&sslrootcert={stranger}"), Some("sslrootcert")),
        (format!("{base}?sslmode=verify-ca&sslrootcert={stranger}"), Some("sslrootcert")),
        (format!("{base}?sslmode=require&sslrootcert={stranger}"), Some("sslrootcert")),
        (
            format!("{other_name}?hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert={authority}"),
            Some("verify-ca"),
        ),
        (by_certificate.clone(), Some("certificate")),
    ] {
        match (try_out(&url).await, refused_with) {
            (Ok(()), None) => {}
            (Err(error), Some(word)) => assert!(error.contains(word), "{word} is not in: {error}"),
            (answer, _) => panic!("{}: {answer:?}", url.split_once('?').unwrap().1),
        }
    }
}
