//! A server that speaks TLS only, with certificates of an authority that is made for it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use super::instance::{ADMIN, FORGETFUL};
use super::{Home, Inner, Instance, PostgresServer, Secret, blocking, programs, query, started};

/// Who may come how. The socket is left to the administrator.
const ADMISSION: &str = "\
    local    all  all                      scram-sha-256\n\
    hostssl  all  rosey_cert  127.0.0.1/32  cert\n\
    hostssl  all  all         127.0.0.1/32  scram-sha-256\n";

const SETTINGS: &str = "ssl = on\nssl_ca_file = '../authority.pem'\nssl_cert_file = '../server.pem'\n\
                        ssl_key_file = '../server.key'\n";

/// Files with certificates and keys, PEM. They go when the server stops.
#[derive(Debug, Clone)]
pub struct Certificates {
    /// The authority that signed the server's certificate, which is for `localhost` and `127.0.0.1`.
    pub authority: PathBuf,
    /// An authority that signed nothing here.
    pub stranger: PathBuf,
    /// A certificate of the role [`CLIENT`](Self::CLIENT).
    pub client: PathBuf,
    /// Its key.
    pub client_key: PathBuf,
}

impl Certificates {
    /// A role that proves by its certificate who it is.
    pub const CLIENT: &str = "rosey_cert";

    fn write(home: &Home) -> anyhow::Result<Self> {
        let (authority, issuer) = authority()?;
        let (server, server_key) = signed(&issuer, "localhost", &["localhost", "127.0.0.1"])?;
        let (client, client_key) = signed(&issuer, Self::CLIENT, &[])?;
        home.write("server.pem", &server)?;
        home.write("server.key", &server_key)?;
        Ok(Self {
            authority: home.write("authority.pem", &authority)?,
            stranger: home.write("stranger.pem", &self::authority()?.0)?,
            client: home.write("client.pem", &client)?,
            client_key: home.write("client.key", &client_key)?,
        })
    }
}

pub(super) fn start() -> anyhow::Result<PostgresServer> {
    let programs = programs(&["initdb", "pg_ctl"])?;
    let (instance, certificates) = started(&programs, || start_once(&programs))?;
    let (admin, client) = (instance.socket_url(), Certificates::CLIENT);
    blocking(query(&admin.0, &format!("CREATE ROLE {client} LOGIN SUPERUSER")))?;
    let stores = Secret(format!(
        "postgresql://{ADMIN}:{}@localhost:{}/postgres?sslmode=verify-full&sslrootcert={}",
        instance.password().0,
        instance.port(),
        certificates.authority.display()
    ));
    let inner = Inner::new(admin, stores, Some(instance));
    Ok(PostgresServer(Inner { certificates: Some(certificates), ..inner }.into()))
}

fn start_once(programs: &Path) -> anyhow::Result<(Instance, Certificates)> {
    let home = Arc::new(Home::new(programs, None)?);
    let certificates = Certificates::write(&home)?;
    let instance = Instance::init(&home, "data", &format!("{FORGETFUL}{SETTINGS}"))?;
    instance.write("pg_hba.conf", ADMISSION)?;
    instance.start()?;
    Ok((instance, certificates))
}

/// An authority: its certificate, and who signs with it.
fn authority() -> anyhow::Result<(String, Issuer<'static, KeyPair>)> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "an authority for tests");
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), Issuer::new(params, key)))
}

/// A certificate for somebody, by the hosts' names if it is for a server; and its key.
fn signed(issuer: &Issuer<'_, KeyPair>, who: &str, hosts: &[&str]) -> anyhow::Result<(String, String)> {
    let key = KeyPair::generate()?;
    let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
    let mut params = CertificateParams::new(hosts)?;
    params.distinguished_name.push(DnType::CommonName, who);
    let certificate = params.signed_by(&key, issuer).context("cannot sign a certificate")?;
    Ok((certificate.pem(), key.serialize_pem()))
}
