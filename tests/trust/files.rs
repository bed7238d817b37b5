//! Generated `known_hosts` files: in goes a seed, out comes a file. Every construct of sshd(8),
//! and what people and programs get wrong.

use std::process::Command;

use base64ct::{Base64, Encoding as _};
use hmac::{Hmac, KeyInit as _, Mac as _};

use crate::lab::Lab;

/// A small generator with a fixed seed: the sample is the same in every run.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        // Seeds that follow each other must not begin alike.
        Self(seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    pub(crate) fn one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        items[self.roll(items.len())]
    }
}

/// Names that are asked for with `ssh-keygen -F`. 2222 stands for the port of a server.
pub(crate) const NAMES: &[&str] = &[
    "web1.test",
    "web2.test",
    "127.0.0.1",
    "127.0.0.2",
    "::1",
    "[web1.test]:2222",
    "[127.0.0.1]:2222",
    "[::1]:2222",
];

const PATTERNS: &[&str] = &[
    "web1.test",
    "WEB1.Test",
    "web2.test",
    "*.test",
    "*.TEST",
    "web?.test",
    "web??test",
    "w*1*t",
    "!web1.test",
    "!*.test",
    "!127.0.0.2",
    "!*",
    "127.0.0.1",
    "127.0.0.2",
    "127.0.0.*",
    "127.0.?.1",
    "[127.0.0.1]:2222",
    "[127.0.0.2]:2222",
    "[127.0.0.*]:2222",
    "[127.0.0.1]:*",
    "[*]:2222",
    "![127.0.0.1]:2222",
    "[web1.test]:2222",
    "[WEB1.test]:22*",
    "[web1.test]:22",
    "[127.0.0.1]:22",
    "127.0.0.1:2222",
    "*",
    "?",
    "**",
    "::1",
    "[::1]:2222",
    "::*",
    "we",
    "",
    "!",
    "web1.test ",
    "w\u{e9}b1.test",
];

/// Keys and certificates that lines are made of, as in a public key file, without comment.
pub(crate) struct Pool {
    /// Keys of servers and of others, of all types.
    pub(crate) keys: Vec<String>,
    /// Keys of authorities.
    pub(crate) authorities: Vec<String>,
    /// Certificates of server keys: they can stand in a line, too.
    pub(crate) certificates: Vec<String>,
}

/// `type base64` of a public key file.
fn public(lab: &Lab, name: &str) -> String {
    lab.public(name).splitn(3, ' ').take(2).collect::<Vec<_>>().join(" ")
}

impl Pool {
    /// Makes the keys `ed25519`, `ecdsa`, `rsa` (servers), `other`, `p384`, the authorities `ca`,
    /// `ca2`, `rsa-ca` and a certificate.
    pub(crate) fn new(lab: &Lab) -> Self {
        lab.keygen("ed25519", &[]);
        lab.keygen("ecdsa", &["-t", "ecdsa"]);
        lab.keygen("p384", &["-t", "ecdsa", "-b", "384"]);
        lab.keygen("rsa", &["-t", "rsa", "-b", "2048"]);
        lab.keygen("other", &[]);
        lab.keygen("ca", &[]);
        lab.keygen("ca2", &["-t", "ecdsa"]);
        lab.keygen("rsa-ca", &["-t", "rsa", "-b", "2048"]);
        certify(lab, "listed", "ed25519", "ca", &["-h", "-n", "web1.test"]);
        certify(lab, "listed2", "ca2", "ca", &["-h", "-n", "web1.test"]);
        let list = |names: &[&str]| names.iter().map(|name| public(lab, name)).collect();
        Self {
            keys: list(&["ed25519", "ed25519", "ecdsa", "rsa", "other", "p384"]),
            authorities: list(&["ca", "ca2", "rsa-ca"]),
            certificates: list(&["listed-cert", "listed2-cert"]),
        }
    }

    fn any(&self, dice: &mut Dice) -> String {
        let list = match dice.roll(12) {
            0 => &self.certificates,
            1..=3 => &self.authorities,
            _ => &self.keys,
        };
        list[dice.roll(list.len())].clone()
    }
}

/// Signs the key `key` with the authority `ca`; the certificate is `name-cert.pub`.
pub(crate) fn certify(lab: &Lab, name: &str, key: &str, ca: &str, arguments: &[&str]) {
    let path = lab.write(&format!("{name}.pub"), &lab.public(key));
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-I", "its id"]).args(arguments).arg("-s").arg(lab.path(ca)).arg(path);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A file; `port` takes the place of 2222.
pub(crate) fn file(seed: u64, pool: &Pool, port: u16) -> Vec<u8> {
    let mut dice = Dice::new(seed);
    let mut text = String::new();
    if dice.one_in(60) {
        text.push('\u{feff}');
    }
    for _ in 0..=dice.roll(7) {
        line(&mut dice, pool, port, &mut text);
    }
    if dice.one_in(8) {
        text.truncate(text.trim_end_matches(['\n', '\r']).len());
    }
    text.into_bytes()
}

fn line(dice: &mut Dice, pool: &Pool, port: u16, text: &mut String) {
    let marker = match dice.roll(24) {
        0..=4 => "@revoked",
        5..=9 => "@cert-authority",
        _ => "",
    };
    let key = match marker {
        "@cert-authority" if !dice.one_in(6) => {
            pool.authorities[dice.roll(pool.authorities.len())].clone()
        }
        "@revoked" | "@cert-authority" => pool.any(dice),
        _ if dice.one_in(12) => pool.any(dice),
        _ => pool.keys[dice.roll(pool.keys.len())].clone(),
    };
    let key = if dice.one_in(9) { damaged(dice, &key) } else { key };
    let blank = dice.pick(&[" ", " ", " ", "\t", "  ", " \t "]);
    let start = dice.pick(&["", "", "", "", "", "", " ", "\t", " \t", "\r"]);
    let marker = if marker.is_empty() {
        String::new()
    } else {
        let after = if dice.one_in(10) { "\t" } else { dice.pick(&[" ", " ", "  "]) };
        format!("{marker}{after}")
    };
    let names = names(dice, port).replace("2222", &port.to_string());
    let key = key.replace(' ', blank);
    let end = dice.pick(&[
        "",
        "",
        "",
        " a comment",
        "\ta\tcomment",
        " # not one",
        "\r",
        " \r",
        " extra words 2 3",
    ]);
    let line = format!("{start}{marker}{names}{blank}{key}{end}\n");
    text.push_str(&line);
    text.push_str(dice.pick(&[
        "",
        "",
        "",
        "",
        "# comment\n",
        "\n",
        "broken\n",
        "\t \n",
        "\r\n",
        "@\n",
        "@web1.test\n",
        "@revoked\n",
        "web1.test ssh-ed25519\n",
        "web1.test # ssh-ed25519 AAAA\n",
        "|1|bad|bad ssh-ed25519 AAAA\n",
        "web1.test,* 1024 35 1234567890\n",
    ]));
}

/// The names of a line: a list of patterns, or one hashed name.
fn names(dice: &mut Dice, port: u16) -> String {
    if dice.one_in(4) {
        return hashed(dice, port);
    }
    let mut names: Vec<&str> = (0..=dice.roll(3)).map(|_| dice.pick(PATTERNS)).collect();
    // Hosts of one file are mostly the ones that are asked for.
    if dice.one_in(2) {
        names.push(dice.pick(NAMES));
    }
    let mut names = names.join(",");
    if dice.one_in(40) {
        let length = dice.pick(&[&1021, &1022, &1023, &1024, &5000]);
        names = format!("{names},{}", "x".repeat(*length));
    }
    if dice.one_in(200) {
        names = format!("{},{names}", vec!["host.example"; 300].join(","));
    }
    names
}

fn hashed(dice: &mut Dice, port: u16) -> String {
    let name = dice.pick(NAMES).replace("2222", &port.to_string());
    let salt: Vec<u8> = (0..20).map(|_| u8::try_from(dice.roll(256)).unwrap()).collect();
    let mut mac = <Hmac<sha1::Sha1>>::new_from_slice(&salt).unwrap();
    mac.update(name.as_bytes());
    let hash = Base64::encode_string(&mac.finalize().into_bytes());
    let salt = Base64::encode_string(&salt);
    match dice.roll(12) {
        0 => format!("|1|{salt}"),
        1 => format!("|2|{salt}|{hash}"),
        2 => format!("|1|{salt}|{hash},web1.test"),
        3 => format!("|1|{}|{hash}", &salt[..24]),
        _ => format!("|1|{salt}|{hash}"),
    }
}

/// A key that something has happened to.
fn damaged(dice: &mut Dice, key: &str) -> String {
    let (kind, encoded) = key.split_once(' ').unwrap();
    let middle = encoded.len() / 2;
    match dice.roll(13) {
        0 => format!("{kind} {}", &encoded[..middle]),
        1 => format!("ssh-rsa {encoded}"),
        2 => format!("rsa-sha2-512 {encoded}"),
        3 => format!("ssh-foo {encoded}"),
        4 => format!("{} {encoded}", kind.to_uppercase()),
        5 => format!("ED25519 {encoded}"),
        6 => format!("{kind} {encoded}!"),
        7 => format!("{kind} {encoded}AAAA"),
        8 => format!("{kind} {}\0{}", &encoded[..middle], &encoded[middle..]),
        9 => format!("{kind} {}\u{b}{}", &encoded[..middle], &encoded[middle..]),
        10 => format!("{kind} {}\r{}", &encoded[..middle], &encoded[middle..]),
        11 => format!("#{kind} {encoded}"),
        _ => format!("ssh-rsa {}", short_rsa()),
    }
}

/// An RSA key of 1,016 bits, which OpenSSH does not read.
fn short_rsa() -> String {
    let mut bytes = Vec::new();
    for part in [b"ssh-rsa".to_vec(), vec![1, 0, 1], vec![0x7F; 127]] {
        bytes.extend(u32::try_from(part.len()).unwrap().to_be_bytes());
        bytes.extend(part);
    }
    Base64::encode_string(&bytes)
}
