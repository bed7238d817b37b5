//! Add context: what ticket systems and asset lists say, brought to hosts.
//!
//! What comes in: the bytes of an export ([`changes`], [`assets`]), and what the store knows of
//! changes, attributes and hosts. What goes out: checked statements with all faults by line, and
//! the surroundings of a host at a time ([`near`]). It must not know where either is kept, nor how
//! it is shown. No clock, no files: `text` takes bytes.

pub mod text;
mod csv;
mod json;
pub mod record;
mod moment;
pub mod changes;
pub mod assets;
pub mod names;
pub mod near;

#[cfg(test)]
mod read_tests;
