//! Every fault an inventory can have, with the exact message.

use super::{faults, printed};
use fleetstat::inventory::{from_texts, load};

#[test]
fn unknown_keys_carry_a_suggestion() {
    let text = r"hosts:
  web-1: {rol: web, account: n}
  web-2: {ansible_host: x, password: y, name: z, env: prod, xyzzy: 1}
host: {}
";
    let expected = r"error[FS-INV-003]: lab.yaml:2:11: unknown key `rol` for host `web-1`
  help: did you mean `role`?
error[FS-INV-003]: lab.yaml:3:11: unknown key `ansible_host` for host `web-2`
  help: the key is called `address`
error[FS-INV-003]: lab.yaml:3:28: unknown key `password` for host `web-2`
  help: secrets never stand in an inventory; use a key or the agent
error[FS-INV-003]: lab.yaml:3:41: unknown key `name` for host `web-2`
  help: the name is the key under `hosts`
error[FS-INV-003]: lab.yaml:3:50: unknown key `env` for host `web-2`
  help: the key is called `environment`
error[FS-INV-003]: lab.yaml:3:61: unknown key `xyzzy` for host `web-2`
  help: the keys are address, host_key_alias, tls_name, legacy, port, platform, transport, role, environment, segment, site, criticality, exposure, owner, tags, timezone, account, services, jump, tls, auth, spn, tls_ca, tls_pin, fragile, vars
error[FS-INV-003]: lab.yaml:4:1: unknown key `host` for the inventory
  help: the key is called `hosts`";
    assert_eq!(faults(text), expected);
}

#[test]
fn wrong_types_and_values_name_what_was_expected() {
    let text = r#"accounts: {n: {user: n, agent: true}}
all: {account: n}
hosts:
  web-1: {port: 70000, platform: linus, fragile: no, tags: lab, owner: 5, role: , criticality: [x]}
  web-2: {port: "22", services: [https, 8080], vars: {x: 1.5, Y: 1, z: {a: 1}}}
  web-3: text
"#;
    let expected = r"error[FS-INV-005]: lab.yaml:4:17: `port` of host `web-1` is 70000, expected a whole number from 1 to 65535
error[FS-INV-005]: lab.yaml:4:34: `platform` of host `web-1` is `linus`, expected one of linux, windows, macos, freebsd, openbsd, netbsd, solaris, illumos, aix, hpux
  help: did you mean `linux`?
error[FS-INV-004]: lab.yaml:4:50: `fragile` of host `web-1` is the text `no`, expected true or false
  help: YAML 1.2 knows only `true` and `false`
error[FS-INV-004]: lab.yaml:4:60: `tags` of host `web-1` is the text `lab`, expected a list such as `[a, b]`
  help: put the value in brackets: `[value]`
error[FS-INV-004]: lab.yaml:4:72: `owner` of host `web-1` is the number `5`, expected a person or team in one line such as `Team Linux`
  help: put the value in quotes to make it text
error[FS-INV-004]: lab.yaml:4:79: `role` of host `web-1` is nothing, expected a label such as `db`
  help: give a value, or leave the key out
error[FS-INV-004]: lab.yaml:4:96: `criticality` of host `web-1` is a list, expected one of low, medium, high, critical
error[FS-INV-004]: lab.yaml:5:17: `port` of host `web-2` is the text `22`, expected a whole number from 1 to 65535
error[FS-INV-004]: lab.yaml:5:41: `services` of host `web-2` is the number `8080`, expected a label such as `https`
  help: put the value in quotes to make it text
error[FS-INV-004]: lab.yaml:5:58: `x` of host `web-2` is the number `1.5`, expected true or false, or a whole number, or text such as `value`, or a list such as `[a, b]`
error[FS-INV-006]: lab.yaml:5:63: `Y` is no variable name (host `web-2`)
  help: use small letters, digits and `_`, the first a letter
error[FS-INV-004]: lab.yaml:5:72: `z` of host `web-2` is a mapping, expected true or false, or a whole number, or text such as `value`, or a list such as `[a, b]`
error[FS-INV-004]: lab.yaml:6:10: host `web-3` is the text `text`, expected a mapping with keys such as address, host_key_alias, tls_name, legacy";
    assert_eq!(faults(text), expected);
}

#[test]
fn labels_and_free_text_are_checked() {
    let text = r#"accounts: {n: {user: n, agent: true}}
all: {account: n}
hosts:
  web-1: {role: "a b", tags: [lab, lab, -x], owner: " x"}
  web-2: {owner: "a\e[31mb", timezone: Europe/Berlim, host_key_alias: "[a]:22"}
"#;
    let expected = r"error[FS-INV-005]: lab.yaml:4:17: role `a b` has ` ` at character 2
  help: use 1 to 63 letters, digits, `.`, `_` or `-`, the first a letter or digit
error[FS-INV-007]: lab.yaml:4:36: the tag `lab` is here twice
error[FS-INV-005]: lab.yaml:4:41: tag `-x` must start with a letter or digit
  help: use 1 to 63 letters, digits, `.`, `_` or `-`, the first a letter or digit
error[FS-INV-005]: lab.yaml:4:53: `owner` of host `web-1` is ` x`
  help: write 1 to 128 printable characters in one line, no blanks at the ends
error[FS-INV-005]: lab.yaml:5:18: `owner` of host `web-2` is `a\x1b[31mb`
  help: write 1 to 128 printable characters in one line, no blanks at the ends
error[FS-INV-005]: lab.yaml:5:40: `timezone` of host `web-2` is `Europe/Berlim`, which is no time zone
  help: did you mean `Europe/Berlin`?
error[FS-INV-005]: lab.yaml:5:71: `host_key_alias` of host `web-2` is `[a]:22`
  help: write the host's name as it stands in known_hosts, without brackets and port";
    assert_eq!(faults(text), expected);
}

#[test]
fn host_names_are_checked() {
    let text = r#"accounts: {n: {user: n, agent: true}}
all: {account: n}
hosts:
  web 1:
  "../etc":
  all:
  nul.lab:
  "{{ name }}":
  "web[3-1]":
  "web[1-9999999]":
  "web-*":
"#;
    let expected = r"error[FS-INV-006]: lab.yaml:4:3: host name `web 1` has ` ` at character 4
  help: use letters, digits, `.`, `_`, `:` or `-`, the first a letter or digit
error[FS-INV-006]: lab.yaml:5:3: host name `../etc` has `/` at character 3
  help: use letters, digits, `.`, `_`, `:` or `-`, the first a letter or digit
error[FS-INV-006]: lab.yaml:6:3: a host cannot be called `all`
  help: rename it
error[FS-INV-006]: lab.yaml:7:3: host name `nul.lab` is a device name on Windows
  help: give it another name, and its real name as `address`
error[FS-INV-006]: lab.yaml:8:3: host name `{{ name }}` has `{` at character 1
  help: templates are not expanded here: write the name, or a range
error[FS-INV-013]: lab.yaml:9:3: `web[3-1]`: the range `3-1` runs backwards
  help: write `1-3`
error[FS-INV-013]: lab.yaml:10:3: `web[1-9999999]`: the range stands for more than 200000 names
  help: split it, or check its numbers
error[FS-INV-013]: lab.yaml:11:3: `web-*`: `*` and `?` have no place here
  help: name each host, or a range such as `web[01-20]`";
    assert_eq!(faults(text), expected);
}

#[test]
fn hosts_groups_and_accounts_stand_once() {
    let text = r#"accounts: {n: {user: n, agent: true}}
all: {account: n}
groups:
  all: {role: x}
hosts:
  "web-[1-3]":
  web-2:
"#;
    let expected = r"error[FS-INV-006]: lab.yaml:4:3: `all` is no ordinary group
  help: write `all:` at the top level
error[FS-INV-007]: lab.yaml:7:3: host `web-2` is in lab.yaml:6 too
  help: keep one of the two; put what only some hosts have into a group";
    assert_eq!(faults(text), expected);
}

#[test]
fn references_must_exist() {
    let text = r#"accounts: {nightly: {user: n, agent: true}}
all: {account: nihgtly}
groups:
  web: {hosts: [web-1, web-3, "db-[1-9]"], children: [wbe, all]}
  web2: {account: other}
hosts:
  web-1:
  web-2:
"#;
    let expected = r"error[FS-INV-009]: lab.yaml:2:16: there is no account `nihgtly`
  help: did you mean `nightly`?
error[FS-INV-009]: lab.yaml:4:24: `web-3` of group `web` is not under `hosts`
  help: did you mean `web-1`?
error[FS-INV-009]: lab.yaml:4:31: `db-1`, `db-2`, `db-3` and 6 more of group `web` are not under `hosts`
  help: define it under `hosts:`
error[FS-INV-009]: lab.yaml:4:55: there is no group `wbe`
  help: did you mean `web`?
error[FS-INV-009]: lab.yaml:4:60: `all` cannot be a child
  help: every host is in `all` already
error[FS-INV-009]: lab.yaml:5:19: there is no account `other`
  help: define it under `accounts:`";
    assert_eq!(faults(text), expected);
}

#[test]
fn group_cycles_and_depth_are_refused() {
    let text = r"accounts: {n: {user: n, agent: true}}
all: {account: n}
groups:
  a: {children: [b]}
  b: {children: [c]}
  c: {children: [b]}
  d: {children: [d]}
hosts: {h: }
";
    let expected = r"error[FS-INV-010]: lab.yaml:6:18: groups contain each other: b > c > b
  help: take one out of the other's `children`
error[FS-INV-010]: lab.yaml:7:18: groups contain each other: d > d
  help: take one out of the other's `children`";
    assert_eq!(faults(text), expected);
}

#[test]
fn too_deep() {
    let text = r"accounts: {n: {user: n, agent: true}}
all: {account: n}
groups:
  g00: {children: [g01]}
  g01: {children: [g02]}
  g02: {children: [g03]}
  g03: {children: [g04]}
  g04: {children: [g05]}
  g05: {children: [g06]}
  g06: {children: [g07]}
  g07: {children: [g08]}
  g08: {children: [g09]}
  g09: {children: [g10]}
  g10: {children: [g11]}
  g11: {children: [g12]}
  g12: {children: [g13]}
  g13: {children: [g14]}
  g14: {children: [g15]}
  g15: {children: [g16]}
  g16: {children: [g17]}
  g17: {hosts: [h]}
hosts: {h: }
";
    let expected = r"error[FS-INV-010]: lab.yaml:20:3: group g16 is more than 16 levels deep
  help: use tags or more groups per host instead of nesting";
    assert_eq!(faults(text), expected);
}

#[test]
fn groups_that_disagree_are_told_once() {
    let text = r#"accounts: {n: {user: n, agent: true}}
all: {account: n}
groups:
  web: {hosts: ["h[1-3]"], role: web, vars: {x: 1}}
  lab: {hosts: ["h[1-3]"], role: lab, vars: {x: 2}, site: s}
  old: {hosts: [h1], site: s}
hosts:
  "h[1-2]":
  h3: {role: host, vars: {x: 3}}
"#;
    let expected = r"error[FS-INV-011]: lab.yaml:4:28: `role` of host `h1` is set by group `web` here and by group `lab` in lab.yaml:5
  help: set it on the host, or make one group a child of the other
error[FS-INV-011]: lab.yaml:4:46: `x` of host `h1` is set by group `web` here and by group `lab` in lab.yaml:5
  help: set it on the host, or make one group a child of the other";
    assert_eq!(faults(text), expected);
}

#[test]
fn ssh_needs_an_account() {
    let text = r#"accounts: {n: {user: n, agent: true}}
hosts:
  a: {account: n}
  b:
  "c[1-5]":
  d: {transport: local}
"#;
    let expected = r"error[FS-INV-012]: lab.yaml:4:3: host `b` has no account to log in with
  help: add `account: NAME` to the host, a group or `all`; `transport: local` needs none
error[FS-INV-012]: lab.yaml:5:3: host `c1` and 4 more have no account to log in with
  help: add `account: NAME` to the host, a group or `all`; `transport: local` needs none";
    assert_eq!(faults(text), expected);
}

#[test]
fn addresses_are_checked() {
    let text = r#"accounts: {n: {user: n, agent: true}}
all: {account: n}
hosts:
  a: {address: "https://a/"}
  b: {address: "[::1]"}
  c: {address: 10.0.0.0/24}
  d: {address: "10.0.0.1:22"}
  web_1:
  "e[1-3]": {address: 10.0.0.1}
  "f[1-3]": {address: "10.0.0.[1-2]"}
  "g[1-2]": {address: "10.0.0.[255-256]"}
  h: {address: 10.5}
"#;
    let expected = r"error[FS-INV-014]: lab.yaml:4:7: address `https://a/` has a scheme
  help: write only `a`
error[FS-INV-014]: lab.yaml:5:7: address `[::1]` has brackets
  help: write the IPv6 address without brackets
error[FS-INV-014]: lab.yaml:6:7: address `10.0.0.0/24` is a network, not a host
  help: write `10.0.0.0`
error[FS-INV-014]: lab.yaml:7:7: address `10.0.0.1:22` has a port
  help: write `address: 10.0.0.1` and `port: 22`
error[FS-INV-014]: lab.yaml:8:3: host `web_1` has no address, and its name is no DNS name: it has `_`
  help: add `address:` to the host
error[FS-INV-013]: lab.yaml:9:14: 3 hosts would share the address `10.0.0.1`
  help: give a range as long as the name's, such as `10.0.1.[1-20]`
error[FS-INV-013]: lab.yaml:10:14: 2 addresses in `10.0.0.[1-2]` for 3 hosts
  help: make both ranges equally long
error[FS-INV-014]: lab.yaml:11:14: address `10.0.0.256` is neither an IPv4 address nor a DNS name
  help: an IPv4 address has four numbers from 0 to 255, a DNS name ends in a letter
error[FS-INV-004]: lab.yaml:12:16: `address` of host `h` is the number `10.5`, expected an IP address or DNS name, ranges as in the host's name such as `10.0.1.[1-20]`";
    assert_eq!(faults(text), expected);
}

#[test]
fn names_that_collide_as_files_are_refused() {
    let text = r#"accounts: {n: {user: n, agent: true}}
all: {account: n}
hosts:
  a-b: {role: c}
  a: {role: b-c}
  Web: {role: x}
  web: {role: y}
  "x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x": {address: 10.0.0.1}
"#;
    let expected = r"error[FS-INV-008]: lab.yaml:4:3: host `a-b` with role `c` and `a` with role `b-c` in lab.yaml:5 would both write `a-b-c-…`
  help: rename one host, or change its role
error[FS-INV-008]: lab.yaml:7:3: host `web` differs only in case from `Web` in lab.yaml:6
  help: rename one: file names and people confuse them
error[FS-INV-008]: lab.yaml:8:3: host `x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x` and its role make a file name of over 200 bytes
  help: shorten the name or the role";
    assert_eq!(faults(text), expected);
}

#[test]
fn an_account_names_exactly_one_key() {
    let text = r#"accounts:
  a: {user: a}
  b: {user: b, identity: k, agent: true}
  c: {user: c, agent: false}
  d: {user: d, agent: "MD5:00"}
  e: {user: "-e x", identity: k.pub}
  f: {identity: k, passphrase: {}}
  g: {user: g, identity: k, passphrase: secret}
  h: {user: h, agent: true, passphrase: prompt}
  i: {user: i, password: hunter2, identity: k, escalation: su}
  j j: {user: j, identity: k}
  k: {user: k, identity: "-----BEGIN OPENSSH PRIVATE KEY-----"}
all: {account: a}
hosts: {h: }
"#;
    let expected = r"error[FS-INV-015]: lab.yaml:2:3: account `a` names no key
  help: add `identity: ~/.ssh/KEY` for a key file, or `agent: true` for ssh-agent
error[FS-INV-015]: lab.yaml:3:36: account `b` has both `identity` and `agent`
  help: keep one, or put them into the list `identities` in the order in which they are to be offered
error[FS-INV-015]: lab.yaml:4:23: account `c` has `agent: false` and no other key
  help: add `identity: ~/.ssh/KEY` instead
error[FS-INV-015]: lab.yaml:5:23: `agent` of account `d` is `MD5:00`
  help: copy the fingerprint that `ssh-add -l` prints: SHA256: and 43 characters
error[FS-INV-005]: lab.yaml:6:13: `user` of account `e` is `-e x`
  help: a login name has at most 64 letters, digits, `.`, `_` or `-`
error[FS-INV-015]: lab.yaml:6:31: `identity` of account `e` is the public half
  help: name the private key: `k`
error[FS-INV-002]: lab.yaml:7:6: account `f` has no `user`
  help: add `user:` a login name such as `fleetstat`
error[FS-INV-015]: lab.yaml:7:32: `passphrase` of account `f` names no source
  help: write one of `prompt`, `{file: PATH}`, `{credential: NAME}` and `{command: [PATH, WORD, ...]}`
error[FS-INV-004]: lab.yaml:8:41: `passphrase` of account `g` is something that is not shown, expected `prompt`, or a mapping with keys such as file, credential, command
  help: secrets never stand in such a file: name where it comes from
error[FS-INV-015]: lab.yaml:9:41: account `h` has a passphrase but no key file
  help: the agent asks for its own: remove it
error[FS-INV-004]: lab.yaml:10:26: `password` of account `i` is something that is not shown, expected `prompt`, or a mapping with keys such as file, credential, command
  help: secrets never stand in such a file: name where it comes from
error[FS-INV-015]: lab.yaml:10:26: account `i` has both `identity` and `password`
  help: keep one, or put them into the list `identities` in the order in which they are to be offered
error[FS-INV-005]: lab.yaml:10:60: `escalation` of account `i` is `su`, expected one of none, sudo
error[FS-INV-006]: lab.yaml:11:3: account name `j j` has ` ` at character 2
  help: use 1 to 63 letters, digits, `.`, `_` or `-`, the first a letter or digit
error[FS-INV-015]: lab.yaml:12:26: `identity` of account `k` holds a key
  help: secrets never stand in an inventory: name the key's file";
    assert_eq!(faults(text), expected);
}

#[test]
fn a_list_of_identities_is_checked_item_by_item() {
    let text = r#"accounts:
  a: {user: a, identities: []}
  b:
    user: b
    identities:
      - {identity: k1}
      - {identity: k2}
      - {identity: k3}
      - {identity: k4}
      - {agent: true}
  c: {user: c, identity: k, identities: [{agent: true}]}
  d: {user: d, identities: [{identity: k}, {identity: k}]}
  e: {user: e, identities: [{identity: k, agent: true}]}
  f: {user: f, identities: [{passphrase: prompt}, {identity: k}]}
  g: {user: g, password: prompt, certificate: k-cert.pub}
  h: {user: h, agent_certificate: true}
  i: {user: i, identity: k-cert.pub}
  j: {user: j, password: {command: [pass, show, x]}}
  k: {user: k, password: {command: []}}
  l: {user: l, password: {command: /bin/pass}}
  m: {user: m, password: {env: SECRET}}
  n: {user: n, password: {file: p, credential: c}}
  o: {user: o, password: {file: p}, passphrase: prompt}
  p: {user: p, identity: k, certificate: "ssh-ed25519-cert-v01@openssh.com AAAA"}
  q: {user: q, identities: [{identity: k, user: x}]}
all: {account: a}
hosts: {h: }
"#;
    let expected = r"error[FS-INV-005]: lab.yaml:2:28: `identities` of account `a` is empty, expected at least 1 item
error[FS-INV-015]: lab.yaml:6:7: account `b` has 5 identities, at most 4
  help: a server ends the connection after six failures: name those that are needed
error[FS-INV-015]: lab.yaml:11:26: account `c` has both `identities` and `identity`
  help: move it into the list, in its order
error[FS-INV-015]: lab.yaml:12:44: account `d` has an identity twice
  help: keep one: a credential is offered to a host once
error[FS-INV-015]: lab.yaml:13:50: account `e` has both `identity` and `agent`
  help: keep one, or put them into the list `identities` in the order in which they are to be offered
error[FS-INV-015]: lab.yaml:14:29: account `f` names no key
  help: add `identity: ~/.ssh/KEY` for a key file, or `agent: true` for ssh-agent
error[FS-INV-015]: lab.yaml:15:47: account `g` has a `certificate` file beside `password`
  help: it belongs to a key: name it with `identity` or `agent`
error[FS-INV-004]: lab.yaml:16:35: `agent_certificate` of account `h` is the flag `true`, expected a key fingerprint such as `SHA256:uNiVztksCsDhcc0u9e8BrrQXVUpMZIDTMczCvj3tD2s`
  help: put the value in quotes to make it text
error[FS-INV-015]: lab.yaml:17:26: `identity` of account `i` is a certificate
  help: name it with `certificate`, and its key here
error[FS-INV-015]: lab.yaml:18:36: the command for `password` of account `j` does not begin with the absolute path of a program
  help: write it like `[/usr/bin/pass, show, fleetstat]`: no shell, no search in PATH
error[FS-INV-005]: lab.yaml:19:36: `command` of account `k` is empty, expected at least 1 item
error[FS-INV-004]: lab.yaml:20:36: `command` of account `l` is the text `/bin/pass`, expected a list such as `[a, b]`
  help: put the value in brackets: `[value]`
error[FS-INV-003]: lab.yaml:21:27: unknown key `env` for `password` of account `m`
  help: other processes can read the environment, and children inherit it: name a `file`, `credential` or `command`
error[FS-INV-015]: lab.yaml:22:26: `password` of account `n` names no source
  help: write one of `prompt`, `{file: PATH}`, `{credential: NAME}` and `{command: [PATH, WORD, ...]}`
error[FS-INV-015]: lab.yaml:23:49: account `o` has a passphrase but no key file
  help: a password needs none: remove it
error[FS-INV-015]: lab.yaml:24:42: `certificate` of account `p` holds a certificate
  help: write a path such as `~/.ssh/fleetstat_ed25519-cert.pub`
error[FS-INV-003]: lab.yaml:25:43: unknown key `user` for `identities` of account `q`
  help: `user` belongs to the account";
    assert_eq!(faults(text), expected);
}

#[test]
fn an_inventory_has_hosts() {
    let text = r"groups: {}
";
    let expected = r"error[FS-INV-016]: lab.yaml: the inventory has no hosts
  help: add `hosts:` with at least one name";
    assert_eq!(faults(text), expected);
}

#[test]
fn a_list_is_no_inventory() {
    let text = r"- web-1
- web-2
";
    let expected = r"error[FS-INV-004]: lab.yaml:1:1: the inventory is a list, expected a mapping with keys such as accounts, all, groups, hosts";
    assert_eq!(faults(text), expected);
}

#[test]
fn a_section_that_is_missing_causes_no_second_fault() {
    let text = r"accounts: {n: {user: n, agent: true}}
groups:
  web: {hosts: [web-1]}
hsots:
  web-1: {account: n}
";
    let expected = r"error[FS-INV-003]: lab.yaml:4:1: unknown key `hsots` for the inventory
  help: did you mean `hosts`?";
    assert_eq!(faults(text), expected);
}

#[test]
fn what_stands_in_two_files_is_told_with_both_places() {
    let one = "accounts: {n: {user: n, agent: true}}\nall: {account: n}\ngroups:\n  web: {role: web, vars: {x: 1}}\nhosts:\n  a:\n  b:\n";
    let two = "accounts:\n  n: {user: m, agent: true}\nall: {account: n}\ngroups:\n  web: {role: web, vars: {x: 1}, tags: [t]}\nhosts:\n  b: {rol: x}\n";
    let expected = "\
error[FS-INV-007]: two.yaml:2:3: account `n` is in one.yaml:1 too
  help: keep one of the two, or give them different names
error[FS-INV-007]: two.yaml:3:7: `account` of `all` is set in one.yaml:2 too
  help: keep one of the two, or use two groups
error[FS-INV-007]: two.yaml:5:9: `role` of group `web` is set in one.yaml:4 too
  help: keep one of the two, or use two groups
error[FS-INV-007]: two.yaml:5:27: `x` of group `web` is set in one.yaml:4 too
  help: keep one of the two, or use two groups
error[FS-INV-007]: two.yaml:7:3: host `b` is in one.yaml:7 too
  help: keep one of the two; put what only some hosts have into a group
error[FS-INV-003]: two.yaml:7:7: unknown key `rol` for host `b`
  help: did you mean `role`?";
    let defects = from_texts(&[("one.yaml", one), ("two.yaml", two)]).unwrap_err();
    assert_eq!(printed(&defects), expected);
}

#[test]
fn a_file_that_cannot_be_read_hides_no_fault_of_the_others() {
    let good = "groups: {web: {hosts: [elsewhere]}}\nhosts: {a: {transport: local, rol: x}}\n";
    let defects = from_texts(&[("bad.yaml", "a: [\n"), ("good.yaml", good)]).unwrap_err();
    let codes: Vec<String> =
        defects.iter().map(|defect| format!("{} {}", defect.file, defect.code)).collect();
    assert_eq!(codes, ["bad.yaml FS-YAML-004", "good.yaml FS-INV-003"]);
}

#[test]
fn paths_that_cannot_be_read_are_told_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let defects = load(&[folder.path().to_owned(), folder.path().join("none.yaml")]).unwrap_err();
    let told = printed(&defects).replace(&*folder.path().to_string_lossy(), "DIR");
    let expected = "\
error[FS-INV-001]: DIR: cannot be read: the folder holds no *.yaml file
error[FS-INV-001]: DIR/none.yaml: cannot be read: No such file or directory (os error 2)
  help: check the path";
    assert_eq!(told, expected);
    std::fs::write(folder.path().join("b.yaml"), "hosts: {b: {transport: local}}\n").unwrap();
    std::fs::write(folder.path().join("a.yml"), "hosts: {a: {transport: local}}\n").unwrap();
    std::fs::write(folder.path().join("note.txt"), "[").unwrap();
    assert_eq!(load(&[folder.path().to_owned()]).unwrap().hosts.len(), 2);
    assert_eq!(load(&[]).unwrap_err().len(), 1);
}

#[test]
fn a_fault_of_every_host_is_listed_a_thousand_times_at_most() {
    let hosts: Vec<String> = (0..3_000).map(|n| format!("  h{n}: {{rol: x}}\n")).collect();
    let text = format!("all: {{transport: local}}\nhosts:\n{}", hosts.concat());
    let defects = from_texts(&[("lab.yaml", &text)]).unwrap_err();
    assert_eq!(defects.len(), 1_001);
    assert_eq!(defects[1_000].message, "2000 more faults are not listed");
}
