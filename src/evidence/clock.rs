//! The controller's own clock, as far as it can be known without privilege and without `unsafe`.
//!
//! What goes out stands in each header and in the manifest, so that a reader can judge the times.

use std::path::Path;

use crate::model::capture::ControllerClock;

/// Touched by systemd-timesyncd whenever it has set the clock from the network, since boot.
/// Source: systemd-timesyncd.service(8), section FILES.
const SYNCHRONIZED: &str = "/run/systemd/timesync/synchronized";

/// What this machine says of its clock.
///
/// `synchronized` is `Some(true)` when systemd-timesyncd has synchronized the clock since boot.
/// Anything else is `None`: with chrony, ntpd or no time service at all the answer would need
/// `adjtimex(2)`, which has no safe interface in the packages used here. `error_us` is `None` for
/// the same reason.
#[must_use]
pub fn controller_clock() -> ControllerClock {
    read(Path::new(SYNCHRONIZED))
}

fn read(mark: &Path) -> ControllerClock {
    ControllerClock { synchronized: mark.exists().then_some(true), error_us: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_state_is_not_called_unsynchronized() {
        let folder = tempfile::tempdir().unwrap();
        let unknown = ControllerClock { synchronized: None, error_us: None };
        assert_eq!(read(&folder.path().join("synchronized")), unknown);
        let known = ControllerClock { synchronized: Some(true), error_us: None };
        assert_eq!(read(folder.path()), known);
    }
}
