//! Files of revoked keys, apart from the lines of `known_hosts`: the `RevokedHostKeys` of
//! `ssh_config(5)`.
//!
//! In: a file, either public keys, one a line, or a key revocation list. Out: whether something
//! that a host showed is in it. A file that cannot be read whole is an error of the run.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::decide::Shown;
use super::krl::{self, RevocationList};
use super::{FileError, KnownHosts, Place, line};

/// One file.
#[derive(Debug)]
pub(super) struct RevokedKeys {
    file: Arc<Path>,
    content: Content,
}

#[derive(Debug)]
enum Content {
    /// Encoded keys, and the lines that hold them.
    Lines(HashMap<Box<[u8]>, u32>),
    List(RevocationList),
}

impl RevokedKeys {
    /// Reads the content of a file; `Err` is the line, 0 for the whole, and what is wrong with it.
    fn parse(file: &Path, content: &[u8]) -> Result<Self, (u32, String)> {
        let content = if krl::is_krl(content) {
            Content::List(krl::parse(content).map_err(|reason| (0, reason))?)
        } else {
            let mut keys = HashMap::new();
            for (number, text) in (1..).zip(content.split(|&byte| byte == b'\n')) {
                let key = line::parse_key(text).map_err(|reason| (number, reason))?;
                if let Some(key) = key {
                    keys.entry(key).or_insert(number);
                }
            }
            Content::Lines(keys)
        };
        Ok(Self { file: file.into(), content })
    }

    /// Where the file revokes what a host showed: its key, its certificate, or its authority.
    pub(super) fn find(&self, shown: &Shown<'_>) -> Option<Place> {
        let place = |line| Place { file: Arc::clone(&self.file), line };
        let mut keys = std::iter::once(&*shown.key).chain(shown.authority());
        match &self.content {
            Content::Lines(lines) => keys.find_map(|key| lines.get(key)).map(|line| place(*line)),
            Content::List(list) => {
                let by_certificate =
                    shown.certificate.as_ref().is_some_and(|(certificate, authority)| {
                        list.has_certificate(certificate, authority)
                    });
                (by_certificate || keys.any(|key| list.has_key(key))).then(|| place(0))
            }
        }
    }
}

impl KnownHosts {
    /// Reads a file of revoked keys: public keys, one a line, or what `ssh-keygen -k` makes. They
    /// are revoked for every host.
    ///
    /// # Errors
    /// When the file is missing, or not all of it can be understood.
    pub fn read_revoked(&mut self, path: &Path) -> Result<(), FileError> {
        let fail = |reason: String, remedy| FileError { path: path.to_owned(), reason, remedy };
        let content = self
            .read_file(path)
            .map_err(|error| fail(error.to_string(), "check its owner, mode and size"))?;
        let remedy = "write one public key a line, or make a list with `ssh-keygen -k`";
        let revoked = RevokedKeys::parse(path, &content).map_err(|(line, reason)| match line {
            0 => fail(format!("it {reason}"), remedy),
            line => fail(format!("line {line} {reason}"), remedy),
        })?;
        self.revoked.push(revoked);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::ssh::known_hosts::{Decision, LookupName};

    const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";

    #[test]
    fn a_key_of_the_file_is_revoked_for_every_host() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("revoked");
        std::fs::write(&path, format!("# stolen\n\n ssh-ed25519 {KEY} of web\r\n")).unwrap();
        let mut known = KnownHosts::default();
        known.add(Path::new("kh"), format!("web ssh-ed25519 {KEY}").as_bytes());
        let key = <base64ct::Base64 as base64ct::Encoding>::decode_vec(KEY).unwrap();
        let name = LookupName::new("web", 22, None);
        assert!(matches!(known.decide(&name, &key), Decision::Trusted(_)));
        known.read_revoked(&path).unwrap();
        let place = Place { file: path.as_path().into(), line: 3 };
        assert_eq!(known.decide(&name, &key), Decision::Revoked(place));
    }

    #[test]
    fn a_file_that_cannot_be_understood_whole_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("revoked");
        let mut known = KnownHosts::default();
        assert!(known.read_revoked(&path).is_err());
        for (text, reason) in [
            (format!("ssh-ed25519 {KEY}\nweb ssh-ed25519 {KEY}\n"), "line 2 "),
            ("SSHKRL\n\0".to_owned(), "it is cut"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = known.read_revoked(&path).unwrap_err();
            assert!(error.to_string().contains(reason), "{error}");
        }
    }
}
