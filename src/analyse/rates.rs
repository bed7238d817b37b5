//! What interfaces carried between two snapshots of a host.
//!
//! Comes in: the later snapshot, and an earlier one where there is one. Goes out: rates per second,
//! or why there are none. A counter that may have been set to zero, or may have wrapped more than
//! once, gives no rate: a wrong one would be worse.

use crate::model::fact::HostFacts;
use crate::model::host::words;
use crate::model::id::HostName;
use crate::model::link::{Interface, LinkCounters};
use crate::model::snapshot::Snapshot;
use crate::model::time::Utc;

words! {
    /// Why there is no rate.
    NoRate {
        /// No earlier answer to compare with.
        NoEarlier = "no_earlier",
        /// The host was started in between: its counters began anew.
        Rebooted = "rebooted",
        /// The earlier snapshot does not have the interface.
        NewInterface = "new_interface",
        /// Another interface has the name now: another index or link-layer address.
        Replaced = "replaced",
        /// A counter is lower than before, and it is no wrap.
        CounterReset = "counter_reset",
        /// A 32-bit counter may have wrapped more than once in the time.
        MayHaveWrapped = "may_have_wrapped",
        /// The host does not report counters.
        NotReported = "not_reported",
    }
}

/// Rates of one direction. Unit: thousandths per second. `None`: see the reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Bytes.
    pub bytes: Option<u64>,
    /// Packets.
    pub packets: Option<u64>,
    /// Packets with errors.
    pub errors: Option<u64>,
    /// Packets dropped.
    pub dropped: Option<u64>,
}

/// One interface of one host, with what it carried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkRate {
    /// The host.
    pub host: HostName,
    /// The interface as the later snapshot has it.
    pub interface: Interface,
    /// Time of the earlier snapshot. `None`: there is none.
    pub from: Option<Utc>,
    /// Time of the later snapshot.
    pub to: Utc,
    /// Received.
    pub rx: Rates,
    /// Sent.
    pub tx: Rates,
    /// Why some or all rates are missing. `None`: none is missing that the host reports.
    pub reason: Option<NoRate>,
}

/// Rates of all interfaces of a host, in the order of the later snapshot.
#[must_use]
pub fn rates(before: Option<&Snapshot>, after: &Snapshot) -> Vec<LinkRate> {
    let interfaces = after.records.interfaces.iter().map(|sourced| &sourced.record);
    interfaces.map(|interface| rate(before, after, interface)).collect()
}

fn rate(before: Option<&Snapshot>, after: &Snapshot, interface: &Interface) -> LinkRate {
    let to = after.header.started;
    let mut out = LinkRate {
        host: after.header.asset.name.clone(),
        interface: interface.clone(),
        from: before.map(|before| before.header.started),
        to,
        rx: Rates::default(),
        tx: Rates::default(),
        reason: None,
    };
    let earlier = match earlier(before, after, interface) {
        Ok(earlier) => earlier,
        Err(reason) => {
            out.reason = Some(reason);
            return out;
        }
    };
    let gap_us = out.from.map_or(0, |from| to.micros_since(from)).unsigned_abs();
    let meter = Meter { gap_us, width: interface.counter_width, speed: interface.speed_bps };
    let mut reasons = Vec::new();
    out.rx = meter.rates(&earlier.rx, &interface.rx, &mut reasons);
    out.tx = meter.rates(&earlier.tx, &interface.tx, &mut reasons);
    // What was set to zero once makes every rate of the interface doubtful.
    if reasons.contains(&NoRate::CounterReset) {
        (out.rx, out.tx) = (Rates::default(), Rates::default());
    }
    out.reason = reasons.into_iter().min();
    if out.reason.is_none() && interface.rx == LinkCounters::default() {
        out.reason = Some(NoRate::NotReported);
    }
    out
}

/// The interface in the earlier snapshot, if it is the same one.
fn earlier<'a>(
    before: Option<&'a Snapshot>,
    after: &Snapshot,
    interface: &Interface,
) -> Result<&'a Interface, NoRate> {
    let before = before.ok_or(NoRate::NoEarlier)?;
    if rebooted(before, after) {
        return Err(NoRate::Rebooted);
    }
    let mut all = before.records.interfaces.iter().map(|sourced| &sourced.record);
    let earlier = all.find(|other| other.name == interface.name).ok_or(NoRate::NewInterface)?;
    let differs =
        earlier.index.is_some() && interface.index.is_some() && earlier.index != interface.index
            || earlier.mac.is_some() && interface.mac.is_some() && earlier.mac != interface.mac;
    if differs { Err(NoRate::Replaced) } else { Ok(earlier) }
}

/// Clocks are set by seconds after a boot; two boots are further apart. Unit: microseconds.
const BOOT_TOLERANCE_US: u64 = 30_000_000;

/// Another boot id; where there is none, another time of the last boot.
fn rebooted(before: &Snapshot, after: &Snapshot) -> bool {
    let facts = |snapshot: &Snapshot| -> Option<HostFacts> {
        snapshot.records.host.as_ref().map(|host| host.record.clone())
    };
    let (Some(was), Some(is)) = (facts(before), facts(after)) else { return false };
    match (was.boot_id, is.boot_id, was.boot_time, is.boot_time) {
        (Some(was), Some(is), _, _) => was != is,
        (_, _, Some(was), Some(is)) => is.micros_since(was).unsigned_abs() > BOOT_TOLERANCE_US,
        _ => false,
    }
}

/// The fastest an interface of unknown speed is taken to be. Unit: bits per second. Counters of 32
/// bits belong to old kernels and network cards of 1 Gbit/s.
const SPEED_DEFAULT: u64 = 1_000_000_000;

/// Shortest Ethernet frame on the wire with gap and preamble. Unit: bits. Source: IEEE 802.3.
const FRAME_BITS_MIN: u64 = 84 * 8;

/// How counters of one interface become rates.
struct Meter {
    gap_us: u64,
    width: Option<u8>,
    speed: Option<u64>,
}

impl Meter {
    fn rates(&self, was: &LinkCounters, is: &LinkCounters, reasons: &mut Vec<NoRate>) -> Rates {
        let mut one = |was: Option<u64>, is: Option<u64>, bits: u64| {
            let (was, is) = (was?, is?);
            match self.rate(was, is, bits) {
                Ok(rate) => Some(rate),
                Err(reason) => {
                    reasons.push(reason);
                    None
                }
            }
        };
        Rates {
            bytes: one(was.bytes, is.bytes, 8),
            packets: one(was.packets, is.packets, FRAME_BITS_MIN),
            errors: one(was.errors, is.errors, FRAME_BITS_MIN),
            dropped: one(was.dropped, is.dropped, FRAME_BITS_MIN),
        }
    }

    /// Thousandths per second. `bits`: what one count takes on the wire at least.
    fn rate(&self, was: u64, is: u64, bits: u64) -> Result<u64, NoRate> {
        const TURN: u64 = 1 << 32;
        let delta = if self.width == Some(32) {
            let most = u128::from(self.speed.unwrap_or(SPEED_DEFAULT)) * u128::from(self.gap_us)
                / 1_000_000
                / u128::from(bits);
            if most >= u128::from(TURN) {
                return Err(NoRate::MayHaveWrapped);
            }
            if is >= was {
                is - was
            } else {
                (TURN + is).checked_sub(was).ok_or(NoRate::CounterReset)?
            }
        } else {
            is.checked_sub(was).ok_or(NoRate::CounterReset)?
        };
        let rate = u128::from(delta) * 1_000_000_000 / u128::from(self.gap_us.max(1));
        Ok(u64::try_from(rate).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(seconds: u64, width: u8) -> Meter {
        Meter { gap_us: seconds * 1_000_000, width: Some(width), speed: None }
    }

    #[test]
    fn a_rate_is_the_difference_by_the_time() {
        assert_eq!(meter(300, 64).rate(1_000, 4_000, 8), Ok(10_000));
        assert_eq!(meter(3, 64).rate(0, 1, 8), Ok(333));
        assert_eq!(meter(0, 64).rate(7, 7, 8), Ok(0));
    }

    #[test]
    fn a_wide_counter_that_goes_back_was_reset() {
        assert_eq!(meter(300, 64).rate(4_000, 1_000, 8), Err(NoRate::CounterReset));
    }

    #[test]
    fn a_narrow_counter_wraps_once_and_not_unseen() {
        let top = u64::from(u32::MAX);
        assert_eq!(meter(10, 32).rate(top - 9, 10, 8), Ok(2_000));
        // 35 s at 1 Gbit/s are more than 2^32 bytes.
        assert_eq!(meter(35, 32).rate(0, 10, 8), Err(NoRate::MayHaveWrapped));
        assert_eq!(meter(35, 32).rate(0, 70, FRAME_BITS_MIN), Ok(2_000));
    }
}
