//! What the environment says of where credentials are. Read once, then passed on as values.

use std::path::PathBuf;

/// Paths from the environment. An empty variable counts as not set.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Surroundings {
    /// `$SSH_AUTH_SOCK`: the socket of ssh-agent.
    pub agent_socket: Option<PathBuf>,
    /// The operator's home, for `~/`.
    pub home: Option<PathBuf>,
    /// `$CREDENTIALS_DIRECTORY`: systemd's credentials of this service.
    pub credentials: Option<PathBuf>,
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
        }
    }
}
