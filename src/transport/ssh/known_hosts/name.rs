//! The name under which a host stands in `known_hosts`.

use std::sync::Arc;

/// The name under which a host stands in `known_hosts`, lower case: the alias if there is one,
/// else the address for port 22, else `[address]:port`, and then the address alone.
///
/// Source: `get_hostfile_hostname_ipaddr` and `check_host_key` of OpenSSH.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LookupName {
    name: Arc<str>,
    /// The address without port, looked up when no line names the host with its port.
    bare: Option<Arc<str>>,
}

impl LookupName {
    /// The name of a host.
    #[must_use]
    pub fn new(address: &str, port: u16, alias: Option<&str>) -> Self {
        let bare = alias.unwrap_or(address).to_ascii_lowercase();
        match (alias, port) {
            (Some(_), _) | (None, 22) => Self { name: bare.into(), bare: None },
            (None, _) => Self { name: format!("[{bare}]:{port}").into(), bare: Some(bare.into()) },
        }
    }

    /// The name of a host of the inventory.
    #[must_use]
    pub fn of(host: &crate::inventory::host::Host) -> Self {
        Self::new(&host.asset.address, host.asset.port, host.host_key_alias.as_deref())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// The name that a host certificate must list: never with a port.
    #[must_use]
    pub fn principal(&self) -> &str {
        self.bare.as_deref().unwrap_or(&self.name)
    }

    /// The name to look up when no line has [`as_str`](Self::as_str). `None`: there is no other.
    pub(super) fn without_port(&self) -> Option<Self> {
        self.bare.as_ref().map(|bare| Self { name: Arc::clone(bare), bare: None })
    }
}
