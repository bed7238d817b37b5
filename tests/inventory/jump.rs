//! Roads, old algorithms and what segments demand: how they are found, and every fault of them.

use super::faults;
use fleetstat::inventory::host::{Host, LegacyAlgorithm};
use fleetstat::inventory::{Inventory, ending, from_texts};
use fleetstat::model::time::Utc;

fn inventory(text: &str) -> Inventory {
    from_texts(&[("lab.yaml", text)]).unwrap_or_else(|_| panic!("{}", faults(text)))
}

fn roads(inventory: &Inventory) -> Vec<String> {
    let road = |host: &Host| format!("{}: {}", host.asset.name, host.via().unwrap_or_default());
    inventory.hosts.iter().map(road).collect()
}

const FLEET: &str = "\
accounts:
  n: {user: n, agent: true}
  b: {user: b, agent: true}
jumps:
  edge: {address: 192.0.2.1, port: 2222, account: b, host_key_alias: gate}
  inner: {account: b, jump: edge}
all: {account: n, jump: inner}
groups:
  dmz: {hosts: [web-1, door], jump: edge}
hosts:
  db-1: {}
  web-1: {}
  door: {address: 10.0.0.9}
  deep: {jump: door}
  lone: {jump: none}
  here: {transport: local}
";

#[test]
fn roads_are_outermost_first_and_the_nearest_level_wins() {
    let inventory = inventory(FLEET);
    assert_eq!(
        roads(&inventory),
        [
            "db-1: edge > inner",
            "deep: edge > door",
            "door: edge",
            "here: ",
            "lone: ",
            "web-1: edge"
        ]
    );
    let db = &inventory.hosts[0];
    let edge = &db.road[0];
    assert_eq!((edge.address.as_str(), edge.port), ("192.0.2.1", 2222));
    assert_eq!(edge.account.user, "b");
    assert_eq!(edge.host_key_alias.as_deref(), Some("gate"));
    // A jump host without an address is called by its name.
    assert_eq!(db.road[1].address, "inner");
    // A host on a road is what it is as a host.
    assert_eq!(inventory.hosts[1].road[1].account.user, "n");
}

#[test]
fn the_origin_of_a_jump_is_explained() {
    let inventory = inventory(FLEET);
    let of = |name: &str| {
        let all = inventory.explain(name).unwrap();
        let jump = all.into_iter().find(|one| one.key == "jump");
        jump.map(|one| format!("{} {}", one.value, one.origin))
    };
    assert_eq!(of("db-1").as_deref(), Some("edge > inner lab.yaml:7 (all)"));
    assert_eq!(of("web-1").as_deref(), Some("edge lab.yaml:9 (group dmz)"));
    assert_eq!(of("deep").as_deref(), Some("edge > door lab.yaml:14 (host)"));
    assert_eq!(of("lone"), None);
}

#[test]
fn a_road_changes_the_digest() {
    let other = FLEET.replace("port: 2222", "port: 2223");
    assert_ne!(inventory(FLEET).digest, inventory(&other).digest);
}

#[test]
fn a_jump_host_that_cannot_be_used_is_named_with_its_line() {
    let text = "\
accounts: {n: {user: n, agent: true}}
all: {account: n}
jumps:
  a: {account: n, jump: b}
  b: {account: n, jump: a}
  c: {}
  web-1: {account: n}
  none: {account: n}
  d1: {account: n}
  d2: {account: n, jump: d1}
  d3: {account: n, jump: d2}
  d4: {account: n, jump: d3}
hosts:
  web-1: {jump: web-1}
  web-2: {jump: nowhere}
  web-3: {jump: here}
  web-4: {jump: d3}
  web-5: {jump: web-1}
  here: {transport: local}
";
    let expected = "\
error[FS-INV-010]: lab.yaml:4:19: the jump host leads back to itself: a > b > a
  help: write `jump: none` at the jump host that is reached directly, e.g. `a`
error[FS-INV-010]: lab.yaml:5:19: the jump host leads back to itself: b > a > b
  help: write `jump: none` at the jump host that is reached directly, e.g. `b`
error[FS-INV-002]: lab.yaml:6:6: jump `c` has no `account`
  help: add `account:` a label such as `nightly`
error[FS-INV-007]: lab.yaml:7:3: `web-1` is under `hosts` and under `jumps`
  help: keep one: a host can be a jump host as it is
error[FS-INV-006]: lab.yaml:8:3: a jump host cannot be called `none`
  help: rename it
error[FS-INV-010]: lab.yaml:12:20: there are more than 3 jump hosts on the road
  help: reach one of them directly, with `jump: none`
error[FS-INV-010]: lab.yaml:14:11: the jump host leads back to itself: web-1 > web-1
  help: write `jump: none` at the jump host that is reached directly, e.g. `web-1`
error[FS-INV-009]: lab.yaml:15:11: there is no jump host `nowhere`
  help: define it under `jumps:` or `hosts:`
error[FS-INV-012]: lab.yaml:16:11: jump host `here` has no account to log in with
  help: a jump host is reached by ssh: add `account: NAME` to it";
    assert_eq!(faults(text), expected);
}

#[test]
fn old_algorithms_need_a_reason_and_an_end_and_are_never_for_all() {
    let text = "\
accounts: {n: {user: n, agent: true}}
all: {account: n, legacy: {algorithms: [ssh-rsa], reason: x, expires: 2027-03-31}}
segments: {cde: {require_pq: true}}
hosts:
  sw-1: {legacy: {algorithms: [ssh-rsa], reason: firmware}}
  sw-2: {legacy: {algorithms: [ssh-dss, ssh-rsa], reason: firmware, expires: 2027-03-31}}
  sw-3: {legacy: {algorithms: [ssh-rsa], reason: firmware, expires: 31.03.2027}}
  sw-4: {legacy: {algorithms: [], reason: firmware, expires: 2027-02-30}}
  sw-5: {segment: cde, legacy: {algorithms: [ssh-rsa], reason: firmware, expires: 2027-03-31}}
";
    let found = faults(text);
    for line in [
        "error[FS-INV-003]: lab.yaml:2:19: unknown key `legacy` for `all` of the inventory\n  help: old algorithms are \
         never allowed for every host: name the group or host that needs them",
        "error[FS-INV-020]: lab.yaml:3:12: segment `cde` demands post-quantum key exchanges, and \
         host `sw-5` is allowed old algorithms",
        "lab.yaml:5:18: `legacy` of host `sw-1` has no `expires`",
        "error[FS-INV-005]: lab.yaml:6:32: `algorithms` of host `sw-2` is `ssh-dss`, expected one of",
        "error[FS-INV-005]: lab.yaml:7:69: `expires` of `legacy` of host `sw-3` is `31.03.2027`",
        "error[FS-INV-005]: lab.yaml:8:31: `algorithms` of host `sw-4` is empty",
        "error[FS-INV-005]: lab.yaml:8:62: `expires` of `legacy` of host `sw-4` is `2027-02-30`",
    ] {
        assert!(found.contains(line), "no `{line}` in:\n{found}");
    }
}

#[test]
fn the_last_day_counts_whole_and_the_month_before_it_warns() {
    let text = "\
accounts: {n: {user: n, agent: true}}
all: {account: n}
jumps:
  edge: {account: n, legacy: {algorithms: [aes128-cbc], reason: old, expires: 2027-03-31}}
hosts:
  sw-1: {legacy: {algorithms: [hmac-sha1, ssh-rsa], reason: NET-812, expires: 2027-03-31}}
  sw-2: {jump: edge}
";
    let inventory = inventory(text);
    let legacy = inventory.hosts[0].legacy.as_ref().unwrap();
    assert_eq!(legacy.algorithms, [LegacyAlgorithm::SshRsa, LegacyAlgorithm::HmacSha1]);
    let at = |time: &str| ending(&inventory.hosts, Utc::parse(time).unwrap());
    assert_eq!(at("2027-02-28T23:59:59Z"), [""; 0]);
    assert_eq!(
        at("2027-03-31T23:59:59Z"),
        [
            "edge: old algorithms end soon: aes128-cbc until 2027-03-31 (old)",
            "sw-1: old algorithms end soon: ssh-rsa, hmac-sha1 until 2027-03-31 (NET-812)",
        ]
    );
    assert_eq!(
        at("2027-04-01T00:00:00Z")[0],
        "edge: old algorithms have ended: refused until renewed: aes128-cbc until 2027-03-31 (old)"
    );
}

#[test]
fn a_segment_marks_its_hosts() {
    let text = "\
accounts: {n: {user: n, agent: true}}
all: {account: n}
segments: {cde: {require_pq: true}, lab: {}}
hosts: {a: {segment: cde}, b: {segment: lab}, c: {}}
";
    let marks: Vec<bool> = inventory(text).hosts.iter().map(|host| host.require_pq).collect();
    assert_eq!(marks, [true, false, false]);
}
