//! Decisions over whole files, case by case.

use super::*;

const FIRST: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";
const SECOND: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

fn known(text: &str) -> KnownHosts {
    let mut known = KnownHosts::default();
    let text = text.replace("$1", FIRST).replace("$2", SECOND);
    known.add(Path::new("kh"), text.as_bytes());
    known
}

fn key(text: &str) -> Vec<u8> {
    let key = russh::keys::ssh_key::PublicKey::from_openssh(text).unwrap();
    key.to_bytes().unwrap()
}

fn decide(text: &str, host: &str, port: u16) -> Decision {
    known(text).decide(&LookupName::new(host, port, None), &key(FIRST))
}

fn at(line: u32) -> Place {
    Place { file: Path::new("kh").into(), line }
}

#[test]
fn a_revoked_key_is_refused_in_any_order_and_behind_any_pattern() {
    assert_eq!(decide("web $1\n@revoked web $1", "web", 22), Decision::Revoked(at(2)));
    assert_eq!(decide("@revoked web $1\nweb $1", "web", 22), Decision::Revoked(at(1)));
    assert_eq!(decide("web $1\n@revoked * $1", "web", 22), Decision::Revoked(at(2)));
    assert_eq!(decide("web $1\n@revoked other $1", "web", 22), Decision::Trusted(at(1)));
    assert_eq!(decide("web $1\n@revoked web $2", "web", 22), Decision::Trusted(at(1)));
}

#[test]
fn a_negated_name_is_not_trusted() {
    let text = "*.test,!node1.test,node1.test $1";
    assert_eq!(decide(text, "node1.test", 22), Decision::Unknown);
    assert_eq!(decide(text, "node2.test", 22), Decision::Trusted(at(1)));
}

#[test]
fn wildcards_case_tabs_and_blanks_are_openssh_s() {
    assert_eq!(decide("*.test $1", "node1.test", 22), Decision::Trusted(at(1)));
    assert_eq!(decide("WEB.Test $1", "web.test", 22), Decision::Trusted(at(1)));
    assert_eq!(decide("web.test $1", "WEB.test", 22), Decision::Trusted(at(1)));
    assert_eq!(decide("web\t  $1", "web", 22), Decision::Trusted(at(1)));
}

#[test]
fn of_several_keys_any_is_right_and_a_foreign_one_is_a_change() {
    assert_eq!(decide("web $2\nweb $1", "web", 22), Decision::Trusted(at(2)));
    assert_eq!(decide("web $2\n*eb $2", "web", 22), Decision::Changed(vec![at(1), at(2)]));
}

#[test]
fn the_comment_is_not_part_of_the_key() {
    assert_eq!(decide("web $1 written by hand", "web", 22), Decision::Trusted(at(1)));
}

#[test]
fn a_port_is_part_of_the_name_and_an_alias_stands_alone() {
    assert_eq!(decide("web $1", "db", 2222), Decision::Unknown);
    assert_eq!(decide("[web]:2222 $1", "web", 2222), Decision::Trusted(at(1)));
    assert_eq!(decide("[web]:2222 $1", "web", 22), Decision::Unknown);
    let aliased = LookupName::new("10.0.0.1", 2222, Some("Web"));
    assert_eq!(known("web $1").decide(&aliased, &key(FIRST)), Decision::Trusted(at(1)));
}

#[test]
fn a_bad_line_is_reported_and_stops_no_other() {
    let known = known("web\n@what web $2\nweb $1\n@cert-authority *.test $2\n");
    let name = LookupName::new("web", 22, None);
    assert_eq!(known.decide(&name, &key(FIRST)), Decision::Trusted(at(3)));
    let faults: Vec<_> = known.faults().iter().map(ToString::to_string).collect();
    assert_eq!(
        faults,
        [
            "kh:1: has no key: expected `names type base64`",
            "kh:2: has the unknown marker `@what`: expected @revoked or @cert-authority",
        ]
    );
}

/// As ssh has it: the name without port counts where no line has the name with port.
#[test]
fn a_key_is_known_without_its_port_unless_a_line_names_the_port() {
    assert_eq!(decide("web $1", "web", 2222), Decision::Trusted(at(1)));
    assert_eq!(decide("web $2", "web", 2222), Decision::Unknown);
    assert_eq!(decide("web $1\n[web]:2222 $2", "web", 2222), Decision::Changed(vec![at(2)]));
    assert_eq!(decide("web $1\n@revoked web $1", "web", 2222), Decision::Revoked(at(2)));
    let aliased = LookupName::new("10.0.0.1", 2222, Some("web"));
    assert_eq!(known("10.0.0.1 $1").decide(&aliased, &key(FIRST)), Decision::Unknown);
}

/// The lines that OpenSSH drops, and the one of them that counts here.
#[test]
fn a_tab_after_a_marker_revokes_and_gives_no_authority() {
    assert_eq!(decide("web $1\n@revoked\tweb $1", "web", 22), Decision::Revoked(at(2)));
    let file = known("@cert-authority\tweb $1");
    assert!(file.is_empty());
    assert!(file.faults()[0].reason.contains("put a blank there"), "{:?}", file.faults());
    // Such a line cannot be meant to revoke, so it stops no run.
    assert!(file.refuse_broken_markers().is_ok());
}

#[test]
fn a_list_with_a_pattern_that_openssh_cannot_hold_matches_nothing() {
    let long = "a".repeat(1023);
    assert_eq!(decide(&format!("web,{long} $1"), "web", 22), Decision::Unknown);
    let long = "a".repeat(1022);
    assert_eq!(decide(&format!("web,{long} $1"), "web", 22), Decision::Trusted(at(1)));
}

#[test]
fn an_authority_is_never_taken_for_a_host_key() {
    assert_eq!(decide("@cert-authority web $1", "web", 22), Decision::Unknown);
}

#[test]
fn a_marker_that_cannot_be_read_stops_the_whole_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kh");
    let read = |text: &str| {
        std::fs::write(&path, text.replace("$1", FIRST)).unwrap();
        KnownHosts::read(std::slice::from_ref(&path)).map(|known| known.len())
    };
    for broken in ["@revokd * $1", "@REVOKED * $1", "@revoked * ssh-ed25519 AAAA", " @x web $1"] {
        let error = read(&format!("web $1\n{broken}\n")).unwrap_err();
        assert!(error.to_string().contains("line 2: "), "{broken}: {error}");
        assert!(error.to_string().contains("may revoke a key"), "{broken}: {error}");
    }
    // A byte-order mark before a marker does not hide it.
    assert_eq!(read("\u{feff}@revoked * $1\nweb $1\n"), Ok(2));
    let known = KnownHosts::read(std::slice::from_ref(&path)).unwrap();
    let decision = known.decide(&LookupName::new("web", 22, None), &key(FIRST));
    assert!(matches!(decision, Decision::Revoked(_)), "{decision:?}");
    assert_eq!(read("web $1\nnonsense\n"), Ok(1));
}

#[test]
fn what_is_no_regular_file_is_refused_and_not_waited_for() {
    let error = KnownHosts::read(&["/dev/zero".into()]).unwrap_err();
    assert!(error.to_string().contains("no regular file"), "{error}");
}

#[test]
fn a_missing_file_is_an_error_and_not_a_file_without_keys() {
    let folder = tempfile::tempdir().unwrap();
    let error = KnownHosts::read(&[folder.path().join("none")]).unwrap_err();
    assert_eq!(error.remedy, "make it with `fleetstat enroll`");
    let error = KnownHosts::read(&[folder.path().to_owned()]).unwrap_err();
    assert_eq!(error.remedy, "check its owner, mode and size");
}

#[test]
fn a_hashed_name_is_found_by_hash_and_gives_its_key_type() {
    // `ssh-keygen -H` over `web`, and the same with another key.
    let hashed = "|1|sUl0KHHVIkDpVFqTw+Xg14cFnRk=|pI5oTSXTfwTZvVpO7ArJ2Ovwlqo=";
    let name = LookupName::new("web", 22, None);
    let salt = hashed.split('|').nth(2).unwrap();
    let salt = <base64ct::Base64 as base64ct::Encoding>::decode_vec(salt).unwrap();
    let mut mac = <hmac::Hmac<sha1::Sha1> as hmac::KeyInit>::new_from_slice(&salt).unwrap();
    hmac::Mac::update(&mut mac, b"web");
    let hash = hmac::Mac::finalize(mac).into_bytes();
    let hash = <base64ct::Base64 as base64ct::Encoding>::encode_string(&hash);
    let salt = <base64ct::Base64 as base64ct::Encoding>::encode_string(&salt);
    let file = known(&format!("|1|{salt}|{hash} $1\n{hashed} $2"));
    assert_eq!(file.decide(&name, &key(FIRST)), Decision::Trusted(at(1)));
    assert_eq!(file.key_types(&name), [b"ssh-ed25519".as_slice()]);
    let other = LookupName::new("db", 22, None);
    assert_eq!(file.decide(&other, &key(FIRST)), Decision::Unknown);
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_without_panic_and_each_line_is_accounted_for(
        text in proptest::collection::vec(
            proptest::prop_oneof![
                proptest::prelude::Just(b' '), proptest::prelude::Just(b'\n'),
                proptest::prelude::Just(b'@'), proptest::prelude::Just(b'|'),
                proptest::prelude::any::<u8>(),
            ],
            0..200,
        )
    ) {
        let mut known = KnownHosts::default();
        known.add(Path::new("kh"), &text);
        let lines = text.split(|&byte| byte == b'\n').filter(|line| {
            let line = line.split(|&byte| byte == 0).next().unwrap_or_default();
            let start = line.iter().position(|byte| !b" \t".contains(byte));
            start.is_some_and(|start| !line[start..].starts_with(b"#") && line[start..] != *b"\r")
        });
        let seen = known.len() + known.faults().len();
        proptest::prop_assert_eq!(seen, lines.count());
    }
}
