//! The text of `fleetstat harden`: for Unix a file of sudoers in which everything but the rules is a
//! comment, for Windows a script of PowerShell.

use std::fmt::Write as _;

use crate::model::host::Platform;
use crate::privilege::{Wanted, script, shown, trace};
use crate::probe::{Usage, sudoers};

/// Adds a line. Writing to a String cannot fail.
macro_rules! line {
    ($page:expr, $($text:tt)*) => {{ let _ = writeln!($page, $($text)*); }};
}

/// The text for people.
#[must_use]
pub fn page(wanted: &Wanted) -> String {
    if wanted.platform == Platform::Windows { script::script(wanted) } else { unix(wanted) }
}

fn unix(wanted: &Wanted) -> String {
    let mut page = String::new();
    let (platform, account) = (wanted.platform, &wanted.account);
    line!(
        page,
        "# fleetstat harden --platform {platform}: an account that reads and does nothing else."
    );
    line!(page, "# Made from the command standard of fleetstat {}.", env!("CARGO_PKG_VERSION"));
    line!(
        page,
        "# Nothing but the rules of section 3 is more than a comment: this file is one of sudoers."
    );
    line!(
        page,
        "#\n# 1. The account (section `shell`): of its own, without a password, in no further group."
    );
    line!(
        page,
        "#    Not in: root, wheel, sudo, admin, docker, lxd, incus, libvirt, disk, kmem, shadow, adm."
    );
    for command in super::steps::account(wanted) {
        line!(page, "#      {command}");
    }
    line!(
        page,
        "#\n# 2. The key (section `shell`): in ~{account}/.ssh/authorized_keys, in one line. `restrict`"
    );
    line!(page, "#    forbids terminals, forwarding of ports and agents, and ~/.ssh/rc.");
    line!(page, "#      {}", wanted.key_line());
    rules(wanted, &mut page);
    commands(wanted, &mut page);
    line!(page, "#\n# 5. What it leaves in the host's logs");
    for one in trace::traces(platform) {
        line!(page, "#    {}, {}: {}", one.place, one.count, one.says);
    }
    line!(page, "#\n# To undo: remove this file from sudoers.d, then the account.");
    page
}

fn rules(wanted: &Wanted, page: &mut String) {
    let rules: Vec<_> = sudoers::rules(wanted.platform).collect();
    if rules.is_empty() {
        line!(page, "#\n# 3. sudo: nothing. No command of this platform runs as another account.");
        return;
    }
    line!(
        page,
        "#\n# 3. Owners of other accounts' sockets (section `sudo`): leave the rules out, and records say"
    );
    line!(
        page,
        "#    `attribution: denied`. Each word is pinned: ss -K closes sockets and ss -D writes files,"
    );
    line!(
        page,
        "#    so a rule for ss alone would give root away. Rules for paths that the host does not have"
    );
    line!(page, "#    may go. The inventory's account says `escalation: sudo`.");
    if wanted.platform == Platform::Linux {
        line!(page, "#    Instead of sudo: CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH, both of them.");
    }
    line!(
        page,
        "#      visudo -cf FILE && install -o 0 -g 0 -m 0440 FILE /etc/sudoers.d/{}",
        wanted.account
    );
    line!(page, "Defaults:{} !requiretty", wanted.account);
    let mut of = None;
    for rule in &rules {
        if of != Some(&rule.probe.id) {
            line!(page, "# {}", rule.probe.id);
            of = Some(&rule.probe.id);
        }
        line!(page, "{}", sudoers::line(&wanted.account, rule));
    }
}

/// Every command that may be sent, with where its program may be and the grants it is for.
fn commands(wanted: &Wanted, page: &mut String) {
    line!(page, "#\n# 4. Every command that may be sent, with the grants it is for");
    for probe in wanted.probes() {
        let grants: Vec<&str> = probe.grants.iter().map(|grant| grant.as_str()).collect();
        let when = match probe.usage {
            Usage::Planned | Usage::Rich => "",
            Usage::Fallback => ", in place of another",
            Usage::FindTools => ", after exit 127",
            Usage::Check => ", by `fleetstat check`",
        };
        line!(page, "#    {}: {}{when}", probe.id, grants.join(", "));
        line!(page, "#      {}", shown(probe));
        let others = probe.tool.paths().get(1..).unwrap_or_default();
        if !others.is_empty() {
            line!(page, "#      or at {}", others.join(", "));
        }
    }
}
