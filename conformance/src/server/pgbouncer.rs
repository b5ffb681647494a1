//! A server behind PgBouncer in transaction mode.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::ensure;

use super::instance::{ADMIN, FORGETFUL, Instance, free_port};
use super::{Inner, PostgresServer, Secret, programs, running, started};

/// How long PgBouncer may take to listen.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn start() -> anyhow::Result<PostgresServer> {
    // Asked for first: it is what may well be missing.
    programs::pgbouncer()?;
    let programs = programs(&["initdb", "pg_ctl"])?;
    let (instance, stores) = started(&programs, || {
        let instance = running(&programs, None, FORGETFUL)?;
        let stores = in_front_of(&instance)?;
        Ok((instance, stores))
    })?;
    Ok(PostgresServer(Inner::new(instance.url(), stores, Some(instance)).into()))
}

/// Starts PgBouncer, of which the home takes care, and returns a URL of its databases, which are the server's.
fn in_front_of(instance: &Instance) -> anyhow::Result<Secret> {
    let (home, password, port) = (instance.home(), &instance.password().0, free_port()?);
    let users = home.write("users.txt", &format!("\"{ADMIN}\" \"{password}\"\n"))?;
    let directory = home.path().display();
    let settings = format!(
        "[databases]\n\
         * = host=127.0.0.1 port={}\n\
         [pgbouncer]\n\
         listen_addr = 127.0.0.1\n\
         listen_port = {port}\n\
         unix_socket_dir =\n\
         auth_type = scram-sha-256\n\
         auth_file = {}\n\
         pool_mode = transaction\n\
         default_pool_size = 5\n\
         max_client_conn = 400\n\
         logfile = {directory}/pgbouncer.log\n\
         pidfile = {directory}/pgbouncer.pid\n",
        instance.port(),
        users.display(),
    );
    let settings = home.write("pgbouncer.ini", &settings)?;
    home.run(&programs::pgbouncer()?, ["-q".as_ref(), "-d".as_ref(), settings.as_os_str()])?;
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        ensure!(begun.elapsed() < PATIENCE, "PgBouncer does not listen");
        std::thread::sleep(Duration::from_millis(10));
    }
    ensure!(home.path().join("pgbouncer.pid").is_file(), "another program listens at PgBouncer's port");
    let url = instance.url().0.replacen(&format!(":{}/", instance.port()), &format!(":{port}/"), 1);
    Ok(Secret(format!("{url}?statement_cache=off")))
}
