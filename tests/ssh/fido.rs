//! FIDO keys: through ssh-agent only. The device is stood in for by an agent of our own that signs
//! as one would (PROTOCOL.u2f of OpenSSH); sshd checks the signature.

use russh::keys::signature::Signer as _;
use russh::keys::ssh_key::PrivateKey;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

use fleetstat::inventory::host::Identity;
use fleetstat::secret::surroundings::Surroundings;
use fleetstat::transport::ssh::identity::IdentityError;
use fleetstat::transport::ssh::{Settings, Ssh};

use crate::lab::{self, Lab};
use crate::{open, settings, ssh};

const KIND: &[u8] = b"sk-ssh-ed25519@openssh.com";
const APPLICATION: &[u8] = b"ssh:";

/// A string of SSH: its length, then its bytes (RFC 4251, section 5).
fn string(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap();
    [&length.to_be_bytes(), bytes].concat()
}

/// Takes a string of SSH off the front.
fn take<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let (length, tail) = rest.split_first_chunk::<4>().unwrap();
    let (string, tail) = tail.split_at(usize::try_from(u32::from_be_bytes(*length)).unwrap());
    *rest = tail;
    string
}

fn public_blob(key: &PrivateKey) -> Vec<u8> {
    let point = key.public_key().key_data().ed25519().unwrap().0;
    [string(KIND), string(&point), string(APPLICATION)].concat()
}

/// What the device signs, and its answer: touched (flag 1), the seventh use.
fn sign(key: &PrivateKey, message: &[u8]) -> Vec<u8> {
    let use_of_it = [&[1_u8][..], &7_u32.to_be_bytes()].concat();
    let signed =
        [&Sha256::digest(APPLICATION)[..], &use_of_it, &Sha256::digest(message)[..]].concat();
    let signature = key.try_sign(&signed).unwrap();
    [string(KIND), string(signature.as_bytes()), use_of_it].concat()
}

/// Answers as ssh-agent with the one key (draft-miller-ssh-agent).
async fn serve(mut stream: UnixStream, key: &PrivateKey) {
    let mut length = [0; 4];
    while stream.read_exact(&mut length).await.is_ok() {
        let mut message = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
        stream.read_exact(&mut message).await.unwrap();
        let answer = match message[0] {
            11 => {
                let one = 1_u32.to_be_bytes();
                [&[12][..], &one, &string(&public_blob(key)), &string(b"device")].concat()
            }
            13 => {
                let mut rest = &message[1..];
                assert_eq!(take(&mut rest), public_blob(key));
                [&[14][..], &string(&sign(key, take(&mut rest)))].concat()
            }
            // It knows no session binding.
            _ => vec![5],
        };
        stream.write_all(&string(&answer)).await.unwrap();
    }
}

#[tokio::test]
async fn a_fido_key_in_the_agent_logs_in() {
    let lab = Lab::new();
    let text = std::fs::read_to_string(lab.keygen("device", &[])).unwrap();
    let key = PrivateKey::from_openssh(text).unwrap();
    let blob = <base64ct::Base64 as base64ct::Encoding>::encode_string(&public_blob(&key));
    lab.write("device.pub", &format!("sk-ssh-ed25519@openssh.com {blob}"));
    lab.authorize("device", "");
    let server = lab::sshd(&lab, &[]);
    let socket = lab.path("device.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            serve(stream, &key).await;
        }
    });
    let surroundings = Surroundings { agent_socket: Some(socket), ..Surroundings::default() };
    let ssh = Ssh::new(Settings { surroundings, ..settings(&server.known_line(&lab, "host")) });
    let identity = Identity::Agent { fingerprint: None, certificate: None };
    let account = lab::account_with("root", identity);
    let session = open(&ssh, &lab::host("web-1", "127.0.0.1", server.port(), account)).await;
    let identity = session.negotiated().unwrap().identity;
    assert!(identity.starts_with("sk-ssh-ed25519@openssh.com SHA256:"), "{identity}");
    assert!(identity.ends_with(" (agent)"), "{identity}");
    session.close().await;
    server.wait_for("Accepted publickey for root");
}

/// The handle file of a FIDO key in the form of `ssh-keygen -t ed25519-sk` (PROTOCOL.u2f), made by
/// hand: its device is nowhere.
const SECURITY_KEY: &str = "\
-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAASgAAABpzay1zc2
gtZWQyNTUxOUBvcGVuc3NoLmNvbQAAACAAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRob
HB0eHwAAAARzc2g6AAAAiAECAwQBAgMEAAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY2
9tAAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fAAAABHNzaDoBAAAAH2hh
bmRsZS1vZi1hLWtleS10aGF0LWlzLW5vd2hlcmUAAAAAAAAAB25vd2hlcmUBAgM=
-----END OPENSSH PRIVATE KEY-----
";

#[tokio::test]
async fn the_handle_of_a_fido_key_is_refused_with_the_way_through_the_agent() {
    let lab = Lab::new();
    let path = lab.write("sk", SECURITY_KEY);
    let account = lab::account("root", &path);
    let error = ssh("").unlock(&account).await.unwrap_err();
    assert_eq!(error, IdentityError::SecurityKey { path: path.clone() });
    assert!(error.to_string().contains(&format!("run `ssh-add {}`", path.display())), "{error}");
}
