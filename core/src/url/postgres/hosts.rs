//! The servers that a URL names.

use std::net::Ipv6Addr;

use super::{Address, Host};
use crate::error::InvalidInput;
use crate::url::{decode, invalid};

/// The port if none is named.
const PORT: u16 = 5432;

const BAD_PORT: &str =
    "has a port that is no number from 1 to 65535; percent-encode a password's special characters";

/// A server as it is written: a name, an address without its brackets or a socket's directory, and a port.
type Written = (String, Option<u16>);

/// The servers as they are written: in the authority, or in parameters, which have the last word.
pub(super) struct Hosts {
    authority: Vec<Written>,
    /// `host`
    names: Vec<Written>,
    /// `hostaddr`
    addresses: Vec<String>,
    /// `port`
    ports: Vec<Option<u16>>,
}

impl Hosts {
    pub(super) fn of_authority(text: &str) -> Result<Self, InvalidInput> {
        let authority = match text {
            "" => Vec::new(),
            text => text.split(',').map(of_authority).collect::<Result<_, _>>()?,
        };
        Ok(Self { authority, names: Vec::new(), addresses: Vec::new(), ports: Vec::new() })
    }

    /// Takes a `host`. SQLAlchemy has one for each server, with its port.
    pub(super) fn name(&mut self, value: &str) -> Result<(), InvalidInput> {
        for name in value.split(',') {
            self.names.push(of_parameter(name)?);
        }
        Ok(())
    }

    pub(super) fn addresses(&mut self, value: &str) {
        self.addresses = value.split(',').map(str::to_owned).collect();
    }

    pub(super) fn ports(&mut self, value: &str) -> Result<(), InvalidInput> {
        let read = |text: &str| if text.is_empty() { Ok(None) } else { port(text).map(Some) };
        self.ports = value.split(',').map(read).collect::<Result<_, _>>()?;
        Ok(())
    }

    /// The servers. Of names and addresses there are equally many, and of ports too, unless one is everybody's.
    pub(super) fn resolve(self) -> Result<Vec<Host>, InvalidInput> {
        let Self { authority, names, addresses, mut ports } = self;
        if ports.is_empty() {
            ports = authority.iter().map(|(_, port)| *port).collect();
        }
        let names = if names.is_empty() {
            authority.into_iter().map(|(name, _)| (name, None)).collect()
        } else {
            names
        };
        let nameless = names.iter().all(|(name, _)| name.is_empty());
        let names =
            if nameless { addresses.iter().map(|address| (address.clone(), None)).collect() } else { names };
        if names.is_empty() {
            return invalid(
                "names no host: postgresql://USER:PASSWORD@HOST/DATABASE is expected, or ?host=DIRECTORY for a socket",
            );
        }
        if !addresses.is_empty() && addresses.len() != names.len() {
            return invalid("has not as many hostaddr as host");
        }
        if ports.len() > 1 && ports.len() != names.len() {
            return invalid("has neither one port nor as many as hosts");
        }
        let server = |(n, (name, own)): (usize, Written)| {
            let shared = if ports.len() == 1 { ports.first() } else { ports.get(n) };
            let port = own.or(shared.copied().flatten()).unwrap_or(PORT);
            Ok(Host { address: address(name, addresses.get(n))?, port })
        };
        names.into_iter().enumerate().map(server).collect()
    }
}

fn address(name: String, address: Option<&String>) -> Result<Address, InvalidInput> {
    let address = address.filter(|address| !address.is_empty());
    if name.starts_with('/') {
        return match address {
            None => Ok(Address::Unix(name.into())),
            Some(_) => invalid("has a hostaddr for a socket"),
        };
    }
    if name.is_empty() {
        return invalid("has an empty host");
    }
    // What is no name is a part of a password that was not percent-encoded, more often than not.
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '_');
    if !name.chars().all(is_name) && !is_ipv6(&name) {
        return invalid(
            "has a host with a character that no host has; percent-encode a password's special characters",
        );
    }
    match address.map(|address| address.parse()) {
        None => Ok(Address::Tcp(name)),
        Some(Ok(address)) => Ok(Address::At(address, name)),
        Some(Err(_)) => invalid("has a hostaddr that is no IP address"),
    }
}

/// Reads `host`, `host:port`, `[v6]` or `[v6]:port`, where a socket's directory is a percent-encoded host.
fn of_authority(text: &str) -> Result<Written, InvalidInput> {
    let (name, port) = split(text)?;
    let name = decode(name)?;
    if text.starts_with('[') && !is_ipv6(&name) {
        return invalid("has something in brackets that is no IPv6 address");
    }
    Ok((name, port))
}

/// The same of a `host` parameter, which is decoded already: a socket's directory stands there as it is, and an IPv6
/// address needs no brackets.
fn of_parameter(text: &str) -> Result<Written, InvalidInput> {
    if text.starts_with('/') || is_ipv6(text) {
        return Ok((text.to_owned(), None));
    }
    let (name, port) = split(text)?;
    Ok((name.to_owned(), port))
}

fn split(text: &str) -> Result<(&str, Option<u16>), InvalidInput> {
    let (name, after) = match text.strip_prefix('[').map(|v6| v6.split_once(']')) {
        Some(None) => return invalid("has an IPv6 address without its closing bracket"),
        Some(Some((name, after))) => (name, after),
        None => text.find(':').map_or((text, ""), |colon| text.split_at(colon)),
    };
    match after.strip_prefix(':') {
        None if after.is_empty() => Ok((name, None)),
        None => invalid("has something other than a port behind an IPv6 address"),
        Some(rest) if rest.contains(':') => invalid("has an IPv6 address without brackets; write [::1]"),
        // As libpq has it: a port that is left out after its colon is the default, too.
        Some("") => Ok((name, None)),
        Some(text) => Ok((name, Some(port(text)?))),
    }
}

fn port(text: &str) -> Result<u16, InvalidInput> {
    match text.parse() {
        Ok(port @ 1..) => Ok(port),
        _ => invalid(BAD_PORT),
    }
}

/// Whether this is an IPv6 address, perhaps with the zone that it belongs to: `fe80::1%eth0`.
fn is_ipv6(text: &str) -> bool {
    text.split('%').next().is_some_and(|address| address.parse::<Ipv6Addr>().is_ok())
}
