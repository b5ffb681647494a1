//! A primary with a synchronous standby: what the primary acknowledges, the standby has.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::server::{FORGETFUL, Home, Instance, blocking, programs, query, started};

/// How long the standby may take to follow.
const PATIENCE: Duration = Duration::from_secs(30);

/// So that a primary that was killed leaves no memory of the system's behind.
const TIDY: &str = "dynamic_shared_memory_type = mmap\n";

/// A primary and a standby. They stop when this is dropped, and also when this process is killed.
#[derive(Debug)]
pub struct Cluster {
    primary: Instance,
    standby: Instance,
}

impl Cluster {
    /// Starts both, and waits until the standby follows.
    ///
    /// # Errors
    ///
    /// PostgreSQL's programs are not found, or do not start.
    pub fn start() -> anyhow::Result<Self> {
        let programs = programs(&["initdb", "pg_ctl"])?;
        started(&programs, || {
            let home = Arc::new(Home::new(&programs, None)?);
            let primary = Instance::init(&home, "primary", &format!("{FORGETFUL}{TIDY}"))?;
            let standby = primary.copy("standby")?;
            primary.configure("synchronous_standby_names = '*'\n")?;
            standby.configure(&format!("primary_conninfo = '{}'\n", primary.replication()))?;
            standby.write("standby.signal", "")?;
            primary.start()?;
            standby.start()?;
            let cluster = Self { primary, standby };
            cluster.wait_until_synchronous()?;
            Ok(cluster)
        })
    }

    fn wait_until_synchronous(&self) -> anyhow::Result<()> {
        let begun = Instant::now();
        let states = "SELECT sync_state FROM pg_stat_replication";
        while blocking(query(&self.primary.url().0, states))? != ["sync"] {
            ensure!(begun.elapsed() < PATIENCE, "the standby does not follow the primary");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// The URL of both, of which stores use the one that takes writes. It holds the password.
    #[must_use]
    pub fn url(&self) -> String {
        let (primary, standby) = (self.primary.port(), self.standby.port());
        let both = format!("127.0.0.1:{primary},127.0.0.1:{standby}");
        let url = self.primary.url().0.replacen(&format!("127.0.0.1:{primary}"), &both, 1);
        format!("{url}?target_session_attrs=read-write")
    }

    /// Kills all processes of the primary.
    ///
    /// # Errors
    ///
    /// It does not run.
    pub fn kill_primary(&self) -> anyhow::Result<()> {
        self.primary.kill()
    }

    /// Makes the standby the primary, and waits until it is.
    ///
    /// # Errors
    ///
    /// It does not run, or does not obey.
    pub fn promote_standby(&self) -> anyhow::Result<()> {
        self.standby.promote()
    }

    /// Stops the standby, so that no commit on the primary ends any more.
    ///
    /// # Errors
    ///
    /// It does not run.
    pub fn stop_standby(&self) -> anyhow::Result<()> {
        self.standby.stop("immediate")
    }

    /// How many commits wait on the primary for the standby.
    ///
    /// # Errors
    ///
    /// It does not answer.
    pub async fn waiting_commits(&self) -> anyhow::Result<usize> {
        let waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
        Ok(query(&self.primary.url().0, waiting).await?.len())
    }

    /// Starts the standby again, and waits until it follows.
    ///
    /// # Errors
    ///
    /// It does not start, or does not follow.
    pub fn start_standby(&self) -> anyhow::Result<()> {
        self.standby.start()?;
        self.wait_until_synchronous()
    }
}
