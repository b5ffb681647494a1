//! A URL's parameters as an operator is shown them.

use std::path::PathBuf;

use super::{PostgresUrl, Roots};
use crate::settings::Origin;
use crate::settings::Setting;
use crate::settings::value::{of_switch, of_time};

/// What stands for a file that is not named, and for what is left to the operating system or the server.
const NONE: &str = "-";

impl PostgresUrl {
    /// The parameters of the connection that are no settings, and no secret.
    pub(crate) fn list(&self) -> Vec<Setting> {
        let listed = self.values().into_iter().zip(Self::empty().values());
        listed
            .map(|((name, value), (_, default))| {
                let origin = if value == default { Origin::Default } else { Origin::Url };
                Setting { name, value, origin }
            })
            .collect()
    }

    fn values(&self) -> [(&'static str, String); 14] {
        let maybe = |value: Option<String>| value.unwrap_or_else(|| NONE.to_owned());
        let file = |file: &PathBuf| file.display().to_string();
        let roots = match &self.tls.roots {
            Roots::System => "system".to_owned(),
            Roots::File(roots) => file(roots),
        };
        let alive = &self.keepalives;
        let timeout = self.connect_timeout.unwrap_or(Self::CONNECT_TIMEOUT);
        [
            ("sslmode", self.tls.mode.as_str().to_owned()),
            ("sslrootcert", roots),
            ("sslcert", maybe(self.tls.certificate.as_ref().map(file))),
            ("sslkey", maybe(self.tls.key.as_ref().map(file))),
            ("channel_binding", self.channel_binding.as_str().to_owned()),
            ("target_session_attrs", self.target.as_str().to_owned()),
            ("load_balance_hosts", if self.load_balance { "random" } else { "disable" }.to_owned()),
            ("connect_timeout", of_time(Some(timeout))),
            ("keepalives", of_switch(alive.on)),
            ("keepalives_idle", maybe(alive.idle.map(|time| of_time(Some(time))))),
            ("keepalives_interval", maybe(alive.interval.map(|time| of_time(Some(time))))),
            ("keepalives_count", maybe(alive.retries.map(|count| count.to_string()))),
            ("options", maybe(self.options.clone())),
            ("password", if self.password.is_some() { "given" } else { "none" }.to_owned()),
        ]
    }
}
