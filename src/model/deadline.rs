//! How long each phase of a visit may take: one table, the same for every transport.

use std::time::Duration;

/// Deadlines of a visit. Each phase starts when the one before it ended.
///
/// The defaults are the project's table; a playbook may change them within the ranges that its
/// reader checks. Sources: measured connection phases of OpenSSH and dropbear (17-70 ms on a
/// quiet network), so each default leaves a factor of about 100.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Deadlines {
    /// TCP handshake.
    pub connect: Duration,
    /// First line of the server.
    pub banner: Duration,
    /// Key exchange, host key check included.
    pub key_exchange: Duration,
    /// Authentication.
    pub authenticate: Duration,
    /// Opening a channel and starting the command.
    pub channel: Duration,
    /// First byte (or end) of a command's output.
    pub first_byte: Duration,
    /// Silence inside a command's output.
    pub idle: Duration,
    /// A whole command.
    pub command: Duration,
    /// A whole host, from the start of the connection.
    pub host: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            connect: seconds(5),
            banner: seconds(5),
            key_exchange: seconds(10),
            authenticate: seconds(15),
            channel: seconds(5),
            first_byte: seconds(30),
            idle: seconds(30),
            command: seconds(60),
            host: seconds(180),
        }
    }
}

/// Limits of one command, from the deadlines and what its probe asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandLimits {
    /// Longest wait for the first byte or the end.
    pub first_byte: Duration,
    /// Longest silence after that.
    pub idle: Duration,
    /// Longest time in all.
    pub total: Duration,
}

/// Most bytes of output kept per command: 256 MiB. A host with a million sockets prints less.
pub const OUTPUT_BYTES_MAX: u64 = 256 << 20;
