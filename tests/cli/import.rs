//! `fleetstat import ssh-config`: what the real `ssh -G` says, frozen.

use crate::support::Place;

const CONFIG: &str = "Host web*
  HostName 192.0.2.1
  User deploy
  Port 2222
  IdentityFile ~/.ssh/web
  ProxyJump ops@gw
  StrictHostKeyChecking no
Host gw
  HostName 198.51.100.1
  User ignored
Host vpn
  ProxyCommand /usr/local/bin/tunnel %h
";

#[test]
fn the_settings_of_a_host_become_an_inventory() {
    let place = Place::new();
    let config = place.write("config", CONFIG);
    let out = place.path("frozen.yaml");
    let out = out.to_str().unwrap();
    let ended = place.run(["import", "ssh-config", "web1", "vpn", "--file", &config, "--out", out]);
    assert_eq!((ended.code, ended.out.as_str()), (0, ""), "{}", ended.err);
    for remark in [
        "vpn: the way is not taken over, and this host cannot be reached without it",
        "web1: `stricthostkeychecking false` is not taken over",
    ] {
        assert!(ended.err.contains(remark), "{}", ended.err);
    }
    let expected = "# Written by `fleetstat import ssh-config web1 vpn`.
# What `ssh -G` said then, `Match exec` evaluated there and then. Review it before you use it.
accounts:
  ssh-deploy-web:
    user: deploy
    identity: \"~/.ssh/web\"
  ssh-ops:
    user: ops
    agent: true
  ssh-root:
    user: root
    agent: true
jumps:
  gw-jump:
    address: \"198.51.100.1\"
    account: ssh-ops
hosts:
  vpn:
    account: ssh-root
    # the way is not taken over, and this host cannot be reached without it: `ProxyCommand` runs another program than `ssh -W %h:%p HOST`
  web1:
    address: \"192.0.2.1\"
    port: 2222
    account: ssh-deploy-web
    jump: gw-jump
    # `stricthostkeychecking false` is not taken over
";
    assert_eq!(std::fs::read_to_string(out).unwrap(), expected);
    // What stands there is not overwritten.
    let again = place.run(["import", "ssh-config", "web1", "--file", &config, "--out", out]);
    assert_eq!(again.code, 2, "{}", again.err);
    assert_eq!(std::fs::read_to_string(out).unwrap(), expected);
}

#[test]
fn a_configuration_that_ssh_refuses_is_a_problem() {
    let place = Place::new();
    let config = place.write("config", "Host broken\n  Port nonsense\n");
    let ended = place.run(["import", "ssh-config", "broken", "--file", &config]);
    assert_eq!(ended.code, 2);
    assert!(ended.err.starts_with("error[FS-USE-030]: `ssh -F "), "{}", ended.err);
    assert!(ended.err.contains("help: install the OpenSSH client"), "{}", ended.err);
    let ended = place.run(["import", "ssh-config", "--", "-oProxyCommand=x"]);
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("host name `-oProxyCommand=x` has"), "{}", ended.err);
}

#[test]
fn a_host_that_the_configuration_does_not_know_is_said_to_have_defaults() {
    let place = Place::new();
    let config = place.write("config", "Host web\n  User deploy\n");
    let ended = place.run(["import", "ssh-config", "web", "wbe", "--file", &config]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    let remark = "wbe: nothing of the configuration concerns it: these are OpenSSH's defaults";
    assert!(ended.err.contains(remark), "{}", ended.err);
    assert!(!ended.err.contains("web: nothing"), "{}", ended.err);
}
