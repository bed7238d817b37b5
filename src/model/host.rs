//! What an inventory knows of a host: the context that every capture carries.

use crate::model::id::{HostName, Label};

/// Declares an enum whose members are written as one lower-case word, in YAML, JSON and tables.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$item_doc:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$item_doc])* $variant),* }

        impl $name {
            /// Every member, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Every word, in the same order.
            pub const WORDS: &'static [&'static str] = &[$($word),*];

            /// The word for this member.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            /// The member with this word. `None` for any other text; case matters.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let word = <String as serde::Deserialize>::deserialize(d)?;
                Self::parse(&word)
                    .ok_or_else(|| serde::de::Error::custom(format!("unknown word `{word}`")))
            }
        }
    };
}
pub(crate) use words;

words! {
    /// The operating system family that decides which probes a host gets.
    Platform {
        /// Linux of any distribution.
        Linux = "linux",
        /// Microsoft Windows.
        Windows = "windows",
        /// Apple macOS.
        Macos = "macos",
        /// FreeBSD.
        Freebsd = "freebsd",
        /// OpenBSD.
        Openbsd = "openbsd",
        /// NetBSD.
        Netbsd = "netbsd",
        /// Oracle Solaris.
        Solaris = "solaris",
        /// illumos distributions.
        Illumos = "illumos",
        /// IBM AIX.
        Aix = "aix",
        /// HP-UX.
        Hpux = "hpux",
    }
}

words! {
    /// By what road a host is reached.
    TransportKind {
        /// SSH, one connection per host.
        Ssh = "ssh",
        /// This very machine, without SSH.
        Local = "local",
        /// WinRM, one connection and one shell per host.
        Winrm = "winrm",
    }
}

words! {
    /// How much the business depends on a host.
    Criticality {
        /// Can be missed for days.
        Low = "low",
        /// Can be missed for hours.
        Medium = "medium",
        /// Missed at once by some.
        High = "high",
        /// Missed at once by all.
        Critical = "critical",
    }
}

words! {
    /// From where a host can be reached.
    Exposure {
        /// Reachable by nobody but its own segment.
        Isolated = "isolated",
        /// Reachable inside the organization.
        Internal = "internal",
        /// Reachable by partners.
        Partner = "partner",
        /// Reachable from the internet.
        Internet = "internet",
    }
}

/// What the inventory says of a host. Carried by evidence and records as it was at the time.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asset {
    /// The host's identity.
    pub name: HostName,
    /// Where to connect: an IP address or a DNS name. For `local`, `localhost`.
    pub address: String,
    /// TCP port. 22 unless the inventory says otherwise; meaningless for `local`.
    pub port: u16,
    /// Operating system family.
    pub platform: Platform,
    /// Road to the host.
    pub transport: TransportKind,
    /// What the host is for. `None`: the inventory does not say.
    pub role: Option<Label>,
    /// Production, test, laboratory.
    pub environment: Option<Label>,
    /// Network segment.
    pub segment: Option<Label>,
    /// Location.
    pub site: Option<Label>,
    /// Business weight.
    pub criticality: Option<Criticality>,
    /// Reachability.
    pub exposure: Option<Exposure>,
    /// Person or team that answers for the host. Free text of one line.
    pub owner: Option<String>,
    /// Sorted, without repetition.
    pub tags: Vec<Label>,
    /// IANA time zone name, for business hours. `None`: UTC.
    pub timezone: Option<String>,
    /// Services the host is expected to offer, sorted. Free labels such as `https`.
    pub services: Vec<Label>,
}

impl Asset {
    /// A Linux host that is reached by SSH, of which nothing else is said.
    #[must_use]
    pub const fn new(name: HostName, address: String, port: u16) -> Self {
        Self {
            name,
            address,
            port,
            platform: Platform::Linux,
            transport: TransportKind::Ssh,
            role: None,
            environment: None,
            segment: None,
            site: None,
            criticality: None,
            exposure: None,
            owner: None,
            tags: Vec::new(),
            timezone: None,
            services: Vec::new(),
        }
    }

    /// The role as it stands in file names: the role, or `unassigned`.
    #[must_use]
    pub fn role_word(&self) -> &str {
        self.role.as_ref().map_or("unassigned", Label::as_str)
    }

    /// `HOST-ROLE`, the start of this host's evidence file names. Unique in an inventory, without
    /// regard to case.
    #[must_use]
    pub fn file_stem(&self) -> String {
        format!("{}-{}", self.name.file_stem(), self.role_word())
    }
}
