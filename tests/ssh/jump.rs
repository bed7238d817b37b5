//! Through jump hosts: real sshd on the way and at the end, and what goes wrong is said of the one
//! it belongs to.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fleetstat::inventory::host::{Account, Host, Jump, Road};
use fleetstat::model::capture::End;
use fleetstat::model::fault::FaultKind;
use fleetstat::model::id::HostName;
use fleetstat::probe::command::Wrap;
use fleetstat::transport::Transport as _;

use crate::lab::{self, Lab, Server};
use crate::{incomplete, limits, open, refused, spool, ssh, text, visit};

/// A jump host of the laboratory.
pub(crate) fn jump(name: &str, port: u16, account: &Arc<Account>) -> Arc<Jump> {
    Arc::new(Jump {
        name: HostName::new(name).unwrap(),
        address: "127.0.0.1".to_owned(),
        port,
        account: account.clone(),
        host_key_alias: None,
        legacy: None,
    })
}

/// The host behind these jump hosts.
pub(crate) fn behind(host: Host, road: impl IntoIterator<Item = Arc<Jump>>) -> Host {
    Host { road: road.into_iter().collect::<Road>(), ..host }
}

fn known(lab: &Lab, servers: &[&Server]) -> String {
    servers.iter().map(|server| server.known_line(lab, "host")).collect()
}

#[tokio::test]
async fn a_host_is_reached_through_one_two_and_three_jump_hosts() {
    let lab = Lab::new();
    let [first, second, third, end] = [0; 4].map(|_| lab::sshd(&lab, &[]));
    let account = lab::account("root", &lab.path("user"));
    let ssh = ssh(&known(&lab, &[&first, &second, &third, &end]));
    let jumps = [
        jump("bastion-1", first.port(), &account),
        jump("bastion-2", second.port(), &account),
        jump("bastion-3", third.port(), &account),
    ];
    let command = lab::invocation(&["/bin/echo", "hello"], Wrap::default());
    for depth in 1..=3 {
        let host = lab::host("web-1", "127.0.0.1", end.port(), account.clone());
        let host = behind(host, jumps[..depth].iter().cloned());
        let mut session = open(&ssh, &host).await;
        let mut answer = session.run(&command, limits(10), &spool()).await;
        assert_eq!(answer.end, End::Exit(0));
        assert_eq!(text(&mut answer.stdout), "hello\n");
        let negotiated = session.negotiated().unwrap();
        let names: Vec<_> = negotiated.jumps.iter().map(|hop| hop.name.as_str()).collect();
        assert_eq!(names, ["bastion-1", "bastion-2", "bastion-3"][..depth]);
        for hop in &negotiated.jumps {
            assert!(hop.negotiated.strict_kex, "{hop:?}");
            assert_eq!(hop.negotiated.host_key_algorithm, "ssh-ed25519");
            assert_eq!(hop.account, "root");
        }
        session.close().await;
    }
    // One session of each jump host served all.
    assert_eq!(first.log().matches("Accepted publickey").count(), 1, "{}", first.log());
    ssh.finish().await;
    first.wait_for("Disconnected from user root");
}
