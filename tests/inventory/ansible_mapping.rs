//! What becomes of Ansible's hosts: addresses, accounts, ways, attributes, and what is said of the
//! rest.

use std::path::{Path, PathBuf};

use fleetstat::inventory::host::{Identity, SecretSource, Variable};
use fleetstat::inventory::login::{Kdc, Login, Mechanism};
use fleetstat::inventory::{Inventory, load_as};
use fleetstat::model::host::{Platform, TransportKind};
use fleetstat::model::id::Label;

use super::ansible::write;
use super::printed;

/// Loads files as the operator `op`, or the faults; the folder's path is left out.
fn loaded(files: &[(&str, &str)], sources: &[&str]) -> Result<Inventory, String> {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), files);
    let paths: Vec<PathBuf> = sources.iter().map(|source| folder.path().join(source)).collect();
    load_as(&paths, Some("op")).map_err(|defects| bare(&printed(&defects), folder.path()))
}

fn bare(text: &str, folder: &Path) -> String {
    text.replace(&format!("{}/", folder.display()), "")
}

fn said(remarks: &[fleetstat::inventory::Remark]) -> Vec<String> {
    let name = |origin: &str| origin.rsplit('/').next().unwrap_or_default().to_owned();
    remarks.iter().map(|remark| format!("{}: {}", name(&remark.origin), remark.message)).collect()
}

#[test]
fn a_host_is_reached_as_ansible_would_reach_it() {
    let hosts = r#"[web]
web1 ansible_host=192.0.2.1 ansible_port=2222 ansible_user=deploy ansible_ssh_private_key_file=~/.ssh/deploy
web2:2200 ansible_ssh_user=old ansible_user=new
web3 ansible_host="{{ inventory_hostname }}.{{ domain }}" ansible_ssh_common_args='-o User=u -p 23 -i k1 -o HostKeyAlias=alias3'
here ansible_connection=local
dc1 ansible_shell_type=powershell
[web:vars]
domain=example.org
fleetstat_role=web
fleetstat_tags=a,b
fleetstat_site="{{ domain }}"
fleetstat_fragile=true
http_port=80
"#;
    let inventory = loaded(&[("hosts", hosts)], &["hosts"]).unwrap();
    let lines: Vec<String> = inventory
        .hosts
        .iter()
        .map(|host| {
            let asset = &host.asset;
            let account = host.account.as_ref();
            let key = account.map(|account| {
                let names = account.identities.iter().map(|identity| match identity {
                    Identity::File { path, .. } => path.display().to_string(),
                    Identity::Agent { .. } => "agent".to_owned(),
                    other => format!("{other:?}"),
                });
                names.collect::<Vec<_>>().join("+")
            });
            format!(
                "{} {}:{} {} {}",
                asset.name,
                asset.address,
                asset.port,
                account.map_or("-", |account| &account.user),
                key.unwrap_or_default()
            )
        })
        .collect();
    let expected = [
        "dc1 dc1:22 op agent",
        "here localhost:22 - ",
        "web1 192.0.2.1:2222 deploy ~/.ssh/deploy",
        "web2 web2:2200 old agent",
        "web3 web3.example.org:23 u k1",
    ];
    assert_eq!(lines, expected);
    let find = |name: &str| inventory.find(name).unwrap();
    assert_eq!(find("here").asset.transport, TransportKind::Local);
    assert_eq!(find("dc1").asset.platform, Platform::Windows);
    let web = find("web3");
    assert_eq!(web.host_key_alias.as_deref(), Some("alias3"));
    assert_eq!((web.asset.role_word(), web.fragile), ("web", true));
    assert_eq!(web.asset.site.as_ref().unwrap().as_str(), "example.org");
    let tags: Vec<&str> = web.asset.tags.iter().map(Label::as_str).collect();
    assert_eq!(tags, ["a", "b"]);
    assert_eq!(web.variables["http_port"], Variable::Number(80));
    assert_eq!(inventory.unmapped, []);
    let groups: Vec<(&str, usize)> =
        inventory.groups.iter().map(|group| (group.name.as_str(), group.hosts)).collect();
    assert_eq!(groups, [("web", 5)]);
}

#[test]
fn a_host_of_winrm_or_psrp_is_reached_as_ansible_would_reach_it() {
    let hosts = r"
all:
  vars: {ansible_connection: winrm, ansible_user: 'EXAMPLE\reader', ansible_password: never}
  hosts:
    plain: {ansible_host: 192.0.2.1}
    sealed: {ansible_port: 5985}
    scheme: {ansible_winrm_scheme: http, ansible_port: 8080, ansible_winrm_user: other}
    psrp: {ansible_connection: psrp, ansible_psrp_host: 192.0.2.2, ansible_psrp_protocol: http}
    first: {ansible_winrm_transport: [ntlm, basic], ansible_winrm_server_cert_validation: ignore}
    clear: {ansible_winrm_transport: basic, ansible_port: 5985}
    path: {ansible_winrm_path: /other}
    word: {ansible_winrm_transport: token}
";
    let inventory = loaded(&[("w.yml", hosts)], &["w.yml"]).unwrap();
    let lines: Vec<String> = inventory
        .hosts
        .iter()
        .map(|host| {
            let (asset, account) = (&host.asset, host.account.as_ref().unwrap());
            assert_eq!(asset.platform, Platform::Windows);
            assert_eq!(account.identities, [Identity::Password(SecretSource::Prompt)]);
            let (transport, tls) = (asset.transport, if host.tls { "tls" } else { "sealed" });
            format!("{transport} {}:{} {tls} {}", asset.address, asset.port, account.user)
        })
        .collect();
    let expected = [
        r"winrm first:5986 tls EXAMPLE\reader",
        r"winrm 192.0.2.1:5986 tls EXAMPLE\reader",
        r"winrm 192.0.2.2:5985 sealed EXAMPLE\reader",
        r"winrm scheme:8080 sealed other",
        r"winrm sealed:5985 sealed EXAMPLE\reader",
    ];
    assert_eq!(lines, expected);
    let secret = "`ansible_password` is not used: name an account whose secret comes from the agent, a file or a credential";
    let made = |account: &str| {
        format!(
            "account `{account}` is made of what is known, and its password is asked for, since none \
             is taken from a variable: name an account of your own to take it from a file or a credential"
        )
    };
    let expected = [
        format!("w.yml:3: {}", made("ansible-EXAMPLE-reader-password")),
        format!("w.yml:3: {secret}"),
        format!("w.yml:7: {}", made("ansible-other-password")),
        "w.yml:9: only the first of `ansible_winrm_transport` is used: nothing falls back to another".to_owned(),
        "w.yml:9: certificates are always verified: `tls_ca` names an authority of your own, `tls_pin` a certificate".to_owned(),
        "w.yml:10: host `clear` is left out: `ansible_winrm_transport` is `basic`, which sends the password in the clear".to_owned(),
        "w.yml:11: host `path` is left out: `ansible_winrm_path` is `/other`, expected `/wsman`".to_owned(),
        "w.yml:12: host `word` is left out: `ansible_winrm_transport` is `token`, which is no login of WinRM".to_owned(),
    ];
    let remarks = inventory.remarks.iter().filter(|remark| remark.message.starts_with("account `"));
    let remarks: Vec<_> = remarks.chain(&inventory.unmapped).cloned().collect();
    let mut said = said(&remarks);
    said.sort_by_key(|line| line.split(':').nth(1).and_then(|n| n.parse::<u32>().ok()));
    assert_eq!(said, expected);
}

#[test]
fn the_login_of_a_host_of_winrm_is_the_one_that_ansible_names() {
    let hosts = r"
all:
  vars: {ansible_connection: winrm, ansible_user: reader@EXAMPLE.TEST}
  hosts:
    ticket.example.test:
      ansible_winrm_transport: kerberos
      ansible_winrm_kerberos_hostname_override: real.example.test
      ansible_winrm_ca_trust_path: /etc/ca.pem
    service.example.test:
      ansible_connection: psrp
      ansible_psrp_auth: kerberos
      ansible_psrp_negotiate_service: WSMAN
      ansible_psrp_negotiate_hostname_override: real.example.test
    word.example.test: {ansible_winrm_transport: ssl}
    paper.example.test:
      ansible_winrm_transport: [certificate]
      ansible_winrm_cert_pem: /c.pem
      ansible_winrm_cert_key_pem: /c.key
    half.example.test: {ansible_winrm_transport: certificate, ansible_winrm_cert_pem: /c.pem}
";
    let inventory = loaded(&[("w.yml", hosts)], &["w.yml"]).unwrap();
    let login = |name: &str| (*inventory.find(name).unwrap().login.clone().unwrap()).clone();
    // The realm's own name is where its KDC is asked.
    let kdcs = vec![Kdc { address: "example.test".to_owned(), port: 88 }];
    let kerberos = Login { mechanism: Some(Mechanism::Kerberos), kdcs, ..Login::default() };
    let named = Login { spn: Some("HTTP/real.example.test".to_owned()), ..kerberos.clone() };
    let bundle = Some(PathBuf::from("/etc/ca.pem"));
    assert_eq!(login("ticket.example.test"), Login { tls_ca: bundle, ..named });
    let named = Login { spn: Some("WSMAN/real.example.test".to_owned()), ..kerberos };
    assert_eq!(login("service.example.test"), named);
    let basic = Login { mechanism: Some(Mechanism::Basic), ..Login::default() };
    assert_eq!(login("word.example.test"), basic);
    let paper = Login { mechanism: Some(Mechanism::Certificate), ..Login::default() };
    assert_eq!(login("paper.example.test"), paper);
    let identity = Identity::TlsCertificate {
        certificate: PathBuf::from("/c.pem"),
        key: PathBuf::from("/c.key"),
        passphrase: None,
    };
    let paper = inventory.find("paper.example.test").unwrap();
    assert_eq!(paper.account.as_ref().unwrap().identities, [identity]);
    let expected = "w.yml:19: host `half.example.test` is left out: `ansible_winrm_transport` is \
                    `certificate`, which needs `ansible_winrm_cert_pem` and `ansible_winrm_cert_key_pem`";
    assert_eq!(said(&inventory.unmapped), [expected]);
}

#[test]
fn what_cannot_be_mapped_is_said_with_its_line() {
    let hosts = r#"[all:vars]
ansible_become=yes
ansible_password=hunter2
ansible_ssh_common_args=-o StrictHostKeyChecking=no -o KexAlgorithms=+diffie-hellman-group1-sha1 -o BindInterface=eth9
[odd]
win1 ansible_connection=winrm ansible_winrm_transport=credssp
win2 ansible_connection=docker
tmpl ansible_host="{{ lookup('x') }}"
port ansible_port=ssh
list ansible_host="['a']"
under_score
proxy ansible_ssh_common_args='-o ProxyCommand="nc -x p %h %p"'
four ansible_ssh_common_args='-J a,b,c,d'
ok.example.org fleetstat_rol=db Caps=1 deep="{'a': 1}" db_password=secret
"#;
    let inventory = loaded(&[("hosts", hosts)], &["hosts"]).unwrap();
    let expected = [
        "hosts:2: `ansible_become` is not taken over: escalation is on where an account says `escalation: sudo`",
        "hosts:3: `ansible_password` is not used: name an account whose secret comes from the agent, a file or a credential",
        "hosts:4: host keys are always checked, against known_hosts or `--known-hosts`: `fleetstat enroll` adds them",
        "hosts:4: algorithms of `ansible_ssh_common_args` are not taken over: old ones need `legacy:` with a reason and an expiry",
        "hosts:4: the setting `bindinterface` of `ansible_ssh_common_args` is not taken over",
        "hosts:6: host `win1` is left out: `ansible_winrm_transport` is `credssp`, which hands the password to the host",
        "hosts:7: host `win2` is left out: `ansible_connection` is `docker`, expected ssh, winrm, psrp or local",
        "hosts:8: host `tmpl` is left out: `ansible_host` is a template that only Ansible can expand",
        "hosts:9: host `port` is left out: its port is `ssh`, expected a number from 1 to 65535",
        "hosts:10: host `list` is left out: `ansible_host` is no plain value",
        "hosts:11: host `under_score` is left out: it has no `ansible_host`, and its name is no DNS name: it has `_`",
        "hosts:12: host `proxy` is left out: the `ProxyCommand` in `ansible_ssh_common_args` runs another program than `ssh -W %h:%p HOST`",
        "hosts:13: host `four` is left out: goes through 4 hosts, at most 3 are possible",
        "hosts:14: `fleetstat_rol` is no attribute of a host; did you mean `fleetstat_role`?",
    ];
    assert_eq!(said(&inventory.unmapped), expected);
    let expected = [
        "hosts: not taken over as `vars`, being mappings, templates, secrets, or names with other than small letters, digits and `_`: `Caps`, `db_password`, `deep`",
        "hosts: account `ansible-op` is made of what is known: its user is yours, since no `ansible_user` is set, and its key the one of ssh-agent, since no key file is named",
    ];
    assert_eq!(said(&inventory.remarks), expected);
    assert_eq!(inventory.hosts.len(), 1);
    let all = format!("{:?}{:?}{:?}", inventory.hosts, inventory.unmapped, inventory.remarks);
    assert!(!all.contains("hunter2") && !all.contains("secret\""), "{all}");
}

#[test]
fn a_shop_adds_attributes_and_accounts_in_a_file_of_its_own() {
    let hosts =
        "[web]\nweb1 ansible_user=deploy\nweb2\n[web:vars]\nfleetstat_segment=from-ansible\n";
    let overlay = "accounts:\n  nightly: {user: fleetstat, identity: ~/.ssh/fs}\nall: {account: nightly}\ngroups:\n  web: {role: web, segment: dmz}\nhosts:\n  web2: {site: fra}\n";
    let files = [("hosts", hosts), ("fleetstat.yaml", overlay)];
    for sources in [["hosts", "fleetstat.yaml"], ["fleetstat.yaml", "hosts"]] {
        let inventory = loaded(&files, &sources).unwrap();
        let lines: Vec<String> = inventory
            .hosts
            .iter()
            .map(|host| {
                let asset = &host.asset;
                let (segment, site) = (asset.segment.as_ref().unwrap(), asset.site.as_ref());
                let user = &host.account.as_ref().unwrap().user;
                format!("{} {user} {} {segment} {site:?}", asset.name, asset.role_word())
            })
            .collect();
        assert_eq!(
            lines,
            ["web1 fleetstat web dmz None", r#"web2 fleetstat web dmz Some(Label("fra"))"#]
        );
        // The account that was made of what is known is not used, so nothing is said of it.
        assert_eq!(said(&inventory.remarks), Vec::<String>::new());
    }
}

#[test]
fn every_value_tells_the_line_of_ansible_it_comes_from() {
    let files = [
        ("inv/hosts", "[web]\nweb1 ansible_host=192.0.2.1 own=1\n[web:vars]\nansible_port=23\n"),
        ("inv/group_vars/all.yml", "# shared\nansible_user: deploy\n"),
        ("inv/group_vars/web.yml", "fleetstat_role: web\nshared: 2\n"),
        ("inv/host_vars/web1/x.yml", "\n\nfleetstat_site: fra\n"),
    ];
    let inventory = loaded(&files, &["inv"]).unwrap();
    let name = |origin: &str| origin.rsplit("inv/").next().unwrap_or_default().to_owned();
    let explained = inventory.explain("web1").unwrap();
    let lines: Vec<String> = explained
        .into_iter()
        .map(|one| format!("{} = {} <- {}", one.key, one.value, name(&one.origin)))
        .filter(|line| !line.ends_with("default"))
        .collect();
    let expected = [
        "name = web1 <- hosts:2 (host)",
        "address = 192.0.2.1 <- hosts:2 (host)",
        "port = 23 <- hosts:4 (group web)",
        "role = web <- group_vars/web.yml:1 (group web)",
        "site = fra <- host_vars/web1/x.yml:3 (host)",
        "account = ansible-deploy <- group_vars/all.yml:2 (all)",
        "vars.own = 1 <- hosts:2 (host)",
        "vars.shared = 2 <- group_vars/web.yml:2 (group web)",
        "group = web <- hosts:1 (group web)",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn groups_that_are_no_labels_are_renamed_and_that_is_said() {
    let hosts = "\"a b\":\n  hosts: {h: {ansible_connection: local}}\na_b:\n  hosts: {h: }\n_c:\n  hosts: {h: }\n";
    let inventory = loaded(&[("h.yml", hosts)], &["h.yml"]).unwrap();
    let expected = [
        "h.yml:1: group `a b` cannot be selected: `a_b` is taken",
        "h.yml:5: group `_c` is called `g_c` here",
    ];
    assert_eq!(said(&inventory.unmapped), expected);
    let groups: Vec<&str> = inventory.groups.iter().map(|group| group.name.as_str()).collect();
    assert_eq!(groups, ["a_b", "g_c"]);
}

#[test]
fn what_ansible_inventory_printed_is_an_inventory_too() {
    let json = r#"{"_meta": {"hostvars": {"a": {"ansible_host": "192.0.2.9", "x": {"__ansible_unsafe": "t"}}}, "profile": "inventory_legacy"}, "all": {"children": ["ungrouped", "web"]}, "web": {"hosts": ["a"]}}"#;
    let inventory = loaded(&[("fleet.json", json)], &["fleet.json"]).unwrap();
    let host = inventory.find("a").unwrap();
    assert_eq!(host.asset.address, "192.0.2.9");
    assert_eq!(host.variables["x"], Variable::Text("t".to_owned()));
}

#[test]
fn a_folder_of_fleetstats_own_runs_no_program() {
    let folder = tempfile::tempdir().unwrap();
    let script = format!("#!/bin/sh\ntouch {}/ran\necho '{{}}'\n", folder.path().display());
    write(folder.path(), &[("a.yaml", "hosts: {h: {transport: local}}\n"), ("sync.sh", &script)]);
    assert_eq!(load_as(&[folder.path().to_owned()], None).unwrap().hosts.len(), 1);
    assert!(!folder.path().join("ran").exists());
}

/// Each host with its road: name, address, port, user and identities of every hop.
fn roads(inventory: &Inventory) -> Vec<String> {
    let hop = |jump: &std::sync::Arc<fleetstat::inventory::host::Jump>| {
        let account = &jump.account;
        format!("{} {}@{}:{} {}", jump.name, account.user, jump.address, jump.port, account.name)
    };
    let road = |host: &fleetstat::inventory::host::Host| {
        let hops: Vec<String> = host.road.iter().map(hop).collect();
        format!("{}: {}", host.asset.name, hops.join(" > "))
    };
    inventory.hosts.iter().map(road).collect()
}

const BEHIND: &str = "\
[gate]
bastion ansible_host=192.0.2.1 ansible_port=2222 ansible_user=jump ansible_ssh_private_key_file=~/.ssh/jump

[app]
by-address
by-name ansible_ssh_common_args='-o ProxyJump=bastion'
by-other ansible_ssh_common_args='-J other@192.0.2.1:2222'
deep ansible_ssh_common_args='-J jump@192.0.2.1:2222,192.0.2.9'

[app:vars]
ansible_user=op
ansible_ssh_private_key_file=~/.ssh/op
ansible_ssh_common_args='-o ProxyJump=jump@192.0.2.1:2222'
";

#[test]
fn a_hop_that_is_a_host_of_the_inventory_is_entered_as_that_host_is() {
    let inventory = loaded(&[("hosts", BEHIND)], &["hosts"]).unwrap();
    let bastion = "bastion jump@192.0.2.1:2222 ansible-jump-jump";
    let expected = [
        "bastion: ".to_owned(),
        format!("by-address: {bastion}"),
        format!("by-name: {bastion}"),
        // Another user is another way in, and its key is not known: the agent's.
        "by-other: 192.0.2.1 other@192.0.2.1:2222 ansible-other".to_owned(),
        format!("deep: {bastion} > 192.0.2.9 op@192.0.2.9:22 ansible-op"),
    ];
    assert_eq!(roads(&inventory), expected);
    let said = said(&inventory.remarks);
    let agent = "account `ansible-other` is made of what is known, and its key the one of ssh-agent, \
                 since no key file is named";
    assert!(said.iter().any(|line| line.ends_with(agent)), "{said:?}");
}

#[test]
fn a_jump_host_of_ours_wins_over_the_one_that_was_made() {
    let ours = "accounts:\n  gate: {user: gate, identity: k}\njumps:\n  192.0.2.1: {address: 192.0.2.1, port: 2222, account: gate}\n";
    let files = [("hosts", BEHIND), ("ours.yaml", ours)];
    let inventory = loaded(&files, &["hosts", "ours.yaml"]).unwrap();
    let roads = roads(&inventory);
    assert!(
        roads.contains(&"by-other: 192.0.2.1 gate@192.0.2.1:2222 gate".to_owned()),
        "{roads:?}"
    );
}

#[test]
fn a_group_of_ours_that_is_none_of_ansibles_is_warned_of() {
    let hosts = "[dbservers]\ndb1\n[empty]\n";
    let ours = "groups:\n  dbserver: {role: db}\n";
    let inventory = loaded(&[("hosts", hosts), ("ours.yaml", ours)], &["hosts", "ours.yaml"]);
    let said = said(&inventory.unwrap().unmapped);
    assert_eq!(said, ["ours.yaml:2: group `dbserver` has no hosts; did you mean `dbservers`?"]);
}
