//! Records: the readers of `ss` and `/proc/net`, and what `normalize` makes of their rows, against
//! hand-made and captured text, against any bytes, and against the kernel's own truth.
//!
//! Needs for `live`: root, Linux with `/dev/net/tun`, `unshare` (util-linux), `ip` and `ss`
//! (iproute2), `netstat` (net-tools), `busybox`, `lsof`, `python3`.

#[cfg(test)]
#[path = "../../benches/parse/generate.rs"]
mod generate;
#[cfg(test)]
mod collect;
#[cfg(test)]
mod render;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod snapshot;
#[cfg(test)]
mod cannot;
#[cfg(test)]
mod live;
#[cfg(test)]
mod odd;
#[cfg(test)]
mod overlong;
#[cfg(test)]
mod unix_names;
#[cfg(test)]
mod network;
#[cfg(test)]
mod windows;
