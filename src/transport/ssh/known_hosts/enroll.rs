//! Adds host keys to a `known_hosts` file, after a person has compared fingerprints.
//!
//! In: a file, names and keys. Out: what was added. Does not ask and does not fetch; never
//! replaces a line.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use russh::keys::ssh_key::PublicKey;

use super::{Decision, KnownHosts, LookupName, Place};

/// What became of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Enrolled {
    /// A line was added.
    Added,
    /// The file had it already.
    Known(Place),
}

/// Why a key was not added. When one of several is refused, none is added.
#[derive(Debug, thiserror::Error)]
pub enum EnrollError {
    /// The file cannot be opened, locked, read or written.
    #[error("known_hosts file `{path}` cannot be written ({source}); check its folder and owner")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Another key is there for this name.
    #[error(
        "`{name}` is known with another key at {place}; if the change is right, \
         run `ssh-keygen -R '{name}' -f {file}` first",
        file = place.file.display()
    )]
    Changed {
        /// The lookup name.
        name: String,
        /// The first line that says so.
        place: Place,
    },
    /// The key is revoked for this name.
    #[error("the key of `{name}` is revoked at {place}; it must not be trusted again")]
    Revoked {
        /// The lookup name.
        name: String,
        /// The line that says so.
        place: Place,
    },
    /// The name has a character that would change the line's meaning.
    #[error("`{name}` cannot stand in a known_hosts file; check the host's `address`")]
    Name {
        /// The lookup name, escaped.
        name: String,
    },
    /// The key cannot be written as text.
    #[error("the key of `{name}` cannot be encoded ({reason}); please report this")]
    Key {
        /// The lookup name.
        name: String,
        /// The reason.
        reason: String,
    },
}

/// Adds keys to a file: under a lock, in one write that is synced, mode 0600 when it is new.
///
/// # Errors
/// When the file cannot be written, or a key contradicts the file. Then nothing is added.
pub fn add(path: &Path, keys: &[(LookupName, PublicKey)]) -> Result<Vec<Enrolled>, EnrollError> {
    let fail = |source| EnrollError::File { path: path.to_owned(), source };
    let (mut file, created) = open(path).map_err(fail)?;
    file.lock().map_err(fail)?;
    let mut content = Vec::new();
    file.read_to_end(&mut content).map_err(fail)?;
    let mut known = KnownHosts::default();
    known.add(path, &content);
    let mut text = String::new();
    if content.last().is_some_and(|&byte| byte != b'\n') {
        text.push('\n');
    }
    let mut results = Vec::with_capacity(keys.len());
    for (name, key) in keys {
        let (result, line) = judge(&known, name, key)?;
        // The next key is judged with this one in place, so a list cannot contradict itself.
        known.add(path, line.as_bytes());
        text.push_str(&line);
        results.push(result);
    }
    if results.contains(&Enrolled::Added) {
        file.write_all(text.as_bytes()).map_err(fail)?;
        file.sync_all().map_err(fail)?;
        if created {
            sync_folder(path).map_err(fail)?;
        }
    }
    Ok(results)
}

/// The outcome for one key and the line to add, empty when there is none.
fn judge(
    known: &KnownHosts,
    name: &LookupName,
    key: &PublicKey,
) -> Result<(Enrolled, String), EnrollError> {
    let shown = || crate::model::text::escape(name.as_str().as_bytes());
    let unsafe_here = |c: char| c.is_whitespace() || c.is_control() || "*?!,|#@".contains(c);
    if name.as_str().is_empty() || name.as_str().contains(unsafe_here) {
        return Err(EnrollError::Name { name: shown() });
    }
    let fail = |reason: String| EnrollError::Key { name: shown(), reason };
    let bytes = key.to_bytes().map_err(|error| fail(error.to_string()))?;
    match known.decide(name, &bytes) {
        Decision::Trusted(place) => Ok((Enrolled::Known(place), String::new())),
        Decision::Revoked(place) => Err(EnrollError::Revoked { name: shown(), place }),
        Decision::Changed(places) => match places.into_iter().next() {
            Some(place) => Err(EnrollError::Changed { name: shown(), place }),
            None => Err(fail("no line to blame".to_owned())),
        },
        Decision::Unknown => {
            let bare = PublicKey::new(key.key_data().clone(), "");
            let text = bare.to_openssh().map_err(|error| fail(error.to_string()))?;
            Ok((Enrolled::Added, format!("{} {}\n", name.as_str(), text.trim_end())))
        }
    }
}

/// Opens for reading and appending; tells whether the file is new.
fn open(path: &Path) -> io::Result<(File, bool)> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let mut options = OpenOptions::new();
    options.read(true).append(true).mode(0o600);
    match options.clone().create_new(true).open(path) {
        Ok(file) => Ok((file, true)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Ok((options.open(path)?, false))
        }
        Err(error) => Err(error),
    }
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt as _;

    const FIRST: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";
    const SECOND: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

    fn name(text: &str) -> LookupName {
        LookupName::new(text, 22, None)
    }

    fn key(text: &str) -> PublicKey {
        PublicKey::from_openssh(&format!("{text} its comment")).unwrap()
    }

    #[test]
    fn a_new_file_is_private_and_a_second_enrolment_adds_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/known_hosts");
        let keys = [(name("Web-1"), key(FIRST)), (LookupName::new("db", 2222, None), key(FIRST))];
        assert_eq!(add(&path, &keys).unwrap(), [Enrolled::Added, Enrolled::Added]);
        let text = format!("web-1 {FIRST}\n[db]:2222 {FIRST}\n");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        let place = |line| Enrolled::Known(Place { file: path.as_path().into(), line });
        assert_eq!(add(&path, &keys).unwrap(), [place(1), place(2)]);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }

    #[test]
    fn another_key_and_a_revoked_key_are_refused_and_nothing_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("known_hosts");
        let before = format!("web {FIRST}\n@revoked * {SECOND}");
        std::fs::write(&path, &before).unwrap();
        let changed = add(&path, &[(name("new"), key(FIRST)), (name("web"), key(FIRST))]);
        assert!(changed.is_ok());
        let before = std::fs::read_to_string(&path).unwrap();
        assert_eq!(before, format!("web {FIRST}\n@revoked * {SECOND}\nnew {FIRST}\n"));
        let revoked = add(&path, &[(name("other"), key(FIRST)), (name("web"), key(SECOND))]);
        assert!(matches!(revoked, Err(EnrollError::Revoked { .. })), "{revoked:?}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), before);
        std::fs::write(&path, format!("web {FIRST}\n")).unwrap();
        let error = add(&path, &[(name("web"), key(SECOND))]).unwrap_err();
        assert!(error.to_string().contains("ssh-keygen -R 'web' -f"), "{error}");
    }

    #[test]
    fn a_name_that_is_a_pattern_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("known_hosts");
        for text in ["*", "a b", "a,b", "!a", "a\nb", ""] {
            let error = add(&path, &[(name(text), key(FIRST))]).unwrap_err();
            assert!(matches!(error, EnrollError::Name { .. }), "{text:?}: {error}");
        }
    }
}
