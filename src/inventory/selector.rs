//! Selectors: which hosts of an inventory are meant.
//!
//! ```text
//! role=db & env=prod & !tag=lab        both, and not
//! group=web | segment=dmz              either
//! (site=fra | site=ams) & web-*        parentheses; a bare word is a host name or glob
//! web[01-05],db-1                      node sets; a comma means either
//! owner="Team Linux"                   quotes around blanks
//! ```
//!
//! `!` binds closest, then `&`, then `|`. `*`, `?` and ranges work in every value. `key!=value` is
//! `!key=value`. A host that has no value for a key does not match `key=...`, so `!role=*` selects
//! the hosts without a role. `all` means every host.

use std::fmt;

use crate::inventory::host::Host;
use crate::inventory::pattern::Pattern;
use crate::model::host::{Asset, Criticality, Exposure, Platform, TransportKind, words};
use crate::model::id::Label;

mod parse;
pub use parse::SelectorError;

words! {
    /// What a condition looks at.
    SelectorKey {
        /// The host's name. A bare word means this.
        Name = "name",
        /// The address.
        Address = "address",
        /// The role.
        Role = "role",
        /// The environment; `env` for short.
        Environment = "environment",
        /// The network segment.
        Segment = "segment",
        /// The location.
        Site = "site",
        /// The business weight.
        Criticality = "criticality",
        /// The reachability.
        Exposure = "exposure",
        /// The person or team.
        Owner = "owner",
        /// Any of the tags.
        Tag = "tag",
        /// Any of the services.
        Service = "service",
        /// The operating system family.
        Platform = "platform",
        /// The road to the host.
        Transport = "transport",
        /// The account's name in the inventory.
        Account = "account",
        /// Any of the groups, parents included; `all` too.
        Group = "group",
        /// `true` or `false`.
        Fragile = "fragile",
    }
}

/// A selector. Made by [`Selector::parse`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// A condition on one host.
    Match {
        /// What it looks at.
        key: SelectorKey,
        /// Values, any of which will do.
        any: Vec<Pattern>,
    },
    /// Hosts that the inner selector leaves out.
    Not(Box<Self>),
    /// All of two or more.
    And(Vec<Self>),
    /// Any of two or more.
    Or(Vec<Self>),
}

impl SelectorKey {
    /// The only words a value can be. `None`: free.
    #[must_use]
    pub const fn words(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Criticality => Some(Criticality::WORDS),
            Self::Exposure => Some(Exposure::WORDS),
            Self::Platform => Some(Platform::WORDS),
            Self::Transport => Some(TransportKind::WORDS),
            Self::Fragile => Some(&["true", "false"]),
            Self::Name
            | Self::Address
            | Self::Role
            | Self::Environment
            | Self::Segment
            | Self::Site
            | Self::Owner
            | Self::Tag
            | Self::Service
            | Self::Account
            | Self::Group => None,
        }
    }

    /// Calls `with` for every value the host has for this key, until one answers true.
    pub(super) fn any_value(self, host: &Host, mut with: impl FnMut(&str) -> bool) -> bool {
        let asset: &Asset = &host.asset;
        match self {
            Self::Name => with(asset.name.as_str()),
            Self::Address => with(&asset.address),
            Self::Role => label(asset.role.as_ref(), with),
            Self::Environment => label(asset.environment.as_ref(), with),
            Self::Segment => label(asset.segment.as_ref(), with),
            Self::Site => label(asset.site.as_ref(), with),
            Self::Criticality => asset.criticality.is_some_and(|value| with(value.as_str())),
            Self::Exposure => asset.exposure.is_some_and(|value| with(value.as_str())),
            Self::Owner => asset.owner.as_ref().is_some_and(|value| with(value)),
            Self::Tag => asset.tags.iter().any(|value| with(value.as_str())),
            Self::Service => asset.services.iter().any(|value| with(value.as_str())),
            Self::Platform => with(asset.platform.as_str()),
            Self::Transport => with(asset.transport.as_str()),
            Self::Account => {
                host.account.as_ref().is_some_and(|account| with(account.name.as_str()))
            }
            Self::Group => {
                with(crate::inventory::ALL) || host.groups.iter().any(|group| with(group.as_str()))
            }
            Self::Fragile => with(if host.fragile { "true" } else { "false" }),
        }
    }
}

fn label(label: Option<&Label>, with: impl FnOnce(&str) -> bool) -> bool {
    label.is_some_and(|label| with(label.as_str()))
}

impl Selector {
    /// Reads a selector.
    ///
    /// # Errors
    /// With the place of the first fault and what to write instead.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        parse::parse(text)
    }

    /// Whether the host is meant.
    #[must_use]
    pub fn matches(&self, host: &Host) -> bool {
        match self {
            Self::Match { key, any } => {
                key.any_value(host, |value| any.iter().any(|pattern| pattern.matches(value)))
            }
            Self::Not(inner) => !inner.matches(host),
            Self::And(all) => all.iter().all(|inner| inner.matches(host)),
            Self::Or(any) => any.iter().any(|inner| inner.matches(host)),
        }
    }

    /// Calls `visit` for every condition, from left to right.
    pub fn conditions(&self, visit: &mut dyn FnMut(SelectorKey, &Pattern)) {
        match self {
            Self::Match { key, any } => any.iter().for_each(|pattern| visit(*key, pattern)),
            Self::Not(inner) => inner.conditions(visit),
            Self::And(all) | Self::Or(all) => all.iter().for_each(|one| one.conditions(visit)),
        }
    }

    /// How closely it binds: 0 for `|`, 1 for `&`, 2 for the rest.
    const fn rank(&self) -> u8 {
        match self {
            Self::Or(_) => 0,
            Self::And(_) => 1,
            Self::Match { .. } | Self::Not(_) => 2,
        }
    }

    fn print(&self, f: &mut fmt::Formatter<'_>, least: u8) -> fmt::Result {
        if self.rank() < least {
            f.write_str("(")?;
            self.print(f, 0)?;
            return f.write_str(")");
        }
        match self {
            Self::Match { key, any } => print_match(f, *key, any),
            Self::Not(inner) => {
                f.write_str("!")?;
                inner.print(f, 2)
            }
            Self::And(all) => print_joined(f, all, " & ", 2),
            Self::Or(any) => print_joined(f, any, " | ", 1),
        }
    }
}

fn print_match(f: &mut fmt::Formatter<'_>, key: SelectorKey, any: &[Pattern]) -> fmt::Result {
    if key != SelectorKey::Name {
        write!(f, "{key}=")?;
    }
    for (index, pattern) in any.iter().enumerate() {
        if index > 0 {
            f.write_str(",")?;
        }
        let text = pattern.to_string();
        if parse::needs_quotes(&text) { write!(f, "\"{text}\"")? } else { f.write_str(&text)? }
    }
    Ok(())
}

fn print_joined(
    f: &mut fmt::Formatter<'_>,
    parts: &[Selector],
    between: &str,
    least: u8,
) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(between)?;
        }
        part.print(f, least)?;
    }
    Ok(())
}

/// The shortest form that [`Selector::parse`] reads as the same selector.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.print(f, 0)
    }
}
