//! What the environment says of where credentials are. Read once, then passed on as values.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Paths from the environment. An empty variable counts as not set.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Surroundings {
    /// `$SSH_AUTH_SOCK`: the socket of ssh-agent.
    pub agent_socket: Option<PathBuf>,
    /// The operator's home, for `~/`.
    pub home: Option<PathBuf>,
    /// `$CREDENTIALS_DIRECTORY`: systemd's credentials of this service.
    pub credentials: Option<PathBuf>,
    /// `$PATH`, for programs that a secret's command starts in turn.
    pub path: Option<OsString>,
}

impl Surroundings {
    /// Reads the environment of this process.
    #[must_use]
    pub fn read() -> Self {
        let path = |name: &str| {
            std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
        };
        Self {
            agent_socket: path("SSH_AUTH_SOCK"),
            home: std::env::home_dir(),
            credentials: path("CREDENTIALS_DIRECTORY"),
            path: std::env::var_os("PATH").filter(|value| !value.is_empty()),
        }
    }

    /// The whole environment of a program that prints a secret: home, search path, agent and
    /// credentials. Nothing else of ours is any of its business.
    #[must_use]
    pub fn of_command(&self) -> Vec<(&'static str, OsString)> {
        let path = |path: &Option<PathBuf>| path.clone().map(PathBuf::into_os_string);
        [
            ("HOME", path(&self.home)),
            ("PATH", self.path.clone()),
            ("SSH_AUTH_SOCK", path(&self.agent_socket)),
            ("CREDENTIALS_DIRECTORY", path(&self.credentials)),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }

    /// A path with `~/` made whole. `None`: it begins with `~/`, and there is no home.
    #[must_use]
    pub fn expand(&self, path: &Path) -> Option<PathBuf> {
        match (path.strip_prefix("~"), &self.home) {
            (Err(_), _) => Some(path.to_owned()),
            (Ok(rest), Some(home)) => Some(home.join(rest)),
            (Ok(_), None) => None,
        }
    }
}
