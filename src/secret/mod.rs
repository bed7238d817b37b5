//! Where credentials come from: private files, systemd credentials, programs, the terminal.
//!
//! In: a path, a credential's name, a command or a question. Out: bytes that are wiped from memory when they
//! are dropped and that have no text form. Knows nothing of hosts and of SSH.

pub mod command;
pub mod surroundings;

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use secrecy::SecretString;
use zeroize::Zeroizing;

/// Most bytes of a private file. The largest RSA key in use (16384 bits) is 13 kB of PEM.
pub const PRIVATE_FILE_BYTES_MAX: u64 = 64 << 10;

/// Mode bits that a private file must not have: anything for group and others.
const PRIVATE: u32 = 0o077;

/// The same for a systemd credential: systemd grants its reader through an ACL, whose mask shows
/// as the group's read bit (systemd.exec(5), `LoadCredential=`).
const CREDENTIAL: u32 = 0o037;

/// Why a secret cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be opened or read.
    #[error("`{path}` cannot be read ({reason}); check the path and its owner")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        reason: String,
    },
    /// The last component of the path is a symbolic link.
    #[error("`{path}` is a symbolic link; name the file that it points to")]
    Link {
        /// The file.
        path: PathBuf,
    },
    /// A folder, device, socket or pipe.
    #[error("`{path}` is not a regular file; name a file")]
    NotAFile {
        /// The file.
        path: PathBuf,
    },
    /// Others may read or write it.
    #[error("`{path}` has mode {mode:04o}, others can reach it; run `chmod 600 {path}`")]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Somebody else owns it.
    #[error("`{path}` belongs to user id {owner}, not to you; run `chown $(id -u) {path}`")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Its owner.
        owner: u32,
    },
    /// The file is larger than any key or passphrase.
    #[error("`{path}` is larger than {PRIVATE_FILE_BYTES_MAX} bytes; is it the right file?")]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The content is not one line of UTF-8 text.
    #[error("`{path}` must hold one line of UTF-8 text, the secret alone; write it again")]
    NotOneLine {
        /// The file.
        path: PathBuf,
    },
    /// `$CREDENTIALS_DIRECTORY` is not set.
    #[error(
        "credential `{name}` needs $CREDENTIALS_DIRECTORY; \
         run as a systemd service with `LoadCredential={name}:...`"
    )]
    NoCredentials {
        /// The credential.
        name: String,
    },
    /// The name could leave the folder.
    #[error("credential name `{name}` has characters other than letters, digits, `.`, `_` and `-`")]
    CredentialName {
        /// The name, escaped.
        name: String,
    },
    /// No terminal, or it was closed.
    #[error(
        "no secret could be asked for ({reason}); name a `file`, `credential` or `command` instead \
         of `prompt`"
    )]
    NoTerminal {
        /// The system's reason.
        reason: String,
    },
    /// Nothing was typed.
    #[error("the answer was empty; a login without a password is not tried")]
    Empty,
    /// A program gave no secret.
    #[error("command `{}` {reason}", program.display())]
    Program {
        /// The program.
        program: PathBuf,
        /// What happened, with the remedy; what it printed is escaped and cut.
        reason: String,
    },
}

/// Keeps the memory of this process, and with it the secrets of a run, out of core dumps and away
/// from debuggers of the same user (prctl(2), `PR_SET_DUMPABLE`). Programs that it starts are not
/// affected.
///
/// # Errors
/// The system's reason, where the kernel does not allow it.
pub fn shield_memory() -> std::io::Result<()> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

/// Reads a file that only its owner can reach: a private key, a passphrase.
///
/// The file that is checked is the file that is read: it is opened first, without following a
/// link, and looked at through the open descriptor. The owner is this user or root.
///
/// # Errors
/// When the file is a link, not regular, open to others, another's, too large or unreadable.
pub fn private_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    read_guarded(path, PRIVATE)
}

/// Reads a file that may be public but not large: a certificate. Links are followed.
///
/// # Errors
/// When the file is not regular, too large or unreadable.
pub fn public_file(path: &Path) -> Result<Vec<u8>, SecretError> {
    let unreadable = |error: std::io::Error| SecretError::Unreadable {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let flags = (OFlags::NONBLOCK | OFlags::CLOEXEC).bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(unreadable)?;
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err(SecretError::NotAFile { path: path.to_owned() });
    }
    let mut content = Vec::new();
    file.take(PRIVATE_FILE_BYTES_MAX + 1).read_to_end(&mut content).map_err(unreadable)?;
    if content.len() as u64 > PRIVATE_FILE_BYTES_MAX {
        return Err(SecretError::TooLarge { path: path.to_owned() });
    }
    Ok(content)
}

/// Reads a passphrase or password from a private file: one line, its end left off.
///
/// # Errors
/// As [`private_file`], and when the content is not one line of text.
pub fn line_of_file(path: &Path) -> Result<SecretString, SecretError> {
    one_line(path, &read_guarded(path, PRIVATE)?)
}

/// Reads a passphrase or password from a systemd credential. `folder` is `$CREDENTIALS_DIRECTORY`.
///
/// # Errors
/// When there is no such folder or credential, or the name is not a plain file name.
pub fn credential(folder: Option<&Path>, name: &str) -> Result<SecretString, SecretError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if name.is_empty() || name.starts_with('.') || !name.bytes().all(plain) {
        let name = crate::model::text::escape(name.as_bytes());
        return Err(SecretError::CredentialName { name });
    }
    let folder = folder.ok_or_else(|| SecretError::NoCredentials { name: name.to_owned() })?;
    let path = folder.join(name);
    one_line(&path, &read_guarded(&path, CREDENTIAL)?)
}

/// Asks on the controlling terminal, without echo.
///
/// # Errors
/// When there is no terminal.
pub fn ask(question: &str) -> Result<SecretString, SecretError> {
    let answer = rpassword::prompt_password(question)
        .map_err(|error| SecretError::NoTerminal { reason: error.to_string() })?;
    if answer.is_empty() {
        return Err(SecretError::Empty);
    }
    Ok(SecretString::from(answer))
}

fn read_guarded(path: &Path, forbidden: u32) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    let unreadable = |error: std::io::Error| SecretError::Unreadable {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let file = open_without_following(path)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(SecretError::NotAFile { path: path.to_owned() });
    }
    let owner = metadata.uid();
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return Err(SecretError::Foreign { path: path.to_owned(), owner });
    }
    let mode = metadata.mode() & 0o7777;
    if mode & forbidden != 0 {
        return Err(SecretError::Open { path: path.to_owned(), mode });
    }
    if metadata.len() > PRIVATE_FILE_BYTES_MAX {
        return Err(SecretError::TooLarge { path: path.to_owned() });
    }
    // Room for all of it at once: a vector that grows would leave copies behind.
    let room = usize::try_from(metadata.len()).unwrap_or(0) + 1;
    let mut content = Zeroizing::new(Vec::with_capacity(room));
    file.take(metadata.len()).read_to_end(&mut content).map_err(unreadable)?;
    Ok(content)
}

/// Does not block on a pipe, and fails on a symbolic link.
fn open_without_following(path: &Path) -> Result<File, SecretError> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC).bits().cast_signed();
    OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(|error| {
        let path = path.to_owned();
        if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
            SecretError::Link { path }
        } else {
            SecretError::Unreadable { path, reason: error.to_string() }
        }
    })
}

fn one_line(path: &Path, content: &[u8]) -> Result<SecretString, SecretError> {
    line(content).ok_or_else(|| SecretError::NotOneLine { path: path.to_owned() })
}

/// One line of text, its end left off. `None`: no line, several, a zero byte, or no UTF-8.
fn line(content: &[u8]) -> Option<SecretString> {
    let line = content.strip_suffix(b"\n").unwrap_or(content);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let text = std::str::from_utf8(line).ok()?;
    let whole = !text.is_empty() && !text.contains(['\n', '\r', '\0']);
    whole.then(|| SecretString::from(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn file(mode: u32, content: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        (folder, path)
    }

    #[test]
    fn shielded_memory_is_not_dumped() {
        use rustix::process::{DumpableBehavior, dumpable_behavior};
        shield_memory().unwrap();
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    }

    #[test]
    fn a_private_line_is_read_without_its_end() {
        for content in ["top secret\n", "top secret\r\n", "top secret"] {
            let (_folder, path) = file(0o600, content);
            assert_eq!(line_of_file(&path).unwrap().expose_secret(), "top secret");
        }
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_with_the_command_that_mends_it() {
        let (_folder, path) = file(0o640, "x\n");
        let error = private_file(&path).unwrap_err();
        assert_eq!(error, SecretError::Open { path: path.clone(), mode: 0o640 });
        assert!(error.to_string().ends_with(&format!("run `chmod 600 {}`", path.display())));
    }

    #[test]
    fn links_folders_and_pipes_are_refused() {
        let (folder, path) = file(0o600, "x\n");
        let link = folder.path().join("link");
        symlink(&path, &link).unwrap();
        assert_eq!(private_file(&link).unwrap_err(), SecretError::Link { path: link });
        let path = folder.path().to_owned();
        assert_eq!(private_file(&path).unwrap_err(), SecretError::NotAFile { path });
    }

    #[test]
    fn two_lines_none_and_a_zero_byte_are_no_secret() {
        for content in ["one\ntwo\n", "", "\n", "one\0two\n"] {
            let (_folder, path) = file(0o600, content);
            assert_eq!(line_of_file(&path).unwrap_err(), SecretError::NotOneLine { path });
        }
    }

    #[test]
    fn credentials_are_read_below_their_folder_only() {
        let (folder, _path) = file(0o440, "pass\n");
        let found = credential(Some(folder.path()), "secret").unwrap();
        assert_eq!(found.expose_secret(), "pass");
        for name in ["../secret", "", ".hidden", "a/b", "a\u{1b}"] {
            let error = credential(Some(folder.path()), name).unwrap_err();
            assert!(matches!(error, SecretError::CredentialName { .. }), "{name}: {error}");
        }
        let error = credential(None, "secret").unwrap_err();
        assert!(error.to_string().contains("LoadCredential=secret"), "{error}");
    }
}
