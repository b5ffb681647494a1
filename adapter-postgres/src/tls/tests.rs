use std::path::PathBuf;

use botstore_conformance::server::{PostgresDatabase, PostgresServer};
use botstore_core::settings::PostgresSettings;
use botstore_core::url::DatabaseUrl;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tokio_postgres::NoTls;

use crate::connect::{ConnectError, Connector};
use crate::testing;

use super::*;

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

/// A server that encrypts, as `db.example`, and two databases: the second one is only for who has a certificate.
struct Encrypted {
    open: PostgresDatabase,
    guarded: PostgresDatabase,
    files: Files,
}

impl Encrypted {
    async fn start() -> Self {
        let server = PostgresServer::start_durable(&std::env::temp_dir()).unwrap();
        let (open, guarded) = (server.create_database().unwrap(), server.create_database().unwrap());
        let files = Files(tempfile::tempdir().unwrap());
        let ((ours, ours_pem), (_, strangers_pem)) = (authority("ours"), authority("strangers"));
        let (_, namesake_pem) = authority("ours");
        let (server_pem, server_key) = certificate(&ours, "db.example");
        let (client_pem, client_key) = certificate(&ours, "bot.example");
        files.write("ours.pem", &ours_pem);
        files.write("strangers.pem", &strangers_pem);
        files.write("namesake.pem", &namesake_pem);
        files.write("client.pem", &client_pem);
        files.write("client.key", &client_key);
        let name = guarded.url().rsplit('/').next().unwrap();
        let hba = format!(
            "hostssl {name} all all scram-sha-256 clientcert=verify-ca\nhost {name} all all reject\n\
             host all all all scram-sha-256"
        );
        let (client, connection) = tokio_postgres::connect(open.url(), NoTls).await.unwrap();
        tokio::spawn(connection);
        for (file, text) in [
            ("server.crt", &server_pem),
            ("server.key", &server_key),
            ("root.crt", &ours_pem),
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
        let encrypted = Self { open, guarded, files };
        while encrypted.connect(&encrypted.open, "db.example", "sslmode=require").await.is_err() {
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
    assert_eq!(connect("require").await, Err("server does not support TLS".to_owned()));
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
            "names an sslcert @other.pem and an sslkey @one.key that do not fit",
        ),
    ] {
        let url = format!("postgresql://ada@host/db?sslmode=verify-full&{}", files.parameters(parameters));
        let invalid = connector_of(&url).unwrap_err();
        assert_eq!(invalid.field, "database_url");
        assert!(invalid.reason.starts_with(&files.parameters(reason)), "{}", invalid.reason);
    }
}
