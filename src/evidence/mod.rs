//! Keep it: evidence files, their manifest, and how both are read and verified again.
//!
//! What comes in: the header of a visit and the spooled output of its commands. What goes out: one
//! file per host in the folder of the run ([`write`], [`commit`]), a manifest of them all
//! ([`manifest`]), and both read again without trust ([`read`], [`verify`]). It must not know how
//! a host was reached, nor what its output means.
//!
//! The path of a file: a temporary name in the run's own folder, opened exclusively → bytes
//! written and hashed → synced → renamed without replacing → folder synced → acknowledged.
//! Whatever interrupts it leaves either the whole file or a temporary name that
//! [`folder::RunFolder::sweep_temporary`] removes.

pub mod spool;
pub mod canonical;
mod line;
mod header;
mod section;
pub mod folder;
pub mod write;
pub mod commit;
pub mod read;
pub mod manifest;
mod inspect;
pub mod verify;
pub mod imported;
pub mod clock;
