//! Whole hosts as they come out of a file.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use fleetstat::inventory::from_texts;
use fleetstat::inventory::host::{Account, Escalation, Host, Identity, SecretSource, Variable};
use fleetstat::inventory::login::{Kdc, Login, Mechanism, Pin};
use fleetstat::model::host::{Asset, Criticality, Exposure, Platform, TransportKind};
use fleetstat::model::id::{HostName, Label};

fn label(text: &str) -> Label {
    Label::new("label", text).unwrap()
}

fn variables(names: Vec<Variable>) -> BTreeMap<String, Variable> {
    BTreeMap::from([
        ("level".into(), Variable::Number(3)),
        ("names".into(), Variable::List(names)),
        ("on".into(), Variable::Text("22".into())),
        ("port".into(), Variable::Number(5432)),
    ])
}

#[test]
fn a_host_with_every_key_is_read_whole() {
    let text = r#"
accounts:
  nightly: {user: fleetstat, identity: ~/.ssh/k, passphrase: {file: /etc/fs/p}, escalation: sudo}
groups:
  db: {hosts: [db-1], tags: [b, a], services: [postgresql]}
  data: {children: [db], vars: {port: 5432, level: 2}}
hosts:
  db-1:
    address: 10.0.0.5
    port: 2222
    platform: freebsd
    transport: ssh
    role: db
    environment: no
    segment: s1
    site: fra
    criticality: critical
    exposure: isolated
    owner: Team Ünïx
    tags: [lab, a]
    timezone: Europe/Berlin
    account: nightly
    services: [ntp]
    fragile: true
    host_key_alias: db
    vars: {level: 3, names: [a, 1, true], on: "22"}
"#;
    let account = Account {
        name: label("nightly"),
        user: "fleetstat".into(),
        identities: vec![Identity::File {
            path: PathBuf::from("~/.ssh/k"),
            passphrase: Some(SecretSource::File(PathBuf::from("/etc/fs/p"))),
            certificate: None,
        }],
        escalation: Escalation::Sudo,
    };
    let names = vec![Variable::Text("a".into()), Variable::Number(1), Variable::Bool(true)];
    let asset = Asset {
        name: HostName::new("db-1").unwrap(),
        address: "10.0.0.5".into(),
        port: 2222,
        platform: Platform::Freebsd,
        transport: TransportKind::Ssh,
        role: Some(label("db")),
        environment: Some(label("no")),
        segment: Some(label("s1")),
        site: Some(label("fra")),
        criticality: Some(Criticality::Critical),
        exposure: Some(Exposure::Isolated),
        owner: Some("Team Ünïx".into()),
        tags: vec![label("a"), label("b"), label("lab")],
        timezone: Some("Europe/Berlin".into()),
        services: vec![label("ntp"), label("postgresql")],
    };
    let expected = Host {
        account: Some(Arc::new(account)),
        host_key_alias: Some("db".into()),
        fragile: true,
        groups: Arc::from([label("data"), label("db")]),
        variables: variables(names),
        ..Host::of(asset)
    };
    let inventory =
        from_texts(&[("a.yaml", text)]).unwrap_or_else(|d| panic!("{}", super::printed(&d)));
    assert_eq!(inventory.hosts, [expected]);
}

#[test]
fn host_wins_over_group_over_parent_over_all() {
    let text = r"
all: {transport: local, role: all, site: all, segment: all, environment: all}
groups:
  parent: {children: [child], role: parent, site: parent, segment: parent}
  child: {hosts: [h, i], role: child, site: child}
  # A second way to the same child makes no conflict: child is inside both.
  other: {children: [child], site: other}
hosts:
  h: {role: host}
  i:
  j:
";
    let inventory = from_texts(&[("a.yaml", text)]).unwrap();
    let values: Vec<Vec<&str>> = inventory
        .hosts
        .iter()
        .map(|host| {
            let asset = &host.asset;
            [&asset.role, &asset.site, &asset.segment, &asset.environment]
                .map(|value| value.as_ref().unwrap().as_str())
                .to_vec()
        })
        .collect();
    let expected = [
        ["host", "child", "parent", "all"],
        ["child", "child", "parent", "all"],
        ["all", "all", "all", "all"],
    ];
    assert_eq!(values, expected);
    let groups: Vec<(&str, usize)> =
        inventory.groups.iter().map(|group| (group.name.as_str(), group.hosts)).collect();
    assert_eq!(groups, [("child", 2), ("other", 2), ("parent", 2)]);
}

#[test]
fn groups_may_continue_in_another_file_and_know_its_hosts() {
    let one = "all: {transport: local}\ngroups:\n  web: {hosts: [a], role: web}\nhosts: {a: }\n";
    let two = "groups:\n  web: {hosts: [b], site: x}\nhosts: {b: {address: 10.0.0.1}, c: {address: 10.0.0.1, transport: local}}\n";
    let inventory = from_texts(&[("one.yaml", one), ("two.yaml", two)]).unwrap();
    let roles: Vec<&str> = inventory.hosts.iter().map(|host| host.asset.role_word()).collect();
    assert_eq!(roles, ["web", "web", "unassigned"]);
    assert_eq!(inventory.find("a").unwrap().asset.site, Some(label("x")));
}

#[test]
fn hosts_that_share_an_address_are_remarked_and_not_refused() {
    let text = "accounts: {n: {user: n, agent: true}}\nall: {account: n}\ngroups: {g: }\nhosts:\n  a: {address: 10.0.0.1}\n  b: {address: 10.0.0.1}\n  c: {address: 10.0.0.1, port: 23}\n";
    let remarks = from_texts(&[("a.yaml", text)]).unwrap().remarks;
    let lines: Vec<String> =
        remarks.iter().map(|remark| format!("{}: {}", remark.origin, remark.message)).collect();
    let expected = [
        "a.yaml:6: host `b` has the address and port of `a`: 10.0.0.1 port 22",
        "a.yaml:3: group `g` has no hosts",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn identities_keep_their_order_and_their_sources() {
    let text = r#"accounts:
  n:
    user: fleetstat
    identities:
      - {identity: ~/.ssh/a, certificate: ~/.ssh/a-cert.pub, passphrase: {command: [/bin/pass, "a b"]}}
      - {agent: SHA256:uNiVztksCsDhcc0u9e8BrrQXVUpMZIDTMczCvj3tD2s, certificate: c.pub}
      - {agent_certificate: SHA256:uNiVztksCsDhcc0u9e8BrrQXVUpMZIDTMczCvj3tD2s}
      - {password: {credential: fleetstat-password}}
all: {account: n}
hosts: {h: }
"#;
    let fingerprint = "SHA256:uNiVztksCsDhcc0u9e8BrrQXVUpMZIDTMczCvj3tD2s".to_owned();
    let words = vec!["/bin/pass".to_owned(), "a b".to_owned()];
    let expected = vec![
        Identity::File {
            path: PathBuf::from("~/.ssh/a"),
            passphrase: Some(SecretSource::Command(words)),
            certificate: Some(PathBuf::from("~/.ssh/a-cert.pub")),
        },
        Identity::Agent {
            fingerprint: Some(fingerprint.clone()),
            certificate: Some(PathBuf::from("c.pub")),
        },
        Identity::AgentCertificate { fingerprint },
        Identity::Password(SecretSource::Credential("fleetstat-password".into())),
    ];
    let inventory =
        from_texts(&[("a.yaml", text)]).unwrap_or_else(|d| panic!("{}", super::printed(&d)));
    assert_eq!(inventory.hosts[0].account.as_ref().unwrap().identities, expected);
}

#[test]
fn a_host_that_is_reached_by_winrm_is_windows_with_a_verified_certificate_on_5986() {
    let text = "accounts:\n  reader: {user: 'LAB\\svc', password: {file: /run/secret}}\n\
        all: {account: reader, transport: winrm}\n\
        hosts:\n  a: {tls_name: a.example.net}\n  b: {tls: false}\n  c: {port: 443}\n";
    let inventory = from_texts(&[("fleet.yaml", text)]).unwrap();
    let hosts: Vec<_> = inventory
        .hosts
        .iter()
        .map(|host| (host.asset.port, host.asset.platform, host.tls, host.tls_name.as_deref()))
        .collect();
    assert_eq!(
        hosts,
        [
            (5986, Platform::Windows, true, Some("a.example.net")),
            (5985, Platform::Windows, false, None),
            (443, Platform::Windows, true, None),
        ]
    );
}

#[test]
fn what_winrm_cannot_do_is_refused_with_its_line() {
    let text = "accounts:\n  key: {user: svc, agent: true}\n  word: {user: svc, password: prompt}\n\
        hosts:\n  a: {account: key, transport: winrm}\n  \
        b: {account: word, transport: winrm, platform: linux}\n  \
        c: {account: word, transport: winrm, jump: d}\n  \
        d: {account: key}\n  e: {account: key, jump: c}\n";
    let error = from_texts(&[("fleet.yaml", text)]).unwrap_err();
    let said = format!("{error:?}");
    for message in [
        "host `a` is reached by winrm, and its account `key` has no password",
        "host `b` is reached by winrm and is no Windows: linux",
        "host `c` is reached by winrm",
        "jump host `c` is reached by winrm",
    ] {
        assert!(said.contains(message), "{message}: {said}");
    }
}

#[test]
fn a_limit_of_an_edge_is_said_once_and_one_that_nobody_goes_over_is_told() {
    let text = "accounts:\n  a: {user: r, agent: true}\nall: {account: a}\n\
        limits:\n  segment: {cde: {width: 4}, cdf: {width: 1}}\n  \
        subnet: {10.0.1.0/24: {starts_per_second: 2}}\n\
        hosts:\n  h: {segment: cde, address: 10.0.1.7}\n";
    let inventory = from_texts(&[("x.yaml", text)]).unwrap();
    assert_eq!(
        warned(&inventory),
        ["x.yaml:5: no host is reached over segment `cdf`: its limit is of no use; did you mean \
             `cde`?"]
    );
    let limits: Vec<String> = inventory
        .limits
        .iter()
        .map(|((kind, name), limit)| {
            let number =
                |number: Option<std::num::NonZeroU32>| number.map_or(0, std::num::NonZero::get);
            let rate = number(limit.starts_per_second);
            format!("{kind} {name}: {} at once, {rate} a second", number(limit.width))
        })
        .collect();
    let expected = [
        "segment cde: 4 at once, 0 a second",
        "segment cdf: 1 at once, 0 a second",
        "subnet 10.0.1.0/24: 0 at once, 2 a second",
    ];
    assert_eq!(limits, expected);
    let twice =
        from_texts(&[("x.yaml", text), ("y.yaml", "limits: {segment: {cde: {width: 9}}}\n")]);
    let defects = super::printed(&twice.unwrap_err());
    assert!(defects.contains("segment `cde` is limited in x.yaml:5 too"), "{defects}");
}

fn warned(inventory: &fleetstat::inventory::Inventory) -> Vec<String> {
    let warnings = inventory.warnings.iter();
    warnings.map(|remark| format!("{}: {}", remark.origin, remark.message)).collect()
}

#[test]
fn a_limit_of_nothing_that_can_be_is_refused_with_its_line() {
    let text = "accounts:\n  a: {user: r, agent: true}\nall: {account: a, jump: gate-1}\n\
        jumps: {gate-1: {address: 10.0.0.1, account: a}}\nlimits:\n  \
        jump:\n    gate-2: {width: 1}\n    gate-1: {}\n  subnet:\n    10.0.1.0/25: {width: 1}\n    \
        10.0.1.7/24: {width: 1}\n    2001:db8::1/64: {width: 1}\n    2001:DB8:0::/64: {width: 1}\n\
        hosts:\n  h: {address: \"2001:db8::7\"}\n";
    let printed = super::printed(&from_texts(&[("x.yaml", text)]).unwrap_err());
    let lines: Vec<&str> = printed.lines().filter(|line| line.contains("x.yaml:")).collect();
    let expected = [
        "x.yaml:7:5: there is no jump host `gate-2` to limit",
        "x.yaml:8:5: the limit of jump `gate-1` limits nothing",
        "x.yaml:10:5: `10.0.1.0/25` is no network of 24 bits of IPv4 or 64 of IPv6",
        "x.yaml:11:5: `10.0.1.7/24` is no network of 24 bits of IPv4 or 64 of IPv6",
        "x.yaml:12:5: `2001:db8::1/64` is no network of 24 bits of IPv4 or 64 of IPv6",
    ];
    assert_eq!(lines.len(), expected.len(), "{printed}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.contains(expected), "{printed}");
    }
    assert!(printed.contains("did you mean `gate-1`?"), "{printed}");
    assert!(printed.contains("write `10.0.1.0/24`"), "{printed}");
}

const PIN: &str = "'SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'";

#[test]
fn what_tls_would_trust_is_refused_where_the_host_has_none() {
    let text = format!(
        "accounts:\n  r: {{user: 'C\\r', password: prompt}}\nall: {{account: r, transport: winrm}}\n\
         hosts:\n  a: {{tls: false, tls_pin: {PIN}}}\n  b: {{tls: false, tls_ca: /etc/ca.pem}}\n"
    );
    let printed = super::printed(&from_texts(&[("x.yaml", &text)]).unwrap_err());
    for message in [
        "host `a` has `tls_pin` and `tls: false`",
        "host `b` has `tls_ca` and `tls: false`",
        "remove `tls: false`, or `tls_ca`",
    ] {
        assert!(printed.contains(message), "{message}: {printed}");
    }
    let text = format!(
        "accounts:\n  r: {{user: 'C\\r', password: prompt}}\n\
         all: {{account: r, auth: ntlm}}\n\
         groups:\n  w: {{transport: winrm, tls_pin: {PIN}, hosts: [a, b]}}\n\
         hosts:\n  a: {{tls: false}}\n  b: {{tls: false}}\n  s: {{tls_name: s}}\n"
    );
    let inventory = from_texts(&[("x.yaml", &text)]).unwrap();
    assert_eq!(
        warned(&inventory),
        [
            "x.yaml:9: `tls_name` has no effect on host `s`: it is for `transport: winrm`",
            "x.yaml:5: `tls_pin` has no effect on host `a` and 1 more with `tls: false`: no \
             certificate is looked at",
        ]
    );
}

#[test]
fn a_login_over_winrm_is_said_once_and_found_from_the_group_up() {
    let text = "accounts:\n  reader: {user: 'corp.example\\svc', password: prompt}\n  \
        paper: {user: svc, tls_certificate: {certificate: c.pem, key: ~/k.pem, passphrase: prompt}}\n\
        realms:\n  corp.example: {kdc: [dc1.corp.example, \"10.0.0.5:89\"]}\n\
        all: {account: reader, transport: winrm, tls_ca: /etc/ca.pem}\n\
        groups:\n  k: {auth: kerberos, hosts: [a, b]}\n\
        hosts:\n  a: {address: 10.0.0.1, tls_name: a.corp.example}\n  \
        b: {address: 10.0.0.2, spn: WSMAN/b}\n  \
        c: {auth: basic, tls_pin: 'SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'}\n  \
        d: {auth: certificate, account: paper}\n";
    let inventory =
        from_texts(&[("a.yaml", text)]).unwrap_or_else(|d| panic!("{}", super::printed(&d)));
    let kdc = |address: &str, port| Kdc { address: address.to_owned(), port };
    let plain = Login { tls_ca: Some(PathBuf::from("/etc/ca.pem")), ..Login::default() };
    let kerberos = Login {
        mechanism: Some(Mechanism::Kerberos),
        kdcs: vec![kdc("dc1.corp.example", 88), kdc("10.0.0.5", 89)],
        ..plain.clone()
    };
    let expected = [
        kerberos.clone(),
        Login { spn: Some("WSMAN/b".to_owned()), ..kerberos },
        Login { mechanism: Some(Mechanism::Basic), tls_pin: Some(Pin([0; 32])), ..plain.clone() },
        Login { mechanism: Some(Mechanism::Certificate), ..plain },
    ];
    let found: Vec<Login> =
        inventory.hosts.iter().map(|host| *host.login.clone().unwrap()).collect();
    assert_eq!(found, expected);
    let identity = Identity::TlsCertificate {
        certificate: PathBuf::from("c.pem"),
        key: PathBuf::from("~/k.pem"),
        passphrase: Some(SecretSource::Prompt),
    };
    assert_eq!(inventory.hosts[3].account.as_ref().unwrap().identities, [identity]);
    let explained = inventory.explain("b").unwrap();
    let line = |key: &str| {
        let found = explained.iter().find(|one| one.key == key).unwrap();
        format!("{} {}", found.value, found.origin)
    };
    assert_eq!(line("auth"), "kerberos a.yaml:8 (group k)");
    assert_eq!(line("tls_ca"), "/etc/ca.pem a.yaml:6 (all)");
    assert_eq!(line("spn"), "WSMAN/b a.yaml:11 (host)");
}

#[test]
fn a_login_over_winrm_that_cannot_be_is_refused_with_its_line() {
    let text = "accounts:\n  word: {user: svc, password: prompt}\n  \
        paper: {user: svc, tls_certificate: {certificate: c.pem, key: k.pem}}\n\
        realms: {A: {kdc: ['x:y']}, a: {kdc: [b]}}\n\
        all: {account: word, transport: winrm}\n\
        hosts:\n  a: {auth: basic, tls: false}\n  b: {auth: certificate}\n  \
        c: {auth: kerberos, address: 10.0.0.1}\n  d: {tls_pin: 'SHA256:aaaa'}\n  \
        e: {spn: 'HTTP/e@CORP'}\n  f: {account: paper}\n  \
        g: {account: paper, transport: ssh}\n  h: {auth: digest}\n";
    let error = from_texts(&[("fleet.yaml", text)]).unwrap_err();
    let said = super::printed(&error);
    for message in [
        "fleet.yaml:7:3: host `a` has `auth: basic` and `tls: false`",
        "fleet.yaml:8:3: host `b` is reached by winrm, and its account `word` has no `tls_certificate`",
        "fleet.yaml:9:3: host `c` has `auth: kerberos`, and the user `svc` of its account `word` has no realm",
        "fleet.yaml:9:3: host `c` has `auth: kerberos`, and no name: a KDC knows no addresses",
        "fleet.yaml:10:16: `tls_pin` of host `d` is `SHA256:aaaa`",
        "fleet.yaml:11:12: `spn` of host `e` is `HTTP/e@CORP`",
        "fleet.yaml:12:3: host `f` is reached by winrm, and its account `paper` has no password",
        "fleet.yaml:13:3: host `g` is reached by ssh, and its account `paper` has only a `tls_certificate`",
        "`auth` of host `h` is `digest`",
        "fleet.yaml:4:20: KDC `x:y` of realm `A`",
        "realm `a` is in fleet.yaml:4 too",
    ] {
        assert!(said.contains(message), "{message}:\n{said}");
    }
}
