//! Evidence from outside: files, folders and manifests on real file systems, with real faults.
//!
//! Needs root (tmpfs and loop mounts), `strace`, `mount`, `mkfs.ext4` and `sha256sum`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails where it stands"
)]

mod child;
mod crash;
mod disk_faults;
mod file_format;
mod folder_rules;
mod support;
mod surroundings;
mod tampering;
