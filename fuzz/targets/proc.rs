//! Fuzz target of the family `proc`: see the library of this package.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fleetstat_fuzz::run("proc", input));
