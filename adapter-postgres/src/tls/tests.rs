use std::path::PathBuf;
use std::time::{Duration, Instant};

use botstore_conformance::server::{PostgresDatabase, PostgresServer};
use botstore_core::settings::PostgresSettings;
use botstore_core::url::DatabaseUrl;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tokio_postgres::NoTls;

use crate::connect::{ConnectError, Connector};
use crate::testing;

use super::*;

/// A certificate of X.509 version 1, as `openssl x509 -req` without `-extfile` makes it, and its key.
const OLD: (&str, &str) = (include_str!("tests/version-1.pem"), include_str!("tests/version-1.key"));

type Authority = Issuer<'static, KeyPair>;

/// A certificate authority, and its certificate.
fn authority(name: &str) -> (Authority, String) {
    let (mut params, key) = (CertificateParams::default(), KeyPair::generate().unwrap());
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = params.self_signed(&key).unwrap().pem();
    (Issuer::new(params, key), pem)
}

/// A certificate for this name, and its key.
fn certificate(authority: &Authority, name: &str) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new([name.to_owned()]).unwrap();
    (params.signed_by(&key, authority).unwrap().pem(), key.serialize_pem())
}

/// Files of this side's.
struct Files(TempDir);

impl Files {
    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The parameters, where `@name` stands for the path of a file.
    fn parameters(&self, text: &str) -> String {
        text.replace('@', &format!("{}/", self.0.path().display()))
    }
}

/// A server that encrypts, as `db.example`, and three databases: the second one is only for who has a certificate.
struct Encrypted {
    open: PostgresDatabase,
    guarded: PostgresDatabase,
    /// This one is only for who does without TLS.
    plain: PostgresDatabase,
    files: Files,
}

impl Encrypted {
    async fn start() -> Self {
        Self::start_with(None).await
    }

    /// With this certificate and its key in place of one that is good.
    async fn start_with(certificate_and_key: Option<(&str, &str)>) -> Self {
        let server = PostgresServer::start_durable(&std::env::temp_dir()).unwrap();
        let [open, guarded, plain] = [(); 3].map(|()| server.create_database().unwrap());
        let files = Files(tempfile::tempdir().unwrap());
        let ((ours, ours_pem), (_, strangers_pem)) = (authority("ours"), authority("strangers"));
        let (_, namesake_pem) = authority("ours");
        let (server_pem, server_key) = match certificate_and_key {
            Some((pem, key)) => (pem.to_owned(), key.to_owned()),
            None => certificate(&ours, "db.example"),
        };
        let (client_pem, client_key) = certificate(&ours, "bot.example");
        files.write("ours.pem", &ours_pem);
        files.write("strangers.pem", &strangers_pem);
        files.write("namesake.pem", &namesake_pem);
        files.write("client.pem", &client_pem);
        files.write("client.key", &client_key);
        let [name, without] = [&guarded, &plain].map(|database| database.url().rsplit('/').next().unwrap());
        let hba = format!(
            "hostssl {name} all all scram-sha-256 clientcert=verify-ca\nhost {name} all all reject\n\
             hostssl {without} all all reject\nhost all all all scram-sha-256"
        );
        let (client, connection) = tokio_postgres::connect(open.url(), NoTls).await.unwrap();
        tokio::spawn(connection);
        for (file, text) in [
            ("server.crt", &server_pem),
            ("server.key", &server_key),
            ("root.crt", &format!("{ours_pem}{}", OLD.0)),
            ("pg_hba.conf", &hba),
        ] {
            let lines = format!("SELECT * FROM string_to_table('{text}', E'\\n')");
            let write = format!("COPY ({lines}) TO PROGRAM 'umask 077; cat > {file}'");
            client.batch_execute(&write).await.unwrap();
        }
        for set in ["ssl = on", "ssl_ca_file = 'root.crt'"] {
            client.batch_execute(&format!("ALTER SYSTEM SET {set}")).await.unwrap();
        }
        client.batch_execute("SELECT pg_reload_conf()").await.unwrap();
        let encrypted = Self { open, guarded, plain, files };
        let begun = Instant::now();
        while let Err(error) = encrypted.connect(&encrypted.open, "db.example", "sslmode=require").await {
            assert!(begun.elapsed() < Duration::from_secs(30), "{error}");
            tokio::task::yield_now().await;
        }
        encrypted
    }

    /// Connects under this name, and says whether that was encrypted.
    async fn connect(
        &self,
        database: &PostgresDatabase,
        name: &str,
        parameters: &str,
    ) -> Result<bool, ConnectError> {
        let url = database.url().replace("127.0.0.1", name);
        let connector =
            connector_of(&format!("{url}?hostaddr=127.0.0.1&{}", self.files.parameters(parameters)));
        let client = connector.unwrap().connect().await?.client;
        let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
        Ok(client.query_typed(sql, &[]).await.unwrap()[0].get("ssl"))
    }
}

fn connector_of(url: &str) -> Result<Connector, InvalidInput> {
    let DatabaseUrl::Postgres(url) = url.parse()? else { panic!("no PostgreSQL URL") };
    Connector::new(&url, &PostgresSettings::default())
}

#[tokio::test]
async fn each_mode_believes_whom_it_promises_to() {
    if !testing::is_wanted() {
        return;
    }
    let encrypted = Encrypted::start().await;
    for (name, parameters, expected) in [
        ("db.example", "sslmode=verify-full&sslrootcert=@ours.pem", Ok(true)),
        ("other.example", "sslmode=verify-full&sslrootcert=@ours.pem", Err("or use sslmode=verify-ca")),
        ("db.example", "sslmode=verify-full&sslrootcert=@strangers.pem", Err("as sslrootcert")),
        ("other.example", "sslmode=verify-ca&sslrootcert=@ours.pem", Ok(true)),
        ("db.example", "sslmode=verify-ca&sslrootcert=@strangers.pem", Err("as sslrootcert")),
        ("other.example", "sslmode=require&sslrootcert=@ours.pem", Ok(true)),
        ("db.example", "sslmode=require&sslrootcert=@namesake.pem", Err("as sslrootcert")),
        ("other.example", "sslmode=require", Ok(true)),
        ("other.example", "sslmode=prefer", Ok(true)),
        ("other.example", "sslmode=disable", Ok(false)),
        ("db.example", "sslmode=require&channel_binding=require", Ok(true)),
    ] {
        let connected = encrypted.connect(&encrypted.open, name, parameters).await;
        match (connected, expected) {
            (Ok(ssl), Ok(expected)) => assert_eq!(ssl, expected, "{parameters}"),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{parameters}: {error}"),
            (connected, _) => panic!("{name} {parameters}: {connected:?}"),
        }
    }
    // What only who has a certificate may see.
    for (parameters, admitted) in [
        ("sslmode=require", false),
        ("sslmode=require&sslcert=@client.pem&sslkey=@client.key", true),
        ("sslmode=disable&sslcert=@client.pem&sslkey=@client.key", false),
    ] {
        let connected = encrypted.connect(&encrypted.guarded, "db.example", parameters).await;
        assert_eq!(connected.is_ok(), admitted, "{parameters}: {connected:?}");
    }
}

#[tokio::test]
async fn who_only_prefers_tls_does_without_where_the_server_takes_nobody_over_it() {
    if !testing::is_wanted() {
        return;
    }
    let encrypted = Encrypted::start().await;
    let connect = async |parameters| {
        let connected = encrypted.connect(&encrypted.plain, "db.example", parameters).await;
        connected.map_err(|error| error.to_string())
    };
    assert_eq!(connect("sslmode=prefer").await, Ok(false));
    assert_eq!(connect("").await, Ok(false), "it is the default");
    for parameters in ["sslmode=require", "sslmode=prefer&channel_binding=require"] {
        let refused = connect(parameters).await.unwrap_err();
        assert!(refused.contains("28000") && !refused.contains("without TLS"), "{parameters}: {refused}");
    }
    // A password that is wrong is not tried in the open as well.
    let url = encrypted.open.url().replace("127.0.0.1", "db.example");
    let (start, end) = url.split_once('@').unwrap();
    let url = format!("{}wrong@{end}?hostaddr=127.0.0.1", &start[..=start.rfind(':').unwrap()]);
    let refused = connector_of(&url).unwrap().connect().await.map(drop).unwrap_err();
    assert_eq!(refused.attempts.len(), 1, "{refused}");
    // Nor is anybody's word for it lost if neither way will do.
    let refused = encrypted.connect(&encrypted.guarded, "db.example", "sslmode=prefer").await.unwrap_err();
    assert!(refused.to_string().contains("without TLS: "), "{refused}");
}

#[tokio::test]
async fn a_certificate_of_version_1_will_do_where_none_is_looked_at() {
    if !testing::is_wanted() {
        return;
    }
    let encrypted = Encrypted::start_with(Some(OLD)).await;
    encrypted.files.write("old.pem", OLD.0);
    encrypted.files.write("old.key", OLD.1);
    let connect = async |parameters| {
        let connected = encrypted.connect(&encrypted.open, "db.example", parameters).await;
        connected.map_err(|error| error.to_string())
    };
    for parameters in
        ["sslmode=prefer", "sslmode=require", "sslmode=require&channel_binding=require", OLD_AS_OWN]
    {
        assert_eq!(connect(parameters).await, Ok(true), "{parameters}");
    }
    let refused = connect("sslmode=verify-full&sslrootcert=@old.pem").await.unwrap_err();
    assert!(refused.contains("is of X.509 version 1: issue it anew as version 3"), "{refused}");

    // The key of such a certificate cannot be used in TLS 1.2: the two do not get along.
    let client = encrypted.open.connect().await.unwrap();
    client.batch_execute("ALTER SYSTEM SET ssl_max_protocol_version = 'TLSv1.2'").await.unwrap();
    client.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    while connect("sslmode=require").await.is_ok() {
        tokio::task::yield_now().await;
    }
    let refused = connect("sslmode=require").await.unwrap_err();
    assert!(refused.contains("is of X.509 version 1"), "{refused}");
    assert_eq!(connect("sslmode=prefer").await, Ok(false));
}

/// This side shows it, too, and the server takes it.
const OLD_AS_OWN: &str = "sslmode=require&sslcert=@old.pem&sslkey=@old.key";

#[tokio::test]
async fn a_server_that_cannot_encrypt_is_used_unless_it_must() {
    if !testing::is_wanted() {
        return;
    }
    let database = PostgresServer::start_durable(&std::env::temp_dir()).unwrap().create_database().unwrap();
    let connect = async |mode| {
        let connector = connector_of(&format!("{}?sslmode={mode}", database.url())).unwrap();
        connector.connect().await.map(drop).map_err(|error| error.to_string())
    };
    assert_eq!(connect("prefer").await, Ok(()));
    let advice = "server does not support TLS; switch it on there (ssl = on), or say sslmode=prefer where nobody \
        listens in";
    assert_eq!(connect("require").await, Err(advice.to_owned()));
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let files = Files(tempfile::tempdir().unwrap());
    let (ours, ours_pem) = authority("ours");
    let ((one, key), (other, _)) = (certificate(&ours, "one"), certificate(&ours, "other"));
    files.write("ours.pem", &ours_pem);
    files.write("one.pem", &one);
    files.write("one.key", &key);
    files.write("other.pem", &other);
    files.write("empty.pem", "");
    for (parameters, reason) in [
        ("sslrootcert=@none.pem", "names an sslrootcert @none.pem that cannot be read: No such file"),
        ("sslrootcert=@empty.pem", "names an sslrootcert @empty.pem without a certificate in PEM form"),
        ("sslrootcert=@one.key", "names an sslrootcert @one.key without a certificate in PEM form"),
        (
            "sslrootcert=@ours.pem&sslcert=@one.pem&sslkey=@one.pem",
            "names an sslkey @one.pem without a key in PEM form that needs no passphrase",
        ),
        (
            "sslrootcert=@ours.pem&sslcert=@other.pem&sslkey=@one.key",
            "names an sslcert @other.pem and an sslkey @one.key that do not fit each other",
        ),
    ] {
        let url = format!("postgresql://ada@host/db?sslmode=verify-full&{}", files.parameters(parameters));
        let invalid = connector_of(&url).unwrap_err();
        assert_eq!(invalid.field, "database_url");
        assert!(invalid.reason.starts_with(&files.parameters(reason)), "{}", invalid.reason);
    }
}
