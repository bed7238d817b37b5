//! Who: from inventory files to checked hosts.
//!
//! Files come in, an [`Inventory`] of hosts sorted by name comes out, or *all* faults of all files
//! at once. Nothing here knows what will be asked of the hosts, or how they are reached.
//!
//! ```yaml
//! accounts:
//!   nightly: {user: fleetstat, identity: ~/.ssh/fleetstat_ed25519, escalation: sudo}
//! all: {account: nightly, environment: prod}
//! groups:
//!   web: {hosts: ["web[01-20]"], role: web, segment: dmz}
//! hosts:
//!   db-1: {address: 10.0.0.5, role: db}
//!   "web[01-20]": {address: "10.0.1.[1-20]"}
//! ```
//!
//! How values are found, in this order:
//! 1. the host's own value;
//! 2. the value of a group it belongs to. A group wins over the groups it is a child of, at any
//!    distance. Groups of which neither is inside the other must agree, or leave the value to the
//!    host: different values are a defect that names both lines;
//! 3. the value of `all`;
//! 4. the default: platform linux, transport ssh, port 22, address as the name.
//!
//! `tags` and `services` are joined over all these levels. A variable is taken whole, by the same
//! order. Several files are read as one inventory: groups may continue in another file, but the
//! same host, account or value of a group twice is a defect that names both places.
//!
//! Files of Ansible's are read as Ansible reads them ([`ansible`]). What fleetstat's own files say,
//! at any level, wins over what those say.

pub mod host;
pub mod login;
pub mod pattern;
pub mod program;
pub mod ansible;
pub mod ssh_config;
pub mod selector;
pub mod table;
mod account_table;
mod address;
mod report;
mod attribute;
mod account;
mod legacy;
pub(crate) mod limit;
mod jump;
mod segment;
mod realm;
mod group;
mod overlay;
mod foreign;
mod idle;
mod explain;
mod build;
mod validate;
mod winrm;
mod load;
mod ask;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::inventory::host::{Account, Host};
use crate::model::digest::Sha256;
use crate::model::edge::{EdgeKind, EdgeLimit};
use crate::model::id::Label;

pub use explain::Explained;
pub use legacy::ending;
pub use load::{ansible_listing, from_texts, load, load_as};
pub use report::Remark;

/// The group that every host belongs to.
pub const ALL: &str = "all";

/// Checked hosts.
#[derive(Debug)]
pub struct Inventory {
    /// Sorted by name; no two names, and no two file stems, differ only in case.
    pub hosts: Vec<Host>,
    /// Sorted by name; `all` left out.
    pub groups: Vec<GroupSummary>,
    /// Sorted by name.
    pub accounts: Vec<Arc<Account>>,
    /// The files it was read from, in the order of reading.
    pub files: Vec<Arc<str>>,
    /// Digest of what the hosts *are*: two inventories with equal hosts have equal digests, however
    /// their files are laid out.
    pub digest: Sha256,
    /// What is worth knowing but no fault: hosts that share an address, groups without hosts.
    pub remarks: Vec<Remark>,
    /// What is no fault and most likely a mistake: limits of edges that no host is reached over,
    /// keys that have no effect where they stand.
    pub warnings: Vec<Remark>,
    /// What files of Ansible's say of reaching hosts and fleetstat does not do, in the order of
    /// files and lines: hosts that are left out, settings that are not taken over.
    pub unmapped: Vec<Remark>,
    /// Limits of single segments, sites, jump hosts, subnets and realms.
    pub limits: BTreeMap<(EdgeKind, String), EdgeLimit>,
    origins: explain::Origins,
}

/// One group, as `fleetstat hosts` lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSummary {
    /// The group.
    pub name: Label,
    /// Its hosts, those of its children included.
    pub hosts: usize,
}

/// The JSON Schema of an inventory file, draft 2020-12.
#[must_use]
pub fn json_schema() -> serde_json::Value {
    crate::yaml::schema::json_schema(&table::INVENTORY)
}
