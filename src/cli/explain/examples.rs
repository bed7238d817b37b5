//! For each code of a file: a whole file that shows it, and the same file mended. A test reads
//! both and finds the code in the first and nothing in the second.

/// One code with its two files.
pub(super) struct Example {
    /// The code.
    pub(super) code: &'static str,
    /// A file in which it is found.
    pub(super) wrong: &'static str,
    /// The file without a fault.
    pub(super) right: &'static str,
}

macro_rules! examples {
    ($($code:literal: $wrong:literal => $right:literal)*) => {
        &[$(Example { code: $code, wrong: $wrong, right: $right }),*]
    };
}

/// In the order of the codes.
pub(super) const EXAMPLES: &[Example] = examples! {
    "FS-CFG-013":
        "datta: /srv/fleetstat"
        => "data: /srv/fleetstat"
    "FS-CFG-014":
        "inventory: {file: fleet.yaml}"
        => "inventory: [fleet.yaml]"
    "FS-CFG-015":
        "operator: ''"
        => "operator: network operations"
    "FS-INV-002":
        "accounts:\n  nightly: {agent: true}\nhosts:\n  web-1: {account: nightly}"
        => "accounts:\n  nightly: {user: fleetstat, agent: true}\nhosts:\n  web-1: {account: nightly}"
    "FS-INV-003":
        "hosts:\n  web-1: {transport: local, rol: web}"
        => "hosts:\n  web-1: {transport: local, role: web}"
    "FS-INV-004":
        "hosts:\n  web-1: {transport: local, tags: lab}"
        => "hosts:\n  web-1: {transport: local, tags: [lab]}"
    "FS-INV-005":
        "hosts:\n  web-1: {transport: local, platform: linus}"
        => "hosts:\n  web-1: {transport: local, platform: linux}"
    "FS-INV-006":
        "hosts:\n  \"web 1\": {transport: local}"
        => "hosts:\n  web-1: {transport: local}"
    "FS-INV-007":
        "hosts:\n  web-[1-2]: {transport: local}\n  web-2: {transport: local}"
        => "hosts:\n  web-1: {transport: local}\n  web-2: {transport: local}"
    "FS-INV-008":
        "hosts:\n  a-b: {transport: local, role: c}\n  a: {transport: local, role: b-c}"
        => "hosts:\n  a-b: {transport: local, role: c}\n  a: {transport: local, role: bc}"
    "FS-INV-009":
        "accounts:\n  nightly: {user: fleetstat, agent: true}\nhosts:\n  web-1: {account: nihgtly}"
        => "accounts:\n  nightly: {user: fleetstat, agent: true}\nhosts:\n  web-1: {account: nightly}"
    "FS-INV-010":
        "groups:\n  a: {children: [b]}\n  b: {children: [a]}\nhosts:\n  web-1: {transport: local}"
        => "groups:\n  a: {children: [b]}\n  b:\nhosts:\n  web-1: {transport: local}"
    "FS-INV-011":
        "groups:\n  web: {hosts: [h1], role: web}\n  lab: {hosts: [h1], role: test}\nhosts:\n  h1: {transport: local}"
        => "groups:\n  web: {hosts: [h1], role: web}\n  lab: {hosts: [h1], tags: [test]}\nhosts:\n  h1: {transport: local}"
    "FS-INV-012":
        "accounts:\n  nightly: {user: fleetstat, agent: true}\nhosts:\n  web-1:"
        => "accounts:\n  nightly: {user: fleetstat, agent: true}\nall: {account: nightly}\nhosts:\n  web-1:"
    "FS-INV-013":
        "accounts:\n  nightly: {user: fleetstat, agent: true}\nall: {account: nightly}\nhosts:\n  web-[1-3]: {address: \"10.0.0.[1-2]\"}"
        => "accounts:\n  nightly: {user: fleetstat, agent: true}\nall: {account: nightly}\nhosts:\n  web-[1-3]: {address: \"10.0.0.[1-3]\"}"
    "FS-INV-014":
        "accounts:\n  nightly: {user: fleetstat, agent: true}\nall: {account: nightly}\nhosts:\n  web-1: {address: \"10.0.0.1:22\"}"
        => "accounts:\n  nightly: {user: fleetstat, agent: true}\nall: {account: nightly}\nhosts:\n  web-1: {address: 10.0.0.1, port: 22}"
    "FS-INV-015":
        "accounts:\n  nightly: {user: fleetstat}\nall: {account: nightly}\nhosts:\n  web-1:"
        => "accounts:\n  nightly: {user: fleetstat, identity: ~/.ssh/fleetstat_ed25519}\nall: {account: nightly}\nhosts:\n  web-1:"
    "FS-INV-016":
        "hosts: {}"
        => "hosts:\n  web-1: {transport: local}"
    "FS-INV-020":
        "accounts:\n  nightly: {user: fleetstat, agent: true}\nsegments:\n  cde: {require_pq: true}\nall: {account: nightly}\nhosts:\n  old-1: {segment: cde, legacy: {algorithms: [ssh-rsa], reason: old switch, expires: 2099-12-31}}"
        => "accounts:\n  nightly: {user: fleetstat, agent: true}\nsegments:\n  cde: {require_pq: true}\nall: {account: nightly}\nhosts:\n  old-1: {segment: core, legacy: {algorithms: [ssh-rsa], reason: old switch, expires: 2099-12-31}}"
    "FS-INV-032":
        "accounts:\n  nightly: {user: fleetstat, agent: true}\nweb:\n  hosts:\n    web-1:"
        => "accounts:\n  nightly: {user: fleetstat, agent: true}\nall: {account: nightly}\ngroups:\n  web: {hosts: [web-1]}\nhosts:\n  web-1:"
    "FS-PLAY-002":
        "name: nightly\nviews: [listeners]"
        => "name: nightly\npurpose: routine\nviews: [listeners]"
    "FS-PLAY-003":
        "name: nightly\npurpose: routine\nviews: [listeners]\nforks: 50"
        => "name: nightly\npurpose: routine\nviews: [listeners]\nlimits: {width: 50}"
    "FS-PLAY-004":
        "name: nightly\npurpose: routine\nviews: listeners"
        => "name: nightly\npurpose: routine\nviews: [listeners]"
    "FS-PLAY-005":
        "name: nightly\npurpose: routine\nviews: [listeners]\nlimits: {output_bytes: 1KiB}"
        => "name: nightly\npurpose: routine\nviews: [listeners]\nlimits: {output_bytes: 64KiB}"
    "FS-PLAY-006":
        "name: nightly\npurpose: routine\nviews: [listeners]\nselect: \"role=\""
        => "name: nightly\npurpose: routine\nviews: [listeners]\nselect: \"role=db & env=prod\""
    "FS-PLAY-007":
        "name: nightly\npurpose: routine\nviews: [listeners]\ndeadlines: {command: 5m, host: 1m}"
        => "name: nightly\npurpose: routine\nviews: [listeners]\ndeadlines: {command: 5m, host: 10m}"
    "FS-SITE-001":
        "probes:\n  - {id: site/port, platform: linux, argv: [/usr/bin/ss, -K], reader: linux/ss}"
        => "probes:\n  - {id: site/port, platform: linux, argv: [/usr/bin/ss, -t, -l], reader: linux/ss}"
    "FS-SITE-002":
        "probes:\n  - {id: site/port, platform: linux, argv: [/usr/bin/ss, -t, -l], reader: linux/ss, command: ss}"
        => "probes:\n  - {id: site/port, platform: linux, argv: [/usr/bin/ss, -t, -l], reader: linux/ss}"
    "FS-SITE-003":
        "probes:\n  - {id: site/port, platform: linux, reader: linux/ss}"
        => "probes:\n  - {id: site/port, platform: linux, argv: [/usr/bin/ss, -t, -l], reader: linux/ss}"
    "FS-SITE-004":
        "probes:\n  - {id: site/port, platform: linux, argv: /usr/bin/ss -t -l, reader: linux/ss}"
        => "probes:\n  - {id: site/port, platform: linux, argv: [/usr/bin/ss, -t, -l], reader: linux/ss}"
    "FS-SITE-005":
        "probes:\n  - {id: site/port, platform: linus, argv: [/usr/bin/ss, -t, -l], reader: linux/ss}"
        => "probes:\n  - {id: site/port, platform: linux, argv: [/usr/bin/ss, -t, -l], reader: linux/ss}"
    "FS-SITE-006":
        "probes:\n  - {id: site/port, platform: linux, argv: [/usr/bin/ss, -t, -l], reader: linux/ss}\n  - {id: site/port, platform: linux, argv: [/usr/bin/ss, -u, -l], reader: linux/ss}"
        => "probes:\n  - {id: site/port, platform: linux, argv: [/usr/bin/ss, -t, -l], reader: linux/ss}\n  - {id: site/udp, platform: linux, argv: [/usr/bin/ss, -u, -l], reader: linux/ss}"
    "FS-YAML-004":
        "hosts:\n  web-1: {transport: local"
        => "hosts:\n  web-1: {transport: local}"
    "FS-YAML-005":
        "# hosts come here"
        => "hosts:\n  web-1: {transport: local}"
    "FS-YAML-006":
        "hosts:\n  web-1: {transport: local}\n---\nhosts:\n  web-2: {transport: local}"
        => "hosts:\n  web-1: {transport: local}\n  web-2: {transport: local}"
    "FS-YAML-007":
        "hosts: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"
        => "hosts:\n  web-1: {transport: local}"
    "FS-YAML-009":
        "all: &a\n  vars: {x: [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]}\nhosts: &h\n  a: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\n  b: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\n  c: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c]\n  d: [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d, *d, *d]"
        => "hosts:\n  web-1: {transport: local}"
    "FS-YAML-010":
        "hosts: &h\n  web-1: *h"
        => "hosts:\n  web-1: {transport: local}"
    "FS-YAML-011":
        "hosts:\n  web-1: {transport: local}\n  web-1: {transport: local}"
        => "hosts:\n  web-1: {transport: local}"
    "FS-YAML-012":
        "hosts:\n  ? [web-1]\n  : {transport: local}"
        => "hosts:\n  web-1: {transport: local}"
    "FS-YAML-013":
        "all: &shared {transport: local}\nhosts:\n  web-1:\n    <<: *shared"
        => "all: {transport: local}\nhosts:\n  web-1:"
    "FS-YAML-014":
        "hosts:\n  web-1: {transport: !!str local}"
        => "hosts:\n  web-1: {transport: local}"
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::explain::topics::FILES;
    use crate::yaml::defect::Defect;

    /// Codes that no text of a file can show: they are about the file itself.
    const WITHOUT_EXAMPLE: &[&str] = &[
        "FS-CFG-011",  // permissions
        "FS-CFG-012",  // no key is required
        "FS-INV-001",  // the file cannot be read
        "FS-INV-030",  // a line of an INI file, and an example is YAML
        "FS-INV-031",  // a program
        "FS-YAML-001", // an example is UTF-8
        "FS-YAML-002", // a megabyte of text
        "FS-YAML-003", // an example is printed
        "FS-YAML-008", // a hundred thousand values
        "FS-YAML-099", // a thousand faults
    ];

    fn faults(code: &str, text: &str) -> Vec<Defect> {
        let file = "example.yaml";
        if code.starts_with("FS-PLAY") {
            return crate::plan::playbook::Playbook::read(file, text).err().unwrap_or_default();
        }
        if code.starts_with("FS-SITE") {
            return crate::probe::site_file::read(file, text.as_bytes()).err().unwrap_or_default();
        }
        if code.starts_with("FS-CFG") {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(file);
            std::fs::write(&path, text).unwrap();
            let me = rustix::process::geteuid().as_raw();
            return crate::config::read(&path, true, None, me)
                .err()
                .map(|e| e.0)
                .unwrap_or_default();
        }
        crate::inventory::from_texts(&[(file, text)]).err().unwrap_or_default()
    }

    #[test]
    fn every_code_of_a_file_has_an_example_or_a_reason_to_have_none() {
        for (_, codes, _) in FILES {
            for (code, _) in *codes {
                let shown = EXAMPLES.iter().filter(|example| example.code == *code).count();
                let excused = usize::from(WITHOUT_EXAMPLE.contains(code));
                assert_eq!(shown + excused, 1, "{code}");
            }
        }
    }

    #[test]
    fn the_wrong_file_has_the_fault_and_the_right_one_none() {
        for Example { code, wrong, right } in EXAMPLES {
            let found: Vec<&str> = faults(code, wrong).iter().map(|defect| defect.code).collect();
            assert!(found.contains(code), "{code}: {found:?}\n{wrong}");
            assert_eq!(faults(code, right), [], "{code}\n{right}");
        }
    }
}
