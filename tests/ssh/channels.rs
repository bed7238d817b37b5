//! Servers with one channel at a time: every command of a visit comes through.

use std::sync::atomic::Ordering;

use fleetstat::model::capture::End;
use fleetstat::probe::command::Wrap;
use fleetstat::transport::Session;

use crate::hostile_server::{Hostile, Manners};
use crate::lab::{self, Lab};
use crate::{limits, open, spool, ssh, text};

/// Runs a command many times and leaves.
async fn many(mut session: Box<dyn Session>, word: &str, output: &str) {
    let command = lab::invocation(&[word, "hello"], Wrap::default());
    for number in 0..20 {
        let mut answer = session.run(&command, limits(10), &spool()).await;
        assert_eq!(answer.end, End::Exit(0), "command {number}");
        assert_eq!(text(&mut answer.stdout), output, "command {number}");
        assert!(answer.session_usable, "command {number}");
    }
    session.close().await;
}

#[tokio::test]
async fn sshd_with_one_session_and_dropbear_answer_every_command() {
    let lab = Lab::new();
    for (server, key) in
        [(lab::sshd(&lab, &["MaxSessions 1"]), "host"), (lab::dropbear(&lab), "dropbear")]
    {
        let ssh = ssh(&server.known_line(&lab, key));
        let account = lab::account("root", &lab.path("user"));
        let host = lab::host("web-1", "127.0.0.1", server.port(), account);
        many(open(&ssh, &host).await, "/bin/echo", "hello\n").await;
    }
}

#[tokio::test]
async fn a_server_that_waits_for_our_end_of_a_channel_answers_every_command() {
    let lab = Lab::new();
    let server = Hostile::start(Manners {
        one_channel: true,
        answer: Some(b"fine".to_vec()),
        ..Manners::default()
    })
    .await;
    let account = lab::account("root", &lab.path("user"));
    let host = lab::host("web-1", "127.0.0.1", server.port, account);
    many(open(&ssh(&server.known_line), &host).await, "/bin/echo", "fine").await;
    // Each channel was closed before the next was asked for.
    assert_eq!(server.counts.refused.load(Ordering::SeqCst), 0);
}
