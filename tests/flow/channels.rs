//! Servers with one channel at a time: whole visits.

use crate::ground::{Fleet, alone, at, came};
use crate::lab;

#[test]
fn visits_to_sshd_with_one_session_and_to_dropbear_are_complete() {
    alone(|| {
        let mut fleet = Fleet::new();
        let one = lab::sshd_of(&fleet.lab, at(6, 1, 2222), "", &["MaxSessions 1"]);
        let dropbear = lab::dropbear(&fleet.lab);
        fleet.host("one-1", one.address, "", "host");
        fleet.host("drop-1", dropbear.address, "", "dropbear");
        let said = fleet.run("views: [listeners, sessions, host]", &[]);
        assert_eq!(said.code, 0, "{}\n{}", said.out, said.err);
        let outcomes = fleet.outcomes();
        assert_eq!(outcomes["one-1"], came("complete", &[], 1));
        assert_eq!(outcomes["drop-1"], came("complete", &[], 1));
        // Every command went through one connection.
        assert_eq!(one.log().matches("Accepted publickey").count(), 1, "{}", one.log());
    });
}
